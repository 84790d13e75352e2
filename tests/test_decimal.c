/* test_decimal.c - DynamoDB's numbers: what is one, its order, arithmetic. */
#include "base/decimal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "tests/guard.h"

static const char nines[] = "99999999999999999999999999999999999999";

static struct span
guarded(const char *text)
{
	return guard_copy((const uint8_t *)text, strlen(text));
}

/* What decimal_check() says: 0, or -1 and a text with `why` in it. */
static void
expect_checked(const char *text, const char *why)
{
	struct err err = { 0 };
	const int rc = decimal_check(guarded(text), &err);

	if (why == NULL) {
		if (rc != 0)
			fail_msg("%s: %s", text, err.text);
		return;
	}
	if (rc == 0 || err.code != ERR_INPUT || !strstr(err.text, why))
		fail_msg("%s: %d, %s", text, rc, err.text);
}

static void
expect_text(const char *what, const char *got, size_t n, const char *want)
{
	if (n != strlen(want) || memcmp(got, want, n) != 0)
		fail_msg("%s: %.*s, not %s", what, (int)n, got, want);
}

static void
takes_all_forms_of_numbers(void **state)
{
	static const char *const good[] = {
		"0", "-0", "7", "42", "123", "1234", "12345", "123456",
		"1234567", "12345678", "123456789", "1700000000000",
		"1234567890123456", "12345678901234567", "-1", "-12345678",
		"1.5", "-1.5", ".5", "5.", "+3", "0001.23", "1e5", "1E+5",
		"-17.4E37", "0e1000", "0E-999999999999", "1e-130",
		"9.99e125", "1.e3", "00000000000000000000000000000000000000000",
		"100000000000000000000000000000000000000000000000000",
		"0.00000000000000000000000000000000000000000000000000001",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		expect_checked(good[i], NULL);
	expect_checked(nines, NULL);
}

static void
refuses_what_is_no_number(void **state)
{
	static const char *const bad[] = {
		"", "-", "+", ".", "-.", "e5", "1e", "1e+", "1e-", "--1", "1-",
		"1.2.3", " 1", "1 ", "NaN", "Infinity", "0x10", "1_000",
		"dog", "1234567a", "a2345678", "12345678a", "123:", "123/",
		"1e5.5", "1,5", "\xd9\xa1", "123456789012345:",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		expect_checked(bad[i], "is not a number");
}

static void
says_which_limit_a_number_breaks(void **state)
{
	char text[64];

	(void)state;
	snprintf(text, sizeof(text), "%s9", nines);
	expect_checked(text, "39 significant digits");
	snprintf(text, sizeof(text), "%s0", nines);
	expect_checked(text, NULL);
	snprintf(text, sizeof(text), "1%s.1", nines + 1);
	expect_checked(text, "39 significant digits");
	snprintf(text, sizeof(text), "%sE88", nines);
	expect_checked(text, NULL);
	snprintf(text, sizeof(text), "%sE89", nines);
	expect_checked(text, "too large");
	expect_checked("1e126", "too large");
	expect_checked("-11e125", "too large");
	expect_checked("1e99999999999999999999", "too large");
	expect_checked("0.9e-130", "too small");
	expect_checked("1e-131", "too small");
	expect_checked("1e-99999999999999999999", "too small");
}

static void
writes_numbers_in_one_way(void **state)
{
	static const char *const pairs[][2] = {
		{ "0", "0" }, { "-0", "0" }, { "0.000", "0" }, { "0e9", "0" },
		{ "1", "1" }, { "+1", "1" }, { "007", "7" }, { "-7", "-7" },
		{ "1.0", "1" }, { "1.50", "1.5" }, { ".5", "0.5" },
		{ "-.5", "-0.5" }, { "5.", "5" }, { "1e3", "1000" },
		{ "1.5e1", "15" }, { "1.25e1", "12.5" }, { "100", "100" },
		{ "12e-1", "1.2" }, { "12e-2", "0.12" }, { "12e-4", "0.0012" },
		{ "1234567890123456789", "1234567890123456789" },
		{ "12345678901234567890.5", "12345678901234567890.5" },
		{ "1.0000000000000000000000000000000000001",
		  "1.0000000000000000000000000000000000001" },
		{ "99999999999999999999999999999999999999",
		  "99999999999999999999999999999999999999" },
		{ "1e40", "10000000000000000000000000000000000000000" },
	};
	char out[DECIMAL_TEXT_LEN];

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		const size_t n = decimal_canonical(guarded(pairs[i][0]), out);

		expect_text(pairs[i][0], out, n, pairs[i][1]);
	}
}

static void
the_longest_text_has_room(void **state)
{
	char out[DECIMAL_TEXT_LEN];
	char text[64];

	(void)state;
	snprintf(text, sizeof(text), "-1.%sE-130", nines + 1);
	assert_int_equal(decimal_check(span_of(text), &(struct err){ 0 }), 0);
	assert_int_equal(decimal_canonical(span_of(text), out), 170);
	snprintf(text, sizeof(text), "-%sE88", nines);
	assert_int_equal(decimal_canonical(span_of(text), out), 127);
}

static void
orders_numbers_by_value(void **state)
{
	static const char *const sorted[] = {
		"-1e125", "-100", "-99.99", "-12", "-1.5", "-1.4999", "-0.001",
		"-1e-130", "0", "1e-130", "0.5", "0.500000001", "1", "1.01",
		"2", "10", "11", "99999999999999999999999999999999999999",
		"1e38", "1e125",
	};
	const size_t n = sizeof(sorted) / sizeof(*sorted);

	(void)state;
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < n; j++) {
			const int c = decimal_compare(span_of(sorted[i]),
						      span_of(sorted[j]));

			if ((c > 0) - (c < 0) != (i > j) - (i < j))
				fail_msg("%s, %s: %d", sorted[i], sorted[j], c);
		}
	assert_int_equal(decimal_compare(span_of("1"), span_of("1.0")), 0);
	assert_int_equal(decimal_compare(span_of("-0"), span_of("0.00")), 0);
	assert_int_equal(decimal_compare(span_of("1e2"), span_of("100")), 0);
}

typedef size_t (*operation)(struct span, struct span, char *, struct err *);

/* `want` is the result, or what the error's text has in it. */
static void
expect_result(operation op, const char *a, const char *b, const char *want)
{
	char out[DECIMAL_TEXT_LEN];
	struct err err = { 0 };
	const size_t n = op(span_of(a), span_of(b), out, &err);

	if (n > 0)
		expect_text(a, out, n, want);
	else if (err.code != ERR_INPUT || strstr(err.text, want) == NULL)
		fail_msg("%s, %s: %s", a, b, err.text);
}

static void
sums_are_exact_or_fail(void **state)
{
	(void)state;
	expect_result(decimal_add, "1", "2", "3");
	expect_result(decimal_add, "0.1", "0.2", "0.3");
	expect_result(decimal_add, "1", "-1", "0");
	expect_result(decimal_add, "0", "-1.50", "-1.5");
	expect_result(decimal_add, "1", "1e22", "10000000000000000000001");
	expect_result(decimal_sub, "1e22", "1", "9999999999999999999999");
	expect_result(decimal_sub, "1e38", "1", nines);
	expect_result(decimal_add, nines, "1",
		      "100000000000000000000000000000000000000");
	expect_result(decimal_add, "1e38", "1", "more than 38");
	expect_result(decimal_add, "4e38", "1", "more than 38");
	expect_result(decimal_add, "1e50", "1", "more than 38");
	expect_result(decimal_sub, "1e125", "1e-130", "more than 38");
	expect_result(decimal_add, nines, "0.1", "more than 38");
	expect_result(decimal_add, "9e125", "9e125", "Number overflow");
	expect_result(decimal_sub, "1e-130", "1.1e-130", "Number underflow");
}

static void
products_and_quotients_round_to_even(void **state)
{
	(void)state;
	expect_result(decimal_mul, "12", "-12", "-144");
	expect_result(decimal_mul, "1.50", "2", "3");
	expect_result(decimal_mul, "0", "-5", "0");
	expect_result(decimal_mul, nines, nines,
		"999999999999999999999999999999999999980000000000000000000000"
		"0000000000000000");
	expect_result(decimal_mul, "1e100", "1e100", "Number overflow");
	expect_result(decimal_mul, "1e-100", "1e-100", "Number underflow");
	expect_result(decimal_div, "1", "3",
		      "0.33333333333333333333333333333333333333");
	expect_result(decimal_div, "2", "3",
		      "0.66666666666666666666666666666666666667");
	expect_result(decimal_div, "1", "8", "0.125");
	expect_result(decimal_div, "-10", "4", "-2.5");
	expect_result(decimal_div, "0", "4", "0");
	expect_result(decimal_div, "1", "0.0", "division by zero");
	/* 38 digits and a half: to the even one, down here and up there. */
	expect_result(decimal_div, "20000000000000000000000000000000000001",
		      "2", "10000000000000000000000000000000000000");
	expect_result(decimal_div, "20000000000000000000000000000000000003",
		      "2", "10000000000000000000000000000000000002");
	expect_result(decimal_mul, "20000000000000000000000000000000000001",
		      "5", "100000000000000000000000000000000000000");
	expect_result(decimal_mul, "20000000000000000000000000000000000003",
		      "5", "100000000000000000000000000000000000020");
}

static void
rounds_halves_away_from_zero(void **state)
{
	static const struct {
		const char *in;
		int digits;
		const char *want;
	} cases[] = {
		{ "2.5", 0, "3" }, { "-2.5", 0, "-3" }, { "2.4", 0, "2" },
		{ "-0.4", 0, "0" }, { "1.005", 2, "1.01" }, { "1.5", 5, "1.5" },
		{ "15", -1, "20" }, { "14", -1, "10" }, { "4", -1, "0" },
		{ "5", -1, "10" }, { "99.99", 1, "100" }, { "1e-130", 0, "0" },
		{ "9", -2147483647 - 1, "0" }, { "9.1", 2147483647, "9.1" },
		{ "9.9e125", -125, "Number overflow" },
		{ "50000000000000000000000000000000000001", -38,
		  "100000000000000000000000000000000000000" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char out[DECIMAL_TEXT_LEN];
		struct err err = { 0 };
		const size_t n = decimal_round(span_of(cases[i].in),
					       cases[i].digits, out, &err);

		if (n > 0)
			expect_text(cases[i].in, out, n, cases[i].want);
		else
			assert_non_null(strstr(err.text, cases[i].want));
	}
}

static void
counts_bytes_as_the_service_does(void **state)
{
	(void)state;
	assert_int_equal(decimal_stored_len(span_of("0")), 1);
	assert_int_equal(decimal_stored_len(span_of("1")), 2);
	assert_int_equal(decimal_stored_len(span_of("12")), 2);
	assert_int_equal(decimal_stored_len(span_of("1.2")), 3);
	assert_int_equal(decimal_stored_len(span_of("-12")), 3);
	assert_int_equal(decimal_stored_len(span_of("1200")), 2);
	assert_int_equal(decimal_stored_len(span_of("123")), 3);
	assert_int_equal(decimal_stored_len(span_of(nines)), 20);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_all_forms_of_numbers),
		cmocka_unit_test(refuses_what_is_no_number),
		cmocka_unit_test(says_which_limit_a_number_breaks),
		cmocka_unit_test(writes_numbers_in_one_way),
		cmocka_unit_test(the_longest_text_has_room),
		cmocka_unit_test(orders_numbers_by_value),
		cmocka_unit_test(sums_are_exact_or_fail),
		cmocka_unit_test(products_and_quotients_round_to_even),
		cmocka_unit_test(rounds_halves_away_from_zero),
		cmocka_unit_test(counts_bytes_as_the_service_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
