/* test_projection.c - which part of an item some paths are. */
#include "model/projection.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "formats/ddbjson.h"
#include "model/item.h"
#include "model/path.h"
#include "tests/guard.h"

static struct err err;

static struct projection *
parse(const char *text)
{
	return projection_parse(guard_copy((const uint8_t *)text,
					   strlen(text)), &err);
}

/* Of the item with these attributes, what `paths` take must be `want`. */
static void
expect(const char *attributes, const char *paths, const char *want)
{
	struct projection *const p = parse(paths);
	struct ddbjson *const reader = ddbjson_new(&err);
	struct arena mem = { 0 };
	struct buf text = { 0 };
	struct value out;

	if (p == NULL)
		fail_msg("%s: %s", paths, err.text);
	assert_int_equal(buf_printf(&text, &err, "{\"Item\":{%s}}",
				    attributes), 0);
	const struct item *const item = ddbjson_decode_line(reader,
		buf_span(&text), &mem, &err);
	if (item == NULL)
		fail_msg("%s: %s", attributes, err.text);
	assert_int_equal(projection_apply(p, &item->map, &mem, &out, &err), 0);
	buf_reset(&text);
	assert_int_equal(ddbjson_encode_map(&out, &text, &err), 0);
	assert_int_equal(buf_printf(&text, &err, "%c", 0), 0);
	assert_string_equal((const char *)text.ptr, want);
	buf_free(&text);
	arena_free(&mem);
	ddbjson_free(reader);
	projection_free(p);
}

static const char ITEM[] =
	"\"id\":{\"S\":\"x\"},\"n\":{\"N\":\"1.0\"},"
	"\"m\":{\"M\":{\"a\":{\"S\":\"y\"},\"b\":{\"M\":{\"c\":{\"NULL\":true}}},"
	"\"e\":{\"M\":{}}}},"
	"\"l\":{\"L\":[{\"S\":\"0\"},"
	"{\"M\":{\"k\":{\"S\":\"1\"},\"j\":{\"S\":\"j\"}}},"
	"{\"S\":\"2\"}]},\"s\":{\"SS\":[\"p\",\"q\"]},\"a.b\":{\"S\":\"dot\"}";

static void
attributes_come_in_the_order_of_the_paths(void **state)
{
	(void)state;
	expect(ITEM, "n,id", "{\"n\":{\"N\":\"1.0\"},\"id\":{\"S\":\"x\"}}");
	expect(ITEM, " s , \"a.b\"\t",
	       "{\"s\":{\"SS\":[\"p\",\"q\"]},\"a.b\":{\"S\":\"dot\"}}");
}

static void
what_is_around_a_path_comes_along(void **state)
{
	(void)state;
	expect(ITEM, "m.b.c",
	       "{\"m\":{\"M\":{\"b\":{\"M\":{\"c\":{\"NULL\":true}}}}}}");
	expect(ITEM, "m.e", "{\"m\":{\"M\":{\"e\":{\"M\":{}}}}}");
	expect(ITEM, "m.b,id,m.a",
	       "{\"m\":{\"M\":{\"b\":{\"M\":{\"c\":{\"NULL\":true}}},"
	       "\"a\":{\"S\":\"y\"}}},\"id\":{\"S\":\"x\"}}");
}

static void
elements_are_closed_up_in_the_order_of_their_indexes(void **state)
{
	(void)state;
	expect(ITEM, "l[2],l[0]",
	       "{\"l\":{\"L\":[{\"S\":\"0\"},{\"S\":\"2\"}]}}");
	expect(ITEM, "l[1].j,l[7]",
	       "{\"l\":{\"L\":[{\"M\":{\"j\":{\"S\":\"j\"}}}]}}");
}

static void
what_is_not_there_leaves_nothing_around_it(void **state)
{
	(void)state;
	expect(ITEM, "nothing", "{}");
	expect(ITEM, "m.b.x, m.a.y, l.k, id.x, s[0]", "{}");
	expect(ITEM, "l[9], m[0], id[0]", "{}");
	expect("", "a.b", "{}");
}

static void
paths_that_overlap_or_conflict_are_refused(void **state)
{
	static const struct { const char *text, *why; } wrong[] = {
		{ "a,a", "overlap" }, { "a,b,a.c", "overlap" },
		{ "a.c[1],a", "overlap" }, { "a[0],a.b", "conflict" },
		{ "", "name is expected" }, { "a,,b", "name is expected" },
		{ "a,", "name is expected" }, { "a[*]", "not allowed" },
		{ "a b", "'.' or '['" }, { "\"a,b", "does not end" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		if (parse(wrong[i].text) != NULL)
			fail_msg("'%s' is taken", wrong[i].text);
		assert_int_equal(err.code, ERR_USAGE);
		if (strstr(err.text, wrong[i].why) == NULL)
			fail_msg("'%s': %s", wrong[i].text, err.text);
	}
}

static void
paths_are_remembered_as_they_were_said(void **state)
{
	struct projection *const p = parse("b[0].c, \"x,y\"");

	(void)state;
	assert_non_null(p);
	assert_int_equal(projection_npaths(p), 2);
	assert_int_equal(projection_path(p, 0)->nparts, 3);
	assert_true(span_is(projection_path(p, 1)->parts[0].name, "x,y"));
	projection_free(p);
	projection_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(attributes_come_in_the_order_of_the_paths),
		cmocka_unit_test(what_is_around_a_path_comes_along),
		cmocka_unit_test(
			elements_are_closed_up_in_the_order_of_their_indexes),
		cmocka_unit_test(what_is_not_there_leaves_nothing_around_it),
		cmocka_unit_test(paths_that_overlap_or_conflict_are_refused),
		cmocka_unit_test(paths_are_remembered_as_they_were_said),
	};

	return cmocka_run_group_tests_name("projection", tests, NULL, NULL);
}
