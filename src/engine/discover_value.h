/*
 * discover_value.h - how discovery knows a value: by a hash of its type letter
 * and its text, canonical for N, unpacked for B.
 */
#ifndef ENGINE_DISCOVER_VALUE_H
#define ENGINE_DISCOVER_VALUE_H

#include <stdint.h>

#include "base/decimal.h"
#include "base/keyhash.h"
#include "base/span.h"

struct arena;
struct err;
struct value;

enum { DISCOVER_MAX_TEXT = 2048 };	/* longer than any key */

static inline uint64_t
discover_hash(char type, struct span text)
{
	const uint64_t h = keyhash64_of(text);

	/* One to one, so that what was uniform stays so. */
	return type == 'S' ? h
	     : h * 0x9E3779B97F4A7C15u ^ (uint64_t)(uint8_t)type << 32;
}

/*
 * The text of an S, N or B to hash.  It may be in `room` or the arena.
 * Returns 0, or -1 if memory is refused.
 */
int discover_text(const struct value *v, struct arena *mem,
		  char room[DECIMAL_TEXT_LEN], struct span *out,
		  struct err *err);

#endif
