/*
 * validate_plan.c - do a plan's rules and references hold for a dump?
 *
 * The dump takes the place of the plan's own sources, and all is done that a
 * run does but writing: so what is found wrong is what a run would reject, and
 * what its end checks would tell.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "engine/analysis_internal.h"
#include "engine/program.h"
#include "engine/rehearsal.h"
#include "engine/validate_internal.h"
#include "model/batch.h"

enum { MAX_LINES = 100 };	/* items of a file that are shown */

struct checking {
	const struct validate_options *options;
	struct validate_notes *notes;
	const struct plan *plan;	/* NULL: not open yet */
};

/* ---- items --------------------------------------------------------------- */

struct eye {
	struct checking *all;
	const struct unit *unit;
	uint64_t nbad;
};

static void *
open_eye(void *context, const struct unit *u, struct err *err)
{
	struct eye *const e = calloc(1, sizeof(*e));

	if (e == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	e->all = context;
	e->unit = u;
	return e;
}

static int
note_line(struct eye *e, const struct reject *r, struct err *err)
{
	const struct plan *const p = e->all->plan;
	const uint32_t table = p->inputs[e->unit->input].tables[0];
	struct err why = r->why;

	err_at(&why, "byte %" PRIu64, r->at + 1);
	return validate_note(e->all->notes, &(struct validate_note){
		.kind = VALIDATE_BAD_LINE, .unit = e->unit->number,
		.table = p->tables[table].name, .file = e->unit->path,
		.line = r->number, .text = why.text,
	}, err);
}

static int
note_item(struct eye *e, const struct batch *b, const struct refusal *r,
	  struct err *err)
{
	const struct plan_table *const t = &e->all->plan->tables[r->table];
	const struct item *const item = &b->items[r->source];
	struct err why = r->why;

	err_at(&why, "%s", r->step);
	return validate_note(e->all->notes, &(struct validate_note){
		.kind = VALIDATE_BROKEN, .unit = e->unit->number,
		.table = t->name, .file = e->unit->path,
		.line = item->number, .text = why.text,
		.key = &t->source_key, .found = item->line,
	}, err);
}

static int
after(void *eye, const struct batch *b, const struct program_result *result,
      struct err *err)
{
	struct eye *const e = eye;

	for (uint32_t i = 0; i < b->nrejects; i++)
		if (e->nbad++ < MAX_LINES &&
		    note_line(e, &b->rejects[i], err) != 0)
			return -1;
	for (uint32_t i = 0; i < result->nrefusals; i++)
		if (e->nbad++ < MAX_LINES &&
		    note_item(e, b, &result->refusals[i], err) != 0)
			return -1;
	return 0;
}

static int
close_eye(void *eye, bool whole, struct err *err)
{
	struct eye *const e = eye;
	char text[128];
	int rc = 0;

	snprintf(text, sizeof(text), "and %" PRIu64 " more items or lines of "
		 "this file", e->nbad - MAX_LINES);
	if (whole && e->nbad > MAX_LINES)
		rc = validate_note(e->all->notes, &(struct validate_note){
			.kind = VALIDATE_BROKEN, .unit = e->unit->number,
			.file = e->unit->path, .line = UINT64_MAX,
			.text = text,
		}, err);
	free(e);
	return rc;
}

/* ---- what only all items together can break ------------------------------ */

static int
see(struct checking *c, struct validate_sums *s, const char *table,
    const struct analysis_item *at, const char *text, struct err *err)
{
	const struct validate_check check = {
		.kind = VALIDATE_BROKEN, .table = table,
		.name = at != NULL ? at->file : "", .text = text,
		.file = at != NULL ? at->file : NULL,
		.line = at != NULL ? at->line : 0,
	};

	return validate_see(c->options, s, &check, err);
}

/* Two items that may not be both, and the ones that are not shown. */
static int
see_pairs(struct checking *c, struct validate_sums *s, const char *table,
	  const struct analysis_pair *pairs, size_t n, uint64_t all,
	  const char *what, struct analyst *x)
{
	for (size_t i = 0; i < n; i++) {
		const struct analysis_item *const b = &pairs[i].b;
		/* What came on standard input cannot be looked up again. */
		const char *const text = b->line == 0 ? what :
			analysis_text(x, "%s: %s as %s", what, b->key,
				      analysis_where(x, &pairs[i].a));

		if (text == NULL || see(c, s, table, &pairs[i].b, text,
					x->err) != 0)
			return -1;
	}
	if (all <= n)
		return 0;
	return see(c, s, table, NULL, analysis_text(x, "%s: and %s more", what,
			analysis_count(x, all - n)), x->err);
}

static int
see_reference(struct checking *c, struct validate_sums *s,
	      const struct analysis_reference *r, struct analyst *x)
{
	const char *const table = x->r->plan->tables[r->table].name;
	const char *const to = x->r->plan->tables[r->to].name;

	s->checks += r->dangling == 0;
	for (size_t i = 0; i < r->nexamples; i++) {
		const struct analysis_item *const at = &r->examples[i];
		const char *const text = analysis_text(x, "%s%s%s: '%s' is no "
			"id in %s", at->key, at->key[0] != '\0' ? ": " : "",
			r->path, at->value != NULL ? at->value : "?", to);

		if (text == NULL || see(c, s, table, at, text, x->err) != 0)
			return -1;
	}
	if (r->dangling <= r->nexamples)
		return 0;
	return see(c, s, table, NULL, analysis_text(x, "%s: and %s more values "
			"that are no ids in %s", r->path,
			analysis_count(x, r->dangling - r->nexamples), to),
		   x->err);
}

struct pairs {
	struct analysis_pair *list;
	uint32_t n;
};

static int
want(struct analyst *x, const struct join_pair *from, uint32_t n,
     struct pairs *out)
{
	out->n = n;
	out->list = analysis_take(x, n, sizeof(*out->list));
	if (out->list == NULL)
		return -1;
	for (uint32_t i = 0; i < n; i++)
		if (analysis_want(x, &from[i].a, &out->list[i].a, NULL) != 0 ||
		    analysis_want(x, &from[i].b, &out->list[i].b, NULL) != 0)
			return -1;
	return 0;
}

/* Ids and primary keys that two items share, and references to nothing. */
static int
see_all(struct checking *c, struct validate_sums *s, struct analyst *x)
{
	const struct run *const r = x->r;
	const struct join_result *const j = &r->account.join;
	const uint32_t n = (uint32_t)r->plan->ntables;
	struct pairs *const ids = analysis_take(x, n, sizeof(*ids));
	struct pairs *const keys = analysis_take(x, r->ntargets,
						 sizeof(*keys));

	if (ids == NULL || keys == NULL || analysis_references(x) != 0)
		return -1;
	for (uint32_t i = 0; i < n; i++)
		if (want(x, j->tables[i].collision, j->tables[i].ncollision,
			 &ids[i]) != 0)
			return -1;
	for (uint32_t i = 0; i < r->ntargets; i++)
		if (want(x, j->targets[i].duplicate, j->targets[i].nduplicate,
			 &keys[i]) != 0)
			return -1;
	if (analysis_find(x) != 0)
		return -1;
	for (uint32_t i = 0; i < n; i++)
		if (see_pairs(c, s, r->plan->tables[i].name, ids[i].list,
			      ids[i].n, j->tables[i].collisions,
			      "the same new id", x) != 0)
			return -1;
	for (uint32_t i = 0; i < n; i++) {
		const uint32_t to = r->targets[i].number;

		if (keys[to].n == 0)
			continue;
		if (see_pairs(c, s, r->plan->tables[i].name, keys[to].list,
			      keys[to].n, j->targets[to].duplicates,
			      "the same primary key", x) != 0)
			return -1;
		keys[to].n = 0;		/* told with the first table of it */
	}
	for (size_t i = 0; i < x->nreferences; i++)
		if (see_reference(c, s, &x->a->references[i], x) != 0)
			return -1;
	return 0;
}

/* ---- all of it ----------------------------------------------------------- */

static int
check(struct checking *c, struct run *r, struct validate_sums *s,
      struct err *err)
{
	struct analysis a = { .run = r, .plan = run_plan(r) };
	struct analyst x = { .a = &a, .r = r, .err = err };
	const struct account *const sums = run_account(r);
	int rc;

	c->plan = run_plan(r);
	if (run_units(r, err) != 0 || run_finish(r, err) != 0)
		return -1;
	s->files = sums->units;
	s->items = sums->total.read;
	s->packed_len = sums->packed_in;
	s->checks += sums->total.read - sums->total.rejected;
	rc = validate_notes_show(c->notes, c->options, s, err);
	if (rc == 0)
		rc = see_all(c, s, &x);
	free(x.wanted);
	arena_free(&a.mem);
	return rc;
}

int
validate_plan(const struct validate_options *o, struct validate_sums *s,
	      struct err *err)
{
	struct checking c = { .options = o };
	const struct unit_observer observer = {
		.context = &c, .open = open_eye, .after = after,
		.edits = true, .close = close_eye,
	};
	struct run_options run = {
		.plans = &o->plan, .nplans = 1, .plan = o->plan_options,
		.threads = o->threads, .memory = o->memory, .limit = o->limit,
		.accept = o->dump.accept, .naccept = o->dump.naccept,
		.run_time = o->run_time, .version = o->version,
		.cancel = o->cancel, .survey = SURVEY_IDS,
		.observer = &observer,
	};
	struct rehearsal *r = NULL;
	int rc = -1;

	*s = (struct validate_sums){ 0 };
	run.plan.dumps = o->dump.paths;
	run.plan.ndumps = o->dump.npaths;
	run.plan.only = o->dump.tables;
	run.plan.nonly = o->dump.ntables;
	c.notes = validate_notes_new(err);
	if (c.notes != NULL)
		r = rehearsal_open(&run, o->tmp, err);
	if (r != NULL)
		rc = check(&c, rehearsal_run(r), s, err);
	rehearsal_close(r);
	validate_notes_free(c.notes);
	return rc;
}
