/* program_steps.c - what the plans say about one item, one step at a time. */
#include "engine/program_internal.h"

#include <stdio.h>

#include "base/err.h"
#include "engine/plan.h"
#include "engine/rename.h"
#include "engine/shift.h"
#include "expr/expr.h"

int
program_do_step(const struct doing *d, const struct plan_step *step,
		uint32_t table, struct item *item, struct err *why)
{
	if (step->when != NULL) {
		const int yes = expr_test(step->when, &d->expr, item, why);

		if (yes <= 0)
			return yes;
	}
	switch (step->kind) {
	case STEP_UPDATE:
		return update_apply(step->update, &d->expr, item, why);
	case STEP_RENAME:
		return rename_apply(step, item, d->expr.mem, why);
	case STEP_VERSION:
		return program_do_version(d, step, table, item, why);
	case STEP_EXPAND:
		return shift_expand(step, &d->expr, item, why);
	case STEP_CONTRACT:
		return shift_contract(step, &d->expr, item, why);
	default:
		return err_set(why, ERR_USAGE, "step '%s' is not yet in this "
			       "version", plan_step_name(step->kind));
	}
}

void
program_name_step(const struct plan_pass *pass, size_t k, char step[48])
{
	snprintf(step, 48, "step %zu (%s)", k + 1,
		 plan_step_name(pass->steps[k].kind));
}

enum fate
program_do_asserts(const struct doing *d, const struct plan_pass *pass,
		   const struct item *item, char step[48], struct err *why)
{
	for (size_t k = 0; k < pass->nasserts; k++) {
		const struct plan_assert *const a = &pass->asserts[k];
		const int yes = expr_test(a->expr, &d->expr, item, why);

		if (yes > 0)
			continue;
		if (yes == 0)
			err_set(why, ERR_INPUT, "assert does not hold: %s",
				a->text);
		snprintf(step, 48, "assert %zu", k + 1);
		return REFUSED;
	}
	return MOVED;
}

enum fate
program_do_where(const struct doing *d, const struct plan_pass *pass,
		 const struct item *item, char step[48], struct err *why)
{
	const int yes = pass->where == NULL ? 1
		: expr_test(pass->where, &d->expr, item, why);

	if (yes > 0)
		return MOVED;
	if (yes == 0)
		return FILTERED;
	snprintf(step, 48, "where");
	return REFUSED;
}

/*
 * Steps, from number `first` on, and asserts of one plan's pass; `step` says
 * where it failed.
 */
static enum fate
do_pass(const struct doing *d, const struct plan_pass *pass, uint32_t table,
	size_t first, struct item *item, char step[48], struct err *why)
{
	for (size_t k = first; k < pass->nsteps; k++)
		if (program_do_step(d, &pass->steps[k], table, item,
				    why) != 0) {
			program_name_step(pass, k, step);
			return REFUSED;
		}
	return program_do_asserts(d, pass, item, step, why);
}

enum fate
program_do_item(const struct doing *d, const struct plan_table *t,
		size_t first, struct item *item, char step[48],
		struct err *why)
{
	const uint32_t table = (uint32_t)(t - d->plan->tables);

	for (size_t i = 0; i < t->npasses; i++) {
		enum fate fate = i == 0 ? MOVED
			: program_do_where(d, &t->passes[i], item, step, why);

		if (fate == MOVED)
			fate = do_pass(d, &t->passes[i], table,
				       i == 0 ? first : 0, item, step, why);
		if (fate != MOVED)
			return fate;
	}
	return MOVED;
}
