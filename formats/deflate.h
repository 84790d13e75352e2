/*
 * deflate.h - text whose matches are known, as deflate data (RFC 1951).
 *
 * Somebody else has chosen the matches; what is done here is to count symbols,
 * make codes for them and write both.
 */
#ifndef FORMATS_DEFLATE_H
#define FORMATS_DEFLATE_H

#include <stddef.h>
#include <stdint.h>

struct buf;
struct err;

enum {
	DEFLATE_MIN_MATCH = 3,
	DEFLATE_MAX_MATCH = 258,
	DEFLATE_MAX_DIST = 32 * 1024,

	/* A token: some literals, then a match.  Bits of its parts: */
	TOKEN_DIST_BITS = 15,		/* the distance - 1, lowest */
	TOKEN_LEN_BITS = 8,		/* the length - DEFLATE_MIN_MATCH */
	TOKEN_LITS_BITS = 9,
	/* So many literals, and no match. */
	TOKEN_ONLY_LITS = (1 << TOKEN_LITS_BITS) - 1,

	DEFLATE_SLACK = 8,		/* behind the text can be read */
};

/* A token as inflate.h and this have them; `lits` below TOKEN_ONLY_LITS. */
static inline uint32_t
token_of(uint32_t lits, uint32_t len, uint32_t dist)
{
	return lits << (TOKEN_DIST_BITS + TOKEN_LEN_BITS) |
	       (len - DEFLATE_MIN_MATCH) << TOKEN_DIST_BITS | (dist - 1);
}

static inline uint32_t
token_lits(uint32_t token)
{
	return token >> (TOKEN_DIST_BITS + TOKEN_LEN_BITS);
}

static inline uint32_t
token_len(uint32_t token)
{
	return (token >> TOKEN_DIST_BITS & ((1 << TOKEN_LEN_BITS) - 1)) +
	       DEFLATE_MIN_MATCH;
}

static inline uint32_t
token_dist(uint32_t token)
{
	return (token & (DEFLATE_MAX_DIST - 1)) + 1;
}

/* How much text it stands for. */
static inline uint32_t
token_text(uint32_t token)
{
	return token_lits(token) == TOKEN_ONLY_LITS ? TOKEN_ONLY_LITS :
	       token_lits(token) + token_len(token);
}

/* Bits of deflate data that do not yet fill a byte: less than 8. */
struct deflate_bits {
	uint64_t bits;
	uint32_t n;
};

/*
 * Append a block that is not the last.  The tokens stand for the `len` bytes at
 * `text`, but for those at the end that are only literals; what their matches
 * copy is not looked at.  Returns 0, or -1 if memory is refused.
 */
int deflate_block(struct deflate_bits *b, const uint32_t *tokens, size_t n,
		  const uint8_t *text, size_t len, struct buf *out,
		  struct err *err);

/* Append an empty stored block, which ends on a byte border.  0 or -1. */
int deflate_flush(struct deflate_bits *b, struct buf *out, struct err *err);

#endif
