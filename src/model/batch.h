/*
 * batch.h - a run of consecutive items, and everything that hangs off them.
 *
 * Items point into the input block and into the batch's own arena.  Both stay
 * put until batch_reset(), and so do the items.
 */
#ifndef MODEL_BATCH_H
#define MODEL_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"
#include "model/item.h"

/* An input line that is not an item.  It is data, not a failure. */
struct reject {
	struct span line;	/* as read, without its line end */
	uint64_t offset;	/* of the line in its uncompressed data file */
	uint64_t number;	/* of the line in that file, from 1 */
	uint64_t at;		/* byte in the line where it went wrong, from 0 */
	struct err why;
};

/*
 * What became of one item in the window of an incremental export.  Its images
 * are items with the record's offset and number.
 */
struct record {
	struct span line;	/* as read, without its line end */
	uint64_t offset;	/* of the line in its uncompressed data file */
	uint64_t number;	/* of the line in that file, from 1 */
	struct item *keys;	/* the primary key in the source, always there */
	struct item *old, *new;	/* before and after the window; or NULL */
};

struct batch {
	struct arena mem;
	struct item *items;
	struct reject *rejects;
	struct record *records;	/* of readers of records, which leave no items */
	uint32_t nitems, nrejects, nrecords;
	/*
	 * Bytes that item i takes in its data file, from its offset on: of those
	 * that leave records, record i.  NULL: those of its line.
	 */
	uint32_t *sizes;
	/* Item i is an image of what was deleted, */
	const bool *gone;	/* ... or NULL: none is */
	bool keys_alone;	/* ... of which nothing is known but its key */
};

/* Is item `i` what was deleted?  Is it the key alone of that? */
static inline bool
batch_is_gone(const struct batch *b, uint32_t i)
{
	return b->gone != NULL && b->gone[i];
}

static inline bool
batch_is_key(const struct batch *b, uint32_t i)
{
	return b->keys_alone && batch_is_gone(b, i);
}

void batch_reset(struct batch *b);
void batch_free(struct batch *b);

#endif
