/* check.h - a plan in words, as it was understood. */
#ifndef CLI_CHECK_H
#define CLI_CHECK_H

#include <stdbool.h>
#include <stdio.h>

#include "base/span.h"

struct buf;
struct err;
struct options;
struct plan;

/*
 * Print the plan: its tables level by level, what becomes of each, the files
 * that it names and that are not there, and warnings.  As text or as JSON, as
 * `o` says, with what check_increments() said there.  Returns 0 or -1.
 */
int check_print(const struct plan *p, const struct options *o, FILE *out,
		struct span increments, struct err *err);

/*
 * Where the plan's sources are here and incremental exports are among them: see
 * that they go together, and print what comes of it; or append it to `json`, if
 * that is not NULL, as a list.  Returns 0 or -1.
 */
int check_increments(const struct plan *p, const struct options *o,
		     struct buf *json, struct err *err);

/*
 * Where the plan's sources are here and their manifests count the items: warn
 * of ids that are likely to collide.  What is wrong with the sources is for
 * those to say who read them.  Returns 0 or -1.
 */
int check_collisions(struct plan *p, const struct options *o, struct err *err);

#endif
