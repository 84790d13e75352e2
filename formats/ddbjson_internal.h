/* ddbjson_internal.h - what the parts of the DynamoDB JSON reader share. */
#ifndef FORMATS_DDBJSON_INTERNAL_H
#define FORMATS_DDBJSON_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/scan.h"
#include "base/span.h"
#include "formats/ddbjson_known.h"
#include "model/item.h"

struct arena;
struct ddbjson;
struct err;
struct walk;

/*
 * Decode one compact line as most are.  Returns whether it was one; if not,
 * nothing is said of it, and *w is as it was.
 */
typedef bool ddbjson_plain_fn(struct ddbjson *d, struct walk *w,
			      struct value *map);
/* The one for this processor; `known`: names are worth looking for. */
ddbjson_plain_fn *ddbjson_plain(bool known);

enum {
	SEEN_SLOTS = 2048,	/* of the filter for attributes met twice */
	PLACED_DEPTHS = 3,	/* where children need not be moved */
};

/* Free slots in the arena. */
struct room {
	struct value *at, *end;
};

struct ddbjson {
	struct scan scan;	/* of the block */
	struct scan one;	/* of one line that had to be copied */
	struct value *stack;	/* of containers not yet closed */
	size_t stack_cap;
	struct room rooms[PLACED_DEPTHS];
	ddbjson_plain_fn *plain;
	struct known_names names;
	uint16_t seen[SEEN_SLOTS];
	uint16_t epoch;		/* marks the slots of the map at hand */
	uint64_t offset;	/* of the next block in its file */
	uint64_t nlines;	/* before the next block */
	uint64_t nblank;
};

/*
 * One line under way: where its text, its quotes and its escapes are.
 * Positions count from `text`; quotes and escapes are the first at or after
 * `start`.
 */
struct walk {
	const uint8_t *text;
	const uint32_t *quotes;
	const uint32_t *escapes;
	size_t start, end;
	struct arena *mem;
	size_t at;		/* after a failure: where */
};

/*
 * Decode any compact line into `map`.  Returns 1; or 0 with *err saying what is
 * wrong with the line and w->at where; or -1 if memory is refused.  After
 * success w->quotes and w->escapes are past the line.
 */
int ddbjson_walk(struct ddbjson *d, struct walk *w, struct value *map,
		 struct err *err);

#endif
