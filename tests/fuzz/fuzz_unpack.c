/* fuzz_unpack.c - any bytes as gzip and zstd: an error or text, in bounds. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "formats/formats.h"
#include "tests/fuzz/fuzz.h"

const int fuzz_packed = 1;

enum { STEP = 4096, MOST = 4 * 1024 * 1024 };

/* Unpack, handing in `piece` bytes at a time; 0 if all went well, or -1. */
static int
unpack(const struct byte_format *f, const uint8_t *bytes, size_t len,
       size_t piece, struct buf *out)
{
	struct err err = { ERR_NONE, "" };
	void *state = f->unpack_start(&err);
	size_t at = 0;
	int rc = 1;

	if (state == NULL)
		abort();
	while (rc > 0 && out->len < MOST) {
		const size_t n = len - at < piece ? len - at : piece;
		struct span in = { bytes + at, n };
		struct room room = { buf_reserve(out, STEP, &err), STEP };

		rc = f->unpack(state, &in, at + n == len, &room, &err);
		if (in.len > n || room.len > STEP)
			abort();
		buf_commit(out, STEP - room.len);
		at += n - in.len;
	}
	if ((rc < 0) != (err.code != ERR_NONE))
		abort();
	f->unpack_stop(state);
	return rc;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static const char *const NAMES[] = { "gzip", "zstd" };

	for (int i = 0; i < 2; i++) {
		const struct byte_format *f = byte_format_named(NAMES[i]);
		struct buf whole = { 0 }, cut = { 0 };

		if (f == NULL)
			continue;
		const int a = unpack(f, bytes, len, len, &whole);
		const int b = unpack(f, bytes, len, 7, &cut);

		/* However it was cut: the same end, and the same text. */
		if ((a < 0) != (b < 0) ||
		    (a >= 0 && whole.len < MOST &&
		     !span_equal(buf_span(&whole), buf_span(&cut))))
			abort();
		buf_free(&whole);
		buf_free(&cut);
	}
	return 0;
}
