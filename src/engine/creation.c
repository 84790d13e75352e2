#include "engine/creation.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "aws/dynamodb.h"
#include "aws/service.h"
#include "aws/side.h"
#include "aws/tables.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "engine/exports.h"
#include "engine/footprint.h"
#include "engine/job.h"
#include "engine/place.h"
#include "engine/plan.h"
#include "engine/recall.h"
#include "engine/sides.h"
#include "engine/sources.h"
#include "formats/json.h"
#include "formats/jsonwrite.h"
#include "formats/tree.h"

enum { MOST_LEN = 16 * 1024 * 1024 };

struct creation {
	const struct creation_options *o;
	struct arena mem;
	struct job *job;
	struct plan *plan;
	struct exports exports;
	struct side *side;
	struct service *service;
};

/* The definition under the name of the target. */
static const struct tree *
rename_to(struct creation *c, const struct plan_table *t, struct err *err)
{
	const struct tree *const from = tables_definition(t->create->tree);
	struct buf text = { 0 };
	struct jsonwrite w;
	struct span copy = { NULL, 0 };

	if (from == NULL || from->kind != TREE_MAP) {
		err_set(err, ERR_USAGE, "'%s' is no definition of a table",
			t->create->place.file);
		return NULL;
	}
	jsonwrite_start(&w, &text, true, err);
	jsonwrite_map(&w);
	jsonwrite_put_text(&w, "TableName", t->to);
	for (uint32_t i = 0; i < from->nkids; i += 2)
		if (!span_is(from->kids[i].text, "TableName")) {
			jsonwrite_name_span(&w, from->kids[i].text);
			jsonwrite_tree(&w, &from->kids[i + 1]);
		}
	jsonwrite_end(&w);
	if (jsonwrite_finish(&w) == 0)
		copy = arena_copy(&c->mem, buf_span(&text), err);
	buf_free(&text);
	return copy.ptr == NULL ? NULL
		: json_parse(copy, t->create->place.file, &c->mem, err);
}

static bool
is_defined(const struct plan_table *t)
{
	return !t->skip && !t->glob && t->create != NULL;
}

/* Is it the first table of the plan with this target? */
static bool
is_first(const struct plan *p, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (is_defined(&p->tables[k]) &&
		    strcmp(p->tables[k].to, p->tables[i].to) == 0)
			return false;
	return true;
}

static bool
is_among(const char *name, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i], name) == 0)
			return true;
	return false;
}

static int
make(struct creation *c, const char *name, const struct tree *definition,
     struct err *err)
{
	const int rc = definition == NULL ? -1
		: footprint_make(c->o->job_dir, c->service, definition, err);

	if (rc >= 0 && c->o->made != NULL)
		c->o->made(c->o->context, name, rc > 0);
	return rc < 0 ? -1 : 0;
}

/* By what a run wrote, for those without a definition of their own. */
static int
make_target(struct creation *c, const char *name, struct err *err)
{
	char path[PATH_MAX];
	struct buf text = { 0 };
	struct span copy = { NULL, 0 };
	int rc;

	for (size_t i = 0; i < c->plan->ntables; i++)
		if (is_defined(&c->plan->tables[i]) &&
		    strcmp(c->plan->tables[i].to, name) == 0)
			return 0;
	snprintf(path, sizeof(path), "%s/%s/table.json", job_out(c->job),
		 name);
	rc = place_look(path, err);
	if (rc <= 0)
		return rc;	/* it got nothing, and nothing says its key */
	if (place_load(path, MOST_LEN, &text, err) == 0)
		copy = arena_copy(&c->mem, buf_span(&text), err);
	buf_free(&text);
	return copy.ptr == NULL ? -1
		: make(c, name, json_parse(copy, "table.json", &c->mem, err),
		       err);
}

static int
make_all(struct creation *c, struct err *err)
{
	const struct creation_options *const o = c->o;

	for (size_t i = 0; i < c->plan->ntables; i++) {
		const struct plan_table *const t = &c->plan->tables[i];

		if (is_defined(t) && is_first(c->plan, i) &&
		    !is_among(t->to, o->imported, o->nimported) &&
		    make(c, t->to, rename_to(c, t, err), err) != 0)
			return -1;
	}
	for (size_t i = 0; i < o->ntargets; i++)
		if (!is_among(o->targets[i], o->imported, o->nimported) &&
		    make_target(c, o->targets[i], err) != 0)
			return -1;
	return 0;
}

static int
settle_all(struct creation *c, struct err *err)
{
	for (size_t i = 0; i < c->plan->ntables; i++) {
		const struct plan_table *const t = &c->plan->tables[i];
		const struct tree *definition;

		if (!is_defined(t) || !is_first(c->plan, i) ||
		    !is_among(t->to, c->o->imported, c->o->nimported))
			continue;
		definition = rename_to(c, t, err);
		if (definition == NULL ||
		    tables_settle(c->service, definition, err) != 0)
			return -1;
	}
	return 0;
}

static int
load(struct creation *c, struct err *err)
{
	struct plan_found *found;
	struct recall recall;

	c->job = job_open_as_is(c->o->job_dir, true, err);
	if (c->job == NULL || recall_job(&recall, c->job, &c->mem, err) != 0)
		return -1;
	recall.plan.variable = c->o->variable;
	c->plan = plan_load(recall.plans, recall.nplans, &recall.plan, err);
	return c->plan == NULL ? -1
		: sources_find_again(c->plan, &c->mem, &c->exports, &found,
				     err);
}

/* Is there anything that the service is to be asked about? */
static bool
any(const struct creation *c)
{
	for (size_t i = 0; i < c->plan->ntables; i++)
		if (is_defined(&c->plan->tables[i]))
			return true;
	return c->o->ntargets > 0;
}

static int
open_all(struct creation *c, struct err *err)
{
	const char *const out = job_out(c->job);

	if (place_is_remote(out))
		place_output(&c->plan->target, out);
	c->side = sides_open(&c->plan->target, c->o->usual, err);
	if (c->side == NULL ||
	    sides_check_account(c->side, &c->plan->target, err) != 0)
		return -1;
	c->service = dynamodb_open(c->side, err);
	return c->service == NULL ? -1 : 0;
}

static int
go(const struct creation_options *o,
   int (*each)(struct creation *c, struct err *err), struct err *err)
{
	struct creation c = { .o = o };
	int rc = load(&c, err);

	if (rc == 0 && any(&c))
		rc = open_all(&c, err) == 0 ? each(&c, err) : -1;
	service_close(c.service);
	side_close(c.side);
	place_output(NULL, NULL);
	exports_free(&c.exports);
	plan_free(c.plan);
	job_close(c.job);
	arena_free(&c.mem);
	return rc;
}

int
creation_make(const struct creation_options *o, struct err *err)
{
	return go(o, make_all, err);
}

int
creation_settle(const struct creation_options *o, struct err *err)
{
	return go(o, settle_all, err);
}
