/*
 * prices.h - what the service charges, for estimates: list prices, and rates
 * at which it works, all of them to be found in prices_list.c and nowhere else.
 * A plan overrides any of them under `prices`.
 *
 * Free tiers, discounts, reserved capacity, reads, backups and data transfer
 * are not in it.
 */
#ifndef ENGINE_PRICES_H
#define ENGINE_PRICES_H

#include <stdint.h>

struct err;
struct jsonwrite;
struct plan_create;
struct tree;

/* Of one table class. */
struct price_class {
	double storage;		/* a GB (2^30 bytes) and month */
	double write, read;	/* a million request units, on demand */
	double write_capacity, read_capacity;	/* a unit and hour */
};

struct prices {
	const char *region, *date, *currency;
	struct price_class standard, infrequent;
	double import;		/* a GB of uncompressed import files */
	double hours;		/* of a month */
	double import_start;	/* seconds before an import begins to read */
	double import_rate;	/* bytes a second, uncompressed; a guess */
	double push_rate;	/* write units a second, on demand */
};

/* The list prices. */
extern const struct prices prices_list;

/* Take what a plan says, which must outlive it.  0, or -1 with ERR_USAGE. */
int prices_read(struct prices *p, const struct tree *says, struct err *err);

void prices_write(const struct prices *p, struct jsonwrite *w);

/* What becomes of a table: items and bytes by DynamoDB's rules. */
struct price_load {
	uint64_t items, bytes;
	uint64_t json;			/* bytes of the import files */
	uint64_t units, index_units;	/* write units */
	/* Of each index, in the order of its definition: items it holds. */
	const uint64_t *index_items;
};

struct price_estimate {
	double import_cost, import_seconds;
	uint64_t push_units;
	double push_cost, push_seconds;
	double storage, capacity, monthly;
};

/* `c` is the table's definition; NULL: on demand, no indexes. */
struct price_estimate prices_estimate(const struct prices *p,
				      const struct plan_create *c,
				      const struct price_load *load);

#endif
