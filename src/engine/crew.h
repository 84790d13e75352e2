/* crew.h - the same work in several threads, the caller's among them. */
#ifndef ENGINE_CREW_H
#define ENGINE_CREW_H

struct err;

/*
 * Call `work` in so many threads, or fewer if the system has no more.  Each
 * that fails is to see to it that the others come to an end.  Returns 0, or -1
 * with the first failure that is not ERR_CANCELLED, if there is one.
 */
int crew_do(unsigned nthreads, int (*work)(void *context, struct err *err),
	    void *context, struct err *err);

#endif
