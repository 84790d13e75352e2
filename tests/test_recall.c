/* test_recall.c - what a job was started with, out of its job.json. */
#include "engine/recall.h"

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
#include "base/err.h"
#include "engine/job.h"
#include "io/file.h"

#define FACT(g, n, v) { .group = (g), .name = (n), .value = (v) }

static char dir[64];
static struct arena mem;

static int
make_dir(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/test_recall.XXXXXX");
	assert_non_null(mkdtemp(dir));
	return 0;
}

static int
remove_dir(void **state)
{
	(void)state;
	arena_free(&mem);
	return file_remove_folder(dir);
}

/* A job with these facts, written and read again. */
static struct job *
job_with(const char *name, const struct job_fact *facts, size_t n)
{
	struct err err = { 0 };
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	struct job *const made = job_open(path, facts, n, &err);
	if (made == NULL)
		fail_msg("%s", err.text);
	job_close(made);
	struct job *const j = job_open_as_is(path, false, &err);
	if (j == NULL)
		fail_msg("%s", err.text);
	return j;
}

static void
the_usual_is_nothing(void **state)
{
	static const struct job_fact FACTS[] = {
		FACT("plans", "0", "/a/b.yaml"),
		FACT("options", "--level", "usual"),
		FACT("options", "--limit", "none"),
		FACT("options", "--stage", "none"),
		FACT("options", "--on-duplicate", "fail"),
		FACT("options", "--strict-ids", "no"),
		FACT("options", "--revert", "no"),
		FACT("options", "--table", "all"),
	};
	struct job *const j = job_with("usual", FACTS, 8);
	struct err err = { 0 };
	struct recall r;

	(void)state;
	assert_int_equal(recall_job(&r, j, &mem, &err), 0);
	assert_int_equal(r.nplans, 1);
	assert_string_equal(r.plans[0], "/a/b.yaml");
	assert_int_equal(r.limit, 0);
	assert_int_equal(r.on_duplicate, DUPLICATE_FAIL);
	assert_null(r.plan.stage);
	assert_null(r.plan.variable);
	assert_int_equal(r.plan.nonly, 0);
	assert_false(r.plan.strict_ids);
	assert_false(r.plan.revert);
	assert_null(r.run_time);
	job_close(j);
}

static void
what_was_said_comes_back(void **state)
{
	static const struct job_fact FACTS[] = {
		FACT("plans", "0", "/first.yaml"),
		FACT("plans", "1", "/second.yaml"),
		FACT("options", "--limit", "12345678901"),
		FACT("options", "--stage", "prod"),
		FACT("options", "--on-duplicate", "keep-last"),
		FACT("options", "--strict-ids", "yes"),
		FACT("options", "--revert", "yes"),
		FACT("options", "--table", "Users Orders Things"),
		FACT("run", "time", "1740797000"),
	};
	struct job *const j = job_with("said", FACTS, 9);
	struct err err = { 0 };
	struct recall r;

	(void)state;
	assert_int_equal(recall_job(&r, j, &mem, &err), 0);
	assert_int_equal(r.nplans, 2);
	assert_string_equal(r.plans[1], "/second.yaml");
	assert_true(r.limit == 12345678901u);
	assert_int_equal(r.on_duplicate, DUPLICATE_KEEP_LAST);
	assert_string_equal(r.plan.stage, "prod");
	assert_true(r.plan.strict_ids);
	assert_true(r.plan.revert);
	assert_int_equal(r.plan.nonly, 3);
	assert_string_equal(r.plan.only[0], "Users");
	assert_string_equal(r.plan.only[2], "Things");
	assert_string_equal(r.run_time, "1740797000");
	job_close(j);
}

static void
every_way_with_duplicates_is_known(void **state)
{
	(void)state;
	for (int d = DUPLICATE_FAIL; d <= DUPLICATE_REJECT; d++) {
		const struct job_fact facts[] = {
			FACT("plans", "0", "/p.yaml"),
			FACT("options", "--on-duplicate",
			     on_duplicate_name((enum on_duplicate)d)),
		};
		struct err err = { 0 };
		struct recall r;
		char name[16];

		snprintf(name, sizeof(name), "way%d", d);
		struct job *const j = job_with(name, facts, 2);
		assert_int_equal(recall_job(&r, j, &mem, &err), 0);
		assert_int_equal(r.on_duplicate, d);
		job_close(j);
	}
}

static void
a_job_without_a_plan_is_refused(void **state)
{
	static const struct job_fact FACTS[] = {
		FACT("options", "--limit", "none"),
	};
	struct job *const j = job_with("none", FACTS, 1);
	struct err err = { 0 };
	struct recall r;

	(void)state;
	assert_int_equal(recall_job(&r, j, &mem, &err), -1);
	assert_int_equal(err.code, ERR_INPUT);
	job_close(j);
}

static void
what_differs_is_named(void **state)
{
	static const struct job_fact THEN[] = {
		FACT("plans", "0", "/p.yaml"),
		FACT("files", "/p.yaml", "sha256:1"),
		FACT("sources", "/in", "sha256:2"),
		FACT("options", "--limit", "none"),
		FACT("build", "version", "1"),
	};
	struct job_fact now[5];
	struct job *const then = job_with("then", THEN, 5);

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		struct err err = { 0 };
		char name[16];

		memcpy(now, THEN, sizeof(now));
		now[i].value = "other";
		snprintf(name, sizeof(name), "now%zu", i);
		struct job *const j = job_with(name, now, 5);
		/* How it is run may differ, what it is of may not. */
		assert_int_equal(recall_same(then, j, &err), i < 3 ? -1 : 0);
		if (i < 3) {
			assert_int_equal(err.code, ERR_REFUSED);
			assert_non_null(strstr(err.text, THEN[i].name));
		}
		job_close(j);
	}
	job_close(then);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_usual_is_nothing),
		cmocka_unit_test(what_was_said_comes_back),
		cmocka_unit_test(every_way_with_duplicates_is_known),
		cmocka_unit_test(a_job_without_a_plan_is_refused),
		cmocka_unit_test(what_differs_is_named),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
