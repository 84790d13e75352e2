/* remap_put.c - the four forms of a digest. */
#include <assert.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "base/bytes.h"
#include "base/cpu.h"
#include "expr/remap_internal.h"

/* Four bytes as eight hexadecimal digits, eight at a time in a word. */
static uint64_t
hex8(uint32_t bytes)
{
	const uint64_t ones = 0x0101010101010101;
	uint64_t x = bytes;

	x = (x | x << 16) & 0x0000ffff0000ffff;
	x = (x | x << 8) & 0x00ff00ff00ff00ff;
	x = (x >> 4 & 0x000f000f000f000f) | (x & 0x000f000f000f000f) << 8;

	const uint64_t letters = (x + 6 * ones) >> 4 & ones;

	return x + '0' * ones + letters * ('a' - '0' - 10);
}

static size_t
put_uuid(const uint8_t digest[SHA256_LEN], uint8_t *out)
{
	/* In words, so that nothing waits for a byte to be stored. */
	const uint64_t b = hex8((load_le32(digest + 4) & ~0x00f00000u) |
				0x00800000u);	/* version 8 */
	const uint64_t c = hex8((load_le32(digest + 8) & ~0x000000c0u) |
				0x00000080u);	/* variant 10 */

	store_le64(out, hex8(load_le32(digest)));
	out[8] = '-';
	store_le32(out + 9, (uint32_t)b);
	out[13] = '-';
	store_le32(out + 14, (uint32_t)(b >> 32));
	out[18] = '-';
	store_le32(out + 19, (uint32_t)c);
	out[23] = '-';
	store_le32(out + 24, (uint32_t)(c >> 32));
	store_le64(out + 28, hex8(load_le32(digest + 12)));
	return 36;
}

#if defined(__x86_64__)
#define TARGET __attribute__((target("ssse3")))

TARGET static inline __m128i
hex16(__m128i nibbles)
{
	return _mm_shuffle_epi8(_mm_setr_epi8('0', '1', '2', '3', '4', '5',
					      '6', '7', '8', '9', 'a', 'b',
					      'c', 'd', 'e', 'f'), nibbles);
}

/* As put_uuid(): 32 digits in two registers, moved apart for the hyphens. */
TARGET static void
put_uuids_ssse3(const struct remap_digest *digests, size_t n,
		uint8_t *const *out)
{
	const __m128i low = _mm_set1_epi8(15);
	const __m128i keep = _mm_setr_epi8(-1, -1, -1, -1, -1, -1, 0x0f, -1,
					   0x3f, -1, -1, -1, -1, -1, -1, -1);
	const __m128i mark = _mm_setr_epi8(0, 0, 0, 0, 0, 0, (char)0x80, 0,
					   (char)0x80, 0, 0, 0, 0, 0, 0, 0);
	const __m128i to_first = _mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, -1, 8,
					       9, 10, 11, -1, 12, 13);
	/* Of the digits from the fourteenth on. */
	const __m128i to_second = _mm_setr_epi8(0, 1, -1, 2, 3, 4, 5, -1, 6, 7,
						8, 9, 10, 11, 12, 13);
	const __m128i hyphens = _mm_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, '-', 0,
					      0, 0, 0, '-', 0, 0);
	const __m128i more = _mm_setr_epi8(0, 0, '-', 0, 0, 0, 0, '-', 0, 0, 0,
					   0, 0, 0, 0, 0);

	for (size_t i = 0; i < n; i++) {
		const __m128i d = _mm_or_si128(mark, _mm_and_si128(keep,
			_mm_loadu_si128((const __m128i *)digests[i].bytes)));
		const __m128i h = _mm_and_si128(_mm_srli_epi16(d, 4), low);
		const __m128i l = _mm_and_si128(d, low);
		const __m128i a = hex16(_mm_unpacklo_epi8(h, l));
		const __m128i b = hex16(_mm_unpackhi_epi8(h, l));
		const __m128i middle = _mm_alignr_epi8(b, a, 14);

		_mm_storeu_si128((__m128i *)out[i],
			_mm_or_si128(hyphens, _mm_shuffle_epi8(a, to_first)));
		_mm_storeu_si128((__m128i *)(out[i] + 16),
			_mm_or_si128(more, _mm_shuffle_epi8(middle,
							    to_second)));
		store_le32(out[i] + 32, (uint32_t)_mm_cvtsi128_si32(
						_mm_srli_si128(b, 12)));
	}
}
#endif

void
remap_put_uuids(const struct remap_digest *digests, size_t n,
		uint8_t *const *out)
{
#if defined(__x86_64__)
	if (cpu_has(CPU_SHA)) {		/* and so SSSE3 */
		put_uuids_ssse3(digests, n, out);
		return;
	}
#endif
	for (size_t i = 0; i < n; i++)
		put_uuid(digests[i].bytes, out[i]);
}

static size_t
put_hex(const uint8_t digest[SHA256_LEN], unsigned length, uint8_t *out)
{
	uint8_t all[2 * SHA256_LEN];

	for (size_t i = 0; i < SHA256_LEN; i += 4)
		store_le64(all + 2 * i, hex8(load_le32(digest + i)));
	memcpy(out, all, length);
	return length;
}

/* Five bytes give eight characters; the last character would need padding. */
static size_t
put_base32(const uint8_t digest[SHA256_LEN], unsigned length, uint8_t *out)
{
	static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
	uint32_t bits = 0;
	unsigned nbits = 0;
	unsigned at = 0;

	for (unsigned i = 0; i < length; i++) {
		if (nbits < 5) {
			bits = bits << 8 | digest[at++];
			nbits += 8;
		}
		nbits -= 5;
		out[i] = (uint8_t)alphabet[bits >> nbits & 31];
	}
	return length;
}

/* Eight digits at a time in a word: halves, then halves of halves. */
static uint64_t
digits8(uint32_t v)
{
	uint64_t x = v / 10000 | (uint64_t)(v % 10000) << 32;
	uint64_t high = (x * 10486) >> 20 & 0x0000007f0000007f; /* by 100 */

	x = high | (x - 100 * high) << 16;
	high = (x * 103) >> 10 & 0x000f000f000f000f;		/* by 10 */
	x = high | (x - 10 * high) << 8;
	return x + '0' * (uint64_t)0x0101010101010101;
}

/* Nine digits at a time: the remainders of one long division after another. */
static size_t
put_number(const uint8_t digest[SHA256_LEN], unsigned ndigits, uint8_t *out)
{
	enum { STEP = 9, BASE = 1000000000, MAX = 45 };
	uint32_t words[SHA256_LEN / 4];
	uint8_t text[MAX];
	uint8_t *first = text + MAX;
	uint8_t *const end = text + MAX;

	for (size_t i = 0; i < SHA256_LEN / 4; i++)
		words[i] = (uint32_t)digest[4 * i] << 24 |
			   (uint32_t)digest[4 * i + 1] << 16 |
			   (uint32_t)digest[4 * i + 2] << 8 | digest[4 * i + 3];
	while ((size_t)(end - first) < ndigits) {
		uint32_t rest = 0;

		for (size_t i = 0; i < SHA256_LEN / 4; i++) {
			const uint64_t v = (uint64_t)rest << 32 | words[i];

			words[i] = (uint32_t)(v / BASE);
			rest = (uint32_t)(v % BASE);
		}
		first -= STEP;
		first[0] = (uint8_t)('0' + rest / 100000000);
		store_le64(first + 1, digits8(rest % 100000000));
	}

	first = end - ndigits;
	while (first < end && *first == '0')
		first++;
	if (first == end) {
		out[0] = '1';
		return 1;
	}
	memcpy(out, first, (size_t)(end - first));
	return (size_t)(end - first);
}

size_t
remap_put(enum remap_form form, unsigned length,
	  const uint8_t digest[SHA256_LEN], uint8_t *out)
{
	switch (form) {
	case REMAP_UUID:
		return put_uuid(digest, out);
	case REMAP_HEX:
		return put_hex(digest, length, out);
	case REMAP_BASE32:
		return put_base32(digest, length, out);
	case REMAP_NUMBER:
		return put_number(digest, length, out);
	}
	assert(false);
	return 0;
}
