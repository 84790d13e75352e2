/*
 * inorder.h - what threads make of units side by side, handed on in the order
 * of the units.
 *
 * Of the unit whose turn it is everything is handed on at once; of the others
 * it is kept, and who would keep more than there is memory for waits.  Threads
 * must take units in order, or they wait for each other for ever.
 */
#ifndef ENGINE_INORDER_H
#define ENGINE_INORDER_H

#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

struct err;
struct inorder;

/* Something made: text with so many items in it, or a note on the side. */
struct inorder_piece {
	uint32_t unit;
	int kind;		/* the caller's */
	struct span text;
	uint64_t nitems;
};

/*
 * Takes one piece after the other, whatever thread it is called from.  Returns
 * 0; 1 if no more is wanted; or -1.
 */
typedef int inorder_take(void *context, const struct inorder_piece *piece,
			 struct err *err);

/* NULL with *err set if memory is refused. */
struct inorder *inorder_new(uint32_t nunits, size_t memory,
			    inorder_take *take, void *context,
			    struct err *err);

/*
 * Hand on a piece, or keep a copy.  Returns 0; 1 if no more is wanted of
 * anybody; or -1 after the first failure of `take`, which one caller gets and
 * the others as ERR_CANCELLED.
 */
int inorder_put(struct inorder *o, const struct inorder_piece *piece,
		struct err *err);

/* No more will come of this unit.  Returns as above. */
int inorder_end(struct inorder *o, uint32_t unit, struct err *err);

/* Nobody is to wait any longer: a thread failed. */
void inorder_stop(struct inorder *o);

void inorder_free(struct inorder *o);	/* NULL is fine */

#endif
