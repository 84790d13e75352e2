/* test_file.c - files on a machine that refuses, interrupts and cuts short. */
#include <errno.h>
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

#include "base/buf.h"
#include "base/err.h"
#include "formats/formats.h"
#include "io/drain.h"
#include "io/file.h"
#include "io/sink.h"
#include "io/source.h"
#include "tests/fail.h"

static char folder[64], path[96];
static struct buf text;

static int
set_up(void **state)
{
	struct err err;

	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/test_file.XXXXXX");
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/data.gz", folder);
	for (unsigned i = 0; text.len < 1600000; i++)
		buf_printf(&text, &err, "%u\n", i * 2654435761U);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	fail_stop();
	unlink(path);
	buf_free(&text);
	return rmdir(folder);	/* fails if a temporary file was left */
}

static int
write_file(struct err *err)
{
	struct sink *const s = sink_open(file_drain(path, err),
					 byte_format_named("gzip"), 1, true,
					 err);
	int rc = s == NULL ? -1 : sink_write(s, buf_span(&text), err);

	if (rc == 0)
		rc = sink_commit(s, NULL, err);
	sink_close(s);
	return rc;
}

/* Returns 0 if the file says what `text` does, or -1. */
static int
read_file(struct err *err)
{
	struct source *const s = source_open(file_feed(path, err), false, err);
	struct span all;
	const int rc = s == NULL ? -1 : source_peek(s, 1 << 21, &all, err);

	if (rc == 0)
		assert_true(span_equal(all, buf_span(&text)));
	source_close(s);
	return rc;
}

static bool
exists(void)
{
	struct stat st;

	return stat(path, &st) == 0;
}

static void
calls_that_are_cut_short_change_nothing(void **state)
{
	struct err err = { 0 };

	(void)state;
	fail_short(true);
	assert_int_equal(write_file(&err), 0);
	assert_int_equal(read_file(&err), 0);
}

static void
calls_that_are_interrupted_change_nothing(void **state)
{
	struct err err = { 0 };
	unsigned n;

	(void)state;
	for (n = 1; n == 1 || fail_stop(); n++) {
		fail_at(FAIL_WRITE, n, EINTR);
		assert_int_equal(write_file(&err), 0);
	}
	assert_true(n > 3);
	for (n = 1; n == 1 || fail_stop(); n++) {
		fail_at(FAIL_READ, n, EINTR);
		assert_int_equal(read_file(&err), 0);
	}
	assert_true(n > 3);
	for (n = 1; n == 1 || fail_stop(); n++) {
		unlink(path);
		fail_at(FAIL_FSYNC, n, EINTR);
		assert_int_equal(file_save_safe(path, span_of("x"), &err), 0);
	}
	assert_int_equal(n, 4);		/* the file, the folder, neither */
}

/* However the bytes come, and however often they fill a step exactly. */
static void
pieces_of_any_length_come_out_in_order(void **state)
{
	static const size_t STEPS[] = { 1, 4095, 65535, 65536, 65537, 131072 };
	struct err err = { 0 };

	(void)state;
	for (unsigned i = 0; text.len < 1 << 20; i++)
		buf_printf(&text, &err, "%u;", i * 2246822519U);
	for (size_t i = 0; i < sizeof(STEPS) / sizeof(STEPS[0]); i++) {
		struct drain *const d = file_drain(path, &err);
		struct buf got = { 0 };
		size_t at = 0, n;

		assert_non_null(d);
		for (unsigned k = 0; at < text.len; k++, at += n) {
			/* A byte at a time through all of it takes long. */
			n = k < 70000 ? STEPS[i] : 99999;
			n = n < text.len - at ? n : text.len - at;
			assert_int_equal(d->write(d, (struct span){
					 text.ptr + at, n }, &err), 0);
		}
		assert_int_equal(d->commit(d, &err), 0);
		d->close(d);
		assert_int_equal(file_load(path, text.len, &got, &err), 0);
		assert_true(span_equal(buf_span(&got), buf_span(&text)));
		buf_free(&got);
	}
}

/* Each write in turn; and nothing is left, not even a temporary file. */
static void
full_disk_leaves_nothing_and_is_told_with_the_path(void **state)
{
	unsigned n;

	(void)state;
	for (n = 1; ; n++) {
		struct err err = { 0 };

		fail_at(FAIL_WRITE, n, ENOSPC);
		const int rc = write_file(&err);
		if (!fail_stop()) {
			assert_int_equal(rc, 0);
			break;
		}
		assert_int_equal(rc, -1);
		assert_int_equal(err.code, ERR_SYSTEM);
		assert_non_null(strstr(err.text, path));
		assert_non_null(strstr(err.text, "make room"));
		assert_false(exists());
	}
	assert_true(n > 2);
}

static void
file_without_a_name_does_not_appear(void **state)
{
	struct err err = { 0 };

	(void)state;
	fail_at(FAIL_RENAME, 1, EACCES);
	assert_int_equal(write_file(&err), -1);
	assert_int_equal(err.code, ERR_SYSTEM);
	assert_non_null(strstr(err.text, path));
	assert_false(exists());
}

static void
files_are_written_without_waiting_for_the_disk(void **state)
{
	struct err err = { 0 };

	(void)state;
	fail_at(FAIL_FSYNC, 1, EIO);
	fail_at(FAIL_SYNCFS, 1, EIO);
	assert_int_equal(write_file(&err), 0);
	assert_false(fail_stop());
}

static void
file_is_replaced_only_by_what_is_on_the_disk(void **state)
{
	struct err err = { 0 };
	struct buf got = { 0 };

	(void)state;
	assert_int_equal(file_save(path, span_of("good"), &err), 0);
	fail_at(FAIL_FSYNC, 1, EIO);
	assert_int_equal(write_file(&err), -1);
	assert_int_equal(err.code, ERR_SYSTEM);
	assert_int_equal(file_load(path, 9, &got, &err), 0);
	assert_true(span_is(buf_span(&got), "good"));
	buf_free(&got);
	assert_int_equal(write_file(&err), 0);
	assert_int_equal(read_file(&err), 0);
}

static void
file_that_the_disk_refuses_is_removed(void **state)
{
	struct err err = { 0 };

	(void)state;
	assert_int_equal(write_file(&err), 0);
	assert_int_equal(file_sync(path, &err), 0);
	assert_int_equal(file_sync(folder, &err), 0);
	assert_true(exists());
	fail_at(FAIL_FSYNC, 1, EIO);
	assert_int_equal(file_sync(path, &err), -1);
	assert_int_equal(err.code, ERR_SYSTEM);
	assert_non_null(strstr(err.text, path));
	assert_false(exists());
	assert_int_equal(file_sync(path, &err), -1);

	fail_at(FAIL_FSYNC, 1, EIO);
	assert_int_equal(file_save_safe(path, span_of("x"), &err), -1);
	assert_false(exists());
	/* The folder's fsync comes last; not all file systems have it. */
	fail_at(FAIL_FSYNC, 2, EIO);
	assert_int_equal(file_save_safe(path, span_of("x"), &err), -1);
	unlink(path);
	fail_at(FAIL_FSYNC, 2, EINVAL);
	assert_int_equal(file_save_safe(path, span_of("x"), &err), 0);
	assert_true(exists());
}

static void
who_waits_for_all_hears_if_it_was_not_done(void **state)
{
	(void)state;
	/* A PiB of ours: whatever others write is less. */
	fail_at(FAIL_SYNCFS, 1, EIO);
	assert_int_equal(file_sync_around(folder, (uint64_t)1 << 50), 0);
	if (!fail_stop())
		skip();		/* the system does not say what it has */
	assert_int_equal(file_sync_around("/nowhere/at/all", 0), 0);
}

static void
failed_read_is_the_machines_fault_and_not_the_files(void **state)
{
	struct err err = { 0 };
	unsigned n;

	(void)state;
	assert_int_equal(write_file(&err), 0);
	for (n = 1; ; n++) {
		fail_at(FAIL_READ, n, EIO);
		const int rc = read_file(&err);
		if (!fail_stop())
			break;
		assert_int_equal(rc, -1);
		assert_int_equal(err.code, ERR_SYSTEM);
		assert_non_null(strstr(err.text, path));
	}
	assert_true(n > 2);
}

static void
whole_files_are_read_in_any_steps(void **state)
{
	struct err err = { 0 };
	struct buf got = { 0 };

	(void)state;
	assert_int_equal(file_save(path, buf_span(&text), &err), 0);
	fail_short(true);
	assert_int_equal(file_load(path, text.len, &got, &err), 0);
	assert_true(span_equal(buf_span(&got), buf_span(&text)));
	fail_at(FAIL_READ, 5, EIO);
	assert_int_equal(file_load(path, text.len, &got, &err), -1);
	assert_int_equal(err.code, ERR_SYSTEM);
	buf_free(&got);
}

static bool
is_there(const char *name)
{
	struct stat st;

	return lstat(name, &st) == 0;
}

static void
a_folder_goes_with_all_that_is_in_it(void **state)
{
	char top[96], deep[96], link[96], kept[96];
	struct err err;

	(void)state;
	snprintf(kept, sizeof(kept), "%s/kept", folder);
	snprintf(top, sizeof(top), "%s/top", folder);
	snprintf(deep, sizeof(deep), "%s/top/a/b", folder);
	snprintf(link, sizeof(link), "%s/top/a/link", folder);
	assert_int_equal(file_make_folder(kept, &err), 0);
	assert_int_equal(file_make_folder(deep, &err), 0);
	assert_int_equal(symlink(kept, link), 0);
	assert_int_equal(file_remove_folder(top), 0);
	assert_false(is_there(top));
	/* What a link led to is not in it. */
	assert_true(is_there(kept));
	assert_int_equal(file_remove_folder(kept), 0);
	/* What is not there is gone as well. */
	assert_int_equal(file_remove_folder(kept), 0);
}

int
main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_folder_goes_with_all_that_is_in_it),
		TEST(calls_that_are_cut_short_change_nothing),
		TEST(calls_that_are_interrupted_change_nothing),
		TEST(full_disk_leaves_nothing_and_is_told_with_the_path),
		TEST(pieces_of_any_length_come_out_in_order),
		TEST(file_without_a_name_does_not_appear),
		TEST(files_are_written_without_waiting_for_the_disk),
		TEST(file_is_replaced_only_by_what_is_on_the_disk),
		TEST(file_that_the_disk_refuses_is_removed),
		TEST(who_waits_for_all_hears_if_it_was_not_done),
		TEST(failed_read_is_the_machines_fault_and_not_the_files),
		TEST(whole_files_are_read_in_any_steps),
	};

	return cmocka_run_group_tests_name("file", tests, NULL, NULL);
}
