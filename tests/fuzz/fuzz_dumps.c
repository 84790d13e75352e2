/*
 * fuzz_dumps.c - any bytes as each of the formats that are no lines of DynamoDB
 * JSON, with and without rules.
 *
 * However the bytes are cut into blocks, the same must come of them; and each
 * item's line must be one that the reader of DynamoDB JSON takes for the very
 * same item.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cpu.h"
#include "base/err.h"
#include "formats/batchwrite.h"
#include "formats/csv.h"
#include "formats/ddbjson.h"
#include "formats/dumpjson.h"
#include "formats/formats.h"
#include "model/batch.h"
#include "model/compare.h"
#include "tests/fuzz/fuzz.h"

const int fuzz_packed = 0;

#define NAME(text) { (const uint8_t *)(text), sizeof(text) - 1 }

static const struct item_rule_type TYPES[] = {
	{ NAME("tags"), VALUE_SS }, { NAME("n"), VALUE_NS },
	{ NAME("id"), VALUE_N }, { NAME("l[*]"), VALUE_S },
	{ NAME("a"), VALUE_M }, { NAME("a.x"), VALUE_B },
	{ NAME("a.*"), VALUE_B },
};
static const struct item_rules RULES[] = {
	{ .ntypes = 0 },
	{ .types = TYPES, .ntypes = 6 },
	{ .types = TYPES + 6, .ntypes = 1 },
};

static void
must(int good)
{
	if (!good)
		abort();
}

/* What the line of an item says is the item. */
static void
check_item(const struct item *item)
{
	struct err err = { ERR_NONE, "" };
	struct ddbjson *const d = ddbjson_new(&err);
	struct batch again = { 0 };
	struct arena mem = { 0 };
	size_t used;

	must(d != NULL);
	must(ddbjson_decode(d, item->line, true, &again, &used, &err) == 0);
	must(again.nitems == 1 && again.nrejects == 0);
	must(value_equal(&item->map, &again.items[0].map, &mem, &err) == 1);
	arena_free(&mem);
	batch_free(&again);
	ddbjson_free(d);
}

/* Read it `step` bytes at a time; append items and rejects. */
static void
digest(const struct item_format *f, const struct item_rules *rules,
       const uint8_t *bytes, size_t len, size_t step, bool check,
       struct buf out[2])
{
	struct err err = { ERR_NONE, "" };
	struct batch b = { 0 };
	void *const state = f->decode_start(rules, &err);
	uint8_t *const copy = malloc(len + DDBJSON_SLACK);
	size_t at = 0, want = step;

	must(state != NULL && copy != NULL);
	memset(copy, '}', len + DDBJSON_SLACK);
	memcpy(copy, bytes, len);
	f->decode_rewind(state);
	do {
		const size_t left = len - at;
		const size_t n = want < left ? want : left;
		size_t used = 0;

		batch_reset(&b);
		if (f->decode(state, (struct span){ copy + at, n }, n == left,
			      &b, &used, &err) != 0) {
			must(err.code == ERR_INPUT);
			must(buf_append(&out[1], span_of(err.text),
					&err) == 0);
			goto done;
		}
		must(used <= n && (n < left || used > 0 || n == 0));
		must(ddbjson_encode(b.items, b.nitems, &out[0], &err) == 0);
		for (uint32_t i = 0; i < b.nrejects; i++)
			must(buf_printf(&out[1], &err, "%llu:%llu %s\n",
				(unsigned long long)b.rejects[i].number,
				(unsigned long long)b.rejects[i].at,
				b.rejects[i].why.text) == 0);
		for (uint32_t i = 0; check && i < b.nitems; i++)
			check_item(&b.items[i]);
		at += used;
		want = used > 0 ? step : 2 * n + 1;
	} while (at < len);
	if (f->decode_end != NULL && f->decode_end(state, &err) != 0)
		must(buf_append(&out[1], span_of(err.text), &err) == 0);
done:
	f->decode_stop(state);
	batch_free(&b);
	free(copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static const struct item_format *const FORMATS[] = {
		&plainjson_format, &typedjson_format, &scanjson_format,
		&csv_format, &batchwrite_format,
	};

	if (len > 1 << 18)
		return 0;
	if (len == 0)
		bytes = (const uint8_t *)"";
	cpu_init("");
	item_format_of((struct span){ bytes, len });
	for (size_t i = 0; i < sizeof(FORMATS) / sizeof(FORMATS[0]); i++) {
		const struct item_rules *const rules =
			&RULES[len % (sizeof(RULES) / sizeof(RULES[0]))];
		struct buf whole[2] = { 0 }, cut[2] = { 0 };

		digest(FORMATS[i], rules, bytes, len, len > 0 ? len : 1, true,
		       whole);
		digest(FORMATS[i], rules, bytes, len, len / 3 + 1, false, cut);
		for (int k = 0; k < 2; k++) {
			must(span_equal(buf_span(&whole[k]),
					buf_span(&cut[k])));
			buf_free(&whole[k]);
			buf_free(&cut[k]);
		}
	}
	return 0;
}
