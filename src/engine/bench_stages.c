/*
 * bench_stages.c - a data file through the stages of a run, each timed.
 *
 * It is what unit.c does, batch by batch, but that the products of all tables
 * go to one output, which is dropped; MD5s, logs of keys and files are no stage
 * and are seen in the difference to the whole.
 */
#include "engine/bench_internal.h"

#include <stdlib.h>
#include <time.h>

#include "base/buf.h"
#include "base/err.h"
#include "engine/outputs.h"
#include "engine/place.h"
#include "engine/program.h"
#include "engine/target.h"
#include "engine/unit_internal.h"
#include "formats/ddbjson.h"
#include "formats/formats.h"
#include "io/source.h"

/* A file on its way. */
struct way {
	const struct run_shared *shared;
	const struct unit *unit;
	struct source *source;
	const struct item_format *format;
	void *reader, *encoder, *packer;
	struct program_run *program;
	struct outputs_pool *pool;
	struct batch batch;
	struct buf text, packed;
	struct rematch *rematch;	/* NULL: packed by the packer, or not */
	struct copied_list copied;
	uint64_t at, part_from;
	struct bench_result *sums;
	double clock;
};

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The time since the last call was for this stage. */
static void
tick(struct way *w, enum bench_stage s)
{
	const double t = now();

	w->sums->stages[s] += t - w->clock;
	w->clock = t;
}

static int
encode(struct way *w, const struct program_result *result, struct span block,
       struct err *err)
{
	const struct item_format *const f = w->shared->format;
	struct matches m;

	w->copied = (struct copied_list){ .of = w->copied.of,
					  .cap = w->copied.cap };
	if (w->rematch != NULL && source_matches(w->source, &m, &w->copied.from))
		w->copied.first = block;
	for (uint32_t i = 0; i < result->nproducts; i++) {
		const struct item *const item = result->products[i].item;
		struct err why;

		if (item == NULL)
			continue;
		if ((w->rematch != NULL
		     ? ddbjson_encode_noted(item, &w->text, &w->copied, &why)
		     : f->encode(w->encoder, item, &w->text, &why)) != 0) {
			if (why.code == ERR_INPUT)
				continue;
			*err = why;
			return -1;
		}
		w->sums->made++;
	}
	return 0;
}

static int
pack(struct way *w, bool last, struct err *err)
{
	const size_t before = w->text.len;
	struct matches m;
	uint64_t at;
	int rc = 0;

	if (w->rematch != NULL && source_matches(w->source, &m, &at)) {
		rc = rematch_add(w->rematch, &w->text, w->copied.of,
				 w->copied.n, &m, &w->packed, err);
		if (rc == 0)
			source_drop_matches(w->source, &m);
		if (rc == 0 && !last && w->at - w->part_from >= UNIT_PART_LEN) {
			w->part_from = w->at;
			rc = rematch_cut(w->rematch, &w->text, &w->packed,
					 err);
		}
		if (rc == 0 && last) {
			w->sums->made_len += rematch_len(w->rematch);
			rc = rematch_end(w->rematch, &w->text, &w->packed,
					 err);
		}
	} else {
		w->sums->made_len += before;
		if (w->packer != NULL)
			rc = w->shared->pack->pack(w->packer,
				buf_span(&w->text), last, &w->packed, err);
		else
			w->packed.len = w->text.len;
		buf_reset(&w->text);
	}
	w->sums->out_len += w->packed.len;
	buf_reset(&w->packed);
	return rc;
}

/* A batch.  1, 0 after the last, or -1. */
static int
step(struct way *w, size_t *want, struct err *err)
{
	struct program_result result;
	struct span block;
	size_t used;
	int more;

	w->clock = now();
	more = source_peek(w->source, *want, &block, err);
	tick(w, BENCH_READ);
	if (more < 0)
		return -1;
	const bool last = !more && block.len <= *want;
	if (block.len > *want)
		block.len = *want;
	batch_reset(&w->batch);
	if (w->format->decode(w->reader, block, last, &w->batch, &used,
			      err) != 0)
		return -1;
	tick(w, BENCH_DECODE);
	w->sums->items += w->batch.nitems;
	if (program_do(w->program, w->unit->input, &w->batch, &result,
		       err) != 0)
		return -1;
	tick(w, BENCH_TRANSFORM);
	if (encode(w, &result, block, err) != 0)
		return -1;
	tick(w, BENCH_ENCODE);
	w->at += used;
	const bool end = last && used == block.len;
	if (pack(w, end, err) != 0)
		return -1;
	tick(w, BENCH_PACK);
	source_consume(w->source, used);
	*want = unit_want(used, block.len);
	return !end;
}

static int
open_way(struct way *w, struct err *err)
{
	const struct run_shared *const s = w->shared;
	struct matches m;
	struct span head;
	uint64_t at;

	w->source = source_open(unit_feed(w->unit, err), false, err);
	if (w->source == NULL)
		return -1;
	if (s->rematch)
		source_note_matches(w->source);
	w->format = unit_format(w->unit, w->source);
	if (source_peek(w->source, 1, &head, err) < 0)
		return -1;
	w->reader = w->format->decode_start(w->unit->rules, err);
	w->program = program_run_new(s->program, err);
	if (w->reader == NULL || w->program == NULL)
		return -1;
	if (w->format == &ddbjson_format) {
		size_t n;
		const struct span *const names = program_watched(s->program,
						w->unit->input, &n);

		ddbjson_watch(w->reader, names, n);
	}
	w->format->decode_rewind(w->reader);
	if (program_needs_pool(s->program)) {
		w->pool = outputs_pool_new(s->plan, s->cancel, err);
		if (w->pool == NULL)
			return -1;
		program_lend(w->program, w->pool);
	}
	if (s->format != &ddbjson_format)
		program_keep_maps(w->program);
	if (s->format->encode_start != NULL) {
		w->encoder = s->format->encode_start(s->targets[0].rules, err);
		if (w->encoder == NULL)
			return -1;
	}
	if (s->rematch && w->format == &ddbjson_format &&
	    source_matches(w->source, &m, &at))
		return (w->rematch = rematch_new(err)) != NULL ? 0 : -1;
	if (s->pack != NULL)
		return (w->packer = s->pack->pack_start(s->level, err)) != NULL
		       ? 0 : -1;
	return 0;
}

static void
close_way(struct way *w)
{
	if (w->reader != NULL)
		w->format->decode_stop(w->reader);
	if (w->encoder != NULL)
		w->shared->format->encode_stop(w->encoder);
	if (w->packer != NULL)
		w->shared->pack->pack_stop(w->packer);
	program_run_free(w->program);
	outputs_pool_free(w->pool);
	batch_free(&w->batch);
	buf_free(&w->text);
	buf_free(&w->packed);
	rematch_free(w->rematch);
	free(w->copied.of);
	source_close(w->source);
}

int
bench_stages(const struct run_shared *shared, const struct unit *u,
	     struct bench_result *sums, struct err *err)
{
	struct way w = { .shared = shared, .unit = u, .sums = sums };
	size_t want = UNIT_BLOCK_LEN;
	int rc = open_way(&w, err) == 0 ? 1 : -1;

	while (rc > 0)
		rc = atomic_load(shared->cancel)
			? err_set(err, ERR_CANCELLED, "interrupted")
			: step(&w, &want, err);
	if (rc == 0) {
		const struct source_stats in = source_stats(w.source);

		sums->packed_len += in.packed_len;
		sums->plain_len += in.plain_len;
	}
	close_way(&w);
	return rc < 0 ? err_at(err, "%s", u->path) : 0;
}
