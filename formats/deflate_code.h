/*
 * deflate_code.h - codes of a deflate block, made by how often each symbol is
 * needed, and how they are told to the reader (RFC 1951, 3.2.7).
 */
#ifndef FORMATS_DEFLATE_CODE_H
#define FORMATS_DEFLATE_CODE_H

#include <stdint.h>

enum {
	LITLEN_SYMBOLS = 286,
	DIST_SYMBOLS = 30,
	END_OF_BLOCK = 256,
	CODE_LEN_SYMBOLS = 19,	/* lengths are themselves coded */
};

/* How often each symbol is needed; END_OF_BLOCK is. */
struct deflate_counts {
	uint32_t litlens[LITLEN_SYMBOLS];
	uint32_t dists[DIST_SYMBOLS];
};

/* Codes with the bit that is written first lowest; length 0: there is none. */
struct deflate_codes {
	uint16_t litlen[LITLEN_SYMBOLS], dist[DIST_SYMBOLS];
	uint8_t litlen_len[LITLEN_SYMBOLS], dist_len[DIST_SYMBOLS];
};

/* The head of a block: its counts, lengths of lengths, and lengths. */
struct deflate_head {
	unsigned nlitlens, ndists, nlens, n;
	uint8_t lens[CODE_LEN_SYMBOLS];		/* in the order they go */
	struct {
		uint16_t bits;
		uint8_t n;
	} pieces[LITLEN_SYMBOLS + DIST_SYMBOLS];
};

void deflate_codes(struct deflate_codes *c, const struct deflate_counts *from);
void deflate_head(struct deflate_head *h, const struct deflate_codes *c);

#endif
