/*
 * unit_rematch.c - gzip of outputs whose text comes out of gzip (rematch.h).
 *
 * A block of an output is what became of one part of the input's text: some MiB
 * and the rest of a line.  So a block depends on its part alone.  Where that is
 * little, as it is if most items are left out, its codes would be much of it:
 * then it is carried, as text, until there is enough for a block.  Batches
 * begin where parts do and end where the window of BLOCK_LEN does, which is the
 * same in every run; so are the bytes.
 */
#include "engine/unit_internal.h"

#include <string.h>

#include "base/err.h"
#include "engine/keyfile.h"
#include "formats/ddbjson.h"
#include "formats/gzip.h"
#include "formats/rematch.h"
#include "io/sink.h"
#include "io/source.h"

enum { SMALL_PART = 64 * 1024 };

int
unit_start_rematch(struct unit_run *r, struct err *err)
{
	struct matches m;
	struct span head;
	struct err unused;	/* what is wrong will be seen when it is read */
	uint64_t at;

	/* Even if it fails, be it late or early, the packing may be known. */
	if (r->shared->rematch && r->source != NULL)
		(void)source_peek(r->source, 1, &head, &unused);
	if (r->source != NULL)
		r->rematching = r->shared->rematch &&
				r->format == &ddbjson_format &&
				source_matches(r->source, &m, &at);
	r->cutting = r->rematching || (unit_may_part(r->shared, r->unit) &&
				       unit_has_parts(r));
	r->part_from = r->part != NULL ? r->part->from : 0;
	for (uint32_t i = 0; r->rematching && i < r->shared->ntargets; i++) {
		struct output *const o = &r->outputs[i];

		if (o->rematch == NULL && (o->rematch = rematch_new(err)) == NULL)
			return -1;
		rematch_part(o->rematch, r->part_from == 0);
		o->sum = (struct gzip_sum){ 0 };
		o->begun = false;
	}
	return 0;
}

/* ---- parts --------------------------------------------------------------- */

size_t
unit_part_ends(uint64_t done, struct span block)
{
	if (done + block.len < UNIT_PART_LEN)
		return 0;

	const size_t from = done < UNIT_PART_LEN
		? (size_t)(UNIT_PART_LEN - 1 - done) : 0;
	const uint8_t *const end = memchr(block.ptr + from, '\n',
					  block.len - from);
	return end == NULL ? 0 : (size_t)(end - block.ptr) + 1;
}

/*
 * The matches there are, and where the block stands: in the part's text, so
 * that they do not depend on what was before.
 */
static bool
matches_of(const struct unit_run *r, struct matches *m, uint64_t *at)
{
	if (r->part != NULL) {
		*m = r->part->matches;
		*at = r->part->from + r->part->at;
	} else if (!source_matches(r->source, m, at)) {
		return false;
	}
	m->from -= r->part_from;
	*at -= r->part_from;
	return true;
}

static void
drop_matches(struct unit_run *r, struct matches rest)
{
	rest.from += r->part_from;
	if (r->part != NULL)
		r->part->matches = rest;
	else
		source_drop_matches(r->source, &rest);
}

void
unit_show_block(struct unit_run *r, struct span block)
{
	struct matches m;
	uint64_t at = 0;

	if (!matches_of(r, &m, &at))
		block.len = 0;
	for (uint32_t i = 0; i < r->shared->ntargets; i++) {
		r->outputs[i].copied.first = block;
		r->outputs[i].copied.from = at;
		r->outputs[i].copied.n = 0;
	}
}

/* ---- packed -------------------------------------------------------------- */

/* To the file of `o`, behind the head of its member. */
static int
put(struct unit_run *r, struct output *o, struct buf *packed, struct err *err)
{
	struct buf head = { 0 };
	int rc = 0;

	if (!o->begun) {
		o->begun = true;
		rc = gzip_head(REMATCH_LEVEL, &head, err);
		if (rc == 0)
			rc = unit_pass_on(r, o, &head, head.len, true, err);
		buf_free(&head);
	}
	return rc != 0 ? -1 : unit_pass_on(r, o, packed, packed->len, true,
					   err);
}

/* What was carried, as a block; whoever packed it before is not asked. */
static int
put_carry(struct unit_run *r, struct output *o, struct err *err)
{
	struct matches none = { NULL, 0, 0 };

	if (o->carry.len == 0)
		return 0;
	if (r->carrier == NULL && (r->carrier = rematch_new(err)) == NULL)
		return -1;
	buf_reset(&r->scratch);
	rematch_part(r->carrier, true);
	if (rematch_add(r->carrier, &o->carry, NULL, 0, &none, &r->scratch,
			err) != 0 ||
	    rematch_cut(r->carrier, &o->carry, &r->scratch, err) != 0)
		return -1;
	return put(r, o, &r->scratch, err);
}

/* All of a part that is small, as text. */
static int
carry(struct unit_run *r, struct output *o, struct output *from, bool last,
      struct err *err)
{
	if (buf_append(&o->carry, buf_span(&from->text), err) != 0)
		return -1;
	buf_reset(&from->text);
	return last || o->carry.len >= SMALL_PART ? put_carry(r, o, err) : 0;
}

int
unit_put_part(struct unit_run *r, struct output *o, struct output *from,
	      bool over, bool last, struct err *err)
{
	const struct gzip_sum sum = rematch_sum(from->rematch);
	const bool small = sum.len < SMALL_PART;

	if (over) {
		if (sum.len == 0)
			return 0;
		o->sum = gzip_join(o->sum, sum);
		if (small && (!last || o->carry.len > 0))
			return carry(r, o, from, last, err);
		if (rematch_cut(from->rematch, &from->text, &r->packed,
				err) != 0)
			return -1;
	}
	if (from->kept.len == 0 && r->packed.len == 0)
		return 0;
	if (put_carry(r, o, err) != 0 ||
	    (from->kept.len > 0 && put(r, o, &from->kept, err) != 0))
		return -1;
	return put(r, o, &r->packed, err);
}

int
unit_close_part(struct unit_run *r, struct err *err)
{
	for (uint32_t i = 0; r->rematching && i < r->shared->ntargets; i++) {
		struct output *const o = &r->outputs[i];

		if (rematch_len(o->rematch) >= SMALL_PART &&
		    rematch_cut(o->rematch, &o->text, &o->kept, err) != 0)
			return -1;
	}
	return 0;
}

int
unit_end_part(struct unit_run *r, struct err *err)
{
	for (uint32_t i = 0; r->rematching && i < r->shared->ntargets; i++) {
		struct output *const o = &r->outputs[i];

		if (o->items > 0 &&
		    unit_put_part(r, o, o, true, false, err) != 0)
			return -1;
		rematch_part(o->rematch, false);
	}
	keyfile_end_part(r->keys);
	r->part_from = r->at;
	return 0;
}

int
unit_rematch(struct unit_run *r, struct err *err)
{
	struct matches all, rest = { NULL, 0, 0 };
	uint64_t at;
	bool any = false;

	if (!matches_of(r, &all, &at))
		return 0;
	for (uint32_t i = 0; i < r->shared->ntargets; i++) {
		struct output *const o = &r->outputs[i];
		struct matches m = all;

		if (o->items == 0)
			continue;
		/* A part has no files: what is packed stays where it is. */
		if (rematch_add(o->rematch, &o->text, o->copied.of,
				o->copied.n, &m, r->part != NULL ? &o->kept
				: &r->packed, err) != 0)
			return -1;
		if (r->part == NULL &&
		    ((r->packed.len > 0 && put_carry(r, o, err) != 0) ||
		     put(r, o, &r->packed, err) != 0))
			return -1;
		if (o->copied.n > 0 && (!any || m.n > rest.n))
			rest = m;
		any |= o->copied.n > 0;
		o->copied.n = 0;
	}
	if (any)
		drop_matches(r, rest);
	return 0;
}

int
unit_end_rematch(struct unit_run *r, struct err *err)
{
	for (uint32_t i = 0; i < r->shared->ntargets; i++) {
		struct output *const o = &r->outputs[i];

		if (o->items == 0)
			continue;
		if (unit_put_part(r, o, o, true, true, err) != 0 ||
		    put_carry(r, o, err) != 0 ||
		    gzip_tail(o->sum, &r->packed, err) != 0 ||
		    put(r, o, &r->packed, err) != 0)
			return -1;
	}
	return 0;
}
