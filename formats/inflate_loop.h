/*
 * inflate_loop.h - the loop that reads a block's symbols, to be compiled for
 * more than one kind of processor.
 */
#ifndef FORMATS_INFLATE_LOOP_H
#define FORMATS_INFLATE_LOOP_H

#include <string.h>

#include "base/bytes.h"
#include "formats/inflate_internal.h"

#define INFLATE_INLINE static inline __attribute__((always_inline))

enum {
	/* What is read of the input by one turn of the loop. */
	IN_SLACK = 24,
};

/* Copy `len` bytes from less than STEP bytes before `to`. */
static __attribute__((noinline)) void
inflate_repeat(uint8_t *to, size_t dist, size_t len)
{
	const uint8_t *const end = to + len;
	const size_t stride = STEP - STEP % dist;
	uint8_t v[STEP];

	for (size_t i = 0; i < STEP; i++)
		to[i] = *(to + i - dist);
	memcpy(v, to, STEP);
	while ((to += stride) < end)
		memcpy(to, v, STEP);
}

/* What is `dist` before `out`; NULL if that is before the start. */
INFLATE_INLINE const uint8_t *
inflate_from(const struct inflate_cursor *c, const uint8_t *out, size_t dist)
{
	const size_t done = (size_t)(out - c->first);

	if (dist <= done)
		return out - dist;
	return dist - done <= c->nbefore ? c->before - (dist - done) : NULL;
}

typedef uint64_t inflate_wide
	__attribute__((vector_size(STEP), may_alias, aligned(1)));

/* Copy `len` bytes, and up to STEP - 1 more. */
INFLATE_INLINE void
inflate_copy(uint8_t *to, const uint8_t *from, size_t dist, size_t len)
{
	if (__builtin_expect(dist < STEP, 0)) {
		inflate_repeat(to, dist, len);
		return;
	}
	const uint8_t *const end = to + len;

	*(inflate_wide *)to = *(const inflate_wide *)from;
	while (__builtin_expect((to += STEP) < end, 0)) {
		from += STEP;
		*(inflate_wide *)to = *(const inflate_wide *)from;
	}
}

/* A token of the match after `nlits` literals. */
INFLATE_INLINE uint32_t
inflate_token(size_t nlits, size_t len, size_t dist)
{
	return (uint32_t)(nlits << INFLATE_LITERALS_AT |
			  (len - INFLATE_MIN_LEN) << INFLATE_LEN_AT |
			  (dist - 1));
}

/* Have 56 bits or more. */
#define REFILL() do {							\
		bits |= load_le64(in) << (n & 63);			\
		in += ~n >> 3 & 7;					\
		n |= 56;						\
	} while (0)

/* Be done with the bits of entry `e`; of n only the low 6 bits matter. */
#define TAKE(e) do {							\
		bits >>= (e) & 63;					\
		n -= (uint32_t)(e);					\
	} while (0)

/* The low `k` bits. */
#define LOW(k) (bits & ((UINT64_C(1) << (k)) - 1))

/*
 * `far`: there is text before c->first, as far back as a distance reaches;
 * without, all text is from there on.  `tell`: write tokens.
 *
 * A turn takes literals and a match of one entry of each table, the match
 * being of no length if there is none.  Nearly all goes that way, without a
 * branch that depends on what it is.
 */
INFLATE_INLINE enum inflate_pause
inflate_loop(const struct inflate_tables *t, struct inflate_cursor *c,
	     struct inflate_bits *b, const bool far, const bool tell)
{
	const uint8_t *in = c->in;
	uint8_t *out = c->out;
	uint8_t *const stop = c->stop;
	uint8_t *const first = c->first;
	const uintptr_t away = (uintptr_t)c->before - (uintptr_t)first;
	uint32_t *tokens = c->tokens;
	uintptr_t told = (uintptr_t)out - c->nlits;	/* up to here */
	uint64_t bits = b->bits, e;
	uint32_t d;
	uint32_t n = b->n;
	size_t len;
	enum inflate_pause pause;

	if (c->in_end - in < IN_SLACK)
		return PAUSE_IN;
	if (out >= stop)
		return PAUSE_OUT;

	const uint8_t *const in_stop = c->in_end - IN_SLACK;

	REFILL();
	e = t->lits[LOW(LIT_BITS)];
	for (;;) {
		const uint32_t lits = (uint32_t)(e >> 16);
		size_t dist;

		REFILL();
		memcpy(out, &lits, sizeof(lits));
		out += e >> 8 & 0xff;
		TAKE(e);
		if (__builtin_expect((e & 0xff) == 0, 0))
			goto odd;
		len = (uint16_t)(e >> 32);
		memcpy(&d, (const uint8_t *)t->after + (e >> 48) +
		       sizeof(d) * LOW(DIST_BITS), sizeof(d));
match:
		dist = d >> 16;
		if (__builtin_expect(d != 0, 1)) {
			dist += LOW(d & 63) >> (d >> 8 & 63);
			TAKE(d);
		} else {
			const struct inflate_symbol s =
				inflate_symbol(&t->dist_code, bits);

			if (s.nbits == 0 || s.symbol >= DIST_USED) {
				pause = PAUSE_BAD_CODE;
				break;
			}
			const unsigned x = inflate_dists[s.symbol].nbits;

			TAKE(s.nbits);
			dist = inflate_dists[s.symbol].base + LOW(x);
			TAKE(x);
		}
		e = t->lits[LOW(LIT_BITS)];

		uintptr_t from = (uintptr_t)out - dist;
		const size_t done = (size_t)(out - first);

		if (far) {
			from += away & (0 - (uintptr_t)(dist > done));
		} else if (__builtin_expect(dist > done, 0)) {
			if (len > 0) {
				pause = PAUSE_BAD_COPY;
				break;
			}
			goto after;
		}
		if (tell) {
			size_t nlits = (uintptr_t)out - told;

			for (; __builtin_expect(nlits >= INFLATE_LITERALS, 0);
			     nlits -= INFLATE_LITERALS) {
				*tokens++ = inflate_no_match;
				told += INFLATE_LITERALS;
			}
			/* Of no match: the next one overwrites it. */
			*tokens = inflate_token(nlits, len, dist);
			tokens += len > 0;
		}
		inflate_copy(out, (const uint8_t *)from, dist, len);
		out += len;
		if (tell)
			told = len > 0 ? (uintptr_t)out : told;
after:;
		*out = (uint8_t)(d >> 16);
		out += d >> 15 & 1;
next:
		if (in < in_stop && out < stop)
			continue;
		pause = out >= stop ? PAUSE_OUT : PAUSE_IN;
		break;
odd:;
		struct inflate_symbol s = {
			(uint16_t)(e >> 16), (uint16_t)(e >> 32),
		};

		if (e == 0)
			s = inflate_symbol(&t->lit_code, bits);
		if (s.nbits == 0 || s.symbol >= LIT_USED) {
			pause = PAUSE_BAD_CODE;
			break;
		}
		TAKE(s.nbits);
		if (s.symbol < END_OF_BLOCK) {
			*out++ = (uint8_t)s.symbol;
			e = t->lits[LOW(LIT_BITS)];
			goto next;
		}
		if (s.symbol == END_OF_BLOCK) {
			pause = PAUSE_BLOCK;
			break;
		}
		const struct inflate_extra l = inflate_lengths[s.symbol - 257];

		len = l.base + LOW(l.nbits);
		TAKE(l.nbits);
		REFILL();
		d = t->after[LOW(DIST_BITS)];
		goto match;
	}

	/* Whole bytes go back, but for those that came with earlier input. */
	size_t back = (n &= 63) / 8;

	if (back > (size_t)(in - c->in_first))
		back = (size_t)(in - c->in_first);
	n -= 8 * (uint32_t)back;
	b->bits = LOW(n);
	b->n = n;
	c->in = in - back;
	c->out = out;
	if (tell) {
		c->tokens = tokens;
		c->nlits = (uintptr_t)out - told;
	}
	return pause;
}

INFLATE_INLINE enum inflate_pause
inflate_loop_any(const struct inflate_tables *t, struct inflate_cursor *c,
		 struct inflate_bits *b)
{
	const bool far = c->before != NULL;

	if (c->tokens != NULL)
		return far ? inflate_loop(t, c, b, true, true) :
		       inflate_loop(t, c, b, false, true);
	return far ? inflate_loop(t, c, b, true, false) :
	       inflate_loop(t, c, b, false, false);
}

#undef REFILL
#undef TAKE
#undef LOW

#endif
