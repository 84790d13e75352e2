/*
 * validate_refs.c - a job's references, made anew with its items and held
 * against all ids once more: do as many of them find nothing as report.json
 * says?
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "engine/plan.h"
#include "engine/program.h"
#include "engine/run_internal.h"
#include "engine/validate_internal.h"

static int
check_relation(const struct validate_options *o, const struct run *r,
	       uint32_t table, uint32_t rule, uint32_t to,
	       const struct join_relation_result *then,
	       struct validate_sums *s, struct err *err)
{
	const uint32_t n = program_relation(r->program, table, rule, to);
	const struct join_relation_result *const now =
		&r->account.join.relations[n];
	const struct plan_table *const t = &r->plan->tables[table];
	char text[400];
	struct validate_check check = {
		.table = t->name, .name = "report.json", .text = text,
	};

	if (now->refs == 0 && then[n].refs == 0)
		return 0;
	snprintf(text, sizeof(text), "%.200s to %.100s: %" PRIu64 " of %"
		 PRIu64 " find nothing, where it says %" PRIu64 " of %" PRIu64,
		 t->rules[rule].path, r->plan->tables[to].name, now->dangling,
		 now->refs, then[n].dangling, then[n].refs);
	if (now->refs != then[n].refs || now->dangling != then[n].dangling)
		check.kind = VALIDATE_DIFFERENT;
	return validate_see(o, s, &check, err);
}

int
validate_references(const struct validate_options *o, const struct run *r,
		    struct validate_sums *s, struct err *err)
{
	const struct plan *const p = r->plan;
	struct join_relation_result *const then =
		calloc(program_nrelations(r->program) + 1U, sizeof(*then));
	int rc = 0;

	if (then == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	if (r->account.joined && report_recall(r, o->job, then, NULL))
		for (uint32_t i = 0; i < p->ntables; i++)
			for (uint32_t k = 0; k < p->tables[i].nrules; k++)
				for (uint32_t to = 0; to < p->ntables &&
				     rc == 0; to++)
					rc = check_relation(o, r, i, k, to,
							    then, s, err);
	free(then);
	return rc;
}
