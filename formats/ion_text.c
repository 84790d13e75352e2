/*
 * ion_text.c - the tokens of Ion text but numbers: white space and comments,
 * quoted text, names.
 *
 * Text without an escape stays in the input; the rest is written anew in the
 * arena, where it takes no more bytes than in the input.
 */
#include <string.h>

#include "base/arena.h"
#include "base/chars.h"
#include "base/err.h"
#include "base/scan.h"
#include "base/utf8.h"
#include "formats/ion.h"
#include "formats/ion_internal.h"

/* Letters, digits, `_` and `$`. */
const uint8_t ION_IDENTIFIER[256] = {
	['$'] = 3, ['_'] = 3,
	['0'] = 1, ['1'] = 1, ['2'] = 1, ['3'] = 1, ['4'] = 1,
	['5'] = 1, ['6'] = 1, ['7'] = 1, ['8'] = 1, ['9'] = 1,
	['A'] = 3, ['B'] = 3, ['C'] = 3, ['D'] = 3, ['E'] = 3, ['F'] = 3,
	['G'] = 3, ['H'] = 3, ['I'] = 3, ['J'] = 3, ['K'] = 3, ['L'] = 3,
	['M'] = 3, ['N'] = 3, ['O'] = 3, ['P'] = 3, ['Q'] = 3, ['R'] = 3,
	['S'] = 3, ['T'] = 3, ['U'] = 3, ['V'] = 3, ['W'] = 3, ['X'] = 3,
	['Y'] = 3, ['Z'] = 3,
	['a'] = 3, ['b'] = 3, ['c'] = 3, ['d'] = 3, ['e'] = 3, ['f'] = 3,
	['g'] = 3, ['h'] = 3, ['i'] = 3, ['j'] = 3, ['k'] = 3, ['l'] = 3,
	['m'] = 3, ['n'] = 3, ['o'] = 3, ['p'] = 3, ['q'] = 3, ['r'] = 3,
	['s'] = 3, ['t'] = 3, ['u'] = 3, ['v'] = 3, ['w'] = 3, ['x'] = 3,
	['y'] = 3, ['z'] = 3,
};

int
ion_refuse(struct ion_text *t, const uint8_t *where, const char *why)
{
	t->wrong = where;
	err_set(t->err, ERR_INPUT, "%s", why);
	return ION_BAD;
}

int
ion_wrong(struct ion_text *t, const uint8_t *where, const char *expected)
{
	const uint8_t c = *where;

	t->wrong = where;
	if (c == '\n' || c == '\r')
		err_set(t->err, ERR_INPUT, "the line ends where %s should be",
			expected);
	else if (c >= 0x20 && c < 0x7F)
		err_set(t->err, ERR_INPUT, "'%c' where %s should be", c,
			expected);
	else
		err_set(t->err, ERR_INPUT, "byte 0x%02x where %s should be", c,
			expected);
	return ION_BAD;
}

/* What begins at `from` has no end. */
static int
unclosed(struct ion_text *t, const uint8_t *from, const char *what)
{
	t->wrong = from;
	t->unclosed = true;
	err_set(t->err, ERR_INPUT, "%s that does not end", what);
	return ION_SHORT;
}

static int
check_utf8(struct ion_text *t, const uint8_t *from, const uint8_t *to)
{
	const struct span text = { from, (size_t)(to - from) };
	const size_t good = scan_utf8(text);

	return good == text.len ? ION_OK
				: ion_refuse(t, from + good, "invalid UTF-8");
}

/* ---- white space --------------------------------------------------------- */

/* The comment at t->at; ION_OPENED if the slash there begins none. */
static int
comment(struct ion_text *t)
{
	const uint8_t *const from = t->at, *p = from + 2;

	if (from[1] == '/') {
		const uint8_t *const feed = memchr(p, '\n',
						   (size_t)(t->end - p));
		const uint8_t *const cr = memchr(p, '\r',
						 (size_t)(feed - p));

		t->at = cr != NULL ? cr : feed;
		return check_utf8(t, from, t->at);
	}
	if (from[1] != '*')
		return ION_OPENED;
	do {
		p = memchr(p, '*', (size_t)(t->end - p));
		if (p == NULL)
			return unclosed(t, from, "a comment");
		p++;
	} while (*p != '/');
	t->at = p + 1;
	return check_utf8(t, from, t->at);
}

int
ion_blank_slow(struct ion_text *t)
{
	for (;;) {
		const uint8_t c = t->at < t->end ? *t->at : 0;

		if (c == '/') {
			const int rc = comment(t);

			if (rc != ION_OK)
				return rc == ION_OPENED ? ION_OK : rc;
		} else if (c == ' ' || (c >= '\t' && c <= '\r')) {
			t->at++;
		} else if (t->at < t->end) {
			return ION_OK;
		} else {
			t->wrong = t->end;
			err_set(t->err, ERR_INPUT, "the text ends within a "
				"value");
			return ION_SHORT;
		}
	}
}

/* ---- escapes ------------------------------------------------------------- */

/* `n` hexadecimal digits before `end`; UINT32_MAX if they are not there. */
static uint32_t
hex(const uint8_t *p, const uint8_t *end, int n)
{
	uint32_t v = 0;

	if (end - p < n)
		return UINT32_MAX;
	for (int i = 0; i < n; i++) {
		const uint8_t c = p[i] | 0x20;

		if (p[i] >= '0' && p[i] <= '9')
			v = v << 4 | (uint32_t)(p[i] - '0');
		else if (c >= 'a' && c <= 'f')
			v = v << 4 | (uint32_t)(c - 'a' + 10);
		else
			return UINT32_MAX;
	}
	return v;
}

/*
 * The character of the \x, \u or \U at `p`, and its length; two \u may be the
 * halves of a surrogate pair.  UINT32_MAX if it is none.
 */
static uint32_t
code_point(const uint8_t *p, const uint8_t *end, size_t *len)
{
	const int n = p[1] == 'x' ? 2 : p[1] == 'u' ? 4 : 8;
	const uint32_t c = hex(p + 2, end, n);

	*len = 2 + (size_t)n;
	if (c > 0x10FFFF || c < 0xD800 || c > 0xDFFF)
		return c <= 0x10FFFF ? c : UINT32_MAX;
	if (n != 4 || c > 0xDBFF || end - p < 12 || p[6] != '\\' ||
	    p[7] != 'u')
		return UINT32_MAX;

	const uint32_t low = hex(p + 8, end, 4);
	*len = 12;
	if (low < 0xDC00 || low > 0xDFFF)
		return UINT32_MAX;
	return 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
}

/*
 * Undo the escape at *from, before `end`, to *to, and move both along.  Returns
 * false if it is none.
 */
static bool
unescape(const uint8_t **from, const uint8_t *end, uint8_t **to)
{
	static const uint8_t CODES[][2] = {
		{ 'a', '\a' }, { 'b', '\b' }, { 't', '\t' }, { 'n', '\n' },
		{ 'f', '\f' }, { 'r', '\r' }, { 'v', '\v' }, { '0', '\0' },
		{ '?', '?' }, { '\'', '\'' }, { '"', '"' }, { '/', '/' },
		{ '\\', '\\' },
	};
	const uint8_t *const p = *from;
	size_t len;

	if (p[1] == '\r' || p[1] == '\n') {	/* stands for nothing */
		*from = p + (p[1] == '\r' && p[2] == '\n' ? 3 : 2);
		return true;
	}
	if (p[1] == 'x' || p[1] == 'u' || p[1] == 'U') {
		const uint32_t c = code_point(p, end, &len);

		if (c == UINT32_MAX)
			return false;
		*to += utf8_put(c, *to);
		*from = p + len;
		return true;
	}
	for (size_t i = 0; i < sizeof(CODES) / sizeof(CODES[0]); i++)
		if (CODES[i][0] == p[1]) {
			*(*to)++ = CODES[i][1];
			*from = p + 2;
			return true;
		}
	return false;
}

/*
 * What stands between quotes, from `from` to `end`, to `to`; of a long string,
 * with LF for CR and CR LF.  *to moves along.
 */
static int
write_text(struct ion_text *t, const uint8_t *from, const uint8_t *end,
	   bool is_long, uint8_t **to)
{
	if (check_utf8(t, from, end) != ION_OK)
		return ION_BAD;
	while (from < end) {
		const uint8_t c = *from;

		if (c == '\\') {
			if (!unescape(&from, end, to))
				return ion_refuse(t, from, "invalid escape in "
						  "a text");
			continue;
		}
		if (is_long && (c == '\r' || c == '\n')) {
			*(*to)++ = '\n';
			from += c == '\r' && from[1] == '\n' ? 2 : 1;
			continue;
		}
		if (c < 0x20 && c != '\t' && c != '\v' && c != '\f') {
			t->wrong = from;
			err_set(t->err, ERR_INPUT, "a control character "
				"(0x%02x) that is not escaped", c);
			return ION_BAD;
		}
		*(*to)++ = c;
		from++;
	}
	return ION_OK;
}

/* ---- text in quotes ------------------------------------------------------ */

/*
 * The same as below where a plain run ends at `p` before its closing quote:
 * with an escape, a tab, or what must not be there.
 */
static int
quoted_slow(struct ion_text *t, const uint8_t *p, struct span *out)
{
	const uint8_t *const from = t->at + 1, quote = t->at[0];

	while (*p != quote) {
		if (*p == '\n' || *p == '\r')
			return ion_refuse(t, t->at, "a text that does not end "
					  "in its line");
		if (*p == '\\') {
			p += p[1] == '\r' && p[2] == '\n' ? 2 : 1;
			if (p + 1 == t->end)
				return unclosed(t, t->at, "a text");
		}
		p++;
	}

	uint8_t *const text = arena_take(t->mem, (size_t)(p - from) + 1,
					 t->err);
	uint8_t *to = text;
	if (text == NULL)
		return ION_FAILED;
	if (write_text(t, from, p, false, &to) != ION_OK)
		return ION_BAD;
	*out = (struct span){ text, (size_t)(to - text) };
	t->at = p + 1;
	return ION_OK;
}

int
ion_quoted(struct ion_text *t, struct span *out, uint8_t *flags)
{
	const uint8_t *const from = t->at + 1, quote = t->at[0], *p = from;
	struct chars16_text c;
	uint32_t high = 0;

	/* The line feed at the end is one of the stops. */
	while ((c = chars16_text_of(p, quote)).stops == 0) {
		high |= c.high;
		p += 16;
	}
	high |= c.high & (c.stops - 1) & ~c.stops;
	p += __builtin_ctz(c.stops);
	*flags = 0;
	if (*p != quote)
		return quoted_slow(t, p, out);
	if (high != 0 && check_utf8(t, from, p) != ION_OK)
		return ION_BAD;
	*out = (struct span){ from, (size_t)(p - from) };
	/* In single quotes there may be double ones. */
	*flags = quote == '"' ? VALUE_CLEAN : 0;
	t->at = p + 1;
	return ION_OK;
}

/* Where the piece of a long string that begins at `from` ends; or NULL. */
static const uint8_t *
piece_end(const struct ion_text *t, const uint8_t *from)
{
	for (const uint8_t *p = from; p < t->end; p++) {
		if (*p == '\\')
			p++;
		else if (ion_is_long(p))
			return p;
	}
	return NULL;
}

int
ion_long_string(struct ion_text *t, struct span *out)
{
	const uint8_t *const start = t->at, *last = t->at;
	size_t room = 0;
	int rc;

	/* How much is it at most, and where does it end? */
	do {
		const uint8_t *const end = piece_end(t, t->at + 3);

		if (end == NULL)
			return unclosed(t, t->at, "a long string");
		room += (size_t)(end - t->at);
		last = t->at = end + 3;
		rc = ion_blank(t);
		if (rc != ION_OK)
			return rc;
	} while (ion_is_long(t->at));

	uint8_t *const text = arena_take(t->mem, room + 1, t->err);
	uint8_t *to = text;
	if (text == NULL)
		return ION_FAILED;
	for (t->at = start; t->at < last;) {
		const uint8_t *const end = piece_end(t, t->at + 3);

		if (write_text(t, t->at + 3, end, true, &to) != ION_OK)
			return ION_BAD;
		t->at = end + 3;
		if (t->at < last)
			ion_blank(t);
	}
	*out = (struct span){ text, (size_t)(to - text) };
	return ION_OK;
}

/* ---- names --------------------------------------------------------------- */

int
ion_symbol(struct ion_text *t, struct span *id)
{
	static const char *const SYSTEM[] = {
		NULL, "$ion", "$ion_1_0", "$ion_symbol_table", "name",
		"version", "imports", "symbols", "max_id",
		"$ion_shared_symbol_table",
	};
	const uint8_t *const p = id->ptr;

	if (id->len < 2 || p[0] != '$')
		return ION_OK;
	for (size_t i = 1; i < id->len; i++)
		if (p[i] < '0' || p[i] > '9')
			return ION_OK;
	if (id->len == 2 && p[1] != '0') {
		*id = span_of(SYSTEM[p[1] - '0']);
		return ION_OK;
	}
	if (ion_symbols_find(t->symbols, (struct span){ p + 1, id->len - 1 },
			     id)) {
		*id = arena_copy(t->mem, *id, t->err);
		return id->ptr != NULL ? ION_OK : ION_FAILED;
	}
	t->wrong = p;
	err_set(t->err, ERR_INPUT, "symbol '%.*s' has no text here",
		(int)(id->len < 40 ? id->len : 40), (const char *)p);
	return ION_BAD;
}

/* May this word not be a name without quotes? */
static bool
is_keyword(struct span word)
{
	return span_is(word, "null") || span_is(word, "true") ||
	       span_is(word, "false") || span_is(word, "nan");
}

static int
field_name(struct ion_text *t, struct span *name, uint8_t *flags)
{
	const uint8_t *const from = t->at;

	*flags = 0;
	if (ion_is_long(from))
		return ion_long_string(t, name);
	if (*from == '"' || *from == '\'')
		return ion_quoted(t, name, flags);
	if (ION_IDENTIFIER[*from] != 3)
		return ion_wrong(t, from, "a field name");
	*name = ion_identifier(t);
	*flags = VALUE_CLEAN;
	if (name->len <= 5 && is_keyword(*name))
		return ion_refuse(t, from, "a keyword as a name stands in "
				  "quotes");
	if (*from != '$')
		return ION_OK;
	*flags = 0;	/* a symbol's text may be anything */
	return ion_symbol(t, name);
}

int
ion_field(struct ion_text *t, struct value *name)
{
	const uint8_t *const from = t->at;
	struct span text;
	uint8_t flags;
	int rc = field_name(t, &text, &flags);

	if (rc != ION_OK)
		return rc;
	if (text.len - 1 >= NAME_MAX_LEN)
		return ion_refuse(t, from, text.len == 0
				  ? "an attribute name must not be empty"
				  : "an attribute name longer than 65535 "
				    "bytes");
	*name = value_of_name(text);
	name->flags = flags;
	rc = ion_blank(t);
	if (rc != ION_OK)
		return rc;
	if (*t->at != ':')
		return ion_wrong(t, t->at, "':'");
	t->at++;
	return ion_blank(t);
}
