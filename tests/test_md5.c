/* test_md5.c - MD5 against the RFC's vectors and libcrypto. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <openssl/evp.h>

#include "base/md5.h"
#include "tests/guard.h"

static void
hashes_the_vectors_of_rfc_1321(void **state)
{
	static const struct { const char *text, *hex; } V[] = {
		{ "", "d41d8cd98f00b204e9800998ecf8427e" },
		{ "a", "0cc175b9c0f1b6a831c399e269772661" },
		{ "message digest", "f96b697d7cb7938d525a2f31aaf161d0" },
		{ "1234567890123456789012345678901234567890123456789012345678"
		  "9012345678901234567890", "57edf4a22be3c955ac49da2e2107b67a" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(V) / sizeof(V[0]); i++) {
		uint8_t md[MD5_LEN];
		char hex[33];

		md5_of(span_of(V[i].text), md);
		for (size_t k = 0; k < MD5_LEN; k++)
			snprintf(hex + 2 * k, 3, "%02x", md[k]);
		assert_string_equal(hex, V[i].hex);
	}
}

static void
agrees_with_libcrypto_at_every_length(void **state)
{
	uint8_t bytes[260];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 131 + i / 7);
	for (size_t len = 0; len <= sizeof(bytes); len++) {
		uint8_t ours[MD5_LEN], theirs[EVP_MAX_MD_SIZE];

		md5_of(guard_copy(bytes, len), ours);
		assert_int_equal(EVP_Digest(bytes, len, theirs, NULL,
					    EVP_md5(), NULL), 1);
		assert_memory_equal(ours, theirs, MD5_LEN);
	}
}

static void
does_not_care_how_the_bytes_were_cut(void **state)
{
	uint8_t bytes[300], whole[MD5_LEN];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 7);
	md5_of((struct span){ bytes, sizeof(bytes) }, whole);
	for (size_t step = 1; step < 200; step++) {
		uint8_t md[MD5_LEN];
		struct md5 m;

		md5_start(&m);
		for (size_t at = 0; at < sizeof(bytes); at += step) {
			size_t n = sizeof(bytes) - at;

			n = n < step ? n : step;
			md5_add(&m, (struct span){ bytes + at, n });
		}
		md5_end(&m, md);
		assert_memory_equal(md, whole, MD5_LEN);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hashes_the_vectors_of_rfc_1321),
		cmocka_unit_test(agrees_with_libcrypto_at_every_length),
		cmocka_unit_test(does_not_care_how_the_bytes_were_cut),
	};

	return cmocka_run_group_tests_name("md5", tests, NULL, NULL);
}
