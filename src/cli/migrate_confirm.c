/* migrate_confirm.c - what a migration will write to, and whether it may. */
#include <stdio.h>
#include <unistd.h>

#include "aws/side.h"
#include "aws/sts.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/plural.h"
#include "cli/confirm.h"
#include "cli/environment.h"
#include "cli/migrate.h"
#include "cli/words.h"
#include "engine/plan.h"
#include "engine/sides.h"

static void
print_place(const struct migration *m, FILE *to)
{
	struct sts_identity who = { 0 };
	struct buf url = { 0 };
	struct err err = { 0 };
	struct side *const side = sides_open(&m->plan->target,
					     environment_side(), &err);
	const char *const region = side == NULL ? NULL
		: side_region(side, &err);

	if (m->plan->stage != NULL)
		fprintf(to, "  stage    %s\n", m->plan->stage);
	if (side != NULL && side_endpoint(side, "dynamodb", region, &url,
					  &err) == 1)
		fprintf(to, "  place    %.*s\n", (int)url.len,
			(const char *)url.ptr);
	else if (side != NULL && side_identity(side, &who, &err) == 0)
		fprintf(to, "  account  %s, as %s\n",
			(const char *)who.account.ptr,
			(const char *)who.arn.ptr);
	fprintf(to, "  region   %s\n", region != NULL ? region : "?");
	sts_identity_free(&who);
	buf_free(&url);
	side_close(side);
}

uint64_t
migrate_print(const struct migration *m, FILE *to)
{
	const char *const currency = m->plan->prices.currency;
	double seconds = 0, cost = 0, monthly = 0;
	uint64_t items = 0;
	char n[32], took[32], money[64], month[64];

	print_place(m, to);
	fprintf(to, "  tables\n");
	for (size_t i = 0; i < m->ntables; i++) {
		const struct migrate_table *const t = &m->tables[i];
		const char *why;
		const bool import = migrate_imports(m, t, &why);
		const bool own = !import && why != m->why_not;

		fprintf(to, "    %-32s %12s item%s, %s, %s%s%s%s\n",
			t->name, words_count(t->items, n), plural(t->items),
			t->begun || t->imported
			? "begun by this job" : !t->there ? "to be made"
			: t->empty ? "empty" : "NOT EMPTY",
			import ? "by import" : "by push",
			own ? " (" : "", own ? why : "", own ? ")" : "");
		items += t->items;
		seconds += import ? t->import_seconds : t->push_seconds;
		cost += import ? t->import_cost : t->push_cost;
		monthly += t->monthly;
	}
	if (m->why_not != NULL)
		fprintf(to, "  imports  none: %s\n", m->why_not);
	fprintf(to, "  in all   %s item%s, about %s, %s; then %s a month\n",
		words_count(items, n), plural(items),
		words_seconds(seconds, took),
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
	items = migrate_print(m, stderr);
	snprintf(what, sizeof(what), "%s item%s into %zu table%s, %u of them "
		 "not empty", words_count(items, n), plural(items), m->ntables,
		 plural(m->ntables), full);
	if (confirm(&m->o, m->plan, m->ntables == 1 ? m->tables[0].name : NULL,
		    what, err) != 0)
		return -1;
	m->o.confirmed = true;
	return 0;
}
