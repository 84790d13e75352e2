/*
 * target.h - DynamoDB's rules for an item of the target table: what ImportTable
 * and BatchWriteItem would refuse (aws-facts: ServiceQuotas, Constraints).
 */
#ifndef ENGINE_TARGET_H
#define ENGINE_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/keyhash.h"
#include "base/span.h"
#include "model/item.h"

struct arena;
struct err;
struct key_types;
struct plan_table;

/* A key attribute of the table or of one of its indexes. */
struct target_key {
	struct span name;
	uint16_t hash;
	enum value_type type;	/* 0: nothing says it */
	uint16_t max_len;	/* bytes */
	const char *index;	/* NULL: the table's own */
};

/* The rules of one table; keys[0] is its partition key. */
struct target {
	struct target_key *keys;
	size_t nkeys;
	bool has_sort;		/* keys[1] is its sort key */
	bool plain;		/* one key, and an S may be it */
};

/* Returns 0 or -1.  The names stay the plan's. */
int target_init(struct target *t, const struct plan_table *table,
		struct err *err);
void target_free(struct target *t);

/*
 * Check keys and, if `deep`, nesting; set *key, unless it is NULL, to the hash
 * of the primary key, and *types to its types.  `values`, unless NULL, are
 * the table's keys in the item, of type 0 if they are not there.  Returns 0, or
 * -1 with ERR_INPUT if the item breaks a rule.
 */
int target_check(const struct target *t, const struct item *item,
		 const struct value *values, bool deep, struct arena *mem,
		 struct keyhash *key, struct key_types *types,
		 struct err *err);

/*
 * What most items are: of one key, a short text.  Is the key `v` surely good,
 * and no more to be said than its type?
 */
static inline bool
target_is_plain(const struct target *t, const struct value *v)
{
	return t->plain && v->type == VALUE_S &&
	       (v->flags & VALUE_ESC) == 0 &&
	       v->len - 1 < PARTITION_KEY_MAX_LEN;
}

/* Is it within ITEM_MAX_LEN?  `len` is that of its line, never less. */
int target_check_size(const struct item *item, size_t len, struct err *err);

#endif
