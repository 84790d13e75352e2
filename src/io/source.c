/*
 * A source has two buffers: `in`, packed bytes as the feed gave them, and the
 * window, where they are unpacked to.  Bytes that are not packed go from the
 * feed to the window at once.
 *
 *	window:  [ consumed | shown and not consumed | free | slack ]
 *	         0          at                       end    cap
 *
 * Both are small, so that the bytes meet decoder and unpacker while they are
 * still in the processor's second cache.  But while there is a piece, the
 * window is the piece's: nothing in it moves to the front, and no match is
 * forgotten.
 */
#include "io/source.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/md5.h"
#include "formats/deflate.h"
#include "formats/formats.h"
#include "formats/gzip.h"
#include "formats/rematch.h"
#include "io/feed.h"

enum {
	IN_LEN = 128 * 1024,	/* also so that MD5s find each other */
	LOW_LEN = IN_LEN / 4,	/* about what fills the window */
	FIRST_LEN = 64 * 1024,	/* of the window */
	HEAD_LEN = 8,		/* enough to tell the packing */
};

struct source {
	struct feed *feed;
	const struct byte_format *packing;	/* NULL: none, if begun */
	void *state;
	bool begun;		/* is the packing known? */
	bool feed_done;		/* the feed has nothing more */
	bool done;		/* the window holds all that is left */
	bool failed;
	bool want_md5;
	struct err why;		/* it failed, and fails again */

	uint8_t *in;
	struct span packed;	/* what is left in there */
	uint8_t *window;
	size_t at, end, cap;
	struct source_piece *piece;	/* whose the window is, or NULL */

	uint64_t packed_len, plain_len;
	struct md5_lane md5;

	bool want_matches;
	struct gzip_trace trace;
	size_t first;		/* of its tokens, that is still of use */
	uint64_t first_at;	/* where in the text its literals begin */
};

struct source *
source_open(struct feed *feed, bool md5, struct err *err)
{
	if (feed == NULL)
		return NULL;

	struct source *const s = calloc(1, sizeof(*s));
	if (s == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		feed->close(feed);
		return NULL;
	}
	s->feed = feed;
	s->want_md5 = md5;
	md5_lane_start(&s->md5);
	s->in = malloc(IN_LEN);
	s->window = calloc(1, FIRST_LEN + SOURCE_SLACK);
	s->cap = FIRST_LEN;
	if (s->in == NULL || s->window == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		source_close(s);
		return NULL;
	}
	return s;
}

/* Read up to `n` bytes.  Returns how many, 0 at the end, or -1. */
static ssize_t
get(struct source *s, uint8_t *to, size_t n, struct err *err)
{
	if (s->feed_done)
		return 0;

	/* What was read before goes from where the lane still looks at it. */
	md5_lane_settle(&s->md5);

	const ssize_t got = s->feed->read(s->feed, to, n, err);
	if (got < 0)
		return -1;
	if (got == 0)
		s->feed_done = true;
	if (s->want_md5)
		md5_lane_owe(&s->md5, (struct span){ to, (size_t)got });
	s->packed_len += (uint64_t)got;
	return got;
}

/* Read the first bytes and tell by them what this is. */
static int
begin(struct source *s, struct err *err)
{
	size_t n = 0;
	ssize_t got;

	do {
		got = get(s, s->in + n, IN_LEN - n, err);
		if (got < 0)
			return -1;
		n += (size_t)got;
	} while (got > 0 && n < HEAD_LEN);

	s->packed = (struct span){ s->in, n };
	s->packing = byte_format_of(s->packed);
	if (s->packing != NULL) {
		s->state = s->packing->unpack_start(err);
		if (s->state == NULL)
			return -1;
	}
	s->begun = true;
	return 0;
}

/* Copy unpacked bytes from what begin() read, else have them read in place. */
static int
fill_plain(struct source *s, struct room room, struct err *err)
{
	if (s->packed.len > 0) {
		const size_t n = room.len < s->packed.len ? room.len :
				 s->packed.len;

		memcpy(room.ptr, s->packed.ptr, n);
		s->packed.ptr += n;
		s->packed.len -= n;
		s->end += n;
		s->plain_len += n;
		return 0;
	}

	const ssize_t got = get(s, room.ptr, room.len, err);
	if (got < 0)
		return -1;
	s->done = got == 0;
	s->end += (size_t)got;
	s->plain_len += (uint64_t)got;
	return 0;
}

/* ---- matches ------------------------------------------------------------- */

void
source_note_matches(struct source *s)
{
	s->want_matches = true;
}

bool
source_matches(const struct source *s, struct matches *m, uint64_t *at)
{
	if (!s->want_matches || s->packing != &gzip_format)
		return false;
	*m = (struct matches){ .tokens = s->trace.tokens + s->first,
			       .n = s->trace.n - s->first,
			       .from = s->first_at };
	*at = s->plain_len - (s->end - s->at);
	return true;
}

uint64_t
source_matches_end(const struct source *s)
{
	return s->plain_len + s->trace.ahead - s->trace.pending;
}

void
source_drop_matches(struct source *s, const struct matches *m)
{
	s->first = (size_t)(m->tokens - s->trace.tokens);
	s->first_at = m->from;
}

/* Forget the tokens of what was consumed, where nobody else did. */
static void
pass_over(struct source *s)
{
	const uint64_t at = s->plain_len - (s->end - s->at);

	for (; s->first < s->trace.n; s->first++) {
		const uint64_t len = token_text(s->trace.tokens[s->first]);

		if (s->first_at + len > at)
			break;
		s->first_at += len;
	}
}

/* Have room for the tokens of `len` more bytes. */
static int
reserve_tokens(struct source *s, size_t len, struct err *err)
{
	struct gzip_trace *const t = &s->trace;
	uint32_t *p;

	if (s->piece == NULL && t->cap > 0 && t->n - s->first > t->cap / 2)
		pass_over(s);
	if (s->first > 0)
		memmove(t->tokens, t->tokens + s->first,
			(t->n - s->first) * sizeof(*t->tokens));
	t->n -= s->first;
	s->first = 0;
	if (t->n + GZIP_TOKENS(len) <= t->cap)
		return 0;
	t->cap = 2 * t->n + GZIP_TOKENS(len);
	p = realloc(t->tokens, t->cap * sizeof(*p));
	if (p == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	t->tokens = p;
	if (s->piece != NULL) {
		s->piece->tokens = p;
		s->piece->tokens_cap = t->cap;
	}
	return 0;
}

static int
unpack(struct source *s, struct room *room, struct err *err)
{
	if (!s->want_matches || s->packing != &gzip_format)
		return s->packing->unpack(s->state, &s->packed, s->feed_done,
					  room, err);
	if (reserve_tokens(s, room->len, err) != 0)
		return -1;
	return gzip_unpack_traced(s->state, &s->packed, s->feed_done, room,
				  &s->trace, err);
}

/* ---- bytes --------------------------------------------------------------- */

static int
fill_packed(struct source *s, struct room room, struct err *err)
{
	const size_t before = room.len;

	if (s->packed.len == 0 && !s->feed_done) {
		const ssize_t got = get(s, s->in, IN_LEN, err);

		if (got < 0)
			return -1;
		s->packed = (struct span){ s->in, (size_t)got };
	}

	const int rc = unpack(s, &room, err);

	s->end += before - room.len;
	s->plain_len += before - room.len;
	if (rc < 0)
		return err_at(err, "byte %" PRIu64,
			      s->packed_len - s->packed.len);
	s->done = rc == 0;
	return 0;
}

/* Room in the piece for `n` bytes, and what may be read behind them. */
static int
grow_piece(struct source *s, struct source_piece *p, size_t n,
	   struct err *err)
{
	uint8_t *text;

	if (n <= p->cap)
		return 0;
	text = realloc(p->text, n + SOURCE_SLACK);
	if (text == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	p->text = text;
	p->cap = n;
	if (s->piece == p) {
		s->window = text;
		s->cap = n;
	}
	return 0;
}

/* Bring what is left to the front of a window of at least `len` bytes. */
static int
make_room(struct source *s, size_t len, struct err *err)
{
	const size_t left = s->end - s->at;

	if (s->packing == NULL)
		md5_lane_settle(&s->md5);
	if (s->piece != NULL)
		return grow_piece(s, s->piece, s->at + len, err);
	if (len <= s->cap) {
		if (s->at > 0 && left > 0)
			memmove(s->window, s->window + s->at, left);
	} else {
		uint8_t *const p = malloc(len + SOURCE_SLACK);

		if (p == NULL)
			return err_set(err, ERR_SYSTEM, "out of memory");
		memcpy(p, s->window + s->at, left);
		memset(p + len, 0, SOURCE_SLACK);
		free(s->window);
		s->window = p;
		s->cap = len;
	}
	s->at = 0;
	s->end = left;
	return 0;
}

static int
fill(struct source *s, size_t min, struct err *err)
{
	const size_t len = min > FIRST_LEN ? min : FIRST_LEN;

	if (!s->begun && begin(s, err) != 0)
		return -1;
	if (make_room(s, len, err) != 0)
		return -1;
	while (!s->done && s->end - s->at < min) {
		/* Not all of a window that had to grow once: see above. */
		const struct room room = { s->window + s->end,
					   s->at + len - s->end };

		if ((s->packing != NULL ? fill_packed : fill_plain)
		    (s, room, err) != 0)
			return -1;
	}
	return 0;
}

int
source_peek(struct source *s, size_t min, struct span *out, struct err *err)
{
	if (s->failed) {
		*err = s->why;
		return -1;
	}
	if (min > SOURCE_MAX_PEEK)
		return err_set(err, ERR_LIMIT, "an item of more than %d MiB",
			       SOURCE_MAX_PEEK >> 20);
	if (s->end - s->at < min && !s->done && fill(s, min, err) != 0) {
		s->failed = true;
		s->why = *err;
		return -1;
	}
	*out = (struct span){ s->window + s->at, s->end - s->at };
	return s->done ? 0 : 1;
}

struct span
source_before_damage(const struct source *s)
{
	if (!s->failed)
		return (struct span){ NULL, 0 };
	return (struct span){ s->window + s->at, s->end - s->at };
}

void
source_consume(struct source *s, size_t n)
{
	assert(n <= s->end - s->at);
	s->at += n;
}

/* ---- pieces -------------------------------------------------------------- */

/* The matches of what was not consumed are those of `p` too. */
static int
share_matches(struct source *s, struct source_piece *p, struct err *err)
{
	struct gzip_trace *const t = &s->trace;
	const uint64_t shown = s->plain_len - (s->end - s->at);
	uint64_t at = source_matches_end(s);
	size_t first = t->n;

	while (first > s->first && at > shown)
		at -= token_text(t->tokens[--first]);

	const size_t n = t->n - first;
	if (n > p->tokens_cap) {
		uint32_t *const more = realloc(p->tokens, n * sizeof(*more));

		if (more == NULL)
			return err_set(err, ERR_SYSTEM, "out of memory");
		p->tokens = more;
		p->tokens_cap = n;
	}
	if (n > 0)
		memcpy(p->tokens, t->tokens + first, n * sizeof(*p->tokens));
	if (s->piece == NULL)
		free(t->tokens);
	t->tokens = p->tokens;
	t->cap = p->tokens_cap;
	t->n = n;
	s->first = 0;
	s->first_at = at;
	return 0;
}

int
source_start_piece(struct source *s, struct source_piece *p, size_t len,
		   struct err *err)
{
	const size_t left = s->end - s->at;

	assert(p != s->piece);
	/* Behind it is shown what will not be consumed. */
	len += left > FIRST_LEN ? left : FIRST_LEN;
	if (s->packing == NULL)
		md5_lane_settle(&s->md5);
	if (grow_piece(s, p, len, err) != 0 || share_matches(s, p, err) != 0)
		return -1;
	if (left > 0)
		memcpy(p->text, s->window + s->at, left);
	if (s->piece == NULL)
		free(s->window);
	s->piece = p;
	s->window = p->text;
	s->cap = p->cap;
	s->at = 0;
	s->end = left;
	p->len = p->ntokens = 0;
	return 0;
}

void
source_end_piece(struct source *s)
{
	struct source_piece *const p = s->piece;

	memset(s->window + s->end, 0, SOURCE_SLACK);
	p->len = s->at;
	p->ntokens = s->trace.n;
	p->tokens_from = s->first_at;
}

void
source_piece_free(struct source_piece *p)
{
	free(p->text);
	free(p->tokens);
}

bool
source_is_low(const struct source *s)
{
	return s->packed.len < LOW_LEN && !s->feed_done;
}

struct source_stats
source_stats(const struct source *s)
{
	return (struct source_stats){
		.packed_len = s->packed_len,
		.plain_len = s->plain_len,
		.packing = !s->begun ? NULL :
			   s->packing == NULL ? "none" : s->packing->name,
	};
}

void
source_md5(struct source *s, uint8_t out[16])
{
	md5_lane_settle(&s->md5);

	struct md5 m = s->md5.md5;
	md5_end(&m, out);
}

struct md5_lane *
source_md5_lane(struct source *s)
{
	return &s->md5;
}

void
source_close(struct source *s)
{
	if (s == NULL)
		return;
	if (s->packing != NULL)
		s->packing->unpack_stop(s->state);
	md5_lane_leave(&s->md5);
	s->feed->close(s->feed);
	if (s->piece == NULL) {
		free(s->trace.tokens);
		free(s->window);
	}
	free(s->in);
	free(s);
}
