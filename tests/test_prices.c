/* test_prices.c - what a plan says of prices, and estimates by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "engine/plan.h"
#include "engine/prices.h"
#include "formats/json.h"
#include "formats/yaml.h"

static struct arena mem;
static struct err err;

static const struct tree *
yaml(const char *text)
{
	const struct tree *const t = yaml_parse(span_of(text), "p", &mem,
						&err);

	if (t == NULL)
		fail_msg("%s", err.text);
	return t;
}

static void
a_plan_overrides_what_it_says_and_no_more(void **state)
{
	struct prices p = prices_list;

	(void)state;
	assert_int_equal(0, prices_read(&p, yaml(
		"region: eu-west-1\nimport: 0.5\n"
		"infrequent: {storage: 1e-1, write: 2}\n"), &err));
	assert_string_equal(p.region, "eu-west-1");
	assert_true(p.import == 0.5);
	assert_true(p.infrequent.storage == 0.1 && p.infrequent.write == 2);
	assert_true(p.infrequent.read == prices_list.infrequent.read);
	assert_true(p.standard.storage == prices_list.standard.storage);
	assert_string_equal(p.currency, "USD");
}

static void
what_is_no_price_is_refused(void **state)
{
	static const struct { const char *text, *why; } bad[] = {
		{ "imports: 1", "p:1:1: unknown key 'imports'" },
		{ "import: -1", "0 or more" },
		{ "import: '1'", "0 or more" },
		{ "import: .inf", "0 or more" },
		{ "standard: 1", "are a map" },
		{ "standard: {stor: 1}", "unknown price 'stor'" },
		{ "region: [a]", "must be text" },
		{ "pushRate: 0", "for ever" },
		{ "[1]", "must be a map" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct prices p = prices_list;

		assert_int_equal(-1, prices_read(&p, yaml(bad[i].text),
						 &err));
		assert_int_equal(err.code, ERR_USAGE);
		if (strstr(err.text, bad[i].why) == NULL)
			fail_msg("%s: %s", bad[i].text, err.text);
	}
}

static void
expect(double is, double should)
{
	if (is < should * 0.999999 || is > should * 1.000001)
		fail_msg("%.9f where %.9f should be", is, should);
}

static const double GB = 1024.0 * 1024 * 1024;

static const struct price_load load = {
	.items = 1000000, .bytes = 2000000000, .json = 3000000000,
	.units = 2500000,
};

static void
on_demand_is_paid_by_the_request(void **state)
{
	const struct price_estimate e = prices_estimate(&prices_list, NULL,
							&load);

	(void)state;
	expect(e.import_cost, 3000000000 / GB * 0.15);
	expect(e.import_seconds, 300 + 60);
	assert_int_equal(e.push_units, 2500000);
	expect(e.push_cost, 2.5 * 0.625);
	expect(e.push_seconds, 625);
	expect(e.storage, (2000000000 + 100000000) / GB * 0.25);
	assert_true(e.capacity == 0);
	expect(e.monthly, e.storage);
}

static void
provisioned_capacity_is_paid_by_the_month(void **state)
{
	static struct plan_index indexes[] = {
		{ .name = "all", .all = true }, { .name = "keys" },
	};
	static const uint64_t index_items[] = { 500000, 1000000 };
	struct plan_create c = { .indexes = indexes, .nindexes = 2 };
	struct price_load with = load;

	(void)state;
	c.tree = json_parse(span_of(
		"{\"TableClass\":\"STANDARD_INFREQUENT_ACCESS\","
		"\"ProvisionedThroughput\":{\"ReadCapacityUnits\":10,"
		"\"WriteCapacityUnits\":100},"
		"\"GlobalSecondaryIndexes\":[{\"ProvisionedThroughput\":"
		"{\"ReadCapacityUnits\":1,\"WriteCapacityUnits\":50}}]}"),
		"t", &mem, &err);
	assert_non_null(c.tree);
	with.index_items = index_items;
	with.index_units = 700;

	const struct price_estimate e = prices_estimate(&prices_list, &c,
							&with);
	assert_int_equal(e.push_units, 2500700);
	assert_true(e.push_cost == 0);
	expect(e.push_seconds, 25000);
	expect(e.capacity, (150 * 0.00081 + 11 * 0.00016) * 730);
	expect(e.storage, (2.1e9 + 500000 * 2100.0 + 1000000 * 600.0) / GB *
	       0.10);
	expect(e.monthly, e.storage + e.capacity);
}

static void
what_describe_table_says_is_understood(void **state)
{
	struct plan_create c = { .nindexes = 0 };

	(void)state;
	c.tree = json_parse(span_of(
		"{\"BillingModeSummary\":{\"BillingMode\":\"PAY_PER_REQUEST\"}"
		",\"ProvisionedThroughput\":{\"ReadCapacityUnits\":0,"
		"\"WriteCapacityUnits\":0},\"TableClassSummary\":"
		"{\"TableClass\":\"STANDARD\"}}"), "t", &mem, &err);
	assert_non_null(c.tree);
	const struct price_estimate e = prices_estimate(&prices_list, &c,
							&load);
	expect(e.push_cost, 2.5 * 0.625);
	assert_true(e.capacity == 0);
}

static void
nothing_costs_nothing(void **state)
{
	const struct price_load none = { .items = 0 };
	const struct price_estimate e = prices_estimate(&prices_list, NULL,
							&none);

	(void)state;
	assert_true(e.import_cost == 0 && e.import_seconds == 0);
	assert_true(e.push_cost == 0 && e.push_seconds == 0);
	assert_true(e.monthly == 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plan_overrides_what_it_says_and_no_more),
		cmocka_unit_test(what_is_no_price_is_refused),
		cmocka_unit_test(on_demand_is_paid_by_the_request),
		cmocka_unit_test(provisioned_capacity_is_paid_by_the_month),
		cmocka_unit_test(what_describe_table_says_is_understood),
		cmocka_unit_test(nothing_costs_nothing),
	};
	const int failed = cmocka_run_group_tests_name("prices", tests, NULL,
						       NULL);

	arena_free(&mem);
	return failed;
}
