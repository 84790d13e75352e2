/* keyhash.c - over xxHash: short inputs, for which a call is much. */
#include "base/keyhash.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { LETTER_AND_UUID = 37, LONG = 1024 };

static struct keyhash
take(XXH128_hash_t h)
{
	return (struct keyhash){ .lo = h.low64, .hi = h.high64 };
}

struct keyhash
keyhash_of_id(char type, struct span id)
{
	uint8_t text[256];	/* nearly every id fits, with its letter */

	if (id.len < sizeof(text)) {
		text[0] = (uint8_t)type;
		if (id.len > 0)
			memcpy(text + 1, id.ptr, id.len);
		return take(XXH3_128bits(text, id.len + 1));
	}

	XXH3_state_t state;

	XXH3_128bits_reset(&state);
	XXH3_128bits_update(&state, &type, 1);
	XXH3_128bits_update(&state, id.ptr, id.len);
	return take(XXH3_128bits_digest(&state));
}

/* Most are this long: with the length known, hashing is a few instructions. */
__attribute__((flatten)) static struct keyhash
of_uuid(const uint8_t *p)
{
	return take(XXH3_128bits(p, LETTER_AND_UUID));
}

struct keyhash
keyhash_of(struct span bytes)
{
	if (bytes.len == LETTER_AND_UUID)
		return of_uuid(bytes.ptr);
	return take(XXH3_128bits(bytes.ptr, bytes.len));
}

uint64_t
keyhash64_of(struct span bytes)
{
	if (bytes.len >= LONG)
		return keysum_of(bytes);
	return XXH3_64bits(bytes.ptr, bytes.len);
}
