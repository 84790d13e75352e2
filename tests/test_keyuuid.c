/* test_keyuuid.c - only what comes back the same is packed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "formats/keyuuid.h"
#include "tests/guard.h"

static const char TEXT[] = "01234567-89ab-cdef-f0e1-d2c3b4a59687";

static void
packs_the_bytes_that_it_says(void **state)
{
	static const uint8_t want[] = {
		0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
		0xf0, 0xe1, 0xd2, 0xc3, 0xb4, 0xa5, 0x96, 0x87,
	};
	uint8_t got[KEYUUID_LEN];

	(void)state;
	assert_true(keyuuid_pack(guard_copy((const uint8_t *)TEXT,
					    KEYUUID_TEXT_LEN), got));
	assert_memory_equal(got, want, sizeof(want));
}

/* Each byte at each place: packed means that it is given back. */
static void
packs_what_it_gives_back_and_nothing_else(void **state)
{
	(void)state;
	for (size_t i = 0; i < KEYUUID_TEXT_LEN; i++)
		for (unsigned c = 0; c < 256; c++) {
			uint8_t text[KEYUUID_TEXT_LEN], packed[KEYUUID_LEN];
			char back[KEYUUID_TEXT_LEN];
			const bool fits = TEXT[i] == '-' ? c == '-' :
				(c >= '0' && c <= '9') ||
				(c >= 'a' && c <= 'f');

			memcpy(text, TEXT, sizeof(text));
			text[i] = (uint8_t)c;
			assert_int_equal(keyuuid_pack((struct span){
				text, sizeof(text) }, packed), fits);
			if (!fits)
				continue;
			keyuuid_text(packed, back);
			assert_memory_equal(back, text, sizeof(text));
		}
}

static void
leaves_other_lengths_alone(void **state)
{
	uint8_t packed[KEYUUID_LEN];

	(void)state;
	for (size_t n = 0; n < KEYUUID_TEXT_LEN; n++)
		assert_false(keyuuid_pack(guard_copy((const uint8_t *)TEXT, n),
					  packed));
	assert_false(keyuuid_pack(guard_copy((const uint8_t *)TEXT,
					     sizeof(TEXT)), packed));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packs_the_bytes_that_it_says),
		cmocka_unit_test(packs_what_it_gives_back_and_nothing_else),
		cmocka_unit_test(leaves_other_lengths_alone),
	};

	return cmocka_run_group_tests_name("keyuuid", tests, NULL, NULL);
}
