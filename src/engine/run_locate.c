/*
 * run_locate.c - words for an item that the end checks know by unit and offset
 * alone: its file, line and key.  Reads the file again up to there.
 */
#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "engine/run_internal.h"
#include "engine/place.h"
#include "engine/unit.h"
#include "formats/formats.h"
#include "io/source.h"
#include "model/batch.h"

/* " key 'a' 'b'" of the source item. */
static int
print_key(const struct plan_key *key, const struct item *item,
	  struct arena *mem, struct buf *out, struct err *err)
{
	const struct plan_key_attr attrs[] = { key->pk, key->sk };

	for (int i = 0; i < 2; i++) {
		if (attrs[i].name == NULL)
			continue;
		const struct span name = span_of(attrs[i].name);
		const struct value *const v = value_attr(&item->map, name,
							 name_hash(name));
		struct span text;

		if (v == NULL || (v->type != VALUE_S && v->type != VALUE_N &&
				  v->type != VALUE_B))
			continue;
		if (value_text(v, mem, &text, err) != 0 ||
		    buf_printf(out, err, ", %s '%.*s'", attrs[i].name,
			       (int)(text.len < 200 ? text.len : 200),
			       (const char *)text.ptr) != 0)
			return -1;
	}
	return 0;
}

/* The batch that holds the line with byte `offset`; its number in it, or -1. */
static int64_t
find(struct source *s, const struct item_format *format, void *reader,
     struct batch *b, uint64_t offset, struct err *err)
{
	enum { BLOCK_LEN = 256 * 1024 };
	size_t want = BLOCK_LEN, used;
	struct span block;
	int more;

	do {
		more = source_peek(s, want, &block, err);
		if (more < 0)
			return -1;
		batch_reset(b);
		if (format->decode(reader, block, !more, b, &used, err) != 0)
			return -1;
		for (uint32_t i = 0; i < b->nitems; i++)
			if (b->items[i].offset <= offset &&
			    offset - b->items[i].offset <
			    unit_nplaces(format, &b->items[i]))
				return i;
		want = used > 0 ? BLOCK_LEN : 2 * block.len;
		if (want > SOURCE_MAX_PEEK && block.len < SOURCE_MAX_PEEK)
			want = SOURCE_MAX_PEEK;
		source_consume(s, used);
	} while (more || used < block.len);
	return err_set(err, ERR_INPUT, "no item at byte %" PRIu64, offset);
}

int
run_locate(struct run *r, uint32_t unit, uint64_t offset, struct buf *out,
	   struct err *err)
{
	const struct unit *const u = &r->units[unit];
	const struct item_format *format = NULL;
	struct batch batch = { 0 };
	struct source *source = NULL;
	void *reader = NULL;
	int rc = -1;

	if (strcmp(u->path, "-") == 0) {	/* gone */
		rc = buf_printf(out, err, "standard input: byte %" PRIu64,
				offset);
		goto done;
	}
	source = source_open(place_feed(u->path, err), false, err);
	if (source == NULL)
		goto done;
	format = unit_format(u, source);
	reader = format->decode_start(u->rules, err);
	if (reader == NULL)
		goto done;
	const int64_t i = find(source, format, reader, &batch, offset, err);
	if (i < 0)
		goto done;

	const struct item *const item = &batch.items[i];
	const struct plan_input *const in = &r->plan->inputs[u->input];
	rc = buf_printf(out, err, "%s: line %" PRIu64, u->path, item->number);
	if (rc == 0)
		rc = print_key(&r->plan->tables[in->tables[0]].source_key,
			       item, &batch.mem, out, err);
done:
	source_close(source);
	batch_free(&batch);
	if (reader != NULL)
		format->decode_stop(reader);
	return rc;
}
