/*
 * keyhash.h - the 128-bit key under which indexes and logs know an id: XXH3-128
 * of a type letter ('S', 'N' or 'B') and the id's bytes.
 */
#ifndef BASE_KEYHASH_H
#define BASE_KEYHASH_H

#include <stdint.h>

#include "base/span.h"

struct keyhash {
	uint64_t lo, hi;
};

/*
 * The key of the id with this type letter: S its UTF-8 bytes, N its canonical
 * decimal text, B its raw bytes.
 */
struct keyhash keyhash_of_id(char type, struct span id);

/* XXH3-128 and XXH3-64 of any bytes; for checksums of our own files. */
struct keyhash keyhash_of(struct span bytes);
uint64_t keyhash64_of(struct span bytes);

/* XXH3-64 of bytes that come piece by piece. */
struct keysum {
	_Alignas(64) uint8_t state[576];
};

void keysum_start(struct keysum *s);
void keysum_add(struct keysum *s, struct span bytes);
uint64_t keysum_get(const struct keysum *s);	/* of all so far */
uint64_t keysum_of(struct span bytes);	/* keyhash64_of() long bytes */

#endif
