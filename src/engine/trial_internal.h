/* trial_internal.h - what the parts of a trial share. */
#ifndef ENGINE_TRIAL_INTERNAL_H
#define ENGINE_TRIAL_INTERNAL_H

#include "engine/trial.h"
#include "model/path.h"

struct arena;

/* ---- rows: trial_rows.c -------------------------------------------------- */

/*
 * What a table's steps rename, all of them put together.  Where a step has a
 * `when` there may be several pairs of one `from`, of which an item takes one.
 */
struct trial_pair {
	struct path from, to;	/* the plan's */
	bool certain;		/* no step of it has a `when` */
};

/* What the rows of a table's items need to know about the plan. */
struct trial_lore {
	struct path *rules;	/* of ids and references */
	size_t nrules;
	struct trial_pair *pairs;
	size_t npairs, cap;
};

int trial_lore_init(struct trial_lore *l, const struct plan_table *table,
		    struct arena *mem, struct err *err);
void trial_lore_free(struct trial_lore *l);

/* Fill in the rows of `out`, whose item is there.  Returns 0 or -1. */
int trial_rows(const struct trial_lore *l, const struct item *before,
	       struct arena *mem, struct trial_output *out, struct err *err);

#endif
