/*
 * fuzz_ion.c - any bytes as Ion text.
 *
 * In one block or cut in two they must say the same; what was taken must be
 * written as text that is taken again and written alike, and as JSON that the
 * reader of DynamoDB JSON takes, and of which the same text is made.  Read as
 * records of incremental exports, each has its Keys.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "formats/ddbjson.h"
#include "formats/ion.h"
#include "model/batch.h"
#include "tests/fuzz/fuzz.h"

const int fuzz_packed = 0;

static void
must(int good)
{
	if (!good)
		abort();
}

/* What is told of some text. */
struct told {
	struct buf ion, json, places;
};

static void
tell(const struct batch *b, struct ion_writer *w, struct told *to)
{
	struct err err;

	must(ddbjson_encode(b->items, b->nitems, &to->json, &err) == 0);
	for (uint32_t i = 0; i < b->nitems; i++) {
		must(ion_encode(w, &b->items[i], &to->ion, &err) == 0);
		must(buf_printf(&to->places, &err, "%llu %llu %zu\n",
			(unsigned long long)b->items[i].number,
			(unsigned long long)b->items[i].offset,
			b->items[i].line.len) == 0);
	}
	for (uint32_t i = 0; i < b->nrejects; i++)
		must(buf_printf(&to->places, &err, "%llu %llu %llu %zu %s\n",
			(unsigned long long)b->rejects[i].number,
			(unsigned long long)b->rejects[i].offset,
			(unsigned long long)b->rejects[i].at,
			b->rejects[i].line.len, b->rejects[i].why.text) == 0);
}

/* Decode it, first up to `cut` and then all that is left. */
static void
digest(const uint8_t *bytes, size_t len, size_t cut, struct told *to)
{
	struct err err;
	struct batch b = { 0 };
	struct ion *const d = ion_new(false, &err);
	struct ion_writer *const w = ion_writer_new(&err);
	uint8_t *const copy = malloc(len + ION_SLACK);
	size_t at = 0;

	must(d != NULL && w != NULL && copy != NULL);
	memcpy(copy, bytes, len);
	memset(copy + len, '\'', ION_SLACK);
	for (size_t end = cut;; end = len) {
		const struct span in = { copy + at, end - at };
		size_t used;

		batch_reset(&b);
		if (ion_decode(d, in, end == len, &b, &used, &err) != 0) {
			must(err.code == ERR_INPUT && at == 0);
			break;		/* binary Ion */
		}
		must(used <= in.len && (end < len || used > 0 || in.len == 0));
		tell(&b, w, to);
		at += used;
		if (end == len && at == len)
			break;
	}
	must(buf_printf(&to->places, &err, "%llu %llu\n",
			(unsigned long long)ion_line(d),
			(unsigned long long)ion_blank_lines(d)) == 0);
	batch_free(&b);
	ion_free(d);
	ion_writer_free(w);
	free(copy);
}

/* Lines of JSON as lines of Ion. */
static void
through_json(struct span json, struct buf *ion)
{
	struct err err;
	struct batch b = { 0 };
	struct told told = { .ion = *ion };
	struct ddbjson *const d = ddbjson_new(&err);
	struct ion_writer *const w = ion_writer_new(&err);
	uint8_t *const copy = calloc(1, json.len + DDBJSON_SLACK);
	size_t at = 0, used;

	must(d != NULL && w != NULL && copy != NULL);
	memcpy(copy, json.ptr, json.len);
	while (at < json.len) {
		batch_reset(&b);
		must(ddbjson_decode(d, (struct span){ copy + at,
						      json.len - at },
				    true, &b, &used, &err) == 0);
		must(b.nrejects == 0 && used > 0);
		tell(&b, w, &told);
		at += used;
	}
	*ion = told.ion;
	buf_free(&told.json);
	buf_free(&told.places);
	batch_free(&b);
	ddbjson_free(d);
	ion_writer_free(w);
	free(copy);
}

static void
as_records(const uint8_t *bytes, size_t len)
{
	struct err err;
	struct batch b = { 0 };
	struct ion *const d = ion_new(true, &err);
	uint8_t *const copy = malloc(len + ION_SLACK);
	size_t at = 0, used;

	must(d != NULL && copy != NULL);
	memcpy(copy, bytes, len);
	memset(copy + len, '}', ION_SLACK);
	do {
		batch_reset(&b);
		if (ion_decode(d, (struct span){ copy + at, len - at }, true,
			       &b, &used, &err) != 0)
			break;
		must(b.nitems == 0 && (used > 0 || at == len));
		for (uint32_t i = 0; i < b.nrecords; i++)
			must(b.records[i].keys != NULL &&
			     b.records[i].keys->map.len > 0);
		at += used;
	} while (at < len);
	batch_free(&b);
	ion_free(d);
	free(copy);
}

static void
forget(struct told *t)
{
	buf_free(&t->ion);
	buf_free(&t->json);
	buf_free(&t->places);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct told first = { { 0 }, { 0 }, { 0 } }, cut = first,
		    again = first;
	struct buf ion = { 0 };

	if (len > 1 << 20)
		return 0;
	if (len == 0)
		bytes = (const uint8_t *)"";
	as_records(bytes, len);
	digest(bytes, len, len, &first);
	if (len >= 8) {		/* else a binary beginning may be cut */
		digest(bytes, len, len / 2, &cut);
		must(span_equal(buf_span(&first.ion), buf_span(&cut.ion)));
		must(span_equal(buf_span(&first.json), buf_span(&cut.json)));
	}
	if (first.ion.len > 0) {
		digest(first.ion.ptr, first.ion.len, first.ion.len, &again);
		must(span_equal(buf_span(&first.ion), buf_span(&again.ion)));
		must(span_equal(buf_span(&first.json), buf_span(&again.json)));
		through_json(buf_span(&first.json), &ion);
		must(span_equal(buf_span(&first.ion), buf_span(&ion)));
	}
	forget(&first);
	forget(&cut);
	forget(&again);
	buf_free(&ion);
	return 0;
}
