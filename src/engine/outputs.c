#include "engine/outputs.h"

#include <stdlib.h>

#include "base/arena.h"
#include "engine/emit.h"
#include "engine/luastep.h"
#include "engine/outputs_internal.h"
#include "engine/pipe.h"
#include "engine/plan.h"
#include "expr/expr.h"

/* By enum plan_step_kind. */
static const struct outputs_kind *const kinds[] = {
	[STEP_EMIT] = &emit_kind,
	[STEP_LUA] = &luastep_kind,
	[STEP_PIPE] = &pipe_kind,
	[STEP_CONTRACT] = NULL,
};

const struct outputs_kind *
outputs_kind_of(const struct plan_step *step)
{
	return kinds[step->kind];
}

/* ---- what a kind does ---------------------------------------------------- */

const struct item *
outputs_item(const struct outputs *o, uint32_t i)
{
	return &o->strands[i]->item;
}

uint32_t
outputs_table(const struct outputs *o, uint32_t i)
{
	return o->strands[i]->table;
}

int
outputs_put(struct outputs *o, uint32_t i, uint32_t table,
	    const struct value *map, struct err *err)
{
	struct strand *const from = o->strands[i];

	if (from->refused)
		return 0;
	if (from->nputs == OUTPUTS_MAX) {
		from->refused = true;
		err_set(&from->why, ERR_INPUT, "it becomes more than %d items",
			OUTPUTS_MAX);
		return 0;
	}

	struct strand *const s = arena_take(o->run->mem, sizeof(*s), err);
	if (s == NULL)
		return -1;
	*s = (struct strand){
		.item = from->item, .source = from->source, .table = table,
		.walk = from->walk, .pass = from->pass, .step = from->step + 1,
		.is_entered = true,
	};
	s->item.map = *map;
	/* Steps change the array where it is, which may be that of several. */
	if (map->kids == from->item.map.kids &&
	    value_own(&s->item.map, 0, o->run->mem, err) != 0)
		return -1;
	if (from->last != NULL)
		from->last->next = s;
	else
		from->first = s;
	from->last = s;
	from->nputs++;
	return 0;
}

void
outputs_refuse(struct outputs *o, uint32_t i, const struct err *why)
{
	struct strand *const from = o->strands[i];

	if (from->refused)
		return;
	from->refused = true;
	from->why = *why;
}

bool
outputs_is_refused(const struct outputs *o, uint32_t i)
{
	return o->strands[i]->refused;
}

/* ---- states -------------------------------------------------------------- */

struct outputs_pool {
	const struct plan *plan;
	const atomic_bool *cancel;
	struct slot {
		const struct plan_step *step;
		const struct outputs_kind *kind;
		void *state;
	} *slots;
	size_t n;
};

struct outputs_pool *
outputs_pool_new(const struct plan *plan, const atomic_bool *cancel,
		 struct err *err)
{
	struct outputs_pool *const p = calloc(1, sizeof(*p));

	if (p == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	p->plan = plan;
	p->cancel = cancel;
	return p;
}

void
outputs_pool_free(struct outputs_pool *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->n; i++)
		if (p->slots[i].kind->stop != NULL)
			p->slots[i].kind->stop(p->slots[i].state);
	free(p->slots);
	free(p);
}

/* The slot of a step; there are as many as the plan has such steps. */
static struct slot *
slot_of(struct outputs_pool *p, const struct plan_step *step, struct err *err)
{
	size_t i = 0;

	while (i < p->n && p->slots[i].step != step)
		i++;
	if (i < p->n)
		return &p->slots[i];

	struct slot *const slots = realloc(p->slots, (i + 1) * sizeof(*slots));
	if (slots == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	p->slots = slots;
	slots[i] = (struct slot){ .step = step, .kind = outputs_kind_of(step) };
	if (slots[i].kind->start != NULL) {
		slots[i].state = slots[i].kind->start(p->plan, step, err);
		if (slots[i].state == NULL)
			return NULL;
	}
	p->n++;
	return &slots[i];
}

int
outputs_run(struct outputs_pool *p, struct outputs *o, struct err *err)
{
	const struct slot *const s = slot_of(p, o->step, err);

	o->cancel = p->cancel;
	return s != NULL ? s->kind->run(s->state, o, err) : -1;
}
