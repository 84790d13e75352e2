/*
 * unit_part.c - a unit in parts of whole lines, for threads that take them side
 * by side: read in order, made into what they become each alone and in memory,
 * added to the unit in order.
 *
 * A part is taken in the very batches that the unit would be taken in by one
 * thread, so that its files are the same to the byte, and so is what is said of
 * damage and of bad lines, and which of these comes first.
 */
#include "engine/unit_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/scan.h"
#include "engine/keyfile.h"
#include "engine/plan.h"
#include "engine/program.h"
#include "formats/ddbjson.h"
#include "formats/formats.h"
#include "io/feed.h"
#include "io/source.h"

bool
unit_may_part(const struct run_shared *shared, const struct unit *u)
{
	/*
	 * What is left out depends on what came before, and so does what is
	 * saved of a damaged file.
	 */
	return u->stream == NULL && u->next == NULL && !u->accepted &&
	       u->max_items == 0 && !u->increment &&
	       (u->format == NULL || u->format == &ddbjson_format) &&
	       shared->format == &ddbjson_format && !shared->keys_only &&
	       shared->drops == NULL && shared->observer == NULL &&
	       shared->plan->inputs[u->input].kind == INPUT_ITEMS;
}

bool
unit_has_parts(const struct unit_run *r)
{
	return r->format == &ddbjson_format;
}

/* ---- reading ------------------------------------------------------------- */

struct kept_feed {
	struct feed feed;
	struct feed *from;
	struct buf bytes;
};

static ssize_t
read_kept(struct feed *feed, uint8_t *to, size_t n, struct err *err)
{
	struct kept_feed *const k = (struct kept_feed *)feed;
	const ssize_t got = k->from->read(k->from, to, n, err);

	if (got > 0 && buf_append(&k->bytes, (struct span){ to, (size_t)got },
				  err) != 0)
		return -1;
	return got;
}

static void
close_kept(struct feed *feed)
{
	struct kept_feed *const k = (struct kept_feed *)feed;

	k->from->close(k->from);
	buf_free(&k->bytes);
	free(k);
}

struct feed *
unit_kept_feed(struct unit_run *whole, struct feed *from, struct err *err)
{
	struct kept_feed *const k = from == NULL ? NULL
						 : calloc(1, sizeof(*k));

	if (from == NULL)
		return NULL;
	if (k == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		from->close(from);
		return NULL;
	}
	k->feed = (struct feed){ .read = read_kept, .close = close_kept };
	k->from = from;
	whole->kept = k;
	return &k->feed;
}

/* What was read since the part before is this one's, for the MD5. */
static void
take_packed(struct unit_run *whole, struct unit_part *p)
{
	const struct buf empty = p->packed;

	if (whole->kept == NULL)
		return;
	p->packed = whole->kept->bytes;
	whole->kept->bytes = empty;
	buf_reset(&whole->kept->bytes);
}

/* The first lines of the block, as many as are decoded at once. */
static size_t
first_lines(struct span block)
{
	const uint8_t *at = block.ptr, *const end = block.ptr + block.len;

	for (size_t n = 0; n < DDBJSON_MAX_LINES; n++)
		at = (const uint8_t *)memchr(at, '\n', (size_t)(end - at)) + 1;
	return (size_t)(at - block.ptr);
}

/* Whole lines at the front of the block, as many as are decoded at once. */
static size_t
whole_lines(struct span block, bool last, uint64_t *nlines)
{
	const uint8_t *const end = memrchr(block.ptr, '\n', block.len);
	const struct span whole = {
		block.ptr, end == NULL ? 0 : (size_t)(end - block.ptr) + 1,
	};
	const size_t n = scan_lines(whole);

	if (n >= DDBJSON_MAX_LINES) {
		*nlines += DDBJSON_MAX_LINES;
		return first_lines(whole);
	}
	*nlines += n;
	if (!last || whole.len == block.len)
		return whole.len;
	*nlines += 1;
	return block.len;
}

/* One look at the source, as for a batch.  Does the part go on? */
static bool
read_block(struct unit_run *whole, struct unit_parts *ps, struct unit_part *p)
{
	struct span block;
	const int more = source_peek(whole->source, ps->want, &block, &p->why);

	unit_show(whole, 0);
	if (more < 0) {
		unit_blame(whole->unit, ps->nlines + 1, &p->why);
		p->last = true;
		return false;
	}

	bool last = !more && block.len <= ps->want;
	if (block.len > ps->want)
		block.len = ps->want;
	const size_t part = unit_part_ends(ps->at - p->from, block);
	if (part > 0) {
		last &= part == block.len;
		block.len = part;
	}

	const size_t used = whole_lines(block, last, &ps->nlines);

	source_consume(whole->source, used);
	ps->at += used;
	ps->want = unit_want(used, block.len);
	/* Behind one that ends by its length comes another, be it empty. */
	p->last = part == 0 && last && used == block.len;
	return !p->last && (part == 0 || used < part);
}

int
unit_part_read(struct unit_run *whole, struct unit_parts *ps,
	       struct unit_part *p, struct err *err)
{
	p->from = ps->at;
	p->nlines = ps->nlines;
	p->last = false;
	p->why = (struct err){ 0 };
	if (ps->want == 0)
		ps->want = UNIT_BLOCK_LEN;
	if (source_start_piece(whole->source, &p->piece, UNIT_PART_LEN,
			       err) != 0)
		return -1;
	while (read_block(whole, ps, p))
		;
	source_end_piece(whole->source);
	take_packed(whole, p);
	return 0;
}

/* ---- what becomes of it -------------------------------------------------- */

int
unit_part_start(const struct unit_run *whole, struct unit_part *p,
		struct err *err)
{
	if (p->run == NULL)
		p->run = unit_run_new(whole->shared, err);
	if (p->run == NULL)
		return -1;

	struct unit_run *const r = p->run;
	unit_begin(r, whole->unit);
	r->part = p;
	r->rematching = whole->rematching;
	p->at = 0;
	p->want = UNIT_BLOCK_LEN;
	p->matches = (struct matches){ p->piece.tokens, p->piece.ntokens,
				       p->piece.tokens_from };
	keyfile_start_part(r->keys);
	if (unit_choose_reader(r, whole->format, err) != 0 ||
	    unit_start_rematch(r, err) != 0)
		return -1;
	ddbjson_seek(r->reader, p->from, p->nlines);
	return 0;
}

int
unit_part_go(struct unit_part *p, struct workbench *b, struct err *err)
{
	struct unit_run *const r = p->run;
	struct span block = { p->piece.text + p->at, p->piece.len - p->at };
	const bool last = p->last && block.len <= p->want;
	size_t used = 0;
	bool done;

	if (atomic_load_explicit(r->shared->cancel, memory_order_relaxed))
		return err_set(err, ERR_CANCELLED, "interrupted");
	if (block.len > p->want)
		block.len = p->want;
	if (block.len > 0 &&
	    (unit_lend(r, b, err) != 0 ||
	     unit_transform(r, block, last && p->why.code == ERR_NONE, &used,
			    &done, err) != 0))
		return -1;
	p->at += used;
	p->want = unit_want(used, block.len);
	if (p->at < p->piece.len)
		return 1;
	return unit_close_part(r, err);
}

size_t
unit_part_kept(const struct unit_part *p)
{
	const struct unit_run *const r = p->run;
	size_t n = 0;

	for (size_t i = 0; i < r->shared->plan->ntables; i++)
		n += r->outputs[i].text.len + r->outputs[i].kept.len +
		     r->rejects[i].kept.len;
	return n;
}

/* ---- together ------------------------------------------------------------ */

/* Text of the outputs and the rejects, as far as it is there. */
static int
add_text(struct unit_run *whole, struct unit_part *p, bool over,
	 struct err *err)
{
	struct unit_run *const r = p->run;

	for (uint32_t i = 0; i < r->shared->plan->ntables; i++) {
		struct output *const from = &r->outputs[i];
		struct output *const bad = &r->rejects[i];

		if (i < r->shared->ntargets && whole->rematching &&
		    from->items > 0 &&
		    unit_put_part(whole, &whole->outputs[i], from, over,
				  p->last, err) != 0)
			return -1;
		if (i < r->shared->ntargets && !whole->rematching &&
		    unit_pass_on(whole, &whole->outputs[i], &from->text,
				 from->text.len, true, err) != 0)
			return -1;
		if (unit_pass_on(whole, &whole->rejects[i], &bad->kept,
				 bad->kept.len, false, err) != 0)
			return -1;
	}
	return 0;
}

static void
add_counts(struct unit_run *whole, const struct unit_run *r)
{
	const size_t n = r->shared->plan->ntables;

	for (size_t i = 0; i < n; i++) {
		whole->outputs[i].items += r->outputs[i].items;
		whole->rejects[i].items += r->rejects[i].items;
		whole->written[i] += r->written[i];
	}
	whole->items += r->items;
	whole->taken += r->taken;
	whole->blanks += r->format->decode_blanks(r->reader);
	program_add_sums(whole->program, r->program);
}

int
unit_part_add(struct unit_run *whole, struct unit_part *p, bool over,
	      struct err *err)
{
	/* The sinks' are taken with it. */
	if (whole->kept != NULL)
		md5_lane_owe(&whole->md5, buf_span(&p->packed));
	const int rc = add_text(whole, p, over, err);
	if (whole->kept != NULL)
		md5_lane_settle(&whole->md5);
	buf_reset(&p->packed);
	if (rc != 0 ||
	    keyfile_add_part(whole->keys, p->run->keys, over, err) != 0)
		return -1;
	if (over)
		add_counts(whole, p->run);
	if (over && p->why.code != ERR_NONE) {
		*err = p->why;
		return -1;
	}
	return 0;
}

void
unit_part_free(struct unit_part *p)
{
	unit_run_free(p->run);
	buf_free(&p->packed);
	source_piece_free(&p->piece);
}
