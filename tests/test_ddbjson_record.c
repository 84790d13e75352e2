/* test_ddbjson_record.c - lines of incremental exports. */
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
#include "base/err.h"
#include "formats/ddbjson.h"
#include "formats/ddbjson_record.h"
#include "formats/formats.h"
#include "model/batch.h"

static struct ddbjson_record *reader;
static struct batch batch;
static struct buf text;

/* Decode `lines` as one block, behind which nothing but braces can be read. */
static size_t
decode_some(const char *lines, size_t len, bool last)
{
	static char block[1 << 20];
	struct err err = { 0 };
	size_t used;

	assert_true(len + DDBJSON_SLACK < sizeof(block));
	memset(block, '}', sizeof(block));
	memcpy(block, lines, len);
	batch_reset(&batch);
	assert_int_equal(ddbjson_record_decode(reader, (struct span){
				(const uint8_t *)block, len }, last, &batch,
				&used, &err), 0);
	assert_int_equal(batch.nitems, 0);
	return used;
}

static void
decode(const char *lines)
{
	ddbjson_record_rewind(reader);
	assert_int_equal(decode_some(lines, strlen(lines), true),
			 strlen(lines));
}

/* An image as a line, or "-". */
static const char *
image(const struct item *item)
{
	struct err err = { 0 };

	buf_reset(&text);
	if (item == NULL)
		return "-";
	assert_int_equal(ddbjson_encode(item, 1, &text, &err), 0);
	assert_true(text.len > 0);
	text.ptr[text.len - 1] = '\0';
	return (const char *)text.ptr;
}

#define META "\"Metadata\":{\"WriteTimestampMicros\":{\"N\":\"17\"}}"
#define ID(x) "{\"id\":{\"S\":\"" x "\"}}"

static void
each_kind_of_record_gives_its_images(void **state)
{
	(void)state;
	decode("{" META ",\"Keys\":" ID("a") ",\"NewImage\":{\"id\":{\"S\":"
	       "\"a\"},\"v\":{\"N\":\"1\"}}}\n"
	       "{" META ",\"Keys\":" ID("b") ",\"OldImage\":" ID("b")
	       ",\"NewImage\":{\"id\":{\"S\":\"b\"},\"m\":{\"M\":{}}}}\n"
	       "{" META ",\"Keys\":" ID("c") ",\"OldImage\":" ID("c") "}\n"
	       "{" META ",\"Keys\":" ID("d") "}\n");
	assert_int_equal(batch.nrejects, 0);
	assert_int_equal(batch.nrecords, 4);

	const struct record *const r = batch.records;
	assert_string_equal(image(r[0].keys), "{\"Item\":" ID("a") "}");
	assert_string_equal(image(r[0].old), "-");
	assert_string_equal(image(r[0].new), "{\"Item\":{\"id\":{\"S\":\"a\"},"
			    "\"v\":{\"N\":\"1\"}}}");
	assert_string_equal(image(r[1].keys), "{\"Item\":" ID("b") "}");
	assert_string_equal(image(r[1].old), "{\"Item\":" ID("b") "}");
	assert_string_equal(image(r[1].new), "{\"Item\":{\"id\":{\"S\":\"b\"},"
			    "\"m\":{\"M\":{}}}}");
	assert_string_equal(image(r[2].old), "{\"Item\":" ID("c") "}");
	assert_string_equal(image(r[2].new), "-");
	assert_string_equal(image(r[3].keys), "{\"Item\":" ID("d") "}");
	assert_string_equal(image(r[3].old), "-");
	assert_string_equal(image(r[3].new), "-");
}

static void
places_are_those_of_the_records(void **state)
{
	static const char LINES[] =
		"{\"Keys\":" ID("a") ",\"NewImage\":" ID("a") "}\n"
		"\n"
		"{\"Keys\":" ID("b") ",\"NewImage\":" ID("b") "}";

	(void)state;
	decode(LINES);
	assert_int_equal(batch.nrecords, 2);
	assert_int_equal(batch.records[1].number, 3);
	assert_int_equal(batch.records[1].offset, strstr(LINES, "\n\n") + 2 -
			 LINES);
	assert_int_equal(batch.records[1].new->number, 3);
	assert_int_equal(batch.records[1].new->offset,
			 batch.records[1].offset);
	assert_int_equal(batch.records[1].line.len,
			 strlen(LINES) - batch.records[1].offset);
	assert_int_equal(ddbjson_record_format.decode_blanks(reader), 1);
	assert_int_equal(ddbjson_record_format.decode_line(reader), 4);
}

static void
white_space_and_order_are_free(void **state)
{
	(void)state;
	decode("\xEF\xBB\xBF { \"NewImage\" : { \"id\" : { \"S\" : \"a {\" } } "
	       ", \"Keys\" :\t{\"id\":{\"S\":\"a {\"}} } \r\n");
	assert_int_equal(batch.nrejects, 0);
	assert_int_equal(batch.nrecords, 1);
	assert_string_equal(image(batch.records[0].new),
			    "{\"Item\":{\"id\":{\"S\":\"a {\"}}}");
}

static void
braces_in_strings_do_not_count(void **state)
{
	(void)state;
	decode("{\"Keys\":{\"i}d\":{\"S\":\"}}\\\"}\"}},\"NewImage\":"
	       "{\"i}d\":{\"S\":\"}}\\\"}\"},\"{\":{\"S\":\"\\\\\"}}}\n");
	assert_int_equal(batch.nrejects, 0);
	assert_string_equal(image(batch.records[0].new), "{\"Item\":{\"i}d\":"
			    "{\"S\":\"}}\\\"}\"},\"{\":{\"S\":\"\\\\\"}}}");
}

static void
what_is_wrong_is_said_with_its_place(void **state)
{
	static const struct { const char *line, *why; unsigned at; } BAD[] = {
		{ "x", "not a record", 0 },
		{ "{}", "a member's name in quotes", 1 },
		{ "{\"Item\":{}}", "no member of a record", 2 },
		{ "{" META "}", "without Keys", 0 },
		{ "{\"Keys\":{}}", "neither one attribute nor two", 8 },
		{ "{\"Keys\":{\"a\":{\"S\":\"1\"},\"b\":{\"S\":\"2\"},"
		  "\"c\":{\"S\":\"3\"}}}", "neither one attribute", 8 },
		{ "{\"Keys\":{\"a\":{\"BOOL\":true}}}", "neither S, N nor B",
		  8 },
		{ "{\"Keys\":{\"a\":{\"S\":\"\"}}}", "is empty", 8 },
		{ "{\"Keys\":" ID("a") ",\"NewImage\":" ID("b") "}",
		  "NewImage has another key than Keys", 8 },
		{ "{\"OldImage\":{},\"Keys\":" ID("a") "}",
		  "OldImage has another key than Keys", 22 },
		{ "{\"Keys\":{\"a\":{\"N\":\"1\"}},\"NewImage\":{\"a\":{\"S\":"
		  "\"1\"}}}", "NewImage has another key", 8 },
		{ "{\"Keys\":" ID("a") ",\"Keys\":" ID("a") "}", "twice", 26 },
		{ "{\"Keys\":" ID("a") "", "the line ends where ',' or '}'",
		  24 },
		{ "{\"Keys\":" ID("a") "}x", "more text", 25 },
		{ "{\"Keys\":" ID("a") ",}", "a member's name", 25 },
		{ "{\"Keys\":[]}", "'[' where '{'", 8 },
		{ "{\"Keys\" {}}", "':'", 8 },
		{ "{\"Keys\":{\"id\":{\"S\":\"a}}}", "does not end", 19 },
		{ "{\"Keys\":{\"id\":{\"S\":\"a\"}", "'}'", 23 },
		{ "{\"Keys\":{\"id\":{\"S\":\"a\"]}}}", "'}'", 22 },
		/* What the reader of items finds, in the record's bytes. */
		{ "{\"Keys\":" ID("a") ",\"NewImage\":{\"n\":{\"N\":\"x\"}}}",
		  "number", 47 },
		{ "{\"Keys\": {\"id\" : {\"X\":\"a\"}}}", "not a DynamoDB type",
		  19 },
		{ "{\"Keys\":{\"a\":{\"S\":\"1\"},\"a\":{\"S\":\"2\"}}}",
		  "twice", 24 },
		{ "{\"Keys\":" ID("a") ",\"Metadata\":{\"t\":\"1\"}}", "'{'",
		  41 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
		decode(BAD[i].line);
		assert_int_equal(batch.nrecords, 0);
		assert_int_equal(batch.nrejects, 1);
		assert_true(batch.rejects[0].line.len == strlen(BAD[i].line));
		if (strstr(batch.rejects[0].why.text, BAD[i].why) == NULL ||
		    batch.rejects[0].at != BAD[i].at)
			fail_msg("%s: at %u '%s'", BAD[i].line,
				 (unsigned)batch.rejects[0].at,
				 batch.rejects[0].why.text);
	}
}

static void
good_lines_among_bad_ones_are_taken(void **state)
{
	(void)state;
	decode("{\"Keys\":" ID("a") "}\n{\"Keys\":\n"
	       "{\"Keys\":" ID("b") ",\"NewImage\":{\"x\":{\"N\":\"\"}}}\n"
	       "{\"Keys\":" ID("c") ",\"NewImage\":" ID("c") "}\n");
	assert_int_equal(batch.nrecords, 2);
	assert_int_equal(batch.nrejects, 2);
	assert_int_equal(batch.rejects[0].number, 2);
	assert_int_equal(batch.rejects[1].number, 3);
	assert_int_equal(batch.records[1].number, 4);
	assert_string_equal(image(batch.records[1].new),
			    "{\"Item\":" ID("c") "}");
}

/* However the text is cut into blocks, the records are the same. */
static void
blocks_may_be_cut_anywhere(void **state)
{
	static char lines[400 * 100];
	size_t len = 0, at = 0, seen = 0;

	(void)state;
	for (int i = 0; i < 400; i++)
		len += (size_t)snprintf(lines + len, sizeof(lines) - len,
			"{\"Keys\":{\"id\":{\"N\":\"%d\"}},\"NewImage\":"
			"{\"id\":{\"N\":\"%d\"}}}\n", i, i);
	ddbjson_record_rewind(reader);
	for (size_t want = 40; at < len;) {
		const size_t n = at + want < len ? want : len - at;
		const size_t used = decode_some(lines + at, n, at + n == len);

		assert_int_equal(batch.nrejects, 0);
		for (uint32_t i = 0; i < batch.nrecords; i++, seen++) {
			assert_int_equal(batch.records[i].number, seen + 1);
			assert_int_equal(lines[batch.records[i].offset], '{');
			assert_int_equal(batch.records[i].offset == 0 ? '\n' :
				lines[batch.records[i].offset - 1], '\n');
		}
		want = used > 0 ? want * 7 % 30011 + 1 : 2 * want;
		at += used;
	}
	assert_int_equal(seen, 400);
}

static void
records_are_told_from_items_by_their_first_bytes(void **state)
{
	(void)state;
	assert_ptr_equal(item_format_of(span_of("\n {\"Metadata\":{\"Wri")),
			 &ddbjson_record_format);
	assert_ptr_equal(item_format_of(span_of("{ \"Keys\":{")),
			 &ddbjson_record_format);
	assert_ptr_equal(item_format_of(span_of("{\"Item\":{")),
			 &ddbjson_format);
	assert_ptr_equal(ddbjson_format.records, &ddbjson_record_format);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_of_record_gives_its_images),
		cmocka_unit_test(places_are_those_of_the_records),
		cmocka_unit_test(white_space_and_order_are_free),
		cmocka_unit_test(braces_in_strings_do_not_count),
		cmocka_unit_test(what_is_wrong_is_said_with_its_place),
		cmocka_unit_test(good_lines_among_bad_ones_are_taken),
		cmocka_unit_test(blocks_may_be_cut_anywhere),
		cmocka_unit_test(
			records_are_told_from_items_by_their_first_bytes),
	};
	struct err err = { 0 };

	cpu_init(getenv("CPU_MASK"));
	reader = ddbjson_record_new(&err);
	const int failed = reader == NULL ? 1 :
		cmocka_run_group_tests(tests, NULL, NULL);
	ddbjson_record_free(reader);
	batch_free(&batch);
	buf_free(&text);
	return failed;
}
