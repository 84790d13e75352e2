/*
 * keysum.c - over xxHash: long inputs, for which kernels matter.
 *
 * The library may have a choice of them by processor, two or three times as
 * fast as SSE2.  Not every build of it has, and so these two are weak.
 */
#include <string.h>

#define XXH_STATIC_LINKING_ONLY	/* for the size of a state */
#include <xxhash.h>

#include "base/keyhash.h"

extern XXH64_hash_t
XXH3_64bits_dispatch(const void *p, size_t len) __attribute__((weak));
extern XXH_errorcode
XXH3_64bits_update_dispatch(XXH3_state_t *state, const void *p, size_t len)
	__attribute__((weak));

_Static_assert(sizeof(struct keysum) >= sizeof(XXH3_state_t) &&
	       _Alignof(struct keysum) >= _Alignof(XXH3_state_t),
	       "struct keysum is xxHash's state, unnamed");

uint64_t
keysum_of(struct span bytes)
{
	if (XXH3_64bits_dispatch != NULL)
		return XXH3_64bits_dispatch(bytes.ptr, bytes.len);
	return XXH3_64bits(bytes.ptr, bytes.len);
}

void
keysum_start(struct keysum *s)
{
	memset(s, 0, sizeof(*s));
	XXH3_64bits_reset((XXH3_state_t *)s);
}

void
keysum_add(struct keysum *s, struct span bytes)
{
	if (bytes.len == 0)
		return;
	if (XXH3_64bits_update_dispatch != NULL)
		XXH3_64bits_update_dispatch((XXH3_state_t *)s, bytes.ptr,
					    bytes.len);
	else
		XXH3_64bits_update((XXH3_state_t *)s, bytes.ptr, bytes.len);
}

uint64_t
keysum_get(const struct keysum *s)
{
	return XXH3_64bits_digest((const XXH3_state_t *)s);
}
