/*
 * survey.c - one pass without output: every item is read, unpacked, checked
 * and counted, and the index of its ids is built; nobody looks on.
 *
 *	survey [--threads N] PLAN JOB
 *
 * What `analyze` does but for its statistics and what it discovers.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/err.h"
#include "engine/run.h"

int
main(int argc, char **argv)
{
	struct run_options o = {
		.threads = 1, .nplans = 1, .run_time = "0", .version = "bench",
		.survey = SURVEY_IDS,
	};
	struct err err = { ERR_NONE, "" };
	const char *plan;
	struct run *run;
	int rc = -1;

	if (argc == 5 && strcmp(argv[1], "--threads") == 0) {
		o.threads = (unsigned)strtoul(argv[2], NULL, 10);
		argv += 2;
		argc -= 2;
	}
	if (argc != 3 || o.threads == 0) {
		fprintf(stderr, "usage: survey [--threads N] PLAN JOB\n");
		return 2;
	}
	cpu_init(getenv("CPU_MASK"));
	plan = argv[1];
	o.plans = &plan;
	o.job_dir = argv[2];
	run = run_open(&o, &err);
	if (run != NULL && run_units(run, &err) == 0)
		rc = run_finish(run, &err);
	run_close(run);
	if (rc != 0)
		fprintf(stderr, "survey: %s\n", err.text);
	return rc == 0 ? 0 : 4;
}
