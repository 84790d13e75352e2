/* test_diff.c - which changes are told, of what, in which order. */
#include "model/diff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "formats/ddbjson.h"
#include "model/batch.h"
#include "model/item.h"
#include "model/path.h"

static struct batch old, new;
static struct buf told, texts[2];
static struct err err;
static int enough;	/* say so at this change, from 1 */

/* The item of a line with these attributes. */
static const struct value *
item(const char *attributes, struct batch *b, struct buf *text)
{
	struct ddbjson *const reader = ddbjson_new(&err);
	size_t used;

	buf_reset(text);
	batch_reset(b);
	assert_int_equal(buf_printf(text, &err, "{\"Item\":{%s}}\n%128s",
				    attributes, ""), 0);
	const struct span line = { text->ptr, text->len - DDBJSON_SLACK };
	assert_int_equal(ddbjson_decode(reader, line, true, b, &used, &err),
			 0);
	if (b->nrejects > 0)
		fail_msg("%s: %s", attributes, b->rejects[0].why.text);
	assert_int_equal(b->nitems, 1);
	ddbjson_free(reader);
	return &b->items[0].map;
}

/* "~path was is;" */
static int
note(void *context, const struct diff_change *c, struct err *e)
{
	int *const n = context;

	assert_true((c->was == NULL) == (c->kind == DIFF_ADDED));
	assert_true((c->is == NULL) == (c->kind == DIFF_REMOVED));
	buf_printf(&told, e, "%c", "-+~"[c->kind]);
	path_print(c->path, &told, e);
	if (c->was != NULL)
		ddbjson_encode_value(c->was, &told, e);
	if (c->is != NULL)
		ddbjson_encode_value(c->is, &told, e);
	buf_printf(&told, e, ";");
	return ++*n == enough;
}

static int
refuse(void *context, const struct diff_change *c, struct err *e)
{
	(void)context;
	(void)c;
	return err_set(e, ERR_SYSTEM, "no");
}

/* Their differences as text; none if they are equal. */
static const char *
differences(const char *was, const char *is)
{
	const struct value *const a = item(was, &old, &texts[0]);
	const struct value *const b = item(is, &new, &texts[1]);
	int n = 0;

	buf_reset(&told);
	const int rc = diff_values(a, b, &old.mem, note, &n, &err);
	assert_int_equal(rc, n > 0);
	assert_int_equal(buf_printf(&told, &err, "%c", 0), 0);
	return (const char *)told.ptr;
}

static void
equal_items_have_no_differences(void **state)
{
	static const char *const pairs[][2] = {
		{ "", "" },
		{ "\"a\":{\"S\":\"x\"},\"b\":{\"N\":\"1.0\"}",
		  "\"b\":{\"N\":\"1\"},\"a\":{\"S\":\"\\u0078\"}" },
		{ "\"s\":{\"SS\":[\"a\",\"b\"]}",
		  "\"s\":{\"SS\":[\"b\",\"a\"]}" },
		{ "\"s\":{\"NS\":[\"1\",\"2\"]}",
		  "\"s\":{\"NS\":[\"2.0\",\"1e0\"]}" },
		{ "\"m\":{\"M\":{\"x\":{\"L\":[{\"NULL\":true}]},"
		  "\"y\":{\"B\":\"AAEC\"}}}",
		  "\"m\":{\"M\":{\"y\":{\"B\":\"AAEC\"},"
		  "\"x\":{\"L\":[{\"NULL\":true}]}}}" },
		{ "\"\\u00e9\":{\"BOOL\":true}",
		  "\"\xc3\xa9\":{\"BOOL\":true}" },
		{ "\"l\":{\"L\":[]},\"m\":{\"M\":{}}",
		  "\"l\":{\"L\":[]},\"m\":{\"M\":{}}" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		assert_string_equal(differences(pairs[i][0], pairs[i][1]), "");
		assert_string_equal(differences(pairs[i][1], pairs[i][0]), "");
	}
}

static void
changes_come_in_the_old_order_and_additions_last(void **state)
{
	(void)state;
	assert_string_equal(
		differences("\"a\":{\"S\":\"1\"},\"b\":{\"S\":\"2\"},"
			    "\"c\":{\"S\":\"3\"}",
			    "\"e\":{\"S\":\"5\"},\"c\":{\"N\":\"3\"},"
			    "\"d\":{\"S\":\"4\"},\"a\":{\"S\":\"9\"}"),
		"~a{\"S\":\"1\"}{\"S\":\"9\"};-b{\"S\":\"2\"};"
		"~c{\"S\":\"3\"}{\"N\":\"3\"};+e{\"S\":\"5\"};"
		"+d{\"S\":\"4\"};");
}

static void
changes_are_told_at_the_deepest_path(void **state)
{
	(void)state;
	assert_string_equal(
		differences("\"m\":{\"M\":{\"l\":{\"L\":[{\"N\":\"1\"},{\"M\":"
			    "{\"x\":{\"S\":\"a\"},\"y y\":{\"N\":\"1\"}}}]}}}",
			    "\"m\":{\"M\":{\"l\":{\"L\":[{\"N\":\"1\"},{\"M\":"
			    "{\"x\":{\"S\":\"b\"},\"y y\":{\"N\":\"1.0\"}}}]}"
			    ",\"k\":{\"M\":{}}}}"),
		"~m.l[1].x{\"S\":\"a\"}{\"S\":\"b\"};+m.k{\"M\":{}};");
	/* Another type, and all of it is another value. */
	assert_string_equal(
		differences("\"m\":{\"M\":{\"x\":{\"S\":\"a\"}}}",
			    "\"m\":{\"L\":[{\"S\":\"a\"}]}"),
		"~m{\"M\":{\"x\":{\"S\":\"a\"}}}{\"L\":[{\"S\":\"a\"}]};");
	assert_string_equal(
		differences("\"s\":{\"SS\":[\"1\"]}", "\"s\":{\"NS\":[\"1\"]}"),
		"~s{\"SS\":[\"1\"]}{\"NS\":[\"1\"]};");
	assert_string_equal(
		differences("\"b\":{\"BOOL\":true}", "\"b\":{\"BOOL\":false}"),
		"~b{\"BOOL\":true}{\"BOOL\":false};");
}

static void
lists_are_compared_index_by_index(void **state)
{
	(void)state;
	assert_string_equal(
		differences("\"l\":{\"L\":[{\"N\":\"1\"},{\"N\":\"2\"},"
			    "{\"N\":\"3\"}]}",
			    "\"l\":{\"L\":[{\"N\":\"1\"},{\"N\":\"3\"}]}"),
		"~l[1]{\"N\":\"2\"}{\"N\":\"3\"};-l[2]{\"N\":\"3\"};");
	assert_string_equal(
		differences("\"l\":{\"L\":[]}",
			    "\"l\":{\"L\":[{\"N\":\"1\"},{\"N\":\"3\"}]}"),
		"+l[0]{\"N\":\"1\"};+l[1]{\"N\":\"3\"};");
}

static void
a_set_is_one_change_and_its_members_can_be_told(void **state)
{
	int n = 0;

	(void)state;
	assert_string_equal(
		differences("\"s\":{\"NS\":[\"3\",\"10\",\"2\"]}",
			    "\"s\":{\"NS\":[\"2.0\",\"4\",\"10\"]}"),
		"~s{\"NS\":[\"3\",\"10\",\"2\"]}"
		"{\"NS\":[\"2.0\",\"4\",\"10\"]};");

	const struct value *const was = &old.items[0].map.kids[1];
	const struct value *const is = &new.items[0].map.kids[1];
	buf_reset(&told);
	assert_int_equal(diff_members(was, is, &old.mem, note, &n, &err), 1);
	assert_true(span_is(buf_span(&told), "-{\"N\":\"3\"};+{\"N\":\"4\"};"));
	assert_int_equal(diff_members(was, was, &old.mem, refuse, &n, &err),
			 0);
	assert_int_equal(diff_members(was, is, &old.mem, refuse, &n, &err),
			 -1);

	/* One within the other, and nothing in common. */
	differences("\"s\":{\"SS\":[\"b\"]},\"t\":{\"SS\":[\"x\"]}",
		    "\"s\":{\"SS\":[\"c\",\"\\u0062\",\"a\"]},"
		    "\"t\":{\"SS\":[\"y\"]}");
	for (int i = 1; i <= 3; i += 2) {
		buf_reset(&told);
		assert_int_equal(diff_members(&old.items[0].map.kids[i],
					      &new.items[0].map.kids[i],
					      &old.mem, note, &n, &err), 1);
		assert_true(span_is(buf_span(&told), i == 1
				    ? "+{\"S\":\"a\"};+{\"S\":\"c\"};"
				    : "-{\"S\":\"x\"};+{\"S\":\"y\"};"));
	}
}

/* `n` attributes: from the first up, or from the last down. */
static void
put_many(struct buf *out, int n, int except, int down, int value)
{
	const char *comma = "";

	for (int i = 0; i < n; i++) {
		const int k = down ? n - 1 - i : i;

		if (k == except)
			continue;
		assert_int_equal(buf_printf(out, &err, "%s\"name%d\":{\"N\":"
					    "\"%d\"}", comma, k, k == value
					    ? -1 : k), 0);
		comma = ",";
	}
	assert_int_equal(buf_printf(out, &err, "%c", 0), 0);
}

static void
large_maps_are_compared_like_small_ones(void **state)
{
	(void)state;
	for (int n = 5; n < 400; n = n * 3 + 1) {
		struct buf was = { 0 }, is = { 0 };
		char want[200];

		put_many(&was, n, 1, 0, -1);
		put_many(&is, n, n - 1, 1, 3);
		snprintf(want, sizeof(want), "~name3{\"N\":\"3\"}{\"N\":\"-1\"}"
			 ";-name%d{\"N\":\"%d\"};+name1{\"N\":\"1\"};",
			 n - 1, n - 1);
		assert_string_equal(differences((const char *)was.ptr,
						(const char *)is.ptr), want);
		buf_free(&was);
		buf_free(&is);
	}
}

static void
who_looks_may_have_seen_enough_or_fail(void **state)
{
	static const char was[] = "\"a\":{\"L\":[{\"N\":\"1\"},{\"N\":\"2\"}]},"
				  "\"b\":{\"N\":\"1\"}";
	static const char is[] = "\"a\":{\"L\":[{\"N\":\"3\"},{\"N\":\"4\"}]},"
				 "\"c\":{\"N\":\"1\"}";
	static const char want[] = "~a[0]{\"N\":\"1\"}{\"N\":\"3\"};"
				   "~a[1]{\"N\":\"2\"}{\"N\":\"4\"};"
				   "-b{\"N\":\"1\"};+c{\"N\":\"1\"};";
	const char *end = want;

	(void)state;
	for (enough = 1; enough <= 4; enough++) {
		const char *const got = differences(was, is);

		end = strchr(end, ';') + 1;
		assert_int_equal(strlen(got), end - want);
		assert_memory_equal(got, want, strlen(got));
	}
	enough = 0;
	assert_int_equal(diff_values(&old.items[0].map, &new.items[0].map,
				     &old.mem, refuse, NULL, &err), -1);
	assert_int_equal(err.code, ERR_SYSTEM);
}

/* Lists in lists, `n` of them, around a number. */
static struct value
nest(struct value *kids, int n, const char *number)
{
	kids[0] = value_of_text(VALUE_N, span_of(number));
	for (int i = 1; i <= n; i++)
		kids[i] = value_of_kids(VALUE_L, &kids[i - 1], 1);
	return kids[n];
}

static void
what_is_too_deep_is_one_change(void **state)
{
	static struct value a[DIFF_MAX_DEPTH + 10], b[DIFF_MAX_DEPTH + 10];
	struct arena mem = { 0 };

	(void)state;
	for (int n = DIFF_MAX_DEPTH - 1; n < DIFF_MAX_DEPTH + 10; n++) {
		const struct value was = nest(a, n, "1");
		const struct value same = nest(b, n, "1.0");
		int count = 0;

		buf_reset(&told);
		assert_int_equal(diff_values(&was, &same, &mem, note, &count,
					     &err), 0);
		const struct value is = nest(b, n, "2");
		assert_int_equal(diff_values(&was, &is, &mem, note, &count,
					     &err), 1);
		assert_int_equal(count, 1);
	}
	arena_free(&mem);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_items_have_no_differences),
		cmocka_unit_test(
			changes_come_in_the_old_order_and_additions_last),
		cmocka_unit_test(changes_are_told_at_the_deepest_path),
		cmocka_unit_test(lists_are_compared_index_by_index),
		cmocka_unit_test(
			a_set_is_one_change_and_its_members_can_be_told),
		cmocka_unit_test(large_maps_are_compared_like_small_ones),
		cmocka_unit_test(who_looks_may_have_seen_enough_or_fail),
		cmocka_unit_test(what_is_too_deep_is_one_change),
	};
	const int rc = cmocka_run_group_tests_name("diff", tests, NULL, NULL);

	batch_free(&old);
	batch_free(&new);
	buf_free(&told);
	buf_free(&texts[0]);
	buf_free(&texts[1]);
	return rc;
}
