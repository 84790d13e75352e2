/* names.h - the attributes of a map that somebody wants, found in one pass. */
#ifndef MODEL_NAMES_H
#define MODEL_NAMES_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/span.h"
#include "model/item.h"

enum {
	NAMES_MAX = 31,
	NAMES_SLOTS = 1024,
	NAMES_MAX_ATTRS = 65000,	/* of a map that is looked through */
};

/* All zero: there are none yet. */
struct names {
	struct {
		uint16_t hash, number;	/* number 0: free */
	} slots[NAMES_SLOTS];
	uint32_t mask;
	unsigned shift;
	uint32_t n;			/* numbered from 1 */
	struct {
		struct span text;	/* not copied */
		uint16_t hash;
	} of[NAMES_MAX + 1];
	/* By what flags of a NAME say (item.h): its number here, or 0. */
	bool watched;
	uint8_t watch[1 << (8 - VALUE_WATCH_SHIFT)];
};

/* Are the two of `n` bytes the same?  For names: no call, few branches. */
static inline bool
names_same(const uint8_t *a, const uint8_t *b, size_t n)
{
	uint64_t x, y, differ = 0;
	uint32_t u, v;

	if (n >= 8) {
		for (size_t i = 0; i + 8 < n; i += 8) {
			memcpy(&x, a + i, 8);
			memcpy(&y, b + i, 8);
			differ |= x ^ y;
		}
		memcpy(&x, a + n - 8, 8);
		memcpy(&y, b + n - 8, 8);
		return (differ | (x ^ y)) == 0;
	}
	if (n >= 4) {
		memcpy(&u, a, 4);
		memcpy(&v, b, 4);
		differ = u ^ v;
		memcpy(&u, a + n - 4, 4);
		memcpy(&v, b + n - 4, 4);
		return (differ | (u ^ v)) == 0;
	}
	return n == 0 || ((a[0] ^ b[0]) | (a[n / 2] ^ b[n / 2]) |
			  (a[n - 1] ^ b[n - 1])) == 0;
}

/* The number of `name`, added if it is new; 0 if there are too many. */
uint32_t names_add(struct names *names, struct span name);

/* After the last was added.  False if their hashes cannot be told apart. */
bool names_build(struct names *names);

/*
 * Some of the `n` names in the list are ours: where an item's names say their
 * numbers on it, these are taken for true.
 */
void names_watch(struct names *names, const struct span *list, size_t n);

/* Where each name stands: number of the attribute from 1, or 0. */
struct names_found {
	uint32_t mask;			/* bit i: name i is there */
	uint16_t at[NAMES_MAX + 1];
};

/* Look for them all.  False, and nothing found, if the map is too large. */
bool names_find(const struct names *names, const struct value *map,
		struct names_found *out);

/* The value of name `number` in the map, as it was looked through, or NULL. */
static inline struct value *
names_here(uint32_t number, const struct value *map,
	   const struct names_found *found)
{
	const uint32_t at = found->at[number];

	return at != 0 ? &map->kids[2 * at - 1] : NULL;
}

/* The same, right too where attributes moved or went, but not came, since. */
static inline struct value *
names_value(const struct names *names, uint32_t number,
	    const struct value *map, const struct names_found *found)
{
	const uint32_t at = found->at[number];
	const struct span text = names->of[number].text;
	const uint16_t hash = names->of[number].hash;

	if (at == 0)
		return NULL;
	if (2 * at <= map->len) {
		struct value *const name = &map->kids[2 * (at - 1)];

		if (name->hash == hash && name->len == text.len &&
		    name->type == VALUE_NAME &&
		    names_same(name->text, text.ptr, text.len))
			return name + 1;
	}
	return value_attr(map, text, hash);
}

#endif
