/*
 * differ_spread.c - the items of both dumps to the parts of their table, by the
 * hashes of their keys.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/decimal.h"
#include "base/err.h"
#include "engine/crew.h"
#include "engine/differ_internal.h"
#include "engine/reading.h"
#include "io/spill.h"
#include "model/batch.h"

enum {
	BUFFER_LEN = 64 * 1024,		/* of a part, in a thread, or less */
	BUFFERS_LEN = 4 * 1024 * 1024,	/* of all parts, in a thread */
	KNOWN_LEN = 64 * 1024 * 1024,	/* of hashes: more are not kept */
};

/* What all threads share. */
struct spreading {
	struct differ *d;
	struct table *t;
	unsigned side;
	_Atomic uint32_t next;	/* of its units */
	_Atomic uint64_t nread;	/* items */
	atomic_bool stop;
};

/* A thread. */
struct hand {
	struct spreading *all;
	struct reading *reading;
	struct buf *buffers;	/* one a part */
	size_t buffer_len;
	struct buf text, note;
	struct buf hashes;	/* of keys of the first dump */
	const struct unit *unit;
	unsigned side;
	uint64_t nitems, nbad;
};

/* ---- keys ---------------------------------------------------------------- */

/* Add one key attribute to the hash.  1; 0 with *err: it cannot be; or -1. */
static int
hash_attr(const struct plan_key_attr *a, const struct item *item,
	  struct arena *mem, struct keyhash *out, struct err *err)
{
	const struct span name = span_of(a->name);
	const struct value *const v = value_attr(&item->map, name,
						 name_hash(name));
	char number[DECIMAL_TEXT_LEN];
	struct span text;

	if (v == NULL) {
		err_set(err, ERR_INPUT, "key attribute '%s' is missing",
			a->name);
		return 0;
	}
	if (v->type != VALUE_S && v->type != VALUE_N && v->type != VALUE_B) {
		err_set(err, ERR_INPUT, "key attribute '%s' is of type %s, "
			"which no key is", a->name,
			value_type_name((enum value_type)v->type));
		return 0;
	}
	if (value_text(v, mem, &text, err) != 0)
		return -1;
	if (v->type == VALUE_N)
		text = (struct span){ (const uint8_t *)number,
				      decimal_canonical(text, number) };
	/* A B by its base64, of which there is one. */
	*out = keyhash_of_id(value_type_name((enum value_type)v->type)[0],
			     text);
	return 1;
}

static int
hash_key(const struct plan_key *key, const struct item *item,
	 struct arena *mem, struct keyhash *out, struct err *err)
{
	struct keyhash two[2];
	int rc = hash_attr(&key->pk, item, mem, &two[0], err);

	if (rc == 1 && key->sk.name != NULL) {
		rc = hash_attr(&key->sk, item, mem, &two[1], err);
		two[0] = keyhash_of((struct span){ (const uint8_t *)two,
						   sizeof(two) });
	}
	*out = two[0];
	return rc;
}

/* ---- keys of the first dump ---------------------------------------------- */

/* Where a hash is, or is to be. */
static uint64_t *
slot_of(const struct table *t, uint64_t hash)
{
	const uint64_t mask = ((uint64_t)1 << t->known_bits) - 1;
	uint64_t i = hash & mask;

	while (t->known[i] != 0 && t->known[i] != hash)
		i = (i + 1) & mask;
	return &t->known[i];
}

static int
build_known(struct table *t, struct err *err)
{
	const size_t n = t->hashes.len / 8;

	if (t->hashes.len >= KNOWN_LEN)
		return 0;	/* then all of the second dump is spread */
	t->known_bits = 4;
	while (((size_t)1 << t->known_bits) < 2 * n)
		t->known_bits++;
	t->known = calloc((size_t)1 << t->known_bits, sizeof(*t->known));
	if (t->known == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	for (size_t i = 0; i < n; i++) {
		const uint64_t hash = load_le64(t->hashes.ptr + i * 8) | 1;

		*slot_of(t, hash) = hash;
	}
	return 0;
}

/* By other bits than those that choose the part. */
static bool
is_of_shard(const struct differ_options *o, const struct keyhash *key)
{
	return o->nshards == 0 || key->lo % o->nshards == o->shard - 1;
}

/* Note a key of the first dump; of the second, is it one of those? */
static int
is_of_interest(struct hand *h, uint64_t hash, struct err *err)
{
	const struct table *const t = h->all->t;
	uint8_t bytes[8];

	if (!h->all->d->options->only_a)
		return 1;
	if (h->side == 1)
		return t->known == NULL || *slot_of(t, hash | 1) != 0;
	if (h->hashes.len >= KNOWN_LEN)
		return 1;
	store_le64(bytes, hash);
	return buf_append(&h->hashes, (struct span){ bytes, 8 }, err) != 0
		? -1 : 1;
}

/* ---- items --------------------------------------------------------------- */

static int
flush(struct hand *h, unsigned i, struct err *err)
{
	struct part *const p = &h->all->t->parts[i];

	pthread_mutex_lock(&p->lock);
	const int rc = spill_write(p->spill, buf_span(&h->buffers[i]), err);
	pthread_mutex_unlock(&p->lock);
	buf_reset(&h->buffers[i]);
	return rc;
}

static int
tell(struct hand *h, uint64_t line, const char *why, struct err *err)
{
	struct differ *const d = h->all->d;

	if (d->options->shard > 1)
		return 0;
	h->nbad++;
	buf_reset(&h->note);
	if (buf_printf(&h->note, err, "%s: line %" PRIu64 "%s%s",
		       reading_name(h->unit), line,
		       strncmp(why, "byte ", 5) == 0 ? ", " : ": ", why) != 0)
		return -1;
	pthread_mutex_lock(&h->all->t->lock);
	const int rc = d->options->tell(d->options->context,
					buf_span(&h->note), err);
	pthread_mutex_unlock(&h->all->t->lock);
	return rc;
}

/* One of the maps in a record (reading.h), as an item; NULL: it has none. */
static const struct item *
part_of(const struct item *record, const char *name, struct item *out)
{
	const struct span s = span_of(name);
	const struct value *const v = value_attr(&record->map, s,
						 name_hash(s));

	*out = *record;
	if (v != NULL)
		out->map = *v;
	return v != NULL ? out : NULL;
}

/* `now` is what the key has: NULL if that is nothing any more. */
static int
add(struct hand *h, const struct item *of_key, const struct item *now,
    struct arena *mem, struct err *err)
{
	const struct table *const t = h->all->t;
	const struct item *const item = of_key;
	struct keyhash key;
	struct span text = { NULL, 0 };
	struct err why;
	int rc = hash_key(&t->key, item, mem, &key, &why);

	if (rc < 0)
		*err = why;
	if (rc <= 0)
		return rc < 0 ? -1 : tell(h, item->number, why.text, err);
	if (!is_of_shard(h->all->d->options, &key))
		return 0;
	h->nitems++;
	rc = is_of_interest(h, key.lo, err);
	if (rc <= 0)
		return rc;
	if (now != NULL && reading_text(h->reading, now, &h->text, &text, err) != 0)
		return -1;

	const unsigned i = (unsigned)(key.hi >> 32) & (t->nparts - 1);
	const size_t len = RECORD_TEXT + (text.len + 7) / 8 * 8;
	uint8_t *const to = buf_reserve(&h->buffers[i], len, err);

	if (to == NULL)
		return -1;
	store_le64(to + RECORD_HI, key.hi);
	store_le64(to + RECORD_LO, key.lo);
	store_le32(to + RECORD_UNIT, h->unit->number |
		   (h->side == 1 ? RECORD_SIDE_B : 0));
	store_le32(to + RECORD_LEN, (uint32_t)text.len);
	store_le64(to + RECORD_LINE, item->number);
	memset(to + len - 8, 0, 8);
	if (text.len > 0)
		memcpy(to + RECORD_TEXT, text.ptr, text.len);
	buf_commit(&h->buffers[i], len);
	return h->buffers[i].len >= h->buffer_len ? flush(h, i, err) : 0;
}

static int
add_item(struct hand *h, const struct item *item, struct arena *mem,
	 struct err *err)
{
	struct item keys, new;

	if (!h->unit->increment)
		return add(h, item, item, mem, err);
	return add(h, part_of(item, READING_KEYS, &keys),
		   part_of(item, "NewImage", &new), mem, err);
}

static int
add_batch(struct hand *h, struct batch *b, struct err *err)
{
	int rc = 0;

	for (uint32_t i = 0; i < b->nrejects && rc == 0; i++) {
		struct err why = b->rejects[i].why;

		err_at(&why, "byte %" PRIu64, b->rejects[i].at + 1);
		rc = tell(h, b->rejects[i].number, why.text, err);
	}
	for (uint32_t i = 0; i < b->nitems && rc == 0; i++)
		rc = add_item(h, &b->items[i], &b->mem, err);
	return rc;
}

static void
show_progress(struct hand *h, const struct batch *b)
{
	struct table *const t = h->all->t;
	const struct differ_options *const o = h->all->d->options;
	const uint64_t n = atomic_fetch_add(&h->all->nread, b->nitems) +
			   b->nitems;

	/* Who finds another one at it need not wait. */
	if (o->watch == NULL || h->side != 1 ||
	    pthread_mutex_trylock(&t->lock) != 0)
		return;
	o->watch(o->context, n);
	pthread_mutex_unlock(&t->lock);
}

static int
read_unit(struct hand *h, struct err *err)
{
	const atomic_bool *const cancel = h->all->d->options->cancel;
	struct batch *b;
	int rc;

	if (reading_start(h->reading, h->unit, false, err) != 0)
		return -1;
	while ((rc = reading_next(h->reading, &b, err)) > 0) {
		if (atomic_load(&h->all->stop) ||
		    (cancel != NULL && atomic_load(cancel)))
			return err_set(err, ERR_CANCELLED, "interrupted");
		if (add_batch(h, b, err) != 0)
			return -1;
		show_progress(h, b);
	}
	return rc;
}

/* ---- threads ------------------------------------------------------------- */

/* The unit to take, of this table; NULL if there is no more. */
static const struct unit *
take(struct hand *h)
{
	struct table *const t = h->all->t;
	const struct dump *const d = t->dumps[h->side];
	uint32_t n;

	while ((n = atomic_fetch_add(&h->all->next, 1)) < d->nunits)
		if (d->units[n].input == t->tables[h->side])
			return &d->units[n];
	return NULL;
}

static int
open_hand(struct hand *h, struct err *err)
{
	h->buffers = calloc(h->all->t->nparts, sizeof(*h->buffers));
	h->buffer_len = BUFFERS_LEN / h->all->t->nparts;
	if (h->buffer_len > BUFFER_LEN)
		h->buffer_len = BUFFER_LEN;
	h->reading = reading_new(err);
	if (h->buffers == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	return h->reading != NULL ? 0 : -1;
}

static int
work(void *context, struct err *err)
{
	struct spreading *const all = context;
	struct table *const t = all->t;
	struct hand h = { .all = all, .side = all->side };
	int rc = open_hand(&h, err);

	while (rc == 0 && (h.unit = take(&h)) != NULL) {
		h.nitems = h.nbad = 0;
		rc = read_unit(&h, err);
		pthread_mutex_lock(&t->lock);
		t->sums.items[h.side] += h.nitems;
		t->sums.bad += h.nbad;
		pthread_mutex_unlock(&t->lock);
	}
	for (unsigned i = 0; rc == 0 && i < t->nparts; i++)
		rc = flush(&h, i, err);
	if (rc == 0 && h.hashes.len > 0) {
		pthread_mutex_lock(&t->lock);
		rc = buf_append(&t->hashes, buf_span(&h.hashes), err);
		pthread_mutex_unlock(&t->lock);
	}
	if (rc != 0)
		atomic_store(&all->stop, true);
	for (unsigned i = 0; h.buffers != NULL && i < t->nparts; i++)
		buf_free(&h.buffers[i]);
	free(h.buffers);
	buf_free(&h.hashes);
	buf_free(&h.text);
	buf_free(&h.note);
	reading_free(h.reading);
	return rc;
}

int
differ_spread(struct differ *d, struct table *t, struct err *err)
{
	const unsigned n = d->options->threads > 0 ? d->options->threads : 1;

	for (unsigned side = 0; side < 2; side++) {
		struct spreading all = { .d = d, .t = t, .side = side };

		if (crew_do(n, work, &all, err) != 0 ||
		    (side == 0 && d->options->only_a &&
		     build_known(t, err) != 0))
			return -1;
	}
	return 0;
}
