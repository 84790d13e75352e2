/* test_csv.c - CSV in, cut and broken; and out, or why not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/err.h"
#include "formats/csv.h"
#include "formats/ddbjson.h"
#include "formats/formats.h"
#include "model/batch.h"
#include "tests/readall.h"

#define NAME(text) { (const uint8_t *)(text), sizeof(text) - 1 }
#define I(attributes) "{\"Item\":{" attributes "}}\n"

static struct readall
take(const struct item_rules *rules, const char *text)
{
	static struct readall last;
	const size_t len = strlen(text);

	readall_same(&csv_format, rules, span_of(text), len < 100 ? len : 100);
	readall_free(&last);
	last = readall_of(&csv_format, rules, span_of(text), 0);
	return last;
}

static void
gives(const struct item_rules *rules, const char *text, const char *items)
{
	const struct readall r = take(rules, text);

	assert_string_equal((char *)r.rejects.ptr, "");
	assert_string_equal((char *)r.items.ptr, items);
	assert_int_equal(r.rc, 0);
}

/* ---- in ------------------------------------------------------------------ */

static void
rows_are_items_of_strings(void **state)
{
	(void)state;
	gives(NULL, "id,title\n1,one\n2,two\n",
	      I("\"id\":{\"S\":\"1\"},\"title\":{\"S\":\"one\"}")
	      I("\"id\":{\"S\":\"2\"},\"title\":{\"S\":\"two\"}"));
	gives(NULL, "\xEF\xBB\xBFid,title\r\n1,one\r\n\r\n2,two",
	      I("\"id\":{\"S\":\"1\"},\"title\":{\"S\":\"one\"}")
	      I("\"id\":{\"S\":\"2\"},\"title\":{\"S\":\"two\"}"));
	gives(NULL, "id,title\n1,\n,two\n3,\"\"\n",
	      I("\"id\":{\"S\":\"1\"}") I("\"title\":{\"S\":\"two\"}")
	      I("\"id\":{\"S\":\"3\"}"));
	gives(NULL, "\"i\"\"d\",t\n\"a,\"\"b\"\"\nc\\\",\" x \"\n",
	      I("\"i\\\"d\":{\"S\":\"a,\\\"b\\\"\\nc\\\\\"},"
		"\"t\":{\"S\":\" x \"}"));
	gives(NULL, "id\n1\n", I("\"id\":{\"S\":\"1\"}"));
	gives(NULL, "id,title\n", "");
	gives(NULL, "", "");
	gives(NULL, "\n\n", "");
}

static void
delimiter_and_columns_come_from_the_rules(void **state)
{
	static const char DELIMITERS[] = ",\t|;: ";
	static const struct span COLUMNS[] = { NAME("id"), NAME("x") };
	struct item_rules rules = { .columns = COLUMNS, .ncolumns = 2 };
	char text[] = "1?\"a?b\"\n?2\n";

	(void)state;
	for (const char *d = DELIMITERS; *d != '\0'; d++) {
		char want[200];

		text[1] = text[4] = text[8] = *d;
		rules.delimiter = (uint8_t)*d;
		snprintf(want, sizeof(want), "{\"Item\":{\"id\":{\"S\":\"1\"},"
			 "\"x\":{\"S\":\"a%sb\"}}}\n{\"Item\":{\"x\":{\"S\":"
			 "\"2\"}}}\n", *d == '\t' ? "\\t" :
			 (char[]){ *d, '\0' });
		gives(&rules, text, want);
	}
}

static void
keys_and_types_say_what_is_no_string(void **state)
{
	static const struct item_rule_type KEYS[] = {
		{ NAME("id"), VALUE_N }, { NAME("at"), VALUE_B },
		{ NAME("both"), VALUE_N },
	};
	static const struct item_rule_type TYPES[] = {
		{ NAME("n"), VALUE_N }, { NAME("ok"), VALUE_BOOL },
		{ NAME("tags"), VALUE_SS }, { NAME("m"), VALUE_M },
		{ NAME("m.x"), VALUE_NS }, { NAME("l"), VALUE_L },
		{ NAME("both"), VALUE_S },
	};
	const struct item_rules rules = {
		.keys = KEYS, .nkeys = 3, .types = TYPES, .ntypes = 7,
	};

	(void)state;
	gives(&rules, "id,at,both,n,ok,tags,m,l\n"
	      "1.5,AA==,7,-2e3,true,\"[\"\"a\"\", \"\"b\"\"]\","
	      "\"{\"\"x\"\":[1],\"\"y\"\":null}\",\"[ 1,true ]\"\n",
	      I("\"id\":{\"N\":\"1.5\"},\"at\":{\"B\":\"AA==\"},\"both\":{"
		"\"S\":\"7\"},\"n\":{\"N\":\"-2e3\"},\"ok\":{\"BOOL\":true},"
		"\"tags\":{\"SS\":[\"a\",\"b\"]},\"m\":{\"M\":{\"x\":{\"NS\":["
		"\"1\"]},\"y\":{\"NULL\":true}}},\"l\":{\"L\":[{\"N\":\"1\"},"
		"{\"BOOL\":true}]}"));
}

static void
bad_rows_are_rejected_alone(void **state)
{
	static const struct item_rule_type TYPES[] = {
		{ NAME("n"), VALUE_N }, { NAME("b"), VALUE_BOOL },
		{ NAME("t"), VALUE_SS },
	};
	const struct item_rules rules = { .types = TYPES, .ntypes = 3 };
	static const struct { const char *row, *why; } BAD[] = {
		{ "x\"y,,", "3:2: a quote in a field that is not in quotes; "
		  "double it, and put the field in quotes\n" },
		{ "\"x\"y,,", "3:4: text behind a closing quote\n" },
		{ "\"a\nb\"c,,", "4:3: text behind a closing quote; its row "
		  "begins in line 3: is there a quote too many or too few?\n" },
		{ "a\rb,,", "3:2: a carriage return in a field that is not in "
		  "quotes\n" },
		{ "1,true", "3:1: 2 fields, where there are 3 columns\n" },
		{ "1,true,,", "3:1: 4 fields, where there are 3 columns\n" },
		{ "x,,", "3:1: column 'n': 'x' is not a number\n" },
		{ "1,yes,", "3:3: column 'b': a BOOL is 'true' or 'false', not "
		  "'yes'\n" },
		{ "1,,[1]", "3:4: column 't': '1' where a string, a member of "
		  "the set, should be\n" },
		{ "1,,[]", "3:4: column 't': a set must not be empty\n" },
		{ "1,,[] x", "3:4: column 't': a set must not be empty\n" },
		{ "1,,\"[\"\"a\"\"]]\"", "3:5: column 't': more text after the "
		  "JSON of a field\n" },
		{ "1,,\xC3(", "3:4: column 't': invalid UTF-8\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
		char text[200];

		snprintf(text, sizeof(text), "n,b,t\n1,true,\n%s\n2,false,\n",
			 BAD[i].row);
		const struct readall r = take(&rules, text);
		assert_string_equal((char *)r.rejects.ptr, BAD[i].why);
		assert_string_equal((char *)r.items.ptr,
			I("\"n\":{\"N\":\"1\"},\"b\":{\"BOOL\":true}")
			I("\"n\":{\"N\":\"2\"},\"b\":{\"BOOL\":false}"));
	}
}

static void
a_quote_that_is_not_closed_costs_its_line(void **state)
{
	struct readall r;

	(void)state;
	r = take(NULL, "id,x\n1,\"a\n2,b\n3,c\n");
	assert_string_equal((char *)r.rejects.ptr,
			    "2:3: a quote that is not closed\n");
	assert_string_equal((char *)r.items.ptr,
			    I("\"id\":{\"S\":\"2\"},\"x\":{\"S\":\"b\"}")
			    I("\"id\":{\"S\":\"3\"},\"x\":{\"S\":\"c\"}"));
}

static void
a_header_that_is_none_is_damage(void **state)
{
	static const struct { const char *text, *why; } BAD[] = {
		{ "id,\n", "line 1: the header: column 2 has no name" },
		{ "id,id\n", "line 1: the header: two columns are called "
		  "'id'" },
		{ "id,x\"\n", "line 1, byte 5: the header: a quote in a field "
		  "that is not in quotes; double it, and put the field in "
		  "quotes" },
		{ "id,\xFF\n", "line 1: the header: the name of column 2 is "
		  "not UTF-8" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
		const struct readall r = take(NULL, BAD[i].text);

		assert_int_equal(r.rc, -1);
		assert_int_equal(r.err.code, ERR_INPUT);
		assert_string_equal(r.err.text, BAD[i].why);
	}
}

static void
two_rows_of_as_many_fields_look_like_csv(void **state)
{
	static const struct { const char *text; bool is; } HEADS[] = {
		{ "id,title\n1,one\n", true }, { "id,title\n\"1,2\",one", true },
		{ "\xEF\xBB\xBFid,title\r\n1,one\n", true },
		{ "id\n1\n", false }, { "id,title\n1\n", false },
		{ "id,title\n", false }, { "id,\n1,\n", false },
		{ "{\"a\":1,\"b\":2}\n{\"a\":1,\"b\":2}\n", false },
		{ "a{,b}\n1,2\n", false }, { "", false },
		/* A row that is wrong is no reason to take it for JSON. */
		{ "\r\nid,title\n\n1\n\n2,a\"b\n3,one\n", true },
		{ "id,title\n1,\"one\n2,two", true },
		{ "id,title\n1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n"
		  "14\n15\n16\n17,late\n", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(HEADS) / sizeof(HEADS[0]); i++)
		assert_int_equal(item_format_of(span_of(HEADS[i].text)) ==
				 &csv_format, HEADS[i].is);
}

/* ---- out ----------------------------------------------------------------- */

static const struct span COLUMNS[] = {
	NAME("id"), NAME("n"), NAME("x"), NAME("y"),
};
static const struct item_rule_type KEYS[] = { { NAME("n"), VALUE_N } };

static struct buf written;
static struct err why;

/* Write these lines; what came of it, or NULL. */
static const char *
put(struct item_rules rules, const char *lines, uint64_t *lost)
{
	struct err err;
	struct ddbjson *const d = ddbjson_new(&err);
	struct batch b = { 0 };
	static char block[4096];
	size_t used;
	int rc = 0;

	rules.columns = COLUMNS;
	rules.ncolumns = 4;
	rules.keys = KEYS;
	rules.nkeys = 1;
	rules.pk = (struct span)NAME("id");
	strncpy(block, lines, sizeof(block) - 1);
	assert_int_equal(ddbjson_decode(d, span_of(block), true, &b, &used,
					&err), 0);
	assert_int_equal(b.nrejects, 0);
	buf_reset(&written);
	void *const w = csv_format.encode_start(&rules, &err);
	assert_non_null(w);
	for (uint32_t i = 0; rc == 0 && i < b.nitems; i++) {
		const size_t before = written.len;

		rc = csv_format.encode(w, &b.items[i], &written, &why);
		if (rc != 0)
			assert_int_equal(written.len, before);
	}
	if (lost != NULL)
		*lost = csv_format.encode_lost(w);
	csv_format.encode_stop(w);
	batch_free(&b);
	ddbjson_free(d);
	assert_int_equal(buf_printf(&written, &err, "%c", 0), 0);
	return rc == 0 ? (const char *)written.ptr : NULL;
}

static void
strings_and_keys_are_written_exactly(void **state)
{
	uint64_t lost;

	(void)state;
	assert_string_equal(put((struct item_rules){ 0 },
		I("\"n\":{\"N\":\"1.50\"},\"id\":{\"S\":\"a\"}")
		I("\"id\":{\"B\":\"AA==\"},\"x\":{\"S\":\"q\\\"\\u0041,\"},"
		  "\"y\":{\"S\":\" s\"}"), &lost),
		"id,n,x,y\na,1.50,,\nAA==,,\"q\"\"A,\",\" s\"\n");
	assert_int_equal(lost, 0);
	assert_string_equal(put((struct item_rules){ .delimiter = '|',
			.no_header = true }, I("\"id\":{\"S\":\"a|b\"},"
			"\"x\":{\"S\":\"a,b\"}"), NULL),
		"\"a|b\"||a,b|\n");
}

static void
what_would_lose_something_is_refused(void **state)
{
	static const struct { const char *line, *why; } BAD[] = {
		{ I("\"id\":{\"S\":\"a\"},\"x\":{\"N\":\"1\"}"),
		  "attribute 'x' is of type N, which an import of CSV makes an "
		  "S" },
		{ I("\"id\":{\"S\":\"a\"},\"x\":{\"BOOL\":true}"),
		  "attribute 'x' is of type BOOL" },
		{ I("\"id\":{\"S\":\"a\"},\"x\":{\"NULL\":true}"),
		  "attribute 'x' is of type NULL" },
		{ I("\"id\":{\"S\":\"a\"},\"x\":{\"SS\":[\"x\"]}"),
		  "attribute 'x' is of type SS" },
		{ I("\"id\":{\"S\":\"a\"},\"x\":{\"M\":{}}"),
		  "attribute 'x' is of type M" },
		{ I("\"id\":{\"S\":\"a\"},\"n\":{\"S\":\"1\"}"),
		  "attribute 'n' is of type S" },
		{ I("\"id\":{\"S\":\"a\"},\"x\":{\"S\":\"\"}"),
		  "attribute 'x' is an empty text" },
		{ I("\"id\":{\"S\":\"a\"},\"x\":{\"S\":\"a\\nb\"}"),
		  "attribute 'x' has a line end in it" },
		{ I("\"id\":{\"S\":\"a\"},\"z\":{\"S\":\"a\"}"),
		  "attribute 'z' is not among the columns; leave it out, or "
		  "say 'csv: {lossy: true}'" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
		assert_null(put((struct item_rules){ 0 }, BAD[i].line, NULL));
		assert_int_equal(why.code, ERR_INPUT);
		assert_non_null(strstr(why.text, BAD[i].why));
	}
}

static void
lossy_writes_and_counts_it(void **state)
{
	uint64_t lost;

	(void)state;
	assert_string_equal(put((struct item_rules){ .lossy = true },
		I("\"id\":{\"S\":\"a\"},\"n\":{\"S\":\"1\"},\"x\":{\"BOOL\":"
		  "true},\"y\":{\"NULL\":true},\"z\":{\"S\":\"gone\"}")
		I("\"id\":{\"S\":\"b\"},\"n\":{\"N\":\"2\"},\"x\":{\"M\":{"
		  "\"k\":{\"SS\":[\"v\",\"w\"]}}},\"y\":{\"S\":\"a\\nb\"}")
		I("\"id\":{\"S\":\"c\"},\"x\":{\"S\":\"\"},\"y\":{\"B\":"
		  "\"AA==\"}"), &lost),
		"id,n,x,y\na,1,true,\nb,2,\"{\"\"k\"\":[\"\"v\"\",\"\"w\"\"]}\""
		",\"a\nb\"\nc,,,AA==\n");
	assert_int_equal(lost, 4 + 2 + 2);
}

static void
a_header_waits_for_the_first_row_that_is_taken(void **state)
{
	struct err err;
	struct item_rules rules = { .columns = COLUMNS, .ncolumns = 4 };

	(void)state;
	rules.ncolumns = 0;
	assert_null(csv_format.encode_start(&rules, &err));
	assert_int_equal(err.code, ERR_USAGE);
	assert_string_equal(put((struct item_rules){ 0 }, "", NULL), "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_items_of_strings),
		cmocka_unit_test(delimiter_and_columns_come_from_the_rules),
		cmocka_unit_test(keys_and_types_say_what_is_no_string),
		cmocka_unit_test(bad_rows_are_rejected_alone),
		cmocka_unit_test(a_quote_that_is_not_closed_costs_its_line),
		cmocka_unit_test(a_header_that_is_none_is_damage),
		cmocka_unit_test(two_rows_of_as_many_fields_look_like_csv),
		cmocka_unit_test(strings_and_keys_are_written_exactly),
		cmocka_unit_test(what_would_lose_something_is_refused),
		cmocka_unit_test(lossy_writes_and_counts_it),
		cmocka_unit_test(
			a_header_waits_for_the_first_row_that_is_taken),
	};
	const int rc = cmocka_run_group_tests_name("csv", tests, NULL, NULL);

	buf_free(&written);
	return rc;
}
