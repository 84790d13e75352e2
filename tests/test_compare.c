/* test_compare.c - which values are equal, and their order. */
#include "model/compare.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "model/item.h"

enum { MANY = 200 };

static struct arena mem;
static struct err err;

static struct value
text(enum value_type type, const char *s)
{
	return value_of_text(type, span_of(s));
}

/* As the decoder leaves it: escaped. */
static struct value
escaped(enum value_type type, const char *s)
{
	struct value v = text(type, s);

	v.flags = VALUE_RAW | VALUE_ESC;
	return v;
}

static int
equal(struct value a, struct value b)
{
	const int there = value_equal(&a, &b, &mem, &err);

	assert_int_equal(there, value_equal(&b, &a, &mem, &err));
	return there;
}

static void
scalars_are_equal_by_what_they_mean(void **state)
{
	(void)state;
	assert_true(equal(text(VALUE_S, "a"), text(VALUE_S, "a")));
	assert_false(equal(text(VALUE_S, "a"), text(VALUE_S, "b")));
	assert_false(equal(text(VALUE_S, "a"), text(VALUE_S, "ab")));
	assert_true(equal(text(VALUE_S, "\xc3\xa9"),
			  escaped(VALUE_S, "\\u00e9")));
	assert_true(equal(escaped(VALUE_S, "\\u0061"),
			  escaped(VALUE_S, "\\u0061")));
	assert_false(equal(text(VALUE_S, "\\u0061"), text(VALUE_S, "a")));
	assert_true(equal(text(VALUE_N, "1"), text(VALUE_N, "1.0")));
	assert_false(equal(text(VALUE_N, "1"), text(VALUE_S, "1")));
	assert_true(equal(text(VALUE_B, "AAA/"), escaped(VALUE_B, "AAA\\/")));
	assert_false(equal(text(VALUE_B, "AAAA"), text(VALUE_B, "AAA=")));
	assert_true(equal(value_of_null(), value_of_null()));
	assert_true(equal(value_of_bool(true), value_of_bool(true)));
	assert_false(equal(value_of_bool(true), value_of_bool(false)));
	assert_false(equal(value_of_bool(false), value_of_null()));
}

static int
order(enum value_type type, const char *a, const char *b)
{
	const struct value x = text(type, a), y = text(type, b);
	int o = 0;

	assert_int_equal(value_order(&x, &y, &mem, &o, &err), 0);
	return (o > 0) - (o < 0);
}

static void
text_and_binary_have_the_order_of_their_bytes(void **state)
{
	char zeros[201], more[205];

	(void)state;
	assert_int_equal(order(VALUE_S, "a", "b"), -1);
	assert_int_equal(order(VALUE_S, "Z", "a"), -1);
	assert_int_equal(order(VALUE_S, "a", "ab"), -1);
	assert_int_equal(order(VALUE_S, "\xf0\x9f\x98\x80", "\xef\xbf\xbd"), 1);
	assert_int_equal(order(VALUE_N, "9", "10"), -1);
	/* 0xff above 0x00, though '/' is below 'A'. */
	assert_int_equal(order(VALUE_B, "////", "AAAA"), 1);
	assert_int_equal(order(VALUE_B, "AA==", "AAA="), -1);
	assert_int_equal(order(VALUE_B, "", "AA=="), -1);

	/* Longer than is compared at a time, and as long as that exactly. */
	memset(zeros, 'A', 200);
	zeros[200] = '\0';
	snprintf(more, sizeof(more), "%sAA==", zeros);
	assert_int_equal(order(VALUE_B, zeros, more), -1);
	zeros[64] = '\0';
	snprintf(more, sizeof(more), "%sAA==", zeros);
	assert_int_equal(order(VALUE_B, more, zeros), 1);
	more[64] = '/';
	assert_int_equal(order(VALUE_B, zeros, more), -1);
}

/* A set of `n` numbers, beginning at some place of its circle. */
static struct value
circle(struct value *kids, char (*texts)[16], uint32_t n, uint32_t first)
{
	for (uint32_t i = 0; i < n; i++) {
		const uint32_t k = (i + first) % n;

		snprintf(texts[i], 16, first % 2 == 0 ? "%u" : "%u.0", k);
		kids[i] = text(VALUE_N, texts[i]);
	}
	return value_of_kids(VALUE_NS, kids, n);
}

static void
sets_are_equal_in_any_order(void **state)
{
	static char a_texts[MANY][16], b_texts[MANY][16];
	static struct value a_kids[MANY], b_kids[MANY];

	(void)state;
	for (uint32_t n = 1; n <= MANY; n = n * 2 + 1) {
		const struct value a = circle(a_kids, a_texts, n, 0);
		const struct value b = circle(b_kids, b_texts, n, n / 2);

		assert_true(equal(a, b));
		b_kids[n / 3] = text(VALUE_N, "0.5");
		assert_false(equal(a, b));
	}

	struct value kids[] = { text(VALUE_S, "b"), escaped(VALUE_S, "\\u0061"),
				text(VALUE_S, "a"), text(VALUE_S, "b") };
	assert_true(equal(value_of_kids(VALUE_SS, kids, 2),
			  value_of_kids(VALUE_SS, kids + 2, 2)));
	assert_false(equal(value_of_kids(VALUE_SS, kids, 2),
			   value_of_kids(VALUE_SS, kids, 1)));
	assert_false(equal(value_of_kids(VALUE_SS, kids, 2),
			   value_of_kids(VALUE_L, kids, 2)));
}

/* A map of `n` attributes, from the first up or from the last down. */
static struct value
many(struct value *kids, char (*names)[16], uint32_t n, bool down)
{
	for (uint32_t i = 0; i < n; i++) {
		const uint32_t k = down ? n - 1 - i : i;

		snprintf(names[i], 16, "name%u", k);
		kids[2 * i] = value_of_name(span_of(names[i]));
		kids[2 * i + 1] = text(VALUE_S, k % 2 == 0 ? "x" : "y");
	}
	return value_of_kids(VALUE_M, kids, 2 * n);
}

static void
maps_are_equal_in_any_order_and_lists_in_theirs(void **state)
{
	static char a_names[MANY][16], b_names[MANY][16];
	static struct value a_kids[2 * MANY], b_kids[2 * MANY];

	(void)state;
	for (uint32_t n = 1; n <= MANY; n = n * 2 + 1) {
		const struct value a = many(a_kids, a_names, n, false);
		const struct value b = many(b_kids, b_names, n, true);

		assert_true(equal(a, b));
		b_kids[n | 1] = text(VALUE_S, "z");
		assert_false(equal(a, b));
		many(b_kids, b_names, n, true);
		b_kids[n / 2 * 2] = value_of_name(span_of("other"));
		assert_false(equal(a, b));
	}

	struct value kids[] = { text(VALUE_N, "1"), text(VALUE_N, "2"),
				text(VALUE_N, "1.0"), text(VALUE_N, "2.0") };
	assert_true(equal(value_of_kids(VALUE_L, kids, 2),
			  value_of_kids(VALUE_L, kids + 2, 2)));
	assert_false(equal(value_of_kids(VALUE_L, kids, 2),
			   value_of_kids(VALUE_L, kids + 1, 2)));
	assert_true(equal(value_of_kids(VALUE_L, kids, 0),
			  value_of_kids(VALUE_L, kids, 0)));
	assert_false(equal(value_of_kids(VALUE_L, kids, 0),
			   value_of_kids(VALUE_M, kids, 0)));
}

static void
a_map_is_sorted_by_its_names(void **state)
{
	static char names[MANY][16];
	static struct value kids[2 * MANY];
	const struct value m = many(kids, names, MANY, true);
	const struct value *const v = value_sorted(&m, &mem, &err);
	int o;

	(void)state;
	assert_non_null(v);
	for (uint32_t i = 2; i < m.len; i += 2) {
		assert_int_equal(value_order(&v[i - 2], &v[i], &mem, &o, &err),
				 0);
		assert_true(o < 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scalars_are_equal_by_what_they_mean),
		cmocka_unit_test(text_and_binary_have_the_order_of_their_bytes),
		cmocka_unit_test(sets_are_equal_in_any_order),
		cmocka_unit_test(
			maps_are_equal_in_any_order_and_lists_in_theirs),
		cmocka_unit_test(a_map_is_sorted_by_its_names),
	};
	const int rc = cmocka_run_group_tests(tests, NULL, NULL);

	arena_free(&mem);
	return rc;
}
