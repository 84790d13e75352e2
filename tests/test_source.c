/*
 * test_source.c - the same bytes out of a source however they come in, and
 * errors that say where.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/md5.h"
#include "formats/deflate.h"
#include "formats/formats.h"
#include "formats/rematch.h"
#include "io/source.h"
#include "tests/memio.h"

static struct buf
make_text(size_t len)
{
	struct buf b = { 0 };
	struct err err;
	uint32_t seed = 1;

	while (b.len < len) {
		seed = seed * 1664525 + 1013904223;
		buf_printf(&b, &err, "{\"Item\":{\"id\":{\"N\":\"%u\"}}}\n",
			   seed);
	}
	b.len = len;
	return b;
}

static struct buf
pack(struct span text)
{
	const struct byte_format *const gzip = byte_format_named("gzip");
	struct buf out = { 0 };
	struct err err = { 0 };
	void *const p = gzip->pack_start(1, &err);

	assert_int_equal(gzip->pack(p, text, true, &out, &err), 0);
	gzip->pack_stop(p);
	return out;
}

/*
 * Read it all by peeks of `min`, each stepping over all but `keep` of what it
 * showed, and compare with `text`.
 */
static void
read_all(struct span bytes, size_t step, size_t min, size_t keep,
	 struct span text, const char *packing)
{
	struct err err = { 0 };
	struct source *const s = source_open(mem_feed(bytes, step), true, &err);
	struct span block;
	uint8_t got[MD5_LEN], want[MD5_LEN];
	size_t at = 0;
	int more;

	assert_null(source_stats(s).packing);
	do {
		more = source_peek(s, min, &block, &err);
		assert_true(more >= 0);
		assert_true(more == 0 || block.len >= min);
		assert_true(block.len <= text.len - at);
		assert_memory_equal(block.ptr, text.ptr + at, block.len);

		/* May be read, whatever it is: the sanitizers look on. */
		volatile uint8_t sum = 0;
		for (size_t i = 0; i < SOURCE_SLACK; i++)
			sum ^= block.ptr[block.len + i];
		(void)sum;

		size_t n = block.len;
		if (more && n > keep)
			n -= keep;
		source_consume(s, n);
		at += n;
	} while (more);
	assert_int_equal(at, text.len);

	/* The end stays the end. */
	assert_int_equal(source_peek(s, 1, &block, &err), 0);
	assert_int_equal(block.len, 0);

	const struct source_stats stats = source_stats(s);
	assert_string_equal(stats.packing, packing);
	assert_int_equal(stats.packed_len, bytes.len);
	assert_int_equal(stats.plain_len, text.len);
	source_md5(s, got);
	md5_of(bytes, want);
	assert_memory_equal(got, want, MD5_LEN);
	source_close(s);
}

static void
shows_the_same_bytes_in_blocks_of_every_size(void **state)
{
	static const size_t LENS[] = {
		0, 1, 7, 8, 9, 65535, 65536, 65537, 500000,
	};
	static const size_t STEPS[] = { 0, 1000, 65536, 7 };
	static const size_t MINS[] = { 1, 100, 65536, 65537, 262144, 1 << 20 };
	struct buf text = make_text(500000);

	(void)state;
	for (size_t l = 0; l < 9; l++) {
		const struct span plain = { text.ptr, LENS[l] };
		struct buf gz = pack(plain);

		for (size_t t = 0; t < 4; t++)
			for (size_t m = 0; m < 6; m++) {
				const size_t keep = MINS[m] / 3;

				read_all(plain, STEPS[t], MINS[m], keep, plain,
					 "none");
				read_all(buf_span(&gz), STEPS[t], MINS[m],
					 keep, plain, "gzip");
			}
		buf_free(&gz);
	}
	buf_free(&text);
}

static void
keeps_what_it_showed_while_the_window_grows(void **state)
{
	struct buf text = make_text(3000000);
	struct buf gz = pack(buf_span(&text));
	struct err err = { 0 };
	struct source *const s = source_open(mem_feed(buf_span(&gz), 0), false,
					     &err);
	struct span block;

	(void)state;
	assert_int_equal(source_peek(s, 1000, &block, &err), 1);
	source_consume(s, 777);
	for (size_t min = 1000; min < 2900000; min *= 2) {
		assert_int_equal(source_peek(s, min, &block, &err), 1);
		assert_true(block.len >= min);
		assert_memory_equal(block.ptr, text.ptr + 777, block.len);
	}
	assert_int_equal(source_peek(s, 3000000, &block, &err), 0);
	assert_int_equal(block.len, 3000000 - 777);
	source_close(s);
	buf_free(&text);
	buf_free(&gz);
}

/* The matches of a piece are of all of its text, but for what is pending. */
static void
check_matches(const struct source_piece *p, uint64_t from)
{
	enum { MOST_PENDING = 510 };
	uint64_t at = p->tokens_from;

	assert_true(at <= from);
	for (size_t i = 0; i < p->ntokens; i++)
		at += token_text(p->tokens[i]);
	assert_true(at + MOST_PENDING >= from + p->len);
}

/* All of `text` in pieces of `len` bytes and more, by peeks of `min`. */
static void
read_pieces(struct span bytes, size_t step, size_t min, size_t len,
	    struct span text, bool packed)
{
	enum { NPIECES = 3 };
	struct source_piece pieces[NPIECES] = { { 0 } };
	struct err err = { 0 };
	struct source *const s = source_open(mem_feed(bytes, step), false,
					     &err);
	struct span block;
	size_t from = 0, before = 0;
	int more;

	source_note_matches(s);
	/* What was shown before the first piece began is of it too. */
	assert_true(source_peek(s, 8, &block, &err) >= 0);
	for (unsigned k = 0; from < text.len; k++) {
		struct source_piece *const p = &pieces[k % NPIECES];
		const struct source_piece *const last =
			&pieces[(k + NPIECES - 1) % NPIECES];
		size_t at = from;

		assert_int_equal(source_start_piece(s, p, len, &err), 0);
		assert_memory_equal(last->text, text.ptr + before, last->len);
		do {
			more = source_peek(s, min, &block, &err);
			assert_true(more >= 0);
			assert_memory_equal(block.ptr, text.ptr + at,
					    block.len);
			const size_t n = more ? block.len / 2 + 1 : block.len;

			source_consume(s, n);
			at += n;
		} while (more && at < from + len);
		source_end_piece(s);
		assert_int_equal(p->len, at - from);
		assert_memory_equal(p->text, text.ptr + from, p->len);
		assert_memory_equal(last->text, text.ptr + before, last->len);
		if (packed)
			check_matches(p, from);
		before = from;
		from = at;
	}
	source_close(s);
	for (unsigned k = 0; k < NPIECES; k++)
		source_piece_free(&pieces[k]);
}

static void
leaves_text_and_matches_in_pieces_where_they_were_unpacked(void **state)
{
	static const size_t STEPS[] = { 0, 1000, 65536 };
	static const size_t MINS[] = { 1, 65536, 262144 };
	static const size_t LENS[] = { 1, 5000, 65536, 300000 };
	struct buf text = make_text(700000);
	struct buf gz = pack(buf_span(&text));

	(void)state;
	for (size_t t = 0; t < 3; t++)
		for (size_t m = 0; m < 3; m++)
			for (size_t l = 0; l < 4; l++) {
				read_pieces(buf_span(&text), STEPS[t], MINS[m],
					    LENS[l], buf_span(&text), false);
				read_pieces(buf_span(&gz), STEPS[t], MINS[m],
					    LENS[l], buf_span(&text), true);
			}
	buf_free(&text);
	buf_free(&gz);
}

static void
refuses_to_show_more_than_it_will_hold(void **state)
{
	struct err err = { 0 };
	struct source *const s = source_open(mem_feed(span_of("x"), 0), false,
					     &err);
	struct span block;

	(void)state;
	assert_int_equal(source_peek(s, SOURCE_MAX_PEEK + 1, &block, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	source_close(s);
}

static void
says_at_which_byte_the_input_is_damaged(void **state)
{
	struct buf text = make_text(400000);
	struct buf gz = pack(buf_span(&text));
	struct span block;
	char where[32];

	(void)state;
	for (size_t cut = 1; cut < gz.len; cut += 1 + cut / 3) {
		struct err err = { 0 };
		const struct span part = { gz.ptr, gz.len - cut };
		struct source *const s = source_open(mem_feed(part, 0), false,
						     &err);

		while (source_peek(s, 65536, &block, &err) > 0)
			source_consume(s, block.len);
		assert_int_equal(err.code, ERR_INPUT);
		snprintf(where, sizeof(where), "byte %zu: ", part.len);
		assert_memory_equal(err.text, where, strlen(where));
		assert_int_equal(source_peek(s, 1, &block, &err), -1);
		source_close(s);
	}
	buf_free(&text);
	buf_free(&gz);
}

static void
of_no_feed_is_no_source(void **state)
{
	struct err err = { 0 };

	(void)state;
	assert_null(source_open(NULL, false, &err));
	assert_int_equal(err.code, ERR_NONE);
	source_close(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shows_the_same_bytes_in_blocks_of_every_size),
		cmocka_unit_test(keeps_what_it_showed_while_the_window_grows),
		cmocka_unit_test(
			leaves_text_and_matches_in_pieces_where_they_were_unpacked),
		cmocka_unit_test(refuses_to_show_more_than_it_will_hold),
		cmocka_unit_test(says_at_which_byte_the_input_is_damaged),
		cmocka_unit_test(of_no_feed_is_no_source),
	};

	return cmocka_run_group_tests_name("source", tests, NULL, NULL);
}
