/* test_jsonraw.c - parts of a JSON text as they stand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "formats/jsonraw.h"
#include "tests/guard.h"

static struct span
guarded(const char *text)
{
	return guard_copy((const uint8_t *)text, strlen(text));
}

static void
is(struct span s, const char *text)
{
	if (text == NULL) {
		assert_null(s.ptr);
		return;
	}
	assert_int_equal(s.len, strlen(text));
	assert_memory_equal(s.ptr, text, s.len);
}

static void
finds_a_member_by_its_name(void **state)
{
	const struct span t = guarded(" { \"a\" : 1, \"b\":{\"c\":[\"}\\\"\"]} ,"
		"\"d\":\"x,y\", \"e\":null,\"c\":[] }");

	(void)state;
	is(jsonraw_member(t, "a"), "1");
	is(jsonraw_member(t, "b"), "{\"c\":[\"}\\\"\"]}");
	is(jsonraw_member(t, "d"), "\"x,y\"");
	is(jsonraw_member(t, "e"), "null");
	is(jsonraw_member(t, "c"), "[]");
	is(jsonraw_member(t, "x"), NULL);
	is(jsonraw_member(guarded("{}"), "x"), NULL);
}

static void
knows_a_name_however_it_is_escaped(void **state)
{
	const struct span t = guarded("{\"a\\\"b\":1,\"\\u0063\\/\\\\\":2,"
		"\"\\u00e9\\u20AC\\ud83d\\uDE00\":3,\"x\\u0000\":4,\"y\\u\":5,"
		"\"z\\q\":6,\"t\\ttab\":7}");

	(void)state;
	is(jsonraw_member(t, "a\"b"), "1");
	is(jsonraw_member(t, "c/\\"), "2");
	is(jsonraw_member(t, "\u00e9\u20ac\U0001f600"), "3");
	is(jsonraw_member(t, "t\ttab"), "7");
	is(jsonraw_member(t, "x"), NULL);
	is(jsonraw_member(t, "y"), NULL);
	is(jsonraw_member(t, "zq"), NULL);
	is(jsonraw_member(t, "a"), NULL);
	is(jsonraw_member(t, "a\"bc"), NULL);
}

static void
goes_through_a_list(void **state)
{
	const struct span t = guarded("[ {\"a\":[1,2]}, \"]\" ,3 ]");
	size_t at = 0;

	(void)state;
	is(jsonraw_next(t, &at), "{\"a\":[1,2]}");
	is(jsonraw_next(t, &at), "\"]\"");
	is(jsonraw_next(t, &at), "3 ");
	is(jsonraw_next(t, &at), NULL);
	at = 0;
	is(jsonraw_next(guarded("[]"), &at), NULL);
}

static void
ends_wherever_the_text_does(void **state)
{
	static const char TEXT[] = "{\"a\":{\"b\":[\"x\\\"\",{}]},\"c\":[1,2]}";

	(void)state;
	for (size_t n = 0; n < sizeof(TEXT) - 1; n++) {
		const struct span t = guard_copy((const uint8_t *)TEXT, n);
		size_t at = 0;

		is(jsonraw_member(t, "z"), NULL);
		while (jsonraw_next(t, &at).ptr != NULL)
			assert_true(at <= n);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_a_member_by_its_name),
		cmocka_unit_test(knows_a_name_however_it_is_escaped),
		cmocka_unit_test(goes_through_a_list),
		cmocka_unit_test(ends_wherever_the_text_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
