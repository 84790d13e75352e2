/* plan_emit.c - the step `emit`: one item in, several out. */
#include <string.h>

#include "engine/plan_internal.h"

/* `name?` is an attribute that is left out where its value is not there. */
static int
read_name(struct plan *p, const struct tree *t, struct plan_field *f,
	  struct err *err)
{
	struct span name = t->text;

	f->optional = name.len > 1 && name.ptr[name.len - 1] == '?';
	if (f->optional) {
		const char *const kept = plan_keep(p, (struct span){
			name.ptr, name.len - 1 }, err);

		if (kept == NULL)
			return -1;
		name = span_of(kept);
	}
	if (name.len == 0)
		return tree_err(t, err, "an attribute without name");
	f->name = name;
	f->hash = name_hash(name);
	return 0;
}

static int
read_fields(struct plan *p, const struct tree *t,
	    const struct plan_scope *scope, struct plan_emit *e,
	    struct err *err)
{
	if (t->kind != TREE_MAP && tree_is_scalar(t) && t->kind != TREE_NULL) {
		e->item = plan_value(p, t, "item", scope, err);
		return e->item != NULL ? 0 : -1;
	}
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
		struct plan_field *const f = &e->fields[i];

		if (read_name(p, name, f, err) != 0)
			return -1;
		for (size_t k = 0; k < i; k++)
			if (span_equal(e->fields[k].name, f->name))
				return tree_err(name, err, "'%.*s' is there "
						"twice", (int)f->name.len,
						(const char *)f->name.ptr);
		f->value = plan_value(p, name + 1,
				      (const char *)name->text.ptr, scope,
				      err);
		if (f->value == NULL)
			return -1;
	}
	e->has_item = true;
	return 0;
}

/* A name that expressions know from here on. */
static int
bind(struct plan *p, const struct tree *t, const char *what,
     struct plan_scope *scope, const char **out, struct err *err)
{
	const size_t n = scope->expr.nbound;

	if (plan_read_text(t, what, out, err) != 0)
		return -1;
	if (t->text.len == 0)
		return tree_err(t, err, "'%s' must be a name", what);
	for (size_t i = 0; i < n; i++)
		if (span_equal(scope->expr.bound[i], t->text))
			return tree_err(t, err, "'%s' is the name of something "
					"else already", *out);
	if (n == PLAN_MAX_BOUND)
		return tree_err(t, err, "more than %d names of loops",
				PLAN_MAX_BOUND);

	struct span *const bound = plan_take(p, n + 1, sizeof(*bound), err);
	if (bound == NULL)
		return -1;
	if (n > 0)
		memcpy(bound, scope->expr.bound, n * sizeof(*bound));
	bound[n] = t->text;
	scope->expr.bound = bound;
	scope->expr.nbound = n + 1;
	return 0;
}

/* `each`, and `as` and `index`, which become names that expressions know. */
static int
read_each(struct plan *p, const struct tree *t, struct plan_scope *scope,
	  struct plan_emit *e, struct err *err)
{
	const struct tree *const each = tree_get(t, "each");
	const struct tree *const as = tree_get(t, "as");
	const struct tree *const index = tree_get(t, "index");

	if (each == NULL && as == NULL && index == NULL)
		return 0;
	if (each == NULL)
		return tree_err(as != NULL ? as : index, err, "'%s' needs "
				"'each'", as != NULL ? "as" : "index");
	if (as == NULL)
		return tree_err(each, err, "'each' needs 'as', the name of what"
				" it goes through");
	e->each = plan_value(p, each, "each", scope, err);
	e->bound = (uint32_t)scope->expr.nbound;
	if (e->each == NULL || bind(p, as, "as", scope, &e->as, err) != 0)
		return -1;
	return index == NULL ? 0 :
		bind(p, index, "index", scope, &e->index, err);
}

static int read_outputs(struct plan *p, const struct tree *t,
			const struct plan_scope *scope,
			struct plan_emit **emits, size_t *n, struct err *err);

/* What has outputs of its own makes none itself. */
static int
read_loop(struct plan *p, const struct tree *t, const struct plan_scope *scope,
	  struct plan_emit *e, struct err *err)
{
	static const char *const others[] = { "to", "item", "update", NULL };

	for (unsigned i = 0; others[i] != NULL; i++) {
		const struct tree *const other = tree_get(t, others[i]);

		if (other != NULL)
			return tree_err(other, err, "'%s' belongs to the "
					"outputs within 'emit'", others[i]);
	}
	return read_outputs(p, tree_get(t, "emit"), scope, &e->emits,
			    &e->nemits, err);
}

static int
read_target(struct plan *p, const struct tree *t,
	    const struct plan_scope *scope, struct plan_emit *e,
	    struct err *err)
{
	const struct tree *const to = tree_get(t, "to");
	const struct tree *const item = tree_get(t, "item");
	const struct tree *const update = tree_get(t, "update");

	if (to == NULL)
		return tree_err(t, err, "an output needs 'to', its table");
	if (plan_read_text(to, "to", &e->to, err) != 0 ||
	    plan_check_table(p, to, e->to, err) != 0)
		return -1;
	if (item != NULL && read_fields(p, item, scope, e, err) != 0)
		return -1;
	if (update == NULL)
		return 0;
	e->update = plan_update(p, update, "update", scope, err);
	return e->update != NULL ? 0 : -1;
}

static int
read_output(struct plan *p, const struct tree *t,
	    const struct plan_scope *outer, struct plan_emit *e,
	    struct err *err)
{
	static const char *const known[] = {
		"to", "each", "as", "index", "when", "item", "update", "emit",
		NULL,
	};
	const struct tree *const when = tree_get(t, "when");
	struct plan_scope scope = *outer;

	if (plan_check_map(t, "an output of 'emit'", known, err) != 0)
		return -1;
	e->place = plan_place_of(t);
	e->table = PLAN_NONE;
	if (read_each(p, t, &scope, e, err) != 0)
		return -1;
	if (when != NULL) {
		e->when = plan_condition(p, when, "when", &scope, err);
		if (e->when == NULL)
			return -1;
	}
	return tree_get(t, "emit") != NULL ? read_loop(p, t, &scope, e, err)
					   : read_target(p, t, &scope, e, err);
}

static int
read_outputs(struct plan *p, const struct tree *t,
	     const struct plan_scope *scope, struct plan_emit **emits,
	     size_t *n, struct err *err)
{
	if (t->kind != TREE_LIST)
		return tree_err(t, err, "'emit' must be a list of outputs, not "
				"%s", tree_kind_name(t));
	*n = t->nkids;
	*emits = plan_take(p, t->nkids, sizeof(**emits), err);
	if (*emits == NULL)
		return -1;
	for (uint32_t i = 0; i < t->nkids; i++)
		if (read_output(p, &t->kids[i], scope, &(*emits)[i],
				err) != 0)
			return -1;
	return 0;
}

int
plan_read_emit(struct plan *p, const struct tree *t,
	       const struct plan_scope *scope, struct plan_step *step,
	       struct err *err)
{
	return read_outputs(p, t, scope, &step->emits, &step->nemits, err);
}

int
plan_each_emit(struct plan *p, struct plan_emit *emits, size_t n,
	       plan_emit_fn *each, void *context, struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		struct plan_emit *const e = &emits[i];

		if (e->to != NULL ? each(p, e, context, err) != 0
				  : plan_each_emit(p, e->emits, e->nemits,
						   each, context, err) != 0)
			return -1;
	}
	return 0;
}
