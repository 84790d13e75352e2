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
#include "formats/compose.h"
#include "formats/ddbjson.h"
#include "formats/jsonvalue.h"
#include "model/compare.h"
#include "model/item.h"
#include "tests/guard.h"

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

/* With tags it is `want`, and that read again is the item as it was. */
static void
expect_tagged(const char *attributes, const char *want)
{
	struct ddbjson *const reader = ddbjson_new(&err);
	struct compose *const to = compose_new(&err);
	struct arena mem = { 0 };
	struct buf text = { 0 }, again = { 0 };
	struct item back;

	assert_int_equal(buf_printf(&text, &err, "{\"Item\":{%s}}",
				    attributes), 0);
	const struct item *const item = ddbjson_decode_line(reader,
		buf_span(&text), &mem, &err);
	if (item == NULL)
		fail_msg("%s: %s", attributes, err.text);
	assert_int_equal(plainjson_encode_tagged(item, &mem, &again, &err), 0);
	assert_int_equal(buf_printf(&again, &err, "%c", 0), 0);
	assert_string_equal((const char *)again.ptr, want);

	const struct span tight = guard_copy(again.ptr, again.len - 1);
	struct jsonwalk w = {
		.p = tight.ptr, .end = tight.ptr + tight.len, .last = true,
		.tagged = true, .to = to, .mem = &mem, .err = &err,
	};
	assert_int_equal(compose_batch(to, &mem, 0, &err), 1);
	assert_int_equal(compose_item(to, &err), 1);
	if (jsonvalue_item(&w, false, NULL) != JSON_GOOD)
		fail_msg("%s: %s", want, err.text);
	assert_int_equal(compose_end(to, &back, &err), 1);
	if (value_equal(&item->map, &back.map, &mem, &err) != 1)
		fail_msg("%s is not what it was", want);
	compose_free(to);
	buf_free(&text);
	buf_free(&again);
	arena_free(&mem);
	ddbjson_free(reader);
}

static void
tags_tell_what_json_does_not(void **state)
{
	(void)state;
	expect_tagged("\"s\":{\"S\":\"$N\"},\"n\":{\"N\":\"12.50\"},"
		      "\"t\":{\"BOOL\":true},\"z\":{\"NULL\":true},"
		      "\"l\":{\"L\":[{\"M\":{}}]}",
		      "{\"s\":\"$N\",\"n\":12.50,\"t\":true,\"z\":null,"
		      "\"l\":[{}]}\n");
	expect_tagged("\"b\":{\"B\":\"AP8=\"},\"ss\":{\"SS\":[\"b\",\"a\"]},"
		      "\"ns\":{\"NS\":[\"2\",\"1e1\"]},\"bs\":{\"BS\":[\"\"]}",
		      "{\"b\":{\"$B\":\"AP8=\"},\"ss\":{\"$SS\":[\"b\",\"a\"]},"
		      "\"ns\":{\"$NS\":[\"2\",\"10\"]},\"bs\":{\"$BS\":[\"\"]}}\n");
	expect_tagged("\"a\":{\"N\":\"123456789012345\"},"
		      "\"b\":{\"N\":\"1234567890123456\"},"
		      "\"c\":{\"N\":\"0.00123456789012345\"},"
		      "\"d\":{\"N\":\"-1.234567890123456e9\"},"
		      "\"e\":{\"N\":\"10000000000000000000.000\"}",
		      "{\"a\":123456789012345,\"b\":{\"$N\":"
		      "\"1234567890123456\"},\"c\":0.00123456789012345,"
		      "\"d\":{\"$N\":\"-1234567890.123456\"},"
		      "\"e\":10000000000000000000.000}\n");
	expect_tagged("\"m\":{\"M\":{\"$N\":{\"S\":\"x\"}}},"
		      "\"o\":{\"M\":{\"$other\":{\"M\":{\"$M\":{\"M\":{}}}}}},"
		      "\"two\":{\"M\":{\"$N\":{\"S\":\"x\"},"
		      "\"y\":{\"S\":\"z\"}}},\"$SS\":{\"L\":[]}",
		      "{\"m\":{\"$M\":{\"$N\":\"x\"}},\"o\":{\"$M\":{\"$other\":"
		      "{\"$M\":{\"$M\":{}}}}},\"two\":{\"$N\":\"x\",\"y\":\"z\"},"
		      "\"$SS\":[]}\n");
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
		cmocka_unit_test(tags_tell_what_json_does_not),
		cmocka_unit_test(numbers_are_exact_and_always_json),
		cmocka_unit_test(text_keeps_its_escapes),
		cmocka_unit_test(text_that_was_never_json_is_escaped),
	};

	return cmocka_run_group_tests_name("plainjson", tests, NULL, NULL);
}
