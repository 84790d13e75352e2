/*
 * init_keys.c - the second pass: which keys are unique, what refers to them,
 * and to which tables ids belong.
 *
 * Tables may share ids: Users and UserProfiles, say. They belong to one of
 * them, its root; in the others they are references. Whose they are is told by
 * the name of the attribute, else by numbers: the larger one's.
 */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "engine/discover_judge.h"
#include "engine/discover_value.h"
#include "engine/init_internal.h"
#include "formats/ddbjson.h"
#include "model/batch.h"

/* ---- the second pass ----------------------------------------------------- */

struct eye {
	struct init *in;
	struct init_table *table;
	struct arena mem;
	struct discover_ids sums[INIT_MAX_KEYS];
	uint64_t hashes[DDBJSON_MAX_LINES];
};

static void *
open_eye(struct init *in, uint32_t table, struct err *err)
{
	struct eye *const e = calloc(1, sizeof(*e));

	if (e == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	e->in = in;
	e->table = &in->tables[table];
	return e;
}

/* The attribute's letter and text; false if it is no key attribute. */
static int
key_text(struct eye *e, const struct item *item, const struct init_attr *a,
	 char room[DECIMAL_TEXT_LEN], struct span *text, struct err *err)
{
	const struct value *const v = value_attr(&item->map, span_of(a->name),
						 a->hash);

	if (v == NULL || v->type != a->type || v->len == 0 ||
	    v->len > DISCOVER_MAX_TEXT)
		return 0;
	return discover_text(v, &e->mem, room, text, err) != 0 ? -1 : 1;
}

static uint64_t
mix(uint64_t pk, uint64_t sk)
{
	const uint64_t both[] = { pk, sk };

	return keyhash64_of((struct span){ (const uint8_t *)both,
					   sizeof(both) });
}

/* One key of all items: as ids, and whether it is unique. */
static int
see_key(struct eye *e, size_t number, const struct batch *b, struct err *err)
{
	struct init_key *const k = &e->table->keys[number];
	char room[DECIMAL_TEXT_LEN];
	struct span text;
	uint32_t n = 0;
	int rc = 0;

	for (uint32_t i = 0; i < b->nitems && rc >= 0; i++) {
		const struct item *const item = &b->items[i];
		const char type = value_type_name(k->pk.type)[0];

		rc = key_text(e, item, &k->pk, room, &text, err);
		if (rc <= 0)
			continue;
		discover_probe_id(e->in->probe, k->set, &e->sums[number], type,
				  text);
		if (k->given)
			continue;
		e->hashes[n] = discover_hash(type, text);
		if (k->sk.name != NULL) {
			rc = key_text(e, item, &k->sk, room, &text, err);
			if (rc <= 0)
				continue;
			e->hashes[n] = mix(e->hashes[n], discover_hash(
				value_type_name(k->sk.type)[0], text));
		}
		n++;
	}
	if (rc < 0)
		return -1;
	pthread_mutex_lock(&e->table->lock);
	k->nitems += n;
	for (rc = 0; n > 0 && rc == 0; n--)
		rc = sketch_add(&k->seen, e->hashes[n - 1], 1, err);
	pthread_mutex_unlock(&e->table->lock);
	return rc;
}

static int
see_keys(void *eye, const struct batch *b, struct err *err)
{
	struct eye *const e = eye;

	arena_reset(&e->mem);
	for (size_t i = 0; i < e->table->nkeys; i++)
		if (see_key(e, i, b, err) != 0)
			return -1;
	return 0;
}

static int
close_eye(void *eye, struct err *err)
{
	struct eye *const e = eye;

	(void)err;
	for (size_t i = 0; i < e->table->nkeys; i++)
		discover_probe_sum(e->in->probe, e->table->keys[i].set,
				   &e->sums[i]);
	arena_free(&e->mem);
	free(e);
	return 0;
}

const struct init_look INIT_LOOK_AT_KEYS = {
	.open = open_eye, .see = see_keys, .close = close_eye,
};

/* ---- keys ---------------------------------------------------------------- */

static bool
is_unique(const struct init_table *t, struct init_key *k)
{
	bool unique = k->nitems == t->items;	/* else one lacks it */

	if (k->given)
		return true;
	sketch_settle(&k->seen);
	for (uint32_t i = 0; k->seen.n > 0 && i <= k->seen.mask; i++)
		unique = unique && sketch_slot(&k->seen, i)[1] < 2;
	return unique;
}

/* What is known of the partition key as an attribute. */
static void
look_at_pk(struct init *in, struct init_table *t, uint32_t table)
{
	struct arena mem = { 0 };
	struct err err;
	size_t n;
	const struct discover_attr *const attrs =
		discover_attrs(in->seen, table, &mem, &n, &err);

	for (size_t i = 0; attrs != NULL && i < n; i++)
		if (span_is(attrs[i].name, t->key->pk.name)) {
			t->nids = attrs[i].distinct;
			t->composite = 2 * attrs[i].composite >=
				       attrs[i].values;
		}
	arena_free(&mem);
}

/* Are A's keys ids of B?  By names, then by numbers; see above. */
static bool
belongs(const struct init *in, uint32_t a, uint32_t b)
{
	const struct init_table *const x = &in->tables[a];
	const struct init_table *const y = &in->tables[b];
	const struct span pk = span_of(x->key->pk.name);
	struct words name = { .n = 0 }, own = { .n = 0 }, other = { .n = 0 };

	if (discover_share(in->probe, a, pk, y->key->set) * 100 <
	    INIT_LEAST_PERCENT)
		return false;
	words_add(&name, pk);
	words_add(&own, span_of(x->name));
	words_add(&other, span_of(y->name));

	const int fits = words_fit(&name, &own);
	const int fits_other = words_fit(&name, &other);
	if (fits_other > fits)
		return probe_is_wide(in->probe, y->key->set) ||
		       words_name_id(&name, &other);
	if (fits_other < fits || !probe_is_wide(in->probe, y->key->set))
		return false;
	return x->nids < y->nids || (x->nids == y->nids && a > b);
}

/* Does the way of roots from `b` lead to `a`? */
static bool
leads_to(const struct init *in, uint32_t b, uint32_t a)
{
	for (uint32_t n = 0; b != DISCOVER_NONE && n <= in->ntables; n++) {
		if (b == a)
			return true;
		b = in->tables[b].root;
	}
	return false;
}

/* The name of the partition key as paths have it. */
static int
name_pk(struct init *in, struct init_table *t, struct err *err)
{
	struct buf text = { 0 };

	if (print_name(span_of(t->key->pk.name), &text, err) == 0)
		t->pk_path = init_keep(in, buf_span(&text), err);
	buf_free(&text);
	return t->pk_path != NULL ? 0 : -1;
}

int
init_choose_keys(struct init *in, struct err *err)
{
	for (uint32_t i = 0; i < in->ntables; i++) {
		struct init_table *const t = &in->tables[i];

		t->root = DISCOVER_NONE;
		for (size_t k = 0; k < t->nkeys && t->key == NULL; k++)
			if (is_unique(t, &t->keys[k]))
				t->key = &t->keys[k];
		if (t->key == NULL)
			continue;
		look_at_pk(in, t, i);
		if (name_pk(in, t, err) != 0)
			return -1;
	}
	for (uint32_t a = 0; a < in->ntables; a++)
		for (uint32_t b = 0; b < in->ntables; b++) {
			struct init_table *const t = &in->tables[a];

			if (a == b || t->key == NULL ||
			    in->tables[b].key == NULL || leads_to(in, b, a) ||
			    !belongs(in, a, b))
				continue;
			/* Of several, the one with most ids. */
			if (t->root == DISCOVER_NONE ||
			    in->tables[b].nids > in->tables[t->root].nids)
				t->root = b;
		}
	return 0;
}

/* ---- ids and references -------------------------------------------------- */

static int
judge(struct init *in, struct discover_table *tables, struct err *err)
{
	discover_result_free(&in->found);
	return discover_judge(in->probe, tables, &in->found, err);
}

/* Is the key's name that of an id? */
static bool
looks_like_id(const struct init_table *t)
{
	struct words name = { .n = 0 }, table = { .n = 0 };

	words_add(&name, span_of(t->key->pk.name));
	words_add(&table, span_of(t->name));
	if (name.n == 0)
		return false;
	const char *const last = name.of[name.n - 1];
	return strcmp(last, "id") == 0 || strcmp(last, "uuid") == 0 ||
	       strcmp(last, "guid") == 0 ||
	       (name.n == 1 && strcmp(last, "pk") == 0);
}

/* Whose id is it?  What is a reference, or has one inside, is no own id. */
static void
choose_ids(struct init *in)
{
	for (uint32_t i = 0; i < in->ntables; i++) {
		struct init_table *const t = &in->tables[i];

		t->has_id = t->key != NULL && t->root == DISCOVER_NONE &&
			    !t->composite && looks_like_id(t);
	}
	for (size_t i = 0; i < in->found.nfound; i++) {
		const struct discover_found *const f = &in->found.found[i];
		struct init_table *const t = &in->tables[f->to];

		t->has_id = t->key != NULL && t->root == DISCOVER_NONE &&
			    !t->composite;
	}
	for (size_t i = 0; i < in->found.nfound; i++) {
		const struct discover_found *const f = &in->found.found[i];
		struct init_table *const t = &in->tables[f->table];

		if (t->key != NULL && strcmp(f->path, t->pk_path) == 0)
			t->has_id = false;
	}
}

int
init_find_references(struct init *in, struct err *err)
{
	struct discover_table *const tables =
		calloc(in->ntables + (size_t)1, sizeof(*tables));
	int rc = -1;

	if (tables == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	for (uint32_t i = 0; i < in->ntables; i++) {
		const struct init_table *const t = &in->tables[i];

		tables[i] = (struct discover_table){
			.name = t->name,
			.own = t->pk_path,
			.set = t->key != NULL && t->root == DISCOVER_NONE
				? t->key->set : DISCOVER_NONE,
		};
	}
	/* Once to see whose ids there are; then what refers to them. */
	if (judge(in, tables, err) != 0)
		goto done;
	choose_ids(in);
	for (uint32_t i = 0; i < in->ntables; i++)
		if (in->tables[i].has_id) {
			tables[i].declared = &tables[i].own;
			tables[i].ndeclared = 1;
		}
	rc = judge(in, tables, err);
done:
	free(tables);
	return rc;
}
