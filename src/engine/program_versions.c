/*
 * program_versions.c - the step `version`: from the version that an item has,
 * one after the other, to the one that the plan wants.
 *
 * Where steps of outputs.h stand on the way, all items of a batch go side by
 * side, so that a program is asked for many at once: those of the oldest
 * version first, then with them those of the next, and so on.
 */
#include "engine/program_internal.h"

#include "base/arena.h"
#include "base/decimal.h"
#include "base/err.h"
#include "engine/outputs_internal.h"
#include "engine/plan.h"
#include "expr/expr.h"

/* Where the counters of a version step of this table are. */
static uint64_t *
counters(const struct doing *d, uint32_t table, const struct plan_step *step)
{
	size_t at = 0;

	program_find_version(d->program, table, step, &at);
	return d->run->sums.left + at;
}

static uint64_t
oldest_of(const struct plan_step *step)
{
	return step->version.nupgrades > 0 ? step->version.upgrades[0].from
					   : step->version.to;
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
refuse(const struct plan_step *step, const struct value *v, struct err *why)
{
	if (v == NULL)
		return err_set(why, ERR_INPUT, "there is no version, and the "
			       "plan does not say which is meant ('missing')");
	if (v->type != VALUE_N)
		return err_set(why, ERR_INPUT, "the version is no number but "
			       "of type %s",
			       value_type_name((enum value_type)v->type));
	return err_set(why, ERR_INPUT, "the plan knows the versions %ju to %ju,"
		       " not %.*s", (uintmax_t)oldest_of(step),
		       (uintmax_t)step->version.to,
		       (int)(v->len < 40 ? v->len : 40),
		       (const char *)v->text);
}

/* Which version the item has, counted.  Returns 0, or -1 with *why. */
static int
begin(const struct doing *d, const struct plan_step *step, uint64_t *count,
      struct item *item, uint64_t *from, struct err *why)
{
	const struct value *const v = path_follow(&step->version.attribute,
						  &item->map);
	const uint64_t oldest = oldest_of(step);
	int known = step->version.has_missing;

	*from = step->version.missing;
	if (v != NULL)
		known = read_version(d, v, from, why);
	if (known < 0)
		return -1;
	if (!known || *from < oldest || *from > step->version.to) {
		count[VERSION_UNKNOWN]++;
		return refuse(step, v, why);
	}
	count[v == NULL ? VERSION_MISSING : VERSION_FIRST + (*from - oldest)]++;
	/* Any other gets it with its first step. */
	return v == NULL && *from == step->version.to
		? update_apply(step->version.mark, &d->expr, item, why) : 0;
}

/* Say which step of an upgrade it was. */
static int
name_step(const struct plan_upgrade *u, size_t k, struct err *why)
{
	return err_at(why, "from %ju, step %zu (%s)", (uintmax_t)u->from,
		      k + 1, plan_step_name(u->steps[k].kind));
}

/* ---- one item ------------------------------------------------------------ */

int
program_do_version(const struct doing *d, const struct plan_step *step,
		   uint32_t table, struct item *item, struct err *why)
{
	uint64_t *const count = counters(d, table, step);
	uint64_t from;

	if (begin(d, step, count, item, &from, why) != 0)
		return -1;
	for (uint64_t i = from - oldest_of(step);
	     i < step->version.nupgrades; i++) {
		const struct plan_upgrade *const u =
			&step->version.upgrades[i];

		for (size_t k = 0; k < u->nsteps; k++)
			if (program_do_step(d, &u->steps[k], table, item,
					    why) != 0)
				return name_step(u, k, why);
		if (update_apply(u->mark, &d->expr, item, why) != 0)
			return -1;
	}
	count[VERSION_REACHED]++;
	return 0;
}

/* ---- items side by side -------------------------------------------------- */

/* Those that are at a version step, and how far they are. */
struct climb {
	const struct doing *d;
	struct outputs *o;
	uint64_t *from;			/* the version that each had */
	struct strand *alone;		/* room for what they are asked by */
	struct strand **asked;
	uint32_t *whose;
};

/* Item `i` is out, or the job is.  Returns 0 or -1. */
static int
give_up(struct climb *c, uint32_t i, const struct err *why)
{
	if (why->code != ERR_INPUT) {
		*c->d->err = *why;
		return -1;
	}
	outputs_refuse(c->o, i, why);
	return 0;
}

/* Has item `i` come to the upgrade? */
static bool
is_at(const struct climb *c, uint32_t i, const struct plan_upgrade *u)
{
	return !c->o->strands[i]->refused && c->from[i] <= u->from;
}

/* What it became must be one item, and of the same table. */
static int
take_answer(const struct strand *asked, struct item *item, struct err *why)
{
	if (asked->refused) {
		*why = asked->why;
		return -1;
	}
	if (asked->nputs != 1)
		return err_set(why, ERR_INPUT, "within 'version' an item must "
			       "become one item, not %u",
			       (unsigned)asked->nputs);
	if (asked->first->table != asked->table)
		return err_set(why, ERR_INPUT, "within 'version' an item stays "
			       "in its table");
	item->map = asked->first->item.map;
	return 0;
}

/* Step `k` of an upgrade, which is one of outputs.h. */
static int
ask(struct climb *c, const struct plan_upgrade *u, size_t k)
{
	const struct doing *const d = c->d;
	const struct plan_step *const step = &u->steps[k];
	struct outputs o = {
		.plan = d->plan, .step = step, .run = &d->expr,
		.strands = c->asked,
	};
	struct outputs_pool *const pool = program_pool(d->run, d->err);
	struct err why;

	if (pool == NULL)
		return -1;
	for (uint32_t i = 0; i < c->o->n; i++) {
		const struct strand *const s = c->o->strands[i];
		int yes = is_at(c, i, u);

		if (yes && step->when != NULL)
			yes = expr_test(step->when, &d->expr, &s->item, &why);
		if (yes < 0) {
			name_step(u, k, &why);
			if (give_up(c, i, &why) != 0)
				return -1;
		}
		if (yes <= 0)
			continue;
		c->alone[o.n] = (struct strand){
			.item = s->item, .source = s->source,
			.table = s->walk, .walk = s->walk,
		};
		c->asked[o.n] = &c->alone[o.n];
		c->whose[o.n++] = i;
	}
	if (o.n > 0 && outputs_run(pool, &o, d->err) != 0)
		return -1;
	for (uint32_t i = 0; i < o.n; i++) {
		struct strand *const s = c->o->strands[c->whose[i]];

		if (take_answer(&c->alone[i], &s->item, &why) == 0)
			continue;
		name_step(u, k, &why);
		if (give_up(c, c->whose[i], &why) != 0)
			return -1;
	}
	return 0;
}

/* Any other step, and after the last of them (k = nsteps) the new version. */
static int
step_all(struct climb *c, const struct plan_upgrade *u, size_t k)
{
	const struct doing *const d = c->d;

	for (uint32_t i = 0; i < c->o->n; i++) {
		struct strand *const s = c->o->strands[i];
		struct err why;

		if (!is_at(c, i, u))
			continue;
		if (k == u->nsteps) {
			if (update_apply(u->mark, &d->expr, &s->item,
					 &why) == 0)
				continue;
		} else if (program_do_step(d, &u->steps[k], s->walk, &s->item,
					   &why) == 0) {
			continue;
		} else {
			name_step(u, k, &why);
		}
		if (give_up(c, i, &why) != 0)
			return -1;
	}
	return 0;
}

static int
climb_all(struct climb *c, const struct plan_step *step)
{
	for (size_t n = 0; n < step->version.nupgrades; n++) {
		const struct plan_upgrade *const u =
			&step->version.upgrades[n];

		for (size_t k = 0; k < u->nsteps; k++)
			if ((outputs_kind_of(&u->steps[k]) != NULL
			     ? ask(c, u, k) : step_all(c, u, k)) != 0)
				return -1;
		if (step_all(c, u, u->nsteps) != 0)
			return -1;
	}
	return 0;
}

static int
take_room(struct climb *c)
{
	struct arena *const mem = c->d->expr.mem;
	struct err *const err = c->d->err;
	const size_t n = c->o->n + (size_t)1;

	c->from = arena_take(mem, n * sizeof(*c->from), err);
	c->alone = arena_take(mem, n * sizeof(*c->alone), err);
	c->asked = arena_take(mem, n * sizeof(struct strand *), err);
	c->whose = arena_take(mem, n * sizeof(*c->whose), err);
	return c->from != NULL && c->alone != NULL && c->asked != NULL &&
	       c->whose != NULL ? 0 : -1;
}

int
program_do_versions(const struct doing *d, struct outputs *o)
{
	struct climb c = { .d = d, .o = o };
	struct err why;

	if (take_room(&c) != 0)
		return -1;
	for (uint32_t i = 0; i < o->n; i++) {
		struct strand *const s = o->strands[i];

		if (begin(d, o->step, counters(d, s->walk, o->step), &s->item,
			  &c.from[i], &why) != 0 && give_up(&c, i, &why) != 0)
			return -1;
	}
	if (climb_all(&c, o->step) != 0)
		return -1;
	for (uint32_t i = 0; i < o->n; i++) {
		const struct strand *const s = o->strands[i];

		if (s->refused)
			continue;
		counters(d, s->walk, o->step)[VERSION_REACHED]++;
		if (outputs_put(o, i, s->table, &s->item.map, d->err) != 0)
			return -1;
	}
	return 0;
}
