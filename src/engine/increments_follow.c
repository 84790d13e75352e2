/*
 * increments_follow.c - does the target key of a table follow from its source
 * key?  Then a record without an old image says which item it was.
 *
 * From the last step to the first, the attribute that ends up in the key is
 * followed back to where it came from.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "engine/increments.h"
#include "engine/plan_internal.h"
#include "expr/expr.h"

struct trail {
	struct span name;	/* of the attribute, at this step */
	char *why;
	size_t size;
};

static bool no(struct trail *t, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static bool
no(struct trail *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(t->why, t->size, fmt, ap);
	va_end(ap);
	return false;
}

static bool
is_attribute(const struct path *p, struct span name)
{
	return p->nparts == 1 && p->parts[0].kind == PATH_NAME &&
	       span_equal(p->parts[0].name, name);
}

static bool
is_within(const struct path *p, struct span name)
{
	return p->parts[0].kind != PATH_NAME ||
	       span_equal(p->parts[0].name, name);
}

/* Back over a rename. */
static bool
back_over_rename(struct trail *t, const struct plan_step *s)
{
	const struct span name = t->name;

	for (size_t i = 0; i < s->nrenames; i++) {
		const struct plan_rename *const r = &s->renames[i];
		const bool to = is_within(&r->to, name);

		if (!to && !is_within(&r->from, name))
			continue;
		if (s->when != NULL)
			return no(t, "'%.*s' is renamed under a condition",
				  (int)name.len, (const char *)name.ptr);
		if (!to)
			continue;	/* whoever takes its name comes too */
		if (!is_attribute(&r->to, name) ||
		    r->from.nparts != 1 || r->from.parts[0].kind != PATH_NAME)
			return no(t, "'%.*s' is made of a part of an attribute",
				  (int)name.len, (const char *)name.ptr);
		t->name = r->from.parts[0].name;
		return true;
	}
	for (size_t i = 0; i < s->nrenames; i++)
		if (is_within(&s->renames[i].from, name))
			return no(t, "'%.*s' is renamed away", (int)name.len,
				  (const char *)name.ptr);
	return true;
}

/* Back over steps that may be left out: none may touch it. */
static bool
is_left_alone(struct trail *t, const struct plan_step *steps, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct plan_step *const s = &steps[i];
		bool touched = s->kind != STEP_UPDATE && s->kind != STEP_RENAME;

		if (s->kind == STEP_UPDATE)
			touched = update_touches(s->update, t->name);
		for (size_t k = 0; k < s->nrenames; k++)
			touched |= is_within(&s->renames[k].from, t->name) ||
				   is_within(&s->renames[k].to, t->name);
		if (touched)
			return no(t, "'%s' changes '%.*s'",
				  plan_step_name(s->kind), (int)t->name.len,
				  (const char *)t->name.ptr);
	}
	return true;
}

static bool
back_over_step(struct trail *t, const struct plan_step *s)
{
	switch (s->kind) {
	case STEP_UPDATE:
		return is_left_alone(t, s, 1);
	case STEP_RENAME:
		return back_over_rename(t, s);
	case STEP_VERSION:
		if (is_within(&s->version.attribute, t->name))
			return no(t, "'version' changes it");
		for (size_t i = 0; i < s->version.nupgrades; i++)
			if (!is_left_alone(t, s->version.upgrades[i].steps,
					   s->version.upgrades[i].nsteps))
				return false;
		return true;
	default:
		return no(t, "'%s' may give any key",
			  plan_step_name(s->kind));
	}
}

/* The rules of the attribute must not look at others. */
static bool
has_plain_rules(struct trail *t, const struct plan *p,
		const struct plan_table *table)
{
	const struct plan_entry *const e =
		plan_entry_for(&p->parts->parts[0], table->name);

	for (size_t i = 0; e != NULL && i < e->nrules; i++) {
		const struct plan_path_rule *const r = &e->rules[i];

		for (size_t k = 0; k < r->nalternatives; k++)
			if (is_within(&r->path, t->name) &&
			    r->alternatives[k].when != NULL)
				return no(t, "an id in '%.*s' has a 'when'",
					  (int)t->name.len,
					  (const char *)t->name.ptr);
	}
	return true;
}

static bool
follow(struct trail *t, const struct plan *p, const struct plan_table *table,
       const struct span *key, size_t n)
{
	for (size_t i = table->npasses; i-- > 0;)
		for (size_t k = table->passes[i].nsteps; k-- > 0;)
			if (!back_over_step(t, &table->passes[i].steps[k]))
				return false;
	for (size_t i = 0; i < n; i++)
		if (span_equal(key[i], t->name))
			return has_plain_rules(t, p, table);
	return no(t, "'%.*s' is not in the source's key", (int)t->name.len,
		  (const char *)t->name.ptr);
}

bool
increments_key_follows(const struct plan *p, uint32_t table,
		       const struct span *key, size_t n, char *why,
		       size_t size)
{
	const struct plan_table *const t = &p->tables[table];
	const char *const names[] = { t->key.pk.name, t->key.sk.name };
	struct trail trail = { .why = why, .size = size };

	for (size_t i = 0; i < t->npasses; i++) {
		const struct expr *const where = t->passes[i].where;

		if (where == NULL)
			continue;
		if (i > 0 || !expr_looks_only_at(where, key, n))
			return no(&trail, "its 'where' looks at more than "
				  "that");
	}
	/* Also where a step leaves the key alone, it may drop the item. */
	for (size_t i = 0; i < t->npasses; i++)
		for (size_t k = 0; k < t->passes[i].nsteps; k++)
			if (t->passes[i].steps[k].kind == STEP_EMIT ||
			    t->passes[i].steps[k].kind == STEP_PIPE ||
			    t->passes[i].steps[k].kind == STEP_LUA)
				return no(&trail, "'%s' may give any key",
					  plan_step_name(t->passes[i].steps[k]
							 .kind));
	for (int i = 0; i < 2; i++) {
		if (names[i] == NULL)
			continue;
		trail.name = span_of(names[i]);
		if (!follow(&trail, p, t, key, n))
			return false;
	}
	return true;
}
