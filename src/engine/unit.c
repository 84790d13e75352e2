#include "engine/unit.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/md5.h"
#include "engine/drops.h"
#include "engine/job.h"
#include "engine/keyfile.h"
#include "engine/known.h"
#include "engine/outputs.h"
#include "engine/place.h"
#include "engine/plan.h"
#include "engine/program.h"
#include "engine/unit_internal.h"
#include "formats/ddbjson.h"
#include "formats/formats.h"
#include "formats/members.h"
#include "io/archive_feed.h"
#include "io/file.h"
#include "io/sink.h"
#include "io/source.h"

enum {
	BATCH_CHUNK = 256 * 1024,
	HEAD_LEN = UNIT_BLOCK_LEN,	/* enough to tell the format */
};

void
workbench_init(struct workbench *b)
{
	*b = (struct workbench){ .batch.mem.chunk_len = BATCH_CHUNK };
}

void
workbench_free(struct workbench *b)
{
	buf_free(&b->rejects);
	batch_free(&b->batch);
	outputs_pool_free(b->outputs);
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
	r->deletes = calloc(n, sizeof(*r->deletes));
	r->tallies = calloc(n, sizeof(*r->tallies));
	r->files_cap = 3 * n + 1;
	r->files = calloc(r->files_cap, sizeof(*r->files));
	r->written = calloc(n, sizeof(*r->written));
	r->deleted = calloc(n, sizeof(*r->deleted));
	r->drops = calloc(n, sizeof(*r->drops));
	if (r->outputs == NULL || r->rejects == NULL || r->tallies == NULL ||
	    r->files == NULL || r->written == NULL || r->drops == NULL ||
	    r->deletes == NULL || r->deleted == NULL)
		goto failed;

	const struct keyfile_sizes sizes = {
		.ntables = (uint32_t)shared->plan->ntables,
		.nrelations = program_nrelations(shared->program),
		/* What a survey of keys logs has the numbers of inputs. */
		.ntargets = shared->keys_only ? (uint32_t)shared->plan->ninputs
					      : shared->ntargets,
	};
	r->program = program_run_new(shared->program, err);
	r->keys = r->program != NULL ? keyfile_new(&sizes, err) : NULL;
	if (r->keys == NULL) {
		unit_run_free(r);
		return NULL;
	}
	if (shared->format != &ddbjson_format ||
	    (shared->observer != NULL && shared->observer->after != NULL &&
	     !shared->observer->edits))
		program_keep_maps(r->program);
	if (shared->known != NULL)
		program_ask(r->program, known_look_up, shared->known);
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
	program_run_free(r->before);
	if (r->reader != NULL)
		r->format->decode_stop(r->reader);
	keyfile_free(r->keys);
	buf_free(&r->extra);
	buf_free(&r->scratch);
	buf_free(&r->packed);
	for (size_t i = 0; r->outputs != NULL &&
	     i < r->shared->plan->ntables; i++) {
		struct output *const o = &r->outputs[i];

		buf_free(&o->text);
		buf_free(&o->carry);
		buf_free(&o->kept);
		rematch_free(o->rematch);
		free(o->copied.of);
		if (o->probe != NULL)
			r->shared->format->encode_stop(o->probe);
	}
	for (size_t i = 0; r->deletes != NULL &&
	     i < r->shared->plan->ntables; i++)
		buf_free(&r->deletes[i].text);
	for (size_t i = 0; r->rejects != NULL &&
	     i < r->shared->plan->ntables; i++)
		buf_free(&r->rejects[i].kept);
	rematch_free(r->carrier);
	free(r->outputs);
	free(r->rejects);
	free(r->deletes);
	free(r->tallies);
	free(r->files);
	arena_free(&r->paths);
	free(r->written);
	free(r->deleted);
	free(r->drops);
	free(r);
}

uint64_t
unit_nplaces(const struct batch *b, uint32_t i)
{
	const uint64_t n = b->sizes != NULL ? b->sizes[i]
					    : b->items[i].line.len;

	return n > 0 ? n : 1;
}

int
unit_blame(const struct unit *u, uint64_t line, struct err *err)
{
	if (err->code == ERR_LIMIT)
		err_set(err, ERR_INPUT, "line %" PRIu64 " is longer than 16 MiB"
			", which no item is; take it out", line);
	return err->code != ERR_INPUT ? -1
		: err_advise(err, "take what is before the damage with "
			     "'--accept %s'", u->name);
}

void
unit_show(struct unit_run *r, uint64_t nlines)
{
	struct input_progress *const p =
		&r->shared->progress[r->unit->input];

	if (nlines > 0)
		atomic_fetch_add_explicit(&p->items, nlines,
					  memory_order_relaxed);
	if (r->part != NULL)
		return;		/* whoever reads it has said so */

	const struct source_stats at = source_stats(r->source);
	atomic_fetch_add_explicit(&p->packed_len, at.packed_len -
				  r->packed_seen, memory_order_relaxed);
	atomic_fetch_add_explicit(&p->plain_len, at.plain_len - r->plain_seen,
				  memory_order_relaxed);
	r->packed_seen = at.packed_len;
	r->plain_seen = at.plain_len;
}

/* ---- slices ------------------------------------------------------------- */

size_t
unit_want(size_t used, size_t len)
{
	/* Not one whole line?  Then ask for more, until the source objects. */
	if (used > 0)
		return UNIT_BLOCK_LEN;
	return 2 * len > SOURCE_MAX_PEEK && len < SOURCE_MAX_PEEK
		? SOURCE_MAX_PEEK : 2 * len;
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
	if (more < 0)
		return unit_blame(r->unit, r->format->decode_line(r->reader),
				  err);

	/* No more than was asked for, whatever a long line made of the window. */
	bool last = !more && block.len <= r->want;
	if (block.len > r->want)
		block.len = r->want;
	const size_t part = !r->cutting ? 0 :
		unit_part_ends(r->at - r->part_from, block);
	if (part > 0) {
		last &= part == block.len;
		block.len = part;
	}
	if (unit_transform(r, block, last, &used, &done, err) != 0)
		return -1;

	source_consume(r->source, used);	/* items pointed into it */
	r->at += used;
	if (part > 0 && used == part && unit_end_part(r, err) != 0)
		return -1;
	r->want = unit_want(used, block.len);
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

		if (unit_transform(r, block, false, &used, &done, err) != 0)
			return -1;
		source_consume(r->source, used);
	} while (used > 0 && !done);
	return 0;
}

/* ---- one unit ------------------------------------------------------------ */

void
unit_name_output(struct unit_run *r, uint32_t table)
{
	const struct run_shared *const s = r->shared;
	struct output *const o = unit_output(r, table);
	char part[16] = "";

	if (s->format->encode_full != NULL)
		snprintf(part, sizeof(part), "-%06u", o->part);
	snprintf(o->path, sizeof(o->path), "%s/%s/data/%08u%s%s%s",
		 s->out != NULL ? JOB_REMOTE : JOB_OUT, s->targets[table].name,
		 r->unit->number, part,
		 s->format->suffix, s->pack != NULL ? s->pack->suffix : "");
}

void
unit_begin(struct unit_run *r, const struct unit *u)
{
	const struct run_shared *const s = r->shared;
	const char *const suffix = s->pack != NULL ? s->pack->suffix : "";

	r->unit = u;
	r->items = r->taken = r->packed_seen = r->plain_seen = r->at = 0;
	r->superseded = r->gone = r->lost = r->blanks = 0;
	r->want = UNIT_BLOCK_LEN;
	r->nfiles = 0;
	arena_reset(&r->paths);
	program_clear_sums(r->program);
	for (uint32_t i = 0; i < s->plan->ntables; i++) {
		struct output *const o = unit_output(r, i);
		struct output *const bad = &r->rejects[i];
		struct output *const del =
			&r->deletes[s->targets[i].number];

		o->items = bad->items = r->written[i] = 0;
		del->items = r->deleted[i] = 0;
		if (s->drops != NULL)
			r->drops[i] = drops_of(s->drops, s->targets[i].number,
					       u->number);
		o->part = 0;
		unit_name_output(r, i);
		snprintf(del->path, sizeof(del->path), "%s/%s/" JOB_DELETES
			 "/%08u.json%s", s->out != NULL ? JOB_REMOTE : JOB_OUT,
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
		struct output *const o = &r->outputs[i];

		if (o->encoder != NULL)
			r->shared->format->encode_stop(o->encoder);
		sink_close(o->sink);
		sink_close(r->rejects[i].sink);
		sink_close(r->deletes[i].sink);
		o->encoder = NULL;
		buf_reset(&o->text);
		buf_reset(&o->carry);
		buf_reset(&o->kept);
		buf_reset(&r->rejects[i].kept);
		buf_reset(&r->deletes[i].text);
		o->sink = r->rejects[i].sink = r->deletes[i].sink = NULL;
	}
	buf_reset(&r->packed);
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

int
unit_name_error(const struct unit *u, struct err *err)
{
	const char *const path = u->path;

	/* Whoever could not read the file has said which. */
	if (err->code == ERR_CANCELLED ||
	    (err->text[0] == '\'' &&
	     strncmp(err->text + 1, path, strlen(path)) == 0))
		return -1;
	return err_at(err, "%s", strcmp(path, "-") == 0 ? "standard input"
							: path);
}

static int
fail(struct unit_run *r, struct err *err)
{
	unit_run_abandon(r);
	return unit_name_error(r->unit, err);
}

const struct item_format *
unit_format(const struct unit *u, struct source *s)
{
	const struct item_format *format = u->format;
	struct span head;
	struct err unused;	/* what is wrong will be seen when it is read */

	if (format == NULL && source_peek(s, HEAD_LEN, &head, &unused) >= 0)
		format = item_format_of(head);
	return format != NULL ? format : &ddbjson_format;
}

/* Is it an archive, where no archive is looked into? */
static bool
is_archive(struct source *s)
{
	struct span head;
	struct err unused;

	return s != NULL && source_peek(s, HEAD_LEN, &head, &unused) >= 0 &&
	       item_format_of(head) == NULL && members_sniff(head);
}

int
unit_check_format(const struct unit *u, const struct item_format *format,
		  struct source *s, struct err *err)
{
	if (u->format == NULL && format == &ddbjson_format && is_archive(s))
		return err_set(err, ERR_INPUT, "is an archive within another "
			       "one, or from standard input, which is not "
			       "looked into; unpack it first");
	if (format->records != format || u->increment)
		return 0;
	return err_set(err, ERR_INPUT, "holds records of an incremental export,"
		       " which only its manifest can place; name the folder of "
		       "the manifest in a plan");
}

int
unit_choose_reader(struct unit_run *r, const struct item_format *format,
		   struct err *err)
{
	if (unit_check_format(r->unit, format, r->source, err) != 0)
		return -1;
	if (r->reader != NULL &&
	    (r->format != format || r->unit->rules != NULL)) {
		r->format->decode_stop(r->reader);
		r->reader = NULL;
	}
	r->format = format;
	if (r->reader == NULL)
		r->reader = format->decode_start(r->unit->rules, err);
	if (r->reader == NULL)
		return -1;
	if (format == &ddbjson_format) {
		size_t n;
		const struct span *const names = program_watched(
			r->shared->program, r->unit->input, &n);

		ddbjson_watch(r->reader, names, n);
	}
	format->decode_rewind(r->reader);
	return 0;
}

struct feed *
unit_feed(const struct unit *u, struct err *err)
{
	struct archive_place place;

	if (u->archive == NULL)
		return place_feed_pinned(u->path, u->etag, err);
	place = place_archive(u->archive, u->etag);
	return archive_feed(&place, u->path + strlen(u->archive) + 1, err);
}

int
unit_run_start(struct unit_run *r, const struct unit *u, struct err *err)
{
	const struct unit_observer *const o = r->shared->observer;

	unit_begin(r, u);
	struct feed *feed = u->stream != NULL
		? archive_stream_feed(u->stream, u->member, err)
		: unit_feed(u, err);
	r->kept = NULL;
	md5_lane_start(&r->md5);
	if (r->in_parts && u->has_md5)
		feed = unit_kept_feed(r, feed, err);
	r->source = source_open(feed, u->has_md5 && !r->in_parts, err);
	if (r->source != NULL && r->shared->rematch)
		source_note_matches(r->source);
	if (r->source == NULL ||
	    unit_choose_reader(r, unit_format(u, r->source), err) != 0 ||
	    unit_start_rematch(r, err) != 0 ||
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
		     sink_pause(r->rejects[i].sink, err) != 0) ||
		    (r->deletes[i].sink != NULL &&
		     sink_pause(r->deletes[i].sink, err) != 0))
			return -1;
	return 0;
}

/* Steps, while there is enough of what was read.  Returns as step() does. */
static int
take_slice(struct unit_run *r, struct err *err)
{
	const uint64_t before = source_stats(r->source).packed_len;
	int rc;

	do
		rc = step(r, err);
	while (rc > 0 && (!source_is_low(r->source) ||
			  source_stats(r->source).packed_len == before));
	return rc > 0 && pause_outputs(r, err) != 0 ? -1 : rc;
}

int
unit_lend(struct unit_run *r, struct workbench *b, struct err *err)
{
	r->bench = b;
	if (!program_needs_pool(r->shared->program))
		return 0;
	if (b->outputs == NULL)
		b->outputs = outputs_pool_new(r->shared->plan,
					      r->shared->cancel, err);
	if (b->outputs == NULL)
		return -1;
	program_lend(r->program, b->outputs);
	return 0;
}

int
unit_finish(struct unit_run *r, bool damaged, struct err *err)
{
	if ((!damaged && unit_check_input(r, &damaged, err) != 0) ||
	    unit_end_outputs(r, err) != 0 || close_eye(r, true, err) != 0 ||
	    unit_commit(r, damaged, err) != 0)
		return fail(r, err);
	end(r);
	return 0;
}

int
unit_run_go(struct unit_run *r, struct workbench *b, struct err *err)
{
	bool damaged = false;

	if (unit_lend(r, b, err) != 0)
		return fail(r, err);

	int rc = take_slice(r, err);
	if (rc > 0)
		return 1;
	if (rc < 0 && err->code == ERR_INPUT && r->unit->accepted &&
	    !r->shared->fail_on_bad_item) {
		damaged = true;
		rc = salvage(r, err);
	}
	return rc == 0 ? unit_finish(r, damaged, err) : fail(r, err);
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
		if (r->deletes[i].sink != NULL)
			md5_lane_join(sink_md5_lane(r->deletes[i].sink), own);
	}
}
