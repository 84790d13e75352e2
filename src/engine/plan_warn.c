/* plan_warn.c - what is no error and yet worth saying; what cannot be done. */
#include <string.h>

#include "engine/outputs.h"
#include "engine/plan_internal.h"
#include "formats/formats.h"

/* JavaScript reads an N into a double, which holds 15 digits of any number. */
enum { SAFE_DIGITS = 15 };

static enum value_type
type_of_id(const struct plan_table *t, const struct plan_entry *e)
{
	const struct plan_key_attr *const key[] = {
		&t->source_key.pk, &t->source_key.sk, &t->key.pk, &t->key.sk,
	};

	if (e->ids.type != 0)
		return e->ids.type;
	for (size_t i = 0; i < e->nrules && e->rules[i].is_id; i++)
		for (size_t k = 0; k < 4; k++)
			if (key[k]->name != NULL && key[k]->type != 0 &&
			    strcmp(key[k]->name, e->rules[i].text) == 0)
				return key[k]->type;
	return VALUE_S;
}

static int
warn_of_ids(struct plan *p, struct err *err)
{
	bool any = false, told = false;

	for (size_t i = 0; i < p->ntables; i++) {
		const struct plan_table *const t = &p->tables[i];
		const struct plan_entry *const e =
			plan_entry_for(&p->parts->parts[0], t->name);

		if (e == NULL || !e->has_ids)
			continue;
		any = true;
		const unsigned digits = e->ids.digits != 0 ? e->ids.digits :
					REMAP_DIGITS;
		if (told || digits <= SAFE_DIGITS ||
		    type_of_id(t, e) != VALUE_N)
			continue;
		told = true;
		if (plan_warn(p, "long-numbers", plan_place_of(e->id_node), err,
			      "the ids of '%s' are numbers and get %u digits; "
			      "JavaScript is exact up to 15: say 'digits: 15', "
			      "or accept it", t->name, digits) != 0)
			return -1;
	}
	if (any && p->ids.environment[0] == '\0')
		return plan_warn(p, "no-environment",
				 plan_place_of(p->parts->parts[0].root), err,
				 "'target.environment' is not said, so that "
				 "every target would get the same new ids");
	return 0;
}

/* ImportTable makes no local index, and nothing can add one later. */
static int
warn_of_local_indexes(struct plan *p, struct err *err)
{
	for (size_t i = 0; i < p->ncreates; i++) {
		const struct plan_create *const c = &p->creates[i];

		/* They stand behind the global ones. */
		if (c->used && c->nindexes > 0 &&
		    c->indexes[c->nindexes - 1].local &&
		    plan_warn(p, "local-indexes", c->place, err, "'%s' has "
			      "local secondary indexes, which an import cannot "
			      "make: table.json leaves them out", c->name) != 0)
			return -1;
	}
	return 0;
}

static int
warn_of_names(struct plan *p, struct err *err)
{
	for (size_t i = 0; i < p->ncreates; i++)
		if (!p->creates[i].used &&
		    plan_warn(p, "unused-definition", p->creates[i].place, err,
			      "no table of the plan is called '%s'",
			      p->creates[i].name) != 0)
			return -1;
	for (size_t i = 0; p->parts->resolved &&
	     i < p->parts->parts[0].nentries; i++) {
		const struct plan_entry *const e =
			&p->parts->parts[0].entries[i];
		bool any = !e->glob;

		for (size_t k = 0; k < p->ntables && !any; k++)
			any = plan_entry_for(&p->parts->parts[0],
					     p->tables[k].name) == e;
		if (!any && plan_warn(p, "empty-glob", plan_place_of(e->node),
				      err, "no table of the exports matches "
				      "'%s'", e->name) != 0)
			return -1;
	}
	return 0;
}

/*
 * A table that no export holds and others emit to: its steps and `where` see
 * nothing, and whoever wrote them thinks otherwise.
 */
static int
warn_of_idle_steps(struct plan *p, struct err *err)
{
	for (size_t i = 0; p->parts->resolved && i < p->ntables; i++) {
		const struct plan_table *const t = &p->tables[i];
		const struct plan_pass *const pass = t->npasses > 0
			? &t->passes[0] : NULL;

		if (!t->emitted || t->skip || t->input != PLAN_NONE ||
		    pass == NULL || pass->plan != 0 ||
		    (pass->nsteps == 0 && pass->where == NULL))
			continue;
		if (plan_warn(p, "idle-steps", t->place, err, "no export holds "
			      "'%s', so that its %s see nothing: what is "
			      "emitted to it has its 'assert' only", t->name,
			      pass->nsteps > 0 ? "steps" : "'where'") != 0)
			return -1;
	}
	return 0;
}

int
plan_build_warnings(struct plan *p, struct err *err)
{
	if (warn_of_ids(p, err) != 0 || warn_of_names(p, err) != 0 ||
	    warn_of_idle_steps(p, err) != 0)
		return -1;
	return warn_of_local_indexes(p, err);
}

int
plan_warn_collisions(struct plan *p, uint32_t table, uint64_t items,
		     struct err *err)
{
	const struct plan_table *const t = &p->tables[table];
	const struct plan_entry *const e =
		plan_entry_for(&p->parts->parts[0], t->name);

	if (t->remap == NULL || e == NULL)
		return 0;
	const double n = remap_collisions(t->remap, type_of_id(t, e),
					  (double)items);
	if (n <= 0.01)
		return 0;
	return plan_warn(p, "collisions", plan_place_of(e->id_node), err,
			 "%ju ids of '%s': %.2g collisions are to be expected; "
			 "make the ids longer", (uintmax_t)items, t->name, n);
}

/* ---- what this version does not do yet ----------------------------------- */

static const char *
step_not_yet(const struct plan_step *steps, size_t n, struct plan_place *where)
{
	for (size_t i = 0; i < n; i++) {
		if ((steps[i].kind != STEP_PIPE &&
		     steps[i].kind != STEP_LUA) ||
		    outputs_kind_of(&steps[i]) != NULL)
			continue;
		*where = steps[i].place;
		return plan_step_name(steps[i].kind);
	}
	return NULL;
}

static const char *
table_not_yet(const struct plan_table *t, struct plan_place *where)
{
	if (t->skip)
		return NULL;
	for (size_t i = 0; i < t->npasses; i++) {
		const char *const what = step_not_yet(t->passes[i].steps,
						      t->passes[i].nsteps,
						      where);

		if (what != NULL)
			return what;
	}
	return NULL;
}

static const char *
source_not_yet(const struct plan_source *s)
{

	if (s->format != NULL && item_format_named(s->format) == NULL)
		return "exports of this format";
	return NULL;
}

const char *
plan_not_yet(const struct plan *p, struct plan_place *where)
{
	struct plan_place unused;

	if (where == NULL)
		where = &unused;
	for (size_t i = 0; i < p->nsources; i++) {
		const char *const what = source_not_yet(&p->sources[i]);

		*where = p->sources[i].place;
		if (what != NULL)
			return what;
	}
	for (size_t i = 0; i < p->ntables; i++) {
		const char *const what = table_not_yet(&p->tables[i], where);

		if (what != NULL)
			return what;
	}
	*where = plan_place_of(p->parts->parts[0].root);

	const struct item_format *const out = item_format_named(
		plan_format_name(p->format));
	return out == NULL || out->encode == NULL ? "this target.format"
						  : NULL;
}

int
plan_warn_second(struct plan *p, const char *full, const char *time,
		 struct err *err)
{
	return plan_warn(p, "within-second",
			 plan_place_of(p->parts->parts[0].root), err,
			 "'%s' is of %s, and the increment behind it begins "
			 "with that second: an item that came in between and "
			 "was deleted in the window would stay", full, time);
}
