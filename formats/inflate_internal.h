/* inflate_internal.h - what the parts of the inflater share. */
#ifndef FORMATS_INFLATE_INTERNAL_H
#define FORMATS_INFLATE_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "formats/inflate.h"

enum {
	MAX_BITS = 15,		/* of a code */
	LIT_BITS = 10,		/* what is looked up at once */
	DIST_BITS = 9,
	LIT_SYMBOLS = 288,	/* that have codes; of these are used */
	LIT_USED = 286,
	DIST_SYMBOLS = 32,
	DIST_USED = 30,
	END_OF_BLOCK = 256,
	MAX_LENS = LIT_USED + DIST_USED,
	NLEN_LENS = 19,		/* lengths are themselves coded, with lengths */
	LEN_BITS = 7,
	MIN_MATCH = 3,
	MAX_MATCH = 258,
	HISTORY = 32 * 1024,	/* how far back a copy may reach */
	STEP = 32,		/* bytes copied at a time */

	/*
	 * What may be written from where a turn of the loop begins: two
	 * literals, a match with what it copies too much, one more literal that
	 * is written as four.
	 */
	SLACK = 2 + MAX_MATCH + 2 * STEP + 4,
};

/*
 * What is known at once of the next bits, in two steps.  An entry of
 * inflate_tables.lits says what the next LIT_BITS bits begin with: up to two
 * literals, or up to one and the length of a match, its extra bits included.
 *
 *	 0..7	how many bits that is, or 0; who uses the tables shifts by the
 *		whole entry, of which the processor takes the low 6 bits
 *	 8..15	number of literals
 *	16..23	the first
 *	24..31	the second
 *	32..47	length of the match, or 0
 *	48..63	where in .after to look next, in bytes: at its distances if
 *		there is a match, else, ENTRY_NONE, at its literals
 *
 * Of 0 bits are the end of the block, lengths with more extra bits than there
 * are left, and symbols that are not used:
 *
 *	16..31	the symbol
 *	32..47	bits of its code
 *
 * and 0 altogether are longer codes and what is no code.
 */
#define ENTRY_LITERAL (UINT64_C(1) << 8)
#define ENTRY_LEN(n) ((uint64_t)(n) << 32)
#define ENTRY_NONE (UINT64_C(4) << DIST_BITS << 48)
#define ENTRY_ODD(symbol, n) ((uint64_t)(n) << 32 | (uint64_t)(symbol) << 16)

/*
 * An entry of .after, for the DIST_BITS bits after that: a distance, or one
 * more literal or none with a distance that does not matter, so that either
 * takes the same way through the loop.  0: as above.
 *
 *	 0..7	how many bits, extra bits included
 *	 8..14	bits of the code alone
 *	    15	is there a literal?
 *	16..31	the least distance of this code
 *	16..23	the literal
 */
#define AFTER_DIST(base, code_bits, all_bits) \
	((uint32_t)(base) << 16 | (code_bits) << 8 | (all_bits))
#define AFTER_LITERAL(c) (1U << 15 | (uint32_t)(c) << 16)

/* A code, as it is to be read symbol by symbol. */
struct inflate_code {
	/*
	 * A code of n bits, made 15 by zeros, is below limit[n]; and if it is
	 * not below limit[n - 1], it is number bias[n] + its n bits in symbols.
	 */
	uint16_t limit[MAX_BITS + 1];
	uint16_t bias[MAX_BITS + 1];
	uint16_t symbols[LIT_SYMBOLS];
};

struct inflate_symbol {
	unsigned symbol;
	unsigned nbits;		/* 0: the bits are no code */
};

/* Base and number of extra bits of lengths (from symbol 257) and distances. */
struct inflate_extra {
	uint16_t base;
	uint8_t nbits;
};
extern const struct inflate_extra inflate_lengths[29], inflate_dists[DIST_USED];

/* Where bytes come from and go to, while a block is read. */
struct inflate_cursor {
	const uint8_t *in_first, *in, *in_end;
	uint8_t *out;
	uint8_t *stop;		/* no symbol begins here or later */
	/*
	 * Text that was written before `first` ends at `before`, and there are
	 * `nbefore` bytes of it.  (From `before` on is the same as from `first`
	 * on, for as long as a match may be.)  NULL: there is none.
	 */
	uint8_t *first;
	const uint8_t *before;
	size_t nbefore;
	/* Where the next token goes, or NULL; literals that are in none yet. */
	uint32_t *tokens;
	size_t nlits;
};

/* Bits that were taken from the input and not used: the low `n`, then zeros. */
struct inflate_bits {
	uint64_t bits;
	unsigned n;
};

struct inflate_tables {
	uint64_t lits[1 << LIT_BITS];
	uint32_t after[2 << DIST_BITS];	/* distances, then literals */
	struct inflate_code lit_code, dist_code;
};

enum inflate_pause {
	PAUSE_IN,		/* little input is left */
	PAUSE_OUT,
	PAUSE_BLOCK,		/* the block is over */
	PAUSE_BAD_CODE,
	PAUSE_BAD_COPY,
};

enum inflate_stage {
	STAGE_BLOCK,		/* in front of a block */
	STAGE_STORED_LEN,
	STAGE_STORED,
	STAGE_COUNTS,		/* of a block with codes of its own */
	STAGE_LEN_LENS,
	STAGE_LENS,
	STAGE_SYMBOLS,
};

/* What is known of the stream: all but its text. */
struct inflate_reader {
	enum inflate_pause (*loop)(const struct inflate_tables *t,
				   struct inflate_cursor *c,
				   struct inflate_bits *b);
	enum inflate_stage stage;
	bool last;		/* is this the last block? */
	bool fixed;		/* do the tables hold the fixed codes? */
	uint32_t stored;	/* bytes of a stored block still to come */
	unsigned nlits, ndists, nlen_lens;
	unsigned nlens;		/* of those, so many are known */
	struct inflate_bits b;
	uint8_t lens[MAX_LENS];
	uint8_t len_table[1 << LEN_BITS];	/* symbol << 3 | its bits */
	struct inflate_tables tables;
};

/*
 * Read on from c->in until c->out is at c->stop, or the input is used up.  Up
 * to SLACK bytes from c->stop on are written.
 */
enum inflate_result inflate_read(struct inflate_reader *f,
				 struct inflate_cursor *c);

/*
 * Read symbols until little input is left, or room, or the block is over.
 * Likewise for SLACK.
 */
enum inflate_pause inflate_loop_portable(const struct inflate_tables *t,
					 struct inflate_cursor *c,
					 struct inflate_bits *b);
#if defined(__x86_64__)
enum inflate_pause inflate_loop_x86(const struct inflate_tables *t,
				    struct inflate_cursor *c,
				    struct inflate_bits *b);
#endif

/*
 * Make *code of so many code lengths.  Returns 0, or -1 if they are more than
 * there are codes, or fewer and not one alone or none.
 */
int inflate_build_code(struct inflate_code *code, const uint8_t *lens,
		       unsigned nlens);

/* Make t->lits and t->after of the codes in *t. */
void inflate_build_tables(struct inflate_tables *t);

/* The token of INFLATE_LITERALS. */
static const uint32_t inflate_no_match =
	(uint32_t)INFLATE_LITERALS << INFLATE_LITERALS_AT;

/* Have no more literals waiting than the token of a match can say. */
static inline void
inflate_settle(struct inflate_cursor *c)
{
	for (; c->nlits >= INFLATE_LITERALS; c->nlits -= INFLATE_LITERALS)
		*c->tokens++ = inflate_no_match;
}

/* The symbol that `bits` begin with. */
static inline struct inflate_symbol
inflate_symbol(const struct inflate_code *code, uint64_t bits)
{
	uint32_t v = (uint32_t)bits & 0x7fff;

	v = (v & 0x5555) << 1 | (v >> 1 & 0x5555);
	v = (v & 0x3333) << 2 | (v >> 2 & 0x3333);
	v = (v & 0x0f0f) << 4 | (v >> 4 & 0x0f0f);
	v = (v & 0x00ff) << 8 | v >> 8;
	v >>= 1;
	/* Those who have tables for short ones ask for long ones. */
	unsigned n = v >= code->limit[DIST_BITS] ? DIST_BITS + 1 : 1;


	while (n <= MAX_BITS && v >= code->limit[n])
		n++;
	if (n > MAX_BITS)
		return (struct inflate_symbol){ 0, 0 };

	const uint16_t at = (uint16_t)((v >> (MAX_BITS - n)) + code->bias[n]);
	return (struct inflate_symbol){ code->symbols[at], n };
}

#endif
