/* plan_steps.c - `steps`: one kind each, in order. */
#include <string.h>

#include "engine/outputs.h"
#include "engine/plan_internal.h"

/* In the order of enum plan_step_kind. */
static const char *const kinds[] = {
	[STEP_UPDATE] = "update", [STEP_RENAME] = "rename",
	[STEP_EMIT] = "emit", [STEP_PIPE] = "pipe", [STEP_LUA] = "lua",
	[STEP_VERSION] = "version", [STEP_EXPAND] = "expand",
	[STEP_CONTRACT] = "contract", NULL,
};

const char *
plan_step_name(enum plan_step_kind k)
{
	return kinds[k];
}

/* The one node that says what the step is. */
static const struct tree *
find_kind(const struct tree *t, enum plan_step_kind *kind, struct err *err)
{
	const struct tree *found = NULL;

	for (unsigned k = 0; kinds[k] != NULL; k++) {
		const struct tree *const node = tree_get(t, kinds[k]);

		if (node == NULL)
			continue;
		if (found != NULL) {
			tree_err(node, err, "a step is one thing, not '%s' and "
				 "'%s': make two of it", kinds[*kind],
				 kinds[k]);
			return NULL;
		}
		found = node;
		*kind = (enum plan_step_kind)k;
	}
	if (found == NULL)
		tree_err(t, err, "a step needs one of update, rename, emit, "
			 "pipe, lua, version, expand and contract");
	return found;
}

static int
read_update(struct plan *p, const struct tree *t,
	    const struct plan_scope *scope, struct plan_step *step,
	    struct err *err)
{
	step->update = plan_update(p, t, "update", scope, err);
	return step->update != NULL ? 0 : -1;
}

static int
read_kind(struct plan *p, const struct plan_part *part, const struct tree *t,
	  const struct plan_scope *scope, struct plan_step *step,
	  struct err *err)
{
	switch (step->kind) {
	case STEP_UPDATE:
		return read_update(p, t, scope, step, err);
	case STEP_RENAME:
		return plan_read_rename(p, t, step, err);
	case STEP_EMIT:
		return plan_read_emit(p, t, scope, step, err);
	case STEP_PIPE:
		return plan_read_pipe(p, part, t, step, err);
	case STEP_LUA:
		return plan_read_lua(p, part, t, step, err);
	case STEP_VERSION:
		return plan_read_version(p, part, t, step, err);
	case STEP_EXPAND:
	case STEP_CONTRACT:
		return plan_read_shift(p, t, step, err);
	}
	return -1;
}

/* What undoes the step, by hand: sound now, and not just when it is needed. */
static int
read_reverse(struct plan *p, const struct plan_part *part,
	     const struct tree *t, const struct plan_scope *scope,
	     struct plan_step *step, struct err *err)
{
	const struct plan_step *steps;
	size_t n;

	step->reverse = tree_get(t, "reverse");
	if (step->reverse == NULL)
		return 0;
	if (step->reverse->kind != TREE_LIST)
		return plan_update(p, step->reverse, "reverse", scope, err) !=
		       NULL ? 0 : -1;
	return plan_read_steps(p, part, step->reverse, &steps, &n, err);
}

static int
read_step(struct plan *p, const struct plan_part *part, const struct tree *t,
	  struct plan_step *step, struct err *err)
{
	static const char *const known[] = {
		"when", "update", "rename", "emit", "pipe", "lua", "version",
		"expand", "contract", "overwrite", "reverse", "attributeNames",
		"attributeValues", NULL,
	};
	struct plan_scope scope;

	if (plan_check_map(t, "a step", known, err) != 0)
		return -1;
	const struct tree *const what = find_kind(t, &step->kind, err);
	const struct tree *const when = tree_get(t, "when");
	const struct tree *const overwrite = tree_get(t, "overwrite");
	if (what == NULL || plan_scope_read(p, t, &scope, err) != 0)
		return -1;
	if (overwrite != NULL && step->kind != STEP_RENAME &&
	    step->kind != STEP_EXPAND)
		return tree_err(overwrite, err, "'overwrite' goes with 'rename'"
				" and 'expand' only");
	step->place = plan_place_of(t);
	if (read_reverse(p, part, t, &scope, step, err) != 0)
		return -1;
	if (when != NULL) {
		step->when = plan_condition(p, when, "when", &scope, err);
		if (step->when == NULL)
			return -1;
	}
	if (plan_bool_field(t, "overwrite", &step->overwrite, err) != 0 ||
	    read_kind(p, part, what, &scope, step, err) != 0)
		return -1;
	return plan_scope_done(&scope, err);
}

int
plan_read_steps(struct plan *p, const struct plan_part *part,
		const struct tree *list, const struct plan_step **steps,
		size_t *n, struct err *err)
{
	bool emitted = false;

	if (list->kind != TREE_LIST)
		return tree_err(list, err, "'steps' must be a list, not %s",
				tree_kind_name(list));
	struct plan_step *const s = plan_take(p, list->nkids, sizeof(*s), err);
	if (s == NULL)
		return -1;
	for (uint32_t i = 0; i < list->nkids; i++) {
		const struct tree *const t = &list->kids[i];

		if (read_step(p, part, t, &s[i], err) != 0)
			return -1;
		if (emitted && s[i].kind != STEP_PIPE && s[i].kind != STEP_LUA)
			return tree_err(t, err, "after 'emit' only 'pipe' and "
					"'lua' may follow, not '%s'",
					kinds[s[i].kind]);
		emitted |= s[i].kind == STEP_EMIT;
	}
	*steps = s;
	*n = list->nkids;
	return 0;
}

int
plan_read_one_update(struct plan *p, const struct tree *t,
		     const struct plan_scope *scope,
		     const struct plan_step **steps, size_t *n,
		     struct err *err)
{
	struct plan_step *const s = plan_take(p, 1, sizeof(*s), err);

	if (s == NULL)
		return -1;
	s->kind = STEP_UPDATE;
	s->place = plan_place_of(t);
	*steps = s;
	*n = 1;
	return read_update(p, t, scope, s, err);
}

/* May this step put a value inside another? */
static bool
step_nests(const struct plan_step *s)
{
	if (s->kind == STEP_UPDATE)
		return update_nests(s->update);
	if (s->kind == STEP_CONTRACT)
		return false;
	if (s->kind != STEP_RENAME)
		return true;
	for (size_t i = 0; i < s->nrenames; i++)
		if (s->renames[i].to.nparts > 1)
			return true;
	return false;
}

bool
plan_gives_several(const struct plan_table *t)
{
	for (size_t i = 0; i < t->npasses; i++)
		for (size_t k = 0; k < t->passes[i].nsteps; k++)
			if (outputs_kind_of(&t->passes[i].steps[k]) != NULL)
				return true;
	return false;
}

bool
plan_table_nests(const struct plan_table *t)
{
	for (size_t i = 0; i < t->npasses; i++)
		for (size_t k = 0; k < t->passes[i].nsteps; k++)
			if (step_nests(&t->passes[i].steps[k]))
				return true;
	return false;
}
