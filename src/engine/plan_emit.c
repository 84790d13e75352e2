/* plan_emit.c - the step `emit`: one item in, several out. */
#include <string.h>

#include "engine/plan_internal.h"

static int
read_fields(struct plan *p, const struct tree *t,
	    const struct plan_scope *scope, struct plan_emit *e,
	    struct err *err)
{
	if (t->kind != TREE_MAP || t->nkids == 0)
		return tree_err(t, err, "'item' must be a map, attribute: "
				"expression; not %s", t->kind == TREE_MAP ?
				"an empty one" : tree_kind_name(t));
	e->nfields = t->nkids / 2;
	e->fields = plan_take(p, e->nfields, sizeof(*e->fields), err);
	if (e->fields == NULL)
		return -1;
	for (size_t i = 0; i < e->nfields; i++) {
		const struct tree *const name = &t->kids[2 * i];
		const char *const text = (const char *)name->text.ptr;

		if (name->text.len == 0)
			return tree_err(name, err, "an attribute without name");
		e->fields[i].name = name->text;
		e->fields[i].hash = name_hash(name->text);
		e->fields[i].value = plan_value(p, name + 1, text, scope, err);
		if (e->fields[i].value == NULL)
			return -1;
	}
	e->has_item = true;
	return 0;
}

/* `each` and `as`: the second becomes a name that expressions know. */
static int
read_each(struct plan *p, const struct tree *t, struct plan_scope *scope,
	  struct plan_emit *e, struct err *err)
{
	const struct tree *const each = tree_get(t, "each");
	const struct tree *const as = tree_get(t, "as");

	if (each == NULL && as == NULL)
		return 0;
	if (each == NULL)
		return tree_err(as, err, "'as' needs 'each'");
	if (as == NULL)
		return tree_err(each, err, "'each' needs 'as', the name of what"
				" it goes through");
	if (plan_path(p, each, "each", false, &e->each, err) != 0 ||
	    plan_read_text(as, "as", &e->as, err) != 0)
		return -1;
	e->has_each = true;

	struct span *const bound = plan_take(p, 1, sizeof(*bound), err);
	if (bound == NULL)
		return -1;
	*bound = as->text;
	scope->expr.bound = bound;
	scope->expr.nbound = 1;
	return 0;
}

static int
read_output(struct plan *p, const struct tree *t,
	    const struct plan_scope *outer, struct plan_emit *e,
	    struct err *err)
{
	static const char *const known[] = {
		"to", "each", "as", "when", "item", "update", NULL,
	};
	const struct tree *const to = tree_get(t, "to");
	const struct tree *const when = tree_get(t, "when");
	const struct tree *const item = tree_get(t, "item");
	const struct tree *const update = tree_get(t, "update");
	struct plan_scope scope = *outer;

	if (plan_check_map(t, "an output of 'emit'", known, err) != 0)
		return -1;
	if (to == NULL)
		return tree_err(t, err, "an output needs 'to', its table");
	e->place = plan_place_of(t);
	e->table = PLAN_NONE;
	if (plan_read_text(to, "to", &e->to, err) != 0 ||
	    plan_check_table(p, to, e->to, err) != 0 ||
	    read_each(p, t, &scope, e, err) != 0)
		return -1;
	if (when != NULL) {
		e->when = plan_condition(p, when, "when", &scope, err);
		if (e->when == NULL)
			return -1;
	}
	if (item != NULL && read_fields(p, item, &scope, e, err) != 0)
		return -1;
	if (update != NULL) {
		e->update = plan_update(p, update, "update", &scope, err);
		if (e->update == NULL)
			return -1;
	}
	return 0;
}

int
plan_read_emit(struct plan *p, const struct tree *t,
	       const struct plan_scope *scope, struct plan_step *step,
	       struct err *err)
{
	if (t->kind != TREE_LIST)
		return tree_err(t, err, "'emit' must be a list of outputs, not "
				"%s", tree_kind_name(t));
	step->nemits = t->nkids;
	step->emits = plan_take(p, t->nkids, sizeof(*step->emits), err);
	if (step->emits == NULL)
		return -1;
	for (uint32_t i = 0; i < t->nkids; i++)
		if (read_output(p, &t->kids[i], scope, &step->emits[i],
				err) != 0)
			return -1;
	return 0;
}
