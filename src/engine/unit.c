#include "engine/unit.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/md5.h"
#include "engine/job.h"
#include "engine/keyfile.h"
#include "engine/plan.h"
#include "engine/program.h"
#include "engine/rejects.h"
#include "engine/target.h"
#include "engine/unit_internal.h"
#include "formats/ddbjson.h"
#include "formats/formats.h"
#include "io/drain.h"
#include "io/file.h"
#include "io/sink.h"
#include "io/source.h"

enum {
	BLOCK_LEN = 64 * 1024,	/* so that a batch and its tape stay in cache */
	BATCH_CHUNK = 256 * 1024,
};

int
workbench_init(struct workbench *b, const struct plan *plan, struct err *err)
{
	*b = (struct workbench){ .ntables = plan->ntables };
	b->batch.mem.chunk_len = BATCH_CHUNK;
	b->texts = calloc(plan->ntables + 1, sizeof(*b->texts));
	return b->texts != NULL ? 0
				: err_set(err, ERR_SYSTEM, "out of memory");
}

void
workbench_free(struct workbench *b)
{
	for (size_t i = 0; b->texts != NULL && i < b->ntables; i++)
		buf_free(&b->texts[i]);
	free(b->texts);
	buf_free(&b->rejects);
	batch_free(&b->batch);
}

struct unit_run *
unit_run_new(const struct run_shared *shared, struct err *err)
{
	const size_t n = shared->plan->ntables + 1;
	struct unit_run *const r = calloc(1, sizeof(*r));

	if (r == NULL)
		goto failed;
	r->shared = shared;
	r->outputs = calloc(n, sizeof(*r->outputs));
	r->rejects = calloc(n, sizeof(*r->rejects));
	r->tallies = calloc(n, sizeof(*r->tallies));
	r->files = calloc(2 * n + 1, sizeof(*r->files));
	r->written = calloc(n, sizeof(*r->written));
	if (r->outputs == NULL || r->rejects == NULL || r->tallies == NULL ||
	    r->files == NULL || r->written == NULL)
		goto failed;

	const struct keyfile_sizes sizes = {
		.ntables = (uint32_t)shared->plan->ntables,
		.nrelations = program_nrelations(shared->program),
		.ntargets = shared->ntargets,
	};
	r->program = program_run_new(shared->program, err);
	r->reader = r->program != NULL ? ddbjson_new(err) : NULL;
	r->keys = r->reader != NULL ? keyfile_new(&sizes, err) : NULL;
	if (r->keys == NULL) {
		unit_run_free(r);
		return NULL;
	}
	for (uint32_t i = 0; i < shared->plan->ntables; i++)
		if (!shared->targets[i].log_keys)
			program_skip_keys(r->program, i);
	return r;
failed:
	err_set(err, ERR_SYSTEM, "out of memory");
	unit_run_free(r);
	return NULL;
}

void
unit_run_free(struct unit_run *r)
{
	if (r == NULL)
		return;
	program_run_free(r->program);
	ddbjson_free(r->reader);
	keyfile_free(r->keys);
	buf_free(&r->extra);
	free(r->outputs);
	free(r->rejects);
	free(r->tallies);
	free(r->files);
	free(r->written);
	free(r);
}

/* ---- one batch ----------------------------------------------------------- */

/* Open the file of `o`, which is in out.partial/ until the job is done. */
static int
open_output(struct unit_run *r, struct output *o, bool packed, struct err *err)
{
	const bool in_out = strncmp(o->path, "out/", 4) == 0;
	char path[2 * UNIT_NAME_LEN];
	char *slash;

	snprintf(path, sizeof(path), "%s/%s%s", r->shared->job_dir,
		 in_out ? JOB_OUT_PARTIAL : "",
		 in_out ? o->path + 3 : o->path);
	slash = strrchr(path, '/');
	*slash = '\0';
	if (file_make_folder(path, err) != 0)
		return -1;
	*slash = '/';
	o->sink = sink_open(file_drain(path, err),
			    packed ? r->shared->pack : NULL,
			    r->shared->level, packed, err);
	if (o->sink == NULL)
		return -1;
	md5_lane_join(sink_md5_lane(o->sink), source_md5_lane(r->source));
	return 0;
}

/* Hand what waits in `text` to the file of `o`. */
static int
pass_on(struct unit_run *r, struct output *o, struct buf *text, bool packed,
	struct err *err)
{
	if (text->len == 0)
		return 0;
	if (o->sink == NULL && open_output(r, o, packed, err) != 0)
		return -1;
	if (sink_write(o->sink, buf_span(text), err) != 0)
		return -1;
	buf_reset(text);
	return 0;
}

static int
encode(struct unit_run *r, struct program_result *result, struct err *err)
{
	for (uint32_t i = 0; i < result->nproducts; i++) {
		const struct product *const p = &result->products[i];
		struct buf *const text = &r->bench->texts[p->table];
		const size_t before = text->len;
		struct err why;

		if (ddbjson_encode(p->item, 1, text, err) != 0)
			return -1;
		if (target_check_size(p->item, text->len - before,
				      &why) != 0) {
			text->len = before;
			program_take_back(r->program, result, i, &why);
			continue;
		}
		r->outputs[p->table].items++;
		r->written[p->table]++;
	}
	for (size_t i = 0; i < r->shared->plan->ntables; i++)
		if (r->shared->survey)
			buf_reset(&r->bench->texts[i]);
		else if (pass_on(r, &r->outputs[i], &r->bench->texts[i], true,
				 err) != 0)
			return -1;
	return 0;
}

/* Note every id, reference and primary key for the end checks. */
static void
log_keys(struct unit_run *r, const struct program_result *result)
{
	const struct batch *const b = &r->bench->batch;
	const struct rewrite_use *last_id = NULL;

	for (size_t i = 0; i < result->nuses; i++) {
		const struct rewrite_use *const u = &result->uses[i];
		const uint64_t offset = b->items[u->item].offset;
		const uint32_t table = result->tables[u->item];
		const uint8_t fate = result->fates[u->item];

		if ((u->flags & USE_IS_ID) == 0) {
			if (fate == FATE_MOVED)
				keyfile_ref(r->keys, program_relation(
						r->shared->program, table,
						u->rule, u->table),
					    u->key, offset);
			continue;
		}
		/* An id that stands in an item several times is one id. */
		if (last_id != NULL && last_id->item == u->item &&
		    last_id->key.lo == u->key.lo &&
		    last_id->key.hi == u->key.hi)
			continue;
		last_id = u;
		keyfile_id(r->keys, u->table, u->key, offset,
			   value_type_name((enum value_type)u->type)[0],
			   u->source);
		if (fate == FATE_REFUSED)
			keyfile_rejected(r->keys, u->table, u->key, offset);
		else if (fate == FATE_LEFT_OUT)
			keyfile_unwritten(r->keys, u->table, u->key, offset);
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

	if (item != NULL && (reject == NULL || item->number < reject->number)) {
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

		if (n < 0 || pass_on(r, o, &r->bench->rejects, false,
				     err) != 0)
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
	while (r->items + i + k < max && (i < b->nitems || k < b->nrejects))
		if (k == b->nrejects ||
		    (i < b->nitems && b->items[i].number < b->rejects[k].number))
			i++;
		else
			k++;
	b->nitems = i;
	b->nrejects = k;
	return r->items + i + k == max;
}

/* Tell whoever watches how far this unit is. */
static void
show(struct unit_run *r)
{
	const struct source_stats at = source_stats(r->source);
	struct input_progress *const p =
		&r->shared->progress[r->unit->input];

	atomic_fetch_add_explicit(&p->packed_len, at.packed_len -
				  r->packed_seen, memory_order_relaxed);
	atomic_fetch_add_explicit(&p->plain_len, at.plain_len - r->plain_seen,
				  memory_order_relaxed);
	atomic_fetch_add_explicit(&p->items, r->bench->batch.nitems +
				  (uint64_t)r->bench->batch.nrejects,
				  memory_order_relaxed);
	r->packed_seen = at.packed_len;
	r->plain_seen = at.plain_len;
}

/*
 * The whole lines at the front of `block`, the last one without a line end too
 * if it is the `last` block, to the sinks.  *used says how much they were;
 * returns 0 or -1.
 */
static int
transform(struct unit_run *r, struct span block, bool last, size_t *used,
	  bool *done, struct err *err)
{
	const struct unit_observer *const o = r->shared->observer;
	struct batch *const b = &r->bench->batch;
	struct program_result result;

	batch_reset(b);
	if (ddbjson_decode(r->reader, block, last, b, used, err) != 0)
		return -1;
	*done = enough(r);
	if (o != NULL && o->before != NULL && o->before(r->eye, b, err) != 0)
		return -1;
	if (program_do(r->program, r->unit->input, b, &result, err) != 0 ||
	    encode(r, &result, err) != 0 ||
	    note_rejects(r, &result, err) != 0)
		return -1;
	if (o != NULL && o->after != NULL &&
	    o->after(r->eye, b, &result, err) != 0)
		return -1;
	program_count_types(r->program, &result);
	log_keys(r, &result);
	r->items += b->nitems + (uint64_t)b->nrejects;
	show(r);
	return 0;
}

/* Take one batch from source to sinks.  1, 0 after the last, or -1. */
static int
step(struct unit_run *r, struct err *err)
{
	struct span block;
	size_t used;
	bool done;

	if (atomic_load_explicit(r->shared->cancel, memory_order_relaxed))
		return err_set(err, ERR_CANCELLED, "interrupted");
	const int more = source_peek(r->source, r->want, &block, err);
	if (more < 0) {
		if (err->code == ERR_LIMIT)
			return err_set(err, ERR_INPUT, "line %" PRIu64 " is "
				       "longer than 16 MiB, which no item is",
				       ddbjson_line(r->reader));
		return -1;
	}

	/* No more than was asked for, whatever a long line made of the window. */
	const bool last = !more && block.len <= r->want;
	if (block.len > r->want)
		block.len = r->want;
	if (transform(r, block, last, &used, &done, err) != 0)
		return -1;

	source_consume(r->source, used);	/* items pointed into it */
	/* Not one whole line?  Then ask for more, until the source objects. */
	r->want = used > 0 ? BLOCK_LEN : 2 * block.len;
	if (r->want > SOURCE_MAX_PEEK && block.len < SOURCE_MAX_PEEK)
		r->want = SOURCE_MAX_PEEK;
	return !done && (!last || used < block.len);
}

/*
 * All of a file that is damaged and accepted so: what could be read of it is
 * better than none, up to the last whole line before the damage.
 */
static int
salvage(struct unit_run *r, struct err *err)
{
	size_t used;
	bool done;

	do {
		const struct span block = source_before_damage(r->source);

		if (transform(r, block, false, &used, &done, err) != 0)
			return -1;
		source_consume(r->source, used);
	} while (used > 0 && !done);
	return 0;
}

/* ---- one unit ------------------------------------------------------------ */

/* Forget the last unit and name the files of this one. */
static void
begin(struct unit_run *r, const struct unit *u)
{
	const struct run_shared *const s = r->shared;
	const char *const suffix = s->pack != NULL ? s->pack->suffix : "";

	r->unit = u;
	r->items = r->packed_seen = r->plain_seen = 0;
	r->want = BLOCK_LEN;
	program_clear_sums(r->program);
	ddbjson_rewind(r->reader);
	for (uint32_t i = 0; i < s->plan->ntables; i++) {
		struct output *const o = &r->outputs[i];
		struct output *const bad = &r->rejects[i];

		o->items = bad->items = r->written[i] = 0;
		snprintf(o->path, sizeof(o->path), "out/%s/data/%08u.json%s",
			 s->targets[i].name, u->number, suffix);
		snprintf(bad->path, sizeof(bad->path), "rejected/units/%08u-%u"
			 ".jsonl", u->number, i);
	}
}

/* Let go of the files; those that are not committed disappear. */
static void
end(struct unit_run *r)
{
	for (size_t i = 0; i < r->shared->plan->ntables; i++) {
		sink_close(r->outputs[i].sink);
		sink_close(r->rejects[i].sink);
		r->outputs[i].sink = r->rejects[i].sink = NULL;
	}
	source_close(r->source);
	r->source = NULL;
}

/* The observer's part of it.  Returns 0 or -1. */
static int
close_eye(struct unit_run *r, bool whole, struct err *err)
{
	void *const eye = r->eye;

	r->eye = NULL;
	return eye == NULL ? 0 : r->shared->observer->close(eye, whole, err);
}

void
unit_run_abandon(struct unit_run *r)
{
	struct err ignored;

	close_eye(r, false, &ignored);
	end(r);
	keyfile_abandon(r->keys);
}

static int
fail(struct unit_run *r, struct err *err)
{
	unit_run_abandon(r);
	if (err->code == ERR_CANCELLED)
		return -1;
	return err_at(err, "%s", strcmp(r->unit->path, "-") == 0
		      ? "standard input" : r->unit->path);
}

int
unit_run_start(struct unit_run *r, const struct unit *u, struct err *err)
{
	const struct unit_observer *const o = r->shared->observer;

	begin(r, u);
	r->source = source_open(strcmp(u->path, "-") == 0
				? stdin_feed(err) : file_feed(u->path, err),
				u->has_md5, err);
	if (r->source == NULL ||
	    keyfile_start(r->keys, r->shared->job_dir, u->number, err) != 0)
		return fail(r, err);
	if (o != NULL && (r->eye = o->open(o->context, u, err)) == NULL)
		return fail(r, err);
	return 0;
}

/* The sinks have what they got; its MD5 waits for those of other units. */
static int
pause_outputs(struct unit_run *r, struct err *err)
{
	for (size_t i = 0; i < r->shared->plan->ntables; i++)
		if ((r->outputs[i].sink != NULL &&
		     sink_pause(r->outputs[i].sink, err) != 0) ||
		    (r->rejects[i].sink != NULL &&
		     sink_pause(r->rejects[i].sink, err) != 0))
			return -1;
	return 0;
}

/* Steps, until the source would read again.  Returns as step() does. */
static int
take_slice(struct unit_run *r, struct err *err)
{
	int rc;

	do
		rc = step(r, err);
	while (rc > 0 && source_has_more(r->source));
	return rc > 0 && pause_outputs(r, err) != 0 ? -1 : rc;
}

int
unit_run_go(struct unit_run *r, struct workbench *b, struct err *err)
{
	bool damaged = false;

	r->bench = b;

	int rc = take_slice(r, err);
	if (rc > 0)
		return 1;
	if (rc < 0 && err->code == ERR_INPUT && r->unit->accepted &&
	    !r->shared->fail_on_bad_item) {
		damaged = true;
		rc = salvage(r, err);
	}
	if (rc == 0 && !damaged)
		rc = unit_check_input(r, &damaged, err);
	if (rc == 0)
		rc = close_eye(r, true, err);
	if (rc == 0)
		rc = unit_commit(r, damaged, err);
	if (rc != 0)
		return fail(r, err);
	end(r);
	return 0;
}

uint64_t
unit_run_left(const struct unit_run *r)
{
	const uint64_t done = source_stats(r->source).packed_len;

	return done < r->unit->packed_len ? r->unit->packed_len - done : 0;
}

void
unit_run_join(struct unit_run *r, struct md5_lane *ring)
{
	struct md5_lane *const own = source_md5_lane(r->source);

	for (struct md5_lane *l = own->next; l != own; l = own->next)
		md5_lane_join(l, ring);
	md5_lane_join(own, ring);
}

void
unit_run_part(struct unit_run *r)
{
	struct md5_lane *const own = source_md5_lane(r->source);

	md5_lane_settle_all(own);
	md5_lane_leave(own);
	for (size_t i = 0; i < r->shared->plan->ntables; i++) {
		if (r->outputs[i].sink != NULL)
			md5_lane_join(sink_md5_lane(r->outputs[i].sink), own);
		if (r->rejects[i].sink != NULL)
			md5_lane_join(sink_md5_lane(r->rejects[i].sink), own);
	}
}
