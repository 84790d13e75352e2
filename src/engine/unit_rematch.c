/*
 * unit_rematch.c - gzip of outputs whose text comes out of gzip (rematch.h).
 *
 * A block of an output ends with the batch in which the input's text has passed
 * GZIP_BLOCK_LEN since it was last looked at, unless it is so small that its
 * codes would be much of it.  Batches end where the source's window does, which
 * is the same in every run; so are the bytes.
 */
#include "engine/unit_internal.h"

#include "base/err.h"
#include "formats/ddbjson.h"
#include "formats/gzip.h"
#include "formats/rematch.h"
#include "io/sink.h"
#include "io/source.h"

enum { SMALL_BLOCK = 128 * 1024 };

int
unit_start_rematch(struct unit_run *r, struct err *err)
{
	struct matches m;
	struct span head;
	struct err unused;	/* what is wrong will be seen when it is read */
	uint64_t at;

	/* Even if it fails, be it late or early, the packing may be known. */
	if (r->shared->rematch)
		(void)source_peek(r->source, 1, &head, &unused);
	r->rematching = r->shared->rematch && r->format == &ddbjson_format &&
			source_matches(r->source, &m, &at);
	r->block_from = 0;
	for (uint32_t i = 0; r->rematching && i < r->shared->ntargets; i++) {
		struct output *const o = &r->outputs[i];

		if (o->rematch == NULL && (o->rematch = rematch_new(err)) == NULL)
			return -1;
		rematch_reset(o->rematch);
		o->cut_len = 0;
	}
	return 0;
}

void
unit_show_block(struct unit_run *r, struct span block)
{
	struct matches m;
	uint64_t at = 0;

	if (!source_matches(r->source, &m, &at))
		block.len = 0;
	for (uint32_t i = 0; i < r->shared->ntargets; i++) {
		r->outputs[i].copied.first = block;
		r->outputs[i].copied.from = at;
		r->outputs[i].copied.n = 0;
	}
}

/* The sink of `o` has what was packed. */
static int
pass_on_packed(struct unit_run *r, struct output *o, struct err *err)
{
	return unit_pass_on(r, o, &r->packed, r->packed.len, true, err);
}

static int
cut_block(struct output *o, struct buf *packed, struct err *err)
{
	const uint64_t len = rematch_len(o->rematch);

	if (len - o->cut_len < SMALL_BLOCK)
		return 0;
	o->cut_len = len;
	return rematch_cut(o->rematch, &o->text, packed, err);
}

int
unit_rematch(struct unit_run *r, struct err *err)
{
	struct matches all, rest = { NULL, 0, 0 };
	uint64_t at;
	bool any = false;

	if (!source_matches(r->source, &all, &at))
		return 0;

	const bool cut = at - r->block_from >= GZIP_BLOCK_LEN;
	if (cut)
		r->block_from = at;
	for (uint32_t i = 0; i < r->shared->ntargets; i++) {
		struct output *const o = &r->outputs[i];
		struct matches m = all;

		if (o->items == 0)
			continue;
		if (rematch_add(o->rematch, &o->text, o->copied.of,
				o->copied.n, &m, &r->packed, err) != 0 ||
		    (cut && cut_block(o, &r->packed, err) != 0) ||
		    pass_on_packed(r, o, err) != 0)
			return -1;
		if (o->copied.n > 0 && (!any || m.from < rest.from))
			rest = m;
		any |= o->copied.n > 0;
		o->copied.n = 0;
	}
	if (any)
		source_drop_matches(r->source, &rest);
	return 0;
}

int
unit_end_rematch(struct unit_run *r, struct err *err)
{
	for (uint32_t i = 0; i < r->shared->ntargets; i++) {
		struct output *const o = &r->outputs[i];

		if (o->items > 0 &&
		    (rematch_end(o->rematch, &o->text, &r->packed, err) != 0 ||
		     pass_on_packed(r, o, err) != 0))
			return -1;
	}
	return 0;
}
