/* test_jsonwrite.c - what is written is what a strict reader reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "formats/json.h"
#include "formats/jsonwrite.h"
#include "formats/tree.h"

static struct buf out;
static struct err err;

/* The same document both ways. */
static void
write_all(bool tight)
{
	struct jsonwrite w;

	buf_reset(&out);
	jsonwrite_start(&w, &out, tight, &err);
	jsonwrite_map(&w);
	jsonwrite_name(&w, "a\"b");
	jsonwrite_text(&w, "line\nend\x01");
	jsonwrite_name(&w, "n");
	jsonwrite_list(&w);
	jsonwrite_uint(&w, UINT64_MAX);
	jsonwrite_int(&w, INT64_MIN);
	jsonwrite_fixed(&w, 1.25, 1);
	jsonwrite_fixed(&w, 1.0 / 0.0, 1);
	jsonwrite_bool(&w, true);
	jsonwrite_raw(&w, span_of("{\"x\":[]}"));
	jsonwrite_end(&w);
	jsonwrite_name(&w, "empty");
	jsonwrite_map(&w);
	jsonwrite_end(&w);
	jsonwrite_name(&w, "none");
	jsonwrite_null(&w);
	jsonwrite_end(&w);
	assert_int_equal(jsonwrite_finish(&w), 0);
}

static void
writes_one_line_or_many(void **state)
{
	static const char TIGHT[] =
		"{\"a\\\"b\":\"line\\nend\\u0001\",\"n\":[18446744073709551615,"
		"-9223372036854775808,1.2,null,true,{\"x\":[]}],\"empty\":{},"
		"\"none\":null}";
	static const char WIDE[] =
		"{\n  \"a\\\"b\": \"line\\nend\\u0001\",\n  \"n\": [\n"
		"    18446744073709551615,\n    -9223372036854775808,\n"
		"    1.2,\n    null,\n    true,\n    {\"x\":[]}\n  ],\n"
		"  \"empty\": {},\n  \"none\": null\n}\n";

	(void)state;
	write_all(true);
	assert_true(span_is(buf_span(&out), TIGHT));
	write_all(false);
	assert_true(span_is(buf_span(&out), WIDE));
}

static void
members_are_a_name_and_a_value(void **state)
{
	struct jsonwrite w;

	(void)state;
	buf_reset(&out);
	jsonwrite_start(&w, &out, true, &err);
	jsonwrite_map(&w);
	jsonwrite_put_text(&w, "text", "x\"");
	jsonwrite_put_text(&w, "none", NULL);
	jsonwrite_put_uint(&w, "n", UINT64_MAX);
	jsonwrite_put_bool(&w, "no", false);
	jsonwrite_end(&w);
	assert_int_equal(jsonwrite_finish(&w), 0);
	assert_true(span_is(buf_span(&out), "{\"text\":\"x\\\"\","
		"\"none\":null,\"n\":18446744073709551615,\"no\":false}"));
}

static void
is_read_back_by_the_strict_reader(void **state)
{
	struct arena mem = { 0 };
	const struct tree *t;

	(void)state;
	write_all(false);
	t = json_parse(buf_span(&out), "x", &mem, &err);
	assert_non_null(t);
	t = tree_get(t, "a\"b");
	assert_non_null(t);
	assert_true(span_is(t->text, "line\nend\x01"));
	arena_free(&mem);
}

static void
replaces_what_is_no_utf8(void **state)
{
	struct jsonwrite w;

	(void)state;
	buf_reset(&out);
	jsonwrite_start(&w, &out, true, &err);
	jsonwrite_text(&w, "\xff" "caf\xc3\xa9\xc3(\xe2\x82");
	assert_int_equal(jsonwrite_finish(&w), 0);
	assert_true(span_is(buf_span(&out), "\"\xef\xbf\xbd" "caf\xc3\xa9"
			    "\xef\xbf\xbd(\xef\xbf\xbd\xef\xbf\xbd\""));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_one_line_or_many),
		cmocka_unit_test(members_are_a_name_and_a_value),
		cmocka_unit_test(is_read_back_by_the_strict_reader),
		cmocka_unit_test(replaces_what_is_no_utf8),
	};
	const int rc = cmocka_run_group_tests_name("jsonwrite", tests, NULL,
						   NULL);

	buf_free(&out);
	return rc;
}
