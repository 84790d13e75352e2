#include "cli/shards.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/plural.h"
#include "cli/answer.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/environment.h"
#include "cli/log.h"
#include "cli/options.h"
#include "cli/stage.h"
#include "cli/words.h"
#include "engine/account.h"
#include "engine/depot.h"
#include "engine/divide.h"
#include "engine/place.h"
#include "engine/plan.h"
#include "engine/run.h"

enum { TRANSFERS = 8 };		/* to and from S3 at once */

/* ---- which one ----------------------------------------------------------- */

/* A number and nothing else; false if it is none, or beyond `most`. */
static bool
number(const char *text, uint32_t most, uint32_t *out)
{
	char *end;
	const unsigned long long n = strtoull(text, &end, 10);

	*out = (uint32_t)n;
	return text[0] >= '0' && text[0] <= '9' && *end == '\0' &&
	       strlen(text) < 10 && n <= most;
}

/* What schedulers tell their tasks, and what the first one is called. */
static const struct {
	const char *name;
	uint32_t first;
} VARIABLES[] = {
	{ "AWS_BATCH_JOB_ARRAY_INDEX", 0 },
	{ "JOB_COMPLETION_INDEX", 0 },		/* Kubernetes */
	{ "SLURM_ARRAY_TASK_ID", 1 },		/* by scripts/slurm */
};

enum { NVARIABLES = sizeof(VARIABLES) / sizeof(VARIABLES[0]) };

/* The number that one of the schedulers says, from 1. */
static int
ask_scheduler(uint32_t count, uint32_t *out, struct err *err)
{
	const char *name = NULL;

	for (size_t i = 0; i < NVARIABLES; i++) {
		const char *const text = getenv(VARIABLES[i].name);
		const uint32_t first = VARIABLES[i].first;
		uint32_t n;

		if (text == NULL)
			continue;
		if (!number(text, DIVIDE_MOST, &n) || n < first ||
		    n - first >= count)
			return err_set(err, ERR_USAGE, "--shard auto/%" PRIu32
				": %s is '%s', and shards are counted from %"
				PRIu32 " to %" PRIu32 " there", count,
				VARIABLES[i].name, text, first,
				first + count - 1);
		n = n - first + 1;
		if (name != NULL && n != *out)
			return err_set(err, ERR_USAGE, "--shard auto/%" PRIu32
				": %s and %s mean different shards; say which,"
				" as --shard N/%" PRIu32, count, name,
				VARIABLES[i].name, count);
		name = VARIABLES[i].name;
		*out = n;
	}
	if (name != NULL)
		return 0;
	return err_set(err, ERR_USAGE, "--shard auto/%" PRIu32 ": none of %s, "
		       "%s and %s is set; say which shard, as --shard 1/%"
		       PRIu32, count, VARIABLES[0].name, VARIABLES[1].name,
		       VARIABLES[2].name, count);
}

int
shards_read(const char *text, uint32_t *shard, uint32_t *count,
	    struct err *err)
{
	const char *const slash = strchr(text, '/');
	char first[16] = "";

	if (slash != NULL && slash - text < (ptrdiff_t)sizeof(first))
		memcpy(first, text, (size_t)(slash - text));
	if (slash != NULL && number(slash + 1, DIVIDE_MOST, count) &&
	    *count > 0) {
		if (strcmp(first, "auto") == 0)
			return ask_scheduler(*count, shard, err);
		if (number(first, *count, shard) && *shard > 0)
			return 0;
	}
	return err_set(err, ERR_USAGE, "--shard takes a number and how many "
		       "there are, from 1/1 to %d/%d, or auto/N, not '%s'",
		       DIVIDE_MOST, DIVIDE_MOST, text);
}

/* ---- a job in S3 --------------------------------------------------------- */

const char *
shards_scratch(const struct options *o)
{
	return o->scratch != NULL ? o->scratch : environment_tmp();
}

int
shards_open_depot(const struct options *o, bool merging, struct depot **out,
		  struct err *err)
{
	const struct depot_options d = {
		.address = o->job, .merging = merging,
		.scratch = shards_scratch(o),
		.threads = TRANSFERS, .cancel = &commands_cancel,
	};

	*out = NULL;
	if (o->job != NULL && place_is_remote(o->job)) {
		*out = depot_open(&d, err);
		return *out != NULL ? 0 : -1;
	}
	return o->scratch == NULL ? 0 :
		err_set(err, ERR_USAGE, "--scratch is for a job in S3; leave "
			"it out, or say --job s3://...");
}

/* With what was found out before, if there is a job already. */
static int
open_job(struct run_options *options, const struct options *o,
	 struct err *err)
{
	if (shards_open_depot(o, false, &options->depot, err) != 0)
		return -1;
	return options->depot == NULL ||
	       depot_fetch(options->depot, err) >= 0 ? 0 : -1;
}

/* ---- one shard ----------------------------------------------------------- */

static int
print_end(const struct run *run, const struct run_options *options,
	  const struct options *o, struct err *err)
{
	const struct account *const a = run_account(run);
	FILE *const to = o->quiet || o->output != OUTPUT_TEXT ? NULL : stdout;
	char read[32], written[32];

	if (run_is_outrun(run)) {
		log_print(to, "shard %" PRIu32 " of %" PRIu32 " was done by "
			  "another process meanwhile; this one goes\n",
			  options->shard, options->nshards);
		return 0;
	}
	log_print(to, "%s: shard %" PRIu32 " of %" PRIu32 ": %s item%s read, "
		  "%s written\n", run_plan(run)->name, options->shard,
		  options->nshards, words_count(a->total.read, read),
		  plural(a->total.read),
		  words_count(a->total.written, written));
	log_print(to, "  when all are done: dynamill merge --job %s\n",
		  run_job_name(run));
	return o->output == OUTPUT_JSON && options->survey == SURVEY_NONE
		? answer_report(run_work_dir(run), err) : 0;
}

/* Do it; 0 or -1. */
static int
work(struct run *run, const struct run_options *options,
     const struct options *o, struct err *err)
{
	if (run_is_done(run)) {
		if (run_finish(run, err) != 0)
			return -1;
		log_print(!o->quiet && o->output == OUTPUT_TEXT ? stdout : NULL,
			  "shard %" PRIu32 " of %" PRIu32 " is done already; "
			  "nothing changed\n", options->shard,
			  options->nshards);
		return 0;
	}
	if (run_is_busy(run)[0] != '\0')
		log_print(o->quiet ? NULL : stderr, "dynamill: %s works at this "
			  "shard too; whoever ends first counts\n",
			  run_is_busy(run));
	console_start(o);
	int rc = run_units(run, err);
	console_stop(run);
	console_tables(run);
	if (rc == 0)
		rc = run_finish(run, err);
	return rc == 0 ? print_end(run, options, o, err) : -1;
}

/* What is to be done before, if it is that; else the error alone. */
static void
print_surveys(const struct run_options *options, const struct options *o)
{
	struct run_options all = *options;
	unsigned needed;
	struct err unused;

	if (run_needed_surveys(&all, &needed, &unused) != 0 || needed == 0)
		return;
	log_print(stderr, "dynamill: first, each shard wherever you like, with "
		  "the options of this one:\n");
	for (int s = SURVEY_STATE; s <= SURVEY_KEYS; s++) {
		if ((needed >> s & 1) == 0)
			continue;
		log_print(stderr, "  dynamill analyze %s%s%s%s --shard N/%"
			  PRIu32 "   for N = 1 to %" PRIu32 ": %s\n",
			  o->nargs > 0 ? o->args[0] : "PLAN",
			  o->nargs > 1 ? " ..." : "",
			  o->job != NULL ? " --job " : "",
			  o->job != NULL ? o->job : "", options->nshards,
			  options->nshards,
			  run_survey_words((enum run_survey)s));
		log_print(stderr, "  dynamill merge --job %s\n",
			  o->job != NULL ? o->job : "DIR");
	}
}

static int
do_shard(const struct run_options *options, const struct options *o)
{
	struct err err = { 0 };
	struct run *const run = run_open(options, &err);
	int status = 0;

	if (run == NULL) {
		status = console_error(&err);
		if (err.code == ERR_REFUSED && options->survey == SURVEY_NONE)
			print_surveys(options, o);
		return status;
	}
	console_warnings(run, o);
	if (!run_is_done(run))
		stage_begin(o, "shard", run_work_dir(run));
	if (work(run, options, o, &err) != 0) {
		run_set_failed(run, &err);
		status = console_error(&err);
	}
	status = stage_end(status);
	run_close(run);
	return status;
}

int
shards_run(const struct run_options *from, const struct options *o)
{
	struct run_options options = *from;
	struct err err = { 0 };

	int status;

	if (shards_read(o->shard, &options.shard, &options.nshards,
			&err) != 0 ||
	    open_job(&options, o, &err) != 0)
		status = console_error(&err);
	else
		status = do_shard(&options, o);
	depot_close(options.depot);
	return status;
}

int
shards_analyze(const struct run_options *from, const struct options *o)
{
	struct run_options options = *from;
	struct err err = { 0 };
	unsigned needed;
	int status;

	if (shards_read(o->shard, &options.shard, &options.nshards,
			&err) != 0 ||
	    open_job(&options, o, &err) != 0 ||
	    run_needed_surveys(&options, &needed, &err) != 0) {
		status = console_error(&err);
	} else {
		options.survey = (needed >> SURVEY_STATE & 1) != 0
			? SURVEY_STATE :
			(needed >> SURVEY_IDS & 1) != 0 ? SURVEY_IDS :
			(needed >> SURVEY_KEYS & 1) != 0 ? SURVEY_KEYS :
							   SURVEY_IDS;
		status = do_shard(&options, o);
	}
	depot_close(options.depot);
	return status;
}
