/*
 * rehearsal.h - a plan gone through without output, for whoever looks on, in a
 * folder of its own that is gone afterwards: no job is begun or touched.
 */
#ifndef ENGINE_REHEARSAL_H
#define ENGINE_REHEARSAL_H

struct err;
struct rehearsal;
struct run;
struct run_options;

/*
 * Do the surveys that come before the one of the options, and open that one:
 * run_units() and run_finish() are the caller's.  The folder is made in `tmp`;
 * the options' own does not count, and the rest must outlive it.  NULL on
 * failure.
 */
struct rehearsal *rehearsal_open(const struct run_options *o, const char *tmp,
				 struct err *err);
struct run *rehearsal_run(const struct rehearsal *r);
void rehearsal_close(struct rehearsal *r);	/* NULL is fine */

#endif
