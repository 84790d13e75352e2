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

static const struct keyhash OF = { 1, 2 };
static char path[64];

static struct progress *
reopen(struct progress *p, bool *resumed)
{
	struct err err = { 0 };

	progress_close(p);
	p = progress_open(path, OF, 3, resumed, &err);
	if (p == NULL)
		fail_msg("%s", err.text);
	return p;
}

static int
fresh(void **state)
{
	(void)state;
	snprintf(path, sizeof(path), "/tmp/progress-%d", (int)getpid());
	unlink(path);
	return 0;
}

static int
gone(void **state)
{
	(void)state;
	return unlink(path);
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
		assert_int_equal(truncate(path, len), 0);
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
	assert_null(progress_open(path, (struct keyhash){ 1, 3 }, 3, &resumed,
				  &err));
	assert_int_equal(err.code, ERR_REFUSED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			tells_what_is_whole_from_the_first_item_on, fresh,
			gone),
		cmocka_unit_test_setup_teardown(takes_items_in_any_order,
						fresh, gone),
		cmocka_unit_test_setup_teardown(cuts_off_a_torn_record, fresh,
						gone),
		cmocka_unit_test_setup_teardown(refuses_that_of_something_else,
						fresh, gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
