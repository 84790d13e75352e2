/* keyuuid.c - sixteen or eight digits at a time, a few nanoseconds an id. */
#include "formats/keyuuid.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "base/bytes.h"

static inline uint64_t
load_two(const uint8_t *p, const uint8_t *q)
{
	return load_le32(p) | (uint64_t)load_le32(q) << 32;
}

#if defined(__SSE2__)

/* The value of sixteen digits; bytes of *good are 0 where there is none. */
static inline __m128i
values(__m128i text, __m128i *good)
{
	const __m128i letter = _mm_cmpgt_epi8(text, _mm_set1_epi8('9'));
	const __m128i zero = _mm_add_epi8(_mm_set1_epi8('0'),
		_mm_and_si128(letter, _mm_set1_epi8('a' - '0')));
	const __m128i most = _mm_add_epi8(_mm_set1_epi8(9),
		_mm_and_si128(letter, _mm_set1_epi8(5 - 9)));
	const __m128i v = _mm_sub_epi8(text, zero);

	*good = _mm_and_si128(*good, _mm_cmpeq_epi8(_mm_min_epu8(v, most), v));
	return _mm_add_epi8(v, _mm_and_si128(letter, _mm_set1_epi8(10)));
}

/* Each pair of digits, as a byte in the lower half of its place. */
static inline __m128i
pairs(__m128i v)
{
	return _mm_and_si128(_mm_or_si128(_mm_slli_epi16(v, 4),
					  _mm_srli_epi16(v, 8)),
			     _mm_set1_epi16(0xff));
}

static inline bool
pack_all(const uint64_t text[4], uint8_t to[KEYUUID_LEN])
{
	__m128i good = _mm_set1_epi8(-1);
	const __m128i a = values(_mm_set_epi64x((long long)text[1],
						(long long)text[0]), &good);
	const __m128i b = values(_mm_set_epi64x((long long)text[3],
						(long long)text[2]), &good);

	_mm_storeu_si128((__m128i *)to, _mm_packus_epi16(pairs(a), pairs(b)));
	return _mm_movemask_epi8(good) == 0xffff;
}

#else

static inline uint64_t
each(uint8_t byte)
{
	return byte * UINT64_C(0x0101010101010101);
}

/*
 * Pack eight digits.  Bits of *bad are set if there is something else: letters
 * have bit 6, digits have not, and what they say must give them back.
 */
static inline uint32_t
pack(uint64_t text, uint64_t *bad)
{
	const uint64_t letter = text >> 6 & each(1);
	const uint64_t v = (text & each(15)) + 9 * letter;
	const uint64_t above_9 = (v + each(6)) >> 4 & each(1);
	const uint64_t back = v + each('0') + ('a' - '0' - 10) * above_9;

	*bad |= (back ^ text) | (v & each(0xf0));

	uint64_t w = (v << 4 | v >> 8) & UINT64_C(0x00ff00ff00ff00ff);
	w = (w | w >> 8) & UINT64_C(0x0000ffff0000ffff);
	return (uint32_t)(w | w >> 16);
}

static inline bool
pack_all(const uint64_t text[4], uint8_t to[KEYUUID_LEN])
{
	uint64_t bad = 0;

	for (int i = 0; i < 4; i++)
		store_le32(to + 4 * i, pack(text[i], &bad));
	return bad == 0;
}

#endif

bool
keyuuid_pack(struct span text, uint8_t to[KEYUUID_LEN])
{
	const uint8_t *const p = text.ptr;

	if (text.len != KEYUUID_TEXT_LEN || p[8] != '-' || p[13] != '-' ||
	    p[18] != '-' || p[23] != '-')
		return false;

	const uint64_t digits[4] = {
		load_le64(p), load_two(p + 9, p + 14),
		load_two(p + 19, p + 24), load_le64(p + 28),
	};
	return pack_all(digits, to);
}

/* Eight digits of four bytes, the first lowest. */
static inline uint64_t
spell(uint32_t bytes)
{
	uint64_t w = (uint64_t)(bytes >> 16) << 32 | (bytes & 0xffff);

	w = (w | w << 8) & UINT64_C(0x00ff00ff00ff00ff);
	/* A byte to its two halves, the upper one first. */
	w = (w >> 4 | w << 8) & UINT64_C(0x0f0f0f0f0f0f0f0f);

	const uint64_t above_9 = (w + 6 * UINT64_C(0x0101010101010101)) >> 4 &
				 UINT64_C(0x0101010101010101);

	return w + UINT64_C(0x3030303030303030) +
	       ('a' - '0' - 10) * above_9;
}

void
keyuuid_text(const uint8_t from[KEYUUID_LEN], char to[KEYUUID_TEXT_LEN])
{
	uint8_t *const p = (uint8_t *)to;
	const uint64_t b = spell(load_le32(from + 4));
	const uint64_t c = spell(load_le32(from + 8));

	store_le64(p, spell(load_le32(from)));
	p[8] = '-';
	store_le32(p + 9, (uint32_t)b);
	p[13] = '-';
	store_le32(p + 14, (uint32_t)(b >> 32));
	p[18] = '-';
	store_le32(p + 19, (uint32_t)c);
	p[23] = '-';
	store_le32(p + 24, (uint32_t)(c >> 32));
	store_le64(p + 28, spell(load_le32(from + 12)));
}
