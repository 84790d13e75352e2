/* test_spill.c - what was appended is there, with slack behind, and no name. */
#include "io/spill.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"

static struct err err;
static char folder[] = "/tmp/test_spill.XXXXXX";

static int
make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) == NULL ? -1 : 0;
}

static int
remove_folder(void **state)
{
	(void)state;
	return rmdir(folder);	/* fails if something was left in there */
}

/* Each byte of a text of any length. */
static uint8_t
byte(size_t i)
{
	return (uint8_t)(i * 2654435761u >> 13);
}

static void
all_that_was_written_is_there_with_slack(void **state)
{
	static const size_t lengths[] = { 1, 7, 4095, 4096, 4097, 300000 };
	static uint8_t text[300000];

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = byte(i);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct spill *const s = spill_new(folder, "make room", &err);
		const size_t half = lengths[i] / 2;
		struct span got;
		unsigned sum = 0;

		assert_non_null(s);
		assert_int_equal(spill_write(s, (struct span){ text, half },
					     &err), 0);
		assert_int_equal(spill_write(s, (struct span){ text + half,
					     lengths[i] - half }, &err), 0);
		assert_int_equal(spill_len(s), lengths[i]);
		for (int again = 0; again < 2; again++) {
			assert_int_equal(spill_map(s, &got, &err), 0);
			assert_int_equal(got.len, lengths[i]);
			assert_memory_equal(got.ptr, text, got.len);
			for (size_t k = 0; k < SPILL_SLACK; k++)
				sum += got.ptr[got.len + k];
			assert_int_equal(sum, 0);
			spill_unmap(s);
		}
		spill_free(s);
	}
}

static void
nothing_written_is_nothing_and_needs_no_file(void **state)
{
	struct spill *const s = spill_new("/nowhere/at/all", "make room", &err);
	struct span got;

	(void)state;
	assert_int_equal(spill_map(s, &got, &err), 0);
	assert_int_equal(got.len, 0);
	spill_unmap(s);
	spill_free(s);
	spill_free(NULL);
}

static void
a_folder_that_is_not_there_is_named(void **state)
{
	struct spill *const s = spill_new("/nowhere/at/all", "make room", &err);

	(void)state;
	assert_int_equal(spill_write(s, span_of("x"), &err), -1);
	assert_int_equal(err.code, ERR_SYSTEM);
	assert_non_null(strstr(err.text, "/nowhere/at/all"));
	spill_free(s);

	err.text[0] = '\0';
	assert_int_equal(spill_file("/nowhere/at/all", &err), -1);
	assert_non_null(strstr(err.text, "/nowhere/at/all"));
	err.text[0] = '\0';
	assert_null(spill_zeros("/nowhere/at/all", 100, &err));
	assert_non_null(strstr(err.text, "/nowhere/at/all"));
}

static void
zeros_are_written_over_and_leave_nothing(void **state)
{
	enum { LEN = 100 * 1000 };
	uint8_t *const p = spill_zeros(folder, LEN, &err);

	(void)state;
	assert_non_null(p);
	for (size_t i = 0; i < LEN; i++) {
		assert_int_equal(p[i], 0);
		p[i] = byte(i);
	}
	for (size_t i = 0; i < LEN; i++)
		assert_int_equal(p[i], byte(i));
	munmap(p, LEN);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_that_was_written_is_there_with_slack),
		cmocka_unit_test(nothing_written_is_nothing_and_needs_no_file),
		cmocka_unit_test(zeros_are_written_over_and_leave_nothing),
		cmocka_unit_test(a_folder_that_is_not_there_is_named),
	};

	return cmocka_run_group_tests_name("spill", tests, make_folder,
					   remove_folder);
}
