/*
 * keyread.h - read key logs back, chunk by chunk, checking every byte.
 *
 * Chunks are read, not mapped: a log that shrinks under us is an error and no
 * SIGBUS.  The directory is read a piece at a time, and so costs the same
 * memory whatever the length of the log.
 */
#ifndef ENGINE_KEYREAD_H
#define ENGINE_KEYREAD_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "formats/keylog.h"

struct err;

struct keyread {
	int fd;
	struct keylog_shape shape;
	struct buf entries;	/* of the directory, from number `first` on */
	size_t first;
	char *path;
};

#define KEYREAD_NONE ((struct keyread){ .fd = -1 })

/* Open a log; header, directory and trailer are sound if this returns 0. */
int keyread_open(struct keyread *r, const char *path, struct err *err);

/* Entry `i` (< shape.nchunks) of the directory; cheap in ascending order. */
int keyread_entry(struct keyread *r, size_t i, struct keylog_chunk *out,
		  struct err *err);

/* Read a chunk to `to`, which has room for c->len bytes, and check it. */
int keyread_chunk(const struct keyread *r, const struct keylog_chunk *c,
		  uint8_t *to, struct err *err);

void keyread_close(struct keyread *r);	/* KEYREAD_NONE is fine */

/* Read `n` bytes at `at`.  ERR_INPUT if the file ends before. */
int keyread_bytes(int fd, uint8_t *to, size_t n, uint64_t at,
		  struct err *err);

#endif
