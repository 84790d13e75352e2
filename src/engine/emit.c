#include "engine/emit.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/err.h"
#include "engine/outputs.h"
#include "engine/plan.h"
#include "expr/expr.h"
#include "model/item.h"

/* One item under way. */
struct emitting {
	struct outputs *o;
	const struct item *item;
	uint32_t i;			/* its number */
	struct expr_run run;
	struct value bound[PLAN_MAX_BOUND + 1];	/* what loops are at */
	struct err *err;
};

/* ---- one output ---------------------------------------------------------- */

/* The attributes that the output says.  Returns 0 or -1. */
static int
fill(struct emitting *w, const struct plan_emit *e, struct value *map)
{
	struct value *const kids = arena_take(w->run.mem,
		(2 * e->nfields + 1) * sizeof(*kids), w->err);
	uint32_t n = 0;

	if (kids == NULL)
		return -1;
	for (size_t i = 0; i < e->nfields; i++) {
		const struct plan_field *const f = &e->fields[i];
		const int rc = f->optional
			? expr_find_value(f->value, &w->run, w->item,
					  &kids[n + 1], w->err)
			: expr_value_of(f->value, &w->run, w->item,
					&kids[n + 1], w->err);

		if (rc < 0)
			return err_at(w->err, "attribute '%.*s'",
				      (int)(f->name.len < 80 ? f->name.len
							     : 80),
				      (const char *)f->name.ptr);
		if (f->optional && rc == 0)
			continue;
		kids[n] = value_of_name(f->name);
		n += 2;
	}
	*map = value_of_kids(VALUE_M, kids, n);
	return 0;
}

static int
make(struct emitting *w, const struct plan_emit *e)
{
	struct item made = *w->item;

	/* What --table leaves out is made for nobody. */
	if (w->o->plan->tables[e->table].skip)
		return 0;
	if (e->has_item && fill(w, e, &made.map) != 0)
		return -1;
	if (e->item != NULL) {
		if (expr_value_of(e->item, &w->run, w->item, &made.map,
				  w->err) != 0)
			return -1;
		if (made.map.type != VALUE_M)
			return err_set(w->err, ERR_INPUT, "'item' is no map");
	}
	if (!e->has_item && value_own(&made.map, 0, w->run.mem, w->err) != 0)
		return -1;
	if (e->update != NULL &&
	    update_apply(e->update, &w->run, &made, w->err) != 0)
		return -1;
	return outputs_put(w->o, w->i, e->table, &made.map, w->err);
}

/* ---- loops --------------------------------------------------------------- */

static int go_through(struct emitting *w, const struct plan_emit *emits,
		      size_t n);

/* With what its loop is at bound, if it is one. */
static int
do_one(struct emitting *w, const struct plan_emit *e)
{
	if (e->when != NULL) {
		const int yes = expr_test(e->when, &w->run, w->item, w->err);

		if (yes <= 0)
			return yes;
	}
	return e->to != NULL ? make(w, e)
			     : go_through(w, e->emits, e->nemits);
}

/* A member of a set stands in the input without its type: take its text. */
static int
as_value(struct emitting *w, const struct value *from, bool member,
	 struct value *out)
{
	struct span text;

	*out = *from;
	if (!member)
		return 0;
	if (value_text(from, w->run.mem, &text, w->err) != 0)
		return -1;
	*out = value_of_text((enum value_type)from->type, text);
	return 0;
}

static int
number(struct emitting *w, uint32_t n, struct value *out)
{
	char text[16];
	const int len = snprintf(text, sizeof(text), "%u", (unsigned)n);
	const struct span copy = arena_copy(w->run.mem, (struct span){
		(const uint8_t *)text, (size_t)len }, w->err);

	*out = value_of_text(VALUE_N, copy);
	return copy.ptr != NULL ? 0 : -1;
}

static int
do_each(struct emitting *w, const struct plan_emit *e, const struct value *in)
{
	const bool map = in->type == VALUE_M;

	for (uint32_t i = 0; i < in->len; i += map ? 2 : 1) {
		if (as_value(w, &in->kids[i + map], value_is_set(in),
			     &w->bound[e->bound]) != 0)
			return -1;
		if (map)
			w->bound[e->bound + 1] = value_of_text(VALUE_S,
				(struct span){ in->kids[i].text,
					       in->kids[i].len });
		else if (e->index != NULL &&
			 number(w, i, &w->bound[e->bound + 1]) != 0)
			return -1;
		if (do_one(w, e) != 0)
			return -1;
	}
	return 0;
}

static int
do_output(struct emitting *w, const struct plan_emit *e)
{
	struct value in;

	if (e->each == NULL)
		return do_one(w, e);

	const int rc = expr_find_value(e->each, &w->run, w->item, &in, w->err);
	if (rc <= 0 || in.type == VALUE_NULL)
		return rc < 0 ? -1 : 0;
	if (!value_is_container(&in))
		return err_set(w->err, ERR_INPUT, "'each' takes a list, a map "
			       "or a set, not %s",
			       value_type_name((enum value_type)in.type));
	return do_each(w, e, &in);
}

static int
go_through(struct emitting *w, const struct plan_emit *emits, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (do_output(w, &emits[i]) != 0)
			return emits[i].to == NULL ? -1 :
				err_at(w->err, "to '%s'", emits[i].to);
	return 0;
}

/* ---- all of them --------------------------------------------------------- */

static int
run(void *state, struct outputs *o, struct err *err)
{
	struct err why = { 0 };
	struct emitting w = { .o = o, .run = *o->run, .err = &why };

	(void)state;
	w.run.bound = w.bound;
	for (w.i = 0; w.i < o->n; w.i++) {
		w.item = outputs_item(o, w.i);
		if (go_through(&w, o->step->emits, o->step->nemits) == 0)
			continue;
		if (why.code != ERR_INPUT) {
			*err = why;
			return -1;
		}
		outputs_refuse(o, w.i, &why);
	}
	return 0;
}

const struct outputs_kind emit_kind = { .run = run };
