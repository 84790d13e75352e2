/* differ_internal.h - what the parts of a comparison share. */
#ifndef ENGINE_DIFFER_INTERNAL_H
#define ENGINE_DIFFER_INTERNAL_H

#include <pthread.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/keyhash.h"
#include "engine/differ.h"
#include "engine/rows.h"

struct batch;
struct ddbjson;
struct keysort;
struct spill;

/* ---- records: differ_spread.c -------------------------------------------- */

/*
 * A record of a part, from an address that is a multiple of 8 bytes.  Where the
 * items of `side` 0 and 1 stand in their dumps follows from `place`.
 */
enum {
	RECORD_HI = 0,		/* 8 bytes, of the hash of the key */
	RECORD_LO = 8,
	RECORD_UNIT = 16,	/* 4: number of the unit, RECORD_SIDE_B */
	RECORD_LEN = 20,	/* 4: of the text */
	RECORD_LINE = 24,	/* 8 */
	/* A line of DynamoDB JSON without its end; of an increment it may be
	 * empty: nothing has that key any more. */
	RECORD_TEXT = 32,
};
#define RECORD_SIDE_B 0x80000000u

/* Where a part is written to; all threads, one at a time. */
struct part {
	pthread_mutex_t lock;
	struct spill *spill;
};

/* One table in both dumps, under way. */
struct table {
	struct plan_key key;
	struct differ_sums sums;
	const struct dump *dumps[2];
	uint32_t tables[2];	/* numbers there */
	struct part *parts;
	unsigned nparts;	/* a power of two */
	/* Half of the hashes of the first dump's keys, of all or of none: what
	 * the second has beside them is of no interest. */
	uint64_t *known;	/* NULL, or slots: 0 is free */
	unsigned known_bits;	/* of their number */
	struct buf hashes;	/* on the way there */
	struct keysort *found;	/* differences, by place */
	struct spill *pairs;	/* what they are of */
	pthread_mutex_t lock;	/* of found, pairs and sums */
};

struct differ {
	const struct differ_options *options;
	struct dump a, b;
	struct rows_ignored ignored;
	struct arena mem;
};

/* Spread the items of a table over its parts.  Returns 0 or -1. */
int differ_spread(struct differ *d, struct table *t, struct err *err);

/* ---- comparing: differ_part.c -------------------------------------------- */

/* Compare all parts: differences go to t->found.  Returns 0 or -1. */
int differ_compare(struct differ *d, struct table *t, struct err *err);

/* Show what was found, in order.  Returns 0 or -1. */
int differ_show(struct differ *d, struct table *t, struct err *err);

#endif
