/*
 * expr_check.c - what DynamoDB refuses without looking at an item: operands
 * that are wrong whatever the item holds.
 */
#include <assert.h>
#include <string.h>

#include "base/decimal.h"
#include "base/err.h"
#include "expr/expr_internal.h"
#include "model/compare.h"

/* What `<` and its like compare, and what begins_with() looks into. */
#define ORDERED (TAKES(S) | TAKES(N) | TAKES(B))

static const char *const op_names[] = {
	[NODE_ADD] = "+", [NODE_SUB] = "-", [NODE_MUL] = "*", [NODE_DIV] = "/",
	[NODE_EQ] = "=", [NODE_NE] = "<>", [NODE_LT] = "<", [NODE_LE] = "<=",
	[NODE_GT] = ">", [NODE_GE] = ">=", [NODE_BETWEEN] = "BETWEEN",
};

static const char *
name_of(const struct node *n)
{
	const bool operator = n->op < sizeof(op_names) / sizeof(*op_names) &&
			      op_names[n->op] != NULL;

	return operator ? op_names[n->op] : n->function->name;
}

/* The type of the alternatives of a CASE if it is the same for all. */
static enum value_type
type_of_case(const struct node *n)
{
	const enum value_type type = node_type(n->args[n->nargs - 1]);

	for (uint32_t i = 1; i < n->nargs; i += 2)
		if (node_type(n->args[i]) != type)
			return 0;
	return type;
}

static enum value_type
type_of_set(const struct node *n)
{
	const enum value_type type = n->nargs > 0 ? node_type(n->args[0]) : 0;

	return type == 0 ? 0 : type - VALUE_S + VALUE_SS;
}

enum value_type
node_type(const struct node *n)
{
	switch ((enum node_op)n->op) {
	case NODE_LITERAL:
		return n->value.type;
	case NODE_LIST:
		return VALUE_L;
	case NODE_MAP:
		return VALUE_M;
	case NODE_SET:
		return type_of_set(n);
	case NODE_CASE:
		return type_of_case(n);
	case NODE_SIZE:
	case NODE_ADD:
	case NODE_SUB:
	case NODE_MUL:
	case NODE_DIV:
		return VALUE_N;
	case NODE_CALL:
		return n->function->result;
	default:
		return 0;
	}
}

bool
same_path(const struct path *a, const struct path *b)
{
	if (a->nparts != b->nparts)
		return false;
	for (size_t i = 0; i < a->nparts; i++) {
		const struct path_part *const x = &a->parts[i];
		const struct path_part *const y = &b->parts[i];

		if (x->kind != y->kind || x->index != y->index ||
		    !span_equal(x->name, y->name))
			return false;
	}
	return true;
}

/* The operand's type, if it is known, must be one of `types`. */
static int
check_type(struct parser *p, const struct node *n, const struct node *operand,
	   unsigned types)
{
	const enum value_type type = node_type(operand);

	if (type == 0 || (types >> type & 1) != 0)
		return 0;
	return parser_fail(p, operand->at, "incorrect operand type for '%s': "
			   "%s", name_of(n), value_type_name(type));
}

static int
check_types(struct parser *p, const struct node *n, unsigned types)
{
	for (uint32_t i = 0; i < n->nargs; i++)
		if (check_type(p, n, n->args[i], types) != 0)
			return -1;
	return 0;
}

static int
check_path(struct parser *p, const struct node *n)
{
	const struct node *const arg = n->args[0];

	if (arg->op == NODE_PATH)
		return 0;
	return parser_fail(p, arg->at, "'%s' takes a path", name_of(n));
}

static int
check_distinct(struct parser *p, const struct node *n)
{
	const struct node *const a = n->args[0];
	const struct node *const b = n->args[1];

	if (a->op != NODE_PATH || b->op != NODE_PATH || a->bound != b->bound ||
	    !same_path(&a->path, &b->path))
		return 0;
	return parser_fail(p, b->at, "both operands of '%s' are the same path",
			   name_of(n));
}

static int
check_between(struct parser *p, const struct node *n)
{
	const struct node *const low = n->args[1], *const high = n->args[2];
	int order;

	if (check_types(p, n, ORDERED) != 0)
		return -1;
	if (low->op != NODE_LITERAL || high->op != NODE_LITERAL)
		return 0;
	if (low->value.type != high->value.type)
		return parser_fail(p, high->at, "the bounds of BETWEEN have "
				   "different types");
	if (value_order(&low->value, &high->value, p->mem, &order,
			p->err) != 0)
		return -1;
	if (order > 0)
		return parser_fail(p, high->at, "the upper bound of BETWEEN is "
				   "below the lower one");
	return 0;
}

static int
check_type_name(struct parser *p, struct node *n)
{
	const struct node *const arg = n->args[1];
	struct span name;

	if (arg->op != NODE_LITERAL || arg->value.type != VALUE_S)
		return parser_fail(p, arg->at, "the name of a type is expected "
				   "as text or as a placeholder");
	if (value_text(&arg->value, p->mem, &name, p->err) != 0)
		return -1;
	n->member = value_type_named(name);
	if (n->member != 0)
		return 0;
	return parser_fail(p, arg->at, "'%.*s' is no type: S N B BOOL NULL M L "
			   "SS NS BS", name.len < 40 ? (int)name.len : 40,
			   (const char *)name.ptr);
}

static int
check_set(struct parser *p, const struct node *n)
{
	enum value_type type = 0;

	if (n->nargs == 0)
		return parser_fail(p, n->at, "a set can not be empty");
	for (uint32_t i = 0; i < n->nargs; i++) {
		const struct node *const arg = n->args[i];
		const enum value_type t = node_type(arg);

		if (t == 0)
			continue;
		if ((ORDERED >> t & 1) == 0)
			return parser_fail(p, arg->at, "a set holds S, N or B, "
					   "not %s", value_type_name(t));
		if (type != 0 && t != type)
			return parser_fail(p, arg->at, "the members of a set "
					   "have different types");
		type = t;
		for (uint32_t j = 0; j < i; j++) {
			const struct node *const other = n->args[j];

			if (arg->op == NODE_LITERAL &&
			    other->op == NODE_LITERAL &&
			    value_equal(&arg->value, &other->value, p->mem,
					p->err) == 1)
				return parser_fail(p, arg->at, "a member that "
						   "is there already");
		}
	}
	return 0;
}

static int
check_division(struct parser *p, const struct node *n)
{
	const struct node *const by = n->args[1];

	if (check_types(p, n, TAKES(N)) != 0)
		return -1;
	if (by->op != NODE_LITERAL)
		return 0;

	const struct span text = { by->value.text, by->value.len };
	if (decimal_compare(text, span_of("0")) != 0)
		return 0;
	return parser_fail(p, by->at, "division by zero");
}

static int
check_call(struct parser *p, const struct node *n)
{
	const uint16_t *const takes = n->function->takes;
	unsigned types = 0;

	for (uint32_t i = 0; i < n->nargs; i++) {
		if (i < 3 && takes[i] != 0)
			types = takes[i];
		if (check_type(p, n, n->args[i], types) != 0)
			return -1;
	}
	return 0;
}

int
check_node(struct parser *p, struct node *n)
{
	switch ((enum node_op)n->op) {
	case NODE_ADD:
	case NODE_SUB:
	case NODE_MUL:
		return check_types(p, n, TAKES(N));
	case NODE_DIV:
		return check_division(p, n);
	case NODE_EQ:
	case NODE_NE:
	case NODE_CONTAINS:
		return check_distinct(p, n);
	case NODE_LT:
	case NODE_LE:
	case NODE_GT:
	case NODE_GE:
		return check_types(p, n, ORDERED) != 0
		       ? -1 : check_distinct(p, n);
	case NODE_BETWEEN:
		return check_between(p, n);
	case NODE_BEGINS:
		return check_types(p, n, TAKES(S) | TAKES(B)) != 0
		       ? -1 : check_distinct(p, n);
	case NODE_EXISTS:
	case NODE_NOT_EXISTS:
	case NODE_IF_NOT_EXISTS:
		return check_path(p, n);
	case NODE_TYPE:
		return check_type_name(p, n);
	case NODE_SIZE:
		return check_type(p, n, n->args[0],
				  ~(TAKES(N) | TAKES(BOOL) | TAKES(NULL)));
	case NODE_NEW_ID:
		return check_type(p, n, n->args[0], ORDERED);
	case NODE_SET:
		return check_set(p, n);
	case NODE_CALL:
		return check_call(p, n);
	default:
		return 0;
	}
}
