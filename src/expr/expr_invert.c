/*
 * expr_invert.c - the update that undoes another one, where what it did can be
 * told from what it left: values that were moved, and numbers that were added.
 */
#include <stdlib.h>

#include "base/buf.h"
#include "base/err.h"
#include "expr/expr_internal.h"

/* The action that changes just this path, or NULL. */
static const struct action *
action_on(const struct update *u, const struct path *path)
{
	for (size_t i = 0; i < u->nactions; i++)
		if (same_path(&u->actions[i].path, path))
			return &u->actions[i];
	return NULL;
}

bool
update_moves(const struct update *u, size_t i, const struct path **from,
	     const struct path **to)
{
	const struct action *const a = &u->actions[i];

	if (a->kind != ACTION_SET || a->value->op != NODE_PATH ||
	    a->value->bound >= 0 || action_on(u, &a->value->path) == NULL ||
	    same_path(&a->path, &a->value->path))
		return false;
	*from = &a->value->path;
	*to = &a->path;
	return true;
}

/* Is a value brought back to this path by a move before number `end`? */
static bool
is_back(const struct update *u, const struct path *path, size_t end)
{
	const struct path *from, *to;

	for (size_t i = 0; i < end; i++)
		if (update_moves(u, i, &from, &to) && same_path(from, path))
			return true;
	return false;
}

/* x = x + 1, x = x - 1, and ADD x 1: the number, or NULL; *sign turned. */
static const struct node *
added(const struct action *a, const char **sign)
{
	const struct node *const v = a->value;

	*sign = "-";
	if (a->kind == ACTION_ADD)
		return v->op == NODE_LITERAL && v->value.type == VALUE_N ? v
									 : NULL;
	if (a->kind != ACTION_SET || (v->op != NODE_ADD && v->op != NODE_SUB))
		return NULL;
	if (v->op == NODE_SUB)
		*sign = "+";
	return v->args[0]->op == NODE_PATH && v->args[0]->bound < 0 &&
	       same_path(&v->args[0]->path, &a->path) &&
	       v->args[1]->op == NODE_LITERAL ? v->args[1] : NULL;
}

/* The pieces of the inverse, and what is left to say. */
struct inverse {
	struct buf sets, removes, *why;
	struct err *err;
};

static int
add_set(struct inverse *v, const struct path *path)
{
	if (v->sets.len > 0 && buf_printf(&v->sets, v->err, ", ") != 0)
		return -1;
	return path_print(path, &v->sets, v->err) != 0 ? -1
		: buf_printf(&v->sets, v->err, " = ");
}

/* "'x' text\n" */
static int
say(struct inverse *v, const struct path *path, const char *text)
{
	if (buf_printf(v->why, v->err, "'") != 0 ||
	    path_print(path, v->why, v->err) != 0)
		return -1;
	return buf_printf(v->why, v->err, "' %s\n", text);
}

static int
undo(struct inverse *v, const struct update *u, size_t i)
{
	const struct action *const a = &u->actions[i];
	const struct path *from, *to;
	const struct node *number;
	const char *sign;

	if (update_moves(u, i, &from, &to)) {
		if (!is_back(u, from, i) &&
		    (add_set(v, from) != 0 || path_print(to, &v->sets,
							 v->err) != 0))
			return -1;
		if (is_back(u, to, u->nactions))
			return 0;
		if (v->removes.len > 0 &&
		    buf_printf(&v->removes, v->err, ", ") != 0)
			return -1;
		return path_print(to, &v->removes, v->err);
	}
	if (is_back(u, &a->path, u->nactions))
		return 0;
	number = a->kind == ACTION_REMOVE ? NULL : added(a, &sign);
	if (number != NULL)
		return add_set(v, &a->path) != 0 ||
		       path_print(&a->path, &v->sets, v->err) != 0 ||
		       buf_printf(&v->sets, v->err, " %s ", sign) != 0 ? -1
			: print_node(number, &v->sets, v->err);
	return say(v, &a->path, a->kind == ACTION_REMOVE
		   ? "is removed, and its value is not kept"
		   : "is set, and what it was before is not kept");
}

int
update_invert(const struct update *u, struct buf *out, struct buf *why,
	      struct err *err)
{
	struct inverse v = { .why = why, .err = err };
	int rc = 0;

	for (size_t i = 0; i < u->nactions && rc == 0; i++)
		rc = undo(&v, u, i);
	if (rc == 0 && v.sets.len > 0)
		rc = buf_printf(out, err, "SET %.*s%s", (int)v.sets.len,
				(const char *)v.sets.ptr,
				v.removes.len > 0 ? " " : "");
	if (rc == 0 && v.removes.len > 0)
		rc = buf_printf(out, err, "REMOVE %.*s", (int)v.removes.len,
				(const char *)v.removes.ptr);
	buf_free(&v.sets);
	buf_free(&v.removes);
	return rc;
}
