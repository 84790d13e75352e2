/*
 * reverse.h - the plan that undoes another one, where it can be undone: from
 * the items that it wrote to those that it read.
 *
 * Moves of values, additions, ids and references are undone; every step that
 * is not is named, with the reason, unless it says `reverse` by hand.
 */
#ifndef ENGINE_REVERSE_H
#define ENGINE_REVERSE_H

#include <stddef.h>

struct buf;
struct err;
struct plan;

struct reverse_options {
	const char *exports;	/* what the plan wrote: JOB/out */
	const char *ids;	/* file of new ids and old ones; NULL: none */
};

struct reverse_sums {
	size_t steps;		/* undone, */
	size_t lost;		/* ... and not, each with a line in `why` */
};

/*
 * Append the inverse of `p`, which need not be resolved, to `out`, and to `why`
 * a line, "file:line: reason", for everything that it does not bring back.
 * Returns 0 or -1.
 */
int reverse_plan(const struct plan *p, const struct reverse_options *o,
		 struct buf *out, struct buf *why, struct reverse_sums *sums,
		 struct err *err);

#endif
