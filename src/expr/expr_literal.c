/*
 * expr_literal.c - literals as PartiQL writes them, placeholders, and
 * containers whose members are expressions: [a, 1], {'k': a}, <<'a', 'b'>>.
 */
#include <stdio.h>

#include "base/decimal.h"
#include "base/err.h"
#include "expr/expr_internal.h"

struct node *
parse_number(struct parser *p, bool minus)
{
	const struct token t = p->token;
	char text[1 + DECIMAL_TEXT_LEN] = "-";

	if (t.kind != TOKEN_NUMBER) {
		parser_expected(p, "a number");
		return NULL;
	}
	if (decimal_check(t.text, p->err) != 0) {
		/* In its own words, but a fault of the plan. */
		p->wrong = t.at;
		p->err->code = ERR_USAGE;
		return NULL;
	}

	const size_t n = decimal_canonical(t.text, text + 1);
	const bool zero = text[1] == '0' && n == 1;
	const size_t from = minus && !zero ? 0 : 1;
	const struct span s = arena_copy(p->mem, (struct span){
		(const uint8_t *)text + from, n + 1 - from }, p->err);
	if (s.ptr == NULL || parser_next(p) != 0)
		return NULL;
	return parser_literal(p, t.at, value_of_text(VALUE_N, s));
}

struct node *
parse_placeholder(struct parser *p)
{
	const struct token t = p->token;

	for (size_t i = 0; i < p->scope->nvalues; i++) {
		if (!span_equal(p->scope->values[i].placeholder, t.text))
			continue;
		if (p->scope->value_used != NULL)
			p->scope->value_used[i] = true;
		if (parser_next(p) != 0)
			return NULL;
		struct node *const n = parser_literal(p, t.at,
					       *p->scope->values[i].value);
		if (n != NULL)
			n->placeholder = true;
		return n;
	}
	parser_fail(p, t.at, "'%.*s' is not among the attribute values",
		    (int)t.text.len, (const char *)t.text.ptr);
	return NULL;
}

/*
 * Turn a container of nothing but literals into one.  `names` are the NAMEs of
 * a map.
 */
static struct node *
fold(struct parser *p, struct node *n, enum value_type type)
{
	const uint32_t stride = type == VALUE_M ? 2 : 1;

	for (uint32_t i = 0; i < n->nargs; i++)
		if (n->args[i]->op != NODE_LITERAL)
			return n;

	struct value *const kids = arena_take(p->mem,
		(n->nargs * stride + 1) * sizeof(*kids), p->err);
	if (kids == NULL)
		return NULL;
	for (uint32_t i = 0; i < n->nargs; i++) {
		if (type == VALUE_M)
			kids[2 * i] = n->names[i];
		kids[stride * i + stride - 1] = n->args[i]->value;
	}
	return parser_literal(p, n->at,
		       value_of_kids(type, kids, n->nargs * stride));
}

/* Values, separated by commas, up to `close`, which may come at once. */
int
parse_values(struct parser *p, const char *close, struct node_list *l)
{
	if (token_is(&p->token, close))
		return parser_next(p);
	for (;;) {
		if (parser_push(p, l, parse_value(p)) != 0)
			return -1;
		if (!token_is(&p->token, ","))
			break;
		if (parser_next(p) != 0)
			return -1;
	}
	if (token_is(&p->token, close))
		return parser_next(p);
	char what[24];
	snprintf(what, sizeof(what), "',' or '%s'", close);
	return parser_expected(p, what);
}

struct node *
parse_list(struct parser *p)
{
	const size_t at = p->token.at;
	struct node_list l = { 0 };

	if (parser_next(p) != 0 || parse_values(p, "]", &l) != 0)
		return NULL;
	struct node *const n = parser_node(p, NODE_LIST, at, &l);
	return n == NULL ? NULL : fold(p, n, VALUE_L);
}

struct node *
parse_set(struct parser *p)
{
	const size_t at = p->token.at;
	struct node_list l = { 0 };

	if (parser_next(p) != 0 || parse_values(p, ">>", &l) != 0)
		return NULL;
	struct node *const n = parser_node(p, NODE_SET, at, &l);
	if (n == NULL || check_node(p, n) != 0)
		return NULL;
	return node_type(n) == 0 ? n : fold(p, n, node_type(n));
}

/* A name in a map, and the colon, which may look like a placeholder's. */
static int
parse_key(struct parser *p, struct node *map, uint32_t i)
{
	const struct token t = p->token;

	if (t.kind != TOKEN_STRING)
		return parser_expected(p, "a name in single quotes");
	const struct span name = parser_text(p, &t);
	if (name.ptr == NULL)
		return -1;
	if (name.len == 0)
		return parser_fail(p, t.at, "an empty name");
	for (uint32_t j = 0; j < i; j++)
		if (span_equal(name, (struct span){ map->names[j].text,
						    map->names[j].len }))
			return parser_fail(p, t.at, "'%.*s' is there already",
					   (int)name.len,
					   (const char *)name.ptr);
	map->names[i] = value_of_name(name);
	if (parser_next(p) != 0)
		return -1;
	if (p->token.kind != TOKEN_VALUE)
		return parser_take(p, ":");
	p->at = p->token.at + 1;
	return parser_next(p);
}

struct node *
parse_map(struct parser *p)
{
	struct node map = { .op = NODE_MAP, .at = p->token.at };
	struct node_list l = { 0 };
	uint32_t cap = 0;

	if (parser_next(p) != 0)
		return NULL;
	while (l.n > 0 || !token_is(&p->token, "}")) {
		if (l.n == cap) {
			struct value *const names = arena_take(p->mem,
				(2 * cap + 4) * sizeof(*names), p->err);

			if (names == NULL)
				return NULL;
			for (uint32_t i = 0; i < l.n; i++)
				names[i] = map.names[i];
			map.names = names;
			cap = 2 * cap + 4;
		}
		if (parse_key(p, &map, l.n) != 0 ||
		    parser_push(p, &l, parse_value(p)) != 0)
			return NULL;
		if (!token_is(&p->token, ","))
			break;
		if (parser_next(p) != 0)
			return NULL;
	}
	if (!token_is(&p->token, "}")) {
		parser_expected(p, "',' or '}'");
		return NULL;
	}
	struct node *const n = parser_node(p, NODE_MAP, map.at, &l);
	if (n == NULL || parser_next(p) != 0)
		return NULL;
	n->names = map.names;
	return fold(p, n, VALUE_M);
}
