/*
 * md5_internal.h - the steps of MD5, and what its kernels must do.
 *
 * The steps are macros so that one, two, eight or sixteen blocks can go through
 * them: STEP(f, a, b, c, d, k, s, t) does a step with the function `f`, the
 * word `k` of the block, a turn by `s` and the constant `t`.
 */
#ifndef BASE_MD5_INTERNAL_H
#define BASE_MD5_INTERNAL_H

#include "base/md5.h"

#define MD5_FOUR(STEP, f, k0, k1, k2, k3, s0, s1, s2, s3, t0, t1, t2, t3) \
	STEP(f, a, b, c, d, k0, s0, t0); \
	STEP(f, d, a, b, c, k1, s1, t1); \
	STEP(f, c, d, a, b, k2, s2, t2); \
	STEP(f, b, c, d, a, k3, s3, t3)

#define MD5_ROUND_F(STEP) \
	MD5_FOUR(STEP, F, 0, 1, 2, 3, 7, 12, 17, 22, \
		 0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee); \
	MD5_FOUR(STEP, F, 4, 5, 6, 7, 7, 12, 17, 22, \
		 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501); \
	MD5_FOUR(STEP, F, 8, 9, 10, 11, 7, 12, 17, 22, \
		 0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be); \
	MD5_FOUR(STEP, F, 12, 13, 14, 15, 7, 12, 17, 22, \
		 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821)

#define MD5_ROUND_G(STEP) \
	MD5_FOUR(STEP, G, 1, 6, 11, 0, 5, 9, 14, 20, \
		 0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa); \
	MD5_FOUR(STEP, G, 5, 10, 15, 4, 5, 9, 14, 20, \
		 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8); \
	MD5_FOUR(STEP, G, 9, 14, 3, 8, 5, 9, 14, 20, \
		 0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed); \
	MD5_FOUR(STEP, G, 13, 2, 7, 12, 5, 9, 14, 20, \
		 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a)

#define MD5_ROUND_H(STEP) \
	MD5_FOUR(STEP, H, 5, 8, 11, 14, 4, 11, 16, 23, \
		 0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c); \
	MD5_FOUR(STEP, H, 1, 4, 7, 10, 4, 11, 16, 23, \
		 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70); \
	MD5_FOUR(STEP, H, 13, 0, 3, 6, 4, 11, 16, 23, \
		 0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05); \
	MD5_FOUR(STEP, H, 9, 12, 15, 2, 4, 11, 16, 23, \
		 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665)

#define MD5_ROUND_I(STEP) \
	MD5_FOUR(STEP, I, 0, 7, 14, 5, 6, 10, 15, 21, \
		 0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039); \
	MD5_FOUR(STEP, I, 12, 3, 10, 1, 6, 10, 15, 21, \
		 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1); \
	MD5_FOUR(STEP, I, 8, 15, 6, 13, 6, 10, 15, 21, \
		 0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1); \
	MD5_FOUR(STEP, I, 4, 11, 2, 9, 6, 10, 15, 21, \
		 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391)

#define MD5_ALL(STEP) do { \
	MD5_ROUND_F(STEP); \
	MD5_ROUND_G(STEP); \
	MD5_ROUND_H(STEP); \
	MD5_ROUND_I(STEP); \
} while (0)

/* Take in `n` whole blocks of 64 bytes; of two at once, `n` blocks each. */
void md5_take(uint32_t state[4], const uint8_t *p, size_t n);
void md5_take_both(uint32_t x[4], const uint8_t *p,
		   uint32_t y[4], const uint8_t *q, size_t n);

/*
 * Count `bytes` and see to their ragged ends.  Returns the whole blocks in the
 * middle, which are still to be taken in.
 */
struct span md5_trim(struct md5 *m, struct span bytes);

/* MD5s side by side: state[i][k] is word i of the state of number k. */
enum { MD5_WIDE = 16 };

struct md5_wide {
	uint32_t state[4][MD5_WIDE];
	const uint8_t *at[MD5_WIDE];	/* the blocks of each */
};

/* Take in `n` blocks of each, one or more, of the first 8 or of all 16. */
typedef void md5_wide_fn(struct md5_wide *x, size_t n);

#if defined(__x86_64__)
md5_wide_fn md5_wide_8_avx2, md5_wide_16_avx2;
md5_wide_fn md5_wide_8_avx512, md5_wide_16_avx512;
#endif

#endif
