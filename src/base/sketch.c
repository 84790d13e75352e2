/*
 * sketch.c - the k smallest hashes, in a hash table of their own.
 *
 * (Bar-Yossef and others, "Counting distinct elements in a data stream", 2002;
 * Cohen and Kaplan, "Summarizing data using bottom-k sketches", 2007.)
 *
 * The table takes up to 3/2 k hashes before the bound is moved down to the
 * (k+1)-th of them, so that a hash which passes the bound is one probe, and
 * moving it costs O(1) for each hash that was added since. While they come the
 * bound may be a little above that. With n hashes below the bound b, n / b is
 * an unbiased estimate of all there are.
 */
#include "base/sketch.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

enum {
	FIRST_SLOTS = 4,
	BUCKET_BITS = 8,
	BUCKETS = 1 << BUCKET_BITS,
	DEALT = 2048,		/* entries that are dealt anew at once */
};

struct sketch
sketch_of(uint32_t k)
{
	assert(k >= SKETCH_MIN && k <= SKETCH_MAX);
	return (struct sketch){ .bound = UINT64_MAX, .k = k, .counted = true };
}

struct sketch
sketch_of_hashes(uint32_t k)
{
	struct sketch s = sketch_of(k);

	s.counted = false;
	return s;
}

void
sketch_free(struct sketch *s)
{
	free(s->slots);
	s->slots = NULL;
	s->n = s->mask = 0;
}

/* ---- the table ----------------------------------------------------------- */

/* Where `hash` is, or would be.  Small hashes differ in their low bits. */
static uint64_t *
find(const struct sketch *s, uint64_t hash)
{
	uint32_t i = (uint32_t)hash & s->mask;

	while (*sketch_slot(s, i) != 0 && *sketch_slot(s, i) != hash)
		i = (i + 1) & s->mask;
	return sketch_slot(s, i);
}

/* Take over a slot of another table that was. */
static inline void
move(const struct sketch *s, uint64_t *to, const uint64_t *from)
{
	to[0] = from[0];
	if (s->counted)
		to[1] = from[1];
}

/* Hashes that fit before something must be done. */
static uint32_t
room(const struct sketch *s)
{
	return s->slots == NULL ? 0 : s->mask - s->mask / 4;
}

/* A table of so many slots, a power of two.  Returns 0, or -1 if refused. */
static int
resize(struct sketch *s, uint32_t nslots)
{
	const struct sketch old = *s;

	s->slots = calloc((size_t)nslots << s->counted, sizeof(*s->slots));
	if (s->slots == NULL) {
		s->slots = old.slots;
		return -1;
	}
	s->mask = nslots - 1;
	for (uint32_t i = 0; old.slots != NULL && i <= old.mask; i++)
		if (*sketch_slot(&old, i) != 0)
			move(s, find(s, *sketch_slot(&old, i)),
			     sketch_slot(&old, i));
	free(old.slots);
	return 0;
}

/* Slots for `k` hashes and half as many again. */
static uint32_t
fitting(uint32_t k)
{
	uint32_t n = FIRST_SLOTS;

	while (n < 2 * k)
		n *= 2;
	return n;
}

/* Free slot `i`, and close the gap in the run that it is in. */
static void
take_out(struct sketch *s, uint32_t i)
{
	for (uint32_t k = (i + 1) & s->mask; *sketch_slot(s, k) != 0;
	     k = (k + 1) & s->mask) {
		const uint32_t home = (uint32_t)*sketch_slot(s, k) & s->mask;

		/* It must not go before its home. */
		if (((k - home) & s->mask) < ((k - i) & s->mask))
			continue;
		move(s, sketch_slot(s, i), sketch_slot(s, k));
		i = k;
	}
	memset(sketch_slot(s, i), 0, sizeof(*s->slots) << s->counted);
}

/* Of a table that is not large: all out, and those below `bound` in again. */
static void
deal(struct sketch *s, uint64_t bound)
{
	uint64_t kept[2 * (DEALT + 1)];
	uint32_t n = 0;

	for (uint32_t i = 0; i <= s->mask; i++) {
		const uint64_t *const at = sketch_slot(s, i);

		move(s, &kept[(size_t)n << s->counted], at);
		n += (*at != 0) & (*at < bound);
	}
	memset(s->slots, 0, (sizeof(*s->slots) << s->counted) *
			    (s->mask + (size_t)1));
	for (uint32_t i = 0; i < n; i++) {
		const uint64_t *const at = &kept[(size_t)i << s->counted];

		move(s, find(s, *at), at);
	}
	s->n = n;
}

/* From now on only what is below `bound`. */
static void
lower(struct sketch *s, uint64_t bound)
{
	if (bound >= s->bound)
		return;
	s->bound = bound;
	if (s->n > 0 && s->n <= DEALT) {
		deal(s, bound);
		return;
	}
	for (uint32_t i = 0; s->n > 0 && i <= s->mask; i++)
		while (*sketch_slot(s, i) >= bound) {
			take_out(s, i);
			s->n--;
		}
}

/* How wide ranges are of which BUCKETS cover all below the bound, in bits. */
static unsigned
width_of(uint64_t bound)
{
	unsigned shift = 64 - BUCKET_BITS;

	while (shift > 0 && bound >> (shift + BUCKET_BITS - 1) == 0)
		shift--;
	return shift;
}

/* How many hashes there are in each range, of those from `low` on. */
static void
count(const struct sketch *s, uint64_t low, unsigned shift,
      uint32_t counts[BUCKETS])
{
	memset(counts, 0, BUCKETS * sizeof(*counts));
	for (uint32_t i = 0; i <= s->mask; i++) {
		const uint64_t h = *sketch_slot(s, i);
		const uint64_t at = (h - low) >> shift;

		if (h >= low && at < BUCKETS && h != 0)
			counts[at]++;
	}
}

/*
 * The hash that has `rank` smaller ones.  By counting in ever smaller ranges:
 * it takes no memory, so that settling cannot fail, and as a rule two rounds.
 */
static uint64_t
ranked(const struct sketch *s, uint32_t rank)
{
	unsigned shift = width_of(s->bound);
	uint64_t low = 0;

	for (;;) {
		uint32_t counts[BUCKETS];
		uint32_t b = 0;

		count(s, low, shift, counts);
		while (rank >= counts[b])
			rank -= counts[b++];
		low += (uint64_t)b << shift;
		if (shift == 0)
			return low;
		shift -= shift < BUCKET_BITS ? shift : BUCKET_BITS;
	}
}

/* Drop what is beyond the k-th, or nearly: that is one round. */
static void
make_way(struct sketch *s)
{
	const unsigned shift = width_of(s->bound);
	uint32_t counts[BUCKETS], n = 0, b = 0;

	count(s, 0, shift, counts);
	while (n < s->k)
		n += counts[b++];
	if (n < s->k + s->k / 4)
		lower(s, (uint64_t)b << shift);
	else
		sketch_settle(s);
}

/* ---- what others see ----------------------------------------------------- */

int
sketch_put(struct sketch *s, uint64_t hash, uint64_t count, struct err *err)
{
	uint64_t *at;

	hash += hash == 0;	/* 0 says that a slot is free */
	if (s->n >= room(s) && sketch_slots(s) < 2 * s->k &&
	    resize(s, s->slots != NULL ? 2 * (s->mask + 1)
				       : FIRST_SLOTS) != 0)
		return err_set(err, ERR_SYSTEM, "out of memory");
	at = find(s, hash);
	s->n += *at == 0;
	at[0] = hash;
	if (s->counted)
		at[1] += count;
	if (s->n >= room(s) && sketch_slots(s) >= 2 * s->k)
		make_way(s);
	return 0;
}

int
sketch_merge(struct sketch *s, const struct sketch *from, struct err *err)
{
	sketch_shrink(s, from->k);
	lower(s, from->bound);
	for (uint32_t i = 0; from->n > 0 && i <= from->mask; i++) {
		const uint64_t *const at = sketch_slot(from, i);

		if (*at != 0 && sketch_add(s, *at, from->counted ? at[1] : 0,
					   err) != 0)
			return -1;
	}
	return 0;
}

void
sketch_shrink(struct sketch *s, uint32_t k)
{
	assert(k >= SKETCH_MIN);
	if (k < s->k) {
		s->k = k;
		sketch_settle(s);
		/* If memory for less is refused, what there is does as well. */
		if (sketch_slots(s) >= 4 * (size_t)k)
			(void)resize(s, fitting(k));
	}
}

void
sketch_settle(struct sketch *s)
{
	if (s->n > s->k)
		lower(s, ranked(s, s->k));
}

uint64_t
sketch_distinct(const struct sketch *s)
{
	if (sketch_is_whole(s))
		return s->n;
	return (uint64_t)((double)s->n * (double)UINT64_MAX /
			  (double)s->bound);
}

double
sketch_error(const struct sketch *s)
{
	return sketch_is_whole(s) || s->n == 0 ? 0 : 1 / sqrt(s->n);
}

static int
order(const void *a, const void *b)
{
	const uint64_t x = ((const struct sketch_entry *)a)->hash;
	const uint64_t y = ((const struct sketch_entry *)b)->hash;

	return (x > y) - (x < y);
}

void
sketch_entries(const struct sketch *s, struct sketch_entry *out)
{
	uint32_t n = 0;

	for (uint32_t i = 0; s->n > 0 && i <= s->mask; i++) {
		const uint64_t *const at = sketch_slot(s, i);

		if (*at != 0)
			out[n++] = (struct sketch_entry){
				at[0], s->counted ? at[1] : 0 };
	}
	if (n > 1)
		qsort(out, n, sizeof(*out), order);
}

uint64_t
sketch_find(const struct sketch *s, uint64_t hash)
{
	return s->n == 0 || !s->counted ? 0 : find(s, hash + (hash == 0))[1];
}
