/*
 * test_lane.c - the short way against the long one, over plans and items made
 * at random from few names, so that they meet in every way.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cpu.h"
#include "base/err.h"
#include "engine/lane.h"
#include "engine/plan.h"
#include "engine/rename.h"
#include "expr/expr.h"
#include "expr/remap.h"
#include "expr/rewrite.h"
#include "formats/ddbjson.h"
#include "model/batch.h"

enum { MAX_STEPS = 4, ROUNDS = 4000, NITEMS = 8, NNAMES = 9 };

static const char *const names[NNAMES] = {
	"a", "b", "id", "type", "status", "statusCode", "schemaVersion",
	"legacyField", "a name that is longer than two words of eight bytes",
};

static struct err err;
static uint32_t seed;

/* Rules for some items: the id "r0", and the references "r1" and "r2". */
static struct remap *remap;
static struct rewrite *rules;
static struct rewrite_queue *queue;

static uint32_t
pick(uint32_t n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 16) % n;
}

/* SET and REMOVE of different names, or what only the long way can do. */
static struct update *
make_update(void)
{
	static const char *const values[] = {
		"1", "'text'", "'a \"quote\"'", "true", "NULL", "[1, 'x']",
		"{'k': 2}", "id",
	};
	const uint32_t first = pick(NNAMES), nset = pick(4);
	const uint32_t nremove = pick(3) + (nset == 0);
	const struct expr_scope scope = { 0 };
	struct buf text = { 0 };
	struct update *u;

	for (uint32_t i = 0; i < nset; i++)
		buf_printf(&text, &err, "%s \"%s\" = %s", i == 0 ? "SET" : ",",
			   names[(first + i) % NNAMES],
			   values[pick(pick(4) == 0 ? 8 : 7)]);
	for (uint32_t i = 0; i < nremove; i++)
		buf_printf(&text, &err, "%s \"%s\"", i == 0 ? " REMOVE" : ",",
			   names[(first + nset + i) % NNAMES]);
	u = update_parse(buf_span(&text), &scope, NULL, &err);
	if (u == NULL)
		fail_msg("%.*s: %s", (int)text.len, (const char *)text.ptr,
			 err.text);
	buf_free(&text);
	return u;
}

static void
name_path(struct path *p, struct path_part *part)
{
	const struct span name = span_of(names[pick(NNAMES)]);

	*part = (struct path_part){ .kind = PATH_NAME, .name = name,
				    .hash = name_hash(name) };
	*p = (struct path){ .parts = part, .nparts = 1 };
}

/* One plan table, and what it points to. */
struct made {
	struct plan_table table;
	struct plan_pass pass;
	struct plan_step steps[MAX_STEPS];
	struct plan_rename renames[MAX_STEPS][2];
	struct path_part parts[MAX_STEPS][4];
};

static void
make_plan(struct made *m)
{
	memset(m, 0, sizeof(*m));
	m->table.key.pk.name = names[pick(NNAMES)];
	m->table.key.sk.name = pick(2) ? names[pick(NNAMES)] : NULL;
	m->table.rewrite = pick(2) ? rules : NULL;
	if (pick(3) == 0)
		m->table.key.pk.name = "r0";
	m->table.passes = &m->pass;
	m->table.npasses = 1;
	m->pass.steps = m->steps;
	m->pass.nsteps = pick(MAX_STEPS + 1);
	for (size_t i = 0; i < m->pass.nsteps; i++) {
		struct plan_step *const s = &m->steps[i];

		s->kind = pick(2) ? STEP_UPDATE : STEP_RENAME;
		if (s->kind == STEP_UPDATE) {
			s->update = make_update();
			continue;
		}
		s->renames = m->renames[i];
		s->nrenames = pick(8) == 0 ? 2 : 1;
		s->overwrite = pick(2);
		for (size_t k = 0; k < s->nrenames; k++) {
			name_path(&s->renames[k].from, &m->parts[i][2 * k]);
			name_path(&s->renames[k].to, &m->parts[i][2 * k + 1]);
		}
	}
}

static void
free_plan(struct made *m)
{
	for (size_t i = 0; i < m->pass.nsteps; i++)
		update_free(m->steps[i].update);
}

/* A name as it may stand in JSON. */
static const char *
spelt(const char *name)
{
	return strcmp(name, "type") == 0 && pick(2) ? "t\\u0079pe" : name;
}

/* Items with some of the names, and others, in some order. */
static size_t
make_items(uint8_t *in, size_t cap)
{
	struct buf b = { 0 };

	for (int i = 0; i < NITEMS; i++) {
		const uint32_t from = pick(NNAMES), by = pick(2) ? 1 : 2;
		const uint32_t n = pick(NNAMES + 1);

		const char *comma = "";

		buf_printf(&b, &err, "{\"Item\":{");
		if (pick(2)) {
			buf_printf(&b, &err, "\"x%d\":{\"N\":\"1\"}", i);
			comma = ",";
		}
		for (uint32_t k = 0; k < n; k++) {
			if (pick(4) == 0) {
				buf_printf(&b, &err, "%s\"y%u\":{\"L\":[]}",
					   comma, k);
				comma = ",";
			}
			if (k < 3 && pick(2)) {
				buf_printf(&b, &err, "%s\"r%u\":{\"S\":"
					   "\"%.*s\"}", comma, k,
					   1 + (int)pick(36), "51c0e1b6-36a4-"
					   "4f0e-bb2f-7f3fd4a7b0ce");
				comma = ",";
			}
			buf_printf(&b, &err, "%s\"%s\":{%s}", comma,
				   spelt(names[(from + k * by) % NNAMES]),
				   pick(3) ? "\"S\":\"v\\n\"" :
				   pick(2) ? "\"BOOL\":true" :
				   "\"M\":{\"k\":{\"N\":\"7\"}}");
			comma = ",";
		}
		buf_printf(&b, &err, "}}\n");
	}
	assert_true(b.len + DDBJSON_SLACK < cap);
	memcpy(in, b.ptr, b.len);

	const size_t len = b.len;
	buf_free(&b);
	return len;
}

static void
decode_watched(const uint8_t *in, size_t len, const struct span *list, size_t n,
	       struct batch *b)
{
	struct ddbjson *const d = ddbjson_new(&err);
	size_t used;

	assert_non_null(d);
	ddbjson_watch(d, list, n);
	/* Once before, so that it knows the names. */
	assert_int_equal(ddbjson_decode(d, (struct span){ in, len }, true, b,
					&used, &err), 0);
	batch_reset(b);
	assert_int_equal(ddbjson_decode(d, (struct span){ in, len }, true, b,
					&used, &err), 0);
	assert_int_equal(b->nrejects, 0);
	assert_int_equal(b->nitems, NITEMS);
	ddbjson_free(d);
}

static void
decode(const uint8_t *in, size_t len, struct batch *b)
{
	decode_watched(in, len, NULL, 0, b);
}

/* Steps from `first` on, the long way.  Returns how many were done. */
static size_t
long_way(const struct made *m, size_t first, struct item *item,
	 struct arena *mem, struct err *why)
{
	const struct expr_run run = { .mem = mem };

	for (size_t i = first; i < m->pass.nsteps; i++) {
		const struct plan_step *const s = &m->steps[i];

		if ((s->kind == STEP_UPDATE
		     ? update_apply(s->update, &run, item, why)
		     : rename_apply(s, item, mem, why)) != 0)
			return i;
	}
	return m->pass.nsteps;
}

static void
expect_key(const char *name, const struct item *item, const struct value *got)
{
	const struct span s = span_of(name != NULL ? name : "");
	const struct value *const want =
		value_attr(&item->map, s, name_hash(s));

	if (name == NULL || want == NULL) {
		assert_int_equal(got->type, 0);
		return;
	}
	assert_int_equal(got->type, want->type);
	assert_ptr_equal(got->text, want->text);
}

static void
compare_item(const struct made *m, const struct lane *l, struct batch *b,
	     struct item *item, struct batch *other, struct item *twin)
{
	struct buf is = { 0 }, want = { 0 };
	struct names_found found;
	struct value keys[2];
	struct err why = { 0 }, their = { 0 };
	size_t n, m_done = long_way(m, 0, twin, &other->mem, &their);

	assert_true(lane_find(l, item, &found));
	const int first = lane_do(l, item, &found, keys, &b->mem, &why);
	assert_true(first >= 0 && (size_t)first <= m->pass.nsteps);
	if ((size_t)first == m->pass.nsteps) {
		expect_key(m->table.key.pk.name, item, &keys[0]);
		expect_key(m->table.key.sk.name, item, &keys[1]);
	}
	n = long_way(m, (size_t)first, item, &b->mem, &why);
	assert_int_equal(n, m_done);
	if (n < m->pass.nsteps) {
		assert_string_equal(why.text, their.text);
		return;
	}
	assert_int_equal(ddbjson_encode(item, 1, &is, &err), 0);
	assert_int_equal(ddbjson_encode(twin, 1, &want, &err), 0);
	if (!span_equal(buf_span(&is), buf_span(&want)))
		fail_msg("%.*s instead of %.*s", (int)is.len,
			 (const char *)is.ptr, (int)want.len,
			 (const char *)want.ptr);
	buf_free(&is);
	buf_free(&want);
}

/* Ids the long way, then the steps of the lane, and the rest. */
static bool
do_all(const struct made *m, const struct lane *l, struct batch *b,
       struct item *item, struct buf *out)
{
	static uint64_t left[3 * LEFT_KINDS];
	struct names_found found;
	struct value keys[2];
	struct err why;
	int first;

	rewrite_reset(queue);
	if (m->table.rewrite != NULL)
		assert_int_equal(rewrite_collect(rules, queue,
						 &(struct expr_run){
							.mem = &b->mem },
						 item, 0, left, &err), 0);
	assert_int_equal(rewrite_flush(queue, &b->mem, &err), 0);
	assert_true(lane_find(l, item, &found));
	first = lane_do(l, item, &found, keys, &b->mem, &why);
	assert_true(first >= 0);
	if (long_way(m, (size_t)first, item, &b->mem, &why) < m->pass.nsteps)
		return false;
	assert_int_equal(ddbjson_encode(item, 1, out, &err), 0);
	return true;
}

/* By edits.  False if it cannot be. */
static bool
do_edits(const struct made *m, const struct lane *l, struct batch *b,
	 struct item *item, struct buf *out)
{
	static uint64_t left[3 * LEFT_KINDS];
	const struct expr_run run = { .mem = &b->mem };
	struct names_found found;
	struct value *values[NAMES_MAX];
	const struct rewrite_use *uses;
	size_t n;
	int rc;

	rewrite_reset(queue);
	assert_true(lane_find(l, item, &found));
	for (size_t i = 0; i < l->nrules; i++)
		values[i] = names_here(l->rules[i], &item->map, &found);
	if (m->table.rewrite != NULL)
		assert_int_equal(rewrite_collect_found(rules, queue, &run,
						       item, 0, values, left,
						       &err), 1);
	assert_int_equal(rewrite_flush(queue, &b->mem, &err), 0);
	uses = rewrite_uses(queue, &n);
	rc = lane_edit(l, item, &found, uses, n, &b->mem, &err);
	assert_true(rc >= 0);
	if (rc > 0) {
		assert_int_equal(ddbjson_encode(item, 1, out, &err), 0);
		assert_int_equal(item->edited_len + 1, out->len);
	}
	return rc > 0;
}

static void
edits_of_a_line_come_to_the_same(void **state)
{
	static uint8_t in[1 << 16];
	struct batch one = { 0 }, two = { 0 };
	size_t nedited = 0, nitems = 0;
	struct buf is = { 0 }, want = { 0 };
	struct made m;

	(void)state;
	for (uint32_t i = 0; i < ROUNDS; i++) {
		struct lane l = { 0 };

		cpu_init(i % 2 == 0 ? NULL : "avx512");
		seed = i * 2654435761u + 11;
		make_plan(&m);
		assert_int_equal(lane_init(&l, &m.table, &err), 0);
		const size_t len = make_items(in, sizeof(in));
		batch_reset(&one);
		batch_reset(&two);
		decode(in, len, &one);
		decode(in, len, &two);
		for (size_t k = 0; k < NITEMS && l.cases != NULL; k++) {
			nitems++;
			buf_reset(&is);
			buf_reset(&want);
			if (!do_edits(&m, &l, &one, &one.items[k], &is))
				continue;
			nedited++;
			assert_true(do_all(&m, &l, &two, &two.items[k],
					   &want));
			if (!span_equal(buf_span(&is), buf_span(&want)))
				fail_msg("%.*s instead of %.*s", (int)is.len,
					 (const char *)is.ptr, (int)want.len,
					 (const char *)want.ptr);
		}
		lane_free(&l);
		free_plan(&m);
	}
	cpu_init(NULL);
	batch_free(&one);
	batch_free(&two);
	buf_free(&is);
	buf_free(&want);
	assert_true(nedited > nitems * 3 / 4 && nitems > ROUNDS);
}

static int
make_rules(void **state)
{
	static const char *const text[3] = { "r0", "r1", "r2" };
	const struct remap_options o = { .environment = span_of("test") };
	const struct rewrite_alternative own = { .table = span_of("T") };
	struct rewrite_rule rule[3];
	struct path_part parts[3];
	struct path paths[3];

	(void)state;
	remap = remap_new(span_of("T"), &o, &err);
	if (remap == NULL)
		return -1;
	for (size_t i = 0; i < 3; i++) {
		const struct span name = span_of(text[i]);

		parts[i] = (struct path_part){ .kind = PATH_NAME, .name = name,
					       .hash = name_hash(name) };
		paths[i] = (struct path){ .parts = &parts[i], .nparts = 1 };
		rule[i] = (struct rewrite_rule){ .is_id = i == 0,
			.path = &paths[i], .alternatives = &own,
			.nalternatives = 1 };
	}
	const struct rewrite_table table = { .name = span_of("T"),
					     .remap = remap };
	const struct rewrite_options options = { .tables = &table,
						 .ntables = 1 };

	rules = rewrite_new(rule, 3, &options, NULL, NULL, &err);
	queue = rewrite_queue_new(&err);
	return rules != NULL && queue != NULL ? 0 : -1;
}

static int
free_rules(void **state)
{
	(void)state;
	rewrite_queue_free(queue);
	rewrite_free(rules);
	remap_free(remap);
	return 0;
}

static void
the_short_way_does_what_the_long_one_does(void **state)
{
	static uint8_t in[1 << 16];
	struct batch one = { 0 }, two = { 0 };
	size_t nshort = 0, nsteps = 0;
	struct made m;

	(void)state;
	for (uint32_t i = 0; i < ROUNDS; i++) {
		struct lane l = { 0 };

		seed = i * 2654435761u + 7;
		make_plan(&m);
		assert_int_equal(lane_init(&l, &m.table, &err), 0);
		nshort += l.nsteps;
		nsteps += m.pass.nsteps;

		const size_t len = make_items(in, sizeof(in));
		batch_reset(&one);
		batch_reset(&two);
		decode(in, len, &one);
		decode(in, len, &two);
		for (size_t k = 0; k < NITEMS; k++)
			compare_item(&m, &l, &one, &one.items[k], &two,
				     &two.items[k]);
		lane_free(&l);
		free_plan(&m);
	}
	batch_free(&one);
	batch_free(&two);
	/* Or else there was nothing to compare. */
	assert_true(nshort > nsteps / 2);
}

/* Is every name found where a search finds it?  How many are numbered? */
static size_t
compare_found(const struct names *n, const struct value *map)
{
	struct names_found found;
	size_t numbered = 0;

	assert_true(names_find(n, map, &found));
	for (uint32_t i = 1; i <= n->n; i++) {
		const struct value *const v = value_attr(map, n->of[i].text,
							 n->of[i].hash);

		assert_ptr_equal(names_here(i, map, &found), v);
		assert_int_equal(found.mask >> i & 1, v != NULL);
		numbered += v != NULL && v[-1].flags >> VALUE_WATCH_SHIFT != 0;
	}
	assert_int_equal(found.mask & 1, 0);
	return numbered;
}

/* Those that the decoder has numbered, and those of it has not. */
static void
watched_names_are_where_they_are(void **state)
{
	static uint8_t in[1 << 16];
	struct span list[DDBJSON_WATCHED];
	struct batch b = { 0 };
	size_t numbered = 0, nitems = 0;
	struct made m;

	(void)state;
	for (uint32_t i = 0; i < ROUNDS; i++) {
		struct lane l = { 0 };
		size_t n = 0;

		cpu_init(i % 2 == 0 ? NULL : "avx512");
		seed = i * 2654435761u + 23;
		make_plan(&m);
		assert_int_equal(lane_init(&l, &m.table, &err), 0);
		/* Beside another lane's, and in another order. */
		list[n++] = span_of("y1");
		for (uint32_t k = l.names.n; k > 0 && n < DDBJSON_WATCHED; k--)
			list[n++] = l.names.of[k].text;
		if (l.names.n >= DDBJSON_WATCHED)
			n = 0;
		else
			names_watch(&l.names, list, n);
		const size_t len = make_items(in, sizeof(in));
		batch_reset(&b);
		decode_watched(in, len, list, n, &b);
		for (size_t k = 0; k < NITEMS && l.names.n > 0; k++, nitems++)
			numbered += compare_found(&l.names, &b.items[k].map);
		/* By one who does not number them. */
		batch_reset(&b);
		decode(in, len, &b);
		for (size_t k = 0; k < NITEMS && l.names.n > 0; k++)
			assert_int_equal(compare_found(&l.names,
						       &b.items[k].map), 0);
		lane_free(&l);
		free_plan(&m);
	}
	cpu_init(NULL);
	batch_free(&b);
	assert_true(numbered > nitems);
}

/* What was found stays right while attributes go and move. */
static void
names_are_found_and_told_apart(void **state)
{
	struct names n = { 0 };
	struct names_found found;
	struct value kids[2 * 3000];
	struct value map = value_of_kids(VALUE_M, kids, 0);
	char text[3001][8];

	(void)state;
	for (uint32_t i = 1; i <= NAMES_MAX; i++) {
		snprintf(text[100 * (i - 1)], 8, "n%u", i);
		assert_int_equal(names_add(&n, span_of(text[100 * (i - 1)])),
				 i);
	}
	assert_int_equal(names_add(&n, span_of("one more")), 0);
	assert_int_equal(names_add(&n, span_of("n7")), 7);
	assert_true(names_build(&n));

	/* 3000 others: some have the hash of one that is looked for. */
	for (uint32_t i = 0; i < 3000; i++) {
		if (i % 100 != 0)
			snprintf(text[i], 8, "x%u", i);
		kids[2 * i] = value_of_name(span_of(text[i]));
		if (i % 100 == 1 && i > 300)
			kids[2 * i].hash = kids[2 * i - 2].hash;
		kids[2 * i + 1] = value_of_null();
	}
	map.len = 2 * 3000;
	assert_true(names_find(&n, &map, &found));
	for (uint32_t i = 1; i <= 30; i++)
		assert_ptr_equal(names_value(&n, i, &map, &found),
				 &kids[200 * (i - 1) + 1]);
	assert_null(names_value(&n, 31, &map, &found));

	value_remove_attr(&map, &kids[1]);
	assert_null(names_value(&n, 1, &map, &found));
	for (uint32_t i = 2; i <= 30; i++)
		assert_ptr_equal(names_value(&n, i, &map, &found),
				 &kids[200 * (i - 1) - 1]);

	map.len = 2 * (NAMES_MAX_ATTRS + 1);
	assert_false(names_find(&n, &map, &found));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_short_way_does_what_the_long_one_does),
		cmocka_unit_test(edits_of_a_line_come_to_the_same),
		cmocka_unit_test(watched_names_are_where_they_are),
		cmocka_unit_test(names_are_found_and_told_apart),
	};

	return cmocka_run_group_tests(tests, make_rules, free_rules);
}
