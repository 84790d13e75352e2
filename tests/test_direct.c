/* test_direct.c - past the page cache, or by the usual way if that fails. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "io/direct.h"
#include "io/drain.h"
#include "io/file.h"

enum { PAGE = DIRECT_ALIGN, NPAGES = 64, LEN = NPAGES * PAGE };

/* What the next calls come to: an errno, or so many bytes at most; 0: both. */
static int code;
static size_t at_most;

ssize_t __real_pwrite(int fd, const void *p, size_t n, off_t at);
ssize_t __real_pread(int fd, void *p, size_t n, off_t at);
ssize_t __wrap_pwrite(int fd, const void *p, size_t n, off_t at);
ssize_t __wrap_pread(int fd, void *p, size_t n, off_t at);

static bool
fails(size_t *n)
{
	if (at_most > 0 && *n > at_most)
		*n = at_most;
	errno = code;
	if (code == EINTR)
		code = 0;
	return errno != 0;
}

ssize_t
__wrap_pwrite(int fd, const void *p, size_t n, off_t at)
{
	return fails(&n) ? -1 : __real_pwrite(fd, p, n, at);
}

ssize_t
__wrap_pread(int fd, void *p, size_t n, off_t at)
{
	return fails(&n) ? -1 : __real_pread(fd, p, n, at);
}

static char folder[64], path[96];
static uint8_t *bytes, *room;	/* LEN each, at whole pages */
static int fd, direct;

static int
set_up(void **state)
{
	(void)state;
	code = 0;
	at_most = 0;
	snprintf(folder, sizeof(folder), "/tmp/test_direct.XXXXXX");
	bytes = aligned_alloc(PAGE, LEN);
	room = aligned_alloc(PAGE, LEN);
	if (bytes == NULL || room == NULL || mkdtemp(folder) == NULL)
		return -1;
	for (size_t i = 0; i < LEN; i++)
		bytes[i] = (uint8_t)(i * 2654435761u >> 13);
	memset(room, 0, LEN);
	snprintf(path, sizeof(path), "%s/file", folder);
	fd = -1;
	return 0;
}

/* A file that has a second descriptor; skipped where there is none. */
static void
open_both(void)
{
	char name[] = "/tmp/test_direct.XXXXXX";

	fd = mkstemp(name);
	assert_true(fd >= 0);
	unlink(name);
	direct = direct_of(fd);
	if (direct >= 0)
		return;
	print_message("no way past the page cache in /tmp\n");
	skip();
}

static int
tear_down(void **state)
{
	(void)state;
	if (fd >= 0) {
		close(fd);
		if (direct >= 0)
			close(direct);
	}
	free(bytes);
	free(room);
	unlink(path);
	return rmdir(folder);
}

static void
whole_pages_go_to_the_file_and_come_back(void **state)
{
	(void)state;
	open_both();
	for (int i = 0; i < 3; i++) {
		/* The second time interrupted, the third in small pieces. */
		code = i == 1 ? EINTR : 0;
		at_most = i == 2 ? PAGE : 0;
		memset(room, 0, LEN);
		assert_int_equal(direct_write(&direct, bytes, LEN, PAGE), 1);
		code = i == 1 ? EINTR : 0;
		assert_int_equal(direct_read(&direct, room, LEN, PAGE), 1);
		assert_memory_equal(room, bytes, LEN);
	}
	/* Whoever reads the usual way sees the same. */
	memset(room, 0, LEN);
	at_most = 0;
	assert_int_equal(pread(fd, room, LEN, PAGE), LEN);
	assert_memory_equal(room, bytes, LEN);
}

static void
what_is_no_whole_page_is_left_to_the_usual_way(void **state)
{
	(void)state;
	open_both();
	assert_int_equal(direct_write(&direct, bytes, PAGE, 8), 0);
	assert_int_equal(direct_write(&direct, bytes, PAGE - 8, 0), 0);
	assert_int_equal(direct_write(&direct, bytes + 8, PAGE, 0), 0);
	assert_int_equal(direct_read(&direct, room, PAGE, 8), 0);
	assert_int_equal(direct_read(&direct, room, PAGE - 8, 0), 0);
	assert_int_equal(direct_read(&direct, room + 8, PAGE, 0), 0);
	/* Not even the end of the file can be read. */
	assert_int_equal(direct_read(&direct, room, PAGE, 0), 0);
	assert_true(direct >= 0);
}

static void
a_file_system_that_cannot_is_not_asked_again(void **state)
{
	(void)state;
	open_both();
	code = EINVAL;
	assert_int_equal(direct_write(&direct, bytes, LEN, 0), 0);
	assert_int_equal(direct, -1);
	code = 0;
	assert_int_equal(direct_write(&direct, bytes, LEN, 0), 0);
	assert_int_equal(direct_read(&direct, room, LEN, 0), 0);
}

static void
other_errors_are_told(void **state)
{
	(void)state;
	open_both();
	code = ENOSPC;
	assert_int_equal(direct_write(&direct, bytes, LEN, 0), -1);
	assert_int_equal(errno, ENOSPC);
	code = EIO;
	assert_int_equal(direct_read(&direct, room, LEN, 0), -1);
	assert_int_equal(errno, EIO);
}

/* Whatever the pieces, and wherever the system begins to refuse. */
static void
a_drain_writes_the_same_past_the_cache(void **state)
{
	static const size_t sizes[] = { 8 * PAGE, 100, PAGE, 16 * PAGE, 3 };
	struct buf back = { 0 };
	struct err err = { 0 };

	(void)state;
	for (unsigned refused = 0; refused < 6; refused++) {
		struct drain *const d = file_drain(path, &err);
		size_t at = 0;

		assert_non_null(d);
		file_past_cache(d);
		file_past_cache(d);
		for (unsigned i = 0; at < LEN - 1; i++) {
			/* First whole pages, then all sorts of pieces. */
			const size_t wish = i < 3 ? 4 * PAGE : sizes[i % 5];
			const size_t n = wish < LEN - 1 - at ? wish
							     : LEN - 1 - at;

			code = i + 1 == refused ? EINVAL : 0;
			memcpy(room, bytes + at, n);
			assert_int_equal(d->write(d, (struct span){ room, n },
						  &err), 0);
			at += n;
		}
		code = 0;
		assert_int_equal(d->commit(d, &err), 0);
		d->close(d);
		buf_reset(&back);
		assert_int_equal(file_load(path, LEN, &back, &err), 0);
		assert_int_equal(back.len, LEN - 1);
		assert_memory_equal(back.ptr, bytes, LEN - 1);
		unlink(path);
	}
	buf_free(&back);
}

static void
a_drain_tells_that_there_is_no_room(void **state)
{
	struct err err = { 0 };
	struct drain *const d = file_drain(path, &err);

	(void)state;
	assert_non_null(d);
	file_past_cache(d);
	code = ENOSPC;
	if (d->write(d, (struct span){ bytes, LEN }, &err) == 0) {
		d->close(d);
		skip();
	}
	assert_int_equal(err.code, ERR_SYSTEM);
	assert_non_null(strstr(err.text, "make room"));
	d->close(d);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(whole_pages_go_to_the_file_and_come_back),
		TEST(what_is_no_whole_page_is_left_to_the_usual_way),
		TEST(a_file_system_that_cannot_is_not_asked_again),
		TEST(other_errors_are_told),
		TEST(a_drain_writes_the_same_past_the_cache),
		TEST(a_drain_tells_that_there_is_no_room),
	};

	return cmocka_run_group_tests_name("direct", tests, NULL, NULL);
}
