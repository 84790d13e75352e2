/*
 * test_latest.c - the last record of each key: what a plain table of all of
 * them says, in plenty of memory and in next to none.
 */
#include "engine/latest.h"

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
#include "engine/job.h"
#include "engine/keyfile.h"
#include "io/file.h"

enum { NINPUTS = 3, NUNITS = 5, NKEYS = 5000, PER_UNIT = 20000 };

static char dir[64];
static const uint32_t UNITS[NUNITS] = { 0, 3, 4, 70, 100000 };
static const bool WANTED[NINPUTS] = { true, false, true };

/* The model: of input 0 and 2, by number of the key. */
static uint64_t model[NINPUTS][NKEYS];

static int
make_dir(void **state)
{
	static const char *const FOLDERS[] = { JOB_UNITS, JOB_TMP, JOB_LATEST };
	struct err err;
	char path[128];

	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/test_latest.XXXXXX");
	assert_non_null(mkdtemp(dir));
	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, FOLDERS[i]);
		assert_int_equal(file_make_folder(path, &err), 0);
	}
	return 0;
}

static int
remove_dir(void **state)
{
	(void)state;
	return file_remove_folder(dir);
}

static struct keyhash
key_of(uint64_t number)
{
	uint64_t seed = number;
	const uint64_t hi = dice_throw(&seed);

	return (struct keyhash){ .hi = hi, .lo = dice_throw(&seed) };
}

/* Log `n` records a unit, of keys as the dice fall. */
static void
log_all(uint32_t n)
{
	const struct keyfile_sizes sizes = { .ntargets = NINPUTS };
	struct keyfile_info info;
	uint64_t seed = n;
	struct err err;
	struct keyfile *const k = keyfile_new(&sizes, &err);

	assert_non_null(k);
	for (int i = 0; i < NINPUTS; i++)
		for (int j = 0; j < NKEYS; j++)
			model[i][j] = LATEST_NONE;
	for (int u = 0; u < NUNITS; u++) {
		uint64_t offset = 0;

		assert_int_equal(keyfile_start(k, dir, UNITS[u], &err), 0);
		for (uint32_t i = 0; i < n; i++) {
			const uint32_t input = (uint32_t)(dice_throw(&seed) % 3);
			/* Some keys have no record. */
			const uint64_t key = dice_throw(&seed) % (NKEYS - 100);

			offset += 1 + dice_throw(&seed) % 100000;
			keyfile_pk(k, input, key_of(key), offset);
			model[input][key] = latest_place(UNITS[u], offset);
		}
		assert_int_equal(keyfile_commit(k, &info, &err), 0);
	}
	keyfile_free(k);
}

static void
compare(size_t memory)
{
	const struct latest_work work = {
		.job_dir = dir, .units = UNITS, .nunits = NUNITS,
		.ninputs = NINPUTS, .wanted = WANTED, .memory = memory,
	};
	struct err err = { 0 };
	struct keyhash keys[NKEYS];
	uint64_t last[NKEYS];

	for (uint64_t i = 0; i < NKEYS; i++)
		keys[i] = key_of(i);
	if (latest_build(&work, &err) != 0)
		fail_msg("%s", err.text);

	struct latest *const l = latest_open(dir, WANTED, NINPUTS, &err);
	if (l == NULL)
		fail_msg("%s", err.text);
	for (uint32_t input = 0; input < NINPUTS; input += 2) {
		latest_find(l, input, keys, NKEYS, last);
		assert_memory_equal(last, model[input], sizeof(last));
		/* One alone is no other than one of many. */
		for (size_t i = 0; i < NKEYS; i += 997) {
			latest_find(l, input, &keys[i], 1, last);
			assert_int_equal(last[0], model[input][i]);
		}
	}
	latest_close(l);
}

static void
the_last_record_of_each_key_is_found(void **state)
{
	(void)state;
	log_all(PER_UNIT);
	compare(0);
	compare(1);
}

static void
few_records_and_none_will_do(void **state)
{
	(void)state;
	log_all(3);
	compare(0);
	log_all(0);
	compare(0);
}

static void
places_are_in_the_order_of_units_and_offsets(void **state)
{
	(void)state;
	assert_true(latest_place(0, 0) < latest_place(0, 1));
	assert_true(latest_place(0, ((uint64_t)1 << 40) - 1) <
		    latest_place(1, 0));
	assert_true(latest_place(LATEST_MAX_UNITS - 1, 0) != LATEST_NONE);
	assert_int_equal(latest_place(LATEST_MAX_UNITS, 0), LATEST_NONE);
	assert_int_equal(latest_place(0, (uint64_t)1 << 40), LATEST_NONE);
}

static void
a_damaged_list_is_refused(void **state)
{
	struct err err = { 0 };
	char path[160];
	FILE *f;

	(void)state;
	log_all(1000);
	compare(0);
	snprintf(path, sizeof(path), "%s/" JOB_LATEST "/00000002.idx", dir);
	f = fopen(path, "r+");
	assert_non_null(f);
	fseek(f, -100, SEEK_END);
	const int c = fgetc(f);
	fseek(f, -1, SEEK_CUR);
	fputc(c ^ 1, f);
	fclose(f);
	assert_null(latest_open(dir, WANTED, NINPUTS, &err));
	assert_int_equal(err.code, ERR_INPUT);
	assert_non_null(strstr(err.text, "00000002.idx"));
	unlink(path);
	assert_null(latest_open(dir, WANTED, NINPUTS, &err));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_record_of_each_key_is_found),
		cmocka_unit_test(few_records_and_none_will_do),
		cmocka_unit_test(places_are_in_the_order_of_units_and_offsets),
		cmocka_unit_test(a_damaged_list_is_refused),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
