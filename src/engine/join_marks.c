/*
 * join_marks.c - a bit for each record of an index: which items were rejected,
 * or not written.
 *
 * The bits are a nameless file, mapped: a hundred million items have twelve
 * megabytes of them.  Items to mark come sorted by key, so that they walk
 * through the index once.
 */
#include <stdlib.h>
#include <sys/mman.h>

#include "base/err.h"
#include "engine/join_internal.h"
#include "engine/keysort.h"
#include "io/spill.h"

struct marker {
	const struct join_state *state;
	const struct join_index *index;
	uint8_t *bits;
	struct keyhash key;		/* of the run that we are in */
	uint64_t first, n, next;	/* run, and where to look next in it */
};

void
join_unmark(uint8_t *bits, size_t len)
{
	if (bits != NULL)
		munmap(bits, len);
}

/* Mark the record in the run whose item is at that place. */
static int
mark_one(struct marker *m, struct join_place place, struct err *err)
{
	uint64_t left = m->n;

	/* Once around: items come in order, but kind by kind. */
	for (; left > 0; left--) {
		struct keyhash key;
		struct join_place here;
		const uint64_t i = m->first + m->next;
		const uint64_t at = keyindex_at(&m->index->ix, i, &key);

		if (join_item(m->index, at, &here, err) != 0)
			return -1;
		m->next = m->next + 1 < m->n ? m->next + 1 : 0;
		if (here.unit != place.unit || here.offset != place.offset)
			continue;
		m->bits[i / 8] |= (uint8_t)(1u << i % 8);
		return 0;
	}
	return err_set(err, ERR_INPUT, "an item was rejected that has no id");
}

static int
mark_all(void *context, const uint64_t *records, size_t n, struct err *err)
{
	struct marker *const m = context;

	for (size_t i = 0; i < n; i++) {
		const uint64_t *const r = records + KEYSORT_WORDS * i;

		if (m->n == 0 || m->key.hi != r[0] || m->key.lo != r[1]) {
			m->key = (struct keyhash){ .hi = r[0], .lo = r[1] };
			m->next = 0;
			m->n = keyindex_find(&m->index->ix, m->key, &m->first);
		}
		if (mark_one(m, join_logs_place(&m->state->logs, r[2]),
			     err) != 0)
			return -1;
	}
	return 0;
}

/* Put the records of one kind up for sorting. */
static int
collect(struct join_worker *w, enum keylog_kind kind, uint32_t t,
	struct keysort *sort, struct err *err)
{
	const struct join_logs *const l = &w->state->logs;
	struct keylog_record record;
	struct join_reader r;
	int rc, rc2 = 0;

	join_reader_start(&r, l, kind, t, w->room);
	while ((rc = join_reader_chunk(&r, err)) > 0) {
		while ((rc2 = keylog_next(&r.cursor, &record, err)) > 0)
			if (keysort_add(sort, record.key.hi, record.key.lo,
					l->base[r.unit] + record.offset,
					err) != 0)
				break;
		if (rc2 != 0)
			break;
	}
	join_reader_close(&r);
	return rc == 0 ? 0 : -1;
}

int
join_mark(struct join_worker *w, uint32_t t, enum keylog_kind from,
	  uint8_t **out, size_t *len, struct err *err)
{
	struct join_state *const s = w->state;
	struct marker m = { .state = s, .index = &s->indexes[t] };
	char *const tmp = join_tmp(s->join);
	struct keysort *sort = NULL;
	uint64_t n = 0;
	int rc = -1;

	for (int kind = (int)from; kind <= KEYLOG_REJECTED; kind++)
		n += join_logs_count(&s->logs, (enum keylog_kind)kind, t);
	*len = (size_t)(m.index->ix.shape.n / 8 + 1);
	if (tmp == NULL)
		err_set(err, ERR_SYSTEM, "out of memory");
	else
		m.bits = spill_zeros(tmp, *len, err);
	if (m.bits == NULL)
		goto done;
	sort = keysort_new(n, s->memory, s->near, tmp, err);
	if (sort == NULL)
		goto done;
	rc = 0;
	for (int kind = (int)from; rc == 0 && kind <= KEYLOG_REJECTED; kind++)
		rc = collect(w, (enum keylog_kind)kind, t, sort, err);
	if (rc == 0)
		rc = keysort_finish(sort, mark_all, &m, err);
done:
	keysort_free(sort);
	free(tmp);
	if (rc == 0)
		*out = m.bits;
	else
		join_unmark(m.bits, *len);
	return rc;
}

static bool
is_same(struct keyhash a, struct keyhash b)
{
	return a.hi == b.hi && a.lo == b.lo;
}

void
join_keep_dead(const struct keyindex *ix, uint8_t *bits)
{
	const uint64_t n = ix->shape.n;

	for (uint64_t i = 0, end; i < n; i = end) {
		struct keyhash key, next;
		bool all = true;

		keyindex_at(ix, i, &key);
		for (end = i; end < n; end++) {
			keyindex_at(ix, end, &next);
			if (!is_same(key, next))
				break;
			all = all && join_is_marked(bits, end);
		}
		/* Who looks an id up finds its first record. */
		if (!all)
			bits[i / 8] &= (uint8_t)~(1u << i % 8);
	}
}

void
join_count_doubles(const struct keyindex *ix, const uint8_t *bits,
		   uint64_t *n, struct join_first *first)
{
	struct keyhash key = { 0, 0 };
	uint64_t a = 0;
	bool some = false;	/* was one written with this key? */

	*n = 0;
	*first = (struct join_first){ .n = 0 };
	for (uint64_t i = 0; i < ix->shape.n; i++) {
		struct keyhash next;
		const uint64_t at = keyindex_at(ix, i, &next);

		if (i == 0 || !is_same(key, next))
			some = false;
		key = next;
		if (join_is_marked(bits, i))
			continue;
		if (some) {
			++*n;
			join_first_add(first, a, at);
		} else {
			a = at;
			some = true;
		}
	}
}
