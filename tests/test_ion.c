/* test_ion.c - Ion text in and out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "formats/ddbjson.h"
#include "formats/formats.h"
#include "formats/ion.h"
#include "model/batch.h"
#include "tests/guard.h"

static struct ion *reader;
static struct ion_writer *writer;
static struct batch batch;
static struct buf text;

/* What may be read behind a block is made to look like more of a value. */
static struct span
block_of(const char *bytes, size_t len)
{
	static const char MORE[] = "'''}}}}{Item:\"\"''']]/**/";
	uint8_t *const all = malloc(len + ION_SLACK);

	assert_non_null(all);
	memcpy(all, bytes, len);
	for (size_t i = 0; i < ION_SLACK; i++)
		all[len + i] = (uint8_t)MORE[i % (sizeof(MORE) - 1)];

	const struct span copy = guard_copy(all, len + ION_SLACK);
	free(all);
	return (struct span){ copy.ptr, len };
}

/* Decode all of it, which is no more than one call takes. */
static void
decode_bytes(const char *bytes, size_t len)
{
	const struct span in = block_of(bytes, len);
	struct err err = { 0 };
	size_t used;

	batch_reset(&batch);
	ion_rewind(reader);
	assert_int_equal(ion_decode(reader, in, true, &batch, &used, &err), 0);
	assert_int_equal(used, len);
}

static void
decode(const char *lines)
{
	decode_bytes(lines, strlen(lines));
}

static const char *
as_json(void)
{
	struct err err = { 0 };

	buf_reset(&text);
	assert_int_equal(ddbjson_encode(batch.items, batch.nitems, &text,
					&err), 0);
	assert_non_null(buf_reserve(&text, 1, &err));
	text.ptr[text.len] = '\0';
	return (const char *)text.ptr;
}

static const char *
as_ion(const struct batch *b)
{
	struct err err = { 0 };

	buf_reset(&text);
	for (uint32_t i = 0; i < b->nitems; i++)
		assert_int_equal(ion_encode(writer, &b->items[i], &text, &err),
				 0);
	assert_non_null(buf_reserve(&text, 1, &err));
	text.ptr[text.len] = '\0';
	return (const char *)text.ptr;
}

#define ION "$ion_1_0 {Item:"
#define JSON(inner) "{\"Item\":{" inner "}}\n"

/* What stands for an item, and that item. */
static const struct {
	const char *ion, *json;
} GOOD[] = {
	/* As AWS writes. */
	{ ION "{Authors:$dynamodb_SS::[\"Author1\",\"Author2\"],Id:103.,"
	  "InPublication:false,PageCount:6d2,Price:2d3,"
	  "Dimensions:\"8.5 x 11.0 x 1.5\"}}\n",
	  JSON("\"Authors\":{\"SS\":[\"Author1\",\"Author2\"]},"
	       "\"Id\":{\"N\":\"103\"},\"InPublication\":{\"BOOL\":false},"
	       "\"PageCount\":{\"N\":\"600\"},\"Price\":{\"N\":\"2000\"},"
	       "\"Dimensions\":{\"S\":\"8.5 x 11.0 x 1.5\"}") },
	{ " " ION "{a:\"x\"}}\n" ION "{a:\"y\"}}\n",
	  JSON("\"a\":{\"S\":\"x\"}") JSON("\"a\":{\"S\":\"y\"}") },
	{ ION "{}}", JSON("") },

	/* What is around an item. */
	{ "{a:\"x\"}", JSON("\"a\":{\"S\":\"x\"}") },
	{ "{Item:\"x\"}", JSON("\"Item\":{\"S\":\"x\"}") },
	{ "{a:1.,Item:{}}", JSON("\"a\":{\"N\":\"1\"},\"Item\":{\"M\":{}}") },
	{ "{'Item':{}}", JSON("") },
	{ "{\"Item\" : { } , }", JSON("") },
	{ "{'''It''' /**/ '''em''':{}}", JSON("") },
	{ "\t$ion_1_0\n\n$ion_1_0 $ion_1_0{Item:{}}$ion_1_0{}\n{}{}",
	  JSON("") JSON("") JSON("") JSON("") },
	{ "$ion_symbol_table::{symbols:[\"a\"]}\n{}", JSON("") },
	{ "\xEF\xBB\xBF{}", JSON("") },
	{ "// nothing\n/* and\nnothing **/ {}//", JSON("") },
	{ "{\n  a : 1. , // one\n  b /*{*/ : /*}*/ [ 1. , 2. , ] ,\n}\n",
	  JSON("\"a\":{\"N\":\"1\"},"
	       "\"b\":{\"L\":[{\"N\":\"1\"},{\"N\":\"2\"}]}") },
	{ "{a:1./**/,b:1.//\n}\r\n\v\f", JSON("\"a\":{\"N\":\"1\"},"
					      "\"b\":{\"N\":\"1\"}") },

	/* Names. */
	{ "{$a:1.,_:1.,$:1.,int:1.,nullx:1.,'null':1.,\"true\":1.}",
	  JSON("\"$a\":{\"N\":\"1\"},\"_\":{\"N\":\"1\"},\"$\":{\"N\":\"1\"},"
	       "\"int\":{\"N\":\"1\"},\"nullx\":{\"N\":\"1\"},"
	       "\"null\":{\"N\":\"1\"},\"true\":{\"N\":\"1\"}") },
	{ "{'a b':1.,'it\\'s':1.,'\"':1.,'\\u00e9':1.,'$1':1.,$4:1.,$1a:1.}",
	  JSON("\"a b\":{\"N\":\"1\"},\"it's\":{\"N\":\"1\"},"
	       "\"\\\"\":{\"N\":\"1\"},\"é\":{\"N\":\"1\"},"
	       "\"$1\":{\"N\":\"1\"},\"name\":{\"N\":\"1\"},"
	       "\"$1a\":{\"N\":\"1\"}") },

	/* Text. */
	{ "{a:\"\",b:'''''',c:'''a'''\n'''b'''//\n'''c''',d:\"''\"}",
	  JSON("\"a\":{\"S\":\"\"},\"b\":{\"S\":\"\"},\"c\":{\"S\":\"abc\"},"
	       "\"d\":{\"S\":\"''\"}") },
	{ "{a:\"\\0\\a\\b\\t\\n\\v\\f\\r\\\"\\'\\?\\/\\\\\"}",
	  JSON("\"a\":{\"S\":\"\\u0000\\u0007\\b\\t\\n\\u000b\\f\\r\\\"'?/"
	       "\\\\\"}") },
	{ "{a:\"\\x41\\xe9\\u20AC\\U0001f3e0\\ud83c\\udfe0é€🏠\\x7f\x7f\"}",
	  JSON("\"a\":{\"S\":\"Aé€🏠🏠é€🏠\x7f\x7f\"}") },
	{ "{a:\"x\\\ny\\\r\nz\t\v\f\"}",
	  JSON("\"a\":{\"S\":\"xyz\\t\\u000b\\f\"}") },
	{ "{a:'''x\ny\r\nz\rw\\\n\\r'' \\''' '''}",
	  JSON("\"a\":{\"S\":\"x\\ny\\nz\\nw\\r'' ''' \"}") },
	{ "{a:\"0123456789abcdef0123456789abcdef\\n0123456789abcdef\"}",
	  JSON("\"a\":{\"S\":\"0123456789abcdef0123456789abcdef\\n"
	       "0123456789abcdef\"}") },

	/* Numbers. */
	{ "{a:[0,-0,0.,-0.0,0d0,0e0,0d99,1,-1,12,1.,1.5,-1.50,0.1,0.10,10.0]}",
	  JSON("\"a\":{\"L\":[{\"N\":\"0\"},{\"N\":\"0\"},{\"N\":\"0\"},"
	       "{\"N\":\"0\"},{\"N\":\"0\"},{\"N\":\"0\"},{\"N\":\"0\"},"
	       "{\"N\":\"1\"},{\"N\":\"-1\"},{\"N\":\"12\"},{\"N\":\"1\"},"
	       "{\"N\":\"1.5\"},{\"N\":\"-1.5\"},{\"N\":\"0.1\"},"
	       "{\"N\":\"0.1\"},{\"N\":\"10\"}]}") },
	{ "{a:[1d1,1D+1,1d-1,-1.5d2,1_000,1_0.0_1,1_0d-1_\n]}", NULL },
	{ "{a:[1d1,1D+1,1d-1,-1.5d2,1_000,1_0.0_1,0x1F,-0xff,0X_0]}", NULL },
	{ "{a:[1d1,1D+1,1d-1,-1.5d2,1_000,1_0.0_1,0x1F,-0xf_f,0X0]}",
	  JSON("\"a\":{\"L\":[{\"N\":\"10\"},{\"N\":\"10\"},{\"N\":\"0.1\"},"
	       "{\"N\":\"-150\"},{\"N\":\"1000\"},{\"N\":\"10.01\"},"
	       "{\"N\":\"31\"},{\"N\":\"-255\"},{\"N\":\"0\"}]}") },
	{ "{a:[0b0,0b1_01,-0B11,0x4b3b4ca85a86c47a098a223fffffffff,"
	  "99999999999999999999999999999999999999.,"
	  "99999999999999999999999999999999999999d88,1d125,1d-130]}",
	  JSON("\"a\":{\"L\":[{\"N\":\"0\"},{\"N\":\"5\"},{\"N\":\"-3\"},"
	       "{\"N\":\"99999999999999999999999999999999999999\"},"
	       "{\"N\":\"99999999999999999999999999999999999999\"},"
	       "{\"N\":\""
	       "999999999999999999999999999999999999990000000000000000000000"
	       "000000000000000000000000000000000000000000000000000000000000"
	       "000000"
	       "\"},"
	       "{\"N\":\""
	       "100000000000000000000000000000000000000000000000000000000000"
	       "000000000000000000000000000000000000000000000000000000000000"
	       "000000"
	       "\"},"
	       "{\"N\":\""
	       "0.0000000000000000000000000000000000000000000000000000000000"
	       "000000000000000000000000000000000000000000000000000000000000"
	       "000000000001"
	       "\"}]}") },
	{ "{a:[1e0,1.5e0,-2.5E-1,1e22,1.0e+2,0.5e0,9007199254740993e0]}", NULL },
	{ "{a:[1e0,1.5e0,-2.5E-1,1e22,1.0e+2,0.5e0,9007199254740992e0]}",
	  JSON("\"a\":{\"L\":[{\"N\":\"1\"},{\"N\":\"1.5\"},{\"N\":\"-0.25\"},"
	       "{\"N\":\"10000000000000000000000\"},{\"N\":\"100\"},"
	       "{\"N\":\"0.5\"},{\"N\":\"9007199254740992\"}]}") },

	/* The other types. */
	{ "{a:[true,false,null,null.null,null.bool,null.int,null.float,"
	  "null.decimal,null.timestamp,null.symbol,null.string,null.clob,"
	  "null.blob,null.list,null.sexp,null.struct]}",
	  JSON("\"a\":{\"L\":[{\"BOOL\":true},{\"BOOL\":false},"
	       "{\"NULL\":true},{\"NULL\":true},{\"NULL\":true},"
	       "{\"NULL\":true},{\"NULL\":true},{\"NULL\":true},"
	       "{\"NULL\":true},{\"NULL\":true},{\"NULL\":true},"
	       "{\"NULL\":true},{\"NULL\":true},{\"NULL\":true},"
	       "{\"NULL\":true},{\"NULL\":true}]}") },
	{ "{a:{{}},b:{{ aGVs\nbG8= }},c:{{+/+/}},d:{{YQ==}}}",
	  JSON("\"a\":{\"B\":\"\"},\"b\":{\"B\":\"aGVsbG8=\"},"
	       "\"c\":{\"B\":\"+/+/\"},\"d\":{\"B\":\"YQ==\"}") },
	{ "{a:[],b:{},c:[[],{a:[{}]}]}",
	  JSON("\"a\":{\"L\":[]},\"b\":{\"M\":{}},\"c\":{\"L\":[{\"L\":[]},"
	       "{\"M\":{\"a\":{\"L\":[{\"M\":{}}]}}}]}") },
	{ "{a:$dynamodb_SS::[\"a\",'''b''',],b:'$dynamodb_NS' :: [1,2.5,1e1],"
	  "c:$dynamodb_BS:: /**/ [{{YQ==}},{{}}]}",
	  JSON("\"a\":{\"SS\":[\"a\",\"b\"]},"
	       "\"b\":{\"NS\":[\"1\",\"2.5\",\"10\"]},"
	       "\"c\":{\"BS\":[\"YQ==\",\"\"]}") },
};
enum { NGOOD = sizeof(GOOD) / sizeof(GOOD[0]) };

static void
every_spelling_of_an_item_is_read(void **state)
{
	(void)state;
	for (int i = 0; i < NGOOD; i++) {
		decode(GOOD[i].ion);
		if (GOOD[i].json == NULL) {	/* a slip of those around it */
			assert_int_equal(batch.nitems, 0);
			assert_int_equal(batch.nrejects, 1);
			continue;
		}
		if (batch.nrejects > 0)
			print_message("%s\n%s\n", GOOD[i].ion,
				      batch.rejects[0].why.text);
		assert_int_equal(batch.nrejects, 0);
		assert_string_equal(as_json(), GOOD[i].json);
	}
}

/* Wrong text, the line and the byte in it where it goes wrong, and why. */
static const struct {
	const char *ion;
	uint64_t line, at;
	const char *why;
} BAD[] = {
	{ "x", 1, 0, "not an item: a value should begin with $ion_1_0 {Item:{" },
	{ "'$ion_1_0'", 1, 0,
	  "not an item: a value should begin with $ion_1_0 {Item:{" },
	{ "  5", 1, 2,
	  "not an item: a value should begin with $ion_1_0 {Item:{" },
	{ "$ion_1_0 [1.]", 1, 9,
	  "not an item: a value should begin with $ion_1_0 {Item:{" },
	{ "{{aGVsbG8=}}", 1, 0,
	  "not an item: a value should begin with $ion_1_0 {Item:{" },
	{ "$ion_1_1 {Item:{}}", 1, 0, "only Ion 1.0 is read" },
	{ "$ion_1_0::{}", 1, 0,
	  "not an item: a value should begin with $ion_1_0 {Item:{" },
	{ "$ion_symbol_table::[]", 1, 19, "'[' where a symbol table should be" },
	{ "{Item:{},a:1.}", 1, 9,
	  "nothing but the item may stand beside 'Item'" },
	{ "{Item:{} a}", 1, 9,
	  "nothing but the item may stand beside 'Item'" },
	{ "{Keys:{a:1.},NewImage:{a:1.}}", 1, 0,
	  "a record of an incremental export among items" },
	{ "{", 1, 1, "the text ends within a value" },
	{ "{\n\n", 2, 0, "the text ends within a value" },
	{ "{a", 1, 2, "the text ends within a value" },
	{ "{a:1.", 1, 5, "the text ends within a value" },
	{ "{a:\"x", 1, 3, "a text that does not end in its line" },
	{ "{a:\"x\ny\"}", 1, 3, "a text that does not end in its line" },
	{ "{a:\"x\\\\\ny\"}", 1, 3, "a text that does not end in its line" },
	{ "{a:'x\ny'}", 1, 3, "a text that does not end in its line" },
	{ "{a:'''x", 1, 3, "a long string that does not end" },
	{ "{a:1. /* x", 1, 6, "a comment that does not end" },
	{ "/* x", 1, 0, "a comment that does not end" },
	{ "{a:{{ aa", 1, 3, "a blob that does not end" },
	{ "{a:\"x\\", 1, 3, "a text that does not end" },
	{ "{a:\"x\\\n", 1, 3, "a text that does not end" },

	{ "{,}", 1, 1, "',' where a field name should be" },
	{ "{a}", 1, 2, "'}' where ':' should be" },
	{ "{a:}", 1, 3, "'}' where a value should be" },
	{ "{a::1.}", 1, 3, "':' where a value should be" },
	{ "{a:1.,,}", 1, 6, "',' where a field name should be" },
	{ "{a:1. b:1.}", 1, 6, "'b' where ',' or '}' should be" },
	{ "{a:1.]", 1, 5, "']' where ',' or '}' should be" },
	{ "{a:[1.}", 1, 6, "'}' where ',' or ']' should be" },
	{ "{a:[,]}", 1, 4, "',' where a value should be" },
	{ "{a:1. /b}", 1, 6, "'/' where ',' or '}' should be" },
	{ "{a:1.}}", 1, 6,
	  "not an item: a value should begin with $ion_1_0 {Item:{" },
	{ "{1a:1.}", 1, 1, "'1' where a field name should be" },
	{ "{null:1.}", 1, 1, "a keyword as a name stands in quotes" },
	{ "{nan:1.}", 1, 1, "a keyword as a name stands in quotes" },
	{ "{'':1.}", 1, 1, "an attribute name must not be empty" },
	{ "{$0:1.}", 1, 1, "symbol '$0' has no text here" },
	{ "{$10:1.}", 1, 1, "symbol '$10' has no text here" },
	{ "{\n a:1.,\n a:2.}", 3, 1, "attribute 'a' stands twice" },
	{ "{a:1.,'\\x61':2.}", 1, 0, "attribute 'a' stands twice" },

	{ "{a:b}", 1, 3, "a symbol, for which DynamoDB has no type; a string "
	  "has double quotes" },
	{ "{a:'b'}", 1, 3, "a symbol, for which DynamoDB has no type; a string "
	  "has double quotes" },
	{ "{a:$ion_1_0}", 1, 3, "a symbol, for which DynamoDB has no type; a "
	  "string has double quotes" },
	{ "{a:(1.)}", 1, 3, "an s-expression, for which DynamoDB has no type" },
	{ "{a:{{\"x\"}}}", 1, 3, "a clob, for which DynamoDB has no type; "
	  "write a blob or a string" },
	{ "{a:{{ '''x''' }}}", 1, 3, "a clob, for which DynamoDB has no type; "
	  "write a blob or a string" },
	{ "{a:2020-02-03T}", 1, 3, "a timestamp, for which DynamoDB has no "
	  "type; write it as a string" },
	{ "{a:0001T}", 1, 3, "a timestamp, for which DynamoDB has no "
	  "type; write it as a string" },
	{ "{a:nan}", 1, 3, "nan, which is no number to DynamoDB" },
	{ "{a:+inf}", 1, 3, "infinity, which is no number to DynamoDB" },
	{ "{a:-inf}", 1, 3, "infinity, which is no number to DynamoDB" },
	{ "{a:-info}", 1, 3, "'-' where a value should be" },
	{ "{a:null.int8}", 1, 8, "'i' where a type of null should be" },
	{ "{a:null.}", 1, 8, "'}' where a type of null should be" },
	{ "{a:tru}", 1, 3, "a symbol, for which DynamoDB has no type; a string "
	  "has double quotes" },
	{ "{a:b::1.}", 1, 3, "annotation 'b' means nothing to DynamoDB (only "
	  "$dynamodb_SS, $dynamodb_NS, $dynamodb_BS do)" },
	{ "{a:b::$dynamodb_SS::[\"x\"]}", 1, 3, NULL },
	{ "{a:$dynamodb_SS::b::[\"x\"]}", 1, 17,
	  "'b' where the set's '[' should be" },
	{ "{a:$dynamodb_SS::\"x\"}", 1, 17, NULL },
	{ "{a:$dynamodb_SS::null.list}", 1, 17, NULL },
	{ "{a:$dynamodb_SS::[]}", 1, 17, "a set must not be empty" },
	{ "{a:$dynamodb_SS::[1.]}", 1, 18,
	  "'1' where a string of the set should be" },
	{ "{a:$dynamodb_NS::[\"1\"]}", 1, 18,
	  "'\"' where a number of the set should be" },
	{ "{a:$dynamodb_BS::[\"YQ==\"]}", 1, 18,
	  "'\"' where a blob of the set should be" },
	{ "{a:$dynamodb_BS::[{}]}", 1, 18,
	  "'{' where a blob of the set should be" },
	{ "{a:$dynamodb_SS::[\"x\",null]}", 1, 22,
	  "'n' where a string of the set should be" },
	{ "{a:$dynamodb_SS::[\"x\",\"y\",\"x\"]}", 1, 27,
	  "a set member stands twice" },
	{ "{a:$dynamodb_SS::[\"x\",'''x''']}", 1, 17,
	  "a set member stands twice" },
	{ "{a:$dynamodb_NS::[1.,1.0]}", 1, 17, "a set member stands twice" },
	{ "{a:$dynamodb_NS::[1.,1]}", 1, 21, "a set member stands twice" },
	{ "{a:$dynamodb_BS::[{{YQ==}},{{Y Q = =}}]}", 1, 17,
	  "a set member stands twice" },
	{ "{a:$dynamodb_SS::[\"x\" \"y\"]}", 1, 22,
	  "'\"' where ',' or ']' should be" },

	{ "{a:01.}", 1, 3, "a number with a leading zero" },
	{ "{a:-01}", 1, 4, "a number with a leading zero" },
	{ "{a:+1.}", 1, 3, "'+' where a value should be" },
	{ "{a:.5}", 1, 3, "'.' where a value should be" },
	{ "{a:-.5}", 1, 3, "'-' where a value should be" },
	{ "{a:1._5}", 1, 5, "'_' where the number's end should be" },
	{ "{a:1_}", 1, 4, "'_' where the number's end should be" },
	{ "{a:1__0}", 1, 4, "'_' where the number's end should be" },
	{ "{a:1d}", 1, 5, "'}' where an exponent should be" },
	{ "{a:1d1_0}", 1, 6, "'_' where the number's end should be" },
	{ "{a:1d1.5}", 1, 6, "'.' where the number's end should be" },
	{ "{a:1x}", 1, 4, "'x' where the number's end should be" },
	{ "{a:1:2}", 1, 4, "':' where the number's end should be" },
	{ "{a:1/2}", 1, 4, "'/' where the number's end should be" },
	{ "{a:0x}", 1, 5, "'}' where a digit should be" },
	{ "{a:0x_1}", 1, 5, "'_' where a digit should be" },
	{ "{a:0x1_}", 1, 7, "'}' where a digit should be" },
	{ "{a:0xg}", 1, 5, "'g' where a digit should be" },
	{ "{a:0b2}", 1, 5, "'2' where a digit should be" },
	{ "{a:0b12}", 1, 6, "'2' where the number's end should be" },
	{ "{a:0x1.}", 1, 6, "'.' where the number's end should be" },
	{ "{a:0.1e0}", 1, 3, "a float that is not the decimal it is written as; "
	  "write a decimal, like 0.1 or 1d-1" },
	{ "{a:1e-400}", 1, 3, NULL },
	{ "{a:1e23}", 1, 3, NULL },
	{ "{a:1e999}", 1, 3, NULL },
	{ "{a:123456789012345678901234567890123456789.}", 1, 3, NULL },
	{ "{a:1d126}", 1, 3, NULL },
	{ "{a:1d-131}", 1, 3, NULL },
	{ "{a:0x4b3b4ca85a86c47a098a224000000001}", 1, 3, NULL },
	{ "{a:0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
	  "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff}",
	  1, 3, "the number is too large" },

	{ "{a:\"\\x4\"}", 1, 4, "invalid escape in a text" },
	{ "{a:\"\\u004\"}", 1, 4, "invalid escape in a text" },
	{ "{a:\"\\U00110000\"}", 1, 4, "invalid escape in a text" },
	{ "{a:\"\\U0000d800\"}", 1, 4, "invalid escape in a text" },
	{ "{a:\"\\ud83c\"}", 1, 4, "invalid escape in a text" },
	{ "{a:\"\\udfe0\\ud83c\"}", 1, 4, "invalid escape in a text" },
	{ "{a:'''\\ud83c''' '''\\udfe0'''}", 1, 6, "invalid escape in a text" },
	{ "{a:\"x\\1\"}", 1, 5, "invalid escape in a text" },
	{ "{a:\"x\\e\"}", 1, 5, "invalid escape in a text" },
	{ "{a:\"x\x01\"}", 1, 5, "a control character (0x01) that is not "
	  "escaped" },
	{ "{a:'''x\x1f'''}", 1, 7, "a control character (0x1f) that is not "
	  "escaped" },
	{ "{a:\"\xC3\"}", 1, 4, "invalid UTF-8" },
	{ "{a:\"x\\n\xED\xA0\x80\"}", 1, 7, "invalid UTF-8" },
	{ "{a:'''\n\xFF'''}", 2, 0, "invalid UTF-8" },
	{ "{'\xC0\x80':1.}", 1, 2, "invalid UTF-8" },
	{ "{a:1.} // \xFF", 1, 10, "invalid UTF-8" },
	{ "{a:1., /*\n\xFF*/}", 2, 0, "invalid UTF-8" },
	{ "{a:é}", 1, 3, "byte 0xc3 where a value should be" },
	{ "{a:{{a}}}", 1, 5, "invalid base64" },
	{ "{a:{{YR==}}}", 1, 5, "invalid base64" },
	{ "{a:{{YQ=}}}", 1, 5, "invalid base64" },
	{ "{a:{{YQ==}", 1, 9, "'}' where base64 or '}}' should be" },
	{ "{a:{{YQ==} }}", 1, 9, "'}' where base64 or '}}' should be" },
	{ "{a:{{YQ/**/==}}}", 1, 8, "'*' where base64 or '}}' should be" },
	{ "{a:{ {} }}", 1, 5, "'{' where a field name should be" },
};
enum { NBAD = sizeof(BAD) / sizeof(BAD[0]) };

/* Alone, and among good lines. */
static void
what_is_wrong_is_refused_with_line_and_column(void **state)
{
	(void)state;
	for (int i = 0; i < NBAD; i++) {
		decode(BAD[i].ion);
		if (batch.nrejects == 0)
			print_message("taken: %s\n", BAD[i].ion);
		assert_true(batch.nrejects >= 1);

		const struct reject *const r =
			&batch.rejects[batch.nrejects - 1];
		if (r->number != BAD[i].line || r->at != BAD[i].at ||
		    (BAD[i].why != NULL && strcmp(r->why.text, BAD[i].why)))
			print_message("%s\n%d:%d %s\n", BAD[i].ion,
				      (int)r->number, (int)r->at, r->why.text);
		assert_int_equal(r->number, BAD[i].line);
		assert_int_equal(r->at, BAD[i].at);
		if (BAD[i].why != NULL)
			assert_string_equal(r->why.text, BAD[i].why);
	}
}

static void
after_a_bad_value_the_next_one_is_found(void **state)
{
	char lines[4096];

	(void)state;
	for (int i = 0; i < NBAD; i++) {
		if (strstr(BAD[i].ion, "'''x") != NULL)
			continue;	/* until the second of them ends it */
		snprintf(lines, sizeof(lines), " " ION "{a:1.}}\n%s%s\n"
			 ION "{b:2.}}\n%s", BAD[i].ion[0] == '{' ? ION : "",
			 BAD[i].ion, BAD[i].ion);
		decode(lines);
		if (batch.nrejects < 1)
			print_message("%s\n", lines);
		assert_true(batch.nrejects >= 1);
		assert_true(batch.nitems >= 2);
		assert_int_equal(batch.items[0].number, 1);
		assert_memory_equal(batch.items[0].map.kids[0].text, "a", 1);
		bool found = false;
		for (uint32_t k = 1; k < batch.nitems; k++)
			found |= batch.items[k].map.kids[0].text[0] == 'b';
		assert_true(found);
	}
}

static void
a_bad_value_of_many_lines_is_one_reject(void **state)
{
	(void)state;
	decode("{\n  a: [\n    {x: 1.},\n    {x: oops},\n    {x: 2.}\n  ]\n}\n"
	       "{b: 2.}\n");
	assert_int_equal(batch.nrejects, 1);
	assert_int_equal(batch.rejects[0].number, 4);
	assert_int_equal(batch.rejects[0].at, 8);
	assert_int_equal(batch.rejects[0].offset, 0);
	assert_memory_equal(batch.rejects[0].line.ptr, "{\n  a: [", 8);
	assert_int_equal(batch.rejects[0].line.len, 54);
	assert_int_equal(batch.nitems, 1);
	assert_int_equal(batch.items[0].number, 8);
	assert_int_equal(batch.items[0].offset, 55);
}

static void
a_value_cut_off_does_not_take_the_next_one_along(void **state)
{
	(void)state;
	decode(" $ion_1_0 {Item:{a:[1.,\n $ion_1_0 {Item:{b:2.}}\n");
	assert_int_equal(batch.nrejects, 1);
	assert_int_equal(batch.rejects[0].number, 1);
	assert_int_equal(batch.rejects[0].at, 23);
	assert_string_equal(batch.rejects[0].why.text, "the value is cut off: "
			    "another one begins in the next line");
	assert_string_equal(as_json(), JSON("\"b\":{\"N\":\"2\"}"));
}

static void
values_know_where_they_stand(void **state)
{
	static const char TEXT[] =
		"// one\n\n"			/* lines 1, 2 */
		" $ion_1_0 {Item:{a:1.}}\n"	/* line 3 at 9 */
		"$ion_1_0\n"
		"{a:'''\n"			/* line 5 at 42 */
		"'''} {a:2.}\n"			/* line 6 at 54 */
		"\n";

	(void)state;
	decode(TEXT);
	assert_int_equal(batch.nitems, 3);
	assert_int_equal(batch.items[0].number, 3);
	assert_int_equal(batch.items[0].offset, 9);
	assert_int_equal(batch.items[0].line.len, 24);
	assert_memory_equal(batch.items[0].line.ptr,
			    "{\"Item\":{\"a\":{\"N\":\"1\"}}}", 24);
	assert_int_equal(batch.items[1].number, 5);
	assert_int_equal(batch.items[1].offset, 41);
	assert_int_equal(batch.items[2].number, 6);
	assert_int_equal(batch.items[2].offset, 53);
	assert_int_equal(ion_line(reader), 8);
	assert_int_equal(ion_blank_lines(reader), 4);
}

static void
containers_nest_as_deep_as_dynamodb_allows(void **state)
{
	char lines[512];

	(void)state;
	for (int wrapped = 0; wrapped < 2; wrapped++)
		for (int depth = 32; depth <= 33; depth++) {
			int n = snprintf(lines, sizeof(lines), "%s{a:",
					 wrapped ? "{Item:" : "");

			for (int i = 0; i < depth; i++)
				lines[n++] = '[';
			for (int i = 0; i < depth; i++)
				lines[n++] = ']';
			snprintf(lines + n, 8, "}%s", wrapped ? "}" : "");
			decode(lines);
			assert_int_equal(batch.nitems, depth == 32);
			assert_int_equal(batch.nrejects, depth == 33);
		}
}

/* ---- blocks -------------------------------------------------------------- */

/* All that is told of some text, read in blocks that end at `cut`. */
static void
digest(const char *bytes, size_t len, size_t cut, struct buf *out)
{
	struct err err = { 0 };
	size_t at = 0, want = cut;

	ion_rewind(reader);
	buf_reset(out);
	for (bool done = false; !done;) {
		const size_t end = want < len ? want : len;
		const struct span in = block_of(bytes + at, end - at);
		size_t used;

		batch_reset(&batch);
		assert_int_equal(ion_decode(reader, in, end == len, &batch,
					    &used, &err), 0);
		assert_true(used <= in.len);
		for (uint32_t i = 0; i < batch.nitems; i++) {
			const struct item *const item = &batch.items[i];

			assert_int_equal(buf_printf(out, &err, "%d %d %.*s\n",
				(int)item->number, (int)item->offset,
				(int)item->line.len,
				(const char *)item->line.ptr), 0);
			assert_int_equal(ddbjson_encode(item, 1, out, &err),
					 0);
		}
		/* Items and rejects come in turns or not: each in its list. */
		for (uint32_t i = 0; i < batch.nrejects; i++)
			assert_int_equal(buf_printf(out, &err,
				"%d %d %d %d %s\n",
				(int)batch.rejects[i].number,
				(int)batch.rejects[i].offset,
				(int)batch.rejects[i].at,
				(int)batch.rejects[i].line.len,
				batch.rejects[i].why.text), 0);
		at += used;
		done = end == len && at == len;
		want = len;
	}
	assert_int_equal(buf_printf(out, &err, "%d %d",
				    (int)ion_line(reader),
				    (int)ion_blank_lines(reader)), 0);
}

static void
however_text_is_cut_into_blocks_it_says_the_same(void **state)
{
	static const char *const TEXTS[] = {
		"// one\n\n $ion_1_0 {Item:{a:1.}}\n$ion_1_0\n{a:'''\n''' '''\n"
		"''', b: {{ YQ\n== }} /* x\ny */ } {a:2.}\n\n \n$ion_1_0 "
		"{Item:{id:\"1\\\n2\", 'x': [1., {y: {}}], z: null.int}}",
		"$ion_1_0 {Item:{a:1.,\n$ion_1_0 {Item:{b:oops}}\n"
		"$ion_1_0 {Item:{c:\"x\n$ion_1_0 {Item:{d:1.}}\n garbage\n"
		"more garbage\n$ion_1_0 {Item:{e:'''\n\n$ion_1_0 {Item:{}}\n"
		"/*\n{}\n",
		"$ion_1_0 $ion_symbol_table::{symbols:[\"a\"]}\n{$10:1.}\n"
		"$ion_symbol_table :: {imports:$ion_symbol_table,\n"
		"symbols:[\"b\"]} {$10:1.,$11:{$11:2.}}\r{$12:3.}\n"
		"'$ion_symbol_table'\n::\n{symbols:[\"c\"]} {$10:4.}\n",
	};
	struct buf whole = { 0 }, parts = { 0 };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		const size_t len = strlen(TEXTS[i]);

		digest(TEXTS[i], len, len, &whole);
		assert_true(whole.len > 0);
		for (size_t cut = 0; cut < len && i != 1; cut++) {
			digest(TEXTS[i], len, cut, &parts);
			assert_int_equal(parts.len, whole.len);
			assert_memory_equal(parts.ptr, whole.ptr, whole.len);
		}
	}
	buf_free(&whole);
	buf_free(&parts);
}

/* Every beginning of some text: nothing is read behind its end. */
static void
text_may_end_anywhere(void **state)
{
	(void)state;
	for (int i = 0; i < NGOOD; i++)
		for (size_t n = 0; n <= strlen(GOOD[i].ion); n++)
			decode_bytes(GOOD[i].ion, n);
	for (int i = 0; i < NBAD; i++)
		for (size_t n = 0; n <= strlen(BAD[i].ion); n++)
			decode_bytes(BAD[i].ion, n);
}

static void
no_more_values_come_at_once_than_are_promised(void **state)
{
	enum { N = 2500 };
	static char lines[3 * N + 1];
	struct err err = { 0 };
	size_t at = 0, used;
	uint32_t n = 0;

	(void)state;
	for (int i = 0; i < N; i++)
		memcpy(lines + 3 * i, i % 3 == 0 ? "{}\n" : "{} ", 4);
	const struct span in = block_of(lines, 3 * N);
	ion_rewind(reader);
	for (int calls = 1; at < in.len; calls++) {
		batch_reset(&batch);
		assert_int_equal(ion_decode(reader, (struct span){
					in.ptr + at, in.len - at }, true,
					&batch, &used, &err), 0);
		assert_true(batch.nitems <= ION_MAX_VALUES);
		assert_true(used > 0 && calls < 10);
		assert_int_equal(batch.items[0].offset, 3 * n);
		assert_int_equal(batch.items[0].number, n / 3 + (n % 3 > 0) + 1);
		n += batch.nitems;
		at += used;
	}
	assert_int_equal(n, N);
}

/* Comments without an end, each of which is looked for to the end of all. */
static void
what_never_ends_is_given_up_in_time(void **state)
{
	enum { LINES = 400000 };
	static const char *const TEXTS[] = { "{a:/*\n", "{'''\n\\", "{a:{{\n" };
	char *const lines = malloc(8 * LINES);
	struct err err = { 0 };

	(void)state;
	assert_non_null(lines);
	for (size_t i = 0; i < 3; i++) {
		const size_t len = strlen(TEXTS[i]);
		size_t used;

		for (size_t k = 0; k < LINES; k++)
			memcpy(lines + len * k, TEXTS[i], len);
		const struct span in = block_of(lines, len * LINES);
		ion_rewind(reader);
		for (size_t at = 0; at < in.len; at += used) {
			batch_reset(&batch);
			assert_int_equal(ion_decode(reader, (struct span){
					in.ptr + at, in.len - at }, true,
					&batch, &used, &err), 0);
			assert_true(used > 0);
			assert_int_equal(batch.nitems, 0);
		}
	}
	free(lines);
}

static void
a_value_that_does_not_end_in_a_window_is_a_reject(void **state)
{
	char *const lines = malloc(ION_MAX_LEN);
	struct err err = { 0 };
	size_t used;

	(void)state;
	assert_non_null(lines);
	memset(lines, '\n', ION_MAX_LEN);
	memcpy(lines, "{Item:{a:/*\n", 12);
	memcpy(lines + 12, ION "{b:1.}}\n", 23);
	const struct span in = block_of(lines, ION_MAX_LEN);
	batch_reset(&batch);
	ion_rewind(reader);
	assert_int_equal(ion_decode(reader, (struct span){ in.ptr, 1 << 20 },
				    false, &batch, &used, &err), 0);
	assert_int_equal(used, 0);
	assert_int_equal(ion_decode(reader, in, false, &batch, &used, &err),
			 0);
	assert_int_equal(batch.nrejects, 1);
	assert_string_equal(batch.rejects[0].why.text,
			    "a comment that does not end");
	assert_int_equal(batch.nitems, 1);
	assert_int_equal(used, in.len);
	free(lines);
}

static void
binary_ion_is_told_from_text(void **state)
{
	struct err err = { 0 };
	size_t used;

	(void)state;
	batch_reset(&batch);
	ion_rewind(reader);
	const struct span in = block_of("\xE0\x01\x00\xEA\x0F", 5);
	assert_int_equal(ion_decode(reader, in, true, &batch, &used, &err),
			 -1);
	assert_int_equal(err.code, ERR_INPUT);
	assert_ptr_equal(item_format_of(in), &ion_format);
}

static void
ion_is_known_by_how_it_begins(void **state)
{
	static const char *const OURS[] = {
		"$ion_1_0 {Item:{}}", " \n$ion_1_0", "{Item:{a:1.}}",
		"// one\r/* two */\n$ion_1_0", "{\n  'Item' /**/: {",
		"$ion_symbol_table::{}", "'$ion_symbol_table'::{}",
	};
	static const char *const OTHERS[] = {
		"", "{", "{\"Item\":{}}", "{item:1}", "$ion_1", "a,b\n",
		"/", "//", "/* {Item:", "{Item", "{ Items:{",
	};

	(void)state;
	for (size_t i = 0; i < 7; i++)
		assert_ptr_equal(item_format_of(span_of(OURS[i])),
				 &ion_format);
	for (size_t i = 0; i < 11; i++)
		assert_ptr_not_equal(item_format_of(span_of(OTHERS[i])),
				     &ion_format);
	assert_ptr_equal(item_format_named("ion"), &ion_format);
}

/* ---- records of incremental exports -------------------------------------- */

static void
records_of_incremental_exports_are_read(void **state)
{
	static const char TEXT[] =
		" $ion_1_0 {Metadata:{WriteTimestampMicros:1768386096366933.},"
		"Keys:{id:\"1\"},OldImage:{id:\"1\",n:1.},NewImage:{id:\"1\"}}\n"
		"$ion_1_0 {Keys:{id:\"2\"}}\n"
		"$ion_1_0 {Item:{id:\"3\"}}\n"
		"$ion_1_0 {Keys:\"x\"}\n"
		"$ion_1_0 {NewImage:{id:\"x\"}}\n"
		"$ion_1_0 {Keys:{}}\n"
		"$ion_1_0 {Keys:{id:true}}\n"
		"$ion_1_0 {Keys:{id:\"\"}}\n"
		"$ion_1_0 {Keys:{n:1.},OldImage:{n:1.0},NewImage:{n:2.}}\n"
		"$ion_1_0 {Keys:{n:1.},OldImage:{n:1.50}}\n";
	static const char *const WHY[] = {
		"no record of an incremental export",
		"no record of an incremental export",
		"no record of an incremental export",
		"Keys has neither one attribute nor two",
		"an attribute of Keys is neither S, N nor B",
		"an attribute of Keys is empty",
		"NewImage has another key than Keys",
		"OldImage has another key than Keys",
	};
	const struct span in = block_of(TEXT, sizeof(TEXT) - 1);
	struct ion *const d = ion_new(true, NULL);
	struct err err = { 0 };
	size_t used;

	(void)state;
	batch_reset(&batch);
	assert_int_equal(ion_decode(d, in, true, &batch, &used, &err), 0);
	assert_int_equal(used, in.len);
	assert_int_equal(batch.nitems, 0);
	assert_int_equal(batch.nrecords, 2);
	assert_int_equal(batch.nrejects, 8);
	for (size_t i = 0; i < 8; i++)
		assert_string_equal(batch.rejects[i].why.text, WHY[i]);

	const struct record *const r = batch.records;
	assert_int_equal(r[0].keys->map.len, 2);
	assert_int_equal(r[0].old->map.len, 4);
	assert_int_equal(r[0].new->map.len, 2);
	assert_int_equal(r[0].number, 1);
	assert_int_equal(r[0].offset, 1);
	assert_int_equal(r[0].old->offset, 1);
	assert_int_equal(r[0].old->number, 1);
	assert_memory_equal(r[0].line.ptr, "$ion_1_0 {Meta", 14);
	assert_memory_equal(r[0].old->line.ptr, "{\"Item\":{\"id\":", 14);
	assert_int_equal(r[1].keys->map.len, 2);
	assert_null(r[1].old);
	assert_null(r[1].new);
	assert_int_equal(r[1].number, 2);
	assert_ptr_equal(ion_format.records, &ion_record_format);
	ion_free(d);
}

/* ---- out ----------------------------------------------------------------- */

/* Items as JSON, and as the one text that Ion has for them. */
static const struct {
	const char *json, *ion;
} WRITTEN[] = {
	{ JSON(""), ION "{}}\n" },
	{ JSON("\"id\":{\"S\":\"a\"},\"n\":{\"N\":\"103\"},\"p\":{\"N\":\"600\"},"
	       "\"q\":{\"N\":\"2000\"},\"t\":{\"BOOL\":true},"
	       "\"f\":{\"BOOL\":false},\"u\":{\"NULL\":true},"
	       "\"b\":{\"B\":\"aGVsbG8=\"},\"m\":{\"M\":{\"a\":{\"M\":{}}}},"
	       "\"l\":{\"L\":[{\"N\":\"1\"},{\"L\":[]}]},"
	       "\"ss\":{\"SS\":[\"b\",\"a\"]},\"ns\":{\"NS\":[\"10\",\"2.50\"]},"
	       "\"bs\":{\"BS\":[\"YQ==\"]}"),
	  ION "{id:\"a\",n:103.,p:6d2,q:2d3,t:true,f:false,u:null,"
	  "b:{{aGVsbG8=}},m:{a:{}},l:[1.,[]],ss:$dynamodb_SS::[\"b\",\"a\"],"
	  "ns:$dynamodb_NS::[1d1,2.5],bs:$dynamodb_BS::[{{YQ==}}]}}\n" },
	{ JSON("\"l\":{\"L\":[{\"N\":\"0\"},{\"N\":\"-0\"},{\"N\":\"+7\"},"
	       "{\"N\":\"-1.50\"},{\"N\":\"0.1\"},{\"N\":\".5\"},"
	       "{\"N\":\"0.000001\"},{\"N\":\"0.0000001\"},"
	       "{\"N\":\"0.00000015\"},{\"N\":\"0.000123\"},{\"N\":\"1E5\"},"
	       "{\"N\":\"1.25E1\"},{\"N\":\"100.25\"},{\"N\":\"1E-130\"},"
	       "{\"N\":\"-12E-20\"},{\"N\":\"1E125\"},{\"N\":\"007\"}]}"),
	  ION "{l:[0.,0.,7.,-1.5,0.1,0.5,0.000001,1d-7,1.5d-7,0.000123,1d5,"
	  "12.5,100.25,1d-130,-1.2d-19,1d125,7.]}}\n" },
	{ JSON("\"a\":{\"NULL\":true},\"_$1\":{\"NULL\":true},"
	       "\"$\":{\"NULL\":true},\"$1a\":{\"NULL\":true},"
	       "\"$12\":{\"NULL\":true},\"1a\":{\"NULL\":true},"
	       "\"null\":{\"NULL\":true},\"true\":{\"NULL\":true},"
	       "\"false\":{\"NULL\":true},\"nan\":{\"NULL\":true},"
	       "\"int\":{\"NULL\":true},\"a b\":{\"NULL\":true},"
	       "\"a.b\":{\"NULL\":true},\"it's\":{\"NULL\":true},"
	       "\"\\\"\":{\"NULL\":true},\"\\u0061\\n\":{\"NULL\":true},"
	       "\"é\":{\"NULL\":true},\"'''\":{\"NULL\":true}"),
	  ION "{a:null,_$1:null,$:null,$1a:null,'$12':null,'1a':null,"
	  "'null':null,'true':null,'false':null,'nan':null,int:null,"
	  "'a b':null,'a.b':null,'it\\'s':null,'\"':null,'a\\n':null,'é':null,"
	  "'\\'\\'\\'':null}}\n" },
	{ JSON("\"s\":{\"S\":\"\\u0000\\u0001\\u0007\\b\\t\\n\\u000b\\f\\r\\u001f"
	       "\\\"'\\\\\\/\\u00e9\\ud83c\\udfe0?\x7f\"}"),
	  ION "{s:\"\\0\\x01\\a\\b\\t\\n\\v\\f\\r\\x1f\\\"'\\\\/é🏠?\x7f\"}}\n" },
	{ JSON("\"s\":{\"S\":\"0123456789abcdef0123456789abcdef\\\"0123456789\"}"
	       ",\"n\":{\"N\":\"\\u0031\"},\"b\":{\"B\":\"a\\/b+\"}"),
	  ION "{s:\"0123456789abcdef0123456789abcdef\\\"0123456789\",n:1.,"
	  "b:{{a/b+}}}}\n" },
};

static void
one_value_has_one_text(void **state)
{
	struct ddbjson *const d = ddbjson_new(NULL);

	(void)state;
	for (size_t i = 0; i < sizeof(WRITTEN) / sizeof(WRITTEN[0]); i++) {
		const struct span in = block_of(WRITTEN[i].json,
						strlen(WRITTEN[i].json));
		struct err err = { 0 };
		size_t used;

		batch_reset(&batch);
		assert_int_equal(ddbjson_decode(d, in, true, &batch, &used,
						&err), 0);
		assert_int_equal(batch.nitems, 1);
		assert_string_equal(as_ion(&batch), WRITTEN[i].ion);

		/* And what was read from that has that text again. */
		decode(WRITTEN[i].ion);
		assert_int_equal(batch.nitems, 1);
		assert_string_equal(as_ion(&batch), WRITTEN[i].ion);
	}
	ddbjson_free(d);
}

static void
what_is_written_is_read_as_the_same(void **state)
{
	(void)state;
	for (int i = 0; i < NGOOD; i++) {
		if (GOOD[i].json == NULL)
			continue;
		decode(GOOD[i].ion);
		char *const ion = strdup(as_ion(&batch));
		decode(ion);
		assert_int_equal(batch.nrejects, 0);
		assert_string_equal(as_json(), GOOD[i].json);
		free(ion);
	}
}

static void
large_values_go_through(void **state)
{
	enum { LEN = 300000, NAMES = 3000 };
	static char line[2 * LEN + 100];
	struct err err = { 0 };
	struct buf names = { 0 };
	int n = snprintf(line, sizeof(line), ION "{a:\"");

	(void)state;
	for (int i = 0; i < LEN; i++)
		line[n++] = (char)(' ' + 1 + i % 90 + (i % 90 == '"' - 33) +
				   2 * (i % 90 == '\\' - 33));
	snprintf(line + n, 8, "\"}}\n");
	decode(line);
	assert_int_equal(batch.nitems, 1);
	assert_int_equal(batch.items[0].map.kids[1].len, LEN);
	assert_string_equal(as_ion(&batch), line);

	for (int twice = 0; twice < 2; twice++) {
		buf_reset(&names);
		assert_int_equal(buf_printf(&names, &err, ION "{"), 0);
		for (int i = 0; i < NAMES; i++)
			assert_int_equal(buf_printf(&names, &err, "a%d:%d.,",
				i == NAMES - 1 && twice ? 5 : i, i), 0);
		assert_int_equal(buf_printf(&names, &err, "}}\n"), 0);
		decode_bytes((const char *)names.ptr, names.len);
		assert_int_equal(batch.nitems, !twice);
	}
	assert_string_equal(batch.rejects[0].why.text,
			    "attribute 'a5' stands twice");
	buf_free(&names);
}

static int
set_up(void **state)
{
	struct err err;

	(void)state;
	reader = ion_new(false, &err);
	writer = ion_writer_new(&err);
	return reader == NULL || writer == NULL;
}

static int
tear_down(void **state)
{
	(void)state;
	ion_free(reader);
	ion_writer_free(writer);
	batch_free(&batch);
	buf_free(&text);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_spelling_of_an_item_is_read),
		cmocka_unit_test(what_is_wrong_is_refused_with_line_and_column),
		cmocka_unit_test(after_a_bad_value_the_next_one_is_found),
		cmocka_unit_test(a_bad_value_of_many_lines_is_one_reject),
		cmocka_unit_test(
			a_value_cut_off_does_not_take_the_next_one_along),
		cmocka_unit_test(values_know_where_they_stand),
		cmocka_unit_test(containers_nest_as_deep_as_dynamodb_allows),
		cmocka_unit_test(
			however_text_is_cut_into_blocks_it_says_the_same),
		cmocka_unit_test(text_may_end_anywhere),
		cmocka_unit_test(no_more_values_come_at_once_than_are_promised),
		cmocka_unit_test(what_never_ends_is_given_up_in_time),
		cmocka_unit_test(
			a_value_that_does_not_end_in_a_window_is_a_reject),
		cmocka_unit_test(binary_ion_is_told_from_text),
		cmocka_unit_test(ion_is_known_by_how_it_begins),
		cmocka_unit_test(records_of_incremental_exports_are_read),
		cmocka_unit_test(one_value_has_one_text),
		cmocka_unit_test(what_is_written_is_read_as_the_same),
		cmocka_unit_test(large_values_go_through),
	};

	return cmocka_run_group_tests_name("ion", tests, set_up, tear_down);
}
