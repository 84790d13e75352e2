/*
 * migrate_targets.c - the tables that a migration writes to: what comes to them
 * by the analysis and then by the output, how they are now, which way each
 * goes in, and in which order.
 */
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aws/dynamodb.h"
#include "aws/service.h"
#include "aws/side.h"
#include "base/buf.h"
#include "base/err.h"
#include "cli/environment.h"
#include "cli/migrate.h"
#include "cli/ways.h"
#include "engine/footprint.h"
#include "engine/import_job.h"
#include "engine/job.h"
#include "engine/journal.h"
#include "engine/outfiles.h"
#include "engine/place.h"
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

/* Several plan tables may go to one target.  There is room for all of them. */
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

/* ---- what the output holds ----------------------------------------------- */

/* What comes to each, for sure now; also to those that others emit to. */
static int
take_output(struct migration *m, const struct outfiles *out, struct err *err)
{
	uint32_t last = 0;

	for (size_t i = 0; i < m->ntables; i++) {
		m->tables[i].items = 0;
		if (m->tables[i].level > last)
			last = m->tables[i].level;
	}
	for (size_t i = 0; i < out->n; i++) {
		const char *const name = out->tables[i].name;
		const struct span own = arena_copy(&m->mem, (struct span){
			(const uint8_t *)name, strlen(name) + 1 }, err);
		struct migrate_table *t;

		if (own.ptr == NULL)
			return -1;
		t = target_named(m, (const char *)own.ptr);
		if (t->level == 0)
			t->level = last + 1;
		t->items = out->tables[i].puts.nitems;
		t->deletes = out->tables[i].deletes.nitems;
	}
	return 0;
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
read_analysis(struct migration *m, const struct outfiles *out,
	      struct err *err)
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
					       : 0) + out->n) *
			       sizeof(*m->tables), err);
	if (m->tables == NULL)
		return -1;
	for (uint32_t i = 0; list != NULL && list->kind == TREE_LIST &&
	     i < list->nkids; i++)
		take_table(m, &list->kids[i]);
	if (m->output_known && take_output(m, out, err) != 0)
		return -1;
	qsort(m->tables, m->ntables, sizeof(*m->tables), by_level);
	return 0;
}

/*
 * By the analysis, and by the output if the run has come to its end.
 * Batch-requests are of no table.
 */
static int
look_at_job(struct migration *m, struct err *err)
{
	struct job *const job = job_open_as_is(m->job, false, err);
	struct outfiles out = { .n = 0 };
	int rc = job == NULL ? -1 : 0;

	m->output_known = rc == 0 && job_is_out(job) &&
			  m->plan->format != PLAN_BATCH_REQUESTS;
	if (m->output_known) {
		if (place_is_remote(job_out(job)))
			place_output(&m->plan->target, job_out(job));
		rc = outfiles_find(job_out(job), NULL, 0, &out, err);
	}
	if (rc == 0)
		rc = read_analysis(m, &out, err);
	outfiles_free(&out);
	place_output(NULL, NULL);
	job_close(job);
	return rc;
}

/* ---- which way they go --------------------------------------------------- */

bool
migrate_imports(const struct migration *m, const struct migrate_table *t,
		const char **why)
{
	*why = t->imported ? NULL : m->why_not != NULL ? m->why_not
		: t->local ? "an import makes no local indexes"
		: t->there ? "it exists"
		: t->deletes > 0 ? "it has deletes"
		: t->items == 0 ? "no item comes to it" : NULL;
	return *why == NULL;
}

/*
 * In dependency order, over both ways: in each round the imports go before the
 * pushes, and no import before a push of a level before it.  Imports of several
 * levels may go at once: what they make is nobody's before it is whole.
 */
static void
set_rounds(struct migration *m)
{
	const char *why;
	unsigned round = 0;
	bool pushes = false;

	m->imports_end = 0;
	for (size_t i = 0; i < m->ntables;) {
		const uint32_t level = m->tables[i].level;
		size_t end = i;
		bool any = false, push = false;

		for (; end < m->ntables && m->tables[end].level == level;
		     end++) {
			if (migrate_imports(m, &m->tables[end], &why))
				any = true;
			else if (m->tables[end].items > 0 ||
				 m->tables[end].deletes > 0)
				push = true;
		}
		if (any && pushes) {
			round++;
			pushes = false;
		}
		if (any && m->imports_end == 0)
			m->imports_begin = round;
		if (any)
			m->imports_end = round + 1;
		pushes |= push;
		for (; i < end; i++)
			m->tables[i].round = round;
	}
}

static struct journal *
look_at_journal(const struct migration *m, struct err *err)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/" JOB_JOURNAL, m->job);
	return journal_look(path, err);
}

/* Is there an address to import from that the job knows, and no option says? */
static bool
has_address(const struct migration *m)
{
	struct err ignored;
	struct job *const job = job_open_as_is(m->job, false, &ignored);
	struct journal *const j = job == NULL ? NULL
		: look_at_journal(m, &ignored);
	const bool has = j != NULL && (place_is_remote(job_out(job)) ||
				       import_job_uploads_to(j).len > 0);

	journal_close(j);
	job_close(job);
	return has;
}

int
migrate_choose_way(struct migration *m, struct err *err)
{
	const bool address = has_address(m);

	m->why_not = ways_why_not(&m->o, m->plan, address);
	m->imports = m->why_not == NULL;
	if (m->o.import && m->imports && m->o.to == NULL &&
	    m->plan->out == NULL && !address)
		return err_set(err, ERR_USAGE, "--import takes an address to "
			       "upload the files to: --to s3://BUCKET/PREFIX");
	if (m->o.to != NULL && m->plan->out != NULL)
		return err_set(err, ERR_USAGE, "the plan has its output in S3, "
			       "which is imported from there: leave --to out");
	return m->o.to != NULL && plan_check_out(m->o.to, err) != 0
		? err_at(err, "--to") : 0;
}

/* The imports that the job's journal knows of. */
static int
look_at_imports(struct migration *m, struct err *err)
{
	char name[300];
	struct journal *const j = look_at_journal(m, err);

	if (j == NULL)
		return -1;
	for (size_t i = 0; i < m->ntables; i++) {
		snprintf(name, sizeof(name), "import %s", m->tables[i].name);
		m->tables[i].imported = journal_noted(j, name).len > 0;
		m->imports |= m->tables[i].imported;
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
	struct footprint footprint;
	char path[PATH_MAX];
	int rc = dynamodb_describe(s, t->name, &d, err);

	t->there = rc > 0;
	if (footprint_load(m->job, t->name, &footprint, err) < 0)
		rc = -1;
	/* Else it failed, or was taken back. */
	t->imported &= t->there && footprint_may_be_import(&footprint);
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
	rc = look_at_job(m, err);
	if (rc == 0)
		rc = look_at_imports(m, err);
	if (rc == 0)
		rc = look_at_all(m, &side, err);
	if (rc == 0)
		set_rounds(m);
	side_close(side);
	m->targets_known = rc == 0;
	return rc;
}


int
migrate_check_there(struct migration *m, struct err *err)
{
	if (migrate_targets(m, err) != 0)
		return -1;
	for (size_t i = 0; i < m->ntables; i++) {
		const struct migrate_table *const t = &m->tables[i];

		/* Who deletes may well leave nothing. */
		if (t->items == 0 || t->deletes > 0 || (t->there && !t->empty))
			continue;
		return err_set(err, ERR_REFUSED, "table '%s' %s, and this job "
			       "has put %ju items into it; to write them anew, "
			       "let 'dynamill rollback --job %s%s' forget "
			       "them, and then this again", t->name,
			       t->there ? "is empty" : "is gone",
			       (uintmax_t)t->items, m->job,
			       t->there ? "" : " --force");
	}
	return 0;
}
