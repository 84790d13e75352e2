#include "engine/deliver.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aws/backups.h"
#include "aws/dynamodb.h"
#include "aws/service.h"
#include "aws/side.h"
#include "base/err.h"
#include "engine/deliver_internal.h"
#include "engine/deliver_shard.h"
#include "engine/footprint.h"
#include "engine/job.h"
#include "engine/place.h"
#include "engine/progress.h"
#include "engine/recall.h"
#include "engine/sides.h"
#include "engine/tabledef.h"
#include "engine/updates.h"
#include "formats/tree.h"
#include "io/file.h"

/* ---- the job ------------------------------------------------------------ */

static int
load_job(struct deliver *d, struct err *err)
{
	struct recall recall;

	d->job = d->o.nshards > 0 ? job_open_shared(d->o.job_dir, err)
		: job_open_as_is(d->o.job_dir, true, err);
	if (d->job == NULL)
		return -1;
	if (recall_job(&recall, d->job, &d->mem, err) != 0)
		return -1;
	recall.plan.variable = d->o.variable;
	d->plan = plan_load(recall.plans, recall.nplans, &recall.plan, err);
	if (d->plan == NULL)
		return -1;
	place_output(&d->plan->target, job_out(d->job));
	if (!job_is_out(d->job))
		return err_set(err, ERR_REFUSED, "the job in '%s' has no out/ "
			       "yet: let 'dynamill run' come to its end first",
			       d->o.job_dir);
	return d->o.nshards > 0 ? deliver_shard_enter(d, err)
		: deliver_shards_home(d->o.job_dir, err);
}

/* ---- a table ------------------------------------------------------------ */

/* An increment's files do not say the key: then it is the table's. */
static int
take_key(struct deliver *d, struct delivery *t, const struct tree *table,
	 struct err *err)
{
	const char *const names[] = { tabledef_key(table, "HASH"),
				      tabledef_key(table, "RANGE") };
	const char *kept[2] = { NULL, NULL };

	for (int i = 0; i < 2; i++) {
		if (names[i][0] == '\0')
			continue;
		kept[i] = (const char *)arena_copy(&d->mem, (struct span){
			(const uint8_t *)names[i], strlen(names[i]) + 1 },
			err).ptr;
		if (kept[i] == NULL)
			return -1;
	}
	t->key = (struct plan_key){ { kept[0], 0 }, { kept[1], 0 } };
	return 0;
}

static int
check_key(const struct delivery *t, const struct tree *table, struct err *err)
{
	const char *const pk = tabledef_key(table, "HASH");
	const char *const sk = tabledef_key(table, "RANGE");
	const char *const want = t->key.sk.name != NULL ? t->key.sk.name : "";

	return strcmp(pk, t->key.pk.name) == 0 && strcmp(sk, want) == 0 ? 0
		: err_set(err, ERR_REFUSED, "table '%s' has the key %s%s%s, "
			  "and the items have %s%s%s", t->shown.name, pk,
			  *sk != '\0' ? ", " : "", sk, t->key.pk.name,
			  *want != '\0' ? ", " : "", want);
}

/* What was put when the push was not divided yet, no shard puts again. */
static int
join_whole(struct deliver *d, struct delivery *t, struct err *err)
{
	char path[PATH_MAX];
	int rc;

	snprintf(path, sizeof(path), "%s/" JOB_PUSH "/%s.done", d->o.job_dir,
		 t->shown.name);
	rc = progress_join(t->progress[PART_PUTS], path, err);
	t->recorded |= rc > 0;
	return rc < 0 ? -1 : 0;
}

/* How far one part of it is; *before gets how many items of it are there. */
static int
open_part(struct deliver *d, struct delivery *t, unsigned part,
	  const struct tree *table, uint64_t *before, struct err *err)
{
	const struct outfiles_part *const files = delivery_part(t, part);
	char path[PATH_MAX];
	bool resumed;

	if (part == PART_DELETES && !t->from->changes)
		return 0;
	snprintf(path, sizeof(path), "%s/" JOB_PUSH "/%s%s.done", d->records,
		 t->shown.name, part == PART_DELETES ? "~deletes" : "");
	/* Who only looks makes none: the whole one's, if that is all. */
	if (d->o.look_only && access(path, F_OK) != 0)
		snprintf(path, sizeof(path), "%s/" JOB_PUSH "/%s%s.done",
			 d->o.job_dir, t->shown.name,
			 part == PART_DELETES ? "~deletes" : "");
	if (d->o.look_only && access(path, F_OK) != 0)
		return 0;
	t->progress[part] = progress_open(path, footprint_hash(
		t->shown.name, table, outfiles_hash(files)), files->n,
		&resumed, err);
	if (t->progress[part] == NULL)
		return -1;
	t->recorded |= resumed;
	if (d->o.nshards > 0 && join_whole(d, t, err) != 0)
		return -1;
	for (uint32_t i = 0; i < files->n; i++)
		if (delivery_is_ours(d, t, i))
			*before += progress_of(t->progress[part], i);
	return 0;
}

static int
open_progress(struct deliver *d, struct delivery *t,
	      const struct tree *table, struct err *err)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/" JOB_PUSH, d->records);
	if ((!d->o.look_only && file_make_folder(path, err) != 0) ||
	    open_part(d, t, PART_DELETES, table, &t->shown.deletes_before,
		      err) != 0 ||
	    open_part(d, t, PART_PUTS, table, &t->shown.before, err) != 0)
		return -1;
	t->shown.resumed = t->shown.before > 0 || t->shown.deletes_before > 0;
	return deliver_refused_before(d, t, err);
}

/*
 * Records of a push to another table of that name, whose `.done` was removed so
 * that it be forgotten: what was there then is not what is here now.
 */
static int
forget_other(struct deliver *d, struct delivery *t, const struct tree *table,
	     struct err *err)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/" JOB_PUSH "/%s.done", d->o.job_dir,
		 t->shown.name);
	if (t->footprint.updated || d->o.look_only ||
	    footprint_is_of(&t->footprint, table) || access(path, F_OK) == 0)
		return 0;
	if (footprint_retire(d->o.job_dir, t->shown.name, false, err) != 0)
		return -1;
	return footprint_load(d->o.job_dir, t->shown.name, &t->footprint, err)
		< 0 ? -1 : 0;
}

/* What was done to it before: a rollback comes first, and to its end. */
static int
settle_footprint(struct deliver *d, struct delivery *t,
		 const struct tree *table, struct err *err)
{
	const char *const name = t->shown.name;

	if (footprint_load(d->o.job_dir, name, &t->footprint, err) < 0 ||
	    (!d->o.look_only && footprint_settle(d->o.job_dir, name,
						 &t->footprint, err) != 0))
		return -1;
	/* What shards have noted is not where one could forget it. */
	if (t->recorded && !footprint_is_of(&t->footprint, table))
		return err_set(err, ERR_REFUSED, "table '%s' is another one "
			       "than that which shards put items into; "
			       "'dynamill push --job %s --dry-run' brings "
			       "together what they noted, and says how to "
			       "forget it", name, d->o.job_dir);
	if (forget_other(d, t, table, err) != 0)
		return -1;
	if (t->footprint.undoing && !t->footprint.undone)
		return err_set(err, ERR_REFUSED, "a rollback of table '%s' was "
			       "begun: let it come to its end, 'dynamill "
			       "rollback --job %s'", name, d->o.job_dir);
	if (!t->footprint.undone || d->o.look_only)
		return 0;
	/* What it left, because others changed it, is what is there now. */
	if (footprint_retire(d->o.job_dir, name, false, err) != 0)
		return -1;
	return footprint_load(d->o.job_dir, name, &t->footprint, err) < 0
		? -1 : 0;
}

static int
load_footprint(struct deliver *d, struct delivery *t,
	       const struct tree *table, struct err *err)
{
	const bool shared = d->o.nshards > 0 && !d->o.look_only;
	const int lock = shared ? deliver_shard_lock(d, err) : -1;
	int rc;

	if (shared && lock < 0)
		return -1;
	t->recorded = deliver_shard_is_begun(d, t);
	rc = settle_footprint(d, t, table, err);
	deliver_shard_unlock(lock);
	return rc;
}

/*
 * Is all that is in it of this job?  To go on is not enough: what was begun
 * over items of others would go on without keeping, or sparing, them.  A kill
 * may come when items are there and none is in the record yet.
 */
static bool
is_ours(const struct delivery *t)
{
	return t->shown.empty || (t->recorded && t->footprint.pushed &&
				  t->footprint.was_empty);
}

/* ---- sources ------------------------------------------------------------ */

/* Is the live table that was read, `name` at the plan's source, this one? */
static int
is_same_table(struct deliver *d, const char *name, const struct tree *target,
	      struct err *err)
{
	struct side *const side = sides_open(&d->plan->source, d->o.usual,
					     err);
	struct service *const s = side == NULL ? NULL
		: dynamodb_open(side, err);
	struct dynamodb_table t;
	struct err why;
	int same = s == NULL ? -1 : strcmp(service_url(s),
					   service_url(d->service)) == 0;

	/* One address may be of two accounts; not to know is no excuse. */
	if (same > 0) {
		if (dynamodb_describe(s, name, &t, &why) > 0)
			same = strcmp(tree_text(t.tree, "TableArn", ""),
				      tree_text(target, "TableArn", "")) == 0;
		dynamodb_table_free(&t);
	}
	service_close(s);
	side_close(side);
	return same;
}

enum { SOURCE_NOT, SOURCE_EXPORT, SOURCE_LIVE };

/*
 * Was this table read by the job: live, or by an export that says its ARN?
 * Returns which, or -1.
 */
static int
find_source(struct deliver *d, const char *name, const struct tree *target,
	  struct err *err)
{
	const char *const arn = tree_text(target, "TableArn", "");
	const size_t len = strlen(arn);
	size_t n;
	const struct job_fact *const facts = job_facts(d->job, &n);

	for (size_t i = 0; i < n; i++) {
		const char *what = strchr(facts[i].name, ' ');

		if (strcmp(facts[i].group, "sources") != 0 || what == NULL)
			continue;
		what++;
		if (len > 0 && strncmp(what, arn, len) == 0 &&
		    strncmp(what + len, "/export/", 8) == 0)
			return SOURCE_EXPORT;
		if (!place_is_table(what) ||
		    strcmp(what + strlen("dynamodb://"), name) != 0)
			continue;
		const int same = is_same_table(d, name, target, err);
		if (same != 0)
			return same < 0 ? -1 : SOURCE_LIVE;
	}
	return SOURCE_NOT;
}

/* A source is only updated, and only a source is. */
static int
check_source(struct deliver *d, const char *name, const struct tree *table,
	     struct err *err)
{
	const int is = d->o.restoring ? SOURCE_NOT
		: find_source(d, name, table, err);

	if (is < 0)
		return -1;
	if (is == SOURCE_NOT && d->o.update)
		return err_set(err, ERR_REFUSED, "no export of the plan is of "
			       "table '%s' at %s: an update is of what was "
			       "exported; without --update it is pushed", name,
			       service_url(d->service));
	if (is == SOURCE_LIVE && d->o.update)
		return err_set(err, ERR_REFUSED, "table '%s' was read live, and "
			       "what was in it then is not kept: export it or "
			       "back it up, and run the plan on that", name);
	if (is != SOURCE_NOT && !d->o.update)
		return err_set(err, ERR_REFUSED, "table '%s' is a source of the "
			       "plan: a push would write over what was exported "
			       "of it; let the plan say another table with "
			       "'to:', or backfill it with --update", name);
	return 0;
}

/* What is worth saying before: who else gets it, and what cannot be mended. */
static const char *
note_of(struct deliver *d, const struct delivery *t,
	const struct dynamodb_table *table)
{
	struct buf text = { 0 };
	struct pitr pitr;
	struct err err;
	const char *note;

	if (table->stream != NULL)
		buf_printf(&text, &err, "; it has a stream: whatever listens "
			   "there, functions too, gets all of it");
	if (table->global)
		buf_printf(&text, &err, "; it is a global table: its replicas "
			   "get all of it");
	if (table->protected)
		buf_printf(&text, &err, "; it is protected from deletion: "
			   "a rollback cannot remove it");
	if (table->wcu > 0)
		buf_printf(&text, &err, "; it is provisioned with %" PRIu64
			   " write units a second", table->wcu);
	/* Who may not ask, is not told. */
	if (!t->shown.empty && !t->shown.resumed &&
	    pitr_look(d->service, t->shown.name, &pitr, &err) > 0 && !pitr.on)
		buf_printf(&text, &err, "; point-in-time recovery is off: what "
			   "is written over can%s", d->o.no_undo
			   ? "not be had back" : " be had back of the job's "
			   "undo/ only");
	note = text.len < 2 ? "" : (const char *)arena_copy(&d->mem,
		(struct span){ text.ptr + 2, text.len - 1 }, &err).ptr;
	buf_free(&text);
	return note != NULL ? note : "";
}

/* What was put may have been removed: to go on would leave it out. */
static int
check_still_there(const struct deliver *d, const struct delivery *t,
		  struct err *err)
{
	if (d->o.update || !t->shown.empty)
		return 0;
	if (d->o.nshards > 0)
		return deliver_shard_check_there(d, t, err);
	if (t->shown.before == 0)
		return 0;
	return err_set(err, ERR_REFUSED, "table '%s' is empty, and %" PRIu64
		       " items were put into it before: they were removed "
		       "since; to put them again, remove '%s/" JOB_PUSH
		       "/%s.done'", t->shown.name, t->shown.before,
		       d->o.job_dir, t->shown.name);
}

/* Everything about a table that may forbid it. */
static int
look_at(struct deliver *d, struct delivery *t, struct err *err)
{
	struct dynamodb_table table;
	const char *const name = t->shown.name;
	int rc = dynamodb_describe(d->service, name, &table, err);

	if (rc == 0)
		rc = err_set(err, ERR_REFUSED, "there is no table '%s' at %s: "
			     "make it first, 'dynamill tables create --job %s'",
			     name, service_url(d->service), d->o.job_dir);
	else if (rc > 0 && strcmp(table.status, "ACTIVE") != 0)
		rc = err_set(err, ERR_REFUSED, "table '%s' is %s, not ACTIVE",
			     name, table.status);
	else if (rc > 0 && t->key.pk.name == NULL)
		rc = take_key(d, t, table.tree, err);
	else if (rc > 0)
		rc = check_key(t, table.tree, err);
	if (rc == 0)
		rc = check_source(d, name, table.tree, err);
	/* This first: what another shard puts, it notes before. */
	if (rc == 0)
		rc = dynamodb_is_empty(d->service, name, &t->shown.empty, err);
	if (rc == 0)
		rc = load_footprint(d, t, table.tree, err);
	if (rc == 0 && !t->footprint.pushed)
		footprint_set_of(&t->footprint, table.tree);
	if (rc == 0) {
		rc = (d->o.update ? deliver_update_look : open_progress)
			(d, t, table.tree, err);
	}
	if (rc == 0)
		rc = check_still_there(d, t, err);
	t->shown.empty |= d->o.nshards > 0 && is_ours(t);
	t->wcu = table.wcu;
	if (rc == 0)
		t->shown.note = note_of(d, t, &table);
	if (rc == 0 && !d->o.update && !is_ours(t) && !d->o.into_existing &&
	    !d->o.only_new)
		rc = err_set(err, ERR_REFUSED, "table '%s' is not empty; "
			     "--into-existing writes over items of the same "
			     "key, --only-new leaves them", name);
	dynamodb_table_free(&table);
	return rc;
}

/* ---- from outside ------------------------------------------------------- */

/* The one to go as number `i`: as they were asked for, else by their names. */
static const struct outfiles_table *
next_of(const struct deliver *d, size_t i)
{
	if (d->o.ntables == d->out.n)
		for (size_t k = 0; k < d->out.n; k++)
			if (strcmp(d->out.tables[k].name, d->o.tables[i]) == 0)
				return &d->out.tables[k];
	return &d->out.tables[i];
}

/* Is a table named twice?  Then no order is meant. */
static bool
named_twice(const struct deliver *d)
{
	for (size_t i = 0; i < d->o.ntables; i++)
		for (size_t k = 0; k < i; k++)
			if (strcmp(d->o.tables[i], d->o.tables[k]) == 0)
				return true;
	return false;
}

/* Shards find all tables, so that they divide them in one way. */
static bool
is_wanted(const struct deliver *d, const char *name)
{
	size_t i = 0;

	while (i < d->o.ntables && strcmp(d->o.tables[i], name) != 0)
		i++;
	return d->o.ntables == 0 || i < d->o.ntables;
}

static int
find_files(struct deliver *d, struct err *err)
{
	const char *const out = job_out(d->job);

	if (d->o.nshards == 0)
		return outfiles_find(out, d->o.tables, d->o.ntables, &d->out,
				     err);
	return outfiles_find(out, NULL, 0, &d->out, err) != 0 ||
	       outfiles_check(&d->out, d->o.tables, d->o.ntables, err) != 0
		? -1 : deliver_shard_divide(d, err);
}

static int
look_at_all(struct deliver *d, struct err *err)
{
	const bool ordered = !named_twice(d);

	d->list = calloc(d->out.n + 1, sizeof(*d->list));
	d->shown = calloc(d->out.n + 1, sizeof(*d->shown));
	if (d->list == NULL || d->shown == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	for (size_t i = 0; i < d->out.n; i++) {
		const struct outfiles_table *const from = ordered
			? next_of(d, i) : &d->out.tables[i];
		struct delivery *const t = &d->list[d->n];

		if (!is_wanted(d, from->name))
			continue;
		d->n++;
		*t = (struct delivery){
			.shown = { .name = from->name, .note = "",
				   .nitems = from->puts.nitems,
				   .ndeletes = from->deletes.nitems },
			.from = from, .key = from->key,
		};
		if ((d->o.nshards > 0 && deliver_shard_take(d, t, err) != 0) ||
		    look_at(d, t, err) != 0)
			return -1;
	}
	return 0;
}

struct deliver *
deliver_open(const struct deliver_options *o, struct err *err)
{
	struct deliver *const d = calloc(1, sizeof(*d));

	if (d == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	d->o = *o;
	d->lock = -1;
	d->records = o->job_dir;
	if (load_job(d, err) == 0 &&
	    find_files(d, err) == 0 &&
	    (d->side = sides_open(&d->plan->target, o->usual, err)) != NULL &&
	    sides_check_account(d->side, &d->plan->target, err) == 0 &&
	    (d->service = dynamodb_open(d->side, err)) != NULL &&
	    look_at_all(d, err) == 0)
		return d;
	deliver_close(d);
	return NULL;
}

void
deliver_close(struct deliver *d)
{
	if (d == NULL)
		return;
	for (size_t i = 0; i < d->n; i++) {
		updates_close(d->list[i].updates);
		for (int k = 0; k < PARTS; k++)
			progress_close(d->list[i].progress[k]);
	}
	free(d->list);
	free(d->shown);
	free(d->owner);
	service_close(d->service);
	side_close(d->side);
	outfiles_free(&d->out);
	place_output(NULL, NULL);
	plan_free(d->plan);
	deliver_shard_unlock(d->lock);
	job_close(d->job);
	arena_free(&d->mem);
	free(d);
}

const struct plan *
deliver_plan(const struct deliver *d)
{
	return d->plan;
}

const char *
deliver_place(const struct deliver *d)
{
	return service_url(d->service);
}

const char *
deliver_records(const struct deliver *d)
{
	return d->records;
}

const struct deliver_table *
deliver_tables(const struct deliver *d, size_t *n)
{
	for (size_t i = 0; i < d->n; i++)
		d->shown[i] = d->list[i].shown;
	*n = d->n;
	return d->shown;
}

int
deliver_run(struct deliver *d, struct err *err)
{
	int (*const run)(struct deliver *, struct delivery *, struct err *) =
		d->o.update ? deliver_update_run : deliver_table_run;

	for (size_t i = 0; i < d->n; i++)
		if (run(d, &d->list[i], err) != 0)
			return -1;
	return 0;
}
