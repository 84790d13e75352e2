/*
 * expr_print.c - expressions as they were understood: every operation in
 * parentheses, keywords in capitals, literals in one spelling.  What is printed
 * parses to the same again, but for values that no literal can write: a binary
 * value is shown as B'base64'.
 */
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "expr/expr_internal.h"

static int
put(struct buf *out, const char *text, struct err *err)
{
	return buf_append(out, span_of(text), err);
}

static int
put_string(struct span s, struct buf *out, struct err *err)
{
	uint8_t *const start = buf_reserve(out, 2 * s.len + 2, err);
	uint8_t *p = start;

	if (p == NULL)
		return -1;
	*p++ = '\'';
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] == '\'')
			*p++ = '\'';
		*p++ = s.ptr[i];
	}
	*p++ = '\'';
	buf_commit(out, (size_t)(p - start));
	return 0;
}

/* The plain text of a literal; one from a placeholder may hold escapes. */
static int
put_text(const struct value *v, struct buf *out, struct err *err)
{
	struct arena mem = { .chunk_len = EXPR_CHUNK_LEN };
	struct span text;
	int rc = value_text(v, &mem, &text, err);

	if (rc == 0 && v->type == VALUE_B)
		rc = put(out, "B", err);
	if (rc == 0)
		rc = v->type == VALUE_N ? buf_append(out, text, err)
					: put_string(text, out, err);
	arena_free(&mem);
	return rc;
}

static int put_value(const struct value *v, struct buf *out, struct err *err);

static int
put_kids(const struct value *v, const char *open, const char *close,
	 struct buf *out, struct err *err)
{
	int rc = put(out, open, err);

	for (uint32_t i = 0; i < v->len && rc == 0; i++) {
		const struct value *const kid = &v->kids[i];
		const bool named = i > 0 && v->kids[i - 1].type == VALUE_NAME;

		if (i > 0)
			rc = put(out, named ? ": " : ", ", err);
		if (rc == 0)
			rc = put_value(kid, out, err);
	}
	return rc == 0 ? put(out, close, err) : -1;
}

static int
put_value(const struct value *v, struct buf *out, struct err *err)
{
	switch (v->type) {
	case VALUE_BOOL:
		return put(out, (v->flags & VALUE_TRUE) != 0 ? "TRUE"
							     : "FALSE", err);
	case VALUE_NULL:
		return put(out, "NULL", err);
	case VALUE_M:
		return put_kids(v, "{", "}", out, err);
	case VALUE_L:
		return put_kids(v, "[", "]", out, err);
	case VALUE_SS:
	case VALUE_NS:
	case VALUE_BS:
		return put_kids(v, "<<", ">>", out, err);
	default:
		return put_text(v, out, err);
	}
}

/* Arguments `from` and on, with `between` them. */
static int
put_args(const struct node *n, uint32_t from, const char *between,
	 struct buf *out, struct err *err)
{
	int rc = 0;

	for (uint32_t i = from; i < n->nargs && rc == 0; i++) {
		if (i > from)
			rc = put(out, between, err);
		if (rc == 0 && n->op == NODE_MAP) {
			rc = put_value(&n->names[i], out, err);
			if (rc == 0)
				rc = put(out, ": ", err);
		}
		if (rc == 0)
			rc = print_node(n->args[i], out, err);
	}
	return rc;
}

static int
put_around(const struct node *n, const char *open, const char *between,
	   const char *close, struct buf *out, struct err *err)
{
	return put(out, open, err) != 0 ||
	       put_args(n, 0, between, out, err) != 0 ? -1
	       : put(out, close, err);
}

static int
put_path(const struct node *n, struct buf *out, struct err *err)
{
	if (n->bound < 0)
		return path_print(&n->path, out, err);

	if (buf_append(out, n->name, err) != 0)
		return -1;
	if (n->path.nparts > 0 && n->path.parts[0].kind == PATH_NAME &&
	    put(out, ".", err) != 0)
		return -1;
	return path_print(&n->path, out, err);
}

static int
put_case(const struct node *n, struct buf *out, struct err *err)
{
	static const char *const words[] = { " WHEN ", " THEN " };
	int rc = put(out, "(CASE", err);

	for (uint32_t i = 0; i < n->nargs && rc == 0; i++) {
		const bool otherwise = i % 2 == 0 && i + 1 == n->nargs;

		rc = put(out, otherwise ? " ELSE " : words[i % 2], err);
		if (rc == 0)
			rc = print_node(n->args[i], out, err);
	}
	return rc == 0 ? put(out, " END)", err) : -1;
}

static int
put_call(const struct node *n, struct buf *out, struct err *err)
{
	if (put(out, n->function->name, err) != 0 || put(out, "(", err) != 0)
		return -1;
	if (n->op == NODE_NEW_ID && (path_print_name(n->table, out, err) != 0 ||
				     put(out, ", ", err) != 0))
		return -1;
	if (put_args(n, 0, ", ", out, err) != 0)
		return -1;
	return put(out, ")", err);
}

static int
put_in(const struct node *n, struct buf *out, struct err *err)
{
	return put(out, "(", err) != 0 ||
	       print_node(n->args[0], out, err) != 0 ||
	       put(out, " IN (", err) != 0 ||
	       put_args(n, 1, ", ", out, err) != 0 ? -1
	       : put(out, "))", err);
}

static int
put_between(const struct node *n, struct buf *out, struct err *err)
{
	return put(out, "(", err) != 0 ||
	       print_node(n->args[0], out, err) != 0 ||
	       put(out, " BETWEEN ", err) != 0 ||
	       put_args(n, 1, " AND ", out, err) != 0 ? -1
	       : put(out, ")", err);
}

int
print_node(const struct node *n, struct buf *out, struct err *err)
{
	static const char *const operators[] = {
		[NODE_ADD] = " + ", [NODE_SUB] = " - ", [NODE_MUL] = " * ",
		[NODE_DIV] = " / ", [NODE_EQ] = " = ", [NODE_NE] = " <> ",
		[NODE_LT] = " < ", [NODE_LE] = " <= ", [NODE_GT] = " > ",
		[NODE_GE] = " >= ", [NODE_AND] = " AND ", [NODE_OR] = " OR ",
	};

	switch ((enum node_op)n->op) {
	case NODE_LITERAL:
		return put_value(&n->value, out, err);
	case NODE_PATH:
		return put_path(n, out, err);
	case NODE_LIST:
		return put_around(n, "[", ", ", "]", out, err);
	case NODE_MAP:
		return put_around(n, "{", ", ", "}", out, err);
	case NODE_SET:
		return put_around(n, "<<", ", ", ">>", out, err);
	case NODE_CASE:
		return put_case(n, out, err);
	case NODE_IN:
		return put_in(n, out, err);
	case NODE_BETWEEN:
		return put_between(n, out, err);
	case NODE_NOT:
		return put_around(n, "(NOT ", "", ")", out, err);
	default:
		if (n->op < sizeof(operators) / sizeof(*operators) &&
		    operators[n->op] != NULL)
			return put_around(n, "(", operators[n->op], ")", out,
					  err);
		return put_call(n, out, err);
	}
}

int
expr_print(const struct expr *e, struct buf *out, struct err *err)
{
	return print_node(e->root, out, err);
}

static int
put_action(const struct action *a, struct buf *out, struct err *err)
{
	if (path_print(&a->path, out, err) != 0)
		return -1;
	if (a->value == NULL)
		return 0;
	if (put(out, a->kind == ACTION_SET ? " = " : " ", err) != 0)
		return -1;
	return print_node(a->value, out, err);
}

int
update_print(const struct update *u, struct buf *out, struct err *err)
{
	static const char *const sections[] = {
		[ACTION_SET] = "SET ", [ACTION_REMOVE] = "REMOVE ",
		[ACTION_ADD] = "ADD ", [ACTION_DELETE] = "DELETE ",
	};
	int rc = 0;

	for (size_t i = 0; i < u->nactions && rc == 0; i++) {
		const struct action *const a = &u->actions[i];
		const bool first = i == 0 || a[-1].kind != a->kind;

		if (i > 0)
			rc = put(out, first ? " " : ", ", err);
		if (rc == 0 && first)
			rc = put(out, sections[a->kind], err);
		if (rc == 0)
			rc = put_action(a, out, err);
	}
	return rc;
}
