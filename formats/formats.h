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
struct item;

/* What a plan says about items whose bytes do not say it themselves. */
struct item_rules {
	/* Types by attribute name or path, for what has none of its own. */
	const struct item_rule_type {
		struct span path;
		uint8_t type;		/* enum value_type */
	} *types;
	size_t ntypes;
	/* Likewise of the keys of the table and its indexes: the CSV's. */
	const struct item_rule_type *keys;
	size_t nkeys;
	/* CSV: 0 is a comma; to read, the columns if the file has no header. */
	uint8_t delimiter;
	const struct span *columns;
	size_t ncolumns;
	bool no_header;		/* to write: none of them */
	bool lossy;		/* write what can be written */
	/* The key attributes of the table that is written to. */
	struct span pk, sk;
	uint8_t pk_type, sk_type;
	struct span table;	/* its name */
};

/*
 * A way to write items as bytes.  Decoding and encoding each have a state of
 * their own, made by start and freed by stop, which takes NULL.  `rules` must
 * outlive it, and may be NULL where the bytes say all.  What a format cannot do
 * is NULL.
 */
struct item_format {
	const char *name;	/* as on the command line: "dynamodb-json" */
	const char *suffix;	/* of a file's name: ".json" */

	/* How many leading bits say the bytes are ours; 0 if they are not. */
	int (*sniff)(struct span head);

	/*
	 * Decode whole items from the front of `in`, and the rest too if this is
	 * `last`; set *used to the bytes they took: 0 if not one item is whole.
	 * SOURCE_SLACK bytes behind `in` can be read.  Items point into `in` and
	 * the batch, which was reset.  What is no item is a reject of the batch;
	 * -1 is for damage that leaves no way on, and for memory refused.
	 */
	void *(*decode_start)(const struct item_rules *rules, struct err *err);
	void (*decode_rewind)(void *state);	/* a new file begins */
	int (*decode)(void *state, struct span in, bool last,
		      struct batch *out, size_t *used, struct err *err);
	/* After the last: was the file whole, by its own account?  Or NULL. */
	int (*decode_end)(const void *state, struct err *err);
	uint64_t (*decode_line)(const void *state);	/* number of the next */
	uint64_t (*decode_blanks)(const void *state);	/* lines passed over */
	void (*decode_stop)(void *state);

	/*
	 * Append items.  ERR_INPUT: this one cannot be said in the format, and
	 * nothing of it was appended.  encode_end() ends the file; another may
	 * follow.  encode_full(), if there is one, is asked before each item:
	 * 1 if it must go to another file, 0 if not, or -1.
	 */
	void *(*encode_start)(const struct item_rules *rules, struct err *err);
	int (*encode_full)(void *state, const struct item *item,
			   struct err *err);
	int (*encode)(void *state, const struct item *item, struct buf *out,
		      struct err *err);
	int (*encode_end)(void *state, struct buf *out, struct err *err);
	/* Values that lost their type or went, because the rules say so. */
	uint64_t (*encode_lost)(const void *state);	/* or NULL */
	void (*encode_stop)(void *state);

	/*
	 * What reads incremental exports in this format: its decode leaves
	 * records in the batch and no items.  Its own `records` is itself.
	 * NULL: nothing does.
	 */
	const struct item_format *records;
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
