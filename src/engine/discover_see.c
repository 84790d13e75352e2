/*
 * discover_see.c - look at items: every value to its path, and the pieces of
 * those texts that may be composite.
 *
 * A text is cut at one separator: of # | : / the first that occurs in it, or,
 * where none does and the text begins with a word, the _ or - after that word,
 * once. What is nothing but letters and signs is a word (TAG): it may be
 * a constant part, such as USER in USER#<id>.
 */
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/chars.h"
#include "base/decimal.h"
#include "base/err.h"
#include "engine/discover_internal.h"
#include "engine/discover_value.h"
#include "formats/keyuuid.h"
#include "model/batch.h"

enum { CUTS = 1, ENDS_WORD = 2, LETTER = 4, WORD = 8 };

/* What a byte is. */
static const uint8_t CLASSES[256] = {
	['#'] = CUTS, ['|'] = CUTS, [':'] = CUTS, ['/'] = CUTS,
	['_'] = ENDS_WORD | WORD, ['-'] = ENDS_WORD | WORD, ['.'] = WORD,
	['A'] = LETTER | WORD, ['B'] = LETTER | WORD, ['C'] = LETTER | WORD,
	['D'] = LETTER | WORD, ['E'] = LETTER | WORD, ['F'] = LETTER | WORD,
	['G'] = LETTER | WORD, ['H'] = LETTER | WORD, ['I'] = LETTER | WORD,
	['J'] = LETTER | WORD, ['K'] = LETTER | WORD, ['L'] = LETTER | WORD,
	['M'] = LETTER | WORD, ['N'] = LETTER | WORD, ['O'] = LETTER | WORD,
	['P'] = LETTER | WORD, ['Q'] = LETTER | WORD, ['R'] = LETTER | WORD,
	['S'] = LETTER | WORD, ['T'] = LETTER | WORD, ['U'] = LETTER | WORD,
	['V'] = LETTER | WORD, ['W'] = LETTER | WORD, ['X'] = LETTER | WORD,
	['Y'] = LETTER | WORD, ['Z'] = LETTER | WORD, ['a'] = LETTER | WORD,
	['b'] = LETTER | WORD, ['c'] = LETTER | WORD, ['d'] = LETTER | WORD,
	['e'] = LETTER | WORD, ['f'] = LETTER | WORD, ['g'] = LETTER | WORD,
	['h'] = LETTER | WORD, ['i'] = LETTER | WORD, ['j'] = LETTER | WORD,
	['k'] = LETTER | WORD, ['l'] = LETTER | WORD, ['m'] = LETTER | WORD,
	['n'] = LETTER | WORD, ['o'] = LETTER | WORD, ['p'] = LETTER | WORD,
	['q'] = LETTER | WORD, ['r'] = LETTER | WORD, ['s'] = LETTER | WORD,
	['t'] = LETTER | WORD, ['u'] = LETTER | WORD, ['v'] = LETTER | WORD,
	['w'] = LETTER | WORD, ['x'] = LETTER | WORD, ['y'] = LETTER | WORD,
	['z'] = LETTER | WORD,
};

enum { MAX_WORD = 32 };

/* ---- values -------------------------------------------------------------- */

/*
 * Is the N's text canonical, as most are: digits, perhaps a sign before and a
 * point between them, and no zero that need not be?
 */
static bool
is_canonical(struct span text)
{
	const uint8_t *p = text.ptr, *const end = p + text.len;
	const uint8_t *point = NULL;

	if (text.len == 0 || text.len > 15)
		return false;
	p += *p == '-';
	/* Zero alone has no sign, and before digits there is one with a point. */
	if (p == end || (*p == '0' && (text.len > 1 && (p + 1 == end ||
							p[1] != '.'))))
		return false;
	for (const uint8_t *q = p; q < end; q++) {
		if (*q >= '0' && *q <= '9')
			continue;
		if (*q != '.' || point != NULL || q == p)
			return false;
		point = q;
	}
	return point == NULL || (end[-1] != '0' && end[-1] != '.');
}

static struct span
canonical(struct span text, char room[DECIMAL_TEXT_LEN])
{
	if (is_canonical(text))
		return text;
	const size_t n = decimal_canonical(text, room);
	return (struct span){ (const uint8_t *)room, n };
}

int
discover_text(const struct value *v, struct arena *mem,
	      char room[DECIMAL_TEXT_LEN], struct span *out, struct err *err)
{
	if (value_text(v, mem, out, err) != 0)
		return -1;
	if (v->type == VALUE_N) {
		*out = canonical(*out, room);
	} else if (v->type == VALUE_B) {
		const struct span text = *out;
		uint8_t *const bytes = arena_take(mem, text.len + 1, err);

		if (bytes == NULL)
			return -1;
		base64_decode(text, bytes);
		*out = (struct span){ bytes, base64_decoded_len(text) };
	}
	return 0;
}

/* ---- composites ---------------------------------------------------------- */

struct pieces {
	struct span of[MAX_PIECES];
	uint8_t n;
	uint8_t sep;
	bool time;		/* none of the pieces is an id */
};

/*
 * Such as 2024-02-29T12:30:00Z, whose pieces nobody takes for ids.  It counts
 * all the same: a pattern that would take it is none.
 */
static bool
is_time(struct span s)
{
	return s.len >= 16 && s.ptr[4] == '-' && s.ptr[7] == '-' &&
	       s.ptr[10] == 'T' && s.ptr[13] == ':' && s.ptr[0] >= '0' &&
	       s.ptr[0] <= '9';
}

/* Where the first separator is, or the text's end. */
static size_t
first_cut(struct span text)
{
	size_t at = 0;

	for (; at + 16 <= text.len; at += 16) {
		const uint32_t found = chars16_among(text.ptr + at, "#|:/");

		if (found != 0)
			return at + (size_t)__builtin_ctz(found);
	}
	while (at < text.len && (CLASSES[text.ptr[at]] & CUTS) == 0)
		at++;
	return at;
}

/* Cut the text, if it can be: at least two pieces, none empty. */
static bool
cut_up(struct span text, struct pieces *out)
{
	uint8_t packed[KEYUUID_LEN];
	size_t at = 0, word = 0;

	if (text.len > MAX_COMPOSITE)
		return false;
	out->time = is_time(text);
	/* The longest of what is common, which takes no look at each byte. */
	if (keyuuid_pack(text, packed))
		at = text.len;
	else
		at = first_cut(text);
	if (at == text.len) {
		while (word < text.len && (CLASSES[text.ptr[word]] & LETTER))
			word++;
		if (word < 2 || word > MAX_WORD || word + 1 >= text.len ||
		    (CLASSES[text.ptr[word]] & ENDS_WORD) == 0)
			return false;
		out->sep = text.ptr[word];
		out->of[0] = (struct span){ text.ptr, word };
		out->of[1] = (struct span){ text.ptr + word + 1,
					    text.len - word - 1 };
		out->n = 2;
		return true;
	}
	out->sep = text.ptr[at];
	out->n = 0;
	for (size_t start = 0;; start = at + 1, at = start) {
		while (at < text.len && text.ptr[at] != out->sep)
			at++;
		if (at == start || out->n == MAX_PIECES)
			return false;
		out->of[out->n++] = (struct span){ text.ptr + start,
						   at - start };
		if (at == text.len)
			return out->n > 1;
	}
}

static bool
is_word(struct span s)
{
	if (s.len > MAX_WORD || (CLASSES[s.ptr[0]] & LETTER) == 0)
		return false;
	for (size_t i = 1; i < s.len; i++)
		if ((CLASSES[s.ptr[i]] & WORD) == 0)
			return false;
	return true;
}

/* Each piece to its place below `node`.  Returns 0 or -1. */
static int
see_pieces(struct tree_of_paths *t, uint32_t node, const struct pieces *p,
	   struct err *err)
{
	struct part part = { .kind = PART_SHAPE, .sep = p->sep, .n = p->n };
	uint32_t at = tree_child(t, node, &part, err);

	for (unsigned i = 0; i < p->n && at != NO_NODE; i++) {
		part = (struct part){ .kind = PART_VAR };
		if (is_word(p->of[i]))
			part = (struct part){ PART_TAG, p->of[i],
					      name_hash(p->of[i]), 0, 0 };
		at = tree_child(t, at, &part, err);
	}
	if (at == NO_NODE)
		return err->code != ERR_NONE ? -1 : 0;
	t->nodes[at].values += t->weight;
	t->nodes[at].seen++;
	t->nodes[at].squares += (uint64_t)t->weight * t->weight;
	for (uint8_t i = 0; i < p->n && !p->time; i++) {
		part = (struct part){ .kind = PART_CAPTURE, .n = i };
		const uint32_t kid = tree_child(t, at, &part, err);

		if (kid == NO_NODE)
			return err->code != ERR_NONE ? -1 : 0;
		if (tree_add(t, kid, VALUE_S,
			     discover_hash('S', p->of[i]), err) != 0)
			return -1;
	}
	return 0;
}

/* ---- items --------------------------------------------------------------- */

struct look {
	struct tree_of_paths *tree;
	struct arena *mem;
	struct err *err;
};

static int
see_text(struct look *l, uint32_t node, const struct value *v)
{
	char room[DECIMAL_TEXT_LEN];
	struct pieces pieces;
	struct span text;

	if (v->len == 0 || v->len > DISCOVER_MAX_TEXT)
		return 0;
	if (discover_text(v, l->mem, room, &text, l->err) != 0 ||
	    tree_add(l->tree, node, (enum value_type)v->type,
		     discover_hash(value_type_name((enum value_type)
						   v->type)[0], text),
		     l->err) != 0)
		return -1;
	if (v->type == VALUE_S && !l->tree->cut && cut_up(text, &pieces))
		return see_pieces(l->tree, node, &pieces, l->err);
	return 0;
}

static int
see(struct look *l, uint32_t node, const struct value *v)
{
	const bool is_map = v->type == VALUE_M;
	struct part part = { .kind = PART_ELEMENTS };

	if (v->type >= VALUE_S && v->type <= VALUE_B)
		return see_text(l, node, v);
	if (!value_is_container(v))
		return 0;
	for (uint32_t i = 0; i < v->len; i += 1 + is_map) {
		const struct value *const kid = &v->kids[i + is_map];
		uint32_t at = node;

		if (is_map)
			part = (struct part){ PART_NAME, {
				v->kids[i].text, v->kids[i].len },
				v->kids[i].hash, 0, 0 };
		if (!value_is_set(v))
			at = tree_child(l->tree, node, &part, l->err);
		if (at == NO_NODE) {
			if (l->err->code != ERR_NONE)
				return -1;
			continue;
		}
		if (see(l, at, kid) != 0)
			return -1;
	}
	return 0;
}

/*
 * How many items one stands for; 0: it is passed over.  Its number in the file
 * decides and nothing else: whoever sees it decides the same.
 */
static uint32_t
weight_of(const struct item *item)
{
	const uint32_t weight = item->number <= VERY_MANY_ITEMS ? WEIGHT
							       : GREAT_WEIGHT;

	if (item->number <= MANY_ITEMS)
		return 1;
	return item->number * 0x9E3779B97F4A7C15u >> 32 & (weight - 1)
		? 0 : weight;
}

int
discover_see(struct discover *d, uint32_t table, const struct batch *b,
	     struct err *err)
{
	struct tree_of_paths *const t = &d->trees[table];
	struct look look = { t, &d->mem, err };

	arena_reset(&d->mem);
	if (tree_begin(t, err) != 0)
		return -1;
	for (uint32_t i = 0; i < b->nitems; i++) {
		t->items++;
		t->weight = weight_of(&b->items[i]);
		if (t->weight == 0)
			continue;
		t->stand_for += t->weight;
		t->thinned = t->thinned || t->weight > 1;
		if (see(&look, 0, &b->items[i].map) != 0 ||
		    tree_trim(t, MAX_NODES, err) != 0)
			return -1;
	}
	return tree_add_pending(t, err);
}

/* ---- observers ----------------------------------------------------------- */

struct discover *
discover_new(uint32_t ntables, struct err *err)
{
	struct discover *const d = calloc(1, sizeof(*d));

	if (d != NULL)
		d->trees = calloc(ntables + (size_t)1, sizeof(*d->trees));
	if (d == NULL || d->trees == NULL) {
		free(d);
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	d->ntrees = ntables;
	return d;
}

void
discover_clear(struct discover *d)
{
	for (uint32_t i = 0; i < d->ntrees; i++)
		tree_free(&d->trees[i]);
}

void
discover_free(struct discover *d)
{
	if (d == NULL)
		return;
	discover_clear(d);
	arena_free(&d->mem);
	free(d->trees);
	free(d);
}

int
discover_merge(struct discover *d, const struct discover *from,
	       struct err *err)
{
	for (uint32_t i = 0; i < d->ntrees && i < from->ntrees; i++)
		if (tree_merge(&d->trees[i], &from->trees[i], err) != 0)
			return -1;
	return 0;
}
