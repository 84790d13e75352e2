/* plan_exprs.c - expressions of a plan: placeholders, compiling, places. */
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/buf.h"
#include "base/decimal.h"
#include "engine/plan_internal.h"

/* ---- attributeValues: DynamoDB JSON, as the AWS CLI takes it ------------- */

static int typed(struct plan *p, const struct tree *t, struct value *out,
		 struct err *err);

static int
text_value(struct plan *p, const struct tree *t, enum value_type type,
	   struct value *out, struct err *err)
{
	struct span text = t->text;

	if (!tree_is_scalar(t) || t->kind == TREE_NULL)
		return tree_err(t, err, "%s must hold text, not %s",
				value_type_name(type), tree_kind_name(t));
	if (type == VALUE_N) {
		char *const canonical = plan_take(p, DECIMAL_TEXT_LEN, 1, err);
		struct err why;

		if (canonical == NULL)
			return -1;
		if (decimal_check(text, &why) != 0)
			return tree_err(t, err, "%s", why.text);
		text.len = decimal_canonical(text, canonical);
		text.ptr = (const uint8_t *)canonical;
	} else if (type == VALUE_B && !base64_check(text)) {
		return tree_err(t, err, "B must hold base64");
	}
	*out = value_of_text(type, text);
	return 0;
}

static int
order(const void *a, const void *b)
{
	const struct value *const x = a, *const y = b;

	return span_compare((struct span){ x->text, x->len },
			    (struct span){ y->text, y->len });
}

static int
set_value(struct plan *p, const struct tree *t, enum value_type type,
	  struct value *out, struct err *err)
{
	const enum value_type member =
		(enum value_type)(type - VALUE_SS + VALUE_S);

	if (t->kind != TREE_LIST || t->nkids == 0)
		return tree_err(t, err, "%s must hold a list with something in "
				"it", value_type_name(type));
	struct value *const kids = plan_take(p, t->nkids, sizeof(*kids), err);
	if (kids == NULL)
		return -1;
	for (uint32_t i = 0; i < t->nkids; i++)
		if (text_value(p, &t->kids[i], member, &kids[i], err) != 0)
			return -1;
	qsort(kids, t->nkids, sizeof(*kids), order);
	for (uint32_t i = 1; i < t->nkids; i++)
		if (order(&kids[i - 1], &kids[i]) == 0)
			return tree_err(t, err, "a set holds every member once");
	*out = value_of_kids(type, kids, t->nkids);
	return 0;
}

static int
nested_value(struct plan *p, const struct tree *t, enum value_type type,
	     struct value *out, struct err *err)
{
	const bool map = type == VALUE_M;

	if (t->kind != (map ? TREE_MAP : TREE_LIST))
		return tree_err(t, err, "%s must hold %s, not %s",
				value_type_name(type), map ? "a map" : "a list",
				tree_kind_name(t));
	struct value *const kids = plan_take(p, t->nkids, sizeof(*kids), err);
	if (kids == NULL)
		return -1;
	for (uint32_t i = 0; i < t->nkids; i++) {
		if (map && i % 2 == 0)
			kids[i] = value_of_name(t->kids[i].text);
		else if (typed(p, &t->kids[i], &kids[i], err) != 0)
			return -1;
	}
	*out = value_of_kids(type, kids, t->nkids);
	return 0;
}

static int
bool_value(const struct tree *t, enum value_type type, struct value *out,
	   struct err *err)
{
	if (t->kind != TREE_BOOL || (type == VALUE_NULL && !t->truth))
		return tree_err(t, err, type == VALUE_NULL ? "NULL must hold "
				"true" : "BOOL must hold true or false");
	*out = type == VALUE_NULL ? value_of_null() : value_of_bool(t->truth);
	return 0;
}

/* {S: text}, {N: 1} ... */
static int
typed(struct plan *p, const struct tree *t, struct value *out, struct err *err)
{
	const enum value_type type = t->kind == TREE_MAP && t->nkids == 2 ?
		value_type_named(t->kids[0].text) : (enum value_type)0;

	switch (type) {
	case VALUE_S:
	case VALUE_N:
	case VALUE_B:
		return text_value(p, &t->kids[1], type, out, err);
	case VALUE_BOOL:
	case VALUE_NULL:
		return bool_value(&t->kids[1], type, out, err);
	case VALUE_SS:
	case VALUE_NS:
	case VALUE_BS:
		return set_value(p, &t->kids[1], type, out, err);
	case VALUE_M:
	case VALUE_L:
		return nested_value(p, &t->kids[1], type, out, err);
	default:
		return tree_err(t, err, "a value must say its type, as in "
				"{S: text} or {N: 1}");
	}
}

/* ---- placeholders -------------------------------------------------------- */

static int
check_placeholder(const struct tree *t, char first, struct err *err)
{
	if (t->text.len < 2 || t->text.ptr[0] != first)
		return tree_err(t, err, "a placeholder here begins with '%c', "
				"and '%s' does not", first, t->text.ptr);
	return 0;
}

static int
read_names(struct plan *p, const struct tree *t, struct plan_scope *s,
	   struct err *err)
{
	const char *name;

	if (t->kind != TREE_MAP)
		return tree_err(t, err, "'attributeNames' must be a map, not "
				"%s", tree_kind_name(t));
	s->names = plan_take(p, t->nkids / 2, sizeof(*s->names), err);
	s->name_used = plan_take(p, t->nkids / 2, sizeof(bool), err);
	if (s->names == NULL || s->name_used == NULL)
		return -1;
	for (uint32_t i = 0; i < t->nkids; i += 2) {
		const struct tree *const key = &t->kids[i];

		if (check_placeholder(key, '#', err) != 0 ||
		    plan_read_text(key + 1, (const char *)key->text.ptr, &name,
				   err) != 0)
			return -1;
		s->names[i / 2] = (struct expr_name){ key->text, span_of(name) };
	}
	s->names_node = t;
	s->expr.names = s->names;
	s->expr.nnames = t->nkids / 2;
	s->expr.name_used = s->name_used;
	return 0;
}

static int
read_values(struct plan *p, const struct tree *t, struct plan_scope *s,
	    struct err *err)
{
	const size_t n = t->nkids / 2;

	if (t->kind != TREE_MAP)
		return tree_err(t, err, "'attributeValues' must be a map, not "
				"%s", tree_kind_name(t));
	struct value *const values = plan_take(p, n, sizeof(*values), err);
	s->values = plan_take(p, n, sizeof(*s->values), err);
	s->value_used = plan_take(p, n, sizeof(bool), err);
	if (values == NULL || s->values == NULL || s->value_used == NULL)
		return -1;
	for (uint32_t i = 0; i < t->nkids; i += 2) {
		const struct tree *const key = &t->kids[i];

		if (check_placeholder(key, ':', err) != 0 ||
		    typed(p, key + 1, &values[i / 2], err) != 0)
			return -1;
		s->values[i / 2] =
			(struct expr_value){ key->text, &values[i / 2] };
	}
	s->values_node = t;
	s->expr.values = s->values;
	s->expr.nvalues = n;
	s->expr.value_used = s->value_used;
	return 0;
}

static const struct remap *
remap_for(void *context, struct span table)
{
	struct plan *const p = context;
	struct err err = { 0 };
	const char *const name = plan_keep(p, table, &err);

	return name != NULL ? plan_remap_of(p, name, &err) : NULL;
}

int
plan_scope_read(struct plan *p, const struct tree *map,
		struct plan_scope *scope, struct err *err)
{
	const struct tree *const names = tree_get(map, "attributeNames");
	const struct tree *const values = tree_get(map, "attributeValues");

	*scope = (struct plan_scope){
		.expr = { .remap_of = remap_for, .context = p },
	};
	if (names != NULL && read_names(p, names, scope, err) != 0)
		return -1;
	return values == NULL ? 0 : read_values(p, values, scope, err);
}

int
plan_scope_done(const struct plan_scope *s, struct err *err)
{
	for (size_t i = 0; i < s->expr.nnames; i++)
		if (!s->name_used[i])
			return tree_err(&s->names_node->kids[2 * i], err,
					"no expression uses '%s'",
					s->names[i].placeholder.ptr);
	for (size_t i = 0; i < s->expr.nvalues; i++)
		if (!s->value_used[i])
			return tree_err(&s->values_node->kids[2 * i], err,
					"no expression uses '%s'",
					s->values[i].placeholder.ptr);
	return 0;
}

/* ---- compiling ----------------------------------------------------------- */

/* Say where in the file byte `at` of the expression is. */
static void
place_error(const struct tree *t, const char *name, size_t at, struct err *err)
{
	const struct err why = *err;
	const bool cut = tree_ends_at_comment(t);
	uint32_t line, column;

	if (why.code != ERR_USAGE)
		return;
	tree_place(t, at, &line, &column);
	err_set(err, ERR_USAGE, "%s:%u:%u: in '%s': %s%s", t->doc->name, line,
		column, name, why.text, cut ? "; in YAML ' #' begins a "
		"comment, and ended the text: quote it, or write it under '>'" :
		"");
}

static int
check_text(const struct tree *t, const char *name, struct err *err)
{
	const char *text;

	return plan_read_text(t, name, &text, err);
}

struct expr *
plan_condition(struct plan *p, const struct tree *t, const char *name,
	       const struct plan_scope *scope, struct err *err)
{
	size_t at = 0;

	if (check_text(t, name, err) != 0)
		return NULL;
	struct expr *const e = expr_parse_condition(t->text, &scope->expr, &at,
						    err);
	if (e == NULL)
		place_error(t, name, at, err);
	return e != NULL && plan_own(p, OWNED_EXPR, e, err) == 0 ? e : NULL;
}

struct expr *
plan_value(struct plan *p, const struct tree *t, const char *name,
	   const struct plan_scope *scope, struct err *err)
{
	size_t at = 0;

	if (check_text(t, name, err) != 0)
		return NULL;
	struct expr *const e = expr_parse_value(t->text, &scope->expr, &at,
						err);
	if (e == NULL)
		place_error(t, name, at, err);
	return e != NULL && plan_own(p, OWNED_EXPR, e, err) == 0 ? e : NULL;
}

struct update *
plan_update(struct plan *p, const struct tree *t, const char *name,
	    const struct plan_scope *scope, struct err *err)
{
	size_t at = 0;

	if (check_text(t, name, err) != 0)
		return NULL;
	struct update *const u = update_parse(t->text, &scope->expr, &at, err);
	if (u == NULL)
		place_error(t, name, at, err);
	return u != NULL && plan_own(p, OWNED_UPDATE, u, err) == 0 ? u : NULL;
}

int
plan_path(struct plan *p, const struct tree *t, const char *name,
	  bool wildcards, struct path *out, struct err *err)
{
	struct path *const kept = plan_take(p, 1, sizeof(*kept), err);
	size_t at = 0;

	if (kept == NULL || check_text(t, name, err) != 0)
		return -1;
	if (path_parse(kept, t->text, wildcards, &at, err) != 0) {
		place_error(t, name, at, err);
		return -1;
	}
	*out = *kept;
	return plan_own(p, OWNED_PATH, kept, err);
}

/* ---- updates of our own -------------------------------------------------- */

static struct update *
own_update(struct plan *p, const struct buf *text, struct err *err)
{
	const struct expr_scope scope = { .context = NULL };
	/* What is compiled may point into its text. */
	const char *const kept = plan_keep(p, buf_span(text), err);
	struct update *const u = kept == NULL ? NULL
		: update_parse(span_of(kept), &scope, NULL, err);

	return u != NULL && plan_own(p, OWNED_UPDATE, u, err) == 0 ? u : NULL;
}

struct update *
plan_set_path(struct plan *p, const struct path *to, const struct path *from,
	      uint64_t number, struct err *err)
{
	struct buf text = { 0 };
	struct update *u = NULL;

	if (buf_printf(&text, err, "SET ") == 0 &&
	    path_print(to, &text, err) == 0 &&
	    buf_printf(&text, err, " = ") == 0 &&
	    (from != NULL ? path_print(from, &text, err)
			  : buf_printf(&text, err, "%ju",
				       (uintmax_t)number)) == 0)
		u = own_update(p, &text, err);
	buf_free(&text);
	return u;
}

struct update *
plan_remove_path(struct plan *p, const struct path *path, struct err *err)
{
	struct buf text = { 0 };
	struct update *u = NULL;

	if (buf_printf(&text, err, "REMOVE ") == 0 &&
	    path_print(path, &text, err) == 0)
		u = own_update(p, &text, err);
	buf_free(&text);
	return u;
}
