/*
 * differ_part.c - parts compared; what differs is remembered by its place, then
 * shown in that order.
 *
 * A difference is a record of keysort: side and unit, line, and the number of
 * its pair, which is the number of a part and two offsets of records there.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "engine/crew.h"
#include "engine/differ_internal.h"
#include "engine/keysort.h"
#include "formats/ddbjson.h"
#include "io/spill.h"
#include "model/item.h"

enum { PAIR_LEN = 24 };
static const uint64_t NONE = UINT64_MAX;

/* One of the items of a key. */
struct entry {
	uint64_t unit;		/* with RECORD_SIDE_B */
	uint64_t line;
	uint64_t at;		/* of its record */
};

/* ---- one part ------------------------------------------------------------ */

static struct span
text_at(struct span part, uint64_t at)
{
	return (struct span){ part.ptr + at + RECORD_TEXT,
			      load_le32(part.ptr + at + RECORD_LEN) };
}

static uint64_t
next_at(struct span part, uint64_t at)
{
	return at + RECORD_TEXT + (text_at(part, at).len + 7) / 8 * 8;
}

/* The keys of the part in order, with where their records are: *n of them. */
static uint64_t *
sort_keys(struct span part, size_t *n, struct err *err)
{
	uint64_t *keys, *to;

	*n = 0;
	for (uint64_t at = 0; at < part.len; at = next_at(part, at))
		++*n;
	keys = malloc((2 * *n + 1) * KEYSORT_LEN);
	if (keys == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory; give less --memory, "
			"and there are more, smaller parts");
		return NULL;
	}
	to = keys;
	for (uint64_t at = 0; at < part.len; at = next_at(part, at)) {
		*to++ = load_le64(part.ptr + at + RECORD_HI);
		*to++ = load_le64(part.ptr + at + RECORD_LO);
		*to++ = at;
	}
	keysort_in_memory(keys, to, *n);
	return keys;
}

/* By place, the first dump's first. */
static int
order(const void *a, const void *b)
{
	const struct entry *const x = a, *const y = b;

	if (x->unit != y->unit)
		return x->unit < y->unit ? -1 : 1;
	return (x->line > y->line) - (x->line < y->line);
}

/* What all threads share. */
struct comparing {
	struct differ *d;
	struct table *t;
	_Atomic unsigned next;
	atomic_bool stop;
};

/* A thread, and the part it has in hand. */
struct hand {
	struct comparing *all;
	struct ddbjson *readers[2];
	struct arena mem;
	struct span part;
	unsigned number;
	struct buf same;	/* the items of one key: struct entry */
	struct differ_sums sums;
	uint64_t replaced[2];	/* items and records that are no more */
};

/* Are the items at these places equal, but for what is ignored? */
static int
differs(struct hand *h, const struct entry *a, const struct entry *b,
	struct err *err)
{
	const struct span x = text_at(h->part, a->at);
	const struct span y = text_at(h->part, b->at);

	if (span_equal(x, y))
		return 0;
	arena_reset(&h->mem);
	const struct item *const was = ddbjson_decode_line(h->readers[0], x,
							   &h->mem, err);
	const struct item *const is = was == NULL ? NULL :
		ddbjson_decode_line(h->readers[1], y, &h->mem, err);
	return is == NULL ? -1 : rows_differ(&h->all->d->ignored, &was->map,
					     &is->map, &h->mem, err);
}

static int
note(struct hand *h, const struct entry *a, const struct entry *b,
     struct err *err)
{
	struct table *const t = h->all->t;
	const struct entry *const at = a != NULL ? a : b;
	uint8_t pair[PAIR_LEN];
	int rc;

	h->sums.removed += b == NULL;
	h->sums.added += a == NULL;
	h->sums.changed += a != NULL && b != NULL;
	store_le64(pair, h->number);
	store_le64(pair + 8, a != NULL ? a->at : NONE);
	store_le64(pair + 16, b != NULL ? b->at : NONE);
	pthread_mutex_lock(&t->lock);
	const uint64_t number = spill_len(t->pairs) / PAIR_LEN;
	rc = spill_write(t->pairs, (struct span){ pair, PAIR_LEN }, err);
	if (rc == 0)
		rc = keysort_add(t->found, at->unit << 32, at->line, number,
				 err);
	pthread_mutex_unlock(&t->lock);
	return rc;
}

/* All items of one key: `na` of the first dump, `nb` of the second. */
static int
compare_key(struct hand *h, const struct entry *e, size_t na, size_t nb,
	    struct err *err)
{
	const struct entry *const b = e + na;
	const size_t both = na < nb ? na : nb;
	int rc = 0;

	h->sums.twice[0] += na > 1 ? na - 1 : 0;
	h->sums.twice[1] += nb > 1 ? nb - 1 : 0;
	for (size_t i = 0; i < both && rc == 0; i++) {
		const int differ = differs(h, &e[i], &b[i], err);

		h->sums.equal += differ == 0;
		rc = differ > 0 ? note(h, &e[i], &b[i], err) : differ;
	}
	for (size_t i = both; i < na && rc == 0; i++)
		rc = note(h, &e[i], NULL, err);
	for (size_t i = both; i < nb && rc == 0 &&
	     !h->all->d->options->only_a; i++)
		rc = note(h, NULL, &b[i], err);
	return rc;
}

/*
 * Where increments speak of the key the last of them has the last word on it.
 * How many are left of `n`, at the front.
 */
static size_t
settle(struct hand *h, unsigned side, struct entry *e, size_t n)
{
	const struct unit *const units = h->all->t->dumps[side]->units;

	if (n == 0 || !units[e[n - 1].unit & ~RECORD_SIDE_B].increment)
		return n;
	e[0] = e[n - 1];
	const size_t left = text_at(h->part, e[0].at).len > 0;
	h->replaced[side] += n - left;
	return left;
}

/* The same of `n` sorted keys that are equal. */
static int
compare_same(struct hand *h, const uint64_t *keys, size_t n, struct err *err)
{
	struct entry *entries;
	size_t na = 0;

	buf_reset(&h->same);
	void *const room = buf_reserve(&h->same, n * sizeof(*entries), err);
	if (room == NULL)
		return -1;
	entries = room;
	for (size_t i = 0; i < n; i++) {
		const uint64_t at = keys[i * KEYSORT_WORDS + 2];
		const uint8_t *const r = h->part.ptr + at;

		entries[i] = (struct entry){
			load_le32(r + RECORD_UNIT), load_le64(r + RECORD_LINE),
			at,
		};
		na += (entries[i].unit & RECORD_SIDE_B) == 0;
	}
	if (n > 1)
		qsort(entries, n, sizeof(*entries), order);

	const size_t left = settle(h, 0, entries, na);
	const size_t right = settle(h, 1, entries + na, n - na);
	memmove(entries + left, entries + na, right * sizeof(*entries));
	return compare_key(h, entries, left, right, err);
}

static int
compare_part(struct hand *h, struct err *err)
{
	struct spill *const spill = h->all->t->parts[h->number].spill;
	uint64_t *keys;
	size_t n, end;
	int rc = 0;

	if (spill_map(spill, &h->part, err) != 0)
		return -1;
	keys = sort_keys(h->part, &n, err);
	if (keys == NULL)
		return -1;
	for (size_t i = 0; i < n && rc == 0; i = end) {
		const uint64_t *const first = keys + i * KEYSORT_WORDS;

		for (end = i + 1; end < n &&
		     keys[end * KEYSORT_WORDS] == first[0] &&
		     keys[end * KEYSORT_WORDS + 1] == first[1]; end++)
			;
		rc = compare_same(h, first, end - i, err);
	}
	free(keys);
	spill_unmap(spill);
	return rc;
}

static void
add_sums(struct table *t, const struct hand *h)
{
	const struct differ_sums *const s = &h->sums;

	pthread_mutex_lock(&t->lock);
	for (int i = 0; i < 2; i++)
		t->sums.items[i] -= h->replaced[i];
	t->sums.equal += s->equal;
	t->sums.added += s->added;
	t->sums.removed += s->removed;
	t->sums.changed += s->changed;
	t->sums.twice[0] += s->twice[0];
	t->sums.twice[1] += s->twice[1];
	pthread_mutex_unlock(&t->lock);
}

static int
work(void *context, struct err *err)
{
	struct comparing *const all = context;
	const atomic_bool *const cancel = all->d->options->cancel;
	struct hand h = { .all = all };
	int rc = -1;

	for (int i = 0; i < 2; i++) {
		h.readers[i] = ddbjson_new(err);
		if (h.readers[i] == NULL)
			goto done;
	}
	rc = 0;
	while (rc == 0 && !atomic_load(&all->stop)) {
		h.number = atomic_fetch_add(&all->next, 1);
		if (h.number >= all->t->nparts)
			break;
		if (cancel != NULL && atomic_load(cancel))
			rc = err_set(err, ERR_CANCELLED, "interrupted");
		else
			rc = compare_part(&h, err);
	}
	add_sums(all->t, &h);
done:
	if (rc != 0)
		atomic_store(&all->stop, true);
	ddbjson_free(h.readers[0]);
	ddbjson_free(h.readers[1]);
	buf_free(&h.same);
	arena_free(&h.mem);
	return rc;
}

int
differ_compare(struct differ *d, struct table *t, struct err *err)
{
	struct comparing all = { .d = d, .t = t };
	const unsigned n = d->options->threads;

	return crew_do(n > 0 ? n : 1, work, &all, err);
}

/* ---- showing ------------------------------------------------------------- */

struct showing {
	struct differ *d;
	struct table *t;
	struct span pairs;
	struct ddbjson *readers[2];
	struct arena mem;
};

/* The item of a record, and where it came from. */
static int
get(struct showing *s, unsigned side, struct span part, uint64_t at,
    struct differ_item *out, struct err *err)
{
	const uint32_t unit = load_le32(part.ptr + at + RECORD_UNIT) &
			      ~RECORD_SIDE_B;

	out->file = s->t->dumps[side]->units[unit].path;
	out->line = load_le64(part.ptr + at + RECORD_LINE);
	out->item = ddbjson_decode_line(s->readers[side], text_at(part, at),
					&s->mem, err);
	return out->item != NULL ? 0 : -1;
}

static int
show_pair(struct showing *s, const uint64_t *r, struct err *err)
{
	const struct differ_options *const o = s->d->options;
	const uint8_t *const pair = s->pairs.ptr + r[2] * PAIR_LEN;
	const uint64_t a = load_le64(pair + 8), b = load_le64(pair + 16);
	struct row *rows;
	struct differ_item items[2];
	struct differ_found f = { .key = &s->t->key };
	struct span part;

	arena_reset(&s->mem);
	f.table = s->t->sums.a != NULL ? s->t->sums.a : s->t->sums.b;
	if (spill_map(s->t->parts[load_le64(pair)].spill, &part, err) != 0)
		return -1;
	if (a != NONE) {
		if (get(s, 0, part, a, &items[0], err) != 0)
			return -1;
		f.was = &items[0];
	}
	if (b != NONE) {
		if (get(s, 1, part, b, &items[1], err) != 0)
			return -1;
		f.is = &items[1];
	}
	f.kind = f.is == NULL ? DIFFER_REMOVED :
		 f.was == NULL ? DIFFER_ADDED : DIFFER_CHANGED;
	if (f.kind == DIFFER_CHANGED) {
		if (rows_of(&s->d->ignored, &items[0].item->map,
			    &items[1].item->map, &s->mem, &rows, &f.nrows,
			    err) != 0)
			return -1;
		f.rows = rows;
	}
	return o->see(o->context, &f, err);
}

static int
show_some(void *context, const uint64_t *records, size_t n, struct err *err)
{
	struct showing *const s = context;
	const atomic_bool *const cancel = s->d->options->cancel;

	for (size_t i = 0; i < n; i++) {
		if (cancel != NULL && atomic_load(cancel))
			return err_set(err, ERR_CANCELLED, "interrupted");
		if (show_pair(s, records + i * KEYSORT_WORDS, err) != 0)
			return -1;
	}
	return 0;
}

int
differ_show(struct differ *d, struct table *t, struct err *err)
{
	struct showing s = { .d = d, .t = t };
	int rc = spill_map(t->pairs, &s.pairs, err);

	for (int i = 0; i < 2 && rc == 0; i++) {
		s.readers[i] = ddbjson_new(err);
		rc = s.readers[i] != NULL ? 0 : -1;
	}
	if (rc == 0)
		rc = keysort_finish(t->found, show_some, &s, err);
	ddbjson_free(s.readers[0]);
	ddbjson_free(s.readers[1]);
	arena_free(&s.mem);
	return rc;
}
