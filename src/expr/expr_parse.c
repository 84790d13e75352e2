/*
 * expr_parse.c - conditions and values, from tokens to nodes.
 *
 *	condition	and { OR and }
 *	and		not { AND not }
 *	not		{ NOT } comparison
 *	comparison	sum [ = <> < <= > >= sum
 *			    | BETWEEN sum AND sum | IN ( sum {, sum} ) ]
 *	sum		product { + - product }
 *	product		primary { * / primary }
 *	primary		( condition ) | literal | path | function ( ... ) | CASE
 *
 * Conditions and values share one descent, and whoever wants one of them looks
 * at what came out: in `(a) = b` and `(a = b)` that shows too late to choose.
 * All recursion goes through primary(), which counts it.
 */
#include <string.h>

#include "base/err.h"
#include "expr/expr_internal.h"

enum { NAME_SHOWN = 40 };	/* longest name of a function that is printed */

static struct node *parse_or(struct parser *p);

static struct node *
want_value(struct parser *p, struct node *n)
{
	if (n == NULL || !node_is_condition(n))
		return n;
	parser_fail(p, n->at, "a value is expected, not a condition");
	return NULL;
}

static struct node *
want_condition(struct parser *p, struct node *n)
{
	if (n == NULL || node_is_condition(n))
		return n;
	parser_fail(p, n->at, "a condition is expected, not a value");
	return NULL;
}

/* A checked node over one or two values. */
static struct node *
over(struct parser *p, enum node_op op, size_t at, struct node *a,
     struct node *b)
{
	struct node_list args = { 0 };

	if (parser_push(p, &args, a) != 0 ||
	    (b != NULL && parser_push(p, &args, b) != 0))
		return NULL;
	struct node *const n = parser_node(p, op, at, &args);
	return n != NULL && check_node(p, n) == 0 ? n : NULL;
}

/* ---- functions ---- */

/* Edits - a letter more, less or other - that make `a` of `b`. */
static size_t
distance(struct span a, struct span b)
{
	size_t row[NAME_SHOWN + 1];

	if (a.len > NAME_SHOWN || b.len > NAME_SHOWN)
		return NAME_SHOWN;
	for (size_t j = 0; j <= b.len; j++)
		row[j] = j;
	for (size_t i = 1; i <= a.len; i++) {
		size_t corner = row[0];

		row[0] = i;
		for (size_t j = 1; j <= b.len; j++) {
			const bool same = (a.ptr[i - 1] | 0x20) ==
					  (b.ptr[j - 1] | 0x20);
			size_t best = corner + !same;

			corner = row[j];
			if (corner + 1 < best)
				best = corner + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[b.len];
}

static const struct function *
find_function(struct parser *p, const struct token *t)
{
	const struct function *nearest = NULL;
	size_t least = 1 + t->text.len / 2;

	for (size_t i = 0; i < expr_nfunctions; i++) {
		const struct function *const f = &expr_functions[i];
		const size_t d = distance(t->text, span_of(f->name));

		if (span_is(t->text, f->name))
			return f;
		if (d < least) {
			least = d;
			nearest = f;
		}
	}

	const int n = (int)(t->text.len < NAME_SHOWN ? t->text.len
						     : NAME_SHOWN);
	if (nearest != NULL)
		parser_fail(p, t->at, "no function '%.*s'; did you mean '%s'?",
			    n, (const char *)t->text.ptr, nearest->name);
	else
		parser_fail(p, t->at, "no function '%.*s'", n,
			    (const char *)t->text.ptr);
	return NULL;
}

/* The table that new_id() begins with, and the comma after it. */
static int
parse_table(struct parser *p, struct node *n)
{
	const struct token t = p->token;

	if (t.kind == TOKEN_STRING) {
		n->table = parser_text(p, &t);
		if (n->table.ptr == NULL || parser_next(p) != 0)
			return -1;
	} else if (parse_name(p, &n->table) != 0) {
		return -1;
	}
	if (p->scope->remap_of != NULL)
		n->remap = p->scope->remap_of(p->scope->context, n->table);
	if (n->remap == NULL)
		return parser_fail(p, t.at, "no table '%.*s' with ids",
				   (int)n->table.len,
				   (const char *)n->table.ptr);
	return parser_take(p, ",");
}

/* From the opening parenthesis on. */
static struct node *
parse_call(struct parser *p, const struct token *t)
{
	const struct function *const f = find_function(p, t);
	struct node head = { .at = t->at };
	struct node_list args = { 0 };

	if (f == NULL || parser_take(p, "(") != 0 ||
	    (f->op == NODE_NEW_ID && parse_table(p, &head) != 0) ||
	    parse_values(p, ")", &args) != 0)
		return NULL;
	if (args.n < f->min || (f->max != UINT8_MAX && args.n > f->max)) {
		parser_fail(p, t->at, "incorrect number of operands for '%s': "
			    "%u", f->name,
			    args.n + (f->op == NODE_NEW_ID ? 1 : 0));
		return NULL;
	}

	struct node *const n = parser_node(p, f->op, t->at, &args);
	if (n == NULL)
		return NULL;
	n->function = f;
	n->remap = head.remap;
	n->table = head.table;
	return check_node(p, n) == 0 ? n : NULL;
}

/* ---- primaries ---- */

static struct node *
parse_case(struct parser *p)
{
	const size_t at = p->token.at;
	struct node_list args = { 0 };

	if (parser_next(p) != 0)
		return NULL;
	do {
		if (parser_take(p, "WHEN") != 0 ||
		    parser_push(p, &args, parse_condition(p)) != 0 ||
		    parser_take(p, "THEN") != 0 ||
		    parser_push(p, &args, parse_value(p)) != 0)
			return NULL;
	} while (token_is(&p->token, "WHEN"));
	if (token_is(&p->token, "ELSE") &&
	    (parser_next(p) != 0 ||
	     parser_push(p, &args, parse_value(p)) != 0))
		return NULL;
	if (parser_take(p, "END") != 0)
		return NULL;
	return parser_node(p, NODE_CASE, at, &args);
}

static struct node *
parse_parens(struct parser *p)
{
	const size_t at = p->token.at;

	if (parser_next(p) != 0)
		return NULL;
	struct node *const n = parse_or(p);
	if (n == NULL || parser_take(p, ")") != 0)
		return NULL;
	if (n->parens && !p->update) {
		parser_fail(p, at, "the expression has redundant parentheses");
		return NULL;
	}
	n->parens = true;
	return n;
}

static struct node *
parse_word(struct parser *p)
{
	const struct token t = p->token;
	struct value v;

	if (token_is(&t, "CASE"))
		return parse_case(p);
	if (token_is(&t, "TRUE"))
		v = value_of_bool(true);
	else if (token_is(&t, "FALSE"))
		v = value_of_bool(false);
	else if (token_is(&t, "NULL"))
		v = value_of_null();
	else {
		parser_fail(p, t.at, "a value is expected, not '%.*s', which "
			    "is a word of the grammar; as a name it goes into "
			    "double quotes", (int)t.text.len,
			    (const char *)t.text.ptr);
		return NULL;
	}
	return parser_next(p) == 0 ? parser_literal(p, t.at, v) : NULL;
}

static struct node *
parse_sign(struct parser *p)
{
	if (token_is(&p->token, "("))
		return parse_parens(p);
	if (token_is(&p->token, "["))
		return parse_list(p);
	if (token_is(&p->token, "{"))
		return parse_map(p);
	if (token_is(&p->token, "<<"))
		return parse_set(p);
	if (token_is(&p->token, "-"))
		return parser_next(p) == 0 ? parse_number(p, true) : NULL;
	if (token_is(&p->token, "+"))
		return parser_next(p) == 0 ? parse_number(p, false) : NULL;
	parser_expected(p, "a value");
	return NULL;
}

static struct node *
parse_string(struct parser *p)
{
	const struct token t = p->token;
	const struct span text = parser_text(p, &t);

	if (text.ptr == NULL || parser_next(p) != 0)
		return NULL;
	return parser_literal(p, t.at, value_of_text(VALUE_S, text));
}

static struct node *
parse_named(struct parser *p)
{
	const struct token t = p->token;
	struct span name;

	if (parse_name(p, &name) != 0)
		return NULL;
	if (t.kind == TOKEN_NAME && token_is(&p->token, "("))
		return parse_call(p, &t);
	return parse_path_node(p, &t, name);
}

static struct node *
primary(struct parser *p)
{
	struct node *n;

	if (++p->depth > EXPR_MAX_DEPTH) {
		parser_fail(p, p->token.at, "nested too deeply");
		return NULL;
	}
	switch (p->token.kind) {
	case TOKEN_SIGN:
		n = parse_sign(p);
		break;
	case TOKEN_WORD:
		n = parse_word(p);
		break;
	case TOKEN_STRING:
		n = parse_string(p);
		break;
	case TOKEN_NUMBER:
		n = parse_number(p, false);
		break;
	case TOKEN_VALUE:
		n = parse_placeholder(p);
		break;
	case TOKEN_END:
		parser_expected(p, "a value");
		n = NULL;
		break;
	default:
		n = parse_named(p);
	}
	p->depth--;
	return n;
}

/* ---- operators ---- */

static struct node *
parse_product(struct parser *p)
{
	struct node *n = primary(p);

	while (n != NULL &&
	       (token_is(&p->token, "*") || token_is(&p->token, "/"))) {
		const size_t at = p->token.at;
		const enum node_op op = token_is(&p->token, "*") ? NODE_MUL
								 : NODE_DIV;

		if (want_value(p, n) == NULL || parser_next(p) != 0)
			return NULL;
		struct node *const right = want_value(p, primary(p));
		n = right == NULL ? NULL : over(p, op, at, n, right);
	}
	return n;
}

static struct node *
parse_sum(struct parser *p)
{
	struct node *n = parse_product(p);

	while (n != NULL &&
	       (token_is(&p->token, "+") || token_is(&p->token, "-"))) {
		const size_t at = p->token.at;
		const enum node_op op = token_is(&p->token, "+") ? NODE_ADD
								 : NODE_SUB;

		if (want_value(p, n) == NULL || parser_next(p) != 0)
			return NULL;
		struct node *const right = want_value(p, parse_product(p));
		n = right == NULL ? NULL : over(p, op, at, n, right);
	}
	return n;
}

struct node *
parse_value(struct parser *p)
{
	return want_value(p, parse_sum(p));
}

static struct node *
parse_between(struct parser *p, struct node *n, size_t at)
{
	struct node_list args = { 0 };

	if (parser_push(p, &args, n) != 0 ||
	    parser_push(p, &args, parse_value(p)) != 0 ||
	    parser_take(p, "AND") != 0 ||
	    parser_push(p, &args, parse_value(p)) != 0)
		return NULL;
	struct node *const b = parser_node(p, NODE_BETWEEN, at, &args);
	return b != NULL && check_node(p, b) == 0 ? b : NULL;
}

static struct node *
parse_in(struct parser *p, struct node *n, size_t at)
{
	struct node_list args = { 0 };

	if (parser_push(p, &args, n) != 0 || parser_take(p, "(") != 0)
		return NULL;
	if (token_is(&p->token, ")")) {
		parser_expected(p, "a value");
		return NULL;
	}
	if (parse_values(p, ")", &args) != 0)
		return NULL;
	return parser_node(p, NODE_IN, at, &args);
}

static struct node *
parse_comparison(struct parser *p)
{
	static const struct {
		const char *text;
		enum node_op op;
	} comparators[] = {
		{ "=", NODE_EQ }, { "<>", NODE_NE }, { "<", NODE_LT },
		{ "<=", NODE_LE }, { ">", NODE_GT }, { ">=", NODE_GE },
		{ "BETWEEN", NODE_BETWEEN }, { "IN", NODE_IN },
	};
	struct node *const n = parse_sum(p);
	enum node_op op = NODE_LITERAL;
	const size_t at = p->token.at;

	if (n == NULL)
		return NULL;
	for (size_t i = 0; i < sizeof(comparators) / sizeof(*comparators); i++)
		if (token_is(&p->token, comparators[i].text))
			op = comparators[i].op;
	if (token_is(&p->token, "NOT")) {
		parser_fail(p, at, "NOT goes before the whole condition");
		return NULL;
	}
	if (op == NODE_LITERAL)
		return n;
	if (want_value(p, n) == NULL || parser_next(p) != 0)
		return NULL;
	if (op == NODE_BETWEEN)
		return parse_between(p, n, at);
	if (op == NODE_IN)
		return parse_in(p, n, at);

	struct node *const right = parse_value(p);
	return right == NULL ? NULL : over(p, op, at, n, right);
}

static struct node *
parse_not(struct parser *p)
{
	const size_t at = p->token.at;
	bool odd = false;

	if (!token_is(&p->token, "NOT"))
		return parse_comparison(p);
	while (token_is(&p->token, "NOT")) {
		odd = !odd;
		if (parser_next(p) != 0)
			return NULL;
	}
	struct node *const n = want_condition(p, parse_comparison(p));
	return n == NULL || !odd ? n : over(p, NODE_NOT, at, n, NULL);
}

/*
 * Conditions joined by `word`, side by side in one node: a thousand of them are
 * no deeper than two.
 */
static struct node *
parse_joined(struct parser *p, const char *word, enum node_op op,
	     struct node *(*parse)(struct parser *))
{
	struct node *const n = parse(p);
	const size_t at = p->token.at;
	struct node_list args = { 0 };

	if (n == NULL || !token_is(&p->token, word))
		return n;
	if (parser_push(p, &args, want_condition(p, n)) != 0)
		return NULL;
	while (token_is(&p->token, word))
		if (parser_next(p) != 0 ||
		    parser_push(p, &args, want_condition(p, parse(p))) != 0)
			return NULL;
	return parser_node(p, op, at, &args);
}

static struct node *
parse_and(struct parser *p)
{
	return parse_joined(p, "AND", NODE_AND, parse_not);
}

static struct node *
parse_or(struct parser *p)
{
	return parse_joined(p, "OR", NODE_OR, parse_and);
}

struct node *
parse_condition(struct parser *p)
{
	return want_condition(p, parse_or(p));
}
