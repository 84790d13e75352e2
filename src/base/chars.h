/*
 * chars.h - which of sixteen characters are digits, or some others, or end a
 * run of plain text, or of 32 differ, as bits.
 *
 * Small enough to be compiled where it is used, so the one version in vectors
 * is that of the least processor that is compiled for.
 */
#ifndef BASE_CHARS_H
#define BASE_CHARS_H

#include <stdbool.h>
#include <stdint.h>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

/* The bits of sixteen characters, the first lowest. */
struct chars16 {
	uint32_t digits, zeros, points;
};

static inline struct chars16
chars16_portable(const uint8_t *p)
{
	struct chars16 c = { 0 };

	for (unsigned i = 0; i < 16; i++) {
		c.digits |= (uint32_t)(p[i] - (unsigned)'0' < 10) << i;
		c.zeros |= (uint32_t)(p[i] == '0') << i;
		c.points |= (uint32_t)(p[i] == '.') << i;
	}
	return c;
}

#if defined(__aarch64__)
/* A bit for each byte that is all ones. */
static inline uint32_t
chars16_bits(uint8x16_t v)
{
	static const uint8_t BITS[16] = {
		1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128,
	};
	const uint8x16_t b = vandq_u8(v, vld1q_u8(BITS));

	return vaddv_u8(vget_low_u8(b)) |
	       (uint32_t)vaddv_u8(vget_high_u8(b)) << 8;
}
#endif

static inline struct chars16
chars16_of(const uint8_t *p)
{
#if defined(__SSE2__)
	const __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
	const __m128i digit = _mm_sub_epi8(v, _mm_set1_epi8('0'));
	const __m128i is_digit = _mm_cmpeq_epi8(digit,
		_mm_min_epu8(digit, _mm_set1_epi8(9)));
	const __m128i is_zero = _mm_cmpeq_epi8(digit, _mm_setzero_si128());
	const __m128i is_point = _mm_cmpeq_epi8(v, _mm_set1_epi8('.'));

	return (struct chars16){
		.digits = (uint32_t)_mm_movemask_epi8(is_digit),
		.zeros = (uint32_t)_mm_movemask_epi8(is_zero),
		.points = (uint32_t)_mm_movemask_epi8(is_point),
	};
#elif defined(__aarch64__)
	const uint8x16_t v = vld1q_u8(p);
	const uint8x16_t digit = vsubq_u8(v, vdupq_n_u8('0'));

	return (struct chars16){
		.digits = chars16_bits(vcltq_u8(digit, vdupq_n_u8(10))),
		.zeros = chars16_bits(vceqq_u8(digit, vdupq_n_u8(0))),
		.points = chars16_bits(vceqq_u8(v, vdupq_n_u8('.'))),
	};
#else
	return chars16_portable(p);
#endif
}

static inline uint32_t
chars16_among_portable(const uint8_t *p, const char four[4])
{
	uint32_t bits = 0;

	for (unsigned i = 0; i < 16; i++)
		for (unsigned k = 0; k < 4; k++)
			bits |= (uint32_t)(p[i] == (uint8_t)four[k]) << i;
	return bits;
}

/* A bit for each of sixteen characters that is one of four. */
static inline uint32_t
chars16_among(const uint8_t *p, const char four[4])
{
#if defined(__SSE2__)
	const __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
	const __m128i a = _mm_cmpeq_epi8(v, _mm_set1_epi8(four[0]));
	const __m128i b = _mm_cmpeq_epi8(v, _mm_set1_epi8(four[1]));
	const __m128i c = _mm_cmpeq_epi8(v, _mm_set1_epi8(four[2]));
	const __m128i d = _mm_cmpeq_epi8(v, _mm_set1_epi8(four[3]));

	return (uint32_t)_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(a, b),
							_mm_or_si128(c, d)));
#else
	return chars16_among_portable(p, four);
#endif
}

/*
 * Where plain text must be looked at: a quote (that one), a backslash, a
 * control character; and where it is not ASCII.
 */
struct chars16_text {
	uint32_t stops, high;
};

static inline struct chars16_text
chars16_text_portable(const uint8_t *p, uint8_t quote)
{
	struct chars16_text c = { 0 };

	for (unsigned i = 0; i < 16; i++) {
		c.stops |= (uint32_t)(p[i] == quote || p[i] == '\\' ||
				      p[i] < 0x20) << i;
		c.high |= (uint32_t)(p[i] >= 0x80) << i;
	}
	return c;
}

static inline struct chars16_text
chars16_text_of(const uint8_t *p, uint8_t quote)
{
#if defined(__SSE2__)
	const __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
	const __m128i q = _mm_cmpeq_epi8(v, _mm_set1_epi8((char)quote));
	const __m128i escape = _mm_cmpeq_epi8(v, _mm_set1_epi8('\\'));
	const __m128i control = _mm_cmpeq_epi8(v,
		_mm_min_epu8(v, _mm_set1_epi8(0x1F)));
	const __m128i stop = _mm_or_si128(_mm_or_si128(q, escape), control);

	return (struct chars16_text){
		.stops = (uint32_t)_mm_movemask_epi8(stop),
		.high = (uint32_t)_mm_movemask_epi8(v),
	};
#elif defined(__aarch64__)
	const uint8x16_t v = vld1q_u8(p);
	const uint8x16_t stop = vorrq_u8(vcltq_u8(v, vdupq_n_u8(0x20)),
		vorrq_u8(vceqq_u8(v, vdupq_n_u8(quote)),
			 vceqq_u8(v, vdupq_n_u8('\\'))));

	return (struct chars16_text){
		.stops = chars16_bits(stop),
		.high = chars16_bits(vcgeq_u8(v, vdupq_n_u8(0x80))),
	};
#else
	return chars16_text_portable(p, quote);
#endif
}

static inline uint32_t
chars32_differ_portable(const uint8_t *p, const uint8_t *q)
{
	uint32_t bits = 0;

	for (unsigned i = 0; i < 32; i++)
		bits |= (uint32_t)(p[i] != q[i]) << i;
	return bits;
}

/* A bit for each of the 32 bytes in which `p` and `q` differ. */
static inline uint32_t
chars32_differ(const uint8_t *p, const uint8_t *q)
{
#if defined(__SSE2__)
	const __m128i *const a = (const __m128i *)(const void *)p;
	const __m128i *const b = (const __m128i *)(const void *)q;
	const __m128i low = _mm_cmpeq_epi8(_mm_loadu_si128(a),
					   _mm_loadu_si128(b));
	const __m128i high = _mm_cmpeq_epi8(_mm_loadu_si128(a + 1),
					    _mm_loadu_si128(b + 1));

	return ~((uint32_t)_mm_movemask_epi8(low) |
		 (uint32_t)_mm_movemask_epi8(high) << 16);
#elif defined(__aarch64__)
	return ~(chars16_bits(vceqq_u8(vld1q_u8(p), vld1q_u8(q))) |
		 chars16_bits(vceqq_u8(vld1q_u8(p + 16),
				       vld1q_u8(q + 16))) << 16);
#else
	return chars32_differ_portable(p, q);
#endif
}

#if defined(__x86_64__)
#define CHARS_WIDE __attribute__((target("avx2,bmi,bmi2,avx512f,avx512bw," \
					 "avx512vl")))

/* Do those differ that `need` names?  For a processor with AVX-512. */
CHARS_WIDE static inline bool
chars32_differ_wide(const uint8_t *p, const uint8_t *q, uint32_t need)
{
	return _mm256_mask_cmpneq_epu8_mask(need,
		_mm256_loadu_si256((const __m256i *)(const void *)p),
		_mm256_loadu_si256((const __m256i *)(const void *)q)) != 0;
}
#else
static inline bool
chars32_differ_wide(const uint8_t *p, const uint8_t *q, uint32_t need)
{
	return (chars32_differ(p, q) & need) != 0;
}
#endif

#endif
