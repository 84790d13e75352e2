/* run_find.c - many items found again, by unit and offset. */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "engine/run_internal.h"
#include "engine/unit.h"
#include "engine/place.h"
#include "formats/formats.h"
#include "io/source.h"
#include "model/batch.h"

enum { BLOCK_LEN = 256 * 1024 };

/* One file being read again. */
struct seek {
	const struct unit *unit;
	const struct run_wanted *at, *end;	/* what is still to be found */
	run_found *found;
	void *context;
	struct source *source;
	const struct item_format *format;
	void *reader;
	struct batch batch;
};

static int
order(const void *a, const void *b)
{
	const struct run_wanted *const x = a, *const y = b;

	if (x->unit != y->unit)
		return x->unit < y->unit ? -1 : 1;
	return (x->offset > y->offset) - (x->offset < y->offset);
}

/* What of this batch is wanted. */
static int
look(struct seek *s, struct err *err)
{
	for (uint32_t i = 0; i < s->batch.nitems && s->at < s->end; i++) {
		const struct item *const item = &s->batch.items[i];
		const uint64_t offset = item->offset;
		const uint64_t end = offset + unit_nplaces(&s->batch, i);

		while (s->at < s->end && s->at->offset < offset)
			s->at++;
		/* The same item may be wanted twice, and is changed once. */
		for (; s->at < s->end && s->at->offset < end; s->at++)
			if (s->found(s->context, s->at, s->unit, &s->batch, i,
				     err) != 0)
				return -1;
	}
	return 0;
}

/* Records are known by the images that a unit makes items of. */
static int
take_images(struct batch *b, struct err *err)
{
	if (b->nrecords == 0)
		return 0;
	b->items = arena_take(&b->mem, b->nrecords * sizeof(*b->items), err);
	if (b->items == NULL)
		return -1;
	for (uint32_t i = 0; i < b->nrecords; i++) {
		const struct record *const from = &b->records[i];

		b->items[b->nitems++] = from->new != NULL ? *from->new :
			from->old != NULL ? *from->old : *from->keys;
	}
	return 0;
}

static int
take(struct seek *s, struct span block, bool last, size_t *used,
     struct err *err)
{
	batch_reset(&s->batch);
	return s->format->decode(s->reader, block, last, &s->batch, used,
				 err) != 0 ||
	       take_images(&s->batch, err) != 0 ? -1 : look(s, err);
}

/* What the unit salvaged of a damaged file. */
static int
read_before_damage(struct seek *s, struct err *err)
{
	size_t used;

	do {
		if (take(s, source_before_damage(s->source), false, &used,
			 err) != 0)
			return -1;
		source_consume(s->source, used);
	} while (used > 0 && s->at < s->end);
	return 0;
}

static int
read_on(struct seek *s, struct err *err)
{
	size_t want = BLOCK_LEN, used;
	struct span block;
	int more;

	do {
		more = source_peek(s->source, want, &block, err);
		if (more < 0)
			return s->unit->accepted && (err->code == ERR_INPUT ||
						     err->code == ERR_LIMIT)
				? read_before_damage(s, err) : -1;
		if (take(s, block, !more, &used, err) != 0)
			return -1;
		want = used > 0 ? BLOCK_LEN : 2 * block.len;
		if (want > SOURCE_MAX_PEEK && block.len < SOURCE_MAX_PEEK)
			want = SOURCE_MAX_PEEK;
		source_consume(s->source, used);
	} while (s->at < s->end && (more || used < block.len));
	return 0;
}

/* A damaged file that was accepted is read as far as it goes. */
static int
find_in(struct seek *s, struct err *err)
{
	int rc = -1;

	if (strcmp(s->unit->path, "-") == 0)
		return 0;
	s->source = source_open(unit_feed(s->unit, err), false, err);
	if (s->source != NULL) {
		s->format = unit_format(s->unit, s->source);
		s->reader = s->format->decode_start(s->unit->rules, err);
	}
	if (s->reader != NULL)
		rc = read_on(s, err);
	if (rc != 0 && err->code == ERR_INPUT && s->unit->accepted)
		rc = 0;
	source_close(s->source);
	if (s->format != NULL)
		s->format->decode_stop(s->reader);
	batch_free(&s->batch);
	return rc;
}

int
run_find(struct run *r, struct run_wanted *wanted, size_t n, run_found *found,
	 void *context, struct err *err)
{
	size_t i = 0, end;

	if (n > 1)
		qsort(wanted, n, sizeof(*wanted), order);
	for (; i < n; i = end) {
		struct seek s = {
			.unit = &r->units[wanted[i].unit], .at = &wanted[i],
			.found = found, .context = context,
		};

		for (end = i; end < n && wanted[end].unit == wanted[i].unit;)
			end++;
		s.end = &wanted[end];
		if (find_in(&s, err) != 0)
			return -1;
	}
	return 0;
}
