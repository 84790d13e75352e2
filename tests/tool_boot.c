/*
 * tool_boot.c - make a job one of another start of the machine, for programs
 * that test what is believed of it:
 *
 *	tool_boot JOB
 */
#include <stdio.h>

#include "base/err.h"
#include "engine/journal.h"

int
main(int argc, char **argv)
{
	char path[4096];
	struct err err;
	struct journal *j;
	int rc = -1;

	if (argc != 2)
		return 2;
	snprintf(path, sizeof(path), "%s/journal", argv[1]);
	j = journal_open(path, &err);
	if (j != NULL)
		rc = journal_note(j, "boot", span_of("another"), &err);
	if (rc != 0)
		fprintf(stderr, "tool_boot: %s\n", err.text);
	journal_close(j);
	return rc == 0 ? 0 : 1;
}
