/*
 * test_md5.c - MD5 against the RFC's vectors and libcrypto, and lanes against
 * MD5 by itself, with each of the kernels.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <openssl/evp.h>

#include "base/cpu.h"
#include "base/md5.h"
#include "tests/guard.h"

static const char *const MASKS[] = { NULL, "avx512", "avx2" };

enum { NMASKS = sizeof(MASKS) / sizeof(MASKS[0]) };

static uint32_t
next_random(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

static int
unmask(void **state)
{
	(void)state;
	cpu_init(NULL);
	return 0;
}

static void
hashes_the_vectors_of_rfc_1321(void **state)
{
	static const struct { const char *text, *hex; } V[] = {
		{ "", "d41d8cd98f00b204e9800998ecf8427e" },
		{ "a", "0cc175b9c0f1b6a831c399e269772661" },
		{ "abc", "900150983cd24fb0d6963f7d28e17f72" },
		{ "message digest", "f96b697d7cb7938d525a2f31aaf161d0" },
		{ "abcdefghijklmnopqrstuvwxyz",
		  "c3fcd3d76192e4007dfb496cca67e13b" },
		{ "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		  "0123456789", "d174ab98d277d9f5a5611c2c9f419d9f" },
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

struct owed {
	struct md5_lane lane;
	struct md5 alone;
};

static void
owe(struct owed *o, struct span bytes)
{
	md5_lane_owe(&o->lane, bytes);
	md5_add(&o->alone, bytes);
}

/* Make a ring of the `n` lanes at `o`. */
static void
start(struct owed *o, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		md5_lane_start(&o[i].lane);
		md5_start(&o[i].alone);
		if (i > 0)
			md5_lane_join(&o[i].lane, &o[0].lane);
	}
}

static void
check_ends(struct owed *o, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t got[MD5_LEN], want[MD5_LEN];

		assert_int_equal(o[i].lane.due.len, 0);
		md5_end(&o[i].lane.md5, got);
		md5_end(&o[i].alone, want);
		assert_memory_equal(got, want, MD5_LEN);
	}
}

/* `n` lanes, owing, settling, leaving and joining at random. */
static void
check_random(size_t n, uint32_t seed)
{
	enum { LANES = 20, ROUNDS = 300, LEN = 40000 };
	static uint8_t bytes[LEN];
	struct owed o[LANES];

	for (size_t i = 0; i < LEN; i++)
		bytes[i] = (uint8_t)next_random(&seed);
	start(o, n);
	for (size_t r = 0; r < ROUNDS; r++) {
		struct owed *const it = &o[next_random(&seed) % n];
		const size_t most = next_random(&seed) % 8 == 0 ? LEN : 1500;
		const size_t len = next_random(&seed) % most;
		const size_t at = next_random(&seed) % (LEN - len);

		owe(it, (struct span){ bytes + at, len });
		switch (next_random(&seed) % 64) {
		case 0:
			md5_lane_leave(&it->lane);
			break;
		case 1:
			if (it != &o[0])
				md5_lane_join(&it->lane, &o[0].lane);
			break;
		case 2:
			md5_lane_settle_all(&it->lane);
			assert_int_equal(it->lane.due.len, 0);
			break;
		case 3: case 4: case 5:
			md5_lane_settle(&it->lane);
			assert_int_equal(it->lane.due.len, 0);
			break;
		}
	}
	for (size_t i = 0; i < n; i++)
		md5_lane_settle(&o[i].lane);
	check_ends(o, n);
}

static void
lanes_give_what_each_would_give_alone(void **state)
{
	(void)state;
	for (size_t m = 0; m < NMASKS; m++) {
		cpu_init(MASKS[m]);
		for (size_t n = 1; n <= 20; n++)
			for (uint32_t seed = 1; seed <= 4; seed++)
				check_random(n, seed);
	}
}

/*
 * From one block each to many: every number of lanes, with every kernel, each
 * lane's bytes against an unmapped page.
 */
static void
lanes_read_nothing_past_their_bytes(void **state)
{
	enum { LANES = 20 };
	struct span bytes[LANES];
	struct owed o[LANES];
	uint32_t seed = 5;

	(void)state;
	for (size_t i = 0; i < LANES; i++) {
		uint8_t some[64 * 12];

		for (size_t k = 0; k < sizeof(some); k++)
			some[k] = (uint8_t)next_random(&seed);
		bytes[i] = guard_copy(some, i < 2 ? 64 : sizeof(some));
	}
	for (size_t m = 0; m < NMASKS; m++) {
		cpu_init(MASKS[m]);
		for (size_t n = 1; n <= LANES; n++) {
			start(o, n);
			for (size_t i = 0; i < n; i++) {
				struct span b = bytes[(i + n) % LANES];
				const size_t cut = next_random(&seed) %
						   (b.len / 64) * 64;

				b.ptr += cut;
				b.len -= cut;
				owe(&o[i], b);
			}
			md5_lane_settle_all(&o[n / 2].lane);
			check_ends(o, n);
		}
	}
}

/* More lanes than go side by side, and than one look takes in. */
static void
settling_all_leaves_nothing_in_a_large_ring(void **state)
{
	enum { LANES = 150, LEN = 100000 };
	static struct owed o[LANES];
	static uint8_t bytes[LEN];
	uint32_t seed = 9;

	(void)state;
	for (size_t i = 0; i < LEN; i++)
		bytes[i] = (uint8_t)next_random(&seed);
	for (size_t m = 0; m < NMASKS; m++) {
		cpu_init(MASKS[m]);
		start(o, LANES);
		for (size_t i = 0; i < LANES; i++) {
			const size_t len = i % 50 == 7 ? LEN :
					   next_random(&seed) % 3000;

			owe(&o[i], (struct span){ bytes, len });
		}
		md5_lane_settle_all(&o[3].lane);
		check_ends(o, LANES);
	}
}

/* All who fit beside the one that must be settled go as far as it goes. */
static void
settling_one_takes_the_ring_along(void **state)
{
	enum { LANES = 16 };
	static const uint8_t bytes[6400];
	struct owed o[LANES];

	(void)state;
	for (size_t m = 0; m < NMASKS; m++) {
		cpu_init(MASKS[m]);
		const size_t n = cpu_has(CPU_AVX2) ? LANES : 2;

		start(o, n);
		for (size_t i = 0; i < n; i++)
			owe(&o[i], (struct span){ bytes, 6400 });
		md5_lane_settle(&o[0].lane);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(o[i].lane.due.len, 0);
		check_ends(o, n);
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
		cmocka_unit_test_teardown(lanes_give_what_each_would_give_alone,
					  unmask),
		cmocka_unit_test_teardown(lanes_read_nothing_past_their_bytes,
					  unmask),
		cmocka_unit_test_teardown(
			settling_all_leaves_nothing_in_a_large_ring, unmask),
		cmocka_unit_test_teardown(settling_one_takes_the_ring_along,
					  unmask),
		cmocka_unit_test(lanes_do_each_others_work),
	};

	return cmocka_run_group_tests_name("md5", tests, NULL, NULL);
}
