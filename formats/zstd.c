/*
 * ONE FRAME, NOT MANY.  Frames of 4 MiB could be made side by side as gzip's
 * blocks are, but common readers (Python's zstandard for one) stop after the
 * first frame and say nothing.  A file that is read in part without a word is
 * what this program exists to prevent.
 */
#include "formats/zstd.h"

#include <stdlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/err.h"

/* What to do about it, the same for all damage. */
#define AGAIN "; fetch the file again"

enum {
	MAGIC_LEN = 4,
	DEFAULT_LEVEL = 1,
	ROOM_LEN = 64 * 1024,	/* what the encoder may write at a time */
	WINDOW_LOG = 27,	/* 128 MiB, what every decoder must take */
};

struct unpacker {
	ZSTD_DCtx *ctx;
	bool within;		/* a frame has begun and not ended */
	bool any;		/* there has been a frame */
};

static int
sniff(struct span head)
{
	if (head.len < MAGIC_LEN)
		return 0;

	const uint32_t magic = load_le32(head.ptr);
	return magic == ZSTD_MAGICNUMBER ? 32 :
	       (magic & ZSTD_MAGIC_SKIPPABLE_MASK) ==
	       ZSTD_MAGIC_SKIPPABLE_START ? 28 : 0;
}

static void
unpack_stop(void *state)
{
	struct unpacker *const u = state;

	if (u == NULL)
		return;
	ZSTD_freeDCtx(u->ctx);
	free(u);
}

static void *
unpack_start(struct err *err)
{
	struct unpacker *const u = calloc(1, sizeof(*u));

	if (u != NULL)
		u->ctx = ZSTD_createDCtx();
	if (u == NULL || u->ctx == NULL ||
	    ZSTD_isError(ZSTD_DCtx_setParameter(u->ctx, ZSTD_d_windowLogMax,
						WINDOW_LOG))) {
		err_set(err, ERR_SYSTEM, "out of memory");
		unpack_stop(u);
		return NULL;
	}
	return u;
}

static int
complain(const struct unpacker *u, size_t code, struct err *err)
{
	switch (ZSTD_getErrorCode(code)) {
	case ZSTD_error_memory_allocation:
		return err_set(err, ERR_SYSTEM, "out of memory");
	case ZSTD_error_frameParameter_windowTooLarge:
		return err_set(err, ERR_LIMIT, "zstd data that needs a window "
			       "of more than %d MiB; unpack it with 'zstd -d "
			       "--long=31'", 1 << (WINDOW_LOG - 20));
	case ZSTD_error_dictionary_wrong:
		return err_set(err, ERR_INPUT, "zstd data that needs a "
			       "dictionary; unpack it with 'zstd -d -D'");
	case ZSTD_error_checksum_wrong:
		return err_set(err, ERR_INPUT, "zstd checksum is not that of "
			       "the data before it" AGAIN);
	case ZSTD_error_prefix_unknown:
		if (u->any)
			return err_set(err, ERR_INPUT, "bytes after the end of "
				       "the zstd data that are not zstd" AGAIN);
		break;
	default:
		break;
	}
	return err_set(err, ERR_INPUT, "zstd data is damaged (%s)" AGAIN,
		       ZSTD_getErrorName(code));
}

static int
unpack(void *state, struct span *in, bool last, struct room *out,
       struct err *err)
{
	struct unpacker *const u = state;

	while (out->len > 0) {
		if (in->len == 0 && !u->within)
			break;
		ZSTD_inBuffer from = { in->ptr, in->len, 0 };
		ZSTD_outBuffer to = { out->ptr, out->len, 0 };
		const size_t rc = ZSTD_decompressStream(u->ctx, &to, &from);

		in->ptr += from.pos;
		in->len -= from.pos;
		out->ptr += to.pos;
		out->len -= to.pos;
		if (ZSTD_isError(rc))
			return complain(u, rc, err);
		u->within = rc != 0;
		u->any = true;
		if (from.pos == 0 && to.pos == 0)
			break;
	}
	if (!last || in->len > 0 || out->len == 0)
		return 1;
	return u->within ? err_set(err, ERR_INPUT, "zstd data is cut short"
				   AGAIN) : 0;
}

static void *
pack_start(int level, struct err *err)
{
	ZSTD_CCtx *const ctx = ZSTD_createCCtx();

	if (level < 0 || level > 9) {
		err_set(err, ERR_USAGE, "zstd is used at levels 1 to 9, not "
			"%d", level);
		goto fail;
	}
	if (level == 0)
		level = DEFAULT_LEVEL;
	if (ctx != NULL &&
	    !ZSTD_isError(ZSTD_CCtx_setParameter(ctx, ZSTD_c_compressionLevel,
						 level)) &&
	    !ZSTD_isError(ZSTD_CCtx_setParameter(ctx, ZSTD_c_checksumFlag, 1)))
		return ctx;
	err_set(err, ERR_SYSTEM, "out of memory");
fail:
	ZSTD_freeCCtx(ctx);
	return NULL;
}

static void
pack_stop(void *state)
{
	ZSTD_freeCCtx(state);
}

/*
 * The encoder gathers blocks of its own size, so cuts in the text do not show;
 * but for a first call that is also the last, which it would treat apart.
 */
static int
pack(void *state, struct span in, bool last, struct buf *out, struct err *err)
{
	ZSTD_inBuffer from = { in.ptr, in.len, 0 };
	size_t left = 0;

	while (from.pos < from.size) {
		uint8_t *const p = buf_reserve(out, ROOM_LEN, err);
		ZSTD_outBuffer to = { p, ROOM_LEN, 0 };

		if (p == NULL)
			return -1;
		left = ZSTD_compressStream2(state, &to, &from,
					    ZSTD_e_continue);
		if (ZSTD_isError(left))
			goto fail;
		buf_commit(out, to.pos);
	}
	if (!last)
		return 0;
	do {
		uint8_t *const p = buf_reserve(out, ROOM_LEN, err);
		ZSTD_outBuffer to = { p, ROOM_LEN, 0 };

		if (p == NULL)
			return -1;
		left = ZSTD_compressStream2(state, &to, &from, ZSTD_e_end);
		if (ZSTD_isError(left))
			goto fail;
		buf_commit(out, to.pos);
	} while (left > 0);
	return 0;
fail:
	return err_set(err, ERR_SYSTEM, "zstd: %s", ZSTD_getErrorName(left));
}

const struct byte_format zstd_format = {
	.name = "zstd",
	.suffix = ".zst",
	.sniff = sniff,
	.unpack_start = unpack_start,
	.unpack = unpack,
	.unpack_stop = unpack_stop,
	.pack_start = pack_start,
	.pack = pack,
	.pack_stop = pack_stop,
};
