/*
 * fuzz_inflate.c - any bytes as deflate data, unpacked in windows and rooms
 * that some of them choose, by either kernel: what zlib makes of them, and the
 * tokens say the same text.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/cpu.h"
#include "base/err.h"
#include "formats/inflate.h"
#include "tests/fuzz/fuzz.h"

enum { MAX_LEN = 1 << 20, HEAD_LEN = 10 };

const int fuzz_packed = 1;

static uint8_t ours[MAX_LEN], again[MAX_LEN], theirs[MAX_LEN];
static uint32_t tokens[MAX_LEN];

struct outcome {
	enum inflate_result result;
	size_t len, used, ntokens, pending, ahead;
};

/* Unpack it into ours and tokens; nothing is handed out twice. */
static struct outcome
read_ours(struct span all, size_t step, size_t max_room, const char *mask)
{
	struct outcome o = { .result = INFLATE_MORE };
	struct err err;
	struct span in = { all.ptr, 0 };
	size_t given = 0;

	cpu_init(mask);
	struct inflater *const f = inflate_new(&err);

	if (f == NULL)
		abort();
	while (o.result == INFLATE_MORE && o.len < MAX_LEN) {
		const size_t left = all.len - given, free = MAX_LEN - o.len;
		const size_t room = free < max_room ? free : max_room;
		struct room out = { ours + o.len, room };
		uint32_t *next = tokens + o.ntokens;

		if (in.len == 0) {
			in = (struct span){ all.ptr + given,
					    left < step ? left : step };
			given += in.len;
		}
		const size_t unread = in.len;

		if (o.ntokens + room / 3 + INFLATE_MORE_TOKENS > MAX_LEN)
			abort();
		o.result = inflate_on(f, &in, &out, &next);
		o.len += room - out.len;
		if (next > tokens + o.ntokens + room / 3 + INFLATE_MORE_TOKENS)
			abort();
		o.ntokens = (size_t)(next - tokens);
		if (unread == 0 && out.len == room)
			break;
	}
	o.used = given - in.len;
	o.pending = inflate_pending(f);
	o.ahead = inflate_ahead(f);
	inflate_free(f);
	return o;
}

/* Make the text of the tokens and its literals, as far as there is text. */
static void
replay(const struct outcome *o)
{
	size_t n = 0;

	if (o->pending > 510 || o->ahead > INFLATE_MAX_AHEAD)
		abort();
	for (size_t i = 0; i < o->ntokens; i++) {
		const uint32_t t = tokens[i];
		const size_t lits = t >> INFLATE_LITERALS_AT;
		const size_t dist = (t & 0x7fff) + 1;
		size_t len = (t >> INFLATE_LEN_AT & 0xff) + INFLATE_MIN_LEN;

		if (lits == INFLATE_LITERALS)
			len = 0;
		for (size_t k = 0; k < lits; k++, n++)
			if (n < o->len)
				again[n] = ours[n];
		for (; len > 0; len--, n++)
			if (dist > n)
				abort();
			else if (n < o->len)
				again[n] = again[n - dist];
	}
	if (n + o->pending != o->len + o->ahead)
		abort();
	if (n > o->len)
		n = o->len;
	if (memcmp(again, ours, n) != 0)
		abort();
}

static void
compare(struct span in, size_t step, size_t room, const char *mask)
{
	const struct outcome o = read_ours(in, step, room, mask);
	z_stream z = { .next_out = theirs, .avail_out = MAX_LEN };

	replay(&o);
	memcpy(&z.next_in, &in.ptr, sizeof(z.next_in));
	z.avail_in = (uInt)in.len;
	if (inflateInit2(&z, -15) != Z_OK)
		abort();
	const int rc = inflate(&z, Z_FINISH);

	inflateEnd(&z);
	/* What does not fit is cut off by either at a place of its own. */
	if (o.len == MAX_LEN || z.total_out == MAX_LEN)
		return;
	if ((rc == Z_STREAM_END) != (o.result == INFLATE_END))
		abort();
	if (rc == Z_STREAM_END &&
	    (z.total_out != o.len || z.total_in != o.used ||
	     memcmp(ours, theirs, o.len) != 0))
		abort();
	/* We may see it sooner, but never later. */
	if (rc == Z_DATA_ERROR && o.result <= INFLATE_END)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct span in = { data, len };

	if (len < 4)
		return 0;
	/* Of the end, which matters least: as good as dice. */
	const uint8_t *const dice = data + len - 4;

	if (data[0] == 0x1f && len > HEAD_LEN)
		in = (struct span){ data + HEAD_LEN, len - HEAD_LEN };
	compare(in, 1 + dice[0] * 13U, 1 + dice[1] * 19U, "");
	compare(in, 1 + dice[2] * 13U, 1 + dice[3] * 999U, "avx2");
	return 0;
}
