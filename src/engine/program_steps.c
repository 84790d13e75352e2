/* program_steps.c - what the plans say about one item, one step at a time. */
#include "engine/program_internal.h"

#include <stdio.h>

#include "base/decimal.h"
#include "base/err.h"
#include "engine/outputs_internal.h"
#include "engine/plan.h"
#include "engine/rename.h"
#include "engine/shift.h"
#include "expr/expr.h"

/* ---- version ------------------------------------------------------------- */

/* Where the counters of a version step of this table are. */
static uint64_t *
counters(const struct doing *d, uint32_t table, const struct plan_step *step)
{
	size_t at = 0;

	program_find_version(d->program, table, step, &at);
	return d->run->sums.left + at;
}

/* The version that the attribute says.  Returns 1, 0 if it is none, or -1. */
static int
read_version(const struct doing *d, const struct value *v, uint64_t *out,
	     struct err *err)
{
	char text[DECIMAL_TEXT_LEN];
	struct span s;

	if (v->type != VALUE_N)
		return 0;
	if (value_text(v, d->expr.mem, &s, err) != 0)
		return -1;

	const size_t n = decimal_canonical(s, text);
	*out = 0;
	for (size_t i = 0; i < n; i++) {
		if (text[i] < '0' || text[i] > '9' || n > 18)
			return 0;
		*out = 10 * *out + (uint64_t)(text[i] - '0');
	}
	return 1;
}

static int
refuse_version(const struct plan_step *step, const struct value *v,
	       struct err *why)
{
	const uint64_t oldest = step->version.nupgrades > 0
		? step->version.upgrades[0].from : step->version.to;

	if (v == NULL)
		return err_set(why, ERR_INPUT, "there is no version, and the "
			       "plan does not say which is meant ('missing')");
	if (v->type != VALUE_N)
		return err_set(why, ERR_INPUT, "the version is no number but "
			       "of type %s",
			       value_type_name((enum value_type)v->type));
	return err_set(why, ERR_INPUT, "the plan knows the versions %ju to %ju,"
		       " not %.*s", (uintmax_t)oldest,
		       (uintmax_t)step->version.to,
		       (int)(v->len < 40 ? v->len : 40),
		       (const char *)v->text);
}

/*
 * A step of outputs.h on the way between two versions: of one item it must make
 * one.  Returns 0 or -1.
 */
static int
do_alone(const struct doing *d, const struct plan_step *step, uint32_t table,
	 struct item *item, struct err *why)
{
	struct strand s = {
		.item = *item, .table = table, .walk = table,
	};
	struct strand *strands[] = { &s };
	struct outputs o = {
		.plan = d->plan, .step = step, .run = &d->expr, .n = 1,
		.strands = strands,
	};
	struct outputs_pool *const pool = program_pool(d->run, why);
	int yes = 1;

	if (pool == NULL)
		return -1;
	if (step->when != NULL)
		yes = expr_test(step->when, &d->expr, item, why);
	if (yes <= 0)
		return yes;
	if (outputs_run(pool, &o, why) != 0)
		return -1;
	if (s.refused) {
		*why = s.why;
		return -1;
	}
	if (s.nputs != 1)
		return err_set(why, ERR_INPUT, "within 'version' an item must "
			       "become one item, not %u", (unsigned)s.nputs);
	if (s.first->table != table)
		return err_set(why, ERR_INPUT, "within 'version' an item stays "
			       "in its table");
	item->map = s.first->item.map;
	return 0;
}

/* From one version to the next. */
static int
upgrade(const struct doing *d, const struct plan_upgrade *u, uint32_t table,
	struct item *item, struct err *why)
{
	for (size_t k = 0; k < u->nsteps; k++)
		if ((outputs_kind_of(&u->steps[k]) != NULL
		     ? do_alone(d, &u->steps[k], table, item, why)
		     : program_do_step(d, &u->steps[k], table, item,
				       why)) != 0)
			return err_at(why, "from %ju, step %zu (%s)",
				      (uintmax_t)u->from, k + 1,
				      plan_step_name(u->steps[k].kind));
	return update_apply(u->mark, &d->expr, item, why);
}

static int
do_version(const struct doing *d, const struct plan_step *step,
	   uint32_t table, struct item *item, struct err *why)
{
	const struct value *const v = path_follow(&step->version.attribute,
						  &item->map);
	const size_t n = step->version.nupgrades;
	const uint64_t oldest = n > 0 ? step->version.upgrades[0].from
				      : step->version.to;
	uint64_t *const count = counters(d, table, step);
	uint64_t from = step->version.missing;
	const bool missing = v == NULL;
	int known = step->version.has_missing;

	if (v != NULL)
		known = read_version(d, v, &from, why);
	if (known < 0)
		return -1;
	if (!known || from < oldest || from > step->version.to) {
		count[VERSION_UNKNOWN]++;
		return refuse_version(step, v, why);
	}
	count[missing ? VERSION_MISSING : VERSION_FIRST + (from - oldest)]++;
	for (uint64_t i = from - oldest; i < n; i++)
		if (upgrade(d, &step->version.upgrades[i], table, item,
			    why) != 0)
			return -1;
	if (missing && from == step->version.to &&
	    update_apply(step->version.mark, &d->expr, item, why) != 0)
		return -1;
	count[VERSION_REACHED]++;
	return 0;
}

/* ---- steps --------------------------------------------------------------- */

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
		return do_version(d, step, table, item, why);
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
