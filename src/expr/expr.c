/* expr.c - conditions and values as their users see them. */
#include "expr/expr.h"

#include <stdlib.h>

#include "base/err.h"
#include "expr/expr_internal.h"

static struct expr *
parse(struct span text, const struct expr_scope *scope,
      struct node *(*what)(struct parser *), size_t *at, struct err *err)
{
	struct expr *const e = calloc(1, sizeof(*e));
	struct parser p = { 0 };

	if (e == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	e->mem.chunk_len = EXPR_CHUNK_LEN;
	if (parser_start(&p, text, scope, &e->mem, err) == 0) {
		e->root = what(&p);
		if (e->root != NULL && p.token.kind == TOKEN_END)
			return e;
		if (e->root != NULL)
			parser_expected(&p, "an operator or the end");
	}
	if (at != NULL)
		*at = p.wrong;
	expr_free(e);
	return NULL;
}

struct expr *
expr_parse_condition(struct span text, const struct expr_scope *scope,
		     size_t *at, struct err *err)
{
	return parse(text, scope, parse_condition, at, err);
}

struct expr *
expr_parse_value(struct span text, const struct expr_scope *scope, size_t *at,
		 struct err *err)
{
	return parse(text, scope, parse_value, at, err);
}

void
expr_free(struct expr *e)
{
	if (e == NULL)
		return;
	arena_free(&e->mem);
	free(e);
}

int
expr_test(const struct expr *e, const struct expr_run *run,
	  const struct item *item, struct err *err)
{
	const struct eval eval = { run, &item->map, err };

	return eval_condition(&eval, e->root);
}

int
expr_value_of(const struct expr *e, const struct expr_run *run,
	      const struct item *item, struct value *out, struct err *err)
{
	const struct eval eval = { run, &item->map, err };

	return eval_present(&eval, e->root, out);
}

int
expr_find_value(const struct expr *e, const struct expr_run *run,
		const struct item *item, struct value *out, struct err *err)
{
	const struct eval eval = { run, &item->map, err };

	if (e->root->op != NODE_PATH)
		return eval_present(&eval, e->root, out) != 0 ? -1 : 1;
	if (eval_value(&eval, e->root, out) != 0)
		return -1;
	return out->type != 0;
}

static bool
looks_only_at(const struct node *node, const struct span *names, size_t n)
{
	if (node->op == NODE_PATH) {
		if (node->bound >= 0)
			return true;
		for (size_t i = 0; i < n; i++)
			if (span_equal(node->path.parts[0].name, names[i]))
				return true;
		return false;
	}
	for (uint32_t i = 0; i < node->nargs; i++)
		if (!looks_only_at(node->args[i], names, n))
			return false;
	return true;
}

static bool
looks_at(const struct node *node, bool (*is)(const void *context,
					      struct span name),
	 const void *context)
{
	if (node->op == NODE_PATH)
		return node->bound < 0 &&
		       is(context, node->path.parts[0].name);
	for (uint32_t i = 0; i < node->nargs; i++)
		if (looks_at(node->args[i], is, context))
			return true;
	return false;
}

bool
expr_looks_at(const struct expr *e, bool (*is)(const void *context,
					       struct span name),
	      const void *context)
{
	return looks_at(e->root, is, context);
}

bool
expr_looks_only_at(const struct expr *e, const struct span *names, size_t n)
{
	return looks_only_at(e->root, names, n);
}
