/*
 * prices_list.c - the list prices of DynamoDB in us-east-1, in dollars, since
 * the reduction of November 2024 (aws.amazon.com/dynamodb/pricing), and rates.
 *
 * Most other regions differ.  An on-demand table that is new takes 4,000 write
 * units a second (Developer Guide, on-demand capacity mode).  How fast an
 * import reads nobody publishes: some minutes to begin with, and then a rate
 * that is a guess on the careful side.
 */
#include "engine/prices.h"

const struct prices prices_list = {
	.region = "us-east-1",
	.date = "2025-01",
	.currency = "USD",
	.standard = {
		.storage = 0.25,
		.write = 0.625, .read = 0.125,
		.write_capacity = 0.00065, .read_capacity = 0.00013,
	},
	.infrequent = {
		.storage = 0.10,
		.write = 0.78, .read = 0.155,
		.write_capacity = 0.00081, .read_capacity = 0.00016,
	},
	.import = 0.15,
	.hours = 730,
	.import_start = 300,
	.import_rate = 50e6,
	.push_rate = 4000,
};
