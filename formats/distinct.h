/*
 * distinct.h - names of a map, or members of a set, that are all different:
 * what every reader of items must see to.
 */
#ifndef FORMATS_DISTINCT_H
#define FORMATS_DISTINCT_H

#include <stdint.h>

struct arena;
struct err;
struct value;

/*
 * Check the names among the `n` slots of a map, or the members of a set, by
 * value: N as numbers, B as bytes.  Returns 1; 0 with ERR_INPUT if two are
 * equal, *at being the second's slot; or -1 if memory is refused.  Takes time
 * in proportion to their bytes, whatever they are.
 */
int distinct_names(const struct value *kids, uint32_t n, struct arena *mem,
		   uint32_t *at, struct err *err);
int distinct_members(const struct value *set, struct arena *mem, uint32_t *at,
		     struct err *err);

#endif
