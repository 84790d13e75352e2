/*
 * validate_read.c - the YAML file that says what a dump should hold.
 *
 *	tables:
 *	  Contacts:
 *	    - key: {id: x}
 *	      item: {...} | attributes: {path: value} | assert: [...]
 *	    - key: {id: y}
 *	      absent: true
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/base64.h"
#include "base/buf.h"
#include "base/decimal.h"
#include "base/err.h"
#include "engine/validate_internal.h"
#include "expr/expr.h"
#include "formats/tree.h"
#include "formats/yaml.h"
#include "io/file.h"

/* ---- values -------------------------------------------------------------- */

/* The type that a map of one name is the typed form of; 0: it is plain. */
static enum value_type
typed(const struct tree *t)
{
	if (t->kind != TREE_MAP || t->nkids != 2)
		return (enum value_type)0;

	const enum value_type type = value_type_named(t->kids[0].text);
	const struct tree *const v = &t->kids[1];
	bool fits;

	switch (type) {
	case VALUE_S:
	case VALUE_B:
	case VALUE_N:
		fits = tree_is_scalar(v) && v->kind != TREE_NULL;
		break;
	case VALUE_BOOL:
	case VALUE_NULL:
		fits = v->kind == TREE_BOOL;
		break;
	case VALUE_M:
		fits = v->kind == TREE_MAP;
		break;
	default:
		fits = v->kind == TREE_LIST;
	}
	return type != 0 && fits ? type : (enum value_type)0;
}

/* S, N or B of a scalar. */
static int
text_value(enum value_type type, const struct tree *t, struct value *out,
	   struct err *err)
{
	struct err why;

	if (type == VALUE_N && decimal_check(t->text, &why) != 0)
		return tree_err(t, err, "%s", why.text);
	if (type == VALUE_B && !base64_check(t->text))
		return tree_err(t, err, "not base64, as a B is written");
	*out = value_of_text(type, t->text);
	return 0;
}

static int
set_value(enum value_type type, const struct tree *t, struct arena *mem,
	  struct value *out, struct err *err)
{
	struct value *const kids = arena_take(mem, ((size_t)t->nkids + 1) *
					      sizeof(*kids), err);

	if (kids == NULL)
		return -1;
	*out = value_of_kids(type, kids, t->nkids);
	if (t->nkids == 0)
		return tree_err(t, err, "a set is never empty");
	for (uint32_t i = 0; i < t->nkids; i++) {
		if (!tree_is_scalar(&t->kids[i]))
			return tree_err(&t->kids[i], err, "a set's members are "
					"text or numbers");
		if (text_value(value_member_type(out), &t->kids[i], &kids[i],
			       err) != 0)
			return -1;
	}
	return 0;
}

static int
kids_value(const struct tree *t, struct arena *mem, struct value *out,
	   struct err *err)
{
	struct value *const kids = arena_take(mem, ((size_t)t->nkids + 1) *
					      sizeof(*kids), err);

	if (kids == NULL)
		return -1;
	for (uint32_t i = 0; i < t->nkids; i++) {
		if (t->kind == TREE_MAP && i % 2 == 0)
			kids[i] = value_of_name(t->kids[i].text);
		else if (rules_value(&t->kids[i], mem, &kids[i], err) != 0)
			return -1;
	}
	*out = value_of_kids(t->kind == TREE_MAP ? VALUE_M : VALUE_L, kids,
			     t->nkids);
	return 0;
}

/* Depth is bounded: trees are (TREE_MAX_DEPTH). */
int
rules_value(const struct tree *t, struct arena *mem, struct value *out,
	    struct err *err)
{
	const enum value_type type = typed(t);

	if (type != 0) {
		const struct tree *const v = &t->kids[1];

		if (type <= VALUE_B)
			return text_value(type, v, out, err);
		if (type >= VALUE_SS)
			return set_value(type, v, mem, out, err);
		if (type == VALUE_BOOL || type == VALUE_NULL) {
			*out = type == VALUE_BOOL ? value_of_bool(v->truth)
						  : value_of_null();
			return 0;
		}
		return kids_value(v, mem, out, err);
	}
	switch (t->kind) {
	case TREE_NULL:
		*out = value_of_null();
		return 0;
	case TREE_BOOL:
		*out = value_of_bool(t->truth);
		return 0;
	case TREE_NUMBER:
		return text_value(VALUE_N, t, out, err);
	case TREE_TEXT:
		return text_value(VALUE_S, t, out, err);
	default:
		return kids_value(t, mem, out, err);
	}
}

/* ---- keys ---------------------------------------------------------------- */

int
rules_hash(const struct rule_names *n, const struct value *map,
	   struct arena *mem, struct keyhash *out, struct err *err)
{
	struct keyhash parts[RULE_MAX_KEY];

	for (size_t i = 0; i < n->n; i++) {
		const struct value *const v = value_attr(map, n->names[i],
							 n->hashes[i]);
		char number[DECIMAL_TEXT_LEN];
		struct span text;

		if (v == NULL || v->type > VALUE_B)
			return 0;
		if (value_text(v, mem, &text, err) != 0)
			return -1;
		if (v->type == VALUE_N)
			text = (struct span){ (const uint8_t *)number,
					      decimal_canonical(text, number) };
		parts[i] = keyhash_of_id(
			value_type_name((enum value_type)v->type)[0], text);
	}
	*out = keyhash_of((struct span){ (const uint8_t *)parts,
					 n->n * sizeof(*parts) });
	return 1;
}

/* ---- one rule ------------------------------------------------------------ */

struct reader {
	struct rules *rules;
	struct arena *mem;
	struct err *err;
};

static int
read_key(struct reader *r, const struct tree *t, struct rule *rule)
{
	if (t == NULL || t->kind != TREE_MAP || t->nkids == 0)
		return tree_err(t, r->err, "'key' is a map of the attributes "
				"that say which item is meant");
	if (t->nkids > 2 * RULE_MAX_KEY)
		return tree_err(t, r->err, "a key of more than %d attributes",
				RULE_MAX_KEY);
	if (kids_value(t, r->mem, &rule->key, r->err) != 0)
		return -1;
	for (uint32_t i = 1; i < rule->key.len; i += 2)
		if (rule->key.kids[i].type > VALUE_B)
			return tree_err(&t->kids[i], r->err, "a key is of type "
					"S, N or B");
	return 0;
}

/* The item, with the key's attributes in it whether it repeats them or not. */
static int
read_item(struct reader *r, const struct tree *t, struct rule *rule)
{
	struct value map;

	if (t->kind != TREE_MAP)
		return tree_err(t, r->err, "'item' is a map of attributes");
	if (kids_value(t, r->mem, &map, r->err) != 0)
		return -1;
	rule->item = rule->key;
	if (value_own(&rule->item, map.len, r->mem, r->err) != 0)
		return -1;
	for (uint32_t i = 0; i < map.len; i += 2)
		if (value_set_attr(&rule->item,
				   (struct span){ map.kids[i].text,
						  map.kids[i].len },
				   &map.kids[i + 1], r->mem, r->err) != 0)
			return -1;
	rule->whole = true;
	return 0;
}

static int
read_attributes(struct reader *r, const struct tree *t, struct rule *rule)
{
	if (t->kind != TREE_MAP)
		return tree_err(t, r->err, "'attributes' is a map: paths, and "
				"the values there");
	rule->attrs = arena_take(r->mem, (t->nkids / 2 + (size_t)1) *
				 sizeof(*rule->attrs), r->err);
	if (rule->attrs == NULL)
		return -1;
	for (uint32_t i = 0; i < t->nkids; i += 2) {
		struct rule_attr *const a = &rule->attrs[rule->nattrs];
		struct err why;
		size_t at;

		*a = (struct rule_attr){ 0 };
		if (path_parse(&a->path, t->kids[i].text, false, &at,
			       &why) != 0)
			return tree_err(&t->kids[i], r->err, "%s", why.text);
		rule->nattrs++;
		if (rules_value(&t->kids[i + 1], r->mem, &a->value,
				r->err) != 0)
			return -1;
	}
	return 0;
}

static int
read_condition(struct reader *r, const struct tree *t, struct rule *rule)
{
	const struct expr_scope scope = { 0 };
	struct rule_condition *const c = &rule->conditions[rule->nconditions];
	struct err why;
	size_t at;

	if (t->kind != TREE_TEXT)
		return tree_err(t, r->err, "'assert' is a condition, or a list "
				"of them");
	*c = (struct rule_condition){
		.text = (const char *)t->text.ptr,
		.expr = expr_parse_condition(t->text, &scope, &at, &why),
	};
	if (c->expr == NULL)
		return tree_err(t, r->err, "'%s', column %zu: %s", c->text,
				at + 1, why.text);
	rule->nconditions++;
	return 0;
}

static int
read_conditions(struct reader *r, const struct tree *t, struct rule *rule)
{
	const size_t n = t->kind == TREE_LIST ? t->nkids : 1;

	rule->conditions = arena_take(r->mem, (n + 1) *
				      sizeof(*rule->conditions), r->err);
	if (rule->conditions == NULL)
		return -1;
	if (t->kind != TREE_LIST)
		return read_condition(r, t, rule);
	for (size_t i = 0; i < n; i++)
		if (read_condition(r, &t->kids[i], rule) != 0)
			return -1;
	return 0;
}

static int
read_word(struct reader *r, const struct tree *name, struct rule *rule)
{
	const struct tree *const v = name + 1;

	if (span_is(name->text, "key"))
		return 0;
	if (span_is(name->text, "item"))
		return read_item(r, v, rule);
	if (span_is(name->text, "attributes"))
		return read_attributes(r, v, rule);
	if (span_is(name->text, "assert"))
		return read_conditions(r, v, rule);
	if (!span_is(name->text, "absent"))
		return tree_err(name, r->err, "unknown word '%s': key, item, "
				"attributes, assert or absent",
				(const char *)name->text.ptr);
	if (v->kind != TREE_BOOL)
		return tree_err(v, r->err, "'absent' is true or false");
	rule->absent = v->truth;
	return 0;
}

static int
read_rule(struct reader *r, const struct tree *t, const char *table)
{
	struct rule *const rule = &r->rules->list[r->rules->n];
	char place[4200];
	int rc;

	*rule = (struct rule){ .table = table };
	if (t->kind != TREE_MAP)
		return tree_err(t, r->err, "a map is expected: {key: {...}, "
				"item: {...}}, or attributes, assert, absent");
	snprintf(place, sizeof(place), "%s:%u", t->doc->name, t->line);
	rule->place = (const char *)arena_copy(r->mem, (struct span){
		(const uint8_t *)place, strlen(place) + 1 }, r->err).ptr;
	if (rule->place == NULL)
		return -1;
	r->rules->n++;
	if (tree_get(t, "key") == NULL)
		return tree_err(t, r->err, "'key' is missing");
	rc = read_key(r, tree_get(t, "key"), rule);
	for (uint32_t i = 0; i < t->nkids && rc == 0; i += 2)
		rc = read_word(r, &t->kids[i], rule);
	if (rc == 0 && rule->absent && (rule->whole || rule->nattrs > 0 ||
					rule->nconditions > 0))
		rc = tree_err(t, r->err, "what is absent has no item, "
			      "attributes or assert");
	return rc;
}

/* ---- all of them --------------------------------------------------------- */

static int
order_names(const void *a, const void *b)
{
	return span_compare(*(const struct span *)a, *(const struct span *)b);
}

/* The names that a rule's key is made of, in order of bytes: found or added. */
static int
add_names(struct reader *r, struct rule *rule)
{
	struct rules *const all = r->rules;
	struct rule_names n = { .table = rule->table };
	uint32_t i = 0;

	for (uint32_t k = 0; k < rule->key.len; k += 2)
		n.names[n.n++] = (struct span){ rule->key.kids[k].text,
						rule->key.kids[k].len };
	qsort(n.names, n.n, sizeof(*n.names), order_names);
	for (size_t k = 0; k < n.n; k++)
		n.hashes[k] = name_hash(n.names[k]);
	for (; i < all->nnames; i++) {
		const struct rule_names *const o = &all->names[i];
		size_t k = 0;

		while (k < n.n && o->n == n.n && o->table == n.table &&
		       span_equal(o->names[k], n.names[k]))
			k++;
		if (k == n.n)
			break;
	}
	if (i == all->nnames)
		all->names[all->nnames++] = n;
	all->names[i].nrules++;
	rule->names = i;
	return 0;
}

/* A rule's place among those with the same names. */
struct hashed {
	struct keyhash key;
	uint32_t rule;
};

static int
order_hashed(const void *a, const void *b)
{
	const struct hashed *const x = a, *const y = b;

	if (x->key.hi != y->key.hi)
		return x->key.hi < y->key.hi ? -1 : 1;
	if (x->key.lo != y->key.lo)
		return x->key.lo < y->key.lo ? -1 : 1;
	return (x->rule > y->rule) - (x->rule < y->rule);
}

static int
sort_rules(struct reader *r, uint32_t number)
{
	struct rule_names *const n = &r->rules->names[number];
	struct hashed *const all = arena_take(r->mem, (n->nrules + 1) *
					      sizeof(*all), r->err);
	size_t k = 0;

	n->rules = arena_take(r->mem, (n->nrules + 1) * sizeof(*n->rules),
			      r->err);
	n->keys = arena_take(r->mem, (n->nrules + 1) * sizeof(*n->keys),
			     r->err);
	if (all == NULL || n->rules == NULL || n->keys == NULL)
		return -1;
	for (uint32_t i = 0; i < r->rules->n; i++) {
		if (r->rules->list[i].names != number)
			continue;
		all[k].rule = i;
		if (rules_hash(n, &r->rules->list[i].key, r->mem, &all[k].key,
			       r->err) < 0)
			return -1;
		k++;
	}
	qsort(all, k, sizeof(*all), order_hashed);
	for (size_t i = 0; i < k; i++) {
		n->rules[i] = all[i].rule;
		n->keys[i] = all[i].key;
	}
	return 0;
}

static int
read_tables(struct reader *r, const struct tree *root)
{
	const struct tree *const tables = tree_get(root, "tables");
	size_t n = 0;

	if (tables == NULL || tables->kind != TREE_MAP || root->nkids != 2)
		return tree_err(root, r->err, "'tables: {Name: [{key: ...}]}' "
				"is expected, and nothing beside it");
	for (uint32_t i = 0; i < tables->nkids; i += 2) {
		if (tables->kids[i + 1].kind != TREE_LIST)
			return tree_err(&tables->kids[i + 1], r->err, "a list "
					"of items is expected");
		n += tables->kids[i + 1].nkids;
	}
	r->rules->list = arena_take(r->mem, (n + 1) * sizeof(*r->rules->list),
				    r->err);
	r->rules->names = arena_take(r->mem, (n + 1) *
				     sizeof(*r->rules->names), r->err);
	if (r->rules->list == NULL || r->rules->names == NULL)
		return -1;
	for (uint32_t i = 0; i < tables->nkids; i += 2)
		for (uint32_t k = 0; k < tables->kids[i + 1].nkids; k++)
			if (read_rule(r, &tables->kids[i + 1].kids[k],
				      (const char *)tables->kids[i].text.ptr)
			    != 0)
				return -1;
	for (size_t i = 0; i < r->rules->n; i++)
		if (add_names(r, &r->rules->list[i]) != 0)
			return -1;
	for (uint32_t i = 0; i < r->rules->nnames; i++)
		if (sort_rules(r, i) != 0)
			return -1;
	return 0;
}

int
rules_read(struct rules *rules, const char *path, struct arena *mem,
	   struct err *err)
{
	struct reader r = { .rules = rules, .mem = mem, .err = err };
	struct buf text = { 0 };
	struct span source;

	*rules = (struct rules){ 0 };
	if (file_load(path, YAML_MAX_LEN, &text, err) != 0) {
		buf_free(&text);
		return -1;
	}
	source = arena_copy(mem, buf_span(&text), err);
	buf_free(&text);
	if (source.ptr == NULL)
		return -1;
	const struct tree *const root = yaml_parse(source, path, mem, err);
	return root == NULL ? -1 : read_tables(&r, root);
}

void
rules_free(struct rules *rules)
{
	for (size_t i = 0; i < rules->n; i++) {
		struct rule *const r = &rules->list[i];

		for (size_t k = 0; k < r->nattrs; k++)
			path_free(&r->attrs[k].path);
		for (size_t k = 0; k < r->nconditions; k++)
			expr_free(r->conditions[k].expr);
	}
}
