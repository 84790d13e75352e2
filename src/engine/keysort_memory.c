/*
 * keysort_memory.c - radix sort, highest digit first, between two arrays.
 *
 * The first pass over many records cuts them into pieces that fit the cache,
 * the second cuts a piece into runs of a few records, and those are put in
 * order one by one.  The digit begins at the first bit in which the keys at
 * hand differ, so that every pass separates something, whatever the keys are:
 * a bounded number of passes leaves nothing to tell apart.
 */
#include <stdbool.h>
#include <string.h>

#include "engine/keysort.h"

enum {
	FEW = 16,		/* records that are put in order one by one */
	PIECE = 4096,		/* records that fit the cache */
	MAX_BITS = 11,
	MIN_BITS = 3,
};

static inline void
copy(uint64_t *to, const uint64_t *from)
{
	to[0] = from[0];
	to[1] = from[1];
	to[2] = from[2];
}

static inline bool
is_before(const uint64_t *a, const uint64_t *b)
{
	return a[0] < b[0] || (a[0] == b[0] && a[1] < b[1]);
}

/* Put `n` records one by one into `to`, which may be `from`. */
static inline void
insert(const uint64_t *from, uint64_t *to, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t one[KEYSORT_WORDS];
		size_t k = i;

		copy(one, from + i * KEYSORT_WORDS);
		while (k > 0 && is_before(one, to + (k - 1) * KEYSORT_WORDS)) {
			copy(to + k * KEYSORT_WORDS, to + (k - 1) * KEYSORT_WORDS);
			k--;
		}
		copy(to + k * KEYSORT_WORDS, one);
	}
}

/*
 * The first bit, from the top, in which keys differ, 0 to 127; 128 if they are
 * all the same.
 */
static inline unsigned
first_difference(const uint64_t *a, size_t n)
{
	uint64_t hi = 0, lo = 0;

	for (size_t i = 1; i < n; i++) {
		hi |= a[i * KEYSORT_WORDS] ^ a[0];
		lo |= a[i * KEYSORT_WORDS + 1] ^ a[1];
	}
	if (hi != 0)
		return (unsigned)__builtin_clzll(hi);
	return lo != 0 ? 64 + (unsigned)__builtin_clzll(lo) : 128;
}

/* How many bits to tell `n` records apart by, in this pass. */
static unsigned
choose_bits(size_t n)
{
	const size_t aim = n > 4 * PIECE ? n / PIECE : n / 2;
	unsigned bits = MIN_BITS;

	while (bits < MAX_BITS && (size_t)1 << bits < aim)
		bits++;
	return bits;
}

/* Sort what is in `a`; the result is in `b` if `to_b`, else in `a`. */
static void
sort(uint64_t *a, uint64_t *b, size_t n, bool to_b)
{
	uint32_t ends[1 << MAX_BITS];

	if (n <= FEW) {
		insert(a, to_b ? b : a, n);
		return;
	}

	const unsigned first = first_difference(a, n);
	if (first == 128) {
		if (to_b)
			memcpy(b, a, n * KEYSORT_WORDS * sizeof(*a));
		return;
	}

	const unsigned word = first / 64;
	const unsigned left = 64 - first % 64;	/* bits of it that may differ */
	const unsigned wish = choose_bits(n);
	const unsigned bits = wish < left ? wish : left;
	const unsigned shift = left - bits;
	const uint64_t mask = ((uint64_t)1 << bits) - 1;
	const size_t nplaces = (size_t)1 << bits;
	uint32_t at = 0;

	memset(ends, 0, nplaces * sizeof(*ends));
	for (size_t i = 0; i < n; i++)
		ends[a[i * KEYSORT_WORDS + word] >> shift & mask]++;
	for (size_t i = 0; i < nplaces; i++) {
		const uint32_t count = ends[i];

		ends[i] = at;
		at += count;
	}
	for (size_t i = 0; i < n; i++) {
		const uint64_t *const r = a + i * KEYSORT_WORDS;
		const size_t place = r[word] >> shift & mask;

		copy(b + (size_t)ends[place]++ * KEYSORT_WORDS, r);
	}

	/* Now they are in `b`, and ends[] are ends indeed. */
	size_t from = 0;
	for (size_t i = 0; i < nplaces; i++) {
		const size_t count = ends[i] - from;
		uint64_t *const x = b + from * KEYSORT_WORDS;
		uint64_t *const y = a + from * KEYSORT_WORDS;

		if (count <= FEW)
			insert(x, to_b ? x : y, count);
		else
			sort(x, y, count, !to_b);
		from = ends[i];
	}
}

void
keysort_in_memory(uint64_t *a, uint64_t *tmp, size_t n)
{
	sort(a, tmp, n, false);
}
