/*
 * test_deflate.c - blocks made of tokens, read back by zlib; and the codes of
 * counts that are hard on them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <zlib.h>

#include "base/buf.h"
#include "base/cpu.h"
#include "base/err.h"
#include "formats/deflate.h"
#include "formats/deflate_code.h"
#include "tests/guard.h"

enum { MAX_LEN = 1 << 20 };

static uint64_t seed = 1;

static uint32_t
chance(uint32_t below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % below;
}

/* Text and the tokens that stand for it, in the making. */
struct made {
	uint8_t text[MAX_LEN + DEFLATE_SLACK];
	uint32_t tokens[MAX_LEN];
	size_t len, n, covered;
};

static struct made made;

static void
begin(void)
{
	made.len = made.n = made.covered = 0;
}

static void
put_lit(uint8_t c)
{
	made.text[made.len++] = c;
}

static void
put_match(uint32_t len, uint32_t dist)
{
	size_t lits = made.len - made.covered;

	assert_true(dist <= made.len && made.len + len <= MAX_LEN);
	for (; lits >= TOKEN_ONLY_LITS; lits -= TOKEN_ONLY_LITS)
		made.tokens[made.n++] = (uint32_t)TOKEN_ONLY_LITS << 23;
	made.tokens[made.n++] = token_of((uint32_t)lits, len, dist);
	for (; len > 0; len--, made.len++)
		made.text[made.len] = made.text[made.len - dist];
	made.covered = made.len;
}

/* Is `packed` raw deflate data of what was made, from `first` on? */
static void
assert_reads_back(struct span packed)
{
	static uint8_t got[MAX_LEN + 1];
	z_stream z = { .avail_in = (uInt)packed.len };

	memcpy(&z.next_in, &packed.ptr, sizeof(z.next_in));
	z.next_out = got;
	z.avail_out = sizeof(got);
	assert_int_equal(inflateInit2(&z, -15), Z_OK);
	assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
	assert_int_equal(z.avail_in, 0);
	assert_int_equal(z.total_out, made.len);
	assert_memory_equal(got, made.text, made.len);
	inflateEnd(&z);
}

/* The tokens as so many blocks, flushed and ended. */
static void
assert_blocks_read_back(size_t nblocks)
{
	static const uint8_t END[] = { 3, 0 };
	struct deflate_bits bits = { 0, 0 };
	struct buf out = { 0 };
	struct err err;
	size_t at = 0, i = 0;

	for (size_t b = 1; b <= nblocks; b++) {
		const size_t stop = b == nblocks ? made.n : made.n * b / nblocks;
		size_t len = 0;

		for (size_t k = i; k < stop; k++)
			len += token_text(made.tokens[k]);
		if (b == nblocks)
			len = made.len - at;
		assert_int_equal(deflate_block(&bits, made.tokens + i, stop - i,
					       made.text + at, len, &out, &err),
				 0);
		at += len;
		i = stop;
	}
	assert_int_equal(deflate_flush(&bits, &out, &err), 0);
	assert_int_equal(bits.n, 0);
	assert_int_equal(buf_append(&out, (struct span){ END, 2 }, &err), 0);
	assert_reads_back(buf_span(&out));
	buf_free(&out);
}

static void
nothing_and_little_are_blocks(void **state)
{
	(void)state;
	begin();
	assert_blocks_read_back(1);
	put_lit('x');
	assert_blocks_read_back(1);
	begin();
	put_lit('x');
	put_match(258, 1);
	assert_blocks_read_back(1);
}

static void
every_length_and_distance_is_written(void **state)
{
	(void)state;
	begin();
	for (unsigned i = 0; i < DEFLATE_MAX_DIST; i++)
		put_lit((uint8_t)chance(256));
	for (uint32_t len = DEFLATE_MIN_MATCH; len <= DEFLATE_MAX_MATCH; len++)
		put_match(len, 1 + chance(DEFLATE_MAX_DIST));
	for (uint32_t dist = 1; dist <= DEFLATE_MAX_DIST; dist += 1 + dist / 60)
		put_match(3, dist);
	put_match(3, DEFLATE_MAX_DIST);
	assert_blocks_read_back(1);
	assert_blocks_read_back(7);
}

static void
runs_of_literals_of_any_length_are_written(void **state)
{
	(void)state;
	begin();
	put_lit('a');
	for (unsigned n = 0; n < 1100; n += n < 20 ? 1 : 37) {
		for (unsigned i = 0; i < n; i++)
			put_lit((uint8_t)chance(256));
		put_match(4, 1);
	}
	for (unsigned i = 0; i < 5; i++)
		put_lit((uint8_t)('0' + i));
	assert_blocks_read_back(1);
	assert_blocks_read_back(3);
}

/* One block of all that was made, by the kernels that `mask` leaves. */
static void
pack_by(const char *mask, struct buf *out)
{
	struct deflate_bits bits = { 0, 0 };
	struct err err;

	cpu_init(mask);
	assert_int_equal(deflate_block(&bits, made.tokens, made.n, made.text,
				       made.len, out, &err), 0);
	assert_int_equal(deflate_flush(&bits, out, &err), 0);
	cpu_init(NULL);
}

/* Runs of 0 to 80 literals, of letters below `symbols`, `often` mostly. */
static void
make_runs(uint32_t symbols, uint32_t often)
{
	begin();
	put_lit('a');
	for (unsigned i = 0; i < 6000; i++) {
		const bool same = chance(20) > 0;

		for (uint32_t n = chance(3) ? chance(6) : chance(81); n > 0;
		     n--)
			put_lit((uint8_t)(same ? chance(often) :
					  chance(symbols)));
		put_match(3 + chance(9), 1 + chance((uint32_t)made.len <
						    DEFLATE_MAX_DIST ?
						    (uint32_t)made.len :
						    DEFLATE_MAX_DIST));
	}
	put_lit('z');
}

static void
every_kernel_writes_the_same(void **state)
{
	static const char *const masks[] = { "avx512", "avx2" };
	/* All ASCII or not; even, or with letters of long codes in a row. */
	static const uint32_t kinds[][2] = {
		{ 16, 16 }, { 128, 128 }, { 128, 2 }, { 256, 3 }, { 256, 256 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct buf want = { 0 };

		make_runs(kinds[i][0], kinds[i][1]);
		assert_blocks_read_back(3);
		pack_by(NULL, &want);
		for (size_t m = 0; m < sizeof(masks) / sizeof(masks[0]); m++) {
			struct buf got = { 0 };

			pack_by(masks[m], &got);
			assert_int_equal(got.len, want.len);
			assert_memory_equal(got.ptr, want.ptr, want.len);
			buf_free(&got);
		}
		buf_free(&want);
	}
}

static void
random_tokens_read_back(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 60; round++) {
		const uint32_t symbols = 1 + chance(256);
		const uint32_t size = 1 + chance(100000);

		begin();
		while (made.len < size) {
			for (uint32_t n = chance(8); n > 0; n--)
				put_lit((uint8_t)chance(symbols));
			if (made.len == 0)
				continue;
			const uint32_t far = made.len < DEFLATE_MAX_DIST
				? (uint32_t)made.len : DEFLATE_MAX_DIST;
			put_match(3 + chance(chance(4) ? 12 : 256),
				  1 + chance(far));
		}
		assert_blocks_read_back(1 + chance(5));
	}
}

static void
text_may_end_at_a_page_with_its_slack(void **state)
{
	struct deflate_bits bits = { 0, 0 };
	struct buf out = { 0 };
	struct err err;

	(void)state;
	begin();
	for (unsigned i = 0; i < 1001; i++)
		put_lit((uint8_t)i);
	memset(made.text + made.len, 0, DEFLATE_SLACK);
	const struct span text = guard_copy(made.text,
					    made.len + DEFLATE_SLACK);
	assert_int_equal(deflate_block(&bits, made.tokens, 0, text.ptr,
				       made.len, &out, &err), 0);
	buf_free(&out);
}

static void
tokens_of_more_text_than_there_is_are_refused(void **state)
{
	struct deflate_bits bits = { 0, 0 };
	struct buf out = { 0 };
	struct err err;

	(void)state;
	begin();
	put_lit('a');
	put_match(100, 1);
	assert_int_equal(deflate_block(&bits, made.tokens, made.n, made.text,
				       made.len - 1, &out, &err), -1);
	assert_int_equal(err.code, ERR_SYSTEM);
	buf_free(&out);
}

/* ---- codes --------------------------------------------------------------- */

/* Do the lengths use all of the code, and is none longer than `most`? */
static void
assert_full(const uint8_t *lens, unsigned n, unsigned most)
{
	uint32_t sum = 0;

	for (unsigned i = 0; i < n; i++) {
		assert_true(lens[i] <= most);
		if (lens[i] > 0)
			sum += 1U << (most - lens[i]);
	}
	assert_int_equal(sum, 1U << most);
}

static void
codes_of_steep_counts_keep_to_their_limit(void **state)
{
	struct deflate_counts counts;
	struct deflate_codes codes;
	uint32_t a = 1, b = 1;

	(void)state;
	memset(&counts, 0, sizeof(counts));
	for (unsigned i = 0; i < 32; i++) {	/* Fibonacci: the deepest tree */
		const uint32_t next = a + b;

		counts.litlens[i * 7] = a;
		if (i < DIST_SYMBOLS)
			counts.dists[i] = a;
		a = b;
		b = next;
	}
	deflate_codes(&codes, &counts);
	assert_full(codes.litlen_len, LITLEN_SYMBOLS, 14);
	assert_full(codes.dist_len, DIST_SYMBOLS, 15);
	/* What is needed more often has no longer code. */
	for (unsigned i = 1; i < 32; i++)
		assert_true(codes.litlen_len[i * 7] <=
			    codes.litlen_len[(i - 1) * 7]);
}

static void
codes_of_random_counts_are_full_and_apart(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 200; round++) {
		struct deflate_counts counts;
		struct deflate_codes codes;
		const uint32_t most = 1U << chance(20);

		memset(&counts, 0, sizeof(counts));
		counts.litlens[END_OF_BLOCK] = 1;
		for (unsigned i = 0; i < LITLEN_SYMBOLS; i++)
			if (chance(3) == 0)
				counts.litlens[i] += chance(most + 1);
		deflate_codes(&codes, &counts);
		assert_full(codes.litlen_len, LITLEN_SYMBOLS, 14);
		assert_full(codes.dist_len, DIST_SYMBOLS, 15);
		for (unsigned i = 0; i < LITLEN_SYMBOLS; i++)
			for (unsigned k = 0; k < i; k++) {
				const unsigned n = codes.litlen_len[i] <
						   codes.litlen_len[k]
					? codes.litlen_len[i]
					: codes.litlen_len[k];
				const unsigned mask = (1U << n) - 1;

				if (n > 0)
					assert_int_not_equal(
						codes.litlen[i] & mask,
						codes.litlen[k] & mask);
			}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_and_little_are_blocks),
		cmocka_unit_test(every_length_and_distance_is_written),
		cmocka_unit_test(runs_of_literals_of_any_length_are_written),
		cmocka_unit_test(every_kernel_writes_the_same),
		cmocka_unit_test(random_tokens_read_back),
		cmocka_unit_test(text_may_end_at_a_page_with_its_slack),
		cmocka_unit_test(tokens_of_more_text_than_there_is_are_refused),
		cmocka_unit_test(codes_of_steep_counts_keep_to_their_limit),
		cmocka_unit_test(codes_of_random_counts_are_full_and_apart),
	};

	cpu_init(getenv("CPU_MASK"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
