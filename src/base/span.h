/* span.h - bytes that belong to somebody else. */
#ifndef BASE_SPAN_H
#define BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
	const uint8_t *ptr;
	size_t len;
};

/* The bytes of a C string, without its NUL. */
static inline struct span
span_of(const char *text)
{
	return (struct span){ (const uint8_t *)text, strlen(text) };
}

static inline bool
span_equal(struct span a, struct span b)
{
	return a.len == b.len &&
	       (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* Does `s` hold just the characters of `text`? */
static inline bool
span_is(struct span s, const char *text)
{
	return span_equal(s, span_of(text));
}

/* Order by bytes, as DynamoDB orders strings: <0, 0 or >0. */
static inline int
span_compare(struct span a, struct span b)
{
	const size_t n = a.len < b.len ? a.len : b.len;
	const int c = n == 0 ? 0 : memcmp(a.ptr, b.ptr, n);

	return c != 0 ? c : (a.len > b.len) - (a.len < b.len);
}

#endif
