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

/* Whichever kernels the library chooses for short and long pieces. */
static void
sums_do_not_depend_on_how_the_bytes_were_cut(void **state)
{
	static uint8_t bytes[20000];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 131 + i / 7);
	for (size_t len = 1; len < sizeof(bytes); len += 1 + len / 3) {
		const uint64_t whole = keyhash64_of(guard_copy(bytes, len));

		for (size_t step = 1; step < 2 * len; step += 1 + step / 2) {
			struct keysum sum;

			keysum_start(&sum);
			for (size_t at = 0; at < len; at += step) {
				size_t n = len - at;

				n = n < step ? n : step;
				keysum_add(&sum, (struct span){ bytes + at, n });
			}
			assert_true(keysum_get(&sum) == whole);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_id_is_hashed_with_its_letter_in_front),
		cmocka_unit_test(hashes_are_those_that_xxhash_publishes),
		cmocka_unit_test(sums_do_not_depend_on_how_the_bytes_were_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
