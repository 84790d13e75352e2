/*
 * bytes.h - little-endian loads and stores, from and to unaligned memory.
 *
 * By memcpy, which compilers turn into one instruction; assembling bytes by
 * shifts is seen through in loads but not reliably in stores.
 */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stdint.h>
#include <string.h>

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define BYTES_LE(bits, v) (v)
#else
#define BYTES_LE(bits, v) __builtin_bswap##bits(v)
#endif

static inline uint16_t
load_le16(const void *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return BYTES_LE(16, v);
}

static inline uint32_t
load_le32(const void *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return BYTES_LE(32, v);
}

static inline uint64_t
load_le64(const void *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return BYTES_LE(64, v);
}

static inline void
store_le32(void *p, uint32_t v)
{
	v = BYTES_LE(32, v);
	memcpy(p, &v, sizeof(v));
}

static inline void
store_le64(void *p, uint64_t v)
{
	v = BYTES_LE(64, v);
	memcpy(p, &v, sizeof(v));
}

#endif
