/*
 * lane.h - a short way through the program for what most plans say: ids and
 * references that are one attribute each, then steps that set attributes to
 * literals, remove and rename them.  All of their names are found in one pass
 * over the item, and its array is put right once, after the last of the steps.
 *
 * It does what the long way does, or as many of the steps as it can.
 */
#ifndef ENGINE_LANE_H
#define ENGINE_LANE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/item.h"
#include "model/names.h"

struct arena;
struct err;
struct lane_case;
struct lane_change;
struct plan_table;
struct rewrite_use;

struct lane_op {
	enum { LANE_SET, LANE_REMOVE, LANE_RENAME } kind;
	uint32_t name, to;	/* numbers in `names`; `to` of LANE_RENAME */
	uint32_t step;		/* that it is of */
	bool overwrite;		/* LANE_RENAME */
	struct value label;	/* LANE_SET, LANE_RENAME: the new NAME */
	struct value value;	/* LANE_SET */
};

struct lane {
	struct names names;
	uint32_t *rules;	/* names of the rules; NULL: the long way */
	size_t nrules;
	struct lane_op *ops;
	size_t nops, cap;
	uint32_t nsteps;	/* of the first pass that the ops stand for */
	uint32_t nsets;
	uint32_t pk, sk;	/* names of the target's keys, or 0 */
	uint32_t pk_rule;	/* that makes the first, or NAMES_MAX */
	/*
	 * What the ops come to, worked out for each set of their names that an
	 * item can have; NULL if that is not all there is to do.  Their names
	 * follow the first `nother`.
	 */
	struct lane_case *cases;
	struct lane_change *changes;
	uint8_t *text;		/* of the changes */
	uint32_t nother;
};

/* Make the lane of a table, which must outlive it.  Returns 0 or -1. */
int lane_init(struct lane *l, const struct plan_table *t, struct err *err);
void lane_free(struct lane *l);

/* Where the attributes of this item stand.  False: go the long way. */
static inline bool
lane_find(const struct lane *l, const struct item *item,
	  struct names_found *found)
{
	return l->names.n > 0 && names_find(&l->names, &item->map, found);
}

/*
 * Take the first steps of the item's first pass, from what was found in it;
 * since then ids have changed at most.  *found means nothing afterwards.  The
 * target's keys, sort key second, are put in `keys`: of type 0 if they are not
 * there.  Returns how many steps were taken, or -1.
 */
int lane_do(const struct lane *l, struct item *item, struct names_found *found,
	    struct value keys[2], struct arena *mem, struct err *err);

/*
 * Do all of the plan by edits of the item's line: `uses` are its ids, for which
 * rewrite_collect_found() returned 1, now flushed; only where l->cases are.  No
 * key of the target's changes its place or goes.  Returns 1, 0 if lane_do()
 * must do it, or -1.
 */
int lane_edit(const struct lane *l, struct item *item,
	      const struct names_found *found, const struct rewrite_use *uses,
	      size_t nuses, struct arena *mem, struct err *err);

#endif
