/* rematch_walk.c - from notes to tokens: the hot half of rematch. */
#include <assert.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "base/buf.h"
#include "base/bytes.h"
#include "formats/rematch_internal.h"

#define INLINE static inline __attribute__((always_inline))

enum {
	/* Three literals are shorter than a match of three from farther. */
	NEAR = 4096,
	SEEN_LEN = 4,		/* bytes that are hashed */
	/* Granules that are noted at once; the oldest may go by it. */
	TOO_MANY = 8,
	PIECE_LEN = (GRANULES - TOO_MANY) * GRANULE - DEFLATE_MAX_DIST,
};

/*
 * How many bytes are the same, at most `most`?  Are `n` bytes?  REMATCH_SLACK
 * may be read behind them.
 */
struct same {
	size_t (*len)(const uint8_t *a, const uint8_t *b, size_t most);
	bool (*as)(const uint8_t *a, const uint8_t *b, size_t n);
};

INLINE size_t
same_len_portable(const uint8_t *a, const uint8_t *b, size_t most)
{
	for (size_t i = 0; i < most; i += 8) {
		const uint64_t x = load_le64(a + i) ^ load_le64(b + i);

		if (x != 0) {
			i += (size_t)__builtin_ctzll(x) / 8;
			return i < most ? i : most;
		}
	}
	return most;
}

INLINE bool
same_as_portable(const uint8_t *a, const uint8_t *b, size_t n)
{
	return same_len_portable(a, b, n) == n;
}

/* Texts on their way. */
struct walk {
	const uint8_t *text;
	size_t end;			/* of the text */
	size_t covered;
	uint32_t base;
	uint32_t *next;			/* token to be written */
};

INLINE void
put_match(struct walk *w, size_t at, size_t len, size_t dist)
{
	size_t lits = at - w->covered;

	assert(at >= w->covered);
	for (; __builtin_expect(lits >= TOKEN_ONLY_LITS, 0);
	     lits -= TOKEN_ONLY_LITS)
		*w->next++ = (uint32_t)TOKEN_ONLY_LITS <<
			     (TOKEN_DIST_BITS + TOKEN_LEN_BITS);
	*w->next++ = token_of((uint32_t)lits, (uint32_t)len, (uint32_t)dist);
	w->covered = at + len;
}

INLINE bool
is_worth(size_t len, size_t dist)
{
	return len > DEFLATE_MIN_MATCH ||
	       (len == DEFLATE_MIN_MATCH && dist <= NEAR);
}

/* ---- where the input has gone -------------------------------------------- */

/*
 * The last stretch is what the granules from `x` to `end` note.  Eight at a
 * time: what is behind the end is noted anew before anybody asks, and how many
 * there are could not be foretold.
 */
INLINE void
note_granules(struct rematch *r, uint64_t x, uint64_t end)
{
	const uint64_t four = r->last * UINT64_C(0x0001000100010001);

	do {	/* two words of four granules */
		const size_t i = (x >> GRANULE_BITS) % GRANULES;

		if (__builtin_expect(i > GRANULES - TOO_MANY, 0)) {
			for (size_t k = i; k < i + TOO_MANY; k++)
				r->granules[k % GRANULES] = (uint16_t)r->last;
		} else {
			memcpy(&r->granules[i], &four, sizeof(four));
			memcpy(&r->granules[i + 4], &four, sizeof(four));
		}
		x += TOO_MANY * GRANULE;
	} while (__builtin_expect(x < end, 0));
}

INLINE void
note_stretch(struct rematch *r, uint64_t from, uint32_t len, uint32_t shift)
{
	const uint64_t end = from + len;
	uint64_t x = (r->noted + GRANULE - 1) & ~(uint64_t)(GRANULE - 1);

	r->last = (r->last + 1) % STRETCHES;
	r->stretches[r->last] = (struct stretch){
		(uint32_t)from, (uint32_t)end, shift };
	if (end > x + GRANULES * GRANULE)
		x = (end - GRANULES * GRANULE) & ~(uint64_t)(GRANULE - 1);
	note_granules(r, x, end);
	r->noted = end;
}

/* The first stretch that ends behind `at`, which the last one does. */
INLINE const struct stretch *
find_stretch(const struct rematch *r, uint32_t at)
{
	uint32_t i = r->granules[(at >> GRANULE_BITS) % GRANULES];

	while ((int32_t)(r->stretches[i].end - at) <= 0 && i != r->last)
		i = (i + 1) % STRETCHES;
	return &r->stretches[i];
}

/* ---- without notes ------------------------------------------------------- */

INLINE uint32_t *
seen_at(struct rematch *r, const uint8_t *text)
{
	return &r->seen[load_le32(text) * 0x9E3779B1u >> (32 - SEEN_BITS)];
}

/* Make tokens of the text up to `stop` by looking for matches. */
INLINE void
search(struct rematch *r, struct walk *w, size_t stop, const struct same *same)
{
	size_t at = w->covered > r->searched ? w->covered : r->searched;

	while (at + SEEN_LEN <= stop) {
		uint32_t *const seen = seen_at(r, w->text + at);
		const uint32_t here = (uint32_t)at + w->base;
		const uint32_t dist = here - *seen;
		size_t len;

		*seen = here;
		if (dist - 1 >= DEFLATE_MAX_DIST || dist > at ||
		    load_le32(w->text + at) != load_le32(w->text + at - dist)) {
			at++;
			continue;
		}
		len = stop - at < DEFLATE_MAX_MATCH ? stop - at :
		      DEFLATE_MAX_MATCH;
		len = same->len(w->text + at, w->text + at - dist, len);
		put_match(w, at, len, dist);
		for (size_t i = 1; i < len && at + i + SEEN_LEN <= stop; i++)
			*seen_at(r, w->text + at + i) = here + (uint32_t)i;
		at += len;
	}
	r->searched = at;
}

/* Where text that was put in and begins with these bytes is noted. */
INLINE uint32_t *
inserted_at(struct rematch *r, uint64_t text)
{
	return &r->inserted[text * 0x9E3779B97F4A7C15u >>
			    (64 - INSERTED_BITS)];
}

/* Put a match of text that was put in at `at`, if it was before; 0 if not. */
INLINE size_t
put_seen(struct rematch *r, struct walk *w, size_t at, const struct same *same)
{
	uint32_t *const seen = inserted_at(r, load_le64(w->text + at));
	const uint32_t here = (uint32_t)at + w->base;
	const uint32_t dist = here - *seen;
	size_t len = w->end - at < DEFLATE_MAX_MATCH ? w->end - at :
		     DEFLATE_MAX_MATCH;

	*seen = here;
	if (dist - 1 >= DEFLATE_MAX_DIST || dist > at)
		return 0;
	len = same->len(w->text + at, w->text + at - dist, len);
	if (len < INSERTED_LEN)
		return 0;
	put_match(w, at, len, dist);
	return len;
}

/*
 * Text from `at` to `end` that was put in before what is copied next: the same
 * may have been put in before, as with an attribute that all items are given,
 * or an id that is said twice.  Not if a match went on over it, which is known
 * late: so it is asked last, and mostly not at all.
 */
INLINE void
put_inserted(struct rematch *r, struct walk *w, size_t at, size_t end,
	     const struct same *same)
{
	size_t len;

	if (at + INSERTED_LEN > end)
		return;

	const uint64_t text = load_le64(w->text + at);
	uint32_t *const seen = inserted_at(r, text);
	const uint32_t here = (uint32_t)at + w->base, before = *seen;
	const uint32_t dist = here - before;
	const bool may = (dist - 1 < DEFLATE_MAX_DIST) & (dist <= at);
	const uint32_t back = dist & (0 - (uint32_t)may);
	const bool is = may & (load_le64(w->text + at - back) == text);
	const bool is_free = w->covered <= at;

	*seen = before ^ ((before ^ here) & (0 - (uint32_t)is_free));
	if (__builtin_expect(!is, 1) || !is_free)
		return;
	*seen = before;		/* for put_seen() to find */
	while (at + INSERTED_LEN <= end &&
	       (len = put_seen(r, w, at, same)) > 0)
		at += len;
}

/* ---- with them ----------------------------------------------------------- */

/* A match of the input that something copied has a part of. */
struct match {
	uint32_t end;			/* of the match */
	uint32_t dist;
};

/*
 * Put what is left at input position `at` of a match; `shift` makes indexes of
 * positions.  Returns where to go on: behind `at`.
 */
INLINE uint32_t
move_match(struct rematch *r, struct walk *w, uint32_t at,
	   struct match m, uint32_t shift, const struct same *same)
{
	const struct stretch *const s = find_stretch(r, at - m.dist);
	uint32_t from = at - m.dist;

	/* The text that was copied is gone, up to here. */
	if ((int32_t)(s->from - from) > 0) {
		at += s->from - from;
		from = s->from;
		if ((int32_t)(m.end - at) <= 0)
			return at;
	}

	const size_t to = (uint32_t)(at + shift);
	const uint32_t dist = (uint32_t)to + w->base - (from + s->shift);
	size_t len;

	if (dist - 1 >= DEFLATE_MAX_DIST || to >= w->end || dist > to)
		return m.end;
	len = w->end - to < DEFLATE_MAX_MATCH ? w->end - to :
	      DEFLATE_MAX_MATCH;
	len = same->len(w->text + to, w->text + to - dist, len);
	if (!is_worth(len, dist)) {
		/* Perhaps what follows the stretch is more. */
		const uint32_t left = s->end - from;

		return left - 1 < m.end - at ? at + left : m.end;
	}
	put_match(w, to, len, dist);
	r->known += len;
	return at + (uint32_t)len;
}

/* Tokens of the input, to be read. */
struct reader {
	const uint32_t *token, *last;
	uint32_t begins;		/* where its literals do */
};

/*
 * Put what is left of a match from `at` on, up to `end`, in pieces if what it
 * copies has come apart.
 */
INLINE void
move_pieces(struct rematch *r, struct walk *w, uint32_t at, uint32_t end,
	    struct match m, uint32_t shift, const struct same *same)
{
	while ((int32_t)(end - at) > 0)
		at = move_match(r, w, at, m, shift, same);
}

/* Perhaps the last match goes on where what was copied does not. */
INLINE void
lengthen(struct walk *w, const struct same *same)
{
	const uint32_t token = w->next[-1];
	const uint32_t len = token_len(token), dist = token_dist(token);
	const size_t at = w->covered;
	size_t most = w->end - at, more;

	if (most > DEFLATE_MAX_MATCH - len)
		most = DEFLATE_MAX_MATCH - len;
	more = same->len(w->text + at, w->text + at - dist, most);
	w->next[-1] = token_of(token_lits(token), len + (uint32_t)more, dist);
	w->covered += more;
}

INLINE uint32_t
later(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) > 0 ? a : b;
}

/* Where walk_stretch() is, in registers. */
struct place {
	uint32_t covered;		/* index */
	uint32_t *next;			/* token to be written */
	uint32_t known;
	uint32_t limit;			/* of distances */
};

/*
 * Put what was copied of a match, [at, stop) of the input, if anything comes of
 * it.  Returns where the next may begin.
 */
INLINE uint32_t
put_part(struct rematch *r, struct walk *w, struct place *p, uint32_t at,
	 uint32_t stop, struct match m, uint32_t shift,
	 const struct same *same)
{
	const struct stretch *const s = find_stretch(r, at - m.dist);
	const uint32_t from = later(at - m.dist, s->from);
	const uint32_t to = from + m.dist + shift;
	const int32_t n = (int32_t)(stop - from - m.dist);
	const uint32_t dist = to + w->base - from - s->shift;
	const uint32_t run = to - p->covered;
	const bool is = (n >= DEFLATE_MIN_MATCH) & (dist - 1 < p->limit);

	if (is && (run >= TOKEN_ONLY_LITS ||
		   !same->as(w->text + to, w->text + to - dist,
			     (uint32_t)n))) {
		w->covered = p->covered;
		w->next = p->next;
		move_pieces(r, w, from + m.dist, stop, m, shift, same);
		p->covered = (uint32_t)w->covered;
		p->next = w->next;
		return p->covered - shift;
	}
	*p->next = token_of(run, (uint32_t)n, dist);
	p->next += is;
	p->covered = is ? to + (uint32_t)n : p->covered;
	p->known += is ? (uint32_t)n : 0;
	return stop;
}

/* Pass over the tokens behind *token that end at or before `at` and `end`. */
INLINE void
pass_over(const uint32_t **token, const uint32_t *last, uint32_t *begins,
	  uint32_t at, uint32_t end)
{
	while (*token + 1 < last) {
		const uint32_t stop = *begins + token_text((*token)[1]);

		if ((int32_t)(stop - at) > 0 || (int32_t)(stop - end) > 0)
			break;
		*begins = stop;
		++*token;
	}
}

/*
 * Put the matches of what was copied, [at, end) of the input; `shift` makes
 * indexes of positions.
 *
 * There are few branches: what becomes of a match cannot be foretold.  Each is
 * cut to what was copied of it, and to what it copies that is still there, and
 * written; whether it counts is seen then.  Nothing of the next depends on what
 * was looked up, so that the processor can be with several at once.
 */
INLINE void
walk_stretch(struct rematch *r, struct walk *w, struct reader *t, uint32_t at,
	     const uint32_t end, const uint32_t shift, const struct same *same)
{
	const uint32_t first = at + shift;	/* index */
	struct place p = {
		.covered = (uint32_t)w->covered, .next = w->next,
		.limit = first < DEFLATE_MAX_DIST ? first : DEFLATE_MAX_DIST,
	};
	const uint32_t *token = t->token;
	const uint32_t *const last = t->last;
	uint32_t begins = t->begins, mend = begins;

	/* Those of what was not copied. */
	for (; token < last; token++) {
		mend = begins + token_text(*token);
		if ((int32_t)(mend - at) > 0)
			break;
		begins = mend;
	}
	/* Those that are there to their end. */
	for (; token < last; token++) {
		const uint32_t m = begins + token_lits(*token);

		mend = begins + token_text(*token);
		if ((int32_t)(mend - end) > 0)
			break;
		if (m != mend)
			at = put_part(r, w, &p, later(m, at), mend,
				      (struct match){ mend, token_dist(*token) },
				      shift, same);
		begins = mend;
		/* It went on over others? */
		if (__builtin_expect((int32_t)(at - mend) > 0, 0))
			pass_over(&token, last, &begins, at, end);
	}
	/* The one that is there in part. */
	bool in_part = false;
	if (token < last) {
		const uint32_t m = later(begins + token_lits(*token), at);

		in_part = (int32_t)(end - m) > 0 && m != mend;
		if (in_part)
			put_part(r, w, &p, m, end, (struct match){
					mend, token_dist(*token) }, shift,
				 same);
	}
	w->covered = p.covered;
	w->next = p.next;
	r->known += p.known;
	t->token = token;
	t->begins = begins;
	/* How much the tokens are ahead of the text must not show. */
	if (in_part && p.covered == end + shift && p.next > r->tokens + r->n)
		lengthen(w, same);
}

/* Note the first `len` bytes of `c` and put what its matches come to. */
INLINE void
walk_copied(struct rematch *r, struct walk *w, struct reader *t,
	    const struct copied *c, uint32_t len, const struct same *same)
{
	const uint32_t from = (uint32_t)c->from, end = from + len;
	const uint32_t shift = c->to - from;
	uint32_t at = from;

	note_stretch(r, c->from, len, shift + w->base);
	if (w->covered > c->to)
		at += (uint32_t)(w->covered - c->to);
	if (!r->poor)
		walk_stretch(r, w, t, at, end, shift, same);
}

/*
 * How much to look at at once, at index `to`: as far back as a match reaches
 * must be known beside it; and near the start of the text, where none may reach
 * before that, a part of what there is.
 */
INLINE uint32_t
piece_len(uint32_t to)
{
	return to >= PIECE_LEN ? PIECE_LEN : GRANULE + to / 4;
}

INLINE void
walk(struct rematch *r, const struct buf *text, const struct copied *copied,
     size_t ncopied, struct matches *matches, const struct same *same)
{
	struct walk w = {
		.text = text->ptr, .end = text->len, .covered = r->covered,
		.base = r->base, .next = r->tokens + r->n,
	};
	struct reader t = {
		.token = matches->tokens, .last = matches->tokens + matches->n,
		.begins = (uint32_t)matches->from,
	};
	size_t end = r->done;	/* of what was copied */

	for (size_t i = 0; i < ncopied; i++) {
		struct copied c = copied[i];

		if (!r->poor)
			put_inserted(r, &w, end, c.to, same);
		end = c.to + (size_t)c.len;
		assert(end <= text->len);
		if (c.from < r->noted || c.len == 0)
			continue;	/* not in order; or nothing */
		for (uint32_t n; c.len > (n = piece_len(c.to)); c.len -= n) {
			walk_copied(r, &w, &t, &c, n, same);
			c.from += n;
			c.to += n;
		}
		walk_copied(r, &w, &t, &c, c.len, same);
	}
	if (r->poor)
		search(r, &w, w.end, same);
	r->n = (size_t)(w.next - r->tokens);
	r->covered = w.covered;
	matches->n = (size_t)(t.last - t.token);
	matches->tokens = t.token;
	matches->from += (uint32_t)(t.begins - (uint32_t)matches->from);
}

void
rematch_walk_portable(struct rematch *r, const struct buf *text,
		      const struct copied *copied, size_t ncopied,
		      struct matches *matches)
{
	walk(r, text, copied, ncopied, matches, &(struct same){
		same_len_portable, same_as_portable });
}

#if defined(__x86_64__)
#define AVX512 "avx512f,avx512bw,avx512vl,bmi,bmi2"

__attribute__((target(AVX512), always_inline)) static inline uint64_t
differences(const uint8_t *a, const uint8_t *b)
{
	return _mm512_cmpneq_epi8_mask(_mm512_loadu_si512(a),
				       _mm512_loadu_si512(b));
}

__attribute__((target(AVX512), always_inline)) static inline size_t
same_len_avx512(const uint8_t *a, const uint8_t *b, size_t most)
{
	for (size_t i = 0; i < most; i += 64) {
		const uint64_t differ = differences(a + i, b + i);

		if (differ != 0) {
			i += (size_t)__builtin_ctzll(differ);
			return i < most ? i : most;
		}
	}
	return most;
}

__attribute__((target(AVX512), always_inline)) static inline bool
same_as_avx512(const uint8_t *a, const uint8_t *b, size_t n)
{
	const uint64_t differ = differences(a, b);

	if (__builtin_expect(n > 64, 0))
		return differ == 0 &&
		       same_len_avx512(a + 64, b + 64, n - 64) == n - 64;
	return _bzhi_u64(differ, (uint32_t)n) == 0;
}

__attribute__((target(AVX512))) void
rematch_walk_avx512(struct rematch *r, const struct buf *text,
		    const struct copied *copied, size_t ncopied,
		    struct matches *matches)
{
	walk(r, text, copied, ncopied, matches, &(struct same){
		same_len_avx512, same_as_avx512 });
}

__attribute__((target("avx2,bmi"), always_inline)) static inline size_t
same_len_avx2(const uint8_t *a, const uint8_t *b, size_t most)
{
	for (size_t i = 0; i < most; i += 32) {
		const __m256i x = _mm256_loadu_si256((const void *)(a + i));
		const __m256i y = _mm256_loadu_si256((const void *)(b + i));
		const uint32_t differ = ~(uint32_t)_mm256_movemask_epi8(
						_mm256_cmpeq_epi8(x, y));

		if (differ != 0) {
			i += (size_t)__builtin_ctz(differ);
			return i < most ? i : most;
		}
	}
	return most;
}

__attribute__((target("avx2,bmi,bmi2"), always_inline)) static inline bool
same_as_avx2(const uint8_t *a, const uint8_t *b, size_t n)
{
	const __m256i x = _mm256_loadu_si256((const void *)a);
	const __m256i y = _mm256_loadu_si256((const void *)b);
	const uint32_t same = (uint32_t)_mm256_movemask_epi8(
					_mm256_cmpeq_epi8(x, y));

	if (__builtin_expect(n > 32, 0))
		return same == UINT32_MAX &&
		       same_len_avx2(a + 32, b + 32, n - 32) == n - 32;
	return _bzhi_u32(~same, (uint32_t)n) == 0;
}

__attribute__((target("avx2,bmi,bmi2"))) void
rematch_walk_avx2(struct rematch *r, const struct buf *text,
		  const struct copied *copied, size_t ncopied,
		  struct matches *matches)
{
	walk(r, text, copied, ncopied, matches, &(struct same){
		same_len_avx2, same_as_avx2 });
}
#endif
