/* ion_write.c - items to lines of Ion text; ion.h says in which words. */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/chars.h"
#include "base/decimal.h"
#include "base/err.h"
#include "formats/ion.h"
#include "formats/ion_internal.h"

struct ion_writer {
	struct arena mem;	/* of the item at hand */
};

/* Bytes on their way; there is always room for SMALL of them. */
struct out {
	uint8_t *at, *end;	/* of the buffer */
	struct buf *buf;
	struct arena *mem;
	struct err *err;
};

enum { SMALL = 256 };

struct ion_writer *
ion_writer_new(struct err *err)
{
	struct ion_writer *const w = calloc(1, sizeof(*w));

	if (w == NULL)
		err_set(err, ERR_SYSTEM, "out of memory");
	return w;
}

void
ion_writer_free(struct ion_writer *w)
{
	if (w == NULL)
		return;
	arena_free(&w->mem);
	free(w);
}

/* Make room for `n` bytes and SMALL more. */
static int
grow(struct out *o, size_t n)
{
	if (o->at != NULL)
		o->buf->len = (size_t)(o->at - o->buf->ptr);
	if (buf_reserve(o->buf, n + 2 * (size_t)SMALL, o->err) == NULL)
		return -1;
	o->at = o->buf->ptr + o->buf->len;
	o->end = o->buf->ptr + o->buf->cap;
	return 0;
}

/* At most SMALL bytes that are known where this is compiled. */
#define PUT_SMALL(o, text) \
	(memcpy((o)->at, text, sizeof(text) - 1), (o)->at += sizeof(text) - 1)

static inline int
put(struct out *o, const uint8_t *bytes, size_t n)
{
	if ((size_t)(o->end - o->at) < n + SMALL && grow(o, n) != 0)
		return -1;
	memcpy(o->at, bytes, n);
	o->at += n;
	return 0;
}

/* ---- text ---------------------------------------------------------------- */

/* What stands for a byte that cannot stand in quotes as it is. */
static size_t
escape(uint8_t c, uint8_t to[4])
{
	static const char HEX[] = "0123456789abcdef";
	static const uint8_t CODES[][2] = {
		{ '\0', '0' }, { '\a', 'a' }, { '\b', 'b' }, { '\t', 't' },
		{ '\n', 'n' }, { '\v', 'v' }, { '\f', 'f' }, { '\r', 'r' },
		{ '"', '"' }, { '\'', '\'' }, { '\\', '\\' },
	};

	to[0] = '\\';
	for (size_t i = 0; i < sizeof(CODES) / sizeof(CODES[0]); i++)
		if (CODES[i][0] == c) {
			to[1] = CODES[i][1];
			return 2;
		}
	to[1] = 'x';
	to[2] = (uint8_t)HEX[c >> 4];
	to[3] = (uint8_t)HEX[c & 15];
	return 4;
}

/* Where the first byte is that must be escaped, or the end. */
static const uint8_t *
plain_end(const uint8_t *p, const uint8_t *end, uint8_t quote)
{
	while (end - p >= 16) {
		const uint32_t stops = chars16_text_of(p, quote).stops;

		if (stops != 0)
			return p + __builtin_ctz(stops);
		p += 16;
	}
	while (p < end && *p >= 0x20 && *p != quote && *p != '\\')
		p++;
	return p;
}

static int
put_quoted(struct out *o, struct span text, uint8_t quote)
{
	const uint8_t *p = text.ptr, *const end = p + text.len;

	*o->at++ = quote;
	while (p < end) {
		const uint8_t *const stop = plain_end(p, end, quote);
		uint8_t escaped[4];

		if (stop > p && put(o, p, (size_t)(stop - p)) != 0)
			return -1;
		p = stop;
		if (p < end && put(o, escaped, escape(*p++, escaped)) != 0)
			return -1;
	}
	*o->at++ = quote;
	return 0;
}

/* May it stand without quotes, and mean itself? */
static bool
is_bare(struct span name)
{
	static const char *const WORDS[] = { "null", "true", "false", "nan" };
	bool digits = name.ptr[0] == '$';

	if (ION_IDENTIFIER[name.ptr[0]] != 3)
		return false;
	for (size_t i = 1; i < name.len; i++) {
		const uint8_t c = name.ptr[i];

		if (ION_IDENTIFIER[c] == 0)
			return false;
		digits = digits && ION_IDENTIFIER[c] == 1;
	}
	for (size_t i = 0; name.len <= 5 && i < 4; i++)
		if (span_is(name, WORDS[i]))
			return false;
	return !digits || name.len == 1;	/* `$10` is a symbol's id */
}

/* ---- numbers ------------------------------------------------------------- */

/* A small number, of up to three digits. */
static void
put_small_number(struct out *o, int n)
{
	if (n >= 100)
		*o->at++ = (uint8_t)('0' + n / 100);
	if (n >= 10)
		*o->at++ = (uint8_t)('0' + n / 10 % 10);
	*o->at++ = (uint8_t)('0' + n % 10);
}

static void
put_digits(struct out *o, const char *digits, int n)
{
	memcpy(o->at, digits, (size_t)n);
	o->at += n;
}

/*
 * `digits`, of which there are `len`, with the point behind the first `point`
 * (before them, if that is negative).  Neither end of them is a zero.
 */
static void
put_decimal(struct out *o, const char *digits, int len, int point)
{
	if (point > len) {
		put_digits(o, digits, len);
		PUT_SMALL(o, "d");
		put_small_number(o, point - len);
	} else if (point > 0 || len == 0) {
		put_digits(o, digits, point);
		PUT_SMALL(o, ".");
		put_digits(o, digits + point, len - point);
	} else if (point > -6) {
		PUT_SMALL(o, "0.");
		put_digits(o, "00000", -point);
		put_digits(o, digits, len);
	} else {
		put_digits(o, digits, 1);
		if (len > 1)
			PUT_SMALL(o, ".");
		put_digits(o, digits + 1, len - 1);
		PUT_SMALL(o, "d-");
		put_small_number(o, 1 - point);
	}
}

static int
put_number(struct out *o, struct span text)
{
	char canonical[DECIMAL_TEXT_LEN], digits[DECIMAL_TEXT_LEN];
	const char *p = canonical, *const end =
		canonical + decimal_canonical(text, canonical);
	int len = 0, point = 0;
	bool fraction = false;

	if (*p == '-') {
		PUT_SMALL(o, "-");
		p++;
	}
	for (; p < end; p++) {
		if (*p == '.') {
			fraction = true;
			continue;
		}
		/* Zeros before the first other digit only move the point. */
		if (len > 0 || *p != '0') {
			digits[len++] = *p;
			point += !fraction;
		} else {
			point -= fraction;
		}
	}
	while (len > 0 && digits[len - 1] == '0')
		len--;
	if (len == 0)
		PUT_SMALL(o, "0.");
	else
		put_decimal(o, digits, len, point);
	return 0;
}

/* ---- values -------------------------------------------------------------- */

static int put_value(struct out *o, const struct value *v);

static int
put_name(struct out *o, const struct value *name)
{
	const struct span text = { name->text, name->len };

	return is_bare(text) ? put(o, text.ptr, text.len)
			     : put_quoted(o, text, '\'');
}

/* The text of an S, N or B. */
static int
put_text_value(struct out *o, const struct value *v)
{
	struct span text;

	if (value_text(v, o->mem, &text, o->err) != 0)
		return -1;
	if (v->type == VALUE_S)
		return put_quoted(o, text, '"');
	if (v->type == VALUE_N)
		return put_number(o, text);
	PUT_SMALL(o, "{{");
	if (put(o, text.ptr, text.len) != 0)
		return -1;
	PUT_SMALL(o, "}}");
	return 0;
}

static int
put_map(struct out *o, const struct value *map)
{
	PUT_SMALL(o, "{");
	for (uint32_t i = 0; i < map->len; i += 2) {
		if (i > 0)
			PUT_SMALL(o, ",");
		if (put_name(o, &map->kids[i]) != 0)
			return -1;
		PUT_SMALL(o, ":");
		if (put_value(o, &map->kids[i + 1]) != 0)
			return -1;
	}
	return put(o, (const uint8_t *)"}", 1);
}

static int
put_list(struct out *o, const struct value *list)
{
	PUT_SMALL(o, "[");
	for (uint32_t i = 0; i < list->len; i++) {
		if (i > 0)
			PUT_SMALL(o, ",");
		if (put_value(o, &list->kids[i]) != 0)
			return -1;
	}
	return put(o, (const uint8_t *)"]", 1);
}

/* Depth is bounded: items are at most 32 levels deep. */
static int
put_value(struct out *o, const struct value *v)
{
	if (o->end - o->at < SMALL && grow(o, 0) != 0)
		return -1;
	switch (v->type) {
	case VALUE_BOOL:
		if ((v->flags & VALUE_TRUE) != 0)
			PUT_SMALL(o, "true");
		else
			PUT_SMALL(o, "false");
		return 0;
	case VALUE_NULL:
		PUT_SMALL(o, "null");
		return 0;
	case VALUE_M:
		return put_map(o, v);
	case VALUE_SS:
		PUT_SMALL(o, "$dynamodb_SS::");
		return put_list(o, v);
	case VALUE_NS:
		PUT_SMALL(o, "$dynamodb_NS::");
		return put_list(o, v);
	case VALUE_BS:
		PUT_SMALL(o, "$dynamodb_BS::");
		return put_list(o, v);
	case VALUE_L:
		return put_list(o, v);
	default:
		return put_text_value(o, v);
	}
}

int
ion_encode(struct ion_writer *w, const struct item *item, struct buf *out,
	   struct err *err)
{
	struct out o = { .buf = out, .mem = &w->mem, .err = err };
	const size_t before = out->len;

	arena_reset(&w->mem);
	if (grow(&o, 0) != 0)
		return -1;
	PUT_SMALL(&o, "$ion_1_0 {Item:");
	if (put_map(&o, &item->map) != 0) {
		out->len = before;
		return -1;
	}
	PUT_SMALL(&o, "}\n");
	out->len = (size_t)(o.at - out->ptr);
	return 0;
}
