/* test_dumpjson.c - plain, typed and scanned JSON, whole, cut and broken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "formats/batchwrite.h"
#include "formats/ddbjson.h"
#include "formats/dumpjson.h"
#include "formats/formats.h"
#include "model/item.h"
#include "tests/readall.h"

/* Read it, cut anywhere; what comes of it stays until the next time. */
static struct readall
take(const struct item_format *f, const struct item_rules *rules,
     const char *text)
{
	static struct readall last;
	const size_t len = strlen(text);

	readall_same(f, rules, span_of(text), len < 200 ? len : 200);
	readall_free(&last);
	last = readall_of(f, rules, span_of(text), 0);
	return last;
}

static void
gives(const struct item_format *f, const char *text, const char *items)
{
	const struct readall r = take(f, NULL, text);

	assert_string_equal((char *)r.rejects.ptr, "");
	assert_string_equal((char *)r.items.ptr, items);
	assert_int_equal(r.rc, 0);
}

#define I(attributes) "{\"Item\":{" attributes "}}\n"

/* ---- plain --------------------------------------------------------------- */

static void
plain_values_get_the_types_that_they_look_like(void **state)
{
	(void)state;
	gives(&plainjson_format,
	      "{\"id\":\"1\",\"n\":1.50,\"m\":{\"x\":{},\"l\":[1,\"a\",null,"
	      "[true,false]]},\"e\":-3e2}\n",
	      I("\"id\":{\"S\":\"1\"},\"n\":{\"N\":\"1.50\"},\"m\":{\"M\":{"
		"\"x\":{\"M\":{}},\"l\":{\"L\":[{\"N\":\"1\"},{\"S\":\"a\"},"
		"{\"NULL\":true},{\"L\":[{\"BOOL\":true},{\"BOOL\":false}]}]}}}"
		",\"e\":{\"N\":\"-3e2\"}"));
	gives(&plainjson_format, "{}", I(""));
	gives(&plainjson_format, "", "");
	gives(&plainjson_format, " \r\n\t\n", "");
	gives(&plainjson_format, "[]", "");
	gives(&plainjson_format, "\xEF\xBB\xBF{\"a\":\"\xC3\xA9\\u00e9\\n\"}",
	      I("\"a\":{\"S\":\"\xC3\xA9\\u00e9\\n\"}"));
	gives(&plainjson_format, "{\"\\u0061b\":1,\"b\\\"c\":\"\\\\\"}",
	      I("\"\\u0061b\":{\"N\":\"1\"},\"b\\\"c\":{\"S\":\"\\\\\"}"));
}

static void
items_come_in_lines_arrays_and_any_white_space(void **state)
{
	static const char *const SHAPES[] = {
		"{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n",
		"{\"a\":1}\r\n{\"a\":2}\r\n\r\n{\"a\":3}",
		"{\"a\":1}{\"a\":2} {\"a\":3}",
		"{\n  \"a\" : 1\n}\n{\n  \"a\" : 2\n}\n{ \"a\"\n:\n3 }\n",
		"[{\"a\":1},{\"a\":2},{\"a\":3}]",
		"[{\"a\":1},\n{\"a\":2}]\n[]\n[{\"a\":3}]\n",
		(" [\n  {\n    \"a\": 1\n  },\n  {\n    \"a\": 2\n  } ,\n"
		 "  {\n    \"a\": 3\n  }\n]\n"),
		"[{\"a\":1}\n,{\"a\":2}\n,{\"a\":3}\n]{}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(SHAPES) / sizeof(SHAPES[0]) - 1; i++)
		gives(&plainjson_format, SHAPES[i], I("\"a\":{\"N\":\"1\"}")
		      I("\"a\":{\"N\":\"2\"}") I("\"a\":{\"N\":\"3\"}"));
	gives(&plainjson_format, SHAPES[7], I("\"a\":{\"N\":\"1\"}")
	      I("\"a\":{\"N\":\"2\"}") I("\"a\":{\"N\":\"3\"}") I(""));
}

static void
items_know_their_lines_and_places(void **state)
{
	struct readall r;

	(void)state;
	r = take(&plainjson_format, NULL, "{\"a\":1}\n\n {\"a\":2}{}\n");
	assert_string_equal((char *)r.places.ptr, "1@0 3@10 3@17 ");
	r = take(&plainjson_format, NULL, "[\n{\"a\":\n1},\n {\"a\":2},{}]\n");
	assert_string_equal((char *)r.places.ptr, "2@2 4@13 4@21 ");
}

/* ---- types --------------------------------------------------------------- */

static const struct item_rule_type TYPES[] = {
	{ .path = { (const uint8_t *)"tags", 4 }, .type = VALUE_SS },
	{ .path = { (const uint8_t *)"nums", 4 }, .type = VALUE_NS },
	{ .path = { (const uint8_t *)"blobs", 5 }, .type = VALUE_BS },
	{ .path = { (const uint8_t *)"m.blob", 6 }, .type = VALUE_B },
	{ .path = { (const uint8_t *)"team[*].since", 13 }, .type = VALUE_N },
	{ .path = { (const uint8_t *)"zip", 3 }, .type = VALUE_S },
	{ .path = { (const uint8_t *)"ok", 2 }, .type = VALUE_BOOL },
	{ .path = { (const uint8_t *)"any.*", 5 }, .type = VALUE_SS },
	{ .path = { (const uint8_t *)"l[1]", 4 }, .type = VALUE_B },
};
static const struct item_rules RULES = {
	.types = TYPES, .ntypes = sizeof(TYPES) / sizeof(TYPES[0]),
};

static void
types_say_what_plain_json_cannot(void **state)
{
	const struct readall r = take(&plainjson_format, &RULES,
		"{\"tags\":[\"a\",\"\\u0062\"],\"nums\":[1,\"2.0\"],"
		"\"blobs\":[\"AA==\"],\"m\":{\"blob\":\"\\u0041A==\","
		"\"tags\":[]},\"team\":[{\"since\":\"7\"},{\"since\":8}],"
		"\"zip\":01234,\"ok\":\"true\"}\n"
		"{\"zip\":1234,\"ok\":\"true\",\"any\":{\"x\":[\"1\"]},"
		"\"l\":[\"AA==\",\"AA==\"],\"tags\":null}\n"
		"{\"tags\":[\"a\",\"\\u0062\"],\"nums\":[1,\"2.0\"],"
		"\"blobs\":[\"AA==\"],\"m\":{\"blob\":\"\\u0041A==\","
		"\"tags\":[]},\"team\":[{\"since\":\"7\"},{\"since\":8}]}");

	(void)state;
	assert_string_equal((char *)r.rejects.ptr,
			    "1:135: a number with a leading zero\n");
	assert_string_equal((char *)r.items.ptr,
		I("\"zip\":{\"S\":\"1234\"},\"ok\":{\"BOOL\":true},\"any\":{"
		  "\"M\":{\"x\":{\"SS\":[\"1\"]}}},\"l\":{\"L\":[{\"S\":"
		  "\"AA==\"},{\"B\":\"AA==\"}]},\"tags\":{\"NULL\":true}")
		I("\"tags\":{\"SS\":[\"a\",\"\\u0062\"]},\"nums\":{\"NS\":["
		  "\"1\",\"2.0\"]},\"blobs\":{\"BS\":[\"AA==\"]},\"m\":{\"M\":{"
		  "\"blob\":{\"B\":\"AA==\"},\"tags\":{\"L\":[]}}},\"team\":{"
		  "\"L\":[{\"M\":{\"since\":{\"N\":\"7\"}}},{\"M\":{\"since\":"
		  "{\"N\":\"8\"}}}]}"));
}

static void
what_does_not_fit_its_type_is_refused(void **state)
{
	static const struct { const char *text, *why; } BAD[] = {
		{ "{\"tags\":\"a\"}", "1:9: a string where 'types' says SS\n" },
		{ "{\"tags\":[]}", "1:9: a set must not be empty\n" },
		{ "{\"tags\":[1]}", "1:10: '1' where a string, a member of "
		  "the set, should be\n" },
		{ "{\"nums\":[1,1.0]}", "1:9: a set member stands twice\n" },
		{ "{\"nums\":[\"x\"]}", "1:10: 'x' is not a number\n" },
		{ "{\"nums\":[true]}", "1:10: 't' where a number, a member of "
		  "NS, should be\n" },
		{ "{\"m\":{\"blob\":\"x\"}}", "1:14: invalid base64\n" },
		{ "{\"m\":{\"blob\":1}}", "1:14: a number where 'types' says "
		  "B\n" },
		{ "{\"zip\":{}}", "1:8: an object where 'types' says S\n" },
		{ "{\"zip\":true}", "1:8: true where 'types' says S\n" },
		{ "{\"ok\":\"yes\"}", "1:7: a string where 'types' says "
		  "BOOL\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
		const struct readall r = take(&plainjson_format, &RULES,
					      BAD[i].text);

		assert_string_equal((char *)r.rejects.ptr, BAD[i].why);
		assert_string_equal((char *)r.items.ptr, "");
	}
}

static void
types_that_contradict_are_refused(void **state)
{
	static const struct item_rule_type BAD[][2] = {
		{ { { (const uint8_t *)"a", 1 }, VALUE_SS },
		  { { (const uint8_t *)"a", 1 }, VALUE_NS } },
		{ { { (const uint8_t *)"a.*", 3 }, VALUE_SS },
		  { { (const uint8_t *)"a.b", 3 }, VALUE_NS } },
		{ { { (const uint8_t *)"a[0]", 4 }, VALUE_SS },
		  { { (const uint8_t *)"a[*]", 4 }, VALUE_NS } },
		{ { { (const uint8_t *)"a..b", 4 }, VALUE_SS },
		  { { (const uint8_t *)"c", 1 }, VALUE_NS } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
		const struct item_rules rules = { .types = BAD[i],
						  .ntypes = 2 };
		struct err err = { 0 };

		assert_null(plainjson_format.decode_start(&rules, &err));
		assert_int_equal(err.code, ERR_USAGE);
	}
}

/* ---- what is wrong ------------------------------------------------------- */

static void
bad_items_are_rejected_with_line_and_byte(void **state)
{
	static const struct { const char *text, *why; } BAD[] = {
		{ "{\"a\":}", "1:6: '}' where a JSON value should be\n" },
		{ "{\"a\"}", "1:5: '}' where ':' should be\n" },
		{ "{\"a\":1,}", "1:8: '}' where an attribute name in quotes "
		  "should be\n" },
		{ "{a:1}", "1:2: 'a' where an attribute name in quotes should "
		  "be\n" },
		{ "{\"a\":01}", "1:7: a number with a leading zero\n" },
		{ "{\"a\":1.}", "1:8: '}' where a digit should be\n" },
		{ "{\"a\":-}", "1:7: '}' where a digit should be\n" },
		{ "{\"a\":+1}", "1:6: '+' where a JSON value should be\n" },
		{ "{\"a\":NaN}", "1:6: 'N' where a JSON value should be\n" },
		{ "{\"a\":nul}", "1:6: 'n' where a JSON value should be\n" },
		{ "{\"a\":\"\\x\"}", "1:7: invalid escape in a string\n" },
		{ "{\"a\":\"\\ud800\"}", "1:7: invalid escape in a string\n" },
		{ "{\"a\":\"\t\"}", "1:7: a control character (0x09) that is "
		  "not escaped\n" },
		{ "{\"a\":\"\xC3(\"}", "1:7: invalid UTF-8\n" },
		{ "{\"a\":\"b", "1:8: a string that does not end\n" },
		{ "{\"a\":1", "1:7: the text ends where ',' or '}' should "
		  "be\n" },
		{ "{\"a\":1e999}", "1:6: number is too large: more than "
		  "9.99...E+125\n" },
		{ "{\"a\":1,\"a\":2}", "1:13: attribute 'a' stands twice\n" },
		{ "{\"\":2}", "1:2: an attribute name must not be empty\n" },
		{ "{\n \"a\": [\n  1,\n  x]\n}",
		  "4:3: 'x' where a JSON value should be\n" },
		{ "{\"a\":1} x", "1:9: 'x' where the end of the line, or an "
		  "item, should be\n" },
		{ "{\"a\":1}}", "1:8: '}' where the end of the line, or an "
		  "item, should be\n" },
		{ "7", "1:1: '7' where '{' or '[' should be\n" },
		{ "[7]", "1:2: '7' where '{' of an item should be\n" },
		{ "[{\"a\":1} 7]", "1:10: '7' where ',' or ']' should be\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
		const struct readall r = take(&plainjson_format, NULL,
					      BAD[i].text);

		assert_string_equal((char *)r.rejects.ptr, BAD[i].why);
		assert_string_equal((char *)r.items.ptr, "");
	}
}

static void
reading_goes_on_at_the_next_item(void **state)
{
	static const struct { const char *text; int rejects; } BAD[] = {
		{ "{\"a\":1}\n{\"a\":\n{\"a\":2}\n", 1 },
		{ "{\"a\":1}\n{\"a\":\"x}\n{\"a\":2}\n", 1 },
		{ "{\"a\":1}\n{\"a\":{\"b\":1}\n{\"a\":2}\n", 1 },
		{ "{\"a\":1}\n{\"a\":1}}\n{\"a\":2}\n", 1 },
		{ "{\"a\":1}\nxyz\n{\"a\":2}\n", 1 },
		{ "{\"a\":1}{\"a\":tru}{\"a\":2}\n", 1 },
		{ "{\"a\":1}\n{\n \"a\": tru,\n \"b\": {\n  \"c\": 1\n }\n}\n"
		  "{\"a\":2}\n", 1 },
		{ "{\"a\":1}\n{\n \"a\": [{\n {\n}\n{\"a\":2}\n", 1 },
		{ "[{\"a\":1},{\"a\":1e999},{\"a\":2}]", 1 },
		{ "[{\"a\":1},{\"a\":[1}],{\"a\":2}]", 1 },
		{ "[{\"a\":1},,{\"a\":2}]", 1 },
		{ "[{\"a\":1},{\"a\":2},]", 1 },
		{ "[{\"a\":1},7,{\"a\":2}]", 1 },
		{ "[\n  {\"a\":1},\n  {\"a\":[{},\n  {\"a\":2}\n]", 1 },
		{ "[\n  {\"a\":1},\n  {\"a\":\"},\n  {\"a\":2}\n]", 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
		const struct readall r = take(&plainjson_format, NULL,
					      BAD[i].text);
		int n = 0;

		for (const uint8_t *p = r.rejects.ptr; *p != '\0'; p++)
			n += *p == '\n';
		assert_string_equal((char *)r.items.ptr,
				    I("\"a\":{\"N\":\"1\"}")
				    I("\"a\":{\"N\":\"2\"}"));
		assert_int_equal(n, BAD[i].rejects);
		assert_int_equal(r.rc, 0);
	}
}

static void
deep_items_are_refused_and_passed_over(void **state)
{
	char text[2000], *p = text;

	(void)state;
	p += snprintf(p, 100, "{\"a\":");
	for (int i = 0; i < 33; i++)
		*p++ = '[';
	for (int i = 0; i < 33; i++)
		*p++ = ']';
	snprintf(p, 100, "}\n{\"a\":1}\n");
	const struct readall r = take(&plainjson_format, NULL, text);
	assert_string_equal((char *)r.rejects.ptr,
			    "1:38: nested deeper than 32 levels\n");
	assert_string_equal((char *)r.items.ptr, I("\"a\":{\"N\":\"1\"}"));

	/* 32 levels are good. */
	memmove(text + 5, text + 6, strlen(text + 6) + 1);
	char *const close = strchr(text, ']');
	memmove(close, close + 1, strlen(close));
	assert_string_equal((char *)take(&plainjson_format, NULL,
					 text).rejects.ptr, "");
}

static void
arrays_that_are_cut_short_are_damage(void **state)
{
	static const char *const CUT[] = { "[", "[{\"a\":1}", "[{\"a\":1},",
					   "[{\"a\":1},{\"a\"" };

	(void)state;
	for (size_t i = 0; i < sizeof(CUT) / sizeof(CUT[0]); i++) {
		const struct readall r = take(&plainjson_format, NULL, CUT[i]);

		assert_int_equal(r.rc, -1);
		assert_int_equal(r.err.code, ERR_INPUT);
		assert_non_null(strstr(r.err.text, "cut short"));
		assert_string_equal((char *)r.items.ptr, i == 0 ? "" :
				    I("\"a\":{\"N\":\"1\"}"));
	}
}

static void
lines_that_outgrow_their_room_move_with_their_values(void **state)
{
	enum { N = 60000 };
	struct buf text = { 0 };
	struct err err;

	(void)state;
	assert_int_equal(buf_printf(&text, &err, "{\"a\\n\":{\"b\":[\"x\","
				    "[1,true,null]]},\"l\":["), 0);
	for (int i = 0; i < N; i++)
		assert_int_equal(buf_printf(&text, &err, "%s1",
					    i > 0 ? "," : ""), 0);
	assert_int_equal(buf_printf(&text, &err, "]}"), 0);

	struct readall r = readall_of(&plainjson_format, NULL, buf_span(&text),
				      0);
	assert_string_equal((char *)r.rejects.ptr, "");
	assert_int_equal(strncmp((char *)r.items.ptr, "{\"Item\":{\"a\\n\":"
				 "{\"M\":{\"b\":{\"L\":[{\"S\":\"x\"},{\"L\":["
				 "{\"N\":\"1\"},{\"BOOL\":true},{\"NULL\":true}"
				 "]}]}}},\"l\":{\"L\":[{\"N\":\"1\"},{", 102),
			 0);
	assert_int_equal(r.items.len, 10 * N - 1 + 106);
	readall_free(&r);
	buf_free(&text);
}

/* ---- typed --------------------------------------------------------------- */

static void
typed_items_are_what_they_say(void **state)
{
	static const char ALL[] =
		"\"s\":{\"S\":\"x\"},\"n\":{\"N\":\"-1.50\"},\"b\":{\"B\":"
		"\"aGVsbG8=\"},\"t\":{\"BOOL\":true},\"f\":{\"BOOL\":false},"
		"\"z\":{\"NULL\":true},\"m\":{\"M\":{\"x\":{\"S\":\"y\"},"
		"\"e\":{\"M\":{}}}},\"l\":{\"L\":[{\"S\":\"1\"},{\"L\":[]}]},"
		"\"ss\":{\"SS\":[\"a\",\"b\"]},\"ns\":{\"NS\":[\"1\",\"2\"]},"
		"\"bs\":{\"BS\":[\"AA==\",\"AAA=\"]}";
	char text[1000], want[1000];

	(void)state;
	snprintf(text, sizeof(text), "{%s}\n", ALL);
	snprintf(want, sizeof(want), "{\"Item\":{%s}}\n", ALL);
	gives(&typedjson_format, text, want);
	gives(&typedjson_format, "[ { \"a\" : { \"S\" : \"x\" } , \"b\" : {"
	      "\n\"SS\"\n:\n[\n\"1\"\n]\n}\n}\n]",
	      I("\"a\":{\"S\":\"x\"},\"b\":{\"SS\":[\"1\"]}"));
}

static void
typed_items_must_fit_their_types(void **state)
{
	static const struct { const char *text, *why; } BAD[] = {
		{ "{\"a\":1}", "1:6: '1' where '{' should be\n" },
		{ "{\"a\":{}}", "1:7: '}' where a type in quotes should be\n" },
		{ "{\"a\":{\"X\":1}}", "1:8: 'X' is not a DynamoDB type (S, N, "
		  "B, BOOL, NULL, M, L, SS, NS, BS)\n" },
		{ "{\"a\":{\"N\":1}}", "1:11: '1' where a string in quotes "
		  "should be\n" },
		{ "{\"a\":{\"N\":\"x\"}}", "1:12: 'x' is not a number\n" },
		{ "{\"a\":{\"NULL\":false}}", "1:14: 'f' where true should "
		  "be\n" },
		{ "{\"a\":{\"S\":\"x\",\"N\":\"1\"}}", "1:14: ',' where '}' "
		  "should be\n" },
		{ "{\"a\":{\"SS\":[]}}", "1:13: a set must not be empty\n" },
		{ "{\"a\":{\"SS\":[\"x\",\"\\u0078\"]}}",
		  "1:25: a set member stands twice\n" },
		{ "{\"a\":{\"B\":\"x\"}}", "1:12: invalid base64\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
		const struct readall r = take(&typedjson_format, NULL,
					      BAD[i].text);

		assert_string_equal((char *)r.rejects.ptr, BAD[i].why);
		assert_string_equal((char *)r.items.ptr, "");
	}
}

/* ---- scan ---------------------------------------------------------------- */

#define ONE I("\"a\":{\"S\":\"1\"}")
#define TWO I("\"a\":{\"S\":\"2\"}")

static void
pages_of_a_scan_are_read_item_by_item(void **state)
{
	static const char *const SHAPES[] = {
		"{\"Items\":[{\"a\":{\"S\":\"1\"}},{\"a\":{\"S\":\"2\"}}],"
		"\"Count\":2,\"ScannedCount\":9,\"ConsumedCapacity\":null}",
		"{\"Count\":1,\"Items\":[{\"a\":{\"S\":\"1\"}}],"
		"\"LastEvaluatedKey\":{\"a\":{\"S\":\"1\"}}}\n"
		"{\"Items\":[{\"a\":{\"S\":\"2\"}}],\"Count\":1}\n"
		"{\"Items\":[],\"Count\":0}",
		"{\n    \"Items\": [\n        {\n            \"a\": {\n"
		"                \"S\": \"1\"\n            }\n        },\n"
		"        {\n            \"a\": {\n                \"S\": \"2\"\n"
		"            }\n        }\n    ],\n    \"Count\": 2\n}\n",
		"[{\"Items\":[{\"a\":{\"S\":\"1\"}}]},{\"Items\":"
		"[{\"a\":{\"S\":\"2\"}}]}]",
		"{\"Items\":[{\"a\":\"1\"},{\"a\":\"2\"}],\"Count\":2}",
		"{\"Item\":{\"a\":{\"S\":\"1\"}},\"reason\":\"x\",\"line\":1}\n"
		"{\"line\":2,\"Item\":{\"a\":{\"S\":\"2\"}}}\n",
		"{\"Items\":[{\"a\":{\"S\":\"1\"}},{\"a\":{\"S\":\"2\"}}],"
		"\"Count\":7,\"NextToken\":\"eyJ\"}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(SHAPES) / sizeof(SHAPES[0]); i++)
		gives(&scanjson_format, SHAPES[i], ONE TWO);
}

static void
pages_that_miscount_or_do_not_end_are_damage(void **state)
{
	static const struct { const char *text, *why; } BAD[] = {
		{ "\n{\"Items\":[{\"a\":{\"S\":\"1\"}}],\"Count\":2}",
		  "the page that begins in line 2 has 1 item, and says "
		  "'Count': 2" },
		{ "{\"Items\":[{\"a\":{\"S\":\"1\"}}],\"Count\":0}",
		  "the page that begins in line 1 has 1 item, and says "
		  "'Count': 0" },
		{ "{\"Items\":[{\"a\":{\"S\":\"1\"}}",
		  "the page that begins in line 1 does not end: the file is "
		  "cut short" },
		{ "{\"Items\":[{\"a\":{\"S\":\"1\"}}]",
		  "the page that begins in line 1 does not end: the file is "
		  "cut short" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
		const struct readall r = take(&scanjson_format, NULL,
					      BAD[i].text);

		assert_int_equal(r.rc, -1);
		assert_string_equal(r.err.text, BAD[i].why);
		assert_string_equal((char *)r.items.ptr, ONE);
		assert_string_equal((char *)r.rejects.ptr, "");
	}
}

static void
bad_items_of_pages_are_rejected_alone(void **state)
{
	static const struct { const char *text, *why; } BAD[] = {
		{ "{\"Items\":[{\"a\":{\"S\":\"1\"}},{\"a\":{\"S\":7}},"
		  "{\"a\":{\"S\":\"2\"}}],\"Count\":3}",
		  "1:37: '7' where a string in quotes should be\n" },
		{ "{\"Items\":[{\"a\":{\"S\":\"1\"}},{\"a\":{\"S\":\"x}},{}]}\n"
		  "{\"Items\":[{\"a\":{\"S\":\"2\"}}]}\n",
		  "1:46: a string that does not end\n" },
		{ "{\"Item\":{\"a\":{\"S\":\"1\"}}}\n{\"raw\":\"eA==\","
		  "\"reason\":\"x\"}\n{\"Item\":{\"a\":{\"S\":\"2\"}}}\n",
		  "2:27: an object with neither 'Items' nor 'Item' in it\n" },
		{ "{\"Item\":{\"a\":{\"S\":\"1\"}}}\n{\"Item\":{\"a\":{\"S\":1}"
		  "}}\n{\"Item\":{\"a\":{\"S\":\"2\"}}}\n",
		  "2:19: '1' where a string in quotes should be\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
		const struct readall r = take(&scanjson_format, NULL,
					      BAD[i].text);

		assert_string_equal((char *)r.rejects.ptr, BAD[i].why);
		assert_string_equal((char *)r.items.ptr, ONE TWO);
		assert_int_equal(r.rc, 0);
	}
}

/* ---- requests ------------------------------------------------------------ */

#define PUT(attributes) "{\"PutRequest\":{\"Item\":{" attributes "}}}"
#define PUT_ONE PUT("\"a\":{\"S\":\"1\"}")
#define PUT_TWO PUT("\"a\":{\"S\":\"2\"}")

static void
requests_to_put_are_items(void **state)
{
	(void)state;
	gives(&batchwrite_format, "{\"T\":[" PUT_ONE ",\n" PUT_TWO "]}\n",
	      ONE TWO);
	gives(&batchwrite_format, "{\"T\":[" PUT_ONE "]}{\"T\":[" PUT_TWO
	      "]}", ONE TWO);
	gives(&batchwrite_format, " {\n \"T\" : [ { \"PutRequest\" : {\n"
	      "\"Item\" : {\"a\":{\"S\":\"1\"}} } } ]\n}\n", ONE);
	gives(&batchwrite_format, "{\"T\":[]}", "");
	assert_string_equal((char *)take(&batchwrite_format, NULL, "{\"T\":["
		PUT_ONE ",\n" PUT_TWO "]}").places.ptr, "1@6 2@47 ");
}

static void
bad_requests_are_rejected_alone(void **state)
{
	static const struct { const char *text, *why; } BAD[] = {
		{ "{\"DeleteRequest\":{\"Key\":{}}}",
		  "1:48: a request to delete is no item\n" },
		{ "{\"Put\":1}",
		  "1:48: 'Put' where 'PutRequest' should be\n" },
		{ "{\"PutRequest\":{\"Key\":{}}}",
		  "1:62: 'Key' where 'Item' should be\n" },
		{ "{\"PutRequest\":{\"Item\":{\"a\":{\"N\":\"x\"}}}}",
		  "1:80: 'x' is not a number\n" },
		{ "{\"PutRequest\":{\"Item\":{},\"x\":1}}",
		  "1:71: ',' where '}' should be\n" },
		{ "7", "1:47: '7' where '{' of an item should be\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
		char text[256];

		snprintf(text, sizeof(text), "{\"T\":[" PUT_ONE ",%s,"
			 PUT_TWO "]}", BAD[i].text);
		const struct readall r = take(&batchwrite_format, NULL, text);

		assert_string_equal((char *)r.rejects.ptr, BAD[i].why);
		assert_string_equal((char *)r.items.ptr, ONE TWO);
		assert_int_equal(r.rc, 0);
	}
}

static void
requests_are_of_one_table(void **state)
{
	struct readall r;

	(void)state;
	r = take(&batchwrite_format, NULL, "{\"T\":[" PUT_ONE "],\"U\":["
		 PUT_TWO "]}\n{\"T\":[" PUT_TWO "]}");
	assert_string_equal((char *)r.rejects.ptr, "1:53: a request for another "
			    "table than 'T', which those before are for: put "
			    "it into a file of its own\n");
	assert_string_equal((char *)r.items.ptr, ONE TWO);
}

static void
a_request_that_does_not_end_is_damage(void **state)
{
	struct readall r;

	(void)state;
	r = take(&batchwrite_format, NULL, "{\"T\":[" PUT_ONE);
	assert_int_equal(r.rc, -1);
	assert_non_null(strstr(r.err.text, "cut short"));
}

/* ---- telling them apart -------------------------------------------------- */

static void
the_first_item_tells_the_format(void **state)
{
	static const struct {
		const struct item_format *format;
		const char *text;
	} FILES[] = {
		{ &ddbjson_format, "{\"Item\":{\"a\":{\"S\":\"x\"}}}\n" },
		{ &ddbjson_format, "{\"Item\":{\"M\":{\"S\":\"x\"}}}\n" },
		{ &ddbjson_format, "{\"Item\":{\"a\":" },
		{ &plainjson_format, "{\"id\":\"1\"}\n" },
		{ &plainjson_format, "[{\"id\":{\"x\":\"1\"}}]" },
		{ &plainjson_format, "{}" },
		{ &plainjson_format, " [ ]" },
		{ &plainjson_format, "{\"a\":{\"S\":\"1\"},\"b\":2}" },
		{ &plainjson_format, "{\"a\":{\"S\":\"1\",\"N\":\"1\"}}" },
		{ &plainjson_format, "{\"a\":{\"S\":1}}" },
		{ &typedjson_format, "{\"n\":{\"N\":1},\"a\":{\"S\":\"1\"}}" },
		{ &typedjson_format, "{\"a\":{\"S\":\"1\"" },
		{ &plainjson_format, "{\"order\":1,\"Items\":[{\"x\":1}]}" },
		{ &plainjson_format, "{\"Items\":[1,2]}" },
		{ &plainjson_format, "{\"Items\":\"none\"}" },
		{ &typedjson_format, "{\"id\":{\"S\":\"1\"}}\n" },
		{ &typedjson_format, "[{},{\"id\" : {\"S\" : \"1\"}}]\n" },
		{ &typedjson_format, "{\"id\":{\"S\":\"1\"},\"x\":{\"M\":{" },
		{ &scanjson_format, "{\"Items\":[{\"a\":{\"S\":\"1\"}}" },
		{ &scanjson_format, "{\"Items\":[],\"Count\":0}" },
		{ &scanjson_format, "{\n\"Count\": 1, \"Items\": [ {" },
		{ &scanjson_format, "{\"Item\":{\"a\":{\"S\":\"1\"}},\"reason\""
		  ":\"x\"}" },
		{ &scanjson_format, "{\n  \"Item\": {\n    \"a\": {\n" },
		{ &scanjson_format, "{\"raw\":\"eA==\",\"reason\":\"x\"}" },
		{ &batchwrite_format, "{\"T\":[{\"PutRequest\":{" },
		{ &batchwrite_format, "{ \"T\" : [\n{\"DeleteRequest\":{" },
		{ &plainjson_format, "{\"T\":[{\"PutRequest\":1}]}" },
		{ NULL, "id,title\n" }, { NULL, "7" }, { NULL, "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(FILES) / sizeof(FILES[0]); i++) {
		const struct item_format *const f = item_format_of(
			span_of(FILES[i].text));

		assert_string_equal(f != NULL ? f->name : "none",
				    FILES[i].format != NULL
				    ? FILES[i].format->name : "none");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_values_get_the_types_that_they_look_like),
		cmocka_unit_test(items_come_in_lines_arrays_and_any_white_space),
		cmocka_unit_test(items_know_their_lines_and_places),
		cmocka_unit_test(types_say_what_plain_json_cannot),
		cmocka_unit_test(what_does_not_fit_its_type_is_refused),
		cmocka_unit_test(types_that_contradict_are_refused),
		cmocka_unit_test(bad_items_are_rejected_with_line_and_byte),
		cmocka_unit_test(reading_goes_on_at_the_next_item),
		cmocka_unit_test(deep_items_are_refused_and_passed_over),
		cmocka_unit_test(arrays_that_are_cut_short_are_damage),
		cmocka_unit_test(
			lines_that_outgrow_their_room_move_with_their_values),
		cmocka_unit_test(typed_items_are_what_they_say),
		cmocka_unit_test(typed_items_must_fit_their_types),
		cmocka_unit_test(pages_of_a_scan_are_read_item_by_item),
		cmocka_unit_test(pages_that_miscount_or_do_not_end_are_damage),
		cmocka_unit_test(bad_items_of_pages_are_rejected_alone),
		cmocka_unit_test(requests_to_put_are_items),
		cmocka_unit_test(bad_requests_are_rejected_alone),
		cmocka_unit_test(requests_are_of_one_table),
		cmocka_unit_test(a_request_that_does_not_end_is_damage),
		cmocka_unit_test(the_first_item_tells_the_format),
	};

	return cmocka_run_group_tests_name("dumpjson", tests, NULL, NULL);
}
