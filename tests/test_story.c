/* test_story.c - what was done in a job, told and read back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "engine/status.h"
#include "engine/story.h"
#include "io/file.h"

static char dir[] = "/tmp/test_storyXXXXXX";
static struct err err;

static const struct status_table TABLES[] = {
	{ "Contacts", 10, 20, 7, 1, 12.4, 3 },
	{ "a \"name\" \\ of \xff bytes", 0, 0, 0, 0, 0, -1 },
};
static const char *const ACCEPTED[] = { "bad-items", "x" };

static const struct story_stage STAGE = {
	.name = "push", .status = 1, .started = 1738411200, .seconds = 2.5,
	.by = "ann", .host = "h", .version = "1", .note = "n\n2",
	.error = "what is wrong", .accepted = ACCEPTED, .naccepted = 2,
	.tables = TABLES, .ntables = 2,
};

static void
save(const char *name, const void *bytes, size_t n)
{
	char path[200];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(file_save(path, (struct span){ bytes, n }, &err), 0);
}

static void
load(const char *name, struct buf *out)
{
	char path[200];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(file_load(path, 1 << 20, out, &err), 0);
}

static void
check_tables(const struct status_table *t, size_t n)
{
	assert_int_equal(n, 2);
	assert_string_equal(t[0].name, "Contacts");
	assert_int_equal(t[0].done, 10);
	assert_int_equal(t[0].total, 20);
	assert_int_equal(t[0].items, 7);
	assert_int_equal(t[0].bad, 1);
	assert_true(t[0].rate == 12);
	assert_true(t[0].left == 3);
	assert_true(t[1].left < 0);
}

static void
a_story_reads_as_it_was_told(void **state)
{
	struct arena mem = { 0 };
	struct story s;

	(void)state;
	save(JOB_STORY, "", 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(story_add(dir, &STAGE, &err), 0);
	assert_int_equal(story_load(dir, &s, &mem, &err), 0);
	assert_int_equal(s.n, 3);
	assert_string_equal(s.stages[2].name, "push");
	assert_int_equal(s.stages[2].status, 1);
	assert_true(s.stages[2].started == 1738411200);
	assert_true(s.stages[2].seconds == 2.5);
	assert_string_equal(s.stages[2].by, "ann");
	assert_string_equal(s.stages[2].note, "n\n2");
	assert_string_equal(s.stages[2].error, "what is wrong");
	assert_int_equal(s.stages[2].naccepted, 2);
	assert_string_equal(s.stages[2].accepted[0], "bad-items");
	check_tables(s.stages[2].tables, s.stages[2].ntables);
	assert_ptr_equal(story_last(&s, "push"), &s.stages[2]);
	assert_null(story_last(&s, "run"));
	arena_free(&mem);
}

static void
a_line_that_is_not_whole_is_none_and_the_next_is_whole(void **state)
{
	struct buf whole = { 0 };

	(void)state;
	save(JOB_STORY, "", 0);
	assert_int_equal(story_add(dir, &STAGE, &err), 0);
	load(JOB_STORY, &whole);
	for (size_t n = 0; n <= whole.len; n++) {
		struct arena mem = { 0 };
		struct story s;

		save(JOB_STORY, whole.ptr, n);
		assert_int_equal(story_load(dir, &s, &mem, &err), 0);
		assert_int_equal(s.n, n == whole.len);
		assert_int_equal(story_add(dir, &STAGE, &err), 0);
		assert_int_equal(story_load(dir, &s, &mem, &err), 0);
		/* All but its line end is a record, once it has got one. */
		assert_int_equal(s.n, n + 1 >= whole.len ? 2 : 1);
		assert_string_equal(s.stages[s.n - 1].name, "push");
		arena_free(&mem);
	}
	buf_free(&whole);
}

static void
a_job_without_a_story_has_none(void **state)
{
	struct arena mem = { 0 };
	struct story s;

	(void)state;
	assert_int_equal(story_load("/nonexistent", &s, &mem, &err), 0);
	assert_int_equal(s.n, 0);
	assert_int_equal(story_add("/nonexistent", &STAGE, &err), -1);
	arena_free(&mem);
}

static void
a_status_reads_as_it_was_told_or_not_at_all(void **state)
{
	const struct status told = {
		.stage = "run", .state = "running", .error = "e", .host = "h",
		.pid = 4711, .started = 1738411200, .updated = 1738411201,
		.tables = TABLES, .ntables = 2,
	};
	struct arena mem = { 0 };
	struct buf whole = { 0 };
	struct status s;

	(void)state;
	assert_int_equal(status_save(dir, &told, &err), 0);
	assert_int_equal(status_load(dir, &s, &mem, &err), 1);
	assert_string_equal(s.stage, "run");
	assert_string_equal(s.state, "running");
	assert_string_equal(s.error, "e");
	assert_int_equal(s.pid, 4711);
	assert_true(s.updated - s.started == 1);
	check_tables(s.tables, s.ntables);
	load(JOB_STATUS, &whole);
	for (size_t n = 0; n + 1 < whole.len; n++) {
		save(JOB_STATUS, whole.ptr, n);
		assert_int_equal(status_load(dir, &s, &mem, &err), 0);
	}
	assert_int_equal(status_load("/nonexistent", &s, &mem, &err), 0);
	assert_int_equal(status_save("/nonexistent", &told, &err), -1);
	buf_free(&whole);
	arena_free(&mem);
}

static int
start(void **state)
{
	(void)state;
	return mkdtemp(dir) == NULL;
}

static int
end(void **state)
{
	static const char *const NAMES[] = { JOB_STORY, JOB_STATUS };
	char path[200];

	(void)state;
	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, NAMES[i]);
		unlink(path);
	}
	return rmdir(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_story_reads_as_it_was_told),
		cmocka_unit_test(
			a_line_that_is_not_whole_is_none_and_the_next_is_whole),
		cmocka_unit_test(a_job_without_a_story_has_none),
		cmocka_unit_test(a_status_reads_as_it_was_told_or_not_at_all),
	};

	return cmocka_run_group_tests(tests, start, end);
}
