#include "engine/differ.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "engine/differ_internal.h"
#include "engine/keysort.h"
#include "io/spill.h"
#include "model/item.h"

enum {
	MAX_PARTS = 256,
	USUAL_MEMORY = 1024 * 1024 * 1024,
	UNPACKED = 8,		/* a packed byte is about as many */
	NEAR_LEN = 1024 * 1024,	/* of differences, before they go to a file */
};

/* What to do where its temporary files do not fit. */
static const char ROOM[] = "make room, or name another folder by TMPDIR";

/* ---- which tables, and by which keys ------------------------------------- */

static int
find(struct differ *d, struct err *err)
{
	const struct differ_options *const o = d->options;
	struct dump_options a = o->a, b = o->b;

	a.records = b.records = true;
	if (dump_find(&a, &d->a, err) != 0 ||
	    exports_check(&d->a.exports, o->a.accept, o->a.naccept, err) != 0 ||
	    dump_find(&b, &d->b, err) != 0)
		return -1;
	if (dump_check_states(&d->a, err) != 0 ||
	    dump_check_states(&d->b, err) != 0)
		return -1;
	return exports_check(&d->b.exports, o->b.accept, o->b.naccept, err);
}

/* Two exports of one table are two states of it: which is meant? */
static int
check_once(const struct dump *d, struct err *err)
{
	for (uint32_t i = 0; i < d->ntables; i++)
		if (d->tables[i].nexports > 1)
			return err_set(err, ERR_USAGE, "there are %u full "
				       "exports of table '%s', the first in "
				       "'%s': name the one that is meant",
				       d->tables[i].nexports,
				       d->tables[i].name, d->tables[i].path);
	return 0;
}

/* The names in --key. */
static int
read_key(struct differ *d, struct plan_key *key, struct err *err)
{
	const char *const said = d->options->key;
	const char *const comma = strchr(said, ',');
	const size_t n = comma != NULL ? (size_t)(comma - said) : strlen(said);
	const char *names[2] = { NULL, NULL };

	if (n == 0 || (comma != NULL && comma[1] == '\0') ||
	    strchr(said, '=') != NULL ||
	    (comma != NULL && strchr(comma + 1, ',') != NULL))
		return err_set(err, ERR_USAGE, "--key '%s': the names of the "
			       "key's attributes are wanted, as 'id' or "
			       "'pk,sk'", said);
	for (size_t i = 0; i < (comma != NULL ? 2 : 1); i++) {
		const struct span text = { (const uint8_t *)
					   (i == 0 ? said : comma + 1),
					   i == 0 ? n : strlen(comma + 1) };
		uint8_t *const copy = arena_take(&d->mem, text.len + 1, err);

		if (copy == NULL)
			return -1;
		memcpy(copy, text.ptr, text.len);
		copy[text.len] = '\0';
		names[i] = (const char *)copy;
	}
	*key = (struct plan_key){ { names[0], 0 }, { names[1], 0 } };
	return 0;
}

static bool
same_name(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static int
choose_key(struct differ *d, struct table *t, struct err *err)
{
	const struct plan_key *const a = &d->a.tables[t->tables[0]].key;
	const struct plan_key *const b = &d->b.tables[t->tables[1]].key;

	if (d->options->key != NULL)
		return read_key(d, &t->key, err);
	if (a->pk.name == NULL && b->pk.name == NULL)
		return err_set(err, ERR_USAGE, "nothing says the key of %s%s%s:"
			       " add --key pk or --key pk,sk, or its "
			       "definition by --tables-from FILE",
			       t->sums.a != NULL ? "table '" : "this table",
			       t->sums.a != NULL ? t->sums.a : "",
			       t->sums.a != NULL ? "'" : "");
	if (a->pk.name != NULL && b->pk.name != NULL &&
	    (!same_name(a->pk.name, b->pk.name) ||
	     !same_name(a->sk.name, b->sk.name)))
		return err_set(err, ERR_USAGE, "table '%s' has the key '%s%s%s'"
			       " in the first dump and '%s%s%s' in the second: "
			       "say --key", t->sums.a, a->pk.name,
			       a->sk.name != NULL ? "," : "",
			       a->sk.name != NULL ? a->sk.name : "",
			       b->pk.name, b->sk.name != NULL ? "," : "",
			       b->sk.name != NULL ? b->sk.name : "");
	t->key = a->pk.name != NULL ? *a : *b;
	return 0;
}

/* ---- one table ----------------------------------------------------------- */

/* About how many bytes the items of a table have, unpacked. */
static uint64_t
plain_len(const struct dump *d, uint32_t table)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < d->nunits; i++)
		if (d->units[i].input == table)
			sum += d->units[i].packed_len > 0
				? d->units[i].packed_len * UNPACKED
				: (uint64_t)USUAL_MEMORY * UNPACKED;
	return sum;
}

static size_t
memory_of(const struct differ *d)
{
	return d->options->memory > 0 ? d->options->memory : USUAL_MEMORY;
}

static int
make_parts(struct differ *d, struct table *t, struct err *err)
{
	const uint64_t len = plain_len(&d->a, t->tables[0]) +
			     plain_len(&d->b, t->tables[1]);

	/* Each thread has a part: half of the memory for all, in all. */
	const uint64_t each = memory_of(d) / 2 /
		(d->options->threads > 0 ? d->options->threads : 1);

	for (t->nparts = 1; t->nparts < MAX_PARTS && len / t->nparts > each;
	     t->nparts *= 2)
		;
	t->parts = calloc(t->nparts, sizeof(*t->parts));
	if (t->parts == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	for (unsigned i = 0; i < t->nparts; i++) {
		pthread_mutex_init(&t->parts[i].lock, NULL);
		t->parts[i].spill = spill_new(d->options->tmp, ROOM, err);
		if (t->parts[i].spill == NULL)
			return -1;
	}
	t->pairs = spill_new(d->options->tmp, ROOM, err);
	return t->pairs != NULL ? 0 : -1;
}

static void
free_table(struct table *t)
{
	for (unsigned i = 0; t->parts != NULL && i < t->nparts; i++) {
		spill_free(t->parts[i].spill);
		pthread_mutex_destroy(&t->parts[i].lock);
	}
	free(t->parts);
	free(t->known);
	buf_free(&t->hashes);
	spill_free(t->pairs);
	keysort_free(t->found);
	pthread_mutex_destroy(&t->lock);
}

static int
compare(struct differ *d, struct table *t, struct err *err)
{
	if (choose_key(d, t, err) != 0 || make_parts(d, t, err) != 0 ||
	    differ_spread(d, t, err) != 0)
		return -1;
	t->found = keysort_new(t->sums.items[0] + t->sums.items[1],
			       memory_of(d) / 4, NEAR_LEN, d->options->tmp,
			       err);
	if (t->found == NULL || differ_compare(d, t, err) != 0 ||
	    differ_show(d, t, err) != 0)
		return -1;
	return d->options->end(d->options->context, &t->sums, err);
}

static int
do_table(struct differ *d, uint32_t a, uint32_t b, struct err *err)
{
	struct table t = {
		.dumps = { &d->a, &d->b }, .tables = { a, b },
		.sums = { .a = d->a.tables[a].name, .b = d->b.tables[b].name },
	};

	pthread_mutex_init(&t.lock, NULL);
	const int rc = compare(d, &t, err);
	free_table(&t);
	return rc;
}

/* ---- all of them --------------------------------------------------------- */

/* The table of that name; ntables if there is none. */
static uint32_t
table_named(const struct dump *d, const char *name)
{
	uint32_t i = 0;

	while (i < d->ntables && !same_name(d->tables[i].name, name))
		i++;
	return i;
}

/* A table that is in one of the dumps only. */
static int
tell_lonely(struct differ *d, const struct dump_table *t, unsigned side,
	    struct err *err)
{
	struct differ_sums s = {
		.a = t->name, .b = t->name,
		.only_a = side == 0, .only_b = side == 1,
	};

	s.items[side] = t->nitems;
	return d->options->end(d->options->context, &s, err);
}

/* A table without a name, where the other dump has several. */
static int
check_names(const struct dump *d, const struct dump *other, struct err *err)
{
	for (uint32_t i = 0; i < d->ntables; i++)
		if (d->tables[i].name == NULL)
			return err_set(err, ERR_USAGE, "nothing says the table "
				       "of '%s', and there are %u tables in "
				       "'%s': say which by --table",
				       d->tables[i].path, other->ntables,
				       other->tables[0].path);
	return 0;
}

/* Before hours of reading: does something say the key of every table? */
static int
check_keys(struct differ *d, struct err *err)
{
	const bool one = d->a.ntables == 1 && d->b.ntables == 1;

	if (!one && d->a.ntables > 0 && d->b.ntables > 0 &&
	    (check_names(&d->a, &d->b, err) != 0 ||
	     check_names(&d->b, &d->a, err) != 0))
		return -1;

	for (uint32_t i = 0; i < d->a.ntables; i++) {
		const uint32_t k = one ? 0 : table_named(&d->b,
							 d->a.tables[i].name);
		struct table t = {
			.tables = { i, k }, .sums = { .a = d->a.tables[i].name },
		};

		if (k < d->b.ntables && choose_key(d, &t, err) != 0)
			return -1;
	}
	return 0;
}

static int
do_all(struct differ *d, struct err *err)
{
	int rc = check_keys(d, err);

	/* One table each are meant for each other, whatever they are called. */
	if (rc == 0 && d->a.ntables == 1 && d->b.ntables == 1)
		return do_table(d, 0, 0, err);
	for (uint32_t i = 0; i < d->a.ntables && rc == 0; i++) {
		const uint32_t k = table_named(&d->b, d->a.tables[i].name);

		rc = k < d->b.ntables ? do_table(d, i, k, err)
			: tell_lonely(d, &d->a.tables[i], 0, err);
	}
	for (uint32_t i = 0; i < d->b.ntables && rc == 0; i++)
		if (table_named(&d->a, d->b.tables[i].name) == d->a.ntables)
			rc = tell_lonely(d, &d->b.tables[i], 1, err);
	return rc;
}

int
differ_do(const struct differ_options *o, struct err *err)
{
	struct differ d = { .options = o };
	int rc = rows_ignored_parse(&d.ignored, o->ignore, err);

	if (rc == 0)
		rc = find(&d, err);
	if (rc == 0)
		rc = check_once(&d.a, err);
	if (rc == 0)
		rc = check_once(&d.b, err);
	if (rc == 0)
		rc = do_all(&d, err);
	rows_ignored_free(&d.ignored);
	arena_free(&d.mem);
	dump_free(&d.a);
	dump_free(&d.b);
	return rc;
}
