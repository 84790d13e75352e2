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

#define ALWAYS_INLINE inline __attribute__((always_inline))

static ALWAYS_INLINE void
copy(uint64_t *to, const uint64_t *from, unsigned words)
{
	for (unsigned i = 0; i < words; i++)
		to[i] = from[i];
}

static ALWAYS_INLINE bool
is_before(const uint64_t *a, const uint64_t *b)
{
	return a[0] < b[0] || (a[0] == b[0] && a[1] < b[1]);
}

/* Put `n` records one by one into `to`, which may be `from`. */
static ALWAYS_INLINE void
insert(const uint64_t *from, uint64_t *to, size_t n, unsigned words)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t one[KEYSORT_MAX_WORDS];
		size_t k = i;

		copy(one, from + i * words, words);
		while (k > 0 && is_before(one, to + (k - 1) * words)) {
			copy(to + k * words, to + (k - 1) * words, words);
			k--;
		}
		copy(to + k * words, one, words);
	}
}

/*
 * The first bit, from the top, in which keys differ, 0 to 127; 128 if they are
 * all the same.
 */
static ALWAYS_INLINE unsigned
first_difference(const uint64_t *a, size_t n, unsigned words)
{
	uint64_t hi = 0, lo = 0;

	for (size_t i = 1; i < n; i++) {
		hi |= a[i * words] ^ a[0];
		lo |= a[i * words + 1] ^ a[1];
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
static ALWAYS_INLINE void
sort_words(uint64_t *a, uint64_t *b, size_t n, bool to_b, unsigned words,
	   void (*again)(uint64_t *, uint64_t *, size_t, bool))
{
	uint32_t ends[1 << MAX_BITS];

	if (n <= FEW) {
		insert(a, to_b ? b : a, n, words);
		return;
	}

	const unsigned first = first_difference(a, n, words);
	if (first == 128) {
		if (to_b)
			memcpy(b, a, n * words * sizeof(*a));
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
		ends[a[i * words + word] >> shift & mask]++;
	for (size_t i = 0; i < nplaces; i++) {
		const uint32_t count = ends[i];

		ends[i] = at;
		at += count;
	}
	for (size_t i = 0; i < n; i++) {
		const uint64_t *const r = a + i * words;
		const size_t place = r[word] >> shift & mask;

		copy(b + (size_t)ends[place]++ * words, r, words);
	}

	/* Now they are in `b`, and ends[] are ends indeed. */
	size_t from = 0;
	for (size_t i = 0; i < nplaces; i++) {
		const size_t count = ends[i] - from;
		uint64_t *const x = b + from * words, *const y = a + from * words;

		if (count <= FEW)
			insert(x, to_b ? x : y, count, words);
		else
			again(x, y, count, !to_b);
		from = ends[i];
	}
}

static void
sort3(uint64_t *a, uint64_t *b, size_t n, bool to_b)
{
	sort_words(a, b, n, to_b, 3, sort3);
}

static void
sort4(uint64_t *a, uint64_t *b, size_t n, bool to_b)
{
	sort_words(a, b, n, to_b, 4, sort4);
}

void
keysort_in_memory(uint64_t *a, uint64_t *tmp, size_t n, unsigned words)
{
	if (words == 3)
		sort3(a, tmp, n, false);
	else
		sort4(a, tmp, n, false);
}
