#include "engine/program_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "engine/outputs.h"
#include "engine/plan.h"
#include "engine/rename.h"
#include "engine/survive.h"
#include "model/batch.h"

struct program_run *
program_run_new(const struct program *p, struct err *err)
{
	struct program_run *const r = calloc(1, sizeof(*r));
	const size_t n = p->plan->ntables + 1;

	if (r == NULL)
		goto failed;
	r->program = p;
	r->sums.counts = calloc(n, sizeof(*r->sums.counts));
	r->sums.types = calloc(n, sizeof(*r->sums.types));
	r->sums.left = calloc(p->nleft + 1, sizeof(*r->sums.left));
	r->keyless = calloc(n, sizeof(*r->keyless));
	if (r->keyless == NULL || r->sums.counts == NULL || r->sums.types == NULL ||
	    r->sums.left == NULL)
		goto failed;
	r->queue = rewrite_queue_new(err);
	if (r->queue == NULL) {
		program_run_free(r);
		return NULL;
	}
	return r;
failed:
	err_set(err, ERR_SYSTEM, "out of memory");
	program_run_free(r);
	return NULL;
}

void
program_run_free(struct program_run *r)
{
	if (r == NULL)
		return;
	rewrite_queue_free(r->queue);
	rewrite_queue_free(r->seen);
	free(r->sums.counts);
	free(r->sums.types);
	free(r->sums.left);
	free(r->keyless);
	outputs_pool_free(r->own_pool);
	free(r);
}

void
program_skip_keys(struct program_run *r, uint32_t table)
{
	r->keyless[table] = true;
}

void
program_ask(struct program_run *r, rewrite_lookup *lookup, void *context)
{
	rewrite_queue_check(r->queue, lookup, context);
	r->lookup = lookup;
	r->lookup_context = context;
}

bool
program_needs_pool(const struct program *p)
{
	return p->needs_pool;
}

void
program_lend(struct program_run *r, struct outputs_pool *pool)
{
	r->pool = pool;
}

void
program_keep_maps(struct program_run *r)
{
	r->maps = true;
}

const struct program_sums *
program_sums_of(const struct program_run *r)
{
	return &r->sums;
}

void
program_clear_sums(struct program_run *r)
{
	const size_t n = r->program->plan->ntables;

	memset(r->sums.counts, 0, n * sizeof(*r->sums.counts));
	memset(r->sums.types, 0, n * sizeof(*r->sums.types));
	memset(r->sums.left, 0, r->program->nleft * sizeof(*r->sums.left));
}

int
program_refuse(struct doing *d, uint32_t item, const struct err *why,
	       const char *step)
{
	if (why->code != ERR_INPUT) {
		*d->err = *why;
		return -1;
	}

	struct refusal *const r = &d->out->refusals[d->out->nrefusals++];
	r->source = item;
	r->table = d->tables[item];
	r->why = *why;
	snprintf(r->step, sizeof(r->step), "%s", step);
	d->fates[item] = FATE_REFUSED;
	d->run->sums.counts[r->table].rejected++;
	return 0;
}

/*
 * Whether the item passes the table's `where`, that of the first plan.  A table
 * without one takes all.  Returns 1, 0 or -1.
 */
static int
passes(const struct doing *d, const struct plan_table *t,
       const struct item *item, struct err *why)
{
	const struct expr *const where = t->npasses > 0 ? t->passes[0].where
							: NULL;

	return where == NULL ? 1 : expr_test(where, &d->expr, item, why);
}

/* Queue the ids of an item.  Returns 1 if it is quick, 0, or -1 with *why. */
static int
collect(struct doing *d, const struct plan_table *t, uint32_t i,
	struct err *why)
{
	const struct part *const part = &d->program->parts[d->tables[i]];
	const struct lane *const lane = &part->lane;
	struct item *const item = &d->batch->items[i];
	uint64_t *const left = d->run->sums.left + part->first_left;
	struct value *values[NAMES_MAX];

	d->laned[i] = !batch_is_gone(d->batch, i) &&	/* its key is needed */
		      lane_find(lane, item, &d->found[i]);
	if (t->rewrite == NULL)
		return 1;
	if (!d->laned[i] || lane->rules == NULL)
		return rewrite_collect(t->rewrite, d->run->queue, &d->expr,
				       item, i, left, why);
	for (size_t k = 0; k < lane->nrules; k++)
		values[k] = names_here(lane->rules[k], &item->map,
				       &d->found[i]);
	return rewrite_collect_found(t->rewrite, d->run->queue, &d->expr, item,
				     i, values, left, why);
}

/*
 * Give the item to the first table of its input whose `where` it passes, and
 * queue its ids.  live[i] says whether it goes on.  Returns 0 or -1.
 */
static int
take(struct doing *d, const struct plan_input *input, uint32_t i)
{
	struct item *const item = &d->batch->items[i];
	struct program_sums *const sums = &d->run->sums;
	const struct plan_table *t = NULL;
	struct err why;
	int yes = 0, quick;

	d->live[i] = false;
	for (size_t k = 0; k < input->ntables && yes == 0; k++) {
		d->tables[i] = input->tables[k];
		t = &d->plan->tables[input->tables[k]];
		yes = passes(d, t, item, &why);
	}
	if (yes == 0)	/* the first table answers for nobody's items */
		d->tables[i] = input->tables[0];
	sums->counts[d->tables[i]].read++;
	if (yes < 0)
		return program_refuse(d, i, &why, "where");
	if (yes == 0) {
		sums->counts[d->tables[i]].filtered++;
		return 0;
	}
	quick = collect(d, t, i, &why);
	if (quick < 0)
		return program_refuse(d, i, &why, "ids");
	d->quick[i] = quick > 0 && d->laned[i];
	d->live[i] = true;
	return 0;
}

/* No step but the `first` of the first pass. */
static bool
is_all(const struct plan_table *t, size_t first)
{
	return t->npasses == 0 ||
	       (t->npasses == 1 && t->passes[0].nsteps == first);
}

/* The target takes the item, unless it breaks a rule.  Returns 0 or -1. */
static int
hand_over(struct doing *d, uint32_t i, const struct value *keys,
	  const struct keyhash *key)
{
	const uint32_t table = d->tables[i];
	const struct part *const part = &d->program->parts[table];
	struct product *const made = &d->out->products[d->out->nproducts];
	const bool hash = key == NULL && !d->run->keyless[table];
	struct err why;

	made->item = &d->batch->items[i];
	made->source = i;
	made->table = table;
	if (key != NULL)
		made->key = *key;
	if (!hash && keys != NULL && !part->deep &&
	    target_is_plain(&part->target, &keys[0]))
		made->types = (struct key_types){ 1 << VALUE_S, 0 };
	else if (target_check(&part->target, made->item, keys, part->deep,
			      d->expr.mem, hash ? &made->key : NULL,
			      &made->types, &why) != 0)
		return program_refuse(d, i, &why, "target");
	d->out->nproducts++;
	d->fates[i] = FATE_MOVED;
	d->run->sums.counts[table].moved++;
	return 0;
}

/* The item by edits of its line.  Returns 1, 0 if that cannot be, or -1. */
static int
edit(struct doing *d, uint32_t i)
{
	const struct part *const part = &d->program->parts[d->tables[i]];
	const struct lane *const lane = &part->lane;
	struct item *const item = &d->batch->items[i];
	const struct names_found *const found = &d->found[i];
	const struct keyhash *hash = NULL;
	const struct rewrite_use *uses;
	struct value keys[2];
	size_t n = 0;

	while (d->use < d->end && d->use->item < i)
		d->use++;
	for (uses = d->use; uses + n < d->end && uses[n].item == i; n++)
		if (uses[n].rule == lane->pk_rule && lane->sk == 0)
			hash = &uses[n].key;

	const int rc = lane_edit(lane, item, found, uses, n, d->expr.mem,
				 d->err);
	if (rc <= 0)
		return rc;
	for (size_t k = 0; k < 2; k++) {
		const uint32_t name = k == 0 ? lane->pk : lane->sk;
		const struct value *const v = name == 0 ? NULL :
			names_here(name, &item->map, found);

		keys[k] = v != NULL ? *v : (struct value){ .type = 0 };
	}
	return hand_over(d, i, keys, hash) != 0 ? -1 : 1;
}

static int
finish(struct doing *d, uint32_t i)
{
	const uint32_t table = d->tables[i];
	const struct plan_table *const t = &d->plan->tables[table];
	const struct part *const part = &d->program->parts[table];
	struct program_sums *const sums = &d->run->sums;
	struct item *const item = &d->batch->items[i];
	const struct value *known = NULL;
	struct value keys[2];
	size_t first = 0;
	char step[48];
	struct err why;

	/* The map of what may be too large is measured. */
	if (d->quick[i] && part->lane.cases != NULL && !part->deep &&
	    !d->run->maps && item->line.len <= ITEM_MAX_LEN / 2) {
		const int rc = edit(d, i);

		if (rc != 0)
			return rc < 0 ? -1 : 0;
	}
	if (d->laned[i]) {
		const int n = lane_do(&part->lane, item, &d->found[i], keys,
				      d->expr.mem, d->err);

		if (n < 0)
			return -1;
		first = (size_t)n;
		known = is_all(t, first) ? keys : NULL;
	}
	const enum fate fate = !batch_is_key(d->batch, i)
		? program_do_item(d, t, first, item, step, &why)
		: rename_key(t, item, d->expr.mem, step, &why) == 0 ? MOVED
								    : REFUSED;
	if (fate == FILTERED) {
		sums->counts[table].filtered++;
		return 0;
	}
	if (fate == REFUSED)
		return program_refuse(d, i, &why, step);
	return hand_over(d, i, known, NULL);
}

/*
 * The items that are live, where steps may make several of them: first by their
 * lanes, as far as those go.
 */
static int
finish_several(struct doing *d, uint32_t n)
{
	uint32_t *const first = arena_take(d->expr.mem,
					   (n + 1) * sizeof(*first), d->err);
	struct value keys[2];

	if (first == NULL)
		return -1;
	for (uint32_t i = 0; i < n; i++) {
		const struct part *const part =
			&d->program->parts[d->tables[i]];
		int done = 0;

		if (d->live[i] && d->laned[i])
			done = lane_do(&part->lane, &d->batch->items[i],
				       &d->found[i], keys, d->expr.mem,
				       d->err);
		if (done < 0)
			return -1;
		first[i] = (uint32_t)done;
	}
	return program_do_outputs(d, first);
}

/* Items that `dangling` did not let through. */
static int
obey_verdicts(struct doing *d)
{
	size_t n;
	const struct rewrite_verdict *const v = rewrite_verdicts(d->run->queue,
								 &n);

	for (size_t i = 0; i < n; i++) {
		d->live[v[i].item] = false;
		if (!v[i].rejected)
			d->run->sums.counts[d->tables[v[i].item]].skipped++;
		else if (program_refuse(d, v[i].item, &v[i].why,
					"references") != 0)
			return -1;
	}
	return 0;
}

/* What is to be masked, while items are as they are in the source. */
static int
note_originals(struct doing *d, const struct plan_input *in)
{
	const uint32_t n = d->batch->nitems;

	d->originals = arena_take(d->expr.mem, (n + 1) *
				  sizeof(struct original *), d->err);
	if (d->originals == NULL)
		return -1;
	for (uint32_t i = 0; i < n; i++) {
		d->originals[i] = NULL;
		for (size_t k = 0; k < in->ntables; k++)
			if (survive_collect(&d->plan->tables[in->tables[k]],
					    in->tables[k], &d->batch->items[i],
					    &d->originals[i], d->expr.mem,
					    d->err) != 0)
				return -1;
	}
	return 0;
}

int
program_do(struct program_run *r, uint32_t input, struct batch *b,
	   struct program_result *out, struct err *err)
{
	const struct plan *const plan = r->program->plan;
	const struct plan_input *const in = &plan->inputs[input];
	const size_t n = b->nitems;
	struct arena *const mem = &b->mem;
	struct doing d = {
		.run = r, .program = r->program, .plan = plan, .batch = b,
		.expr = { .mem = mem, .run_time = span_of(r->program->run_time) },
		.tables = arena_take(mem, (n + 1) * sizeof(*d.tables), err),
		.fates = arena_take(mem, n + 1, err),
		.found = arena_take(mem, (n + 1) * sizeof(*d.found), err),
		.live = arena_take(mem, n + 1, err),
		.laned = arena_take(mem, n + 1, err),
		.quick = arena_take(mem, n + 1, err),
		.out = out, .err = err,
	};

	*out = (struct program_result){
		.products = arena_take(mem, (n + 1) * sizeof(*out->products),
				       err),
		.refusals = arena_take(mem, (n + 1) * sizeof(*out->refusals), err),
		.tables = d.tables, .fates = d.fates,
	};
	if (d.tables == NULL || d.fates == NULL || d.found == NULL ||
	    d.live == NULL || d.laned == NULL || d.quick == NULL ||
	    out->products == NULL || out->refusals == NULL)
		return -1;
	memset(d.fates, FATE_LEFT_OUT, n);

	/* Whose a line was that is no item, nobody can say: the input's. */
	r->sums.counts[in->tables[0]].read += b->nrejects;
	r->sums.counts[in->tables[0]].rejected += b->nrejects;

	rewrite_reset(r->queue);
	if (r->program->masked[input] && note_originals(&d, in) != 0)
		return -1;
	for (uint32_t i = 0; i < n; i++)
		if (take(&d, in, i) != 0)
			return -1;
	if (rewrite_flush(r->queue, mem, err) != 0 ||
	    obey_verdicts(&d) != 0)
		return -1;
	out->uses = rewrite_uses(r->queue, &out->nuses);
	d.use = out->uses;
	d.end = out->uses + out->nuses;
	if (r->program->several[input])
		return finish_several(&d, (uint32_t)n);
	for (uint32_t i = 0; i < n; i++)
		if (d.live[i] && finish(&d, i) != 0)
			return -1;
	return 0;
}
