/*
 * fuzz_expr.c - hostile expressions, over an item of every type.
 *
 * What is taken is printed, and must be taken again and be printed alike; an
 * update that fails must leave the item as it was.
 */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "expr/expr.h"
#include "formats/ddbjson.h"
#include "model/batch.h"
#include "tests/fuzz/fuzz.h"

const int fuzz_packed = 0;

enum { LONGEST = 4096 };	/* expressions are written by people */

static const char line[] =
	"{\"Item\":{\"s\":{\"S\":\"h\\u00e9 llo\"},\"n\":{\"N\":\"-12.50\"},"
	"\"b\":{\"B\":\"AAEC\"},\"t\":{\"BOOL\":true},\"u\":{\"NULL\":true},"
	"\"m\":{\"M\":{\"x\":{\"N\":\"1e3\"},\"y\":{\"M\":{\"z\":{\"L\":[]}}"
	"}}},\"l\":{\"L\":[{\"S\":\"a\"},{\"N\":\"1\"},{\"L\":[{\"S\":\"b\"}]"
	"}]},\"ss\":{\"SS\":[\"a\",\"b\"]},\"ns\":{\"NS\":[\"1\",\"2\"]},"
	"\"bs\":{\"BS\":[\"AA==\",\"AQ==\"]}}}";

static struct ddbjson *decoder;
static struct batch batch;
static struct arena mem = { .limit = 64 << 20 };
static struct buf input, before, after;
static struct err err;

static struct item *
fresh_item(void)
{
	size_t used;

	if (decoder == NULL) {
		decoder = ddbjson_new(&err);
		if (decoder == NULL || buf_reserve(&input, sizeof(line) +
				DDBJSON_SLACK, &err) == NULL)
			abort();
		memset(input.ptr, 0, sizeof(line) + DDBJSON_SLACK);
		memcpy(input.ptr, line, sizeof(line));
	}
	batch_reset(&batch);
	ddbjson_rewind(decoder);
	if (ddbjson_decode(decoder, (struct span){ input.ptr, strlen(line) },
			   true, &batch, &used, &err) != 0 ||
	    batch.nitems != 1)
		abort();
	return &batch.items[0];
}

static void
print(const struct item *item, struct buf *out)
{
	buf_reset(out);
	if (ddbjson_encode_map(&item->map, out, &err) != 0)
		abort();
}

static void
run_expr(struct span text, bool condition, const struct expr_run *run,
	 const struct item *item)
{
	struct expr *(*const parse)(struct span, const struct expr_scope *,
		size_t *, struct err *) = condition ? expr_parse_condition
						    : expr_parse_value;
	size_t at = 0;
	struct expr *const e = parse(text, NULL, &at, &err);
	struct value v;

	if (e == NULL) {
		if (at > text.len)
			abort();
		return;
	}
	if (condition)
		expr_test(e, run, item, &err);
	else if (expr_value_of(e, run, item, &v, &err) == 0) {
		buf_reset(&before);
		if (ddbjson_encode_value(&v, &before, &err) != 0)
			abort();
	}

	buf_reset(&before);
	buf_reset(&after);
	if (expr_print(e, &before, &err) != 0)
		abort();
	expr_free(e);

	struct expr *const again = parse(buf_span(&before), NULL, &at, &err);
	if (again == NULL)
		return;		/* parentheses made it too deep */
	if (expr_print(again, &after, &err) != 0 ||
	    !span_equal(buf_span(&before), buf_span(&after)))
		abort();
	expr_free(again);
}

static void
run_update(struct span text, const struct expr_run *run, struct item *item)
{
	size_t at = 0;
	struct update *const u = update_parse(text, NULL, &at, &err);

	if (u == NULL) {
		if (at > text.len)
			abort();
		return;
	}
	print(item, &before);
	if (update_apply(u, run, item, &err) != 0) {
		print(item, &after);
		if (!span_equal(buf_span(&before), buf_span(&after)))
			abort();
	} else {
		print(item, &after);
	}
	update_free(u);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	const struct expr_run run = { .mem = &mem,
				      .run_time = span_of("1700000000") };
	const struct span text = { bytes, len };

	if (len > LONGEST)
		return 0;

	arena_reset(&mem);
	run_expr(text, true, &run, fresh_item());
	run_expr(text, false, &run, fresh_item());
	run_update(text, &run, fresh_item());
	return 0;
}
