/*
 * inflate.h - deflate data (RFC 1951), unpacked, and its matches written down.
 *
 * An inflater may be left off and taken up again at any byte of input and of
 * output.  It reads no byte behind the input and writes none behind the room,
 * whatever the data; its memory does not depend on them.  It accepts and
 * refuses what zlib does.
 *
 * TOKENS.  On request it tells what the stream is made of, for who wants to
 * pack the same text again and need not look for matches.  A token is literals
 * and then a match:
 *
 *	 0..14	distance - 1
 *	15..22	length - 3
 *	23..31	number of literals before the match, 0 to 510
 *
 * or INFLATE_LITERALS, 511, in the place of the number, and 0 in the others:
 * that many literals and no match.  That is how longer runs are told, and
 * stored blocks, which are literals like any.  Literals that no match follows
 * yet wait to be counted with the next token.  So how the stream was cut into
 * calls, and into blocks, does not show in the tokens, and after every call
 *
 *	text given so far + inflate_ahead() ==
 *	text that the tokens so far describe + inflate_pending()
 */
#ifndef FORMATS_INFLATE_H
#define FORMATS_INFLATE_H

#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "formats/formats.h"

struct err;
struct inflater;

enum inflate_result {
	INFLATE_MORE,		/* input or room is used up */
	INFLATE_END,		/* the last block is over */
	INFLATE_BAD_BLOCK,	/* a block of no kind, or codes that are none */
	INFLATE_BAD_CODE,	/* bits that are no code */
	INFLATE_BAD_COPY,	/* a copy from before the start */
};

enum {
	INFLATE_LITERALS = 511,
	INFLATE_LEN_AT = 15,	/* where the fields of a token begin */
	INFLATE_LITERALS_AT = 23,
	INFLATE_MIN_LEN = 3,
	/* See inflate_on(). */
	INFLATE_MORE_TOKENS = 128,
	INFLATE_MAX_AHEAD = 258,
};

/* For one stream after the other; NULL with *err set if memory is refused. */
struct inflater *inflate_new(struct err *err);
void inflate_free(struct inflater *f);	/* NULL is fine */

/*
 * Begin a stream, whatever became of the last one.  No distance goes back into
 * that; but literals at its end that wait to be counted go on waiting.
 */
void inflate_reset(struct inflater *f);

/*
 * Unpack from the front of *in to the front of *out and move both along.  At
 * the end in->ptr is behind the last byte that belongs to the stream.  If the
 * data is bad, what came before is in the room, and in->ptr is among the bytes
 * at fault or right behind; nothing but inflate_reset() may follow.
 *
 * *tokens, if there is such a thing, is where tokens go and is moved along.
 * There must be room for out->len / 3 + INFLATE_MORE_TOKENS.  What is behind
 * the new *tokens may have been written to.  Either all calls of an inflater
 * have tokens or none.
 */
enum inflate_result inflate_on(struct inflater *f, struct span *in,
			       struct room *out, uint32_t **tokens);

/*
 * Of the text: what has been unpacked and not given, because a match began in
 * the room and did not end there, at most INFLATE_MAX_AHEAD bytes and 0 at the
 * end of a stream; and literals that are in no token, at most 510.
 */
size_t inflate_ahead(const struct inflater *f);
size_t inflate_pending(const struct inflater *f);

#endif
