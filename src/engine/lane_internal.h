/* lane_internal.h - what doing ops and working them out beforehand share. */
#ifndef ENGINE_LANE_INTERNAL_H
#define ENGINE_LANE_INTERNAL_H

#include "engine/lane.h"

/* An item on its way. */
struct lane_way {
	const struct lane *lane;
	struct value *map;
	struct names_found *found;
	struct arena *mem;
	uint32_t gap, ngaps;	/* the first pair that is to go; how many */
	uint32_t room;		/* pairs that can be appended */
};

/*
 * Do the ops, but leave pairs that are to go where they are, of type 0.
 * Returns how many steps were taken, or -1.
 */
int lane_do_ops(struct lane_way *w, struct err *err);

/* Make l->cases, or leave them NULL.  Returns 0 or -1. */
int lane_make_cases(struct lane *l, const struct plan_table *t,
		    struct err *err);

#endif
