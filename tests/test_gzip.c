/*
 * test_gzip.c - gzip members read whole, cut, damaged and joined; and written
 * so that zlib reads them back.
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
#include "base/err.h"
#include "formats/formats.h"
#include "formats/gzip.h"
#include "tests/guard.h"

/*
 * "hello, hello" in one stored block, behind a header with everything: extra,
 * name, comment and the header's own checksum.  Written out by hand.
 */
static const uint8_t STORED[] = {
	0x1f, 0x8b, 8, 0x1e, 1, 2, 3, 4, 0, 3,
	3, 0, 'A', 'B', 'C',
	'n', 'a', 'm', 'e', 0,
	'c', 0,
	0x1a, 0xde,				/* set by make_stored() */
	1, 12, 0, 0xf3, 0xff,
	'h', 'e', 'l', 'l', 'o', ',', ' ', 'h', 'e', 'l', 'l', 'o',
	0, 0, 0, 0,				/* likewise */
	12, 0, 0, 0,
};
enum { HEAD_LEN = 22, BLOCK_AT = 24, TEXT_AT = 29, TEXT_LEN = 12 };

/* What AWS writes for an empty partition: 20 bytes. */
static const uint8_t EMPTY[] = {
	0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0,
};

static struct buf
make_stored(void)
{
	struct buf b = { 0 };
	struct err err;

	assert_int_equal(buf_append(&b, (struct span){ STORED, sizeof(STORED) },
				    &err), 0);
	const uLong head = crc32(0, b.ptr, HEAD_LEN);
	const uLong text = crc32(0, b.ptr + TEXT_AT, TEXT_LEN);
	b.ptr[HEAD_LEN] = (uint8_t)head;
	b.ptr[HEAD_LEN + 1] = (uint8_t)(head >> 8);
	for (int i = 0; i < 4; i++)
		b.ptr[TEXT_AT + TEXT_LEN + i] = (uint8_t)(text >> 8 * i);
	return b;
}

/*
 * Unpack `in`, showing `step` bytes at a time with room for `room`.  Returns 0,
 * or -1 with *at how many bytes had been gone over.
 */
static int
unpack_all(struct span in, size_t step, size_t room, struct buf *out,
	   size_t *at, struct err *err)
{
	void *const u = gzip_format.unpack_start(err);
	struct span part = { in.ptr, 0 };
	size_t given = 0;
	int rc = 1;

	assert_non_null(u);
	while (rc > 0) {
		if (part.len == 0 && given < in.len) {
			const size_t left = in.len - given;

			part = (struct span){ in.ptr + given,
					      left < step ? left : step };
			given += part.len;
		}
		uint8_t *const to = buf_reserve(out, room, err);
		struct room r = { to, room };

		rc = gzip_format.unpack(u, &part, given == in.len, &r, err);
		buf_commit(out, room - r.len);
	}
	*at = given - part.len;
	gzip_format.unpack_stop(u);
	return rc;
}

static void
reads_a_member_with_every_header_field(void **state)
{
	struct buf b = make_stored();

	(void)state;
	for (size_t step = 1; step <= b.len; step++)
		for (size_t room = 1; room < 16; room++) {
			struct buf out = { 0 };
			struct err err = { 0 };
			size_t at;

			assert_int_equal(unpack_all(guard_copy(b.ptr, b.len),
						    step, room, &out, &at,
						    &err), 0);
			assert_true(span_is(buf_span(&out), "hello, hello"));
			buf_free(&out);
		}
	buf_free(&b);
}

static void
reads_members_one_after_another(void **state)
{
	struct buf b = make_stored(), two = { 0 };
	struct err err = { 0 };

	(void)state;
	buf_append(&two, buf_span(&b), &err);
	buf_append(&two, (struct span){ EMPTY, sizeof(EMPTY) }, &err);
	buf_append(&two, buf_span(&b), &err);
	for (size_t step = 1; step <= two.len; step++) {
		struct buf out = { 0 };
		size_t at;

		assert_int_equal(unpack_all(buf_span(&two), step, 7, &out, &at,
					    &err), 0);
		assert_true(span_is(buf_span(&out),
				    "hello, hellohello, hello"));
		buf_free(&out);
	}
	buf_free(&b);
	buf_free(&two);
}

static void
refuses_every_truncation(void **state)
{
	struct buf b = make_stored();

	(void)state;
	for (size_t len = 1; len < b.len; len++)
		for (size_t step = 1; step <= len; step += 5) {
			struct buf out = { 0 };
			struct err err = { 0 };
			size_t at;

			assert_int_equal(unpack_all(guard_copy(b.ptr, len),
						    step, 64, &out, &at, &err),
					 -1);
			assert_int_equal(err.code, ERR_INPUT);
			assert_non_null(strstr(err.text, "cut short"));
			assert_int_equal(at, len);
			buf_free(&out);
		}
	buf_free(&b);
}

static void
refuses_every_flipped_bit_that_matters(void **state)
{
	struct buf b = make_stored();

	(void)state;
	for (size_t i = 0; i < b.len * 8; i++) {
		struct buf out = { 0 };
		struct err err = { 0 };
		size_t at;

		b.ptr[i / 8] ^= (uint8_t)(1 << i % 8);
		const int rc = unpack_all(guard_copy(b.ptr, b.len), 9, 64,
					  &out, &at, &err);
		b.ptr[i / 8] ^= (uint8_t)(1 << i % 8);

		/* The bits that pad a stored block's header mean nothing. */
		if (i / 8 != BLOCK_AT || i % 8 < 3) {
			assert_int_equal(rc, -1);
			assert_int_equal(err.code, ERR_INPUT);
		}
		buf_free(&out);
	}
	buf_free(&b);
}

static void
refuses_what_follows_the_last_member(void **state)
{
	static const char *const TAILS[] = { "x", "\0", "more text", "\x1fno" };
	struct buf b = make_stored();
	const size_t len = b.len;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct buf out = { 0 };
		struct err err = { 0 };
		size_t at;

		b.len = len;
		buf_append(&b, (struct span){ (const uint8_t *)TAILS[i],
				      i == 1 ? 1 : strlen(TAILS[i]) }, &err);
		assert_int_equal(unpack_all(buf_span(&b), 64, 64, &out, &at,
					    &err), -1);
		assert_int_equal(err.code, ERR_INPUT);
		assert_in_range(at, len, len + 10);
		assert_true(span_is(buf_span(&out), "hello, hello"));
		buf_free(&out);
	}
	buf_free(&b);
}

/* Something like items: repetitive, with digits that are not. */
static struct buf
make_text(size_t len, uint32_t seed)
{
	struct buf b = { 0 };
	struct err err;

	while (b.len < len) {
		seed = seed * 1664525 + 1013904223;
		buf_printf(&b, &err, "{\"Item\":{\"id\":{\"S\":\"%08x\"},"
			   "\"n\":{\"N\":\"%u\"}}}\n", seed * 2654435761U,
			   seed >> 20);
	}
	b.len = len;
	return b;
}

static struct buf
make_noise(size_t len)
{
	struct buf b = { 0 };
	struct err err;
	uint8_t *const p = buf_reserve(&b, len, &err);
	uint64_t x = 88172645463325252U;

	for (size_t i = 0; i < len; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		p[i] = (uint8_t)(x >> 32);
	}
	b.len = len;
	return b;
}

/* Pack in writes of `step` bytes. */
static struct buf
pack(struct span text, int level, size_t step)
{
	struct buf out = { 0 };
	struct err err = { 0 };
	void *const p = gzip_format.pack_start(level, &err);

	assert_non_null(p);
	while (text.len > 0) {
		const size_t n = text.len < step ? text.len : step;

		assert_int_equal(gzip_format.pack(p,
						  (struct span){ text.ptr, n },
						  false, &out, &err), 0);
		text.ptr += n;
		text.len -= n;
	}
	assert_int_equal(gzip_format.pack(p, text, true, &out, &err), 0);
	gzip_format.pack_stop(p);
	return out;
}

/* What zlib makes of it; it must be one member and nothing more. */
static struct buf
zlib_unpack(struct span in, size_t len)
{
	struct buf out = { 0 };
	struct err err;
	z_stream z = { 0 };

	z.next_out = buf_reserve(&out, len + 1, &err);
	z.avail_out = (uInt)len + 1;
	assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
	memcpy(&z.next_in, &in.ptr, sizeof(z.next_in));
	z.avail_in = (uInt)in.len;
	assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
	assert_int_equal(z.avail_in, 0);
	out.len = z.total_out;
	inflateEnd(&z);
	return out;
}

static void
round_trip(struct span text, int level)
{
	struct buf packed = pack(text, level, SIZE_MAX);
	struct buf theirs = zlib_unpack(buf_span(&packed), text.len);
	struct buf ours = { 0 };
	struct err err = { 0 };
	size_t at;

	assert_true(span_equal(buf_span(&theirs), text));
	assert_int_equal(unpack_all(buf_span(&packed), 60000, 70000, &ours,
				    &at, &err), 0);
	assert_true(span_equal(buf_span(&ours), text));
	buf_free(&packed);
	buf_free(&theirs);
	buf_free(&ours);
}

static void
writes_what_zlib_reads_at_every_level(void **state)
{
	static const size_t LENS[] = {
		0, 1, 100, GZIP_PIECE_LEN - 1, GZIP_PIECE_LEN,
		GZIP_PIECE_LEN + 1, 300000,
	};
	struct buf text = make_text(300000, 1), noise = make_noise(300000);

	(void)state;
	for (int level = 0; level <= 9; level++)
		for (size_t i = 0; i < sizeof(LENS) / sizeof(LENS[0]); i++) {
			round_trip((struct span){ text.ptr, LENS[i] }, level);
			round_trip((struct span){ noise.ptr, LENS[i] }, level);
		}
	buf_free(&text);
	buf_free(&noise);
}

static void
writes_what_zlib_reads_around_a_block_border(void **state)
{
	struct buf text = make_text(2 * GZIP_BLOCK_LEN + 5, 2);
	struct buf noise = make_noise(GZIP_BLOCK_LEN + 70000);

	(void)state;
	for (int level = 1; level <= 4; level++) {
		round_trip(buf_span(&noise), level);
		for (size_t d = 0; d < 3; d++) {
			text.len = GZIP_BLOCK_LEN - 1 + d;
			round_trip(buf_span(&text), level);
		}
		text.len = 2 * GZIP_BLOCK_LEN + 5;
		round_trip(buf_span(&text), level);
	}
	buf_free(&text);
	buf_free(&noise);
}

static void
writes_the_same_bytes_however_the_text_is_cut(void **state)
{
	static const size_t STEPS[] = {
		1021, 4096, 65535, 65536, 65537, 262144, 1000003,
	};
	struct buf text = make_text(GZIP_BLOCK_LEN + 200000, 3);
	struct buf noise = make_noise(200000);

	(void)state;
	for (int level = 1; level <= 6; level++) {
		/* Some that does not pack well, in the middle of it. */
		memcpy(text.ptr + 100001, noise.ptr, noise.len);
		struct buf whole = pack(buf_span(&text), level, SIZE_MAX);

		for (size_t i = 0; i < sizeof(STEPS) / sizeof(STEPS[0]); i++) {
			struct buf b = pack(buf_span(&text), level, STEPS[i]);

			assert_true(span_equal(buf_span(&b),
					       buf_span(&whole)));
			buf_free(&b);
			if (level > 3)
				break;	/* zlib is slow, and the same */
		}
		buf_free(&whole);
	}
	buf_free(&text);
	buf_free(&noise);
}

/* A block's bytes must not depend on the blocks before it. */
static void
writes_blocks_that_know_nothing_of_each_other(void **state)
{
	struct buf a = make_text(GZIP_BLOCK_LEN, 4);
	struct buf b = make_text(100000, 5);

	(void)state;
	for (int level = 1; level <= 4; level++) {
		struct buf pa = pack(buf_span(&a), level, SIZE_MAX);
		struct buf pb = pack(buf_span(&b), level, SIZE_MAX);
		struct buf ab = { 0 };
		struct err err;

		buf_append(&ab, buf_span(&a), &err);
		buf_append(&ab, buf_span(&b), &err);
		struct buf both = pack(buf_span(&ab), level, SIZE_MAX);

		/* Header, blocks, 10 bytes of end. */
		assert_int_equal(both.len, pa.len + pb.len - 20);
		assert_memory_equal(both.ptr, pa.ptr, pa.len - 10);
		assert_memory_equal(both.ptr + pa.len - 10, pb.ptr + 10,
				    pb.len - 20);
		buf_free(&pa);
		buf_free(&pb);
		buf_free(&ab);
		buf_free(&both);
	}
	buf_free(&a);
	buf_free(&b);
}

/* CRC-32C as the processor's instruction takes it, without inversions. */
static uint32_t
crc32c(uint32_t word)
{
	for (int i = 0; i < 32; i++)
		word = word >> 1 ^ (0x82f63b78 & -(word & 1));
	return word;
}

/* Pack all of `text` by `packer`. */
static struct buf
pack_by(void *packer, struct span text)
{
	struct buf out = { 0 };
	struct err err = { 0 };

	assert_int_equal(gzip_format.pack(packer, text, true, &out, &err), 0);
	return out;
}

/*
 * ISA-L may take a part of the state's address for text.  The text here begins
 * with what falls into the same of its 8192 hash buckets, and says it again
 * further on.
 */
static void
writes_the_same_wherever_the_packer_lies(void **state)
{
	enum { LEN = 20000, AGAIN = 1000 };
	uint32_t dice = 1;

	(void)state;
	for (int level = 1; level <= 3; level++)
		for (uintptr_t next = 0; next < 2; next++) {
			struct err err;
			void *const other = gzip_pack_start(level, &err);
			void *const p = gzip_pack_start(level, &err);
			const uint32_t part =
				(uint32_t)(((uintptr_t)p >> 16) + next);
			uint8_t text[LEN];
			uint32_t word = 0x41414141;

			while (((crc32c(word) ^ crc32c(part)) & 0x1fff) != 0)
				word++;
			for (size_t i = 0; i < LEN; i++) {
				dice = dice * 1664525 + 1013904223;
				text[i] = (uint8_t)(32 + (dice >> 26));
			}
			memcpy(text, &word, 4);
			memcpy(text + AGAIN, &word, 4);
			struct buf a = pack_by(p, (struct span){ text, LEN });
			struct buf b = pack_by(other,
					       (struct span){ text, LEN });
			assert_int_equal(a.len, b.len);
			assert_memory_equal(a.ptr, b.ptr, a.len);
			buf_free(&a);
			buf_free(&b);
			gzip_pack_stop(p);
			gzip_pack_stop(other);
		}
}

/* As threads would do it: two packers, blocks in turn. */
static void
writes_the_same_from_blocks_packed_apart(void **state)
{
	static const size_t LENS[] = {
		0, 1, GZIP_PIECE_LEN, 3 * GZIP_PIECE_LEN + 9, GZIP_BLOCK_LEN,
		GZIP_BLOCK_LEN + 1, 2 * GZIP_BLOCK_LEN + GZIP_PIECE_LEN,
		2 * GZIP_BLOCK_LEN + 100000,
	};
	struct buf text = make_text(2 * GZIP_BLOCK_LEN + GZIP_PIECE_LEN, 8);
	struct err err = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(LENS) / sizeof(LENS[0]); i++) {
		const int level = i % 2 == 0 ? 1 : 4;
		struct buf whole = pack((struct span){ text.ptr, LENS[i] },
					level, 100000);
		struct buf parts = { 0 };
		struct gzip_sum sum = { 0 };
		void *const p[] = {
			gzip_pack_start(level, &err),
			gzip_pack_start(level, &err),
		};

		assert_int_equal(gzip_head(level, &parts, &err), 0);
		for (size_t at = 0; at < LENS[i]; at += GZIP_BLOCK_LEN) {
			const size_t left = LENS[i] - at;
			const struct span block = { text.ptr + at,
				left < GZIP_BLOCK_LEN ? left : GZIP_BLOCK_LEN };
			struct gzip_sum one;

			assert_int_equal(gzip_block(
				p[at / GZIP_BLOCK_LEN % 2], block, &parts,
				&one, &err), 0);
			sum = gzip_join(sum, one);
		}
		assert_int_equal(gzip_tail(sum, &parts, &err), 0);
		assert_true(span_equal(buf_span(&parts), buf_span(&whole)));
		gzip_pack_stop(p[0]);
		gzip_pack_stop(p[1]);
		buf_free(&parts);
		buf_free(&whole);
	}
	buf_free(&text);
}

static void
writes_nothing_as_twenty_bytes(void **state)
{
	struct buf b = pack((struct span){ NULL, 0 }, 0, 1);

	(void)state;
	assert_int_equal(b.len, 20);
	assert_memory_equal(b.ptr + 10, EMPTY + 10, 10);
	buf_free(&b);
}

static void
never_breaks_on_damaged_deflate_data(void **state)
{
	struct buf text = make_text(3000, 6);
	struct buf packed = pack(buf_span(&text), 1, SIZE_MAX);
	uint32_t seed = 7;

	(void)state;
	for (int i = 0; i < 3000; i++) {
		struct buf out = { 0 };
		struct err err = { 0 };
		size_t at;

		seed = seed * 1664525 + 1013904223;
		const size_t bit = seed % (packed.len * 8);
		packed.ptr[bit / 8] ^= (uint8_t)(1 << bit % 8);
		const int rc = unpack_all(buf_span(&packed), 1 + seed % 5000,
					  1 + seed % 777, &out, &at, &err);
		packed.ptr[bit / 8] ^= (uint8_t)(1 << bit % 8);

		/* Time, hints and system may change; the text may not. */
		if (rc == 0)
			assert_true(span_equal(buf_span(&out),
					       buf_span(&text)));
		else
			assert_int_equal(err.code, ERR_INPUT);
		buf_free(&out);
	}
	buf_free(&text);
	buf_free(&packed);
}

/* Two members: literals go on counting over the border, distances do not. */
static void
traces_matches_across_members(void **state)
{
	enum { LEN = 50000, CAP = GZIP_TOKENS(2 * LEN + 1) };
	static uint8_t text[2 * LEN + 1], again[2 * LEN];
	static uint32_t tokens[CAP];
	struct buf one = make_text(LEN, 9);
	struct buf packed = pack(buf_span(&one), 6, SIZE_MAX);
	struct err err = { 0 };
	const size_t len = packed.len;

	(void)state;
	buf_append(&packed, (struct span){ packed.ptr, len }, &err);
	for (size_t room = 100; room < 2 * LEN + 2; room += 33300) {
		void *const u = gzip_format.unpack_start(&err);
		struct gzip_trace trace = { tokens, 0, CAP, 0, 0 };
		struct span in = buf_span(&packed);
		size_t n = 0, told = 0;

		for (int rc = 1; rc > 0;) {
			struct room r = { text + n, room };

			if (r.len > sizeof(text) - n)
				r.len = sizeof(text) - n;
			rc = gzip_unpack_traced(u, &in, true, &r, &trace, &err);
			assert_in_range(rc, 0, 1);
			n = (size_t)(r.ptr - text);
		}
		assert_int_equal(n, 2 * LEN);
		for (size_t i = 0; i < trace.n; i++) {
			const uint32_t t = tokens[i];
			const size_t lits = t >> INFLATE_LITERALS_AT;
			const size_t dist = (t & 0x7fff) + 1;

			memcpy(again + told, text + told, lits);
			told += lits;
			if (lits == INFLATE_LITERALS)
				continue;
			assert_in_range(dist, 1, told < LEN ? told :
					told - LEN);
			for (size_t k = t >> INFLATE_LEN_AT & 0xff, j = 0;
			     j < k + INFLATE_MIN_LEN; j++, told++)
				again[told] = again[told - dist];
		}
		assert_int_equal(told + trace.pending, 2 * LEN);
		assert_int_equal(trace.ahead, 0);
		assert_memory_equal(again, text, told);
		assert_memory_equal(text + LEN, one.ptr, LEN);
		gzip_format.unpack_stop(u);
	}
	buf_free(&one);
	buf_free(&packed);
}

static void
refuses_levels_that_are_none(void **state)
{
	struct err err = { 0 };

	(void)state;
	assert_null(gzip_format.pack_start(10, &err));
	assert_int_equal(err.code, ERR_USAGE);
	assert_null(gzip_format.pack_start(-1, &err));
}

static void
is_known_by_its_first_bytes(void **state)
{
	(void)state;
	assert_ptr_equal(byte_format_of((struct span){ EMPTY, 20 }),
			 &gzip_format);
	assert_ptr_equal(byte_format_named("gzip"), &gzip_format);
	assert_null(byte_format_of((struct span){ EMPTY, 1 }));
	assert_null(byte_format_of((struct span){ NULL, 0 }));
	assert_null(byte_format_of(span_of("{\"Item\":")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_a_member_with_every_header_field),
		cmocka_unit_test(reads_members_one_after_another),
		cmocka_unit_test(refuses_every_truncation),
		cmocka_unit_test(refuses_every_flipped_bit_that_matters),
		cmocka_unit_test(refuses_what_follows_the_last_member),
		cmocka_unit_test(writes_what_zlib_reads_at_every_level),
		cmocka_unit_test(writes_what_zlib_reads_around_a_block_border),
		cmocka_unit_test(writes_the_same_bytes_however_the_text_is_cut),
		cmocka_unit_test(writes_blocks_that_know_nothing_of_each_other),
		cmocka_unit_test(writes_the_same_wherever_the_packer_lies),
		cmocka_unit_test(writes_the_same_from_blocks_packed_apart),
		cmocka_unit_test(writes_nothing_as_twenty_bytes),
		cmocka_unit_test(never_breaks_on_damaged_deflate_data),
		cmocka_unit_test(traces_matches_across_members),
		cmocka_unit_test(refuses_levels_that_are_none),
		cmocka_unit_test(is_known_by_its_first_bytes),
	};

	return cmocka_run_group_tests_name("gzip", tests, NULL, NULL);
}
