#include "base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

enum { FIRST_LEN = 256 };

uint8_t *
buf_reserve(struct buf *b, size_t n, struct err *err)
{
	if (b->cap - b->len >= n && b->ptr != NULL)
		return b->ptr + b->len;
	if (n > SIZE_MAX / 4 - b->len) {
		err_set(err, ERR_LIMIT, "out of memory");
		return NULL;
	}

	/* Doubling: appending n bytes one by one stays linear in n. */
	size_t cap = b->cap > 0 ? b->cap : FIRST_LEN;
	while (cap < b->len + n)
		cap *= 2;

	uint8_t *const p = realloc(b->ptr, cap);
	if (p == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	b->ptr = p;
	b->cap = cap;
	return p + b->len;
}

void
buf_commit(struct buf *b, size_t n)
{
	assert(n <= b->cap - b->len);
	b->len += n;
}

int
buf_append(struct buf *b, struct span bytes, struct err *err)
{
	uint8_t *const p = buf_reserve(b, bytes.len, err);

	if (p == NULL)
		return -1;
	if (bytes.len > 0)
		memcpy(p, bytes.ptr, bytes.len);
	b->len += bytes.len;
	return 0;
}

int
buf_printf(struct buf *b, struct err *err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	const int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		return err_set(err, ERR_SYSTEM, "text that cannot be printed");

	char *const p = (char *)buf_reserve(b, (size_t)n + 1, err);
	if (p == NULL)
		return -1;
	va_start(ap, fmt);
	vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
	return 0;
}

void
buf_reset(struct buf *b)
{
	b->len = 0;
}

void
buf_free(struct buf *b)
{
	free(b->ptr);
	*b = (struct buf){ 0 };
}
