/*
 * report_versions.c - the versions that items had, and how many came to the
 * last one: in report.json, and in analysis.json what a run would come to.
 */
#include "engine/plan.h"
#include "engine/program.h"
#include "engine/run_internal.h"
#include "formats/jsonwrite.h"

/* What came to a `version` step of a table, and how far it got. */
static void
put_step(const struct run *r, uint32_t table, const struct plan_step *step,
	 struct jsonwrite *w)
{
	const size_t n = step->version.nupgrades;
	const uint64_t oldest = step->version.to - n;
	size_t at;

	if (!program_find_version(r->program, table, step, &at))
		return;

	const uint64_t *const count = r->account.left + at;
	jsonwrite_map(w);
	jsonwrite_put_uint(w, "to", step->version.to);
	jsonwrite_name(w, "before");
	jsonwrite_list(w);
	for (size_t k = 0; k <= n; k++) {
		jsonwrite_map(w);
		jsonwrite_put_uint(w, "version", oldest + k);
		jsonwrite_put_uint(w, "items", count[VERSION_FIRST + k]);
		jsonwrite_end(w);
	}
	jsonwrite_end(w);
	jsonwrite_put_uint(w, "missing", count[VERSION_MISSING]);
	jsonwrite_put_uint(w, "unknown", count[VERSION_UNKNOWN]);
	jsonwrite_put_uint(w, "after", count[VERSION_REACHED]);
	jsonwrite_end(w);
}

void
report_versions(const struct run *r, uint32_t table, struct jsonwrite *w)
{
	const struct plan_table *const t = &r->plan->tables[table];
	bool any = false;

	for (size_t k = 0; k < t->npasses; k++)
		for (size_t s = 0; s < t->passes[k].nsteps; s++) {
			if (t->passes[k].steps[s].kind != STEP_VERSION)
				continue;
			if (!any) {
				jsonwrite_name(w, "versions");
				jsonwrite_list(w);
			}
			any = true;
			put_step(r, table, &t->passes[k].steps[s], w);
		}
	if (any)
		jsonwrite_end(w);
}
