/* check.h - a plan in words, as it was understood. */
#ifndef CLI_CHECK_H
#define CLI_CHECK_H

#include <stdbool.h>
#include <stdio.h>

struct err;
struct plan;

/*
 * Print the plan: its tables level by level, what becomes of each, the files
 * that it names and that are not there, and warnings.  As text or as JSON.
 * Returns 0 or -1.
 */
int check_print(const struct plan *p, FILE *out, bool json, struct err *err);

#endif
