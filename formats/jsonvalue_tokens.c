/* jsonvalue_tokens.c - the tokens of JSON, and values that are left out. */
#include "formats/jsonvalue_internal.h"

#include <string.h>

#include "base/err.h"
#include "base/scan.h"
#include "formats/ddbjson.h"

enum { SKIP_DEPTH = 64 };	/* of what is left out */

int
jsonvalue_bad(struct jsonwalk *w, const char *why)
{
	err_set(w->err, ERR_INPUT, "%s", why);
	return JSON_BAD;
}

int
jsonvalue_wrong(struct jsonwalk *w, const char *expected)
{
	if (w->p >= w->end && !w->last)
		return JSON_MORE;
	if (w->p >= w->end)
		err_set(w->err, ERR_INPUT, "the text ends where %s should be",
			expected);
	else if (*w->p >= 0x20 && *w->p < 0x7F)
		err_set(w->err, ERR_INPUT, "'%c' where %s should be", *w->p,
			expected);
	else
		err_set(w->err, ERR_INPUT, "byte 0x%02x where %s should be",
			*w->p, expected);
	return JSON_BAD;
}

/* Bytes of a string from `p` on that may stand there as they are. */
static inline size_t
plain_run(const uint8_t *p, const uint8_t *end)
{
	const uint8_t *q = p;

	for (int i = 0; i < 24 && q < end; i++, q++)
		if (*q < 0x20 || *q == '"' || *q == '\\')
			return (size_t)(q - p);
	return (size_t)(q - p) +
	       scan_plain((struct span){ q, (size_t)(end - q) });
}

static bool
is_ascii(const uint8_t *p, size_t n)
{
	uint64_t all = 0, word;
	size_t i = 0;

	for (; i + 8 <= n; i += 8) {
		memcpy(&word, p + i, 8);
		all |= word;
	}
	for (; i < n; i++)
		all |= p[i];
	return (all & 0x8080808080808080u) == 0;
}

int
jsonvalue_string(struct jsonwalk *w, struct span *out, bool *escaped)
{
	const uint8_t *start;

	if (jsonvalue_peek(w) != '"')
		return jsonvalue_wrong(w, "a string in quotes");
	start = ++w->p;
	*escaped = false;
	for (;;) {
		const uint8_t *const run = w->p;
		const size_t n = plain_run(run, w->end);

		w->p += n;
		if (w->p == w->end)
			return !w->last ? JSON_MORE : jsonvalue_bad(w,
				"a string that does not end");
		if (!is_ascii(run, n)) {
			const size_t good = scan_utf8((struct span){ run, n });

			if (good < n) {
				w->p = run + good;
				return jsonvalue_bad(w, "invalid UTF-8");
			}
		}
		if (*w->p == '"')
			break;
		if (*w->p == '\n')
			return jsonvalue_bad(w, "a string that does not end");
		if (*w->p != '\\') {
			err_set(w->err, ERR_INPUT, "a control character "
				"(0x%02x) that is not escaped", *w->p);
			return JSON_BAD;
		}

		const size_t left = (size_t)(w->end - w->p);
		const size_t len = ddbjson_escape(w->p, left);
		if (len == 0)
			return left < 12 && !w->last ? JSON_MORE :
				jsonvalue_bad(w, "invalid escape in a string");
		w->p += len;
		*escaped = true;
	}
	*out = (struct span){ start, (size_t)(w->p - start) };
	w->p++;
	return JSON_GOOD;
}

/* How many digits come next, stepped over. */
static size_t
digits(struct jsonwalk *w)
{
	const uint8_t *const start = w->p;

	while (w->p < w->end && *w->p >= '0' && *w->p <= '9')
		w->p++;
	return (size_t)(w->p - start);
}

/* -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)? */
int
jsonvalue_number(struct jsonwalk *w, struct span *out)
{
	const uint8_t *const start = w->p;

	if (*w->p == '-')
		w->p++;
	if (w->p < w->end && *w->p == '0')
		w->p++;
	else if (digits(w) == 0)
		return jsonvalue_wrong(w, "a digit");
	if (w->p < w->end && *w->p >= '0' && *w->p <= '9')
		return jsonvalue_bad(w, "a number with a leading zero");
	if (w->p < w->end && *w->p == '.') {
		w->p++;
		if (digits(w) == 0)
			return jsonvalue_wrong(w, "a digit");
	}
	if (w->p < w->end && (*w->p | 0x20) == 'e') {
		w->p++;
		if (w->p < w->end && (*w->p == '-' || *w->p == '+'))
			w->p++;
		if (digits(w) == 0)
			return jsonvalue_wrong(w, "a digit");
	}
	if (w->p == w->end && !w->last)
		return JSON_MORE;
	*out = (struct span){ start, (size_t)(w->p - start) };
	return JSON_GOOD;
}

int
jsonvalue_word(struct jsonwalk *w, const char *text)
{
	const size_t n = strlen(text), left = (size_t)(w->end - w->p);
	const size_t k = n < left ? n : left;

	if (memcmp(w->p, text, k) != 0)
		return jsonvalue_wrong(w, "a JSON value");
	if (k < n) {
		w->p = w->end;
		return jsonvalue_wrong(w, "true, false or null");
	}
	w->p += n;
	return JSON_GOOD;
}

/* ---- what is left out ---------------------------------------------------- */

static int
skip(struct jsonwalk *w, unsigned depth)
{
	struct span text;
	bool escaped;
	const int c = jsonvalue_peek(w);
	int rc = JSON_GOOD;

	if (c == '"')
		return jsonvalue_string(w, &text, &escaped);
	if (c == '-' || (c >= '0' && c <= '9'))
		return jsonvalue_number(w, &text);
	if (c == 't' || c == 'f' || c == 'n')
		return jsonvalue_word(w, c == 't' ? "true" : c == 'f' ? "false"
								      : "null");
	if (c != '{' && c != '[')
		return jsonvalue_wrong(w, "a JSON value");
	if (depth == SKIP_DEPTH)
		return jsonvalue_bad(w, "nested deeper than 64 levels");

	const int end = c == '{' ? '}' : ']';
	w->p++;
	if (jsonvalue_peek(w) == end) {
		w->p++;
		return JSON_GOOD;
	}
	for (;;) {
		if (c == '{') {
			rc = jsonvalue_string(w, &text, &escaped);
			if (rc == JSON_GOOD)
				rc = jsonvalue_take(w, ':', "':'");
		}
		if (rc == JSON_GOOD)
			rc = skip(w, depth + 1);
		if (rc != JSON_GOOD)
			return rc;
		const int next = jsonvalue_peek(w);
		if (next != ',' && next != end)
			return jsonvalue_wrong(w, c == '{' ? "',' or '}'"
							   : "',' or ']'");
		w->p++;
		if (next == end)
			return JSON_GOOD;
	}
}

int
jsonvalue_skip(struct jsonwalk *w)
{
	return skip(w, 0);
}
