/* analyze.c - an analysis in words: what a person reads on the screen. */
#include "cli/analyze.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/plural.h"
#include "cli/log.h"
#include "cli/words.h"
#include "engine/account.h"
#include "engine/analysis.h"
#include "engine/plan.h"
#include "engine/run.h"

/* ---- tables -------------------------------------------------------------- */

static void
print_levels(const struct analysis *a)
{
	printf("\nLevels\n");
	for (uint32_t level = 1; level <= a->nlevels; level++) {
		const char *before = "";

		printf("  %" PRIu32 "  ", level);
		for (size_t i = 0; i < a->ntables; i++) {
			if (a->tables[i].table->level != level)
				continue;
			printf("%s%s", before, a->tables[i].table->name);
			before = ", ";
		}
		printf("\n");
	}
	for (size_t i = 0; i < a->plan->ncycles; i++) {
		const struct plan_cycle *const c = &a->plan->cycles[i];

		printf("  cycle: ");
		for (size_t k = 0; k < c->ntables; k++)
			printf("%s%s", k > 0 ? " → " : "",
			       a->plan->tables[c->tables[k]].name);
		printf("\n");
	}
}

/* What is not moved, in the words of the accounting. */
static void
print_others(const struct counts *c)
{
	const struct { uint64_t n; const char *word; } others[] = {
		{ c->filtered, "filtered" }, { c->skipped, "skipped" },
		{ c->dropped, "dropped" }, { c->duplicate, "duplicate" },
		{ c->rejected, "rejected" },
	};
	char n[32];

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (others[i].n > 0)
			printf(", %s %s", words_count(others[i].n, n),
			       others[i].word);
}

static void
print_costs(const struct analysis *a, const struct analysis_table *t)
{
	const char *const currency = a->plan->prices.currency;
	const struct price_estimate *const e = &t->costs;
	char money[64], time[32], n[32];

	printf("    import %s, %s", words_money(e->import_cost, currency,
						money),
	       words_seconds(e->import_seconds, time));
	printf("; push %s write units, %s", words_count(e->push_units, n),
	       e->push_cost > 0 || e->capacity == 0
	       ? words_money(e->push_cost, currency, money)
	       : "paid with its capacity");
	printf(", %s; a month %s", words_seconds(e->push_seconds, time),
	       words_money(e->monthly, currency, money));
	if (e->capacity > 0)
		printf(" (%s of it for capacity)",
		       words_money(e->capacity, currency, money));
	printf("\n");
}

static void
print_attributes(const struct analysis_table *t)
{
	struct buf room = { 0 };
	char n[32], d[32];

	for (size_t i = 0; i < t->nattributes; i++) {
		const struct stats_attribute *const s = &t->attributes[i];

		printf("      %-32s %12s ", words_shown(s->path, &room),
		       words_count(s->present, n));
		for (int type = VALUE_S; type < VALUE_PLACE; type++)
			if (s->types[type] > 0)
				printf(" %s",
				       value_type_name((enum value_type)type));
		if (s->distinct > 0)
			printf(", %s different", words_count(s->distinct, d));
		if (s->min != NULL) {
			printf(", %s … ", words_shown(s->min, &room));
			printf("%s", words_shown(s->max, &room));
		}
		printf("%s\n", s->mixed ? "  MIXED" : "");
	}
	buf_free(&room);
}

static void
print_table(const struct analysis *a, const struct analysis_table *t, bool all)
{
	char n[32], m[32], size[16], mean[16], max[16];

	printf("  %s → %s\n    %s read, %s moved", t->table->name, t->to,
	       words_count(t->counts.read, n),
	       words_count(t->counts.moved, m));
	print_others(&t->counts);
	if (t->source != NULL && t->source->items > 0)
		printf("; items of %s, %s on average and at most %s",
		       words_bytes(t->source->bytes, size),
		       words_bytes(t->source->bytes / t->source->items, mean),
		       words_bytes(t->source->max, max));
	printf("\n");
	print_costs(a, t);
	if (t->stats->expired > 0)
		printf("    %s expired by '%s'\n",
		       words_count(t->stats->expired, n),
		       t->table->create->ttl);
	if (all)
		print_attributes(t);
}

/* ---- references ---------------------------------------------------------- */

static void
print_reference(const struct analysis *a, const struct analysis_reference *ref)
{
	const uint64_t checked = ref->resolved + ref->dangling;
	char n[32];

	printf("  %s.%s → %s  ", a->plan->tables[ref->table].name, ref->path,
	       a->plan->tables[ref->to].name);
	if (ref->values == 0) {
		printf("no values\n");
		return;
	}
	/* 99.99 % is not all of them. */
	if (ref->dangling > 0 && ref->share > 0.999)
		printf("over 99.9 %% of ");
	else if (checked > 0)
		printf("%.*f %% of ", ref->dangling > 0,
		       100 * ref->share);
	printf("%s value%s", words_count(ref->values, n),
	       plural(ref->values));
	if (ref->dangling > 0)
		printf(", %s dangling", words_count(ref->dangling, n));
	if (ref->unchecked > 0)
		printf(", %s not checked", words_count(ref->unchecked, n));
	if (ref->rejected > 0)
		printf(", %s to rejected items",
		       words_count(ref->rejected, n));
	printf("\n");
}

/* ---- problems ------------------------------------------------------------ */

static void
print_problems(const struct analysis *a)
{
	struct buf room = { 0 };

	if (a->nproblems == 0) {
		printf("\nNo problems found.\n");
		return;
	}
	printf("\nProblems\n");
	for (size_t i = 0; i < a->nproblems; i++) {
		const struct analysis_problem *const p = &a->problems[i];

		printf("  %s %s%s\n    %s\n", p->error ? "error" : "warning",
		       p->name, p->accepted ? " (accepted)" : "",
		       words_shown(p->what, &room));
		if (p->where[0] != '\0')
			printf("    %s\n", words_shown(p->where, &room));
		printf("    → %s\n", words_shown(p->action, &room));
	}
	buf_free(&room);
}

/* One event for each; a reason may quote an item. */
void
analyze_log(const struct analysis *a)
{
	for (size_t i = 0; i < a->nproblems; i++) {
		const struct analysis_problem *const p = &a->problems[i];
		const char *const reason = log_has_items() ||
			strcmp(p->name, "rejected") != 0 ? NULL
			: strstr(p->what, "): ");
		const int n = reason != NULL ? (int)(reason + 1 - p->what)
					     : (int)strlen(p->what);

		log_problem(p->error && !p->accepted ? LOG_ERROR : LOG_WARNING,
			    NULL, "%s%s: %.*s%s%s", p->name, p->accepted
			    ? " (accepted)" : "", n, p->what,
			    p->where[0] != '\0' ? "; " : "", p->where);
	}
}

/* ---- all of it ----------------------------------------------------------- */

static void
print_sum(const struct analysis *a)
{
	const char *const currency = a->plan->prices.currency;
	double import = 0, push = 0, monthly = 0;
	char money[64];

	for (size_t i = 0; i < a->ntables; i++) {
		import += a->tables[i].costs.import_cost;
		push += a->tables[i].costs.push_cost;
		monthly += a->tables[i].costs.monthly;
	}
	printf("  in all: import %s", words_money(import, currency, money));
	printf(", or push %s", words_money(push, currency, money));
	printf("; a month %s\n", words_money(monthly, currency, money));
	printf("  (list prices of %s as of %s; docs/ANALYZE.md says what is not "
	       "in them)\n", a->plan->prices.region, a->plan->prices.date);
}

void
analyze_print(const struct analysis *a, bool all)
{
	const struct account *const c = run_account(a->run);
	char n[32], in[16], out[16];

	printf("%s: %s item%s, %s (%s unpacked) in %" PRIu64 " file%s",
	       a->plan->name, words_count(c->total.read, n),
	       plural(c->total.read),
	       words_bytes(c->packed_in, in), words_bytes(c->plain_in, out),
	       c->units, plural(c->units));
	if (a->seconds > 0)
		printf(", %.1f s: %.0f items/s, %.1f MB/s", a->seconds,
		       (double)c->items_now / a->seconds,
		       (double)c->plain_now / 1e6 / a->seconds);
	printf("\n");
	print_levels(a);
	printf("\nTables\n");
	for (size_t i = 0; i < a->ntables; i++)
		print_table(a, &a->tables[i], all);
	print_sum(a);
	if (a->nreferences > 0)
		printf("\nReferences\n");
	for (size_t i = 0; i < a->nreferences; i++)
		print_reference(a, &a->references[i]);
	print_problems(a);
	printf("\nMore in %s/analysis.json and analysis.html; nothing was "
	       "changed.\n", run_job_dir(a->run));
}
