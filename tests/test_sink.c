/*
 * test_sink.c - packed, counted and hashed bytes reach the drain; files appear
 * whole or not at all.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include <xxhash.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/md5.h"
#include "formats/formats.h"
#include "io/file.h"
#include "io/sink.h"
#include "io/source.h"
#include "tests/memio.h"

static char folder[64], final[128], temp[128];

static int
make_folder(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/test_sink.XXXXXX");
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(final, sizeof(final), "%s/00000001.json.gz", folder);
	snprintf(temp, sizeof(temp), "%s/.00000001.json.gz.part", folder);
	return 0;
}

static int
remove_folder(void **state)
{
	(void)state;
	unlink(final);
	unlink(temp);
	return rmdir(folder);
}

static bool
exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

static struct buf
make_text(size_t len)
{
	struct buf b = { 0 };
	struct err err;

	for (unsigned i = 0; b.len < len; i++)
		buf_printf(&b, &err, "line %u of some text\n", i * 2654435761U);
	b.len = len;
	return b;
}

/* Write `text` in steps to a sink over memory. */
static struct buf
write_all(struct span text, const char *format, size_t step)
{
	const struct byte_format *const f = format == NULL ? NULL :
					    byte_format_named(format);
	struct buf out = { 0 };
	struct err err = { 0 };
	bool committed = false;
	struct sink *const s = sink_open(mem_drain(&out, &committed), f, 0,
					 true, &err);
	struct sink_stats stats;
	const size_t len = text.len;
	uint8_t md5[MD5_LEN];

	while (text.len > 0) {
		const size_t n = text.len < step ? text.len : step;

		assert_int_equal(sink_write(s, (struct span){ text.ptr, n },
					    &err), 0);
		text.ptr += n;
		text.len -= n;
	}
	assert_false(committed);
	assert_int_equal(sink_commit(s, &stats, &err), 0);
	assert_true(committed);
	sink_close(s);

	assert_int_equal(stats.plain_len, len);
	assert_int_equal(stats.packed_len, out.len);
	assert_int_equal(stats.xxh3, XXH3_64bits(out.ptr, out.len));
	md5_of(buf_span(&out), md5);
	assert_memory_equal(stats.md5, md5, MD5_LEN);
	return out;
}

static void
gives_the_drain_the_same_bytes_however_they_came(void **state)
{
	static const size_t STEPS[] = {
		1, 1000, 65535, 65536, 262144, 262145, 900000,
	};
	struct buf text = make_text(900000);

	(void)state;
	struct buf gz = write_all(buf_span(&text), "gzip", SIZE_MAX);
	for (size_t i = 0; i < sizeof(STEPS) / sizeof(STEPS[0]); i++) {
		struct buf plain = write_all(buf_span(&text), NULL, STEPS[i]);
		struct buf packed = write_all(buf_span(&text), "gzip",
					      STEPS[i]);

		assert_true(span_equal(buf_span(&plain), buf_span(&text)));
		assert_true(span_equal(buf_span(&packed), buf_span(&gz)));
		buf_free(&plain);
		buf_free(&packed);
	}
	buf_free(&gz);
	buf_free(&text);
}

/* From a source to two sinks beside it, one of which is closed early. */
static void
beside_a_source_the_hashes_are_the_same(void **state)
{
	struct buf text = make_text(1000000), out[2] = { { 0 }, { 0 } };
	struct buf in = write_all(buf_span(&text), "gzip", SIZE_MAX);
	struct err err = { 0 };
	struct source *from;
	struct sink *to[2];
	struct span block;
	uint8_t got[MD5_LEN], want[MD5_LEN];
	int more, turn = 0;

	(void)state;
	for (int plain = 0; plain < 2; plain++) {
		const struct span bytes = buf_span(plain ? &text : &in);

		from = source_open(mem_feed(bytes, 0), true, &err);
		for (int i = 0; i < 2; i++) {
			buf_reset(&out[i]);
			to[i] = sink_open(mem_drain(&out[i], NULL), i == 0 ?
					  byte_format_named("gzip") : NULL, 1,
					  true, &err);
			md5_lane_join(sink_md5_lane(to[i]),
				      source_md5_lane(from));
		}
		do {
			more = source_peek(from, 100000, &block, &err);
			assert_int_equal(sink_write(to[0], block, &err), 0);
			if (++turn % 3 == 0)
				assert_int_equal(sink_pause(to[0], &err), 0);
			if (turn % 4 == 0)
				md5_lane_settle_all(source_md5_lane(from));
			block.len /= 1 + (size_t)more;
			if (to[1] != NULL)
				sink_write(to[1], block, &err);
			if (out[1].len > 300000) {
				sink_close(to[1]);
				to[1] = NULL;
			}
			source_consume(from, block.len);
		} while (more);

		struct sink_stats stats;
		assert_int_equal(sink_commit(to[0], &stats, &err), 0);
		md5_of(buf_span(&out[0]), want);
		assert_memory_equal(stats.md5, want, MD5_LEN);
		source_md5(from, got);
		md5_of(bytes, want);
		assert_memory_equal(got, want, MD5_LEN);
		source_close(from);
		sink_close(to[0]);
	}
	buf_free(&text);
	buf_free(&in);
	buf_free(&out[0]);
	buf_free(&out[1]);
}

static void
packs_a_text_of_nothing(void **state)
{
	(void)state;
	struct buf plain = write_all((struct span){ NULL, 0 }, NULL, 1);
	struct buf gz = write_all((struct span){ NULL, 0 }, "gzip", 1);

	assert_int_equal(plain.len, 0);
	assert_int_equal(gz.len, 20);
	buf_free(&gz);
}

static void
file_appears_at_commit_and_not_before(void **state)
{
	struct buf text = make_text(300000), got = { 0 };
	struct err err = { 0 };
	struct sink *const s = sink_open(file_drain(final, &err),
					 byte_format_named("gzip"), 1, true,
					 &err);
	struct span block;

	(void)state;
	assert_non_null(s);
	assert_int_equal(sink_write(s, buf_span(&text), &err), 0);
	assert_true(exists(temp));
	assert_false(exists(final));
	assert_int_equal(sink_commit(s, NULL, &err), 0);
	assert_false(exists(temp));
	assert_true(exists(final));
	sink_close(s);
	assert_true(exists(final));

	struct source *const from = source_open(file_feed(final, &err), false,
						&err);
	assert_int_equal(source_peek(from, 1 << 20, &block, &err), 0);
	assert_true(span_equal(block, buf_span(&text)));
	source_close(from);
	buf_free(&text);
	buf_free(&got);
}

static void
file_that_is_not_committed_leaves_nothing(void **state)
{
	struct err err = { 0 };
	struct sink *const s = sink_open(file_drain(final, &err), NULL, 0,
					 true, &err);

	(void)state;
	assert_int_equal(sink_write(s, span_of("text"), &err), 0);
	sink_close(s);
	assert_false(exists(temp));
	assert_false(exists(final));
}

/* As after a kill -9: a longer temporary file from before must not show. */
static void
file_from_an_attempt_before_is_written_over(void **state)
{
	struct err err = { 0 };
	struct buf got = { 0 };
	const int fd = open(temp, O_WRONLY | O_CREAT, 0666);

	(void)state;
	assert_int_equal(write(fd, "left from before", 16), 16);
	close(fd);
	assert_int_equal(file_save(final, span_of("new"), &err), 0);
	assert_int_equal(file_load(final, 100, &got, &err), 0);
	assert_true(span_is(buf_span(&got), "new"));
	assert_false(exists(temp));
	buf_free(&got);
}

static void
failed_write_names_the_file_and_cannot_be_committed(void **state)
{
	struct err err = { 0 };
	struct sink *const s = sink_open(file_drain("/dev/full/x", &err), NULL,
					 0, true, &err);

	(void)state;
	assert_null(s);
	assert_int_equal(err.code, ERR_SYSTEM);
	assert_non_null(strstr(err.text, "/dev/full"));
	assert_null(file_drain("/nowhere/at/all", &err));
	assert_non_null(strstr(err.text, "/nowhere/at"));
}

static void
missing_files_and_folders_are_told_apart(void **state)
{
	struct err err = { 0 };
	struct buf b = { 0 };

	(void)state;
	assert_null(file_feed("/nowhere/at/all", &err));
	assert_int_equal(err.code, ERR_INPUT);
	assert_non_null(strstr(err.text, "'/nowhere/at/all'"));
	assert_null(file_feed(folder, &err));
	assert_non_null(strstr(err.text, "is a folder"));
	assert_int_equal(file_save(final, span_of("12345"), &err), 0);
	assert_int_equal(file_load(final, 4, &b, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	buf_free(&b);
}

static void
folders_are_made_with_those_above_them(void **state)
{
	struct err err = { 0 };
	char path[128], file[160];

	(void)state;
	snprintf(path, sizeof(path), "%s/a/b//c/", folder);
	assert_int_equal(file_make_folder(path, &err), 0);
	assert_int_equal(file_make_folder(path, &err), 0);
	assert_true(exists(path));
	snprintf(file, sizeof(file), "%s/a/f", folder);
	assert_int_equal(file_save(file, span_of(""), &err), 0);
	snprintf(path, sizeof(path), "%s/a/f/g", folder);
	assert_int_equal(file_make_folder(path, &err), -1);
	unlink(file);
	snprintf(path, sizeof(path), "%s/a/b/c", folder);
	for (int i = 0; i < 3; i++) {
		rmdir(path);
		*strrchr(path, '/') = '\0';
	}
}

int
main(void)
{
#define WITH_FOLDER(t) cmocka_unit_test_setup_teardown(t, make_folder, \
						       remove_folder)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			gives_the_drain_the_same_bytes_however_they_came),
		cmocka_unit_test(beside_a_source_the_hashes_are_the_same),
		cmocka_unit_test(packs_a_text_of_nothing),
		WITH_FOLDER(file_appears_at_commit_and_not_before),
		WITH_FOLDER(file_that_is_not_committed_leaves_nothing),
		WITH_FOLDER(file_from_an_attempt_before_is_written_over),
		WITH_FOLDER(failed_write_names_the_file_and_cannot_be_committed),
		WITH_FOLDER(missing_files_and_folders_are_told_apart),
		WITH_FOLDER(folders_are_made_with_those_above_them),
	};

	return cmocka_run_group_tests_name("sink", tests, NULL, NULL);
}
