/*
 * GZIP, AS READ (RFC 1952).  A file is one or more members, each
 *
 *	 0   2  magic, 1f 8b
 *	 2   1  method, 8
 *	 3   1  flags: 1 text, 2 hcrc, 4 extra, 8 name, 16 comment
 *	 4   6  time, hints, system: nothing to us
 *	10  ..  extra (2 bytes of length, then that), name and comment (each to
 *		its NUL), hcrc (low 2 bytes of the CRC-32 of all before it)
 *	    ..  deflate data
 *	     4  CRC-32 of the text
 *	     4  length of the text, modulo 2^32
 *
 * The deflate data is inflate.c's.  The wrapper is read here byte by byte, so
 * that a window may end anywhere in it and an error can say what is wrong.
 */
#include "formats/gzip.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <isa-l/crc.h>

#include "base/bytes.h"
#include "base/err.h"
#include "formats/inflate.h"

/* What to do about it, the same for all damage. */
#define AGAIN "; fetch the file again"

enum { FLAG_HCRC = 2, FLAG_EXTRA = 4, FLAG_NAME = 8, FLAG_COMMENT = 16 };
enum { FIXED_LEN = 10, TRAILER_LEN = 8 };

/* Where in a member the next byte belongs. */
enum stage {
	BETWEEN,	/* in front of a member, or at the end of it all */
	FIXED,
	EXTRA_LEN,
	EXTRA,
	NAME,
	COMMENT,
	HCRC,
	BODY,
	TRAILER,
};

struct unpacker {
	enum stage stage;
	uint8_t part[FIXED_LEN];	/* a fixed-size part, as it arrives */
	size_t part_len;
	uint8_t flags;
	size_t extra;			/* bytes of it still to come */
	uint32_t head_crc;
	uint32_t crc;			/* of the text so far */
	uint32_t len;
	bool any;			/* has there been a member? */
	struct inflater *raw;
};

static int
sniff(struct span head)
{
	if (head.len < 2 || head.ptr[0] != 0x1f || head.ptr[1] != 0x8b)
		return 0;
	return head.len >= 3 && head.ptr[2] == 8 ? 24 : 16;
}

static void *
start(struct err *err)
{
	struct unpacker *const u = calloc(1, sizeof(*u));

	if (u == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	u->raw = inflate_new(err);
	if (u->raw != NULL)
		return u;
	free(u);
	return NULL;
}

static void
stop(void *state)
{
	struct unpacker *const u = state;

	if (u == NULL)
		return;
	inflate_free(u->raw);
	free(u);
}

/* Go to `next`, or to whatever comes after it where the flags leave it out. */
static void
enter(struct unpacker *u, enum stage next)
{
	if (next == EXTRA_LEN && !(u->flags & FLAG_EXTRA))
		next = NAME;
	if (next == NAME && !(u->flags & FLAG_NAME))
		next = COMMENT;
	if (next == COMMENT && !(u->flags & FLAG_COMMENT))
		next = HCRC;
	if (next == HCRC && !(u->flags & FLAG_HCRC))
		next = BODY;
	if (next == BODY) {
		inflate_reset(u->raw);
		u->crc = 0;
		u->len = 0;
	}
	u->stage = next;
	u->part_len = 0;
}

static int
not_gzip(const struct unpacker *u, struct err *err)
{
	return err_set(err, ERR_INPUT, u->any ? "bytes after the end of the "
		       "gzip data that are not gzip" AGAIN : "not gzip data");
}

static int
check_fixed(struct unpacker *u, struct err *err)
{
	if (u->part[0] != 0x1f || u->part[1] != 0x8b)
		return not_gzip(u, err);
	if (u->part[2] != 8)
		return err_set(err, ERR_INPUT, "gzip method %d, only 8 "
			       "(deflate) is known", u->part[2]);
	if ((u->part[3] & 0xe0) != 0)
		return err_set(err, ERR_INPUT, "gzip header with reserved "
			       "flags 0x%02x" AGAIN, u->part[3]);
	u->flags = u->part[3];
	u->any = true;
	enter(u, EXTRA_LEN);
	return 0;
}

static int
check_trailer(struct unpacker *u, struct err *err)
{
	const uint32_t crc = load_le32(u->part);
	const uint32_t len = load_le32(u->part + 4);

	if (crc != u->crc)
		return err_set(err, ERR_INPUT, "gzip checksum is %08x, but the "
			       "data before it has %08x" AGAIN, crc, u->crc);
	if (len != u->len)
		return err_set(err, ERR_INPUT, "gzip length is %u, but the "
			       "data before it has %u (modulo 2^32)" AGAIN,
			       len, u->len);
	enter(u, BETWEEN);
	return 0;
}

/* Gather a part of `want` bytes.  Is it whole? */
static bool
gather(struct unpacker *u, struct span *in, size_t want)
{
	size_t n = want - u->part_len;

	if (n > in->len)
		n = in->len;
	memcpy(u->part + u->part_len, in->ptr, n);
	u->part_len += n;
	in->ptr += n;
	in->len -= n;
	return u->part_len == want;
}

/* Step over up to `n` bytes.  Returns how many. */
static size_t
skip(struct span *in, size_t n)
{
	if (n > in->len)
		n = in->len;
	in->ptr += n;
	in->len -= n;
	return n;
}

/* Step over text that ends with NUL.  Was the NUL there? */
static bool
skip_text(struct span *in)
{
	const uint8_t *const nul = memchr(in->ptr, 0, in->len);

	skip(in, nul != NULL ? (size_t)(nul - in->ptr) + 1 : in->len);
	return nul != NULL;
}

/* Read on in the header part that we are in; *in is not empty. */
static int
read_header(struct unpacker *u, struct span *in, struct err *err)
{
	const uint8_t *const from = in->ptr;
	bool whole;

	switch (u->stage) {
	case FIXED:
		whole = gather(u, in, FIXED_LEN);
		break;
	case EXTRA_LEN:
	case HCRC:
		whole = gather(u, in, 2);
		break;
	case EXTRA:
		u->extra -= skip(in, u->extra);
		whole = u->extra == 0;
		break;
	default:
		whole = skip_text(in);
	}
	if (u->stage != HCRC)
		u->head_crc = crc32_gzip_refl(u->head_crc, from,
					      (uint64_t)(in->ptr - from));
	if (!whole)
		return 0;

	switch (u->stage) {
	case FIXED:
		return check_fixed(u, err);
	case EXTRA_LEN:
		u->extra = load_le16(u->part);
		enter(u, u->extra > 0 ? EXTRA : NAME);
		return 0;
	case EXTRA:
		enter(u, NAME);
		return 0;
	case NAME:
		enter(u, COMMENT);
		return 0;
	case COMMENT:
		enter(u, HCRC);
		return 0;
	default:
		break;
	}
	if (load_le16(u->part) != (u->head_crc & 0xffff))
		return err_set(err, ERR_INPUT, "gzip header does not match "
			       "its checksum" AGAIN);
	enter(u, BODY);
	return 0;
}

static const char *
reason(enum inflate_result r)
{
	switch (r) {
	case INFLATE_BAD_BLOCK:
		return "an impossible block";
	case INFLATE_BAD_CODE:
		return "an impossible code";
	default:
		return "a copy from before the start";
	}
}

/*
 * Inflate.  Returns 1 if it moved anything, 0 if it could not for want of
 * input or room, or -1.
 */
static int
read_body(struct unpacker *u, struct span *in, struct room *out,
	  uint32_t **tokens, struct err *err)
{
	const uint8_t *const text = out->ptr;
	const size_t nin = in->len, nout = out->len;
	const enum inflate_result r = inflate_on(u->raw, in, out,
						 tokens);
	const size_t gave = nout - out->len;

	u->crc = crc32_gzip_refl(u->crc, text, gave);
	u->len += (uint32_t)gave;
	if (r > INFLATE_END)
		return err_set(err, ERR_INPUT, "gzip data with %s" AGAIN,
			       reason(r));
	if (r == INFLATE_END)
		enter(u, TRAILER);
	return r == INFLATE_END || in->len < nin || gave > 0;
}

/* Returns 0 if the input may end here, or -1. */
static int
end(const struct unpacker *u, struct err *err)
{
	if (u->stage == BETWEEN)
		return 0;
	return err_set(err, ERR_INPUT, "gzip data is cut short in %s" AGAIN,
		       u->stage == BODY ? "the middle" :
		       u->stage == TRAILER ? "its last 8 bytes" :
		       "a header");
}

static int
unpack_on(struct unpacker *u, struct span *in, bool last, struct room *out,
	  uint32_t **tokens, struct err *err)
{

	for (;;) {
		if (u->stage == BODY) {
			if (out->len == 0)
				return 1;
			const int moved = read_body(u, in, out, tokens,
						err);
			if (moved < 0)
				return -1;
			if (moved == 0)
				return last ? end(u, err) : 1;
			continue;
		}
		if (u->stage == TRAILER && u->part_len == TRAILER_LEN) {
			if (check_trailer(u, err) != 0)
				return -1;
			continue;
		}
		if (in->len == 0)
			return last ? end(u, err) : 1;
		if (u->stage == BETWEEN) {
			if (in->ptr[0] != 0x1f)
				return not_gzip(u, err);
			u->head_crc = 0;
			enter(u, FIXED);
		}
		if (u->stage == TRAILER)
			gather(u, in, TRAILER_LEN);
		else if (read_header(u, in, err) != 0)
			return -1;
	}
}

static int
unpack(void *state, struct span *in, bool last, struct room *out,
       struct err *err)
{
	return unpack_on(state, in, last, out, NULL, err);
}

int
gzip_unpack_traced(void *state, struct span *in, bool last, struct room *out,
		   struct gzip_trace *trace, struct err *err)
{
	const struct unpacker *const u = state;
	uint32_t *tokens = trace->tokens + trace->n;

	assert(trace->cap - trace->n >= GZIP_TOKENS(out->len));
	const int rc = unpack_on(state, in, last, out, &tokens, err);

	trace->n = (size_t)(tokens - trace->tokens);
	trace->pending = inflate_pending(u->raw);
	trace->ahead = inflate_ahead(u->raw);
	return rc;
}

const struct byte_format gzip_format = {
	.name = "gzip",
	.suffix = ".gz",
	.sniff = sniff,
	.unpack_start = start,
	.unpack = unpack,
	.unpack_stop = stop,
	.pack_start = gzip_pack_start,
	.pack = gzip_pack,
	.pack_stop = gzip_pack_stop,
};
