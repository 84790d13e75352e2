/*
 * rematch.h - gzip again, from text that mostly comes out of gzip.
 *
 * Finding matches is most of a deflater's work.  Whoever packed the input has
 * done it, better than a fast deflater does; an item of which a few attributes
 * were changed still has nearly all of its matches.  So they are taken over:
 * the inflater notes them (inflate.h), the encoder notes what it copied from
 * where, and here each match is moved to where its text has gone, held against
 * the text, and lengthened as far as that is the same.  What is wrong in the
 * notes costs size, never bytes: no match is written that was not seen to hold.
 *
 * Where much of the text has no notes, or bad ones (its packer was a poor one,
 * or most of its items were left out), matches are looked for after all.
 *
 * The output is one gzip member as gzip.h has it, but its blocks end where the
 * caller says.  The same text, notes and calls give the same bytes.
 */
#ifndef FORMATS_REMATCH_H
#define FORMATS_REMATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

struct buf;
struct err;
struct rematch;

/*
 * A stretch of text that was copied from the input as it is; or, of length 0, a
 * place where text begins that was not, and that may well be said again.
 */
struct copied {
	uint64_t from;		/* in the input's text */
	uint32_t to;		/* in the output's: an index of the buffer */
	uint32_t len;
};

/*
 * Such stretches as an encoder notes them.  Of input, `first` is what can be
 * copied, and begins at `from`; of the rest there is nothing to note.  A zeroed
 * one is empty.
 */
struct copied_list {
	struct span first;
	uint64_t from;
	struct copied *of;
	size_t n, cap;
};

/* Make room for `n` more.  Returns 0, or -1 if memory is refused. */
int copied_reserve(struct copied_list *l, size_t n, struct err *err);

/* Note that `len` bytes at `at` went to the output's index `to`. */
static inline void
copied_note(struct copied_list *l, const uint8_t *at, size_t len, size_t to)
{
	const size_t offset = (size_t)((uintptr_t)at - (uintptr_t)l->first.ptr);

	l->of[l->n] = (struct copied){ l->from + offset, (uint32_t)to,
				       (uint32_t)len };
	l->n += offset < l->first.len;
}

/* Note that text begins at the output's index `to`. */
static inline void
copied_mark(struct copied_list *l, size_t to)
{
	l->of[l->n++] = (struct copied){ .to = (uint32_t)to };
}

/*
 * Matches of the input's text, as tokens (deflate.h), which may well be ahead
 * of it.  The literals of the first begin at `from`.
 */
struct matches {
	const uint32_t *tokens;
	size_t n;
	uint64_t from;
};

/* NULL with *err set if memory is refused. */
struct rematch *rematch_new(struct err *err);
void rematch_free(struct rematch *r);		/* NULL is fine */

/* Begin with a new member. */
void rematch_reset(struct rematch *r);

/*
 * Begin with a part of a member, the `first` or another one: what comes of it
 * depends on nothing before it, and has no head.  It ends with rematch_cut();
 * the parts in order, between a gzip_head() of REMATCH_LEVEL and a gzip_tail()
 * of the sums of all, are the member.
 */
enum { REMATCH_LEVEL = 6 };	/* the head may say: about as good */
void rematch_part(struct rematch *r, bool first);

/* Of the text so far, of the member or the part. */
struct gzip_sum;
struct gzip_sum rematch_sum(const struct rematch *r);

/*
 * Pack what was appended to `text` since the last call.  `copied` says which of
 * that was copied, in the order of both texts (what is not, is not used).
 * `matches` is moved on to the first that may still be needed.  Text that may
 * be copied by what comes stays in the buffer, which nobody else may change but
 * by appending; its indexes change.  Of what is written some may come later.
 * Returns 0 or -1.
 */
int rematch_add(struct rematch *r, struct buf *text,
		const struct copied *copied, size_t ncopied,
		struct matches *matches, struct buf *out, struct err *err);

/* How much text that was, since the member began. */
uint64_t rematch_len(const struct rematch *r);

/* End the block: what comes does not depend on what was.  Returns 0 or -1. */
int rematch_cut(struct rematch *r, struct buf *text, struct buf *out,
		struct err *err);

/* End the member.  `text` is empty then.  Returns 0 or -1. */
int rematch_end(struct rematch *r, struct buf *text, struct buf *out,
		struct err *err);

#endif
