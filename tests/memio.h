/* memio.h - a feed from memory and a drain into it. */
#ifndef TESTS_MEMIO_H
#define TESTS_MEMIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"
#include "io/drain.h"
#include "io/feed.h"

struct mem_feed {
	struct feed feed;
	struct span left;
	size_t step;		/* at most so many bytes a read; 0: all */
};

static inline ssize_t
mem_read(struct feed *feed, uint8_t *to, size_t n, struct err *err)
{
	struct mem_feed *const f = (struct mem_feed *)feed;

	(void)err;
	if (n > f->left.len)
		n = f->left.len;
	if (f->step > 0 && n > f->step)
		n = f->step;
	if (n > 0)
		memcpy(to, f->left.ptr, n);
	f->left.ptr += n;
	f->left.len -= n;
	return (ssize_t)n;
}

static inline void
mem_feed_close(struct feed *feed)
{
	free(feed);
}

static inline struct feed *
mem_feed(struct span bytes, size_t step)
{
	struct mem_feed *const f = malloc(sizeof(*f));

	if (f == NULL)
		abort();
	*f = (struct mem_feed){
		.feed = { .read = mem_read, .close = mem_feed_close },
		.left = bytes, .step = step,
	};
	return &f->feed;
}

struct mem_drain {
	struct drain drain;
	struct buf *to;
	bool *committed;	/* may be NULL */
};

static inline int
mem_write(struct drain *drain, struct span bytes, struct err *err)
{
	return buf_append(((struct mem_drain *)drain)->to, bytes, err);
}

static inline int
mem_commit(struct drain *drain, struct err *err)
{
	struct mem_drain *const d = (struct mem_drain *)drain;

	(void)err;
	if (d->committed != NULL)
		*d->committed = true;
	return 0;
}

static inline void
mem_drain_close(struct drain *drain)
{
	free(drain);
}

static inline struct drain *
mem_drain(struct buf *to, bool *committed)
{
	struct mem_drain *const d = malloc(sizeof(*d));

	if (d == NULL)
		abort();
	*d = (struct mem_drain){
		{ mem_write, mem_commit, mem_drain_close }, to, committed,
	};
	return &d->drain;
}

#endif
