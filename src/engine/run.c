#include "engine/run.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include "base/buf.h"
#include "base/cpu.h"
#include "engine/job.h"
#include "engine/journal.h"
#include "engine/keyed.h"
#include "engine/increments.h"
#include "engine/known.h"
#include "engine/latest.h"
#include "engine/program.h"
#include "engine/rules.h"
#include "engine/run_internal.h"
#include "engine/shard.h"
#include "engine/sources.h"
#include "engine/store.h"
#include "formats/ddbjson.h"
#include "formats/formats.h"
#include "formats/gzip.h"
#include "io/archive_feed.h"

/* ---- opening ------------------------------------------------------------- */

/* Does this pass read such files of the input? */
static bool
is_of_pass(const struct run *r, uint32_t input, bool increment)
{
	return r->options->survey != SURVEY_STATE ||
	       (increment && r->plan->inputs[input].kind == INPUT_STATE);
}

/* Number the files whose tables somebody reads. */
static int
number_units(struct run *r, struct err *err)
{
	size_t n = 0;

	for (size_t i = 0; i < r->exports.n; i++)
		n += r->exports.list[i].nfiles;
	r->units = calloc(n + 1, sizeof(*r->units));
	r->done = calloc(n + 1, sizeof(*r->done));
	r->queue = calloc(n + 1, sizeof(*r->queue));
	r->packed_total = calloc(r->plan->ninputs + 1,
				 sizeof(*r->packed_total));
	r->progress = calloc(r->plan->ninputs + 1, sizeof(*r->progress));
	if (r->units == NULL || r->done == NULL || r->queue == NULL ||
	    r->packed_total == NULL || r->progress == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");

	/* Files left out keep their numbers: --table changes no name. */
	for (size_t i = 0; i < r->exports.n; i++) {
		const struct export *const e = &r->exports.list[i];
		const uint32_t input = r->found[i].input;
		const bool increment = e->kind == EXPORT_INCREMENTAL;
		const bool read = sources_is_read(r->plan, input) &&
			is_of_pass(r, input, increment);

		for (size_t k = 0; k < r->exports.list[i].nfiles; k++) {
			const struct export_file *const f =
				&r->exports.list[i].files[k];
			struct unit *const u = &r->units[r->nunits];

			*u = (struct unit){
				.number = r->nunits, .input = input,
				.path = f->path, .name = f->name,
				.etag = f->etag,
				.archive = f->archive, .member = f->member,
				.packed_len = f->packed_len,
				.has_md5 = f->has_md5, .nitems = f->nitems,
				.increment = increment,
				.format = increment ? increments_format(e)
						    : r->found[i].format,
				.rules = r->found[i].rules,
				.accepted = exports_accepts(f->path,
					r->options->accept,
					r->options->naccept),
			};
			memcpy(u->md5, f->md5, sizeof(u->md5));
			r->done[r->nunits++] = f->absent || !read;
			if (!r->done[r->nunits - 1])
				r->packed_total[input] += f->packed_len;
		}
	}
	return 0;
}

bool
run_is_changes(const struct run *r, uint32_t table)
{
	const uint32_t input = r->plan->tables[table].input;

	return input != PLAN_NONE &&
	       r->plan->inputs[input].kind == INPUT_CHANGES;
}

static bool
is_read(const struct run *r, uint32_t table)
{
	const struct plan_table *const t = &r->plan->tables[table];

	return !t->skip && t->input != PLAN_NONE;
}

/* Puts and deletes must be all there are: none can be left out. */
static int
check_changes(const struct run *r, struct err *err)
{
	for (uint32_t i = 0; i < r->plan->ntables; i++) {
		for (uint32_t k = 0; k < i; k++)
			if (r->targets[i].number == r->targets[k].number &&
			    is_read(r, i) && is_read(r, k) &&
			    run_is_changes(r, i) != run_is_changes(r, k))
				return err_set(err, ERR_USAGE, "'%s' and '%s' "
					"go to one target table, but of one of "
					"them there is an increment alone",
					r->plan->tables[k].name,
					r->plan->tables[i].name);
		if (run_is_changes(r, i) &&
		    r->options->on_duplicate != DUPLICATE_FAIL)
			return err_set(err, ERR_USAGE, "'--on-duplicate %s' "
				       "cannot choose among the items of '%s',"
				       " of which there is an increment alone",
				       on_duplicate_name(r->options
							 ->on_duplicate),
				       r->plan->tables[i].name);
	}
	return 0;
}

/* Plan tables with one target name share its number. */
static int
number_targets(struct run *r, struct err *err)
{
	const struct plan *const p = r->plan;

	r->targets = calloc(p->ntables + 1, sizeof(*r->targets));
	if (r->targets == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	for (size_t i = 0; i < p->ntables; i++) {
		const char *const name = p->tables[i].to != NULL
			? p->tables[i].to : p->tables[i].name;
		size_t k = 0;

		while (k < i && strcmp(r->targets[k].name, name) != 0)
			k++;
		r->targets[i] = (struct run_target){
			.name = name, .log_keys = true,
			.number = k < i ? r->targets[k].number : r->ntargets,
			.rules = rules_to_write(p, &p->tables[i], &r->mem, err),
		};
		if (r->targets[i].rules == NULL)
			return -1;
		r->ntargets += k == i;
	}

	/* Who shares a target shares its keys: those are always logged. */
	for (uint32_t i = 0; i < p->ntables; i++) {
		bool alone = true;

		for (uint32_t k = 0; k < p->ntables; k++)
			alone &= k == i ||
				 r->targets[k].number != r->targets[i].number;
		/* An increment's index has ids, and deletes are none. */
		r->targets[i].log_keys = !alone || !keyed_by_id(p, i) ||
			r->options->survey == SURVEY_KEYS ||
			run_is_changes(r, i);
	}
	return 0;
}

static int
make_program(struct run *r, struct err *err)
{
	const char *const time = job_value(r->job, "run", "time");

	r->program = program_new(r->plan, span_of(time != NULL ? time
					: r->options->run_time), err);
	if (r->program == NULL ||
	    account_init(&r->account, r->plan, r->program, r->ntargets,
			 err) != 0)
		return -1;
	r->shared = (struct run_shared){
		.plan = r->plan, .program = r->program,
		.targets = r->targets, .ntargets = r->ntargets,
		.format = item_format_named(plan_format_name(r->plan->format)),
		.pack = byte_format_named(r->plan->compression),
		.level = r->options->level, .job_dir = r->work,
		.out = r->out,
		.journal = r->journal,
		.fail_on_bad_item = r->options->fail_on_bad_item,
		.cancel = &r->stop, .progress = r->progress,
		.survey = r->options->survey != SURVEY_NONE,
		.keys_only = r->options->survey == SURVEY_STATE,
		.reject_drops = r->options->on_duplicate == DUPLICATE_REJECT,
		.observer = r->options->observer,
	};
	r->shared.rematch = r->shared.format == &ddbjson_format &&
			    r->shared.pack == &gzip_format &&
			    r->shared.level == 0 && !r->shared.survey;
	return 0;
}

/* Believe the journal where its files are there; forget the rest. */
static int
skip_done(struct run *r, struct err *err)
{
	for (uint32_t i = 0; i < r->nunits; i++) {
		const struct journal_unit *const u = journal_unit(r->journal,
								  i);
		struct err why;

		if (u == NULL || r->done[i])
			continue;
		int ok = journal_check_unit(r->work, u, false, &why);
		if (ok > 0)
			ok = run_check_stored(r, u, &why);
		if (ok < 0) {
			*err = why;
			return -1;
		}
		if (ok == 0)
			continue;
		r->done[i] = true;
		atomic_fetch_add(&r->progress[r->units[i].input].packed_len,
				 r->units[i].packed_len);
	}
	for (uint32_t i = 0; i < r->nunits; i++)
		r->ndone += r->done[i];
	return 0;
}

struct run *
run_open_sources(const struct run_options *o, struct err *err)
{
	struct run *const r = calloc(1, sizeof(*r));

	if (r == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	r->options = o;
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->changed, NULL);
	r->plan = plan_load(o->plans, o->nplans, &o->plan, err);
	if (r->plan != NULL && run_choose_out(r, err) == 0 &&
	    sources_find(r->plan, o->accept, o->naccept, &r->mem, &r->exports,
			 &r->found, err) == 0 &&
	    run_name_folder(r, err) == 0)
		return r;
	run_close(r);
	return NULL;
}

struct run *
run_open(const struct run_options *o, struct err *err)
{
	struct run *const r = run_open_sources(o, err);

	if (r == NULL)
		return NULL;
	if (number_units(r, err) != 0 || number_targets(r, err) != 0 ||
	    check_changes(r, err) != 0 || survey_check_sources(r, err) != 0 ||
	    (o->nshards > 0 && run_divide(r, err) != 0))
		goto failed;
	/* Who observes counts the ids themselves. */
	if (o->observer == NULL && run_warn_of_collisions(r, err) != 0)
		goto failed;
	if (run_open_job(r, err) != 0 || make_program(r, err) != 0)
		goto failed;
	if (!run_is_done(r) && skip_done(r, err) != 0)
		goto failed;
	return r;
failed:
	run_close(r);
	return NULL;
}

void
run_close(struct run *r)
{
	if (r == NULL)
		return;
	store_close(r->store);
	account_free(&r->account);
	known_close(r->known);
	drops_close(r->drops);
	latest_close(r->latest);
	program_free(r->program);
	journal_close(r->journal);
	job_close(r->job);
	if (r->outrun || r->brought)
		shard_remove_attempt(r->work);
	exports_free(&r->exports);
	plan_free(r->plan);
	free(r->targets);
	free(r->owner);
	free(r->located);
	free(r->units);
	free(r->done);
	free(r->queue);
	for (size_t i = 0; i < r->nstreams; i++)
		archive_stream_free(r->streams[i]);
	free(r->streams);
	free(r->packed_total);
	free(r->progress);
	free(r->out);
	arena_free(&r->mem);
	pthread_cond_destroy(&r->changed);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

/* ---- running ------------------------------------------------------------- */

/* Items an input; 0: all.  Which record is the last, only all can tell. */
static uint64_t
limit_of(const struct run *r)
{
	return r->options->survey == SURVEY_STATE ? 0 : r->options->limit;
}

/* The first `limit` items of each input, in unit order, one unit at a time. */
static int
do_limited(struct run *r, struct err *err)
{
	uint64_t *const items = calloc(r->plan->ninputs + 1, sizeof(*items));
	int rc = 0;

	if (items == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	for (uint32_t i = 0; rc == 0 && i < r->nunits; i++) {
		struct unit *const u = &r->units[i];

		if (u->input == PLAN_NONE)
			continue;
		if (!r->done[i] && items[u->input] < limit_of(r)) {
			u->max_items = limit_of(r) - items[u->input];
			rc = worker_do(&r->shared, u, err);
		}

		const struct journal_unit *const done = journal_unit(
			r->journal, i);
		for (size_t k = 0; done != NULL && k < done->ntallies; k++)
			items[u->input] += done->tallies[k].n[JOURNAL_READ];
		atomic_fetch_add(&r->ndone, !r->done[i]);
		r->done[i] = true;
	}
	free(items);
	return rc;
}

static void *
work(void *context)
{
	struct run *const r = context;
	struct err err = { 0 };
	const int rc = limit_of(r) > 0 ? do_limited(r, &err)
					     : pool_work(r->pool, &err);

	pthread_mutex_lock(&r->lock);
	/* Who was told to stop by another's failure has no news. */
	if (rc != 0 && (r->first.code == ERR_NONE ||
			r->first.code == ERR_CANCELLED))
		r->first = err;
	if (rc != 0)
		atomic_store(&r->stop, true);
	r->working--;
	pthread_cond_signal(&r->changed);
	pthread_mutex_unlock(&r->lock);
	return NULL;
}

/* Until the last worker is done, show the progress and obey the user. */
static void
watch(struct run *r)
{
	const struct run_options *const o = r->options;

	pthread_mutex_lock(&r->lock);
	while (r->working > 0) {
		struct timespec until;

		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += 100 * 1000 * 1000;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		pthread_cond_timedwait(&r->changed, &r->lock, &until);
		if (o->cancel != NULL && atomic_load(o->cancel))
			atomic_store(&r->stop, true);
		pthread_mutex_unlock(&r->lock);
		if (o->watch != NULL)
			o->watch(o->context, r);
		pthread_mutex_lock(&r->lock);
	}
	pthread_mutex_unlock(&r->lock);
}

static int
start_workers(struct run *r, pthread_t *threads, unsigned n, unsigned *started,
	      struct err *err)
{
	for (*started = 0; *started < n; ++*started) {
		pthread_mutex_lock(&r->lock);
		r->working++;
		pthread_mutex_unlock(&r->lock);

		const int e = pthread_create(&threads[*started], NULL, work,
					     r);
		if (e == 0)
			continue;
		pthread_mutex_lock(&r->lock);
		r->working--;
		pthread_mutex_unlock(&r->lock);
		if (*started > 0)
			return 0;	/* fewer will do */
		errno = e;
		return err_set(err, ERR_SYSTEM, "cannot start a thread: %m");
	}
	return 0;
}

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/*
 * What the threads have freed, to the system: malloc keeps it for threads that
 * are no more, and the end checks would come on top.
 */
static void
give_back(void)
{
#if defined(__GLIBC__)
	malloc_trim(0);
#endif
}

int
run_units(struct run *r, struct err *err)
{
	const double start = now();
	pthread_t threads[256];
	unsigned n = r->options->threads > 0 ? r->options->threads : 1;
	unsigned started = 0;
	int rc = 0;

	if (run_queue(r, err) != 0)
		return -1;
	if (limit_of(r) > 0)
		n = 1;
	if (n > sizeof(threads) / sizeof(threads[0]))
		n = sizeof(threads) / sizeof(threads[0]);

	if (survey_use(r, err) != 0)
		return -1;
	r->pool = pool_new(&r->shared, n, r->queue, r->nqueue, &r->ndone, err);
	if (r->pool == NULL)
		return -1;
	n = pool_threads(r->pool);
	rc = start_workers(r, threads, n, &started, err);
	if (rc == 0)
		watch(r);
	for (unsigned i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	pool_free(r->pool);
	r->pool = NULL;
	give_back();
	r->account.seconds = now() - start;
	for (size_t i = 0; i < r->plan->ninputs; i++) {
		r->account.plain_now += r->progress[i].plain_len;
		r->account.items_now += r->progress[i].items;
	}
	if (rc != 0)
		return -1;
	if (r->first.code == ERR_NONE && atomic_load(&r->stop))
		err_set(&r->first, ERR_CANCELLED, "interrupted");
	if (r->first.code != ERR_NONE) {
		*err = r->first;
		return -1;
	}
	return 0;
}

/* ---- looking ------------------------------------------------------------- */

bool
run_is_done(const struct run *r)
{
	/* Here it may be, and still to be brought to where it belongs. */
	if (r->options->depot != NULL && r->attempt > 0)
		return r->elsewhere;
	return journal_noted(r->journal, "ended").len > 0 &&
	       (r->options->survey != SURVEY_NONE || r->attempt > 0 ||
		job_is_out(r->job));
}

bool
run_is_resumable(const struct run *r)
{
	for (uint32_t i = 0; i < r->nunits; i++)
		if (strcmp(r->units[i].path, "-") == 0)
			return false;
	return true;
}

const struct plan *
run_plan(const struct run *r)
{
	return r->plan;
}

const char *
run_job_dir(const struct run *r)
{
	return r->dir;
}

bool
run_has_to_accept(const struct run *r, const char *name)
{
	for (size_t i = 0; i < r->plan->nwarnings; i++)
		if (strcmp(r->plan->warnings[i].name, name) == 0)
			return true;
	for (size_t i = 0; i < r->exports.ndamages; i++)
		if (exports_accepts(r->exports.damages[i].path, &name, 1))
			return true;
	for (size_t i = 0; i < r->plan->nfiles; i++)
		if (exports_accepts(r->plan->files[i].path, &name, 1))
			return true;
	for (uint32_t i = 0; i < r->nunits; i++)
		if (exports_accepts(r->units[i].path, &name, 1))
			return true;
	return false;
}

const struct program *
run_program(const struct run *r)
{
	return r->program;
}

const struct account *
run_account(const struct run *r)
{
	return &r->account;
}

bool
run_progress_of(const struct run *r, size_t i, struct run_progress *p)
{
	if (i >= r->plan->ninputs)
		return false;

	const struct plan_input *const in = &r->plan->inputs[i];
	const struct input_progress *const from = &r->progress[i];
	*p = (struct run_progress){
		.name = in->ntables > 0 ? r->plan->tables[in->tables[0]].name
					: NULL,
		.packed_len = from->packed_len, .plain_len = from->plain_len,
		.items = from->items, .packed_total = r->packed_total[i],
	};
	return true;
}

void
run_count_rejects(const struct run *r, uint64_t *of_inputs)
{
	for (uint32_t i = 0; i < r->nunits; i++) {
		const struct journal_unit *const u =
			r->units[i].input == PLAN_NONE ? NULL
			: journal_unit(r->journal, i);

		for (size_t k = 0; u != NULL && k < u->ntallies; k++)
			of_inputs[r->units[i].input] +=
				u->tallies[k].n[JOURNAL_REJECTED];
	}
}

void
run_count_units(const struct run *r, uint32_t *all, uint32_t *done)
{
	*all = r->nunits;
	*done = r->ndone;
}
