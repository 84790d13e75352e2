/* test_ddbjson.c - lines of DynamoDB JSON in and out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/cpu.h"
#include "base/decimal.h"
#include "base/err.h"
#include "formats/ddbjson.h"
#include "formats/ddbjson_internal.h"
#include "model/batch.h"

static struct ddbjson *reader;
static struct batch batch;
static struct buf text;

/*
 * Decode all of `lines` as one block.  What can be read behind it is made to
 * look like more of an item, so that reading on shows.
 */
static void
decode(const char *lines)
{
	static char block[1 << 20];
	const size_t len = strlen(lines);
	struct err err = { 0 };
	size_t used;

	assert_true(len + DDBJSON_SLACK < sizeof(block));
	memset(block, '}', sizeof(block));
	memcpy(block, lines, len);
	batch_reset(&batch);
	ddbjson_rewind(reader);
	assert_int_equal(ddbjson_decode(reader, (struct span){
				(const uint8_t *)block, len }, true, &batch,
				&used, &err), 0);
	assert_int_equal(used, len);
}

static const char *
encoded(void)
{
	struct err err = { 0 };

	buf_reset(&text);
	assert_int_equal(ddbjson_encode(batch.items, batch.nitems, &text,
					&err), 0);
	assert_non_null(buf_reserve(&text, 1, &err));
	text.ptr[text.len] = '\0';
	return (const char *)text.ptr;
}

/* Clear VALUE_RAW all the way down, so that everything is written anew. */
static void
touch(struct value *v)
{
	v->flags &= (uint8_t)~(v->type == VALUE_NAME ? 0 : VALUE_RAW);
	if (v->type == VALUE_S)
		v->flags |= 0;
	if (!value_is_container(v))
		return;
	for (uint32_t i = 0; i < v->len; i++)
		touch(&v->kids[i]);
}

static const char *const GOOD[] = {
	"{\"Item\":{}}\n",
	"{\"Item\":{\"a\":{\"S\":\"\"}}}\n",
	"{\"Item\":{\"a\":{\"S\":\"x\"},\"b\":{\"N\":\"-1.50\"},"
	"\"c\":{\"B\":\"aGVsbG8=\"},"
	"\"d\":{\"BOOL\":true},\"e\":{\"BOOL\":false},\"f\":{\"NULL\":true},"
	"\"g\":{\"M\":{\"x\":{\"S\":\"y\"},\"z\":{\"M\":{}}}},\"h\":{\"L\":[]},"
	"\"i\":{\"L\":[{\"S\":\"1\"},{\"L\":[{\"N\":\"2\"}]},{\"NULL\":true}]},"
	"\"j\":{\"SS\":[\"a\",\"b\"]},\"k\":{\"NS\":[\"1\",\"2.5\"]},"
	"\"l\":{\"BS\":[\"AA==\",\"AAA=\",\"AAAA\"]}}}\n",
	"{\"Item\":{\"name \\u0041\\n\":{\"S\":\""
	"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83c\\udfe0\"}}}\n",
	"{\"Item\":{\"é✓🏠\":{\"S\":\"é✓🏠\"},"
	"\"DEL\x7f\":{\"SS\":[\"é\",\"\\u00e8\"]}}}\n",
	"{\"Item\":{\"n\":{\"N\":\"1E-130\"},"
	"\"o\":{\"N\":\"99999999999999999999999999999999999999\"}}}\n",
	"{\"Item\":{\"b\":{\"B\":\"a\\/b+\"}}}\n",
	"{\"Item\":{\"a\":{\"S\":\"{\\\"Item\\\":{}}\"}}}\n"
	"{\"Item\":{\"b\":{\"S\":\"}}\"}}}\n",
};
enum { NGOOD = sizeof(GOOD) / sizeof(GOOD[0]) };

static void
untouched_items_come_out_byte_for_byte(void **state)
{
	(void)state;
	for (int i = 0; i < NGOOD; i++) {
		decode(GOOD[i]);
		assert_int_equal(batch.nrejects, 0);
		assert_string_equal(encoded(), GOOD[i]);
	}
}

static void
stretches_are_copied_where_only_the_item_was_touched(void **state)
{
	(void)state;
	for (int i = 0; i < NGOOD; i++) {
		decode(GOOD[i]);
		for (uint32_t k = 0; k < batch.nitems; k++)
			batch.items[k].map.flags = 0;
		assert_string_equal(encoded(), GOOD[i]);
	}
}

static void
values_are_written_anew_where_all_was_touched(void **state)
{
	static const int PLAIN[] = { 0, 1, 2, 5 };	/* of GOOD: no escapes */

	(void)state;
	for (int i = 0; i < 4; i++) {
		decode(GOOD[PLAIN[i]]);
		for (uint32_t k = 0; k < batch.nitems; k++)
			touch(&batch.items[k].map);
		assert_string_equal(encoded(), GOOD[PLAIN[i]]);
	}
}

static void
text_not_from_input_is_escaped(void **state)
{
	struct err err = { 0 };

	(void)state;
	buf_reset(&text);
	assert_int_equal(ddbjson_encode_text(
		span_of("a\"b\\c\n\r\t\b\f\x01/é"), &text, &err), 0);
	const char *const want =
		"\"a\\\"b\\\\c\\n\\r\\t\\b\\f\\u0001/é\"";
	assert_int_equal(text.len, strlen(want));
	assert_memory_equal(text.ptr, want, text.len);
}

static void
white_space_between_tokens_is_dropped(void **state)
{
	(void)state;
	decode("\t{ \"Item\" : { \"a b\" : { \"S\" : \"x  y\\\" \" } ,\r"
	       " \"l\": {\"L\": [ {\"N\": \"1\" }, {\"SS\": [ \"q\" ]} ]}}} \r\n"
	       "\n \t \r\n{\"Item\":{}}");
	assert_int_equal(batch.nrejects, 0);
	assert_string_equal(encoded(),
		"{\"Item\":{\"a b\":{\"S\":\"x  y\\\" \"},"
		"\"l\":{\"L\":[{\"N\":\"1\"},{\"SS\":[\"q\"]}]}}}\n"
		"{\"Item\":{}}\n");
	assert_int_equal(ddbjson_blank_lines(reader), 2);
	assert_int_equal(batch.items[1].number, 4);
}

static void
a_byte_order_mark_before_the_first_line_is_dropped(void **state)
{
	(void)state;
	decode("\xEF\xBB\xBF{\"Item\":{}}\n");
	assert_int_equal(batch.nitems, 1);
	decode("{\"Item\":{}}\n\xEF\xBB\xBF{\"Item\":{}}\n");
	assert_int_equal(batch.nrejects, 1);
}

static const struct {
	const char *line;
	uint64_t at;
	const char *why;
} BAD[] = {
	{ "x", 0, "not an item: the line should begin with {\"Item\":{" },
	{ "{}", 0, "not an item: the line should begin with {\"Item\":{" },
	{ "{\"id\":{\"S\":\"1\"}}", 0,
	  "not an item: the line should begin with {\"Item\":{" },
	{ "{\"Item\":[]}", 8, "'[' where '{' should be" },
	{ "{\"Item\":{", 9, "the line ends where an attribute name in quotes "
	  "should be" },
	{ "{\"Item\":{}", 10, "the line ends where '}' should be" },
	{ "{\"Item\":{}}x", 11, "more text after the item" },
	{ "{\"Item\":{}}{\"Item\":{}}", 11, "more text after the item" },
	{ "{\"Item\":{},\"x\":1}", 10, "',' where '}' should be" },
	{ "{\"Item\":{\"a\":{\"S\":\"x\"},}}", 23,
	  "'}' where an attribute name in quotes should be" },
	{ "{\"Item\":{\"a\":{\"S\":\"x\"}\"b\":{\"S\":\"y\"}}}", 22,
	  "'\"' where ',' or '}' should be" },
	{ "{\"Item\":{\"a\":{\"S\":\"x\"", 21,
	  "the line ends where '}' should be" },
	{ "{\"Item\":{\"a\":{\"S\":\"x", 18, "a string that does not end" },
	{ "{\"Item\":{\"a\":{\"S\":x}}}", 18,
	  "'x' where a string in quotes should be" },
	{ "{\"Item\":{\"a\":{\"N\":1}}}", 18,
	  "'1' where a string in quotes should be" },
	{ "{\"Item\":{\"a\":\"x\"}}", 13, "'\"' where '{' should be" },
	{ "{\"Item\":{\"a\":{}}}", 14, "'}' where a type in quotes should be" },
	{ "{\"Item\":{\"a\":{\"X\":\"x\"}}}", 15,
	  "'X' is not a DynamoDB type (S, N, B, BOOL, NULL, M, L, SS, NS, BS)" },
	{ "{\"Item\":{\"a\":{\"s\":\"x\"}}}", 15,
	  "'s' is not a DynamoDB type (S, N, B, BOOL, NULL, M, L, SS, NS, BS)" },
	{ "{\"Item\":{\"a\":{\"S\":\"x\",\"N\":\"1\"}}}", 21,
	  "',' where '}' should be" },
	{ "{\"Item\":{\"a\":{\"BOOL\":1}}}", 21,
	  "'1' where true or false should be" },
	{ "{\"Item\":{\"a\":{\"BOOL\":truE}}}", 21,
	  "'t' where true or false should be" },
	{ "{\"Item\":{\"a\":{\"BOOL\":t \true}}}", 21,
	  "'t' where true or false should be" },
	{ "{\"Item\":{\"a\":{\"BOOL\":fals\re}}}", 21,
	  "'f' where true or false should be" },
	{ "{\"Item\":{\"a\":{\"NULL\":false}}}", 21,
	  "'f' where true should be" },
	{ "{\"Item\":{\"a\":{\"N\":\"\"}}}", 19, NULL },
	{ "{\"Item\":{\"a\":{\"N\":\"1e\"}}}", 19, NULL },
	{ "{\"Item\":{\"a\":{\"N\":\"0x10\"}}}", 19, NULL },
	{ "{\"Item\":{\"a\":{\"N\":\" 1\"}}}", 19, NULL },
	{ "{\"Item\":{\"a\":{\"N\":\"1.2.3\"}}}", 19, NULL },
	{ "{\"Item\":{\"a\":{\"N\":\"--1\"}}}", 19, NULL },
	{ "{\"Item\":{\"a\":{\"N\":\"NaN\"}}}", 19, NULL },
	{ "{\"Item\":{\"a\":{\"N\":\"123456789012345678901234567890123456789\"}}}",
	  19, NULL },
	{ "{\"Item\":{\"a\":{\"N\":\"1E126\"}}}", 19, NULL },
	{ "{\"Item\":{\"a\":{\"B\":\"a\"}}}", 19, "invalid base64" },
	{ "{\"Item\":{\"a\":{\"B\":\"a_b=\"}}}", 19, "invalid base64" },
	{ "{\"Item\":{\"a\":{\"SS\":[]}}}", 20, "a set must not be empty" },
	{ "{\"Item\":{\"a\":{\"SS\":[\"x\",\"x\"]}}}", 25,
	  "a set member stands twice" },
	{ "{\"Item\":{\"a\":{\"SS\":[\"x\",\"\\u0078\"]}}}", 25,
	  "a set member stands twice" },
	{ "{\"Item\":{\"a\":{\"NS\":[\"1\",\"1.0\"]}}}", 25,
	  "a set member stands twice" },
	{ "{\"Item\":{\"a\":{\"BS\":[\"AA==\",\"AA==\"]}}}", 28,
	  "a set member stands twice" },
	{ "{\"Item\":{\"a\":{\"SS\":[\"x\",]}}}", 24,
	  "']' where a set member's quote should be" },
	{ "{\"Item\":{\"a\":{\"SS\":[1]}}}", 20,
	  "'1' where a set member's quote should be" },
	{ "{\"Item\":{\"a\":{\"NS\":[\"x\"]}}}", 21, NULL },
	{ "{\"Item\":{\"a\":{\"L\":[{\"S\":\"x\"}}}}", 28,
	  "'}' where ',' or ']' should be" },
	{ "{\"Item\":{\"a\":{\"M\":{\"\":{\"S\":\"x\"}}}}}", 19,
	  "an attribute name must not be empty" },
	{ "{\"Item\":{\"a\":{\"S\":\"x\"},\"a\":{\"S\":\"y\"}}}", 24,
	  "attribute 'a' stands twice" },
	{ "{\"Item\":{\"a\":{\"S\":\"x\"},\"\\u0061\":{\"S\":\"y\"}}}", 24,
	  "attribute 'a' stands twice" },
	{ "{\"Item\":{\"m\":{\"M\":{\"a\":{\"S\":\"x\"},\"a\":{\"S\":\"y\"}}}}}", 34,
	  "attribute 'a' stands twice" },
	{ "{\"Item\":{\"a\":{\"S\":\"\\x\"}}}", 19, "invalid escape in a string" },
	{ "{\"Item\":{\"a\":{\"S\":\"\\u12g4\"}}}", 19,
	  "invalid escape in a string" },
	{ "{\"Item\":{\"a\":{\"S\":\"\\ud800\"}}}", 19,
	  "invalid escape in a string" },
	{ "{\"Item\":{\"a\":{\"S\":\"\\udc00\\ud800\"}}}", 19,
	  "invalid escape in a string" },
	{ "{\"Item\":{\"a\":{\"S\":\"a\tb\"}}}", 20,
	  "a control character (0x09) that is not escaped" },
	{ "{\"Item\":{\"a\":{\"S\":\"\xC3\"}}}", 19, "invalid UTF-8" },
	{ "{\"Item\":{\"a\":{\"S\":\"\xED\xA0\x80\"}}}", 19, "invalid UTF-8" },
	{ "{ \"Item\" : { \"a\" : { \"X\" : 1 } } }", 22,
	  "'X' is not a DynamoDB type (S, N, B, BOOL, NULL, M, L, SS, NS, BS)" },
	{ "null", 0, "not an item: the line should begin with {\"Item\":{" },
};
enum { NBAD = sizeof(BAD) / sizeof(BAD[0]) };

static void
text_of_any_bytes_becomes_a_json_string(void **state)
{
	static const char BYTES[] = "a\xFF\"\xC3\xA9\xE2\x82";
	struct err err = { 0 };

	(void)state;
	buf_reset(&text);
	assert_int_equal(ddbjson_encode_text(span_of(BYTES), &text, &err), 0);
	assert_non_null(buf_reserve(&text, 1, &err));
	text.ptr[text.len] = '\0';
	assert_string_equal((const char *)text.ptr, "\"a\xEF\xBF\xBD\\\""
			    "\xC3\xA9\xEF\xBF\xBD\xEF\xBF\xBD\"");
}

static void
bad_lines_are_rejects_with_place_and_reason(void **state)
{
	char lines[4096];

	(void)state;
	for (int i = 0; i < NBAD; i++) {
		/* Among good ones, and last without a line end. */
		snprintf(lines, sizeof(lines), "%s%s\n%s%s", GOOD[2],
			 BAD[i].line, GOOD[3], BAD[i].line);
		decode(lines);
		if (batch.nitems != 2 || batch.nrejects != 2)
			print_message("line: %s\n", BAD[i].line);
		assert_int_equal(batch.nitems, 2);
		assert_int_equal(batch.nrejects, 2);
		for (int k = 0; k < 2; k++) {
			const struct reject *const r = &batch.rejects[k];

			if (BAD[i].why != NULL &&
			    strcmp(r->why.text, BAD[i].why) != 0)
				print_message("line: %s\n", BAD[i].line);
			if (BAD[i].why != NULL)
				assert_string_equal(r->why.text, BAD[i].why);
			else
				assert_true(strlen(r->why.text) > 8);
			if (r->at != BAD[i].at)
				print_message("line: %s\n", BAD[i].line);
			assert_int_equal(r->at, BAD[i].at);
			assert_int_equal(r->number, k == 0 ? 2 : 4);
			assert_int_equal(r->line.len, strlen(BAD[i].line));
			assert_memory_equal(r->line.ptr, BAD[i].line,
					    r->line.len);
		}
		assert_string_equal(encoded() + strlen(GOOD[2]), GOOD[3]);
	}
}

/* Lists in lists around a value: `depth` containers. */
static void
nest(char *to, size_t size, int depth)
{
	size_t n = (size_t)snprintf(to, size, "{\"Item\":{\"a\":");

	for (int i = 0; i < depth; i++)
		n += (size_t)snprintf(to + n, size - n, i % 2 == 0
				      ? "{\"L\":[" : "{\"M\":{\"k\":");
	n += (size_t)snprintf(to + n, size - n, "{\"N\":\"1\"}");
	for (int i = depth - 1; i >= 0; i--)
		n += (size_t)snprintf(to + n, size - n, i % 2 == 0
				      ? "]}" : "}}");
	snprintf(to + n, size - n, "}}\n");
}

/* Most numbers are judged without asking decimal_check(). */
static void
numbers_are_judged_as_decimals(void **state)
{
	static const char OF[] = "0123456789012345678901234567....--+eE\x80 :/";
	uint32_t seed = 7;
	unsigned good = 0;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		char number[24], line[80];
		struct err err;
		size_t n = 0;

		for (size_t len = (seed >> 8) % 20; n < len; n++) {
			/* The further, the more digits: or few are good. */
			seed = seed * 1664525 + 1013904223;
			number[n] = OF[(seed >> 16) % (n % 4 == 0 ? 40 : 30)];
		}
		seed = seed * 1664525 + 1013904223;
		const bool is_good = decimal_check((struct span){
				(const uint8_t *)number, n }, &err) == 0;
		snprintf(line, sizeof(line), "{\"Item\":{\"a\":{\"N\":\"%.*s\"}}}",
			 (int)n, number);
		decode(line);
		assert_int_equal(batch.nitems, is_good);
		good += is_good;
	}
	assert_in_range(good, 2000, 18000);
}

static void
items_nest_thirty_two_levels_and_no_more(void **state)
{
	char line[2048];

	(void)state;
	nest(line, sizeof(line), 32);
	decode(line);
	assert_int_equal(batch.nrejects, 0);
	assert_string_equal(encoded(), line);
	batch.items[0].map.flags = 0;
	touch(&batch.items[0].map);
	assert_string_equal(encoded(), line);

	nest(line, sizeof(line), 33);
	decode(line);
	assert_int_equal(batch.nrejects, 1);
	assert_string_equal(batch.rejects[0].why.text,
			    "nested deeper than 32 levels");
}

static void
many_attributes_and_members_are_told_apart(void **state)
{
	enum { N = 5000 };
	static char line[N * 24];
	size_t n;

	(void)state;
	for (int twice = 0; twice < 2; twice++) {
		n = (size_t)snprintf(line, sizeof(line), "{\"Item\":{");
		for (int i = 0; i < N; i++)
			n += (size_t)snprintf(line + n, sizeof(line) - n,
				"%s\"n%d\":{\"NULL\":true}", i > 0 ? "," : "",
				twice && i == N - 1 ? 7 : i);
		snprintf(line + n, sizeof(line) - n, "}}\n");
		decode(line);
		assert_int_equal(batch.nrejects, twice);

		n = (size_t)snprintf(line, sizeof(line),
				     "{\"Item\":{\"s\":{\"NS\":[");
		for (int i = 0; i < N; i++)
			n += (size_t)snprintf(line + n, sizeof(line) - n,
				"%s\"%d\"", i > 0 ? "," : "",
				twice && i == N - 1 ? 7 : i);
		snprintf(line + n, sizeof(line) - n, "]}}}\n");
		decode(line);
		assert_int_equal(batch.nrejects, twice);
	}
}

/* Good lines, joined, changed and cut at random: nothing goes astray. */
static void
damaged_lines_never_do_harm(void **state)
{
	static char lines[8192];
	uint64_t seed = 7;

	(void)state;
	for (int i = 0; i < 60000; i++) {
		size_t n = 0;

		seed = seed * 6364136223846793005u + 1442695040888963407u;
		for (int k = 0; k < 2; k++)
			n += (size_t)snprintf(lines + n, sizeof(lines) - n,
				"%s", GOOD[(seed >> (20 + 8 * k)) % NGOOD]);
		for (uint64_t k = seed >> 60; k > 0; k--) {
			static const char CHARS[] = "\"\\{}[],:\nSNBML0a\x80 ";

			seed = seed * 6364136223846793005u + 1;
			lines[(seed >> 33) % n] =
				CHARS[(seed >> 20) % (sizeof(CHARS) - 1)];
		}
		if (seed % 5 == 0)
			lines[(seed >> 33) % n] = '\0';
		decode(lines);

		/* What was taken can be written and read again, the same. */
		char *const once = strdup(encoded());
		const uint32_t nitems = batch.nitems;
		decode(once);
		assert_int_equal(batch.nitems, nitems);
		assert_int_equal(batch.nrejects, 0);
		assert_string_equal(encoded(), once);
		free(once);
	}
}

static void
blocks_may_end_anywhere(void **state)
{
	const char *const lines = GOOD[7];
	const size_t len = strlen(lines), first = strcspn(lines, "\n");

	(void)state;
	for (size_t cut = 0; cut <= len; cut++) {
		char block[512] = { 0 };
		struct err err = { 0 };
		size_t used;

		memcpy(block, lines, cut);
		batch_reset(&batch);
		ddbjson_rewind(reader);
		assert_int_equal(ddbjson_decode(reader, (struct span){
				(const uint8_t *)block, cut }, false, &batch,
				&used, &err), 0);
		assert_int_equal(used, cut <= first ? 0
				 : cut < len ? first + 1 : len);
		assert_int_equal(batch.nrejects, 0);
	}
}

static void
many_lines_come_in_batches(void **state)
{
	enum { LINES = 2 * DDBJSON_MAX_LINES + 1 };
	static char block[2 * LINES + DDBJSON_SLACK];
	struct err err = { 0 };
	size_t at = 0, used;

	(void)state;
	for (size_t i = 0; i < LINES; i++)
		memcpy(block + 2 * i, "x\n", 2);
	ddbjson_rewind(reader);
	for (int i = 0; i < 3; i++) {
		batch_reset(&batch);
		assert_int_equal(ddbjson_decode(reader, (struct span){
				(const uint8_t *)block + at,
				2 * LINES - 1 - at }, true, &batch, &used,
				&err), 0);
		at += used;
		assert_int_equal(batch.nrejects, i < 2 ? DDBJSON_MAX_LINES : 1);
		assert_int_equal(batch.rejects[batch.nrejects - 1].number,
				 i < 2 ? (i + 1) * DDBJSON_MAX_LINES : LINES);
	}
	assert_int_equal(at, 2 * LINES - 1);
}

/* The same values, pointing to the same places? */
static void
same_values(const struct value *a, const struct value *b)
{
	assert_int_equal(a->type, b->type);
	assert_int_equal(a->flags, b->flags);
	assert_int_equal(a->len, b->len);
	if (a->type == VALUE_NAME)
		assert_int_equal(a->hash, b->hash);
	if (!value_is_container(a)) {
		if (a->type != VALUE_NAME || (a->flags & VALUE_ESC) == 0)
			assert_ptr_equal(a->text, b->text);
		assert_memory_equal(a->text, b->text, a->len);
		return;
	}
	assert_ptr_equal(value_raw(a).ptr, value_raw(b).ptr);
	assert_int_equal(value_raw(a).len, value_raw(b).len);
	for (uint32_t i = 0; i < a->len; i++)
		same_values(&a->kids[i], &b->kids[i]);
}

static uint32_t
dice(uint32_t sides)
{
	static uint64_t seed = 4711;

	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % sides;
}

/* A value of any kind, now and then a wrong one, or one that does not end. */
static size_t
random_value(char *to, size_t size, int depth)
{
	static const char *const VALUES[] = {
		"{\"S\":\"\"}", "{\"S\":\"some text\"}", "{\"S\":\"\\n\\\"\"}",
		"{\"N\":\"1\"}", "{\"N\":\"-12.50\"}", "{\"N\":\"1e5\"}",
		"{\"N\":\"12345678901234567890\"}", "{\"B\":\"AAAA\"}",
		"{\"BOOL\":true}", "{\"BOOL\":false}", "{\"NULL\":true}",
		"{\"SS\":[\"a\",\"b\"]}", "{\"NS\":[\"1\",\"2\"]}",
		"{\"BS\":[\"AA==\"]}", "{\"SS\":[\"\\u0041\"]}",
		"{\"M\":{}}", "{\"L\":[]}",
		"{\"N\":\"\"}", "{\"B\":\"A\"}", "{\"NS\":[\"1\",\"1.0\"]}",
		"{\"S\":\"\\x\"}", "{\"BOOL\":True}", "{\"NULL\":false}",
		"{\"S\":\"a", "{\"X\":\"a\"}", "{\"SS\":[]}",
	};
	enum { GOOD_VALUES = 17, ALL = sizeof(VALUES) / sizeof(VALUES[0]) };
	size_t n;

	if (dice(8) != 0 || depth == 4)
		return (size_t)snprintf(to, size, "%s", VALUES[
			dice(dice(50) == 0 ? ALL : GOOD_VALUES)]);

	const bool is_map = dice(2) == 0;
	n = (size_t)snprintf(to, size, is_map ? "{\"M\":{" : "{\"L\":[");
	for (uint32_t i = 0, many = dice(5); i < many; i++) {
		n += (size_t)snprintf(to + n, size - n, i > 0 ? "," : "");
		if (is_map)
			n += (size_t)snprintf(to + n, size - n, "\"k%u\":",
				dice(40) == 0 ? 0 : i);
		n += random_value(to + n, size - n, depth + 1);
	}
	return n + (size_t)snprintf(to + n, size - n, is_map ? "}}" : "]}");
}

/* Names of many lengths; the larger `names`, the more different ones. */
static size_t
random_item(char *to, size_t size, uint32_t names)
{
	size_t n = (size_t)snprintf(to, size, "{\"Item\":{");

	for (uint32_t i = 0, many = dice(20); i < many; i++) {
		const uint32_t name = dice(300) == 0 ? dice(names)
				: names / 20 * i + dice(names / 20);

		n += (size_t)snprintf(to + n, size - n, "%s\"%.*s%u\":",
			i > 0 ? "," : "", (int)(name * 7 % 31),
			"aFairlyLongNameOfAnAttribute_x_", name);
		n += random_value(to + n, size - n, 1);
	}
	return n + (size_t)snprintf(to + n, size - n, "}}\n");
}

/* The line at `at`, by a reader that has met no other; its length. */
static size_t
decode_alone(const char *at)
{
	const size_t len = strcspn(at, "\n") + 1;
	struct err err;
	struct ddbjson *const d = ddbjson_new(&err);
	size_t used;

	batch_reset(&batch);
	assert_int_equal(ddbjson_decode(d, (struct span){
			(const uint8_t *)at, len }, true, &batch, &used,
			&err), 0);
	ddbjson_free(d);
	return len;
}

/* What was met before must not show: neither in items nor in rejects. */
static void
a_line_is_decoded_alike_alone_and_among_others(void **state)
{
	static char lines[1 << 18];
	static const uint32_t NAMES[] = { 20, 40, 60, 200, 100000 };
	unsigned items = 0, rejects = 0;
	struct batch all = { 0 };

	(void)state;
	for (uint32_t round = 0; round < 400; round++) {
		struct err err;
		size_t n = 0, used;
		uint32_t item = 0, reject = 0;

		for (int i = 0; i < 20; i++)
			n += random_item(lines + n, sizeof(lines) - n,
					 NAMES[round / 16 % 5]);
		assert_true(n + DDBJSON_SLACK < sizeof(lines));
		memset(lines + n, '}', DDBJSON_SLACK);
		batch_reset(&all);
		assert_int_equal(ddbjson_decode(reader, (struct span){
				(uint8_t *)lines, n }, true, &all, &used,
				&err), 0);
		for (size_t at = 0; at < n;) {
			at += decode_alone(lines + at);
			if (batch.nitems == 1) {
				assert_true(item < all.nitems);
				same_values(&batch.items[0].map,
					    &all.items[item++].map);
				continue;
			}
			const struct reject *const r = &all.rejects[reject++];

			assert_true(reject <= all.nrejects);
			assert_int_equal(batch.rejects[0].at, r->at);
			assert_string_equal(batch.rejects[0].why.text,
					    r->why.text);
		}
		assert_int_equal(item, all.nitems);
		assert_int_equal(reject, all.nrejects);
		items += item;
		rejects += reject;
	}
	batch_free(&all);
	assert_in_range(items, 3000, 7700);
	assert_in_range(rejects, 300, 5000);
}

/* The short way through a line takes nothing that the long way would not. */
static void
plain_lines_are_walked_alike(void **state)
{
	static uint8_t line[1 << 16];
	struct scan scan = { 0 };
	unsigned plain = 0;
	struct err err;
	struct ddbjson *const d = ddbjson_new(&err);

	(void)state;
	for (int i = 0; i < 20000; i++) {
		const size_t len = random_item((char *)line, sizeof(line),
					       60) - 1;

		for (uint32_t k = dice(3); k > 0; k--)
			line[9 + dice((uint32_t)len - 9)] = (uint8_t)
				"\"\\{}[],:\nSNBML0a "[dice(17)];
		memset(line + len, '}', DDBJSON_SLACK);
		assert_int_equal(scan_text(&scan, (struct span){ line, len },
					   &err), 0);

		struct walk w = {
			.text = line, .quotes = scan.quotes,
			.escapes = scan.escapes, .end = len, .mem = &batch.mem,
		};
		struct walk again = w;
		struct value a, b;

		batch_reset(&batch);
		memset(d->rooms, 0, sizeof(d->rooms));
		if (!ddbjson_plain(i % 4 != 0)(d, &w, &a))
			continue;
		plain++;
		assert_int_equal(ddbjson_walk(d, &again, &b, &err), 1);
		same_values(&a, &b);
		assert_ptr_equal(w.quotes, again.quotes);
		assert_ptr_equal(w.escapes, again.escapes);
	}
	assert_in_range(plain, 4000, 19000);
	scan_free(&scan);
	ddbjson_free(d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(untouched_items_come_out_byte_for_byte),
		cmocka_unit_test(
			stretches_are_copied_where_only_the_item_was_touched),
		cmocka_unit_test(values_are_written_anew_where_all_was_touched),
		cmocka_unit_test(text_not_from_input_is_escaped),
		cmocka_unit_test(white_space_between_tokens_is_dropped),
		cmocka_unit_test(
			a_byte_order_mark_before_the_first_line_is_dropped),
		cmocka_unit_test(text_of_any_bytes_becomes_a_json_string),
		cmocka_unit_test(bad_lines_are_rejects_with_place_and_reason),
		cmocka_unit_test(numbers_are_judged_as_decimals),
		cmocka_unit_test(items_nest_thirty_two_levels_and_no_more),
		cmocka_unit_test(many_attributes_and_members_are_told_apart),
		cmocka_unit_test(damaged_lines_never_do_harm),
		cmocka_unit_test(blocks_may_end_anywhere),
		cmocka_unit_test(many_lines_come_in_batches),
		cmocka_unit_test(
			a_line_is_decoded_alike_alone_and_among_others),
		cmocka_unit_test(plain_lines_are_walked_alike),
	};
	struct err err;

	cpu_init(getenv("CPU_MASK"));
	reader = ddbjson_new(&err);
	const int failed = cmocka_run_group_tests_name("ddbjson", tests, NULL,
						       NULL);
	ddbjson_free(reader);
	batch_free(&batch);
	buf_free(&text);
	return failed;
}
