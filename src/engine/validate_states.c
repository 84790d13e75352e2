/*
 * validate_states.c - of items that were found in a full export and in the
 * increments after it: those that the table has at the end of the last window.
 *
 * What was found is little, and its source keys are kept in memory.  The
 * records of the increments are read once more, and say of each of those keys
 * which record is its last one.  An item of the full export stays if there is
 * none, a new image if it is that record's.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "engine/crew.h"
#include "engine/reading.h"
#include "engine/sourcekey.h"
#include "engine/validate_internal.h"
#include "formats/ddbjson.h"
#include "model/batch.h"

/* A source key of something that was found, and its last record. */
struct known {
	struct keyhash key;
	uint32_t table;
	uint32_t unit;		/* of the record; 0 in line 0: none yet */
	uint64_t line;
};

struct states {
	const struct validate_options *options;
	const struct dump *dump;
	struct sourcekey *keys;		/* one a table; .n 0: has no records */
	struct known *known;		/* sorted */
	size_t nknown;
	_Atomic uint32_t next;
	pthread_mutex_t lock;
};

bool
validate_is_state(const struct dump *d, uint32_t table)
{
	for (uint32_t i = 0; i < d->nunits; i++)
		if (d->units[i].input == table && d->units[i].increment)
			return true;
	return false;
}

/* The Keys of a record, as reading.h shows it. */
static const struct value *
keys_of(const struct item *record)
{
	return &record->map.kids[1];
}

/* ---- source keys --------------------------------------------------------- */

/* What the first record of the file that has one says. */
static int
read_key(struct sourcekey *key, struct reading *r, const struct unit *u,
	 struct arena *mem, struct err *err)
{
	struct batch *b;
	int rc;

	if (reading_start(r, u, false, err) != 0)
		return -1;
	while ((rc = reading_next(r, &b, err)) > 0)
		if (b->nitems > 0)
			return sourcekey_of(key, keys_of(&b->items[0]), mem,
					    err);
	return rc;
}

static int
find_keys(struct states *s, struct arena *mem, struct err *err)
{
	const struct dump *const d = s->dump;
	struct reading *const r = reading_new(err);
	int rc = 0;

	s->keys = arena_take(mem, (d->ntables + 1) * sizeof(*s->keys), err);
	if (r == NULL || s->keys == NULL)
		rc = -1;
	for (uint32_t i = 0; rc == 0 && i < d->ntables; i++)
		s->keys[i] = (struct sourcekey){ .n = 0 };
	for (uint32_t i = 0; rc == 0 && i < d->nunits; i++) {
		const struct unit *const u = &d->units[i];

		if (u->increment && s->keys[u->input].n == 0)
			rc = read_key(&s->keys[u->input], r, u, mem, err);
	}
	reading_free(r);
	return rc;
}

static int
order(const void *a, const void *b)
{
	const struct known *const x = a, *const y = b;

	if (x->table != y->table)
		return x->table < y->table ? -1 : 1;
	if (x->key.hi != y->key.hi)
		return x->key.hi < y->key.hi ? -1 : 1;
	return (x->key.lo > y->key.lo) - (x->key.lo < y->key.lo);
}

/* The source key of what was found.  Returns 1; 0 if it has none; or -1. */
static int
hash(const struct states *s, struct ddbjson *reader,
     const struct validate_find *f, struct known *out, struct err *err)
{
	const uint32_t table = s->dump->units[f->unit].input;
	struct arena mem = { 0 };
	const struct item *item = NULL;
	int rc = 0;

	*out = (struct known){ .table = table };
	if (s->keys[table].n > 0) {
		item = ddbjson_decode_line(reader, f->item, &mem, err);
		rc = item == NULL ? -1 : sourcekey_hash(&s->keys[table],
							&item->map, &mem,
							&out->key, err);
	}
	arena_free(&mem);
	return rc;
}

/* ---- records ------------------------------------------------------------- */

static int
take_record(struct states *s, const struct unit *u, const struct item *record,
	    struct arena *mem, struct err *err)
{
	struct known wanted = { .table = u->input };
	const int rc = sourcekey_hash(&s->keys[u->input], keys_of(record), mem,
				      &wanted.key, err);
	struct known *k = NULL;

	if (rc > 0)
		k = bsearch(&wanted, s->known, s->nknown, sizeof(*k), order);
	if (k == NULL)
		return rc < 0 ? -1 : 0;
	pthread_mutex_lock(&s->lock);
	if (k->line == 0 || k->unit < u->number ||
	    (k->unit == u->number && k->line < record->number)) {
		k->unit = u->number;
		k->line = record->number;
	}
	pthread_mutex_unlock(&s->lock);
	return 0;
}

static int
work(void *context, struct err *err)
{
	struct states *const s = context;
	const atomic_bool *const cancel = s->options->cancel;
	struct reading *const r = reading_new(err);
	int rc = r != NULL ? 0 : -1;
	struct batch *b;
	uint32_t n;

	while (rc == 0 &&
	       (n = atomic_fetch_add(&s->next, 1)) < s->dump->nunits) {
		const struct unit *const u = &s->dump->units[n];

		if (!u->increment)
			continue;
		rc = reading_start(r, u, false, err);
		while (rc == 0 && (rc = reading_next(r, &b, err)) > 0) {
			rc = 0;
			for (uint32_t i = 0; i < b->nitems && rc == 0; i++)
				rc = take_record(s, u, &b->items[i], &b->mem,
						 err);
			if (cancel != NULL && atomic_load(cancel))
				rc = err_set(err, ERR_CANCELLED,
					     "interrupted");
		}
	}
	reading_free(r);
	return rc;
}

/* ---- what stays ---------------------------------------------------------- */

/* Is it what the table has at the end? */
static bool
stays(const struct states *s, const struct validate_find *f,
      const struct known *of)
{
	const struct known *const k = of->table == UINT32_MAX ? NULL :
		bsearch(of, s->known, s->nknown, sizeof(*k), order);

	return k == NULL || k->line == 0 ||
	       (k->unit == f->unit && k->line == f->line);
}

int
validate_states(const struct validate_options *o, const struct dump *d,
		struct validate_find *finds, size_t *n, struct err *err)
{
	struct states s = { .options = o, .dump = d };
	struct arena mem = { 0 };
	struct ddbjson *const reader = ddbjson_new(err);
	struct known *const all = arena_take(&mem, (*n + 1) * sizeof(*all),
					     err);
	size_t kept = 0;
	int rc = reader == NULL || all == NULL ? -1 : find_keys(&s, &mem, err);

	pthread_mutex_init(&s.lock, NULL);
	if (rc == 0)
		s.known = arena_take(&mem, (*n + 1) * sizeof(*s.known), err);
	if (s.known == NULL)
		rc = -1;
	for (size_t i = 0; i < *n && rc == 0; i++) {
		const int has = hash(&s, reader, &finds[i], &all[i], err);

		if (has > 0)
			s.known[s.nknown++] = all[i];
		else
			all[i].table = UINT32_MAX;
		rc = has < 0 ? -1 : 0;
	}
	if (s.nknown > 1)
		qsort(s.known, s.nknown, sizeof(*s.known), order);
	for (size_t i = 0; i < s.nknown; i++)
		if (kept == 0 || order(&s.known[kept - 1], &s.known[i]) != 0)
			s.known[kept++] = s.known[i];
	s.nknown = kept;
	if (rc == 0)
		rc = crew_do(o->threads > 0 ? o->threads : 1, work, &s, err);
	kept = 0;
	for (size_t i = 0; i < *n && rc == 0; i++)
		if (stays(&s, &finds[i], &all[i]))
			finds[kept++] = finds[i];
	*n = kept;
	pthread_mutex_destroy(&s.lock);
	ddbjson_free(reader);
	arena_free(&mem);
	return rc;
}
