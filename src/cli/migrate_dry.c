/* migrate_dry.c - what a migration would do, and nothing of it done. */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "cli/migrate.h"
#include "cli/ways.h"
#include "engine/plan.h"

/* Before an analysis: what the plan says. */
static void
print_plan(const struct migration *m)
{
	char way[WAYS_WORDS_LEN];

	printf("  tables\n");
	for (size_t i = 0; i < m->plan->ntables; i++) {
		const struct plan_table *const t = &m->plan->tables[i];

		if (t->skip)
			continue;
		ways_words(m->plan, t, m->why_not, way);
		printf("    %-32s by %s\n", t->to != NULL ? t->to : t->name,
		       way);
	}
	printf("  how many items they are, and what that costs, 'dynamill "
	       "analyze' says\n");
}

int
migrate_tell(struct migration *m, struct err *err)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/analysis.json", m->job);
	if (access(path, F_OK) != 0) {
		print_plan(m);
		return 0;
	}
	if (migrate_targets(m, err) != 0)
		return -1;
	migrate_print(m, stdout);
	return 0;
}
