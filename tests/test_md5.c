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

/* Three lanes, owing and settling at random, against three plain MD5s. */
static void
lanes_give_what_each_would_give_alone(void **state)
{
	enum { LANES = 3, ROUNDS = 400, MAX_LEN = 700 };
	static uint8_t bytes[LANES][ROUNDS][MAX_LEN];
	struct md5_lane l[LANES];
	struct md5 alone[LANES];
	uint32_t seed = 1;

	(void)state;
	for (size_t i = 0; i < LANES; i++) {
		md5_lane_start(&l[i]);
		md5_start(&alone[i]);
	}
	md5_lane_join(&l[1], &l[0]);
	md5_lane_join(&l[2], &l[0]);
	for (size_t r = 0; r < ROUNDS; r++) {
		seed = seed * 1664525 + 1013904223;
		const size_t i = (seed >> 8) % LANES;
		const size_t len = (seed >> 16) % MAX_LEN;

		memset(bytes[i][r], (int)(seed >> 24), len);
		md5_lane_owe(&l[i], (struct span){ bytes[i][r], len });
		md5_add(&alone[i], (struct span){ bytes[i][r], len });
		if (seed % 5 == 0)
			md5_lane_settle(&l[seed % LANES]);
		if (r == ROUNDS / 2)
			md5_lane_leave(&l[2]);
	}
	for (size_t i = 0; i < LANES; i++) {
		uint8_t got[MD5_LEN], want[MD5_LEN];

		md5_lane_settle(&l[i]);
		md5_end(&l[i].md5, got);
		md5_end(&alone[i], want);
		assert_memory_equal(got, want, MD5_LEN);
		md5_lane_leave(&l[i]);
	}
}

/* What is owed beside others is taken in by them, not only by itself. */
static void
lanes_do_each_others_work(void **state)
{
	static const uint8_t bytes[640];
	struct md5_lane a, b;

	(void)state;
	md5_lane_start(&a);
	md5_lane_start(&b);
	md5_lane_join(&b, &a);
	md5_lane_owe(&a, (struct span){ bytes, 640 });
	md5_lane_owe(&b, (struct span){ bytes, 256 + 5 });
	assert_int_equal(a.due.len, 640);
	assert_int_equal(b.due.len, 256);
	md5_lane_settle(&b);
	assert_int_equal(a.due.len, 640 - 256);
	assert_int_equal(b.due.len, 0);
	md5_lane_leave(&b);
	md5_lane_settle(&a);
	assert_int_equal(a.due.len, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hashes_the_vectors_of_rfc_1321),
		cmocka_unit_test(agrees_with_libcrypto_at_every_length),
		cmocka_unit_test(does_not_care_how_the_bytes_were_cut),
		cmocka_unit_test(lanes_give_what_each_would_give_alone),
		cmocka_unit_test(lanes_do_each_others_work),
	};

	return cmocka_run_group_tests_name("md5", tests, NULL, NULL);
}
