/*
 * sink.h - where encoded items go, packed on the way if so wished.
 *
 * Files and S3 objects appear whole or not at all: closing a sink that was not
 * committed leaves nothing behind.  A table cannot promise that; there, commit
 * says that every item was accepted.  A sink belongs to one thread.
 *
 * However a text was cut into writes, the bytes that go to the drain are the
 * same (design.md, 5 and 6).
 */
#ifndef IO_SINK_H
#define IO_SINK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

struct byte_format;
struct drain;
struct err;
struct md5_lane;
struct sink;

struct sink_stats {
	uint64_t plain_len;	/* bytes written to the sink */
	uint64_t packed_len;	/* bytes that went to the drain */
	uint64_t xxh3;		/* XXH3-64 of those */
	uint8_t md5[16];	/* MD5 of those, or zeros if nobody wanted it */
};

/*
 * Take over `drain`, even on failure.  What goes there is packed as `pack` at
 * `level`, if that is not NULL.  NULL for a drain gives NULL, *err untouched.
 * With `md5` the MD5 of what goes there is taken on the way.
 */
struct sink *sink_open(struct drain *drain, const struct byte_format *pack,
		       int level, bool md5, struct err *err);

/* Where the MD5 is taken, so that it can be taken beside others. */
struct md5_lane *sink_md5_lane(struct sink *s);

/*
 * Pass on to the drain what has gathered.  Its MD5 is still owed, to be taken
 * with those of others before this sink is written to again: base/md5.h.
 */
int sink_pause(struct sink *s, struct err *err);

int sink_write(struct sink *s, struct span bytes, struct err *err);

/* Finish: packed, written and under its name.  *stats may be NULL. */
int sink_commit(struct sink *s, struct sink_stats *stats, struct err *err);

void sink_close(struct sink *s);	/* NULL is fine */

#endif
