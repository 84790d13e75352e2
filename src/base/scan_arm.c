/*
 * scan_arm.c - the kernels for NEON (AArch64); see scan_x86.c for the method.
 */
#if defined(__aarch64__)

#include "base/scan_internal.h"
#include "base/scan_utf8.h"

#include <arm_neon.h>
#include <string.h>

static const uint8_t WHOLE[16] = {
	255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
	0xF0 - 1, 0xE0 - 1, 0xC0 - 1,
};

static inline uint8x16_t
utf8_wrong(uint8x16_t in, uint8x16_t before)
{
	const uint8x16_t prev1 = vextq_u8(before, in, 15);
	const uint8x16_t prev2 = vextq_u8(before, in, 14);
	const uint8x16_t prev3 = vextq_u8(before, in, 13);
	const uint8x16_t pairs = vandq_u8(
		vandq_u8(vqtbl1q_u8(vld1q_u8(FIRST_HIGH), vshrq_n_u8(prev1, 4)),
			 vqtbl1q_u8(vld1q_u8(FIRST_LOW),
				    vandq_u8(prev1, vdupq_n_u8(0x0F)))),
		vqtbl1q_u8(vld1q_u8(SECOND_HIGH), vshrq_n_u8(in, 4)));
	const uint8x16_t must = vandq_u8(
		vorrq_u8(vqsubq_u8(prev2, vdupq_n_u8(0xE0 - 0x80)),
			 vqsubq_u8(prev3, vdupq_n_u8(0xF0 - 0x80))),
		vdupq_n_u8(0x80));

	return veorq_u8(must, pairs);
}

/* One bit a byte: NEON has no movemask, but adding weighted bits in pairs. */
static inline uint64_t
mask64(uint8x16_t a, uint8x16_t b, uint8x16_t c, uint8x16_t d)
{
	static const uint8_t WEIGHTS[16] = {
		1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128,
	};
	const uint8x16_t w = vld1q_u8(WEIGHTS);
	const uint8x16_t ab = vpaddq_u8(vandq_u8(a, w), vandq_u8(b, w));
	const uint8x16_t cd = vpaddq_u8(vandq_u8(c, w), vandq_u8(d, w));
	const uint8x16_t all = vpaddq_u8(ab, cd);

	return vgetq_lane_u64(vreinterpretq_u64_u8(vpaddq_u8(all, all)), 0);
}

static inline uint64_t
equal(const uint8x16_t v[4], uint8_t c)
{
	const uint8x16_t k = vdupq_n_u8(c);

	return mask64(vceqq_u8(v[0], k), vceqq_u8(v[1], k),
		      vceqq_u8(v[2], k), vceqq_u8(v[3], k));
}

static inline size_t
positions(uint32_t *out, uint64_t m, uint32_t base)
{
	size_t n = 0;

	for (; m != 0; m &= m - 1)
		out[n++] = base + (uint32_t)__builtin_ctzll(m);
	return n;
}

void
scan_piece_neon(struct scan *s, struct scan_carry *carry, const uint8_t *p,
		size_t n, uint32_t base)
{
	const uint8x16_t whole = vld1q_u8(WHOLE);
	const uint8x16_t blank = vdupq_n_u8(0x20);
	uint8x16_t before = vld1q_u8(carry->last + 48);
	uint8x16_t wrong = vdupq_n_u8(0);
	uint8x16_t cut = vqsubq_u8(before, whole);
	uint64_t control = 0;

	for (size_t i = 0; i < n; i += SCAN_STEP) {
		const uint8x16_t v[4] = {
			vld1q_u8(p + i), vld1q_u8(p + i + 16),
			vld1q_u8(p + i + 32), vld1q_u8(p + i + 48),
		};
		const uint32_t at = base + (uint32_t)i;
		const uint64_t escapes = equal(v, '\\');
		const uint64_t lines = equal(v, '\n');
		const uint64_t quotes = equal(v, '"') &
			~scan_escaped(escapes, &carry->escaped);

		control |= mask64(vcltq_u8(v[0], blank), vcltq_u8(v[1], blank),
				  vcltq_u8(v[2], blank),
				  vcltq_u8(v[3], blank)) & ~lines;
		s->nquotes += positions(s->quotes + s->nquotes, quotes, at);
		s->nlines += positions(s->lines + s->nlines, lines, at);
		s->nescapes += positions(s->escapes + s->nescapes, escapes, at);

		const uint8x16_t any = vorrq_u8(vorrq_u8(v[0], v[1]),
						vorrq_u8(v[2], v[3]));
		if (vmaxvq_u8(any) < 0x80) {
			wrong = vorrq_u8(wrong, cut);
			cut = vdupq_n_u8(0);
		} else {
			wrong = vorrq_u8(wrong, utf8_wrong(v[0], before));
			for (int k = 1; k < 4; k++)
				wrong = vorrq_u8(wrong,
						 utf8_wrong(v[k], v[k - 1]));
			cut = vqsubq_u8(v[3], whole);
		}
		before = v[3];
	}
	s->control |= control != 0;
	s->bad_utf8 |= vmaxvq_u8(wrong) != 0;
	carry->cut = vmaxvq_u8(cut) != 0;
	memcpy(carry->last, p + n - SCAN_STEP, SCAN_STEP);
}

size_t
scan_plain_neon(struct span text)
{
	size_t i = 0;

	for (; text.len - i >= 16; i += 16) {
		const uint8x16_t v = vld1q_u8(text.ptr + i);
		const uint8x16_t stop = vorrq_u8(
			vcltq_u8(v, vdupq_n_u8(0x20)),
			vorrq_u8(vceqq_u8(v, vdupq_n_u8('"')),
				 vceqq_u8(v, vdupq_n_u8('\\'))));
		if (vmaxvq_u8(stop) != 0)
			break;
	}
	return i + scan_plain_portable(
		(struct span){ text.ptr + i, text.len - i });
}

#else
typedef int nothing_here;	/* ISO C wants a declaration in every file */
#endif
