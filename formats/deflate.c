/*
 * DEFLATE, AS WRITTEN from tokens: blocks with codes of their own.
 *
 * Everything that a symbol needs - code, extra bits and how many they are - is
 * put in tables for each block: a token costs two look-ups, a literal one.
 */
#include "formats/deflate.h"

#include <stdbool.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "base/buf.h"
#include "base/bytes.h"
#include "base/cpu.h"
#include "base/err.h"
#include "formats/deflate_code.h"

#define INLINE static inline __attribute__((always_inline))

enum {
	MAX_LENS = LITLEN_SYMBOLS + DIST_SYMBOLS,
	LENS = DEFLATE_MAX_MATCH - DEFLATE_MIN_MATCH + 1,
	/* Of a block besides its symbols, in bytes; less is needed. */
	HEAD_ROOM = 512,
	ASCII = 128,
};

/* Bits to be written at once. */
struct piece {
	uint32_t bits;
	uint32_t n;
};

struct tables {
	struct piece lits[256];
	struct piece lens[LENS];	/* with extra bits */
	struct {
		uint32_t bits;
		uint16_t n, mask;	/* without extra bits; what they are */
		uint32_t all;		/* bits, with those */
	} dists[DIST_SYMBOLS];
	struct piece end;
	/* Of ASCII: how many bits; their lower and upper eight. */
	_Alignas(64) uint8_t wide[3][ASCII];
};

/* ---- symbols ------------------------------------------------------------- */

/* RFC 1951, 3.2.5. */
static const uint16_t LEN_BASE[] = {
	3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51,
	59, 67, 83, 99, 115, 131, 163, 195, 227, 258,
};
static const uint8_t LEN_EXTRA[] = {
	0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4,
	5, 5, 5, 5, 0,
};

/* How many extra bits a distance's symbol has. */
INLINE uint32_t
dist_extra(uint32_t symbol)
{
	return symbol < 4 ? 0 : symbol / 2 - 1;
}

/*
 * Symbols of distances d + 1: two begin with each highest bit.  Of those above
 * 256 the lower 7 bits do not matter.
 */
#define R2(x) x, x
#define R4(x) R2(x), R2(x)
#define R8(x) R4(x), R4(x)
#define R16(x) R8(x), R8(x)
#define R32(x) R16(x), R16(x)
#define R64(x) R32(x), R32(x)
enum { NEAR = 256 };
static const uint8_t SYMBOLS[2 * NEAR] = {
	0, 1, 2, 3, R2(4), R2(5), R4(6), R4(7), R8(8), R8(9), R16(10), R16(11),
	R32(12), R32(13), R64(14), R64(15),
	[NEAR + 2] = 16, 17, R2(18), R2(19), R4(20), R4(21), R8(22), R8(23),
	R16(24), R16(25), R32(26), R32(27), R64(28), R64(29),
};

INLINE uint32_t
dist_symbol(uint32_t d)
{
	uint32_t i = NEAR + (d >> 7);

	i = d < NEAR ? d : i;	/* no branch: it could not be foretold */
	return SYMBOLS[i];
}

/* ---- counting ------------------------------------------------------------ */

/*
 * In a large block every eighth stretch of tokens stands for all.  Symbols that
 * were not seen there get a code all the same, a long one.  Returns where the
 * text of the tokens ends.
 */
enum { LARGE = 2048, STRETCH = 64, EVERY = 8, WEIGHT = 16,
       BETWEEN = (EVERY - 1) * STRETCH };

INLINE const uint8_t *
skip(const uint32_t *tokens, size_t n, const uint8_t *text)
{
	uint32_t len = 0;	/* of so few it cannot wrap */

	/* For compilers that want to know how often, before they use vectors. */
	if (n == BETWEEN)
		for (size_t i = 0; i < BETWEEN; i++)
			len += token_text(tokens[i]);
	else
		for (size_t i = 0; i < n; i++)
			len += token_text(tokens[i]);
	return text + len;
}

INLINE const uint8_t *
count(struct deflate_counts *c, const uint32_t *tokens, size_t n,
      const uint8_t *text, const uint8_t *end)
{
	const bool all = n < LARGE;
	uint32_t lens[LENS] = { 0 };

	memset(c, 0, sizeof(*c));
	for (size_t i = 0; i < n; i++) {
		if (!all && i % (EVERY * STRETCH) == STRETCH) {
			const size_t k = n - i < BETWEEN ? n - i : BETWEEN;

			text = skip(tokens + i, k, text);
			i += k;
			if (i == n)
				break;
		}

		const uint32_t t = tokens[i];
		const uint8_t *const stop = text + token_lits(t);

		while (__builtin_expect(stop - text > 3, 0))
			c->litlens[*text++]++;
		c->litlens[text[0]] += stop - text > 0;
		c->litlens[text[1]] += stop - text > 1;
		c->litlens[text[2]] += stop - text > 2;
		text = stop;
		if (token_lits(t) == TOKEN_ONLY_LITS)
			continue;
		lens[token_len(t) - DEFLATE_MIN_MATCH]++;
		c->dists[dist_symbol(token_dist(t) - 1)]++;
		text += token_len(t);
	}
	if (all)
		for (const uint8_t *p = text; p < end; p++)
			c->litlens[*p]++;
	for (unsigned s = 0; s < sizeof(LEN_EXTRA); s++)
		for (unsigned k = 0; k < 1U << LEN_EXTRA[s] &&
		     LEN_BASE[s] + k < DEFLATE_MAX_MATCH + (s == 28); k++)
			c->litlens[END_OF_BLOCK + 1 + s] +=
				lens[LEN_BASE[s] + k - DEFLATE_MIN_MATCH];
	for (unsigned s = 0; s < LITLEN_SYMBOLS && !all; s++)
		c->litlens[s] = WEIGHT * c->litlens[s] + 1;
	for (unsigned s = 0; s < DIST_SYMBOLS && !all; s++)
		c->dists[s] = WEIGHT * c->dists[s] + 1;
	c->litlens[END_OF_BLOCK] = 1;
	return text;
}

/* ---- writing ------------------------------------------------------------- */

/* Bits on their way to `at`, where 8 bytes can always be written. */
struct writer {
	uint64_t bits;
	uint32_t n;
	uint8_t *at;
};

INLINE void
add(struct writer *w, uint64_t bits, uint32_t n)
{
	w->bits |= bits << w->n;
	w->n += n;
}

/* Less than 8 bits are left. */
INLINE void
flush(struct writer *w)
{
	store_le64(w->at, w->bits);
	w->at += w->n >> 3;
	w->bits >>= w->n & ~7u;
	w->n &= 7;
}

static void
make_tables(struct tables *t, const struct deflate_codes *c)
{
	for (unsigned i = 0; i < 256; i++)
		t->lits[i] = (struct piece){ c->litlen[i], c->litlen_len[i] };
	for (unsigned i = 0; i < ASCII; i++) {
		t->wide[0][i] = c->litlen_len[i];
		t->wide[1][i] = (uint8_t)c->litlen[i];
		t->wide[2][i] = (uint8_t)(c->litlen[i] >> 8);
	}
	t->end = (struct piece){ c->litlen[END_OF_BLOCK],
				 c->litlen_len[END_OF_BLOCK] };
	for (unsigned s = 0; s < sizeof(LEN_EXTRA); s++) {
		const unsigned symbol = END_OF_BLOCK + 1 + s;
		const uint32_t n = c->litlen_len[symbol];

		/* 258 has a symbol of its own, the last. */
		for (uint32_t k = 0; k < 1U << LEN_EXTRA[s]; k++)
			t->lens[LEN_BASE[s] + k - DEFLATE_MIN_MATCH] =
				(struct piece){ c->litlen[symbol] | k << n,
						n + LEN_EXTRA[s] };
	}
	for (unsigned s = 0; s < DIST_SYMBOLS; s++) {
		t->dists[s].bits = c->dist[s];
		t->dists[s].n = c->dist_len[s];
		t->dists[s].mask = (uint16_t)((1U << dist_extra(s)) - 1);
		t->dists[s].all = c->dist_len[s] + dist_extra(s);
	}
}

/*
 * 14 bits are the most that a literal has, 19 a length, 28 a distance: with
 * less than 8 bits waiting, four literals or a match fit before a flush.
 *
 * Mostly there are less than four literals.  How many cannot be foretold, so
 * three are written, of which some may be nothing.
 */
INLINE void
put_lit(struct writer *w, const struct tables *t, uint8_t c, uint32_t is)
{
	add(w, t->lits[c].bits & is, t->lits[c].n & is);
}

INLINE void
put_lits(struct writer *w, const struct tables *t, const uint8_t *text,
	 size_t n)
{
	for (; __builtin_expect(n > 3, 0); n -= 4, text += 4) {
		put_lit(w, t, text[0], UINT32_MAX);
		put_lit(w, t, text[1], UINT32_MAX);
		put_lit(w, t, text[2], UINT32_MAX);
		put_lit(w, t, text[3], UINT32_MAX);
		flush(w);
	}
	put_lit(w, t, text[0], 0 - (uint32_t)(n > 0));
	put_lit(w, t, text[1], 0 - (uint32_t)(n > 1));
	put_lit(w, t, text[2], 0 - (uint32_t)(n > 2));
}

/* As put_lits(): less than 8 bits were waiting, and 63 at most then are. */
typedef void put_literals(struct writer *w, const struct tables *t,
			  const uint8_t *text, size_t n);

INLINE void
put_tokens(struct writer *to, const struct tables *t, const uint32_t *tokens,
	   size_t n, const uint8_t *text, const uint8_t *end,
	   put_literals *put)
{
	struct writer w = *to;

	for (size_t i = 0; i < n; i++) {
		const uint32_t token = tokens[i];
		const uint32_t lits = token_lits(token);

		put(&w, t, text, lits);
		text += lits;
		if (__builtin_expect(lits == TOKEN_ONLY_LITS, 0)) {
			flush(&w);
			continue;
		}

		const uint32_t len = token_len(token);
		const struct piece l = t->lens[len - DEFLATE_MIN_MATCH];
		const uint32_t d = token_dist(token) - 1;
		const uint32_t s = dist_symbol(d);
		const uint64_t dist = t->dists[s].bits |
			(d & t->dists[s].mask) << t->dists[s].n;
		const uint32_t nbits = l.n + t->dists[s].all;

		/* Most fit behind the literals. */
		if (__builtin_expect(w.n + nbits > 63, 0))
			flush(&w);
		add(&w, l.bits | dist << l.n, nbits);
		flush(&w);
		text += len;
	}
	put(&w, t, text, (size_t)(end - text));
	flush(&w);
	add(&w, t->end.bits, t->end.n);
	flush(&w);
	*to = w;
}

static void
put_head(struct writer *w, const struct deflate_codes *c)
{
	struct deflate_head head;

	deflate_head(&head, c);
	add(w, 0 | 2 << 1, 3);		/* not the last; codes of its own */
	add(w, head.nlitlens - 257, 5);
	add(w, head.ndists - 1, 5);
	add(w, head.nlens - 4, 4);
	flush(w);
	for (unsigned i = 0; i < head.nlens; i++) {
		add(w, head.lens[i], 3);
		flush(w);
	}
	for (unsigned i = 0; i < head.n; i++) {
		add(w, head.pieces[i].bits, head.pieces[i].n);
		flush(w);
	}
}

/* Returns false if the tokens stand for more than that. */
INLINE bool
write_block(struct writer *w, const uint32_t *tokens, size_t n,
	    const uint8_t *text, size_t len, put_literals *put)
{
	struct deflate_counts counts;
	struct deflate_codes codes;
	struct tables tables;

	if (count(&counts, tokens, n, text, text + len) > text + len)
		return false;
	deflate_codes(&codes, &counts);
	make_tables(&tables, &codes);
	put_head(w, &codes);
	put_tokens(w, &tables, tokens, n, text, text + len, put);
	return true;
}

static bool
write_block_portable(struct writer *w, const uint32_t *tokens, size_t n,
		     const uint8_t *text, size_t len)
{
	return write_block(w, tokens, n, text, len, put_lits);
}

#if defined(__x86_64__)
/* The same with shifts that need no flags. */
__attribute__((target("avx2,bmi,bmi2,lzcnt"))) static bool
write_block_bmi2(struct writer *w, const uint32_t *tokens, size_t n,
		 const uint8_t *text, size_t len)
{
	return write_block(w, tokens, n, text, len, put_lits);
}

#define AVX512 "avx2,avx512f,avx512bw,avx512vl,avx512vbmi,bmi,bmi2,lzcnt"
#define INLINE_WIDE \
	__attribute__((target(AVX512), always_inline)) static inline

INLINE_WIDE __m512i
look_up(const uint8_t of[ASCII], __m512i letters)
{
	return _mm512_permutex2var_epi8(_mm512_load_si512(of), letters,
					_mm512_load_si512(of + 64));
}

/*
 * The bits of 32 letters at most, of which there are `n`: by two, by four, by
 * eight.  What is put together beside the writer need not wait for it.  False
 * if one is not ASCII, or eight of them have more bits than fit.
 */
INLINE_WIDE bool
put_many(struct writer *w, const struct tables *t, const uint8_t *text,
	 uint32_t n)
{
	const __mmask32 k = _bzhi_u32(UINT32_MAX, n);
	const __m256i letters = _mm256_maskz_loadu_epi8(k, text);
	const __m512i v = _mm512_castsi256_si512(letters);
	const __m512i low2 = _mm512_set1_epi32(0xffff);
	const __m512i low4 = _mm512_set1_epi64(UINT32_MAX);
	const __m512i n1 = _mm512_maskz_cvtepu8_epi16(k,
		_mm512_castsi512_si256(look_up(t->wide[0], v)));
	const __m512i lower = _mm512_maskz_cvtepu8_epi16(k,
		_mm512_castsi512_si256(look_up(t->wide[1], v)));
	const __m512i upper = _mm512_maskz_cvtepu8_epi16(k,
		_mm512_castsi512_si256(look_up(t->wide[2], v)));
	const __m512i one = _mm512_or_si512(lower,
					    _mm512_slli_epi16(upper, 8));
	const __m512i two = _mm512_or_si512(_mm512_and_si512(one, low2),
		_mm512_sllv_epi32(_mm512_srli_epi32(one, 16),
				  _mm512_and_si512(n1, low2)));
	const __m512i n2 = _mm512_madd_epi16(n1, _mm512_set1_epi16(1));
	const __m512i n2a = _mm512_and_si512(n2, low4);
	const __m512i four = _mm512_or_si512(_mm512_and_si512(two, low4),
		_mm512_sllv_epi64(_mm512_srli_epi64(two, 32), n2a));
	const __m512i n4 = _mm512_add_epi64(n2a, _mm512_srli_epi64(n2, 32));
	const __m512i eight = _mm512_or_si512(four,
		_mm512_sllv_epi64(_mm512_unpackhi_epi64(four, four), n4));
	const __m512i n8 = _mm512_add_epi64(n4, _mm512_unpackhi_epi64(n4, n4));
	_Alignas(64) uint64_t bits[8], nbits[8];

	if (__builtin_expect((_mm256_movepi8_mask(letters) |
			      (_mm512_cmpgt_epu64_mask(n8,
				_mm512_set1_epi64(56)) & 0x55)) != 0, 0))
		return false;
	_mm512_store_si512(bits, eight);
	_mm512_store_si512(nbits, n8);
	for (int i = 0; i < 8; i += 2) {
		add(w, bits[i], (uint32_t)nbits[i]);
		flush(w);
	}
	return true;
}

/* Likewise of eight at most. */
INLINE_WIDE bool
put_some(struct writer *w, const struct tables *t, const uint8_t *text,
	 uint32_t n)
{
	const __mmask8 k = (__mmask8)_bzhi_u32(0xff, n);
	const uint64_t letters = _bzhi_u64(load_le64(text), 8 * n);
	const __m512i v = _mm512_castsi128_si512(
		_mm_cvtsi64_si128((long long)letters));
	const __m128i low2 = _mm_set1_epi32(0xffff);
	const __m128i low4 = _mm_set1_epi64x(UINT32_MAX);
	const __m128i n1 = _mm_maskz_cvtepu8_epi16(k,
		_mm512_castsi512_si128(look_up(t->wide[0], v)));
	const __m128i one = _mm_maskz_mov_epi16(k, _mm_unpacklo_epi8(
		_mm512_castsi512_si128(look_up(t->wide[1], v)),
		_mm512_castsi512_si128(look_up(t->wide[2], v))));
	const __m128i two = _mm_or_si128(_mm_and_si128(one, low2),
		_mm_sllv_epi32(_mm_srli_epi32(one, 16),
			       _mm_and_si128(n1, low2)));
	const __m128i n2 = _mm_madd_epi16(n1, _mm_set1_epi16(1));
	const __m128i n2a = _mm_and_si128(n2, low4);
	const __m128i four = _mm_or_si128(_mm_and_si128(two, low4),
		_mm_sllv_epi64(_mm_srli_epi64(two, 32), n2a));
	const __m128i n4 = _mm_add_epi64(n2a, _mm_srli_epi64(n2, 32));
	const __m128i eight = _mm_or_si128(four,
		_mm_sllv_epi64(_mm_unpackhi_epi64(four, four), n4));
	const uint32_t n8 = (uint32_t)_mm_cvtsi128_si32(
		_mm_add_epi64(n4, _mm_unpackhi_epi64(n4, n4)));

	if (__builtin_expect(((letters & 0x8080808080808080) != 0) | (n8 > 56),
			     0))
		return false;
	add(w, (uint64_t)_mm_cvtsi128_si64(eight), n8);
	return true;
}

INLINE_WIDE void
put_lits_wide(struct writer *w, const struct tables *t, const uint8_t *text,
	      size_t n)
{
	for (size_t some; n > 8; text += some, n -= some) {
		some = n < 32 ? n : 32;
		if (!put_many(w, t, text, (uint32_t)some)) {
			put_lits(w, t, text, some);
			flush(w);
		}
	}
	if (!put_some(w, t, text, (uint32_t)n))
		put_lits(w, t, text, n);
}

/* The same with literals side by side. */
__attribute__((target(AVX512))) static bool
write_block_avx512(struct writer *w, const uint32_t *tokens, size_t n,
		   const uint8_t *text, size_t len)
{
	return write_block(w, tokens, n, text, len, put_lits_wide);
}
#endif

int
deflate_block(struct deflate_bits *b, const uint32_t *tokens, size_t n,
	      const uint8_t *text, size_t len, struct buf *out,
	      struct err *err)
{
	/* A byte is 15 bits at most, and a match, 6 bytes, stands for 3. */
	uint8_t *const at = buf_reserve(out, 2 * len + HEAD_ROOM, err);
	struct writer w = { b->bits, b->n, at };
	bool (*write)(struct writer *, const uint32_t *, size_t,
		      const uint8_t *, size_t) = write_block_portable;

	if (at == NULL)
		return -1;
#if defined(__x86_64__)
	if (cpu_has(CPU_AVX512))
		write = write_block_avx512;
	else if (cpu_has(CPU_AVX2))
		write = write_block_bmi2;
#endif
	if (!write(&w, tokens, n, text, len))
		return err_set(err, ERR_SYSTEM, "a match too many while packing"
			       ": please report this, and use --level 1");
	*b = (struct deflate_bits){ w.bits, w.n };
	buf_commit(out, (size_t)(w.at - at));
	return 0;
}

int
deflate_flush(struct deflate_bits *b, struct buf *out, struct err *err)
{
	uint8_t *const at = buf_reserve(out, HEAD_ROOM, err);
	struct writer w = { b->bits, b->n, at };

	if (at == NULL)
		return -1;
	add(&w, 0, 3);
	w.n = (w.n + 7) & ~7u;
	flush(&w);
	add(&w, 0xffff0000u, 32);
	flush(&w);
	*b = (struct deflate_bits){ 0, 0 };
	buf_commit(out, (size_t)(w.at - at));
	return 0;
}
