/*
 * scan_x86.c - the kernels for AVX2 and AVX-512.
 *
 * UTF-8 is checked by three table look-ups on nibbles (Keiser and Lemire,
 * "Validating UTF-8 in less than one instruction per byte"): for each pair of
 * neighbouring bytes the tables give the ways in which it can be wrong, as
 * bits, and what all three agree on is wrong.
 */
#if defined(__x86_64__)

#include "base/scan_internal.h"
#include "base/scan_utf8.h"

#include <immintrin.h>
#include <string.h>

#define AVX2 __attribute__((target("avx2,bmi,bmi2,popcnt")))
#define AVX512 __attribute__((target( \
	"avx2,bmi,bmi2,popcnt,avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2")))

/* The last three bytes of a piece may start a sequence no later than this. */
static const uint8_t WHOLE[SCAN_STEP] = {
	255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
	255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
	255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
	255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
	255, 255, 255, 255, 255, 0xF0 - 1, 0xE0 - 1, 0xC0 - 1,
};

/*
 * How far ahead memory is asked for what comes next: by itself the processor
 * stops doing so at the end of every page.
 */
enum { AHEAD = 2048 };

static inline void
ask_for(const uint8_t *p)
{
	_mm_prefetch((const char *)p, _MM_HINT_T0);
}

static inline const __m128i *
at128(const uint8_t *p)
{
	return (const __m128i *)(const void *)p;
}

static inline const __m256i *
at256(const uint8_t *p)
{
	return (const __m256i *)(const void *)p;
}

/* ------------------------------------------------------------------ AVX2 */

AVX2 static inline __m256i
twice(const uint8_t table[16])
{
	return _mm256_broadcastsi128_si256(_mm_loadu_si128(at128(table)));
}

/* What is wrong with `in`, which follows `before`. */
AVX2 static inline __m256i
utf8_wrong(__m256i in, __m256i before)
{
	const __m256i low4 = _mm256_set1_epi8(0x0F);
	const __m256i mid = _mm256_permute2x128_si256(before, in, 0x21);
	const __m256i prev1 = _mm256_alignr_epi8(in, mid, 15);
	const __m256i prev2 = _mm256_alignr_epi8(in, mid, 14);
	const __m256i prev3 = _mm256_alignr_epi8(in, mid, 13);
	const __m256i a = _mm256_shuffle_epi8(twice(FIRST_HIGH),
		_mm256_and_si256(_mm256_srli_epi16(prev1, 4), low4));
	const __m256i b = _mm256_shuffle_epi8(twice(FIRST_LOW),
		_mm256_and_si256(prev1, low4));
	const __m256i c = _mm256_shuffle_epi8(twice(SECOND_HIGH),
		_mm256_and_si256(_mm256_srli_epi16(in, 4), low4));
	const __m256i pairs = _mm256_and_si256(_mm256_and_si256(a, b), c);
	const __m256i third = _mm256_subs_epu8(prev2,
		_mm256_set1_epi8((char)(0xE0 - 0x80)));
	const __m256i fourth = _mm256_subs_epu8(prev3,
		_mm256_set1_epi8((char)(0xF0 - 0x80)));
	const __m256i must = _mm256_and_si256(_mm256_or_si256(third, fourth),
		_mm256_set1_epi8((char)0x80));

	return _mm256_xor_si256(must, pairs);
}

AVX2 static inline uint64_t
mask64(__m256i low, __m256i high)
{
	return (uint32_t)_mm256_movemask_epi8(low) |
	       (uint64_t)(uint32_t)_mm256_movemask_epi8(high) << 32;
}

AVX2 static inline uint64_t
equal(__m256i low, __m256i high, char c)
{
	const __m256i v = _mm256_set1_epi8(c);

	return mask64(_mm256_cmpeq_epi8(low, v), _mm256_cmpeq_epi8(high, v));
}

/*
 * Write the positions of the bits of `m`; returns how many.  Eight at a time
 * without looking, since a mispredicted branch costs more than eight stores.
 */
AVX2 static inline size_t
positions(uint32_t *out, uint64_t m, uint32_t base)
{
	const size_t n = (size_t)_mm_popcnt_u64(m);

	for (size_t done = 0; done < n; done += 8)
		for (size_t i = 0; i < 8; i++) {
			out[done + i] = base + (uint32_t)_tzcnt_u64(m);
			m = _blsr_u64(m);
		}
	return n;
}

AVX2 void
scan_piece_avx2(struct scan *s, struct scan_carry *carry, const uint8_t *p,
		size_t n, uint32_t base)
{
	const __m256i whole = _mm256_loadu_si256(at256(WHOLE + 32));
	__m256i before = _mm256_loadu_si256(at256(carry->last + 32));
	__m256i wrong = _mm256_setzero_si256();
	__m256i cut = _mm256_subs_epu8(before, whole);
	uint64_t control = 0;

	for (size_t i = 0; i < n; i += SCAN_STEP) {
		const __m256i low = _mm256_loadu_si256(at256(p + i));
		const __m256i high = _mm256_loadu_si256(at256(p + i + 32));
		const uint32_t at = base + (uint32_t)i;

		ask_for(p + i + AHEAD);
		const uint64_t escapes = equal(low, high, '\\');
		const uint64_t lines = equal(low, high, '\n');
		const uint64_t quotes = equal(low, high, '"') &
			~scan_escaped(escapes, &carry->escaped);
		const __m256i blank = _mm256_set1_epi8(0x1F);
		control |= mask64(
			_mm256_cmpeq_epi8(_mm256_min_epu8(low, blank), low),
			_mm256_cmpeq_epi8(_mm256_min_epu8(high, blank), high)) &
			~lines;

		s->nquotes += positions(s->quotes + s->nquotes, quotes, at);
		if (lines != 0)
			s->nlines += positions(s->lines + s->nlines, lines, at);
		if (escapes != 0)
			s->nescapes += positions(s->escapes + s->nescapes,
						 escapes, at);

		if (_mm256_movemask_epi8(_mm256_or_si256(low, high)) == 0) {
			wrong = _mm256_or_si256(wrong, cut);
			cut = _mm256_setzero_si256();
		} else {
			wrong = _mm256_or_si256(wrong,
						utf8_wrong(low, before));
			wrong = _mm256_or_si256(wrong, utf8_wrong(high, low));
			cut = _mm256_subs_epu8(high, whole);
		}
		before = high;
	}
	s->control |= control != 0;
	s->bad_utf8 |= !_mm256_testz_si256(wrong, wrong);
	carry->cut = !_mm256_testz_si256(cut, cut);
	memcpy(carry->last, p + n - SCAN_STEP, SCAN_STEP);
}

AVX2 size_t
scan_plain_avx2(struct span text)
{
	const __m256i blank = _mm256_set1_epi8(0x1F);
	size_t i = 0;

	for (; text.len - i >= 32; i += 32) {
		const __m256i v = _mm256_loadu_si256(at256(text.ptr + i));
		const __m256i stop = _mm256_or_si256(
			_mm256_cmpeq_epi8(_mm256_min_epu8(v, blank), v),
			_mm256_or_si256(
				_mm256_cmpeq_epi8(v, _mm256_set1_epi8('"')),
				_mm256_cmpeq_epi8(v, _mm256_set1_epi8('\\'))));
		const uint32_t m = (uint32_t)_mm256_movemask_epi8(stop);
		if (m != 0)
			return i + _tzcnt_u32(m);
	}
	return i + scan_plain_portable(
		(struct span){ text.ptr + i, text.len - i });
}

AVX2 size_t
scan_lines_avx2(struct span text)
{
	const __m256i feed = _mm256_set1_epi8('\n');
	size_t i = 0, n = 0;

	for (; text.len - i >= 64; i += 64) {
		const __m256i a = _mm256_loadu_si256(at256(text.ptr + i));
		const __m256i b = _mm256_loadu_si256(at256(text.ptr + i + 32));
		const uint32_t in_a = (uint32_t)_mm256_movemask_epi8(
			_mm256_cmpeq_epi8(a, feed));
		const uint32_t in_b = (uint32_t)_mm256_movemask_epi8(
			_mm256_cmpeq_epi8(b, feed));

		n += (size_t)_mm_popcnt_u64((uint64_t)in_b << 32 | in_a);
	}
	return n + scan_lines_portable(
		(struct span){ text.ptr + i, text.len - i });
}

/* --------------------------------------------------------------- AVX-512 */

AVX512 static inline __m512i
four_times(const uint8_t table[16])
{
	return _mm512_broadcast_i32x4(_mm_loadu_si128(at128(table)));
}

AVX512 static inline __mmask64
utf8_wrong_512(__m512i in, __m512i before)
{
	const __m512i low4 = _mm512_set1_epi8(0x0F);
	const __m512i order = _mm512_setr_epi64(6, 7, 8, 9, 10, 11, 12, 13);
	const __m512i mid = _mm512_permutex2var_epi64(before, order, in);
	const __m512i prev1 = _mm512_alignr_epi8(in, mid, 15);
	const __m512i prev2 = _mm512_alignr_epi8(in, mid, 14);
	const __m512i prev3 = _mm512_alignr_epi8(in, mid, 13);
	const __m512i a = _mm512_shuffle_epi8(four_times(FIRST_HIGH),
		_mm512_and_si512(_mm512_srli_epi16(prev1, 4), low4));
	const __m512i b = _mm512_shuffle_epi8(four_times(FIRST_LOW),
		_mm512_and_si512(prev1, low4));
	const __m512i c = _mm512_shuffle_epi8(four_times(SECOND_HIGH),
		_mm512_and_si512(_mm512_srli_epi16(in, 4), low4));
	const __m512i pairs = _mm512_and_si512(_mm512_and_si512(a, b), c);
	const __m512i third = _mm512_subs_epu8(prev2,
		_mm512_set1_epi8((char)(0xE0 - 0x80)));
	const __m512i fourth = _mm512_subs_epu8(prev3,
		_mm512_set1_epi8((char)(0xF0 - 0x80)));
	const __m512i must = _mm512_and_si512(_mm512_or_si512(third, fourth),
		_mm512_set1_epi8((char)0x80));
	const __m512i wrong = _mm512_xor_si512(must, pairs);

	return _mm512_test_epi8_mask(wrong, wrong);
}

/* Sixteen positions a store: compress the bytes' numbers, then widen them. */
AVX512 static inline size_t
positions_512(uint32_t *out, uint64_t m, uint32_t base)
{
	const size_t n = (size_t)_mm_popcnt_u64(m);
	const __m512i number = _mm512_set_epi8(
		63, 62, 61, 60, 59, 58, 57, 56, 55, 54, 53, 52, 51, 50, 49, 48,
		47, 46, 45, 44, 43, 42, 41, 40, 39, 38, 37, 36, 35, 34, 33, 32,
		31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16,
		15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
	const __m512i first = _mm512_set1_epi32((int)base);
	const __m512i bytes = _mm512_maskz_compress_epi8(m, number);

	/* The second without asking: one in twenty has it, and none knows. */
	_mm512_storeu_si512(out, _mm512_add_epi32(first,
		_mm512_cvtepu8_epi32(_mm512_castsi512_si128(bytes))));
	_mm512_storeu_si512(out + 16, _mm512_add_epi32(first,
		_mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32(bytes, 1))));
	if (n > 32) {
		_mm512_storeu_si512(out + 32, _mm512_add_epi32(first,
			_mm512_cvtepu8_epi32(
				_mm512_extracti32x4_epi32(bytes, 2))));
		_mm512_storeu_si512(out + 48, _mm512_add_epi32(first,
			_mm512_cvtepu8_epi32(
				_mm512_extracti32x4_epi32(bytes, 3))));
	}
	return n;
}

/*
 * The same where there is seldom more than one: most often without a branch,
 * and one slot is written though there be none.
 */
AVX512 static inline size_t
position_512(uint32_t *out, uint64_t m, uint32_t base)
{
	if ((m & (m - 1)) != 0)
		return positions_512(out, m, base);
	*out = base + (uint32_t)_tzcnt_u64(m);
	return m != 0;
}

/* Does `v` end inside a UTF-8 sequence? */
AVX512 static inline bool
ends_cut_512(__m512i v)
{
	return _mm512_cmpgt_epu8_mask(v, _mm512_loadu_si512(WHOLE)) != 0;
}

/*
 * Of the steps whose bytes begin at `p`, those in `high` are not ASCII: is any
 * of them wrong, or one behind that leaves a sequence unfinished?  `before` is
 * what stands before the first; *cut says whether that, and then whether the
 * last of the `n`, ends inside a sequence.
 */
AVX512 static bool
steps_wrong_512(uint64_t high, unsigned n, const uint8_t *p, __m512i before,
		bool *cut)
{
	__mmask64 wrong = 0;
	uint64_t ends_cut = 0;

	for (uint64_t left = high; left != 0; left = _blsr_u64(left)) {
		const uint64_t k = _tzcnt_u64(left);
		const __m512i v = _mm512_loadu_si512(p + SCAN_STEP * k);

		wrong |= utf8_wrong_512(v, k == 0 ? before :
			_mm512_loadu_si512(p + SCAN_STEP * (k - 1)));
		ends_cut |= (uint64_t)ends_cut_512(v) << k;
	}
	/* ASCII where a sequence should go on. */
	const uint64_t all = n < 64 ? ((uint64_t)1 << n) - 1 : ~(uint64_t)0;
	const uint64_t after = (ends_cut << 1 | *cut) & all;

	*cut = ends_cut >> (n - 1) & 1;
	return wrong != 0 || (after & ~high) != 0;
}

AVX512 void
scan_piece_avx512(struct scan *s, struct scan_carry *carry, const uint8_t *p,
		  size_t n, uint32_t base)
{
	__m512i before = _mm512_loadu_si512(carry->last);
	bool cut = ends_cut_512(before);
	/* In locals: stores of positions might change what is in memory. */
	uint32_t *quotes_at = s->quotes + s->nquotes;
	uint32_t *lines_at = s->lines + s->nlines;
	uint32_t *escapes_at = s->escapes + s->nescapes;
	uint64_t escaped = carry->escaped;
	uint64_t low = 0;
	bool wrong = false;

	for (size_t done = 0; done < n; done += 64 * SCAN_STEP) {
		const size_t left = n - done;
		const size_t end = left < 64 * SCAN_STEP ? n
						: done + 64 * SCAN_STEP;
		uint64_t high = 0, bit = 1;	/* steps that are not ASCII */

		for (size_t i = done; i < end; i += SCAN_STEP, bit <<= 1) {
			const __m512i v = _mm512_loadu_si512(p + i);
			const uint32_t at = base + (uint32_t)i;
			const uint64_t escapes = _mm512_cmpeq_epi8_mask(v,
				_mm512_set1_epi8('\\'));
			const uint64_t lines = _mm512_cmpeq_epi8_mask(v,
				_mm512_set1_epi8('\n'));
			uint64_t quotes = _mm512_cmpeq_epi8_mask(v,
				_mm512_set1_epi8('"'));

			ask_for(p + i + AHEAD);
			/* Line feeds are among them. */
			low |= _mm512_cmplt_epu8_mask(v,
				_mm512_set1_epi8(0x20)) ^ lines;
			if ((escapes | escaped) != 0) {
				quotes &= ~scan_escaped(escapes, &escaped);
				escapes_at += positions_512(escapes_at,
							    escapes, at);
			}
			quotes_at += positions_512(quotes_at, quotes, at);
			lines_at += position_512(lines_at, lines, at);
			high |= _mm512_movepi8_mask(v) != 0 ? bit : 0;
		}
		wrong |= steps_wrong_512(high,
				(unsigned)((end - done) / SCAN_STEP),
				p + done, before, &cut);
		before = _mm512_loadu_si512(p + end - SCAN_STEP);
	}
	s->nquotes = (size_t)(quotes_at - s->quotes);
	s->nlines = (size_t)(lines_at - s->lines);
	s->nescapes = (size_t)(escapes_at - s->escapes);
	s->control |= low != 0;
	s->bad_utf8 |= wrong;
	carry->escaped = escaped;
	carry->cut = cut;
	memcpy(carry->last, p + n - SCAN_STEP, SCAN_STEP);
}

#else
typedef int nothing_here;	/* ISO C wants a declaration in every file */
#endif
