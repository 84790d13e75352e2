/*
 * test_inflate.c - deflate data of every kind, whole, cut anywhere and hostile,
 * by every kernel; and tokens that give the text again.
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
#include "formats/inflate.h"
#include "tests/guard.h"

enum { MAX_TEXT = 400000, MAX_TOKENS = MAX_TEXT };

static const char *const KERNELS[] = { "", "avx2" };	/* that are masked */

/* What became of a stream. */
struct outcome {
	enum inflate_result result;
	size_t used;		/* of the input */
	size_t len, ntokens, pending;
	uint8_t text[MAX_TEXT + 1];
	uint32_t tokens[MAX_TOKENS];
};
static struct outcome whole, cut;

static uint32_t
roll(uint32_t *dice)
{
	*dice = *dice * 1664525 + 1013904223;
	return *dice >> 8;
}

/* Bytes to write to, at an unmapped page. */
static uint8_t *
guarded(size_t len)
{
	static const uint8_t zeros[MAX_TEXT];
	const struct span s = guard_copy(zeros, len);
	uint8_t *p;

	memcpy(&p, &s.ptr, sizeof(p));
	return p;
}

/*
 * Unpack `in`, with `step` bytes at a time and room for `room`, into *o; for
 * every other stream the first room is far smaller than those after it.  The
 * account of text and tokens must be right after each call.
 */
static void
inflate_into(struct outcome *o, struct inflater *f, struct span in, size_t step,
	     size_t room)
{
	struct span part = { in.ptr, 0 };
	const size_t first = in.len % 2 == 0 ? room : room / 64 + 1;
	size_t given = 0, told = 0, counted = 0;

	o->result = INFLATE_MORE;
	o->len = o->ntokens = 0;
	for (bool idle = false; o->result == INFLATE_MORE && !idle;) {
		const size_t more = in.len - given < step ? in.len - given :
				    step;

		if (part.len == 0) {
			part = (struct span){ in.ptr + given, more };
			given += more;
		}
		const size_t left = sizeof(o->text) - o->len;
		const size_t most = o->len == 0 ? first : room;
		struct room out = { o->text + o->len,
				    left < most ? left : most };
		uint32_t *next = o->tokens + o->ntokens;
		const size_t before = out.len, unread = part.len;

		o->result = inflate_on(f, &part, &out, &next);
		o->len += before - out.len;
		assert_in_range(part.len, 0, unread);
		assert_in_range(next - o->tokens, o->ntokens,
				o->ntokens + before / 3 + INFLATE_MORE_TOKENS);
		o->ntokens = (size_t)(next - o->tokens);
		o->pending = inflate_pending(f);
		for (; counted < o->ntokens; counted++) {
			const uint32_t t = o->tokens[counted];

			told += t >> INFLATE_LITERALS_AT;
			if (t >> INFLATE_LITERALS_AT != INFLATE_LITERALS)
				told += (t >> INFLATE_LEN_AT & 0xff) + 3;
		}
		assert_in_range(inflate_pending(f), 0, 510);
		assert_in_range(inflate_ahead(f), 0, INFLATE_MAX_AHEAD);
		assert_int_equal(o->len + inflate_ahead(f), told + o->pending);
		idle = before == 0 || (unread == 0 && before == out.len &&
				       given == in.len);
	}
	if (o->result == INFLATE_END)
		assert_int_equal(inflate_ahead(f), 0);
	o->used = given - part.len;
}

static void
inflate_by(const char *mask, struct outcome *o, struct span in, size_t step,
	   size_t room)
{
	struct err err;
	struct inflater *f;

	cpu_init(mask);
	f = inflate_new(&err);
	assert_non_null(f);
	inflate_into(o, f, in, step, room);
	inflate_free(f);
	cpu_init(NULL);
}

/* Do the tokens, with the text's literals, say the text? */
static void
replay(const struct outcome *o)
{
	static uint8_t text[MAX_TEXT];
	size_t n = 0;

	for (size_t i = 0; i < o->ntokens; i++) {
		const uint32_t t = o->tokens[i];
		const size_t lits = t >> INFLATE_LITERALS_AT;
		const size_t len = (t >> INFLATE_LEN_AT & 0xff) + 3;
		const size_t dist = (t & 0x7fff) + 1;

		assert_in_range(lits, 0, o->len - n);
		memcpy(text + n, o->text + n, lits);
		n += lits;
		if (lits == INFLATE_LITERALS) {
			assert_int_equal(t & 0x7fffff, 0);
			continue;
		}
		assert_in_range(len, 3, o->len - n);
		assert_in_range(dist, 1, n);
		for (size_t k = 0; k < len; k++, n++)
			text[n] = text[n - dist];
	}
	assert_int_equal(n + o->pending, o->len);
	assert_memory_equal(text, o->text, n);
}

/* `text` as zlib packs it, `step` bytes to a block, or as it likes if 0. */
static struct span
deflate_all(struct span text, int level, int strategy, size_t step)
{
	struct buf b = { 0 };
	struct err err;
	z_stream z = { 0 };

	assert_int_equal(deflateInit2(&z, level, Z_DEFLATED, -15, 9, strategy),
			 Z_OK);
	z.next_out = buf_reserve(&b, text.len * 2 + 100000, &err);
	z.avail_out = (uInt)(text.len * 2 + 100000);
	while (step > 0 && text.len > step) {
		memcpy(&z.next_in, &text.ptr, sizeof(z.next_in));
		z.avail_in = (uInt)step;
		assert_int_equal(deflate(&z, Z_BLOCK), Z_OK);
		text.ptr += step;
		text.len -= step;
	}
	memcpy(&z.next_in, &text.ptr, sizeof(z.next_in));
	z.avail_in = (uInt)text.len;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	b.len = z.total_out;
	deflateEnd(&z);

	const struct span s = guard_copy(b.ptr, b.len);

	buf_free(&b);
	return s;
}

/*
 * Text of which a part was said before, near or up to 32 KiB away, long runs of
 * one byte, and some that is new.
 */
static struct span
make_text(size_t len, uint32_t seed, unsigned newness)
{
	static uint8_t text[MAX_TEXT];
	size_t n = 0;

	assert_in_range(len, 0, MAX_TEXT);
	while (n < len) {
		const uint32_t kind = roll(&seed) % 100;
		size_t k = 1 + roll(&seed) % (kind % 7 == 0 ? 400 : 12);
		size_t dist = 1 + roll(&seed) %
			(kind % 5 == 0 ? 40 : kind % 5 == 1 ? 32768 : 3000);

		if (k > len - n)
			k = len - n;
		if (kind < newness || dist > n)
			for (; k > 0; k--)
				text[n++] = (uint8_t)(roll(&seed) >> 7 & 0x3f);
		else
			for (; k > 0; k--, n++)
				text[n] = text[n - dist];
	}
	return (struct span){ text, len };
}

/* Unpack by every kernel; the text must be this one, and used up all. */
static void
check(struct span packed, struct span text, size_t step, size_t room)
{
	for (size_t k = 0; k < 2; k++) {
		inflate_by(KERNELS[k], &cut, packed, step, room);
		assert_int_equal(cut.result, INFLATE_END);
		assert_int_equal(cut.used, packed.len);
		assert_int_equal(cut.len, text.len);
		assert_memory_equal(cut.text, text.ptr, text.len);
		replay(&cut);
		if (step >= packed.len && room >= text.len && k == 0) {
			memcpy(&whole, &cut, sizeof(whole));
			continue;
		}
		/* Cuts do not show. */
		assert_int_equal(cut.ntokens, whole.ntokens);
		assert_memory_equal(cut.tokens, whole.tokens,
				    cut.ntokens * sizeof(cut.tokens[0]));
		assert_int_equal(cut.pending, whole.pending);
	}
}

/* Every kind of block, of which some are long and some short. */
static const struct {
	int level, strategy;
	size_t step;
	unsigned newness;
} KINDS[] = {
	{ 0, Z_DEFAULT_STRATEGY, 0, 50 },
	{ 6, Z_FIXED, 0, 20 },
	{ 6, Z_FIXED, 100, 20 },
	{ 6, Z_DEFAULT_STRATEGY, 0, 5 },
	{ 6, Z_DEFAULT_STRATEGY, 0, 50 },
	{ 6, Z_DEFAULT_STRATEGY, 300, 20 },
	{ 9, Z_FILTERED, 0, 80 },
	{ 1, Z_RLE, 0, 3 },
	{ 1, Z_HUFFMAN_ONLY, 0, 30 },
	{ 1, Z_DEFAULT_STRATEGY, 30, 100 },	/* stored, some */
};
enum { NKINDS = sizeof(KINDS) / sizeof(KINDS[0]) };

static struct span
deflate_kind(struct span text, size_t i)
{
	return deflate_all(text, KINDS[i].level, KINDS[i].strategy,
			   KINDS[i].step);
}

static void
unpacks_blocks_of_every_kind(void **state)
{
	static const size_t LENS[] = { 0, 1, 3, 258, 1000, 32768, 33000,
				       70000, MAX_TEXT };

	(void)state;
	for (size_t i = 0; i < NKINDS; i++)
		for (size_t k = 0; k < sizeof(LENS) / sizeof(LENS[0]); k++) {
			const struct span text = make_text(LENS[k], (uint32_t)k,
							   KINDS[i].newness);

			check(deflate_kind(text, i), text, SIZE_MAX, MAX_TEXT);
		}
}

static void
goes_on_from_every_cut(void **state)
{
	static const size_t ROOMS[] = { 1, 2, 3, 7, 257, 258, 259, 300, 1000 };

	(void)state;
	for (size_t i = 0; i < NKINDS; i++) {
		const struct span text = make_text(600, (uint32_t)i,
						   KINDS[i].newness);
		const struct span packed = deflate_kind(text, i);

		check(packed, text, SIZE_MAX, MAX_TEXT);
		for (size_t step = 1; step <= packed.len; step++)
			check(packed, text, step, 1 + step * 7 % 600);
		for (size_t k = 0; k < sizeof(ROOMS) / sizeof(ROOMS[0]); k++) {
			check(packed, text, SIZE_MAX, ROOMS[k]);
			check(packed, text, 1, ROOMS[k]);
		}
	}
}

static void
keeps_its_history_in_rooms_of_any_size(void **state)
{
	static const size_t ROOMS[] = {
		100, 2047, 2048, 2049, 2400, 5000, 20000, 32767, 32768, 33000,
		48000, 100000,
	};

	(void)state;
	for (size_t i = 3; i < 6; i++) {
		const struct span text = make_text(MAX_TEXT, (uint32_t)i, 3);
		const struct span packed = deflate_kind(text, i);

		check(packed, text, SIZE_MAX, MAX_TEXT);
		for (size_t k = 0; k < sizeof(ROOMS) / sizeof(ROOMS[0]); k++) {
			check(packed, text, SIZE_MAX, ROOMS[k]);
			check(packed, text, 3001, ROOMS[k]);
		}
	}
}

/* A room of another size each time, each against an unmapped page. */
static void
writes_nothing_behind_room_and_tokens(void **state)
{
	const struct span text = make_text(100000, 9, 10);
	const struct span packed = deflate_kind(text, 4);

	(void)state;
	for (size_t k = 0; k < 2; k++) {
		struct err err;
		uint32_t dice = 5;
		struct span in = packed;
		enum inflate_result r = INFLATE_MORE;
		size_t at = 0;

		cpu_init(KERNELS[k]);
		struct inflater *const f = inflate_new(&err);

		assert_non_null(f);
		while (r == INFLATE_MORE) {
			const size_t len = 1 + roll(&dice) % 4000;
			uint8_t *const room = guarded(len);
			uint8_t *const tokens = guarded(4 *
				(len / 3 + INFLATE_MORE_TOKENS));
			uint32_t *next = (void *)tokens;
			struct room out = { room, len };

			r = inflate_on(f, &in, &out, &next);
			assert_memory_equal(room, text.ptr + at, len - out.len);
			at += len - out.len;
		}
		assert_int_equal(r, INFLATE_END);
		assert_int_equal(at, text.len);
		inflate_free(f);
	}
	cpu_init(NULL);
}

/* Bits as deflate has them, and codes, whose first bit comes first. */
struct bits {
	uint8_t bytes[40000];
	size_t n;
};

static void
put(struct bits *b, unsigned v, unsigned n)
{
	for (unsigned i = 0; i < n; i++, b->n++)
		b->bytes[b->n / 8] |= (uint8_t)((v >> i & 1) << b->n % 8);
}

static void
put_code(struct bits *b, unsigned code, unsigned n)
{
	while (n-- > 0)
		put(b, code >> n & 1, 1);
}

/* A literal or length of the fixed code. */
static void
put_fixed(struct bits *b, unsigned symbol)
{
	if (symbol < 144)
		put_code(b, 0x30 + symbol, 8);
	else if (symbol < 256)
		put_code(b, 0x190 + symbol - 144, 9);
	else if (symbol < 280)
		put_code(b, symbol - 256, 7);
	else
		put_code(b, 0xc0 + symbol - 280, 8);
}

static struct span
bits_span(const struct bits *b)
{
	return guard_copy(b->bytes, (b->n + 7) / 8);
}

static void
counts_literals_as_the_header_says(void **state)
{
	static const size_t RUNS[] = { 1, 509, 510, 511, 512, 1021, 1022, 1023 };

	(void)state;
	for (size_t i = 0; i < sizeof(RUNS) / sizeof(RUNS[0]); i++)
		for (size_t k = 0; k < 4; k++) {
			const uint32_t full = RUNS[i] / 511 & 0xffff;
			const uint32_t rest = RUNS[i] % 511 & 0xffff;
			struct bits b = { .n = 0 };

			put(&b, 3, 3);
			for (unsigned n = 0; n < RUNS[i]; n++)
				put_fixed(&b, 'a' + n % 20);
			put_fixed(&b, 258);		/* 4 bytes ... */
			put_code(&b, 0, 5);		/* 1 before */
			put_fixed(&b, 'x');
			put_fixed(&b, 256);
			inflate_by(KERNELS[k % 2], &cut, bits_span(&b),
				   k < 2 ? SIZE_MAX : 1, 100000);
			assert_int_equal(cut.result, INFLATE_END);
			assert_int_equal(cut.len, RUNS[i] + 5);
			assert_int_equal(cut.ntokens, full + 1);
			for (uint32_t n = 0; n < full; n++)
				assert_int_equal(cut.tokens[n], 511U << 23);
			assert_int_equal(cut.tokens[full],
					 rest << 23 | 1 << 15);
			assert_int_equal(cut.pending, 1);
		}
}

static void
literals_wait_for_the_next_stream(void **state)
{
	static const uint8_t LITERALS[] = { 1, 3, 0, 0xfc, 0xff, 'a', 'b', 'c' };
	struct bits b = { .n = 0 };
	struct err err;
	struct inflater *const f = inflate_new(&err);

	(void)state;
	assert_non_null(f);
	inflate_into(&cut, f, guard_copy(LITERALS, sizeof(LITERALS)), 1, 1);
	assert_int_equal(cut.result, INFLATE_END);
	assert_int_equal(cut.ntokens, 0);
	assert_int_equal(inflate_pending(f), 3);

	put(&b, 3, 3);
	put_fixed(&b, 'd');
	put_fixed(&b, 257);
	put_code(&b, 0, 5);
	put_fixed(&b, 256);
	inflate_reset(f);
	assert_int_equal(inflate_pending(f), 3);

	const struct span in = bits_span(&b);
	struct span left = in;
	uint8_t text[4];
	struct room out = { text, sizeof(text) };
	uint32_t tokens[1 + INFLATE_MORE_TOKENS], *next = tokens;

	inflate_on(f, &left, &out, &next);
	assert_int_equal(next - tokens, 1);
	assert_int_equal(tokens[0], 4U << 23);
	assert_int_equal(inflate_pending(f), 0);

	/* But no copy reaches back into it. */
	b.n = 0;
	memset(b.bytes, 0, sizeof(b.bytes));
	put(&b, 3, 3);
	put_fixed(&b, 'd');
	put_fixed(&b, 257);
	put_code(&b, 1, 5);
	put_fixed(&b, 256);
	inflate_reset(f);
	left = bits_span(&b);
	out = (struct room){ text, sizeof(text) };
	next = tokens;
	assert_int_equal(inflate_on(f, &left, &out, &next), INFLATE_BAD_COPY);
	inflate_free(f);
}

static void
leaves_what_follows_the_stream(void **state)
{
	(void)state;
	for (size_t i = 0; i < NKINDS; i++) {
		const struct span text = make_text(500, 77, KINDS[i].newness);
		const struct span packed = deflate_kind(text, i);
		uint8_t longer[2000];

		memset(longer, 0xff, sizeof(longer));
		memcpy(longer, packed.ptr, packed.len);
		for (size_t more = 0; more < 40; more++) {
			const struct span in = guard_copy(longer,
							  packed.len + more);

			for (size_t step = 1; step < 1000; step += 31) {
				inflate_by(KERNELS[step / 31 % 2], &cut, in,
					   step, 400);
				assert_int_equal(cut.result, INFLATE_END);
				assert_int_equal(cut.used, packed.len);
			}
		}
	}
}

/*
 * The head of a block with codes of its own: counts, and a code for lengths in
 * which every one up to 15 has 4 bits and there are no repeats, or, with
 * `repeats`, 0 to 3, 8, 16, 17 and 18 have 3 bits.
 */
static void
put_head(struct bits *b, unsigned nlits, unsigned ndists, bool repeats)
{
	static const uint8_t ORDER[] = { 16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11,
					 4, 12, 3, 13, 2, 14, 1, 15 };

	put(b, 5, 3);
	put(b, nlits - 257, 5);
	put(b, ndists - 1, 5);
	put(b, 15, 4);
	for (size_t i = 0; i < 19; i++) {
		const unsigned s = ORDER[i];

		if (repeats)
			put(b, s < 4 || s == 8 || s >= 16 ? 3 : 0, 3);
		else
			put(b, s < 16 ? 4 : 0, 3);
	}
}

/* A length as put_head() has it coded. */
static void
put_len(struct bits *b, unsigned len, bool repeats)
{
	static const uint8_t CODES[19] = { 0, 1, 2, 3, [8] = 4, [16] = 5, 6, 7 };

	if (repeats)
		put_code(b, CODES[len], 3);
	else
		put_code(b, len, 4);
}

/* All lengths of a block: `lits` of 8, then 256's and the distances'. */
static void
put_lens(struct bits *b, unsigned nlits, unsigned eob, const char *dists)
{
	put_head(b, 257, (unsigned)strlen(dists), false);
	for (unsigned i = 0; i < 256; i++)
		put_len(b, i < nlits ? 8 : 0, false);
	put_len(b, eob, false);
	for (; *dists != 0; dists++)
		put_len(b, (unsigned)(*dists - '0'), false);
}

/* Expect `want` of `b`, by every kernel, at the end of the input or not. */
static void
expect(const struct bits *b, enum inflate_result want)
{
	for (size_t k = 0; k < 6; k++) {
		const size_t len = (b->n + 7) / 8;
		const size_t more = k % 3 == 1 ? 100 : 0;

		assert_in_range(len + more, 0, sizeof(b->bytes));
		inflate_by(KERNELS[k / 3], &cut,
			   guard_copy(b->bytes, len + more),
			   k % 3 == 2 ? 1 : SIZE_MAX, 5000);
		assert_int_equal(cut.result, want);
		assert_in_range(cut.used, 0, len + 1);
	}
}

static void
refuses_blocks_that_cannot_be(void **state)
{
	static const struct { unsigned v, n; } HEADS[] = {
		{ 7, 3 },			/* no such kind */
		{ 1, 40 },			/* 0 is not ~0 */
		{ 5 | 30U << 3, 17 },		/* 287 literals */
		{ 5 | 30U << 8, 17 },		/* 31 distances */
	};
	struct bits b;

	(void)state;
	for (size_t i = 0; i < sizeof(HEADS) / sizeof(HEADS[0]); i++) {
		b = (struct bits){ .n = 0 };
		put(&b, HEADS[i].v, HEADS[i].n < 32 ? HEADS[i].n : 32);
		put(&b, 0, HEADS[i].n < 32 ? 0 : HEADS[i].n - 32);
		expect(&b, INFLATE_BAD_BLOCK);
	}
	static const struct { unsigned nlits, eob; const char *dists; } LENS[] = {
		{ 255, 0, "0" },	/* no end of block */
		{ 254, 8, "1" },	/* too few literals */
		{ 256, 8, "1" },	/* too many */
		{ 255, 8, "22" },	/* too few distances */
		{ 255, 8, "2" },
		{ 255, 8, "111" },	/* too many */
	};
	for (size_t i = 0; i < sizeof(LENS) / sizeof(LENS[0]); i++) {
		b = (struct bits){ .n = 0 };
		put_lens(&b, LENS[i].nlits, LENS[i].eob, LENS[i].dists);
		expect(&b, INFLATE_BAD_BLOCK);
	}
	/* Lengths' own code: none, too few, too many. */
	for (unsigned len = 0; len < 8; len++) {
		b = (struct bits){ .n = 0 };
		put(&b, 5, 3);
		put(&b, 0, 10);
		put(&b, 15, 4);
		for (unsigned i = 0; i < 19; i++)
			put(&b, len, 3);
		expect(&b, INFLATE_BAD_BLOCK);
	}
	b = (struct bits){ .n = 0 };
	put(&b, 5, 3);
	put(&b, 0, 10);
	put(&b, 1, 4);
	put(&b, 0, 12);
	put(&b, 1, 3);
	expect(&b, INFLATE_BAD_BLOCK);
	/* A repeat of nothing, and one that goes on behind the end. */
	b = (struct bits){ .n = 0 };
	put_head(&b, 257, 1, true);
	put_len(&b, 16, true);
	put(&b, 0, 2);
	expect(&b, INFLATE_BAD_BLOCK);
	b = (struct bits){ .n = 0 };
	put_head(&b, 257, 1, true);
	for (unsigned i = 0; i < 2; i++) {
		put_len(&b, 18, true);
		put(&b, 127, 7);
	}
	expect(&b, INFLATE_BAD_BLOCK);
}

static void
takes_codes_that_are_hardly_any(void **state)
{
	struct bits b = { .n = 0 };

	(void)state;
	/* One distance, of 1 bit: 0 is it, 1 is none. */
	put_lens(&b, 255, 8, "1");
	put_code(&b, 'a', 8);
	put_code(&b, 255, 8);
	expect(&b, INFLATE_END);
	assert_int_equal(cut.len, 1);

	/* None at all. */
	b = (struct bits){ .n = 0 };
	put_lens(&b, 255, 8, "0");
	put_code(&b, 'a', 8);
	put_code(&b, 'b', 8);
	put_code(&b, 255, 8);
	expect(&b, INFLATE_END);
	assert_int_equal(cut.len, 2);

	/* No literals but the end of the block, of 1 bit. */
	b = (struct bits){ .n = 0 };
	put_lens(&b, 0, 1, "0");
	put(&b, 0, 1);
	expect(&b, INFLATE_END);
	assert_int_equal(cut.len, 0);
	b.n--;
	put(&b, 1, 1);
	expect(&b, INFLATE_BAD_CODE);
}

static void
refuses_symbols_that_cannot_be(void **state)
{
	struct bits b;

	(void)state;
	for (unsigned symbol = 286; symbol < 288; symbol++) {
		b = (struct bits){ .n = 0 };
		put(&b, 3, 3);
		put_fixed(&b, 'a');
		put_fixed(&b, symbol);
		expect(&b, INFLATE_BAD_CODE);
		assert_int_equal(cut.len, 1);
	}
	for (unsigned dist = 30; dist < 32; dist++) {
		b = (struct bits){ .n = 0 };
		put(&b, 3, 3);
		put_fixed(&b, 'a');
		put_fixed(&b, 257);
		put_code(&b, dist, 5);
		expect(&b, INFLATE_BAD_CODE);
	}
}

static void
refuses_copies_from_before_the_start(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 4; n++)
		for (unsigned code = 0; code < 4; code++) {
			struct bits b = { .n = 0 };

			put(&b, 3, 3);
			for (unsigned i = 0; i < n; i++)
				put_fixed(&b, 'a' + i);
			put_fixed(&b, 257);
			put_code(&b, code, 5);
			put_fixed(&b, 256);
			expect(&b, code < n ? INFLATE_END : INFLATE_BAD_COPY);
			assert_int_equal(cut.len, code < n ? n + 3 : n);
		}
}

/*
 * `n` bytes that are stored, then matches at the greatest distance there is,
 * short and long ones in turn.
 */
static size_t
put_far_matches(struct bits *b, size_t n, unsigned nmatches)
{
	put(b, 0, 8);
	put(b, (unsigned)n, 16);
	put(b, ~(unsigned)n & 0xffff, 16);
	for (size_t i = 0; i < n; i++)
		put(b, (unsigned)(i * i >> 7), 8);
	n = 0;
	put(b, 3, 3);
	for (unsigned i = 0; i < nmatches; i++) {
		put_fixed(b, i % 3 == 0 ? 257 : 285);
		put_code(b, 29, 5);
		put(b, 0x1fff, 13);
		n += i % 3 == 0 ? 3 : 258;
	}
	put_fixed(b, 256);
	return n;
}

static void
reaches_back_32_kib_and_no_further(void **state)
{
	enum { REACH = 32768, NMATCHES = 600 };
	static const size_t ROOMS[] = {
		1000, 2100, 4000, 16384, 32400, 32767, 32768, 32769, 33000,
		40000, 70000, 200000,
	};
	static struct bits b;

	(void)state;
	for (size_t k = 0; k < 2 * sizeof(ROOMS) / sizeof(ROOMS[0]); k++) {
		memset(&b, 0, sizeof(b));
		const size_t n = put_far_matches(&b, REACH, NMATCHES);

		inflate_by(KERNELS[k % 2], &cut, bits_span(&b), SIZE_MAX,
			   ROOMS[k / 2]);
		assert_int_equal(cut.result, INFLATE_END);
		assert_int_equal(cut.len, REACH + n);
		assert_memory_equal(cut.text + REACH, cut.text, n);
		assert_int_equal(cut.text[1000], 1000 * 1000 >> 7 & 0xff);
		for (size_t less = 1; less < 1000; less += less / 3 + 1) {
			memset(&b, 0, sizeof(b));
			put_far_matches(&b, REACH - less, NMATCHES);
			inflate_by(KERNELS[k % 2], &cut, bits_span(&b),
				   SIZE_MAX, ROOMS[k / 2]);
			assert_int_equal(cut.result, INFLATE_BAD_COPY);
			assert_int_equal(cut.len, REACH - less);
		}
	}
}

static void
knows_its_start_behind_a_first_room_of_any_size(void **state)
{
	enum { REACH = 32768 };
	static struct bits b;
	static uint8_t text[2 * REACH];

	(void)state;
	for (size_t first = 1; first < REACH; first += first / 2 + 1)
		for (size_t k = 0; k < 8; k++) {
			const size_t less = 5 * (k / 2), n = REACH - less;
			const size_t room = k % 4 < 2 ? first : n - 259 - first %
					    200;
			struct err err;
			struct room out = { text, room };

			memset(&b, 0, sizeof(b));
			put_far_matches(&b, n, 100);
			cpu_init(KERNELS[k % 2]);
			struct inflater *const f = inflate_new(&err);
			struct span in = bits_span(&b);

			assert_non_null(f);
			assert_int_equal(inflate_on(f, &in, &out, NULL),
					 INFLATE_MORE);
			assert_int_equal(out.len, 0);
			out.len = sizeof(text) - room;
			assert_int_equal(inflate_on(f, &in, &out, NULL),
					 less == 0 ? INFLATE_END :
					 INFLATE_BAD_COPY);
			inflate_free(f);
		}
	cpu_init(NULL);
}

/* What zlib says: 1 all is well, 0 it is cut short, -1 it is damaged. */
static int
zlib_says(struct span in, uint8_t *text, size_t cap, size_t *len, size_t *used)
{
	z_stream z = { .next_out = text, .avail_out = (uInt)cap };

	memcpy(&z.next_in, &in.ptr, sizeof(z.next_in));
	z.avail_in = (uInt)in.len;
	assert_int_equal(inflateInit2(&z, -15), Z_OK);
	const int rc = inflate(&z, Z_FINISH);

	*len = z.total_out;
	*used = z.total_in;
	inflateEnd(&z);
	return rc == Z_STREAM_END ? 1 : rc == Z_BUF_ERROR ? 0 : -1;
}

static void
agrees_with_zlib_on_damaged_data(void **state)
{
	static uint8_t theirs[MAX_TEXT], bytes[60000];
	uint32_t dice = 3;

	(void)state;
	for (int i = 0; i < 6000; i++) {
		const size_t kind = roll(&dice) % NKINDS;
		const struct span text = make_text(roll(&dice) % 3000 + 1, dice,
						   KINDS[kind].newness);
		const struct span packed = deflate_kind(text, kind);
		const uint32_t changes = roll(&dice) % 4;
		size_t len, used;

		memcpy(bytes, packed.ptr, packed.len);
		for (uint32_t k = 0; k < changes; k++) {
			const uint32_t bit = roll(&dice) % 3 == 0 ?
				roll(&dice) % 300 : roll(&dice);

			bytes[bit / 8 % packed.len] ^= (uint8_t)(1 << bit % 8);
		}
		const struct span in = { bytes, packed.len };
		const int says = zlib_says(in, theirs, MAX_TEXT, &len, &used);

		inflate_by(KERNELS[i % 2], &cut, in, 1 + roll(&dice) % 3000,
			   1 + roll(&dice) % 5000);
		if (cut.len == MAX_TEXT || len == MAX_TEXT)
			continue;
		/* We may see sooner that what there is cannot go on well. */
		assert_true(says > 0 ? cut.result == INFLATE_END :
			    says < 0 ? cut.result > INFLATE_END :
			    cut.result != INFLATE_END);
		replay(&cut);
		if (says <= 0)
			continue;
		assert_int_equal(cut.len, len);
		assert_int_equal(cut.used, used);
		assert_memory_equal(cut.text, theirs, len);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unpacks_blocks_of_every_kind),
		cmocka_unit_test(goes_on_from_every_cut),
		cmocka_unit_test(keeps_its_history_in_rooms_of_any_size),
		cmocka_unit_test(writes_nothing_behind_room_and_tokens),
		cmocka_unit_test(counts_literals_as_the_header_says),
		cmocka_unit_test(literals_wait_for_the_next_stream),
		cmocka_unit_test(leaves_what_follows_the_stream),
		cmocka_unit_test(refuses_blocks_that_cannot_be),
		cmocka_unit_test(takes_codes_that_are_hardly_any),
		cmocka_unit_test(refuses_symbols_that_cannot_be),
		cmocka_unit_test(refuses_copies_from_before_the_start),
		cmocka_unit_test(reaches_back_32_kib_and_no_further),
		cmocka_unit_test(
			knows_its_start_behind_a_first_room_of_any_size),
		cmocka_unit_test(agrees_with_zlib_on_damaged_data),
	};

	return cmocka_run_group_tests_name("inflate", tests, NULL, NULL);
}
