/* test_divide.c - which shard does what: all of it, evenly, always alike. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/dice.h"
#include "base/err.h"
#include "engine/divide.h"

enum { MOST = 1000 };

static void
make(struct divide_unit *units, uint32_t n, uint64_t seed)
{
	for (uint32_t i = 0; i < n; i++)
		units[i] = (struct divide_unit){
			.size = dice_mix(seed + i) % 1000000, .block = i,
			.some = true,
		};
}

static void
loads_of(const struct divide_unit *units, uint32_t n, const uint32_t *owner,
	 uint32_t nshards, uint64_t *loads)
{
	memset(loads, 0, (nshards + 1) * sizeof(*loads));
	for (uint32_t i = 0; i < n; i++) {
		assert_true(owner[i] <= nshards);
		assert_int_equal(owner[i] != 0, units[i].some);
		loads[owner[i]] += units[i].some ? units[i].size : 0;
	}
}

static void
gives_known_sizes_to_known_shards(void **state)
{
	/*
	 * 9 to 1, 7 to 2, 6 to 2 since 7 < 9, 5 to 1, 1 to 2 since 13 < 14;
	 * now both have 14, in two and three units, and the nothing goes to 1.
	 */
	const struct divide_unit units[] = {
		{ 5, 0, true }, { 9, 1, true }, { 1, 2, true },
		{ 7, 3, true }, { 6, 4, true }, { 0, 5, true },
	};
	const uint32_t want[] = { 1, 1, 2, 2, 2, 1 };
	uint32_t owner[6];
	struct err err;

	(void)state;
	assert_int_equal(divide(units, 6, 2, owner, &err), 0);
	assert_memory_equal(owner, want, sizeof(want));
}

static void
no_shard_has_more_than_the_average_and_one_unit(void **state)
{
	static struct divide_unit units[MOST];
	static uint32_t owner[MOST], again[MOST];
	struct err err;

	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		const uint32_t n = (uint32_t)(dice_mix(seed) % MOST);
		const uint32_t nshards = (uint32_t)(dice_mix(seed * 77) % 60) + 1;
		uint64_t loads[64], all = 0, largest = 0;

		make(units, n, seed << 20);
		assert_int_equal(divide(units, n, nshards, owner, &err), 0);
		assert_int_equal(divide(units, n, nshards, again, &err), 0);
		assert_memory_equal(owner, again, n * sizeof(*owner));
		loads_of(units, n, owner, nshards, loads);
		for (uint32_t i = 0; i < n; i++) {
			all += units[i].size;
			largest = units[i].size > largest ? units[i].size
							  : largest;
		}
		for (uint32_t s = 1; s <= nshards; s++)
			assert_true(loads[s] <= all / nshards + largest + 1);
	}
}

static void
what_belongs_together_is_done_by_one(void **state)
{
	static struct divide_unit units[MOST];
	static uint32_t owner[MOST];
	struct err err;

	(void)state;
	make(units, MOST, 5);
	for (uint32_t i = 0; i < MOST; i++) {
		units[i].block = i < 300 ? i % 3 : i;
		units[i].some = i != 1 && i % 7 != 3;
	}
	assert_int_equal(divide(units, MOST, 5, owner, &err), 0);
	for (uint32_t i = 0; i < MOST; i++)
		assert_int_equal(owner[i] == 0, !units[i].some);
	for (uint32_t i = 6; i < 300; i++)
		if (units[i].some && i % 3 != 1)
			assert_int_equal(owner[i], owner[i % 3]);
	/* The first of this block is nobody's: the others agree all the same. */
	for (uint32_t i = 7; i < 300; i += 3)
		if (units[i].some)
			assert_int_equal(owner[i], owner[4]);
}

static void
evens_out_numbers_where_sizes_are_not_known(void **state)
{
	struct divide_unit units[70];
	uint32_t owner[70], count[8] = { 0 };
	struct err err;

	(void)state;
	for (uint32_t i = 0; i < 70; i++)
		units[i] = (struct divide_unit){ 0, i, true };
	assert_int_equal(divide(units, 70, 7, owner, &err), 0);
	for (uint32_t i = 0; i < 70; i++)
		count[owner[i]]++;
	for (uint32_t s = 1; s <= 7; s++)
		assert_int_equal(count[s], 10);
}

static void
more_shards_than_units_leaves_some_with_nothing(void **state)
{
	struct divide_unit units[3];
	uint32_t owner[3];
	struct err err;

	(void)state;
	make(units, 3, 1);
	units[2].size = UINT64_MAX;
	units[1].size = UINT64_MAX;
	assert_int_equal(divide(units, 3, DIVIDE_MOST, owner, &err), 0);
	assert_int_equal(owner[1], 1);
	assert_int_equal(owner[2], 2);
	assert_int_equal(owner[0], 3);
	assert_int_equal(divide(units, 0, 4, owner, &err), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_known_sizes_to_known_shards),
		cmocka_unit_test(
			no_shard_has_more_than_the_average_and_one_unit),
		cmocka_unit_test(what_belongs_together_is_done_by_one),
		cmocka_unit_test(evens_out_numbers_where_sizes_are_not_known),
		cmocka_unit_test(
			more_shards_than_units_leaves_some_with_nothing),
	};

	return cmocka_run_group_tests_name("divide", tests, NULL, NULL);
}
