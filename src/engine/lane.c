#include "engine/lane_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/scan.h"
#include "engine/plan.h"
#include "expr/expr.h"
#include "expr/rewrite.h"

/* Text of the plan's own: see now whether it needs an escape in JSON. */
static struct value
cleaned(struct value v)
{
	const struct span text = { v.text, v.len };

	if ((v.type == VALUE_S || v.type == VALUE_NAME) &&
	    (v.flags & (VALUE_RAW | VALUE_ESC)) == 0 &&
	    scan_plain(text) == text.len)
		v.flags |= VALUE_CLEAN;
	return v;
}

/* One more op, if its names have room.  False: the lane ends before it. */
static bool
add_op(struct lane *l, struct lane_op op, struct span name, struct span to)
{
	op.name = names_add(&l->names, name);
	op.to = to.ptr != NULL ? names_add(&l->names, to) : op.name;
	if (op.name == 0 || op.to == 0)
		return false;
	if (l->nops == l->cap) {
		const size_t cap = l->cap > 0 ? 2 * l->cap : 8;
		struct lane_op *const ops = realloc(l->ops,
						    cap * sizeof(*ops));

		if (ops == NULL)
			return false;
		l->ops = ops;
		l->cap = cap;
	}
	l->ops[l->nops++] = op;
	return true;
}

static bool
add_update(struct lane *l, const struct plan_step *step, uint32_t number)
{
	struct update_action a;
	size_t i = 0;

	for (; update_simple(step->update, i, &a); i++) {
		struct lane_op op = { .kind = LANE_REMOVE, .step = number };

		if (a.value != NULL) {
			op.kind = LANE_SET;
			op.label = cleaned(value_of_name(a.name));
			op.value = cleaned(*a.value);
		}
		if (!add_op(l, op, a.name, (struct span){ 0 }))
			return false;
	}
	return i == update_nactions(step->update);
}

static bool
add_rename(struct lane *l, const struct plan_step *step, uint32_t number)
{
	const struct plan_rename *const r = &step->renames[0];

	/* Several are done all at once, which is not one by one. */
	if (step->nrenames != 1 || r->from.nparts != 1 || r->to.nparts != 1)
		return false;

	const struct span from = r->from.parts[0].name;
	const struct span to = r->to.parts[0].name;
	if (span_equal(from, to))
		return true;
	return add_op(l, (struct lane_op){
		.kind = LANE_RENAME, .step = number,
		.overwrite = step->overwrite,
		.label = cleaned(value_of_name(to)),
	}, from, to);
}

static void
add_steps(struct lane *l, const struct plan_pass *pass)
{
	for (uint32_t i = 0; i < pass->nsteps; i++) {
		const struct plan_step *const step = &pass->steps[i];
		const size_t nops = l->nops;

		if (step->when != NULL ||
		    !(step->kind == STEP_UPDATE ? add_update(l, step, i) :
		      step->kind == STEP_RENAME && add_rename(l, step, i))) {
			l->nops = nops;
			return;
		}
		l->nsteps = i + 1;
	}
}

static int
add_rules(struct lane *l, const struct plan_table *t, struct err *err)
{
	const struct rewrite *const rw = t->rewrite;
	const size_t n = rw != NULL ? rewrite_nrules(rw) : 0;

	if (n == 0 || n > NAMES_MAX || !rewrite_is_quick(rw))
		return 0;
	l->rules = calloc(n, sizeof(*l->rules));
	if (l->rules == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	for (l->nrules = 0; l->nrules < n; l->nrules++) {
		const struct span name = rewrite_rule_name(rw, l->nrules);

		l->rules[l->nrules] = names_add(&l->names, name);
		if (l->rules[l->nrules] == 0) {
			free(l->rules);
			l->rules = NULL;
			return 0;
		}
	}
	return 0;
}

int
lane_init(struct lane *l, const struct plan_table *t, struct err *err)
{
	if (t->key.pk.name != NULL)
		l->pk = names_add(&l->names, span_of(t->key.pk.name));
	if (t->key.sk.name != NULL)
		l->sk = names_add(&l->names, span_of(t->key.sk.name));
	if (add_rules(l, t, err) != 0)
		return -1;
	l->pk_rule = NAMES_MAX;
	for (uint32_t i = 0; i < l->nrules; i++)
		if (l->rules[i] == l->pk)
			l->pk_rule = i;
	l->nother = l->names.n;
	if (t->npasses > 0)
		add_steps(l, &t->passes[0]);
	for (size_t i = 0; i < l->nops; i++)
		l->nsets += l->ops[i].kind == LANE_SET;
	if (!names_build(&l->names))
		l->names.n = 0;
	return lane_make_cases(l, t, err);
}

void
lane_free(struct lane *l)
{
	free(l->rules);
	free(l->ops);
	free(l->cases);
	free(l->changes);
	free(l->text);
}

static void
note(struct lane_way *w, uint32_t name, const struct value *v)
{
	w->found->at[name] = (uint16_t)((v - w->map->kids + 1) / 2);
}

/* Let the pair of `v` be nothing, until the end. */
static void
drop(struct lane_way *w, uint32_t name, struct value *v)
{
	const uint32_t at = (uint32_t)(v - w->map->kids) - 1;

	v[-1].type = v->type = 0;
	if (w->ngaps++ == 0 || at < w->gap)
		w->gap = at;
	w->found->at[name] = 0;
	w->map->flags &= (uint8_t)~VALUE_RAW;
}

static int
set(struct lane_way *w, const struct lane_op *op, struct value *v,
    struct err *err)
{
	struct value *const map = w->map;

	map->flags &= (uint8_t)~VALUE_RAW;
	if (v == NULL) {
		if (w->room == 0) {
			w->room = w->lane->nsets;
			if (value_own(map, 2 * w->room, w->mem, err) != 0)
				return -1;
		}
		w->room--;
		map->kids[map->len] = op->label;
		v = &map->kids[map->len + 1];
		map->len += 2;
		note(w, op->name, v);
	}
	*v = op->value;
	return 0;
}

static void
close_up(struct value *map, uint32_t gap, uint32_t ngaps)
{
	uint32_t n = gap;

	if (ngaps == 1) {
		map->len -= 2;
		memmove(&map->kids[n], &map->kids[n + 2],
			(map->len - n) * sizeof(*map->kids));
		return;
	}
	for (uint32_t i = gap; i < map->len; i += 2) {
		map->kids[n] = map->kids[i];
		map->kids[n + 1] = map->kids[i + 1];
		n += map->kids[i].type != 0 ? 2 : 0;
	}
	map->len = n;
}

/* One op.  Returns 1, 0 if the long way must take its step, or -1. */
static int
do_op(struct lane_way *w, const struct lane_op *op, struct err *err)
{
	const struct names *const names = &w->lane->names;
	struct value *const v = names_value(names, op->name, w->map, w->found);
	struct value *old;

	switch (op->kind) {
	case LANE_SET:
		return set(w, op, v, err) != 0 ? -1 : 1;
	case LANE_REMOVE:
		if (v != NULL)
			drop(w, op->name, v);
		return 1;
	case LANE_RENAME:
		if (v == NULL)
			return 1;
		old = names_value(names, op->to, w->map, w->found);
		if (old != NULL && !op->overwrite)
			return 0;
		if (old != NULL)
			drop(w, op->to, old);
		v[-1] = op->label;
		w->found->at[op->name] = 0;
		note(w, op->to, v);
		w->map->flags &= (uint8_t)~VALUE_RAW;
		return 1;
	}
	return 0;
}

static struct value
key(const struct lane_way *w, uint32_t name)
{
	const struct value *const v = name == 0 ? NULL :
		names_value(&w->lane->names, name, w->map, w->found);

	return v != NULL ? *v : (struct value){ .type = 0 };
}

int
lane_do_ops(struct lane_way *w, struct err *err)
{
	const struct lane *const l = w->lane;

	for (size_t i = 0; i < l->nops; i++) {
		const int rc = do_op(w, &l->ops[i], err);

		if (rc <= 0)
			return rc < 0 ? -1 : (int)l->ops[i].step;
	}
	return (int)l->nsteps;
}

int
lane_do(const struct lane *l, struct item *item, struct names_found *found,
	struct value keys[2], struct arena *mem, struct err *err)
{
	struct lane_way w = { .lane = l, .map = &item->map, .found = found,
			      .mem = mem };
	const int nsteps = lane_do_ops(&w, err);

	if (nsteps < 0)
		return -1;
	keys[0] = key(&w, l->pk);
	keys[1] = key(&w, l->sk);
	if (w.ngaps > 0)
		close_up(&item->map, w.gap, w.ngaps);
	return nsteps;
}
