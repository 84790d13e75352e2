/*
 * GZIP, AS WRITTEN.  One member: a header of 10 bytes without time or name, the
 * deflate data, CRC-32, length.
 *
 * The text is cut into blocks of GZIP_BLOCK_LEN, the last one shorter.  Each is
 * deflated with fresh state and ended by a full flush, that is on a byte border
 * by an empty stored block (.. 00 00 ff ff).  After the last comes an empty
 * final block, 03 00.  So a block's bytes depend on its text and the level, on
 * nothing else; blocks can be made apart from each other and joined.
 *
 * A deflater's output can depend on how its input was cut.  Ours is fed pieces
 * of GZIP_PIECE_LEN, which divides GZIP_BLOCK_LEN, whatever we were given.
 *
 * Levels 1 to 3 are ISA-L's, 4 to 9 zlib's.
 */
#include <assert.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>
#include <zlib.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/err.h"
#include "formats/gzip.h"

_Static_assert(GZIP_BLOCK_LEN % GZIP_PIECE_LEN == 0, "pieces fill a block");

enum {
	DEFAULT_LEVEL = 1,
	ISAL_LEVELS = 3,
	HEAD_LEN = 10,
	TAIL_LEN = 10,
	ROOM_LEN = 64 * 1024,	/* what the deflater may write at a time */
	FIRST_LEN = 8,		/* of a block: see press_isal() */
};

struct packer {
	int level;
	bool begun;		/* is the header written? */
	struct gzip_sum sum;	/* of the text so far */
	size_t block_len;	/* text in the block that is open */
	size_t staged;		/* bytes at `stage`, less than a piece */
	uint8_t *stage;
	uint8_t *level_buf;
	struct isal_zstream isal;
	z_stream zlib;
};

static uint32_t
level_buf_len(int level)
{
	return level == 1 ? ISAL_DEF_LVL1_DEFAULT :
	       level == 2 ? ISAL_DEF_LVL2_DEFAULT : ISAL_DEF_LVL3_DEFAULT;
}

static int
start_isal(struct packer *p, struct err *err)
{
	const uint32_t n = level_buf_len(p->level);

	p->level_buf = malloc(n);
	if (p->level_buf == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	isal_deflate_init(&p->isal);
	p->isal.level = (uint32_t)p->level;
	p->isal.level_buf = p->level_buf;
	p->isal.level_buf_size = n;
	return 0;
}

static int
start_zlib(struct packer *p, struct err *err)
{
	if (deflateInit2(&p->zlib, p->level, Z_DEFLATED, -MAX_WBITS, 8,
			 Z_DEFAULT_STRATEGY) != Z_OK)
		return err_set(err, ERR_SYSTEM, "out of memory");
	return 0;
}

void *
gzip_pack_start(int level, struct err *err)
{
	struct packer *const p = calloc(1, sizeof(*p));

	if (p == NULL || (p->stage = malloc(GZIP_PIECE_LEN)) == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		goto fail;
	}
	p->level = level == 0 ? DEFAULT_LEVEL : level;
	if (p->level < 1 || p->level > 9) {
		err_set(err, ERR_USAGE, "gzip has levels 1 to 9, not %d",
			level);
		p->level = DEFAULT_LEVEL;
		goto fail;
	}
	if ((p->level <= ISAL_LEVELS ? start_isal : start_zlib)(p, err) == 0)
		return p;
fail:
	gzip_pack_stop(p);
	return NULL;
}

void
gzip_pack_stop(void *state)
{
	struct packer *const p = state;

	if (p == NULL)
		return;
	if (p->level > ISAL_LEVELS)
		deflateEnd(&p->zlib);
	free(p->level_buf);
	free(p->stage);
	free(p);
}

/*
 * Room is given in equal parts: what is left of it must not be able to show in
 * the output, and whether an encoder looks at it is its own secret.
 */
static int
feed_isal(struct isal_zstream *z, struct span in, unsigned flush,
	  struct buf *out, struct err *err)
{
	memcpy(&z->next_in, &in.ptr, sizeof(z->next_in));
	z->avail_in = (uint32_t)in.len;
	z->flush = (uint16_t)flush;
	do {
		z->next_out = buf_reserve(out, ROOM_LEN, err);
		if (z->next_out == NULL)
			return -1;
		z->avail_out = ROOM_LEN;
		if (isal_deflate(z) != COMP_OK)
			return err_set(err, ERR_SYSTEM, "deflate refused");
		buf_commit(out, ROOM_LEN - z->avail_out);
	} while (z->avail_out == 0);
	assert(z->avail_in == 0);
	return 0;
}

/*
 * Where ISA-L's fast loop (2.30, isal_deflate_icf_body_hash_hist) begins a
 * block, it hashes a register that still holds the address of the stream, and
 * for one address in some thousands loses a match by that.  So the first few
 * bytes are flushed alone: they are too few for the fast loop.
 */
static int
press_isal(struct packer *p, struct span in, bool flush, struct buf *out,
	   struct err *err)
{
	struct isal_zstream *const z = &p->isal;

	if (z->total_in == 0 && in.len > FIRST_LEN) {
		const struct span first = { in.ptr, FIRST_LEN };

		if (feed_isal(z, first, SYNC_FLUSH, out, err) != 0)
			return -1;
		in = (struct span){ in.ptr + FIRST_LEN, in.len - FIRST_LEN };
	}
	if (feed_isal(z, in, flush ? FULL_FLUSH : NO_FLUSH, out, err) != 0)
		return -1;
	if (flush)
		isal_deflate_reset(z);
	return 0;
}

static int
press_zlib(struct packer *p, struct span in, bool flush, struct buf *out,
	   struct err *err)
{
	z_stream *const z = &p->zlib;

	memcpy(&z->next_in, &in.ptr, sizeof(z->next_in));
	z->avail_in = (uInt)in.len;
	do {
		z->next_out = buf_reserve(out, ROOM_LEN, err);
		if (z->next_out == NULL)
			return -1;
		z->avail_out = ROOM_LEN;

		const int code = deflate(z, flush ? Z_FULL_FLUSH : Z_NO_FLUSH);
		if (code != Z_OK && code != Z_BUF_ERROR)
			return err_set(err, ERR_SYSTEM, "deflate refused");
		buf_commit(out, ROOM_LEN - z->avail_out);
	} while (z->avail_out == 0);
	assert(z->avail_in == 0);
	if (flush)
		deflateReset(z);
	return 0;
}

/* Feed one piece; `flush` ends the block. */
static int
press(struct packer *p, struct span piece, bool flush, struct buf *out,
      struct err *err)
{
	p->sum.crc = crc32_gzip_refl(p->sum.crc, piece.ptr, piece.len);
	p->sum.len += piece.len;
	return (p->level <= ISAL_LEVELS ? press_isal : press_zlib)
	       (p, piece, flush, out, err);
}

/* The same, ending a block when it is full. */
static int
press_on(struct packer *p, struct span piece, struct buf *out,
	 struct err *err)
{
	p->block_len += piece.len;

	const bool flush = p->block_len == GZIP_BLOCK_LEN;
	if (flush)
		p->block_len = 0;
	return press(p, piece, flush, out, err);
}

int
gzip_head(int level, struct buf *out, struct err *err)
{
	if (level == 0)
		level = DEFAULT_LEVEL;

	/* No time, unknown system: the same on every machine. */
	const uint8_t head[HEAD_LEN] = {
		0x1f, 0x8b, 8, [8] = level == 1 ? 4 : level == 9 ? 2 : 0,
		[9] = 255,
	};
	return buf_append(out, (struct span){ head, sizeof(head) }, err);
}

int
gzip_tail(struct gzip_sum sum, struct buf *out, struct err *err)
{
	uint8_t tail[TAIL_LEN] = { 3, 0 };	/* an empty final block */

	store_le32(tail + 2, sum.crc);
	store_le32(tail + 6, (uint32_t)sum.len);
	return buf_append(out, (struct span){ tail, sizeof(tail) }, err);
}

int
gzip_pack(void *state, struct span in, bool last, struct buf *out,
	  struct err *err)
{
	struct packer *const p = state;

	if (!p->begun && gzip_head(p->level, out, err) != 0)
		return -1;
	p->begun = true;
	while (p->staged + in.len >= GZIP_PIECE_LEN) {
		struct span piece = { in.ptr, GZIP_PIECE_LEN };
		const size_t n = GZIP_PIECE_LEN - p->staged;

		if (p->staged > 0) {
			memcpy(p->stage + p->staged, in.ptr, n);
			piece.ptr = p->stage;
			p->staged = 0;
		}
		if (press_on(p, piece, out, err) != 0)
			return -1;
		in.ptr += n;
		in.len -= n;
	}
	if (in.len > 0)
		memcpy(p->stage + p->staged, in.ptr, in.len);
	p->staged += in.len;
	if (!last)
		return 0;
	if (p->block_len + p->staged > 0 &&
	    press(p, (struct span){ p->stage, p->staged }, true, out, err) != 0)
		return -1;
	return gzip_tail(p->sum, out, err);
}

int
gzip_block(void *packer, struct span text, struct buf *out,
	   struct gzip_sum *sum, struct err *err)
{
	struct packer *const p = packer;
	bool flush;

	assert(text.len > 0 && text.len <= GZIP_BLOCK_LEN);
	p->sum = (struct gzip_sum){ 0 };
	do {
		/*
		 * A block that ends with a whole piece and is not full is ended
		 * by an empty one, as gzip_pack() does, which cannot know that
		 * nothing will follow.
		 */
		const size_t n = text.len < GZIP_PIECE_LEN ? text.len :
				 GZIP_PIECE_LEN;

		flush = n < GZIP_PIECE_LEN ||
			p->sum.len + n == GZIP_BLOCK_LEN;
		if (press(p, (struct span){ text.ptr, n }, flush, out,
			  err) != 0)
			return -1;
		text.ptr += n;
		text.len -= n;
	} while (!flush);
	*sum = p->sum;
	return 0;
}

struct gzip_sum
gzip_join(struct gzip_sum a, struct gzip_sum b)
{
	return (struct gzip_sum){
		(uint32_t)crc32_combine(a.crc, b.crc, (z_off_t)b.len),
		a.len + b.len,
	};
}
