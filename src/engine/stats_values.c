/*
 * stats_values.c - what stands at one path: types, bounds, distinct values,
 * examples, sizes.
 *
 * Values wait at their path until there are some, and are then taken in one
 * after the other: what one looks at, and which way one goes, is the same for
 * all of them.  Most are between the bounds, and have a hash that no sketch or
 * example wants; to see that takes no look at what is known of the path but
 * four words.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"
#include "engine/stats_internal.h"

/* ---- hashes -------------------------------------------------------------- */

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
	static const uint64_t A = 0xa0761d6478bd642f, B = 0xe7037ed1a0b428db;
	uint64_t h = seed * B, last = 0;

	for (; len > 16; p += 16, len -= 16)
		h = fold(load_le64(p) ^ A, load_le64(p + 8) ^ h);
	if (len >= 8)
		last = load_le64(p + len - 8);
	return fold(fold(first_word(p, len) ^ A, last ^ h), B ^ len ^ seed);
}

/* The first eight bytes, so that their order is that of texts. */
static inline uint64_t
key_of(const uint8_t *p, size_t len)
{
	return __builtin_bswap64(first_word(p, len));
}

/* ---- what is kept -------------------------------------------------------- */

static void
keep(struct kept *to, struct span text)
{
	to->len = text.len < KEPT ? (uint32_t)text.len : KEPT;
	if (to->len > 0)
		memcpy(to->text, text.ptr, to->len);
}

static struct span
kept_span(const struct kept *k)
{
	return (struct span){ k->text, k->len };
}

static void
keep_example(struct extremes *x, uint64_t hash, struct span text)
{
	int i = 0;

	while (i < STATS_EXAMPLES && x->examples[i].hash < hash)
		i++;
	if (i == STATS_EXAMPLES || x->examples[i].hash == hash)
		return;
	memmove(&x->examples[i + 1], &x->examples[i],
		(size_t)(STATS_EXAMPLES - 1 - i) * sizeof(x->examples[0]));
	x->examples[i].hash = hash;
	keep(&x->examples[i].value, text);
}

/* A value whose hash is below the sketch's bound, and is not in it. */
static int
add_hash(struct node *n, uint64_t hash, struct span text, struct err *err)
{
	if (hash < n->extremes->examples[STATS_EXAMPLES - 1].hash)
		keep_example(n->extremes, hash, text);
	return sketch_put(&n->sketch, hash, 1, err);
}

/* ---- bounds -------------------------------------------------------------- */

/* A text that may be the least or greatest; no more than KEPT bytes count. */
static void
bound_text(struct node *n, struct span text)
{
	struct extremes *const x = n->extremes;
	const bool first = !x->some;

	x->some = true;
	if (text.len > KEPT)
		text.len = KEPT;
	if (first || span_compare(text, kept_span(&x->low)) < 0) {
		keep(&x->low, text);
		n->low_key = key_of(text.ptr, text.len);
	}
	if (first || span_compare(text, kept_span(&x->high)) > 0) {
		keep(&x->high, text);
		n->high_key = key_of(text.ptr, text.len);
	}
}

static struct span
number_span(const struct number *n)
{
	return (struct span){ (const uint8_t *)n->text, n->len };
}

static void
keep_number(struct number *to, struct span text)
{
	memcpy(to->text, text.ptr, text.len);
	to->len = (uint32_t)text.len;
}

/* Nearer to zero, or not, by more than any error of a double. */
static double
inside(double v, bool low)
{
	const double slack = fabs(v) * 1e-12;

	return low ? v + slack : v - slack;
}

/* A canonical number, `v` as a double, that may be the least or greatest. */
static void
bound_number(struct node *n, struct span text, double v)
{
	struct extremes *const x = n->extremes;

	if (x->least.len == 0 ||
	    decimal_compare(text, number_span(&x->least)) < 0) {
		keep_number(&x->least, text);
		n->least = inside(v, true);
	}
	if (x->most.len == 0 ||
	    decimal_compare(text, number_span(&x->most)) > 0) {
		keep_number(&x->most, text);
		n->most = inside(v, false);
	}
}

/* ---- values -------------------------------------------------------------- */

/* A value that may be new, or a bound. */
struct fresh {
	const struct value *value;
	uint64_t hash;
};

/* Is it in the sketch?  Then it has been taken in before, bounds and all. */
static inline bool
is_known(const struct node *n, uint64_t hash)
{
	return hash < n->sketch.bound && sketch_has(&n->sketch, hash);
}

static __attribute__((noinline)) int
take_text(struct node *n, struct span text, uint64_t hash, struct err *err)
{
	if (is_known(n, hash))
		return 0;
	bound_text(n, text);
	return hash >= n->sketch.bound ? 0 : add_hash(n, hash, text, err);
}

/* Of a text without escapes: is it to be looked at again? */
static inline bool
pass_text(const struct node *n, const struct value *v, uint64_t *hash)
{
	const uint64_t key = key_of(v->text, v->len);

	*hash = hash_of(v->text, v->len, VALUE_S);
	return (*hash < n->sketch.bound) | (key <= n->low_key) |
	       (key >= n->high_key);
}

/* With escapes; its length in the input has been added to the size. */
static __attribute__((noinline)) int
take_escaped(struct node *n, const struct value *v, uint32_t *size,
	     struct arena *scratch, struct err *err)
{
	struct span text;

	if (value_text(v, scratch, &text, err) != 0)
		return -1;
	*size += (uint32_t)text.len - v->len;
	return take_text(n, text, hash_of(text.ptr, text.len, VALUE_S), err);
}

/* What a simple number is: digits, perhaps a point, and canonical. */
struct simple {
	double value;
	uint32_t size;		/* decimal_stored_len() */
};

/* Bytes that it takes: two digits each, from the point on; and the sign. */
static inline uint32_t
stored_len(uint32_t before, uint32_t sig, bool neg)
{
	return 1 + (sig + (before & 1) + 1) / 2 + neg;
}

#define ZEROS UINT64_C(0x3030303030303030)
#define TENS UINT64_C(0x0F0F0F0F0F0F0F0F)
#define POINTS UINT64_C(0x2E2E2E2E2E2E2E2E)
#define ONES UINT64_C(0x0101010101010101)

/* The first `n` of the bytes, 1 to 8, behind as many zeros as make eight. */
static inline uint64_t
align_digits(uint64_t w, unsigned n)
{
	return n == 8 ? w : w << (64 - 8 * n) | ZEROS >> 8 * n;
}

/* Each byte 0x30 at least, and six more than it 0x3F at most? */
static inline bool
are_digits(uint64_t w)
{
	return ((w & ~TENS) ^ ZEROS) == 0 &&
	       (((w + 6 * ONES) & ~TENS) ^ ZEROS) == 0;
}

static inline uint64_t
value_of_digits(uint64_t w)
{
	w = (w & TENS) * 2561 >> 8;
	w = (w & UINT64_C(0x00FF00FF00FF00FF)) * 6553601 >> 16;
	return (w & UINT64_C(0x0000FFFF0000FFFF)) * 42949672960001u >> 32;
}

/* Of up to eight digits, all at once. */
static inline bool
read_digits(const uint8_t *p, size_t len, struct simple *s)
{
	const uint64_t w = align_digits(first_word(p, len), (unsigned)len);

	if (!are_digits(w) || (p[0] == '0' && len > 1))
		return false;
	s->size = w == ZEROS ? 1 :
		stored_len((uint32_t)len, (uint32_t)len -
			   (uint32_t)__builtin_clzll(w ^ ZEROS) / 8, false);
	s->value = (double)value_of_digits(w);
	return true;
}

/* Likewise with a point behind up to seven, and up to eight behind that. */
static inline bool
read_pointed(const uint8_t *p, size_t len, struct simple *s)
{
	static const double POWERS[] = {
		1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8,
	};
	const bool neg = len > 0 && p[0] == '-';

	p += neg;
	len -= neg;

	const uint64_t first = first_word(p, len), x = first ^ POINTS;
	const uint64_t points = (x - ONES) & ~x & 0x80 * ONES;
	const size_t at = points == 0 ? 0
		: (size_t)__builtin_ctzll(points) / 8;
	const size_t behind = len - at - 1;

	if (at == 0 || behind - 1 >= 8 || p[len - 1] == '0' ||
	    (p[0] == '0' && at > 1))
		return false;

	const uint64_t second = first_word(p + at + 1, behind);
	const uint64_t a = align_digits(first, (unsigned)at);
	const uint64_t b = align_digits(second, (unsigned)behind);
	if (!are_digits(a) || !are_digits(b))
		return false;

	/* Zeros behind the point count where there are none but those before. */
	const uint32_t zeros = a != ZEROS ? 0 :
		(uint32_t)__builtin_ctzll(second ^ ZEROS) / 8;
	const uint32_t before = a != ZEROS ? (uint32_t)at : 0 - zeros;
	s->size = stored_len(before, before + (uint32_t)behind, neg);
	s->value = (double)value_of_digits(a) +
		   (double)value_of_digits(b) / POWERS[behind];
	if (neg)
		s->value = -s->value;
	return true;
}

static inline bool
read_simple(const uint8_t *p, size_t len, struct simple *s)
{
	static const double POWERS[] = {
		1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
		1e12, 1e13, 1e14, 1e15,
	};
	const bool neg = len > 0 && p[0] == '-';
	uint64_t m = 0;
	uint32_t point = 0, digits = 0, zeros = 0;
	bool pointed = false;

	p += neg;
	len -= neg;
	/* No zero first but that of "0." and "0"; "-0" is not canonical. */
	if (len == 0 || len > 15 || (p[0] == '0' && len > 1 && p[1] != '.') ||
	    (p[0] == '0' && len == 1 && neg))
		return false;
	for (size_t i = 0; i < len; i++) {
		const uint32_t d = (uint32_t)p[i] - '0';

		if (d > 9) {
			if (p[i] != '.' || pointed || i == 0)
				return false;
			pointed = true;
			continue;
		}
		m = 10 * m + d;
		digits += m > 0;
		zeros = d == 0 ? zeros + (m > 0) : 0;
		point += pointed;
	}
	if (pointed && (p[len - 1] == '0' || p[len - 1] == '.'))
		return false;
	s->value = (double)m / POWERS[point];
	if (m == 0) {
		s->size = 1;
		return true;
	}
	/* Before the point: wraps for 0.0x, even so. */
	s->size = stored_len(digits - point, digits - zeros, neg);
	if (neg)
		s->value = -s->value;
	return true;
}

static inline bool
read_number(const struct value *v, struct simple *s)
{
	return (v->len - 1 < 8 && read_digits(v->text, v->len, s)) ||
	       read_pointed(v->text, v->len, s) ||
	       read_simple(v->text, v->len, s);
}

static bool
is_inside(const struct node *n, double v)
{
	return v > n->least && v < n->most;
}

/* One that is canonical. */
static int
take_number(struct node *n, struct span text, double v, uint64_t hash,
	    struct err *err)
{
	if (is_known(n, hash))
		return 0;
	if (!is_inside(n, v))
		bound_number(n, text, v);
	return hash >= n->sketch.bound ? 0 : add_hash(n, hash, text, err);
}

/* One that is not simple, all at once. */
static __attribute__((noinline)) int
take_odd_number(struct node *n, const struct value *v, uint32_t *size,
		struct err *err)
{
	char canonical[DECIMAL_TEXT_LEN + 8];
	struct span text = { v->text, v->len };

	*size += (uint32_t)decimal_stored_len(text);
	text = (struct span){ (const uint8_t *)canonical,
			      decimal_canonical(text, canonical) };
	canonical[text.len] = '\0';
	return take_number(n, text, strtod(canonical, NULL),
			   hash_of(text.ptr, text.len, VALUE_N), err);
}

static int
take_binary(struct node *n, const struct value *v, uint32_t *size,
	    struct arena *scratch, struct err *err)
{
	struct span text = { v->text, v->len };

	if ((v->flags & VALUE_ESC) != 0 &&
	    value_text(v, scratch, &text, err) != 0)
		return -1;
	*size += (uint32_t)value_size(v);

	const uint64_t hash = hash_of(text.ptr, text.len, VALUE_B);
	return hash >= n->sketch.bound || is_known(n, hash)
		? 0 : add_hash(n, hash, text, err);
}

/*
 * Any but a text without escapes.  What is rare is taken in at once, of what is
 * not the sizes; a number that may be new goes to `f`, and *nfresh is one more.
 */
static int
pass_other(struct node *n, const struct value *v, uint32_t *size,
	   struct fresh *f, uint32_t *nfresh, struct arena *scratch,
	   struct err *err)
{
	struct simple s;

	n->types[v->type]++;
	switch (v->type) {
	case VALUE_S:
		return take_escaped(n, v, size, scratch, err);
	case VALUE_N:
		if (!read_number(v, &s))
			return take_odd_number(n, v, size, err);
		*size += s.size;
		f->value = v;
		f->hash = hash_of(v->text, v->len, VALUE_N);
		*nfresh += (f->hash < n->sketch.bound) |
			   !is_inside(n, s.value);
		return 0;
	case VALUE_B:
		return take_binary(n, v, size, scratch, err);
	case VALUE_BOOL:
		n->truths += (v->flags & VALUE_TRUE) != 0;
		*size += 1;
		return 0;
	default:	/* sizes of containers are for who goes on */
		*size += v->type == VALUE_NULL;
		return 0;
	}
}

static int
take_fresh(struct node *n, const struct fresh *f, struct err *err)
{
	const struct span text = { f->value->text, f->value->len };
	struct simple s;

	if (f->value->type == VALUE_S)
		return take_text(n, text, f->hash, err);
	if (is_known(n, f->hash))
		return 0;
	read_number(f->value, &s);
	return take_number(n, text, s.value, f->hash, err);
}

int
values_take(struct paths *p, struct node *n, uint32_t *sizes,
	    struct arena *scratch, struct err *err)
{
	const size_t slots = sketch_slots(&n->sketch);
	struct fresh fresh[SEEN + 1];
	uint32_t nfresh = 0, ntexts = 0;
	int rc = 0;

	for (uint32_t i = 0; i < n->nseen && rc == 0; i++) {
		const struct value *const v = &n->seen[i];

		if (v->type == VALUE_S && (v->flags & VALUE_ESC) == 0) {
			fresh[nfresh].value = v;
			nfresh += pass_text(n, v, &fresh[nfresh].hash);
			ntexts++;
			continue;
		}
		rc = pass_other(n, v, &sizes[v->hash], &fresh[nfresh],
				&nfresh, scratch, err);
	}
	n->types[VALUE_S] += ntexts;
	/* Its table is seldom in a cache: all at once, then one by one. */
	for (uint32_t i = 0; i < nfresh && n->sketch.slots != NULL; i++)
		__builtin_prefetch(&n->sketch.slots[fresh[i].hash &
						    n->sketch.mask]);
	for (uint32_t i = 0; i < nfresh && rc == 0; i++)
		rc = take_fresh(n, &fresh[i], err);
	n->nseen = 0;
	if (sketch_slots(&n->sketch) != slots) {
		p->nslots += sketch_slots(&n->sketch) - slots;
		paths_thin(p);
	}
	return rc;
}

void
extremes_merge(struct node *into, const struct node *from)
{
	const struct extremes *const x = from->extremes;

	for (int i = 0; i < STATS_EXAMPLES; i++)
		if (x->examples[i].hash != UINT64_MAX)
			keep_example(into->extremes, x->examples[i].hash,
				     kept_span(&x->examples[i].value));
	if (from->types[VALUE_S] > 0) {
		bound_text(into, kept_span(&x->low));
		bound_text(into, kept_span(&x->high));
	}
	if (from->types[VALUE_N] > 0) {
		bound_number(into, number_span(&x->least), from->least);
		bound_number(into, number_span(&x->most), from->most);
	}
}
