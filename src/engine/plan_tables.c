/* plan_tables.c - the `tables` of one part: an entry for every line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "engine/plan_internal.h"

/* ---- keys ---------------------------------------------------------------- */

static int
key_type(const struct tree *t, enum value_type *type, struct err *err)
{
	const enum value_type named = tree_is_scalar(t) ?
		value_type_named(t->text) : (enum value_type)0;

	if (named != VALUE_S && named != VALUE_N && named != VALUE_B)
		return tree_err(t, err, "a key's type is S, N or B");
	*type = named;
	return 0;
}

int
plan_read_key(struct plan *p, const struct tree *t, const char *name,
	      struct plan_key *key, struct err *err)
{
	const bool typed = t->kind == TREE_MAP;
	const uint32_t n = typed ? t->nkids / 2 : t->nkids;
	struct plan_key_attr *const attrs[] = { &key->pk, &key->sk };

	(void)p;
	if (t->kind != TREE_MAP && t->kind != TREE_LIST)
		return tree_err(t, err, "'%s' must be a list, [pk] or [pk, sk],"
				" or a map with types, {pk: S}; not %s", name,
				tree_kind_name(t));
	if (n < 1 || n > 2)
		return tree_err(t, err, "'%s' has one attribute or two, not %u",
				name, n);
	for (uint32_t i = 0; i < n; i++) {
		const struct tree *const kid = &t->kids[typed ? 2 * i : i];

		if (plan_read_text(kid, name, &attrs[i]->name, err) != 0 ||
		    (typed && key_type(kid + 1, &attrs[i]->type, err) != 0))
			return -1;
	}
	if (n == 2 && strcmp(key->pk.name, key->sk.name) == 0)
		return tree_err(t, err, "'%s' names '%s' twice", name,
				key->pk.name);
	return 0;
}

/* ---- names --------------------------------------------------------------- */

static const char *
variable(const struct plan *p, const struct plan_part *part, struct span name,
	 const char *table)
{
	if (span_is(name, "table"))
		return table;
	if (span_is(name, "source"))
		return p->source.environment;
	if (span_is(name, "target"))
		return p->target.environment;
	if (span_is(name, "stage"))
		return part->stage;
	return "";
}

static int
check_variable(const struct tree *at, struct span name, struct err *err)
{
	static const char *const known[] = {
		"table", "source", "target", "stage", NULL,
	};

	for (size_t i = 0; known[i] != NULL; i++)
		if (span_is(name, known[i]))
			return 0;
	return tree_err(at, err, "'{%.*s}' is not known; a name may hold "
			"{table}, {source}, {target} and {stage}",
			(int)(name.len < 60 ? name.len : 60), name.ptr);
}

static int
missing(const struct tree *at, struct span name, struct err *err)
{
	if (span_is(name, "stage"))
		return tree_err(at, err, "'{stage}' needs a stage: --stage "
				"NAME, or the variable STAGE");
	return tree_err(at, err, "'{%.*s}' needs '%.*s.environment', which "
			"the plan does not say", (int)name.len, name.ptr,
			(int)name.len, name.ptr);
}

const char *
plan_expand(struct plan *p, const struct plan_part *part,
	    const struct tree *at, const char *name, const char *table,
	    struct err *err)
{
	struct buf b = { 0 };
	const char *out = NULL;

	while (*name != '\0') {
		const size_t plain = strcspn(name, "{}");
		const uint8_t *const text = (const uint8_t *)name;

		if (buf_append(&b, (struct span){ text, plain }, err) != 0)
			goto done;
		name += plain;
		if (*name == '\0')
			break;
		const char *const end = strchr(name, '}');
		if (*name == '}' || end == NULL) {
			tree_err(at, err, "a brace without its other half");
			goto done;
		}
		const struct span word = {
			(const uint8_t *)name + 1, (size_t)(end - name - 1),
		};
		if (check_variable(at, word, err) != 0)
			goto done;
		const char *const value = variable(p, part, word, table);
		if (value == NULL) {
			missing(at, word, err);
			goto done;
		}
		if (buf_append(&b, span_of(value), err) != 0)
			goto done;
		name = end + 1;
	}
	out = plan_keep(p, buf_span(&b), err);
done:
	buf_free(&b);
	return out;
}

static int
read_name(const struct tree *map, const char *name, const char **out,
	  const struct tree **node, struct err *err)
{
	*node = tree_get(map, name);
	return plan_text_field(map, name, out, err);
}

/* ---- entries ------------------------------------------------------------- */

static int
check_name(const struct tree *t, struct err *err)
{
	const char *const name = (const char *)t->text.ptr;
	const size_t good = strspn(name, "abcdefghijklmnopqrstuvwxyz"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-*?");

	if (t->text.len == 0 || t->text.len > 255)
		return tree_err(t, err, "a table's name has 1 to 255 letters");
	if (name[good] != '\0' || strcmp(name, ".") == 0 ||
	    strcmp(name, "..") == 0)
		return tree_err(t, err, "'%s' cannot be a table's name: it may "
				"hold letters of English, digits, '_', '-', '.'"
				", and '*' or '?' for many tables", name);
	return 0;
}

static int
read_asserts(struct plan *p, const struct tree *t,
	     const struct plan_scope *scope, struct plan_pass *pass,
	     struct err *err)
{
	const bool one = t->kind != TREE_LIST;
	const size_t n = one ? 1 : t->nkids;
	struct plan_assert *const a = plan_take(p, n, sizeof(*a), err);

	if (a == NULL)
		return -1;
	for (size_t i = 0; i < n; i++) {
		const struct tree *const kid = one ? t : &t->kids[i];

		a[i].expr = plan_condition(p, kid, "assert", scope, err);
		if (a[i].expr == NULL)
			return -1;
		a[i].text = (const char *)kid->text.ptr;
		a[i].place = plan_place_of(kid);
	}
	pass->asserts = a;
	pass->nasserts = n;
	return 0;
}

/* `masked`: a path, or a list of them. */
static int
read_masked(struct plan *p, const struct tree *t, struct plan_pass *pass,
	    struct err *err)
{
	const bool one = t->kind != TREE_LIST;
	const size_t n = one ? 1 : t->nkids;
	struct plan_masked *const m = plan_take(p, n, sizeof(*m), err);

	if (m == NULL)
		return -1;
	for (size_t i = 0; i < n; i++) {
		const struct tree *const kid = one ? t : &t->kids[i];

		if (plan_path(p, kid, "masked", true, &m[i].path, err) != 0)
			return -1;
		m[i].text = (const char *)kid->text.ptr;
	}
	pass->masked = m;
	pass->nmasked = n;
	return 0;
}

static int
read_pass(struct plan *p, const struct plan_part *part, const struct tree *t,
	  const struct plan_scope *scope, struct plan_pass *pass,
	  struct err *err)
{
	const struct tree *const where = tree_get(t, "where");
	const struct tree *const update = tree_get(t, "update");
	const struct tree *const steps = tree_get(t, "steps");
	const struct tree *const asserts = tree_get(t, "assert");
	const struct tree *const masked = tree_get(t, "masked");

	if (masked != NULL && read_masked(p, masked, pass, err) != 0)
		return -1;
	if (where != NULL) {
		pass->where = plan_condition(p, where, "where", scope, err);
		if (pass->where == NULL)
			return -1;
		pass->where_text = (const char *)where->text.ptr;
	}
	if (update != NULL && steps != NULL)
		return tree_err(update, err, "'update' and 'steps' together: "
				"make the update one of the steps");
	if (update != NULL &&
	    plan_read_one_update(p, update, scope, &pass->steps, &pass->nsteps,
				 err) != 0)
		return -1;
	if (steps != NULL && plan_read_steps(p, part, steps, &pass->steps,
					     &pass->nsteps, err) != 0)
		return -1;
	return asserts == NULL ? 0 :
		read_asserts(p, asserts, scope, pass, err);
}

static int
read_names(const struct tree *t, struct plan_entry *e, struct err *err)
{
	if (read_name(t, "from", &e->from, &e->from_node, err) != 0 ||
	    read_name(t, "to", &e->to, &e->to_node, err) != 0 ||
	    plan_text_field(t, "of", &e->of, err) != 0)
		return -1;
	if (e->of != NULL && e->pass.plan > 0)
		return tree_err(tree_get(t, "of"), err, "which export a table "
				"reads is the first plan's to say");
	if (e->of != NULL && strcmp(e->of, e->name) == 0)
		return tree_err(tree_get(t, "of"), err, "'of' names the table "
				"itself");
	if (e->of != NULL && e->from != NULL)
		return tree_err(e->from_node, err, "'of' and 'from' together: "
				"'of' says whose export it reads");
	if (e->glob && e->of != NULL)
		return tree_err(tree_get(t, "of"), err,
				"'of' cannot be said of many tables");
	if (e->glob && e->from != NULL && strstr(e->from, "{table}") == NULL)
		return tree_err(e->from_node, err, "'from' of many tables must "
				"hold {table}");
	if (e->glob && e->to != NULL && strstr(e->to, "{table}") == NULL)
		return tree_err(e->to_node, err, "'to' of many tables must "
				"hold {table}");
	return 0;
}

static int
read_keys(struct plan *p, const struct tree *t, struct plan_entry *e,
	  struct err *err)
{
	const struct tree *const key = tree_get(t, "key");
	const struct tree *const source = tree_get(t, "sourceKey");

	e->key_node = key;
	if (key != NULL && plan_read_key(p, key, "key", &e->key, err) != 0)
		return -1;
	return source == NULL ? 0 :
		plan_read_key(p, source, "sourceKey", &e->source_key, err);
}

/* In the order of enum rewrite_dangling. */
static const char *const dangling_names[] = {
	[DANGLING_REPORT] = "report", [DANGLING_FAIL] = "fail",
	[DANGLING_KEEP] = "keep", [DANGLING_NULL] = "null",
	[DANGLING_REMOVE] = "remove", [DANGLING_SKIP_ITEM] = "skip-item", NULL,
};

const char *
plan_dangling_name(enum rewrite_dangling d)
{
	return dangling_names[d];
}

static int
read_dangling(const struct tree *t, enum rewrite_dangling *out,
	      struct err *err)
{
	unsigned word = 0;

	/* A bare `null` is the word, not nothing. */
	if (t->kind == TREE_NULL && span_is(t->text, "null"))
		word = DANGLING_NULL;
	else if (plan_read_word(t, "dangling", dangling_names, &word, err) != 0)
		return -1;
	*out = (enum rewrite_dangling)word;
	return 0;
}

static int
read_entry(struct plan *p, const struct plan_part *part, const struct tree *t,
	   struct plan_entry *e, struct err *err)
{
	static const char *const known[] = {
		"key", "id", "references", "update", "steps", "where", "assert", "masked",
		"dangling", "from", "to", "of", "skip", "sourceKey",
		"attributeNames", "attributeValues", NULL,
	};
	struct plan_scope scope;

	if (tree_is_scalar(t) && span_is(t->text, "skip")) {
		e->skip = true;
		return 0;
	}
	if (t->kind != TREE_MAP)
		return tree_err(t, err, "a table is a map, as {key: [id]}, or "
				"the word 'skip'; not %s", tree_kind_name(t));
	if (plan_check_map(t, "a table", known, err) != 0 ||
	    plan_bool_field(t, "skip", &e->skip, err) != 0 ||
	    read_names(t, e, err) != 0 || read_keys(p, t, e, err) != 0 ||
	    plan_scope_read(p, t, &scope, err) != 0 ||
	    plan_read_rules(p, part, e, t, &scope, err) != 0 ||
	    read_pass(p, part, t, &scope, &e->pass, err) != 0 ||
	    plan_scope_done(&scope, err) != 0)
		return -1;
	const struct tree *const dangling = tree_get(t, "dangling");
	return dangling == NULL ? 0 :
		read_dangling(dangling, &e->dangling, err);
}

static int
name_entry(struct plan_part *part, uint32_t number, uint32_t i,
	   const struct tree *t, struct err *err)
{
	struct plan_entry *const e = &part->entries[i];

	if (check_name(t, err) != 0)
		return -1;
	e->node = t;
	e->name = (const char *)t->text.ptr;
	e->glob = plan_is_glob(e->name);
	e->pass.plan = number;
	e->id_node = tree_get(t + 1, "id");
	e->has_ids = e->id_node != NULL && number == 0;
	return plan_names_put(&part->by_name, e->name, i, err);
}

static int
read_id_forms(struct plan *p, struct plan_part *part, struct err *err)
{
	if (plan_read_id_map(p, part, err) != 0)
		return -1;
	for (uint32_t i = 0; i < part->nentries; i++) {
		struct plan_entry *const e = &part->entries[i];

		e->ids = p->parts->ids;
		if (!e->has_ids)
			continue;
		if (plan_read_id_form(e->id_node, &e->ids, err) != 0 ||
		    plan_remap_of(p, e->name, err) == NULL)
			return -1;
	}
	return 0;
}

/* What can be checked once all entries are read. */
static int
check_entry(struct plan *p, const struct plan_part *part,
	    const struct plan_entry *e, struct err *err)
{
	const struct plan_entry *const of = e->of == NULL ? NULL :
		plan_entry_for(part, e->of);

	if (of != NULL && of->of != NULL)
		return tree_err(e->node, err, "'%s' is of '%s', which is itself"
				" of '%s': name that", e->name, of->name,
				of->of);
	return plan_check_rules(p, e, err);
}

/*
 * The names first, then how ids are made, then the rest: expressions may ask
 * for the new id of any table.
 */
int
plan_read_entries(struct plan *p, uint32_t number, struct err *err)
{
	struct plan_part *const part = &p->parts->parts[number];
	const struct tree *const tables = tree_get(part->root, "tables");

	if (tables == NULL)
		return tree_err(part->root, err, "'tables' is missing");
	if (tables->kind != TREE_MAP)
		return tree_err(tables, err, "'tables' must be a map, not %s",
				tree_kind_name(tables));
	if (tables->nkids / 2 > PLAN_MAX_TABLES)
		return tree_err(tables, err, "more than %d tables",
				PLAN_MAX_TABLES);
	part->nentries = tables->nkids / 2;
	part->entries = plan_take(p, part->nentries, sizeof(*part->entries),
				  err);
	if (part->entries == NULL)
		return -1;
	for (uint32_t i = 0; i < part->nentries; i++)
		if (name_entry(part, number, i, &tables->kids[2 * i], err) != 0)
			return -1;
	if (number == 0 && read_id_forms(p, part, err) != 0)
		return -1;
	for (uint32_t i = 0; i < part->nentries; i++)
		if (read_entry(p, part, &tables->kids[2 * i + 1],
			       &part->entries[i], err) != 0)
			return -1;
	for (uint32_t i = 0; i < part->nentries; i++)
		if (check_entry(p, part, &part->entries[i], err) != 0)
			return -1;
	return 0;
}

const struct plan_entry *
plan_entry_for(const struct plan_part *part, const char *table)
{
	const uint32_t exact = plan_names_get(&part->by_name, table);
	const struct plan_entry *best = NULL;

	if (exact != PLAN_NONE)
		return &part->entries[exact];
	for (size_t i = 0; i < part->nentries; i++) {
		const struct plan_entry *const e = &part->entries[i];

		if (e->glob && plan_glob_matches(e->name, table) &&
		    (best == NULL || strlen(e->name) > strlen(best->name)))
			best = e;
	}
	return best;
}

int
plan_check_table(struct plan *p, const struct tree *t, const char *table,
		 struct err *err)
{
	const struct plan_parts *const parts = p->parts;
	const char **words;
	size_t n = 0;

	for (size_t k = 0; k < parts->nparts; k++) {
		if (plan_entry_for(&parts->parts[k], table) != NULL)
			return 0;
		n += parts->parts[k].nentries;
	}
	words = plan_take(p, n, sizeof(*words), err);
	if (words == NULL)
		return -1;
	n = 0;
	for (size_t k = 0; k < parts->nparts; k++)
		for (size_t i = 0; i < parts->parts[k].nentries; i++)
			words[n++] = parts->parts[k].entries[i].name;

	const char *const near = plan_nearest(table, words, n);
	if (near != NULL)
		return tree_err(t, err, "the plan has no table '%s'; did you "
				"mean '%s'?", table, near);
	return tree_err(t, err, "the plan has no table '%s'; add it under "
			"'tables'", table);
}

int
plan_check_source(struct plan *p, const struct tree *t, struct err *err)
{
	const struct plan_part *const part = &p->parts->parts[0];
	const char *const table = (const char *)t->text.ptr;

	for (size_t i = 0; i < part->nentries; i++)
		if (part->entries[i].of != NULL &&
		    strcmp(part->entries[i].of, table) == 0)
			return 0;
	return plan_check_table(p, t, table, err);
}
