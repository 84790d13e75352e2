/*
 * archive_feed.h - a file in an archive as a feed.
 *
 * Most archives can only be read from their start.  Who wants many files of one
 * keeps a stream, and asks for them in the order in which they stand there.
 */
#ifndef IO_ARCHIVE_FEED_H
#define IO_ARCHIVE_FEED_H

#include <stdint.h>

struct archive_stream;
struct err;
struct feed;
struct members_limits;

/*
 * What archives may come to from here on, in all of the process; to be said
 * before there are threads.
 */
void archive_feed_limit(const struct members_limits *limits);
const struct members_limits *archive_feed_limits(void);

struct archive_stream *archive_stream_new(const char *path, struct err *err);
void archive_stream_free(struct archive_stream *s);	/* NULL is fine */

/*
 * File `number` of the archive.  One at a time: close it before the next.  A
 * number before the last one's begins from the start again.
 */
struct feed *archive_stream_feed(struct archive_stream *s, uint64_t number,
				 struct err *err);

/* The file called `name` in the archive at `path`, for itself. */
struct feed *archive_feed(const char *path, const char *name,
			  struct err *err);

#endif
