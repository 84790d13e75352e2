/*
 * md5_x86.c - 8 or 16 MD5s side by side, with AVX2 or AVX-512VL.
 *
 * A vector holds one word of 8 MD5s; 16 are two such groups whose steps
 * alternate, which takes hardly longer than one, as each step waits for the one
 * before.  (One group of 512 bits is slower: Zen 4 does its halves one by one.)
 * For the same reason the words of the next block are gathered and transposed
 * between the rounds of this one, for nothing.
 */
#include "base/md5_internal.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))
#define AVX512 __attribute__((target("avx2,avx512f,avx512vl")))
#define INLINE static inline __attribute__((always_inline))
#if defined(__clang__)
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 2")
#endif
#define EACH_GROUP UNROLL for (int g = 0; g < ngroups; g++)

/* The 16 words of a block, of both groups. */
struct words {
	__m256i of[2][16];
};

/* The 16 bytes at `at` in each of the lanes `p` and `q`. */
AVX2 INLINE __m256i
pair(const uint8_t *p, const uint8_t *q, size_t at)
{
	const __m128i x = _mm_loadu_si128((const void *)(p + at));
	const __m128i y = _mm_loadu_si128((const void *)(q + at));

	return _mm256_inserti128_si256(_mm256_castsi128_si256(x), y, 1);
}

/* Words 4 * j to 4 * j + 3 of the block at `at` in each of the 8 lanes `p`. */
AVX2 INLINE void
load_group(__m256i *w, const uint8_t *const *p, size_t at, int j)
{
	const size_t here = at + 16 * (size_t)j;
	const __m256i r0 = pair(p[0], p[4], here);
	const __m256i r1 = pair(p[1], p[5], here);
	const __m256i r2 = pair(p[2], p[6], here);
	const __m256i r3 = pair(p[3], p[7], here);
	const __m256i low01 = _mm256_unpacklo_epi32(r0, r1);
	const __m256i low23 = _mm256_unpacklo_epi32(r2, r3);
	const __m256i high01 = _mm256_unpackhi_epi32(r0, r1);
	const __m256i high23 = _mm256_unpackhi_epi32(r2, r3);

	w[4 * j] = _mm256_unpacklo_epi64(low01, low23);
	w[4 * j + 1] = _mm256_unpackhi_epi64(low01, low23);
	w[4 * j + 2] = _mm256_unpacklo_epi64(high01, high23);
	w[4 * j + 3] = _mm256_unpackhi_epi64(high01, high23);
}

AVX2 INLINE void
load_quarter(struct words *w, const uint8_t *const *p, size_t at, int j,
	     const int ngroups)
{
	EACH_GROUP
		load_group(w->of[g], p + 8 * g, at, j);
}

AVX2 INLINE __m256i
load8(const uint32_t *p)
{
	return _mm256_loadu_si256((const void *)p);
}

/*
 * Compilers regroup sums, and so make the next step wait for a word and a
 * constant that could long have been added: here is where they may not.
 */
#define FIRST(v) __asm__("" : "+x"(v))

#define ADD(a, b) ((a) = _mm256_add_epi32(a, b))
#define AND(a, b) _mm256_and_si256(a, b)
#define ANDNOT(a, b) _mm256_andnot_si256(a, b)
#define OR(a, b) _mm256_or_si256(a, b)
#define XOR(a, b) _mm256_xor_si256(a, b)

#define AVX2_F(a, b, c, d) ADD(a, XOR(d, AND(b, XOR(c, d))))
#define AVX2_G(a, b, c, d) do { \
	ADD(a, ANDNOT(d, c)); \
	FIRST(a); \
	ADD(a, AND(b, d)); \
} while (0)
#define AVX2_H(a, b, c, d) ADD(a, XOR(b, XOR(c, d)))
#define AVX2_I(a, b, c, d) \
	ADD(a, XOR(c, OR(b, XOR(d, _mm256_set1_epi32(-1)))))

#define AVX2_TURN(a, s) ((a) = OR(_mm256_slli_epi32(a, s), \
				  _mm256_srli_epi32(a, 32 - (s))))

/* Any function of three bits is one instruction: its table is the operand. */
#define AVX512_F(a, b, c, d) ADD(a, _mm256_ternarylogic_epi32(b, c, d, 0xca))
#define AVX512_G(a, b, c, d) ADD(a, _mm256_ternarylogic_epi32(b, c, d, 0xe4))
#define AVX512_H(a, b, c, d) ADD(a, _mm256_ternarylogic_epi32(b, c, d, 0x96))
#define AVX512_I(a, b, c, d) ADD(a, _mm256_ternarylogic_epi32(b, c, d, 0x39))

#define AVX512_TURN(a, s) ((a) = _mm256_rol_epi32(a, s))

#define STEP(SET, f, a, b, c, d, k, s, t) do { \
	const __m256i constant = _mm256_set1_epi32((int)(t)); \
	EACH_GROUP { \
		ADD(a[g], _mm256_add_epi32(now->of[g][k], constant)); \
		FIRST(a[g]); \
	} \
	EACH_GROUP \
		SET##_##f(a[g], b[g], c[g], d[g]); \
	EACH_GROUP { \
		SET##_TURN(a[g], s); \
		ADD(a[g], b[g]); \
	} \
} while (0)
#define STEP_AVX2(...) STEP(AVX2, __VA_ARGS__)
#define STEP_AVX512(...) STEP(AVX512, __VA_ARGS__)

/* The last block is loaded once more for want of a next one. */
#define TAKE(STEP) do { \
	struct words w[2]; \
	__m256i a[2], b[2], c[2], d[2]; \
	size_t at = 0; \
\
	for (int j = 0; j < 4; j++) \
		load_quarter(&w[0], x->at, 0, j, ngroups); \
	EACH_GROUP { \
		a[g] = load8(x->state[0] + 8 * g); \
		b[g] = load8(x->state[1] + 8 * g); \
		c[g] = load8(x->state[2] + 8 * g); \
		d[g] = load8(x->state[3] + 8 * g); \
	} \
	for (size_t i = 0; i < n; i++) { \
		const struct words *const now = &w[i & 1]; \
		struct words *const next = &w[~i & 1]; \
		__m256i a_[2], b_[2], c_[2], d_[2]; \
\
		EACH_GROUP { \
			a_[g] = a[g]; \
			b_[g] = b[g]; \
			c_[g] = c[g]; \
			d_[g] = d[g]; \
		} \
		at += i + 1 < n ? 64 : 0; \
		load_quarter(next, x->at, at, 0, ngroups); \
		MD5_ROUND_F(STEP); \
		load_quarter(next, x->at, at, 1, ngroups); \
		MD5_ROUND_G(STEP); \
		load_quarter(next, x->at, at, 2, ngroups); \
		MD5_ROUND_H(STEP); \
		load_quarter(next, x->at, at, 3, ngroups); \
		MD5_ROUND_I(STEP); \
		EACH_GROUP { \
			ADD(a[g], a_[g]); \
			ADD(b[g], b_[g]); \
			ADD(c[g], c_[g]); \
			ADD(d[g], d_[g]); \
		} \
	} \
	EACH_GROUP { \
		_mm256_storeu_si256((void *)(x->state[0] + 8 * g), a[g]); \
		_mm256_storeu_si256((void *)(x->state[1] + 8 * g), b[g]); \
		_mm256_storeu_si256((void *)(x->state[2] + 8 * g), c[g]); \
		_mm256_storeu_si256((void *)(x->state[3] + 8 * g), d[g]); \
	} \
} while (0)

AVX2 void
md5_wide_8_avx2(struct md5_wide *x, size_t n)
{
	enum { ngroups = 1 };

	TAKE(STEP_AVX2);
}

AVX2 void
md5_wide_16_avx2(struct md5_wide *x, size_t n)
{
	enum { ngroups = 2 };

	TAKE(STEP_AVX2);
}

AVX512 void
md5_wide_8_avx512(struct md5_wide *x, size_t n)
{
	enum { ngroups = 1 };

	TAKE(STEP_AVX512);
}

AVX512 void
md5_wide_16_avx512(struct md5_wide *x, size_t n)
{
	enum { ngroups = 2 };

	TAKE(STEP_AVX512);
}

#endif
