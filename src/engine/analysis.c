#include "engine/analysis.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "engine/analysis_internal.h"
#include "engine/html.h"
#include "engine/job.h"
#include "engine/plan.h"
#include "engine/program.h"
#include "io/file.h"

/* ---- memory -------------------------------------------------------------- */

void *
analysis_take(struct analyst *x, size_t n, size_t size)
{
	void *const p = arena_take(&x->a->mem, n * size + 1, x->err);

	if (p != NULL)
		memset(p, 0, n * size + 1);
	return p;
}

const char *
analysis_text(struct analyst *x, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	const int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);

	char *const text = analysis_take(x, (size_t)n + 1, 1);
	if (text == NULL)
		return NULL;
	va_start(ap, fmt);
	vsnprintf(text, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return text;
}

const char *
analysis_count(struct analyst *x, uint64_t n)
{
	char digits[24];
	const int len = snprintf(digits, sizeof(digits), "%" PRIu64, n);
	char *const out = analysis_take(x, 32, 1);
	int k = 0;

	if (out == NULL)
		return "";
	for (int i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			out[k++] = ',';
		out[k++] = digits[i];
	}
	return out;
}

/* ---- tables -------------------------------------------------------------- */

/* The bytes and files of an input. */
static void
measure(const struct run *r, uint32_t input, struct analysis_table *t)
{
	if (input == PLAN_NONE)
		return;
	for (uint32_t i = 0; i < r->nunits; i++)
		if (r->units[i].input == input) {
			t->files++;
			t->packed_len += r->units[i].packed_len;
		}
	t->plain_len = r->progress[input].plain_len;
	/* Of standard input nobody knows it beforehand. */
	if (t->packed_len == 0)
		t->packed_len = r->progress[input].packed_len;
	t->shares = r->plan->inputs[input].ntables > 1;
}

/*
 * Bytes by DynamoDB's rules of what goes to the target: as the source has to
 * those of its lines, so will the target.
 */
static uint64_t
weigh(const struct analyst *x, const struct stats *stats,
      const struct analysis_table *t)
{
	const struct plan *const p = x->r->plan;
	double bytes = 0, json = 0;

	if (t->source != NULL) {
		bytes = (double)t->source->bytes;
		json = (double)t->source->json;
	}
	for (uint32_t i = 0; json == 0 && i < p->ninputs; i++) {
		bytes += (double)stats_of_input(stats, i)->bytes;
		json += (double)stats_of_input(stats, i)->json;
	}
	return json == 0 ? 0 : (uint64_t)(bytes / json *
					  (double)t->stats->json);
}

static int
want_pairs(struct analyst *x, const struct join_pair *from, uint32_t n,
	   struct analysis_pair **to, size_t *nto)
{
	*to = analysis_take(x, n, sizeof(**to));
	if (*to == NULL)
		return -1;
	*nto = n;
	for (uint32_t i = 0; i < n; i++)
		if (analysis_want(x, &from[i].a, &(*to)[i].a, NULL) != 0 ||
		    analysis_want(x, &from[i].b, &(*to)[i].b, NULL) != 0)
			return -1;
	return 0;
}

/* What the end checks say of the table's ids and its target's keys. */
static int
take_checks(struct analyst *x, struct analysis_table *t)
{
	const struct join_result *const j = &x->r->account.join;
	const uint32_t target = x->r->targets[t->number].number;
	const struct join_table_result *const ids = &j->tables[t->number];
	const struct join_target_result *const keys = &j->targets[target];

	t->collisions = ids->collisions;
	if (want_pairs(x, ids->collision, ids->ncollision, &t->collision,
		       &t->ncollision) != 0)
		return -1;
	for (uint32_t i = 0; i < t->number; i++)
		if (x->r->targets[i].number == target &&
		    !x->r->plan->tables[i].skip)
			return 0;	/* told with that one */
	t->duplicates = keys->duplicates;
	return want_pairs(x, keys->duplicate, keys->nduplicate, &t->duplicate,
			  &t->nduplicate);
}

static int
take_table(struct analyst *x, const struct stats *stats, uint32_t number)
{
	const struct plan_table *const from = &x->r->plan->tables[number];
	struct analysis_table *const t = &x->a->tables[x->a->ntables++];

	*t = (struct analysis_table){
		.table = from, .number = number,
		.to = x->r->targets[number].name,
		.counts = x->r->account.tables[number],
		.stats = stats_of_table(stats, number),
	};
	measure(x->r, from->input, t);
	if (from->input != PLAN_NONE) {
		t->source = stats_of_input(stats, from->input);
		t->attributes = stats_attributes(stats, from->input,
			&x->a->mem, &t->nattributes, &t->nleft_out, x->err);
		if (t->attributes == NULL)
			return -1;
		t->distinct_error = stats_error(stats, from->input);
	}

	const struct price_load load = {
		.items = t->stats->items, .bytes = weigh(x, stats, t),
		.json = t->stats->json, .units = t->stats->units,
		.index_units = t->stats->index_units,
		.index_items = t->stats->index_items,
	};
	t->json = load.json;
	t->costs = prices_estimate(&x->r->plan->prices, from->create, &load);
	if (from->level > x->a->nlevels)
		x->a->nlevels = from->level;
	return take_checks(x, t);
}

/* ---- references ---------------------------------------------------------- */

/* Is `name` one of the words of `list`? */
static bool
names(const char *list, const char *name)
{
	const size_t len = strlen(name);

	for (const char *at = strstr(list, name); at != NULL;
	     at = strstr(at + 1, name)) {
		const char before = at > list ? at[-1] : ' ';
		const char after = at[len];

		if (strchr(" ,'{", before) != NULL &&
		    (after == '\0' || strchr(" ,'}", after) != NULL))
			return true;
	}
	return false;
}

/* Is there anything to say of what this rule's values are of that table? */
static bool
matters(const struct run *r, uint32_t table, uint32_t rule, uint32_t to)
{
	const struct plan_rule *const says = &r->plan->tables[table].rules[rule];

	return !r->plan->tables[table].skip && !says->is_id &&
	       (r->account.join.relations[program_relation(r->program, table,
							   rule, to)].refs > 0
		|| names(says->tables, r->plan->tables[to].name));
}

static int
take_reference(struct analyst *x, uint32_t table, uint32_t rule, uint32_t to)
{
	const struct run *const r = x->r;
	const struct join_relation_result *const from =
		&r->account.join.relations[program_relation(r->program, table,
							    rule, to)];
	struct analysis_reference *const ref =
		&x->a->references[x->a->nreferences++];
	const uint64_t checked = from->resolved + from->dangling;

	*ref = (struct analysis_reference){
		.table = table, .rule = rule, .to = to,
		.path = r->plan->tables[table].rules[rule].path,
		.values = from->refs, .resolved = from->resolved,
		.dangling = from->dangling, .unchecked = from->unchecked,
		.rejected = from->rejected,
		.share = checked == 0 ? 1
			: (double)from->resolved / (double)checked,
		.examples = analysis_take(x, from->ndangle,
					  sizeof(*ref->examples)),
		.nexamples = from->ndangle,
	};
	if (ref->examples == NULL)
		return -1;
	for (uint32_t i = 0; i < from->ndangle; i++)
		if (analysis_want(x, &from->dangle[i], &ref->examples[i],
				  ref) != 0)
			return -1;
	return 0;
}

typedef int each_reference(struct analyst *x, uint32_t table, uint32_t rule,
			   uint32_t to);

static int
count_reference(struct analyst *x, uint32_t table, uint32_t rule, uint32_t to)
{
	(void)table;
	(void)rule;
	(void)to;
	x->nreferences++;
	return 0;
}

static int
go_through(struct analyst *x, each_reference *each)
{
	const struct plan *const p = x->r->plan;

	for (uint32_t i = 0; i < p->ntables; i++)
		for (uint32_t k = 0; k < p->tables[i].nrules; k++)
			for (uint32_t to = 0; to < p->ntables; to++)
				if (matters(x->r, i, k, to) &&
				    each(x, i, k, to) != 0)
					return -1;
	return 0;
}

int
analysis_references(struct analyst *x)
{
	go_through(x, count_reference);
	x->a->references = analysis_take(x, x->nreferences,
					 sizeof(*x->a->references));
	return x->a->references == NULL ? -1 : go_through(x, take_reference);
}

/* ---- all of it ----------------------------------------------------------- */

static int
put_together(struct analyst *x)
{
	const struct plan *const p = x->r->plan;
	const struct stats *stats;

	if (analysis_watch_settle(x->watch, x->r, &stats, &x->a->found,
				  x->err) != 0)
		return -1;
	x->a->tables = analysis_take(x, p->ntables, sizeof(*x->a->tables));
	if (x->a->tables == NULL)
		return -1;
	for (uint32_t i = 0; i < p->ntables; i++)
		if (!p->tables[i].skip && !p->tables[i].glob &&
		    take_table(x, stats, i) != 0)
			return -1;
	if (analysis_references(x) != 0 || analysis_find(x) != 0)
		return -1;
	return analysis_problems(x);
}

struct analysis *
analysis_new(struct run *r, struct analysis_watch *w, struct err *err)
{
	struct analysis *const a = calloc(1, sizeof(*a));
	struct analyst x = { .a = a, .r = r, .watch = w, .err = err };

	if (a == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	a->run = r;
	a->plan = r->plan;
	a->seconds = r->account.seconds;

	const int rc = put_together(&x);
	free(x.wanted);
	if (rc == 0)
		return a;
	analysis_free(a);
	return NULL;
}

void
analysis_free(struct analysis *a)
{
	if (a == NULL)
		return;
	arena_free(&a->mem);
	free(a);
}

int
analysis_save(const struct analysis *a, struct err *err)
{
	struct buf text = { 0 };
	char path[sizeof(a->run->dir) + 32];
	int rc = analysis_json(a, &text, err);

	snprintf(path, sizeof(path), "%s/analysis.json", a->run->dir);
	if (rc == 0)
		rc = file_save(path, buf_span(&text), err);
	snprintf(path, sizeof(path), "%s/analysis.html", a->run->dir);
	if (rc == 0)
		rc = html_save(path, html_analysis, buf_span(&text), err);
	buf_free(&text);
	return rc;
}
