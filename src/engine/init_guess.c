/*
 * init_guess.c - what may be the key of a table of which no definition tells.
 *
 * A key's attributes are in every item, of one type, and no two items have the
 * same. Of those, names tell: what is called `pk` or `id` is it, rather than an
 * address that happens to be unique; and where there is an `sk`, it is the sort
 * key, needed or not. The second pass then finds out which really is unique.
 */
#include <string.h>

#include "base/err.h"
#include "engine/discover_judge.h"
#include "engine/init_internal.h"

enum { FEW = 3, SINGLES = 4, LEN = 32 };

struct guess {
	const struct discover_attr *attr;
	enum value_type type;
	int as_pk, as_sk;	/* how likely by its name */
};

/* Small letters and digits only; false if that is too long. */
static bool
plain(struct span name, char out[LEN])
{
	size_t n = 0;

	for (size_t i = 0; i < name.len; i++) {
		const uint8_t c = name.ptr[i];

		if (c == '_' || c == '-' || c == ' ')
			continue;
		if (n + 1 == LEN)
			return false;
		out[n++] = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
	}
	out[n] = '\0';
	return true;
}

static bool
is_one_of(const char *name, const char *const *words)
{
	for (; *words != NULL; words++)
		if (strcmp(name, *words) == 0)
			return true;
	return false;
}

static bool
is_word_in(const struct words *w, const char *const *words)
{
	for (unsigned i = 0; i < w->n; i++)
		if (is_one_of(w->of[i], words))
			return true;
	return false;
}

static int
likely_pk(struct span name, const struct words *table)
{
	static const char *const FIRST[] = {
		"pk", "partitionkey", "hashkey", "hk", NULL,
	};
	static const char *const SECOND[] = {
		"id", "uuid", "guid", "key", NULL,
	};
	static const char *const TIMES[] = {
		"at", "time", "date", "timestamp", "on", "created", "updated",
		NULL,
	};
	struct words words = { .n = 0 };
	char text[LEN];

	words_add(&words, name);
	if (plain(name, text) && is_one_of(text, FIRST))
		return 100;
	if (plain(name, text) && is_one_of(text, SECOND))
		return 90;
	if (words.n > 0 && is_one_of(words.of[words.n - 1], SECOND))
		return words_fit(&words, table) > 0 ? 80 : 60;
	if (words_fit(&words, table) > 0)
		return 40;
	return is_word_in(&words, TIMES) ? 10 : 20;
}

static int
likely_sk(struct span name)
{
	static const char *const NAMES[] = {
		"sk", "sortkey", "rangekey", "rk", "range", NULL,
	};
	static const char *const TIMES[] = {
		"at", "time", "date", "timestamp", "version", "sort", "line",
		"number", "no", "seq", "sequence", "index", "type", NULL,
	};
	struct words words = { .n = 0 };
	char text[LEN];

	words_add(&words, name);
	if (plain(name, text) && is_one_of(text, NAMES))
		return 100;
	return is_word_in(&words, TIMES) ? 50 : 10;
}

static enum value_type
type_named(char letter)
{
	return letter == 'S' ? VALUE_S : letter == 'N' ? VALUE_N
	     : letter == 'B' ? VALUE_B : (enum value_type)0;
}

/* The attributes that a key could have. */
static struct guess *
list(struct init *in, uint32_t table, size_t *n, struct err *err)
{
	struct words words = { .n = 0 };
	size_t nattrs;
	const struct discover_attr *const attrs =
		discover_attrs(in->seen, table, &in->mem, &nattrs, err);
	struct guess *const out = attrs == NULL ? NULL
		: arena_take(&in->mem, (nattrs + 1) * sizeof(*out), err);

	*n = 0;
	if (out == NULL)
		return NULL;
	words_add(&words, span_of(in->tables[table].name));
	for (size_t i = 0; i < nattrs; i++) {
		const struct discover_attr *const a = &attrs[i];
		struct guess g = {
			.attr = a, .type = type_named(a->type),
			.as_pk = likely_pk(a->name, &words),
			.as_sk = likely_sk(a->name),
		};

		/* A path in a plan could not name it plainly. */
		if (g.type != 0 && memchr(a->name.ptr, '\0',
					  a->name.len) == NULL)
			out[(*n)++] = g;
	}
	return out;
}

static int
add(struct init *in, struct init_table *t, const struct guess *pk,
    const struct guess *sk, struct err *err)
{
	struct init_key k = { .pk = { NULL, 0, pk->type } };

	for (size_t i = 0; i < t->nkeys; i++)
		if (span_is(pk->attr->name, t->keys[i].pk.name) &&
		    (sk == NULL ? t->keys[i].sk.name == NULL
		     : t->keys[i].sk.name != NULL &&
		       span_is(sk->attr->name, t->keys[i].sk.name)))
			return 0;
	if (t->nkeys == INIT_MAX_KEYS)
		return 0;
	k.pk.name = init_keep(in, pk->attr->name, err);
	k.pk.hash = name_hash(pk->attr->name);
	if (sk != NULL) {
		k.sk.name = init_keep(in, sk->attr->name, err);
		k.sk.hash = name_hash(sk->attr->name);
		k.sk.type = sk->type;
	}
	if (k.pk.name == NULL || (sk != NULL && k.sk.name == NULL))
		return -1;
	t->keys[t->nkeys++] = k;
	return 0;
}

/* The best `n` for a partition key, or a sort key, to the front. */
static void
sort(struct guess *all, size_t n, bool as_sk)
{
	for (size_t i = 1; i < n; i++) {
		const struct guess g = all[i];
		size_t k = i;

		for (; k > 0 && (as_sk ? g.as_sk > all[k - 1].as_sk
				 : g.as_pk > all[k - 1].as_pk); k--)
			all[k] = all[k - 1];
		all[k] = g;
	}
}

/* Pairs of which there can be enough different ones. */
static int
add_pairs(struct init *in, struct init_table *t, const struct guess *pks,
	  const struct guess *sks, size_t n, struct err *err)
{
	for (size_t i = 0; i < n && i < SINGLES; i++)
		for (size_t k = 0; k < n && k < SINGLES; k++) {
			const struct discover_attr *const a = pks[i].attr;
			const struct discover_attr *const b = sks[k].attr;

			if (a != b && (double)a->distinct *
			    (double)b->distinct >= 0.9 * (double)a->values &&
			    add(in, t, &pks[i], &sks[k], err) != 0)
				return -1;
		}
	return 0;
}

int
init_guess_keys(struct init *in, uint32_t table, uint32_t *nsets,
		struct err *err)
{
	struct init_table *const t = &in->tables[table];
	size_t n;
	struct guess *const pks = list(in, table, &n, err);
	struct guess *const sks = pks == NULL ? NULL
		: arena_take(&in->mem, (n + 1) * sizeof(*sks), err);

	if (sks == NULL)
		return -1;
	memcpy(sks, pks, n * sizeof(*sks));
	sort(pks, n, false);
	sort(sks, n, true);
	if (t->def != NULL) {
		t->keys[0] = (struct init_key){ .pk = t->def->pk,
						.sk = t->def->sk,
						.given = true };
		t->nkeys = 1;
	} else if (n > 1 && sks[0].as_sk == 100) {
		for (size_t i = 0; i < n && i < FEW; i++)
			if (pks[i].attr != sks[0].attr &&
			    add(in, t, &pks[i], &sks[0], err) != 0)
				return -1;
	}
	if (t->def == NULL) {
		for (size_t i = 0, k = 0; i < n && k < FEW; i++)
			if (pks[i].attr->unique && ++k > 0 &&
			    add(in, t, &pks[i], NULL, err) != 0)
				return -1;
		if (t->nkeys == 0 &&
		    add_pairs(in, t, pks, sks, n, err) != 0)
			return -1;
	}
	for (size_t i = 0; i < t->nkeys; i++)
		t->keys[i].set = (*nsets)++;
	return 0;
}
