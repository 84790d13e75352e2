/*
 * test_lookup.c - answers from an index with every bit flipped, one at a time:
 * what is told is true, or it is told that the index is damaged.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/bytes.h"
#include "base/err.h"
#include "engine/lookup_internal.h"
#include "formats/keyuuid.h"
#include "tests/guard.h"

enum { NIDS = 21, MAX_LEN = 4096 };

/* An index in memory, of a table that keeps its ids. */
static struct {
	uint8_t idx[MAX_LEN], ids[MAX_LEN];
	size_t idx_len, ids_len;
	char texts[NIDS][40];
} made;

struct record {
	struct keyhash key;
	uint64_t at;
};

static int
by_key(const void *a, const void *b)
{
	const struct record *const x = a, *const y = b;

	if (x->key.hi != y->key.hi)
		return x->key.hi < y->key.hi ? -1 : 1;
	return x->key.lo < y->key.lo ? -1 : x->key.lo > y->key.lo;
}

static void
put_item(size_t i, struct record *r)
{
	struct keyids_item item = {
		.unit = (uint32_t)i % 3, .offset = i * 1000, .type = 'S',
	};
	uint8_t raw[KEYUUID_LEN];

	snprintf(made.texts[i], sizeof(made.texts[i]), i % 2 == 0 ? "id %zu" :
		 "%08zx-1111-4222-8333-444444444444", i);
	item.source = span_of(made.texts[i]);
	r->key = keyhash_of_id('S', item.source);
	r->at = made.ids_len;
	if (keyuuid_pack(item.source, raw)) {
		item.type = KEYUUID_TYPE;
		item.source = (struct span){ raw, KEYUUID_LEN };
	}
	made.ids_len += keyids_put(made.ids + made.ids_len, &item);
}

static int
make(void **state)
{
	const struct keyindex_layout s = keyindex_layout(NIDS);
	struct record records[NIDS];
	uint64_t place = 0;

	(void)state;
	keyids_put_header(made.ids, NIDS);
	made.ids_len = KEYIDS_HEADER_LEN;
	for (size_t i = 0; i < NIDS; i++)
		put_item(i, &records[i]);
	qsort(records, NIDS, sizeof(records[0]), by_key);
	for (size_t i = 0; i < NIDS; i++) {
		uint8_t *const p = made.idx + s.records_at + 24 * i;

		for (; place <= records[i].key.hi >> (64 - s.bits); place++)
			store_le32(made.idx + 64 + 4 * place, (uint32_t)i);
		store_le64(p, records[i].key.hi);
		store_le64(p + 8, records[i].key.lo);
		store_le64(p + 16, records[i].at);
	}
	for (; place <= (uint64_t)1 << s.bits; place++)
		store_le32(made.idx + 64 + 4 * place, NIDS);
	made.idx_len = s.file_len;
	keyindex_put_header(made.idx, &s, made.ids_len,
			    keyhash64_of((struct span){ made.ids,
							made.ids_len }),
			    keyindex_sum(keyhash64_of((struct span){
				made.idx + 64, s.records_at - 64 }),
				keyhash64_of((struct span){
				made.idx + s.records_at, NIDS * 24 })));
	return 0;
}

/*
 * Ask for all ids; how many were told wrongly or not at all.  -1 if it was said
 * that something is wrong.
 */
static int
ask(struct span idx, struct span ids, bool *moved)
{
	static const char *files[] = { "a", "b", "c" };
	struct lookup_table table = { .name = "Kept", .idx = idx, .ids = ids };
	struct lookup l = {
		.tables = &table, .ntables = 1, .files = files,
		.full = files, .nfiles = 3,
	};
	struct lookup_answer answers[NIDS];
	struct span asked[NIDS];
	struct err err = { ERR_NONE, "" };
	int wrong = 0, rc;

	*moved = false;
	if (keyindex_open(&table.index, idx, &err) != 0 ||
	    keyids_open(ids, &table.index, &err) != 0) {
		assert_int_equal(err.code, ERR_INPUT);
		return -1;
	}
	for (size_t i = 0; i < NIDS; i++)
		asked[i] = span_of(made.texts[i]);
	rc = lookup_ids(&l, asked, NIDS, answers, &err);
	assert_int_equal(err.code, rc == 0 ? ERR_NONE : ERR_INPUT);
	for (size_t i = 0; rc == 0 && i < NIDS; i++) {
		const struct lookup_found *const f = answers[i].first;

		wrong += f == NULL || f->next != NULL || !f->is_new ||
			 !f->is_source || !span_equal(f->source, asked[i]) ||
			 !span_equal(f->target, asked[i]);
		*moved |= f != NULL &&
			  (f->unit != i % 3 || f->offset != i * 1000);
	}
	arena_free(&l.answers);
	arena_free(&l.mem);
	return rc != 0 ? -1 : wrong;
}

static void
tells_all_of_a_sound_one(void **state)
{
	bool moved;

	(void)state;
	assert_int_equal(ask(guard_copy(made.idx, made.idx_len),
			     guard_copy(made.ids, made.ids_len), &moved), 0);
	assert_false(moved);
}

static void
tells_no_wrong_id_whatever_bit_is_flipped_in_idx(void **state)
{
	const struct keyindex_layout s = keyindex_layout(NIDS);

	(void)state;
	for (size_t bit = 0; bit < 8 * made.idx_len; bit++) {
		bool moved;

		made.idx[bit / 8] ^= (uint8_t)(1u << bit % 8);
		const int wrong = ask(guard_copy(made.idx, made.idx_len),
				      guard_copy(made.ids, made.ids_len),
				      &moved);
		made.idx[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_true(wrong <= 0);
		assert_false(moved);
		/* Of the fan, what is read is where an id is or may be. */
		assert_true(wrong == -1 ||
			    (bit / 8 >= 64 && bit / 8 < s.records_at));
	}
}

static void
tells_no_wrong_id_whatever_bit_is_flipped_in_ids(void **state)
{
	int nmoved = 0;

	(void)state;
	for (size_t bit = 0; bit < 8 * made.ids_len; bit++) {
		bool moved;

		made.ids[bit / 8] ^= (uint8_t)(1u << bit % 8);
		const int wrong = ask(guard_copy(made.idx, made.idx_len),
				      guard_copy(made.ids, made.ids_len),
				      &moved);
		made.ids[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_true(wrong <= 0);
		nmoved += moved;
	}
	/* Places are not keyed: of some 25 bytes an item, three. */
	assert_true(nmoved < 8 * 3 * NIDS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_all_of_a_sound_one),
		cmocka_unit_test(
			tells_no_wrong_id_whatever_bit_is_flipped_in_idx),
		cmocka_unit_test(
			tells_no_wrong_id_whatever_bit_is_flipped_in_ids),
	};

	return cmocka_run_group_tests_name("lookup", tests, make, NULL);
}
