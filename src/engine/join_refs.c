/*
 * join_refs.c - references against the index of what they refer to, and
 * primary keys against each other.
 *
 * An index is asked as the references come, in batches, while it is likely to
 * stay in memory.  A larger one would be read at random, page by page; so the
 * references are put in rough order of their keys first, and the index is read
 * once from its start.  (At 240 MB both cost the same.)
 */
#include <stdlib.h>

#include "base/err.h"
#include "engine/join_internal.h"
#include "engine/keysort.h"
#include "io/mapping.h"

enum {
	BATCH = 512,
	LARGE = 256 << 20,
	STRETCH = 2 << 20,	/* of an index that is read from its start */
	PART_KEYS = 1 << 26,	/* of 2^32, what keys of a part differ by */
};

struct asker {
	const struct join_index *index;
	uint64_t passed;		/* of keys' first 32 bits: let go */
	struct join_relation_result *result;
	struct join_first dangle, reject;
	struct keyhash keys[BATCH];
	uint64_t places[BATCH], found[BATCH];
	size_t n;
};

static void
ask(struct asker *a)
{
	struct join_relation_result *const r = a->result;

	keyindex_find_all(&a->index->ix, a->keys, a->n, a->found);
	for (size_t i = 0; i < a->n; i++) {
		if (a->found[i] == UINT64_MAX) {
			r->dangling++;
			join_first_add(&a->dangle, 0, a->places[i]);
			continue;
		}
		r->resolved++;
		if (a->index->dead != NULL &&
		    join_is_marked(a->index->dead, a->found[i])) {
			r->rejected++;
			join_first_add(&a->reject, 0, a->places[i]);
		}
	}
	a->n = 0;
}

/*
 * An index that is read once from its start would come to be in memory whole:
 * what lies behind is let go of.  But for what is near: keys of one part, of
 * which there are 64 or more as a rule, come in any order.
 */
static void
let_go(struct asker *a, uint64_t hi)
{
	const struct keyindex *const ix = &a->index->ix;
	const uint64_t fan_len = ix->shape.records_at - KEYINDEX_HEADER_LEN;
	const uint64_t all = ix->shape.n * KEYINDEX_RECORD_LEN;
	const uint64_t from = a->passed, at = hi >> 32;
	const uint64_t to = at > PART_KEYS ? at - PART_KEYS : 0;
	const unsigned __int128 step = to - from;

	if (to < from || (uint64_t)(step * all >> 32) < STRETCH)
		return;
	/* Keys are uniform: so far in them, so far in both. */
	mapping_let_go((struct span){
		ix->fan + (uint64_t)((unsigned __int128)from * fan_len >> 32),
		(size_t)(step * fan_len >> 32) });
	mapping_let_go((struct span){
		ix->records + (uint64_t)((unsigned __int128)from * all >> 32),
		(size_t)(step * all >> 32) });
	a->passed = to;
}

static int
put_sorted(void *context, const uint64_t *records, size_t n, struct err *err)
{
	struct asker *const a = context;

	(void)err;
	for (size_t i = 0; i < n; i++) {
		const uint64_t *const r = records + KEYSORT_WORDS * i;

		if (a->n == 0)
			let_go(a, r[0]);
		a->keys[a->n] = (struct keyhash){ .hi = r[0], .lo = r[1] };
		a->places[a->n] = r[2];
		if (++a->n == BATCH)
			ask(a);
	}
	return 0;
}

/* Ask for what is in the chunk. */
static int
ask_chunk(struct asker *a, struct keylog_cursor *c, uint64_t base,
	  struct err *err)
{
	size_t n;

	do {
		if (keylog_keys(c, a->keys + a->n, a->places + a->n,
				BATCH - a->n, &n, err) != 0)
			return -1;
		for (size_t i = a->n; i < a->n + n; i++)
			a->places[i] += base;
		a->n += n;
		if (a->n == BATCH)
			ask(a);
	} while (n > 0);
	return 0;
}

/* Put what is in the chunk up for sorting. */
static int
sort_chunk(struct keysort *sort, struct keylog_cursor *c, uint64_t base,
	   struct err *err)
{
	struct keyhash keys[BATCH];
	uint64_t offsets[BATCH];
	size_t n;

	do {
		if (keylog_keys(c, keys, offsets, BATCH, &n, err) != 0)
			return -1;
		for (size_t i = 0; i < n; i++)
			if (keysort_add(sort, keys[i].hi, keys[i].lo,
					base + offsets[i], err) != 0)
				return -1;
	} while (n > 0);
	return 0;
}

/* All records of a section: to be sorted, or if there is no `sort` to `a`. */
static int
read_section(struct join_worker *w, enum keylog_kind kind, uint32_t number,
	     struct keysort *sort, struct asker *a, struct err *err)
{
	const struct join_logs *const l = &w->state->logs;
	struct join_reader r;
	int rc;

	join_reader_start(&r, l, kind, number, w->room);
	while ((rc = join_reader_chunk(&r, err)) > 0) {
		const uint64_t base = l->base[r.unit];

		if ((sort == NULL ? ask_chunk(a, &r.cursor, base, err) :
		     sort_chunk(sort, &r.cursor, base, err)) != 0)
			break;
	}
	join_reader_close(&r);
	return rc == 0 ? 0 : -1;
}

typedef int finish(struct keysort *s, keysort_take *take, void *context,
		   struct err *err);

/* The same in order of keys, as `end` does it. */
static int
read_sorted(struct join_worker *w, enum keylog_kind kind, uint32_t number,
	    finish *end, keysort_take *take, void *context, struct err *err)
{
	struct join_state *const s = w->state;
	char *const tmp = join_tmp(s->join);
	const bool alone = s->join->on_duplicate == DUPLICATE_FAIL;
	struct keysort *sort = NULL;
	int rc = -1;

	if (tmp == NULL)
		err_set(err, ERR_SYSTEM, "out of memory");
	else
		sort = keysort_new(join_logs_count(&s->logs, kind, number),
				   alone ? s->memory : s->memory / 2,
				   alone ? s->near : s->near / 2, tmp, err);
	if (sort != NULL &&
	    read_section(w, kind, number, sort, NULL, err) == 0)
		rc = end(sort, take, context, err);
	keysort_free(sort);
	free(tmp);
	return rc;
}

static void
name_places(const struct join_logs *l, const struct join_first *from,
	    struct join_place *to, uint32_t *n)
{
	*n = from->n;
	for (uint32_t i = 0; i < from->n; i++)
		to[i] = join_logs_place(l, from->pairs[i].b);
}

int
join_refs(struct join_worker *w, uint32_t relation, struct err *err)
{
	static const struct join_index NONE;
	struct join_state *const s = w->state;
	const struct join_relation *const rel = &s->join->relations[relation];
	struct join_relation_result *const r = &s->result->relations[relation];
	struct asker *a;
	int rc;

	r->refs = join_logs_count(&s->logs, KEYLOG_REF, relation);
	if (!rel->checked || rel->table == JOIN_NONE)
		r->unchecked = r->refs;
	if (r->unchecked > 0 || r->refs == 0)
		return 0;
	a = calloc(1, sizeof(*a));
	if (a == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	a->result = r;
	a->index = s->join->tables[rel->table].name == NULL ? &NONE :
		   &s->indexes[rel->table];
	if (a->index->idx.len > (s->mapped < LARGE ? s->mapped : LARGE))
		rc = read_sorted(w, KEYLOG_REF, relation, keysort_finish_rough,
				 put_sorted, a, err);
	else
		rc = read_section(w, KEYLOG_REF, relation, NULL, a, err);
	if (rc == 0) {
		ask(a);
		name_places(&s->logs, &a->dangle, r->dangle, &r->ndangle);
		name_places(&s->logs, &a->reject, r->reject, &r->nreject);
	}
	free(a);
	return rc;
}

/* ---- primary keys -------------------------------------------------------- */

struct watcher {
	struct join_target_result *result;
	struct join_first doubles;
	uint64_t hi, lo, place;		/* of the first item with that key */
	uint64_t last;			/* place of the last one so far */
	bool some;
	struct keysort *drops;		/* what goes, by place; NULL: nothing */
	bool keep_last;
	unsigned shift;			/* so that the bits of places are high */
};

static int
watch(void *context, const uint64_t *records, size_t n, struct err *err)
{
	struct watcher *const v = context;

	for (size_t i = 0; i < n; i++) {
		const uint64_t *const r = records + KEYSORT_WORDS * i;

		if (v->some && r[0] == v->hi && r[1] == v->lo) {
			const uint64_t goes = v->keep_last ? v->last : r[2];

			v->result->duplicates++;
			join_first_add(&v->doubles, v->place, r[2]);
			v->last = r[2];
			if (v->drops != NULL &&
			    keysort_add(v->drops, goes << v->shift, 0, goes,
					err) != 0)
				return -1;
			continue;
		}
		v->some = true;
		v->hi = r[0];
		v->lo = r[1];
		v->place = v->last = r[2];
	}
	return 0;
}

struct dropping {
	const struct join_logs *logs;
	struct drops_writer *to;
};

static int
drop(void *context, const uint64_t *records, size_t n, struct err *err)
{
	const struct dropping *const d = context;

	for (size_t i = 0; i < n; i++) {
		const struct join_place place = join_logs_place(d->logs,
			records[KEYSORT_WORDS * i + 2]);

		if (drops_put(d->to, place.unit, place.offset, err) != 0)
			return -1;
	}
	return 0;
}

/* Leave the list of what goes of a target. */
static int
write_drops(const struct join_state *s, uint32_t target, struct keysort *sort,
	    struct err *err)
{
	struct dropping d = {
		&s->logs, drops_write(s->join->job_dir, target, err),
	};

	if (d.to == NULL)
		return -1;
	if (keysort_finish(sort, drop, &d, err) == 0)
		return drops_end(d.to, err);
	drops_give_up(d.to);
	return -1;
}

/* Where all places fit when they are shifted so far. */
static unsigned
shift_of(const struct join_logs *l)
{
	const uint64_t end = l->base[l->join->nunits];

	return end == 0 ? 0 : (unsigned)__builtin_clzll(end);
}

int
join_pks(struct join_worker *w, uint32_t target, struct err *err)
{
	struct join_state *const s = w->state;
	struct join_target_result *const r = &s->result->targets[target];
	const enum on_duplicate policy = s->join->on_duplicate;
	struct watcher v = {
		.result = r, .keep_last = policy == DUPLICATE_KEEP_LAST,
		.shift = shift_of(&s->logs),
	};
	char *tmp = NULL;
	int rc = 0;

	r->items = join_logs_count(&s->logs, KEYLOG_PK, target);
	if (policy != DUPLICATE_FAIL) {
		tmp = join_tmp(s->join);
		v.drops = tmp != NULL ? keysort_new(r->items, s->memory / 2,
						    s->near / 2, tmp, err)
				     : NULL;
		if (v.drops == NULL)
			rc = tmp != NULL ? -1 : err_set(err, ERR_SYSTEM,
							"out of memory");
	}
	if (rc == 0)
		rc = read_sorted(w, KEYLOG_PK, target, keysort_finish, watch,
				 &v, err);
	if (rc == 0 && v.drops != NULL)
		rc = write_drops(s, target, v.drops, err);
	keysort_free(v.drops);
	free(tmp);
	if (rc != 0)
		return -1;
	r->nduplicate = v.doubles.n;
	for (uint32_t i = 0; i < v.doubles.n; i++) {
		r->duplicate[i].a = join_logs_place(&s->logs,
						    v.doubles.pairs[i].a);
		r->duplicate[i].b = join_logs_place(&s->logs,
						    v.doubles.pairs[i].b);
	}
	return 0;
}
