/* lookup_open.c - from a job's folder to its plan, its files, its indexes. */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/facts.h"
#include "engine/job.h"
#include "engine/lookup_internal.h"
#include "engine/plan.h"
#include "engine/recall.h"
#include "engine/sources.h"
#include "expr/remap.h"
#include "io/mapping.h"

enum { CHECK_WHOLE = 32 << 20 };	/* bytes: a few milliseconds */

/* ---- the plan ------------------------------------------------------------ */

/* The stage is in job.json; nobody's environment is to say another. */
static const char *
variable(void *context, const char *name)
{
	const struct lookup *const l = context;

	if (l->options.variable == NULL || strcmp(name, "STAGE") == 0)
		return NULL;
	return l->options.variable(l->options.context, name);
}

/* The plan with the options that the job was started with. */
static int
load_plan(struct lookup *l, struct err *err)
{
	struct recall job;

	if (recall_job(&job, l->job, &l->mem, err) != 0)
		return -1;
	job.plan.variable = variable;
	job.plan.context = l;
	l->plan = plan_load(job.plans, job.nplans, &job.plan, err);
	return l->plan == NULL ? -1 : 0;
}

/* Are plan and secret those that the job was started with? */
static int
check_plan(struct lookup *l, struct err *err)
{
	const struct plan *const p = l->plan;
	const char *const secret = job_value(l->job, "ids", "secret check");
	char name[PATH_MAX], value[FACT_LEN];
	char check[REMAP_SECRET_CHECK_LEN];

	for (size_t i = 0; i < p->nfiles; i++) {
		if (p->files[i].absent)
			continue;
		fact_full_name(p->files[i].path, name);
		if (fact_of_file(p->files[i].path, value, err) != 0)
			return -1;

		const char *const was = job_value(l->job, "files", name);
		if (was == NULL || strcmp(was, value) != 0)
			return err_set(err, ERR_REFUSED, "'%s' is not as it "
				       "was when the job was started", name);
	}
	if (plan_ready(p, err) != 0)
		return -1;
	if (secret == NULL || p->ids.secret.ptr == NULL)
		return 0;
	remap_secret_check(p->ids.secret, check);
	return strcmp(secret, check) == 0 ? 0 :
		err_set(err, ERR_REFUSED, "the secret in %s is not the one "
			"that the job was started with", p->ids.secret_env);
}

/* ---- the sources --------------------------------------------------------- */

/* Are the sources as they were?  Then units have the numbers they had. */
static int
check_sources(struct lookup *l, struct err *err)
{
	for (size_t i = 0; i < l->exports.n; i++) {
		const struct export *const e = &l->exports.list[i];
		char name[FACT_NAME_LEN], value[FACT_LEN];

		fact_source_name(e, i, name);
		if (fact_of_source(e, value, err) != 0)
			return -1;

		const char *const was = job_value(l->job, "sources", name);
		if (was == NULL || strcmp(was, value) != 0)
			return err_set(err, ERR_REFUSED, "source '%s' is not "
				       "as it was when the job was started",
				       e->path);
	}
	return 0;
}

static int
number_files(struct lookup *l, struct err *err)
{
	size_t n = 0;

	for (size_t i = 0; i < l->exports.n; i++)
		n += l->exports.list[i].nfiles;
	l->files = arena_take(&l->mem, (n + 1) * sizeof(*l->files), err);
	if (l->files == NULL)
		return -1;
	for (size_t i = 0; i < l->exports.n; i++)
		for (size_t k = 0; k < l->exports.list[i].nfiles; k++)
			l->files[l->nfiles++] =
				l->exports.list[i].files[k].path;
	l->full = arena_take(&l->mem, (n + 1) * sizeof(*l->full), err);
	if (l->full == NULL)
		return -1;
	memset(l->full, 0, (n + 1) * sizeof(*l->full));
	return 0;
}

/*
 * What goes wrong here takes something away and is no failure: the index alone
 * answers much, years after the exports are gone.
 */
static void
find_plan(struct lookup *l)
{
	struct plan_found *found;

	if (load_plan(l, &l->blind) != 0 ||
	    sources_find_again(l->plan, &l->mem, &l->exports, &found,
			       &l->blind) != 0) {
		l->lost = l->blind;
		return;
	}
	check_plan(l, &l->blind);
	if (check_sources(l, &l->lost) == 0)
		number_files(l, &l->lost);
}

/* ---- indexes ------------------------------------------------------------- */

static bool
is_wanted(const struct lookup *l, const char *name)
{
	for (size_t i = 0; i < l->options.nonly; i++)
		if (strcmp(l->options.only[i], name) == 0)
			return true;
	return l->options.nonly == 0;
}

/* A small index is read whole before it is asked anything. */
static int
check_whole(struct lookup_table *t, struct err *err)
{
	if (t->idx.len + t->ids.len > CHECK_WHOLE)
		return 0;
	t->checked = true;
	if (keyindex_verify(&t->index, err) != 0)
		return -1;
	return keysum_of(t->ids) == t->index.ids_xxh3 ? 0 :
		err_set(err, ERR_INPUT, "damaged ids of an index");
}

/* Returns 1, 0 if there is no such index, or -1. */
static int
open_index(struct lookup *l, struct lookup_table *t, const char *name,
	   struct err *err)
{
	char idx[PATH_MAX], ids[PATH_MAX];

	snprintf(idx, sizeof(idx), "%s/%s/%s.idx", l->options.job_dir,
		 JOB_INDEX, name);
	snprintf(ids, sizeof(ids), "%s/%s/%s.ids", l->options.job_dir,
		 JOB_INDEX, name);
	if (access(idx, F_OK) != 0)
		return 0;
	t->name = name;
	if (mapping_open(idx, &t->idx, err) != 0 ||
	    mapping_open(ids, &t->ids, err) != 0)
		return -1;
	if (keyindex_open(&t->index, t->idx, err) != 0 ||
	    keyids_open(t->ids, &t->index, err) != 0 ||
	    check_whole(t, err) != 0)
		return err_at(err, "%s", idx);
	return 1;
}

static int
add_table(struct lookup *l, const char *name, const struct remap *remap,
	  bool made, struct err *err)
{
	struct lookup_table *const t = &l->tables[l->ntables];

	if (!is_wanted(l, name))
		return 0;
	*t = (struct lookup_table){ .remap = remap, .made = made };

	const int rc = open_index(l, t, name, err);
	l->ntables += rc != 0;	/* what was mapped is to be closed */
	return rc < 0 ? -1 : 0;
}

/* The index that this file is, if it is one. */
static int
add_file(struct lookup *l, const char *file, struct err *err)
{
	static const char ENDING[] = ".idx";
	const size_t len = strlen(file), end = sizeof(ENDING) - 1;
	char *name;

	if (file[0] == '.' || len <= end ||
	    strcmp(file + len - end, ENDING) != 0)
		return 0;
	name = arena_take(&l->mem, len - end + 1, err);
	if (name == NULL)
		return -1;
	memcpy(name, file, len - end);
	name[len - end] = '\0';
	return add_table(l, name, NULL, false, err);
}

/* Without a plan: the indexes that are there, in the order of their names. */
static int
find_indexes(struct lookup *l, struct err *err)
{
	struct dirent **list;
	char path[PATH_MAX];
	int rc = 0;

	snprintf(path, sizeof(path), "%s/%s", l->options.job_dir, JOB_INDEX);

	const int n = scandir(path, &list, NULL, alphasort);
	if (n < 0)
		return err_set(err, ERR_SYSTEM, "%s: %m", path);
	l->tables = arena_take(&l->mem, ((size_t)n + 1) * sizeof(*l->tables),
			       err);
	for (int i = 0; i < n; i++) {
		if (l->tables == NULL)
			rc = -1;
		if (rc == 0)
			rc = add_file(l, list[i]->d_name, err);
		free(list[i]);
	}
	free(list);
	return rc;
}

/* Those of the plan, in its order. */
static int
plan_indexes(struct lookup *l, struct err *err)
{
	const struct plan *const p = l->plan;

	l->tables = arena_take(&l->mem, (p->ntables + 1) * sizeof(*l->tables),
			       err);
	if (l->tables == NULL)
		return -1;
	for (size_t i = 0; i < p->ntables; i++)
		if (add_table(l, p->tables[i].name, p->tables[i].remap,
			      p->tables[i].emitted, err) != 0)
			return -1;
	return 0;
}

/* ---- the whole ----------------------------------------------------------- */

static int
check_tables(const struct lookup *l, struct err *err)
{
	for (size_t i = 0; i < l->options.nonly; i++) {
		size_t k = 0;

		while (k < l->ntables &&
		       strcmp(l->tables[k].name, l->options.only[i]) != 0)
			k++;
		if (k == l->ntables)
			return err_set(err, ERR_USAGE, "job '%s' has no index "
				       "of a table '%s'", l->options.job_dir,
				       l->options.only[i]);
	}
	return l->ntables > 0 ? 0 :
		err_set(err, ERR_USAGE, "job '%s' has no index yet: it is made "
			"when all items have been read", l->options.job_dir);
}

struct lookup *
lookup_open(const struct lookup_options *o, struct err *err)
{
	struct lookup *const l = calloc(1, sizeof(*l));

	if (l == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	l->options = *o;
	l->job = job_open_as_is(o->job_dir, false, err);
	if (l->job == NULL)
		goto failed;
	find_plan(l);
	if ((l->blind.code == ERR_NONE ? plan_indexes(l, err)
				       : find_indexes(l, err)) != 0 ||
	    check_tables(l, err) != 0)
		goto failed;
	return l;
failed:
	lookup_close(l);
	return NULL;
}

void
lookup_close(struct lookup *l)
{
	if (l == NULL)
		return;
	for (size_t i = 0; i < l->ntables; i++) {
		mapping_close(l->tables[i].idx);
		mapping_close(l->tables[i].ids);
	}
	exports_free(&l->exports);
	plan_free(l->plan);
	job_close(l->job);
	arena_free(&l->answers);
	arena_free(&l->mem);
	free(l);
}

const struct err *
lookup_blind(const struct lookup *l)
{
	return l->blind.code != ERR_NONE ? &l->blind : NULL;
}

const struct err *
lookup_lost(const struct lookup *l)
{
	return l->lost.code != ERR_NONE ? &l->lost : NULL;
}
