#include "engine/keyed.h"

#include "engine/plan.h"
#include "expr/expr.h"
#include "expr/rewrite.h"

/* Does the path begin with the attribute? */
static bool
begins(const struct path *p, struct span name)
{
	return p->parts[0].kind != PATH_NAME ||
	       span_equal(p->parts[0].name, name);
}

static bool
touches(const struct plan_step *s, struct span name)
{
	if (s->kind == STEP_UPDATE)
		return update_touches(s->update, name);
	if (s->kind != STEP_RENAME)
		return true;
	for (size_t i = 0; i < s->nrenames; i++)
		if (begins(&s->renames[i].from, name) ||
		    begins(&s->renames[i].to, name))
			return true;
	return false;
}

bool
keyed_by_id(const struct plan *plan, uint32_t table)
{
	const struct plan_table *const t = &plan->tables[table];
	size_t nids = 0;

	if (t->rewrite == NULL || t->emitted || t->key.pk.name == NULL ||
	    t->key.sk.name != NULL)
		return false;

	const struct span key = span_of(t->key.pk.name);
	for (size_t i = 0; i < rewrite_nrules(t->rewrite); i++) {
		if (!rewrite_rule_is_id(t->rewrite, i))
			continue;
		if (!rewrite_rule_takes_all(t->rewrite, i) ||
		    !span_is(key, rewrite_rule_path(t->rewrite, i)))
			return false;
		nids++;
	}
	if (nids != 1)
		return false;
	for (size_t i = 0; i < t->npasses; i++)
		for (size_t k = 0; k < t->passes[i].nsteps; k++)
			if (touches(&t->passes[i].steps[k], key))
				return false;
	return true;
}
