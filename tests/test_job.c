/* test_job.c - the job's folder: one process, and the same job again. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "engine/job.h"
#include "io/file.h"
#include "tests/fail.h"

enum { NFACTS = 5 };

static const struct job_fact FACTS[NFACTS] = {
	{ "files", "a.yaml", "0123", false, false },
	{ "files", "b\xff.yaml", "4567", false, false },	/* not UTF-8 */
	{ "options", "--level", "6", false, false },
	{ "options", "--limit", "", false, false },
	{ "run", "time", "1700000000", true, false },
};

static char dir[64], job[80];

static int
make_dir(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/test_job.XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(job, sizeof(job), "%s/a/job", dir);
	return 0;
}

static int
remove_dir(void **state)
{
	(void)state;
	return file_remove_folder(dir);
}

static struct job *
open_ok(const struct job_fact *facts, size_t n)
{
	struct err err;
	struct job *const j = job_open(job, facts, n, &err);

	if (j == NULL)
		fail_msg("%s", err.text);
	return j;
}

/* Each test has a job of its own, not yet started. */
static int
clear(void **state)
{
	(void)state;
	return file_remove_folder(dir) != 0 || mkdir(dir, 0777) != 0 ? -1 : 0;
}

static bool
is_there(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", job, name);
	return access(path, F_OK) == 0;
}

static void
starts_and_opens_again(void **state)
{
	struct job *j = open_ok(FACTS, NFACTS);
	struct job_fact later[NFACTS];

	(void)state;
	assert_true(job_started_now(j));
	assert_string_equal(job_dir(j), job);
	assert_true(is_there("index/units"));
	assert_true(is_there("index/tmp"));
	assert_true(is_there("out.partial"));
	assert_true(is_there("rejected/units"));
	job_close(j);

	memcpy(later, FACTS, sizeof(later));
	later[4].value = "1800000000";
	j = open_ok(later, NFACTS);
	assert_false(job_started_now(j));
	assert_string_equal(job_value(j, "run", "time"), "1700000000");
	assert_string_equal(job_value(j, "options", "--level"), "6");
	assert_null(job_value(j, "options", "time"));
	job_close(j);
	job_close(NULL);
}

static void
writes_a_record_for_people(void **state)
{
	struct buf text = { 0 };
	struct err err;
	char path[128];

	(void)state;
	job_close(open_ok(FACTS, NFACTS));
	snprintf(path, sizeof(path), "%s/job.json", job);
	assert_int_equal(file_load(path, 1 << 16, &text, &err), 0);
	assert_true(span_is(buf_span(&text),
		"{\n  \"dynamill_job\": 1,\n  \"facts\": {\n"
		"    \"files\": {\n      \"a.yaml\": \"0123\",\n"
		"      \"b\xef\xbf\xbd.yaml\": \"4567\"\n    },\n"
		"    \"options\": {\n      \"--level\": \"6\",\n"
		"      \"--limit\": \"\"\n    },\n"
		"    \"run\": {\n      \"time\": \"1700000000\"\n    }\n"
		"  }\n}\n"));
	buf_free(&text);
}

/* Open with facts that differ; give what the refusal says. */
static const char *
refusal(const struct job_fact *facts, size_t n)
{
	static struct err err;

	err = (struct err){ 0 };
	assert_null(job_open(job, facts, n, &err));
	assert_int_equal(err.code, ERR_REFUSED);
	return err.text;
}

/* An empty file of the job. */
static void
leave(const char *name)
{
	char path[128];
	struct err err;

	snprintf(path, sizeof(path), "%s/%s", job, name);
	if (file_save(path, (struct span){ NULL, 0 }, &err) != 0)
		fail_msg("%s", err.text);
}

static void
starts_afresh_where_no_run_was_begun(void **state)
{
	struct job_fact f[NFACTS];
	char path[128];
	struct err err;

	(void)state;
	job_close(open_ok(FACTS, NFACTS));
	snprintf(path, sizeof(path), "%s/" JOB_SURVEY, job);
	assert_int_equal(file_make_folder(path, &err), 0);
	leave(JOB_SURVEY "/" JOB_JOURNAL);
	leave("analysis.json");

	/* The same plan: what was found of it is still true. */
	job_close(open_ok(FACTS, NFACTS));
	assert_true(is_there("analysis.json"));
	memcpy(f, FACTS, sizeof(FACTS));
	f[0].value = "8888";
	f[4].value = "1800000000";
	struct job *const j = open_ok(f, NFACTS);
	assert_true(job_started_now(j));
	assert_string_equal(job_value(j, "files", "a.yaml"), "8888");
	assert_string_equal(job_value(j, "run", "time"), "1800000000");
	assert_false(is_there("analysis.json"));
	assert_false(is_there(JOB_SURVEY "/" JOB_JOURNAL));
	job_close(j);
	/* It is that job from now on. */
	job_close(open_ok(f, NFACTS));
}

static void
refuses_each_difference_by_name(void **state)
{
	struct job_fact f[NFACTS + 1];

	(void)state;
	job_close(open_ok(FACTS, NFACTS));
	leave(JOB_JOURNAL);
	memcpy(f, FACTS, sizeof(FACTS));

	f[2].value = "1";
	assert_non_null(strstr(refusal(f, NFACTS), "options: --level 1, but "
			       "this job was started with 6"));
	f[0].value = "8888";
	assert_non_null(strstr(refusal(f, NFACTS), "2 differences; the first: "
			       "files: a.yaml 8888, but"));
	memcpy(f, FACTS, sizeof(FACTS));
	assert_non_null(strstr(refusal(f + 1, NFACTS - 1), "files: 'a.yaml' "
			       "(0123) is missing"));
	f[5] = (struct job_fact){ "sources", "x", "9", false, false };
	assert_non_null(strstr(refusal(f, NFACTS + 1), "sources: 'x' (9) is "
			       "new"));
	f[2] = FACTS[3];
	f[3] = FACTS[2];
	assert_non_null(strstr(refusal(f, NFACTS), "options: '--limit' now "
			       "comes where '--level' came"));
	/* And after all that it opens as it was. */
	job_close(open_ok(FACTS, NFACTS));
}

/* Try to open the job from another process; its exit status is the answer. */
static int
try_elsewhere(char *text, size_t size)
{
	int fds[2], status;
	ssize_t n;

	assert_int_equal(pipe(fds), 0);
	const pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct err err = { 0 };
		struct job *const j = job_open(job, FACTS, NFACTS, &err);

		if (write(fds[1], err.text, strlen(err.text)) < 0)
			_exit(99);
		job_close(j);
		_exit((int)err.code);
	}
	close(fds[1]);
	n = read(fds[0], text, size - 1);
	text[n > 0 ? n : 0] = '\0';
	close(fds[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void
belongs_to_one_process_at_a_time(void **state)
{
	struct job *const j = open_ok(FACTS, NFACTS);
	char text[512], pid[32], holder[192] = "";

	(void)state;
	snprintf(pid, sizeof(pid), "pid %ld on ", (long)getpid());
	assert_int_equal(try_elsewhere(text, sizeof(text)), ERR_REFUSED);
	assert_non_null(strstr(text, "is in use by"));
	assert_non_null(strstr(text, pid));
	assert_true(job_in_use(job, holder, sizeof(holder)));
	assert_non_null(strstr(holder, pid));
	job_close(j);
	assert_false(job_in_use(job, holder, sizeof(holder)));
	assert_int_equal(try_elsewhere(text, sizeof(text)), 0);
}

static void
may_be_looked_at_while_in_use(void **state)
{
	struct job *const j = open_ok(FACTS, NFACTS);
	struct job *other;
	struct err err;
	size_t n;

	(void)state;
	other = job_open_as_is(job, false, &err);
	assert_non_null(other);
	assert_int_equal(job_facts(other, &n)[0].group[0], 'f');
	assert_int_equal(n, NFACTS);
	job_close(other);
	assert_null(job_open_as_is(job, true, &err));
	assert_int_equal(err.code, ERR_REFUSED);
	job_close(j);
	other = job_open_as_is(job, true, &err);
	assert_non_null(other);
	job_close(other);
	assert_null(job_open_as_is(dir, true, &err));
	assert_int_equal(err.code, ERR_USAGE);
}

static void
does_not_move_into_a_folder_of_others(void **state)
{
	char path[128];
	struct err err;

	(void)state;
	assert_int_equal(file_make_folder(job, &err), 0);
	snprintf(path, sizeof(path), "%s/thesis.tex", job);
	assert_int_equal(file_save(path, span_of("x"), &err), 0);
	assert_non_null(strstr(refusal(FACTS, NFACTS), "'thesis.tex'"));
	assert_false(is_there("lock"));
	assert_false(is_there("job.json"));
}

static void
starts_where_a_crash_left_a_beginning(void **state)
{
	char path[128];
	struct err err;
	struct job *j;

	(void)state;
	assert_int_equal(file_make_folder(job, &err), 0);
	snprintf(path, sizeof(path), "%s/lock", job);
	assert_int_equal(file_save(path, span_of("pid 1 on x\n"), &err), 0);
	snprintf(path, sizeof(path), "%s/.job.json.part", job);
	assert_int_equal(file_save(path, span_of("{\"dyn"), &err), 0);
	j = open_ok(FACTS, NFACTS);
	assert_true(job_started_now(j));
	job_close(j);
}

static void
refuses_a_damaged_record(void **state)
{
	static const char *const bad[] = {
		"", "{", "[]", "{\"dynamill_job\":1}",
		"{\"dynamill_job\":1,\"facts\":{\"a\":[]}}",
		"{\"dynamill_job\":1,\"facts\":{\"a\":{\"b\":1}}}",
	};
	char path[128];
	struct err err;

	(void)state;
	job_close(open_ok(FACTS, NFACTS));
	snprintf(path, sizeof(path), "%s/job.json", job);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(file_save(path, span_of(bad[i]), &err), 0);
		err = (struct err){ 0 };
		assert_null(job_open(job, FACTS, NFACTS, &err));
		assert_int_equal(err.code, ERR_INPUT);
	}
	assert_int_equal(file_save(path, span_of(
		"{\"dynamill_job\":2,\"facts\":{}}"), &err), 0);
	assert_null(job_open(job, FACTS, NFACTS, &err));
	assert_int_equal(err.code, ERR_REFUSED);
}

static void
puts_out_and_takes_back(void **state)
{
	struct job *j = open_ok(FACTS, NFACTS);
	struct err err;
	char path[128];

	(void)state;
	assert_false(job_is_out(j));
	assert_int_equal(job_put_out(j, &err), 0);
	assert_int_equal(job_put_out(j, &err), 0);
	assert_true(job_is_out(j));
	job_close(j);
	j = open_ok(FACTS, NFACTS);
	assert_true(job_is_out(j));
	assert_false(is_there("out.partial"));
	assert_int_equal(job_take_back(j, &err), 0);
	assert_int_equal(job_take_back(j, &err), 0);
	assert_true(is_there("out.partial"));
	assert_false(is_there("out"));
	/* Both: neither is thrown away. */
	snprintf(path, sizeof(path), "%s/out", job);
	assert_int_equal(file_make_folder(path, &err), 0);
	assert_int_equal(job_put_out(j, &err), -1);
	assert_int_equal(err.code, ERR_SYSTEM);
	job_close(j);
}

/* File by file too, and whichever of them the disk refuses. */
static void
puts_out_nothing_that_the_disk_refused(void **state)
{
	struct job *const j = open_ok(FACTS, NFACTS);
	char path[128];
	unsigned n, gone = 0;

	(void)state;
	for (n = 1; ; n++) {
		struct err err;

		snprintf(path, sizeof(path), "%s/out.partial/T/data", job);
		assert_int_equal(file_make_folder(path, &err), 0);
		snprintf(path, sizeof(path), "%s/out.partial/T/data/0", job);
		assert_int_equal(file_save(path, span_of("x"), &err), 0);
		fail_at(FAIL_SYNCFS, 1, EIO);
		fail_at(FAIL_FSYNC, n, EIO);
		const int rc = job_put_out(j, &err);
		if (rc == 0)
			break;
		assert_true(fail_stop());
		assert_int_equal(err.code, ERR_SYSTEM);
		if (job_is_out(j)) {
			/* Only the job's folder itself came after. */
			assert_int_equal(job_take_back(j, &err), 0);
			continue;
		}
		gone += !is_there("out.partial/T/data/0");
	}
	assert_int_equal(gone, 1);
	assert_true(n > 8);
	assert_true(job_is_out(j));
	job_close(j);
}

static void
knows_when_the_disk_is_too_small(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(job_check_space(dir, 1, &err), 0);
	assert_int_equal(job_check_space(dir, (uint64_t)1 << 62, &err), -1);
	assert_int_equal(err.code, ERR_SYSTEM);
	assert_non_null(strstr(err.text, "needed"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(starts_and_opens_again, clear),
		cmocka_unit_test_setup(writes_a_record_for_people, clear),
		cmocka_unit_test_setup(starts_afresh_where_no_run_was_begun,
				       clear),
		cmocka_unit_test_setup(refuses_each_difference_by_name, clear),
		cmocka_unit_test_setup(belongs_to_one_process_at_a_time,
				       clear),
		cmocka_unit_test_setup(may_be_looked_at_while_in_use, clear),
		cmocka_unit_test_setup(does_not_move_into_a_folder_of_others,
				       clear),
		cmocka_unit_test_setup(starts_where_a_crash_left_a_beginning,
				       clear),
		cmocka_unit_test_setup(refuses_a_damaged_record, clear),
		cmocka_unit_test_setup(puts_out_and_takes_back, clear),
		cmocka_unit_test_setup(puts_out_nothing_that_the_disk_refused,
				       clear),
		cmocka_unit_test(knows_when_the_disk_is_too_small),
	};

	return cmocka_run_group_tests_name("job", tests, make_dir, remove_dir);
}
