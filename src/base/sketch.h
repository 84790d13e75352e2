/*
 * sketch.h - how many different values there are, and a fair sample of them.
 *
 * Of all hashes that come by, the k smallest different ones are kept, each with
 * how often it came: a sample in which every different value has the same
 * chance, however frequent it is. The counts are exact: whatever is among the k
 * smallest in the end has been so ever since it was first seen. A value that
 * is in two sketches is likely to be in the samples of both.
 *
 * What comes out does not depend on the order, nor on how the values were
 * spread over sketches that were merged later.
 *
 * Up to k different values the number is exact; above, its standard error is
 * sketch_error(). 32 to 64 bytes a kept value, or half of that where nobody
 * wants to know how often it came. Hashes must be uniform: keyhash64_of(). A
 * sketch belongs to one thread.
 */
#ifndef BASE_SKETCH_H
#define BASE_SKETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

enum { SKETCH_MIN = 8, SKETCH_MAX = 1 << 24 };

struct sketch_entry {
	uint64_t hash;
	uint64_t count;
};

/* All hashes that were seen and are below `bound` are in it. */
struct sketch {
	/*
	 * A word a slot, its hash, or 0 if it is free; behind each, if they are
	 * counted, its count.  NULL: there are none yet.
	 */
	uint64_t *slots;
	uint64_t bound;
	uint32_t k, n, mask;
	bool counted;
};

/* An empty sketch takes no memory.  `k` from SKETCH_MIN to SKETCH_MAX. */
struct sketch sketch_of(uint32_t k);
/* One that does not count: what it says of that is nothing. */
struct sketch sketch_of_hashes(uint32_t k);
void sketch_free(struct sketch *s);

/* sketch_add() of a hash that is below the bound. */
int sketch_put(struct sketch *s, uint64_t hash, uint64_t count,
	       struct err *err);

/* `hash` came by `count` times.  Returns 0, or -1 if memory is refused. */
static inline int
sketch_add(struct sketch *s, uint64_t hash, uint64_t count, struct err *err)
{
	return hash >= s->bound ? 0 : sketch_put(s, hash, count, err);
}

/* Slot `i`. */
static inline uint64_t *
sketch_slot(const struct sketch *s, uint32_t i)
{
	return &s->slots[(size_t)i << s->counted];
}

/* Where the hash would be, if nothing else is there. */
static inline uint64_t *
sketch_home(const struct sketch *s, uint64_t hash)
{
	return sketch_slot(s, (uint32_t)hash & s->mask);
}

/* Is this hash, which is below the bound, among those that were added? */
static inline bool
sketch_has(const struct sketch *s, uint64_t hash)
{
	uint32_t i;

	if (s->n == 0)
		return false;
	hash += hash == 0;	/* 0 says that a slot is free */
	i = (uint32_t)hash & s->mask;
	while (*sketch_slot(s, i) != 0 && *sketch_slot(s, i) != hash)
		i = (i + 1) & s->mask;
	return *sketch_slot(s, i) == hash;
}

/* Add all that `from` has seen.  The smaller k of the two holds. */
int sketch_merge(struct sketch *s, const struct sketch *from,
		 struct err *err);

/* From now on keep `k`, if that is less. */
void sketch_shrink(struct sketch *s, uint32_t k);

/*
 * Drop what is kept in excess of k, so that n and the entries no longer depend
 * on the order in which they came.  What is said below is of a settled sketch.
 */
void sketch_settle(struct sketch *s);

/* How many slots of memory it has taken. */
static inline size_t
sketch_slots(const struct sketch *s)
{
	return s->slots != NULL ? (size_t)s->mask + 1 : 0;
}

/* Are the entries all that was seen, and no sample? */
static inline bool
sketch_is_whole(const struct sketch *s)
{
	return s->bound == UINT64_MAX;
}

/* How many different values were seen, and the relative standard error. */
uint64_t sketch_distinct(const struct sketch *s);
double sketch_error(const struct sketch *s);

/* The n entries in the order of their hashes. */
void sketch_entries(const struct sketch *s, struct sketch_entry *out);

/* How often the value was seen, if it is in the sample; else 0. */
uint64_t sketch_find(const struct sketch *s, uint64_t hash);

#endif
