/* test_keyhash.c - the key of an id is XXH3-128 of its letter and bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/keyhash.h"
#include "tests/guard.h"

static void
an_id_is_hashed_with_its_letter_in_front(void **state)
{
	uint8_t text[601];

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)(i * 31);
	for (size_t n = 0; n < sizeof(text); n++) {
		text[0] = n % 2 != 0 ? 'S' : 'N';

		const struct span id = guard_copy(text + 1, n);
		const struct keyhash a = keyhash_of_id((char)text[0], id);
		const struct keyhash b =
			keyhash_of((struct span){ text, n + 1 });

		assert_true(a.lo == b.lo && a.hi == b.hi);
	}
}

static void
hashes_are_those_that_xxhash_publishes(void **state)
{
	const struct keyhash h = keyhash_of(span_of(""));

	(void)state;
	assert_true(h.hi == 0x99aa06d3014798d8 && h.lo == 0x6001c324468d497f);
	assert_true(keyhash64_of(span_of("")) == 0x2d06800538d394c2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_id_is_hashed_with_its_letter_in_front),
		cmocka_unit_test(hashes_are_those_that_xxhash_publishes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
