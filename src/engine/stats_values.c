/*
 * stats_values.c - what is kept of the values at one path: bounds, examples,
 * which are different; taken in one by one.  stats_columns.c takes in many.
 */
#include <string.h>

#include "base/arena.h"
#include "base/decimal.h"
#include "base/err.h"
#include "engine/stats_internal.h"
#include "engine/stats_words.h"

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
add_hash(struct paths *p, struct node *n, uint64_t hash, struct span text,
	 struct err *err)
{
	if (hash < n->extremes->examples[STATS_EXAMPLES - 1].hash)
		keep_example(n->extremes, hash, text);
	return paths_put(p, n, hash, err);
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

static uint64_t
key_of_number(struct span text)
{
	enum { MOST = 15 };
	const bool neg = text.ptr[0] == '-';
	const uint8_t *const p = text.ptr + neg;
	const size_t len = text.len - neg;
	const uint8_t *const point = memchr(p, '.', len);
	const size_t before = point != NULL ? (size_t)(point - p) : len;

	return before > MOST ? number_key(neg, MOST, UINT64_MAX)
		: number_key(neg, before, first_word(p, len));
}

/* A canonical number that may be the least or greatest. */
static void
bound_number(struct node *n, struct span text)
{
	struct extremes *const x = n->extremes;

	if (x->least.len == 0 ||
	    decimal_compare(text, number_span(&x->least)) < 0) {
		keep_number(&x->least, text);
		n->least_key = key_of_number(text);
	}
	if (x->most.len == 0 ||
	    decimal_compare(text, number_span(&x->most)) > 0) {
		keep_number(&x->most, text);
		n->most_key = key_of_number(text);
	}
}

/* ---- values -------------------------------------------------------------- */

int
value_take_text(struct paths *p, struct node *n, struct span text,
		uint64_t hash, struct err *err)
{
	if (node_knows(n, hash))
		return 0;
	bound_text(n, text);
	return hash >= n->sketch.bound ? 0 : add_hash(p, n, hash, text, err);
}

/* With escapes; its length in the input has been added to the size. */
static __attribute__((noinline)) int
take_escaped(struct paths *p, struct node *n, const struct value *v,
	     uint32_t *size, struct arena *scratch, struct err *err)
{
	struct span text;

	if (value_text(v, scratch, &text, err) != 0)
		return -1;
	*size += (uint32_t)text.len - v->len;
	return value_take_text(p, n, text,
			       hash_of(text.ptr, text.len, VALUE_S), err);
}

/* A canonical number. */
int
value_take_number(struct paths *p, struct node *n, struct span text,
		  uint64_t hash, struct err *err)
{
	if (node_knows(n, hash))
		return 0;
	bound_number(n, text);
	return hash >= n->sketch.bound ? 0 : add_hash(p, n, hash, text, err);
}

/* One that is not simple, all at once. */
static __attribute__((noinline)) int
take_odd_number(struct paths *p, struct node *n, const struct value *v,
		uint32_t *size, struct err *err)
{
	char canonical[DECIMAL_TEXT_LEN];
	struct span text = { v->text, v->len };

	*size += (uint32_t)decimal_stored_len(text);
	text = (struct span){ (const uint8_t *)canonical,
			      decimal_canonical(text, canonical) };
	return value_take_number(p, n, text,
				 hash_of(text.ptr, text.len, VALUE_N), err);
}

static int
take_binary(struct paths *p, struct node *n, const struct value *v,
	    uint32_t *size, struct arena *scratch, struct err *err)
{
	struct span text = { v->text, v->len };

	if ((v->flags & VALUE_ESC) != 0 &&
	    value_text(v, scratch, &text, err) != 0)
		return -1;
	*size += (uint32_t)value_size(v);

	const uint64_t hash = hash_of(text.ptr, text.len, VALUE_B);
	return hash >= n->sketch.bound || node_knows(n, hash)
		? 0 : add_hash(p, n, hash, text, err);
}

int
value_take_other(struct paths *p, struct node *n, const struct value *v,
		 uint32_t *size, struct arena *scratch, struct err *err)
{
	n->types[v->type]++;
	switch (v->type) {
	case VALUE_S:
		return take_escaped(p, n, v, size, scratch, err);
	case VALUE_N:
		return take_odd_number(p, n, v, size, err);
	default:
		return take_binary(p, n, v, size, scratch, err);
	}
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
		bound_number(into, number_span(&x->least));
		bound_number(into, number_span(&x->most));
	}
}
