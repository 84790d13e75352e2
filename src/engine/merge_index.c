/*
 * merge_index.c - runs of units, then records.
 *
 * The items of a unit stand together in .ids, and as they do not say where they
 * are they are copied as they stand.  So a run of items moves by one distance,
 * and the offset in a record is mended by finding its run.  Records are then
 * merged by a heap of the indexes' next ones.
 */
#include "engine/merge_index.h"

#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "engine/indexwrite.h"
#include "formats/keyindex.h"
#include "io/mapping.h"

enum { CHECK_EVERY = 1 << 16 };		/* records, for `cancel` */

/* The items of one unit in one index. */
struct run {
	uint32_t unit, from;		/* number of the index */
	uint64_t at, end;		/* in its .ids */
	uint64_t to;			/* in the new one */
};

struct input {
	struct span idx, ids;
	struct keyindex index;
	struct run *runs;		/* by `at` */
	size_t nruns, cap;
	uint64_t next;			/* record */
	/* That record, with its offset in the new .ids. */
	struct keyhash key;
	uint64_t to;
};

struct merge {
	struct input *inputs;
	size_t n;
	struct run **runs;		/* of all, by unit */
	size_t nruns;
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

/* ---- reading ------------------------------------------------------------- */

static int
add_run(struct input *in, uint32_t from, uint32_t unit, uint64_t at,
	struct err *err)
{
	if (in->nruns > 0 && in->runs[in->nruns - 1].unit >= unit)
		return err_set(err, ERR_INPUT, "its units are out of order");
	if (in->nruns == in->cap) {
		const size_t cap = in->cap == 0 ? 64 : 2 * in->cap;
		struct run *const p = realloc(in->runs, cap * sizeof(*p));

		if (p == NULL)
			return err_set(err, ERR_SYSTEM, "out of memory");
		in->runs = p;
		in->cap = cap;
	}
	in->runs[in->nruns++] = (struct run){
		.unit = unit, .from = from, .at = at,
	};
	return 0;
}

/* Walk through .ids, and see where its units are. */
static int
find_runs(struct input *in, uint32_t from, struct err *err)
{
	uint64_t at = KEYIDS_HEADER_LEN, next, n = 0;
	struct keyids_item item;

	for (; at < in->ids.len; at = next, n++) {
		if (keyids_get(in->ids, at, &item, &next, err) != 0)
			return -1;
		if (in->nruns > 0 &&
		    in->runs[in->nruns - 1].unit == item.unit)
			continue;
		if (add_run(in, from, item.unit, at, err) != 0)
			return -1;
	}
	for (size_t i = 0; i < in->nruns; i++)
		in->runs[i].end = i + 1 < in->nruns ? in->runs[i + 1].at
						    : in->ids.len;
	return n == in->index.shape.n ? 0 :
		err_set(err, ERR_INPUT, "%" PRIu64 " ids, not %" PRIu64, n,
			in->index.shape.n);
}

static int
open_input(struct input *in, uint32_t number, const char *folder,
	   const char *name, struct err *err)
{
	char idx[PATH_MAX], ids[PATH_MAX];

	snprintf(idx, sizeof(idx), "%s/%s.idx", folder, name);
	snprintf(ids, sizeof(ids), "%s/%s.ids", folder, name);
	if (mapping_open(idx, &in->idx, err) != 0 ||
	    mapping_open(ids, &in->ids, err) != 0)
		return -1;
	if (keyindex_open(&in->index, in->idx, err) != 0 ||
	    keyids_open(in->ids, &in->index, err) != 0 ||
	    keyindex_verify(&in->index, err) != 0)
		return err_at(err, "%s", idx);
	if (keysum_of(in->ids) != in->index.ids_xxh3)
		return err_set(err, ERR_INPUT, "%s: damaged ids of an index",
			       ids);
	return find_runs(in, number, err) == 0 ? 0 : err_at(err, "%s", ids);
}

/* ---- .ids ---------------------------------------------------------------- */

static int
by_unit(const void *a, const void *b)
{
	const struct run *const x = *(const struct run *const *)a;
	const struct run *const y = *(const struct run *const *)b;

	return x->unit < y->unit ? -1 : x->unit > y->unit;
}

static int
sort_runs(struct merge *m, struct err *err)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n; i++)
		n += m->inputs[i].nruns;
	m->runs = calloc(n + 1, sizeof(*m->runs));
	if (m->runs == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	for (size_t i = 0; i < m->n; i++)
		for (size_t k = 0; k < m->inputs[i].nruns; k++)
			m->runs[m->nruns++] = &m->inputs[i].runs[k];
	qsort(m->runs, n, sizeof(*m->runs), by_unit);
	for (size_t i = 1; i < n; i++)
		if (m->runs[i]->unit == m->runs[i - 1]->unit)
			return err_set(err, ERR_INPUT, "unit %" PRIu32 " is in "
				       "two of the indexes", m->runs[i]->unit);
	return 0;
}

static int
copy_ids(struct merge *m, struct err *err)
{
	for (size_t i = 0; i < m->nruns; i++) {
		struct run *const r = m->runs[i];
		const struct span bytes = {
			m->inputs[r->from].ids.ptr + r->at,
			(size_t)(r->end - r->at),
		};

		r->to = m->files.ids_len;
		if ((m->cancel != NULL && atomic_load(m->cancel)))
			return err_set(err, ERR_CANCELLED, "interrupted");
		if (indexwrite_ids(&m->files, bytes, err) != 0)
			return -1;
	}
	return indexwrite_end_ids(&m->files, err);
}

/* ---- .idx ---------------------------------------------------------------- */

/* Where what was at `at` is now; it is in one of the runs. */
static uint64_t
moved(const struct input *in, uint64_t at)
{
	size_t a = 0, b = in->nruns;

	while (b - a > 1) {
		const size_t mid = a + (b - a) / 2;

		if (in->runs[mid].at <= at)
			a = mid;
		else
			b = mid;
	}
	return at - in->runs[a].at + in->runs[a].to;
}

/* Take the next record of an input; false after the last. */
static bool
step(struct input *in)
{
	if (in->next == in->index.shape.n)
		return false;
	in->to = moved(in, keyindex_at(&in->index, in->next++, &in->key));
	return true;
}

static bool
is_before(const struct input *a, const struct input *b)
{
	if (a->key.hi != b->key.hi)
		return a->key.hi < b->key.hi;
	if (a->key.lo != b->key.lo)
		return a->key.lo < b->key.lo;
	return a->to < b->to;
}

/* The input at `i` of the heap goes to where it belongs. */
static void
sink_down(struct merge *m, size_t i)
{
	struct input *const in = m->heap[i];

	for (;;) {
		size_t kid = 2 * i + 1;

		if (kid >= m->nheap)
			break;
		if (kid + 1 < m->nheap &&
		    is_before(m->heap[kid + 1], m->heap[kid]))
			kid++;
		if (!is_before(m->heap[kid], in))
			break;
		m->heap[i] = m->heap[kid];
		i = kid;
	}
	m->heap[i] = in;
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
	for (size_t i = 0; i < m->n; i++)
		if (step(&m->inputs[i]))
			m->heap[m->nheap++] = &m->inputs[i];
	for (size_t i = m->nheap; i-- > 0; )
		sink_down(m, i);
	while (m->nheap > 0) {
		struct input *const in = m->heap[0];

		if (put(m, in, err) != 0)
			return -1;
		if (m->result->items % CHECK_EVERY == 0 &&
		    m->cancel != NULL && atomic_load(m->cancel))
			return err_set(err, ERR_CANCELLED, "interrupted");
		if (!step(in))
			m->heap[0] = m->heap[--m->nheap];
		if (m->nheap > 0)
			sink_down(m, 0);
	}
	return indexwrite_end(&m->files, err);
}

/* ---- the whole ----------------------------------------------------------- */

static int
merge(struct merge *m, const char *const *folders, const char *name,
      const char *to, struct err *err)
{
	uint64_t n = 0;

	for (size_t i = 0; i < m->n; i++) {
		if (open_input(&m->inputs[i], (uint32_t)i, folders[i], name,
			       err) != 0)
			return -1;
		n += m->inputs[i].index.shape.n;
	}
	if (sort_runs(m, err) != 0 ||
	    indexwrite_start(&m->files, to, name, n, true, err) != 0 ||
	    copy_ids(m, err) != 0 ||
	    mapping_open(m->files.ids_path, &m->ids, err) != 0)
		return -1;
	return merge_records(m, err);
}

int
merge_index(const char *const *folders, size_t n, const char *name,
	    const char *to, const atomic_bool *cancel,
	    struct merge_index_result *out, struct err *err)
{
	struct merge m = { .n = n, .cancel = cancel, .result = out,
			   .files = { .fd = -1 } };
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
		rc = merge(&m, folders, name, to, err);
	indexwrite_stop(&m.files);
	mapping_close(m.ids);
	for (size_t i = 0; m.inputs != NULL && i < n; i++) {
		mapping_close(m.inputs[i].idx);
		mapping_close(m.inputs[i].ids);
		free(m.inputs[i].runs);
	}
	free(m.runs);
	free(m.heap);
	free(m.inputs);
	return rc;
}
