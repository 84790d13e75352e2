#include "base/md5.h"

#include <string.h>

#include "base/bytes.h"

/*
 * The steps are macros so that one or two blocks can go through them: ONE does
 * a step for the state a, b, c, d; TWO does it for a0 .. d0 and, in between,
 * for a1 .. d1, which depends on nothing of the former.
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

#define FOUR(STEP, f, k0, k1, k2, k3, s0, s1, s2, s3, t0, t1, t2, t3) \
	STEP(f, a, b, c, d, k0, s0, t0); \
	STEP(f, d, a, b, c, k1, s1, t1); \
	STEP(f, c, d, a, b, k2, s2, t2); \
	STEP(f, b, c, d, a, k3, s3, t3)

#define ALL(STEP) do { \
	FOUR(STEP, F, 0, 1, 2, 3, 7, 12, 17, 22, \
	     0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee); \
	FOUR(STEP, F, 4, 5, 6, 7, 7, 12, 17, 22, \
	     0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501); \
	FOUR(STEP, F, 8, 9, 10, 11, 7, 12, 17, 22, \
	     0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be); \
	FOUR(STEP, F, 12, 13, 14, 15, 7, 12, 17, 22, \
	     0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821); \
	FOUR(STEP, G, 1, 6, 11, 0, 5, 9, 14, 20, \
	     0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa); \
	FOUR(STEP, G, 5, 10, 15, 4, 5, 9, 14, 20, \
	     0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8); \
	FOUR(STEP, G, 9, 14, 3, 8, 5, 9, 14, 20, \
	     0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed); \
	FOUR(STEP, G, 13, 2, 7, 12, 5, 9, 14, 20, \
	     0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a); \
	FOUR(STEP, H, 5, 8, 11, 14, 4, 11, 16, 23, \
	     0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c); \
	FOUR(STEP, H, 1, 4, 7, 10, 4, 11, 16, 23, \
	     0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70); \
	FOUR(STEP, H, 13, 0, 3, 6, 4, 11, 16, 23, \
	     0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05); \
	FOUR(STEP, H, 9, 12, 15, 2, 4, 11, 16, 23, \
	     0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665); \
	FOUR(STEP, I, 0, 7, 14, 5, 6, 10, 15, 21, \
	     0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039); \
	FOUR(STEP, I, 12, 3, 10, 1, 6, 10, 15, 21, \
	     0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1); \
	FOUR(STEP, I, 8, 15, 6, 13, 6, 10, 15, 21, \
	     0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1); \
	FOUR(STEP, I, 4, 11, 2, 9, 6, 10, 15, 21, \
	     0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391); \
} while (0)

/* Take in `n` whole blocks of 64 bytes. */
static void
take(uint32_t state[4], const uint8_t *p, size_t n)
{
	uint32_t a = state[0], b = state[1], c = state[2], d = state[3];

	for (; n > 0; n--, p += 64) {
		ALL(ONE);
		a = state[0] += a;
		b = state[1] += b;
		c = state[2] += c;
		d = state[3] += d;
	}
}

/* The same for two at once: `n` blocks each. */
static void
take_both(uint32_t x[4], const uint8_t *p, uint32_t y[4], const uint8_t *q,
	  size_t n)
{
	uint32_t a0 = x[0], b0 = x[1], c0 = x[2], d0 = x[3];
	uint32_t a1 = y[0], b1 = y[1], c1 = y[2], d1 = y[3];

	for (; n > 0; n--, p += 64, q += 64) {
		ALL(TWO);
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

/*
 * Count `bytes` and see to their ragged ends.  Returns the whole blocks in the
 * middle, which are still to be taken in.
 */
static struct span
trim(struct md5 *m, struct span bytes)
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
		take(m->state, m->part, 1);
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
	const struct span blocks = trim(m, bytes);

	take(m->state, blocks.ptr, blocks.len / 64);
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

void
md5_lane_start(struct md5_lane *l)
{
	md5_start(&l->md5);
	l->due = (struct span){ NULL, 0 };
	l->next = l->prev = l;
}

void
md5_lane_leave(struct md5_lane *l)
{
	l->next->prev = l->prev;
	l->prev->next = l->next;
	l->next = l->prev = l;
}

void
md5_lane_join(struct md5_lane *l, struct md5_lane *ring)
{
	md5_lane_leave(l);
	l->prev = ring;
	l->next = ring->next;
	ring->next->prev = l;
	ring->next = l;
}

void
md5_lane_owe(struct md5_lane *l, struct span bytes)
{
	md5_lane_settle(l);
	l->due = trim(&l->md5, bytes);
}

static void
pay(struct md5_lane *l, size_t len)
{
	l->due.ptr += len;
	l->due.len -= len;
}

void
md5_lane_settle(struct md5_lane *l)
{
	for (struct md5_lane *o = l->next; o != l && l->due.len > 0;
	     o = o->next) {
		const size_t len = l->due.len < o->due.len ? l->due.len :
				   o->due.len;

		take_both(l->md5.state, l->due.ptr, o->md5.state, o->due.ptr,
			  len / 64);
		pay(l, len);
		pay(o, len);
	}
	take(l->md5.state, l->due.ptr, l->due.len / 64);
	pay(l, l->due.len);
}

void
md5_lane_settle_all(struct md5_lane *l)
{
	struct md5_lane *o = l;

	do
		md5_lane_settle(o);
	while ((o = o->next) != l);
}
