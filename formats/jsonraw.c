#include "formats/jsonraw.h"

#include <stdint.h>

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
		if (at > 0 && span_is(key, name))
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
