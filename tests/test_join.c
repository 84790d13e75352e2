/*
 * test_join.c - the end checks against slow and obvious ones, in plenty of
 * memory and in next to none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/dice.h"
#include "base/err.h"
#include "engine/join.h"
#include "engine/keyfile.h"
#include "engine/keyread.h"
#include "formats/keyindex.h"
#include "io/file.h"

enum {
	NUNITS = 7, NTABLES = 4, NRELATIONS = 5, NTARGETS = 3,
	MAX_ENTRIES = 400000,
};

static char dir[64];

/* Everything that was logged, in the order of units and of their items. */
struct entry {
	enum keylog_kind kind;
	uint32_t number, unit;
	uint64_t offset;
	struct keyhash key;
	char type;
	uint32_t source;	/* as text, of this many digits at least */
	bool rejected, unwritten;	/* of an id */
};

static struct entry *all;
static size_t nall;

static const uint32_t UNITS[NUNITS] = { 0, 1, 2, 5, 6, 7, 900 };
static const struct join_table TABLES[NTABLES] = {
	{ "Big" }, { "Small" }, { NULL }, { "None" },
};
static const struct join_relation RELATIONS[NRELATIONS] = {
	{ 0, true }, { 1, true }, { 0, false }, { JOIN_NONE, true },
	{ 3, true },
};
static const struct join_target TARGETS[NTARGETS] = {
	{ JOIN_NONE }, { 0 }, { JOIN_NONE },
};

static int
make_dir(void **state)
{
	struct err err;
	char path[96];

	(void)state;
	all = calloc(MAX_ENTRIES, sizeof(*all));
	snprintf(dir, sizeof(dir), "/tmp/test_join.XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/index/tmp", dir);
	assert_int_equal(file_make_folder(path, &err), 0);
	snprintf(path, sizeof(path), "%s/index/units", dir);
	return file_make_folder(path, &err);
}

static int
remove_dir(void **state)
{
	(void)state;
	free(all);
	return file_remove_folder(dir);
}

static struct keyhash
key_of(uint64_t id)
{
	return (struct keyhash){ .lo = dice_mix(id + 77), .hi = dice_mix(id) };
}

static struct entry *
put(struct entry e)
{
	assert_true(nall < MAX_ENTRIES);
	all[nall] = e;
	return &all[nall++];
}

/* An item of table 0: `range` ids there are to draw from. */
static void
put_item(uint64_t *seed, uint32_t unit, uint64_t offset, uint32_t range)
{
	const uint32_t id = (uint32_t)(dice_throw(seed) % range);
	const uint64_t dice = dice_throw(seed);
	struct entry e = { KEYLOG_ID, 0, unit, offset, key_of(id), 'S', id,
			   false, false };

	if (dice % 211 == 0)
		e.source += 1000000;	/* another id with the same key */
	if (dice % 223 == 0)
		e.type = 'N';
	e.rejected = dice >> 8 & 1 ? id % 7 == 0 : dice % 31 == 0;
	e.unwritten = !e.rejected && dice % 37 == 0;
	put(e);
	if (dice % 5 == 0) {
		e.number = 1;
		e.rejected = e.unwritten = false;
		put(e);
	}
	for (uint32_t r = 0; r < NRELATIONS; r++) {
		/* A tenth of them leads nowhere. */
		const uint64_t to = dice_throw(seed) % (range + range / 10);
		const struct entry ref = {
			.kind = KEYLOG_REF, .number = r, .unit = unit,
			.offset = offset, .key = key_of(dice % 3 ? to : 3),
		};

		put(ref);
		if (dice % 4 == 0)
			put(ref);	/* a list has it twice */
	}
	put((struct entry){ .kind = KEYLOG_PK, .unit = unit, .offset = offset,
			    .key = key_of(dice_throw(seed) % (20 * range)) });
}

static void
log_entry(struct keyfile *k, const struct entry *e)
{
	char text[24];

	if (e->kind != KEYLOG_ID) {
		keyfile_log(k, e->kind, e->number, e->key, e->offset);
		return;
	}
	snprintf(text, sizeof(text), "%05u", e->source);
	keyfile_id(k, e->number, e->key, e->offset, e->type, span_of(text));
	if (e->rejected)
		keyfile_rejected(k, e->number, e->key, e->offset);
	if (e->unwritten)
		keyfile_unwritten(k, e->number, e->key, e->offset);
}

static void
write_logs(void)
{
	const struct keyfile_sizes sizes = { NTABLES, NRELATIONS, NTARGETS };
	struct keyfile_info info;
	struct err err;
	struct keyfile *const k = keyfile_new(&sizes, &err);
	size_t i = 0;

	for (size_t u = 0; u < NUNITS; u++) {
		assert_int_equal(keyfile_start(k, dir, UNITS[u], &err), 0);
		for (; i < nall && all[i].unit == UNITS[u]; i++)
			log_entry(k, &all[i]);
		assert_int_equal(keyfile_commit(k, &info, &err), 0);
	}
	assert_int_equal(i, nall);
	keyfile_free(k);
}

/* Logs of `n` items a unit, one unit without any. */
static void
make_logs(uint64_t seed, uint32_t n, uint32_t range)
{
	nall = 0;
	for (size_t u = 0; u < NUNITS; u++)
		for (uint64_t i = 0; u != 2 && i < n; i++)
			put_item(&seed, UNITS[u], i * 700 + i % 3, range);
	write_logs();
}

static struct join
job(size_t memory, unsigned threads)
{
	return (struct join){
		.job_dir = dir, .units = UNITS, .nunits = NUNITS,
		.tables = TABLES, .relations = RELATIONS, .targets = TARGETS,
		.ntables = NTABLES, .nrelations = NRELATIONS,
		.ntargets = NTARGETS, .memory = memory, .threads = threads,
	};
}

/* ---- the slow way -------------------------------------------------------- */

static int
by_key(const void *a, const void *b)
{
	const struct entry *const x = *(const struct entry *const *)a;
	const struct entry *const y = *(const struct entry *const *)b;

	if (x->key.hi != y->key.hi)
		return x->key.hi < y->key.hi ? -1 : 1;
	if (x->key.lo != y->key.lo)
		return x->key.lo < y->key.lo ? -1 : 1;
	return x < y ? -1 : x > y;
}

/* The entries of a section, by key and then as logged. */
static const struct entry **
section(enum keylog_kind kind, uint32_t number, size_t *n)
{
	const struct entry **const p = calloc(nall + 1, sizeof(*p));

	*n = 0;
	for (size_t i = 0; i < nall; i++)
		if (all[i].kind == kind && all[i].number == number)
			p[(*n)++] = &all[i];
	qsort(p, *n, sizeof(*p), by_key);
	return p;
}

static bool
same_key(const struct entry *a, const struct entry *b)
{
	return a->key.hi == b->key.hi && a->key.lo == b->key.lo;
}

static bool
is_place(struct join_place p, const struct entry *e)
{
	return p.unit == e->unit && p.offset == e->offset;
}

/* Pairs of entries, to compare the first ten of with the examples. */
struct pairs {
	struct { const struct entry *a, *b; } *p;
	size_t n;
};

static int
by_second(const void *a, const void *b)
{
	const struct entry *const *const x = a, *const *const y = b;

	return x[1] < y[1] ? -1 : x[1] > y[1];
}

static void
check_pairs(struct pairs *want, const struct join_pair *got, uint32_t n)
{
	qsort(want->p, want->n, sizeof(*want->p), by_second);
	assert_int_equal(n, want->n < JOIN_EXAMPLES ? want->n : JOIN_EXAMPLES);
	for (uint32_t i = 0; i < n; i++) {
		assert_true(is_place(got[i].a, want->p[i].a));
		assert_true(is_place(got[i].b, want->p[i].b));
	}
	free(want->p);
}

static void
check_table(uint32_t t, const struct join_table_result *r)
{
	size_t n, ids = 0, collisions = 0;
	const struct entry **const p = section(KEYLOG_ID, t, &n);
	struct pairs pairs = { calloc(n + 1, sizeof(*pairs.p)), 0 };

	for (size_t i = 0, end; i < n; i = end) {
		bool several = false;

		for (end = i + 1; end < n && same_key(p[i], p[end]); end++) {
			if (p[end]->source == p[i]->source &&
			    p[end]->type == p[i]->type)
				continue;
			several = true;
			pairs.p[pairs.n].a = p[i];
			pairs.p[pairs.n++].b = p[end];
		}
		ids++;
		collisions += several;
	}
	assert_int_equal(r->items, n);
	assert_int_equal(r->ids, ids);
	assert_int_equal(r->collisions, collisions);
	check_pairs(&pairs, r->collision, r->ncollision);
	free(p);
}

static void
check_target(uint32_t g, const struct join_target_result *r)
{
	const bool ids = TARGETS[g].ids_of != JOIN_NONE;
	size_t n, items = 0;
	const struct entry **const p = ids ?
		section(KEYLOG_ID, TARGETS[g].ids_of, &n) :
		section(KEYLOG_PK, g, &n);
	struct pairs pairs = { calloc(n + 1, sizeof(*pairs.p)), 0 };
	const struct entry *a = NULL;

	for (size_t i = 0; i < n; i++) {
		if (p[i]->rejected || p[i]->unwritten)
			continue;
		items++;
		if (a != NULL && same_key(a, p[i])) {
			pairs.p[pairs.n].a = a;
			pairs.p[pairs.n++].b = p[i];
		} else {
			a = p[i];
		}
	}
	assert_int_equal(r->items, items);
	assert_int_equal(r->duplicates, pairs.n);
	check_pairs(&pairs, r->duplicate, r->nduplicate);
	free(p);
}

/* Is there an id with that key; and one whose item was not rejected? */
static void
look_up(const struct entry **ids, size_t n, const struct entry *ref,
	bool *exists, bool *lives)
{
	size_t a = 0, b = n;

	while (a < b) {
		const size_t mid = (a + b) / 2;

		if (ids[mid]->key.hi < ref->key.hi)
			a = mid + 1;
		else
			b = mid;
	}
	*exists = a < n && same_key(ids[a], ref);
	*lives = false;
	for (; a < n && same_key(ids[a], ref); a++)
		*lives = *lives || !ids[a]->rejected;
}

static void
check_places(const struct entry *const *want, size_t n,
	     const struct join_place *got, uint32_t ngot)
{
	uint32_t k = 0;

	for (size_t i = 0; i < n && k < JOIN_EXAMPLES; i++) {
		if (k > 0 && is_place(got[k - 1], want[i]))
			continue;	/* the same item */
		assert_true(k < ngot);
		assert_true(is_place(got[k++], want[i]));
	}
	assert_int_equal(k, ngot);
}

static void
check_relation(uint32_t number, const struct join_relation_result *r)
{
	const struct join_relation *const rel = &RELATIONS[number];
	const struct entry **const dangling = calloc(nall, sizeof(*dangling));
	const struct entry **const rejected = calloc(nall, sizeof(*rejected));
	const struct entry **ids = NULL;
	size_t nids, refs = 0, ndangling = 0, nrejected = 0;
	const bool checked = rel->checked && rel->table != JOIN_NONE;

	if (checked)
		ids = section(KEYLOG_ID, rel->table, &nids);
	for (size_t i = 0; i < nall; i++) {
		bool exists, lives;

		if (all[i].kind != KEYLOG_REF || all[i].number != number)
			continue;
		refs++;
		if (!checked)
			continue;
		look_up(ids, nids, &all[i], &exists, &lives);
		if (!exists)
			dangling[ndangling++] = &all[i];
		else if (!lives)
			rejected[nrejected++] = &all[i];
	}
	assert_int_equal(r->refs, refs);
	assert_int_equal(r->unchecked, checked ? 0 : refs);
	assert_int_equal(r->dangling, ndangling);
	assert_int_equal(r->resolved, checked ? refs - ndangling : 0);
	assert_int_equal(r->rejected, nrejected);
	check_places(dangling, ndangling, r->dangle, r->ndangle);
	check_places(rejected, nrejected, r->reject, r->nreject);
	free(dangling);
	free(rejected);
	free(ids);
}

static void
load(const char *name, struct buf *out)
{
	char path[128];
	struct err err;

	snprintf(path, sizeof(path), "%s/index/%s", dir, name);
	buf_reset(out);
	assert_int_equal(file_load(path, SIZE_MAX / 8, out, &err), 0);
}

/* The files of table `t`, record by record. */
static void
check_index(uint32_t t)
{
	struct buf idx = { 0 }, ids = { 0 };
	struct keyindex ix;
	struct err err;
	char name[32];
	size_t n;
	const struct entry **const p = section(KEYLOG_ID, t, &n);

	snprintf(name, sizeof(name), "%s.idx", TABLES[t].name);
	load(name, &idx);
	snprintf(name, sizeof(name), "%s.ids", TABLES[t].name);
	load(name, &ids);
	assert_int_equal(keyindex_open(&ix, buf_span(&idx), &err), 0);
	assert_int_equal(keyids_open(buf_span(&ids), &ix, &err), 0);
	if (keyindex_verify(&ix, &err) != 0)
		fail_msg("%s", err.text);
	assert_true(keyhash64_of(buf_span(&ids)) == ix.ids_xxh3);
	assert_int_equal(ix.shape.n, n);
	for (size_t i = 0; i < n; i++) {
		struct keyids_item item;
		struct keyhash key;
		char text[24];
		const uint64_t at = keyindex_at(&ix, i, &key);

		assert_true(key.hi == p[i]->key.hi && key.lo == p[i]->key.lo);
		assert_int_equal(keyids_get(buf_span(&ids), at, &item, NULL,
					    &err), 0);
		assert_int_equal(item.unit, p[i]->unit);
		assert_int_equal(item.offset, p[i]->offset);
		assert_int_equal(item.type, p[i]->type);
		snprintf(text, sizeof(text), "%05u", p[i]->source);
		assert_true(span_is(item.source, text));
	}
	free(p);
	buf_free(&idx);
	buf_free(&ids);
}

static void
check_all(size_t memory, unsigned threads)
{
	const struct join j = job(memory, threads);
	struct join_result r;
	struct err err;

	if (join_run(&j, &r, &err) != 0)
		fail_msg("%s", err.text);
	for (uint32_t i = 0; i < NTABLES; i++)
		if (TABLES[i].name != NULL) {
			check_table(i, &r.tables[i]);
			check_index(i);
		}
	for (uint32_t i = 0; i < NRELATIONS; i++)
		check_relation(i, &r.relations[i]);
	for (uint32_t i = 0; i < NTARGETS; i++)
		check_target(i, &r.targets[i]);
	join_result_free(&r);
}

/* ---- tests --------------------------------------------------------------- */

static void
finds_what_the_slow_way_finds(void **state)
{
	(void)state;
	make_logs(1, 3000, 15000);
	check_all(0, 1);
	check_all(0, 9);
}

static void
finds_the_same_in_next_to_no_memory(void **state)
{
	(void)state;
	make_logs(2, 6000, 30000);
	check_all(1, 1);
	check_all(1, 3);
	check_all(1, 16);
}

static void
finds_the_same_when_all_items_share_few_ids(void **state)
{
	(void)state;
	make_logs(3, 4000, 3);
	check_all(0, 2);
	check_all(1, 1);
	check_all(0, 12);
}

static void
makes_do_with_nothing(void **state)
{
	(void)state;
	nall = 0;
	write_logs();
	check_all(0, 1);
	make_logs(4, 1, 1);
	check_all(0, 1);
}

static void
leaves_nothing_in_tmp(void **state)
{
	char path[96];

	(void)state;
	snprintf(path, sizeof(path), "%s/index/tmp", dir);
	assert_int_equal(rmdir(path), 0);
	struct err err;
	assert_int_equal(file_make_folder(path, &err), 0);
}

static void
refuses_damaged_and_foreign_logs(void **state)
{
	const struct join j = job(0, 2);
	struct join_result r;
	struct keyread sound;
	struct buf log = { 0 };
	struct err err = { 0 };
	char path[128], name[40];

	(void)state;
	make_logs(5, 200, 100);
	keyfile_path(UNITS[4], name, sizeof(name));
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(file_load(path, 1 << 24, &log, &err), 0);
	assert_int_equal(keyread_open(&sound, path, &err), 0);
	for (size_t i = 0; i < sound.shape.nchunks; i++) {
		struct keylog_chunk c;

		assert_int_equal(keyread_entry(&sound, i, &c, &err), 0);
		/* What need not be looked at is not. */
		if (c.kind == KEYLOG_REF && (c.number == 2 || c.number == 3))
			continue;
		log.ptr[c.at + c.len / 2] ^= 1;
		assert_int_equal(file_save(path, buf_span(&log), &err), 0);
		log.ptr[c.at + c.len / 2] ^= 1;
		assert_int_equal(join_run(&j, &r, &err), -1);
		assert_int_equal(err.code, ERR_INPUT);
	}
	assert_true(sound.shape.nchunks >= 8);
	keyread_close(&sound);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(join_run(&j, &r, &err), -1);
	assert_int_equal(err.code, ERR_INPUT);
	assert_int_equal(file_save(path, buf_span(&log), &err), 0);

	struct join few = j;
	few.nrelations = 2;
	assert_int_equal(join_run(&few, &r, &err), -1);
	assert_non_null(strstr(err.text, "log of another job"));
	buf_free(&log);
}

static void
stops_when_it_is_told(void **state)
{
	atomic_bool cancel = true;
	struct join j = job(0, 2);
	struct join_result r;
	struct err err;

	(void)state;
	make_logs(6, 20, 100);
	j.cancel = &cancel;
	assert_int_equal(join_run(&j, &r, &err), -1);
	assert_int_equal(err.code, ERR_CANCELLED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_what_the_slow_way_finds),
		cmocka_unit_test(finds_the_same_in_next_to_no_memory),
		cmocka_unit_test(finds_the_same_when_all_items_share_few_ids),
		cmocka_unit_test(makes_do_with_nothing),
		cmocka_unit_test(refuses_damaged_and_foreign_logs),
		cmocka_unit_test(stops_when_it_is_told),
		cmocka_unit_test(leaves_nothing_in_tmp),
	};

	return cmocka_run_group_tests_name("join", tests, make_dir,
					   remove_dir);
}
