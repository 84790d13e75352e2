/* test_keyindex.c - look-ups in sound, damaged and hostile id indexes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/bytes.h"
#include "base/err.h"
#include "formats/keyindex.h"
#include "tests/guard.h"

/*
 * Five records under four keys, so two bits of fan, written out by hand but for
 * the checksums: 64 of header, 5 * 4 of fan filled up to 64, 5 * 24.
 */
enum { FAN = 64, RECORDS = 128, LEN = RECORDS + 5 * 24, AT_BITS = 12,
       AT_N = 16, AT_FAN_LEN = 24, AT_IDS = 32, AT_SUM = 48, AT_HEAD = 56 };

static const struct { uint64_t hi, lo, at; } FIVE[5] = {
	{ 5, 9, 32 }, { 5, 10, 60 }, { 5, 10, 90 },
	{ (uint64_t)1 << 63, 0, 40 }, { UINT64_MAX, UINT64_MAX, 99 },
};

static void
seal(uint8_t *p, size_t len)
{
	const uint64_t fan = keyhash64_of((struct span){ p + FAN, 64 });
	const uint64_t records = keyhash64_of(
		(struct span){ p + RECORDS, len - RECORDS });

	store_le64(p + AT_SUM, keyindex_sum(fan, records));
	store_le64(p + AT_HEAD, keyhash64_of((struct span){ p, AT_HEAD }));
}

static void
make_five(uint8_t p[LEN])
{
	static const uint8_t start[] = "dmkeyidx\3\0\0\0\2\0\0\0\5";

	memset(p, 0, LEN);
	memcpy(p, start, sizeof(start));
	p[AT_FAN_LEN] = 4;
	p[AT_IDS] = 120;
	p[FAN + 4] = 3;
	p[FAN + 8] = 3;
	p[FAN + 12] = 4;
	p[FAN + 16] = 5;
	for (size_t i = 0; i < 5; i++) {
		uint8_t *const r = p + RECORDS + 24 * i;

		store_le64(r, FIVE[i].hi);
		store_le64(r + 8, FIVE[i].lo);
		store_le64(r + 16, FIVE[i].at);
	}
	seal(p, LEN);
}

/* Open a copy that ends at an unmapped page: reading past it crashes. */
static int
open_copy(struct keyindex *ix, const uint8_t *p, size_t len, struct err *err)
{
	return keyindex_open(ix, guard_copy(p, len), err);
}

static uint64_t
find(const struct keyindex *ix, uint64_t hi, uint64_t lo, uint64_t *first)
{
	const struct keyhash key = { .hi = hi, .lo = lo };
	uint64_t found;
	const uint64_t n = keyindex_find(ix, key, first);

	keyindex_find_all(ix, &key, 1, &found);
	assert_true(found == (n == 0 ? UINT64_MAX : *first));
	return n;
}

static void
finds_what_is_there_and_nothing_else(void **state)
{
	uint8_t p[LEN];
	struct keyindex ix;
	struct keyhash key;
	struct err err;
	uint64_t first = 77;

	(void)state;
	make_five(p);
	assert_int_equal(open_copy(&ix, p, LEN, &err), 0);
	assert_int_equal(ix.shape.n, 5);
	assert_int_equal(ix.ids_len, 120);
	assert_int_equal(keyindex_verify(&ix, &err), 0);
	assert_int_equal(find(&ix, 5, 9, &first), 1);
	assert_int_equal(first, 0);
	assert_int_equal(find(&ix, 5, 10, &first), 2);
	assert_int_equal(first, 1);
	assert_int_equal(find(&ix, (uint64_t)1 << 63, 0, &first), 1);
	assert_int_equal(first, 3);
	assert_int_equal(find(&ix, UINT64_MAX, UINT64_MAX, &first), 1);
	assert_int_equal(first, 4);
	assert_int_equal(keyindex_at(&ix, 4, &key), 99);
	assert_true(key.hi == UINT64_MAX);

	first = 77;
	assert_int_equal(find(&ix, 0, 0, &first), 0);
	assert_int_equal(find(&ix, 5, 11, &first), 0);
	assert_int_equal(find(&ix, ((uint64_t)1 << 63) - 1, 0, &first), 0);
	assert_int_equal(find(&ix, UINT64_MAX, 0, &first), 0);
	assert_int_equal(first, 77);
}

static void
refuses_every_truncation(void **state)
{
	uint8_t p[LEN + 1] = { 0 };

	(void)state;
	make_five(p);
	for (size_t len = 0; len <= LEN + 1; len++) {
		struct keyindex ix;
		struct err err = { 0 };

		if (len == LEN)
			continue;
		assert_int_equal(open_copy(&ix, p, len, &err), -1);
		assert_int_equal(err.code, ERR_INPUT);
	}
}

static void
notices_every_flipped_bit(void **state)
{
	uint8_t p[LEN];

	(void)state;
	make_five(p);
	for (size_t bit = 0; bit < 8 * LEN; bit++) {
		struct keyindex ix;
		struct err err = { 0 };

		p[bit / 8] ^= (uint8_t)(1u << bit % 8);
		const int rc = open_copy(&ix, p, LEN, &err);
		assert_int_equal(rc, bit / 8 < FAN ? -1 : 0);
		if (rc == 0)
			assert_int_equal(keyindex_verify(&ix, &err), -1);
		assert_int_equal(err.code, ERR_INPUT);
		p[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}

static void
refuses_headers_that_lie(void **state)
{
	static const struct { size_t at; uint64_t value; } lies[] = {
		{ AT_N, 4 }, { AT_N, 6 }, { AT_N, UINT64_MAX },
		{ AT_N, (uint64_t)1 << 58 }, { AT_BITS, 1 }, { AT_BITS, 200 },
		{ AT_FAN_LEN, 8 }, { AT_FAN_LEN, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		uint8_t p[LEN];
		struct keyindex ix;
		struct err err = { 0 };

		make_five(p);
		if (lies[i].at == AT_BITS)
			store_le32(p + AT_BITS, (uint32_t)lies[i].value);
		else
			store_le64(p + lies[i].at, lies[i].value);
		seal(p, LEN);
		assert_int_equal(open_copy(&ix, p, LEN, &err), -1);
		assert_int_equal(err.code, ERR_INPUT);
	}
}

static void
tells_where_a_key_must_be_if_that_is_sound(void **state)
{
	static const struct { size_t at; uint8_t byte; } bad[] = {
		{ FAN, 1 },		/* a record less */
		{ FAN + 4, 2 },		/* likewise, at its end */
		{ FAN + 4, 4 },		/* a record of another place */
		{ FAN + 4, 6 },		/* more than there are */
		{ RECORDS + 7, 0x40 },	/* in another place, */
		{ RECORDS + 2 * 24 + 7, 0x40 },
		{ RECORDS, 6 },		/* after the one behind it */
	};
	const struct keyhash key = { .hi = 5, .lo = 10 };
	uint8_t p[LEN];
	struct keyindex ix;
	uint64_t from, to;
	struct err err;

	(void)state;
	make_five(p);
	assert_int_equal(open_copy(&ix, p, LEN, &err), 0);
	assert_int_equal(keyindex_place(&ix, key, &from, &to, &err), 0);
	assert_true(from == 0 && to == 3);
	assert_int_equal(keyindex_place(&ix, (struct keyhash){
		.hi = (uint64_t)1 << 62 }, &from, &to, &err), 0);
	assert_true(from == 3 && to == 3);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		make_five(p);
		p[bad[i].at] = bad[i].byte;
		seal(p, LEN);
		assert_int_equal(open_copy(&ix, p, LEN, &err), 0);
		assert_int_equal(keyindex_place(&ix, key, &from, &to, &err),
				 -1);
		assert_int_equal(err.code, ERR_INPUT);
	}
}

/* Whatever fan and records say: an answer, and no step outside. */
static void
survives_a_fan_and_records_that_lie(void **state)
{
	uint64_t seed = 1;

	(void)state;
	for (int round = 0; round < 3000; round++) {
		uint8_t p[LEN];
		struct keyindex ix;
		struct err err;

		make_five(p);
		for (int i = 0; i < 4; i++) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			p[FAN + (seed >> 33) % (LEN - FAN)] =
				(uint8_t)(seed >> 25);
		}
		seal(p, LEN);
		assert_int_equal(open_copy(&ix, p, LEN, &err), 0);
		for (size_t i = 0; i < 5; i++) {
			uint64_t first = 0;
			const uint64_t n = find(&ix, FIVE[i].hi, FIVE[i].lo,
						&first);

			assert_true(n <= 5 && first + n <= 5);
		}
	}
}

static void
lays_out_any_number_of_records(void **state)
{
	static const struct { uint64_t n; unsigned bits, fan; } want[] = {
		{ 0, 0, 4 }, { 1, 0, 4 }, { 2, 1, 4 }, { 3, 1, 4 }, { 4, 2, 4 },
		{ 7, 2, 4 }, { 8, 3, 4 }, { 100000000, 26, 4 },
		{ UINT32_MAX, 31, 4 }, { (uint64_t)1 << 32, 32, 8 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		const struct keyindex_layout s = keyindex_layout(want[i].n);

		assert_int_equal(s.bits, want[i].bits);
		assert_int_equal(s.fan_len, want[i].fan);
		assert_int_equal(s.records_at % 64, 0);
		assert_true(s.records_at >= 64 + (((uint64_t)1 << s.bits) + 1) *
			    s.fan_len);
		assert_int_equal(s.file_len, s.records_at + 24 * want[i].n);
	}
}

static void
answers_for_an_empty_index(void **state)
{
	const struct keyindex_layout s = keyindex_layout(0);
	uint8_t p[128] = { 0 };
	struct keyindex ix;
	struct err err;
	uint64_t first;

	(void)state;
	assert_int_equal(s.file_len, sizeof(p));
	keyindex_put_header(p, &s, 32, 0, keyindex_sum(
		keyhash64_of((struct span){ p + 64, 64 }),
		keyhash64_of((struct span){ p, 0 })));
	assert_int_equal(open_copy(&ix, p, sizeof(p), &err), 0);
	assert_int_equal(keyindex_verify(&ix, &err), 0);
	assert_int_equal(find(&ix, 0, 0, &first), 0);
}

/* ---- .ids ---------------------------------------------------------------- */

static void
gives_items_back(void **state)
{
	const struct keyids_item items[] = {
		{ 0, 0, 'S', { (const uint8_t *)"abc", 3 } },
		{ UINT32_MAX, UINT64_MAX, 'N', { (const uint8_t *)"-1", 2 } },
		{ 300, 70000, 'b', { NULL, 0 } },
		{ 7, 9, 'U', { (const uint8_t *)"0123456789abcdef", 16 } },
	};
	const struct keyids_item short_uuid = {
		7, 9, 'U', { (const uint8_t *)"0123456789abcde", 15 },
	};
	uint8_t p[200];
	uint64_t at = 0;
	size_t n = 0;
	struct err err;

	(void)state;
	for (size_t i = 0; i < 4; i++)
		n += keyids_put(p + n, &items[i]);
	const struct span ids = guard_copy(p, n);
	for (size_t i = 0; i < 4; i++) {
		struct keyids_item got;

		assert_int_equal(keyids_get(ids, at, &got, &at, &err), 0);
		assert_int_equal(got.unit, items[i].unit);
		assert_true(got.offset == items[i].offset);
		assert_int_equal(got.type, items[i].type);
		assert_true(span_equal(got.source, items[i].source));
	}
	assert_int_equal(at, n);
	for (size_t len = 0; len < n; len++) {
		struct keyids_item got;
		uint64_t i = 0;
		int rc = 0;

		for (size_t k = 0; rc == 0 && k < 4; k++)
			rc = keyids_get(guard_copy(p, len), i, &got, &i, &err);
		assert_int_equal(rc, -1);
	}
	n = keyids_put(p, &short_uuid);
	assert_int_equal(keyids_get((struct span){ p, n }, 0,
				    &(struct keyids_item){ .unit = 0 }, NULL,
				    &err), -1);
	assert_int_equal(keyids_get(ids, UINT64_MAX, &(struct keyids_item){
				    .unit = 0 }, NULL, &err), -1);
}

static void
knows_the_ids_that_belong_to_it(void **state)
{
	uint8_t p[LEN], ids[120] = { 0 };
	struct keyindex ix;
	struct err err;

	(void)state;
	make_five(p);
	assert_int_equal(open_copy(&ix, p, LEN, &err), 0);
	keyids_put_header(ids, 5);
	assert_int_equal(keyids_open((struct span){ ids, 120 }, &ix, &err), 0);
	assert_int_equal(keyids_open((struct span){ ids, 119 }, &ix, &err), -1);
	assert_int_equal(keyids_open((struct span){ ids, 20 }, &ix, &err), -1);
	keyids_put_header(ids, 6);
	assert_int_equal(keyids_open((struct span){ ids, 120 }, &ix, &err), -1);
	ids[0] = 'x';
	assert_int_equal(keyids_open((struct span){ ids, 120 }, &ix, &err), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_what_is_there_and_nothing_else),
		cmocka_unit_test(refuses_every_truncation),
		cmocka_unit_test(notices_every_flipped_bit),
		cmocka_unit_test(refuses_headers_that_lie),
		cmocka_unit_test(survives_a_fan_and_records_that_lie),
		cmocka_unit_test(tells_where_a_key_must_be_if_that_is_sound),
		cmocka_unit_test(lays_out_any_number_of_records),
		cmocka_unit_test(answers_for_an_empty_index),
		cmocka_unit_test(gives_items_back),
		cmocka_unit_test(knows_the_ids_that_belong_to_it),
	};

	return cmocka_run_group_tests_name("keyindex", tests, NULL, NULL);
}
