/* test_sha256.c - published vectors, and every length against libcrypto. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/cpu.h"
#include "base/sha256.h"
#include "tests/guard.h"

enum { LONGEST = 300 };

static const char *const masks[] = { NULL, "sha" };

static void
hex(const uint8_t *digest, char out[65])
{
	for (size_t i = 0; i < SHA256_LEN; i++)
		snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

static void
expect(const uint8_t *digest, const char *want)
{
	char got[65];

	hex(digest, got);
	assert_string_equal(got, want);
}

/* Bytes that end at an unmapped page, different for every seed. */
static struct span
noise(size_t len, unsigned seed)
{
	uint8_t bytes[LONGEST + 1];
	uint32_t x = seed * 2654435761u + 1;

	for (size_t i = 0; i < len; i++) {
		x = x * 1664525 + 1013904223;
		bytes[i] = (uint8_t)(x >> 24);
	}
	return guard_copy(bytes, len);
}

static void
digest_libcrypto(struct span s, uint8_t out[SHA256_LEN])
{
	assert_int_equal(EVP_Digest(s.ptr, s.len, out, NULL, EVP_sha256(),
				    NULL), 1);
}

static void
vectors_of_nist_are_met(void **state)
{
	static const char two_blocks[] = "abcdbcdecdefdefgefghfghighijhijk"
		"ijkljklmklmnlmnomnopnopq";
	uint8_t out[SHA256_LEN];

	(void)state;
	for (size_t m = 0; m < 2; m++) {
		cpu_init(masks[m]);
		sha256_of(span_of(""), out);
		expect(out, "e3b0c44298fc1c149afbf4c8996fb924"
		       "27ae41e4649b934ca495991b7852b855");
		sha256_of(span_of("abc"), out);
		expect(out, "ba7816bf8f01cfea414140de5dae2223"
		       "b00361a396177a9cb410ff61f20015ad");
		sha256_of(span_of(two_blocks), out);
		expect(out, "248d6a61d20638b8e5c026930c3e6039"
		       "a33ce45964ff2167f6ecedd419db06c1");
	}
}

static void
a_million_letters_are_hashed(void **state)
{
	uint8_t *const a = malloc(1000000);
	uint8_t out[SHA256_LEN];

	(void)state;
	memset(a, 'a', 1000000);
	for (size_t m = 0; m < 2; m++) {
		cpu_init(masks[m]);
		sha256_of((struct span){ a, 1000000 }, out);
		expect(out, "cdc76e5c9914fb9281a1c7e284d73e67"
		       "f1809a48a497200e046d39ccc7112cd0");
	}
	free(a);
}

static void
every_length_agrees_with_libcrypto(void **state)
{
	uint8_t ours[SHA256_LEN];
	uint8_t theirs[SHA256_LEN];

	(void)state;
	for (size_t n = 0; n <= LONGEST; n++) {
		const struct span s = noise(n, 1);

		digest_libcrypto(s, theirs);
		for (size_t m = 0; m < 2; m++) {
			cpu_init(masks[m]);
			sha256_of(s, ours);
			assert_memory_equal(ours, theirs, SHA256_LEN);
		}
	}
}

/*
 * Do `n` messages at once, with lengths that the caller chose; the last block
 * of every one whose number is in `lasts` apart, if it has two.
 */
static void
compare_batch(const size_t *lens, size_t n, unsigned lasts)
{
	struct sha256_job jobs[16] = { { 0 } };
	struct sha256_last last[16];
	uint8_t digests[16][SHA256_LEN];
	uint8_t theirs[SHA256_LEN];

	for (size_t i = 0; i < n; i++) {
		const struct span s = noise(lens[i], (unsigned)i);
		const size_t nblocks = sha256_nblocks(s.len);
		uint8_t *const blocks = malloc(nblocks * SHA256_BLOCK_LEN);

		memcpy(blocks, s.ptr, s.len);
		sha256_pad(blocks, s.len, 0);
		jobs[i] = (struct sha256_job){
			.start = &sha256_start, .nblocks = nblocks,
			.out = digests[i],
		};
		if (nblocks > 1 && (lasts >> i & 1) != 0) {
			jobs[i].nblocks--;
			sha256_last_init(&last[i], blocks + SHA256_BLOCK_LEN *
					 jobs[i].nblocks);
			jobs[i].last = &last[i];
		}
		jobs[i].blocks = guard_copy(blocks, SHA256_BLOCK_LEN *
					    jobs[i].nblocks).ptr;
		free(blocks);
	}
	sha256_batch(jobs, n);
	for (size_t i = 0; i < n; i++) {
		digest_libcrypto(noise(lens[i], (unsigned)i), theirs);
		assert_memory_equal(digests[i], theirs, SHA256_LEN);
	}
}

static void
batches_of_every_size_agree_with_libcrypto(void **state)
{
	static const size_t mixed[16] = {
		0, 55, 56, 64, 119, 120, 300, 1, 63, 183, 184, 36, 73, 12, 250,
		99,
	};
	size_t same[16];

	(void)state;
	for (size_t m = 0; m < 2; m++) {
		cpu_init(masks[m]);
		for (size_t n = 0; n <= 16; n++)
			for (unsigned lasts = 0; lasts < 7; lasts++)
				compare_batch(mixed, n, lasts * 0x2493);
		for (size_t len = 0; len <= LONGEST; len += 5) {
			for (size_t i = 0; i < 16; i++)
				same[i] = len;
			compare_batch(same, 1 + len / 5 % 8, 0);
			compare_batch(same, 1 + len / 5 % 8, 0xffff);
		}
	}
}

static void
a_digest_may_be_written_into_its_own_block(void **state)
{
	uint8_t block[SHA256_BLOCK_LEN] = "abc";
	const struct sha256_job job = {
		.start = &sha256_start, .blocks = block, .nblocks = 1,
		.out = block,
	};

	(void)state;
	cpu_init(NULL);
	sha256_pad(block, 3, 0);
	sha256_batch(&job, 1);
	expect(block, "ba7816bf8f01cfea414140de5dae2223"
	       "b00361a396177a9cb410ff61f20015ad");
}

static void
hmac_vectors_of_rfc_4231_are_met(void **state)
{
	uint8_t key[131];
	uint8_t out[SHA256_LEN];

	(void)state;
	memset(key, 0xaa, sizeof(key));
	for (size_t m = 0; m < 2; m++) {
		cpu_init(masks[m]);
		sha256_hmac(span_of("Jefe"),
			    span_of("what do ya want for nothing?"), out);
		expect(out, "5bdcc146bf60754e6a042426089575c7"
		       "5a003f089d2739839dec58b964ec3843");
		sha256_hmac((struct span){ key, sizeof(key) }, span_of(
			    "Test Using Larger Than Block-Size Key - "
			    "Hash Key First"), out);
		expect(out, "60e431591ee0b67f0d8a26aacbf5b77f"
		       "8e0bc6213728c5140546040f0ee37f54");
	}
}

static void
hmac_of_every_length_agrees_with_libcrypto(void **state)
{
	uint8_t ours[SHA256_LEN];
	uint8_t theirs[SHA256_LEN];

	(void)state;
	for (size_t n = 0; n <= LONGEST; n++) {
		const struct span key = noise(n % 140, 7);
		const struct span s = noise(n, 8);

		assert_non_null(HMAC(EVP_sha256(), key.ptr, (int)key.len,
				     s.ptr, s.len, theirs, NULL));
		for (size_t m = 0; m < 2; m++) {
			cpu_init(masks[m]);
			sha256_hmac(key, s, ours);
			assert_memory_equal(ours, theirs, SHA256_LEN);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors_of_nist_are_met),
		cmocka_unit_test(a_million_letters_are_hashed),
		cmocka_unit_test(every_length_agrees_with_libcrypto),
		cmocka_unit_test(batches_of_every_size_agree_with_libcrypto),
		cmocka_unit_test(a_digest_may_be_written_into_its_own_block),
		cmocka_unit_test(hmac_vectors_of_rfc_4231_are_met),
		cmocka_unit_test(hmac_of_every_length_agrees_with_libcrypto),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
