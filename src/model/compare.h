/*
 * compare.h - DynamoDB's equality and order of values.
 *
 * Numbers by value, strings by their UTF-8 bytes, binary by its decoded bytes;
 * sets and maps whatever their order, lists in theirs.  Values of different
 * types are never equal, and have no order.  Memory is needed only for text
 * with escapes and for large sets and maps.
 */
#ifndef MODEL_COMPARE_H
#define MODEL_COMPARE_H

struct arena;
struct err;
struct value;

/* Are they equal?  Returns 1, 0, or -1 if memory is refused. */
int value_equal(const struct value *a, const struct value *b,
		struct arena *mem, struct err *err);

/*
 * The order of two NAMEs, S, N or B of one type: *order is <0, 0 or >0.
 * Returns 0 or -1.
 */
int value_order(const struct value *a, const struct value *b,
		struct arena *mem, int *order, struct err *err);

/*
 * The slots of a map (by name) or a set, sorted, their text plain: an array of
 * `len` in the arena.  NULL if memory is refused.
 */
struct value *value_sorted(const struct value *v, struct arena *mem,
			   struct err *err);

#endif
