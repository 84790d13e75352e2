/* test_child.c - another program, both ways at once. */
#include "io/child.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"

static const char *const env[] = { "A=1", "B=two", NULL };
static struct err err;

static struct child *
start(const char *a, const char *b, const char *c)
{
	const char *const argv[] = { a, b, c, NULL };
	struct child *const child = child_start(argv, env, "/", &err);

	if (child == NULL)
		fail_msg("%s", err.text);
	return child;
}

/* All that it prints, having been given `text`. */
static void
expect(struct child *c, const char *text, const char *want)
{
	struct span out = span_of(text);
	struct buf in = { 0 };
	int rc;

	do
		rc = child_exchange(c, &out, &in, 60, NULL, &err);
	while (rc > 0);
	if (rc < 0)
		fail_msg("%s", err.text);
	assert_int_equal(in.len, strlen(want));
	assert_memory_equal(in.ptr, want, in.len);
	buf_free(&in);
}

static void
it_has_its_arguments_environment_and_folder(void **state)
{
	struct child *c = start("env", NULL, NULL);

	(void)state;
	expect(c, "", "A=1\nB=two\n");
	child_stop(c, false);
	c = start("pwd", NULL, NULL);
	expect(c, "", "/\n");
	child_stop(c, false);
	c = start("echo", "$A; `ls`", "*");
	expect(c, "", "$A; `ls` *\n");
	child_stop(c, false);
}

static void
more_than_pipes_hold_goes_both_ways(void **state)
{
	enum { LEN = 8 * 1024 * 1024 };
	struct child *const c = start("cat", NULL, NULL);
	struct buf in = { 0 }, text = { 0 };
	uint8_t *const p = buf_reserve(&text, LEN, &err);

	(void)state;
	assert_non_null(p);
	for (size_t i = 0; i < LEN; i++)
		p[i] = (uint8_t)(i * 7 + i / 251);
	buf_commit(&text, LEN);

	struct span out = buf_span(&text);
	while (in.len < LEN)
		assert_int_equal(child_exchange(c, &out, &in, 60, NULL,
						&err), 1);
	assert_int_equal(out.len, 0);
	assert_memory_equal(in.ptr, p, LEN);
	assert_false(child_has_more(c));
	child_stop(c, false);
	buf_free(&in);
	buf_free(&text);
}

static void
its_end_is_told(void **state)
{
	static const char *const cases[][3] = {
		{ "exit 0", "ended with status 0" },
		{ "exit 7", "ended with status 7" },
		{ "kill -9 $$", "was ended by signal 9 (Killed)" },
		{ "exec >&-; sleep 600", "closed its output" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct child *const c = start("sh", "-c", cases[i][0]);
		char text[96];

		/* Also where it is written to when nobody reads any more. */
		expect(c, i == 1 ? "x" : "", "");
		child_tell(c, text, sizeof(text));
		assert_string_equal(text, cases[i][1]);
		child_stop(c, true);
	}
}

static void
a_program_that_is_not_there_is_told(void **state)
{
	const char *const argv[] = { "none-such", NULL };

	(void)state;
	assert_null(child_start(argv, env, NULL, &err));
	assert_int_equal(err.code, ERR_SYSTEM);
	assert_string_equal(err.text, "'none-such': No such file or directory; "
			    "is it there, and on the PATH?");
}

static void
silence_and_being_cancelled_end_the_wait(void **state)
{
	struct child *const c = start("sh", "-c", "sleep 600 & sleep 600");
	struct span out = { NULL, 0 };
	struct buf in = { 0 };
	atomic_bool cancel = true;

	(void)state;
	assert_int_equal(child_exchange(c, &out, &in, 0, NULL, &err), -1);
	assert_int_equal(err.code, ERR_RETRY);
	assert_int_equal(child_exchange(c, &out, &in, 60, &cancel, &err), -1);
	assert_int_equal(err.code, ERR_CANCELLED);
	child_stop(c, true);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_has_its_arguments_environment_and_folder),
		cmocka_unit_test(more_than_pipes_hold_goes_both_ways),
		cmocka_unit_test(its_end_is_told),
		cmocka_unit_test(a_program_that_is_not_there_is_told),
		cmocka_unit_test(silence_and_being_cancelled_end_the_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
