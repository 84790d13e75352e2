/*
 * join_ids.c - from the logs of a table's ids to its index.
 *
 * .ids is written as the logs are read, and each id goes on to be sorted with
 * its offset there and a hash of its source id, in one word; in the order of
 * keys the records of .idx are then written, and equal keys meet.  Two source
 * ids under one key are told by their hashes, of as many bits as the offset
 * leaves: 20 for 16 TiB of ids, more for less.  One in a million collisions of
 * such a table would be missed, of which there should not be any.
 *
 * A table that has several threads to itself is read twice at once, by one that
 * writes and one that has ids sorted; then they all sort.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/plural.h"
#include "engine/crew.h"
#include "engine/indexwrite.h"
#include "engine/join_internal.h"
#include "engine/keysort.h"
#include "engine/merge_index.h"
#include "formats/keyuuid.h"
#include "io/mapping.h"

enum {
	BATCH = 128,
	PLENTY = 64 << 20,	/* of memory, */
	LARGE = 3 * INDEXWRITE_LARGE,	/* ... for streams of so much */
};

struct builder {
	struct join_worker *worker;
	uint32_t table;
	uint64_t n;		/* items */
	struct indexwrite files;
	struct keysort *sort;
	unsigned at_bits;	/* of an offset in .ids; the rest is a hash */
	/* The run of equal keys that is being looked at. */
	uint64_t hi, lo, at, source;	/* of its first record */
	bool some;			/* there is one */
	bool collided;
	struct join_table_result *result;
	struct join_first collisions;
};

/* ---- .ids ---------------------------------------------------------------- */

/*
 * A hash of a source id.  It is compared with others in this process and never
 * kept; most ids are the 16 bytes of a UUID, for which there is a short way.
 */
static inline uint64_t
hash_source(const struct keylog_record *r)
{
	if (r->type != KEYUUID_TYPE)
		return keyhash64_of(r->source) + (uint8_t)r->type;

	const uint64_t a = load_le64(r->source.ptr);
	const uint64_t b = load_le64(r->source.ptr + 8);
	const unsigned __int128 p = (unsigned __int128)
		(a ^ UINT64_C(0x9e3779b97f4a7c15)) *
		(b ^ UINT64_C(0xc2b2ae3d27d4eb4f));

	return (uint64_t)p ^ (uint64_t)(p >> 64);
}

/* What is made of an id, in one pass over the logs or in two. */
enum work { WRITE_AND_SORT, WRITE, SORT };

struct pass {
	struct builder *builder;
	enum work work;
	uint64_t at;		/* how far it is in .ids */
	uint8_t *room;		/* KEYLOG_MAX bytes */
};

static inline int
take_id(struct pass *p, uint32_t unit, const struct keylog_record *r,
	struct err *err)
{
	struct builder *const b = p->builder;
	const struct keyids_item item = {
		unit, r->offset, r->type, r->source,
	};

	if (p->at >> b->at_bits != 0)
		return err_set(err, ERR_INPUT, "ids are longer than they were "
			       "counted");
	if (p->work != WRITE &&
	    keysort_add(b->sort, r->key.hi, r->key.lo,
			hash_source(r) << b->at_bits | p->at, err) != 0)
		return -1;
	if (p->work == SORT) {
		p->at += keyids_len(&item);
		return 0;
	}
	if (indexwrite_id(&b->files, &item, err) != 0)
		return -1;
	p->at = b->files.ids_len;
	return 0;
}

static int
take_chunk(struct pass *p, uint32_t unit, struct keylog_cursor *c,
	   struct err *err)
{
	struct keylog_record records[BATCH];
	size_t n;

	do {
		if (keylog_ids(c, records, BATCH, &n, err) != 0)
			return -1;
		for (size_t i = 0; i < n; i++)
			if (take_id(p, unit, &records[i], err) != 0)
				return -1;
	} while (n > 0);
	return 0;
}

static int
pass_over(struct pass *p, struct err *err)
{
	struct builder *const b = p->builder;
	const struct join_state *const state = b->worker->state;
	struct join_reader r;
	int rc;

	p->at = KEYIDS_HEADER_LEN;
	join_reader_start(&r, &state->logs, KEYLOG_ID, b->table, p->room);
	while ((rc = join_reader_chunk(&r, err)) > 0)
		if (take_chunk(p, state->join->units[r.unit], &r.cursor,
			       err) != 0)
			break;
	join_reader_close(&r);
	if (rc != 0 || p->work == SORT)
		return rc != 0 ? -1 : 0;
	return indexwrite_end_ids(&b->files, err);
}

/* Two passes, side by side if there is a thread for each. */
struct passes {
	struct pass all[2];
	atomic_uint next;
};

static int
next_pass(void *context, struct err *err)
{
	struct passes *const p = context;
	unsigned i;
	int rc = 0;

	while (rc == 0 && (i = atomic_fetch_add(&p->next, 1)) < 2)
		rc = pass_over(&p->all[i], err);
	return rc;
}

/* The worker reads the logs: .ids is whole, and all is there to be sorted. */
static int
read_logs(struct builder *b, struct err *err)
{
	uint8_t *const room = b->worker->room;
	struct pass pass = { b, WRITE_AND_SORT, 0, room };
	int rc;

	if (b->worker->threads == 1)
		return pass_over(&pass, err);

	uint8_t *const other = malloc(KEYLOG_MAX);
	struct passes p = {
		.all = { { b, SORT, 0, room }, { b, WRITE, 0, other } },
	};
	rc = other == NULL ? err_set(err, ERR_SYSTEM, "out of memory")
			   : crew_do(2, next_pass, &p, err);
	free(other);
	return rc;
}


/* ---- .idx ---------------------------------------------------------------- */

/* A record with the key of the one before it. */
static void
meet(struct builder *b, uint64_t at, uint64_t source)
{
	struct join_index *const x =
		&b->worker->state->indexes[b->table];

	x->doubles++;
	join_first_add(&x->first_doubles, b->at, at);
	if (source == b->source)
		return;
	join_first_add(&b->collisions, b->at, at);
	b->result->collisions += !b->collided;
	b->collided = true;
}

static inline int
put_record(struct builder *b, const uint64_t *r, struct err *err)
{
	const uint64_t at = r[2] & (((uint64_t)1 << b->at_bits) - 1);
	const uint64_t source = r[2] >> b->at_bits;

	if (indexwrite_record(&b->files, r[0], r[1], at, err) != 0)
		return -1;
	if (b->some && r[0] == b->hi && r[1] == b->lo) {
		meet(b, at, source);
		return 0;
	}
	b->hi = r[0];
	b->lo = r[1];
	b->at = at;
	b->source = source;
	b->collided = false;
	b->some = true;
	b->result->ids++;
	return 0;
}

static int
put_records(void *context, const uint64_t *records, size_t n,
	    struct err *err)
{
	struct builder *const b = context;

	for (size_t i = 0; i < n; i++)
		if (put_record(b, records + KEYSORT_WORDS * i, err) != 0)
			return -1;
	return 0;
}

/* ---- afterwards ---------------------------------------------------------- */

int
join_item(const struct join_index *x, uint64_t at, struct join_place *out,
	  struct err *err)
{
	struct keyids_item item;

	if (keyids_get(x->ids, at, &item, NULL, err) != 0)
		return -1;
	*out = (struct join_place){ item.unit, item.offset };
	return 0;
}

static int
name_pairs(const struct join_index *x, const struct join_first *from,
	   struct join_pair *to, uint32_t *n, struct err *err)
{
	*n = from->n;
	for (uint32_t i = 0; i < from->n; i++)
		if (join_item(x, from->pairs[i].a, &to[i].a, err) != 0 ||
		    join_item(x, from->pairs[i].b, &to[i].b, err) != 0)
			return -1;
	return 0;
}

/* Write both files; see what meets. */
static int
build(struct builder *b, struct err *err)
{
	struct join_state *const state = b->worker->state;
	struct join_index *const x = &state->indexes[b->table];
	const char *const name = state->join->tables[b->table].name;
	const bool large = state->memory >= PLENTY;
	const size_t memory = state->memory - (large ? LARGE : 0);
	char *const tmp = join_tmp(state->join);
	char *const folder = join_folder(state->join);
	int rc = -1;

	/* The ids are as long as in the logs, what is around them is not. */
	const uint64_t most = KEYIDS_HEADER_LEN +
		join_logs_bytes(&state->logs, KEYLOG_ID, b->table) +
		b->n * KEYIDS_MAX_LEN;

	b->at_bits = 64 - (unsigned)__builtin_clzll(most);
	b->at_bits = b->at_bits > 63 ? 63 : b->at_bits;
	b->files.fd = -1;
	if (tmp == NULL || folder == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		goto done;
	}
	if (indexwrite_start(&b->files, folder, name, b->n, large, err) != 0)
		goto done;
	b->sort = keysort_new(b->n, memory, state->near, tmp, err);
	if (b->sort == NULL || read_logs(b, err) != 0 ||
	    keysort_finish_by(b->sort, b->worker->threads, put_records, b,
			      err) != 0 ||
	    indexwrite_end(&b->files, err) != 0 ||
	    mapping_open(b->files.idx_path, &x->idx, err) != 0 ||
	    mapping_open(b->files.ids_path, &x->ids, err) != 0 ||
	    keyindex_open(&x->ix, x->idx, err) != 0)
		goto done;
	rc = name_pairs(x, &b->collisions, b->result->collision,
			&b->result->ncollision, err);
done:
	free(tmp);
	free(folder);
	keysort_free(b->sort);
	indexwrite_stop(&b->files);
	return rc;
}

/* From those of the parts, where there are some. */
static int
merge(struct builder *b, struct err *err)
{
	struct join_state *const state = b->worker->state;
	const struct join *const j = state->join;
	struct join_index *const x = &state->indexes[b->table];
	const char *const name = j->tables[b->table].name;
	char *const folder = join_folder(j);
	char *idx = NULL, *ids = NULL;
	struct merge_index_result r;
	int rc = -1;

	if (folder == NULL || asprintf(&idx, "%s/%s.idx", folder, name) < 0)
		idx = NULL;
	if (folder == NULL || asprintf(&ids, "%s/%s.ids", folder, name) < 0)
		ids = NULL;
	if (idx == NULL || ids == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		goto done;
	}
	if (merge_index(j->parts, j->nparts, name, folder, j->cancel, &r,
			err) != 0)
		goto done;
	if (r.items != b->n) {
		err_set(err, ERR_INPUT, "%" PRIu64 " id%s in the indexes of "
			"the parts, but %" PRIu64 " in their logs", r.items,
			plural(r.items), b->n);
		goto done;
	}
	if (mapping_open(idx, &x->idx, err) != 0 ||
	    mapping_open(ids, &x->ids, err) != 0 ||
	    keyindex_open(&x->ix, x->idx, err) != 0)
		goto done;
	x->doubles = r.doubles;
	x->first_doubles = r.first_doubles;
	b->result->ids = r.ids;
	b->result->collisions = r.collisions;
	rc = name_pairs(x, &r.first_collisions, b->result->collision,
			&b->result->ncollision, err);
done:
	free(folder);
	free(idx);
	free(ids);
	return rc;
}

/* The keys of a target that are this table's ids. */
static int
check_target(struct join_worker *w, uint32_t t, uint32_t target,
	     struct err *err)
{
	struct join_state *const state = w->state;
	const struct join_index *const x = &state->indexes[t];
	struct join_target_result *const r = &state->result->targets[target];
	const uint64_t gone =
		join_logs_count(&state->logs, KEYLOG_UNWRITTEN, t) +
		join_logs_count(&state->logs, KEYLOG_REJECTED, t);
	struct join_first first = x->first_doubles;
	uint8_t *bits = NULL;
	size_t len;

	r->items = x->ix.shape.n - gone;
	r->duplicates = x->doubles;
	if (gone > 0 && x->doubles > 0) {
		if (join_mark(w, t, KEYLOG_UNWRITTEN, &bits, &len, err) != 0)
			return -1;
		join_count_doubles(&x->ix, bits, &r->duplicates, &first);
		join_unmark(bits, len);
	}
	return name_pairs(x, &first, r->duplicate, &r->nduplicate, err);
}

/* Does a reference that is checked point to it? */
static bool
is_referred_to(const struct join *j, uint32_t t)
{
	for (uint32_t i = 0; i < j->nrelations; i++)
		if (j->relations[i].checked && j->relations[i].table == t)
			return true;
	return false;
}

int
join_ids(struct join_worker *w, uint32_t t, struct err *err)
{
	struct join_state *const state = w->state;
	const struct join *const j = state->join;
	struct join_index *const x = &state->indexes[t];
	struct builder b = {
		.worker = w,
		.table = t,
		.n = join_logs_count(&state->logs, KEYLOG_ID, t),
		.result = &state->result->tables[t],
	};

	b.result->items = b.n;
	if ((j->nparts > 0 ? merge(&b, err) : build(&b, err)) != 0)
		return err_at(err, "index of '%s'", j->tables[t].name);
	if (j->only_ids)
		return 0;
	if (is_referred_to(j, t) &&
	    join_logs_count(&state->logs, KEYLOG_REJECTED, t) > 0) {
		if (join_mark(w, t, KEYLOG_REJECTED, &x->dead, &x->dead_len,
			      err) != 0)
			return err_at(err, "index of '%s'", j->tables[t].name);
		join_keep_dead(&x->ix, x->dead);
	}
	for (uint32_t i = 0; i < j->ntargets; i++)
		if (j->targets[i].ids_of == t &&
		    check_target(w, t, i, err) != 0)
			return err_at(err, "index of '%s'", j->tables[t].name);
	return 0;
}
