/*
 * ddbjson_encode.c - items to lines of DynamoDB JSON.
 *
 * What a step left untouched still stands in the input, tags, commas and all.
 * Neighbours there that are neighbours here too are one stretch, copied at
 * once: an item with one changed attribute is two copies and the attribute.
 */
#include "formats/ddbjson.h"

#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/scan.h"
#include "model/item.h"

/* Bytes on their way: a stretch of input not yet copied, then the buffer. */
struct out {
	struct buf *buf;
	const uint8_t *from, *to;	/* the stretch; NULL if there is none */
	struct err *err;
};

static int
put(struct out *o, const void *bytes, size_t n)
{
	uint8_t *const p = buf_reserve(o->buf, n, o->err);

	if (p == NULL)
		return -1;
	memcpy(p, bytes, n);
	o->buf->len += n;
	return 0;
}

static int
flush(struct out *o)
{
	const uint8_t *const from = o->from;

	if (from == NULL)
		return 0;
	o->from = NULL;
	return put(o, from, (size_t)(o->to - from));
}

/* What JSON writes for a byte that cannot stand in a string as it is. */
static size_t
escape(uint8_t c, char to[6])
{
	static const char HEX[] = "0123456789abcdef";
	static const char SHORT[] = "\"\"\\\\\bb\ff\nn\rr\tt";

	to[0] = '\\';
	for (size_t i = 0; i < sizeof(SHORT) - 1; i += 2)
		if ((uint8_t)SHORT[i] == c) {
			to[1] = SHORT[i + 1];
			return 2;
		}
	memcpy(to + 1, "u00", 3);
	to[4] = HEX[c >> 4];
	to[5] = HEX[c & 15];
	return 6;
}

static int
put_text(struct out *o, struct span text)
{
	for (;;) {
		const size_t plain = scan_plain(text);
		char escaped[6];

		if (plain > 0 && put(o, text.ptr, plain) != 0)
			return -1;
		if (plain == text.len)
			return 0;
		if (put(o, escaped, escape(text.ptr[plain], escaped)) != 0)
			return -1;
		text.ptr += plain + 1;
		text.len -= plain + 1;
	}
}

/* The text of a value as it stands between quotes. */
static int
put_value_text(struct out *o, const struct value *v)
{
	if ((v->flags & (VALUE_RAW | VALUE_ESC)) != 0)
		return put(o, v->text, v->len);
	return put_text(o, (struct span){ v->text, v->len });
}

static int put_value(struct out *o, const struct value *v);

/* Where a value stands in the input, if it does (VALUE_RAW). */
static inline void
stands(const struct value *v, const uint8_t **from, const uint8_t **to)
{
	enum { TAG_LEN = 6, WORD_TAG_LEN = 8 };	/* {"S":" and {"BOOL": */

	switch (v->type) {
	case VALUE_S:
	case VALUE_N:
	case VALUE_B:
		*from = v->text - TAG_LEN;
		*to = v->text + v->len + 2;
		break;
	case VALUE_BOOL:
	case VALUE_NULL:
		*from = v->text - WORD_TAG_LEN;
		*to = v->text + v->len + 1;
		break;
	default:
		*from = v->kids[-1].text;
		*to = *from + v->kids[-1].len;
	}
}

/*
 * Add [from, to) of the input, with a comma before it unless it is the `first`
 * of its container.
 */
static int
put_stretch(struct out *o, const uint8_t *from, const uint8_t *to, bool first)
{
	if (!first && o->from != NULL && from == o->to + 1) {
		o->to = to;
		return 0;
	}
	if (flush(o) != 0 || (!first && put(o, ",", 1) != 0))
		return -1;
	o->from = from;
	o->to = to;
	return 0;
}

/* An attribute: name, colon and value. */
static int
put_attribute(struct out *o, const struct value *name, bool first)
{
	const struct value *const v = name + 1;
	const uint8_t *from, *to;

	if ((v->flags & VALUE_RAW) != 0) {
		stands(v, &from, &to);
		if ((name->flags & (VALUE_RAW | VALUE_ESC)) == VALUE_RAW &&
		    name->text + name->len + 2 == from)
			return put_stretch(o, name->text - 1, to, first);
	}
	if (flush(o) != 0 || put(o, &",\""[first], 2 - (size_t)first) != 0)
		return -1;
	if ((name->flags & VALUE_RAW) != 0) {
		const struct span raw = value_name_raw(name);

		if (put(o, raw.ptr, raw.len) != 0)
			return -1;
	} else if (put_text(o, (struct span){ name->text, name->len }) != 0) {
		return -1;
	}
	return put(o, "\":", 2) != 0 ? -1 : put_value(o, v);
}

static int
put_map(struct out *o, const struct value *map)
{
	if (put(o, "{", 1) != 0)
		return -1;
	for (uint32_t i = 0; i < map->len; i += 2)
		if (put_attribute(o, &map->kids[i], i == 0) != 0)
			return -1;
	return flush(o) != 0 ? -1 : put(o, "}", 1);
}

static int
put_list(struct out *o, const struct value *list)
{
	if (put(o, "[", 1) != 0)
		return -1;
	for (uint32_t i = 0; i < list->len; i++) {
		const struct value *const v = &list->kids[i];
		const uint8_t *from, *to;

		if ((v->flags & VALUE_RAW) != 0) {
			stands(v, &from, &to);
			if (put_stretch(o, from, to, i == 0) != 0)
				return -1;
			continue;
		}
		if (flush(o) != 0 || (i > 0 && put(o, ",", 1) != 0) ||
		    put_value(o, v) != 0)
			return -1;
	}
	return flush(o) != 0 ? -1 : put(o, "]", 1);
}

static int
put_set(struct out *o, const struct value *set)
{
	if (put(o, "[", 1) != 0)
		return -1;
	for (uint32_t i = 0; i < set->len; i++)
		if (put(o, &",\""[i == 0], 2 - (size_t)(i == 0)) != 0 ||
		    put_value_text(o, &set->kids[i]) != 0 ||
		    put(o, "\"", 1) != 0)
			return -1;
	return put(o, "]", 1);
}

/* Depth is bounded: items are at most 32 levels deep. */
static int
put_value(struct out *o, const struct value *v)
{
	const char *const type = value_type_name((enum value_type)v->type);
	int rc;

	if ((v->flags & VALUE_RAW) != 0) {
		const uint8_t *from, *to;

		stands(v, &from, &to);
		return put(o, from, (size_t)(to - from));
	}
	if (put(o, "{\"", 2) != 0 || put(o, type, strlen(type)) != 0 ||
	    put(o, "\":", 2) != 0)
		return -1;
	switch (v->type) {
	case VALUE_BOOL:
		rc = (v->flags & VALUE_TRUE) != 0 ? put(o, "true", 4)
						  : put(o, "false", 5);
		break;
	case VALUE_NULL:
		rc = put(o, "true", 4);
		break;
	case VALUE_M:
		rc = put_map(o, v);
		break;
	case VALUE_L:
		rc = put_list(o, v);
		break;
	case VALUE_SS:
	case VALUE_NS:
	case VALUE_BS:
		rc = put_set(o, v);
		break;
	default:
		rc = put(o, "\"", 1);
		if (rc == 0)
			rc = put_value_text(o, v);
		if (rc == 0)
			rc = put(o, "\"", 1);
	}
	return rc != 0 ? -1 : put(o, "}", 1);
}

int
ddbjson_encode_value(const struct value *v, struct buf *out, struct err *err)
{
	return put_value(&(struct out){ .buf = out, .err = err }, v);
}

int
ddbjson_encode_map(const struct value *map, struct buf *out, struct err *err)
{
	return put_map(&(struct out){ .buf = out, .err = err }, map);
}

int
ddbjson_encode_text(struct span text, struct buf *out, struct err *err)
{
	struct out o = { .buf = out, .err = err };

	if (put(&o, "\"", 1) != 0 || put_text(&o, text) != 0)
		return -1;
	return put(&o, "\"", 1);
}

int
ddbjson_encode(const struct item *items, size_t n, struct buf *out,
	       struct err *err)
{
	struct out o = { .buf = out, .err = err };

	for (size_t i = 0; i < n; i++) {
		const struct item *const item = &items[i];

		if ((item->map.flags & VALUE_RAW) != 0) {
			if (put(&o, item->line.ptr, item->line.len) != 0 ||
			    put(&o, "\n", 1) != 0)
				return -1;
			continue;
		}
		if (put(&o, "{\"Item\":", 8) != 0 ||
		    put_map(&o, &item->map) != 0 || put(&o, "}\n", 2) != 0)
			return -1;
	}
	return 0;
}
