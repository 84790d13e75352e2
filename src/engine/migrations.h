/*
 * migrations.h - a folder of plans, YYYYMMDD-description.yaml, that are applied
 * in the order of their names, in one pass.
 *
 * A job records the migrations that its data has had: those before it, and its
 * own.  A later job that is told of it (--after) leaves them out, and they must
 * not have changed meanwhile.
 */
#ifndef ENGINE_MIGRATIONS_H
#define ENGINE_MIGRATIONS_H

#include <stddef.h>

#include "base/arena.h"

struct err;
struct job_fact;

/* Of facts in job.json: what was applied. */
#define MIGRATIONS_GROUP	"applied"

struct migrations {
	struct arena mem;
	const char **plans;		/* to apply, in order */
	size_t nplans;
	struct job_fact *applied;	/* for job.json: before, and now */
	size_t napplied, nbefore;
};

/*
 * Put the plans of folders in the place of these among `args`; the others stay
 * as they are.  `after` is the folder of a job, or NULL.  Returns 0, or -1:
 * ERR_USAGE if a file is not called as it must be or two are one, ERR_REFUSED
 * if what was applied has changed or is gone, or if one is older than the last
 * that was.  Gives back everything with migrations_free(), in any case.
 */
int migrations_find(struct migrations *m, const char *const *args,
		    size_t nargs, const char *after, struct err *err);
void migrations_free(struct migrations *m);

#endif
