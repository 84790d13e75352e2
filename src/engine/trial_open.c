/* trial_open.c - what a trial needs: the plan, the exports, a program. */
#include <stdlib.h>

#include "base/err.h"
#include "engine/program.h"
#include "engine/reading.h"
#include "engine/sources.h"
#include "engine/trial_internal.h"
#include "expr/expr.h"
#include "formats/ddbjson.h"

static int
compile_where(struct trial *t, struct err *err)
{
	const struct expr_scope scope = { 0 };
	size_t at;

	if (t->options->where == NULL)
		return 0;
	t->where = expr_parse_condition(span_of(t->options->where), &scope,
					&at, err);
	if (t->where == NULL)
		return err_at(err, "--where, column %zu", at + 1);
	return 0;
}

static int
read_keys(struct trial *t, struct err *err)
{
	const struct trial_options *const o = t->options;
	const struct plan *const p = t->plan;

	t->keys = arena_take(&t->mem, (o->nkeys + 1) * sizeof(*t->keys), err);
	t->names = arena_take(&t->mem, (p->ntables + 1) * sizeof(*t->names),
			      err);
	if (t->keys == NULL || t->names == NULL)
		return -1;
	for (size_t i = 0; i < p->ntables; i++) {
		const struct plan_table *const table = &p->tables[i];

		t->names[i] = (struct itemkey_names){ NULL, NULL };
		if (!table->skip && table->input != PLAN_NONE)
			t->names[i] = (struct itemkey_names){
				table->source_key.pk.name,
				table->source_key.sk.name,
			};
	}
	for (size_t i = 0; i < o->nkeys; i++) {
		t->keys[i] = (struct trial_wanted){ 0 };
		if (itemkey_read(&t->keys[i].key, o->keys[i], t->names,
				 p->ntables, &t->mem, err) != 0)
			return -1;
	}
	return 0;
}

static int
make_tables(struct trial *t, struct err *err)
{
	const struct plan *const p = t->plan;

	t->lore = calloc(p->ntables + 1, sizeof(*t->lore));
	t->shown = calloc(p->ntables + 1, sizeof(*t->shown));
	t->nobodys = calloc(p->ninputs + 1, sizeof(*t->nobodys));
	if (t->lore == NULL || t->shown == NULL || t->nobodys == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	for (size_t i = 0; i < p->ntables; i++)
		if (!p->tables[i].skip &&
		    trial_lore_init(&t->lore[i], &p->tables[i], &t->mem,
				    err) != 0)
			return -1;
	return 0;
}

static int
make_program(struct trial *t, struct err *err)
{
	t->program = program_new(t->plan, span_of(t->options->run_time), err);
	if (t->program == NULL)
		return -1;
	t->run = program_run_new(t->program, err);
	t->reading = reading_new(err);
	t->again = ddbjson_new(err);
	return t->run != NULL && t->reading != NULL && t->again != NULL ? 0
								       : -1;
}

struct trial *
trial_open(const struct trial_options *o, struct err *err)
{
	struct trial *const t = calloc(1, sizeof(*t));

	if (t == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	t->options = o;
	t->limit = o->limit > 0 ? o->limit : 1;
	if (compile_where(t, err) != 0)
		goto failed;
	t->plan = plan_load(o->plans, o->nplans, &o->plan, err);
	if (t->plan == NULL ||
	    sources_find(t->plan, o->accept, o->naccept, &t->mem, &t->exports,
			 &t->found, err) != 0 ||
	    read_keys(t, err) != 0 || make_tables(t, err) != 0 ||
	    make_program(t, err) != 0)
		goto failed;
	return t;
failed:
	trial_close(t);
	return NULL;
}

void
trial_close(struct trial *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; t->lore != NULL && i < t->plan->ntables; i++)
		trial_lore_free(&t->lore[i]);
	free(t->lore);
	free(t->shown);
	free(t->nobodys);
	expr_free(t->where);
	program_run_free(t->run);
	program_free(t->program);
	reading_free(t->reading);
	ddbjson_free(t->again);
	batch_free(&t->copy);
	buf_free(&t->encoded);
	exports_free(&t->exports);
	plan_free(t->plan);
	arena_free(&t->mem);
	free(t);
}
