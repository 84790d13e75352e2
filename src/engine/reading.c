#include "engine/reading.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/plural.h"
#include "engine/place.h"
#include "engine/unit.h"
#include "formats/ddbjson.h"
#include "formats/formats.h"
#include "io/archive_feed.h"
#include "io/source.h"
#include "model/batch.h"

enum {
	BLOCK_LEN = 64 * 1024,
	BATCH_CHUNK = 256 * 1024,
};

struct reading {
	const struct unit *unit;
	struct source *source;
	struct archive_stream *archive;	/* that the last file was in, or NULL */
	const struct item_format *format;
	void *decoder;
	struct batch batch;
	size_t want, used;	/* to ask for next; to consume before that */
	bool last;		/* of what is left to read, all was shown */
	bool damaged;
	struct err why;		/* it is */
	bool md5;
	uint64_t count;
};

struct reading *
reading_new(struct err *err)
{
	struct reading *const r = calloc(1, sizeof(*r));

	if (r == NULL)
		err_set(err, ERR_SYSTEM, "out of memory");
	else
		r->batch.mem.chunk_len = BATCH_CHUNK;
	return r;
}

void
reading_free(struct reading *r)
{
	if (r == NULL)
		return;
	if (r->decoder != NULL)
		r->format->decode_stop(r->decoder);
	source_close(r->source);
	archive_stream_free(r->archive);
	batch_free(&r->batch);
	free(r);
}

const char *
reading_name(const struct unit *u)
{
	return strcmp(u->path, "-") == 0 ? "standard input" : u->path;
}

/* A decoder for this file; the last one's, if it will do. */
static int
choose_decoder(struct reading *r, struct err *err)
{
	const struct item_format *const format = unit_format(r->unit,
							     r->source);

	if (unit_check_format(r->unit, format, r->source, err) != 0)
		return -1;
	if (r->decoder != NULL &&
	    (r->format != format || r->unit->rules != NULL)) {
		r->format->decode_stop(r->decoder);
		r->decoder = NULL;
	}
	r->format = format;
	if (r->decoder == NULL)
		r->decoder = format->decode_start(r->unit->rules, err);
	if (r->decoder == NULL)
		return -1;
	format->decode_rewind(r->decoder);
	return 0;
}

/*
 * Of an archive it goes on where the last file ended, so that whoever wants one
 * after the other does not unpack all before it each time.
 */
static struct feed *
open_feed(struct reading *r, const struct unit *u, struct err *err)
{
	struct archive_place place;

	if (u->archive == NULL)
		return unit_feed(u, err);
	place = place_archive(u->archive, u->etag);
	if (r->archive != NULL && !archive_stream_is(r->archive, &place)) {
		archive_stream_free(r->archive);
		r->archive = NULL;
	}
	if (r->archive == NULL)
		r->archive = archive_stream_new(&place, err);
	return r->archive == NULL ? NULL
		: archive_stream_feed(r->archive, u->member, err);
}

int
reading_start(struct reading *r, const struct unit *u, bool md5,
	      struct err *err)
{
	source_close(r->source);	/* first: an archive gives one file */
	r->unit = u;
	r->want = BLOCK_LEN;
	r->used = 0;
	r->last = r->damaged = false;
	r->md5 = md5 && u->has_md5;
	r->count = 0;
	r->source = source_open(open_feed(r, u, err), r->md5, err);
	if (r->source == NULL || choose_decoder(r, err) != 0)
		return err_at(err, "%s", reading_name(u));
	return 0;
}

/* At the end of a file: is it what its manifest says? */
static int
check_end(struct reading *r, struct err *err)
{
	const struct unit *const u = r->unit;
	uint8_t md5[16];
	struct err why;

	if (r->format->decode_end != NULL &&
	    r->format->decode_end(r->decoder, &why) != 0)
		return err_set(err, ERR_INPUT, "%s; fetch it again, or "
			       "--accept %s", why.text, u->name);
	if (r->md5) {
		source_md5(r->source, md5);
		if (memcmp(md5, u->md5, sizeof(md5)) != 0)
			return err_set(err, ERR_INPUT, "MD5 is not the one in "
				       "the manifest: the file is damaged; "
				       "fetch it again, or --accept %s",
				       u->name);
	}
	if (u->nitems >= 0 && r->count != (uint64_t)u->nitems)
		return err_set(err, ERR_INPUT, "has %" PRIu64 " item%s, but "
			       "its manifest says %" PRId64 ": fetch it "
			       "again, or --accept %s", r->count,
			       plural(r->count), u->nitems, u->name);
	return 0;
}

/*
 * The records of an increment as items: what is in them are maps.  Their lines
 * are the records' own.
 */
static int
show_records(struct batch *b, struct err *err)
{
	struct item *const items = arena_take(&b->mem, (b->nrecords + 1U) *
					      sizeof(*items), err);

	if (items == NULL)
		return -1;
	for (uint32_t i = 0; i < b->nrecords; i++) {
		const struct record *const r = &b->records[i];
		const struct { const char *name; const struct item *item; }
			of[] = { { READING_KEYS, r->keys },
				 { "OldImage", r->old },
				 { "NewImage", r->new } };
		struct value *const kids = arena_take(&b->mem, 6 *
						      sizeof(*kids), err);
		uint32_t n = 0;

		if (kids == NULL)
			return -1;
		for (int k = 0; k < 3; k++) {
			if (of[k].item == NULL)
				continue;
			kids[n++] = value_of_name(span_of(of[k].name));
			/* Whole items stand there without `M` around. */
			kids[n] = of[k].item->map;
			kids[n++].flags &= (uint8_t)~VALUE_RAW;
		}
		items[i] = (struct item){
			.map = value_of_kids(VALUE_M, kids, n),
			.line = r->line, .offset = r->offset,
			.number = r->number,
		};
	}
	b->items = items;
	b->nitems = b->nrecords;
	return 0;
}

/* What there is to decode: 1, or -1 if that cannot be read. */
static int
peek(struct reading *r, struct span *block, struct err *err)
{
	const int more = r->damaged ? -1
		: source_peek(r->source, r->want, block, err);

	if (more >= 0) {
		/* No more than was asked for, whatever a long line made of
		 * the window. */
		r->last = !more && block->len <= r->want;
		if (block->len > r->want)
			block->len = r->want;
		return 1;
	}
	if (!r->damaged) {
		unit_blame(r->unit, r->format->decode_line(r->decoder), err);
		if (err->code != ERR_INPUT)
			return -1;
		r->damaged = true;
		r->why = *err;
	}
	*block = source_before_damage(r->source);
	return 1;
}

/* Decode what comes next.  1, 0 after the last, or -1. */
static int
step(struct reading *r, struct err *err)
{
	struct span block;

	source_consume(r->source, r->used);
	r->used = 0;
	if (r->last)
		return 0;
	batch_reset(&r->batch);
	if (peek(r, &block, err) < 0)
		return -1;
	if (r->format->decode(r->decoder, block, r->last, &r->batch, &r->used,
			      err) != 0) {
		if (err->code != ERR_INPUT)
			return -1;
		r->damaged = true;	/* there is no way on */
		r->why = *err;
		r->used = 0;
	}
	if (r->batch.nrecords > 0 && show_records(&r->batch, err) != 0)
		return -1;
	r->last = r->damaged ? r->used == 0 : r->last &&
		  (r->used == block.len || r->used == 0);
	r->count += r->batch.nitems + (uint64_t)r->batch.nrejects;

	/* Not one whole line?  Then ask for more, until the source objects. */
	r->want = r->used > 0 ? BLOCK_LEN : 2 * block.len;
	if (r->want > SOURCE_MAX_PEEK && block.len < SOURCE_MAX_PEEK)
		r->want = SOURCE_MAX_PEEK;
	return 1;
}

/* How the file ends: 0, or -1. */
static int
finish(struct reading *r, struct err *err)
{
	int rc = 0;

	if (!r->damaged)
		rc = check_end(r, err);
	else if (!r->unit->accepted) {
		*err = r->why;
		rc = -1;
	}
	if (rc != 0 && r->unit->accepted) {
		r->damaged = true;
		rc = 0;
	}
	return rc;
}

int
reading_next(struct reading *r, struct batch **out, struct err *err)
{
	int rc;

	*out = &r->batch;
	do
		rc = step(r, err);
	while (rc > 0 && r->batch.nitems == 0 && r->batch.nrejects == 0);
	if (rc == 0)
		rc = finish(r, err);
	return rc < 0 ? err_at(err, "%s", reading_name(r->unit)) : rc;
}

int
reading_text(const struct reading *r, const struct item *item,
	     struct buf *room, struct span *out, struct err *err)
{
	*out = item->line;
	if (r->format == &ddbjson_format)
		return 0;
	buf_reset(room);
	if (ddbjson_encode(item, 1, room, err) != 0)
		return -1;
	*out = (struct span){ room->ptr, room->len - 1 };
	return 0;
}

const struct item_format *
reading_format(const struct reading *r)
{
	return r->format;
}

bool
reading_was_damaged(const struct reading *r)
{
	return r->damaged;
}

uint64_t
reading_packed_len(const struct reading *r)
{
	return source_stats(r->source).packed_len;
}

uint64_t
reading_count(const struct reading *r)
{
	return r->count;
}
