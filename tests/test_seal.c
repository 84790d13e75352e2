/* test_seal.c - a checksum over a folder: what differs from it is told. */
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
#include "engine/seal.h"
#include "io/file.h"

static char dir[] = "/tmp/test_sealXXXXXX";
static struct err err;
static struct seal_options options = { .job_dir = dir, .threads = 3 };

/* Every file that a test makes, so that it goes again. */
static const char *const FILES[] = {
	"a", "b/c", "b/d d", "odd\\name\nof two", "lock", "status.json",
	".x.part", "new", JOB_SEAL,
};

static void
name(const char *file, char path[300])
{
	snprintf(path, 300, "%s/%s", dir, file);
}

static void
save(const char *file, const char *text)
{
	char path[300];

	name(file, path);
	assert_int_equal(file_save(path, span_of(text), &err), 0);
}

struct seen {
	unsigned n[4];
	char last[4][64];
};

static int
see(void *context, enum seal_kind kind, const char *path, struct err *e)
{
	struct seen *const s = context;

	(void)e;
	s->n[kind]++;
	snprintf(s->last[kind], sizeof(s->last[kind]), "%s", path);
	return 0;
}

static struct seen
check(int want)
{
	struct seen s = { { 0 }, { "" } };

	assert_int_equal(seal_check(&options, see, &s, &err), want);
	return s;
}

static int
fresh(void **state)
{
	char path[300];

	(void)state;
	for (size_t i = 0; i < sizeof(FILES) / sizeof(FILES[0]); i++) {
		name(FILES[i], path);
		unlink(path);
	}
	for (int i = 0; i < 7; i++)
		save(FILES[i], FILES[i]);
	return 0;
}

static void
what_did_not_change_is_the_same(void **state)
{
	(void)state;
	assert_false(seal_is_there(dir));
	assert_int_equal(seal_write(&options, &err), 0);
	assert_true(seal_is_there(dir));

	const struct seen s = check(0);
	assert_int_equal(s.n[SEAL_SAME], 4);
	assert_int_equal(s.n[SEAL_DIFFERENT] + s.n[SEAL_MISSING] +
			 s.n[SEAL_EXTRA], 0);
	seal_break(dir);
	assert_false(seal_is_there(dir));
}

static void
what_changed_went_or_came_is_told(void **state)
{
	char path[300];
	struct seen s;

	(void)state;
	assert_int_equal(seal_write(&options, &err), 0);
	save("b/c", "b/C");
	s = check(0);
	assert_int_equal(s.n[SEAL_DIFFERENT], 1);
	assert_string_equal(s.last[SEAL_DIFFERENT], "b/c");
	name("odd\\name\nof two", path);
	unlink(path);
	s = check(0);
	assert_int_equal(s.n[SEAL_MISSING], 1);
	assert_string_equal(s.last[SEAL_MISSING], "odd\\name\nof two");
	save("new", "");
	save("lock", "other");
	s = check(0);
	assert_int_equal(s.n[SEAL_EXTRA], 1);
	assert_string_equal(s.last[SEAL_EXTRA], "new");
	assert_int_equal(s.n[SEAL_SAME], 2);
}

static void
a_list_that_is_none_is_refused(void **state)
{
	static const char HEX[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b"
		"934ca495991b7852b855";
	static const char *const BAD[] = {
		"x", "%.63s  a", "%s a", "%s  ", "%s  /etc/passwd",
		"%s  ../a", "%s  b/../../a", "\\%s  a\\x", "\\%s  a\\",
	};
	char line[200];

	(void)state;
	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
		char pattern[64];
		const char *const at = strstr(BAD[i], "%s");

		snprintf(pattern, sizeof(pattern), "%s", BAD[i]);
		if (at != NULL)
			snprintf(line, sizeof(line), "%.*s%s%s\n",
				 (int)(at - BAD[i]), BAD[i], HEX, at + 2);
		else
			snprintf(line, sizeof(line), "%.63s\n", pattern[0] ==
				 '%' ? HEX : pattern);
		save(JOB_SEAL, line);
		check(-1);
		assert_int_equal(err.code, ERR_INPUT);
	}
	/* One for each byte at which it may be cut off. */
	snprintf(line, sizeof(line), "%s  a\n", HEX);
	for (size_t n = 1; n + 2 < strlen(line); n++) {
		char part[200];

		snprintf(part, sizeof(part), "%.*s", (int)n, line);
		save(JOB_SEAL, part);
		check(-1);
	}
}

static int
start(void **state)
{
	char path[300];

	(void)state;
	if (mkdtemp(dir) == NULL)
		return -1;
	name("b", path);
	return mkdir(path, 0777);
}

static int
end(void **state)
{
	char path[300];

	for (size_t i = 0; i < sizeof(FILES) / sizeof(FILES[0]); i++) {
		name(FILES[i], path);
		unlink(path);
	}
	(void)state;
	name("b", path);
	rmdir(path);
	return rmdir(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_did_not_change_is_the_same, fresh),
		cmocka_unit_test_setup(what_changed_went_or_came_is_told,
				       fresh),
		cmocka_unit_test_setup(a_list_that_is_none_is_refused, fresh),
	};

	return cmocka_run_group_tests(tests, start, end);
}
