/*
 * keysort_memory.c - radix sort, highest digit first, between two arrays.
 *
 * The first passes over many records cut them into pieces that fit the cache.
 * The last one has a place for every half a record or so, after which most
 * stand right, and a walk along them puts the rest in order.  The digit begins
 * at the first bit in which the keys at hand differ, so that every pass
 * separates something, whatever the keys are: a bounded number of passes leaves
 * nothing to tell apart.
 */
#include <stdbool.h>
#include <string.h>

#include "engine/keysort.h"

enum {
	FEW = 16,		/* records that are put in order one by one */
	PIECE = 4096,		/* records that fit the cache */
	MAX_BITS = 11,		/* of a pass over more than a piece */
	PIECE_BITS = 13,
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
	if (n <= PIECE)
		return 65 - (unsigned)__builtin_clzll(n - 1);

	unsigned bits = 1;
	while (bits < MAX_BITS && (size_t)PIECE / 2 << bits < n)
		bits++;
	return bits;
}

/* A digit of the key: the bits of `word` above `shift`, under `mask`. */
struct digit {
	unsigned word, shift;
	uint64_t mask;
};

static struct digit
choose_digit(size_t n, unsigned first)
{
	const unsigned left = 64 - first % 64;	/* bits of it that may differ */
	const unsigned wish = choose_bits(n);
	const unsigned bits = wish < left ? wish : left;

	return (struct digit){
		first / 64, left - bits, ((uint64_t)1 << bits) - 1,
	};
}

/*
 * Put the records of `a` into `b` in order of that digit; ends[] says for each
 * of its values where they end.  Returns how many the most frequent has.
 */
static uint32_t
scatter(const uint64_t *a, uint64_t *b, size_t n, struct digit d,
	uint32_t *ends)
{
	uint32_t at = 0, most = 0;

	memset(ends, 0, (size_t)(d.mask + 1) * sizeof(*ends));
	for (size_t i = 0; i < n; i++)
		ends[a[i * KEYSORT_WORDS + d.word] >> d.shift & d.mask]++;
	for (size_t i = 0; i <= d.mask; i++) {
		const uint32_t count = ends[i];

		most = count > most ? count : most;
		ends[i] = at;
		at += count;
	}
	for (size_t i = 0; i < n; i++) {
		const uint64_t *const r = a + i * KEYSORT_WORDS;
		const size_t place = r[d.word] >> d.shift & d.mask;

		copy(b + (size_t)ends[place]++ * KEYSORT_WORDS, r);
	}
	return most;
}

/* Sort what is in `a`; the result is in `b` if `to_b`, else in `a`. */
static void
sort(uint64_t *a, uint64_t *b, size_t n, bool to_b)
{
	uint32_t ends[1 << PIECE_BITS];

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

	const struct digit d = choose_digit(n, first);
	if (scatter(a, b, n, d, ends) <= FEW) {
		insert(b, to_b ? b : a, n);
		return;
	}

	size_t from = 0;
	for (size_t i = 0; i <= d.mask; i++) {
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

void
keysort_to(uint64_t *a, uint64_t *to, size_t n)
{
	sort(a, to, n, true);
}
