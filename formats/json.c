/* json.c - one JSON text to a tree. */
#include "formats/json.h"

#include <stdbool.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/utf8.h"
#include "formats/tree.h"

struct reader {
	struct tree_builder build;
	struct span s;
	size_t at;
	size_t line_at;		/* where the line began */
	uint32_t line;
	size_t column_at;	/* the last place whose column was asked for, */
	uint32_t column;	/* and that, so that a long line costs no square */
};

/* Characters, not bytes, since the line began. */
static uint32_t
column(struct reader *r, size_t at)
{
	if (r->column_at < r->line_at || r->column_at > at) {
		r->column_at = r->line_at;
		r->column = 1;
	}
	for (; r->column_at < at && r->column_at < r->s.len; r->column_at++)
		r->column += (r->s.ptr[r->column_at] & 0xc0) != 0x80;
	return r->column;
}

static int
fail(struct reader *r, size_t at, struct err *err, const char *text)
{
	return err_set(err, ERR_INPUT, "%s:%u:%u: %s", r->build.doc->name,
		       r->line, column(r, at), text);
}

static int
peek(const struct reader *r)
{
	return r->at < r->s.len ? r->s.ptr[r->at] : -1;
}

static void
skip_space(struct reader *r)
{
	for (; r->at < r->s.len; r->at++) {
		const uint8_t c = r->s.ptr[r->at];

		if (c == '\n') {
			r->line++;
			r->line_at = r->at + 1;
		} else if (c != ' ' && c != '\t' && c != '\r') {
			return;
		}
	}
}

/* ---- text ---------------------------------------------------------------- */

static int
hex4(const struct reader *r, size_t at)
{
	int n = 0;

	if (at + 4 > r->s.len)
		return -1;
	for (size_t i = at; i < at + 4; i++) {
		const uint8_t c = r->s.ptr[i];
		const uint8_t low = c | 0x20;

		if (c >= '0' && c <= '9')
			n = n * 16 + c - '0';
		else if (low >= 'a' && low <= 'f')
			n = n * 16 + low - 'a' + 10;
		else
			return -1;
	}
	return n;
}

/* The escape at r->at, which is a backslash.  Returns bytes put, or 0. */
static size_t
unescape(struct reader *r, uint8_t *out, struct err *err)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const size_t start = r->at;
	const int c = r->at + 1 < r->s.len ? r->s.ptr[r->at + 1] : 0;
	const char *const known = c != 0 ? strchr(from, c) : NULL;

	r->at += 2;
	if (known != NULL) {
		out[0] = (uint8_t)to[known - from];
		return 1;
	}
	int unit = c == 'u' ? hex4(r, r->at) : -1;
	if (unit < 0) {
		fail(r, start, err, "no such escape in JSON");
		return 0;
	}
	r->at += 4;
	uint32_t code = (uint32_t)unit;
	if (code >= 0xd800 && code < 0xdc00 && r->at + 6 <= r->s.len &&
	    r->s.ptr[r->at] == '\\' && r->s.ptr[r->at + 1] == 'u') {
		unit = hex4(r, r->at + 2);
		if (unit >= 0xdc00 && unit < 0xe000) {
			code = 0x10000 + ((code - 0xd800) << 10) +
			       ((uint32_t)unit - 0xdc00);
			r->at += 6;
		}
	}
	if (code == 0 || (code >= 0xd800 && code < 0xe000)) {
		fail(r, start, err, code == 0 ? "text with a NUL in it"
		     : "half of a surrogate pair");
		return 0;
	}
	return utf8_put(code, out);
}

/* Bytes of the UTF-8 character at `p` (RFC 3629), 0 if it is none. */
static size_t
utf8_len(const uint8_t *p, size_t n)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const size_t len = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	uint32_t c = p[0] & (0xffu >> (len + 1));

	if (p[0] < 0xc2 || p[0] > 0xf4 || len > n)
		return 0;
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0;
	return len;
}

static int
text(struct reader *r, struct tree *t, struct err *err)
{
	const size_t start = r->at++;
	const uint8_t *const close =
		memchr(r->s.ptr + r->at, '"', r->s.len - r->at);
	size_t room = 0;

	if (close == NULL)
		return fail(r, start, err, "a text without its end");
	/* No escape takes fewer bytes than it stands for. */
	for (size_t i = r->at; i < r->s.len && r->s.ptr[i] != '"'; i++, room++)
		if (r->s.ptr[i] == '\\' && i + 1 < r->s.len)
			i++, room++;
	uint8_t *const out = arena_take(r->build.mem, room + 1, err);
	size_t n = 0;

	if (out == NULL)
		return -1;
	while (peek(r) != '"') {
		const int c = peek(r);
		size_t len = 1;

		if (c < 0)
			return fail(r, start, err, "a text without its end");
		if (c < ' ')
			return fail(r, r->at, err, "a control character in "
				    "text; escape it");
		if (c == '\\') {
			len = unescape(r, out + n, err);
			if (len == 0)
				return -1;
			n += len;
			continue;
		}
		if (c >= 0x80)
			len = utf8_len(r->s.ptr + r->at, r->s.len - r->at);
		if (len == 0)
			return fail(r, r->at, err, "not UTF-8");
		memcpy(out + n, r->s.ptr + r->at, len);
		r->at += len;
		n += len;
	}
	r->at++;
	out[n] = '\0';
	t->text = (struct span){ out, n };
	t->kind = TREE_TEXT;
	t->style = TREE_DOUBLE;
	return 0;
}

/* ---- the rest of the grammar --------------------------------------------- */

static size_t
digits(struct reader *r)
{
	const size_t start = r->at;

	while (peek(r) >= '0' && peek(r) <= '9')
		r->at++;
	return r->at - start;
}

/* -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)? */
static bool
scan_number(struct reader *r)
{
	if (peek(r) == '-')
		r->at++;
	const bool zero = peek(r) == '0';
	const size_t whole = digits(r);

	if (whole == 0 || (zero && whole > 1))
		return false;
	if (peek(r) == '.') {
		r->at++;
		if (digits(r) == 0)
			return false;
	}
	if (peek(r) == 'e' || peek(r) == 'E') {
		r->at++;
		if (peek(r) == '-' || peek(r) == '+')
			r->at++;
		if (digits(r) == 0)
			return false;
	}
	return true;
}

static bool
scan_word(struct reader *r, const char *word)
{
	const size_t n = strlen(word);

	if (r->s.len - r->at < n || memcmp(r->s.ptr + r->at, word, n) != 0)
		return false;
	r->at += n;
	return true;
}

static int
plain(struct reader *r, struct tree *t, struct err *err)
{
	const size_t start = r->at;

	if (scan_word(r, "null")) {
		t->kind = TREE_NULL;
	} else if (scan_word(r, "true")) {
		t->kind = TREE_BOOL;
		t->truth = true;
	} else if (scan_word(r, "false")) {
		t->kind = TREE_BOOL;
	} else if (scan_number(r)) {
		t->kind = TREE_NUMBER;
	} else {
		return fail(r, start, err, start == r->s.len ?
			    "the text ends too early" : "not a JSON value");
	}

	const size_t n = r->at - start;
	uint8_t *const copy = arena_take(r->build.mem, n + 1, err);
	if (copy == NULL)
		return -1;
	memcpy(copy, r->s.ptr + start, n);
	copy[n] = '\0';
	t->text = (struct span){ copy, n };
	return 0;
}

static int value(struct reader *r, unsigned depth, struct tree *t,
		 struct err *err);

static int
member(struct reader *r, unsigned depth, struct err *err)
{
	struct tree name;

	skip_space(r);
	if (peek(r) != '"')
		return fail(r, r->at, err, "a name in double quotes must stand "
			    "here");
	if (value(r, depth, &name, err) != 0 ||
	    tree_push(&r->build, &name, err) != 0)
		return -1;
	skip_space(r);
	if (peek(r) != ':')
		return fail(r, r->at, err, "':' must stand here");
	r->at++;
	return 0;
}

static int
container(struct reader *r, unsigned depth, struct tree *t, struct err *err)
{
	const int end = t->kind == TREE_MAP ? '}' : ']';
	const size_t start = tree_depth(&r->build);

	if (depth == TREE_MAX_DEPTH)
		return fail(r, r->at, err, "nested too deep");
	r->at++;
	skip_space(r);
	while (peek(r) != end) {
		struct tree kid;

		if (tree_depth(&r->build) > start) {
			if (peek(r) != ',')
				return fail(r, r->at, err, end == '}' ?
					    "',' or '}' must stand here" :
					    "',' or ']' must stand here");
			r->at++;
		}
		if ((t->kind == TREE_MAP && member(r, depth + 1, err) != 0) ||
		    value(r, depth + 1, &kid, err) != 0 ||
		    tree_push(&r->build, &kid, err) != 0)
			return -1;
		skip_space(r);
	}
	r->at++;
	return tree_gather(&r->build, start, t, err);
}

static int
value(struct reader *r, unsigned depth, struct tree *t, struct err *err)
{
	skip_space(r);
	*t = (struct tree){
		.doc = r->build.doc, .line = r->line,
		.column = column(r, r->at), .weight = 1,
	};
	switch (peek(r)) {
	case '"':
		return text(r, t, err);
	case '{':
		t->kind = TREE_MAP;
		return container(r, depth, t, err);
	case '[':
		t->kind = TREE_LIST;
		return container(r, depth, t, err);
	default:
		return plain(r, t, err);
	}
}

const struct tree *
json_parse_line(struct span source, const char *name, uint32_t line,
		struct arena *mem, struct err *err)
{
	struct tree_doc *const doc = arena_take(mem, sizeof(*doc), err);
	struct tree *const root = arena_take(mem, sizeof(*root), err);
	struct reader r = {
		.build = { .mem = mem, .doc = doc }, .s = source, .line = line,
		.column = 1,
	};
	int rc;

	if (doc == NULL || root == NULL)
		return NULL;
	*doc = (struct tree_doc){ name, source };
	if (source.len >= 3 && memcmp(source.ptr, "\xef\xbb\xbf", 3) == 0)
		r.at = r.line_at = 3;
	rc = value(&r, 0, root, err);
	if (rc == 0) {
		skip_space(&r);
		if (r.at < source.len)
			rc = fail(&r, r.at, err, "something after the end");
	}
	buf_free(&r.build.stack);
	if (rc != 0 && err->code == ERR_USAGE)
		err->code = ERR_INPUT;	/* a file that is wrong, not a plan */
	return rc == 0 ? root : NULL;
}

const struct tree *
json_parse(struct span source, const char *name, struct arena *mem,
	   struct err *err)
{
	return json_parse_line(source, name, 1, mem, err);
}

int
json_quote(struct span s, struct buf *out, struct err *err)
{
	static const char escapes[] = "\b\f\n\r\t\"\\", letters[] = "bfnrt\"\\";

	if (buf_append(out, span_of("\""), err) != 0)
		return -1;
	for (size_t i = 0; i < s.len; i++) {
		const uint8_t c = s.ptr[i];
		const char *const known = c != 0 ? strchr(escapes, c) : NULL;
		int rc;

		if (known != NULL)
			rc = buf_printf(out, err, "\\%c",
					letters[known - escapes]);
		else if (c < ' ' || c == 0x7f)
			rc = buf_printf(out, err, "\\u%04x", c);
		else
			rc = buf_append(out, (struct span){ &s.ptr[i], 1 }, err);
		if (rc != 0)
			return -1;
	}
	return buf_append(out, span_of("\""), err);
}
