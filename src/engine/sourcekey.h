/*
 * sourcekey.h - the primary key of an item in its source, as one hash: what a
 * base and the increments after it have in common.
 *
 * Two items have one hash if the key attributes are equal by type and value, in
 * whatever spelling.  Which of two attributes is the partition key does not
 * matter here: incremental exports do not say it.
 */
#ifndef ENGINE_SOURCEKEY_H
#define ENGINE_SOURCEKEY_H

#include <stdint.h>

#include "base/keyhash.h"
#include "base/span.h"

struct arena;
struct err;
struct value;

enum { SOURCEKEY_MAX = 2 };

/* The names of the key attributes, in order of their bytes. */
struct sourcekey {
	struct span names[SOURCEKEY_MAX];
	uint16_t hashes[SOURCEKEY_MAX];
	uint32_t n;		/* 0: not known */
};

/*
 * The names in a map of one or two attributes.  They are copied to the arena.
 * Returns 0 or -1.
 */
int sourcekey_of(struct sourcekey *k, const struct value *map,
		 struct arena *mem, struct err *err);

/* Are those just the attributes of this map? */
int sourcekey_fits(const struct sourcekey *k, const struct value *map);

/*
 * The hash of the key in an item's map, of which the rest is not looked at.
 * Returns 1; 0 if it lacks an attribute, or one is no S, N or B; or -1.
 */
int sourcekey_hash(const struct sourcekey *k, const struct value *map,
		   struct arena *mem, struct keyhash *out, struct err *err);

#endif
