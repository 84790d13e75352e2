/* test_progress.c - which items are accepted, in any order, after any end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/err.h"
#include "engine/progress.h"
#include "io/file.h"
#include "tests/scratch.h"

static const struct keyhash OF = { 1, 2 };

static struct progress *
reopen(struct progress *p, bool *resumed)
{
	struct err err = { 0 };

	progress_close(p);
	p = progress_open(scratch, OF, 3, resumed, &err);
	if (p == NULL)
		fail_msg("%s", err.text);
	return p;
}

static void
tells_what_is_whole_from_the_first_item_on(void **state)
{
	struct err err;
	bool resumed;
	struct progress *p = reopen(NULL, &resumed);

	(void)state;
	assert_false(resumed);
	assert_int_equal(progress_add(p, 1, 1, &err), 0);
	assert_int_equal(progress_of(p, 1), 0);
	assert_int_equal(progress_add(p, 1, 0, &err), 0);
	assert_int_equal(progress_of(p, 1), 2);
	assert_int_equal(progress_add(p, 1, 100000, &err), 0);
	assert_int_equal(progress_of(p, 1), 2);
	assert_int_equal(progress_of(p, 0), 0);
	progress_close(p);
}

static void
takes_items_in_any_order(void **state)
{
	enum { N = 20000 };
	static uint32_t order[N];
	struct err err;
	bool resumed;
	struct progress *p = reopen(NULL, &resumed);

	(void)state;
	for (uint32_t i = 0; i < N; i++)
		order[i] = i;
	srand(1);
	for (uint32_t i = N - 1; i > 0; i--) {
		/* Not too far from where it was, as from a network. */
		const uint32_t far = i < 500 ? i : 500;
		const uint32_t k = i - (uint32_t)rand() % (far + 1);
		const uint32_t t = order[i];

		order[i] = order[k];
		order[k] = t;
	}
	for (uint32_t i = 0; i < N; i++) {
		uint32_t least = N;

		assert_int_equal(progress_add(p, 2, order[i], &err), 0);
		if (i % 997 != 0)
			continue;
		for (uint32_t k = i + 1; k < N; k++)
			least = order[k] < least ? order[k] : least;
		assert_int_equal(progress_of(p, 2), least);
		assert_int_equal(progress_write(p, i % 2 == 0, &err), 0);
		if (i % 10 == 0) {	/* what is behind goes again */
			p = reopen(p, &resumed);
			assert_true(resumed);
			assert_int_equal(progress_of(p, 2), least);
			for (uint32_t k = 0; k <= i; k++)
				assert_int_equal(progress_add(p, 2, order[k],
							      &err), 0);
		}
	}
	assert_int_equal(progress_of(p, 2), N);
	progress_close(p);
}

static void
cuts_off_a_torn_record(void **state)
{
	struct err err;
	bool resumed;
	struct progress *p = reopen(NULL, &resumed);

	(void)state;
	for (uint64_t i = 0; i < 70; i++)
		assert_int_equal(progress_add(p, 0, i, &err), 0);
	assert_int_equal(progress_write(p, true, &err), 0);
	assert_int_equal(progress_add(p, 0, 70, &err), 0);
	assert_int_equal(progress_write(p, true, &err), 0);
	progress_close(p);
	for (off_t len = 64 + 48; len >= 64; len--) {
		assert_int_equal(truncate(scratch, len), 0);
		p = reopen(NULL, &resumed);
		assert_int_equal(progress_of(p, 0), len == 64 + 48 ? 71
				 : len >= 64 + 24 ? 70 : 0);
		progress_close(p);
	}
}

static void
refuses_that_of_something_else(void **state)
{
	struct err err;
	bool resumed;

	(void)state;
	progress_close(reopen(NULL, &resumed));
	assert_null(progress_open(scratch, (struct keyhash){ 1, 3 }, 3, &resumed,
				  &err));
	assert_int_equal(err.code, ERR_REFUSED);
}

/* A second record, of another process; unit `unit` has 70 and `more` items. */
static void
make_other(char other[80], uint32_t unit, uint64_t more)
{
	struct err err;
	bool resumed;
	struct progress *p;

	snprintf(other, 80, "%s.other", scratch);
	p = progress_open(other, OF, 3, &resumed, &err);
	assert_non_null(p);
	for (uint64_t i = 0; i < 70 + more; i++)
		assert_int_equal(progress_add(p, unit, i, &err), 0);
	assert_int_equal(progress_write(p, false, &err), 0);
	progress_close(p);
}

static void
joins_what_others_have_done(void **state)
{
	struct err err;
	bool resumed;
	char other[80];
	struct progress *p = reopen(NULL, &resumed);

	(void)state;
	make_other(other, 1, 5);
	for (uint64_t i = 0; i < 80; i++)
		assert_int_equal(progress_add(p, 2, i, &err), 0);
	assert_int_equal(progress_write(p, false, &err), 0);
	assert_int_equal(progress_join(p, other, &err), 1);
	assert_int_equal(progress_of(p, 1), 75);
	assert_int_equal(progress_of(p, 2), 80);
	/* It goes on from there, and only that is in its own file. */
	assert_int_equal(progress_add(p, 1, 75, &err), 0);
	assert_int_equal(progress_of(p, 1), 76);
	assert_int_equal(progress_write(p, false, &err), 0);
	/* One that was killed before it had a head says nothing, nor does none. */
	assert_int_equal(truncate(other, 63), 0);
	assert_int_equal(progress_join(p, other, &err), 0);
	unlink(other);
	assert_int_equal(progress_join(p, other, &err), 0);
	p = reopen(p, &resumed);
	assert_int_equal(progress_of(p, 1), 76);
	progress_close(p);
}

static void
appends_what_others_have_done_and_never_goes_back(void **state)
{
	struct err err;
	bool resumed;
	char other[80];
	struct progress *p = reopen(NULL, &resumed);

	(void)state;
	for (uint64_t i = 0; i < 90; i++)
		assert_int_equal(progress_add(p, 1, i, &err), 0);
	assert_int_equal(progress_add(p, 2, 0, &err), 0);
	assert_int_equal(progress_write(p, false, &err), 0);
	progress_close(p);
	/* The last record here is torn, and so it is there. */
	assert_int_equal(truncate(scratch, 64 + 48 - 1), 0);
	make_other(other, 1, 5);
	assert_int_equal(progress_append(scratch, other, &err), 0);
	assert_int_equal(progress_append(scratch, other, &err), 0);
	make_other(other, 0, 6);
	assert_int_equal(truncate(other, 64 + 48 + 7), 0);
	assert_int_equal(progress_append(scratch, other, &err), 0);
	p = reopen(NULL, &resumed);
	assert_true(resumed);
	assert_int_equal(progress_of(p, 0), 76);
	assert_int_equal(progress_of(p, 1), 90);
	assert_int_equal(progress_of(p, 2), 0);
	progress_close(p);
	unlink(other);
}

static void
appends_to_one_that_was_not_begun_and_of_one(void **state)
{
	struct err err;
	bool resumed;
	char other[80];
	struct progress *p = reopen(NULL, &resumed);

	(void)state;
	progress_close(p);
	make_other(other, 2, 7);
	assert_int_equal(truncate(scratch, 63), 0);
	assert_int_equal(progress_append(scratch, other, &err), 0);
	assert_int_equal(truncate(other, 1), 0);
	assert_int_equal(progress_append(scratch, other, &err), 0);
	p = reopen(NULL, &resumed);
	assert_true(resumed);
	assert_int_equal(progress_of(p, 2), 77);
	progress_close(p);
	unlink(other);
}

static void
joins_nothing_of_something_else(void **state)
{
	struct err err;
	bool resumed;
	char other[80];
	struct progress *p = reopen(NULL, &resumed), *q;

	(void)state;
	snprintf(other, sizeof(other), "%s.other", scratch);
	q = progress_open(other, (struct keyhash){ 1, 3 }, 3, &resumed, &err);
	assert_non_null(q);
	progress_close(q);
	assert_int_equal(progress_join(p, other, &err), -1);
	assert_int_equal(err.code, ERR_REFUSED);
	assert_int_equal(progress_append(scratch, other, &err), -1);
	assert_int_equal(err.code, ERR_REFUSED);
	assert_int_equal(file_save(other, span_of("0123456789012345678901234567"
		"89012345678901234567890123456789012345"), &err), 0);
	assert_int_equal(progress_append(scratch, other, &err), -1);
	assert_int_equal(err.code, ERR_INPUT);
	progress_close(p);
	unlink(other);
}

int
main(void)
{
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, scratch_new, scratch_gone)
	const struct CMUnitTest tests[] = {
		TEST(tells_what_is_whole_from_the_first_item_on),
		TEST(takes_items_in_any_order),
		TEST(cuts_off_a_torn_record),
		TEST(refuses_that_of_something_else),
		TEST(joins_what_others_have_done),
		TEST(appends_what_others_have_done_and_never_goes_back),
		TEST(appends_to_one_that_was_not_begun_and_of_one),
		TEST(joins_nothing_of_something_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
