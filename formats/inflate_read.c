/*
 * inflate_read.c - RFC 1951 from block to block.
 *
 * Symbols are read by the fast loop (inflate_loop.h) while there is input
 * enough for it to load 8 bytes at once, then one by one and with no more bytes
 * than are needed.  A symbol, with all that belongs to it, is taken as a whole
 * or not at all; so what is left over between two calls is less than a symbol,
 * and at the end of the stream less than a byte.
 */
#include <assert.h>
#include <string.h>

#include "base/bytes.h"
#include "formats/inflate_internal.h"
#include "formats/inflate_loop.h"

enum inflate_pause
inflate_loop_portable(const struct inflate_tables *t, struct inflate_cursor *c,
		      struct inflate_bits *b)
{
	return inflate_loop_any(t, c, b);
}

/*
 * Have `n` bits, up to 48, if the input has them.  Bytes that turn out not to
 * be needed are given back at the end.
 */
static bool
need(struct inflate_bits *b, struct inflate_cursor *c, unsigned n)
{
	if (b->n < n && c->in_end - c->in >= 8) {
		b->bits |= load_le64(c->in) << b->n;
		c->in += (63 - b->n) / 8;
		b->n |= 56;
		b->bits &= (UINT64_C(1) << b->n) - 1;
	}
	while (b->n < n) {
		if (c->in == c->in_end)
			return false;
		b->bits |= (uint64_t)*c->in++ << b->n;
		b->n += 8;
	}
	return true;
}

static void
give_back(struct inflate_bits *b, struct inflate_cursor *c)
{
	while (b->n >= 8 && c->in > c->in_first) {
		c->in--;
		b->n -= 8;
	}
	b->bits &= (UINT64_C(1) << b->n) - 1;
}

static uint32_t
take(struct inflate_bits *b, unsigned n)
{
	const uint64_t v = b->bits & ((UINT64_C(1) << n) - 1);

	b->bits >>= n;
	b->n -= n;
	return (uint32_t)v;
}

/* Look at the symbol that comes after `skip` bits, which are there. */
static enum inflate_pause
look(struct inflate_bits *b, struct inflate_cursor *c, unsigned skip,
     const struct inflate_code *code, struct inflate_symbol *s)
{
	for (;;) {
		*s = inflate_symbol(code, b->bits >> skip);
		if (s->nbits == 0)
			return PAUSE_BAD_CODE;
		if (skip + s->nbits <= b->n)
			return PAUSE_OUT;
		if (!need(b, c, b->n + 1))
			return PAUSE_IN;
	}
}

/* A literal or a match, which is PAUSE_OUT; or the end of the block. */
static enum inflate_pause
read_token(const struct inflate_tables *t, struct inflate_cursor *c,
	   struct inflate_bits *b)
{
	struct inflate_symbol s;
	enum inflate_pause pause = look(b, c, 0, &t->lit_code, &s);

	if (pause != PAUSE_OUT)
		return pause;
	if (s.symbol <= END_OF_BLOCK) {
		take(b, s.nbits);
		if (s.symbol == END_OF_BLOCK)
			return PAUSE_BLOCK;
		*c->out++ = (uint8_t)s.symbol;
		c->nlits++;
		return PAUSE_OUT;
	}
	if (s.symbol >= LIT_USED)
		return PAUSE_BAD_CODE;

	const struct inflate_extra l = inflate_lengths[s.symbol - 257];
	const unsigned len_bits = s.nbits;

	if (!need(b, c, len_bits + l.nbits))
		return PAUSE_IN;
	pause = look(b, c, len_bits + l.nbits, &t->dist_code, &s);
	if (pause != PAUSE_OUT)
		return pause;
	if (s.symbol >= DIST_USED)
		return PAUSE_BAD_CODE;

	const struct inflate_extra d = inflate_dists[s.symbol];

	if (!need(b, c, len_bits + l.nbits + s.nbits + d.nbits))
		return PAUSE_IN;
	take(b, len_bits);
	const size_t len = l.base + take(b, l.nbits);
	take(b, s.nbits);
	const size_t dist = d.base + take(b, d.nbits);
	const uint8_t *const from = inflate_from(c, c->out, dist);

	if (from == NULL)
		return PAUSE_BAD_COPY;
	inflate_copy(c->out, from, dist, len);
	c->out += len;
	if (c->tokens != NULL) {
		inflate_settle(c);
		*c->tokens++ = inflate_token(c->nlits, len, dist);
		c->nlits = 0;
	}
	return PAUSE_OUT;
}

static enum inflate_result
read_symbols(struct inflate_reader *f, struct inflate_cursor *c)
{
	enum inflate_pause pause = f->loop(&f->tables, c, &f->b);

	if (pause == PAUSE_IN)
		do
			pause = read_token(&f->tables, c, &f->b);
		while (pause == PAUSE_OUT && c->out < c->stop);
	switch (pause) {
	case PAUSE_BLOCK:
		f->stage = STAGE_BLOCK;
		return INFLATE_MORE;
	case PAUSE_BAD_CODE:
		return INFLATE_BAD_CODE;
	case PAUSE_BAD_COPY:
		return INFLATE_BAD_COPY;
	default:
		return INFLATE_MORE;
	}
}

static void
use_fixed_codes(struct inflate_reader *f)
{
	uint8_t lens[LIT_SYMBOLS];

	memset(lens, 8, 144);
	memset(lens + 144, 9, 256 - 144);
	memset(lens + 256, 7, 280 - 256);
	memset(lens + 280, 8, LIT_SYMBOLS - 280);
	inflate_build_code(&f->tables.lit_code, lens, LIT_SYMBOLS);
	memset(lens, 5, DIST_SYMBOLS);
	inflate_build_code(&f->tables.dist_code, lens, DIST_SYMBOLS);
	inflate_build_tables(&f->tables);
	f->fixed = true;
}

/*
 * The parts of a block's head, each of which goes to the next stage or is left
 * in the middle if the input ends there.
 */
static enum inflate_result
read_block(struct inflate_reader *f, struct inflate_cursor *c)
{
	if (!need(&f->b, c, 3))
		return INFLATE_MORE;
	f->last = take(&f->b, 1);
	switch (take(&f->b, 2)) {
	case 0:
		/* Nothing more is in this byte. */
		take(&f->b, f->b.n % 8);
		f->stage = STAGE_STORED_LEN;
		return INFLATE_MORE;
	case 1:
		if (!f->fixed)
			use_fixed_codes(f);
		f->stage = STAGE_SYMBOLS;
		return INFLATE_MORE;
	case 2:
		f->fixed = false;
		f->stage = STAGE_COUNTS;
		return INFLATE_MORE;
	default:
		return INFLATE_BAD_BLOCK;
	}
}

static enum inflate_result
read_stored_len(struct inflate_reader *f, struct inflate_cursor *c)
{
	if (!need(&f->b, c, 32))
		return INFLATE_MORE;

	const uint32_t len = take(&f->b, 16), not_len = take(&f->b, 16);

	if (len != (not_len ^ 0xffff))
		return INFLATE_BAD_BLOCK;
	give_back(&f->b, c);
	assert(f->b.n == 0);
	f->stored = len;
	f->stage = STAGE_STORED;
	return INFLATE_MORE;
}

static void
copy_stored(struct inflate_reader *f, struct inflate_cursor *c)
{
	size_t n = f->stored;

	if (n > (size_t)(c->in_end - c->in))
		n = (size_t)(c->in_end - c->in);
	if (n > (size_t)(c->stop - c->out))
		n = (size_t)(c->stop - c->out);
	if (n > 0)
		memcpy(c->out, c->in, n);
	c->out += n;
	c->in += n;
	c->nlits += n;
	f->stored -= (uint32_t)n;
	if (f->stored == 0)
		f->stage = STAGE_BLOCK;
}

static enum inflate_result
read_counts(struct inflate_reader *f, struct inflate_cursor *c)
{
	if (!need(&f->b, c, 14))
		return INFLATE_MORE;
	f->nlits = take(&f->b, 5) + 257;
	f->ndists = take(&f->b, 5) + 1;
	f->nlen_lens = take(&f->b, 4) + 4;
	if (f->nlits > LIT_USED || f->ndists > DIST_USED)
		return INFLATE_BAD_BLOCK;
	memset(f->lens, 0, NLEN_LENS);
	f->nlens = 0;
	f->stage = STAGE_LEN_LENS;
	return INFLATE_MORE;
}

static enum inflate_result
read_len_lens(struct inflate_reader *f, struct inflate_cursor *c)
{
	static const uint8_t ORDER[NLEN_LENS] = {
		16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1,
		15,
	};
	struct inflate_code code;

	for (; f->nlens < f->nlen_lens; f->nlens++) {
		if (!need(&f->b, c, 3))
			return INFLATE_MORE;
		f->lens[ORDER[f->nlens]] = (uint8_t)take(&f->b, 3);
	}
	if (inflate_build_code(&code, f->lens, NLEN_LENS) != 0 ||
	    code.limit[MAX_BITS] != 1 << MAX_BITS)
		return INFLATE_BAD_BLOCK;
	for (unsigned i = 0; i < 1 << LEN_BITS; i++) {
		const struct inflate_symbol s = inflate_symbol(&code, i);

		f->len_table[i] = (uint8_t)(s.symbol << 3 | s.nbits);
	}
	f->nlens = 0;
	f->stage = STAGE_LENS;
	return INFLATE_MORE;
}

/* One length, or so many alike.  Returns whether there was input enough. */
static bool
read_len(struct inflate_reader *f, struct inflate_cursor *c, bool *bad)
{
	static const struct inflate_extra REPEATS[] = {
		{ 3, 2 }, { 3, 3 }, { 11, 7 },
	};
	unsigned s;

	for (;;) {
		s = f->len_table[f->b.bits & ((1 << LEN_BITS) - 1)];
		if ((s & 7) <= f->b.n)
			break;
		if (!need(&f->b, c, f->b.n + 1))
			return false;
	}
	const unsigned nbits = s & 7;

	s >>= 3;
	if (s < 16) {
		take(&f->b, nbits);
		f->lens[f->nlens++] = (uint8_t)s;
		return true;
	}
	if (!need(&f->b, c, nbits + REPEATS[s - 16].nbits))
		return false;
	take(&f->b, nbits);
	const unsigned n = REPEATS[s - 16].base +
			   take(&f->b, REPEATS[s - 16].nbits);

	if (n > f->nlits + f->ndists - f->nlens || (s == 16 && f->nlens == 0)) {
		*bad = true;
		return true;
	}
	memset(f->lens + f->nlens, s == 16 ? f->lens[f->nlens - 1] : 0, n);
	f->nlens += n;
	return true;
}

static enum inflate_result
read_lens(struct inflate_reader *f, struct inflate_cursor *c)
{
	struct inflate_tables *const t = &f->tables;
	bool bad = false;

	while (f->nlens < f->nlits + f->ndists)
		if (!read_len(f, c, &bad))
			return INFLATE_MORE;
		else if (bad)
			return INFLATE_BAD_BLOCK;
	if (f->lens[END_OF_BLOCK] == 0 ||
	    inflate_build_code(&t->lit_code, f->lens, f->nlits) != 0 ||
	    inflate_build_code(&t->dist_code, f->lens + f->nlits,
			       f->ndists) != 0)
		return INFLATE_BAD_BLOCK;
	inflate_build_tables(t);
	f->stage = STAGE_SYMBOLS;
	return INFLATE_MORE;
}

static enum inflate_result
read_stage(struct inflate_reader *f, struct inflate_cursor *c)
{
	switch (f->stage) {
	case STAGE_BLOCK:
		return f->last ? INFLATE_END : read_block(f, c);
	case STAGE_STORED_LEN:
		return read_stored_len(f, c);
	case STAGE_STORED:
		copy_stored(f, c);
		return INFLATE_MORE;
	case STAGE_COUNTS:
		return read_counts(f, c);
	case STAGE_LEN_LENS:
		return read_len_lens(f, c);
	case STAGE_LENS:
		return read_lens(f, c);
	default:
		return read_symbols(f, c);
	}
}

enum inflate_result
inflate_read(struct inflate_reader *f, struct inflate_cursor *c)
{
	enum inflate_result r;
	enum inflate_stage stage;

	do {
		stage = f->stage;
		r = read_stage(f, c);
	} while (r == INFLATE_MORE && c->out < c->stop && f->stage != stage);
	/* Where input is wanting, what there is of it is kept. */
	if (r != INFLATE_MORE || c->out >= c->stop)
		give_back(&f->b, c);
	if (c->tokens != NULL)
		inflate_settle(c);
	return r;
}
