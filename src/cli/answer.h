/*
 * answer.h - what a command answers with --output json: an object on standard
 * output, whole or not at all; or the report.json of a job.
 */
#ifndef CLI_ANSWER_H
#define CLI_ANSWER_H

#include "base/buf.h"
#include "formats/jsonwrite.h"

struct err;

/* Stays where it is until it is printed. */
struct answer {
	struct buf text;
	struct jsonwrite json;
};

/* Begin the object; or {"tables": [...]}, to be filled with an object each. */
void answer_start(struct answer *a, struct err *err);
void answer_start_tables(struct answer *a, struct err *err);

/* Close all that is open, and print it.  Returns 0, or -1 with *err set. */
int answer_print(struct answer *a);

/* report.json in this folder.  Returns 0 or -1. */
int answer_report(const char *folder, struct err *err);

#endif
