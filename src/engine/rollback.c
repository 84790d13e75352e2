#include "engine/rollback.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aws/dynamodb.h"
#include "aws/service.h"
#include "aws/side.h"
#include "base/err.h"
#include "engine/deliver_shard.h"
#include "engine/job.h"
#include "engine/place.h"
#include "engine/plan.h"
#include "engine/progress.h"
#include "engine/recall.h"
#include "engine/rollback_internal.h"
#include "engine/sides.h"
#include "engine/tabledef.h"
#include "engine/updates.h"
#include "formats/jsonraw.h"
#include "formats/tree.h"
#include "io/file.h"

enum { MOST_LIST = 1 << 30 };

static int
load_job(struct rollback *r, struct err *err)
{
	struct recall recall;

	r->job = job_open_as_is(r->o.job_dir, true, err);
	if (r->job == NULL || recall_job(&recall, r->job, &r->mem, err) != 0)
		return -1;
	recall.plan.variable = r->o.variable;
	recall.plan.context = r->o.context;
	r->plan = plan_load(recall.plans, recall.nplans, &recall.plan, err);
	if (r->plan == NULL)
		return -1;
	place_output(&r->plan->target, job_out(r->job));
	if (!job_is_out(r->job))
		return err_set(err, ERR_REFUSED, "the job in '%s' has no out/ "
			       "yet: let 'dynamill run' come to its end first",
			       r->o.job_dir);
	return deliver_shards_home(r->o.job_dir, err);
}

/* ---- a table ------------------------------------------------------------- */

/* Its key attribute of this kind, copied; .ptr NULL if there is none. */
static int
take_key(struct rollback *r, const struct tree *table, const char *kind,
	 struct span *out, struct err *err)
{
	const char *const name = tabledef_key(table, kind);

	*out = (struct span){ NULL, 0 };
	if (*name == '\0')
		return 0;
	*out = arena_copy(&r->mem, span_of(name), err);
	return out->ptr != NULL ? 0 : -1;
}

static void
path_of(const struct rollback *r, const struct rolling *t, unsigned roll,
	const char *folder, const char *ending, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/%s/%s%s%s", r->o.job_dir, folder,
		 t->shown.name, roll == ROLL_DELETES ? "~deletes" : "",
		 ending);
}

/*
 * What push noted as done, to which --force keeps.  A record of another table,
 * or none, says that nothing was.
 */
static int
open_sent(struct rollback *r, struct rolling *t, unsigned roll,
	  const char *ending, struct keyhash of, uint32_t nunits,
	  struct err *err)
{
	char path[PATH_MAX];
	struct err why;
	bool resumed;

	path_of(r, t, roll, JOB_PUSH, ending, path);
	if (!r->o.force || access(path, F_OK) != 0)
		return 0;
	t->sent[roll] = progress_open(path, of, nunits, &resumed, &why);
	if (t->sent[roll] != NULL || why.code == ERR_REFUSED)
		return 0;
	*err = why;
	return -1;
}

/* What the records say of one part of it. */
static int
look_at_part(struct rollback *r, struct rolling *t, unsigned roll,
	     const struct tree *table, struct err *err)
{
	const struct outfiles_part *const files = rolling_part(t, roll);
	char path[PATH_MAX];
	bool resumed;

	if (roll == ROLL_DELETES && !t->from->changes)
		return 0;
	path_of(r, t, roll, JOB_UNDO, ".jsonl", path);
	t->past[roll] = undo_past_open(path, files, r->o.tmp, err);
	if (t->past[roll] == NULL)
		return -1;
	t->shown.restores += undo_past_count(t->past[roll], UNDO_ITEM);
	if (roll == ROLL_PUTS)
		t->shown.removes += undo_past_count(t->past[roll],
						    UNDO_ABSENT);
	if (r->o.look_only)
		return 0;
	path_of(r, t, roll, JOB_ROLLBACK, ".done", path);
	/* What was left is to be looked at again, and taken. */
	if (r->o.force)
		unlink(path);
	t->progress[roll] = progress_open(path, footprint_hash("rollback",
				table, outfiles_hash(files)), files->n,
				&resumed, err);
	return t->progress[roll] == NULL ? -1
		: open_sent(r, t, roll, ".done", footprint_hash(t->shown.name,
			    table, outfiles_hash(files)), files->n, err);
}

/* The lines that `push --update` listed as changed since the export. */
static int
load_lost(struct rollback *r, struct rolling *t, struct err *err)
{
	char path[PATH_MAX];
	struct buf text = { 0 };
	int rc = 0;

	snprintf(path, sizeof(path), "%s/" JOB_PUSH "/%s~changed.jsonl",
		 r->o.job_dir, t->shown.name);
	if (access(path, F_OK) == 0)
		rc = file_load(path, MOST_LIST, &text, err);
	t->lost = rc != 0 ? NULL
		: arena_take(&r->mem, (text.len / 8 + 1) * sizeof(*t->lost),
			     err);
	for (size_t at = 0; t->lost != NULL && at < text.len;) {
		const uint8_t *const end = memchr(text.ptr + at, '\n',
						  text.len - at);
		const struct span line = { text.ptr + at, end == NULL ? 0
			: (size_t)(end - text.ptr) - at };
		const struct span number = jsonraw_member(line, "At");

		if (end == NULL)
			break;
		if (number.ptr != NULL)
			t->lost[t->nlost++] = strtoull(
				(const char *)number.ptr, NULL, 10);
		at += line.len + 1;
	}
	buf_free(&text);
	return t->lost == NULL ? -1 : 0;
}

static int
look_at_updates(struct rollback *r, struct rolling *t,
		const struct tree *table, struct err *err)
{
	struct updates_line line;
	char path[PATH_MAX];
	bool resumed;
	int rc;

	snprintf(path, sizeof(path), "%s/" JOB_PUSH "/%s~updates.jsonl",
		 r->o.job_dir, t->shown.name);
	t->updates = updates_open(path, err);
	if (t->updates == NULL || load_lost(r, t, err) != 0)
		return -1;
	while ((rc = updates_next(t->updates, &line, err)) > 0) {
		t->shown.restores += line.made.ptr == NULL;
		t->shown.removes += line.made.ptr != NULL;
	}
	if (rc < 0 || r->o.look_only)
		return rc;
	snprintf(path, sizeof(path), "%s/" JOB_ROLLBACK "/%s~updates.done",
		 r->o.job_dir, t->shown.name);
	if (r->o.force)
		unlink(path);
	t->progress[ROLL_PUTS] = progress_open(path, footprint_hash("rollback",
		table, updates_hash(t->updates)), 1, &resumed, err);
	return t->progress[ROLL_PUTS] == NULL ? -1
		: open_sent(r, t, ROLL_PUTS, "~updates.done", footprint_hash(
			    "update", table, updates_hash(t->updates)), 1, err);
}

/* Items of a part that have no line in the record. */
static uint64_t
count_others(const struct rolling *t, unsigned roll)
{
	const struct undo_past *const p = t->past[roll];

	return p == NULL ? 0 : rolling_part(t, roll)->nitems -
		undo_past_count(p, UNDO_ITEM) -
		undo_past_count(p, UNDO_ABSENT) -
		undo_past_count(p, UNDO_LEFT);
}

/* Items that were put or deleted without a line in the record. */
static void
count_unkept(struct rolling *t)
{
	if (t->footprint.was_empty || !t->footprint.pushed)
		t->shown.removes += count_others(t, ROLL_PUTS);
	else if (t->footprint.no_undo)
		t->shown.unkept = count_others(t, ROLL_PUTS) +
				  count_others(t, ROLL_DELETES);
}

static int
look_at(struct rollback *r, struct rolling *t, struct err *err)
{
	struct dynamodb_table table;
	int rc = dynamodb_describe(r->service, t->shown.name, &table, err);

	t->wcu = rc > 0 ? table.wcu : 0;
	t->going = rc > 0 && strcmp(table.status, "DELETING") == 0;
	t->shown.there = rc > 0 && !t->going;
	t->shown.goes = t->shown.there && !r->o.keep_tables &&
		footprint_is_made(&t->footprint, table.tree);
	if (rc > 0 && !footprint_is_near(&t->footprint, table.tree))
		rc = err_set(err, ERR_REFUSED, "table '%s' at %s is not the "
			     "one that the job wrote to, which is %.300s; is "
			     "the account or the region another one?",
			     t->shown.name, service_url(r->service),
			     t->footprint.of);
	if (rc > 0 && t->shown.goes && table.protected)
		rc = err_set(err, ERR_REFUSED, "table '%s', which the job "
			     "made, is protected from deletion: turn that off, "
			     "or keep it with --keep-tables", t->shown.name);
	if (rc > 0 && t->shown.there) {
		rc = take_key(r, table.tree, "HASH", &t->pk, err);
		if (rc == 0)
			rc = take_key(r, table.tree, "RANGE", &t->sk, err);
		for (unsigned k = 0; k < ROLLS && rc == 0 &&
		     !t->footprint.updated; k++)
			rc = look_at_part(r, t, k, table.tree, err);
		if (rc == 0 && t->footprint.updated)
			rc = look_at_updates(r, t, table.tree, err);
		else if (rc == 0)
			count_unkept(t);
	}
	dynamodb_table_free(&table);
	return rc < 0 ? -1 : 0;
}

/* ---- from outside -------------------------------------------------------- */

static int
make_folder(struct rollback *r, struct err *err)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/" JOB_ROLLBACK, r->o.job_dir);
	return r->o.look_only ? 0 : file_make_folder(path, err);
}

/* The last one first; those that the job has not touched are none. */
static int
look_at_all(struct rollback *r, struct err *err)
{
	r->list = calloc(r->out.n + 1, sizeof(*r->list));
	r->shown = calloc(r->out.n + 1, sizeof(*r->shown));
	if (r->list == NULL || r->shown == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	if (make_folder(r, err) != 0)
		return -1;
	for (size_t i = r->out.n; i-- > 0;) {
		struct rolling *const t = &r->list[r->n];

		*t = (struct rolling){
			.shown = { .name = r->out.tables[i].name },
			.from = &r->out.tables[i],
		};
		if (footprint_load(r->o.job_dir, t->shown.name, &t->footprint,
				   err) < 0 ||
		    (!r->o.look_only &&
		     footprint_settle(r->o.job_dir, t->shown.name,
				      &t->footprint, err) != 0))
			return -1;
		if (!t->footprint.pushed && t->footprint.absent_at == 0)
			continue;
		r->n++;
		if (look_at(r, t, err) != 0)
			return -1;
	}
	return 0;
}

struct rollback *
rollback_open(const struct rollback_options *o, struct err *err)
{
	struct rollback *const r = calloc(1, sizeof(*r));

	if (r == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	r->o = *o;
	if (load_job(r, err) == 0 &&
	    outfiles_find(job_out(r->job), o->tables, o->ntables,
			  &r->out, err)
	    == 0 &&
	    (r->side = sides_open(&r->plan->target, o->usual, err)) != NULL &&
	    sides_check_account(r->side, &r->plan->target, err) == 0 &&
	    (r->service = dynamodb_open(r->side, err)) != NULL &&
	    look_at_all(r, err) == 0)
		return r;
	rollback_close(r);
	return NULL;
}

void
rollback_close(struct rollback *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < r->n; i++) {
		updates_close(r->list[i].updates);
		for (unsigned k = 0; k < ROLLS; k++) {
			undo_past_close(r->list[i].past[k]);
			progress_close(r->list[i].progress[k]);
			progress_close(r->list[i].sent[k]);
		}
	}
	free(r->list);
	free(r->shown);
	service_close(r->service);
	side_close(r->side);
	outfiles_free(&r->out);
	place_output(NULL, NULL);
	plan_free(r->plan);
	job_close(r->job);
	arena_free(&r->mem);
	free(r);
}

const struct plan *
rollback_plan(const struct rollback *r)
{
	return r->plan;
}

const char *
rollback_place(const struct rollback *r)
{
	return service_url(r->service);
}

const char *
rollback_target(const struct rollback *r)
{
	return r->out.n == 1 ? r->out.tables[0].name : NULL;
}

const struct rollback_table *
rollback_tables(const struct rollback *r, size_t *n)
{
	for (size_t i = 0; i < r->n; i++)
		r->shown[i] = r->list[i].shown;
	*n = r->n;
	return r->shown;
}

int
rollback_run(struct rollback *r, struct err *err)
{
	for (size_t i = 0; i < r->n; i++)
		if (rollback_table_run(r, &r->list[i], err) != 0)
			return -1;
	return 0;
}
