/*
 * test_trial.c - which items a trial finds, what it says of them, and that it
 * reads no more than it must.
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
#include "base/err.h"
#include "engine/trial.h"
#include "formats/ddbjson.h"
#include "io/file.h"
#include "model/item.h"

static char root[64];
static struct buf told;		/* what the last trial showed */
static struct err err;
static uint64_t found[4];	/* by each key */

static int
make_root(void **state)
{
	(void)state;
	snprintf(root, sizeof(root), "/tmp/test_trial.XXXXXX");
	return mkdtemp(root) == NULL || chdir(root) != 0 ? -1 : 0;
}

static int
remove_root(void **state)
{
	(void)state;
	buf_free(&told);
	return chdir("/") != 0 ||
	       file_remove_folder(root) != 0 ? -1 : 0;
}

static void
put(const char *path, const char *text)
{
	if (file_save(path, span_of(text), &err) != 0)
		fail_msg("%s", err.text);
}

/* A plan over a.json and b.json, which are what Things reads. */
static void
put_plan(const char *tables)
{
	char text[4096];

	snprintf(text, sizeof(text), "dynamill: 1\nname: x\n"
		 "source: {exports: [{path: a.json, table: Things}, "
		 "{path: b.json, table: Things}]}\n"
		 "target: {environment: test}\n"
		 "tables:\n%s", tables);
	put("plan.yaml", text);
}

static void
tell_value(const struct value *v)
{
	if (v == NULL)
		buf_printf(&told, &err, " .");
	else if (buf_printf(&told, &err, " ") == 0)
		ddbjson_encode_value(v, &told, &err);
}

/* "Table fate line step|reason", then a row a line: "~ path<from was is". */
static int
note(void *context, const struct trial_item *i, struct err *e)
{
	const struct plan *const plan = *(const struct plan **)context;

	buf_printf(&told, e, "%s %s %u%s%s%s%s\n",
		   plan->tables[i->table].name, trial_fate_name(i->fate),
		   (unsigned)i->line, i->step[0] != '\0' ? " " : "", i->step,
		   i->reason[0] != '\0' ? "|" : "", i->reason);
	for (size_t k = 0; k < i->noutputs; k++)
		for (size_t n = 0; n < i->outputs[k].nrows; n++) {
			const struct trial_row *const r =
				&i->outputs[k].rows[n];

			buf_printf(&told, e, "%c%s %.*s", "=-+~"[r->kind],
				   r->is_id ? "#" : "", (int)r->path.len,
				   (const char *)r->path.ptr);
			if (r->from.ptr != NULL)
				buf_printf(&told, e, "<%.*s", (int)r->from.len,
					   (const char *)r->from.ptr);
			tell_value(r->was);
			tell_value(r->is);
			buf_printf(&told, e, "\n");
		}
	return 0;
}

/* Run it; what it showed, or NULL and `err`. */
static const char *
trial(struct trial_options o)
{
	static const char *const plans[] = { "plan.yaml" };
	const struct plan *plan = NULL;
	int rc = -1;

	o.plans = plans;
	o.nplans = 1;
	o.run_time = "1700000000";
	buf_reset(&told);
	err = (struct err){ 0 };
	struct trial *const t = trial_open(&o, &err);
	if (t != NULL) {
		plan = trial_plan(t);
		rc = trial_do(t, note, &plan, &err);
		for (size_t i = 0; i < o.nkeys; i++)
			found[i] = trial_of_key(t, i);
	}
	trial_close(t);
	if (buf_printf(&told, &err, "%c", 0) != 0)
		fail_msg("%s", err.text);
	return rc == 0 ? (const char *)told.ptr : NULL;
}

#define OPTIONS(...) (struct trial_options){ __VA_ARGS__ }

static void
expect(struct trial_options o, const char *want)
{
	const char *const got = trial(o);

	if (got == NULL)
		fail_msg("%s", err.text);
	assert_string_equal(got, want);
}

static void
expect_error(struct trial_options o, enum err_code code, const char *part)
{
	if (trial(o) != NULL)
		fail_msg("no error: %s", (const char *)told.ptr);
	if (err.code != code || strstr(err.text, part) == NULL)
		fail_msg("%d: %s", err.code, err.text);
}

static const char THREE[] =
	"{\"Item\":{\"id\":{\"S\":\"a\"},\"n\":{\"N\":\"1\"}}}\n"
	"{\"Item\":{\"id\":{\"S\":\"b\"},\"n\":{\"N\":\"2\"}}}\n"
	"{\"Item\":{\"id\":{\"S\":\"c\"},\"n\":{\"N\":\"3\"}}}\n";
static const char ONE[] =
	"{\"Item\":{\"id\":{\"S\":\"d\"},\"n\":{\"N\":\"4\"}}}";

static void
shows_the_first_items_in_unit_order(void **state)
{
	(void)state;
	put("a.json", THREE);
	put("b.json", ONE);
	put_plan("  Things: {key: [id], update: SET n = n + 10}\n");
	expect(OPTIONS(.limit = 0),
	       "Things moved 1\n= id {\"S\":\"a\"} {\"S\":\"a\"}\n"
	       "~ n {\"N\":\"1\"} {\"N\":\"11\"}\n");
	expect(OPTIONS(.limit = 9),
	       "Things moved 1\n= id {\"S\":\"a\"} {\"S\":\"a\"}\n"
	       "~ n {\"N\":\"1\"} {\"N\":\"11\"}\n"
	       "Things moved 2\n= id {\"S\":\"b\"} {\"S\":\"b\"}\n"
	       "~ n {\"N\":\"2\"} {\"N\":\"12\"}\n"
	       "Things moved 3\n= id {\"S\":\"c\"} {\"S\":\"c\"}\n"
	       "~ n {\"N\":\"3\"} {\"N\":\"13\"}\n"
	       "Things moved 1\n= id {\"S\":\"d\"} {\"S\":\"d\"}\n"
	       "~ n {\"N\":\"4\"} {\"N\":\"14\"}\n");
	expect(OPTIONS(.where = "n > 1 AND n < 3"),
	       "Things moved 2\n= id {\"S\":\"b\"} {\"S\":\"b\"}\n"
	       "~ n {\"N\":\"2\"} {\"N\":\"12\"}\n");
	expect(OPTIONS(.where = "missing = 'x'"), "");
	expect(OPTIONS(.where = "length(missing) = 1"), "");
	expect_error(OPTIONS(.where = "n >"), ERR_USAGE, "--where, column");
}

static void
says_what_became_of_an_item_and_why(void **state)
{
	(void)state;
	put("a.json", THREE);
	put("b.json", "{\"Item\":{\"id\":{\"S\":\"\"}}}\nnonsense\n");
	put_plan("  Things:\n    key: [id]\n    where: id <> 'a'\n"
		 "    assert: [n <> 2]\n    steps: [{when: id = 'c', "
		 "update: SET n = missing}]\n");
	expect(OPTIONS(.limit = 9),
	       "Things filtered 1|does not hold: id <> 'a'\n"
	       "Things rejected 2 assert 1|assert does not hold: n <> 2\n"
	       "Things rejected 3 step 1 (update)|The provided expression "
	       "refers to an attribute that does not exist in the item\n"
	       "Things rejected 1 target|key attribute 'id' is empty\n"
	       "Things rejected 2 decode|byte 1: not an item: the line should "
	       "begin with {\"Item\":{\n");
	/* A bad line counts as one of those asked for, as it does in a run. */
	put("a.json", "{\"Item\":1}\n{\"Item\":{\"id\":{\"S\":\"a\"}}}\n");
	put_plan("  Things: {key: [id]}\n");
	assert_non_null(trial(OPTIONS(.limit = 1)));
	assert_non_null(strstr((const char *)told.ptr, "Things rejected 1"));
	assert_null(strstr((const char *)told.ptr, "moved"));
	/* It has no attributes that a condition could be about. */
	expect(OPTIONS(.where = "id = 'a'"), "Things moved 2\n"
	       "= id {\"S\":\"a\"} {\"S\":\"a\"}\n");
}

static void
ids_are_told_from_other_changes(void **state)
{
	const char *got;

	(void)state;
	put("b.json", "");
	put("a.json", "{\"Item\":{\"id\":{\"S\":\"a\"},\"one\":{\"S\":\"x\"},"
	    "\"l\":{\"L\":[{\"M\":{\"r\":{\"S\":\"y\"}}}]},"
	    "\"s\":{\"SS\":[\"p\",\"q\"]},\"t\":{\"S\":\"x\"}}}\n");
	put_plan("  Things:\n    key: [id]\n    id: id\n    references:\n"
		 "      one: Things\n      \"l[*].r\": Things\n"
		 "      s: Things\n    steps:\n      - rename: {one: two}\n"
		 "      - update: SET t = 'z'\n");
	got = trial(OPTIONS(.limit = 0));
	assert_non_null(got);
	assert_non_null(strstr(got, "~# id {"));
	assert_non_null(strstr(got, "~# two<one {\"S\":\"x\"} {"));
	assert_non_null(strstr(got, "~# l[0].r {"));
	assert_non_null(strstr(got, "~# s {\"SS\":[\"p\",\"q\"]} {"));
	assert_non_null(strstr(got, "~ t {\"S\":\"x\"} {\"S\":\"z\"}"));
}

static void
expect_rows(const char *item, const char *steps, const char *want)
{
	char text[1024], rows[1024];

	snprintf(text, sizeof(text), "{\"Item\":{\"id\":{\"N\":\"1\"}%s}}\n",
		 item);
	put("a.json", text);
	snprintf(text, sizeof(text), "  Things:\n    key: [id]\n    steps:\n%s",
		 steps);
	put_plan(text);
	snprintf(rows, sizeof(rows), "Things moved 1\n= id {\"N\":\"1\"} "
		 "{\"N\":\"1\"}\n%s", want);
	expect(OPTIONS(.limit = 0), rows);
}

#define A "{\"S\":\"A\"}"
#define B "{\"S\":\"B\"}"
#define C "{\"S\":\"C\"}"

static void
renamed_attributes_are_paired(void **state)
{
	(void)state;
	put("b.json", "");
	/* In the place of the old one, changed since or not. */
	expect_rows(",\"a\":" A ",\"b\":" B,
		    "      - rename: {a: c}\n      - update: SET c = 'C'\n",
		    "~ c<a " A " " C "\n= b " B " " B "\n");
	expect_rows(",\"a\":" A ",\"b\":" B, "      - rename: {a: c}\n",
		    "~ c<a " A " " A "\n= b " B " " B "\n");
	/* A swap, and a chain. */
	expect_rows(",\"a\":" A ",\"b\":" B, "      - rename: {a: b, b: a}\n",
		    "~ b<a " A " " A "\n~ a<b " B " " B "\n");
	expect_rows(",\"a\":" A ",\"b\":" B,
		    "      - rename: {a: c}\n      - rename: {b: a, c: d}\n",
		    "~ d<a " A " " A "\n~ a<b " B " " B "\n");
	/* There and back is nothing. */
	expect_rows(",\"a\":" A,
		    "      - rename: {a: c}\n      - rename: {c: a}\n",
		    "= a " A " " A "\n");
	/* What was there before is gone. */
	expect_rows(",\"a\":" A ",\"b\":" B,
		    "      - rename: {a: b}\n        overwrite: true\n",
		    "~ b<a " A " " A "\n- b " B " .\n");
	/* Removed afterwards, or made anew before. */
	expect_rows(",\"a\":" A,
		    "      - rename: {a: c}\n      - update: REMOVE c\n",
		    "- a " A " .\n");
	expect_rows("", "      - update: SET a = 'A'\n      - rename: {a: c}\n",
		    "+ c . " A "\n");
}

static void
renames_with_a_condition_are_paired_if_they_were_done(void **state)
{
	(void)state;
	put("b.json", "");
	expect_rows(",\"a\":" A,
		    "      - rename: {a: b}\n        when: id = 1\n",
		    "~ b<a " A " " A "\n");
	expect_rows(",\"a\":" A ",\"b\":" B,
		    "      - rename: {a: b, b: a}\n        when: id = 2\n",
		    "= a " A " " A "\n= b " B " " B "\n");
	expect_rows(",\"a\":" A ",\"b\":" B,
		    "      - rename: {a: b, b: a}\n        when: id = 1\n",
		    "~ b<a " A " " A "\n~ a<b " B " " B "\n");
	expect_rows(",\"a\":" A,
		    "      - rename: {a: b}\n        when: id = 2\n"
		    "      - update: SET b = 'B'\n",
		    "= a " A " " A "\n+ b . " B "\n");
	/* One that goes on from another, done or not. */
	expect_rows(",\"a\":" A, "      - rename: {a: b}\n"
		    "      - rename: {b: c}\n        when: id = 2\n",
		    "~ b<a " A " " A "\n");
	expect_rows(",\"a\":" A, "      - rename: {a: b}\n"
		    "      - rename: {b: c}\n        when: id = 1\n",
		    "~ c<a " A " " A "\n");
	expect_rows(",\"a\":" A, "      - rename: {a: b}\n"
		    "      - rename: {b: c}\n        when: id = 2\n"
		    "      - update: SET c = b\n",
		    "~ b<a " A " " A "\n+ c . " A "\n");
}

static void
renames_inside_of_maps_are_paired(void **state)
{
	(void)state;
	put("b.json", "");
	expect_rows(",\"m\":{\"M\":{\"x\":" A ",\"y\":" B "}},\"z\":" C,
		    "      - rename: {m.x: m.w}\n",
		    "~ m.w<m.x " A " " A "\n= z " C " " C "\n");
	expect_rows(",\"a\":" A ",\"z\":" C, "      - rename: {a: m.x}\n",
		    "~ m.x<a " A " " A "\n= z " C " " C "\n");
	/* A map with another name, of which something differs inside. */
	expect_rows(",\"m\":{\"M\":{\"x\":" A "}},\"z\":" C,
		    "      - rename: {m: n}\n      - update: SET n.x = 'B'\n",
		    "~ n<m {\"M\":{\"x\":" A "}} {\"M\":{\"x\":" B "}}\n"
		    "~ n.x " A " " B "\n= z " C " " C "\n");
	/* The place for it is made by a step between. */
	expect_rows(",\"p\":" B ",\"a\":" A,
		    "      - update: SET p = {}\n"
		    "      - rename: {a: p.q}\n",
		    "~ p " B " {\"M\":{\"q\":" A "}}\n- a " A " .\n");
}

static void
keys_are_found_however_they_are_said(void **state)
{
	static const char *const good[][4] = {
		{ "b" }, { "id=b" }, { "{\"id\":{\"S\":\"b\"}}" },
		{ " { \"id\" :\n{ \"S\" : \"b\" } }" }, { "id={S=b}" },
	};
	static const char *const many[] = { "d", "zz", "id=a", "a" };
	static const char *const bad[] = {
		"{\"id\":\"b\"}", "{}", "{\"id\":{\"S\":\"b\"}", "",
		"id={N=b}", "id={B=b}",
	};

	(void)state;
	put("a.json", THREE);
	put("b.json", ONE);
	put_plan("  Things: {key: [id]}\n");
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		expect(OPTIONS(.keys = good[i], .nkeys = 1),
		       "Things moved 2\n= id {\"S\":\"b\"} {\"S\":\"b\"}\n"
		       "= n {\"N\":\"2\"} {\"N\":\"2\"}\n");
	/* In the order of the data, each item once, the missing ones known. */
	expect(OPTIONS(.keys = many, .nkeys = 4),
	       "Things moved 1\n= id {\"S\":\"a\"} {\"S\":\"a\"}\n"
	       "= n {\"N\":\"1\"} {\"N\":\"1\"}\n"
	       "Things moved 1\n= id {\"S\":\"d\"} {\"S\":\"d\"}\n"
	       "= n {\"N\":\"4\"} {\"N\":\"4\"}\n");
	assert_int_equal(found[0], 1);
	assert_int_equal(found[1], 0);
	assert_int_equal(found[2], 1);
	assert_int_equal(found[3], 1);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		expect_error(OPTIONS(.keys = &bad[i], .nkeys = 1), ERR_USAGE,
			     "--key");
	/* The wrong type finds nothing; and so does a key beside --where. */
	expect(OPTIONS(.keys = (const char *[]){ "id={N=1}" }, .nkeys = 1),
	       "");
	expect(OPTIONS(.keys = many, .nkeys = 1, .where = "n = 1"), "");
}

static void
a_key_has_the_type_of_the_items_attribute(void **state)
{
	static const char *const number[] = { "1.50" };
	static const char *const bytes[] = { "id=AAE=,sk=x,y=z" };

	(void)state;
	put("a.json",
	    "{\"Item\":{\"id\":{\"S\":\"1\"},\"sk\":{\"S\":\"x\"}}}\n"
	    "{\"Item\":{\"id\":{\"N\":\"1.5\"},\"sk\":{\"S\":\"x\"}}}\n"
	    "{\"Item\":{\"id\":{\"B\":\"AAE=\"},\"sk\":{\"S\":\"x\"}}}\n"
	    "{\"Item\":{\"id\":{\"B\":\"AAE=\"},\"sk\":{\"S\":\"x,y=z\"}}}\n");
	put("b.json", "");
	put_plan("  Things: {key: [id]}\n");
	expect(OPTIONS(.keys = number, .nkeys = 1), "Things moved 2\n"
	       "= id {\"N\":\"1.5\"} {\"N\":\"1.5\"}\n"
	       "= sk {\"S\":\"x\"} {\"S\":\"x\"}\n");
	expect(OPTIONS(.keys = (const char *[]){ "id={N=1}" }, .nkeys = 1),
	       "");
	expect_error(OPTIONS(.keys = (const char *[]){ "id=1,id=2,id=3" },
			     .nkeys = 1), ERR_USAGE, "one attribute or two");

	put_plan("  Things: {key: [id, sk]}\n");
	expect(OPTIONS(.keys = bytes, .nkeys = 1), "Things moved 4\n"
	       "= id {\"B\":\"AAE=\"} {\"B\":\"AAE=\"}\n"
	       "= sk {\"S\":\"x,y=z\"} {\"S\":\"x,y=z\"}\n");
	expect_error(OPTIONS(.keys = number, .nkeys = 1), ERR_USAGE,
		     "say 'id=...,sk=...'");
	/* Of a partition key alone there may be several items. */
	assert_non_null(trial(OPTIONS(.keys = (const char *[]){ "id=AAE=" },
				      .nkeys = 1, .limit = 5)));
	assert_int_equal(found[0], 2);
	assert_non_null(trial(OPTIONS(.keys = (const char *[]){ "id=AAE=",
				      "id=zz" }, .nkeys = 2)));
	assert_int_equal(found[0], 1);
}

static void
a_value_alone_is_no_key_where_there_are_two(void **state)
{
	(void)state;
	put("a.json", "{\"Item\":{\"id\":{\"S\":\"x\"},"
	    "\"sk\":{\"S\":\"y\"}}}\n");
	put("b.json", "{\"Item\":{\"id\":{\"S\":\"x\"}}}\n");
	put("plan.yaml", "dynamill: 1\nname: x\n"
	    "source: {exports: [{path: a.json, table: Pairs}, "
	    "{path: b.json, table: Things}]}\n"
	    "tables:\n  Things: {key: [id]}\n  Pairs: {key: [id, sk]}\n");
	expect(OPTIONS(.keys = (const char *[]){ "x" }, .nkeys = 1),
	       "Things moved 1\n= id {\"S\":\"x\"} {\"S\":\"x\"}\n");
}

static void
readers_of_one_export_are_shown_one_each(void **state)
{
	(void)state;
	put("a.json", "{\"Item\":{\"id\":{\"S\":\"none\"}}}\n"
	    "{\"Item\":{\"id\":{\"S\":\"a1\"}}}\n"
	    "{\"Item\":{\"id\":{\"S\":\"a2\"}}}\n"
	    "{\"Item\":{\"id\":{\"S\":\"none\"}}}\n"
	    "{\"Item\":{\"id\":{\"S\":\"b1\"}}}\n");
	put("b.json", "");
	put_plan("  Things: {key: [id], where: \"begins_with(id, 'a')\", "
		 "to: Aaa}\n"
		 "  Others: {of: Things, key: [id], "
		 "where: \"begins_with(id, 'b')\", to: Bbb}\n");
	expect(OPTIONS(.limit = 1),
	       "Things filtered 1|no 'where' takes it\n"
	       "Things moved 2\n= id {\"S\":\"a1\"} {\"S\":\"a1\"}\n"
	       "Others moved 5\n= id {\"S\":\"b1\"} {\"S\":\"b1\"}\n");
}

static void
reads_no_more_than_it_must(void **state)
{
	static const char *const keys[] = { "b", "zz" };
	static const char *const accept[] = { "b.json" };
	static const char *const said = "Things moved 2\n"
		"= id {\"S\":\"b\"} {\"S\":\"b\"}\n"
		"= n {\"N\":\"2\"} {\"N\":\"2\"}\n";

	(void)state;
	put("a.json", THREE);
	put("b.json", "\x1f\x8b\x08 and no gzip after all");
	put_plan("  Things: {key: [id]}\n");
	expect(OPTIONS(.keys = keys, .nkeys = 1), said);
	expect_error(OPTIONS(.keys = keys, .nkeys = 2), ERR_INPUT, "b.json: ");
	expect(OPTIONS(.keys = keys, .nkeys = 2, .accept = accept,
		       .naccept = 1), said);
	assert_int_equal(found[1], 0);
	assert_int_not_equal(access("x.job", F_OK), 0);

	const atomic_bool stop = true;
	expect_error(OPTIONS(.cancel = &stop), ERR_CANCELLED, "interrupted");
}

static void
items_across_blocks_and_larger_than_one_are_found(void **state)
{
	enum { LINES = 3000, LARGE = 200 * 1000 };
	static const char *const keys[] = { "2999", "large" };
	struct buf text = { 0 };

	(void)state;
	for (int i = 0; i < LINES; i++)
		buf_printf(&text, &err, "{\"Item\":{\"id\":{\"N\":\"%d\"},"
			   "\"t\":{\"S\":\"%60d\"}}}\n", i, i);
	buf_printf(&text, &err, "{\"Item\":{\"id\":{\"S\":\"large\"},"
		   "\"t\":{\"S\":\"");
	for (int i = 0; i < LARGE; i += 50)
		buf_printf(&text, &err, "%50s", "x");
	assert_int_equal(buf_printf(&text, &err, "\"}}}%c", 0), 0);
	put("a.json", (const char *)text.ptr);
	put("b.json", "");
	put_plan("  Things: {key: [id], update: REMOVE t}\n");
	assert_non_null(trial(OPTIONS(.keys = keys, .nkeys = 2)));
	assert_non_null(strstr((const char *)told.ptr, "Things moved 3000\n"
			       "= id {\"N\":\"2999\"} {\"N\":\"2999\"}\n- t "));
	assert_non_null(strstr((const char *)told.ptr, "Things moved 3001\n"
			       "= id {\"S\":\"large\"}"));
	buf_free(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shows_the_first_items_in_unit_order),
		cmocka_unit_test(says_what_became_of_an_item_and_why),
		cmocka_unit_test(ids_are_told_from_other_changes),
		cmocka_unit_test(renamed_attributes_are_paired),
		cmocka_unit_test(
			renames_with_a_condition_are_paired_if_they_were_done),
		cmocka_unit_test(renames_inside_of_maps_are_paired),
		cmocka_unit_test(keys_are_found_however_they_are_said),
		cmocka_unit_test(a_key_has_the_type_of_the_items_attribute),
		cmocka_unit_test(a_value_alone_is_no_key_where_there_are_two),
		cmocka_unit_test(readers_of_one_export_are_shown_one_each),
		cmocka_unit_test(reads_no_more_than_it_must),
		cmocka_unit_test(
			items_across_blocks_and_larger_than_one_are_found),
	};

	return cmocka_run_group_tests_name("trial", tests, make_root,
					   remove_root);
}
