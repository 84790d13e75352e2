#include "base/md5.h"

#include <string.h>

#include "base/bytes.h"

#define F(b, c, d) ((d) ^ ((b) & ((c) ^ (d))))
#define H(b, c, d) ((b) ^ (c) ^ (d))
#define I(b, c, d) ((c) ^ ((b) | ~(d)))

/*
 * (b & d) | (c & ~d), whose halves have no bit in common: added one by one, so
 * that the half without b does not wait for it.
 */
#define G_STEP(a, b, c, d, k, s, t) do { \
	(a) += load_le32(p + 4 * (k)) + (t); \
	(a) += (c) & ~(d); \
	(a) += (b) & (d); \
	(a) = ((a) << (s) | (a) >> (32 - (s))) + (b); \
} while (0)

#define STEP(f, a, b, c, d, k, s, t) do { \
	(a) += load_le32(p + 4 * (k)) + (t); \
	(a) += f(b, c, d); \
	(a) = ((a) << (s) | (a) >> (32 - (s))) + (b); \
} while (0)

#define FOUR_F(k0, k1, k2, k3, t0, t1, t2, t3) \
	STEP(F, a, b, c, d, k0, 7, t0); STEP(F, d, a, b, c, k1, 12, t1); \
	STEP(F, c, d, a, b, k2, 17, t2); STEP(F, b, c, d, a, k3, 22, t3)
#define FOUR_G(k0, k1, k2, k3, t0, t1, t2, t3) \
	G_STEP(a, b, c, d, k0, 5, t0); G_STEP(d, a, b, c, k1, 9, t1); \
	G_STEP(c, d, a, b, k2, 14, t2); G_STEP(b, c, d, a, k3, 20, t3)
#define FOUR_H(k0, k1, k2, k3, t0, t1, t2, t3) \
	STEP(H, a, b, c, d, k0, 4, t0); STEP(H, d, a, b, c, k1, 11, t1); \
	STEP(H, c, d, a, b, k2, 16, t2); STEP(H, b, c, d, a, k3, 23, t3)
#define FOUR_I(k0, k1, k2, k3, t0, t1, t2, t3) \
	STEP(I, a, b, c, d, k0, 6, t0); STEP(I, d, a, b, c, k1, 10, t1); \
	STEP(I, c, d, a, b, k2, 15, t2); STEP(I, b, c, d, a, k3, 21, t3)

/* Take in `n` whole blocks of 64 bytes. */
static void
take(uint32_t state[4], const uint8_t *p, size_t n)
{
	uint32_t a = state[0], b = state[1], c = state[2], d = state[3];

	for (; n > 0; n--, p += 64) {
		const uint32_t a0 = a, b0 = b, c0 = c, d0 = d;

		FOUR_F(0, 1, 2, 3,
		       0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee);
		FOUR_F(4, 5, 6, 7,
		       0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501);
		FOUR_F(8, 9, 10, 11,
		       0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be);
		FOUR_F(12, 13, 14, 15,
		       0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821);
		FOUR_G(1, 6, 11, 0,
		       0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa);
		FOUR_G(5, 10, 15, 4,
		       0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8);
		FOUR_G(9, 14, 3, 8,
		       0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed);
		FOUR_G(13, 2, 7, 12,
		       0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a);
		FOUR_H(5, 8, 11, 14,
		       0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c);
		FOUR_H(1, 4, 7, 10,
		       0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70);
		FOUR_H(13, 0, 3, 6,
		       0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05);
		FOUR_H(9, 12, 15, 2,
		       0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665);
		FOUR_I(0, 7, 14, 5,
		       0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039);
		FOUR_I(12, 3, 10, 1,
		       0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1);
		FOUR_I(8, 15, 6, 13,
		       0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1);
		FOUR_I(4, 11, 2, 9,
		       0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391);

		a += a0;
		b += b0;
		c += c0;
		d += d0;
	}
	state[0] = a;
	state[1] = b;
	state[2] = c;
	state[3] = d;
}

void
md5_start(struct md5 *m)
{
	*m = (struct md5){
		{ 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476 }, 0, { 0 },
	};
}

void
md5_add(struct md5 *m, struct span bytes)
{
	const size_t held = m->len % 64;

	m->len += bytes.len;
	if (held > 0) {
		size_t n = 64 - held;

		if (n > bytes.len)
			n = bytes.len;
		if (n > 0)
			memcpy(m->part + held, bytes.ptr, n);
		if (held + n < 64)
			return;
		take(m->state, m->part, 1);
		bytes.ptr += n;
		bytes.len -= n;
	}
	take(m->state, bytes.ptr, bytes.len / 64);
	if (bytes.len % 64 > 0)
		memcpy(m->part, bytes.ptr + bytes.len / 64 * 64,
		       bytes.len % 64);
}

void
md5_end(struct md5 *m, uint8_t out[MD5_LEN])
{
	static const uint8_t PAD[64] = { 0x80 };
	const uint64_t bits = m->len * 8;
	uint8_t tail[8];

	store_le64(tail, bits);
	md5_add(m, (struct span){ PAD, 64 - (m->len + 8) % 64 });
	md5_add(m, (struct span){ tail, 8 });
	for (int i = 0; i < 4; i++)
		store_le32(out + 4 * i, m->state[i]);
}

void
md5_of(struct span bytes, uint8_t out[MD5_LEN])
{
	struct md5 m;

	md5_start(&m);
	md5_add(&m, bytes);
	md5_end(&m, out);
}
