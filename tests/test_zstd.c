/* test_zstd.c - frames read whole, cut, damaged and joined; and written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <zstd.h>

#include "base/buf.h"
#include "base/err.h"
#include "formats/formats.h"
#include "formats/zstd.h"
#include "tests/guard.h"

/* "hello\n" in a raw block, with its checksum; by hand, after RFC 8878. */
static const uint8_t HELLO[] = {
	0x28, 0xb5, 0x2f, 0xfd, 0x24, 6,	/* single segment, checksum */
	0x31, 0, 0,				/* last, raw, 6 bytes */
	'h', 'e', 'l', 'l', 'o', '\n',
	0, 0, 0, 0,				/* set by make_hello() */
};

static const uint8_t SKIPPABLE[] = {
	0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 'a', 'b', 'c',
};

/* Unpack, showing `step` bytes at a time with room for `room`. */
static int
unpack_all(struct span in, size_t step, size_t room, struct buf *out,
	   struct err *err)
{
	void *const u = zstd_format.unpack_start(err);
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

		rc = zstd_format.unpack(u, &part, given == in.len, &r, err);
		buf_commit(out, room - r.len);
	}
	zstd_format.unpack_stop(u);
	return rc;
}

static struct buf
make_hello(void)
{
	struct buf b = { 0 };
	struct err err;
	char text[6] = "hello\n";
	uint8_t frame[64];
	ZSTD_CCtx *const c = ZSTD_createCCtx();

	/* The library's own frame ends in the checksum that ours needs. */
	ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, 1);
	const size_t n = ZSTD_compress2(c, frame, sizeof(frame), text,
					sizeof(text));
	ZSTD_freeCCtx(c);
	assert_false(ZSTD_isError(n));
	buf_append(&b, (struct span){ HELLO, sizeof(HELLO) }, &err);
	memcpy(b.ptr + b.len - 4, frame + n - 4, 4);
	return b;
}

static void
reads_frames_one_after_another(void **state)
{
	struct buf b = make_hello(), all = { 0 };
	struct err err = { 0 };

	(void)state;
	buf_append(&all, buf_span(&b), &err);
	buf_append(&all, (struct span){ SKIPPABLE, sizeof(SKIPPABLE) }, &err);
	buf_append(&all, buf_span(&b), &err);
	for (size_t step = 1; step <= all.len; step++)
		for (size_t room = 1; room < 14; room++) {
			struct buf out = { 0 };

			assert_int_equal(unpack_all(guard_copy(all.ptr,
							       all.len), step,
						    room, &out, &err), 0);
			assert_true(span_is(buf_span(&out),
					    "hello\nhello\n"));
			buf_free(&out);
		}
	buf_free(&b);
	buf_free(&all);
}

static void
refuses_every_truncation(void **state)
{
	struct buf b = make_hello();

	(void)state;
	for (size_t len = 1; len < b.len; len++)
		for (size_t step = 1; step <= len; step += 3) {
			struct buf out = { 0 };
			struct err err = { 0 };

			assert_int_equal(unpack_all(guard_copy(b.ptr, len),
						    step, 64, &out, &err), -1);
			assert_int_equal(err.code, ERR_INPUT);
			buf_free(&out);
		}
	buf_free(&b);
}

static void
refuses_damaged_text_and_what_follows_the_end(void **state)
{
	struct buf b = make_hello();
	struct buf out = { 0 };
	struct err err = { 0 };

	(void)state;
	for (size_t i = 9; i < b.len; i++) {
		b.ptr[i] ^= 1;
		assert_int_equal(unpack_all(buf_span(&b), 64, 64, &out, &err),
				 -1);
		assert_non_null(strstr(err.text, "checksum"));
		b.ptr[i] ^= 1;
	}
	buf_append(&b, span_of("more"), &err);
	assert_int_equal(unpack_all(buf_span(&b), 64, 64, &out, &err), -1);
	assert_non_null(strstr(err.text, "after the end"));
	buf_free(&out);
	buf_free(&b);
}

static void
says_what_to_do_about_windows_that_are_too_large(void **state)
{
	/* Window of 2^31, no content size. */
	static const uint8_t LONG[] = {
		0x28, 0xb5, 0x2f, 0xfd, 0, (31 - 10) << 3, 1, 0, 0,
	};
	struct buf out = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(unpack_all((struct span){ LONG, sizeof(LONG) }, 64, 64,
				    &out, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	assert_non_null(strstr(err.text, "--long"));
	buf_free(&out);
}

static struct buf
make_text(size_t len)
{
	struct buf b = { 0 };
	struct err err;

	for (uint32_t i = 0; b.len < len; i++)
		buf_printf(&b, &err, "{\"Item\":{\"id\":{\"N\":\"%u\"}}}\n",
			   i * 2654435761U);
	b.len = len;
	return b;
}

static struct buf
pack(struct span text, int level, size_t step)
{
	struct buf out = { 0 };
	struct err err = { 0 };
	void *const p = zstd_format.pack_start(level, &err);

	assert_non_null(p);
	while (text.len > 0) {
		const size_t n = text.len < step ? text.len : step;

		assert_int_equal(zstd_format.pack(p,
						  (struct span){ text.ptr, n },
						  false, &out, &err), 0);
		text.ptr += n;
		text.len -= n;
	}
	/* An empty piece must not show either. */
	assert_int_equal(zstd_format.pack(p, text, false, &out, &err), 0);
	assert_int_equal(zstd_format.pack(p, text, true, &out, &err), 0);
	zstd_format.pack_stop(p);
	return out;
}

static void
writes_one_frame_that_reads_back(void **state)
{
	static const size_t LENS[] = { 0, 1, 131071, 131072, 131073, 700000 };
	struct buf text = make_text(700000);

	(void)state;
	for (int level = 0; level <= 9; level += 3)
		for (size_t i = 0; i < sizeof(LENS) / sizeof(LENS[0]); i++) {
			const struct span part = { text.ptr, LENS[i] };
			struct buf b = pack(part, level, SIZE_MAX), out = { 0 };
			struct err err = { 0 };

			assert_int_equal(ZSTD_findFrameCompressedSize(b.ptr,
								      b.len),
					 b.len);
			assert_int_equal(unpack_all(buf_span(&b), 65536, 70000,
						    &out, &err), 0);
			assert_true(span_equal(buf_span(&out), part));
			buf_free(&b);
			buf_free(&out);
		}
	buf_free(&text);
}

static void
writes_the_same_bytes_however_the_text_is_cut(void **state)
{
	static const size_t STEPS[] = { 1021, 65536, 131072, 131073, 262144 };
	struct buf text = make_text(1500000);

	(void)state;
	for (int level = 1; level <= 4; level++) {
		struct buf whole = pack(buf_span(&text), level, SIZE_MAX);

		for (size_t i = 0; i < sizeof(STEPS) / sizeof(STEPS[0]); i++) {
			struct buf b = pack(buf_span(&text), level, STEPS[i]);

			assert_true(span_equal(buf_span(&b),
					       buf_span(&whole)));
			buf_free(&b);
		}
		buf_free(&whole);
	}
	buf_free(&text);
}

static void
never_breaks_on_damaged_frames(void **state)
{
	struct buf text = make_text(5000);
	struct buf b = pack(buf_span(&text), 3, SIZE_MAX);
	uint32_t seed = 1;

	(void)state;
	for (int i = 0; i < 3000; i++) {
		struct buf out = { 0 };
		struct err err = { 0 };

		seed = seed * 1664525 + 1013904223;
		const size_t bit = seed % (b.len * 8);
		b.ptr[bit / 8] ^= (uint8_t)(1 << bit % 8);
		const int rc = unpack_all(buf_span(&b), 1 + seed % 4000,
					  1 + seed % 900, &out, &err);
		b.ptr[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (rc == 0)
			assert_true(span_equal(buf_span(&out),
					       buf_span(&text)));
		buf_free(&out);
	}
	buf_free(&text);
	buf_free(&b);
}

static void
is_known_by_its_first_bytes(void **state)
{
	struct err err = { 0 };

	(void)state;
	assert_ptr_equal(byte_format_of((struct span){ HELLO, 4 }),
			 &zstd_format);
	assert_ptr_equal(byte_format_of((struct span){ SKIPPABLE, 8 }),
			 &zstd_format);
	assert_null(byte_format_of((struct span){ HELLO, 3 }));
	assert_ptr_equal(byte_format_named("zstd"), &zstd_format);
	assert_null(zstd_format.pack_start(10, &err));
	assert_int_equal(err.code, ERR_USAGE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_frames_one_after_another),
		cmocka_unit_test(refuses_every_truncation),
		cmocka_unit_test(refuses_damaged_text_and_what_follows_the_end),
		cmocka_unit_test(
			says_what_to_do_about_windows_that_are_too_large),
		cmocka_unit_test(writes_one_frame_that_reads_back),
		cmocka_unit_test(writes_the_same_bytes_however_the_text_is_cut),
		cmocka_unit_test(never_breaks_on_damaged_frames),
		cmocka_unit_test(is_known_by_its_first_bytes),
	};

	return cmocka_run_group_tests_name("zstd", tests, NULL, NULL);
}
