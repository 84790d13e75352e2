/* test_manifest.c - manifests as AWS writes them, and as others damage them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "formats/manifest.h"
#include "tests/guard.h"

/* As real ones are, but for the account. */
static const char FULL[] =
	"{\"version\":\"2020-06-30\",\"exportArn\":\"arn:aws:dynamodb:eu-central"
	"-1:123456789012:table/S3ExportTest/export/01715685260608-c488b4e1\","
	"\"startTime\":\"2024-05-14T11:14:20.608Z\",\"endTime\":\"2024-05-14T11:"
	"19:26.869Z\",\"tableArn\":\"arn:aws:dynamodb:eu-central-1:123456789012:"
	"table/S3ExportTest\",\"tableId\":\"11991185-e7ab-4da5-8bab-03f0db0b7bfd"
	"\",\"exportTime\":\"2024-05-14T11:14:20.608Z\",\"s3Bucket\":\"test-bucke"
	"t\",\"s3Prefix\":\"dynamodb-export\",\"s3SseAlgorithm\":\"AES256\",\"s3S"
	"seKmsKeyId\":null,\"manifestFilesS3Key\":\"dynamodb-export/AWSDynamoDB/"
	"01715685260608-c488b4e1/manifest-files.json\",\"billedSizeBytes\":19,"
	"\"itemCount\":3,\"outputFormat\":\"DYNAMODB_JSON\"}";

static const char INCREMENTAL[] =
	"{\"version\":\"2023-08-01\",\"exportArn\":\"arn:aws:dynamodb:us-east-1:"
	"123456789012:table/T/export/01700000000000-0123abcd\",\"startTime\":"
	"\"a\",\"endTime\":\"b\",\"tableArn\":\"arn:aws:dynamodb:us-east-1:123456"
	"789012:table/T\",\"tableId\":\"i\",\"exportFromTime\":\"from\",\"export"
	"ToTime\":\"to\",\"s3Bucket\":\"b\",\"s3Prefix\":null,\"s3SseAlgorithm\":"
	"\"AES256\",\"s3SseKmsKeyId\":null,\"manifestFilesS3Key\":\"k\",\"billedS"
	"izeBytes\":10000000,\"itemCount\":0,\"outputFormat\":\"DYNAMODB_JSON\","
	"\"outputView\":\"NEW_AND_OLD_IMAGES\",\"exportType\":\"INCREMENTAL_EXPOR"
	"T\"}";

static const char FILES[] =
	"{\"itemCount\":1,\"md5Checksum\":\"GU91TK0j/VScbZRuscHrZw==\",\"etag\":"
	"\"3e7f0c9a96324cb46ac0dfe1b6223167-1\",\"dataFileS3Key\":\"AWSDynamoDB/0"
	"1725803054816-222a3242/data/3owez2hbem5wvn33ax4ux4voe4.json.gz\"}\n"
	"{\"itemCount\":0,\"md5Checksum\":\"FjvgqIxwymKf1RbbqtrZag==\",\"etag\":"
	"\"7deb4078f238dd87d6af0538152c04e9-1\",\"dataFileS3Key\":\"AWSDynamoDB/0"
	"1725803054816-222a3242/data/7aew555rcm5kboyqagi5y7im7i.json.gz\"}\n";

static struct arena mem;

static int
forget(void **state)
{
	(void)state;
	arena_free(&mem);
	return 0;
}

static struct span
guarded(const char *text)
{
	return guard_copy((const uint8_t *)text, strlen(text));
}

static void
reads_and_writes_the_summary_of_a_full_export(void **state)
{
	struct manifest_summary m;
	struct err err = { 0 };
	struct buf out = { 0 };

	(void)state;
	assert_int_equal(manifest_read_summary(guarded(FULL), "m", &mem, &m,
					       &err), 0);
	assert_string_equal(m.table, "S3ExportTest");
	assert_string_equal(m.id, "01715685260608-c488b4e1");
	assert_string_equal(m.export_time, "2024-05-14T11:14:20.608Z");
	assert_null(m.from_time);
	assert_null(m.sse_kms_key);
	assert_null(m.export_type);
	assert_int_equal(m.nitems, 3);
	assert_int_equal(m.billed_len, 19);

	assert_int_equal(manifest_write_summary(&m, &out, &err), 0);
	assert_true(span_is(buf_span(&out), FULL));
	buf_free(&out);
}

static void
reads_and_writes_the_summary_of_an_incremental_export(void **state)
{
	struct manifest_summary m;
	struct err err = { 0 };
	struct buf out = { 0 };

	(void)state;
	assert_int_equal(manifest_read_summary(guarded(INCREMENTAL), "m", &mem,
					       &m, &err), 0);
	assert_null(m.export_time);
	assert_string_equal(m.from_time, "from");
	assert_string_equal(m.to_time, "to");
	assert_int_equal(manifest_write_summary(&m, &out, &err), 0);
	assert_true(span_is(buf_span(&out), INCREMENTAL));
	buf_free(&out);
}

static void
reads_and_writes_the_lines_of_the_files(void **state)
{
	struct manifest_file *f;
	size_t n;
	struct err err = { 0 };
	struct buf out = { 0 };

	(void)state;
	assert_int_equal(manifest_read_files(guarded(FILES), "m", &mem, &f, &n,
					     &err), 0);
	assert_int_equal(n, 2);
	assert_int_equal(f[0].nitems, 1);
	assert_true(f[0].has_md5);
	assert_int_equal(f[0].md5[0], 0x19);
	assert_string_equal(f[1].key, "AWSDynamoDB/01725803054816-222a3242/data/"
			    "7aew555rcm5kboyqagi5y7im7i.json.gz");
	for (size_t i = 0; i < n; i++)
		assert_int_equal(manifest_write_file(&f[i], &out, &err), 0);
	assert_true(span_is(buf_span(&out), FILES));
	buf_free(&out);
}

static void
reads_files_without_a_last_newline_or_with_blank_lines(void **state)
{
	struct manifest_file *f;
	size_t n;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(manifest_read_files(guarded(
		"\n{\"itemCount\":7,\"dataFileS3Key\":\"a\"}\r\n \n"
		"{\"itemCount\":8,\"dataFileS3Key\":\"b\",\"new\":{}}"),
		"m", &mem, &f, &n, &err), 0);
	assert_int_equal(n, 2);
	assert_int_equal(f[0].nitems + f[1].nitems, 15);
	assert_false(f[0].has_md5);
	assert_int_equal(manifest_read_files(guarded(""), "m", &mem, &f, &n,
					     &err), 0);
	assert_int_equal(n, 0);
}

static void
refuses_what_is_no_manifest(void **state)
{
	static const char *const SUMMARIES[] = {
		"", "[]", "{}", "{\"itemCount\":1}", "{\"itemCount\":-1,"
		"\"tableArn\":\"arn:x:table/T\"}", "{\"itemCount\":\"1\","
		"\"tableArn\":\"arn:x:table/T\"}", "{\"itemCount\":1,"
		"\"tableArn\":\"arn:x:table/\"}", "{\"itemCount\":1,"
		"\"tableArn\":5}",
	};
	static const char *const FILE_LINES[] = {
		"{", "5", "{\"itemCount\":1}", "{\"dataFileS3Key\":\"a\"}",
		"{\"itemCount\":1,\"dataFileS3Key\":\"a\",\"md5Checksum\":\"A\"}",
		("{\"itemCount\":1,\"dataFileS3Key\":\"a\",\"md5Checksum\":"
		 "\"AAAA\"}"),
		"{\"itemCount\":1.5,\"dataFileS3Key\":\"a\"}",
	};
	struct manifest_summary m;
	struct manifest_file *f;
	size_t n;

	(void)state;
	for (size_t i = 0; i < sizeof(SUMMARIES) / sizeof(SUMMARIES[0]); i++) {
		struct err err = { 0 };

		assert_int_equal(manifest_read_summary(guarded(SUMMARIES[i]),
						       "s.json", &mem, &m,
						       &err), -1);
		assert_int_equal(err.code, ERR_INPUT);
		assert_memory_equal(err.text, "s.json", 6);
	}
	for (size_t i = 0; i < sizeof(FILE_LINES) / sizeof(FILE_LINES[0]);
	     i++) {
		struct err err = { 0 };

		assert_int_equal(manifest_read_files(guarded(FILE_LINES[i]),
						     "f.json", &mem, &f, &n,
						     &err), -1);
		assert_int_equal(err.code, ERR_INPUT);
		assert_memory_equal(err.text, "f.json:1:", 9);
	}
}

static void
a_bad_line_is_told_with_its_number_and_column(void **state)
{
	struct manifest_file *f;
	struct err err = { 0 };
	size_t n;

	(void)state;
	assert_int_equal(manifest_read_files(guarded(
		"{\"itemCount\":1,\"dataFileS3Key\":\"a\"}\n\n{\"itemCount\"1}"),
		"f.json", &mem, &f, &n, &err), -1);
	assert_string_equal(err.text, "f.json:3:13: ':' must stand here");
	assert_int_equal(manifest_read_files(guarded(
		"{\"itemCount\":1,\"dataFileS3Key\":\"a\"}\n{\"itemCount\":1}"),
		"f.json", &mem, &f, &n, &err), -1);
	assert_string_equal(err.text, "f.json:2: 'dataFileS3Key' is missing");
}

static void
refuses_every_truncation(void **state)
{
	struct manifest_summary m;

	(void)state;
	for (size_t len = 0; len < strlen(FULL); len++) {
		struct err err = { 0 };

		assert_int_equal(manifest_read_summary(
			guard_copy((const uint8_t *)FULL, len), "m", &mem, &m,
			&err), -1);
		assert_int_equal(err.code, ERR_INPUT);
	}
}

/* The checksum file of a real export, whose manifest is FILES' big brother. */
static void
checks_checksums_with_and_without_a_newline(void **state)
{
	uint8_t sum[MANIFEST_CHECKSUM_LEN];

	(void)state;
	manifest_checksum(span_of(""), sum);
	assert_memory_equal(sum, "1B2M2Y8AsgTpgAmY7PhCfg==", sizeof(sum));
	assert_true(manifest_check(span_of("a"),
				   span_of("DMF1ucDxtqgxw5niaXcmYQ==")));
	assert_true(manifest_check(span_of("a"),
				   span_of("DMF1ucDxtqgxw5niaXcmYQ==\r\n")));
	assert_false(manifest_check(span_of("b"),
				    span_of("DMF1ucDxtqgxw5niaXcmYQ==")));
	assert_false(manifest_check(span_of("a"),
				    span_of("DMF1ucDxtqgxw5niaXcmYQ=")));
	assert_false(manifest_check(span_of("a"), span_of("")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_and_writes_the_summary_of_a_full_export),
		cmocka_unit_test(
			reads_and_writes_the_summary_of_an_incremental_export),
		cmocka_unit_test(reads_and_writes_the_lines_of_the_files),
		cmocka_unit_test(
			reads_files_without_a_last_newline_or_with_blank_lines),
		cmocka_unit_test(refuses_what_is_no_manifest),
		cmocka_unit_test(a_bad_line_is_told_with_its_number_and_column),
		cmocka_unit_test(refuses_every_truncation),
		cmocka_unit_test(checks_checksums_with_and_without_a_newline),
	};

	return cmocka_run_group_tests_name("manifest", tests, NULL, forget);
}
