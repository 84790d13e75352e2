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
#include <stdint.h>

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

/* Where bytes may be put. */
struct room {
	uint8_t *ptr;
	size_t len;
};

/*
 * A way to write bytes as fewer bytes.  Unpacking and packing each have a state
 * of their own, made by start and freed by stop, which takes NULL.
 */
struct byte_format {
	const char *name;	/* as on the command line: "gzip" */
	const char *suffix;	/* of a file's name: ".gz" */
	int (*sniff)(struct span head);

	/*
	 * Unpack from the front of *in to the front of *out and move both along,
	 * until one is used up.  `last` says that nothing comes after *in.
	 * Returns 1; 0 if this was the end, which only `last` can tell; or -1,
	 * with in->ptr at the byte where it went wrong.
	 */
	void *(*unpack_start)(struct err *err);
	int (*unpack)(void *state, struct span *in, bool last,
		      struct room *out, struct err *err);
	void (*unpack_stop)(void *state);

	/*
	 * Pack all of `in`; what comes of it, now or later, is appended to
	 * `out`.  `last` ends the text.  However a text is cut into calls, the
	 * bytes are the same.  `level` is 1 to 9, or 0 for the usual one.
	 */
	void *(*pack_start)(int level, struct err *err);
	int (*pack)(void *state, struct span in, bool last, struct buf *out,
		    struct err *err);
	void (*pack_stop)(void *state);
};

/*
 * The format called `name`, or the one most sure of `head`; NULL if none, which
 * for bytes means that they are not packed.
 */
const struct item_format *item_format_named(const char *name);
const struct item_format *item_format_of(struct span head);
const struct byte_format *byte_format_named(const char *name);
const struct byte_format *byte_format_of(struct span head);

#endif
