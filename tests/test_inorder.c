/*
 * test_inorder.c - pieces that threads make side by side come in the order of
 * their units, within the memory given.
 */
#include "engine/inorder.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "engine/crew.h"

enum { NUNITS = 60, NPIECES = 50 };

static struct buf got;
static struct err err;
static _Atomic uint32_t next;
static atomic_int inside;	/* calls of take under way */
static uint64_t stop_at, fail_at, taken;

static int
take(void *context, const struct inorder_piece *p, struct err *e)
{
	(void)context;
	assert_int_equal(atomic_fetch_add(&inside, 1), 0);
	taken++;
	const int rc = taken == fail_at ? err_set(e, ERR_SYSTEM, "no")
		: buf_append(&got, p->text, e) != 0 ? -1 : taken == stop_at;
	atomic_fetch_sub(&inside, 1);
	return rc;
}

/* Unit after unit; unit n has n % NPIECES pieces, "unit.piece\n". */
static int
work(void *context, struct err *e)
{
	struct inorder *const o = context;
	uint32_t n;
	int rc = 0;

	while (rc == 0 && (n = atomic_fetch_add(&next, 1)) < NUNITS) {
		for (uint32_t i = 0; i < n * 7 % NPIECES && rc == 0; i++) {
			char text[32];

			snprintf(text, sizeof(text), "%u.%u\n", n, i);
			rc = inorder_put(o, &(struct inorder_piece){
				.unit = n, .text = span_of(text),
				.nitems = 1 }, e);
		}
		if (rc == 0)
			rc = inorder_end(o, n, e);
	}
	return rc < 0 ? -1 : 0;
}

static int
run(unsigned nthreads, size_t memory, uint64_t stop, uint64_t fail)
{
	struct inorder *const o = inorder_new(NUNITS, memory, take, NULL, &err);

	assert_non_null(o);
	buf_reset(&got);
	err = (struct err){ 0 };
	atomic_store(&next, 0);
	taken = 0;
	stop_at = stop;
	fail_at = fail;
	const int rc = crew_do(nthreads, work, o, &err);
	inorder_free(o);
	return rc;
}

static void
put_expected(struct buf *want, uint64_t limit)
{
	uint64_t count = 0;

	for (uint32_t n = 0; n < NUNITS; n++)
		for (uint32_t i = 0; i < n * 7 % NPIECES && count < limit; i++) {
			buf_printf(want, &err, "%u.%u\n", n, i);
			count++;
		}
}

static void
expect(uint64_t limit)
{
	struct buf want = { 0 };

	put_expected(&want, limit);
	assert_true(span_equal(buf_span(&want), buf_span(&got)));
	buf_free(&want);
}

static void
pieces_come_in_order_whatever_the_threads_and_the_memory(void **state)
{
	static const size_t memory[] = { 1, 40, 1000, 1 << 20 };

	(void)state;
	for (unsigned threads = 1; threads <= 8; threads += 2)
		for (size_t i = 0; i < 4; i++) {
			assert_int_equal(run(threads, memory[i], 0, 0), 0);
			expect(UINT64_MAX);
		}
}

static void
nothing_comes_after_what_was_enough(void **state)
{
	(void)state;
	for (unsigned threads = 1; threads <= 8; threads += 3) {
		assert_int_equal(run(threads, 100, 321, 0), 0);
		assert_int_equal(taken, 321);
		expect(321);
	}
}

static void
a_failure_ends_all_threads_and_is_told_once(void **state)
{
	(void)state;
	for (unsigned threads = 1; threads <= 8; threads += 3) {
		assert_int_equal(run(threads, 1, 0, 123), -1);
		assert_int_equal(err.code, ERR_SYSTEM);
		assert_string_equal(err.text, "no");
		assert_int_equal(taken, 123);
	}
}

static int
stop(void *context, struct err *e)
{
	if (atomic_fetch_add(&next, 1) == 0) {
		inorder_stop(context);
		return err_set(e, ERR_INPUT, "mine");
	}
	/* Not its turn, and no memory to wait with. */
	return inorder_put(context, &(struct inorder_piece){
		.unit = 5, .text = span_of("text") }, e);
}

static void
who_waits_is_told_when_another_fails(void **state)
{
	struct inorder *const o = inorder_new(9, 1, take, NULL, &err);

	(void)state;
	atomic_store(&next, 0);
	assert_int_equal(crew_do(3, stop, o, &err), -1);
	assert_int_equal(err.code, ERR_INPUT);
	inorder_free(o);
	inorder_free(NULL);
}

static int
clean(void **state)
{
	(void)state;
	buf_free(&got);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			pieces_come_in_order_whatever_the_threads_and_the_memory),
		cmocka_unit_test(nothing_comes_after_what_was_enough),
		cmocka_unit_test(a_failure_ends_all_threads_and_is_told_once),
		cmocka_unit_test(who_waits_is_told_when_another_fails),
	};

	return cmocka_run_group_tests_name("inorder", tests, NULL, clean);
}
