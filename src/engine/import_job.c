/*
 * import_job.c - what there is to import, and the imports; import_upload.c
 * brings what is on disk to S3.
 *
 * Of each import the job's journal has a note `import TABLE`, a token and a
 * space and the import's ARN, or `-` while it is being asked for: who asks
 * again with one token gets the import that there is.
 */
#include "engine/import_job.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/dynamodb.h"
#include "aws/s3.h"
#include "aws/service.h"
#include "aws/side.h"
#include "base/err.h"
#include "base/token.h"
#include "engine/import_internal.h"
#include "engine/footprint.h"
#include "engine/job.h"
#include "engine/journal.h"
#include "engine/place.h"
#include "engine/recall.h"
#include "engine/sides.h"

enum {
	MAX_DEFINITION = 4 * 1024 * 1024,
	AT_ONCE = 40,		/* imports; 50 is the quota */
};

/* ---- the job ------------------------------------------------------------- */

static int
load_job(struct import_job *i, struct err *err)
{
	struct recall recall;
	char path[PATH_MAX];

	i->job = job_open_as_is(i->o.job_dir, true, err);
	if (i->job == NULL)
		return -1;
	if (!job_is_out(i->job))
		return err_set(err, ERR_REFUSED, "the job in '%s' has no out/ "
			       "yet: let 'dynamill run' come to its end first",
			       i->o.job_dir);
	if (recall_job(&recall, i->job, &i->mem, err) != 0)
		return -1;
	recall.plan.variable = i->o.variable;
	i->plan = plan_load(recall.plans, recall.nplans, &recall.plan, err);
	if (i->plan == NULL)
		return -1;
	if (i->plan->format == PLAN_BATCH_REQUESTS)
		return err_set(err, ERR_USAGE, "the job wrote batch-requests, "
			       "which are for the AWS CLI and no import");
	snprintf(path, sizeof(path), "%s/" JOB_JOURNAL, i->o.job_dir);
	i->journal = journal_open(path, err);
	return i->journal == NULL ? -1 : 0;
}

/* Where the files are to be imported from. */
static int
choose_address(struct import_job *i, struct err *err)
{
	const char *const out = job_out(i->job);
	const bool remote = place_is_remote(out);
	const struct span begun = import_job_uploads_to(i->journal);
	const char *to = i->o.to;
	char noted[PATH_MAX];

	/* What was begun goes on, also where it is not said again. */
	if (!remote && to == NULL && begun.len > 0) {
		snprintf(noted, sizeof(noted), "%.*s", (int)begun.len,
			 (const char *)begun.ptr);
		to = noted;
	}
	if (remote && to != NULL)
		return err_set(err, ERR_USAGE, "the job wrote to %s, and is "
			       "imported from there: leave --to out", out);
	if (!remote && to == NULL)
		return err_set(err, ERR_USAGE, "the job's output is on disk, "
			       "and imports are made of objects in S3: say "
			       "where to upload it, --to s3://BUCKET/PREFIX");
	if (!remote && plan_check_out(to, err) != 0)
		return err_at(err, "--to");
	i->upload = !remote;
	i->address = store_address(remote ? out : to);
	if (i->address == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	i->store = store_open(i->address, &i->plan->target, err);
	return i->store == NULL ? -1 : 0;
}

static int
find_output(struct import_job *i, struct err *err)
{
	const char *const out = job_out(i->job);
	const struct dump_options o = {
		.tables = i->o.tables, .ntables = i->o.ntables,
		.paths = &out, .npaths = 1,
	};

	if (dump_find(&o, &i->dump, err) != 0 ||
	    exports_check(&i->dump.exports, NULL, 0, err) != 0)
		return -1;
	for (uint32_t k = 0; k < i->dump.ntables; k++)
		if (i->dump.tables[k].name == NULL)
			return err_set(err, ERR_INPUT, "'%s': no manifest says "
				       "whose it is; what increments came to is "
				       "pushed, not imported",
				       i->dump.tables[k].path);
	return 0;
}

/* ---- a table ------------------------------------------------------------- */

/* What the journal has of its import: the token, and the ARN or nothing. */
static void
read_note(struct import_job *i, struct importing *t)
{
	char name[300], text[700];
	struct span noted;
	char *space;

	snprintf(name, sizeof(name), "import %s", t->shown.name);
	noted = journal_noted(i->journal, name);
	snprintf(text, sizeof(text), "%.*s", (int)noted.len,
		 (const char *)noted.ptr);
	space = strchr(text, ' ');
	t->token[0] = t->arn[0] = '\0';
	if (space == NULL)
		return;
	*space = '\0';
	snprintf(t->token, sizeof(t->token), "%.32s", text);
	if (strcmp(space + 1, "-") != 0)
		snprintf(t->arn, sizeof(t->arn), "%.500s", space + 1);
}

static int
write_note(struct import_job *i, const struct importing *t, struct err *err)
{
	char name[300], text[700];

	snprintf(name, sizeof(name), "import %s", t->shown.name);
	snprintf(text, sizeof(text), "%s %s", t->token,
		 t->arn[0] != '\0' ? t->arn : "-");
	return journal_note(i->journal, name, span_of(text), err);
}

static void
name_stream(struct importing *t)
{
	snprintf(t->stream, sizeof(t->stream), "%.150s/error",
		 table_import_id(&t->import));
}

/*
 * How is the import that was begun?  One that came to nothing, or whose table
 * was removed since, is forgotten.
 */
static int
look_at_import(struct import_job *i, struct importing *t, bool there,
	       struct err *err)
{
	if (t->arn[0] == '\0')
		return 0;
	if (table_import_look(i->service, t->arn, &t->import, err) != 0)
		return -1;
	name_stream(t);
	if (there || strcmp(t->import.status, "IN_PROGRESS") == 0 ||
	    strcmp(t->import.status, "CANCELLING") == 0)
		return 0;
	table_import_free(&t->import);
	t->arn[0] = t->token[0] = '\0';
	return 0;
}

static int
load_definition(struct importing *t, struct err *err)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/table.json", t->from->path);
	return place_load(path, MAX_DEFINITION, &t->creation, err);
}

static int
look_at(struct import_job *i, struct importing *t, struct err *err)
{
	struct dynamodb_table table;
	struct footprint footprint;
	const char *const name = t->shown.name;
	const int there = dynamodb_describe(i->service, name, &table, err);

	dynamodb_table_free(&table);
	if (there < 0 || load_definition(t, err) != 0)
		return -1;
	read_note(i, t);
	if (footprint_load(i->o.job_dir, name, &footprint, err) < 0)
		return -1;
	if (there > 0 && !footprint_may_be_import(&footprint))
		t->arn[0] = t->token[0] = '\0';
	if (look_at_import(i, t, there > 0, err) != 0)
		return -1;
	if (there > 0 && t->token[0] == '\0')
		return err_set(err, ERR_REFUSED, "table '%s' is there, and an "
			       "import makes a new one: 'dynamill push' writes "
			       "into it, 'dynamill tables delete' removes it",
			       name);
	return 0;
}

static int
look_at_all(struct import_job *i, struct err *err)
{
	i->list = calloc(i->dump.ntables + 1, sizeof(*i->list));
	if (i->list == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	for (uint32_t k = 0; k < i->dump.ntables; k++) {
		struct importing *const t = &i->list[i->n++];

		t->from = &i->dump.tables[k];
		t->shown.name = t->from->name;
		t->shown.nitems = t->from->nitems;
		if (look_at(i, t, err) != 0)
			return -1;
	}
	return 0;
}

struct import_job *
import_job_open(const struct import_job_options *o, struct err *err)
{
	struct import_job *const i = calloc(1, sizeof(*i));

	if (i == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	i->o = *o;
	if (load_job(i, err) == 0 && choose_address(i, err) == 0 &&
	    find_output(i, err) == 0 &&
	    (i->side = sides_open(&i->plan->target, o->usual, err)) != NULL &&
	    sides_check_account(i->side, &i->plan->target, err) == 0 &&
	    (i->service = dynamodb_open(i->side, err)) != NULL &&
	    look_at_all(i, err) == 0)
		return i;
	import_job_close(i);
	return NULL;
}

void
import_job_close(struct import_job *i)
{
	if (i == NULL)
		return;
	for (size_t k = 0; k < i->n; k++) {
		table_import_free(&i->list[k].import);
		buf_free(&i->list[k].creation);
	}
	free(i->list);
	service_close(i->service);
	side_close(i->side);
	store_close(i->store);
	free(i->address);
	dump_free(&i->dump);
	plan_free(i->plan);
	journal_close(i->journal);
	job_close(i->job);
	arena_free(&i->mem);
	free(i);
}

/* ---- from outside -------------------------------------------------------- */

const struct plan *
import_job_plan(const struct import_job *i)
{
	return i->plan;
}

const char *
import_job_place(const struct import_job *i)
{
	return service_url(i->service);
}

bool
import_job_table(const struct import_job *i, size_t n,
		 struct import_job_table *out)
{
	struct importing *const t = n < i->n ? &i->list[n] : NULL;
	const struct table_import *const from = t == NULL ? NULL : &t->import;

	if (t == NULL)
		return false;
	*out = t->shown;
	out->status = from->status;
	out->arn = from->arn;
	out->log_group = from->log_group;
	out->failure = from->failure;
	out->errors = from->errors;
	out->processed = from->processed;
	out->imported = from->imported;
	out->processed_len = from->processed_len;
	if (from->arn != NULL)
		out->log_stream = t->stream;
	return true;
}

/* ---- imports ------------------------------------------------------------- */

/* As ImportTable calls it. */
static const char *
format_of(const struct plan *p)
{
	return p->format == PLAN_ION ? "ION" : p->format == PLAN_CSV ? "CSV"
		: "DYNAMODB_JSON";
}

static const char *
compression_of(const struct plan *p)
{
	return strcmp(p->compression, "gzip") == 0 ? "GZIP"
		: strcmp(p->compression, "zstd") == 0 ? "ZSTD" : "NONE";
}

/* The plan table that goes to a target, for its columns. */
static const char *
plan_table_of(const struct plan *p, const char *target)
{
	for (size_t i = 0; i < p->ntables; i++)
		if (!p->tables[i].skip && !p->tables[i].glob &&
		    strcmp(p->tables[i].to != NULL ? p->tables[i].to
			   : p->tables[i].name, target) == 0)
			return p->tables[i].name;
	return target;
}

static int
make_token(struct import_job *i, struct importing *t, struct err *err)
{
	if (t->token[0] != '\0')
		return 0;
	return token_make(t->token, err) != 0 ? -1 : write_note(i, t, err);
}

static int
begin(struct import_job *i, struct importing *t, struct err *err)
{
	const struct plan *const p = i->plan;
	const struct plan_columns *const c = p->format != PLAN_CSV ? NULL
		: plan_columns_of(p, plan_table_of(p, t->shown.name));
	char bucket[80], prefix[PATH_MAX];
	struct table_import_options o = {
		.creation = buf_span(&t->creation), .bucket = bucket,
		.prefix = prefix, .format = format_of(p),
		.compression = compression_of(p),
		.delimiter = p->csv.delimiter != 0 ? (char)p->csv.delimiter
			: ',',
		.token = t->token,
	};
	struct span name;
	const char *key;

	if (p->csv.no_header && c != NULL) {
		o.header = c->names;
		o.nheader = c->n;
	}
	if (s3_split(i->address, &name, &key, err) != 0 ||
	    make_token(i, t, err) != 0)
		return -1;
	snprintf(bucket, sizeof(bucket), "%.*s", (int)name.len,
		 (const char *)name.ptr);
	snprintf(prefix, sizeof(prefix), "%s%s%s/data/", key,
		 *key != '\0' ? "/" : "", t->shown.name);
	/* A rollback is to know that the job made the table. */
	if (footprint_before_making(i->o.job_dir, i->service, t->shown.name,
				    err) != 0)
		return -1;
	if (table_import_start(i->service, &o, &t->import, err) != 0)
		return err_at(err, "table '%s'", t->shown.name);
	name_stream(t);
	snprintf(t->arn, sizeof(t->arn), "%.500s", t->import.arn);
	return write_note(i, t, err);
}

static void
show(void *context, const struct table_import *import)
{
	struct import_job *const i = context;

	(void)import;
	if (i->o.watch != NULL)
		i->o.watch(i->o.context, i);
}

static int
import_all(struct import_job *i, struct err *err)
{
	size_t begun = 0;

	for (size_t k = 0; k < i->n; k++) {
		while (begun < i->n && begun < k + AT_ONCE) {
			struct importing *const t = &i->list[begun++];

			if (t->arn[0] == '\0' && begin(i, t, err) != 0)
				return -1;
		}
		if (!i->o.no_wait &&
		    (table_import_wait(i->service, &i->list[k].import, show, i,
				       err) != 0 ||
		     footprint_after_making(i->o.job_dir, i->service,
					    i->list[k].shown.name, err) != 0))
			return -1;
	}
	return 0;
}

int
import_job_run(struct import_job *i, struct err *err)
{
	bool all = true;

	for (size_t k = 0; k < i->n; k++)
		all &= i->list[k].arn[0] != '\0';
	if (i->upload && !all && import_upload(i, err) != 0)
		return -1;
	return import_all(i, err);
}
