/* test_base64.c - RFC 4648's vectors, every length, and what is not base64. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <openssl/evp.h>

#include "base/base64.h"
#include "tests/guard.h"

static struct span
guarded(const char *text)
{
	return guard_copy((const uint8_t *)text, strlen(text));
}

static void
vectors_of_the_rfc_are_met(void **state)
{
	static const char *const vectors[][2] = {
		{ "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" },
		{ "foo", "Zm9v" }, { "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		const struct span bytes = guarded(vectors[i][0]);
		const struct span text = guarded(vectors[i][1]);
		uint8_t out[16];

		assert_true(base64_check(text));
		assert_int_equal(base64_encoded_len(bytes.len), text.len);
		base64_encode(bytes, out);
		assert_memory_equal(out, text.ptr, text.len);
		assert_int_equal(base64_decoded_len(text), bytes.len);
		base64_decode(text, out);
		assert_memory_equal(out, bytes.ptr, bytes.len);
	}
}

static void
every_length_agrees_with_libcrypto(void **state)
{
	uint8_t bytes[100];
	uint8_t theirs[140];
	uint8_t back[100];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 167 + 13);
	for (size_t n = 1; n <= sizeof(bytes); n++) {
		const struct span in = guard_copy(bytes, n);
		const size_t len = base64_encoded_len(n);
		uint8_t *const ours = malloc(len);

		assert_int_equal(EVP_EncodeBlock(theirs, bytes, (int)n), len);
		base64_encode(in, ours);
		assert_memory_equal(ours, theirs, len);

		const struct span text = guard_copy(ours, len);

		assert_true(base64_check(text));
		assert_int_equal(base64_decoded_len(text), n);
		base64_decode(text, back);
		assert_memory_equal(back, bytes, n);
		free(ours);
	}
}

static void
what_is_not_base64_is_refused(void **state)
{
	static const char *const bad[] = {
		"Z", "Zg", "Zg=", "Zg===", "Zm9vY", "=", "====", "Z===",
		"Zg=v", "Zg==Zg==", "Zm9v\nZg=", "Zm9-", "Zm9_", "Zm 9",
		"Zh==", "Zm9=", "Zm9vZm9vZm9vZm9vZm9vZm9vZm9v\x80m9v",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (base64_check(guarded(bad[i])))
			fail_msg("'%s' taken", bad[i]);
}

static void
one_wrong_character_anywhere_is_seen(void **state)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		"0123456789+/";
	uint8_t text[44];

	(void)state;
	for (size_t at = 0; at < sizeof(text); at++)
		for (int c = 0; c < 256; c++) {
			memset(text, 'A', sizeof(text));
			text[at] = (uint8_t)c;

			const bool good = c != 0 && strchr(alphabet, c) != NULL;
			const bool padding = c == '=' && at == 43;
			const struct span s = { text, sizeof(text) };

			assert_int_equal(base64_check(s), good || padding);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors_of_the_rfc_are_met),
		cmocka_unit_test(every_length_agrees_with_libcrypto),
		cmocka_unit_test(what_is_not_base64_is_refused),
		cmocka_unit_test(one_wrong_character_anywhere_is_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
