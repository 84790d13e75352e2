#include "formats/plainjson.h"

#include <float.h>
#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "base/decimal.h"
#include "formats/ddbjson.h"
#include "model/item.h"

/* Bytes that are known where this is compiled. */
static inline int
put(struct buf *out, const char *text, size_t n, struct err *err)
{
	return buf_append(out, (struct span){ (const uint8_t *)text, n }, err);
}

/* A text with its quotes.  As it stands, if JSON had it so. */
static int
put_text(struct span text, bool as_is, struct buf *out, struct err *err)
{
	if (!as_is)
		return ddbjson_encode_text(text, out, err);

	uint8_t *const to = buf_reserve(out, text.len + 2, err);
	if (to == NULL)
		return -1;
	to[0] = '"';
	if (text.len > 0)
		memcpy(to + 1, text.ptr, text.len);
	to[text.len + 1] = '"';
	buf_commit(out, text.len + 2);
	return 0;
}

static size_t
digits(struct span s, size_t at)
{
	size_t n = 0;

	while (at + n < s.len && s.ptr[at + n] >= '0' && s.ptr[at + n] <= '9')
		n++;
	return n;
}

/* Is a number that DynamoDB takes one that JSON takes (RFC 8259, 6)? */
static bool
is_json_number(struct span s)
{
	size_t at = s.len > 0 && s.ptr[0] == '-';
	size_t n = digits(s, at);

	if (n == 0 || (n > 1 && s.ptr[at] == '0'))
		return false;
	at += n;
	if (at < s.len && s.ptr[at] == '.') {
		n = digits(s, ++at);
		if (n == 0)
			return false;
		at += n;
	}
	return at == s.len || s.ptr[at] == 'e' || s.ptr[at] == 'E';
}

/* Where an item goes to. */
struct out {
	struct buf *buf;
	struct arena *mem;
	bool tagged;
};

/*
 * Does a double tell a number of this text from all others that are as long?
 * It does for 15 digits (DBL_DIG), wherever the point is; zeros at either end
 * are none.
 */
static bool
fits_a_double(struct span text)
{
	size_t n = 0, last = 0;

	for (size_t i = 0; i < text.len && (text.ptr[i] | 0x20) != 'e'; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			continue;
		n += n > 0 || text.ptr[i] != '0';
		last = text.ptr[i] != '0' ? n : last;
	}
	return last <= DBL_DIG;
}

static int
put_number(const struct value *v, const struct out *o, struct err *err)
{
	struct buf *const out = o->buf;
	char canonical[DECIMAL_TEXT_LEN];
	struct span text;

	if (value_text(v, o->mem, &text, err) != 0)
		return -1;
	if (o->tagged && !fits_a_double(text)) {
		const size_t n = decimal_canonical(text, canonical);

		return put(out, "{\"$N\":\"", 7, err) != 0 ||
		       put(out, canonical, n, err) != 0
			? -1 : put(out, "\"}", 2, err);
	}
	if (is_json_number(text))
		return buf_append(out, text, err);
	return put(out, canonical, decimal_canonical(text, canonical), err);
}

static int
put_name(const struct value *name, struct buf *out, struct err *err)
{
	const bool raw = (name->flags & VALUE_RAW) != 0;
	const struct span text = raw ? value_name_raw(name)
				     : (struct span){ name->text, name->len };

	if (put_text(text, raw || (name->flags & VALUE_CLEAN) != 0, out,
		     err) != 0)
		return -1;
	return put(out, ":", 1, err);
}

static int put_value(const struct value *v, const struct out *o,
		     struct err *err);

/* A text value with what JSON needs around it. */
static int
put_string(const struct value *v, struct buf *out, struct err *err)
{
	return put_text((struct span){ v->text, v->len },
			(v->flags & (VALUE_RAW | VALUE_ESC |
				     VALUE_CLEAN)) != 0, out, err);
}

/* A member of a set whose tag says the type: a string, also of a number. */
static int
put_member(const struct value *v, const struct out *o, struct err *err)
{
	char canonical[DECIMAL_TEXT_LEN];
	struct span text;

	if (v->type != VALUE_N)
		return put_string(v, o->buf, err);
	if (value_text(v, o->mem, &text, err) != 0)
		return -1;
	text.len = decimal_canonical(text, canonical);
	text.ptr = (const uint8_t *)canonical;
	return put_text(text, true, o->buf, err);
}

/* Depth is bounded: items are at most 32 levels deep. */
static int
put_kids(const struct value *v, const struct out *o, struct err *err)
{
	const uint32_t step = v->type == VALUE_M ? 2 : 1;
	const bool members = o->tagged && value_is_set(v);

	if (put(o->buf, v->type == VALUE_M ? "{" : "[", 1, err) != 0)
		return -1;
	for (uint32_t i = 0; i < v->len; i += step) {
		const struct value *const kid = &v->kids[i];

		if ((i > 0 && put(o->buf, ",", 1, err) != 0) ||
		    (step == 2 && put_name(kid, o->buf, err) != 0))
			return -1;
		if ((members ? put_member : put_value)(kid + step - 1, o,
						       err) != 0)
			return -1;
	}
	return put(o->buf, v->type == VALUE_M ? "}" : "]", 1, err);
}

/* Would a value be taken for another one if it had no tag? */
static bool
needs_tag(const struct value *v)
{
	return v->type == VALUE_B || value_is_set(v) ||
	       (v->type == VALUE_M && v->len == 2 && v->kids[0].len > 0 &&
		v->kids[0].text[0] == '$');
}

static int
put_bare(const struct value *v, const struct out *o, struct err *err)
{
	switch (v->type) {
	case VALUE_S:
	case VALUE_B:
		return put_string(v, o->buf, err);
	case VALUE_N:
		return put_number(v, o, err);
	case VALUE_BOOL:
		return (v->flags & VALUE_TRUE) != 0
			? put(o->buf, "true", 4, err)
			: put(o->buf, "false", 5, err);
	case VALUE_NULL:
		return put(o->buf, "null", 4, err);
	default:
		return put_kids(v, o, err);
	}
}

static int
put_value(const struct value *v, const struct out *o, struct err *err)
{
	if (!o->tagged || !needs_tag(v))
		return put_bare(v, o, err);
	if (buf_printf(o->buf, err, "{\"$%s\":",
		       value_type_name((enum value_type)v->type)) != 0 ||
	    put_bare(v, o, err) != 0)
		return -1;
	return put(o->buf, "}", 1, err);
}

static int
put_item(const struct item *item, const struct out *o, struct err *err)
{
	return put_kids(&item->map, o, err) != 0 ? -1
						 : put(o->buf, "\n", 1, err);
}

int
plainjson_encode_value(const struct value *v, struct arena *mem,
		       struct buf *out, struct err *err)
{
	const struct out o = { .buf = out, .mem = mem };

	return put_value(v, &o, err);
}

int
plainjson_encode(const struct item *item, struct arena *mem, struct buf *out,
		 struct err *err)
{
	const struct out o = { .buf = out, .mem = mem };

	return put_item(item, &o, err);
}

int
plainjson_encode_tagged(const struct item *item, struct arena *mem,
			struct buf *out, struct err *err)
{
	const struct out o = { .buf = out, .mem = mem, .tagged = true };

	return put_item(item, &o, err);
}
