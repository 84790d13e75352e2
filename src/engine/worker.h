/*
 * worker.h - the threads of a run, which carry units through.
 *
 * A pool holds the units that are open: up to POOL_OPEN for each thread, but
 * not more than a crash may cost, nor than there may be open files for.  A
 * thread takes a few, those with most left, does a slice of each, has all of
 * their MD5s taken side by side, and gives them back; the lock is taken twice
 * in a round, which is some milliseconds.  So units and threads end together,
 * and all but the last slices are done at full width.
 *
 * A unit that is more than a thread's share of it and of all that is smaller is
 * carried through by all threads together, before the others: spread.h.
 */
#ifndef ENGINE_WORKER_H
#define ENGINE_WORKER_H

#include <stdatomic.h>
#include <stdint.h>

#include "engine/unit.h"

struct err;
struct pool;

enum {
	POOL_WIDTH = 8,		/* that a thread takes; each has two MD5s or more */
	POOL_OPEN = 8,
};

/*
 * A pool for so many threads.  `queue` has the units to do, in the order in
 * which they are begun, and must stay; behind each follow those that can only
 * begin when it is done (unit.next).  *ndone is counted up.  NULL on failure.
 */
struct pool *pool_new(const struct run_shared *shared, unsigned nthreads,
		      const struct unit *const *queue, uint32_t nqueue,
		      _Atomic uint32_t *ndone, struct err *err);
void pool_free(struct pool *p);		/* NULL is fine; abandons units */

/* How many threads there is work for: no more than it was made for. */
unsigned pool_threads(const struct pool *p);

/*
 * What each thread does: rounds, until all units are done.  Returns 0, or -1
 * after a failure of its own, when it has stopped the other threads too.
 */
int pool_work(struct pool *p, struct err *err);

/* Do one unit, here and now.  Returns 0 or -1. */
int worker_do(const struct run_shared *shared, const struct unit *u,
	      struct err *err);

#endif
