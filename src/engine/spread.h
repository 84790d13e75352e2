/*
 * spread.h - one unit that several threads carry through together.
 *
 * A large file among few, or alone, would leave all threads but one idle.  So
 * one of them reads and unpacks it, which cannot be divided; all of them take
 * its parts (unit_part.c), and whoever is free adds what came of the next one
 * to the output.  No thread has a role of its own: each takes what is most
 * urgent, under the lock, some milliseconds at a time.
 *
 * There are SPREAD_MORE parts more than threads; who would begin with another
 * waits.  A part that becomes much longer than it was waits for its turn and is
 * added piece by piece.  So memory is bounded.
 */
#ifndef ENGINE_SPREAD_H
#define ENGINE_SPREAD_H

#include <stdbool.h>

struct err;
struct run_shared;
struct spread;
struct unit;
struct workbench;

enum { SPREAD_MORE = 2 };

/* For a unit that unit_may_part(), and so many threads.  NULL on failure. */
struct spread *spread_new(const struct run_shared *shared,
			  const struct unit *u, unsigned nthreads,
			  struct err *err);
void spread_free(struct spread *s);	/* NULL is fine */

/*
 * What each thread does, until the unit is done, or until nothing of it is for
 * this thread.  Returns 1 in the one that has done it; 0; or -1 in the one that
 * saw it fail.
 */
int spread_work(struct spread *s, struct workbench *bench, struct err *err);

#endif
