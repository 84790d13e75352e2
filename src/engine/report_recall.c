/*
 * report_recall.c - what report.json says of a job that is done, for the
 * summary and to be compared: references that find nothing, rows of ids.map
 * without use.  Where there is no report any more, nothing is told.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/err.h"
#include "engine/plan.h"
#include "engine/program.h"
#include "engine/run_internal.h"
#include "formats/json.h"
#include "formats/tree.h"
#include "io/file.h"

enum { MAX_REPORT = 1 << 30 };

/* The list called `name` in a map; an empty one if there is none. */
static struct tree
list_of(const struct tree *map, const char *name)
{
	const struct tree *const t = tree_get(map, name);

	return t != NULL && t->kind == TREE_LIST ? *t : (struct tree){ 0 };
}

static bool
says(const struct tree *map, const char *name, const char *text)
{
	const struct tree *const t = tree_get(map, name);

	return t != NULL && t->kind == TREE_TEXT && span_is(t->text, text);
}

static uint64_t
number(const struct tree *map, const char *name)
{
	const struct tree *const t = tree_get(map, name);
	uint64_t n = 0;

	return t != NULL && tree_uint(t, &n) == 0 ? n : 0;
}

/* What rule `k` of table `i` found. */
static void
recall_rule(const struct run *r, uint32_t i, uint32_t k,
	    const struct tree *rule, struct join_relation_result *relations)
{
	const struct plan *const p = r->plan;
	const struct tree all = list_of(rule, "to");

	for (uint32_t n = 0; n < all.nkids; n++)
		for (uint32_t to = 0; to < p->ntables; to++) {
			struct join_relation_result *const rel =
				&relations[program_relation(r->program, i, k,
							    to)];

			if (!says(&all.kids[n], "table", p->tables[to].name))
				continue;
			rel->refs = number(&all.kids[n], "references");
			rel->dangling = number(&all.kids[n], "dangling");
		}
}

static void
recall_table(const struct run *r, const struct tree *table,
	     struct join_relation_result *relations, struct mapuse *maps)
{
	const struct tree rules = list_of(table, "rules");

	for (uint32_t i = 0; i < r->plan->ntables; i++) {
		if (!says(table, "table", r->plan->tables[i].name))
			continue;
		if (maps != NULL)
			maps[i] = (struct mapuse){
				number(table, "mapRows"),
				number(table, "mapRowsUnused"),
			};
		for (uint32_t k = 0; k < r->plan->tables[i].nrules &&
		     k < rules.nkids; k++)
			recall_rule(r, i, k, &rules.kids[k], relations);
	}
}

bool
report_recall(const struct run *r, const char *dir,
	      struct join_relation_result *relations, struct mapuse *maps)
{
	struct arena mem = { 0 };
	struct buf text = { 0 };
	const struct tree *t = NULL;
	struct tree tables;
	char path[PATH_MAX];
	struct err unused;

	snprintf(path, sizeof(path), "%s/report.json", dir);
	if (file_load(path, MAX_REPORT, &text, &unused) == 0)
		t = json_parse(buf_span(&text), path, &mem, &unused);
	tables = t != NULL ? list_of(t, "tables") : (struct tree){ 0 };
	for (uint32_t i = 0; i < tables.nkids; i++)
		recall_table(r, &tables.kids[i], relations, maps);
	buf_free(&text);
	arena_free(&mem);
	return t != NULL;
}
