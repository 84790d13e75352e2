/*
 * keyindex.h - the ids of a table in the order of their keys, straight from a
 * memory mapping: does an id exist, and which items have it.
 *
 * An index is two files, whose bytes are at the head of keyindex.c.  In .idx
 * stands, for each item, the key of its NEW id and where in .ids its source id,
 * unit and offset are.  Records are in order of key, then of unit and offset:
 * whoever builds an index of the same items builds the same bytes.
 *
 * An index borrows the bytes it is opened over; they must outlive it and not
 * change.  They are not trusted: keyindex_open() checks their shape; damage
 * inside can make answers wrong but never reads elsewhere or runs on.
 * keyindex_verify() finds damage.  Any number of threads may share an index.
 */
#ifndef FORMATS_KEYINDEX_H
#define FORMATS_KEYINDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/keyhash.h"
#include "base/span.h"

struct err;

enum {
	KEYINDEX_HEADER_LEN = 64,
	KEYINDEX_RECORD_LEN = 24,
	KEYIDS_HEADER_LEN = 32,
	KEYIDS_MAX_LEN = 5 + 10 + 1 + 3,	/* a record in .ids, less the id */
};

/* How an index of `n` records is laid out. */
struct keyindex_layout {
	uint64_t n;
	unsigned bits;		/* of a key that choose its place in the fan */
	unsigned fan_len;	/* bytes of an entry there: 4 or 8 */
	uint64_t records_at, file_len;
};

struct keyindex {
	const uint8_t *fan, *records;
	struct keyindex_layout shape;
	uint64_t ids_len, ids_xxh3;	/* of the .ids file that belongs to it */
	uint64_t xxh3;			/* of all after the header */
};

/* What .ids has about an item. */
struct keyids_item {
	uint32_t unit;
	uint64_t offset;	/* of its line in the unit, uncompressed */
	char type;		/* letter and bytes of its source id, */
	struct span source;	/* ... as in a key log */
};

/* Make `ix` an index over `bytes`.  Returns 0, or -1 with ERR_INPUT set. */
int keyindex_open(struct keyindex *ix, struct span bytes, struct err *err);

/* Read it all: order, fan and checksum.  Returns 0, or -1 with ERR_INPUT. */
int keyindex_verify(const struct keyindex *ix, struct err *err);

/* The checksum alone, of a file that nobody but us can have written. */
int keyindex_check_sum(const struct keyindex *ix, struct err *err);

/*
 * The numbers *first .. *first + n - 1 of the records that have this key;
 * returns n, 0 if there are none.
 */
uint64_t keyindex_find(const struct keyindex *ix, struct keyhash key,
		       uint64_t *first);

/*
 * Look for many at once, which is several times faster: found[i] is the number
 * of the first record with keys[i], or UINT64_MAX.
 */
void keyindex_find_all(const struct keyindex *ix, const struct keyhash *keys,
		       size_t n, uint64_t *found);

/*
 * Where `key` is, if it is anywhere: records *from ... *to, the last one not
 * among them.  Those and their neighbours are checked to be where they belong,
 * so that only what stands in these few can have made a key invisible.  Returns
 * 0, or -1 with ERR_INPUT.
 */
int keyindex_place(const struct keyindex *ix, struct keyhash key,
		   uint64_t *from, uint64_t *to, struct err *err);

/* Record `i` (< shape.n): its key; returns its offset in .ids. */
uint64_t keyindex_at(const struct keyindex *ix, uint64_t i,
		     struct keyhash *key);

/* Are those, by their length and header, the .ids of `ix`? */
int keyids_open(struct span ids, const struct keyindex *ix, struct err *err);

/*
 * The item at `at` in the bytes of .ids; *next (may be NULL) is where the one
 * after it starts.  Returns 0, or -1 with ERR_INPUT.
 */
int keyids_get(struct span ids, uint64_t at, struct keyids_item *out,
	       uint64_t *next, struct err *err);

/* ---- writing ------------------------------------------------------------ */

struct keyindex_layout keyindex_layout(uint64_t n);
void keyindex_put_header(uint8_t to[KEYINDEX_HEADER_LEN],
			 const struct keyindex_layout *shape,
			 uint64_t ids_len, uint64_t ids_xxh3, uint64_t xxh3);
void keyids_put_header(uint8_t to[KEYIDS_HEADER_LEN], uint64_t n);

/* The checksum of all after the header, from those of fan and records. */
uint64_t keyindex_sum(uint64_t fan, uint64_t records);

/*
 * Write an item; there is room for KEYIDS_MAX_LEN and its id.  Its length, and
 * that of one which is not written.
 */
size_t keyids_put(uint8_t *to, const struct keyids_item *item);
size_t keyids_len(const struct keyids_item *item);

#endif
