/*
 * Two texts run side by side here, the input's and the output's, each with
 * positions from where it begins.  They are 32 bits wide and wrap, and are only
 * ever compared with near ones.  An index is a place in the caller's buffer:
 * position - base.
 *
 * Where text of the input has gone is noted stretch by stretch in a ring.  To
 * find the stretch that a match copies from, each GRANULE bytes of the input
 * note the first stretch that ends behind their start; from there it is a step
 * or none.
 */
#include "formats/rematch.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <isa-l/crc.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/cpu.h"
#include "base/err.h"
#include "formats/deflate.h"
#include "formats/gzip.h"
#include "formats/rematch_internal.h"

enum {
	BLOCK_LEN = 128 * 1024,	/* of text with one set of codes, or more */

	/* Text that waits for a match is written without after so much. */
	MUCH_LEN = 2 * BLOCK_LEN,
	/* In one call; the counts of a block's symbols are 32 bits wide. */
	MAX_LEN = 128 * 1024 * 1024,

	/* Matches are looked for if less than this percentage is known. */
	ENOUGH_KNOWN = 40,
	JUDGED_LEN = 1024,	/* of so much or more */
	PATIENCE = 16,
};

int
copied_reserve(struct copied_list *l, size_t n, struct err *err)
{
	const size_t cap = 2 * (l->n + n);
	struct copied *p;

	if (l->n + n <= l->cap)
		return 0;
	p = realloc(l->of, cap * sizeof(*p));
	if (p == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	l->of = p;
	l->cap = cap;
	return 0;
}

struct rematch *
rematch_new(struct err *err)
{
	struct rematch *const r = calloc(1, sizeof(*r));

	if (r == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	rematch_reset(r);
	return r;
}

void
rematch_free(struct rematch *r)
{
	if (r == NULL)
		return;
	free(r->tokens);
	free(r->seen);
	free(r);
}

void
rematch_reset(struct rematch *r)
{
	const struct rematch old = *r;

	memset(r, 0, sizeof(*r));
	r->tokens = old.tokens;
	r->cap = old.cap;
	r->seen = old.seen;
	/* Until it is known, and all of a small file. */
	r->poor = true;
	r->patience = 1;
}

void
rematch_part(struct rematch *r, bool first)
{
	if (r->begun)
		rematch_reset(r);
	r->headless = true;
	r->poor = first;
}

/* Room for the tokens of all that is not in tokens, whenever it was added. */
static int
reserve_tokens(struct rematch *r, const struct buf *text, struct err *err)
{
	const size_t len = text->len - r->covered;
	const size_t most = r->n + len / DEFLATE_MIN_MATCH +
			    len / TOKEN_ONLY_LITS + 2;
	uint32_t *p;

	if (most <= r->cap)
		return 0;
	p = realloc(r->tokens, most * sizeof(*p));
	if (p == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	r->tokens = p;
	r->cap = most;
	return 0;
}

#ifndef NDEBUG
/* Is what the tokens say about text[r->start] to `end` true? */
static bool
are_true(const struct rematch *r, const uint8_t *text, size_t end)
{
	size_t at = r->start;

	for (size_t i = 0; i < r->n; i++) {
		const uint32_t t = r->tokens[i];
		const size_t stop = at + token_text(t);

		if (token_lits(t) == TOKEN_ONLY_LITS) {
			at = stop;
			continue;
		}
		at += token_lits(t);
		if (stop > end || token_dist(t) > at)
			return false;
		for (; at < stop; at++)
			if (text[at] != text[at - token_dist(t)])
				return false;
	}
	return at <= end;
}
#endif

/* The tokens there are, as a block, up to text[end]. */
static int
write_block(struct rematch *r, const struct buf *text, size_t end,
	    struct buf *out, struct err *err)
{
	if (end == r->start)
		return 0;
	assert(are_true(r, text->ptr, end));
	if (deflate_block(&r->bits, r->tokens, r->n, text->ptr + r->start,
			  end - r->start, out, err) != 0)
		return -1;
	r->n = 0;
	r->start = end;
	return 0;
}

/* Forget the text that nothing can copy from. */
static void
drop_text(struct rematch *r, struct buf *text)
{
	size_t n = text->len < DEFLATE_MAX_DIST ? 0 :
		   text->len - DEFLATE_MAX_DIST;

	if (n > r->start)
		n = r->start;
	if (n == 0)
		return;
	memmove(text->ptr, text->ptr + n, text->len - n);
	text->len -= n;
	r->base += (uint32_t)n;
	r->start -= n;
	r->covered -= n;
	r->done -= n;
	r->searched -= r->searched < n ? r->searched : n;
}

/* Is what is known enough, or must matches be looked for? */
static void
judge(struct rematch *r, size_t len)
{
	r->judged += len;
	if (r->judged < JUDGED_LEN)
		return;
	/* A search goes on for some calls, then the notes are tried again. */
	if (r->poor && --r->patience > 0)
		return;
	if (!r->poor && r->known < r->judged / 100 * ENOUGH_KNOWN) {
		r->poor = true;
		r->patience = PATIENCE;
		memset(r->seen, 0, SEEN * sizeof(*r->seen));
	} else {
		r->poor = false;
	}
	r->judged = r->known = 0;
}

static int
begin(struct rematch *r, struct buf *out, struct err *err)
{
	if (r->begun)
		return 0;
	if (r->seen == NULL)
		r->seen = malloc(SEEN * sizeof(*r->seen));
	if (r->seen == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	memset(r->seen, 0, SEEN * sizeof(*r->seen));
	r->begun = true;
	return r->headless ? 0 : gzip_head(REMATCH_LEVEL, out, err);
}

int
rematch_add(struct rematch *r, struct buf *text, const struct copied *copied,
	    size_t ncopied, struct matches *matches, struct buf *out,
	    struct err *err)
{
	const size_t len = text->len - r->done;

	if (len == 0)
		return 0;
	if (text->len > MAX_LEN)
		return err_set(err, ERR_SYSTEM, "too much text at once: please "
			       "report this, and use --level 1");
	if (begin(r, out, err) != 0 || reserve_tokens(r, text, err) != 0 ||
	    buf_reserve(text, REMATCH_SLACK, err) == NULL)
		return -1;
	r->sum.crc = crc32_gzip_refl(r->sum.crc, text->ptr + r->done, len);
	r->sum.len += len;
#if defined(__x86_64__)
	if (cpu_has(CPU_AVX512))
		rematch_walk_avx512(r, text, copied, ncopied, matches);
	else if (cpu_has(CPU_AVX2))
		rematch_walk_avx2(r, text, copied, ncopied, matches);
	else
#endif
		rematch_walk_portable(r, text, copied, ncopied, matches);
	r->done = text->len;
	judge(r, len);
	if (r->done - r->start >= MUCH_LEN &&
	    r->covered - r->start < BLOCK_LEN)
		r->covered = r->done;
	if (r->covered - r->start < BLOCK_LEN)
		return 0;
	if (write_block(r, text, r->covered, out, err) != 0)
		return -1;
	drop_text(r, text);
	return 0;
}

uint64_t
rematch_len(const struct rematch *r)
{
	return r->sum.len;
}

struct gzip_sum
rematch_sum(const struct rematch *r)
{
	return r->sum;
}

int
rematch_cut(struct rematch *r, struct buf *text, struct buf *out,
	    struct err *err)
{
	assert(r->done == text->len);
	if (text->len == 0)
		return 0;
	if (write_block(r, text, text->len, out, err) != 0 ||
	    deflate_flush(&r->bits, out, err) != 0)
		return -1;
	r->base += (uint32_t)text->len;
	buf_reset(text);
	r->start = r->covered = r->done = r->searched = 0;
	r->poor = false;
	return 0;
}

int
rematch_end(struct rematch *r, struct buf *text, struct buf *out,
	    struct err *err)
{
	if (begin(r, out, err) != 0 || rematch_cut(r, text, out, err) != 0)
		return -1;
	return gzip_tail(r->sum, out, err);
}
