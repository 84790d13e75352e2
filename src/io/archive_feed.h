/*
 * archive_feed.h - a file in an archive as a feed.
 *
 * Most archives can only be read from their start.  Who wants many files of one
 * keeps a stream, and asks for them in the order in which they stand there.
 */
#ifndef IO_ARCHIVE_FEED_H
#define IO_ARCHIVE_FEED_H

#include <stdbool.h>
#include <stdint.h>

struct archive_stream;
struct err;
struct feed;
struct members;
struct members_limits;

/* An archive: a file on disk, or what `open` gives a feed of, that can seek. */
struct archive_place {
	const char *path;
	const char *etag;	/* for `open` */
	struct feed *(*open)(const char *path, const char *etag,
			     struct err *err);	/* or NULL */
};

/*
 * What archives may come to from here on, in all of the process; to be said
 * before there are threads.
 */
void archive_feed_limit(const struct members_limits *limits);

/* Its files, within these limits; NULL with *err set. */
struct members *archive_members(const struct archive_place *p,
				struct err *err);

struct archive_stream *archive_stream_new(const struct archive_place *p,
					  struct err *err);
void archive_stream_free(struct archive_stream *s);	/* NULL is fine */

/* Is it of this archive? */
bool archive_stream_is(const struct archive_stream *s,
		       const struct archive_place *p);

/*
 * File `number` of the archive.  One at a time: close it before the next.  A
 * number before the last one's begins from the start again.
 */
struct feed *archive_stream_feed(struct archive_stream *s, uint64_t number,
				 struct err *err);

/* The file called `name` in the archive, for itself. */
struct feed *archive_feed(const struct archive_place *p, const char *name,
			  struct err *err);

#endif
