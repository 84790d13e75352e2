/*
 * buf.h - bytes we own and append to.
 *
 * A zeroed `struct buf` is an empty one.  What is appended may move until the
 * next append: keep offsets, not pointers.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

struct err;

struct buf {
	uint8_t *ptr;
	size_t len, cap;
};

/*
 * Make room for `n` more bytes and return where they go, or NULL with *err set.
 * Write them there, then buf_commit() as many as were written.
 */
uint8_t *buf_reserve(struct buf *b, size_t n, struct err *err);
void buf_commit(struct buf *b, size_t n);

/* Append bytes, or formatted text (not counting a NUL).  Returns 0 or -1. */
int buf_append(struct buf *b, struct span bytes, struct err *err);
int buf_printf(struct buf *b, struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static inline struct span
buf_span(const struct buf *b)
{
	return (struct span){ b->ptr, b->len };
}

void buf_reset(struct buf *b);	/* empty it, keep the memory */
void buf_free(struct buf *b);

#endif
