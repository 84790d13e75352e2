/*
 * fuzz_record.c - any bytes as lines of an incremental export.
 *
 * Every kernel must say the same of them, in one block or cut in two; every
 * image that was taken must be taken again as an item.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cpu.h"
#include "base/err.h"
#include "formats/ddbjson.h"
#include "formats/ddbjson_record.h"
#include "model/batch.h"
#include "tests/fuzz/fuzz.h"

const int fuzz_packed = 0;

static void
must(int good)
{
	if (!good)
		abort();
}

static void
note(const struct batch *b, struct buf to[3])
{
	struct err err = { ERR_NONE, "" };

	for (uint32_t i = 0; i < b->nrecords; i++) {
		const struct record *const r = &b->records[i];
		const struct item *const of[] = { r->keys, r->old, r->new };

		must(r->keys != NULL);
		for (int k = 0; k < 3; k++)
			if (of[k] != NULL) {
				must(of[k]->number == r->number);
				must(ddbjson_encode(of[k], 1, &to[0],
						    &err) == 0);
			}
		must(buf_printf(&to[1], &err, "%llu %llu %zu\n",
				(unsigned long long)r->number,
				(unsigned long long)r->offset,
				r->line.len) == 0);
	}
	for (uint32_t i = 0; i < b->nrejects; i++) {
		must(b->rejects[i].at <= b->rejects[i].line.len);
		must(buf_printf(&to[2], &err, "%llu %llu %llu %s\n",
				(unsigned long long)b->rejects[i].number,
				(unsigned long long)b->rejects[i].offset,
				(unsigned long long)b->rejects[i].at,
				b->rejects[i].why.text) == 0);
	}
}

static void
digest(const uint8_t *bytes, size_t len, size_t cut, struct buf to[3])
{
	struct err err = { ERR_NONE, "" };
	struct batch b = { 0 };
	struct ddbjson_record *const d = ddbjson_record_new(&err);
	uint8_t *const copy = malloc(len + DDBJSON_SLACK);
	size_t at = 0;

	must(d != NULL && copy != NULL);
	memcpy(copy, bytes, len);
	memset(copy + len, '}', DDBJSON_SLACK);
	for (size_t end = cut;; end = len) {
		const struct span in = { copy + at, end - at };
		size_t used = 0;

		batch_reset(&b);
		must(ddbjson_record_decode(d, in, end == len, &b, &used,
					   &err) == 0);
		must(used <= in.len && (end < len || used > 0 || in.len == 0));
		must(b.nitems == 0);
		note(&b, to);
		at += used;
		if (end == len && at == len)
			break;
	}
	batch_free(&b);
	ddbjson_record_free(d);
	free(copy);
}

/* Are all of these lines items? */
static void
take_again(struct span lines)
{
	struct err err = { ERR_NONE, "" };
	struct batch b = { 0 };
	struct ddbjson *const d = ddbjson_new(&err);
	uint8_t *const copy = malloc(lines.len + DDBJSON_SLACK);
	size_t at = 0, used;

	must(d != NULL && copy != NULL);
	memcpy(copy, lines.ptr, lines.len);
	memset(copy + lines.len, 0, DDBJSON_SLACK);
	for (; at < lines.len; at += used) {
		batch_reset(&b);
		must(ddbjson_decode(d, (struct span){ copy + at,
				    lines.len - at }, true, &b, &used,
				    &err) == 0 && used > 0);
		must(b.nrejects == 0);
	}
	batch_free(&b);
	ddbjson_free(d);
	free(copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static const char *const MASKS[] = { "", "avx512,avx2,neon" };
	struct buf first[3] = { 0 };

	if (len > 1 << 20)
		return 0;
	if (len == 0)
		bytes = (const uint8_t *)"";
	for (size_t i = 0; i < sizeof(MASKS) / sizeof(MASKS[0]); i++) {
		struct buf next[3] = { 0 };

		cpu_init(MASKS[i]);
		digest(bytes, len, i == 0 ? len : len / 2, next);
		if (i == 0) {
			memcpy(first, next, sizeof(first));
			continue;
		}
		for (int k = 0; k < 3; k++) {
			must(span_equal(buf_span(&first[k]),
					buf_span(&next[k])));
			buf_free(&next[k]);
		}
	}
	if (first[0].len > 0)
		take_again(buf_span(&first[0]));
	for (int k = 0; k < 3; k++)
		buf_free(&first[k]);
	return 0;
}
