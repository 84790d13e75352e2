/* test_sketch.c - distinct counts and samples, in any order, in any parts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/err.h"
#include "base/keyhash.h"
#include "base/sketch.h"

static uint64_t
hash_of(uint64_t v)
{
	return keyhash64_of((struct span){ (const uint8_t *)&v, sizeof(v) });
}

static void
add(struct sketch *s, uint64_t v, uint64_t count)
{
	struct err err;

	assert_int_equal(sketch_add(s, hash_of(v), count, &err), 0);
}

static void
assert_same(struct sketch *a, struct sketch *b)
{
	static struct sketch_entry x[1 << 16], y[1 << 16];

	sketch_settle(a);
	sketch_settle(b);
	assert_int_equal(a->n, b->n);
	assert_true(a->bound == b->bound);
	sketch_entries(a, x);
	sketch_entries(b, y);
	assert_memory_equal(x, y, a->n * sizeof(x[0]));
}

static void
counts_exactly_up_to_k(void **state)
{
	struct sketch s = sketch_of(1000);

	(void)state;
	assert_int_equal(sketch_distinct(&s), 0);
	assert_false(sketch_has(&s, 0));
	for (uint64_t v = 0; v < 1000; v++)
		for (uint64_t n = 0; n <= v % 3; n++)
			add(&s, v, 1);
	sketch_settle(&s);
	assert_true(sketch_is_whole(&s));
	assert_int_equal(sketch_distinct(&s), 1000);
	assert_true(sketch_error(&s) == 0);
	for (uint64_t v = 0; v < 1000; v++)
		assert_int_equal(sketch_find(&s, hash_of(v)), v % 3 + 1);
	assert_int_equal(sketch_find(&s, hash_of(1000)), 0);
	assert_true(sketch_has(&s, hash_of(999)));
	assert_false(sketch_has(&s, hash_of(1000)));
	add(&s, 1000, 1);
	sketch_settle(&s);
	assert_false(sketch_is_whole(&s));
	assert_int_equal(s.n, 1000);
	sketch_free(&s);
}

static void
keeps_the_k_smallest_and_how_often_each_came(void **state)
{
	enum { N = 20000, K = 64 };
	static uint64_t hashes[N];
	struct sketch s = sketch_of(K);
	struct sketch_entry kept[K];

	(void)state;
	for (uint64_t round = 0; round < 5; round++)
		for (uint64_t v = 0; v < N; v++)
			add(&s, v, v % 7);
	for (uint64_t v = 0; v < N; v++)
		hashes[v] = hash_of(v);
	sketch_settle(&s);
	assert_int_equal(s.n, K);
	sketch_entries(&s, kept);
	for (uint64_t v = 0; v < N; v++) {
		size_t smaller = 0;

		for (uint64_t w = 0; w < N; w++)
			smaller += hashes[w] < hashes[v];
		if (smaller == K)
			assert_true(s.bound == hashes[v]);
		if (smaller >= K)
			continue;
		assert_true(kept[smaller].hash == hashes[v]);
		assert_int_equal(kept[smaller].count, 5 * (v % 7));
	}
	sketch_free(&s);
}

static void
estimates_within_its_error(void **state)
{
	static const uint64_t SIZES[] = { 5000, 60000, 700000 };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct sketch s = sketch_of(1024);

		for (uint64_t v = 0; v < SIZES[i]; v++)
			add(&s, v, 1);
		sketch_settle(&s);

		const double off = (double)sketch_distinct(&s) /
				   (double)SIZES[i] - 1;
		assert_true(sketch_error(&s) < 0.032);
		assert_true(off > -4 * sketch_error(&s) &&
			    off < 4 * sketch_error(&s));
		assert_true(off != 0);
		sketch_free(&s);
	}
}

static void
is_the_same_in_any_order_and_any_parts(void **state)
{
	enum { N = 30000, PARTS = 5 };
	struct sketch forth = sketch_of(256), back = sketch_of(256);
	struct sketch all = sketch_of(256), parts[PARTS];
	struct err err;

	(void)state;
	for (size_t p = 0; p < PARTS; p++)
		parts[p] = sketch_of(p == 3 ? 300 : 256);
	for (uint64_t v = 0; v < N; v++) {
		add(&forth, v % 20000, 1);
		add(&back, (N - 1 - v) % 20000, 1);
		/* Parts of very different sizes. */
		add(&parts[v % 1000 == 0 ? 0 : v < 500 ? 1 : v < 9000 ? 2 :
			   v % 3 == 0 ? 3 : 4], v % 20000, 1);
	}
	for (size_t p = 0; p < PARTS; p++)
		assert_int_equal(sketch_merge(&all, &parts[(p * 2 + 1) % PARTS],
					      &err), 0);
	assert_same(&forth, &back);
	assert_same(&forth, &all);
	for (size_t p = 0; p < PARTS; p++)
		sketch_free(&parts[p]);
	sketch_free(&forth);
	sketch_free(&back);
	sketch_free(&all);
}

static void
a_smaller_k_is_the_front_of_a_larger_one(void **state)
{
	struct sketch small = sketch_of(32), large = sketch_of(512);
	struct sketch late = sketch_of(512);
	struct err err;

	(void)state;
	for (uint64_t v = 0; v < 10000; v++) {
		add(&small, v, 2);
		add(&large, v, 2);
		add(&late, v, 2);
		if (v == 6000)
			sketch_shrink(&late, 32);
	}
	sketch_shrink(&large, 32);
	sketch_shrink(&large, 64);	/* never more again */
	assert_same(&small, &large);
	assert_same(&small, &late);

	/* Merged into one that keeps more, and into one with few values. */
	struct sketch few = sketch_of(512);
	for (uint64_t v = 0; v < 100; v++)
		add(&few, v, 1);
	assert_int_equal(sketch_merge(&few, &small, &err), 0);
	sketch_settle(&few);
	sketch_settle(&small);
	assert_true(few.bound == small.bound);
	assert_int_equal(few.n, small.n);
	sketch_free(&few);
	sketch_free(&small);
	sketch_free(&large);
	sketch_free(&late);
}

static void
takes_hashes_that_nobody_would_give(void **state)
{
	struct sketch s = sketch_of(8), near = sketch_of(64);
	struct err err;

	(void)state;
	assert_int_equal(sketch_add(&s, 0, 1, &err), 0);
	assert_int_equal(sketch_add(&s, 0, 1, &err), 0);
	assert_int_equal(sketch_find(&s, 0), 2);
	assert_int_equal(sketch_distinct(&s), 1);

	/* All in one run of the table, and all side by side. */
	for (uint64_t i = 0; i < 5000; i++) {
		assert_int_equal(sketch_add(&s, i << 40, 1, &err), 0);
		assert_int_equal(sketch_add(&near, 6000 - i, 1, &err), 0);
	}
	sketch_settle(&s);
	sketch_settle(&near);
	assert_int_equal(s.n, 8);
	assert_true(s.bound == (uint64_t)8 << 40);
	assert_int_equal(near.n, 64);
	assert_true(near.bound == 1001 + 64);
	assert_int_equal(sketch_find(&near, 1001), 1);
	sketch_free(&s);
	sketch_free(&near);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_exactly_up_to_k),
		cmocka_unit_test(keeps_the_k_smallest_and_how_often_each_came),
		cmocka_unit_test(estimates_within_its_error),
		cmocka_unit_test(is_the_same_in_any_order_and_any_parts),
		cmocka_unit_test(a_smaller_k_is_the_front_of_a_larger_one),
		cmocka_unit_test(takes_hashes_that_nobody_would_give),
	};

	return cmocka_run_group_tests_name("sketch", tests, NULL, NULL);
}
