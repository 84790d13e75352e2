/*
 * program_outputs.c - items on their way where one may become several.
 *
 * The items of a batch are strands of a list, in the order of the source.  They
 * go on, step by step, until they are done or have come to a step of outputs.h;
 * then all those that wait at one such step are done together, and what they
 * become takes their place in the list.  So the list stays in order, and each
 * round is one step further: it ends.
 *
 * What a step of one table makes for another stays with the steps behind it, if
 * there are some; then it has the other table's `assert`, and what the plans
 * after this one say of that table.
 */
#include "engine/program_internal.h"

#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "engine/outputs_internal.h"
#include "engine/plan.h"
#include "engine/rename.h"
#include "engine/survive.h"
#include "model/batch.h"

/* The strands of a batch, and what is known of the items that they are of. */
struct strands {
	struct doing *d;
	struct strand *head;
	bool *refused, *filtered;	/* by source */
};

/* ---- one strand ---------------------------------------------------------- */

/* Where the plans go on with an item that a step of plan `plan` made. */
static void
enter(struct strand *s, const struct plan_table *t, uint32_t plan)
{
	s->walk = s->table;
	s->pass = 0;
	while (s->pass < t->npasses && t->passes[s->pass].plan < plan)
		s->pass++;
	s->step = 0;
	s->is_entered = false;
	if (s->pass == t->npasses || t->passes[s->pass].plan != plan)
		return;
	/* Of its own plan the asserts are left. */
	s->is_entered = true;
	s->step = (uint32_t)t->passes[s->pass].nsteps;
}

/* Go on to the next step that many items are to be at, or the pass's end. */
static enum fate
go_on(struct strands *all, const struct plan_pass *pass, struct strand *s,
      char step[48], struct err *why)
{
	const struct doing *const d = all->d;

	for (; s->step < pass->nsteps; s->step++) {
		const struct plan_step *const at = &pass->steps[s->step];
		int rc = 0;

		if (!program_step_waits(at))
			rc = program_do_step(d, at, s->walk, &s->item, why);
		else if (at->when != NULL)
			rc = expr_test(at->when, &d->expr, &s->item, why);
		else
			rc = 1;
		if (rc < 0) {
			program_name_step(pass, s->step, step);
			return REFUSED;
		}
		if (rc > 0) {
			s->at = at;
			s->state = STRAND_WAITS;
			return MOVED;
		}
	}
	return MOVED;
}

/* All that can be done until it waits or is done. */
static enum fate
advance(struct strands *all, struct strand *s, char step[48], struct err *why)
{
	const struct doing *const d = all->d;

	for (;;) {
		const struct plan_table *const t = &d->plan->tables[s->walk];
		enum fate fate = MOVED;

		if (s->pass >= t->npasses)
			break;

		const struct plan_pass *const pass = &t->passes[s->pass];
		if (!s->is_entered)
			fate = program_do_where(d, pass, &s->item, step, why);
		s->is_entered = true;
		if (fate == MOVED)
			fate = go_on(all, pass, s, step, why);
		if (fate != MOVED || s->state == STRAND_WAITS)
			return fate;
		if (s->walk != s->table) {
			enter(s, &d->plan->tables[s->table], pass->plan);
			continue;
		}
		fate = program_do_asserts(d, pass, &s->item, step, why);
		if (fate != MOVED)
			return fate;
		s->pass++;
		s->step = 0;
		s->is_entered = false;
	}
	s->state = STRAND_DONE;
	return MOVED;
}

/* ---- all of them --------------------------------------------------------- */

static int
refuse(struct strands *all, struct strand *s, const struct err *why,
       const char *step)
{
	if (all->refused[s->source])
		return 0;
	if (program_refuse(all->d, s->source, why, step) != 0)
		return -1;
	all->refused[s->source] = true;
	return 0;
}

/* One round: all strands as far as they go; what is out leaves the list. */
static int
advance_all(struct strands *all)
{
	struct strand **link = &all->head;

	while (*link != NULL) {
		struct strand *const s = *link;
		enum fate fate = MOVED;
		char step[48];
		struct err why;

		if (!all->refused[s->source] && s->state == STRAND_GOES)
			fate = advance(all, s, step, &why);
		if (fate == REFUSED && refuse(all, s, &why, step) != 0)
			return -1;
		if (fate == FILTERED)
			all->filtered[s->source] = true;
		if (fate != MOVED || all->refused[s->source])
			*link = s->next;
		else
			link = &s->next;
	}
	return 0;
}

/* In the place of each of these what it became. */
static int
replace(struct strands *all, const struct plan_step *step)
{
	struct strand **link = &all->head;
	char name[48];

	while (*link != NULL) {
		struct strand *const s = *link;

		if (s->state != STRAND_WAITS || s->at != step) {
			link = &s->next;
			continue;
		}
		if (s->refused) {
			program_name_step(&all->d->plan->tables[s->walk]
					  .passes[s->pass], s->step, name);
			if (refuse(all, s, &s->why, name) != 0)
				return -1;
		}
		if (s->first == NULL || s->refused) {
			*link = s->next;
			continue;
		}
		s->last->next = s->next;
		*link = s->first;
		link = &s->last->next;
	}
	return 0;
}

/* The step that the first of those who wait is at; all that wait there. */
static int
gather(struct strands *all, struct outputs *o)
{
	const struct doing *const d = all->d;
	uint32_t n = 0;

	o->n = 0;
	for (struct strand *s = all->head; s != NULL; s = s->next)
		n += s->state == STRAND_WAITS;
	o->strands = arena_take(d->expr.mem, (n + 1) * sizeof(*o->strands),
				d->err);
	if (o->strands == NULL)
		return -1;
	for (struct strand *s = all->head; s != NULL; s = s->next) {
		if (s->state != STRAND_WAITS)
			continue;
		if (o->n == 0)
			o->step = s->at;
		if (s->at == o->step)
			o->strands[o->n++] = s;
	}
	return 0;
}

struct outputs_pool *
program_pool(struct program_run *r, struct err *err)
{
	if (r->pool == NULL && r->own_pool == NULL)
		r->own_pool = outputs_pool_new(r->program->plan, NULL, err);
	return r->pool != NULL ? r->pool : r->own_pool;
}

static int
go_all(struct strands *all)
{
	struct doing *const d = all->d;
	struct outputs o = { .plan = d->plan, .run = &d->expr };
	struct outputs_pool *const pool = program_pool(d->run, d->err);

	if (pool == NULL)
		return -1;
	for (;;) {
		if (advance_all(all) != 0 || gather(all, &o) != 0)
			return -1;
		if (o.n == 0)
			return 0;
		if ((o.step->kind == STEP_VERSION
		     ? program_do_versions(d, &o)
		     : outputs_run(pool, &o, d->err)) != 0 ||
		    replace(all, o.step) != 0)
			return -1;
	}
}

/* ---- references of what was made ----------------------------------------- */

/*
 * The ids and references of a strand of another table, under its number.  What
 * is to be changed must be nobody else's.
 */
static int
look_at(struct strands *all, struct strand *s, uint32_t number)
{
	struct doing *const d = all->d;
	struct program_run *const r = d->run;
	const struct plan_table *const t = &d->plan->tables[s->table];
	struct err why;

	if (r->seen == NULL)
		r->seen = rewrite_queue_new(d->err);
	if (r->seen == NULL)
		return -1;
	rewrite_queue_check(r->seen, r->lookup, r->lookup_context);
	if (r->lookup != NULL && t->dangling != DANGLING_REPORT &&
	    value_own_all(&s->item.map, d->expr.mem, d->err) != 0)
		return -1;
	if (rewrite_collect(t->seen, r->seen, &d->expr, &s->item, number,
			    r->sums.left +
			    d->program->parts[s->table].first_left,
			    &why) == 0)
		return 0;
	*d->err = why;
	return -1;
}

/* What `dangling` says of them. */
static int
obey(struct strands *all, struct strand *const *by_number)
{
	struct doing *const d = all->d;
	size_t n;
	const struct rewrite_verdict *const v =
		rewrite_verdicts(d->run->seen, &n);

	for (size_t i = 0; i < n; i++) {
		struct strand *const s = by_number[v[i].item];

		if (!v[i].rejected)
			s->unmade = true;
		else if (refuse(all, s, &v[i].why, "references") != 0)
			return -1;
	}
	return 0;
}

/*
 * Ids and references of what was made for other tables: their `dangling` now,
 * the rest at the end checks.
 */
static int
look_at_ids(struct strands *all, struct strand **by_number)
{
	struct doing *const d = all->d;
	struct program_run *const r = d->run;
	uint32_t n = 0;

	if (r->seen != NULL)
		rewrite_reset(r->seen);
	for (struct strand *s = all->head; s != NULL; s = s->next, n++) {
		by_number[n] = s;
		if (d->plan->tables[s->table].seen != NULL &&
		    s->table != d->tables[s->source] &&
		    !all->refused[s->source] && look_at(all, s, n) != 0)
			return -1;
	}
	if (r->seen == NULL)
		return 0;
	return rewrite_flush(r->seen, d->expr.mem, d->err) != 0 ? -1
		: obey(all, by_number);
}

/* The uses of what became products, with the numbers of those. */
static int
number_uses(struct strands *all, struct strand *const *by_number)
{
	struct doing *const d = all->d;
	const struct rewrite_use *from;
	struct rewrite_use *to;
	size_t n;

	if (d->run->seen == NULL)
		return 0;
	from = rewrite_uses(d->run->seen, &n);
	to = arena_take(d->expr.mem, (n + 1) * sizeof(*to), d->err);
	if (to == NULL)
		return -1;
	d->out->seen = to;
	for (size_t i = 0; i < n; i++) {
		const struct strand *const s = by_number[from[i].item];

		if (all->refused[s->source])
			continue;
		to[d->out->nseen] = from[i];
		to[d->out->nseen++].item = s->product;
	}
	return 0;
}

/* ---- products ------------------------------------------------------------ */

/* The target's rules, for one of the items that a source item became. */
static int
hand_over(struct strands *all, struct strand *s)
{
	struct doing *const d = all->d;
	const struct part *const part = &d->program->parts[s->table];
	struct product *const made = &d->out->products[d->out->nproducts];
	const bool deep = d->program->parts[d->tables[s->source]].deep;
	struct err why;

	*made = (struct product){
		.item = s->unmade ? NULL : &s->item, .source = s->source,
		.table = s->table,
	};
	s->product = d->out->nproducts;
	if (s->unmade) {
		d->out->nproducts++;
		return 0;
	}
	if (target_check(&part->target, made->item, NULL, deep, d->expr.mem,
			 &made->key, &made->types, &why) != 0)
		return refuse(all, s, &why, "target");
	if (d->originals != NULL &&
	    survive_check(&d->plan->tables[d->tables[s->source]],
			  d->tables[s->source], d->originals[s->source],
			  made->item, d->expr.mem, &why) != 0)
		return refuse(all, s, &why, "masked");
	d->out->nproducts++;
	return 0;
}

/* Count what became of item `i`, whose products are those from `n` on. */
static void
count(struct strands *all, uint32_t i, uint32_t n)
{
	struct doing *const d = all->d;
	const struct program_result *const out = d->out;
	struct counts *const c = &d->run->sums.counts[d->tables[i]];
	uint32_t made = 0;

	for (uint32_t k = n; k < out->nproducts; k++) {
		const struct product *const p = &out->products[k];

		made += p->item != NULL;
		if (p->item == NULL)
			d->run->sums.left[d->program->parts[p->table]
					  .unmade]++;
	}
	c->made += made;
	if (made > 0) {
		d->fates[i] = FATE_MOVED;
		c->moved++;
	} else if (out->nproducts > n) {
		c->skipped++;
	} else if (all->filtered[i]) {
		c->filtered++;
	} else {
		c->dropped++;
	}
}

/* What became of the items, in their order. */
static int
settle(struct strands *all)
{
	struct doing *const d = all->d;
	struct program_result *const out = d->out;
	struct strand *s = all->head;

	for (uint32_t i = 0; i < d->batch->nitems; i++) {
		const uint32_t n = out->nproducts;

		if (!d->live[i])
			continue;
		for (; s != NULL && s->source == i; s = s->next)
			if (!all->refused[i] && hand_over(all, s) != 0)
				return -1;
		if (all->refused[i])
			out->nproducts = n;
		else
			count(all, i, n);
	}
	return 0;
}

/* Of an item of which only the key is known. */
static int
rename_only(struct strands *all, struct strand *s)
{
	const struct doing *const d = all->d;
	char step[48];
	struct err why;

	s->state = STRAND_DONE;
	if (rename_key(&d->plan->tables[s->table], &s->item, d->expr.mem, step,
		       &why) == 0)
		return 0;
	return refuse(all, s, &why, step);
}

/* A strand for each item that is live. */
static int
start(struct strands *all, const uint32_t *first)
{
	struct doing *const d = all->d;
	struct strand **link = &all->head;

	for (uint32_t i = 0; i < d->batch->nitems; i++) {
		if (!d->live[i])
			continue;

		struct strand *const s = arena_take(d->expr.mem, sizeof(*s),
						    d->err);
		if (s == NULL)
			return -1;
		*s = (struct strand){
			.item = d->batch->items[i], .source = i,
			.table = d->tables[i], .walk = d->tables[i],
			.step = first[i], .is_entered = true,
		};
		if (batch_is_key(d->batch, i) && rename_only(all, s) != 0)
			return -1;
		*link = s;
		link = &s->next;
	}
	return 0;
}

int
program_do_outputs(struct doing *d, const uint32_t *first)
{
	const uint32_t n = d->batch->nitems;
	struct strands all = {
		.d = d,
		.refused = arena_take(d->expr.mem, n + 1, d->err),
		.filtered = arena_take(d->expr.mem, n + 1, d->err),
	};
	struct strand **by_number;
	size_t nstrands = 0;

	if (all.refused == NULL || all.filtered == NULL)
		return -1;
	memset(all.refused, 0, n);
	memset(all.filtered, 0, n);
	if (start(&all, first) != 0 || go_all(&all) != 0)
		return -1;
	for (const struct strand *s = all.head; s != NULL; s = s->next)
		nstrands++;
	d->out->products = arena_take(d->expr.mem,
		(nstrands + 1) * sizeof(*d->out->products), d->err);
	by_number = arena_take(d->expr.mem, (nstrands + 1) *
			       sizeof(struct strand *), d->err);
	if (d->out->products == NULL || by_number == NULL ||
	    nstrands > UINT32_MAX)
		return -1;
	d->out->several = true;
	return look_at_ids(&all, by_number) != 0 || settle(&all) != 0
		? -1 : number_uses(&all, by_number);
}
