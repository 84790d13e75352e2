/*
 * merge_index.c - units, then records, each merged by a heap.
 *
 * The items of a unit stand together in .ids, and as they do not say where they
 * are they are copied as they stand.  So a run of items moves by one distance,
 * and the offset in a record is mended by finding its run.
 *
 * Whatever a damaged input says, nothing outside of it is read and nothing but
 * a wrong index comes of it; that is thrown away when a sum is found wrong.
 */
#include "engine/merge_index.h"

#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/plural.h"
#include "engine/indexwrite.h"
#include "formats/keyindex.h"
#include "io/mapping.h"

enum {
	CHECK_EVERY = 1 << 16,		/* records, for `cancel` */
	SUM_EVERY = 10 * 1024,		/* records: 240 KiB */
	COPY_LEN = 256 * 1024,		/* of .ids at once */
	AHEAD_LEN = 1024 * 1024,	/* so far the disk is ahead of us */
};

/* The items of one unit in one index. */
struct run {
	uint64_t at, to;		/* in its .ids; in the new one */
};

struct input {
	const char *folder;
	struct span idx, ids;
	struct keyindex index;
	struct keysum ids_sum, records_sum;
	struct run *runs;		/* by `at` */
	size_t nruns, cap;
	uint64_t at, nitems;		/* the next item in .ids; those before it */
	uint32_t unit;			/* ... and its unit */
	uint64_t next;			/* record */
	/* That record, with its offset in the new .ids. */
	struct keyhash key;
	uint64_t to;
};

struct merge {
	const char *name;
	struct input *inputs;
	size_t n;
	struct input **heap;		/* the least first */
	size_t nheap;
	struct indexwrite files;
	struct span ids;		/* the new ones, mapped */
	const atomic_bool *cancel;
	struct merge_index_result *result;
	/* The first record of the key that was written last. */
	struct keyhash key;
	uint64_t at;
	bool some, collided;
};

/* ---- the heap ------------------------------------------------------------ */

typedef bool is_before(const struct input *a, const struct input *b);

static bool
is_unit_before(const struct input *a, const struct input *b)
{
	return a->unit < b->unit;
}

static bool
is_key_before(const struct input *a, const struct input *b)
{
	if (a->key.hi != b->key.hi)
		return a->key.hi < b->key.hi;
	if (a->key.lo != b->key.lo)
		return a->key.lo < b->key.lo;
	return a->to < b->to;
}

/* The input at `i` of the heap goes to where it belongs. */
static inline void
sink_down(struct merge *m, size_t i, is_before *before)
{
	struct input *const in = m->heap[i];

	for (;;) {
		size_t kid = 2 * i + 1;

		if (kid >= m->nheap)
			break;
		if (kid + 1 < m->nheap &&
		    before(m->heap[kid + 1], m->heap[kid]))
			kid++;
		if (!before(m->heap[kid], in))
			break;
		m->heap[i] = m->heap[kid];
		i = kid;
	}
	m->heap[i] = in;
}

/* The first of the heap has changed, or has nothing more. */
static inline void
turn(struct merge *m, bool more, is_before *before)
{
	if (!more)
		m->heap[0] = m->heap[--m->nheap];
	if (m->nheap > 0)
		sink_down(m, 0, before);
}

static void
order(struct merge *m, is_before *before)
{
	for (size_t i = m->nheap; i-- > 0; )
		sink_down(m, i, before);
}

/* ---- inputs -------------------------------------------------------------- */

static int
blame(const struct merge *m, const struct input *in, struct err *err)
{
	return err_at(err, "index '%s/%s'", in->folder, m->name);
}

static int
open_input(struct merge *m, struct input *in, const char *folder,
	   struct err *err)
{
	char idx[PATH_MAX], ids[PATH_MAX];

	in->folder = folder;
	snprintf(idx, sizeof(idx), "%s/%s.idx", folder, m->name);
	snprintf(ids, sizeof(ids), "%s/%s.ids", folder, m->name);
	if (mapping_open(idx, &in->idx, err) != 0 ||
	    mapping_open(ids, &in->ids, err) != 0)
		return -1;
	mapping_in_order(in->idx);
	mapping_in_order(in->ids);
	if (keyindex_open(&in->index, in->idx, err) != 0 ||
	    keyids_open(in->ids, &in->index, err) != 0)
		return blame(m, in, err);
	keysum_start(&in->ids_sum);
	keysum_start(&in->records_sum);
	keysum_add(&in->ids_sum, (struct span){ in->ids.ptr,
						KEYIDS_HEADER_LEN });
	in->at = KEYIDS_HEADER_LEN;
	return 0;
}

/* Is it what was written, all of it having been read? */
static int
check_sums(const struct merge *m, const struct input *in, struct err *err)
{
	const struct keyindex *const ix = &in->index;
	const struct span fan = {
		ix->fan, (size_t)(ix->shape.records_at - KEYINDEX_HEADER_LEN),
	};

	if (keysum_get(&in->ids_sum) == ix->ids_xxh3 &&
	    keyindex_sum(keysum_of(fan), keysum_get(&in->records_sum)) ==
	    ix->xxh3)
		return 0;
	err_set(err, ERR_INPUT, "damaged: its checksum is another");
	return blame(m, in, err);
}

/* ---- .ids ---------------------------------------------------------------- */

/* A run of items begins, of ->unit. */
static int
add_run(struct merge *m, struct input *in, struct err *err)
{
	if (in->nruns == in->cap) {
		const size_t cap = in->cap == 0 ? 64 : 2 * in->cap;
		struct run *const p = realloc(in->runs, cap * sizeof(*p));

		if (p == NULL)
			return err_set(err, ERR_SYSTEM, "out of memory");
		in->runs = p;
		in->cap = cap;
	}
	in->runs[in->nruns++] = (struct run){ in->at, m->files.ids_len };
	return 0;
}

/* Look at the next item.  Returns 1, 0 at the end, or -1. */
static int
look(struct input *in, uint64_t *next, uint32_t *unit, struct err *err)
{
	struct keyids_item item;

	if (in->at == in->ids.len)
		return 0;
	if (keyids_get(in->ids, in->at, &item, next, err) != 0)
		return -1;
	*unit = item.unit;
	return 1;
}

/* Bytes of .ids up to ->at go on. */
static int
send(struct merge *m, struct input *in, uint64_t from, struct err *err)
{
	const struct span bytes = {
		in->ids.ptr + from, (size_t)(in->at - from),
	};

	if (m->cancel != NULL && atomic_load(m->cancel))
		return err_set(err, ERR_CANCELLED, "interrupted");
	mapping_fetch(in->ids, in->at + AHEAD_LEN, COPY_LEN);
	keysum_add(&in->ids_sum, bytes);
	return indexwrite_ids(&m->files, bytes, err);
}

/* All items of the unit that comes next.  Returns 1 if there are more, or 0. */
static int
copy_run(struct merge *m, struct input *in, struct err *err)
{
	const uint32_t unit = in->unit;
	uint64_t from = in->at, next;
	int rc;

	if (add_run(m, in, err) != 0)
		return -1;
	while ((rc = look(in, &next, &in->unit, err)) > 0 &&
	       in->unit == unit) {
		in->at = next;
		in->nitems++;
		if (in->at - from < COPY_LEN)
			continue;
		if (send(m, in, from, err) != 0)
			return -1;
		from = in->at;
	}
	if (rc < 0)
		return blame(m, in, err);
	if (rc > 0 && in->unit < unit) {
		err_set(err, ERR_INPUT, "damaged: its units are out of order");
		return blame(m, in, err);
	}
	return send(m, in, from, err) != 0 ? -1 : rc;
}

static int
copy_ids(struct merge *m, struct err *err)
{
	uint64_t before = UINT64_MAX;	/* the unit that came before */
	uint64_t next;

	for (size_t i = 0; i < m->n; i++) {
		struct input *const in = &m->inputs[i];
		const int rc = look(in, &next, &in->unit, err);

		if (rc < 0)
			return blame(m, in, err);
		if (rc > 0)
			m->heap[m->nheap++] = in;
	}
	order(m, is_unit_before);
	while (m->nheap > 0) {
		struct input *const in = m->heap[0];

		if (in->unit == before)
			return err_set(err, ERR_INPUT, "unit %" PRIu32 " is in "
				       "two of the indexes", in->unit);
		before = in->unit;

		const int rc = copy_run(m, in, err);
		if (rc < 0)
			return -1;
		turn(m, rc > 0, is_unit_before);
	}
	for (size_t i = 0; i < m->n; i++)
		if (m->inputs[i].nitems != m->inputs[i].index.shape.n) {
			err_set(err, ERR_INPUT, "damaged: %" PRIu64 " id%s, not "
				"%" PRIu64, m->inputs[i].nitems,
				plural(m->inputs[i].nitems),
				m->inputs[i].index.shape.n);
			return blame(m, &m->inputs[i], err);
		}
	return indexwrite_end_ids(&m->files, err);
}

/* ---- .idx ---------------------------------------------------------------- */

/*
 * Where what was at `at` is now.  Runs are about as long as each other, so its
 * place among them is about where it is.
 */
static uint64_t
moved(const struct input *in, uint64_t at)
{
	size_t i = (size_t)((double)at / (double)in->ids.len *
			    (double)in->nruns);

	if (i >= in->nruns)
		i = in->nruns - 1;
	while (i > 0 && in->runs[i].at > at)
		i--;
	while (i + 1 < in->nruns && in->runs[i + 1].at <= at)
		i++;
	return at - in->runs[i].at + in->runs[i].to;
}

/* Take the next record of an input.  Returns 1, 0 after the last, or -1. */
static inline int
step(const struct merge *m, struct input *in, struct err *err)
{
	const struct keyindex *const ix = &in->index;
	const struct keyhash before = in->key;

	if (in->next == ix->shape.n)
		return 0;
	if (in->next % SUM_EVERY == 0) {
		const uint64_t left = ix->shape.n - in->next;

		mapping_fetch(in->idx, ix->shape.records_at + in->next *
			      KEYINDEX_RECORD_LEN + AHEAD_LEN,
			      SUM_EVERY * KEYINDEX_RECORD_LEN);
		keysum_add(&in->records_sum, (struct span){
			ix->records + in->next * KEYINDEX_RECORD_LEN,
			(size_t)(left < SUM_EVERY ? left : SUM_EVERY) *
			KEYINDEX_RECORD_LEN,
		});
	}

	const uint64_t at = keyindex_at(ix, in->next++, &in->key);
	if (at < KEYIDS_HEADER_LEN || at >= in->ids.len ||
	    in->key.hi < before.hi ||
	    (in->key.hi == before.hi && in->key.lo < before.lo)) {
		err_set(err, ERR_INPUT, "damaged: record %" PRIu64 " is out of "
			"order", in->next - 1);
		return blame(m, in, err);
	}
	in->to = moved(in, at);
	return 1;
}

/* Two items have one new id: is it one source id too? */
static int
meet(struct merge *m, uint64_t at, struct err *err)
{
	struct merge_index_result *const r = m->result;
	struct keyids_item a, b;

	r->doubles++;
	join_first_add(&r->first_doubles, m->at, at);
	if (keyids_get(m->ids, m->at, &a, NULL, err) != 0 ||
	    keyids_get(m->ids, at, &b, NULL, err) != 0)
		return -1;
	if (a.type == b.type && span_equal(a.source, b.source))
		return 0;
	join_first_add(&r->first_collisions, m->at, at);
	r->collisions += !m->collided;
	m->collided = true;
	return 0;
}

static int
put(struct merge *m, const struct input *in, struct err *err)
{
	if (m->some && in->key.hi == m->key.hi && in->key.lo == m->key.lo) {
		if (meet(m, in->to, err) != 0)
			return -1;
	} else {
		m->some = true;
		m->collided = false;
		m->key = in->key;
		m->at = in->to;
		m->result->ids++;
	}
	m->result->items++;
	return indexwrite_record(&m->files, in->key.hi, in->key.lo, in->to,
				 err);
}

static int
merge_records(struct merge *m, struct err *err)
{
	for (size_t i = 0; i < m->n; i++) {
		const int rc = step(m, &m->inputs[i], err);

		if (rc < 0)
			return -1;
		if (rc > 0)
			m->heap[m->nheap++] = &m->inputs[i];
	}
	order(m, is_key_before);
	while (m->nheap > 0) {
		struct input *const in = m->heap[0];

		if (put(m, in, err) != 0)
			return -1;
		if (m->result->items % CHECK_EVERY == 0 &&
		    m->cancel != NULL && atomic_load(m->cancel))
			return err_set(err, ERR_CANCELLED, "interrupted");

		const int rc = step(m, in, err);
		if (rc < 0)
			return -1;
		turn(m, rc > 0, is_key_before);
	}
	for (size_t i = 0; i < m->n; i++)
		if (check_sums(m, &m->inputs[i], err) != 0)
			return -1;
	return indexwrite_end(&m->files, err);
}

/* ---- the whole ----------------------------------------------------------- */

static int
merge(struct merge *m, const char *const *folders, const char *to,
      struct err *err)
{
	uint64_t n = 0;

	for (size_t i = 0; i < m->n; i++) {
		if (open_input(m, &m->inputs[i], folders[i], err) != 0)
			return -1;
		n += m->inputs[i].index.shape.n;
	}
	if (indexwrite_start(&m->files, to, m->name, n, true, err) != 0 ||
	    copy_ids(m, err) != 0)
		return -1;
	if (mapping_open(m->files.ids_path, &m->ids, err) == 0 &&
	    merge_records(m, err) == 0)
		return 0;
	unlink(m->files.ids_path);	/* alone it is of no use */
	return -1;
}

int
merge_index(const char *const *folders, size_t n, const char *name,
	    const char *to, const atomic_bool *cancel,
	    struct merge_index_result *out, struct err *err)
{
	struct merge m = { .name = name, .n = n, .cancel = cancel,
			   .result = out, .files = { .fd = -1 } };
	int rc = -1;

	*out = (struct merge_index_result){ 0 };
	if (n > MERGE_INDEX_MOST)
		return err_set(err, ERR_LIMIT, "%zu indexes, where %d can be "
			       "merged in one go", n, MERGE_INDEX_MOST);
	m.inputs = calloc(n + 1, sizeof(*m.inputs));
	m.heap = calloc(n + 1, sizeof(*m.heap));
	if (m.inputs == NULL || m.heap == NULL)
		err_set(err, ERR_SYSTEM, "out of memory");
	else
		rc = merge(&m, folders, to, err);
	indexwrite_stop(&m.files);
	mapping_close(m.ids);
	for (size_t i = 0; m.inputs != NULL && i < n; i++) {
		mapping_close(m.inputs[i].idx);
		mapping_close(m.inputs[i].ids);
		free(m.inputs[i].runs);
	}
	free(m.heap);
	free(m.inputs);
	return rc;
}
