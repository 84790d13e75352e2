#include "engine/creation.h"

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
#include "engine/plan.h"
#include "engine/recall.h"
#include "engine/sides.h"
#include "engine/sources.h"
#include "formats/json.h"
#include "formats/jsonwrite.h"
#include "formats/tree.h"

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
	jsonwrite_name(&w, "TableName");
	jsonwrite_text(&w, t->to);
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

/* Is it the first table of the plan with this target? */
static bool
is_first(const struct plan *p, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (!p->tables[k].skip && !p->tables[k].glob &&
		    p->tables[k].create != NULL &&
		    strcmp(p->tables[k].to, p->tables[i].to) == 0)
			return false;
	return true;
}

static int
make_all(struct creation *c, struct err *err)
{
	for (size_t i = 0; i < c->plan->ntables; i++) {
		const struct plan_table *const t = &c->plan->tables[i];
		const struct tree *definition;
		int rc;

		if (t->skip || t->glob || t->create == NULL ||
		    !is_first(c->plan, i))
			continue;
		definition = rename_to(c, t, err);
		rc = definition == NULL ? -1
			: footprint_make(c->o->job_dir, c->service,
					 definition, err);
		if (rc < 0)
			return -1;
		if (c->o->made != NULL)
			c->o->made(c->o->context, t->to, rc > 0);
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

static bool
any_defined(const struct plan *p)
{
	for (size_t i = 0; i < p->ntables; i++)
		if (!p->tables[i].skip && !p->tables[i].glob &&
		    p->tables[i].create != NULL)
			return true;
	return false;
}

int
creation_make(const struct creation_options *o, struct err *err)
{
	struct creation c = { .o = o };
	int rc = load(&c, err);

	if (rc == 0 && any_defined(c.plan)) {
		rc = -1;
		c.side = sides_open(&c.plan->target, o->usual, err);
		if (c.side != NULL &&
		    sides_check_account(c.side, &c.plan->target, err) == 0)
			c.service = dynamodb_open(c.side, err);
		if (c.service != NULL)
			rc = make_all(&c, err);
	}
	service_close(c.service);
	side_close(c.side);
	exports_free(&c.exports);
	plan_free(c.plan);
	job_close(c.job);
	arena_free(&c.mem);
	return rc;
}
