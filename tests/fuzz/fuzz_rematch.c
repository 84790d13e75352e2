/*
 * fuzz_rematch.c - texts, tokens and notes that have nothing to do with each
 * other: what is packed must be what zlib unpacks.
 *
 * Orders of 8 bytes and then, for some, text: text that was copied, from where
 * the order says; text that was not; a token; a call; a cut.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/bytes.h"
#include "base/buf.h"
#include "base/err.h"
#include "formats/deflate.h"
#include "formats/rematch.h"
#include "tests/fuzz/fuzz.h"

enum { MAX_LEN = 1 << 22, MANY = 1 << 14, ORDER_LEN = 8 };

const int fuzz_packed = 0;

static uint32_t tokens[MANY];
static struct copied copied[MANY];
static uint8_t got[MAX_LEN + 1];

static void
must(int ok)
{
	if (!ok)
		abort();
}

static void
check(struct span packed, const struct buf *all)
{
	z_stream z = { .avail_in = (uInt)packed.len };

	memcpy(&z.next_in, &packed.ptr, sizeof(z.next_in));
	z.next_out = got;
	z.avail_out = sizeof(got);
	must(inflateInit2(&z, 31) == Z_OK);
	must(inflate(&z, Z_FINISH) == Z_STREAM_END);
	must(z.avail_in == 0 && z.total_out == all->len);
	must(all->len == 0 || memcmp(got, all->ptr, all->len) == 0);
	inflateEnd(&z);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct rematch *const r = rematch_new(NULL);
	struct buf text = { 0 }, all = { 0 }, out = { 0 };
	struct matches m = { tokens, 0, 0 };
	size_t ncopied = 0, ntokens = 0;
	struct err err;

	while (len >= ORDER_LEN && all.len < MAX_LEN / 2) {
		const uint8_t what = bytes[0] % 8;
		const uint32_t times = 1 + bytes[1];
		const uint32_t from = load_le32(bytes + 4);
		size_t n = load_le16(bytes + 2) % 2048;

		bytes += ORDER_LEN;
		len -= ORDER_LEN;
		if (what == 6 && ntokens < MANY) {
			tokens[ntokens++] = from;
		} else if (what == 7) {
			m.n = ntokens - (size_t)(m.tokens - tokens);
			must(rematch_add(r, &text, copied, ncopied, &m, &out,
					 &err) == 0);
			ncopied = 0;
			if (n % 4 == 0)
				must(rematch_cut(r, &text, &out, &err) == 0);
		} else if (what < 6) {
			const struct span part = { bytes, n < len ? n : len };
			const size_t to = text.len;

			bytes += part.len;
			len -= part.len;
			for (uint32_t i = 0; i < (what == 0 ? times : 1); i++) {
				must(buf_append(&text, part, &err) == 0);
				must(buf_append(&all, part, &err) == 0);
			}
			if (what < 5 && ncopied < MANY)
				copied[ncopied++] = (struct copied){
					from % 0x100000, (uint32_t)to,
					(uint32_t)(text.len - to) };
		}
	}
	m.n = ntokens - (size_t)(m.tokens - tokens);
	must(rematch_add(r, &text, copied, ncopied, &m, &out, &err) == 0);
	must(rematch_end(r, &text, &out, &err) == 0);
	check(buf_span(&out), &all);
	buf_free(&text);
	buf_free(&all);
	buf_free(&out);
	rematch_free(r);
	return 0;
}
