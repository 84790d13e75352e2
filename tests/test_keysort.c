/* test_keysort.c - records in order, whatever their keys and the memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/dice.h"
#include "base/err.h"
#include "engine/keysort_internal.h"

enum { N = 60000 };

static char dir[64];

static int
make_dir(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/test_keysort.XXXXXX");
	return mkdtemp(dir) != NULL ? 0 : -1;
}

static int
remove_dir(void **state)
{
	(void)state;
	return rmdir(dir);	/* fails if anything was left there */
}

static uint64_t
mix(uint64_t z)
{
	return dice_mix(z + DICE_STEP);
}

/* Keys of many kinds, by number. */
static void
uniform(uint64_t i, uint64_t key[2])
{
	key[0] = mix(i);
	key[1] = mix(i + N);
}

static void
one(uint64_t i, uint64_t key[2])
{
	(void)i;
	key[0] = key[1] = 42;
}

static void
two_far_apart(uint64_t i, uint64_t key[2])
{
	key[0] = mix(i) % 2 << 63;
	key[1] = 0;
}

static void
low_bits_only(uint64_t i, uint64_t key[2])
{
	key[0] = 7;
	key[1] = mix(i) % 1000;
}

static void
one_in_ten_and_the_same(uint64_t i, uint64_t key[2])
{
	key[0] = i % 10 == 0 ? mix(i) : 99;
	key[1] = i % 10 == 0 ? mix(i) : i % 3;
}

/* Each digit sets but few apart: the worst there is for a radix sort. */
static void
peeled(uint64_t i, uint64_t key[2])
{
	const unsigned bit = (unsigned)(mix(i) % 128);

	key[0] = bit < 64 ? (uint64_t)1 << bit : 0;
	key[1] = bit < 64 ? 0 : (uint64_t)1 << (bit - 64);
}

static void
downward(uint64_t i, uint64_t key[2])
{
	key[0] = N - i;
	key[1] = 0;
}

typedef void make_key(uint64_t i, uint64_t key[2]);

static make_key *const KINDS[] = {
	uniform, one, two_far_apart, low_bits_only, one_in_ten_and_the_same,
	peeled, downward,
};

/* What comes out, and whether it is in order so far. */
struct seen {
	make_key *make;
	uint64_t n, last[3];
	bool wrong;	/* asserts are for the test's own thread */
	uint8_t had[N];
};

static int
look(void *context, const uint64_t *records, size_t n, struct err *err)
{
	struct seen *const s = context;

	(void)err;
	for (size_t i = 0; i < n; i++) {
		const uint64_t *const r = records + i * KEYSORT_WORDS;
		uint64_t key[2];

		if (r[2] >= N || s->had[r[2]]) {
			s->wrong = true;
			continue;
		}
		s->had[r[2]] = 1;
		s->make(r[2], key);
		s->wrong |= r[0] != key[0] || r[1] != key[1];
		if (s->n++ > 0)
			s->wrong |= !(r[0] > s->last[0] ||
				      (r[0] == s->last[0] &&
				       (r[1] > s->last[1] ||
					(r[1] == s->last[1] &&
					 r[2] > s->last[2]))));
		memcpy(s->last, r, sizeof(s->last));
	}
	return 0;
}

/* `large`: as if it were, with a file that goes past the page cache. */
static void
sort_and_look(make_key *make, uint64_t n, size_t memory, size_t near,
	      bool large, unsigned nthreads)
{
	static struct seen seen;
	struct err err;
	/* Some who were expected do not come. */
	struct keysort *const s = keysort_new(n + n / 100, memory, near, dir,
					      &err);

	assert_non_null(s);
	s->large = large;
	for (uint64_t i = 0; i < n; i++) {
		uint64_t key[2];

		make(i, key);
		assert_int_equal(keysort_add(s, key[0], key[1], i, &err), 0);
	}
	memset(&seen, 0, sizeof(seen));
	seen.make = make;
	assert_int_equal(keysort_finish_by(s, nthreads, look, &seen, &err),
			 0);
	assert_false(seen.wrong);
	assert_int_equal(seen.n, n);
	keysort_free(s);
}

static void
sorts_any_number_of_any_keys_in_memory(void **state)
{
	static const uint64_t sizes[] = { 0, 1, 2, 16, 17, 18, 255, 4096, 4097,
					  16385, N };

	(void)state;
	for (size_t k = 0; k < sizeof(KINDS) / sizeof(KINDS[0]); k++)
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
			sort_and_look(KINDS[k], sizes[i], (size_t)1 << 30,
				      (size_t)1 << 30, false, 1);
}

static void
sorts_any_keys_through_a_file(void **state)
{
	static const size_t memories[] = { 1, 100000, 400000, 1600000, 2950000 };

	(void)state;
	for (size_t k = 0; k < sizeof(KINDS) / sizeof(KINDS[0]); k++)
		for (size_t i = 0; i < sizeof(memories) / sizeof(memories[0]); i++)
			for (int large = 0; large < 2; large++)
				sort_and_look(KINDS[k], N, memories[i], 0,
					      large, 1);
	for (size_t k = 0; k < sizeof(KINDS) / sizeof(KINDS[0]); k++)
		for (size_t near = 1 << 20; near <= 4 << 20; near *= 2)
			sort_and_look(KINDS[k], N, 4 << 20, near, false, 1);
}

static void
sorts_the_same_by_several_threads(void **state)
{
	static const size_t memories[] = { 1, 400000, 4 << 20, 1 << 30 };

	(void)state;
	for (size_t k = 0; k < sizeof(KINDS) / sizeof(KINDS[0]); k++) {
		for (size_t i = 0; i < sizeof(memories) / sizeof(memories[0]);
		     i++)
			sort_and_look(KINDS[k], N, memories[i],
				      memories[i] / 3, false, (unsigned)i + 2);
		sort_and_look(KINDS[k], N, 1600000, 0, true, 3);
	}
	sort_and_look(KINDS[0], 100, 1 << 20, 1 << 20, false, 4);
}

/* High bits never go down, and everything comes once. */
static int
look_roughly(void *context, const uint64_t *records, size_t n,
	     struct err *err)
{
	struct seen *const s = context;

	(void)err;
	for (size_t i = 0; i < n; i++) {
		const uint64_t *const r = records + i * KEYSORT_WORDS;

		assert_false(s->had[r[2]]);
		s->had[r[2]] = 1;
		assert_true(r[0] == mix(r[2]));
		assert_true(r[0] >> 62 >= s->last[0]);
		s->last[0] = r[0] >> 62;
		s->n++;
	}
	return 0;
}

static void
puts_them_in_rough_order(void **state)
{
	static const size_t memories[] = { 1, 400000, 10 << 20 };
	static struct seen seen;

	(void)state;
	for (size_t m = 0; m < 9; m++) {
		const size_t near = m < 3 || m > 5 ? 0 : 4 << 20;
		struct err err;
		struct keysort *const s = keysort_new(N, memories[m % 3],
						      near, dir, &err);

		s->large = m > 5;
		for (uint64_t i = 0; i < N; i++)
			assert_int_equal(keysort_add(s, mix(i), 1, i, &err),
					 0);
		memset(&seen, 0, sizeof(seen));
		assert_int_equal(keysort_finish_rough(s, look_roughly, &seen,
						      &err), 0);
		assert_int_equal(seen.n, N);
		keysort_free(s);
	}
}

static void
notices_more_records_than_were_expected(void **state)
{
	struct err err = { 0 };
	struct keysort *const s = keysort_new(2, 1 << 20, 0, dir, &err);

	(void)state;
	assert_int_equal(keysort_add(s, 1, 1, 1, &err), 0);
	assert_int_equal(keysort_add(s, 1, 1, 1, &err), 0);
	assert_int_equal(keysort_add(s, 1, 1, 1, &err), -1);
	assert_int_equal(err.code, ERR_INPUT);
	keysort_free(s);
	keysort_free(NULL);
}

static int
stop(void *context, const uint64_t *records, size_t n, struct err *err)
{
	(void)context;
	(void)records;
	(void)n;
	return err_set(err, ERR_CANCELLED, "enough");
}

static void
stops_when_the_taker_does(void **state)
{
	struct err err = { 0 };

	(void)state;
	for (size_t memory = 1; memory < 2000000; memory += 1000000) {
		struct keysort *const s = keysort_new(5000, memory,
						      memory, dir, &err);

		for (uint64_t i = 0; i < 5000; i++)
			assert_int_equal(keysort_add(s, mix(i), 1, i, &err),
					 0);
		assert_int_equal(keysort_finish(s, stop, NULL, &err), -1);
		assert_int_equal(err.code, ERR_CANCELLED);
		keysort_free(s);
	}
}

static int
refuse(void *context, const uint64_t *records, size_t n, struct err *err)
{
	unsigned *const calls = context;

	(void)records;
	(void)n;
	return ++*calls < 3 ? 0 : err_set(err, ERR_SYSTEM, "no more");
}

static void
stops_all_threads_when_the_taker_does(void **state)
{
	struct err err = { 0 };
	unsigned calls = 0;

	(void)state;
	struct keysort *const s = keysort_new(N, 1, 1 << 20, dir, &err);

	for (uint64_t i = 0; i < N; i++)
		assert_int_equal(keysort_add(s, mix(i), 1, i, &err), 0);
	assert_int_equal(keysort_finish_by(s, 4, refuse, &calls, &err), -1);
	assert_string_equal(err.text, "no more");
	assert_int_equal(calls, 3);
	keysort_free(s);
}

static void
tells_where_it_cannot_write(void **state)
{
	struct err err = { 0 };

	(void)state;
	struct keysort *const s = keysort_new(N, 1, 1 << 20,
					      "/nonexistent", &err);
	int rc = 0;

	for (uint64_t i = 0; rc == 0 && i < N; i++)
		rc = keysort_add(s, mix(i), 1, i, &err);
	assert_int_equal(rc, -1);
	assert_int_equal(err.code, ERR_SYSTEM);
	assert_non_null(strstr(err.text, "/nonexistent"));
	keysort_free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sorts_any_number_of_any_keys_in_memory),
		cmocka_unit_test(sorts_any_keys_through_a_file),
		cmocka_unit_test(sorts_the_same_by_several_threads),
		cmocka_unit_test(puts_them_in_rough_order),
		cmocka_unit_test(notices_more_records_than_were_expected),
		cmocka_unit_test(stops_when_the_taker_does),
		cmocka_unit_test(stops_all_threads_when_the_taker_does),
		cmocka_unit_test(tells_where_it_cannot_write),
	};

	return cmocka_run_group_tests_name("keysort", tests, make_dir,
					   remove_dir);
}
