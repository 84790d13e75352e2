/*
 * stats_columns.c - the values that wait at a path, taken in together.
 *
 * What one looks at, and which way one goes, is the same for all of them.  Most
 * are between the bounds, and have a hash that no sketch or example wants; to
 * see that takes no look at what is known of the path but three words.  Others
 * come again and again: what was met is noted, and known by its bytes.
 */
#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "base/cpu.h"
#include "base/err.h"
#include "engine/stats_internal.h"
#include "engine/stats_words.h"

/* Those that wait at a path, and what is known of them. */
struct column {
	struct paths *paths;
	struct node *node;
	uint32_t *sizes;
	struct arena *scratch;
	struct err *err;
	uint64_t fresh;		/* bit i: it may be new, or a bound */
	uint64_t hashes[SEEN];	/* of the plain ones */
};

static_assert((int)SEEN <= 64, "a column has a bit for each of its values");

/* What says that a value is neither new nor a bound. */
struct limits {
	uint64_t bound;		/* of the sketch */
	uint64_t low, high;	/* between these keys */
};

static inline struct limits
text_limits(const struct node *n)
{
	return (struct limits){ n->sketch.bound, n->low_key, n->high_key };
}

static inline struct limits
number_limits(const struct node *n)
{
	return (struct limits){ n->sketch.bound, n->least_key, n->most_key };
}

static inline bool
is_near(uint64_t key, const struct limits *l)
{
	return (key <= l->low) | (key >= l->high);
}

/* A plain text: may it be new, or a bound? */
static inline uint64_t
pass_text(const uint8_t *text, uint32_t len, const struct limits *l,
	  uint64_t *hash)
{
	*hash = hash_slack(text, len, VALUE_S);
	return (*hash < l->bound) | is_near(key_slack(text, len), l);
}

static inline __attribute__((always_inline)) uint64_t
pass_number(const uint8_t *text, const struct simple *s,
	    const struct limits *l, uint64_t *hash)
{
	*hash = hash_rest(VALUE_N * HASH_B, text, s->len, VALUE_N);
	return (*hash < l->bound) | is_near(s->key, l);
}

/* One that has been passed. */
static __attribute__((noinline)) struct simple
read_again(const struct value *v)
{
	struct simple s = { .len = 0 };

	read_simple(v->text, v->len, &s);
	return s;
}

static __attribute__((noinline)) int
take_plain(struct column *c, const struct value *v, uint64_t hash)
{
	if (v->type == VALUE_S)
		return value_take_text(c->paths, c->node, (struct span){
			v->text, v->len }, hash, c->err);
	return value_take_number(c->paths, c->node, (struct span){
		v->text, read_again(v).len }, hash, c->err);
}

/* May it, whose hash a sketch wants, be a bound or an example too? */
static bool
is_special(const struct node *n, const struct value *v, uint64_t hash)
{
	const struct limits texts = text_limits(n);
	const struct limits numbers = number_limits(n);

	return hash <= n->extremes->examples[STATS_EXAMPLES - 1].hash ||
	       (v->type == VALUE_S
		? is_near(key_slack(v->text, v->len), &texts)
		: is_near(read_again(v).key, &numbers));
}

/*
 * What may be new: mostly it is known, or new and nothing else.  A sketch that
 * is not small is in no cache: there that is found out later.
 */
static int
take_fresh(struct column *c)
{
	enum { SMALL = 512 };
	struct node *const n = c->node;
	struct paths *const p = c->paths;
	const struct sketch *const s = &n->sketch;

	for (uint64_t left = c->fresh; left != 0; left &= left - 1) {
		const unsigned i = (unsigned)__builtin_ctzll(left);
		const struct value *const v = &n->seen[i];
		const uint64_t hash = c->hashes[i];

		if (s->mask < SMALL && s->n > 0 && hash != 0 &&
		    *sketch_home(s, hash) == hash)
			continue;
		if (s->mask < SMALL || is_special(n, v, hash)) {
			if (take_plain(c, v, hash) != 0)
				return -1;
			continue;
		}
		p->pending[p->npending++] = (struct pending){ n, hash };
		if (p->npending == PENDING &&
		    paths_put_pending(p, c->err) != 0)
			return -1;
	}
	return 0;
}

/* Do plain texts of one length wait at the path, and nothing else? */
static inline bool
are_alike(const struct node *n)
{
	const uint64_t first = load_le64(&n->seen[0].len);
	uint64_t differ = 0;

	/* Length, type and flags stand side by side. */
	for (uint32_t i = 1; i < n->nseen; i++)
		differ |= load_le64(&n->seen[i].len) ^ first;
	return differ << 16 == 0 && n->seen[0].type == VALUE_S &&
	       is_plain(&n->seen[0]);
}

static_assert(offsetof(struct value, len) == 8 &&
	      offsetof(struct value, hash) == 14, "what are_alike() counts on");

/* Texts of one length, of so many times 16 bytes and up to 16 more. */
static inline __attribute__((always_inline)) void
pass_alike(struct column *c, size_t rounds)
{
	const struct node *const n = c->node;
	const struct limits l = text_limits(n);
	const size_t len = n->seen[0].len;
	uint64_t fresh = 0;

	for (uint32_t i = 0; i < n->nseen; i++) {
		const uint8_t *const text = n->seen[i].text, *p = text;
		uint64_t h = VALUE_S * HASH_B;

		for (size_t k = 0; k < rounds; k++, p += 16)
			h = fold(load_le64(p) ^ HASH_A, load_le64(p + 8) ^ h);
		h = hash_rest(h, p, len - 16 * rounds, VALUE_S);
		c->hashes[i] = h;
		fresh |= (uint64_t)((h < l.bound) |
				    is_near(key_slack(text, len), &l)) << i;
	}
	c->fresh = fresh;
}

static inline __attribute__((always_inline)) void
take_alike(struct column *c)
{
	const size_t len = c->node->seen[0].len;

	switch (len == 0 ? 0 : (len - 1) / 16) {
	case 0:
		pass_alike(c, 0);
		break;
	case 1:
		pass_alike(c, 1);
		break;
	case 2:
		pass_alike(c, 2);
		break;
	default:
		pass_alike(c, (len - 1) / 16);
	}
	c->node->types[VALUE_S] += c->node->nseen;
}

/* Where a value is noted that has been met; see struct met. */
static inline struct met *
met_at(struct node *n, const struct met *m)
{
	const uint64_t h = (m->first ^ (m->last << 21 | m->last >> 43)) *
			   HASH_A;

	return &n->met[h >> (64 - MET_BITS)];
}

/* What is noted of a short plain text or number; false if it is none. */
static inline bool
met_of(const struct value *v, struct met *m)
{
	const uint64_t word = load_le64(&v->len);
	const size_t len = v->len;
	const uint64_t enough = 0 - (uint64_t)(len >= 8);

	if (v->type > VALUE_N || !is_plain(v) || len > 16)
		return false;
	m->kind = word << 16;
	m->first = lowest(load_le64(v->text), len);
	m->last = load_le64(v->text + ((len - 8) & enough)) & enough;
	return true;
}

/* Is it worth while to look whether values have been met? */
static void
judge_met(struct node *n, uint32_t met)
{
	enum { ENOUGH = 1024 };

	n->nmet += met;
	n->nlooked += n->nseen;
	if (n->nlooked < ENOUGH)
		return;
	if (n->nmet < n->nlooked / 2)
		n->met = NULL;
	n->nmet = n->nlooked = 0;
}

/* Value `i`, whatever it is; *size, what it adds, if it is a number. */
static inline __attribute__((always_inline)) int
take_any(struct column *c, uint32_t i, uint32_t *size)
{
	struct node *const n = c->node;
	const struct value *const v = &n->seen[i];
	struct simple s;

	if (v->type == VALUE_S && is_plain(v)) {
		const struct limits l = text_limits(n);

		c->fresh |= pass_text(v->text, v->len, &l, &c->hashes[i]) << i;
		n->types[VALUE_S]++;
		return 0;
	}
	if (v->type == VALUE_N && is_plain(v) &&
	    read_simple(v->text, v->len, &s)) {
		const struct limits l = number_limits(n);

		c->fresh |= pass_number(v->text, &s, &l, &c->hashes[i]) << i;
		n->types[VALUE_N]++;
		c->sizes[v->hash] += s.size;
		*size = s.size;
		return 0;
	}
	return value_take_other(c->paths, n, v, &c->sizes[v->hash], c->scratch,
			  c->err);
}

static inline __attribute__((always_inline)) int
take_mixed(struct column *c)
{
	uint32_t size;
	int rc = 0;

	for (uint32_t i = 0; i < c->node->nseen && rc == 0; i++)
		rc = take_any(c, i, &size);
	return rc;
}

/* Where many may have been met. */
static inline __attribute__((always_inline)) int
take_often(struct column *c)
{
	struct node *const n = c->node;
	uint32_t nmet = 0;
	int rc = 0;

	for (uint32_t i = 0; i < n->nseen && rc == 0; i++) {
		const struct value *const v = &n->seen[i];
		struct met m = { .size = 0 }, *at;

		if (!met_of(v, &m)) {
			rc = take_any(c, i, &m.size);
			continue;
		}
		at = met_at(n, &m);
		if (at->kind == m.kind && at->first == m.first &&
		    at->last == m.last) {
			c->sizes[v->hash] += at->size;
			n->types[v->type]++;
			nmet++;
			continue;
		}
		rc = take_any(c, i, &m.size);
		if (v->type == VALUE_S || m.size > 0)
			*at = m;
	}
	judge_met(n, nmet);
	return rc;
}

static inline __attribute__((always_inline)) int
take(struct paths *p, struct node *n, uint32_t *sizes, struct arena *scratch,
     struct err *err)
{
	struct column column, *const c = &column;
	int rc = 0;

	/* Its array is large, and written before it is read. */
	c->paths = p;
	c->node = n;
	c->sizes = sizes;
	c->scratch = scratch;
	c->err = err;
	c->fresh = 0;
	if (n->met != NULL)
		rc = take_often(c);
	else if (are_alike(n))
		take_alike(c);
	else
		rc = take_mixed(c);
	if (rc == 0)
		rc = take_fresh(c);
	n->nseen = 0;
	return rc;
}

static int
values_take(struct paths *p, struct node *n, uint32_t *sizes,
	    struct arena *scratch, struct err *err)
{
	return take(p, n, sizes, scratch, err);
}

#if defined(__x86_64__)
static CHARS_WIDE int
values_take_wide(struct paths *p, struct node *n, uint32_t *sizes,
		 struct arena *scratch, struct err *err)
{
	return take(p, n, sizes, scratch, err);
}
#endif

values_take_fn *
values_taker(void)
{
#if defined(__x86_64__)
	if (cpu_has(CPU_AVX512))
		return values_take_wide;
#endif
	return values_take;
}
