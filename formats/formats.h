/*
 * formats.h - every format we read or write, behind two small tables.
 *
 * A format is a pure function of bytes.  It opens nothing, starts nothing and
 * keeps no state but what it is handed, so each can be tested and fuzzed alone.
 */
#ifndef FORMATS_FORMATS_H
#define FORMATS_FORMATS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/span.h"

struct batch;
struct buf;
struct err;

/* A way to write items as bytes. */
struct item_format {
	const char *name;	/* as on the command line: "dynamodb-json" */
	size_t state_len;	/* bytes of state per file, zero at its start */

	/* How many leading bits say the bytes are ours; 0 if they are not. */
	int (*sniff)(struct span head);

	/*
	 * Decode whole items from the front of `in` and set *used to the bytes
	 * they took: 0 if not one item is whole, all of them if this is `last`.
	 */
	int (*decode)(void *state, struct span in, bool last,
		      struct batch *out, size_t *used, struct err *err);

	int (*encode)(void *state, const struct batch *in, struct buf *out,
		      struct err *err);
};

/* A way to write bytes as fewer bytes. */
struct byte_format {
	const char *name;	/* "gzip" */
	int (*sniff)(struct span head);

	/* `level` 1 to 9 matters to pack() only; 0 is the default. */
	void *(*start)(int level, struct err *err);
	void (*stop)(void *state);

	/*
	 * Unpack from the front of *in, moving it along, until it is used up or
	 * `out` has grown by `enough`.  Returns 1, 0 at the end, or -1.
	 */
	int (*unpack)(void *state, struct span *in, size_t enough,
		      struct buf *out, struct err *err);

	int (*pack)(void *state, struct span in, bool last, struct buf *out,
		    struct err *err);
};

/* The format called `name`, or the one most sure of `head`; NULL if none. */
const struct item_format *item_format_named(const char *name);
const struct item_format *item_format_of(struct span head);
const struct byte_format *byte_format_named(const char *name);
const struct byte_format *byte_format_of(struct span head);

#endif
