/* unit_batch.c - what becomes of a batch: output, rejects, logs. */
#include "engine/unit_internal.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/md5.h"
#include "engine/drops.h"
#include "engine/job.h"
#include "engine/keyfile.h"
#include "engine/place.h"
#include "engine/plan.h"
#include "engine/program.h"
#include "engine/rejects.h"
#include "engine/target.h"
#include "formats/ddbjson.h"
#include "formats/formats.h"
#include "formats/gzip.h"
#include "io/drain.h"
#include "io/file.h"
#include "io/sink.h"
#include "io/source.h"

/* Text is passed on in pieces that the packer takes from where they are. */
enum { ENOUGH_TEXT = GZIP_PIECE_LEN };

/* Of a batch that becomes more than this, a part is packed before the rest. */
enum { MUCH_TEXT = 1024 * 1024 };

/* The file of `o`, which is in out.partial/ until the job is done. */
static struct drain *
drain_of(const struct unit_run *r, const struct output *o, struct err *err)
{
	const bool in_out = strncmp(o->path, "out/", 4) == 0;
	char path[2 * UNIT_NAME_LEN];
	char *slash;

	if (strncmp(o->path, JOB_REMOTE "/", strlen(JOB_REMOTE "/")) == 0) {
		snprintf(path, sizeof(path), "%s%s", r->shared->out,
			 o->path + strlen(JOB_REMOTE));
		return place_drain(path, err);
	}
	snprintf(path, sizeof(path), "%s/%s%s", r->shared->job_dir,
		 in_out ? JOB_OUT_PARTIAL : "",
		 in_out ? o->path + 3 : o->path);
	slash = strrchr(path, '/');
	*slash = '\0';
	if (file_make_folder(path, err) != 0)
		return NULL;
	*slash = '/';
	return file_drain(path, err);
}

static int
open_output(struct unit_run *r, struct output *o, bool packed, struct err *err)
{
	o->sink = sink_open(drain_of(r, o, err),
			    packed && !r->rematching ? r->shared->pack : NULL,
			    r->shared->level, packed, err);
	if (o->sink == NULL)
		return -1;
	/* In parts another thread may be reading. */
	md5_lane_join(sink_md5_lane(o->sink), r->in_parts ? &r->md5
			: source_md5_lane(r->source));
	return 0;
}

/* A part has no files: what is text stays where it is. */
static int
keep(struct output *o, struct buf *text, size_t n, struct err *err)
{
	if (text == &o->text)
		return 0;
	if (buf_append(&o->kept, (struct span){ text->ptr, n }, err) != 0)
		return -1;
	text->len -= n;
	memmove(text->ptr, text->ptr + n, text->len);
	return 0;
}

int
unit_pass_on(struct unit_run *r, struct output *o, struct buf *text, size_t n,
	     bool packed, struct err *err)
{
	if (n == 0)
		return 0;
	if (r->part != NULL)
		return keep(o, text, n, err);
	if (o->sink == NULL && open_output(r, o, packed, err) != 0)
		return -1;
	if (sink_write(o->sink, (struct span){ text->ptr, n }, err) != 0)
		return -1;
	text->len -= n;
	memmove(text->ptr, text->ptr + n, text->len);
	return 0;
}

/*
 * Must product `i` go, because another item has its primary key?  A survey has
 * found out, and knows it by its `place`.
 */
static bool
is_dropped(struct unit_run *r, struct program_result *result, uint32_t i,
	   uint64_t place)
{
	const struct product *const p = &result->products[i];
	struct err why;

	if (!drops_has(&r->drops[p->table], place))
		return false;
	err_set(&why, ERR_INPUT, "an item before it has this primary key "
		"(--on-duplicate reject)");
	if (r->shared->reject_drops)
		program_take_back(r->program, result, i, &why);
	else
		program_leave_out(r->program, result, i);
	return true;
}

/*
 * How long the line of a product is, where that is known without making it; 0
 * where it is not, or where it may be too long.
 */
static uint32_t
known_len(const struct item *item)
{
	const size_t len = item->edits != NULL ? item->edited_len :
		(item->map.flags & VALUE_RAW) != 0 ? item->line.len : 0;

	return len > 0 && len < ITEM_MAX_LEN ? (uint32_t)len + 1 : 0;
}

/* Append it.  Returns 0, or -1: ERR_INPUT if it cannot be written. */
static int
encode_item(struct unit_run *r, const struct product *p, struct buf *text,
	    size_t before, struct err *err)
{
	const struct item_format *const f = r->shared->format;
	struct output *const o = unit_output(r, p->table);

	if (f == &ddbjson_format) {	/* in most runs, and in the hot path */
		if ((r->rematching
		     ? ddbjson_encode_noted(p->item, text, &o->copied, err)
		     : ddbjson_encode(p->item, 1, text, err)) != 0)
			return -1;
		return target_check_size(p->item, text->len - before, err);
	}
	/* Of other texts the length says nothing. */
	if (target_check_size(p->item, SIZE_MAX, err) != 0)
		return -1;
	return f->encode(o->encoder, p->item, text, err);
}

/*
 * Have an encoder for this item, and a file that has room for it.  Returns 0 or
 * -1; what is wrong with the item itself, encode_item() will say.
 */
static int
prepare(struct unit_run *r, const struct product *p, struct err *err)
{
	const struct item_format *const f = r->shared->format;
	struct output *const o = unit_output(r, p->table);
	int full = 0;

	if (o->encoder == NULL && f->encode_start != NULL) {
		o->encoder = f->encode_start(
			r->shared->targets[p->table].rules, err);
		if (o->encoder == NULL)
			return -1;
	}
	if (f->encode_full != NULL)
		full = f->encode_full(o->encoder, p->item, err);
	if (full < 0)
		return err->code == ERR_INPUT ? 0 : -1;
	return full > 0 ? unit_cut_output(r, p->table, err) : 0;
}

/*
 * By what number the `nth` product of an item is known: a byte of what that is
 * read from, so that it finds the item again.  *alone, if it is known by no
 * other one.
 */
static uint64_t
place_of(const struct unit_run *r, const struct product *p, uint32_t nth,
	 bool *alone)
{
	const struct batch *const b = &r->bench->batch;
	const uint64_t n = unit_nplaces(b, p->source);

	*alone = nth < n;
	return b->items[p->source].offset + (*alone ? nth : n - 1);
}

/* Could the product be written?  Returns 0, or -1: ERR_INPUT if not. */
static int
try_encode(struct unit_run *r, const struct product *p, struct err *err)
{
	const struct item_format *const f = r->shared->format;
	struct output *const o = unit_output(r, p->table);

	if (target_check_size(p->item, SIZE_MAX, err) != 0 ||
	    f == &ddbjson_format)
		return err->code != ERR_NONE ? -1 : 0;
	if (o->probe == NULL && f->encode_start != NULL) {
		o->probe = f->encode_start(
			r->shared->targets[p->table].rules, err);
		if (o->probe == NULL)
			return -1;
	}
	buf_reset(&r->scratch);
	const int full = f->encode_full == NULL ? 0
		: f->encode_full(o->probe, p->item, err);
	if (full < 0 || (full > 0 && f->encode_end != NULL &&
			 f->encode_end(o->probe, &r->scratch, err) != 0))
		return -1;
	return f->encode(o->probe, p->item, &r->scratch, err);
}

/*
 * The products of one item, from number `i` to `end`, are written or rejected
 * together: find out before the first of them is written.
 */
static int
settle(struct unit_run *r, struct program_result *result, uint32_t i,
       uint32_t end, struct err *err)
{
	const uint32_t first = i;
	struct product *const p = result->products;

	for (; i < end && r->shared->drops != NULL; i++) {
		bool alone;
		const uint64_t place = place_of(r, &p[i], i - first, &alone);

		if (p[i].item == NULL)
			continue;
		if (!alone)
			return err_set(err, ERR_USAGE, "'--on-duplicate' "
				       "cannot tell apart what the item of "
				       "line %" PRIu64 " becomes: it has more "
				       "items than bytes",
				       r->bench->batch.items[p[i].source]
				       .number);
		is_dropped(r, result, i, place);
	}
	for (i = first; i < end; i++) {
		struct err why = { 0 };

		if (p[i].item == NULL || try_encode(r, &p[i], &why) == 0)
			continue;
		if (why.code != ERR_INPUT) {
			*err = why;
			return -1;
		}
		program_take_back(r->program, result, i, &why);
		return 0;
	}
	return 0;
}

static int
settle_all(struct unit_run *r, struct program_result *result, struct err *err)
{
	const bool *const gone = r->bench->batch.gone;
	uint32_t end;

	for (uint32_t i = 0; i < result->nproducts; i = end) {
		const uint32_t source = result->products[i].source;

		for (end = i + 1; end < result->nproducts &&
		     result->products[end].source == source;)
			end++;
		if ((gone == NULL || !gone[source]) &&
		    settle(r, result, i, end, err) != 0)
			return -1;
	}
	return 0;
}

static int
encode(struct unit_run *r, struct program_result *result, struct err *err)
{
	const bool *const gone = r->bench->batch.gone;

	if (result->several && settle_all(r, result, err) != 0)
		return -1;

	for (uint32_t i = 0; i < result->nproducts; i++) {
		struct product *const p = &result->products[i];

		if (gone != NULL && gone[p->source])
			continue;	/* to be deleted, not put */
		if (result->several) {
			if (p->item == NULL)
				continue;
		} else if (r->shared->drops != NULL &&
			   is_dropped(r, result, i,
				      r->bench->batch.items[p->source].offset)) {
			continue;
		}

		struct output *const o = unit_output(r, p->table);
		struct buf *const text = &o->text;
		struct err why;

		if (r->shared->format != &ddbjson_format &&
		    prepare(r, p, err) != 0)
			return -1;
		const size_t before = text->len, ncopied = o->copied.n;

		p->len = r->shared->survey &&
			 r->shared->format == &ddbjson_format
			? known_len(p->item) : 0;
		if (p->len > 0) {
			r->written[p->table]++;
			continue;
		}
		if (encode_item(r, p, text, before, &why) != 0) {
			if (why.code != ERR_INPUT) {
				*err = why;
				return -1;
			}
			text->len = before;
			o->copied.n = ncopied;
			program_take_back(r->program, result, i, &why);
			continue;
		}
		p->len = (uint32_t)(text->len - before);
		o->items++;
		r->written[p->table]++;
		if (r->rematching && text->len > MUCH_TEXT &&
		    unit_rematch(r, err) != 0)
			return -1;
	}
	if (r->rematching)
		return unit_rematch(r, err);
	for (uint32_t i = 0; i < r->shared->ntargets; i++) {
		struct output *const o = &r->outputs[i];

		if (r->shared->survey)
			buf_reset(&o->text);
		else if (unit_pass_on(r, o, &o->text, o->text.len -
				      o->text.len % ENOUGH_TEXT, true,
				      err) != 0)
			return -1;
	}
	return 0;
}

/* The primary keys of products of which one item may have several. */
static void
log_several(struct unit_run *r, const struct program_result *result)
{
	uint32_t nth = 0;
	bool alone;

	for (uint32_t i = 0; i < result->nproducts; i++) {
		const struct product *const p = &result->products[i];
		const struct run_target *const t =
			&r->shared->targets[p->table];

		nth = i > 0 && p[-1].source == p->source ? nth + 1 : 0;
		if (p->item != NULL && t->log_keys)
			keyfile_pk(r->keys, t->number, p->key,
				   place_of(r, p, nth, &alone));
	}
}

/*
 * Note an id or a reference.  An id that stands in an item several times is one
 * id: *last is the one before.
 */
static inline void
log_use(struct unit_run *r, const struct rewrite_use *u, uint32_t table,
	uint64_t offset, enum item_fate fate, const struct rewrite_use **last)
{
	if ((u->flags & USE_IS_ID) == 0) {
		if (fate == FATE_MOVED)
			keyfile_ref(r->keys, program_relation(
					r->shared->program, table, u->rule,
					u->table), u->key, offset);
		return;
	}
	if (*last != NULL && (*last)->item == u->item &&
	    (*last)->key.lo == u->key.lo && (*last)->key.hi == u->key.hi)
		return;
	*last = u;
	keyfile_id(r->keys, u->table, u->key, offset,
		   value_type_name((enum value_type)u->type)[0], u->source);
	if (fate == FATE_REFUSED)
		keyfile_rejected(r->keys, u->table, u->key, offset);
	else if (fate == FATE_LEFT_OUT)
		keyfile_unwritten(r->keys, u->table, u->key, offset);
}

/* What was made for other tables has ids of theirs. */
static void
log_seen(struct unit_run *r, const struct program_result *result)
{
	const struct batch *const b = &r->bench->batch;
	const struct rewrite_use *last = NULL;

	for (size_t i = 0; i < result->nseen; i++) {
		const struct rewrite_use *const u = &result->seen[i];
		const struct product *const p = &result->products[u->item];
		const enum item_fate fate = p->item != NULL ? FATE_MOVED :
			result->fates[p->source] == FATE_REFUSED
			? FATE_REFUSED : FATE_LEFT_OUT;

		log_use(r, u, p->table, b->items[p->source].offset, fate,
			&last);
	}
}

/* Note every id, reference and primary key for the end checks. */
static void
log_keys(struct unit_run *r, const struct program_result *result)
{
	const struct batch *const b = &r->bench->batch;
	const struct rewrite_use *last = NULL;

	for (size_t i = 0; i < result->nuses; i++) {
		const struct rewrite_use *const u = &result->uses[i];

		/* What is gone is no item of the table any more. */
		if (b->gone == NULL || !b->gone[u->item])
			log_use(r, u, result->tables[u->item],
				b->items[u->item].offset,
				result->fates[u->item], &last);
	}
	if (result->several) {
		log_seen(r, result);
		log_several(r, result);
		return;
	}
	for (uint32_t i = 0; i < result->nproducts; i++) {
		const struct product *const p = &result->products[i];
		const struct run_target *const t =
			&r->shared->targets[p->table];

		if (p->item != NULL && t->log_keys)
			keyfile_pk(r->keys, t->number, p->key,
				   b->items[p->source].offset);
	}
}

/* The first that was refused is as much as the user wants to see. */
static int
fail_on_first(const struct unit_run *r, const struct program_result *result,
	      struct err *err)
{
	const struct batch *const b = &r->bench->batch;
	const struct item *const item = result->nrefusals > 0
		? &b->items[result->refusals[0].source] : NULL;
	const struct reject *const reject = b->nrejects > 0 ? &b->rejects[0]
							    : NULL;

	if (item != NULL && (reject == NULL || item->offset < reject->offset)) {
		*err = result->refusals[0].why;
		return err_at(err, "line %" PRIu64 ": %s", item->number,
			      result->refusals[0].step);
	}
	*err = reject->why;
	return err_at(err, "line %" PRIu64 ", byte %" PRIu64, reject->number,
		      reject->at + 1);
}

static int
note_rejects(struct unit_run *r, struct program_result *result, struct err *err)
{
	const struct plan_input *const in =
		&r->shared->plan->inputs[r->unit->input];

	if (r->bench->batch.nrejects == 0 && result->nrefusals == 0)
		return 0;
	rejects_sort(result);
	if (r->shared->fail_on_bad_item)
		return fail_on_first(r, result, err);
	if (r->shared->survey)
		return 0;
	for (size_t i = 0; i < in->ntables; i++) {
		const uint32_t table = in->tables[i];
		struct output *const o = &r->rejects[table];
		const int64_t n = rejects_write(&r->bench->batch, result, table,
						in->tables[0], r->unit->path,
						&r->bench->rejects, err);

		if (n < 0 || unit_pass_on(r, o, &r->bench->rejects,
				     r->bench->rejects.len, false, err) != 0)
			return -1;
		o->items += (uint64_t)n;
	}
	return 0;
}

/* Keep to unit->max_items, bad lines among them: forget what is behind. */
static bool
enough(struct unit_run *r)
{
	const uint64_t max = r->unit->max_items;
	struct batch *const b = &r->bench->batch;
	uint32_t i = 0, k = 0;

	if (max == 0)
		return false;
	while (r->taken + i + k < max && (i < b->nitems || k < b->nrejects))
		if (k == b->nrejects ||
		    (i < b->nitems && b->items[i].offset < b->rejects[k].offset))
			i++;
		else
			k++;
	b->nitems = i;
	b->nrejects = k;
	return r->taken + i + k == max;
}

int
unit_end_outputs(struct unit_run *r, struct err *err)
{
	const struct item_format *const f = r->shared->format;

	if (r->rematching)
		return unit_end_rematch(r, err);
	for (uint32_t i = 0; i < r->shared->ntargets; i++) {
		struct output *const o = &r->outputs[i];
		struct output *const del = &r->deletes[i];

		if (o->encoder != NULL && f->encode_lost != NULL)
			r->lost += f->encode_lost(o->encoder);
		if (o->encoder != NULL && f->encode_end != NULL &&
		    f->encode_end(o->encoder, &o->text, err) != 0)
			return -1;
		if (r->shared->survey)
			buf_reset(&o->text);
		else if (unit_pass_on(r, o, &o->text, o->text.len, true,
				      err) != 0 ||
			 unit_pass_on(r, del, &del->text, del->text.len, true,
				      err) != 0)
			return -1;
	}
	return 0;
}

int
unit_transform(struct unit_run *r, struct span block, bool last, size_t *used,
	       bool *done, struct err *err)
{
	const struct unit_observer *const o = r->shared->observer;
	struct batch *const b = &r->bench->batch;
	struct program_result result;
	struct unit_olds olds;

	batch_reset(b);
	if (r->rematching)
		unit_show_block(r, block);
	if (r->format->decode(r->reader, block, last, b, used, err) != 0)
		return -1;
	const uint64_t nlines = b->nitems + (uint64_t)b->nrecords + b->nrejects;
	if (unit_take_records(r, err) != 0)
		return -1;
	*done = enough(r);
	r->taken += b->nitems + (uint64_t)b->nrejects;
	r->items += nlines;
	unit_show(r, nlines);
	if (r->shared->keys_only)
		return 0;

	if (o != NULL && o->before != NULL && o->before(r->eye, b, err) != 0)
		return -1;
	if (unit_run_olds(r, &olds, err) != 0 ||
	    program_do(r->program, r->unit->input, b, &result, err) != 0 ||
	    encode(r, &result, err) != 0 ||
	    unit_put_deletes(r, &olds, &result, err) != 0 ||
	    note_rejects(r, &result, err) != 0)
		return -1;
	if (o != NULL && o->after != NULL &&
	    o->after(r->eye, b, &result, err) != 0)
		return -1;
	program_count_types(r->program, &result);
	log_keys(r, &result);
	return 0;
}
