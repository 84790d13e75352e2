/* migrate_confirm.c - what a migration will write to, and whether it may. */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aws/dynamodb.h"
#include "aws/service.h"
#include "aws/side.h"
#include "aws/sts.h"
#include "base/buf.h"
#include "base/err.h"
#include "cli/confirm.h"
#include "cli/environment.h"
#include "cli/migrate.h"
#include "cli/words.h"
#include "engine/job.h"
#include "engine/journal.h"
#include "engine/plan.h"
#include "engine/sides.h"
#include "formats/json.h"
#include "formats/tree.h"
#include "io/file.h"

enum { MAX_ANALYSIS = 1 << 30 };

/* ---- what the analysis says --------------------------------------------- */

static uint64_t
number(const struct tree *map, const char *name)
{
	const struct tree *const t = map == NULL ? NULL : tree_get(map, name);
	uint64_t n = 0;

	return t != NULL && tree_uint(t, &n) == 0 ? n : 0;
}

static double
real(const struct tree *map, const char *group, const char *name)
{
	const struct tree *const g = map == NULL ? NULL : tree_get(map, group);
	const struct tree *const t = g == NULL ? NULL : tree_get(g, name);

	return t != NULL && t->kind == TREE_NUMBER
		? strtod((const char *)t->text.ptr, NULL) : 0;
}

/* Several plan tables may go to one target. */
static struct migrate_table *
target_named(struct migration *m, const char *name)
{
	for (size_t i = 0; i < m->ntables; i++)
		if (strcmp(m->tables[i].name, name) == 0)
			return &m->tables[i];
	m->tables[m->ntables] = (struct migrate_table){ .name = name };
	return &m->tables[m->ntables++];
}

/* Has the definition of this name a local index? */
static bool
is_local(const struct plan *p, const struct tree *name)
{
	for (uint32_t i = 0; i < p->ncreates && name != NULL &&
	     name->kind == TREE_TEXT; i++)
		for (size_t k = 0; k < p->creates[i].nindexes; k++)
			if (p->creates[i].indexes[k].local &&
			    span_is(name->text, p->creates[i].name))
				return true;
	return false;
}

static void
take_table(struct migration *m, const struct tree *t)
{
	const struct tree *const to = tree_get(t, "to");
	const struct tree *const costs = tree_get(t, "estimates");
	const uint32_t level = (uint32_t)number(t, "level");
	struct migrate_table *table;

	if (to == NULL || to->kind != TREE_TEXT)
		return;
	table = target_named(m, (const char *)to->text.ptr);
	table->items += number(tree_get(t, "counts"), "moved");
	if (level > table->level)
		table->level = level;
	/* A definition may be called as the target, the plan or the source. */
	table->local |= is_local(m->plan, to) ||
			is_local(m->plan, tree_get(t, "name")) ||
			is_local(m->plan, tree_get(t, "from"));
	table->push_seconds += real(costs, "push", "seconds");
	table->push_cost += real(costs, "push", "cost");
	table->import_seconds += real(costs, "import", "seconds");
	table->import_cost += real(costs, "import", "cost");
	table->monthly += real(costs, "monthly", "total");
}

static int
by_level(const void *a, const void *b)
{
	const struct migrate_table *const x = a, *const y = b;

	if (x->level != y->level)
		return x->level < y->level ? -1 : 1;
	return strcmp(x->name, y->name);
}

static int
read_analysis(struct migration *m, struct err *err)
{
	char path[PATH_MAX];
	struct buf text = { 0 };
	struct span copy = { NULL, 0 };
	const struct tree *t, *list;

	snprintf(path, sizeof(path), "%s/analysis.json", m->job);
	if (file_load(path, MAX_ANALYSIS, &text, err) == 0)
		copy = arena_copy(&m->mem, buf_span(&text), err);
	buf_free(&text);
	t = copy.ptr == NULL ? NULL
		: json_parse(copy, "analysis.json", &m->mem, err);
	if (t == NULL)
		return err_advise(err, "let 'analyze' be done again: --from "
				  "analyze");
	list = tree_get(t, "tables");
	m->ntables = 0;
	m->tables = arena_take(&m->mem, (1U + (list != NULL ? list->nkids
					       : 0)) * sizeof(*m->tables),
			       err);
	if (m->tables == NULL)
		return -1;
	for (uint32_t i = 0; list != NULL && list->kind == TREE_LIST &&
	     i < list->nkids; i++)
		take_table(m, &list->kids[i]);
	qsort(m->tables, m->ntables, sizeof(*m->tables), by_level);
	return 0;
}

/* ---- which way they go --------------------------------------------------- */

bool
migrate_imports(const struct migration *m, const struct migrate_table *t,
		const char **why)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/" JOB_OUT "/%s/" JOB_DELETES, m->job,
		 t->name);
	*why = !m->o.import ? "--import is not said"
		: t->local ? "an import makes no local indexes"
		: m->plan->format == PLAN_BATCH_REQUESTS
		? "batch-requests are for no import"
		: t->there && !t->imported ? "it exists"
		: access(path, F_OK) == 0 ? "it has deletes" : NULL;
	return *why == NULL;
}

/* The imports that the job's journal knows of. */
static int
look_at_imports(struct migration *m, struct err *err)
{
	char path[PATH_MAX], name[300];
	struct journal *j;

	snprintf(path, sizeof(path), "%s/" JOB_JOURNAL, m->job);
	j = journal_look(path, err);
	if (j == NULL)
		return -1;
	for (size_t i = 0; i < m->ntables; i++) {
		snprintf(name, sizeof(name), "import %s", m->tables[i].name);
		m->tables[i].imported = journal_noted(j, name).len > 0;
	}
	journal_close(j);
	return 0;
}

/* ---- how they are now --------------------------------------------------- */

static int
look_at(struct migration *m, struct service *s, struct migrate_table *t,
	struct err *err)
{
	struct dynamodb_table d = { 0 };
	char path[PATH_MAX];
	int rc = dynamodb_describe(s, t->name, &d, err);

	t->there = rc > 0;
	t->empty = true;
	dynamodb_table_free(&d);
	snprintf(path, sizeof(path), "%s/push/%s.done", m->job, t->name);
	t->begun = access(path, F_OK) == 0;
	if (rc > 0)
		rc = dynamodb_is_empty(s, t->name, &t->empty, err);
	if (rc != 0 || t->empty || t->begun || t->imported ||
	    m->o.into_existing ||
	    m->o.only_new)
		return rc;
	return err_set(err, ERR_REFUSED, "table '%s' is not empty; "
		       "--into-existing writes over items of the same key, "
		       "--only-new leaves them; nothing was written", t->name);
}

static int
look_at_all(struct migration *m, struct side **side, struct err *err)
{
	struct service *s = NULL;
	int rc = -1;

	*side = sides_open(&m->plan->target, environment_side(), err);
	if (*side != NULL &&
	    sides_check_account(*side, &m->plan->target, err) == 0)
		s = dynamodb_open(*side, err);
	if (s != NULL)
		rc = 0;
	for (size_t i = 0; rc == 0 && i < m->ntables; i++)
		rc = look_at(m, s, &m->tables[i], err);
	service_close(s);
	return rc;
}

int
migrate_targets(struct migration *m, struct err *err)
{
	struct side *side = NULL;
	int rc = 0;

	if (m->targets_known)
		return 0;
	rc = read_analysis(m, err);
	if (rc == 0)
		rc = look_at_imports(m, err);
	if (rc == 0)
		rc = look_at_all(m, &side, err);
	side_close(side);
	m->targets_known = rc == 0;
	return rc;
}

/* ---- asking ------------------------------------------------------------- */

static void
print_place(const struct migration *m)
{
	struct sts_identity who = { 0 };
	struct buf url = { 0 };
	struct err err = { 0 };
	struct side *const side = sides_open(&m->plan->target,
					     environment_side(), &err);
	const char *const region = side == NULL ? NULL
		: side_region(side, &err);

	if (m->plan->stage != NULL)
		fprintf(stderr, "  stage    %s\n", m->plan->stage);
	if (side != NULL && side_endpoint(side, "dynamodb", region, &url,
					  &err) == 1)
		fprintf(stderr, "  place    %.*s\n", (int)url.len,
			(const char *)url.ptr);
	else if (side != NULL && side_identity(side, &who, &err) == 0)
		fprintf(stderr, "  account  %s, as %s\n",
			(const char *)who.account.ptr,
			(const char *)who.arn.ptr);
	fprintf(stderr, "  region   %s\n", region != NULL ? region : "?");
	sts_identity_free(&who);
	buf_free(&url);
	side_close(side);
}

/* Lines for a person to read before the questions; the sum of items. */
static uint64_t
print_it(const struct migration *m, unsigned *full)
{
	const char *const currency = m->plan->prices.currency;
	double seconds = 0, cost = 0, monthly = 0;
	uint64_t items = 0;
	char n[32], took[32], money[64], month[64];

	print_place(m);
	fprintf(stderr, "  tables\n");
	for (size_t i = 0; i < m->ntables; i++) {
		const struct migrate_table *const t = &m->tables[i];
		const char *why;
		const bool import = migrate_imports(m, t, &why);

		fprintf(stderr, "    %-32s %12s items, %s, %s%s%s%s\n", t->name,
			words_count(t->items, n), t->begun || t->imported
			? "begun by this job" : !t->there ? "to be made"
			: t->empty ? "empty" : "NOT EMPTY",
			import ? "by import" : "by push",
			m->o.import && !import ? " (" : "",
			m->o.import && !import ? why : "",
			m->o.import && !import ? ")" : "");
		*full += t->there && !t->empty;
		items += t->items;
		seconds += import ? t->import_seconds : t->push_seconds;
		cost += import ? t->import_cost : t->push_cost;
		monthly += t->monthly;
	}
	fprintf(stderr, "  in all   %s items, about %s, %s; then %s a month\n",
		words_count(items, n), words_seconds(seconds, took),
		words_money(cost, currency, money),
		words_money(monthly, currency, month));
	return items;
}

int
migrate_confirm_early(const struct migration *m, struct err *err)
{
	if (!m->plan->confirm || isatty(STDIN_FILENO))
		return 0;
	return confirm(&m->o, m->plan, NULL, "a migration", err);
}

int
migrate_confirm(struct migration *m, struct err *err)
{
	unsigned full = 0;
	uint64_t items;
	char what[300], n[32];

	if (migrate_targets(m, err) != 0)
		return -1;
	for (size_t i = 0; i < m->ntables; i++)
		full += m->tables[i].there && !m->tables[i].empty;
	if (!m->plan->confirm && full == 0)
		return 0;
	full = 0;
	items = print_it(m, &full);
	snprintf(what, sizeof(what), "%s items into %zu table%s, %u of them "
		 "not empty", words_count(items, n), m->ntables,
		 m->ntables == 1 ? "" : "s", full);
	if (confirm(&m->o, m->plan, m->ntables == 1 ? m->tables[0].name : NULL,
		    what, err) != 0)
		return -1;
	m->o.confirmed = true;
	return 0;
}
