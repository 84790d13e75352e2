/*
 * differ.h - two dumps compared item by item, as values, in any order and in
 * bounded memory.
 *
 * Items of a table are spread over parts by a hash of their keys, both dumps
 * alike, and one part after the other is compared.  Parts lie in files without
 * names, so memory holds no more than the places of one part's items for each
 * thread.  Differences come in the order in which the items stand in the first
 * dump, then those that only the second has, in its order.
 */
#ifndef ENGINE_DIFFER_H
#define ENGINE_DIFFER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "engine/dump.h"

struct err;
struct item;
struct row;

enum differ_kind { DIFFER_REMOVED, DIFFER_ADDED, DIFFER_CHANGED };

struct differ_item {
	const char *file;	/* "-" is standard input */
	uint64_t line;		/* from 1 */
	const struct item *item;
};

/* One difference; gone after the call. */
struct differ_found {
	enum differ_kind kind;
	const char *table;		/* its name; NULL: nothing says it */
	const struct plan_key *key;
	const struct differ_item *was, *is;	/* NULL: not in that dump */
	const struct row *rows;		/* DIFFER_CHANGED */
	size_t nrows;
};

/* One table, or what one was called in either dump. */
struct differ_sums {
	const char *a, *b;	/* names; NULL: none there, or not named */
	bool only_a, only_b;	/* the table is in one dump only */
	uint64_t items[2];
	uint64_t equal, added, removed, changed;
	uint64_t twice[2];	/* items whose key an earlier one has too */
	uint64_t bad;		/* lines and items that cannot be compared */
};

struct differ_options {
	struct dump_options a, b;
	const char *key;	/* "pk" or "pk,sk", of every table; or NULL */
	const char *ignore;	/* paths, commas between them; or NULL */
	bool only_a;		/* what only b has is of no interest */
	/* Only the keys of one shard, from 1, of so many, by their hashes; 0:
	 * all.  The first tells of lines that have none. */
	uint32_t shard, nshards;
	unsigned threads;	/* 0: 1 */
	size_t memory;		/* about what a part may have; 0: 1 GiB */
	const char *tmp;	/* folder for the parts */
	const atomic_bool *cancel;	/* or NULL */

	/* Called from one thread at a time.  0 or -1. */
	int (*see)(void *context, const struct differ_found *f,
		   struct err *err);
	int (*end)(void *context, const struct differ_sums *s,
		   struct err *err);	/* of a table */
	int (*tell)(void *context, struct span note, struct err *err);
	/* Items of b's table that were read so far, now and then; or NULL. */
	void (*watch)(void *context, uint64_t nitems);
	void *context;
};

/*
 * Compare.  Returns 0, whatever was found; or -1: ERR_USAGE if nothing says the
 * key of a table, ERR_INPUT if one of the dumps is damaged.
 */
int differ_do(const struct differ_options *o, struct err *err);

#endif
