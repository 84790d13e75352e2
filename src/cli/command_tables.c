/* command_tables.c - target tables made, looked at and deleted. */
#include "cli/commands.h"

#include <dirent.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "aws/dynamodb.h"
#include "aws/s3.h"
#include "aws/service.h"
#include "aws/side.h"
#include "aws/tables.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/plural.h"
#include "cli/confirm.h"
#include "cli/console.h"
#include "cli/environment.h"
#include "cli/options.h"
#include "engine/footprint.h"
#include "engine/job.h"
#include "engine/place.h"
#include "engine/plan.h"
#include "engine/recall.h"
#include "engine/sides.h"
#include "formats/json.h"
#include "formats/tree.h"

enum { MOST_LEN = 16 * 1024 * 1024 };

/* Where tables are looked at or made, and by which plan if there is a job. */
struct place {
	const struct options *options;
	struct arena mem;
	struct job *job;
	struct plan *plan;
	struct side *side;
	struct service *service;
	struct err *err;
};

/* The plan that a job was made by says the target's side. */
static int
load_plan(struct place *p, bool writes)
{
	struct recall recall;

	p->job = job_open_as_is(p->options->job, writes, p->err);
	if (p->job == NULL || recall_job(&recall, p->job, &p->mem, p->err)
	    != 0)
		return -1;
	recall.plan.variable = environment_variable;
	p->plan = plan_load(recall.plans, recall.nplans, &recall.plan, p->err);
	return p->plan == NULL ? -1 : 0;
}

static int
open_place(struct place *p, bool writes)
{
	const struct plan_side *side;

	if (p->options->job != NULL && load_plan(p, writes) != 0)
		return -1;
	side = p->plan == NULL ? NULL : &p->plan->target;
	p->side = sides_open(side, environment_side(), p->err);
	if (p->side == NULL ||
	    (writes && sides_check_account(p->side, side, p->err) != 0))
		return -1;
	p->service = dynamodb_open(p->side, p->err);
	return p->service == NULL ? -1 : 0;
}

static void
close_place(struct place *p)
{
	service_close(p->service);
	side_close(p->side);
	place_output(NULL, NULL);
	plan_free(p->plan);
	job_close(p->job);
	arena_free(&p->mem);
}

/* ---- create ------------------------------------------------------------- */

static int
create_of(struct place *p, const char *path)
{
	struct arena mem = { 0 };
	struct buf text = { 0 };
	const struct tree *t = NULL;
	int rc = place_load(path, MOST_LEN, &text, p->err);

	if (rc == 0)
		t = json_parse(buf_span(&text), path, &mem, p->err);
	if (t != NULL) {
		t = tables_definition(t);
		rc = p->options->dry_run ? tables_look(p->service, t, p->err)
			: p->options->job == NULL
			? tables_create(p->service, t, p->err)
			: footprint_make(p->options->job, p->service, t,
					 p->err);
		if (rc < 0)
			err_at(p->err, "%s", path);
		else if (!p->options->quiet)
			printf("%s: %s\n", tables_name(t),
			       p->options->dry_run && rc == 0 ? "to be made"
			       : !p->options->dry_run && rc > 0 ? "made"
			       : "was there, with the same key");
	} else {
		rc = -1;
	}
	arena_free(&mem);
	buf_free(&text);
	return rc < 0 ? -1 : 0;
}

/* Is it a target's table.json?  Its folder is one below the address. */
static int
create_of_object(void *context, const struct s3_object *o, struct err *err)
{
	struct place *const p = context;
	const char *const out = job_out(p->job);
	const char *const end = strchr(out + strlen("s3://"), '/');
	const size_t bucket = end != NULL ? (size_t)(end - out) : strlen(out);
	const size_t skip = end != NULL ? strlen(end + 1) + 1 : 0;
	const char *const slash = strlen(o->key) < skip ? NULL
		: strchr(o->key + skip, '/');
	char path[PATH_MAX];

	(void)err;
	if (slash == NULL || strcmp(slash, "/table.json") != 0)
		return 0;
	snprintf(path, sizeof(path), "%.*s/%s", (int)bucket, out, o->key);
	return create_of(p, path);
}

/* The table.json of every target of a job. */
static int
create_of_job(struct place *p)
{
	const char *const out = job_out(p->job);
	char path[PATH_MAX];
	const struct dirent *d;
	int rc = 0;

	if (place_is_remote(out)) {
		place_output(&p->plan->target, out);

		struct s3 *const s3 = place_s3(out, p->err);
		snprintf(path, sizeof(path), "%s/", out);
		return s3 == NULL ? -1
			: s3_list(s3, path, 0, create_of_object, p, p->err);
	}
	DIR *const dir = opendir(out);
	if (dir == NULL)
		return err_set(p->err, ERR_REFUSED, "'%s': %m; let 'dynamill "
			       "run' come to its end first", out);
	while (rc == 0 && (d = readdir(dir)) != NULL) {
		snprintf(path, sizeof(path), "%s/%s/table.json", out,
			 d->d_name);
		if (d->d_name[0] != '.' && access(path, F_OK) == 0)
			rc = create_of(p, path);
	}
	closedir(dir);
	return rc;
}

static int
create(struct place *p)
{
	const struct options *const o = p->options;

	if (o->nargs < 2 && o->job == NULL)
		return err_set(p->err, ERR_USAGE, "which tables? give files of "
			       "definitions, or --job DIR");
	if (open_place(p, true) != 0)
		return -1;
	for (size_t i = 1; i < o->nargs; i++)
		if (create_of(p, o->args[i]) != 0)
			return -1;
	return o->nargs < 2 ? create_of_job(p) : 0;
}

/* ---- the others --------------------------------------------------------- */

static int
print_name(void *context, const char *name, struct err *err)
{
	(void)context;
	(void)err;
	puts(name);
	return 0;
}

static int
list(struct place *p)
{
	return open_place(p, false) != 0 ? -1
		: dynamodb_list(p->service, print_name, NULL, p->err);
}

static void
print_table(const char *name, const struct dynamodb_table *t)
{
	printf("%s: %s, %" PRIu64 " item%s and %" PRIu64 " byte%s when last "
	       "counted, ", name, t->status, t->nitems, plural(t->nitems),
	       t->len, plural(t->len));
	if (t->wcu > 0)
		printf("%" PRIu64 " read and %" PRIu64 " write units", t->rcu,
		       t->wcu);
	else
		printf("on demand");
	if (t->protected)
		printf(", protected from deletion");
	if (t->global)
		printf(", global");
	if (t->stream != NULL)
		printf(", stream of %s", t->stream);
	printf("\n");
}

static int
describe(struct place *p)
{
	const struct options *const o = p->options;

	if (o->nargs < 2)
		return err_set(p->err, ERR_USAGE, "which tables?");
	if (open_place(p, false) != 0)
		return -1;
	for (size_t i = 1; i < o->nargs; i++) {
		struct dynamodb_table t;
		const int rc = dynamodb_describe(p->service, o->args[i], &t,
						 p->err);

		if (rc > 0)
			print_table(o->args[i], &t);
		dynamodb_table_free(&t);
		if (rc == 0)
			err_set(p->err, ERR_REMOTE, "there is no table '%s' at "
				"%s", o->args[i], service_url(p->service));
		if (rc <= 0)
			return -1;
	}
	return 0;
}

static int
delete(struct place *p)
{
	const struct options *const o = p->options;
	char what[300];
	int rc;

	if (o->nargs < 2)
		return err_set(p->err, ERR_USAGE, "which tables?");
	if (open_place(p, true) != 0)
		return -1;
	snprintf(what, sizeof(what), "deleting %zu table%s with all items at "
		 "%.150s", o->nargs - 1, o->nargs == 2 ? "" : "s",
		 service_url(p->service));
	/* Always: there is nothing that brings it back. */
	if (confirm(o, p->plan, o->args[1], what, p->err) != 0)
		return -1;
	for (size_t i = 1; i < o->nargs && !o->dry_run; i++) {
		rc = tables_delete(p->service, o->args[i], p->err);
		if (rc < 0)
			return -1;
		if (!o->quiet)
			printf("%s: %s\n", o->args[i], rc > 0 ? "deleted"
			       : "was not there");
	}
	return 0;
}

int
command_tables(const struct options *o)
{
	static const struct {
		const char *name;
		int (*run)(struct place *p);
	} VERBS[] = {
		{ "create", create }, { "list", list },
		{ "describe", describe }, { "delete", delete },
	};
	struct err err = { 0 };
	struct place p = { .options = o, .err = &err };
	const char *const verb = o->nargs > 0 ? o->args[0] : "";
	int rc = 1;

	for (size_t i = 0; i < sizeof(VERBS) / sizeof(VERBS[0]); i++)
		if (strcmp(VERBS[i].name, verb) == 0)
			rc = VERBS[i].run(&p);
	if (rc > 0)
		rc = err_set(&err, ERR_USAGE, "tables create, list, describe "
			     "or delete; see 'dynamill tables --help'");
	close_place(&p);
	return rc == 0 ? 0 : console_failed(&err);
}
