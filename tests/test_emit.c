/*
 * test_emit.c - one item to several: what outputs, loops and templates make of
 * it, and that they stand or fall together.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "tests/trials.h"

/*
 * Items of table A through its `steps`.  B and C have a key `k`; B has an
 * assert.
 */
static void
expect(const char *steps, const char *items, const char *want)
{
	char text[4096];

	snprintf(text, sizeof(text),
		 "  A: {key: [id], steps: %s}\n"
		 "  B: {key: [k], assert: [\"attribute_not_exists(bad)\"]}\n"
		 "  C: {key: [k]}\n", steps);
	trials_expect(text, items, want);
}

/* ---- outputs ------------------------------------------------------------- */

static void
outputs_come_in_their_order_each_to_its_table(void **state)
{
	(void)state;
	expect("[emit: [{to: B, item: {k: id}}, {to: A},"
	       " {to: C, update: SET k = id REMOVE id}]]",
	       ITEM(ID("1") ",\"x\":{\"N\":\"7\"}") ITEM(ID("2")),
	       "moved\n"
	       "B {\"k\":{\"S\":\"1\"}}\n"
	       "A {" ID("1") ",\"x\":{\"N\":\"7\"}}\n"
	       "C {\"x\":{\"N\":\"7\"},\"k\":{\"S\":\"1\"}}\n"
	       "moved\n"
	       "B {\"k\":{\"S\":\"2\"}}\n"
	       "A {" ID("2") "}\n"
	       "C {\"k\":{\"S\":\"2\"}}\n");
}

static void
an_item_that_gives_nothing_is_dropped(void **state)
{
	(void)state;
	expect("[emit: []]", ITEM(ID("1")), "dropped\n");
	expect("[emit: [{to: B, when: id = '2', item: {k: id}}]]",
	       ITEM(ID("1")) ITEM(ID("2")),
	       "dropped\nmoved\nB {\"k\":{\"S\":\"2\"}}\n");
}

static void
a_step_whose_when_does_not_hold_leaves_the_item(void **state)
{
	(void)state;
	expect("[{when: id = '1', emit: []}]", ITEM(ID("1")) ITEM(ID("2")),
	       "dropped\nmoved\nA {" ID("2") "}\n");
}

static void
outputs_see_what_the_steps_before_made(void **state)
{
	(void)state;
	expect("[{update: \"SET k = concat(id, '!') REMOVE x\"},"
	       " {emit: [{to: B}, {to: C, update: SET x = k}]}]",
	       ITEM(ID("1") ",\"x\":{\"N\":\"7\"}"),
	       "moved\n"
	       "B {" ID("1") ",\"k\":{\"S\":\"1!\"}}\n"
	       "C {" ID("1") ",\"k\":{\"S\":\"1!\"},\"x\":{\"S\":\"1!\"}}\n");
}

static void
a_whole_map_can_be_the_item(void **state)
{
	(void)state;
	expect("[emit: [{to: B, each: l, as: e, item: e,"
	       " update: \"SET k = concat(e.n, '-')\"}]]",
	       ITEM(ID("1") ",\"l\":{\"L\":[{\"M\":{\"n\":{\"S\":\"a\"}}},"
		    "{\"M\":{\"n\":{\"S\":\"b\"},\"o\":{\"NULL\":true}}}]}"),
	       "moved\n"
	       "B {\"n\":{\"S\":\"a\"},\"k\":{\"S\":\"a-\"}}\n"
	       "B {\"n\":{\"S\":\"b\"},\"o\":{\"NULL\":true},"
	       "\"k\":{\"S\":\"b-\"}}\n");
	expect("[emit: [{to: B, item: id}]]", ITEM(ID("1")),
	       "rejected step 1 (emit)|to 'B': 'item' is no map\n");
}

/* ---- loops --------------------------------------------------------------- */

static void
a_loop_goes_through_lists_maps_and_sets(void **state)
{
	(void)state;
	expect("[emit: [{to: B, each: x, as: v, index: i,"
	       " item: {k: id, v: v, i: i}}]]",
	       ITEM(ID("1") ",\"x\":{\"L\":[{\"S\":\"a\\n\"},{\"N\":\"2\"}]}")
	       ITEM(ID("2") ",\"x\":{\"M\":{\"p\":{\"S\":\"a\"},"
		    "\"q\\u00e9\":{\"BOOL\":true}}}")
	       ITEM(ID("3") ",\"x\":{\"SS\":[\"a\\n\",\"b\"]}")
	       ITEM(ID("4") ",\"x\":{\"NS\":[\"10\"]}")
	       ITEM(ID("5") ",\"x\":{\"BS\":[\"AAE=\"]}"),
	       "moved\n"
	       "B {\"k\":{\"S\":\"1\"},\"v\":{\"S\":\"a\\n\"},"
	       "\"i\":{\"N\":\"0\"}}\n"
	       "B {\"k\":{\"S\":\"1\"},\"v\":{\"N\":\"2\"},"
	       "\"i\":{\"N\":\"1\"}}\n"
	       "moved\n"
	       "B {\"k\":{\"S\":\"2\"},\"v\":{\"S\":\"a\"},"
	       "\"i\":{\"S\":\"p\"}}\n"
	       "B {\"k\":{\"S\":\"2\"},\"v\":{\"BOOL\":true},"
	       "\"i\":{\"S\":\"q\xc3\xa9\"}}\n"
	       "moved\n"
	       "B {\"k\":{\"S\":\"3\"},\"v\":{\"S\":\"a\\n\"},"
	       "\"i\":{\"N\":\"0\"}}\n"
	       "B {\"k\":{\"S\":\"3\"},\"v\":{\"S\":\"b\"},"
	       "\"i\":{\"N\":\"1\"}}\n"
	       "moved\n"
	       "B {\"k\":{\"S\":\"4\"},\"v\":{\"N\":\"10\"},"
	       "\"i\":{\"N\":\"0\"}}\n"
	       "moved\n"
	       "B {\"k\":{\"S\":\"5\"},\"v\":{\"B\":\"AAE=\"},"
	       "\"i\":{\"N\":\"0\"}}\n");
}

static void
what_is_not_there_or_null_or_empty_gives_nothing(void **state)
{
	(void)state;
	expect("[emit: [{to: B, each: x.y, as: v, item: {k: id}}]]",
	       ITEM(ID("1")) ITEM(ID("2") ",\"x\":{\"S\":\"y\"}")
	       ITEM(ID("3") ",\"x\":{\"M\":{\"y\":{\"NULL\":true}}}")
	       ITEM(ID("4") ",\"x\":{\"M\":{\"y\":{\"L\":[]}}}")
	       ITEM(ID("5") ",\"x\":{\"M\":{\"y\":{\"N\":\"1\"}}}"),
	       "dropped\ndropped\ndropped\ndropped\n"
	       "rejected step 1 (emit)|to 'B': 'each' takes a list, a map or "
	       "a set, not N\n");
}

static void
loops_nest_and_know_the_names_around_them(void **state)
{
	(void)state;
	expect("[emit: [{each: orders, as: o, index: i, when: o.live = true,"
	       " emit: [{to: B, item: {k: o.no, i: i}},"
	       " {to: C, each: o.lines, as: line, index: n, when: line > 1,"
	       " item: {k: \"concat(id, '/', o.no, '/', n)\", q: line}}]}]]",
	       ITEM(ID("1") ",\"orders\":{\"L\":["
		    "{\"M\":{\"no\":{\"S\":\"A\"},\"live\":{\"BOOL\":true},"
		    "\"lines\":{\"L\":[{\"N\":\"3\"},{\"N\":\"1\"},"
		    "{\"N\":\"2\"}]}}},"
		    "{\"M\":{\"no\":{\"S\":\"B\"}}},"
		    "{\"M\":{\"no\":{\"S\":\"C\"},\"live\":{\"BOOL\":true},"
		    "\"lines\":{\"M\":{\"z\":{\"N\":\"9\"}}}}}]}"),
	       "moved\n"
	       "B {\"k\":{\"S\":\"A\"},\"i\":{\"N\":\"0\"}}\n"
	       "C {\"k\":{\"S\":\"1/A/0\"},\"q\":{\"N\":\"3\"}}\n"
	       "C {\"k\":{\"S\":\"1/A/2\"},\"q\":{\"N\":\"2\"}}\n"
	       "B {\"k\":{\"S\":\"C\"},\"i\":{\"N\":\"2\"}}\n"
	       "C {\"k\":{\"S\":\"1/C/z\"},\"q\":{\"N\":\"9\"}}\n");
}

static void
an_attribute_with_a_question_mark_may_be_missing(void **state)
{
	(void)state;
	expect("[emit: [{to: B, item: {k: id, p?: a.b, q: 1}}]]",
	       ITEM(ID("1")) ITEM(ID("2") ",\"a\":{\"M\":{\"b\":{\"N\":\"5\"}}}"),
	       "moved\nB {\"k\":{\"S\":\"1\"},\"q\":{\"N\":\"1\"}}\n"
	       "moved\nB {\"k\":{\"S\":\"2\"},\"p\":{\"N\":\"5\"},"
	       "\"q\":{\"N\":\"1\"}}\n");
	/* It is the attribute that may be missing, not a part of the sum. */
	expect("[emit: [{to: B, item: {k: id, p?: a + 1}}]]", ITEM(ID("1")),
	       "rejected step 1 (emit)|to 'B': attribute 'p': The provided "
	       "expression refers to an attribute that does not exist in the "
	       "item\n");
}

/* ---- together ------------------------------------------------------------ */

static void
if_one_output_fails_none_is_there(void **state)
{
	(void)state;
	expect("[emit: [{to: A}, {to: B, each: l, as: v, item: {k: v}}]]",
	       ITEM(ID("1") ",\"l\":{\"L\":[{\"S\":\"x\"},{\"S\":\"\"}]}")
	       ITEM(ID("2")),
	       "rejected target|key attribute 'k' is empty\n"
	       "moved\nA {" ID("2") "}\n");
}

static void
an_output_meets_the_assert_of_its_own_table(void **state)
{
	(void)state;
	expect("[emit: [{to: B, update: SET k = id}]]",
	       ITEM(ID("1") ",\"bad\":{\"N\":\"1\"}") ITEM(ID("2")),
	       "rejected assert 1|assert does not hold: "
	       "attribute_not_exists(bad)\n"
	       "moved\nB {" ID("2") ",\"k\":{\"S\":\"2\"}}\n");
}

static void
more_outputs_than_there_may_be_are_refused(void **state)
{
	struct buf text = { 0 };
	struct err err;

	(void)state;
	buf_printf(&text, &err, "{\"Item\":{" ID("1") ",\"l\":{\"L\":[");
	for (int i = 0; i < 300; i++)
		buf_printf(&text, &err, "%s{\"N\":\"%d\"}", i > 0 ? "," : "",
			   i);
	buf_printf(&text, &err, "]}}}\n%c", 0);
	expect("[emit: [{each: l, as: v, emit: [{to: B, each: l, as: w,"
	       " item: {k: id}}]}]]", (const char *)text.ptr,
	       "rejected step 1 (emit)|it becomes more than 65536 items\n");
	buf_free(&text);
}

/* ---- several plans ------------------------------------------------------- */

static void
a_later_plan_goes_on_with_each_output_by_its_table(void **state)
{
	(void)state;
	trials_put("second.yaml", "dynamill: 1\nname: y\n"
	    "names: {to: \"x-{table}\"}\ntables:\n"
	    "  A: {where: attribute_not_exists(x), update: SET second = true}\n"
	    "  B: {where: k <> 'no', steps: [{emit: [{to: B}, {to: C,"
	    " update: \"SET k = concat(k, '+')\"}]}]}\n"
	    "  C: {update: SET late = 1}\n");
	expect("[emit: [{to: A}, {to: B, item: {k: id}},"
	       " {to: C, item: {k: id}}]]",
	       ITEM(ID("1")) ITEM(ID("no") ",\"x\":{\"N\":\"1\"}"),
	       "moved\n"
	       "A {" ID("1") ",\"second\":{\"BOOL\":true}}\n"
	       "B {\"k\":{\"S\":\"1\"}}\n"
	       "C {\"k\":{\"S\":\"1+\"}}\n"
	       "C {\"k\":{\"S\":\"1\"},\"late\":{\"N\":\"1\"}}\n"
	       "moved\n"
	       "C {\"k\":{\"S\":\"no\"},\"late\":{\"N\":\"1\"}}\n");
	/* All of them left out by a later `where`: filtered. */
	expect("[emit: [{to: A}]]", ITEM(ID("1") ",\"x\":{\"N\":\"1\"}"),
	       "filtered|does not hold: attribute_not_exists(x)\n");
	unlink("second.yaml");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(outputs_come_in_their_order_each_to_its_table),
		cmocka_unit_test(an_item_that_gives_nothing_is_dropped),
		cmocka_unit_test(
			a_step_whose_when_does_not_hold_leaves_the_item),
		cmocka_unit_test(outputs_see_what_the_steps_before_made),
		cmocka_unit_test(a_whole_map_can_be_the_item),
		cmocka_unit_test(a_loop_goes_through_lists_maps_and_sets),
		cmocka_unit_test(
			what_is_not_there_or_null_or_empty_gives_nothing),
		cmocka_unit_test(loops_nest_and_know_the_names_around_them),
		cmocka_unit_test(
			an_attribute_with_a_question_mark_may_be_missing),
		cmocka_unit_test(if_one_output_fails_none_is_there),
		cmocka_unit_test(an_output_meets_the_assert_of_its_own_table),
		cmocka_unit_test(more_outputs_than_there_may_be_are_refused),
		cmocka_unit_test(
			a_later_plan_goes_on_with_each_output_by_its_table),
	};

	return cmocka_run_group_tests(tests, trials_make_root,
				      trials_remove_root);
}
