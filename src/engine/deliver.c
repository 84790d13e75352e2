#include "engine/deliver.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aws/dynamodb.h"
#include "aws/service.h"
#include "aws/side.h"
#include "base/err.h"
#include "engine/deliver_internal.h"
#include "engine/job.h"
#include "engine/place.h"
#include "engine/progress.h"
#include "engine/recall.h"
#include "engine/sides.h"
#include "formats/jsonwrite.h"
#include "formats/tree.h"
#include "io/file.h"

/* ---- the job ------------------------------------------------------------ */

static int
load_job(struct deliver *d, struct err *err)
{
	struct recall recall;

	d->job = job_open_as_is(d->o.job_dir, true, err);
	if (d->job == NULL)
		return -1;
	if (!job_is_out(d->job))
		return err_set(err, ERR_REFUSED, "the job in '%s' has no out/ "
			       "yet: let 'dynamill run' come to its end first",
			       d->o.job_dir);
	if (recall_job(&recall, d->job, &d->mem, err) != 0)
		return -1;
	recall.plan.variable = d->o.variable;
	d->plan = plan_load(recall.plans, recall.nplans, &recall.plan, err);
	return d->plan == NULL ? -1 : 0;
}

/* What increments leave behind is not only to be put. */
static int
refuse_deletes(const struct deliver *d, struct err *err)
{
	char path[PATH_MAX];

	for (size_t i = 0; i < d->dump.ntables; i++) {
		snprintf(path, sizeof(path), "%s/%s/%s/%s", d->o.job_dir,
			 JOB_OUT, d->dump.tables[i].name, JOB_DELETES);
		if (access(path, F_OK) == 0)
			return err_set(err, ERR_USAGE, "'%s': deletes are not "
				       "pushed by this version", path);
	}
	return 0;
}

static int
find_output(struct deliver *d, struct err *err)
{
	char *const out = arena_take(&d->mem, PATH_MAX, err);
	struct dump_options o = {
		.tables = d->o.tables, .ntables = d->o.ntables, .npaths = 1,
	};

	if (out == NULL)
		return -1;
	snprintf(out, PATH_MAX, "%s/%s", d->o.job_dir, JOB_OUT);
	o.paths = (const char *const *)&out;
	if (dump_find(&o, &d->dump, err) != 0 ||
	    exports_check(&d->dump.exports, NULL, 0, err) != 0)
		return -1;
	for (size_t i = 0; i < d->dump.ntables; i++)
		if (d->dump.tables[i].name == NULL ||
		    d->dump.tables[i].key.pk.name == NULL)
			return err_set(err, ERR_INPUT, "'%s': nothing there "
				       "says the table or its key; is its "
				       "table.json gone?",
				       d->dump.tables[i].path);
	return refuse_deletes(d, err);
}

/* ---- a table ------------------------------------------------------------ */

static const char *
text(const struct tree *t, const char *name)
{
	const struct tree *const v = tree_get(t, name);

	return v == NULL || v->kind != TREE_TEXT ? ""
		: (const char *)v->text.ptr;
}

/* The name of its key of this kind; "" if there is none. */
static const char *
key_of(const struct tree *table, const char *kind)
{
	const struct tree *const list = tree_get(table, "KeySchema");

	for (uint32_t i = 0; list != NULL && list->kind == TREE_LIST &&
	     i < list->nkids; i++)
		if (strcmp(text(&list->kids[i], "KeyType"), kind) == 0)
			return text(&list->kids[i], "AttributeName");
	return "";
}

static int
check_key(const struct delivery *t, const struct tree *table, struct err *err)
{
	const char *const pk = key_of(table, "HASH");
	const char *const sk = key_of(table, "RANGE");
	const char *const want = t->key.sk.name != NULL ? t->key.sk.name : "";

	return strcmp(pk, t->key.pk.name) == 0 && strcmp(sk, want) == 0 ? 0
		: err_set(err, ERR_REFUSED, "table '%s' has the key %s%s%s, "
			  "and the items have %s%s%s", t->shown.name, pk,
			  *sk != '\0' ? ", " : "", sk, t->key.pk.name,
			  *want != '\0' ? ", " : "", want);
}

static int
is_empty(struct deliver *d, const char *name, bool *empty, struct err *err)
{
	struct arena mem = { 0 };
	struct buf body = { 0 };
	struct jsonwrite w;
	const struct tree *t = NULL, *items;

	jsonwrite_start(&w, &body, true, err);
	jsonwrite_map(&w);
	jsonwrite_name(&w, "TableName");
	jsonwrite_text(&w, name);
	jsonwrite_name(&w, "Limit");
	jsonwrite_uint(&w, 1);
	jsonwrite_end(&w);
	if (jsonwrite_finish(&w) == 0)
		t = dynamodb_ask(d->service, "Scan", buf_span(&body), &mem,
				 NULL, err);
	items = t == NULL ? NULL : tree_get(t, "Items");
	*empty = items == NULL || items->nkids == 0;
	arena_free(&mem);
	buf_free(&body);
	return t == NULL ? err_at(err, "table '%s'", name) : 0;
}

/* What is pushed where: the job's run, the service, and that very table. */
static struct keyhash
identity(const struct deliver *d, const struct delivery *t,
	 const struct tree *table)
{
	struct buf b = { 0 };
	struct err err;
	struct keyhash h;

	buf_printf(&b, &err, "%s %s %s", t->shown.name,
		   text(table, "TableArn"), text(table, "TableId"));
	if (tree_get(table, "CreationDateTime") != NULL)
		buf_append(&b, tree_get(table, "CreationDateTime")->text, &err);
	for (uint32_t i = 0; i < d->dump.nunits; i++)
		if (d->dump.units[i].input == t->input)
			buf_append(&b, (struct span){ d->dump.units[i].md5, 16 },
				   &err);
	h = keyhash_of(buf_span(&b));
	buf_free(&b);
	return h;
}

static int
open_progress(struct deliver *d, struct delivery *t,
	      const struct tree *table, struct err *err)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/push/%s.done", d->o.job_dir,
		 t->shown.name);
	if (d->o.look_only && access(path, F_OK) != 0)
		return 0;
	snprintf(path, sizeof(path), "%s/push", d->o.job_dir);
	if (file_make_folder(path, err) != 0)
		return -1;
	snprintf(path, sizeof(path), "%s/push/%s.done", d->o.job_dir,
		 t->shown.name);
	t->progress = progress_open(path, identity(d, t, table),
				    d->dump.nunits, &t->shown.resumed, err);
	if (t->progress == NULL)
		return -1;
	for (uint32_t i = 0; i < d->dump.nunits; i++)
		t->shown.before += progress_of(t->progress, i);
	t->shown.resumed = t->shown.before > 0;
	return 0;
}

static const char *
note_of(const struct dynamodb_table *t)
{
	return t->stream != NULL && t->global
		? "it has a stream and replicas: both get all of it"
		: t->stream != NULL ? "it has a stream, which gets all of it"
		: t->global ? "it is a global table: its replicas get all of it"
		: "";
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
	else if (rc > 0)
		rc = check_key(t, table.tree, err);
	if (rc == 0) {
		t->shown.note = note_of(&table);
		rc = open_progress(d, t, table.tree, err);
	}
	if (rc == 0)
		rc = is_empty(d, name, &t->shown.empty, err);
	if (rc == 0 && !t->shown.empty && !t->shown.resumed &&
	    !d->o.into_existing && !d->o.only_new)
		rc = err_set(err, ERR_REFUSED, "table '%s' is not empty; "
			     "--into-existing writes over items of the same "
			     "key, --only-new leaves them", name);
	dynamodb_table_free(&table);
	return rc;
}

/* ---- from outside ------------------------------------------------------- */

static int
look_at_all(struct deliver *d, struct err *err)
{
	d->list = calloc(d->dump.ntables + 1, sizeof(*d->list));
	d->shown = calloc(d->dump.ntables + 1, sizeof(*d->shown));
	if (d->list == NULL || d->shown == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	for (uint32_t i = 0; i < d->dump.ntables; i++) {
		const struct dump_table *const from = &d->dump.tables[i];
		struct delivery *const t = &d->list[d->n++];

		*t = (struct delivery){
			.shown = { .name = from->name, .note = "",
				   .nitems = from->nitems },
			.key = from->key, .input = i,
		};
		if (look_at(d, t, err) != 0)
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
	if (load_job(d, err) == 0 && find_output(d, err) == 0 &&
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
	for (size_t i = 0; i < d->n; i++)
		progress_close(d->list[i].progress);
	free(d->list);
	free(d->shown);
	service_close(d->service);
	side_close(d->side);
	dump_free(&d->dump);
	plan_free(d->plan);
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
	for (size_t i = 0; i < d->n; i++)
		if (deliver_table_run(d, &d->list[i], err) != 0)
			return -1;
	return 0;
}
