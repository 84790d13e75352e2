/*
 * place.h - a feed or drain for whatever a place is: a path, `-` for the
 * standard streams, s3://BUCKET/KEY, a segment of dynamodb://TABLE.
 */
#ifndef ENGINE_PLACE_H
#define ENGINE_PLACE_H

#include <stdbool.h>
#include <stddef.h>

struct archive_place;
struct buf;
struct drain;
struct err;
struct feed;
struct plan_side;
struct s3;
struct side;
struct side_options;

/*
 * How AWS is reached, and what the plan says of where things are read from;
 * before there are threads.  Both stay the caller's.  It is reached when the
 * first remote place is.
 */
void place_usual(const struct side_options *usual);
void place_source(const struct plan_side *plan);
/* Tables: what was written before is read; else it may be some time later. */
void place_read_consistently(bool yes);
void place_close(void);		/* at the very end */

/*
 * The same of a job's output, which is at s3://... or on disk: it is read and
 * written as the plan's target says, whatever the source is.  NULL: there is
 * none such.
 */
void place_output(const struct plan_side *plan, const char *address);

bool place_is_output(const char *where);	/* that, or below */

bool place_is_remote(const char *where);	/* in S3 */
bool place_is_table(const char *where);		/* dynamodb://TABLE */

/* The side that is read from; NULL with *err set. */
struct side *place_side(struct err *err);

/* Of the side that `where` is of: it, and its buckets. */
struct side *place_side_of(const char *where, struct err *err);
struct s3 *place_s3(const char *where, struct err *err);

/* Append what is there to `out`; ERR_LIMIT if it is longer than `limit`. */
int place_load(const char *where, size_t limit, struct buf *out,
	       struct err *err);

/* Is there such a file or object?  1, 0, or -1. */
int place_look(const char *where, struct err *err);

/* NULL with *err set if it cannot be opened. */
struct feed *place_feed(const char *where, struct err *err);

/* The same of an object, if it still is the one with that ETag. */
struct feed *place_feed_pinned(const char *where, const char *etag,
			       struct err *err);

/* How an archive is reached; both stay the caller's. */
struct archive_place place_archive(const char *where, const char *etag);

/*
 * Can any file of it be had for little?  Else they are read one after the
 * other, as they stand there.
 */
bool place_leaps(const char *archive);

/*
 * Can those before a file be passed over for a request each?  Then parts of it
 * are read side by side, each by who opened it for itself.
 */
bool place_passes(const char *archive);

struct drain *place_drain(const char *where, struct err *err);

#endif
