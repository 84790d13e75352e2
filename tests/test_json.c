/* test_json.c - JSON to trees: strictly, with places. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "formats/json.h"
#include "formats/tree.h"
#include "tests/guard.h"

static struct arena mem;

static const struct tree *
parse(const char *text, size_t len, struct err *err)
{
	*err = (struct err){ 0 };
	return json_parse(guard_copy((const uint8_t *)text, len), "f.json",
			  &mem, err);
}

static const struct tree *
good(const char *text)
{
	struct err err;
	const struct tree *const t = parse(text, strlen(text), &err);

	if (t == NULL)
		fail_msg("%s", err.text);
	return t;
}

static void
bad(const char *text, const char *message)
{
	struct err err;

	assert_null(parse(text, strlen(text), &err));
	assert_int_equal(err.code, ERR_INPUT);
	assert_string_equal(err.text, message);
}

static int
forget(void **state)
{
	(void)state;
	arena_free(&mem);
	return 0;
}

static void
reads_a_manifest(void **state)
{
	const struct tree *const t = good("{\n \"itemCount\": 12,\n"
		" \"billedSizeBytes\":0,\"x\" : [ true ,false, null, -1.5e+3 ],"
		"\"s3Prefix\":null, \"e\":{}, \"l\":[]}\n");
	uint64_t n;

	(void)state;
	assert_int_equal(tree_uint(tree_get(t, "itemCount"), &n), 0);
	assert_int_equal(n, 12);
	assert_int_equal(tree_get(t, "itemCount")->line, 2);
	assert_int_equal(tree_get(t, "itemCount")->column, 15);
	const struct tree *const x = tree_get(t, "x");
	assert_int_equal(x->nkids, 4);
	assert_true(x->kids[0].truth);
	assert_false(x->kids[1].truth);
	assert_true(span_is(x->kids[3].text, "-1.5e+3"));
	assert_int_equal(tree_uint(&x->kids[3], &n), -1);
	assert_int_equal(tree_get(t, "s3Prefix")->kind, TREE_NULL);
	assert_int_equal(tree_get(t, "e")->nkids, 0);
}

static void
takes_whole_numbers_that_fit(void **state)
{
	uint64_t n;

	(void)state;
	assert_int_equal(tree_uint(good("18446744073709551615"), &n), 0);
	assert_true(n == UINT64_MAX);
	assert_int_equal(tree_uint(good("18446744073709551616"), &n), -1);
	assert_int_equal(tree_uint(good("-1"), &n), -1);
	assert_int_equal(tree_uint(good("\"1\""), &n), -1);
}

static void
unescapes_text(void **state)
{
	(void)state;
	assert_true(span_is(good("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\"")->text,
			    "\"\\/\b\f\n\r\tA"));
	assert_true(span_is(good("\"\\u00e9\\u20ac\\uD83D\\ude00 é\"")->text,
			    "é€😀 é"));
	assert_true(span_is(good("\xef\xbb\xbf\"x\"")->text, "x"));
}

static void
says_what_is_wrong_and_where(void **state)
{
	(void)state;
	bad("", "f.json:1:1: the text ends too early");
	bad("{\"a\":1,\n\"a\":2}", "f.json:2:1: 'a' is there twice; first in "
	    "line 1");
	bad("[1,]", "f.json:1:4: not a JSON value");
	bad("[1 2]", "f.json:1:4: ',' or ']' must stand here");
	bad("{\"a\" 1}", "f.json:1:6: ':' must stand here");
	bad("{\"a\":1,}", "f.json:1:8: a name in double quotes must stand here");
	bad("{a:1}", "f.json:1:2: a name in double quotes must stand here");
	bad("{\"a\":1 \"b\":2}", "f.json:1:8: ',' or '}' must stand here");
	bad("1 2", "f.json:1:3: something after the end");
	bad("01", "f.json:1:1: not a JSON value");
	bad("1.", "f.json:1:1: not a JSON value");
	bad("nul", "f.json:1:1: not a JSON value");
	bad("\"é\x01\"", "f.json:1:3: a control character in text; escape it");
	bad("\"a", "f.json:1:1: a text without its end");
	bad("\"a\\\"", "f.json:1:1: a text without its end");
	bad("\"\\x\"", "f.json:1:2: no such escape in JSON");
	bad("\"\\u12g4\"", "f.json:1:2: no such escape in JSON");
	bad("\"\\u0000\"", "f.json:1:2: text with a NUL in it");
	bad("\"\\ud83dx\"", "f.json:1:2: half of a surrogate pair");
	bad("\"\\ud83d\\u0041\"", "f.json:1:2: half of a surrogate pair");
	bad("\"\\ude00\"", "f.json:1:2: half of a surrogate pair");
	bad("\"\xc0\x80\"", "f.json:1:2: not UTF-8");
	bad("\"\xed\xa0\x80\"", "f.json:1:2: not UTF-8");
	bad("\"\xf4\x90\x80\x80\"", "f.json:1:2: not UTF-8");
	bad("\"\xe2\x82\"", "f.json:1:2: not UTF-8");
}

static void
survives_every_truncation(void **state)
{
	static const char text[] = "{\"a\":[1,-2.5e-7,true,null,{\"b\":\"é"
				   "\\ud83d\\ude00\"}],\"c\":{}}";

	(void)state;
	for (size_t n = 0; n + 1 < sizeof(text); n++) {
		struct err err;

		assert_null(parse(text, n, &err));
		assert_int_equal(err.code, ERR_INPUT);
	}
	assert_non_null(good(text));
}

static void
bounds_depth(void **state)
{
	char text[300];
	struct err err;

	(void)state;
	memset(text, '[', sizeof(text));
	assert_null(parse(text, sizeof(text), &err));
	assert_string_equal(err.text, "f.json:1:65: nested too deep");
	memset(text + 64, ']', 64);
	assert_non_null(parse(text, 128, &err));
}

/* A long line must not cost its square: 2 MB here would take minutes. */
static void
reads_a_long_line_once(void **state)
{
	struct buf b = { 0 };
	struct err err = { 0 };

	(void)state;
	for (int i = 0; i < 900000; i++)
		assert_int_equal(buf_append(&b, span_of(i ? ",1" : "[1"), &err),
				 0);
	assert_int_equal(buf_append(&b, span_of("]"), &err), 0);
	const struct tree *const t = json_parse(buf_span(&b), "f", &mem, &err);
	assert_non_null(t);
	assert_int_equal(t->kids[t->nkids - 1].column, 1800000);
	buf_free(&b);
}

static void
quotes_what_it_can_read_again(void **state)
{
	static const char text[] = "a\"\\/\b\f\n\r\t\x01\x7f é";
	struct buf b = { 0 };
	struct err err;

	(void)state;
	assert_int_equal(json_quote(span_of(text), &b, &err), 0);
	assert_int_equal(buf_append(&b, (struct span){ (const uint8_t *)"",
				    1 }, &err), 0);
	assert_string_equal((char *)b.ptr, "\"a\\\"\\\\/\\b\\f\\n\\r\\t\\u0001"
			    "\\u007f é\"");
	assert_true(span_is(good((char *)b.ptr)->text, text));
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(reads_a_manifest, forget),
		cmocka_unit_test_teardown(takes_whole_numbers_that_fit, forget),
		cmocka_unit_test_teardown(unescapes_text, forget),
		cmocka_unit_test_teardown(says_what_is_wrong_and_where, forget),
		cmocka_unit_test_teardown(survives_every_truncation, forget),
		cmocka_unit_test_teardown(bounds_depth, forget),
		cmocka_unit_test_teardown(reads_a_long_line_once, forget),
		cmocka_unit_test_teardown(quotes_what_it_can_read_again,
					  forget),
	};

	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
