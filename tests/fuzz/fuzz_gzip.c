/*
 * fuzz_gzip.c - gzip data of any kind, read in windows that some of its bytes
 * choose, must give what zlib gives or be refused.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/err.h"
#include "formats/formats.h"
#include "formats/gzip.h"
#include "tests/fuzz/fuzz.h"

enum { MAX_LEN = 1 << 20 };

const int fuzz_packed = 1;

static uint8_t ours[MAX_LEN + 1], theirs[MAX_LEN + 1];

/* Returns how much text there is, or -1 if it is refused; at most MAX_LEN. */
static long
read_ours(struct span all, size_t step, size_t room)
{
	struct err err = { 0 };
	void *const u = gzip_format.unpack_start(&err);
	struct span in = { all.ptr, 0 };
	size_t given = 0, n = 0;
	int rc = 1;

	if (u == NULL)
		abort();
	while (rc > 0 && n < MAX_LEN) {
		if (in.len == 0 && given < all.len) {
			const size_t left = all.len - given;

			in = (struct span){ all.ptr + given,
					    left < step ? left : step };
			given += in.len;
		}
		struct room out = { ours + n,
				    MAX_LEN - n < room ? MAX_LEN - n : room };
		const size_t before = out.len;

		rc = gzip_format.unpack(u, &in, given == all.len, &out, &err);
		n += before - out.len;
	}
	gzip_format.unpack_stop(u);
	if ((rc < 0) != (err.code != ERR_NONE))
		abort();
	return rc < 0 ? -1 : (long)n;
}

static long
read_theirs(struct span in)
{
	z_stream z = { .avail_in = (uInt)in.len };
	int rc = Z_STREAM_END;

	z.next_out = theirs;
	z.avail_out = MAX_LEN;
	memcpy(&z.next_in, &in.ptr, sizeof(z.next_in));
	if (inflateInit2(&z, 15 + 16) != Z_OK)
		abort();
	while (rc == Z_STREAM_END && z.avail_in > 0) {
		const uInt left = z.avail_in, room = z.avail_out;
		Bytef *const from = z.next_in, *const to = z.next_out;

		inflateReset(&z);
		z.next_in = from;
		z.avail_in = left;
		z.next_out = to;
		z.avail_out = room;
		rc = inflate(&z, Z_FINISH);
	}
	inflateEnd(&z);
	return rc == Z_STREAM_END ? (long)(MAX_LEN - z.avail_out) :
	       z.avail_out == 0 ? MAX_LEN : -1;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len < 8)
		return 0;

	/* Of the checksum, where there is one: as good as dice. */
	const uint8_t *const dice = data + len - 8;
	const struct span in = { data, len };
	const long n = read_ours(in, 1 + dice[0] * 3U, 1 + dice[1] * 5U);
	const long m = read_theirs(in);

	/* What does not fit is cut off by either at a place of its own. */
	if (n == MAX_LEN || m == MAX_LEN)
		return 0;
	if (n != m || (n > 0 && memcmp(ours, theirs, (size_t)n) != 0))
		abort();
	return 0;
}
