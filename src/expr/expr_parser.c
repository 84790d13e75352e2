/*
 * expr_parser.c - what every part of the parser stands on: the next token,
 * errors with their place, nodes, and paths.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/scan.h"
#include "expr/expr_internal.h"

int
parser_start(struct parser *p, struct span text,
	     const struct expr_scope *scope, struct arena *mem,
	     struct err *err)
{
	static const struct expr_scope nothing;

	*p = (struct parser){ .scope = scope != NULL ? scope : &nothing,
			      .mem = mem, .err = err };
	/* Names and literals point into it for as long as the nodes live. */
	p->text = arena_copy(mem, text, err);
	if (p->text.ptr == NULL)
		return -1;

	const size_t sound = scan_utf8(text);
	if (sound < text.len)
		return parser_fail(p, sound, "not UTF-8");
	if (parser_next(p) != 0)
		return -1;
	if (p->token.kind == TOKEN_END)
		return parser_fail(p, 0, "the expression can not be empty");
	return 0;
}

int
parser_next(struct parser *p)
{
	if (expr_lex(p->text, &p->at, &p->token, p->err) == 0)
		return 0;
	p->wrong = p->at;
	return -1;
}

int
parser_fail(struct parser *p, size_t at, const char *fmt, ...)
{
	va_list ap;

	p->wrong = at;
	p->err->code = ERR_USAGE;
	va_start(ap, fmt);
	vsnprintf(p->err->text, sizeof(p->err->text), fmt, ap);
	va_end(ap);
	return -1;
}

int
parser_expected(struct parser *p, const char *what)
{
	enum { SHOWN = 40 };
	const struct token *const t = &p->token;
	const size_t n = t->text.len < SHOWN ? t->text.len : SHOWN;

	if (t->kind == TOKEN_END)
		return parser_fail(p, t->at, "%s is expected at the end", what);
	return parser_fail(p, t->at, "%s is expected, not '%.*s'", what,
			   (int)n, (const char *)t->text.ptr);
}

int
parser_take(struct parser *p, const char *text)
{
	char what[32];

	if (token_is(&p->token, text))
		return parser_next(p);
	snprintf(what, sizeof(what), "'%s'", text);
	return parser_expected(p, what);
}

struct span
parser_text(struct parser *p, const struct token *t)
{
	if (!t->doubled)
		return t->text;

	uint8_t *const text = arena_take(p->mem, t->text.len, p->err);
	struct span out = { text, 0 };
	if (text == NULL)
		return out;
	for (size_t i = 0; i < t->text.len; i++) {
		const uint8_t c = t->text.ptr[i];

		text[out.len++] = c;
		i += c == (t->kind == TOKEN_STRING ? '\'' : '"');
	}
	return out;
}

int
parser_push(struct parser *p, struct node_list *l, struct node *n)
{
	if (n == NULL)
		return -1;
	if (l->n == l->cap) {
		const uint32_t cap = l->cap > 0 ? 2 * l->cap : 4;
		struct node **const items = arena_take(p->mem,
			cap * sizeof(struct node *), p->err);

		if (items == NULL)
			return -1;
		for (uint32_t i = 0; i < l->n; i++)
			items[i] = l->items[i];
		l->items = items;
		l->cap = cap;
	}
	l->items[l->n++] = n;
	return 0;
}

struct node *
parser_node(struct parser *p, enum node_op op, size_t at,
	    const struct node_list *args)
{
	struct node *const n = arena_take(p->mem, sizeof(*n), p->err);
	unsigned depth = 0;

	if (n == NULL)
		return NULL;
	*n = (struct node){ .op = (uint8_t)op, .at = at };
	if (args != NULL) {
		n->args = args->items;
		n->nargs = args->n;
	}
	for (uint32_t i = 0; i < n->nargs; i++)
		if (n->args[i]->depth >= depth)
			depth = n->args[i]->depth + 1U;
	if (depth > EXPR_MAX_DEPTH) {
		parser_fail(p, at, "nested too deeply");
		return NULL;
	}
	n->depth = (uint8_t)depth;
	return n;
}

struct node *
parser_literal(struct parser *p, size_t at, struct value v)
{
	struct node *const n = parser_node(p, NODE_LITERAL, at, NULL);

	if (n != NULL)
		n->value = v;
	return n;
}

/* Find an alias among the scope's names. */
static int
resolve_alias(struct parser *p, const struct token *t, struct span *out)
{
	for (size_t i = 0; i < p->scope->nnames; i++) {
		if (!span_equal(p->scope->names[i].placeholder, t->text))
			continue;
		if (p->scope->name_used != NULL)
			p->scope->name_used[i] = true;
		*out = p->scope->names[i].name;
		return 0;
	}
	return parser_fail(p, t->at, "'%.*s' is not among the attribute names",
			   (int)t->text.len, (const char *)t->text.ptr);
}

/* The name that the next token is, and step over it. */
int
parse_name(struct parser *p, struct span *name)
{
	const struct token t = p->token;

	switch (t.kind) {
	case TOKEN_NAME:
		*name = t.text;
		break;
	case TOKEN_QUOTED:
		*name = parser_text(p, &t);
		if (name->ptr == NULL)
			return -1;
		if (name->len == 0)
			return parser_fail(p, t.at, "an empty name");
		break;
	case TOKEN_ALIAS:
		if (resolve_alias(p, &t, name) != 0)
			return -1;
		break;
	case TOKEN_WORD:
		return parser_fail(p, t.at, "'%.*s' is a word of the grammar; "
				   "as a name it goes into double quotes",
				   (int)t.text.len, (const char *)t.text.ptr);
	default:
		return parser_expected(p, "a name");
	}
	return parser_next(p);
}

static struct path_part *
add_part(struct parser *p, struct path *path, size_t *cap)
{
	if (path->nparts == *cap) {
		const size_t twice = *cap > 0 ? 2 * *cap : 2;
		struct path_part *const parts = arena_take(p->mem,
			twice * sizeof(*parts), p->err);

		if (parts == NULL)
			return NULL;
		for (size_t i = 0; i < path->nparts; i++)
			parts[i] = path->parts[i];
		path->parts = parts;
		*cap = twice;
	}
	path->parts[path->nparts] = (struct path_part){ .kind = PATH_NAME };
	return &path->parts[path->nparts++];
}

static int
parse_index(struct parser *p, uint32_t *out)
{
	const struct token t = p->token;
	uint64_t n = 0;

	if (token_is(&t, "*"))
		return parser_fail(p, t.at, "'[*]' is not allowed here");
	if (t.kind != TOKEN_NUMBER)
		return parser_expected(p, "a number");
	for (size_t i = 0; i < t.text.len; i++) {
		const uint8_t c = t.text.ptr[i];

		if (c < '0' || c > '9')
			return parser_fail(p, t.at, "a whole number is "
					   "expected");
		n = n * 10 + (uint64_t)(c - '0');
		if (n > UINT32_MAX)
			return parser_fail(p, t.at,
					   "an index that is too large");
	}
	*out = (uint32_t)n;
	return parser_next(p) != 0 ? -1 : parser_take(p, "]");
}

/* The rest of a path that begins with `name`, or with nothing if it is NULL. */
static int
parse_parts(struct parser *p, const struct span *name, struct path *path)
{
	size_t cap = 0;
	struct span next;
	struct path_part *part;

	*path = (struct path){ 0 };
	if (name == NULL)
		goto more;
	next = *name;
named:
	part = add_part(p, path, &cap);
	if (part == NULL)
		return -1;
	part->name = next;
	part->hash = name_hash(next);
more:
	while (token_is(&p->token, "[")) {
		part = add_part(p, path, &cap);
		if (part == NULL || parser_next(p) != 0)
			return -1;
		part->kind = PATH_INDEX;
		if (parse_index(p, &part->index) != 0)
			return -1;
	}
	if (!token_is(&p->token, "."))
		return 0;
	if (parser_next(p) != 0 || parse_name(p, &next) != 0)
		return -1;
	goto named;
}

/* Which bound name it is, or -1. */
static int
find_bound(const struct parser *p, struct span name)
{
	for (size_t i = 0; i < p->scope->nbound; i++)
		if (span_equal(p->scope->bound[i], name))
			return (int)i;
	return -1;
}

int
parse_path(struct parser *p, struct path *path)
{
	const struct token first = p->token;
	struct span name;

	if (parse_name(p, &name) != 0)
		return -1;
	if (first.kind == TOKEN_NAME && find_bound(p, name) >= 0)
		return parser_fail(p, first.at, "'%.*s' is no attribute and "
				   "cannot be changed", (int)name.len,
				   (const char *)name.ptr);
	return parse_parts(p, &name, path);
}

struct node *
parse_path_node(struct parser *p, const struct token *t, struct span name)
{
	struct node *const n = parser_node(p, NODE_PATH, t->at, NULL);

	if (n == NULL)
		return NULL;
	n->bound = t->kind == TOKEN_NAME ? find_bound(p, name) : -1;
	n->name = name;
	return parse_parts(p, n->bound < 0 ? &name : NULL, &n->path) == 0
	       ? n : NULL;
}
