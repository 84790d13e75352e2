/*
 * gzip.h - gzip (RFC 1952), read and written.
 *
 * Reading takes any number of members and checks what can be checked: header,
 * header CRC, CRC-32 and length.  Writing gives one member without a time, its
 * text deflated in blocks of GZIP_BLOCK_LEN that know nothing of each other
 * (docs/FORMATS.md has the bytes).
 */
#ifndef FORMATS_GZIP_H
#define FORMATS_GZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "formats/formats.h"
#include "formats/inflate.h"

enum {
	GZIP_BLOCK_LEN = 4 * 1024 * 1024,
	GZIP_PIECE_LEN = 128 * 1024,	/* what the deflater is fed at a time */
};

extern const struct byte_format gzip_format;

/*
 * What the text was made of where it was packed, as the tokens of inflate.h,
 * of all members one after the other.  After each call
 *
 *	text given so far + ahead == text the tokens so far describe + pending
 *
 * so a token may describe text of which a part is yet to come, and the text may
 * end with literals that the next token will count.  The caller may take tokens
 * away between calls (and set n); the rest is for the unpacker to set.
 */
struct gzip_trace {
	uint32_t *tokens;
	size_t n, cap;
	size_t pending;		/* literals, up to 510 */
	size_t ahead;		/* up to INFLATE_MAX_AHEAD, 0 between members */
};

/* How many tokens there must be room for behind n, to unpack so much text. */
#define GZIP_TOKENS(len) ((len) / INFLATE_MIN_LEN + INFLATE_MORE_TOKENS)

/*
 * As gzip_format.unpack, of an unpacker by its unpack_start, and adds to the
 * trace.  The calls of one unpacker are all traced or none is.
 */
int gzip_unpack_traced(void *state, struct span *in, bool last,
		       struct room *out, struct gzip_trace *trace,
		       struct err *err);

/* The writing half, for gzip_format. */
void *gzip_pack_start(int level, struct err *err);
int gzip_pack(void *state, struct span in, bool last, struct buf *out,
	      struct err *err);
void gzip_pack_stop(void *state);

/*
 * The same in parts, for blocks that are packed side by side, each packer in
 * one thread: the head, all blocks in order, the tail.
 */
struct gzip_sum {
	uint32_t crc;
	uint64_t len;
};

int gzip_head(int level, struct buf *out, struct err *err);
int gzip_tail(struct gzip_sum sum, struct buf *out, struct err *err);

/*
 * Pack one block: GZIP_BLOCK_LEN bytes of text, or fewer but not none if it is
 * the last.  *sum is that of this text.
 */
int gzip_block(void *packer, struct span text, struct buf *out,
	       struct gzip_sum *sum, struct err *err);

/* The sum of the texts of `a` and `b`, one after the other. */
struct gzip_sum gzip_join(struct gzip_sum a, struct gzip_sum b);

#endif
