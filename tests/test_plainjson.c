/* test_plainjson.c - values as JSON without types. */
#include "formats/plainjson.h"

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

static struct err err;

static void
expect(const char *attributes, const char *want)
{
	struct ddbjson *const reader = ddbjson_new(&err);
	struct arena mem = { 0 };
	struct buf text = { 0 };

	assert_int_equal(buf_printf(&text, &err, "{\"Item\":{%s}}",
				    attributes), 0);
	const struct item *const item = ddbjson_decode_line(reader,
		buf_span(&text), &mem, &err);
	if (item == NULL)
		fail_msg("%s: %s", attributes, err.text);
	buf_reset(&text);
	assert_int_equal(plainjson_encode(item, &mem, &text, &err), 0);
	assert_int_equal(buf_printf(&text, &err, "%c", 0), 0);
	assert_string_equal((const char *)text.ptr, want);
	buf_free(&text);
	arena_free(&mem);
	ddbjson_free(reader);
}

static void
every_type_has_its_plain_form(void **state)
{
	(void)state;
	expect("", "{}\n");
	expect("\"s\":{\"S\":\"a\"},\"n\":{\"N\":\"1\"},\"b\":{\"B\":\"AP8=\"},"
	       "\"t\":{\"BOOL\":true},\"f\":{\"BOOL\":false},"
	       "\"z\":{\"NULL\":true}",
	       "{\"s\":\"a\",\"n\":1,\"b\":\"AP8=\",\"t\":true,\"f\":false,"
	       "\"z\":null}\n");
	expect("\"m\":{\"M\":{\"l\":{\"L\":[{\"M\":{}},{\"L\":[]}]}}},"
	       "\"ss\":{\"SS\":[\"b\",\"a\"]},\"ns\":{\"NS\":[\"2\",\"1\"]},"
	       "\"bs\":{\"BS\":[\"QQ==\"]}",
	       "{\"m\":{\"l\":[{},[]]},\"ss\":[\"b\",\"a\"],\"ns\":[2,1],"
	       "\"bs\":[\"QQ==\"]}\n");
}

static void
numbers_are_exact_and_always_json(void **state)
{
	static const char *const pairs[][2] = {
		{ "0", "0" }, { "-0", "-0" }, { "1.50", "1.50" },
		{ "1e5", "1e5" }, { "-2.5E-7", "-2.5E-7" }, { "1E+3", "1E+3" },
		{ "12345678901234567890123456789012345678",
		  "12345678901234567890123456789012345678" },
		/* What JSON does not take, in DynamoDB's own form. */
		{ "+7", "7" }, { "007", "7" }, { ".5", "0.5" }, { "5.", "5" },
		{ "-.5e1", "-5" }, { "00.10", "0.1" }, { "-012", "-12" },
		{ "\\u0031\\u0032", "12" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		char item[128], want[128];

		snprintf(item, sizeof(item), "\"n\":{\"N\":\"%s\"},\"s\":"
			 "{\"NS\":[\"%s\"]}", pairs[i][0], pairs[i][0]);
		snprintf(want, sizeof(want), "{\"n\":%s,\"s\":[%s]}\n",
			 pairs[i][1], pairs[i][1]);
		expect(item, want);
	}
}

static void
text_keeps_its_escapes(void **state)
{
	(void)state;
	expect("\"\\u00e9\\n\":{\"S\":\"\\ud83c\\udfe0\\\"\\u0000\"}",
	       "{\"\\u00e9\\n\":\"\\ud83c\\udfe0\\\"\\u0000\"}\n");
}

static void
text_that_was_never_json_is_escaped(void **state)
{
	struct value kids[2] = {
		value_of_name(span_of("a\"b")),
		value_of_text(VALUE_S, span_of("x\n\\\x01")),
	};
	const struct value map = value_of_kids(VALUE_M, kids, 2);
	struct arena mem = { 0 };
	struct buf text = { 0 };

	(void)state;
	assert_int_equal(plainjson_encode_value(&map, &mem, &text, &err), 0);
	assert_true(span_is(buf_span(&text),
			    "{\"a\\\"b\":\"x\\n\\\\\\u0001\"}"));
	buf_free(&text);
	arena_free(&mem);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_has_its_plain_form),
		cmocka_unit_test(numbers_are_exact_and_always_json),
		cmocka_unit_test(text_keeps_its_escapes),
		cmocka_unit_test(text_that_was_never_json_is_escaped),
	};

	return cmocka_run_group_tests_name("plainjson", tests, NULL, NULL);
}
