/* plan_rewrite.c - the rules of each table, compiled for the engine. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "engine/plan_internal.h"

/* The tables that one table's rules name, itself first. */
struct scope {
	struct plan *p;
	struct rewrite_table *all;
	size_t n;
	struct plan_names known;
};

static int
add_scope(struct scope *s, const char *name, struct err *err)
{
	const uint32_t number = plan_table_named(s->p, name);

	if (plan_names_get(&s->known, name) != PLAN_NONE ||
	    number == PLAN_NONE)
		return 0;
	if (plan_names_put(&s->known, name, 0, err) != 0 ||
	    plan_grow(s->p, &s->all, s->n, sizeof(*s->all), err) != 0)
		return -1;
	const struct plan_table *const t = &s->p->tables[number];
	s->all[s->n++] = (struct rewrite_table){
		.name = span_of(t->name), .remap = t->remap, .number = number,
		.skip = t->skip,
	};
	return 0;
}

static int
add_target(void *context, const struct tree *t, const char *table,
	   struct err *err)
{
	(void)t;
	return add_scope(context, table, err);
}

static int
copy_rule(struct plan *p, const struct plan_path_rule *from,
	  struct rewrite_rule *to, struct err *err)
{
	struct rewrite_alternative *const a =
		plan_take(p, from->nalternatives, sizeof(*a), err);

	if (a == NULL)
		return -1;
	for (size_t i = 0; i < from->nalternatives; i++)
		a[i] = (struct rewrite_alternative){
			.table = span_of(from->alternatives[i].table),
			.pattern = span_of(from->alternatives[i].pattern),
			.when = from->alternatives[i].when,
		};
	*to = (struct rewrite_rule){
		.is_id = from->is_id, .path = &from->path, .alternatives = a,
		.nalternatives = from->nalternatives,
	};
	return 0;
}

/* The partition key, as the id of a table that keeps its ids. */
static int
key_rule(struct plan *p, const struct plan_table *t, struct rewrite_rule *to,
	 struct err *err)
{
	struct path *const path = plan_take(p, 1, sizeof(*path), err);
	struct rewrite_alternative *const a = plan_take(p, 1, sizeof(*a), err);

	if (path == NULL || a == NULL)
		return -1;
	path->parts = plan_take(p, 1, sizeof(*path->parts), err);
	if (path->parts == NULL)
		return -1;
	path->nparts = 1;
	path->parts[0] = (struct path_part){
		.kind = PATH_NAME, .name = span_of(t->source_key.pk.name),
		.hash = name_hash(span_of(t->source_key.pk.name)),
	};
	*to = (struct rewrite_rule){
		.is_id = true, .path = path, .alternatives = a,
		.nalternatives = 1,
	};
	return 0;
}

/* Say where the rule stands that rewrite_new() refused. */
static int
place_error(const struct plan_entry *e, size_t rule, size_t alternative,
	    struct err *err)
{
	const struct err why = *err;

	if (why.code != ERR_USAGE || e == NULL || rule >= e->nrules)
		return -1;
	const struct plan_path_rule *const r = &e->rules[rule];
	const struct tree *at = r->node;
	if (alternative < r->nalternatives) {
		const struct tree *const node =
			r->alternatives[alternative].node;
		const struct tree *const pattern = tree_get(node, "pattern");

		at = pattern != NULL ? pattern : r->node;
	}
	return tree_err(at, err, "%s", why.text);
}

/* For reports: what each compiled rule is, in words, and where it stands. */
static int
describe(struct plan *p, struct plan_table *t, const struct plan_entry *e,
	 struct err *err)
{
	const struct rewrite *const rw = t->rewrite;

	t->nrules = rewrite_nrules(rw);
	t->rules = plan_take(p, t->nrules, sizeof(*t->rules), err);
	if (t->rules == NULL)
		return -1;
	for (size_t i = 0; i < t->nrules; i++) {
		struct plan_rule *const r = &t->rules[i];

		*r = (struct plan_rule){
			.path = rewrite_rule_path(rw, i),
			.is_id = rewrite_rule_is_id(rw, i),
			.tables = rewrite_rule_target(rw, i),
			.place = t->place,
		};
		for (size_t k = 0; e != NULL && k < e->nrules; k++)
			if (e->rules[k].is_id == r->is_id &&
			    strcmp(e->rules[k].text, r->path) == 0)
				r->place = plan_place_of(e->rules[k].node);
	}
	return 0;
}

/* A remap that keeps every id of a table whose ids have one type. */
static const struct remap *
keeper(struct plan *p, const struct rewrite_table *t, struct err *err)
{
	const struct plan_entry *const e =
		plan_entry_for(&p->parts->parts[0],
			       p->tables[t->number].name);
	struct remap_options o;

	if (e == NULL || !e->has_ids || e->ids.type == 0)
		return NULL;
	o = e->ids;
	o.keep = span_of(".");
	o.rows = NULL;
	o.nrows = 0;

	struct remap *const r = remap_new(t->name, &o, err);
	return r != NULL && plan_own(p, OWNED_REMAP, r, err) == 0 ? r : NULL;
}

/*
 * The rules once more, for items whose ids and references are new: they are
 * found, to be checked, and stay as they are, unless `dangling` wants nothing
 * or no item in the place of what is not there.
 */
static int
compile_seen(struct plan *p, struct plan_table *t,
	     const struct rewrite_rule *rules, size_t nrules,
	     const struct scope *s, const struct rewrite_options *o,
	     struct err *err)
{
	struct rewrite_table *const all = plan_take(p, s->n, sizeof(*all),
						    err);

	if (all == NULL)
		return -1;
	for (size_t i = 0; i < s->n; i++) {
		all[i] = s->all[i];
		if (all[i].remap == NULL)
			continue;
		err->code = ERR_NONE;
		all[i].remap = keeper(p, &all[i], err);
		if (all[i].remap == NULL && err->code != ERR_NONE)
			return -1;
	}

	struct rewrite_options seen = *o;
	seen.tables = all;
	seen.strict_ids = false;
	if (seen.dangling == DANGLING_KEEP || seen.dangling == DANGLING_FAIL)
		seen.dangling = DANGLING_REPORT;
	struct rewrite *const rw = rewrite_new(rules, nrules, &seen, NULL,
					       NULL, err);
	if (rw == NULL || plan_own(p, OWNED_REWRITE, rw, err) != 0)
		return -1;
	t->seen = rw;
	return 0;
}

static int
compile(struct plan *p, struct plan_table *t, const struct plan_entry *e,
	const struct rewrite_rule *rules, size_t nrules, const struct scope *s,
	struct err *err)
{
	const struct span key[2] = {
		span_of(t->key.pk.name != NULL ? t->key.pk.name : ""),
		span_of(t->key.sk.name != NULL ? t->key.sk.name : ""),
	};
	const struct rewrite_options o = {
		.tables = s->all, .ntables = s->n, .own = 0,
		.dangling = t->dangling,
		.strict_ids = p->parts->options.strict_ids, .key = key,
		.nkey = t->key.pk.name == NULL ? 0 :
			t->key.sk.name == NULL ? 1 : 2,
	};
	size_t rule = SIZE_MAX, alternative = SIZE_MAX;
	struct rewrite *const rw = rewrite_new(rules, nrules, &o, &rule,
					       &alternative, err);

	if (rw == NULL)
		return place_error(e, rule, alternative, err);
	if (plan_own(p, OWNED_REWRITE, rw, err) != 0)
		return -1;
	t->rewrite = rw;
	if (t->emitted && compile_seen(p, t, rules, nrules, s, &o, err) != 0)
		return -1;
	return describe(p, t, e, err);
}

static int
build(struct plan *p, struct plan_table *t, bool referred, struct err *err)
{
	const struct plan_entry *const e =
		plan_entry_for(&p->parts->parts[0], t->name);
	const size_t n = e != NULL ? e->nrules : 0;
	const bool by_key = referred && !t->has_ids && !t->skip &&
			    t->source_key.pk.name != NULL;
	struct scope s = { .p = p };
	size_t nrules = 0;
	int rc = -1;

	if (n == 0 && !by_key)
		return 0;
	struct rewrite_rule *const rules = plan_take(p, n + 1, sizeof(*rules),
						     err);
	if (rules == NULL || add_scope(&s, t->name, err) != 0)
		goto done;
	if (e != NULL && plan_each_target(p, e, add_target, &s, err) != 0)
		goto done;
	for (; nrules < n; nrules++)
		if (copy_rule(p, &e->rules[nrules], &rules[nrules], err) != 0)
			goto done;
	if (by_key && key_rule(p, t, &rules[nrules++], err) != 0)
		goto done;
	rc = compile(p, t, e, rules, nrules, &s, err);
done:
	plan_names_free(&s.known);
	return rc;
}

struct referred {
	struct plan *p;
	bool *marks;
};

static int
mark(void *context, const struct tree *t, const char *table, struct err *err)
{
	const struct referred *const r = context;
	const uint32_t number = plan_table_named(r->p, table);

	(void)t;
	(void)err;
	if (number != PLAN_NONE)
		r->marks[number] = true;
	return 0;
}

int
plan_build_rules(struct plan *p, struct err *err)
{
	struct referred r = {
		.p = p, .marks = plan_take(p, p->ntables, sizeof(bool), err),
	};

	if (r.marks == NULL)
		return -1;
	for (size_t i = 0; i < p->ntables; i++) {
		const struct plan_entry *const e =
			plan_entry_for(&p->parts->parts[0], p->tables[i].name);

		if (e != NULL && plan_each_target(p, e, mark, &r, err) != 0)
			return -1;
	}
	for (size_t i = 0; i < p->ntables; i++)
		if (build(p, &p->tables[i], r.marks[i], err) != 0)
			return -1;
	return 0;
}
