/* keysort_internal.h - parts, their buffers and their file, for keysort.c. */
#ifndef ENGINE_KEYSORT_INTERNAL_H
#define ENGINE_KEYSORT_INTERNAL_H

#include <stdbool.h>

#include "engine/keysort.h"

struct keysort_extent {
	uint64_t at;
	size_t n;		/* records */
};

/*
 * What a part has in the file: ranges, each with room for many buffers, so that
 * it is read in few pieces, and given back in as few.
 */
struct keysort_part {
	struct keysort_extent *extents;
	size_t nextents, cap;
	size_t room;		/* records that still fit into the last one */
	uint64_t n;		/* in those */
	/* Bits that are set in some keys there, and in all. */
	uint64_t any[2], all[2];
};

/* The buffer of a part, apart from it because it is all that is hot. */
struct keysort_place {
	uint64_t *at, *stop;
};

/* Spreads records over parts by `bits` bits of the key, from `first` on. */
struct keysort_spread {
	struct keysort_part *parts;
	struct keysort_place *fronts;
	size_t nparts;
	unsigned first, bits;
	uint64_t *buffers;
	size_t each;		/* records in a buffer, */
	size_t range;		/* ... and in a range of the file */
};

/* Where a thread sorts a part. */
struct keysort_desk {
	uint64_t *room;
	size_t room_n;		/* records in it at most */
	uint64_t *scratch;
	size_t scratch_n;
	int direct;		/* of the file, if it is large; or -1 */
};

struct keysort {
	struct keysort_front front;	/* first: see keysort_add() */
	size_t memory;
	size_t most;		/* records that can be sorted at once */
	/* The room is front's: all records, or some to spread. */
	struct keysort_desk desk;
	bool spreads;
	bool stays;		/* buffers are to hold everything */
	struct keysort_spread top;
	uint64_t len;		/* of the nameless file, its holes included */
	bool forgets;		/* what was read of that is given back */
	int fd;			/* -1: none yet */
	bool large;		/* the file is none for the cache: io/direct.h */
	const char *tmp;
	keysort_take *take;
	void *context;
};

/* Memory for `n` records, touched only where it is used; NULL with *err set. */
uint64_t *keysort_get(size_t n, struct err *err);
void keysort_put_back(uint64_t *p, size_t n);	/* NULL is fine */

/*
 * Begin to spread by `bits` bits, with `each` records in a buffer, about
 * `expected` records in all.
 */
int keysort_spread_start(struct keysort_spread *d, unsigned first,
			 unsigned bits, size_t each, uint64_t expected,
			 struct err *err);
int keysort_spread_add(struct keysort *s, struct keysort_spread *d,
		       const uint64_t *records, size_t n, struct err *err);
/* Everything is in the file; the buffers go. */
int keysort_spread_end(struct keysort *s, struct keysort_spread *d,
		       struct err *err);
void keysort_spread_free(struct keysort_spread *d);

/* What is in the buffer of part `i` goes to the file. */
int keysort_flush(struct keysort *s, struct keysort_spread *d, size_t i,
		  struct err *err);
/* It may put some more behind them, DIRECT_ALIGN bytes at most. */
int keysort_read(const struct keysort *s, int *direct, uint64_t *to,
		 uint64_t at, size_t n, struct err *err);

/* What the part has in the file was read, and nobody wants it again. */
void keysort_forget(struct keysort *s, const struct keysort_part *p);

/*
 * Sort part `i` of the first spread, if that can be done ahead of its turn:
 * then 1, and the `n` records of it are in desk->scratch; else 0; or -1.
 */
int keysort_sort_part(struct keysort *s, size_t i, struct keysort_desk *desk,
		      size_t *n, struct err *err);
int keysort_hand_over(struct keysort *s, size_t i, struct err *err);
void keysort_desk_start(struct keysort_desk *desk, const struct keysort *s);
void keysort_desk_free(struct keysort_desk *desk);

/* All parts, by several threads.  Returns 0 or -1. */
int keysort_take_turns(struct keysort *s, unsigned nthreads, struct err *err);

static inline uint64_t *
keysort_buffer(const struct keysort_spread *d, size_t i)
{
	return d->buffers + i * d->each * KEYSORT_WORDS;
}

/* Records in the buffer of part `i`; none once the buffers are gone. */
static inline size_t
keysort_held(const struct keysort_spread *d, size_t i)
{
	if (d->buffers == NULL)
		return 0;
	return (size_t)(d->fronts[i].at - keysort_buffer(d, i)) / KEYSORT_WORDS;
}

#endif
