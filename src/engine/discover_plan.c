/* discover_plan.c - discovery beside a plan; and what attributes there are. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "engine/discover_internal.h"
#include "engine/plan.h"

/* The paths that a table's rules are about, but for a key that stays. */
static int
declare(const struct plan_table *t, struct discover_table *out,
	struct err *err)
{
	const char **const paths = malloc((t->nrules + 1) * sizeof(*paths));

	if (paths == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	out->declared = paths;
	for (size_t i = 0; i < t->nrules; i++)
		if (!t->rules[i].is_id || t->has_ids)
			paths[out->ndeclared++] = t->rules[i].path;
	return 0;
}

int
discover_finish(struct discover *d, const struct plan *plan,
		const char *job_dir, struct discover_result *out,
		struct err *err)
{
	const uint32_t n = (uint32_t)plan->ntables;
	struct discover_table *const tables = calloc(n + (size_t)1,
						     sizeof(*tables));
	struct discover_probe *const p = discover_probe_new(d, n, err);
	int rc = -1;

	*out = (struct discover_result){ .mem = { 0 } };
	if (tables == NULL)
		err_set(err, ERR_SYSTEM, "out of memory");
	if (tables == NULL || p == NULL)
		goto done;
	for (uint32_t i = 0; i < n; i++) {
		const struct plan_table *const t = &plan->tables[i];

		tables[i] = (struct discover_table){
			.name = t->name,
			.set = t->skip || t->input == PLAN_NONE
				? DISCOVER_NONE : i,
		};
		if (declare(t, &tables[i], err) != 0)
			goto done;
		if (tables[i].set != DISCOVER_NONE &&
		    discover_probe_index(p, i, job_dir, t->name, err) != 0)
			goto done;
	}
	rc = discover_judge(p, tables, out, err);
done:
	for (uint32_t i = 0; tables != NULL && i < n; i++)
		free((void *)(uintptr_t)tables[i].declared);
	free(tables);
	discover_probe_free(p);
	return rc;
}

/* ---- attributes ---------------------------------------------------------- */

static int
order(const void *a, const void *b)
{
	return span_compare(((const struct discover_attr *)a)->name,
			    ((const struct discover_attr *)b)->name);
}

/* How many texts were cut in a way that begins with `piece`. */
static uint64_t
values_below(const struct tree_of_paths *t, uint32_t piece)
{
	const struct node *const n = &t->nodes[piece];
	uint64_t sum = n->values;

	for (uint32_t i = 0; n->nkids > 0 && i <= n->mask; i++)
		if (n->kids[i] != NO_NODE &&
		    t->nodes[n->kids[i]].kind != PART_CAPTURE)
			sum += values_below(t, n->kids[i]);
	return sum;
}

/* How many texts begin with a word and then # | : or /. */
static uint64_t
composites(const struct tree_of_paths *t, const struct node *n)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; n->nkids > 0 && i <= n->mask; i++) {
		const struct node *const shape = &t->nodes[n->kids[i]];

		if (shape->kind != PART_SHAPE || shape->sep == '_' ||
		    shape->sep == '-')
			continue;
		for (uint32_t k = 0; shape->nkids > 0 && k <= shape->mask; k++)
			if (t->nodes[shape->kids[k]].kind == PART_TAG)
				sum += values_below(t, shape->kids[k]);
	}
	return sum;
}

static struct discover_attr
attr_of(const struct tree_of_paths *t, const struct node *n)
{
	const struct sketch *const s = &n->sample;
	struct discover_attr a = {
		.name = { n->name, n->name_len }, .values = n->values,
		.distinct = sketch_distinct(s), .composite = composites(t, n),
		.unique = true,
	};

	for (int i = 0; i < 3; i++)
		if (n->types[i] == t->stand_for)
			a.type = "SNB"[i];
	/* What came once stands for one item or for a weight. */
	for (uint32_t i = 0; s->n > 0 && i <= s->mask; i++)
		if (sketch_slot(s, i)[1] > 1 &&
		    sketch_slot(s, i)[1] != WEIGHT &&
		    sketch_slot(s, i)[1] != GREAT_WEIGHT)
			a.unique = false;
	if (a.unique && n->seen > 0 && t->thinned)
		a.distinct = a.distinct * n->values / n->seen;
	return a;
}

struct discover_attr *
discover_attrs(const struct discover *d, uint32_t table, struct arena *mem,
	       size_t *n, struct err *err)
{
	const struct tree_of_paths *const t = &d->trees[table];
	const uint32_t nkids = t->nnodes > 0 ? t->nodes[0].nkids : 0;
	struct discover_attr *const out =
		arena_take(mem, (nkids + (size_t)1) * sizeof(*out), err);

	*n = 0;
	if (out == NULL)
		return NULL;
	for (uint32_t i = 0; nkids > 0 && i <= t->nodes[0].mask; i++) {
		const struct node *const kid = &t->nodes[t->nodes[0].kids[i]];

		if (kid->kind == PART_NAME && kid->values > 0)
			out[(*n)++] = attr_of(t, kid);
	}
	qsort(out, *n, sizeof(*out), order);
	return out;
}
