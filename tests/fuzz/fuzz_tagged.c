/*
 * fuzz_tagged.c - any bytes as an item in plain JSON with tags, as programs
 * give it back.
 *
 * What can be read is written again, and that is read as the very same item.
 */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cpu.h"
#include "base/err.h"
#include "formats/compose.h"
#include "formats/jsonvalue.h"
#include "formats/plainjson.h"
#include "model/compare.h"
#include "model/item.h"
#include "tests/fuzz/fuzz.h"

const int fuzz_packed = 0;

static void
must(int good)
{
	if (!good)
		abort();
}

/* Read an item of bytes that end where they end.  JSON_GOOD or not. */
static int
read_item(struct compose *to, struct span bytes, struct arena *mem,
	  struct item *item)
{
	struct err err = { ERR_NONE, "" };
	uint8_t *const copy = malloc(bytes.len + 1);

	must(copy != NULL);
	memcpy(copy, bytes.ptr, bytes.len);

	struct jsonwalk w = {
		.p = copy, .end = copy + bytes.len, .last = true,
		.tagged = true, .to = to, .mem = mem, .err = &err,
	};
	must(compose_batch(to, mem, bytes.len, &err) == 1);
	must(compose_item(to, &err) == 1);
	int rc = jsonvalue_item(&w, false, NULL);
	must(w.p >= copy && w.p <= w.end);
	must(rc == JSON_GOOD || (rc == JSON_BAD && err.code == ERR_INPUT));
	if (rc == JSON_GOOD)
		rc = compose_end(to, item, &err);
	free(copy);
	return rc;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct err err = { ERR_NONE, "" };
	struct arena mem = { 0 };
	struct buf text = { 0 }, again = { 0 };
	struct compose *const to = compose_new(&err);
	struct item item, back;

	cpu_init(NULL);
	must(to != NULL);
	if (read_item(to, (struct span){ bytes, len }, &mem,
		      &item) == JSON_GOOD) {
		must(plainjson_encode_tagged(&item, &mem, &text, &err) == 0);
		must(read_item(to, buf_span(&text), &mem, &back) ==
		     JSON_GOOD);
		must(value_equal(&item.map, &back.map, &mem, &err) == 1);
		must(plainjson_encode_tagged(&back, &mem, &again, &err) == 0);
		must(span_equal(buf_span(&text), buf_span(&again)));
	}
	compose_free(to);
	buf_free(&text);
	buf_free(&again);
	arena_free(&mem);
	return 0;
}
