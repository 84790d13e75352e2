/* plan_rules.c - `id` and `references` of a table, as they are written. */
#include <stdio.h>
#include <string.h>

#include "engine/plan_internal.h"

static struct plan_path_rule *
add(struct plan *p, struct plan_entry *e, const struct tree *path, bool is_id,
    struct err *err)
{
	if (plan_grow(p, &e->rules, e->nrules, sizeof(*e->rules), err) != 0)
		return NULL;
	struct plan_path_rule *const r = &e->rules[e->nrules];

	*r = (struct plan_path_rule){ .is_id = is_id, .node = path };
	if (plan_path(p, path, is_id ? "id" : "references", true, &r->path,
		      err) != 0)
		return NULL;
	r->text = (const char *)path->text.ptr;
	e->nrules++;
	return r;
}

/* ---- ids ----------------------------------------------------------------- */

static int
read_id(struct plan *p, struct plan_entry *e, const struct tree *t,
	struct err *err)
{
	static const char *const known[] = {
		"path", "pattern", "type", "form", "length", "digits", "prefix",
		NULL,
	};
	const struct tree *path = t;

	if (t->kind == TREE_MAP) {
		if (plan_check_map(t, "an id", known, err) != 0)
			return -1;
		path = tree_get(t, "path");
		if (path == NULL)
			return tree_err(t, err, "an id needs its 'path'");
	} else if (!tree_is_scalar(t)) {
		return tree_err(t, err, "an id is a path, or a map with 'path'"
				", or a list of these");
	}

	struct plan_path_rule *const r = add(p, e, path, true, err);
	if (r == NULL)
		return -1;
	r->alternatives = plan_take(p, 1, sizeof(*r->alternatives), err);
	if (r->alternatives == NULL)
		return -1;
	r->nalternatives = 1;
	r->alternatives[0] = (struct plan_alternative){
		.table = "", .pattern = "", .node = t,
	};
	return plan_text_field(t, "pattern", &r->alternatives[0].pattern, err);
}

static int
read_ids(struct plan *p, struct plan_entry *e, const struct tree *t,
	 struct err *err)
{
	if (t->kind != TREE_LIST)
		return read_id(p, e, t, err);
	if (t->nkids == 0)
		return tree_err(t, err, "'id' is an empty list");
	for (uint32_t i = 0; i < t->nkids; i++)
		if (read_id(p, e, &t->kids[i], err) != 0)
			return -1;
	return 0;
}

/* ---- references ---------------------------------------------------------- */

/* The next {Name} of a pattern, stepping over {{.  NULL .ptr: no more. */
static struct span
next_name(const char **pattern)
{
	const char *s = *pattern;

	while (*s != '\0') {
		if (s[0] == '{' && s[1] == '{') {
			s += 2;
		} else if (s[0] == '{') {
			const size_t n = strcspn(s + 1, "{}");

			*pattern = s + 1 + n;
			return (struct span){ (const uint8_t *)s + 1, n };
		} else {
			s++;
		}
	}
	*pattern = s;
	return (struct span){ NULL, 0 };
}

static int
check_pattern(const struct plan_alternative *a, struct err *err)
{
	const struct tree *const node = tree_get(a->node, "pattern");
	const char *rest = a->pattern;
	struct span name;
	bool has_id = false, has_table = false;

	while ((name = next_name(&rest)).ptr != NULL) {
		if (span_is(name, "id"))
			has_id = true;
		else
			has_table = true;
	}
	if (has_id && a->table[0] == '\0')
		return tree_err(node, err, "'{id}' here needs 'table', or write"
				" the table's name in braces");
	if (!has_id && !has_table)
		return tree_err(node, err, "the pattern holds no id: write "
				"{id} or {Table} where it stands");
	if (!has_id && a->table[0] != '\0')
		return tree_err(node, err, "'table' is said, and the pattern "
				"has no {id}");
	return 0;
}

static int
read_reference(struct plan *p, const struct tree *t,
	       const struct plan_scope *scope, struct plan_alternative *a,
	       struct err *err)
{
	static const char *const known[] = {
		"table", "pattern", "when", NULL,
	};
	const struct tree *const when = tree_get(t, "when");

	*a = (struct plan_alternative){ .table = "", .pattern = "", .node = t };
	if (t->kind == TREE_LIST)
		return tree_err(t, err, "a reference is a table, or a map with "
				"'table', 'pattern' and 'when'; not a list in "
				"a list");
	if (t->kind != TREE_MAP)
		return plan_read_text(t, "references", &a->table, err);
	if (plan_check_map(t, "a reference", known, err) != 0 ||
	    plan_text_field(t, "table", &a->table, err) != 0 ||
	    plan_text_field(t, "pattern", &a->pattern, err) != 0)
		return -1;
	if (a->table[0] == '\0' && a->pattern[0] == '\0')
		return tree_err(t, err, "a reference needs 'table' or "
				"'pattern'");
	if (a->pattern[0] != '\0' && check_pattern(a, err) != 0)
		return -1;
	if (when == NULL)
		return 0;
	a->when = plan_condition(p, when, "when", scope, err);
	return a->when != NULL ? 0 : -1;
}

static int
read_references(struct plan *p, struct plan_entry *e, const struct tree *t,
		const struct plan_scope *scope, struct err *err)
{
	if (t->kind != TREE_MAP)
		return tree_err(t, err, "'references' must be a map, path: "
				"Table, not %s", tree_kind_name(t));
	for (uint32_t i = 0; i < t->nkids; i += 2) {
		const struct tree *const rules = &t->kids[i + 1];
		const bool many = rules->kind == TREE_LIST;
		struct plan_path_rule *const r = add(p, e, &t->kids[i], false,
						     err);

		if (r == NULL)
			return -1;
		if (many && rules->nkids == 0)
			return tree_err(rules, err, "a reference with no rule");
		r->nalternatives = many ? rules->nkids : 1;
		r->alternatives = plan_take(p, r->nalternatives,
					    sizeof(*r->alternatives), err);
		if (r->alternatives == NULL)
			return -1;
		for (uint32_t k = 0; k < r->nalternatives; k++)
			if (read_reference(p, many ? &rules->kids[k] : rules,
					   scope, &r->alternatives[k],
					   err) != 0)
				return -1;
	}
	return 0;
}

int
plan_read_rules(struct plan *p, const struct plan_part *part,
		struct plan_entry *entry, const struct tree *t,
		const struct plan_scope *scope, struct err *err)
{
	const struct tree *const id = tree_get(t, "id");
	const struct tree *const references = tree_get(t, "references");
	const struct tree *const later = id != NULL ? id : references;

	if (part != &p->parts->parts[0])
		return later == NULL ? 0 :
			tree_err(later, err, "ids and references are the first "
				 "plan's; say them in %s",
				 p->parts->parts[0].path);
	if (id != NULL && read_ids(p, entry, id, err) != 0)
		return -1;
	return references == NULL ? 0 :
		read_references(p, entry, references, scope, err);
}

/* ---- the tables that rules name ------------------------------------------ */

int
plan_each_target(struct plan *p, const struct plan_entry *entry,
		 plan_target_fn *each, void *context, struct err *err)
{
	for (size_t i = 0; i < entry->nrules; i++) {
		const struct plan_path_rule *const r = &entry->rules[i];

		for (size_t k = 0; k < r->nalternatives; k++) {
			const struct plan_alternative *const a =
				&r->alternatives[k];
			const struct tree *node = tree_get(a->node, "table");
			const char *rest = a->pattern;
			struct span name;

			if (node == NULL)
				node = a->node;
			if (a->table[0] != '\0' &&
			    each(context, node, a->table, err) != 0)
				return -1;
			while ((name = next_name(&rest)).ptr != NULL) {
				const char *text;

				if (span_is(name, "id"))
					continue;
				text = plan_keep(p, name, err);
				node = tree_get(a->node, "pattern");
				if (text == NULL ||
				    each(context, node, text, err) != 0)
					return -1;
			}
		}
	}
	return 0;
}

static int
check_target(void *context, const struct tree *t, const char *table,
	     struct err *err)
{
	struct plan *const p = context;

	return plan_check_table(p, t, table, err);
}

int
plan_check_rules(struct plan *p, const struct plan_entry *entry,
		 struct err *err)
{
	return plan_each_target(p, entry, check_target, p, err);
}
