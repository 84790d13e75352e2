/* plan_stages.c - which stage of a plan is meant, and the plan with it. */
#include <string.h>

#include "engine/plan_internal.h"

/*
 * Maps are merged deeply; whatever else the stage says takes the place of what
 * the plan says.  Names keep the plan's order, then come the stage's own.
 */
const struct tree *
plan_merge(struct plan *p, const struct tree *base, const struct tree *over,
	   struct err *err)
{
	if (base->kind != TREE_MAP || over->kind != TREE_MAP)
		return over;

	struct tree *const t = plan_take(p, 1, sizeof(*t), err);
	const size_t most = (size_t)base->nkids + over->nkids;
	struct tree *const kids = plan_take(p, most, sizeof(*kids), err);
	if (t == NULL || kids == NULL)
		return NULL;

	uint32_t n = 0;
	for (uint32_t i = 0; i < base->nkids; i += 2) {
		const char *const name = (const char *)base->kids[i].text.ptr;
		const struct tree *value = &base->kids[i + 1];
		const struct tree *const other = tree_get(over, name);

		if (other != NULL)
			value = plan_merge(p, value, other, err);
		if (value == NULL)
			return NULL;
		kids[n++] = base->kids[i];
		kids[n++] = *value;
	}
	for (uint32_t i = 0; i < over->nkids; i += 2) {
		const char *const name = (const char *)over->kids[i].text.ptr;

		if (tree_get(base, name) != NULL)
			continue;
		kids[n++] = over->kids[i];
		kids[n++] = over->kids[i + 1];
	}
	*t = *base;
	t->kids = kids;
	t->nkids = n;
	return t;
}

static int
unknown(const struct tree *stages, const char *name, struct err *err)
{
	const char *words[64] = { NULL };
	size_t n = 0;

	for (uint32_t i = 0; i < stages->nkids && n < 64; i += 2)
		words[n++] = (const char *)stages->kids[i].text.ptr;
	const char *const near = plan_nearest(name, words, n);
	if (near != NULL)
		return tree_err(stages, err, "no stage is called '%s'; did you "
				"mean '%s'?", name, near);
	if (n == 0)
		return tree_err(stages, err, "no stage is called '%s'; there "
				"are none", name);
	return tree_err(stages, err, "no stage is called '%s'; the first is "
			"'%s'", name, words[0]);
}

int
plan_choose_stage(struct plan *p, struct plan_part *part, struct err *err)
{
	const struct plan_options *const o = &p->parts->options;
	const struct tree *const stages = tree_get(part->root, "stages");
	const char *name = o->stage;

	if (stages == NULL)
		return 0;
	if (stages->kind != TREE_MAP)
		return tree_err(stages, err, "'stages' must be a map, not %s",
				tree_kind_name(stages));
	part->stages = stages;
	for (uint32_t i = 1; i < stages->nkids; i += 2)
		if (stages->kids[i].kind != TREE_MAP)
			return tree_err(&stages->kids[i], err, "a stage must "
					"be a map, not %s",
					tree_kind_name(&stages->kids[i]));
	if (name == NULL && o->variable != NULL)
		name = o->variable(o->context, "STAGE");
	if (name == NULL || name[0] == '\0')
		return 0;

	const struct tree *const stage = tree_get(stages, name);
	if (stage == NULL)
		return p->parts->dry ? 0 : unknown(stages, name, err);
	if (tree_get(stage, "stages") != NULL)
		return tree_err(tree_get(stage, "stages"), err,
				"a stage has no stages of its own");
	part->stage = plan_keep(p, span_of(name), err);
	part->root = plan_merge(p, part->root, stage, err);
	return part->stage != NULL && part->root != NULL ? 0 : -1;
}

/* A stage that was asked for by name must be one of some plan's. */
int
plan_check_stage(const struct plan *p, struct err *err)
{
	const struct plan_part *const first = &p->parts->parts[0];

	if (p->parts->options.stage == NULL || p->stage != NULL)
		return 0;
	return tree_err(first->root, err, "no stage is called '%s': the plan "
			"has no 'stages'", p->parts->options.stage);
}
