/*
 * tool_items.c - items of one format as those of another, for programs that
 * test them:
 *
 *	tool_items FROM TO <text >text
 *
 * with names of formats as in a plan.  What is no item is told on standard
 * error, `LINE:BYTE reason`, both from 1; the exit status is 1 then.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cpu.h"
#include "base/err.h"
#include "formats/formats.h"
#include "model/batch.h"

enum { SLACK = 128, PIECE = 1 << 20, BLOCK = 64 * 1024 };

static int
read_all(struct buf *in, struct err *err)
{
	size_t n;

	do {
		uint8_t *const p = buf_reserve(in, PIECE + SLACK, err);

		if (p == NULL)
			return -1;
		n = fread(p, 1, PIECE, stdin);
		buf_commit(in, n);
	} while (n > 0);
	return 0;
}

/* Encode the items; tell the rejects.  How many those are, or -1. */
static int
pass_on(const struct item_format *to, void *encoder, const struct batch *b,
	struct buf *out, struct err *err)
{
	for (uint32_t i = 0; i < b->nitems; i++)
		if (to->encode(encoder, &b->items[i], out, err) != 0)
			return -1;
	for (uint32_t i = 0; i < b->nrejects; i++)
		fprintf(stderr, "%" PRIu64 ":%" PRIu64 " %s\n",
			b->rejects[i].number, b->rejects[i].at + 1,
			b->rejects[i].why.text);
	fwrite(out->ptr, 1, out->len, stdout);
	buf_reset(out);
	return b->nrejects > 0;
}

static int
convert(const struct item_format *from, const struct item_format *to,
	struct err *err)
{
	struct buf in = { 0 }, out = { 0 };
	struct batch batch = { 0 };
	void *const decoder = from->decode_start(NULL, err);
	void *const encoder = to->encode_start == NULL ? NULL
		: to->encode_start(NULL, err);
	size_t at = 0, want = BLOCK;
	int rc = -1, bad = 0;

	if (decoder == NULL || read_all(&in, err) != 0)
		goto done;
	from->decode_rewind(decoder);
	do {
		const size_t left = in.len - at;
		const size_t len = left < want ? left : want;
		size_t used;

		batch_reset(&batch);
		if (from->decode(decoder, (struct span){ in.ptr + at, len },
				 len == left, &batch, &used, err) != 0)
			goto done;
		rc = pass_on(to, encoder, &batch, &out, err);
		if (rc < 0)
			goto done;
		bad |= rc;
		at += used;
		want = used > 0 ? BLOCK : 2 * want;
	} while (at < in.len);
	if (to->encode_end != NULL && to->encode_end(encoder, &out, err) != 0)
		goto done;
	fwrite(out.ptr, 1, out.len, stdout);
	rc = bad;
done:
	if (decoder != NULL)
		from->decode_stop(decoder);
	if (to->encode_stop != NULL)
		to->encode_stop(encoder);
	batch_free(&batch);
	buf_free(&in);
	buf_free(&out);
	return rc;
}

int
main(int argc, char **argv)
{
	struct err err = { 0 };

	cpu_init("");
	const struct item_format *const from =
		argc == 3 ? item_format_named(argv[1]) : NULL;
	const struct item_format *const to =
		argc == 3 ? item_format_named(argv[2]) : NULL;
	if (from == NULL || to == NULL || to->encode == NULL) {
		fprintf(stderr, "usage: tool_items FROM TO\n");
		return 2;
	}
	const int rc = convert(from, to, &err);
	if (rc < 0)
		fprintf(stderr, "%s\n", err.text);
	return rc < 0 ? 2 : rc;
}
