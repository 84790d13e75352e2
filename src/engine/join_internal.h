/*
 * join_internal.h - what the end checks share: the logs section by section,
 * the indexes once they are built, and the first few of many examples.
 */
#ifndef ENGINE_JOIN_INTERNAL_H
#define ENGINE_JOIN_INTERNAL_H

#include "base/span.h"
#include "engine/join.h"
#include "engine/keyread.h"
#include "formats/keyindex.h"
#include "formats/keylog.h"

struct err;

/* ---- logs ---------------------------------------------------------------- */

/*
 * All logs, by section.  A place is a number for an item: places are in order
 * of units and offsets, so that they can be sorted and carried as one word.
 */
struct join_logs {
	const struct join *join;
	size_t first[KEYLOG_NKINDS + 2];	/* section of number 0 */
	uint64_t *counts, *bytes;	/* of records, by section */
	uint8_t *has;		/* a bit for each unit and section */
	uint64_t *base;		/* place of offset 0, by unit; one more */
};

/* Read all directories. */
int join_logs_open(struct join_logs *l, const struct join *j,
		   struct err *err);
void join_logs_close(struct join_logs *l);

uint64_t join_logs_count(const struct join_logs *l, enum keylog_kind kind,
			 uint32_t number);
uint64_t join_logs_bytes(const struct join_logs *l, enum keylog_kind kind,
			 uint32_t number);
struct join_place join_logs_place(const struct join_logs *l, uint64_t place);

/* The records of one section, in order of places. */
struct join_reader {
	const struct join_logs *logs;
	enum keylog_kind kind;
	uint32_t number;
	size_t unit;		/* of the chunk; an index in join->units */
	size_t next_unit, entry;
	struct keyread log;
	uint8_t *room;		/* KEYLOG_MAX bytes, the worker's */
	struct keylog_cursor cursor;
};

void join_reader_start(struct join_reader *r, const struct join_logs *l,
		       enum keylog_kind kind, uint32_t number, uint8_t *room);

/* The next chunk is in ->cursor.  Returns 1, 0 after the last, or -1. */
int join_reader_chunk(struct join_reader *r, struct err *err);
void join_reader_close(struct join_reader *r);

/* ---- examples ------------------------------------------------------------ */

/* The pairs with the smallest `b` (then `a`) of those that were shown. */
struct join_first {
	struct { uint64_t a, b; } pairs[JOIN_EXAMPLES];
	uint32_t n;
};

void join_first_add(struct join_first *f, uint64_t a, uint64_t b);

/* ---- the work ------------------------------------------------------------ */

/* An index that has been built, and what was seen on the way. */
struct join_index {
	struct span idx, ids;	/* mapped */
	struct keyindex ix;
	uint8_t *dead;		/* by record: all items with its key were */
	size_t dead_len;	/* ... rejected; or NULL */
	uint64_t doubles;	/* items that have the id of one before them */
	struct join_first first_doubles;	/* by offsets in .ids */
};

struct join_state {
	const struct join *join;
	struct join_logs logs;
	struct join_index *indexes;	/* by table */
	struct join_result *result;
	size_t memory;		/* of a worker */
	size_t near;		/* ... of that, to be small: see keysort.h */
	size_t mapped;		/* the most of an index that is asked at random */
};

/* What a worker has of its own. */
struct join_worker {
	struct join_state *state;
	uint8_t *room;		/* KEYLOG_MAX bytes */
	unsigned threads;	/* there are for it, its own among them */
};

/* Build the index of table `t`, and all that only it is needed for. */
int join_ids(struct join_worker *w, uint32_t t, struct err *err);

/*
 * Set a bit for each record of the index that belongs to a logged item of the
 * kinds `from` to KEYLOG_REJECTED.  Returns 0, *out to be freed by
 * join_unmark().
 */
int join_mark(struct join_worker *w, uint32_t t, enum keylog_kind from,
	      uint8_t **out, size_t *len, struct err *err);
void join_unmark(uint8_t *bits, size_t len);

/* From marks of rejected items to those of ids that have no other. */
void join_keep_dead(const struct keyindex *ix, uint8_t *bits);

/* Doubles among the items that have no mark. */
void join_count_doubles(const struct keyindex *ix, const uint8_t *bits,
			uint64_t *n, struct join_first *first);

/* Where the item at `at` in .ids is. */
int join_item(const struct join_index *x, uint64_t at, struct join_place *out,
	      struct err *err);

int join_refs(struct join_worker *w, uint32_t relation, struct err *err);
int join_pks(struct join_worker *w, uint32_t target, struct err *err);

/* "JOB/index" and "JOB/index/tmp", to be freed; NULL: no memory. */
char *join_folder(const struct join *j);
char *join_tmp(const struct join *j);

static inline bool
join_is_marked(const uint8_t *bits, uint64_t i)
{
	return bits[i / 8] >> i % 8 & 1;
}

#endif
