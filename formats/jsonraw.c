#include "formats/jsonraw.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* The end of the string that begins at `at`, behind its quote; 0: none. */
static size_t
skip_string(struct span s, size_t at)
{
	for (at++; at < s.len; at++) {
		if (s.ptr[at] == '\\')
			at++;
		else if (s.ptr[at] == '"')
			return at + 1;
	}
	return 0;
}

/* The end of the value that begins at `at`; 0 if it does not end. */
static size_t
skip_value(struct span s, size_t at)
{
	unsigned depth = 0;

	while (at < s.len) {
		const uint8_t c = s.ptr[at];

		if (c == '"') {
			at = skip_string(s, at);
			if (at == 0 || depth == 0)
				return at;
			continue;
		}
		if (c == '{' || c == '[')
			depth++;
		else if ((c == '}' || c == ']' || c == ',') && depth == 0)
			return at;
		else if ((c == '}' || c == ']') && --depth == 0)
			return at + 1;
		at++;
	}
	return 0;
}

static size_t
skip_space(struct span s, size_t at)
{
	while (at < s.len && (s.ptr[at] == ' ' || s.ptr[at] == '\n' ||
			      s.ptr[at] == '\r' || s.ptr[at] == '\t'))
		at++;
	return at;
}

/* The code unit of `\uXXXX` at `p`. */
static uint32_t
read_unit(const uint8_t *p)
{
	uint32_t c = 0;

	for (int i = 2; i < 6; i++) {
		const uint8_t x = p[i];

		c = c << 4 | ((uint32_t)(x <= '9' ? x - '0'
					 : (x | 0x20) - 'a' + 10) & 15);
	}
	return c;
}

/* The UTF-8 of an escape at `p`, of `left` bytes; how long it is, or 0. */
static size_t
unescape(const uint8_t *p, size_t left, uint8_t to[4], size_t *n)
{
	static const char FROM[] = "\"\\/bfnrt", INTO[] = "\"\\/\b\f\n\r\t";
	const char *const simple = left < 2 ? NULL
		: strchr(FROM, p[1] != '\0' ? p[1] : 'x');
	size_t len = 6;
	uint32_t c;

	*n = 1;
	if (simple != NULL) {
		to[0] = (uint8_t)INTO[simple - FROM];
		return 2;
	}
	if (left < 6 || p[1] != 'u')
		return 0;
	c = read_unit(p);
	if (c >> 10 == 0xd800 >> 10 && left >= 12 && p[6] == '\\') {
		c = 0x10000 + ((c & 0x3ff) << 10) + (read_unit(p + 6) & 0x3ff);
		len = 12;
	}
	if (c < 0x80) {
		to[0] = (uint8_t)c;
		return len;
	}
	*n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	for (size_t i = *n - 1; i > 0; i--, c >>= 6)
		to[i] = (uint8_t)(0x80 | (c & 0x3f));
	to[0] = (uint8_t)(0xf00 >> *n | c);
	return len;
}

/* Is this the name, as it stands between quotes? */
static bool
is_name(struct span raw, const char *name)
{
	size_t at = 0, n;
	uint8_t utf8[4];

	while (at < raw.len) {
		size_t len = 1;

		utf8[0] = raw.ptr[at];
		n = 1;
		if (raw.ptr[at] == '\\')
			len = unescape(raw.ptr + at, raw.len - at, utf8, &n);
		if (len == 0 || utf8[0] == 0 || strncmp(name, (const char *)utf8, n) != 0)
			return false;
		name += n;
		at += len;
	}
	return *name == '\0';
}

struct span
jsonraw_member(struct span s, const char *name)
{
	size_t at = skip_space(s, 0) + 1;	/* behind the brace */

	while (at > 0 && at < s.len) {
		at = skip_space(s, at);
		if (at >= s.len || s.ptr[at] != '"')
			break;
		const size_t end = skip_string(s, at);
		if (end == 0)
			break;
		const struct span key = { s.ptr + at + 1, end - at - 2 };
		const size_t value = skip_space(s, skip_space(s, end) + 1);
		at = skip_value(s, value);
		if (at > 0 && is_name(key, name))
			return (struct span){ s.ptr + value, at - value };
		if (at > 0)
			at = skip_space(s, at) + 1;	/* the comma */
	}
	return (struct span){ NULL, 0 };
}

struct span
jsonraw_next(struct span list, size_t *at)
{
	const size_t start = skip_space(list, *at) + 1;
	const size_t value = skip_space(list, start);
	const size_t end = value < list.len && list.ptr[value] != ']'
		? skip_value(list, value) : 0;

	if (end == 0)
		return (struct span){ NULL, 0 };
	*at = end;	/* where a comma is, as the bracket at first */
	return (struct span){ list.ptr + value, end - value };
}
