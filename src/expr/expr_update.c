/*
 * expr_update.c - update expressions, parsed and checked.
 *
 *	update	section { section }, each at most once, in any order
 *	SET	path = value {, path = value}
 *	REMOVE	path {, path}
 *	ADD	path value {, path value}	a number or a set, literally
 *	DELETE	path value {, path value}	a set, literally
 *
 * The paths become a tree while they are read, which is where those that
 * overlap (a, a.b) or conflict (a.b, a[1]) meet; run, an update walks the tree
 * and the item side by side.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "expr/expr_internal.h"

static const char *const sections[] = {
	[ACTION_SET] = "SET", [ACTION_REMOVE] = "REMOVE", [ACTION_ADD] = "ADD",
	[ACTION_DELETE] = "DELETE",
};

/* An update being parsed. */
struct builder {
	struct parser p;
	struct update *update;
	size_t cap;		/* of its actions */
};

/* Fail because two paths cannot go together. */
static int
clash(struct builder *b, const struct action *a, const char *how)
{
	struct buf text = { 0 };
	const int rc = path_print(&a->path, &text, b->p.err);

	if (rc == 0)
		parser_fail(&b->p, a->at, "'%.*s' %s another path of this "
			    "expression",
			    text.len < 200 ? (int)text.len : 200,
			    (const char *)text.ptr, how);
	buf_free(&text);
	return -1;
}

/* Which of those below `t` is for `part`, or NULL. */
static struct target *
find(const struct target *t, const struct path_part *part)
{
	struct target *c = t->below;

	for (; c != NULL; c = c->next)
		if (c->part->index == part->index &&
		    span_equal(c->part->name, part->name))
			break;
	return c;
}

/* One more below `t`: elements by their index, attributes as they come. */
static struct target *
insert(struct builder *b, struct target *t, const struct path_part *part)
{
	struct target *const c = arena_take(&b->update->mem, sizeof(*c),
					    b->p.err);
	struct target **p = &t->below;

	if (c == NULL)
		return NULL;
	while (*p != NULL && !(part->kind == PATH_INDEX &&
			       (*p)->part->index > part->index))
		p = &(*p)->next;
	*c = (struct target){ .part = part, .next = *p };
	*p = c;
	t->nbelow++;
	return c;
}

/* Put action `number` into the tree. */
static int
place(struct builder *b, size_t number)
{
	const struct action *const a = &b->update->actions[number];
	struct target *t = &b->update->root;

	for (size_t i = 0; i < a->path.nparts; i++) {
		const struct path_part *const part = &a->path.parts[i];

		if (t->leaf)
			return clash(b, a, "overlaps with");
		if (t->below != NULL && t->below->part->kind != part->kind)
			return clash(b, a, "conflicts with");

		struct target *const c = find(t, part);
		t = c != NULL ? c : insert(b, t, part);
		if (t == NULL)
			return -1;
	}
	if (t->leaf || t->below != NULL)
		return clash(b, a, "overlaps with");
	t->leaf = true;
	t->number = number;
	return 0;
}

/* Room for one more action. */
static struct action *
grow(struct builder *b, enum action_kind kind)
{
	struct update *const u = b->update;

	if (u->nactions == b->cap) {
		const size_t cap = b->cap > 0 ? 2 * b->cap : 4;
		struct action *const actions = arena_take(&u->mem,
			cap * sizeof(*actions), b->p.err);

		if (actions == NULL)
			return NULL;
		for (size_t i = 0; i < u->nactions; i++)
			actions[i] = u->actions[i];
		u->actions = actions;
		b->cap = cap;
	}

	struct action *const a = &u->actions[u->nactions++];
	*a = (struct action){ .kind = kind, .at = b->p.token.at };
	return a;
}

/* What ADD and DELETE take: a number, a set. */
static int
check_operand(struct builder *b, const struct action *a)
{
	const struct node *const v = a->value;
	const bool add = a->kind == ACTION_ADD;

	if (v->op != NODE_LITERAL)
		return parser_fail(&b->p, v->at, "%s takes a literal or a "
				   "placeholder", sections[a->kind]);
	if (value_is_set(&v->value) || (add && v->value.type == VALUE_N))
		return 0;
	return parser_fail(&b->p, v->at, "incorrect operand type for %s: %s",
			   sections[a->kind],
			   value_type_name((enum value_type)v->value.type));
}

static int
parse_action(struct builder *b, enum action_kind kind)
{
	struct action *const a = grow(b, kind);

	if (a == NULL || parse_path(&b->p, &a->path) != 0)
		return -1;
	if (kind == ACTION_SET && parser_take(&b->p, "=") != 0)
		return -1;
	if (kind != ACTION_REMOVE) {
		a->value = parse_value(&b->p);
		if (a->value == NULL)
			return -1;
	}
	if ((kind == ACTION_ADD || kind == ACTION_DELETE) &&
	    check_operand(b, a) != 0)
		return -1;
	return place(b, b->update->nactions - 1);
}

static int
parse_section(struct builder *b, bool *seen)
{
	for (int k = ACTION_SET; k <= ACTION_DELETE; k++) {
		if (!token_is(&b->p.token, sections[k]))
			continue;
		if (seen[k])
			return parser_fail(&b->p, b->p.token.at, "a second "
					   "'%s'; one takes several, with "
					   "commas", sections[k]);
		seen[k] = true;
		do {
			if (parser_next(&b->p) != 0 ||
			    parse_action(b, (enum action_kind)k) != 0)
				return -1;
		} while (token_is(&b->p.token, ","));
		return 0;
	}
	return parser_expected(&b->p, b->update->nactions == 0
		? "SET, REMOVE, ADD or DELETE"
		: "',', SET, REMOVE, ADD, DELETE or the end");
}

static int
parse_update(struct builder *b)
{
	bool seen[ACTION_DELETE + 1] = { false };

	while (b->p.token.kind != TOKEN_END)
		if (parse_section(b, seen) != 0)
			return -1;
	return 0;
}

struct update *
update_parse(struct span text, const struct expr_scope *scope, size_t *at,
	     struct err *err)
{
	struct update *const u = calloc(1, sizeof(*u));
	struct builder b = { .update = u };

	if (u == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	u->mem.chunk_len = EXPR_CHUNK_LEN;
	if (parser_start(&b.p, text, scope, &u->mem, err) == 0) {
		b.p.update = true;
		if (parse_update(&b) == 0)
			return u;
	}
	if (at != NULL)
		*at = b.p.wrong;
	update_free(u);
	return NULL;
}

void
update_free(struct update *u)
{
	if (u == NULL)
		return;
	arena_free(&u->mem);
	free(u);
}

bool
update_touches(const struct update *u, struct span name)
{
	for (size_t i = 0; i < u->nactions; i++)
		if (span_equal(u->actions[i].path.parts[0].name, name))
			return true;
	return false;
}

size_t
update_nactions(const struct update *u)
{
	return u->nactions;
}

bool
update_simple(const struct update *u, size_t i, struct update_action *out)
{
	if (i >= u->nactions)
		return false;

	const struct action *const a = &u->actions[i];
	if (a->path.nparts != 1 || a->path.parts[0].kind != PATH_NAME ||
	    !(a->kind == ACTION_REMOVE || (a->kind == ACTION_SET &&
					   a->value->op == NODE_LITERAL)))
		return false;
	*out = (struct update_action){
		.name = a->path.parts[0].name,
		.value = a->kind == ACTION_SET ? &a->value->value : NULL,
	};
	return true;
}

bool
update_nests(const struct update *u)
{
	/* Sets and numbers, which ADD gives, have nothing inside. */
	for (size_t i = 0; i < u->nactions; i++)
		if (u->actions[i].kind == ACTION_SET) {
			const enum value_type type =
				node_type(u->actions[i].value);

			if (type == 0 || type == VALUE_M || type == VALUE_L)
				return true;
		}
	return false;
}
