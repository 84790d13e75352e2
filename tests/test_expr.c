/*
 * test_expr.c - expressions: what they mean, what is wrong with them and where.
 *
 * tests/cases compares the language that DynamoDB has with a server, case by
 * case; here is what only dynamill has, what must not happen to an item, and
 * what hostile text must not do.
 */
#include "expr/expr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "formats/ddbjson.h"
#include "model/batch.h"
#include "model/compare.h"
#include "tests/guard.h"

static struct ddbjson *decoder;
static struct batch batch;
static struct arena mem;
static struct err err;
static struct expr_scope scope;
static struct value bound;

static const struct expr_run run = {
	.mem = &mem,
	.run_time = { (const uint8_t *)"1700000000.5", 12 },
	.bound = &bound,
};

/* The item that stands in `json`, a typed map. */
static struct item *
item_of(const char *json)
{
	static struct buf text;
	const uint8_t slack[DDBJSON_SLACK] = { 0 };
	size_t used;

	buf_reset(&text);
	batch_reset(&batch);
	assert_int_equal(buf_printf(&text, &err, "{\"Item\":%s}", json), 0);
	const size_t len = text.len;
	assert_int_equal(buf_append(&text, (struct span){ slack,
				    sizeof(slack) }, &err), 0);
	ddbjson_rewind(decoder);
	if (ddbjson_decode(decoder, (struct span){ text.ptr, len }, true,
			   &batch, &used, &err) != 0 || batch.nitems != 1)
		fail_msg("%s is no item", json);
	return &batch.items[0];
}

static void
expect_json(const char *what, const struct item *item, const char *want)
{
	struct buf out = { 0 };

	assert_int_equal(ddbjson_encode_map(&item->map, &out, &err), 0);
	if (!span_is(buf_span(&out), want))
		fail_msg("%s: %.*s, not %s", what, (int)out.len,
			 (char *)out.ptr, want);
	buf_free(&out);
}

/* Text that ends right before an unmapped page. */
static struct span
guarded(const char *text)
{
	return guard_copy((const uint8_t *)text, strlen(text));
}

static struct expr *
value_expr(const char *text)
{
	size_t at = 0;
	struct expr *const e = expr_parse_value(guarded(text), &scope, &at,
						&err);

	if (e == NULL)
		fail_msg("%s: %zu: %s", text, at, err.text);
	return e;
}

/* `want` is typed JSON, or part of the error's text. */
static void
expect_result(const char *json, const char *text, const char *want)
{
	struct item *const item = item_of(json);
	struct expr *const e = value_expr(text);
	struct buf out = { 0 };
	struct value v;

	if (expr_value_of(e, &run, item, &v, &err) != 0) {
		if (err.code != ERR_INPUT || strstr(err.text, want) == NULL)
			fail_msg("%s: %s", text, err.text);
	} else {
		assert_int_equal(ddbjson_encode_value(&v, &out, &err), 0);
		if (!span_is(buf_span(&out), want))
			fail_msg("%s: %.*s, not %s", text, (int)out.len,
				 (char *)out.ptr, want);
	}
	expr_free(e);
	buf_free(&out);
}

/* The item after the update, or part of the error's text. */
static void
expect_update(const char *json, const char *text, const char *want)
{
	struct item *const item = item_of(json);
	size_t at = 0;
	struct update *const u = update_parse(guarded(text), &scope, &at,
					      &err);

	if (u == NULL)
		fail_msg("%s: %zu: %s", text, at, err.text);
	if (update_apply(u, &run, item, &err) == 0)
		expect_json(text, item, want);
	else if (err.code != ERR_INPUT || strstr(err.text, want) == NULL)
		fail_msg("%s: %s", text, err.text);
	else
		expect_json(text, item, json);
	update_free(u);
}

static void
expect_refused(const char *text, size_t want_at, const char *why)
{
	const bool update = strncmp(text, "SET", 3) == 0 ||
			    strncmp(text, "ADD", 3) == 0 ||
			    strncmp(text, "REMOVE", 6) == 0 ||
			    strncmp(text, "DELETE", 6) == 0;
	size_t at = 9999;
	const void *const got = update
		? (void *)update_parse(guarded(text), &scope, &at, &err)
		: (void *)expr_parse_condition(guarded(text), &scope, &at,
					       &err);

	if (got != NULL)
		fail_msg("%s is taken", text);
	assert_int_equal(err.code, ERR_USAGE);
	if (at != want_at || strstr(err.text, why) == NULL)
		fail_msg("%s: %zu: %s", text, at, err.text);
}

static const char texts[] =
	"{\"s\":{\"S\":\"h\xc3\xa9llo\"},\"n\":{\"N\":\"12.50\"},"
	"\"e\":{\"S\":\"a\\u00e9\\n\"},\"csv\":{\"S\":\",a,,b\"},"
	"\"l\":{\"L\":[{\"S\":\"x\"},{\"S\":\"y\"}]},"
	"\"m\":{\"M\":{\"b\":{\"N\":\"1\"},\"a\":{\"N\":\"2\"}}},"
	"\"t\":{\"BOOL\":true},\"mixed\":{\"L\":[{\"N\":\"1\"}]}}";

static void
texts_are_put_together_and_taken_apart(void **state)
{
	static const char *const cases[][2] = {
		{ "concat(s, ' ', n)", "{\"S\":\"h\xc3\xa9llo 12.5\"}" },
		{ "concat(e, e)", "{\"S\":\"a\xc3\xa9\\na\xc3\xa9\\n\"}" },
		{ "concat(t)", "'concat' does not take BOOL" },
		{ "concat(s, nope)", "does not exist in the item" },
		{ "substring(s, 2)", "{\"S\":\"\xc3\xa9llo\"}" },
		{ "substring(s, 2, 2)", "{\"S\":\"\xc3\xa9l\"}" },
		{ "substring(s, 0, 2)", "{\"S\":\"h\"}" },
		{ "substring(s, -9, 3)", "{\"S\":\"\"}" },
		{ "substring(s, 99)", "{\"S\":\"\"}" },
		{ "substring(s, 1e30)", "{\"S\":\"\"}" },
		{ "substring(s, 2, 1e30)", "{\"S\":\"\xc3\xa9llo\"}" },
		{ "substring(s, 1, -1)", "length below 0" },
		{ "substring(s, n)", "whole numbers" },
		{ "length(s)", "{\"N\":\"5\"}" },
		{ "length(e)", "{\"N\":\"3\"}" },
		{ "size(s)", "{\"N\":\"6\"}" },
		{ "size(n)", "'size' does not take N" },
		{ "lower('\xc3\x89T@[Z`a{')", "{\"S\":\"\xc3\x89t@[z`a{\"}" },
		{ "upper('\xc3\xa9t@Z`az{')", "{\"S\":\"\xc3\xa9T@Z`AZ{\"}" },
		{ "trim(' \t\n a b ')", "{\"S\":\"a b\"}" },
		{ "trim('  ')", "{\"S\":\"\"}" },
		{ "replace(csv, ',', '; ')", "{\"S\":\"; a; ; b\"}" },
		{ "replace('aaa', 'aa', 'b')", "{\"S\":\"ba\"}" },
		{ "replace(s, '', 'b')", "empty text" },
		{ "split(csv, ',')", "{\"L\":[{\"S\":\"\"},{\"S\":\"a\"},"
				     "{\"S\":\"\"},{\"S\":\"b\"}]}" },
		{ "split('', ',')", "{\"L\":[{\"S\":\"\"}]}" },
		{ "split(s, '')", "empty separator" },
		{ "join(l, '-')", "{\"S\":\"x-y\"}" },
		{ "join(split(csv, ','), ',')", "{\"S\":\",a,,b\"}" },
		{ "join([], ',')", "{\"S\":\"\"}" },
		{ "join(mixed, ',')", "'join' does not take N" },
		{ "mask('4111222233334444', 4)",
		  "{\"S\":\"************4444\"}" },
		{ "mask('Ada L\xc3\xb6velace', -3)",
		  "{\"S\":\"Ada*********\"}" },
		{ "mask('L\xc3\xb6ve', 3)", "{\"S\":\"*\xc3\xb6ve\"}" },
		{ "mask('abc', 3)", "{\"S\":\"***\"}" },
		{ "mask('abc', -9)", "{\"S\":\"***\"}" },
		{ "mask('abc', 0)", "{\"S\":\"***\"}" },
		{ "mask('', 2)", "{\"S\":\"\"}" },
		{ "mask('abc', 1.5)", "whole numbers" },
		{ "sha256('abc')", "{\"S\":\"ba7816bf8f01cfea414140de5dae2223"
				   "b00361a396177a9cb410ff61f20015ad\"}" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		expect_result(texts, cases[i][0], cases[i][1]);
}

static void
numbers_maps_and_choices(void **state)
{
	static const char *const cases[][2] = {
		{ "n + 1 - 2 * 3 / 4", "{\"N\":\"12\"}" },
		{ "(n + 1) * 2", "{\"N\":\"27\"}" },
		{ "1 / 3", "{\"N\":\"0.33333333333333333333333333333333333333"
			   "\"}" },
		{ "n / (n - n)", "division by zero" },
		{ "n + s", "incorrect data type" },
		{ "abs(0 - n)", "{\"N\":\"12.5\"}" },
		{ "round(n, 0)", "{\"N\":\"13\"}" },
		{ "round(n, -1)", "{\"N\":\"10\"}" },
		{ "to_string(n)", "{\"S\":\"12.5\"}" },
		{ "to_string(t)", "{\"S\":\"true\"}" },
		{ "to_string(s)", "'to_string' does not take S" },
		{ "to_number('1e3')", "{\"N\":\"1000\"}" },
		{ "to_number(s)", "is not a number" },
		{ "keys(m)", "{\"L\":[{\"S\":\"a\"},{\"S\":\"b\"}]}" },
		{ "values(m)", "{\"L\":[{\"N\":\"2\"},{\"N\":\"1\"}]}" },
		{ "run_time()", "{\"N\":\"1700000000.5\"}" },
		{ "CASE WHEN n > 12 THEN 'many' ELSE 'few' END",
		  "{\"S\":\"many\"}" },
		{ "case when n > 99 then 'many' when t = true then s end",
		  "{\"S\":\"h\xc3\xa9llo\"}" },
		{ "CASE WHEN n > 99 THEN 'many' END", "no WHEN" },
		{ "if_not_exists(nope, m.a)", "{\"N\":\"2\"}" },
		{ "nope", "does not exist in the item" },
		{ "list_append(l, mixed)", "{\"L\":[{\"S\":\"x\"},{\"S\":\"y\"}"
					   ",{\"N\":\"1\"}]}" },
		{ "list_append(l, n)", "incorrect data type" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		expect_result(texts, cases[i][0], cases[i][1]);
}

static void
literals_are_partiqls(void **state)
{
	static const char *const cases[][2] = {
		{ "'it''s'", "{\"S\":\"it's\"}" },
		{ "''", "{\"S\":\"\"}" },
		{ "12.50", "{\"N\":\"12.5\"}" },
		{ "-0", "{\"N\":\"0\"}" },
		{ "-1.50e1", "{\"N\":\"-15\"}" },
		{ "null", "{\"NULL\":true}" },
		{ "True", "{\"BOOL\":true}" },
		{ "[1, 'a', [], {}]", "{\"L\":[{\"N\":\"1\"},{\"S\":\"a\"},"
				      "{\"L\":[]},{\"M\":{}}]}" },
		{ "{'k': 1, 'a b':s}", "{\"M\":{\"k\":{\"N\":\"1\"},\"a b\":"
				       "{\"S\":\"h\xc3\xa9llo\"}}}" },
		{ "{'a':1}", "{\"M\":{\"a\":{\"N\":\"1\"}}}" },
		{ "<<'a', 'b'>>", "{\"SS\":[\"a\",\"b\"]}" },
		{ "<<n, 2>>", "{\"NS\":[\"12.50\",\"2\"]}" },
		{ "<<n, 12.5>>", "contains duplicates" },
		{ "<<n, s>>", "all of one type" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		expect_result(texts, cases[i][0], cases[i][1]);
}

static void
times_are_read_and_written(void **state)
{
	static const char *const cases[][2] = {
		{ "iso_time(0)", "{\"S\":\"1970-01-01T00:00:00.000Z\"}" },
		{ "iso_time(1738413296.7899)",
		  "{\"S\":\"2025-02-01T12:34:56.789Z\"}" },
		{ "iso_time(-0.0005)", "{\"S\":\"1969-12-31T23:59:59.999Z\"}" },
		{ "iso_time(-86400)", "{\"S\":\"1969-12-31T00:00:00.000Z\"}" },
		{ "iso_time(951782400)", "{\"S\":\"2000-02-29T00:00:00.000Z\"}" },
		{ "iso_time(253402300799.9999)",
		  "{\"S\":\"9999-12-31T23:59:59.999Z\"}" },
		{ "iso_time(253402300800)", "years are 0000 to 9999" },
		{ "iso_time(-62167219200)",
		  "{\"S\":\"0000-01-01T00:00:00.000Z\"}" },
		{ "iso_time(-62167219200.001)", "years are 0000 to 9999" },
		{ "iso_time(1e100)", "years are 0000 to 9999" },
		{ "epoch_time('2025-02-01T12:34:56.789Z')",
		  "{\"N\":\"1738413296.789\"}" },
		{ "epoch_time('2025-02-01')", "{\"N\":\"1738368000\"}" },
		{ "epoch_time('2025-02-01T01:00+01:00')",
		  "{\"N\":\"1738368000\"}" },
		{ "epoch_time('2025-01-31T19:00:00.50-0500')",
		  "{\"N\":\"1738368000.5\"}" },
		{ "epoch_time('1969-12-31T23:59:59.5Z')", "{\"N\":\"-0.5\"}" },
		{ "epoch_time('2000-02-29')", "{\"N\":\"951782400\"}" },
		{ "epoch_time('1900-02-29')", "'epoch_time' takes" },
		{ "epoch_time('2025-02-01T12:34:56')", "'epoch_time' takes" },
		{ "epoch_time('2025-13-01')", "'epoch_time' takes" },
		{ "epoch_time('2025-2-1')", "'epoch_time' takes" },
		{ "epoch_time('2025-02-01T12:34:56.Z')", "'epoch_time' takes" },
		{ "epoch_time('2025-02-01T24:00Z')", "'epoch_time' takes" },
		{ "epoch_time('2025-02-01Z')", "'epoch_time' takes" },
		{ "epoch_time(iso_time(-62135596800))",
		  "{\"N\":\"-62135596800\"}" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		expect_result("{}", cases[i][0], cases[i][1]);
}

/* What stands untouched in the input is copied from there: see the spelling. */
static void
an_update_leaves_the_rest_as_it_was(void **state)
{
	(void)state;
	expect_update("{\"a\":{\"N\":\"1.0\"},\"b\":{\"S\":\"\\u0041\"}}",
		      "SET c = a, d = b REMOVE a",
		      "{\"b\":{\"S\":\"\\u0041\"},\"c\":{\"N\":\"1.0\"},"
		      "\"d\":{\"S\":\"\\u0041\"}}");
	expect_update("{\"a\":{\"N\":\"1\"},\"b\":{\"N\":\"2\"}}",
		      "SET a = b, b = a",
		      "{\"a\":{\"N\":\"2\"},\"b\":{\"N\":\"1\"}}");
	expect_update("{\"n\\u0061\":{\"N\":\"1\"}}", "SET na = 2",
		      "{\"n\\u0061\":{\"N\":\"2\"}}");
	expect_update("{}", "SET a = {'k': [1]}",
		      "{\"a\":{\"M\":{\"k\":{\"L\":[{\"N\":\"1\"}]}}}}");
	expect_update("{\"a\":{\"N\":\"1\"}}", "REMOVE a", "{}");
	expect_update("{\"l\":{\"L\":[{\"N\":\"0\"},{\"N\":\"1\"},"
		      "{\"N\":\"2\"}]}}",
		      "SET l[9] = 'z', l[1] = 'b', l[5] = 'y' REMOVE l[0]",
		      "{\"l\":{\"L\":[{\"S\":\"b\"},{\"N\":\"2\"},"
		      "{\"S\":\"y\"},{\"S\":\"z\"}]}}");
	expect_update("{\"m\":{\"M\":{\"x\":{\"M\":{}},\"y\":{\"N\":\"1\"}}}}",
		      "SET m.x.z = m.y, m.w = m.x REMOVE m.y",
		      "{\"m\":{\"M\":{\"x\":{\"M\":{\"z\":{\"N\":\"1\"}}},"
		      "\"w\":{\"M\":{}}}}}");
	expect_update("{\"s\":{\"SS\":[\"a\",\"\\u0062\"]}}",
		      "ADD s <<'b', 'c'>>",
		      "{\"s\":{\"SS\":[\"a\",\"\\u0062\",\"c\"]}}");
	expect_update("{\"s\":{\"NS\":[\"1\",\"2.0\"]}}",
		      "DELETE s <<2, 3>>", "{\"s\":{\"NS\":[\"1\"]}}");
	expect_update("{\"s\":{\"NS\":[\"1.0\"]},\"n\":{\"N\":\"1\"}}",
		      "DELETE s <<1>> ADD n 2.50, k <<'a'>>",
		      "{\"n\":{\"N\":\"3.5\"},\"k\":{\"SS\":[\"a\"]}}");
}

/* An item on which nothing is done is copied as one stretch. */
static void
an_update_without_effect_marks_nothing(void **state)
{
	static const char *const nothing[] = {
		"REMOVE nope", "SET a = a", "SET a = if_not_exists(a, 1)",
		"REMOVE m.nope, l[7]", "SET m = m, l = l",
		"ADD s <<'x'>>", "DELETE s <<'y'>> REMOVE b", "SET m.k = m.k",
	};
	const char *const json = "{\"a\":{\"N\":\"5\"},\"m\":{\"M\":{\"k\":"
		"{\"N\":\"1\"}}},\"l\":{\"L\":[]},\"s\":{\"SS\":[\"x\"]}}";

	(void)state;
	for (size_t i = 0; i < sizeof(nothing) / sizeof(*nothing); i++) {
		struct item *const item = item_of(json);
		struct update *const u = update_parse(span_of(nothing[i]),
						      &scope, NULL, &err);

		assert_true((item->map.flags & VALUE_RAW) != 0);
		assert_int_equal(update_apply(u, &run, item, &err), 0);
		if ((item->map.flags & VALUE_RAW) == 0)
			fail_msg("%s", nothing[i]);
		update_free(u);
	}
}

static void
a_failed_update_changes_nothing(void **state)
{
	const char *const json = "{\"a\":{\"N\":\"1\"},\"b\":{\"S\":\"x\"},"
				 "\"m\":{\"M\":{\"k\":{\"N\":\"1\"}}}}";

	(void)state;
	expect_update(json, "SET a = 2, c = nope", "does not exist");
	expect_update(json, "SET a = 2, m.k = 3, nope.k = 4", "document path");
	expect_update(json, "SET m.k = 3, m.k2.z = 4 REMOVE a",
		      "document path");
	expect_update(json, "REMOVE a, b.c", "document path");
	expect_update(json, "SET a = 2, b[0] = 1", "document path");
	expect_update(json, "SET a = 2 ADD b 1", "incorrect data type");
	expect_update(json, "SET a = b + 1 REMOVE b", "incorrect data type");
	expect_update(json, "SET d = 9e125 + 9e125, a = 2", "Number overflow");
}

/* Containers may be shared: a change of one is no change of the other. */
static void
a_copied_container_is_changed_alone(void **state)
{
	struct item *const item = item_of("{\"m\":{\"M\":{\"k\":{\"N\":\"1\"}"
					  "}}}");
	struct update *const copy = update_parse(span_of("SET c = m"), &scope,
						 NULL, &err);
	struct update *const change = update_parse(
		span_of("SET c.k = 2, c.z = 3"), &scope, NULL, &err);

	(void)state;
	assert_int_equal(update_apply(copy, &run, item, &err), 0);
	assert_int_equal(update_apply(change, &run, item, &err), 0);
	expect_json("both", item, "{\"m\":{\"M\":{\"k\":{\"N\":\"1\"}}},"
		    "\"c\":{\"M\":{\"k\":{\"N\":\"2\"},\"z\":{\"N\":\"3\"}}}}");
	update_free(copy);
	update_free(change);
}

/* Likewise the literals of the expression, from item to item. */
static void
literals_stay_what_they_are(void **state)
{
	struct update *const set = update_parse(span_of(
		"SET m = {'l': [1]}, n = 0"), &scope, NULL, &err);
	struct update *const change = update_parse(span_of(
		"SET m.l[0] = 2, m.x = 3 ADD n 1"), &scope, NULL, &err);

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct item *const item = item_of("{}");

		assert_int_equal(update_apply(set, &run, item, &err), 0);
		expect_json("set", item, "{\"m\":{\"M\":{\"l\":{\"L\":["
			    "{\"N\":\"1\"}]}}},\"n\":{\"N\":\"0\"}}");
		assert_int_equal(update_apply(change, &run, item, &err), 0);
	}
	update_free(set);
	update_free(change);
}

static void
what_is_wrong_has_its_place(void **state)
{
	static const struct {
		const char *text;
		size_t at;
		const char *why;
	} cases[] = {
		{ "", 0, "can not be empty" },
		{ "  ", 0, "can not be empty" },
		{ "a", 0, "condition is expected" },
		{ "a = ", 4, "value is expected at the end" },
		{ "a = 'x", 4, "does not end" },
		{ "a = \"x", 4, "does not end" },
		{ "a = 1 b", 6, "operator or the end is expected, not 'b'" },
		{ "a = b = c", 6, "operator or the end" },
		{ "a == b", 2, "written '='" },
		{ "a != b", 2, "written '<>'" },
		{ "a = $x", 4, "does not belong here" },
		{ "caf\xc3\xa9 = 1", 3, "double quotes" },
		{ "a = '\xff'", 5, "not UTF-8" },
		{ "end = 1", 0, "word of the grammar" },
		{ "a.set = 1", 2, "word of the grammar" },
		{ "a = #b", 4, "attribute names" },
		{ "a = :b", 4, "attribute values" },
		{ "a[x] = 1", 2, "number is expected" },
		{ "a[1.5] = 1", 2, "whole number" },
		{ "a[*] = 1", 2, "not allowed" },
		{ "a NOT IN (1)", 2, "before the whole condition" },
		{ "a IN ()", 6, "value is expected" },
		{ "a BETWEEN 1 OR 2", 12, "'AND' is expected" },
		{ "a BETWEEN 2 AND 1", 16, "below the lower" },
		{ "a BETWEEN 2 AND 'x'", 16, "different types" },
		{ "a < [1]", 4, "incorrect operand type for '<': L" },
		{ "a < a", 4, "same path" },
		{ "contains(a, a)", 12, "same path" },
		{ "begins_with(a, 1)", 15, "incorrect operand type" },
		{ "attribute_exists('a')", 17, "takes a path" },
		{ "attribute_type(a, 'X')", 18, "is no type" },
		{ "attribute_type(a, b)", 18, "name of a type" },
		{ "size(a)", 0, "condition is expected" },
		{ "size(1) = 1", 5, "incorrect operand type for 'size': N" },
		{ "size(a, b) = 1", 0, "number of operands for 'size': 2" },
		{ "attribute_exists(a) = 1", 0, "not a condition" },
		{ "lenth(a) = 1", 0, "did you mean 'length'" },
		{ "LIST_APPEND(a, b) = c", 0, "did you mean 'list_append'" },
		{ "xyzzy(a) = 1", 0, "no function 'xyzzy'" },
		{ "((a = 1))", 0, "redundant parentheses" },
		{ "a / 0 = 1", 4, "division by zero" },
		{ "a + 'x' = 1", 4, "incorrect operand type for '+': S" },
		{ "lower(1) = 'x'", 6, "incorrect operand type for 'lower'" },
		{ "a = <<>>", 4, "can not be empty" },
		{ "a = <<1, 'x'>>", 9, "different types" },
		{ "a = <<1, 1.0>>", 9, "there already" },
		{ "a = {'k': 1, 'k': 2}", 13, "there already" },
		{ "a = {k: 1}", 5, "single quotes" },
		{ "a = 12x", 4, "number is expected" },
		{ "a = 1e999", 4, "too large" },
		{ "new_id(Users, a) = b", 7, "no table 'Users'" },
		{ "CASE WHEN a THEN 1 END = 1", 10, "condition is expected" },
		{ "SET", 3, "name is expected at the end" },
		{ "SET a", 5, "'=' is expected" },
		{ "SET a = 1 SET b = 2", 10, "a second 'SET'" },
		{ "SET a = 1 b = 2", 10, "',', SET" },
		{ "SET a = b = c", 10, "',', SET" },
		{ "SET a = 1, a = 2", 11, "overlaps" },
		{ "SET a = 1, a.b = 2", 11, "overlaps" },
		{ "SET a.b.c = 1 REMOVE a.b", 21, "overlaps" },
		{ "SET a.b = 1, a[1] = 2", 13, "conflicts" },
		{ "SET a = (b = c)", 11, "not a condition" },
		{ "SET a = if_not_exists(1, 2)", 22, "takes a path" },
		{ "SET a = list_append(a, 1)", 23, "incorrect operand type" },
		{ "ADD a 'x'", 6, "incorrect operand type for ADD: S" },
		{ "ADD a b", 6, "literal or a placeholder" },
		{ "DELETE a 1", 9, "incorrect operand type for DELETE: N" },
		{ "REMOVE a, ", 10, "name is expected" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		expect_refused(cases[i].text, cases[i].at, cases[i].why);
}

/* `open` n times, a value, `close` as often. */
static char *
nested(const char *open, const char *inner, const char *close, size_t n)
{
	const size_t a = strlen(open), b = strlen(inner), c = strlen(close);
	char *const text = malloc(n * (a + c) + b + 1);
	char *p = text;

	assert_non_null(text);
	for (size_t i = 0; i < n; i++, p += a)
		memcpy(p, open, a);
	memcpy(p, inner, b);
	p += b;
	for (size_t i = 0; i < n; i++, p += c)
		memcpy(p, close, c);
	*p = '\0';
	return text;
}

static void
no_text_is_too_deep_for_the_stack(void **state)
{
	static const char *const shapes[][3] = {
		{ "(", "a", ")" }, { "[", "", "]" }, { "size(", "a", ")" },
		{ "CASE WHEN a = ", "1", " THEN 1 END" }, { "{'k':", "1", "}" },
		{ "", "1", " + 1" }, { "", "1", " * 1" }, { "- ", "1", "" },
		{ "NOT ", "a = 1", "" }, { "(NOT ", "a = 1", ")" },
		{ "(a = 1 AND ", "b = 1", ")" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(shapes) / sizeof(*shapes); i++) {
		char *const text = nested(shapes[i][0], shapes[i][1],
					  shapes[i][2], 100000);
		struct expr *const e = expr_parse_condition(span_of(text),
			&scope, NULL, &err);

		if (e != NULL && i != 8)
			fail_msg("%s is taken", shapes[i][0]);
		expr_free(e);
		free(text);
	}
}

static void
long_expressions_need_not_be_deep(void **state)
{
	static const char *const shapes[][3] = {
		{ "a = 1 OR ", "a = 5", "" }, { "a = 5 AND ", "a = 5", "" },
		{ "NOT NOT ", "a = 5", "" },
	};
	struct item *const item = item_of("{\"a\":{\"N\":\"5\"}}");

	(void)state;
	for (size_t i = 0; i < sizeof(shapes) / sizeof(*shapes); i++) {
		char *const text = nested(shapes[i][0], shapes[i][1],
					  shapes[i][2], 20000);
		struct expr *const e = expr_parse_condition(span_of(text),
			&scope, NULL, &err);

		assert_non_null(e);
		assert_int_equal(expr_test(e, &run, item, &err), 1);
		expr_free(e);
		free(text);
	}
}

/* One item of 400 KB may not become a gigabyte. */
static void
no_text_grows_beyond_an_item(void **state)
{
	char *const text = nested("replace(", "s", ", '0', '00000000')", 20);

	(void)state;
	expect_result("{\"s\":{\"S\":\"0123456789\"}}", text,
		     "maximum allowed size");
	free(text);
}

static void
placeholders_and_bound_names(void **state)
{
	const struct value five = value_of_text(VALUE_N, span_of("5"));
	const struct expr_name names[] = {
		{ span_of("#x"), span_of("set") },
		{ span_of("#y"), span_of("y.z") },
	};
	const struct expr_value values[] = {
		{ span_of(":v"), &five }, { span_of(":w"), &five },
	};
	const struct span bounds[] = { span_of("variant") };
	struct value kids[] = { value_of_name(span_of("sku")),
				value_of_text(VALUE_S, span_of("A1")) };
	bool name_used[2] = { false }, value_used[2] = { false };

	(void)state;
	bound = value_of_kids(VALUE_M, kids, 2);
	scope = (struct expr_scope){ names, 2, values, 2, name_used,
				     value_used, NULL, NULL, bounds, 1 };
	expect_result("{\"set\":{\"N\":\"1\"}}", "#x + :v", "{\"N\":\"6\"}");
	assert_true(name_used[0] && !name_used[1]);
	assert_true(value_used[0] && !value_used[1]);
	expect_result("{\"y.z\":{\"N\":\"1\"}}", "#y", "{\"N\":\"1\"}");
	expect_result("{}", "concat('V#', variant.sku)", "{\"S\":\"V#A1\"}");
	expect_result("{}", "variant", "{\"M\":{\"sku\":{\"S\":\"A1\"}}}");
	expect_result("{}", "variant.nope", "does not exist");
	/* In quotes it is an attribute; as a target it is refused. */
	expect_result("{\"variant\":{\"N\":\"1\"}}", "\"variant\"",
		     "{\"N\":\"1\"}");
	expect_refused("SET variant.a = 1", 4, "cannot be changed");
	scope = (struct expr_scope){ 0 };
}

static void
what_is_printed_is_understood_alike(void **state)
{
	static const char *const pairs[][2] = {
		{ "a=1 or b=2 and not c=3",
		  "((a = 1) OR ((b = 2) AND (NOT (c = 3))))" },
		{ "a+1-2*b/4 >= -1.50",
		  "(((a + 1) - ((2 * b) / 4)) >= -1.5)" },
		{ "a between 1 and 2 or a in (1,'x',b)",
		  "((a BETWEEN 1 AND 2) OR (a IN (1, 'x', b)))" },
		{ "\"a b\".\"set\"[0].c = {'k': [null, <<'it''s'>>, n]}",
		  "(\"a b\".\"set\"[0].c = {'k': [NULL, <<'it''s'>>, n]})" },
		{ "contains(a, 'x') and attribute_type(b, 'SS')",
		  "(contains(a, 'x') AND attribute_type(b, 'SS'))" },
		{ "case when a=true then size(b) else 2 end > 1",
		  "((CASE WHEN (a = TRUE) THEN size(b) ELSE 2 END) > 1)" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++)
		for (size_t j = 0; j < 2; j++) {
			struct expr *const e = expr_parse_condition(
				span_of(pairs[i][j]), &scope, NULL, &err);
			struct buf out = { 0 };

			if (e == NULL)
				fail_msg("%s: %s", pairs[i][j], err.text);
			assert_int_equal(expr_print(e, &out, &err), 0);
			if (!span_is(buf_span(&out), pairs[i][1]))
				fail_msg("%s: %.*s", pairs[i][j], (int)out.len,
					 (char *)out.ptr);
			buf_free(&out);
			expr_free(e);
		}

	struct buf out = { 0 };
	struct update *const u = update_parse(span_of(
		"remove x, y[0] set a = b+1, c.d = 'e' add n 1 delete s <<2>>"),
		&scope, NULL, &err);
	assert_int_equal(update_print(u, &out, &err), 0);
	assert_true(span_is(buf_span(&out), "REMOVE x, y[0] SET a = (b + 1), "
			    "c.d = 'e' ADD n 1 DELETE s <<2>>"));
	buf_free(&out);
	update_free(u);
}

/* ---- the examples of docs/EXPRESSIONS.md ---- */

static struct expr *kept[400];
static struct update *updates[100];
static size_t nkept, nupdates;

/* What `text`, a condition or a value, gives for the item.  0 or -1. */
static int
evaluate(struct span text, const struct item *item, struct value *out)
{
	struct expr *e = expr_parse_condition(text, &scope, NULL, &err);
	int rc;

	if (e != NULL) {
		rc = expr_test(e, &run, item, &err);
		*out = value_of_bool(rc == 1);
		rc = rc < 0 ? -1 : 0;
	} else {
		e = expr_parse_value(text, &scope, NULL, &err);
		if (e == NULL)
			fail_msg("%.*s: %s", (int)text.len,
				 (const char *)text.ptr, err.text);
		rc = expr_value_of(e, &run, item, out, &err);
	}
	/* The result may point into it: keep it until the end. */
	assert_true(nkept < sizeof(kept) / sizeof(*kept));
	kept[nkept++] = e;
	return rc;
}

/* `[update ;] value => result`. */
static void
check_example(const char *json, char *line)
{
	char *const arrow = strstr(line, "=>");
	char *const semicolon = strstr(line, " ; ");
	char *text = line;
	struct item *const item = item_of(json);
	const char *const want = arrow + 2 + strspn(arrow + 2, " ");
	struct value got, wanted;
	int rc = 0;

	*arrow = '\0';
	if (semicolon != NULL) {
		*semicolon = '\0';
		text = semicolon + 3;
		struct update *const u = update_parse(span_of(line), &scope,
						      NULL, &err);
		if (u == NULL)
			fail_msg("%s: %s", line, err.text);
		rc = update_apply(u, &run, item, &err);
		/* Its literals are in the item now. */
		assert_true(nupdates < sizeof(updates) / sizeof(*updates));
		updates[nupdates++] = u;
	}
	if (rc == 0)
		rc = evaluate(span_of(text), item, &got);
	if (strcmp(want, "error") == 0) {
		if (rc == 0)
			fail_msg("%s: no error", line);
		return;
	}
	if (rc != 0)
		fail_msg("%s: %s", line, err.text);
	assert_int_equal(evaluate(span_of(want), item, &wanted), 0);
	if (value_equal(&got, &wanted, &mem, &err) != 1)
		fail_msg("%s: not %s", line, want);
}

static void
the_examples_of_the_manual_are_true(void **state)
{
	FILE *const f = fopen("docs/EXPRESSIONS.md", "r");
	char line[1024], json[2048] = "";
	bool code = false, item = false;
	unsigned n = 0;

	(void)state;
	if (f == NULL) {
		print_message("docs/EXPRESSIONS.md is not here\n");
		skip();
	}
	while (fgets(line, sizeof(line), f) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "```", 3) == 0) {
			item = strcmp(line, "```json") == 0;
			code = !code;
		} else if (item && code) {
			strncat(json, line, sizeof(json) - strlen(json) - 1);
		} else if (code) {
			check_example(json, line);
			n++;
		}
	}
	fclose(f);
	while (nkept > 0)
		expr_free(kept[--nkept]);
	while (nupdates > 0)
		update_free(updates[--nupdates]);
	assert_true(n > 40);
}

/* Every beginning of a text, and every text with a byte missing. */
static void
no_text_reads_past_its_end(void **state)
{
	const char *const text = "SET a.\"b\"\"c\"[1] = CASE WHEN x BETWEEN -1 "
		"AND 2.5e1 OR NOT y IN ('q''', :v) THEN concat({'k': 1}, "
		"<<'a', 'b'>>) ELSE #n / 3 END REMOVE b ADD c 1 DELETE d <<1>>";
	const size_t n = strlen(text);
	char copy[512];

	(void)state;
	for (size_t i = 0; i <= n; i++) {
		memcpy(copy, text, i);
		copy[i] = '\0';
		update_free(update_parse(guarded(copy), &scope, NULL, &err));
		strncpy(copy, text, sizeof(copy) - 1);
		memmove(copy + i, copy + i + 1, n - i);
		update_free(update_parse(guarded(copy), &scope, NULL, &err));
	}
}

/* What undoes it, and a line for each action that nothing does. */
static void
updates_are_undone_where_that_can_be(void **state)
{
	static const struct { const char *text, *inverse, *why; } cases[] = {
		{ "SET b = a REMOVE a", "SET a = b REMOVE b", "" },
		{ "SET old = s, s = 'x'", "SET s = old REMOVE old", "" },
		{ "SET a = b, b = a", "SET b = a, a = b", "" },
		{ "SET a.b[0] = c.d REMOVE c.d",
		  "SET c.d = a.b[0] REMOVE a.b[0]", "" },
		/* A rotation: each value goes back by one. */
		{ "SET a = b, b = c, c = a", "SET b = a, c = b, a = c", "" },
		/* Two copies of what is removed: one of them brings it back. */
		{ "SET a = x, b = x REMOVE x", "SET x = a REMOVE a, b", "" },
		{ "SET n = n + 1.5, m = m - 2", "SET n = n - 1.5, m = m + 2",
		  "" },
		{ "ADD n 3", "SET n = n - 3", "" },
		{ "SET a = b", "", "'a' is set, and what it was before is not "
		  "kept\n" },
		{ "SET a = a", "", "'a' is set, and what it was before is not "
		  "kept\n" },
		{ "SET n = 1 + n", "", "'n' is set, and what it was before is "
		  "not kept\n" },
		{ "REMOVE a, b SET c = b", "SET b = c REMOVE c",
		  "'a' is removed, and its value is not kept\n" },
		{ "ADD s <<'a'>>", "", "'s' is set, and what it was before is "
		  "not kept\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct expr_scope none = { .nnames = 0 };
		struct buf out = { 0 }, why = { 0 };
		struct update *const u = update_parse(
			span_of(cases[i].text), &none, NULL, &err);

		if (u == NULL)
			fail_msg("%s: %s", cases[i].text, err.text);
		assert_int_equal(update_invert(u, &out, &why, &err), 0);
		buf_printf(&out, &err, "%c", 0);
		buf_printf(&why, &err, "%c", 0);
		assert_string_equal((const char *)out.ptr, cases[i].inverse);
		assert_string_equal((const char *)why.ptr, cases[i].why);
		update_free(u);
		buf_free(&out);
		buf_free(&why);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_are_put_together_and_taken_apart),
		cmocka_unit_test(numbers_maps_and_choices),
		cmocka_unit_test(literals_are_partiqls),
		cmocka_unit_test(times_are_read_and_written),
		cmocka_unit_test(an_update_leaves_the_rest_as_it_was),
		cmocka_unit_test(an_update_without_effect_marks_nothing),
		cmocka_unit_test(a_failed_update_changes_nothing),
		cmocka_unit_test(a_copied_container_is_changed_alone),
		cmocka_unit_test(literals_stay_what_they_are),
		cmocka_unit_test(what_is_wrong_has_its_place),
		cmocka_unit_test(no_text_is_too_deep_for_the_stack),
		cmocka_unit_test(long_expressions_need_not_be_deep),
		cmocka_unit_test(no_text_grows_beyond_an_item),
		cmocka_unit_test(placeholders_and_bound_names),
		cmocka_unit_test(what_is_printed_is_understood_alike),
		cmocka_unit_test(the_examples_of_the_manual_are_true),
		cmocka_unit_test(updates_are_undone_where_that_can_be),
		cmocka_unit_test(no_text_reads_past_its_end),
	};

	decoder = ddbjson_new(&err);
	if (decoder == NULL)
		return 1;
	const int rc = cmocka_run_group_tests(tests, NULL, NULL);

	ddbjson_free(decoder);
	batch_free(&batch);
	arena_free(&mem);
	return rc;
}
