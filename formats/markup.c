#include "formats/markup.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/scan.h"

void
markup_start(struct markup *m, struct buf *out, struct err *err)
{
	*m = (struct markup){ .out = out, .err = err };
}

static void
put(struct markup *m, struct span s)
{
	if (!m->failed && buf_append(m->out, s, m->err) != 0)
		m->failed = true;
}

static void
put_text(struct markup *m, const char *text)
{
	put(m, span_of(text));
}

/* ---- characters ---------------------------------------------------------- */

/* The character that valid UTF-8 begins with, and its length. */
static uint32_t
decode(const uint8_t *p, size_t *len)
{
	if (p[0] < 0x80) {
		*len = 1;
		return p[0];
	}
	if (p[0] < 0xe0) {
		*len = 2;
		return (p[0] & 0x1fU) << 6 | (p[1] & 0x3fU);
	}
	if (p[0] < 0xf0) {
		*len = 3;
		return (p[0] & 0x0fU) << 12 | (p[1] & 0x3fU) << 6 |
		       (p[2] & 0x3fU);
	}
	*len = 4;
	return (p[0] & 0x07U) << 18 | (p[1] & 0x3fU) << 12 |
	       (p[2] & 0x3fU) << 6 | (p[3] & 0x3fU);
}

/*
 * Does it show nothing, or change how its neighbours are shown?  The joiners
 * U+200C and U+200D stay: Persian and emoji are written with them.
 */
static bool
is_hidden(uint32_t c)
{
	static const struct { uint32_t first, last; } RANGES[] = {
		{ 0x80, 0x9f }, { 0xad, 0xad }, { 0x61c, 0x61c },
		{ 0x115f, 0x1160 }, { 0x180e, 0x180e }, { 0x200b, 0x200b },
		{ 0x200e, 0x200f }, { 0x2028, 0x202e }, { 0x2060, 0x206f },
		{ 0x3164, 0x3164 }, { 0xfeff, 0xfeff }, { 0xfff0, 0xfffb },
		{ 0xe0000, 0xe0fff },
	};

	if ((c & 0xfffe) == 0xfffe || (c >= 0xfdd0 && c <= 0xfdef))
		return true;	/* no characters at all */
	for (size_t i = 0; i < sizeof(RANGES) / sizeof(RANGES[0]); i++)
		if (c >= RANGES[i].first && c <= RANGES[i].last)
			return true;
	return false;
}

/* Append character `c`, whose bytes are `s`, so that it is seen. */
static void
put_char(struct markup *m, uint32_t c, struct span s)
{
	char name[16];

	switch (c) {
	case '<': put_text(m, "&lt;"); return;
	case '>': put_text(m, "&gt;"); return;
	case '&': put_text(m, "&amp;"); return;
	case '"': put_text(m, "&quot;"); return;
	case '\'': put_text(m, "&#39;"); return;
	case 0x7f: put_text(m, "\xe2\x90\xa1"); return;
	default: break;
	}
	if (c < 0x20) {		/* U+2400 and on are pictures of these */
		const uint8_t picture[] = { 0xe2, 0x90, (uint8_t)(0x80 | c) };

		put(m, (struct span){ picture, sizeof(picture) });
	} else if (is_hidden(c)) {
		snprintf(name, sizeof(name), "[U+%04" PRIX32 "]", c);
		put_text(m, name);
	} else {
		put(m, s);
	}
}

/* Append up to `most` characters of `s`; the bytes that they took. */
static size_t
escape(struct markup *m, struct span s, size_t most)
{
	size_t at = 0, good = scan_utf8(s);

	for (; at < s.len && most > 0 && !m->failed; most--) {
		size_t len = 1;

		if (at < good) {
			const uint32_t c = decode(s.ptr + at, &len);

			put_char(m, c, (struct span){ s.ptr + at, len });
			at += len;
			continue;
		}
		put_text(m, "\xef\xbf\xbd");
		at++;
		good = at + scan_utf8((struct span){ s.ptr + at, s.len - at });
	}
	return at;
}

/* ---- elements ------------------------------------------------------------ */

/* Those that HTML knows no end tag of. */
static bool
is_void(const char *name)
{
	static const char *const NAMES[] = {
		"br", "col", "hr", "input", "link", "meta", "wbr",
	};

	for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++)
		if (strcmp(name, NAMES[i]) == 0)
			return true;
	return false;
}

/* End the start tag: now comes what is in the element. */
static void
enter(struct markup *m)
{
	if (m->in_tag)
		put_text(m, ">");
	m->in_tag = false;
}

void
markup_attr_span(struct markup *m, const char *name, struct span value)
{
	assert(m->in_tag);
	put_text(m, " ");
	put_text(m, name);
	put_text(m, "=\"");
	escape(m, value, SIZE_MAX);
	put_text(m, "\"");
}

void
markup_open(struct markup *m, const char *name, ...)
{
	va_list ap;

	assert(m->depth < MARKUP_DEPTH);
	enter(m);
	m->open[m->depth++] = name;
	m->in_tag = true;
	put_text(m, "<");
	put_text(m, name);

	va_start(ap, name);
	for (const char *attr = va_arg(ap, const char *); attr != NULL;
	     attr = va_arg(ap, const char *)) {
		const char *const value = va_arg(ap, const char *);

		if (value != NULL)
			markup_attr_span(m, attr, span_of(value));
	}
	va_end(ap);
}

/* Format into `out`, which the caller frees; *m fails if that does. */
static void
format(struct markup *m, struct buf *out, const char *fmt, va_list ap)
{
	va_list again;

	va_copy(again, ap);
	const int n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	uint8_t *const p = m->failed || n < 0 ? NULL
		: buf_reserve(out, (size_t)n + 1, m->err);

	if (p == NULL) {
		m->failed = true;
		return;
	}
	vsnprintf((char *)p, (size_t)n + 1, fmt, ap);
	buf_commit(out, (size_t)n);
}

void
markup_attr(struct markup *m, const char *name, const char *fmt, ...)
{
	struct buf value = { 0 };
	va_list ap;

	va_start(ap, fmt);
	format(m, &value, fmt, ap);
	va_end(ap);
	markup_attr_span(m, name, buf_span(&value));
	buf_free(&value);
}

void
markup_text(struct markup *m, struct span text)
{
	enter(m);
	escape(m, text, SIZE_MAX);
}

void
markup_printf(struct markup *m, const char *fmt, ...)
{
	struct buf text = { 0 };
	va_list ap;

	va_start(ap, fmt);
	format(m, &text, fmt, ap);
	va_end(ap);
	markup_text(m, buf_span(&text));
	buf_free(&text);
}

void
markup_clip(struct markup *m, struct span text, size_t most)
{
	char rest[64];

	enter(m);
	if (escape(m, text, most) == text.len)
		return;
	snprintf(rest, sizeof(rest), "\xe2\x80\xa6 (%zu bytes)", text.len);
	put_text(m, rest);
}

void
markup_raw(struct markup *m, struct span text)
{
	enter(m);
	put(m, text);
}

void
markup_close(struct markup *m)
{
	assert(m->depth > 0);
	const char *const name = m->open[--m->depth];

	if (m->in_tag && is_void(name)) {
		put_text(m, " />");
		m->in_tag = false;
		return;
	}
	enter(m);
	put_text(m, "</");
	put_text(m, name);
	put_text(m, ">");
}

int
markup_finish(struct markup *m)
{
	assert(m->failed || m->depth == 0);
	return m->failed ? -1 : 0;
}
