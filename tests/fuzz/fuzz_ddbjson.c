/*
 * fuzz_ddbjson.c - any bytes as DynamoDB JSON lines.
 *
 * Every kernel must say the same of them, in one block or cut in two; what was
 * taken must be written as lines that are taken again and written alike.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cpu.h"
#include "base/err.h"
#include "formats/ddbjson.h"
#include "model/batch.h"
#include "tests/fuzz/fuzz.h"

const int fuzz_packed = 0;

static void
must(int good)
{
	if (!good)
		abort();
}

/* Decode `text` and append the items as lines, then each reject's place. */
static void
digest(const uint8_t *bytes, size_t len, size_t cut, struct buf *items,
       struct buf *rejects)
{
	struct err err = { ERR_NONE, "" };
	struct batch b = { 0 };
	struct ddbjson *d = ddbjson_new(&err);
	uint8_t *copy = malloc(len + DDBJSON_SLACK);
	size_t at = 0;

	must(d != NULL && copy != NULL);
	memcpy(copy, bytes, len);
	memset(copy + len, '}', DDBJSON_SLACK);
	for (size_t end = cut;; end = len) {
		const struct span in = { copy + at, end - at };
		size_t used = 0;

		batch_reset(&b);
		must(ddbjson_decode(d, in, end == len, &b, &used, &err) == 0);
		must(used <= in.len && (end < len || used > 0 || in.len == 0));
		must(ddbjson_encode(b.items, b.nitems, items, &err) == 0);
		for (uint32_t i = 0; i < b.nrejects; i++)
			must(buf_printf(rejects, &err, "%llu %llu %llu\n",
				(unsigned long long)b.rejects[i].number,
				(unsigned long long)b.rejects[i].offset,
				(unsigned long long)b.rejects[i].at) == 0);
		at += used;
		if (end == len && at == len)
			break;
	}
	batch_free(&b);
	ddbjson_free(d);
	free(copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static const char *const MASKS[] = { "", "avx512", "avx512,avx2,neon" };
	struct buf first[2] = { 0 };

	if (len > 1 << 20)
		return 0;
	if (len == 0)
		bytes = (const uint8_t *)"";
	for (size_t i = 0; i < sizeof(MASKS) / sizeof(MASKS[0]); i++) {
		struct buf next[2] = { 0 };

		cpu_init(MASKS[i]);
		digest(bytes, len, i == 0 ? len : len / 2, &next[0], &next[1]);
		if (i == 0) {
			first[0] = next[0];
			first[1] = next[1];
			continue;
		}
		must(span_equal(buf_span(&first[0]), buf_span(&next[0])));
		must(span_equal(buf_span(&first[1]), buf_span(&next[1])));
		buf_free(&next[0]);
		buf_free(&next[1]);
	}

	if (first[0].len > 0) {
		struct buf again[2] = { 0 };

		digest(first[0].ptr, first[0].len, first[0].len, &again[0],
		       &again[1]);
		must(span_equal(buf_span(&first[0]), buf_span(&again[0])));
		must(again[1].len == 0);
		buf_free(&again[0]);
	}
	buf_free(&first[0]);
	buf_free(&first[1]);
	return 0;
}
