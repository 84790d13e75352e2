/*
 * itemtypes.h - the types that a plan gives to attributes by their paths, for
 * formats that do not say them: a tree of paths to walk along with the values.
 *
 *	types: {tags: SS, "address.geo": B, "team[*].since": N}
 */
#ifndef FORMATS_ITEMTYPES_H
#define FORMATS_ITEMTYPES_H

#include <stdint.h>

#include "base/span.h"
#include "model/item.h"

struct err;
struct item_rules;

/* What is said of one place in an item, and of places in there. */
struct itemtypes {
	struct span name;		/* .ptr NULL: any, or any element */
	uint16_t hash;
	enum value_type type;		/* 0: nothing is said */
	uint32_t index;			/* of an element */
	bool element;
	const struct itemtypes *kids, *next;
};

/*
 * Make the tree of rules->types.  *root is NULL if there are none.  A path that
 * cannot be one, or says what another says, is ERR_USAGE.  Returns 0 or -1.
 */
int itemtypes_new(const struct item_rules *rules, struct itemtypes **root,
		  struct err *err);
void itemtypes_free(struct itemtypes *root);	/* NULL is fine */

/* What is said of the attribute, or element, in there; NULL for nothing. */
const struct itemtypes *itemtypes_of_name(const struct itemtypes *t,
					  const struct value *name);
const struct itemtypes *itemtypes_of_element(const struct itemtypes *t,
					     uint32_t index);

#endif
