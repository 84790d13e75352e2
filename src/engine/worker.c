#include "engine/worker.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "engine/extra.h"
#include "engine/job.h"
#include "engine/journal.h"
#include "engine/keyfile.h"
#include "engine/plan.h"
#include "engine/program.h"
#include "engine/rejects.h"
#include "engine/target.h"
#include "formats/ddbjson.h"
#include "formats/formats.h"
#include "io/drain.h"
#include "io/file.h"
#include "io/sink.h"
#include "io/source.h"
#include "model/batch.h"

enum {
	BLOCK_LEN = 64 * 1024,	/* so that a batch and its tape stay in cache */
	BATCH_CHUNK = 256 * 1024,
	NAME_LEN = 512,
};

/* One file that a unit writes: of a target table, or of rejects. */
struct output {
	struct sink *sink;	/* NULL: nothing was written yet */
	struct buf text;	/* not yet handed to the sink */
	uint64_t items;
	char path[NAME_LEN];	/* below the job's folder, in out/ */
};

struct worker {
	const struct run_shared *shared;
	struct program_run *run;
	struct ddbjson *reader;
	struct keyfile *keys;
	struct batch batch;
	struct output *outputs;		/* one a plan table */
	struct output *rejects;		/* likewise */
	struct journal_tally *tallies;
	struct journal_file *files;
	uint64_t *written;
	struct buf extra;

	/* Of the unit under way. */
	const struct unit *unit;
	struct source *source;
	uint64_t items;			/* read, rejects included */
	uint64_t packed_seen, plain_seen;
	size_t want;			/* bytes to ask the source for next */
};

struct worker *
worker_new(const struct run_shared *shared, struct err *err)
{
	const size_t n = shared->plan->ntables + 1;
	struct worker *const w = calloc(1, sizeof(*w));

	if (w == NULL)
		goto failed;
	w->shared = shared;
	w->batch.mem.chunk_len = BATCH_CHUNK;
	w->outputs = calloc(n, sizeof(*w->outputs));
	w->rejects = calloc(n, sizeof(*w->rejects));
	w->tallies = calloc(n, sizeof(*w->tallies));
	w->files = calloc(2 * n + 1, sizeof(*w->files));
	w->written = calloc(n, sizeof(*w->written));
	if (w->outputs == NULL || w->rejects == NULL || w->tallies == NULL ||
	    w->files == NULL || w->written == NULL)
		goto failed;

	const struct keyfile_sizes sizes = {
		.ntables = (uint32_t)shared->plan->ntables,
		.nrelations = program_nrelations(shared->program),
		.ntargets = shared->ntargets,
	};
	w->run = program_run_new(shared->program, err);
	w->reader = w->run != NULL ? ddbjson_new(err) : NULL;
	w->keys = w->reader != NULL ? keyfile_new(&sizes, err) : NULL;
	if (w->keys == NULL) {
		worker_free(w);
		return NULL;
	}
	for (uint32_t i = 0; i < shared->plan->ntables; i++)
		if (!shared->targets[i].log_keys)
			program_skip_keys(w->run, i);
	return w;
failed:
	err_set(err, ERR_SYSTEM, "out of memory");
	worker_free(w);
	return NULL;
}

void
worker_free(struct worker *w)
{
	if (w == NULL)
		return;
	for (size_t i = 0; i < w->shared->plan->ntables; i++) {
		if (w->outputs != NULL)
			buf_free(&w->outputs[i].text);
		if (w->rejects != NULL)
			buf_free(&w->rejects[i].text);
	}
	program_run_free(w->run);
	ddbjson_free(w->reader);
	keyfile_free(w->keys);
	batch_free(&w->batch);
	buf_free(&w->extra);
	free(w->outputs);
	free(w->rejects);
	free(w->tallies);
	free(w->files);
	free(w->written);
	free(w);
}

/* ---- one batch ----------------------------------------------------------- */

/*
 * Hand what waits to the file of `o`, which is opened at the first call: at
 * `path` as the journal names it, in out.partial/ until the job is done.
 */
static int
pass_on(struct worker *w, struct output *o, bool packed, struct err *err)
{
	if (o->text.len == 0)
		return 0;
	if (o->sink == NULL) {
		const bool in_out = strncmp(o->path, "out/", 4) == 0;
		char path[2 * NAME_LEN];
		char *slash;

		snprintf(path, sizeof(path), "%s/%s%s", w->shared->job_dir,
			 in_out ? JOB_OUT_PARTIAL : "",
			 in_out ? o->path + 3 : o->path);
		slash = strrchr(path, '/');
		*slash = '\0';
		if (file_make_folder(path, err) != 0)
			return -1;
		*slash = '/';
		o->sink = sink_open(file_drain(path, err),
				    packed ? w->shared->pack : NULL,
				    w->shared->level, err);
		if (o->sink == NULL)
			return -1;
		sink_beside(o->sink, w->source);
	}
	if (sink_write(o->sink, buf_span(&o->text), err) != 0)
		return -1;
	buf_reset(&o->text);
	return 0;
}

static int
encode(struct worker *w, struct program_result *result, struct err *err)
{
	for (uint32_t i = 0; i < result->nproducts; i++) {
		const struct product *const p = &result->products[i];
		struct output *const o = &w->outputs[p->table];
		const size_t before = o->text.len;
		struct err why;

		if (ddbjson_encode(p->item, 1, &o->text, err) != 0)
			return -1;
		if (target_check_size(p->item, o->text.len - before,
				      &why) != 0) {
			o->text.len = before;
			program_take_back(w->run, result, i, &why);
			continue;
		}
		o->items++;
		w->written[p->table]++;
	}
	for (size_t i = 0; i < w->shared->plan->ntables; i++)
		if (w->outputs[i].text.len > 0 &&
		    pass_on(w, &w->outputs[i], true, err) != 0)
			return -1;
	return 0;
}

/* Note every id, reference and primary key for the end checks. */
static void
log_keys(struct worker *w, const struct program_result *result)
{
	const struct batch *const b = &w->batch;
	const struct rewrite_use *last_id = NULL;

	for (size_t i = 0; i < result->nuses; i++) {
		const struct rewrite_use *const u = &result->uses[i];
		const uint64_t offset = b->items[u->item].offset;
		const uint32_t table = result->tables[u->item];
		const uint8_t fate = result->fates[u->item];

		if ((u->flags & USE_IS_ID) == 0) {
			if (fate == FATE_MOVED)
				keyfile_ref(w->keys, program_relation(
						w->shared->program, table,
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
		keyfile_id(w->keys, u->table, u->key, offset,
			   value_type_name((enum value_type)u->type)[0],
			   u->source);
		if (fate == FATE_REFUSED)
			keyfile_rejected(w->keys, u->table, u->key, offset);
		else if (fate == FATE_LEFT_OUT)
			keyfile_unwritten(w->keys, u->table, u->key, offset);
	}
	for (uint32_t i = 0; i < result->nproducts; i++) {
		const struct product *const p = &result->products[i];
		const struct run_target *const t =
			&w->shared->targets[p->table];

		if (p->item != NULL && t->log_keys)
			keyfile_pk(w->keys, t->number, p->key,
				   b->items[p->source].offset);
	}
}

/* The first that was refused is as much as the user wants to see. */
static int
fail_on_first(const struct worker *w, const struct program_result *result,
	      struct err *err)
{
	const struct batch *const b = &w->batch;
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
note_rejects(struct worker *w, struct program_result *result, struct err *err)
{
	const struct plan_input *const in =
		&w->shared->plan->inputs[w->unit->input];

	if (w->batch.nrejects == 0 && result->nrefusals == 0)
		return 0;
	rejects_sort(result);
	if (w->shared->fail_on_bad_item)
		return fail_on_first(w, result, err);
	for (size_t i = 0; i < in->ntables; i++) {
		const uint32_t table = in->tables[i];
		struct output *const o = &w->rejects[table];
		const int64_t n = rejects_write(&w->batch, result, table,
						in->tables[0], w->unit->path,
						&o->text, err);

		if (n < 0 || pass_on(w, o, false, err) != 0)
			return -1;
		o->items += (uint64_t)n;
	}
	return 0;
}

/* Keep to unit->max_items, bad lines among them: forget what is behind. */
static bool
enough(struct worker *w)
{
	const uint64_t max = w->unit->max_items;
	struct batch *const b = &w->batch;
	uint32_t i = 0, k = 0;

	if (max == 0)
		return false;
	while (w->items + i + k < max && (i < b->nitems || k < b->nrejects))
		if (k == b->nrejects ||
		    (i < b->nitems && b->items[i].number < b->rejects[k].number))
			i++;
		else
			k++;
	b->nitems = i;
	b->nrejects = k;
	return w->items + i + k == max;
}

/* Tell whoever watches how far this unit is. */
static void
show(struct worker *w)
{
	const struct source_stats at = source_stats(w->source);
	struct input_progress *const p =
		&w->shared->progress[w->unit->input];

	atomic_fetch_add_explicit(&p->packed_len, at.packed_len -
				  w->packed_seen, memory_order_relaxed);
	atomic_fetch_add_explicit(&p->plain_len, at.plain_len - w->plain_seen,
				  memory_order_relaxed);
	atomic_fetch_add_explicit(&p->items, w->batch.nitems +
				  (uint64_t)w->batch.nrejects,
				  memory_order_relaxed);
	w->packed_seen = at.packed_len;
	w->plain_seen = at.plain_len;
}

/*
 * The whole lines at the front of `block`, the last one without a line end too
 * if it is the `last` block, to the sinks.  *used says how much they were;
 * returns 0 or -1.
 */
static int
transform(struct worker *w, struct span block, bool last, size_t *used,
	  bool *done, struct err *err)
{
	struct program_result result;

	batch_reset(&w->batch);
	if (ddbjson_decode(w->reader, block, last, &w->batch, used, err) != 0)
		return -1;
	*done = enough(w);
	if (program_do(w->run, w->unit->input, &w->batch, &result, err) != 0 ||
	    encode(w, &result, err) != 0 ||
	    note_rejects(w, &result, err) != 0)
		return -1;
	program_count_types(w->run, &result);
	log_keys(w, &result);
	w->items += w->batch.nitems + (uint64_t)w->batch.nrejects;
	show(w);
	return 0;
}

/* Take one batch from source to sinks.  1, 0 after the last, or -1. */
static int
step(struct worker *w, struct err *err)
{
	struct span block;
	size_t used;
	bool done;

	if (atomic_load_explicit(w->shared->cancel, memory_order_relaxed))
		return err_set(err, ERR_CANCELLED, "interrupted");
	const int more = source_peek(w->source, w->want, &block, err);
	if (more < 0) {
		if (err->code == ERR_LIMIT)
			return err_set(err, ERR_INPUT, "line %" PRIu64 " is "
				       "longer than 16 MiB, which no item is",
				       ddbjson_line(w->reader));
		return -1;
	}

	/* No more than was asked for, whatever a long line made of the window. */
	const bool last = !more && block.len <= w->want;
	if (block.len > w->want)
		block.len = w->want;
	if (transform(w, block, last, &used, &done, err) != 0)
		return -1;

	source_consume(w->source, used);	/* items pointed into it */
	/* Not one whole line?  Then ask for more, until the source objects. */
	w->want = used > 0 ? BLOCK_LEN : 2 * block.len;
	if (w->want > SOURCE_MAX_PEEK && block.len < SOURCE_MAX_PEEK)
		w->want = SOURCE_MAX_PEEK;
	return !done && (!last || used < block.len);
}

/*
 * All of a file that is damaged and accepted so: what could be read of it is
 * better than none, up to the last whole line before the damage.
 */
static int
salvage(struct worker *w, struct err *err)
{
	size_t used;
	bool done;

	do {
		const struct span block = source_before_damage(w->source);

		if (transform(w, block, false, &used, &done, err) != 0)
			return -1;
		source_consume(w->source, used);
	} while (used > 0 && !done);
	return 0;
}

/* ---- one unit ------------------------------------------------------------ */

/* Is the file what its manifest says?  Returns 0 or -1: ERR_INPUT. */
static int
check_input(struct worker *w, bool *damaged, struct err *err)
{
	const struct unit *const u = w->unit;
	uint8_t md5[16];

	*damaged = false;
	if (u->max_items != 0 && w->items >= u->max_items)
		return 0;	/* not read to its end */
	if (u->has_md5) {
		source_md5(w->source, md5);
		if (memcmp(md5, u->md5, sizeof(md5)) != 0) {
			*damaged = true;
			err_set(err, ERR_INPUT, "MD5 is not the one in the "
				"manifest: the file is damaged; fetch it "
				"again, or --accept %s", u->name);
		}
	}
	if (!*damaged && u->nitems >= 0 && w->items != (uint64_t)u->nitems) {
		*damaged = true;
		err_set(err, ERR_INPUT, "has %" PRIu64 " items, but its "
			"manifest says %" PRId64 ": fetch it again, or "
			"--accept %s", w->items, u->nitems, u->name);
	}
	return *damaged && !u->accepted ? -1 : 0;
}

/* Finish the file of `o` and note it in the record. */
static int
commit_output(struct worker *w, struct output *o, enum journal_file_kind kind,
	      uint32_t table, size_t *nfiles, struct err *err)
{
	struct sink_stats stats;

	if (o->sink == NULL)
		return 0;
	if (sink_commit(o->sink, &stats, err) != 0)
		return -1;
	sink_close(o->sink);
	o->sink = NULL;

	struct journal_file *const f = &w->files[(*nfiles)++];
	*f = (struct journal_file){
		.kind = kind, .table = table, .path = span_of(o->path),
		.size = stats.packed_len, .xxh3 = stats.xxh3,
		.plain_len = stats.plain_len, .items = o->items,
	};
	memcpy(f->md5, stats.md5, sizeof(f->md5));
	return 0;
}

/* Counts of this unit as the journal takes them. */
static size_t
tally(struct worker *w)
{
	const struct program_sums *const sums = program_sums_of(w->run);
	size_t n = 0;

	for (uint32_t i = 0; i < w->shared->plan->ntables; i++) {
		const struct counts *const c = &sums->counts[i];

		if (c->read == 0)
			continue;
		w->tallies[n++] = (struct journal_tally){
			.table = i,
			.n = {
				[JOURNAL_READ] = c->read,
				[JOURNAL_MOVED] = c->moved,
				[JOURNAL_FILTERED] = c->filtered,
				[JOURNAL_SKIPPED] = c->skipped,
				[JOURNAL_DROPPED] = c->dropped,
				[JOURNAL_DUPLICATE] = c->duplicate,
				[JOURNAL_REJECTED] = c->rejected,
			},
		};
	}
	return n;
}

/* All files in place, then the record that names them. */
static int
commit(struct worker *w, bool damaged, struct err *err)
{
	const struct run_shared *const s = w->shared;
	const struct program_sums *const sums = program_sums_of(w->run);
	const struct source_stats in = source_stats(w->source);
	struct keyfile_info info;
	char keys[64];
	size_t nfiles = 0;

	for (uint32_t i = 0; i < s->plan->ntables; i++)
		if (commit_output(w, &w->outputs[i], JOURNAL_OUT,
				  s->targets[i].number, &nfiles, err) != 0 ||
		    commit_output(w, &w->rejects[i], JOURNAL_REJECTS, i,
				  &nfiles, err) != 0)
			return -1;
	if (keyfile_commit(w->keys, &info, err) != 0)
		return -1;
	keyfile_path(w->unit->number, keys, sizeof(keys));
	w->files[nfiles++] = (struct journal_file){
		.kind = JOURNAL_KEYS, .path = span_of(keys),
		.size = info.size, .xxh3 = info.xxh3, .items = info.records,
	};

	const struct extra extra = {
		.packed_len = in.packed_len, .plain_len = in.plain_len,
		.blank_lines = ddbjson_blank_lines(w->reader),
		.damaged = damaged, .types = sums->types, .left = sums->left,
		.written = w->written,
	};
	buf_reset(&w->extra);
	if (extra_write(&extra, s->plan->ntables, program_nleft(s->program),
			&w->extra, err) != 0)
		return -1;
	return journal_add(s->journal, &(struct journal_unit){
		.unit = w->unit->number, .tallies = w->tallies,
		.ntallies = tally(w), .files = w->files, .nfiles = nfiles,
		.extra = buf_span(&w->extra),
	}, err);
}

/* Forget the last unit and name the files of this one. */
static void
begin(struct worker *w, const struct unit *u)
{
	const struct run_shared *const s = w->shared;
	const char *const suffix = s->pack != NULL ? s->pack->suffix : "";

	w->unit = u;
	w->items = w->packed_seen = w->plain_seen = 0;
	w->want = BLOCK_LEN;
	program_clear_sums(w->run);
	ddbjson_rewind(w->reader);
	for (uint32_t i = 0; i < s->plan->ntables; i++) {
		struct output *const o = &w->outputs[i];
		struct output *const r = &w->rejects[i];

		buf_reset(&o->text);
		buf_reset(&r->text);
		o->items = r->items = w->written[i] = 0;
		snprintf(o->path, sizeof(o->path), "out/%s/data/%08u.json%s",
			 s->targets[i].name, u->number, suffix);
		snprintf(r->path, sizeof(r->path), "rejected/units/%08u-%u"
			 ".jsonl", u->number, i);
	}
}

static void
leave_nothing(struct worker *w)
{
	for (size_t i = 0; i < w->shared->plan->ntables; i++) {
		sink_close(w->outputs[i].sink);
		sink_close(w->rejects[i].sink);
		w->outputs[i].sink = w->rejects[i].sink = NULL;
	}
	keyfile_abandon(w->keys);
}

int
worker_do(struct worker *w, const struct unit *u, struct err *err)
{
	bool damaged = false;
	int rc;

	begin(w, u);
	w->source = source_open(strcmp(u->path, "-") == 0
				? stdin_feed(err) : file_feed(u->path, err),
				u->has_md5, err);
	rc = w->source == NULL ? -1
		: keyfile_start(w->keys, w->shared->job_dir, u->number, err);
	if (rc == 0) {
		while ((rc = step(w, err)) > 0)
			;
		if (rc < 0 && err->code == ERR_INPUT && u->accepted &&
		    !w->shared->fail_on_bad_item) {
			damaged = true;
			rc = salvage(w, err);
		}
	}
	if (rc == 0 && !damaged)
		rc = check_input(w, &damaged, err);
	if (rc == 0)
		rc = commit(w, damaged, err);
	if (rc != 0)
		leave_nothing(w);
	source_close(w->source);
	w->source = NULL;
	if (rc == 0)
		return 0;
	if (err->code == ERR_CANCELLED)
		return -1;
	return err_at(err, "%s", strcmp(u->path, "-") == 0 ? "standard input"
							   : u->path);
}
