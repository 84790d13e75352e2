/* outputs_internal.h - an item on its way through the steps. */
#ifndef ENGINE_OUTPUTS_INTERNAL_H
#define ENGINE_OUTPUTS_INTERNAL_H

#include "base/err.h"
#include "engine/outputs.h"
#include "model/item.h"

struct strand {
	struct strand *next;	/* in the order of the source, then of puts */
	struct item item;
	uint32_t source;	/* number of the item in the batch it came of */
	uint32_t table;		/* plan table that it is of */
	/* Whose steps it is at: those of a pass of another table, perhaps. */
	uint32_t walk, pass, step;
	uint32_t nputs;		/* what it became, so far */
	struct strand *first, *last;	/* ... in order */
	const struct plan_step *at;	/* the step that it waits for, or NULL */
	enum { STRAND_GOES, STRAND_WAITS, STRAND_DONE } state;
	bool is_entered;	/* it has passed the pass's `where` */
	bool refused;
	bool unmade;		/* its references are not there: skip-item */
	uint32_t product;	/* its number, once it is one */
	struct err why;
};

#endif
