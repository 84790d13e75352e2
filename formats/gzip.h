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

enum {
	GZIP_BLOCK_LEN = 4 * 1024 * 1024,
	GZIP_PIECE_LEN = 128 * 1024,	/* what the deflater is fed at a time */
};

extern const struct byte_format gzip_format;

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
