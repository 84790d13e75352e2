/*
 * compare.c - equality and order.
 *
 * Nothing here takes time in the square of its input: sets, and maps but for
 * small ones, are sorted first.
 */
#include "model/compare.h"

#include <assert.h>
#include <string.h>

#include "base/arena.h"
#include "base/base64.h"
#include "base/decimal.h"
#include "base/err.h"
#include "model/item.h"

enum {
	FEW = 32,		/* slots of a map: no need to sort */
	PIECE = 64,		/* of base64, compared at a time */
};

static struct span
text_of(const struct value *v)
{
	return (struct span){ v->text, v->len };
}

static int
compare_base64(struct span a, struct span b)
{
	uint8_t x[PIECE], y[PIECE];

	for (;;) {
		const struct span p = { a.ptr, a.len < PIECE ? a.len : PIECE };
		const struct span q = { b.ptr, b.len < PIECE ? b.len : PIECE };
		const struct span dx = { x, base64_decoded_len(p) };
		const struct span dy = { y, base64_decoded_len(q) };

		base64_decode(p, x);
		base64_decode(q, y);

		const int c = span_compare(dx, dy);
		if (c != 0 || p.len < PIECE || q.len < PIECE)
			return c;
		a = (struct span){ a.ptr + PIECE, a.len - PIECE };
		b = (struct span){ b.ptr + PIECE, b.len - PIECE };
	}
}

/* Of two plain texts of one type. */
static int
compare(enum value_type type, struct span a, struct span b)
{
	switch (type) {
	case VALUE_N:
		return decimal_compare(a, b);
	case VALUE_B:
		return span_equal(a, b) ? 0 : compare_base64(a, b);
	default:
		return span_compare(a, b);
	}
}

int
value_order(const struct value *a, const struct value *b, struct arena *mem,
	    int *order, struct err *err)
{
	struct span x, y;

	assert(a->type == b->type && a->type <= VALUE_B);
	if (value_text(a, mem, &x, err) != 0 ||
	    value_text(b, mem, &y, err) != 0)
		return -1;
	*order = compare(a->type, x, y);
	return 0;
}

/*
 * Merge sort from the bottom up, of `n` elements of `stride` slots each; `free`
 * has room for as many.  Returns whichever of the two holds the result.
 */
static struct value *
sort(struct value *from, struct value *free, size_t n, size_t stride)
{
	for (size_t width = 1; width < n; width *= 2) {
		struct value *out = free;

		for (size_t at = 0; at < n; at += 2 * width) {
			const size_t mid = at + width < n ? at + width : n;
			const size_t end = mid + width < n ? mid + width : n;
			size_t i = at, j = mid;

			while (i < mid || j < end) {
				const struct value *a = &from[i * stride];
				const struct value *b = &from[j * stride];
				const bool first = j == end || (i < mid &&
					compare(a->type, text_of(a),
						text_of(b)) <= 0);

				memcpy(out, first ? a : b,
				       stride * sizeof(*out));
				out += stride;
				i += first;
				j += !first;
			}
		}
		out = from;
		from = free;
		free = out;
	}
	return from;
}

struct value *
value_sorted(const struct value *v, struct arena *mem, struct err *err)
{
	const size_t n = v->len;
	const size_t stride = v->type == VALUE_M ? 2 : 1;
	struct value *const a = arena_take(mem, (2 * n + 1) * sizeof(*a), err);

	assert(v->type == VALUE_M || value_is_set(v));
	if (a == NULL)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		struct span text;

		a[i] = v->kids[i];
		if ((a[i].flags & VALUE_ESC) == 0 || v->type == VALUE_M)
			continue;
		if (value_text(&a[i], mem, &text, err) != 0)
			return NULL;
		a[i] = value_of_text(a[i].type, text);
	}
	return sort(a, a + n, n / stride, stride);
}

static int
equal_lists(const struct value *a, const struct value *b, struct arena *mem,
	    struct err *err)
{
	int rc = 1;

	for (uint32_t i = 0; i < a->len && rc == 1; i++)
		rc = value_equal(&a->kids[i], &b->kids[i], mem, err);
	return rc;
}

static int
equal_maps(const struct value *a, const struct value *b, struct arena *mem,
	   struct err *err)
{
	struct value x = *a, y = *b;
	int rc = 1;

	if (a->len > FEW) {
		x.kids = value_sorted(a, mem, err);
		y.kids = value_sorted(b, mem, err);
		if (x.kids == NULL || y.kids == NULL)
			return -1;
	}
	for (uint32_t i = 0; i < a->len && rc == 1; i += 2) {
		const struct value *const name = &x.kids[i];
		const struct value *other = &y.kids[i + 1];

		if (a->len <= FEW)
			other = value_attr(b, text_of(name), name->hash);
		else if (!span_equal(text_of(name), text_of(&y.kids[i])))
			other = NULL;
		rc = other == NULL ? 0
				   : value_equal(name + 1, other, mem, err);
	}
	return rc;
}

static int
equal_sets(const struct value *a, const struct value *b, struct arena *mem,
	   struct err *err)
{
	const enum value_type type = value_member_type(a);
	const struct value *const x = value_sorted(a, mem, err);
	const struct value *const y = value_sorted(b, mem, err);

	if (x == NULL || y == NULL)
		return -1;
	for (uint32_t i = 0; i < a->len; i++)
		if (compare(type, text_of(&x[i]), text_of(&y[i])) != 0)
			return 0;
	return 1;
}

int
value_equal(const struct value *a, const struct value *b, struct arena *mem,
	    struct err *err)
{
	int order;

	if (a->type != b->type)
		return 0;
	switch (a->type) {
	case VALUE_NULL:
		return 1;
	case VALUE_BOOL:
		return ((a->flags ^ b->flags) & VALUE_TRUE) == 0;
	case VALUE_S:
	case VALUE_N:
	case VALUE_B:
		/* Most text that differs does so in its length. */
		if (a->type == VALUE_S && a->len != b->len &&
		    ((a->flags | b->flags) & VALUE_ESC) == 0)
			return 0;
		if (value_order(a, b, mem, &order, err) != 0)
			return -1;
		return order == 0;
	default:
		if (a->len != b->len)
			return 0;
		if (a->kids == b->kids)
			return 1;
		return a->type == VALUE_L ? equal_lists(a, b, mem, err)
		     : a->type == VALUE_M ? equal_maps(a, b, mem, err)
					  : equal_sets(a, b, mem, err);
	}
}
