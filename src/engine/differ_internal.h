/* differ_internal.h - what the parts of a comparison share. */
#ifndef ENGINE_DIFFER_INTERNAL_H
#define ENGINE_DIFFER_INTERNAL_H

#include <pthread.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/keyhash.h"
#include "engine/differ.h"
#include "model/path.h"

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
	RECORD_TEXT = 32,	/* a line of DynamoDB JSON without its end */
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
	struct keysort *found;	/* differences, by place */
	struct spill *pairs;	/* what they are of */
	pthread_mutex_t lock;	/* of found, pairs and sums */
};

struct differ {
	const struct differ_options *options;
	struct dump a, b;
	struct path *ignored;
	size_t nignored;
	struct arena mem;
};

/* Spread the items of a table over its parts.  Returns 0 or -1. */
int differ_spread(struct differ *d, struct table *t, struct err *err);

/* ---- comparing: differ_part.c -------------------------------------------- */

/* Compare all parts: differences go to t->found.  Returns 0 or -1. */
int differ_compare(struct differ *d, struct table *t, struct err *err);

/* Show what was found, in order.  Returns 0 or -1. */
int differ_show(struct differ *d, struct table *t, struct err *err);

/* ---- rows: differ_rows.c ------------------------------------------------- */

int differ_read_ignored(struct differ *d, struct err *err);
void differ_free_ignored(struct differ *d);

/* Do they differ in what is not ignored?  Returns 1, 0 or -1. */
int differ_differs(const struct differ *d, const struct value *was,
		   const struct value *is, struct arena *mem,
		   struct err *err);

/* Where they do; all of it in the arena.  Returns 0 or -1. */
int differ_rows(const struct differ *d, const struct value *was,
		const struct value *is, struct arena *mem,
		struct differ_row **rows, size_t *n, struct err *err);

#endif
