/* test_batchwrite.c - items grouped into requests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "formats/batchwrite.h"
#include "formats/ddbjson.h"
#include "formats/formats.h"
#include "model/batch.h"

#define NAME(text) { (const uint8_t *)(text), sizeof(text) - 1 }

static struct buf text;		/* files, with a line of `--` after each */
static struct err why;

/* Write lines of DynamoDB JSON; files, or -1. */
static int
put(const struct item_rules *rules, const char *lines, size_t len)
{
	const struct item_format *const f = &batchwrite_format;
	struct err err;
	struct ddbjson *const d = ddbjson_new(&err);
	struct batch b = { 0 };
	struct buf block = { 0 };
	int nfiles = 0, rc = 0;
	size_t used;

	assert_int_equal(buf_append(&block, (struct span){
		(const uint8_t *)lines, len }, &err), 0);
	assert_non_null(buf_reserve(&block, DDBJSON_SLACK, &err));
	assert_int_equal(ddbjson_decode(d, buf_span(&block), true, &b, &used,
					&err), 0);
	assert_int_equal(b.nrejects, 0);
	buf_reset(&text);
	void *const w = f->encode_start(rules, &err);
	assert_non_null(w);
	for (uint32_t i = 0; rc == 0 && i < b.nitems; i++) {
		const size_t before = text.len;
		const int full = f->encode_full(w, &b.items[i], &why);

		if (full > 0) {
			assert_int_equal(f->encode_end(w, &text, &err), 0);
			assert_int_equal(buf_printf(&text, &err, "--\n"), 0);
			nfiles++;
		}
		rc = f->encode(w, &b.items[i], &text, &why);
		if (rc != 0)
			assert_int_equal(text.len, before);
	}
	assert_int_equal(f->encode_end(w, &text, &err), 0);
	nfiles += text.len > 0;
	f->encode_stop(w);
	batch_free(&b);
	ddbjson_free(d);
	buf_free(&block);
	assert_int_equal(buf_printf(&text, &err, "%c", 0), 0);
	return rc == 0 ? nfiles : -1;
}

static const struct item_rules PK = {
	.pk = NAME("id"), .table = NAME("Things"),
};
static const struct item_rules BOTH = {
	.pk = NAME("id"), .sk = NAME("n"), .table = NAME("Things"),
};

#define ONE "{\"Item\":{\"id\":{\"S\":\"a\"},\"x\":{\"L\":[{\"N\":\"1\"}]}}}\n"
#define TWO "{\"Item\":{\"id\":{\"S\":\"b\"}}}\n"

static void
a_request_is_what_the_aws_cli_takes(void **state)
{
	(void)state;
	assert_int_equal(put(&PK, ONE TWO, strlen(ONE TWO)), 1);
	assert_string_equal((char *)text.ptr,
		"{\"Things\":[{\"PutRequest\":{\"Item\":{\"id\":{\"S\":\"a\"},"
		"\"x\":{\"L\":[{\"N\":\"1\"}]}}}},\n"
		"{\"PutRequest\":{\"Item\":{\"id\":{\"S\":\"b\"}}}}]}\n");
	assert_int_equal(put(&PK, "", 0), 0);
	assert_string_equal((char *)text.ptr, "");
}

static void
equal_keys_are_never_in_one_request(void **state)
{
	static const struct {
		const struct item_rules *rules;
		const char *a, *b;
		int nfiles;
	} PAIRS[] = {
		{ &PK, "\"id\":{\"S\":\"a\"}", "\"id\":{\"S\":\"a\"}", 2 },
		{ &PK, "\"id\":{\"S\":\"a\"}", "\"id\":{\"S\":\"\\u0061\"}",
		  2 },
		{ &PK, "\"id\":{\"N\":\"1\"}", "\"id\":{\"N\":\"1.0\"}", 2 },
		{ &PK, "\"id\":{\"N\":\"1\"}", "\"id\":{\"S\":\"1\"}", 1 },
		{ &PK, "\"id\":{\"B\":\"AA==\"}", "\"id\":{\"B\":\"AA==\"}",
		  2 },
		{ &BOTH, "\"id\":{\"S\":\"a\"},\"n\":{\"N\":\"1\"}",
		  "\"id\":{\"S\":\"a\"},\"n\":{\"N\":\"2\"}", 1 },
		{ &BOTH, "\"id\":{\"S\":\"a\"},\"n\":{\"N\":\"1\"}",
		  "\"n\":{\"N\":\"1e0\"},\"id\":{\"S\":\"a\"}", 2 },
		{ &BOTH, "\"id\":{\"S\":\"a\"},\"n\":{\"S\":\"b\"}",
		  "\"id\":{\"S\":\"b\"},\"n\":{\"S\":\"a\"}", 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(PAIRS) / sizeof(PAIRS[0]); i++) {
		char lines[400];

		snprintf(lines, sizeof(lines), "{\"Item\":{%s}}\n"
			 "{\"Item\":{%s}}\n", PAIRS[i].a, PAIRS[i].b);
		assert_int_equal(put(PAIRS[i].rules, lines, strlen(lines)),
				 PAIRS[i].nfiles);
	}
}

static void
a_request_has_25_items_and_16_mb_at_most(void **state)
{
	struct buf lines = { 0 };
	struct err err;

	(void)state;
	for (int i = 0; i < 51; i++)
		assert_int_equal(buf_printf(&lines, &err, "{\"Item\":{\"id\":{"
					    "\"N\":\"%d\"}}}\n", i), 0);
	assert_int_equal(put(&PK, (char *)lines.ptr, lines.len), 3);

	/* Escapes make much of little. */
	buf_reset(&lines);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(buf_printf(&lines, &err, "{\"Item\":{\"id\":{"
			"\"N\":\"%d\"},\"x\":{\"S\":\"", i), 0);
		for (int k = 0; k < 390 * 1024; k++)
			assert_int_equal(buf_append(&lines, span_of("\\u0000"),
						    &err), 0);
		assert_int_equal(buf_append(&lines, span_of("\"}}}\n"), &err),
				 0);
	}
	assert_int_equal(put(&PK, (char *)lines.ptr, lines.len), 2);
	for (const char *p = (char *)text.ptr, *end; p != NULL; p = end) {
		end = strstr(p, "--\n");
		const size_t n = end != NULL ? (size_t)(end - p) : strlen(p);
		end = end != NULL ? end + 3 : NULL;
		assert_true(n <= BATCHWRITE_LEN);
	}
	buf_free(&lines);
}

static void
an_item_without_its_key_is_refused(void **state)
{
	struct item_rules none = PK;
	struct err err;

	(void)state;
	assert_int_equal(put(&BOTH, ONE, strlen(ONE)), -1);
	assert_int_equal(why.code, ERR_INPUT);
	assert_string_equal(why.text, "key attribute 'n' is missing, or "
			    "neither S, N nor B");
	none.pk.len = 0;
	assert_null(batchwrite_format.encode_start(&none, &err));
	assert_int_equal(err.code, ERR_USAGE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_what_the_aws_cli_takes),
		cmocka_unit_test(equal_keys_are_never_in_one_request),
		cmocka_unit_test(a_request_has_25_items_and_16_mb_at_most),
		cmocka_unit_test(an_item_without_its_key_is_refused),
	};
	const int rc = cmocka_run_group_tests_name("batchwrite", tests, NULL,
						   NULL);

	buf_free(&text);
	return rc;
}
