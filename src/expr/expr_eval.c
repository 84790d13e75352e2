/*
 * expr_eval.c - conditions and values, run over an item.
 *
 * What is missing is no value: a comparison with it does not hold (but `<>`
 * does), and anything that needs a value fails.  So eval_value() gives a value
 * of type 0, and eval_present() fails.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/decimal.h"
#include "base/err.h"
#include "expr/expr_internal.h"
#include "expr/remap.h"
#include "model/compare.h"

const char expr_missing[] = "The provided expression refers to an attribute "
			    "that does not exist in the item";
const char expr_wrong_type[] = "An operand in the update expression has an "
			       "incorrect data type";

int
eval_text(const struct eval *e, enum value_type type, struct span text,
	  struct value *out)
{
	const struct span copy = arena_copy(e->run->mem, text, e->err);

	if (copy.ptr == NULL)
		return -1;
	*out = value_of_text(type, copy);
	return 0;
}

static int
make_count(const struct eval *e, uint64_t n, struct value *out)
{
	char text[24];
	const int len = snprintf(text, sizeof(text), "%llu",
				 (unsigned long long)n);

	return eval_text(e, VALUE_N, (struct span){ (uint8_t *)text,
						    (size_t)len }, out);
}

/* ---- values ---- */

static int
eval_path(const struct eval *e, const struct node *n, struct value *out)
{
	const struct value *v = n->bound < 0 ? e->map
					     : &e->run->bound[n->bound];

	for (size_t i = 0; i < n->path.nparts && v != NULL; i++)
		v = path_step(&n->path.parts[i], v);
	if (v != NULL)
		*out = *v;
	else
		*out = (struct value){ 0 };
	return 0;
}

/* The values of all arguments, or NULL. */
static struct value *
eval_args(const struct eval *e, const struct node *n, uint32_t stride)
{
	struct value *const v = arena_take(e->run->mem,
		((size_t)n->nargs * stride + 1) * sizeof(*v), e->err);

	if (v == NULL)
		return NULL;
	for (uint32_t i = 0; i < n->nargs; i++)
		if (eval_present(e, n->args[i],
				 &v[stride * i + stride - 1]) != 0)
			return NULL;
	return v;
}

static int
eval_list(const struct eval *e, const struct node *n, struct value *out)
{
	struct value *const kids = eval_args(e, n, 1);

	if (kids == NULL)
		return -1;
	*out = value_of_kids(VALUE_L, kids, n->nargs);
	return 0;
}

static int
eval_map(const struct eval *e, const struct node *n, struct value *out)
{
	struct value *const kids = eval_args(e, n, 2);

	if (kids == NULL)
		return -1;
	for (uint32_t i = 0; i < n->nargs; i++)
		kids[2 * i] = n->names[i];
	*out = value_of_kids(VALUE_M, kids, 2 * n->nargs);
	return 0;
}

static int
eval_set(const struct eval *e, const struct node *n, struct value *out)
{
	struct value *const kids = eval_args(e, n, 1);
	int order;

	if (kids == NULL)
		return -1;
	for (uint32_t i = 0; i < n->nargs; i++)
		if (kids[i].type != kids[0].type || kids[i].type > VALUE_B)
			return err_set(e->err, ERR_INPUT, "the members of a "
				       "set are S, N or B, all of one type");
	*out = value_of_kids((enum value_type)(kids[0].type - VALUE_S +
					       VALUE_SS), kids, n->nargs);

	const struct value *const v = value_sorted(out, e->run->mem, e->err);
	if (v == NULL)
		return -1;
	for (uint32_t i = 1; i < n->nargs; i++) {
		if (value_order(&v[i - 1], &v[i], e->run->mem, &order,
				e->err) != 0)
			return -1;
		if (order == 0)
			return err_set(e->err, ERR_INPUT,
				       "Input collection contains duplicates");
	}
	return 0;
}

static int
eval_arithmetic(const struct eval *e, const struct node *n, struct value *out)
{
	char text[DECIMAL_TEXT_LEN];
	struct value v[2];
	struct span x, y;
	size_t len;

	for (int i = 0; i < 2; i++) {
		if (eval_present(e, n->args[i], &v[i]) != 0)
			return -1;
		if (v[i].type != VALUE_N)
			return err_set(e->err, ERR_INPUT, "%s",
				       expr_wrong_type);
	}
	if (value_text(&v[0], e->run->mem, &x, e->err) != 0 ||
	    value_text(&v[1], e->run->mem, &y, e->err) != 0)
		return -1;
	switch (n->op) {
	case NODE_ADD:
		len = decimal_add(x, y, text, e->err);
		break;
	case NODE_SUB:
		len = decimal_sub(x, y, text, e->err);
		break;
	case NODE_MUL:
		len = decimal_mul(x, y, text, e->err);
		break;
	default:
		len = decimal_div(x, y, text, e->err);
	}
	return len == 0 ? -1 : eval_text(e, VALUE_N,
		(struct span){ (uint8_t *)text, len }, out);
}

static int
eval_case(const struct eval *e, const struct node *n, struct value *out)
{
	uint32_t i = 0;

	for (; i + 1 < n->nargs; i += 2) {
		const int holds = eval_condition(e, n->args[i]);

		if (holds < 0)
			return -1;
		if (holds > 0)
			return eval_value(e, n->args[i + 1], out);
	}
	if (i < n->nargs)
		return eval_value(e, n->args[i], out);
	return err_set(e->err, ERR_INPUT, "no WHEN of a CASE without ELSE "
		       "holds");
}

/* Missing too if its operand is of a type without size. */
static int
eval_size(const struct eval *e, const struct node *n, struct value *out)
{
	struct value v;
	struct span text;

	if (eval_value(e, n->args[0], &v) != 0)
		return -1;
	*out = (struct value){ 0 };
	switch (v.type) {
	case VALUE_S:
	case VALUE_B:
		if (value_text(&v, e->run->mem, &text, e->err) != 0)
			return -1;
		return make_count(e, v.type == VALUE_S ? text.len
				  : base64_decoded_len(text), out);
	case VALUE_M:
		return make_count(e, v.len / 2, out);
	case VALUE_L:
	case VALUE_SS:
	case VALUE_NS:
	case VALUE_BS:
		return make_count(e, v.len, out);
	default:
		return 0;
	}
}

static int
eval_if_not_exists(const struct eval *e, const struct node *n,
		   struct value *out)
{
	if (eval_path(e, n->args[0], out) != 0)
		return -1;
	return out->type != 0 ? 0 : eval_value(e, n->args[1], out);
}

static int
eval_new_id(const struct eval *e, const struct node *n, struct value *out)
{
	struct value id;

	if (eval_present(e, n->args[0], &id) != 0)
		return -1;
	return remap_new_id(n->remap, &id, out, e->run->mem, e->err);
}

int
eval_wrong_type(const struct eval *e, const char *function,
		const struct value *v)
{
	return err_set(e->err, ERR_INPUT, "'%s' does not take %s", function,
		       value_type_name((enum value_type)v->type));
}

static int
eval_call(const struct eval *e, const struct node *n, struct value *out)
{
	const struct function *const f = n->function;
	const struct value *const args = eval_args(e, n, 1);
	unsigned types = 0;

	if (args == NULL)
		return -1;
	for (uint32_t i = 0; i < n->nargs; i++) {
		if (i < 3 && f->takes[i] != 0)
			types = f->takes[i];
		if ((types >> args[i].type & 1) != 0)
			continue;
		if (f->service)
			return err_set(e->err, ERR_INPUT, "%s",
				       expr_wrong_type);
		return eval_wrong_type(e, f->name, &args[i]);
	}
	return f->call(e, args, n->nargs, out);
}

int
eval_value(const struct eval *e, const struct node *n, struct value *out)
{
	switch ((enum node_op)n->op) {
	case NODE_LITERAL:
		*out = n->value;
		return 0;
	case NODE_PATH:
		return eval_path(e, n, out);
	case NODE_LIST:
		return eval_list(e, n, out);
	case NODE_MAP:
		return eval_map(e, n, out);
	case NODE_SET:
		return eval_set(e, n, out);
	case NODE_CASE:
		return eval_case(e, n, out);
	case NODE_SIZE:
		return eval_size(e, n, out);
	case NODE_IF_NOT_EXISTS:
		return eval_if_not_exists(e, n, out);
	case NODE_NEW_ID:
		return eval_new_id(e, n, out);
	case NODE_CALL:
		return eval_call(e, n, out);
	default:
		return eval_arithmetic(e, n, out);
	}
}

int
eval_present(const struct eval *e, const struct node *n, struct value *out)
{
	if (eval_value(e, n, out) != 0)
		return -1;
	if (out->type != 0)
		return 0;

	/* Of a size, it is the operand that is missing or wrong. */
	if (n->op == NODE_SIZE && eval_value(e, n->args[0], out) == 0 &&
	    out->type != 0)
		return eval_wrong_type(e, "size", out);
	return err_set(e->err, ERR_INPUT, "%s", expr_missing);
}

/* ---- conditions ---- */

static int
equal(const struct eval *e, const struct value *a, const struct value *b)
{
	if (a->type == 0 || b->type == 0)
		return 0;
	return value_equal(a, b, e->run->mem, e->err);
}

/* Have they an order?  Then set it.  Returns 1, 0 or -1. */
static int
order_of(const struct eval *e, const struct value *a, const struct value *b,
	 int *order)
{
	if (a->type != b->type || a->type < VALUE_S || a->type > VALUE_B)
		return 0;
	return value_order(a, b, e->run->mem, order, e->err) != 0 ? -1 : 1;
}

static int
test_comparison(const struct eval *e, const struct node *n)
{
	struct value a, b;
	int order = 0, rc;

	if (eval_value(e, n->args[0], &a) != 0 ||
	    eval_value(e, n->args[1], &b) != 0)
		return -1;
	if (n->op == NODE_EQ)
		return equal(e, &a, &b);
	if (n->op == NODE_NE) {
		rc = equal(e, &a, &b);
		return rc < 0 ? -1 : !rc;
	}
	rc = order_of(e, &a, &b, &order);
	if (rc <= 0)
		return rc;
	return n->op == NODE_LT ? order < 0 : n->op == NODE_LE ? order <= 0 :
	       n->op == NODE_GT ? order > 0 : order >= 0;
}

static int
test_between(const struct eval *e, const struct node *n)
{
	struct value v[3];
	int low, high;

	for (int i = 0; i < 3; i++)
		if (eval_value(e, n->args[i], &v[i]) != 0)
			return -1;

	int rc = order_of(e, &v[0], &v[1], &low);
	if (rc == 1)
		rc = order_of(e, &v[0], &v[2], &high);
	return rc != 1 ? rc : low >= 0 && high <= 0;
}

static int
test_in(const struct eval *e, const struct node *n)
{
	struct value a, b;
	int rc = 0;

	if (eval_value(e, n->args[0], &a) != 0)
		return -1;
	for (uint32_t i = 1; i < n->nargs && rc == 0; i++) {
		if (eval_value(e, n->args[i], &b) != 0)
			return -1;
		rc = equal(e, &a, &b);
	}
	return rc;
}

/* The bytes of an S or B, the latter decoded. */
static int
bytes_of(const struct eval *e, const struct value *v, struct span *out)
{
	if (value_text(v, e->run->mem, out, e->err) != 0)
		return -1;
	if (v->type != VALUE_B)
		return 0;

	const size_t n = base64_decoded_len(*out);
	uint8_t *const bytes = arena_take(e->run->mem, n + 1, e->err);
	if (bytes == NULL)
		return -1;
	base64_decode(*out, bytes);
	*out = (struct span){ bytes, n };
	return 0;
}

static int
test_begins(const struct eval *e, const struct node *n)
{
	struct value a, b;
	struct span x, y;

	if (eval_value(e, n->args[0], &a) != 0 ||
	    eval_value(e, n->args[1], &b) != 0)
		return -1;
	if (a.type != b.type || (a.type != VALUE_S && a.type != VALUE_B))
		return 0;
	if (bytes_of(e, &a, &x) != 0 || bytes_of(e, &b, &y) != 0)
		return -1;
	return x.len >= y.len && (y.len == 0 ||
				  memcmp(x.ptr, y.ptr, y.len) == 0);
}

static int
test_contains(const struct eval *e, const struct node *n)
{
	struct value in, v;
	struct span x, y;

	if (eval_value(e, n->args[0], &in) != 0 ||
	    eval_value(e, n->args[1], &v) != 0)
		return -1;
	if (v.type == in.type && (v.type == VALUE_S || v.type == VALUE_B)) {
		if (bytes_of(e, &in, &x) != 0 || bytes_of(e, &v, &y) != 0)
			return -1;
		return y.len == 0 || (x.len > 0 &&
		       memmem(x.ptr, x.len, y.ptr, y.len) != NULL);
	}
	if (in.type != VALUE_L && !value_is_set(&in))
		return 0;

	/* Looked at many times: once without escapes is enough. */
	if ((v.flags & VALUE_ESC) != 0) {
		if (value_text(&v, e->run->mem, &x, e->err) != 0)
			return -1;
		v = value_of_text((enum value_type)v.type, x);
	}
	for (uint32_t i = 0; i < in.len; i++) {
		const int rc = equal(e, &in.kids[i], &v);

		if (rc != 0)
			return rc;
	}
	return 0;
}

/* Does it exist, and is it of the type asked for, if one is? */
static int
test_presence(const struct eval *e, const struct node *n)
{
	struct value v;

	if (eval_value(e, n->args[0], &v) != 0)
		return -1;
	return n->op == NODE_EXISTS ? v.type != 0
	     : n->op == NODE_NOT_EXISTS ? v.type == 0 : v.type == n->member;
}

/* Until one of them is `enough`, which then is the answer. */
static int
test_all(const struct eval *e, const struct node *n, int enough)
{
	for (uint32_t i = 0; i < n->nargs; i++) {
		const int rc = eval_condition(e, n->args[i]);

		if (rc < 0 || rc == enough)
			return rc;
	}
	return !enough;
}

int
eval_condition(const struct eval *e, const struct node *n)
{
	int rc;

	switch ((enum node_op)n->op) {
	case NODE_AND:
		return test_all(e, n, 0);
	case NODE_OR:
		return test_all(e, n, 1);
	case NODE_NOT:
		rc = eval_condition(e, n->args[0]);
		return rc < 0 ? -1 : !rc;
	case NODE_BETWEEN:
		return test_between(e, n);
	case NODE_IN:
		return test_in(e, n);
	case NODE_BEGINS:
		return test_begins(e, n);
	case NODE_CONTAINS:
		return test_contains(e, n);
	case NODE_EXISTS:
	case NODE_NOT_EXISTS:
	case NODE_TYPE:
		return test_presence(e, n);
	default:
		return test_comparison(e, n);
	}
}
