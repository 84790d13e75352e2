/*
 * source.h - uncompressed bytes to look at and step over.
 *
 * How they got here - read, unpacked from gzip or zstd, fetched again after a
 * broken connection - is the source's business; the packing is told by the
 * first bytes.  Checksums are checked.  A source belongs to one thread.
 */
#ifndef IO_SOURCE_H
#define IO_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

struct err;
struct feed;
struct md5_lane;
struct source;

/* After what a peek shows, this many more bytes may be read (not trusted). */
enum { SOURCE_SLACK = 128 };

/* The most that one peek can be asked for: a line of 16 MiB. */
enum { SOURCE_MAX_PEEK = 16 * 1024 * 1024 };

/* What has gone through a source so far. */
struct source_stats {
	uint64_t packed_len;	/* bytes read from the feed */
	uint64_t plain_len;	/* bytes unpacked */
	const char *packing;	/* "gzip", "zstd" or "none"; NULL before a peek */
};

/*
 * Take over `feed`, even on failure.  NULL gives NULL, *err untouched.  With
 * `md5` the MD5 of the feed's bytes is taken on the way.
 */
struct source *source_open(struct feed *feed, bool md5, struct err *err);

/*
 * From the first peek on, note the matches of what is unpacked from gzip, for
 * rematch.h.  They pile up until they are dropped, or their text is consumed.
 */
void source_note_matches(struct source *s);

/*
 * The matches noted, and where in the text the bytes last shown begin.  False
 * if there are none to be had: it is not gzip.
 */
struct matches;
bool source_matches(const struct source *s, struct matches *m, uint64_t *at);

/* Where in the text what the matches describe ends, if there are some. */
uint64_t source_matches_end(const struct source *s);

/* `m` is what is left of them. */
void source_drop_matches(struct source *s, const struct matches *m);

/*
 * Show at least `min` bytes that have not been consumed, or all that are left.
 * Returns 1, or 0 if these are the last, or -1 with *err set: ERR_LIMIT if
 * `min` is more than a source will hold, ERR_INPUT if the input is damaged (the
 * text says how, and at which byte of the feed), and so will the next ones.
 * What was shown stays put until the next peek.
 */
int source_peek(struct source *s, size_t min, struct span *out,
		struct err *err);

/*
 * After a peek that found damage: what was unpacked before it and not consumed;
 * else nothing.
 */
struct span source_before_damage(const struct source *s);

/* Step over `n` of the bytes last shown. */
void source_consume(struct source *s, size_t n);

/*
 * Text left where it was unpacked to, for who takes it elsewhere.  Zeroed, it
 * is an empty one.
 */
struct source_piece {
	uint8_t *text;		/* SOURCE_SLACK can be read behind it */
	size_t len, cap;
	/* Matches, if they are noted: of all of it, and some bytes more. */
	uint32_t *tokens;
	size_t ntokens, tokens_cap;
	uint64_t tokens_from;	/* where in the source's text they begin */
};

/*
 * From here on what is consumed stays in `p`, which is emptied first and gets
 * room for `len` bytes, as do its matches.  Returns 0 or -1.
 */
int source_start_piece(struct source *s, struct source_piece *p, size_t len,
		       struct err *err);

/*
 * `p` has all that was consumed since then.  Anybody may read it; but only
 * after the next piece has started, or with the source closed, may it change.
 */
void source_end_piece(struct source *s);

void source_piece_free(struct source_piece *p);

struct source_stats source_stats(const struct source *s);

/* Is a peek soon to read from the feed, which is not yet at its end? */
bool source_is_low(const struct source *s);

/* After the last peek: the MD5 of all the feed's bytes, 16 of them. */
void source_md5(struct source *s, uint8_t out[16]);

/* Where that MD5 is taken, so that it can be taken beside others. */
struct md5_lane *source_md5_lane(struct source *s);

void source_close(struct source *s);	/* NULL is fine */

#endif
