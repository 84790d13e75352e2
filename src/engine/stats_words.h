/*
 * stats_words.h - texts and numbers by their first bytes: hashes, and words
 * whose order is theirs.
 *
 * What stands in the input has more of it around (struct value is_plain()), so
 * that whole words may be read; then nothing here has a branch that depends on
 * how long a text is, for that cannot be guessed.
 */
#ifndef ENGINE_STATS_WORDS_H
#define ENGINE_STATS_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/chars.h"
#include "model/item.h"

/* ---- hashes -------------------------------------------------------------- */

#define HASH_A UINT64_C(0xa0761d6478bd642f)
#define HASH_B UINT64_C(0xe7037ed1a0b428db)

static inline uint64_t
fold(uint64_t a, uint64_t b)
{
	const unsigned __int128 p = (unsigned __int128)a * b;

	return (uint64_t)p ^ (uint64_t)(p >> 64);
}

/* The first eight bytes, or all there are and then zeros. */
static inline uint64_t
first_word(const uint8_t *p, size_t len)
{
	if (len >= 8)
		return load_le64(p);
	if (len >= 4)
		return load_le32(p) |
		       (uint64_t)load_le32(p + len - 4) << 8 * (len - 4);
	if (len == 0)
		return 0;
	return p[0] | (uint64_t)p[len / 2] << 8 * (len / 2) |
	       (uint64_t)p[len - 1] << 8 * (len - 1);
}

/*
 * A uniform hash of a short text, by multiplying and folding (as in wyhash).
 * Not against people who choose values so that they meet: what they could get
 * wrong is an estimate.
 */
static inline uint64_t
hash_of(const uint8_t *p, size_t len, uint64_t seed)
{
	uint64_t h = seed * HASH_B, last = 0;

	for (; len > 16; p += 16, len -= 16)
		h = fold(load_le64(p) ^ HASH_A, load_le64(p + 8) ^ h);
	if (len >= 8)
		last = load_le64(p + len - 8);
	return fold(fold(first_word(p, len) ^ HASH_A, last ^ h),
		    HASH_B ^ len ^ seed);
}

/* The lowest `len` bytes of a word; all of it for 8 and more. */
static inline uint64_t
lowest(uint64_t w, size_t len)
{
	const uint64_t all = 0 - (uint64_t)(len >= 8);

	return w & (all | ~(~(uint64_t)0 << (8 * len & 63)));
}

/* The last step of hash_of(), for what is left: 16 bytes at most. */
static inline uint64_t
hash_rest(uint64_t h, const uint8_t *p, size_t len, uint64_t seed)
{
	const uint64_t enough = 0 - (uint64_t)(len >= 8);
	const uint64_t last = load_le64(p + ((len - 8) & enough)) & enough;

	return fold(fold(lowest(load_le64(p), len) ^ HASH_A, last ^ h),
		    HASH_B ^ len ^ seed);
}

/*
 * hash_of() of what stands in the input, where bytes behind it can be read.  No
 * branch for any up to 32 bytes.
 */
static inline uint64_t
hash_slack(const uint8_t *p, size_t len, uint64_t seed)
{
	uint64_t h = seed * HASH_B;

	for (; len > 32; p += 16, len -= 16)
		h = fold(load_le64(p) ^ HASH_A, load_le64(p + 8) ^ h);

	const uint64_t more = 0 - (uint64_t)(len > 16);
	const uint64_t next = fold(load_le64(p) ^ HASH_A,
				   load_le64(p + 8) ^ h);
	h ^= (h ^ next) & more;
	return hash_rest(h, p + (16 & more), len - (16 & more), seed);
}

/* Does it stand in the input as it is, with more of it around? */
static inline bool
is_plain(const struct value *v)
{
	return (v->flags & (VALUE_RAW | VALUE_ESC)) == VALUE_RAW;
}

/* The first eight bytes, so that their order is that of texts. */
static inline uint64_t
key_of(const uint8_t *p, size_t len)
{
	return __builtin_bswap64(first_word(p, len));
}

static inline uint64_t
key_slack(const uint8_t *p, size_t len)
{
	return __builtin_bswap64(lowest(load_le64(p), len));
}

/* ---- numbers ------------------------------------------------------------- */

/*
 * A word whose order is that of canonical numbers, as far as it goes: the sign,
 * how many digits there are before the point, and the first bytes.  `word` has
 * those behind the sign, or zeros.
 */
static inline uint64_t
number_key(bool neg, size_t before, uint64_t word)
{
	const uint64_t key = UINT64_C(1) << 63 | (uint64_t)before << 59 |
			     __builtin_bswap64(word) >> 5;

	return neg ? ~key : key;
}

/* What a simple number is: digits, perhaps a point between them. */
struct simple {
	uint32_t len;		/* of its canonical text, with which it begins */
	uint32_t size;		/* decimal_stored_len() */
	uint64_t key;
};

/*
 * Take such a number apart, in whatever stands in the input; no branches but
 * for what is rare.
 */
static inline __attribute__((always_inline)) bool
read_simple(const uint8_t *p, size_t len, struct simple *s)
{
	const bool neg = *p == '-';
	const size_t n = len - neg;

	p += neg;
	if (n - 1 >= 15)
		return false;

	const struct chars16 c = chars16_of(p);
	const uint32_t all = ((uint32_t)1 << n) - 1;
	const uint32_t other = ~c.digits & all;
	const uint32_t digits = c.digits & ~c.zeros & all;
	const uint32_t point = (uint32_t)__builtin_ctz(other | 1U << n);
	/* One point, between two digits; no zero in front that need not be. */
	if ((other & ~(c.points & all >> 1 & ~1U)) != 0 ||
	    (other & (other - 1)) != 0 || ((c.zeros & 1) != 0 && point > 1))
		return false;
	if (digits == 0) {
		*s = (struct simple){ 1, 1, number_key(false, 1, '0') };
		return n == 1 && !neg;
	}

	const uint32_t first = (uint32_t)__builtin_ctz(digits);
	const uint32_t last = 31 - (uint32_t)__builtin_clz(digits);
	const bool whole = first < point, broken = last > point;
	/* Two digits a byte, from the point on, and the sign. */
	const uint32_t before = whole ? point : first - point - 1;
	const uint32_t sig = last - first + 1 - (whole & broken);
	const uint32_t end = broken ? last + 1 : point;

	s->len = end + neg;
	s->size = 1 + (sig + (before & 1) + 1) / 2 + neg;
	s->key = number_key(neg, point, lowest(load_le64(p), end));
	return true;
}

#endif
