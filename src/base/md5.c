/* md5.c - one or two MD5s at a time, in plain C. */
#include "base/md5.h"

#include <string.h>

#include "base/bytes.h"
#include "base/md5_internal.h"

/*
 * ONE does a step for the state a, b, c, d; TWO does it for a0 .. d0 and, in
 * between, for a1 .. d1, which depends on nothing of the former.
 *
 * Halves that have no bit in common are added one by one, so that the half
 * without b, which comes out of the step before, does not wait for it.
 */
#define F(a, b, c, d) ((a) += (d) ^ ((b) & ((c) ^ (d))))
#define G(a, b, c, d) ((a) += (c) & ~(d), (a) += (b) & (d))
#define H(a, b, c, d) ((a) += (b) ^ (c) ^ (d))
#define I(a, b, c, d) ((a) += (c) ^ ((b) | ~(d)))

#define TURN(a, s, b) ((a) = ((a) << (s) | (a) >> (32 - (s))) + (b))

#define ONE(f, a, b, c, d, k, s, t) do { \
	a += load_le32(p + 4 * (k)) + (t); \
	f(a, b, c, d); \
	TURN(a, s, b); \
} while (0)

#define TWO(f, a, b, c, d, k, s, t) do { \
	a##0 += load_le32(p + 4 * (k)) + (t); \
	a##1 += load_le32(q + 4 * (k)) + (t); \
	f(a##0, b##0, c##0, d##0); \
	f(a##1, b##1, c##1, d##1); \
	TURN(a##0, s, b##0); \
	TURN(a##1, s, b##1); \
} while (0)

void
md5_take(uint32_t state[4], const uint8_t *p, size_t n)
{
	uint32_t a = state[0], b = state[1], c = state[2], d = state[3];

	for (; n > 0; n--, p += 64) {
		MD5_ALL(ONE);
		a = state[0] += a;
		b = state[1] += b;
		c = state[2] += c;
		d = state[3] += d;
	}
}

void
md5_take_both(uint32_t x[4], const uint8_t *p, uint32_t y[4], const uint8_t *q,
	      size_t n)
{
	uint32_t a0 = x[0], b0 = x[1], c0 = x[2], d0 = x[3];
	uint32_t a1 = y[0], b1 = y[1], c1 = y[2], d1 = y[3];

	for (; n > 0; n--, p += 64, q += 64) {
		MD5_ALL(TWO);
		a0 = x[0] += a0;
		b0 = x[1] += b0;
		c0 = x[2] += c0;
		d0 = x[3] += d0;
		a1 = y[0] += a1;
		b1 = y[1] += b1;
		c1 = y[2] += c1;
		d1 = y[3] += d1;
	}
}

void
md5_start(struct md5 *m)
{
	*m = (struct md5){
		{ 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476 }, 0, { 0 },
	};
}

struct span
md5_trim(struct md5 *m, struct span bytes)
{
	const size_t held = m->len % 64;

	m->len += bytes.len;
	if (held > 0) {
		const size_t n = bytes.len < 64 - held ? bytes.len : 64 - held;

		if (n > 0)
			memcpy(m->part + held, bytes.ptr, n);
		bytes.ptr += n;
		bytes.len -= n;
		if (held + n < 64)
			return bytes;
		md5_take(m->state, m->part, 1);
	}

	const size_t tail = bytes.len % 64;
	bytes.len -= tail;
	if (tail > 0)
		memcpy(m->part, bytes.ptr + bytes.len, tail);
	return bytes;
}

void
md5_add(struct md5 *m, struct span bytes)
{
	const struct span blocks = md5_trim(m, bytes);

	md5_take(m->state, blocks.ptr, blocks.len / 64);
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
