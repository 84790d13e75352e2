/*
 * stats.h - what the items of the sources are like: how many and how large,
 * which attributes they have, of which types and values; and what the plan made
 * of them that the accounts do not say.
 *
 * It looks on while units go by (struct unit_observer in unit.h).  Each unit or
 * batch, as it is opened for, has an eye of its own, which takes no lock and
 * allocates nothing but for what it has not seen before; stats_settle() adds
 * them up.  The result does not depend on threads, nor on the order of units.
 *
 * An attribute path is a top-level name, or one in nested maps (`a.b`); all
 * elements of a list or set are one path (`a[*]`), and so are all values of a
 * map that has more than STATS_NAMES different names (`a.*`).  STATS_NODES
 * paths are told apart at once: what is nested deeper than that allows is left
 * out and counted.
 */
#ifndef ENGINE_STATS_H
#define ENGINE_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/unit.h"
#include "model/item.h"

struct arena;
struct err;
struct plan;
struct stats;

enum {
	STATS_LARGEST = 10,
	STATS_EXAMPLES = 3,	/* of the values at a path */
	STATS_PLACES = 5,	/* where an assert failed */
	STATS_SIZES = 20,	/* items of up to 2^i bytes */
	STATS_NAMES = 100,	/* of a nested map; of an item ten times that */
	STATS_NODES = 16 * 1024,
	STATS_PATHS = 4096,	/* that are told in the end */
	STATS_TEXT = 100,	/* bytes of a value that are shown */
	STATS_KEY = 200,	/* bytes of a key in words */
	STATS_SKETCH = 1024,	/* see sketch.h */
	STATS_SLOTS = 512 * 1024,	/* of 16 bytes, of all paths */
};

/* An item, as messages name it. */
struct stats_place {
	uint32_t unit;
	uint64_t line;		/* 0: there is none here */
	char key[STATS_KEY];	/* "id = 'x', sk = 5"; "" if it has none */
};

struct stats_large {
	uint64_t bytes;
	struct stats_place place;
};

/* What the items of one input come to, as they are in the source. */
struct stats_input {
	uint64_t items, bytes;		/* by DynamoDB's rules */
	uint64_t min, max;		/* of an item */
	uint64_t json;			/* bytes of their lines */
	uint64_t sizes[STATS_SIZES];	/* items of up to 2^i, beyond 2^(i-1) */
	struct stats_large largest[STATS_LARGEST];
	uint32_t nlargest;
	uint64_t left_out;		/* values at paths not told apart */
};

/* What stands at one path. */
struct stats_attribute {
	const char *path;		/* as a plan names it */
	uint64_t present;
	uint64_t types[VALUE_PLACE];	/* by enum value_type */
	bool mixed;			/* of several types, beside NULL */
	uint64_t distinct;		/* S, N, B, BOOL and NULL */
	const char *min, *max;		/* of the commoner of S and N, or NULL */
	const char *examples[STATS_EXAMPLES];
	unsigned nexamples;
};

/* Why items of a plan table would be rejected. */
struct stats_reason {
	const char *step, *text;	/* text of the first one */
	uint64_t items;
	struct stats_place place;
};

/* An assert of a plan table, in the order of its passes. */
struct stats_assert {
	uint64_t failed;
	struct stats_place places[STATS_PLACES];
	uint32_t nplaces;
};

/* What a plan table's items become, and what is wrong with them. */
struct stats_table {
	uint64_t items;			/* that would be written to its target */
	uint64_t json;			/* bytes of their lines */
	uint64_t units;			/* write units of the table alone */
	uint64_t index_units;		/* of its indexes, beside that */
	uint64_t *index_items;		/* of each, that have its keys */
	uint64_t expired, without;	/* by TTL; without its attribute */
	struct stats_place expired_first;
	const struct stats_reason *reasons;	/* most items first */
	size_t nreasons;
	const struct stats_assert *asserts;
	size_t nasserts;
};

/*
 * `plan` is resolved, and outlives it; so does `run_time`, epoch seconds.  NULL
 * on failure.
 */
struct stats *stats_new(const struct plan *plan, int64_t run_time,
			struct err *err);
void stats_free(struct stats *s);	/* NULL is fine */

/* To look on with. */
struct unit_observer stats_observer(struct stats *s);

/* All units are closed: add up.  Before anything below.  Returns 0 or -1. */
int stats_settle(struct stats *s, struct err *err);

const struct stats_input *stats_of_input(const struct stats *s, uint32_t input);
const struct stats_table *stats_of_table(const struct stats *s, uint32_t table);

/*
 * The paths of an input, parents first, names in the order of their bytes;
 * *left_out is how many more there are.  All in `mem`; NULL on failure.
 */
const struct stats_attribute *
stats_attributes(const struct stats *s, uint32_t input, struct arena *mem,
		 size_t *n, size_t *left_out, struct err *err);

/* "id = 'x'" of an item of a plan table, as it is in the source. */
void stats_key(const struct plan *plan, uint32_t table,
	       const struct item *item, char out[STATS_KEY]);

/*
 * The relative standard error of stats_attribute.distinct, where not exact: 1 /
 * sqrt(STATS_SKETCH), and more if so many paths have so many values that their
 * sketches would take more than STATS_SLOTS.
 */
double stats_error(const struct stats *s, uint32_t input);

#endif
