#include "engine/rejects.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/base64.h"
#include "base/buf.h"
#include "base/err.h"
#include "engine/program.h"
#include "formats/ddbjson.h"
#include "model/batch.h"

static int
by_source(const void *a, const void *b)
{
	const struct refusal *const x = a, *const y = b;

	return (x->source > y->source) - (x->source < y->source);
}

void
rejects_sort(struct program_result *r)
{
	if (r->nrefusals > 1)
		qsort(r->refusals, r->nrefusals, sizeof(*r->refusals),
		      by_source);
}

/* What follows the item: why, at which step, and where it stood. */
static int
write_tail(const char *reason, const char *step, const char *file,
	   uint64_t line, struct buf *out, struct err *err)
{
	if (buf_printf(out, err, ",\"reason\":") != 0 ||
	    ddbjson_encode_text(span_of(reason), out, err) != 0 ||
	    buf_printf(out, err, ",\"step\":") != 0 ||
	    ddbjson_encode_text(span_of(step), out, err) != 0 ||
	    buf_printf(out, err, ",\"file\":") != 0 ||
	    ddbjson_encode_text(span_of(file), out, err) != 0)
		return -1;
	return buf_printf(out, err, ",\"line\":%" PRIu64, line);
}

static int
write_reject(const struct reject *r, const char *file, struct buf *out,
	     struct err *err)
{
	const size_t len = base64_encoded_len(r->line.len);

	if (buf_printf(out, err, "{\"raw\":\"") != 0)
		return -1;
	uint8_t *const p = buf_reserve(out, len, err);
	if (p == NULL)
		return -1;
	base64_encode(r->line, p);
	buf_commit(out, len);
	if (buf_printf(out, err, "\"") != 0 ||
	    write_tail(r->why.text, "decode", file, r->number, out, err) != 0)
		return -1;
	return buf_printf(out, err, ",\"byte\":%" PRIu64 "}\n", r->at + 1);
}

static int
write_refusal(const struct refusal *r, const struct item *item, bool gone,
	      const char *file, struct buf *out, struct err *err)
{
	static const char HEAD[] = "{\"Item\":";
	const size_t head = sizeof(HEAD) - 1;
	/* The line as it was read, but for its last brace. */
	const struct span line = { item->line.ptr + head,
				   item->line.len - 1 - head };

	/* What was deleted must not come back as an item. */
	if (buf_append(out, span_of(gone ? "{\"OldImage\":" : HEAD),
		       err) != 0 ||
	    buf_append(out, line, err) != 0 ||
	    write_tail(r->why.text, r->step, file, item->number, out,
		       err) != 0)
		return -1;
	return buf_append(out, span_of("}\n"), err);
}

int64_t
rejects_write(const struct batch *b, const struct program_result *r,
	      uint32_t table, uint32_t owner, const char *file,
	      struct buf *out, struct err *err)
{
	const uint32_t nrejects = table == owner ? b->nrejects : 0;
	uint32_t i = 0, k = 0;
	int64_t n = 0;

	while (i < nrejects || k < r->nrefusals) {
		const struct refusal *const refusal = &r->refusals[k];
		const struct item *item = NULL;

		if (k < r->nrefusals) {
			item = &b->items[refusal->source];
			if (refusal->table != table) {
				k++;
				continue;
			}
		}
		if (item == NULL || (i < nrejects &&
				     b->rejects[i].offset < item->offset)) {
			if (write_reject(&b->rejects[i++], file, out, err) != 0)
				return -1;
		} else {
			k++;
			const bool gone = b->gone != NULL &&
					  b->gone[refusal->source];

			if (write_refusal(refusal, item, gone, file, out,
					  err) != 0)
				return -1;
		}
		n++;
	}
	return n;
}
