#include "formats/plainjson.h"

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

static int
put_number(const struct value *v, struct arena *mem, struct buf *out,
	   struct err *err)
{
	char canonical[DECIMAL_TEXT_LEN];
	struct span text;

	if (value_text(v, mem, &text, err) != 0)
		return -1;
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

/* Depth is bounded: items are at most 32 levels deep. */
static int
put_kids(const struct value *v, struct arena *mem, struct buf *out,
	 struct err *err)
{
	const uint32_t step = v->type == VALUE_M ? 2 : 1;

	if (put(out, v->type == VALUE_M ? "{" : "[", 1, err) != 0)
		return -1;
	for (uint32_t i = 0; i < v->len; i += step) {
		const struct value *const kid = &v->kids[i];

		if ((i > 0 && put(out, ",", 1, err) != 0) ||
		    (step == 2 && put_name(kid, out, err) != 0) ||
		    plainjson_encode_value(kid + step - 1, mem, out,
					   err) != 0)
			return -1;
	}
	return put(out, v->type == VALUE_M ? "}" : "]", 1, err);
}

int
plainjson_encode_value(const struct value *v, struct arena *mem,
		       struct buf *out, struct err *err)
{
	const struct span text = { v->text, v->len };

	switch (v->type) {
	case VALUE_S:
	case VALUE_B:
		return put_text(text, (v->flags & (VALUE_RAW | VALUE_ESC |
						   VALUE_CLEAN)) != 0,
				out, err);
	case VALUE_N:
		return put_number(v, mem, out, err);
	case VALUE_BOOL:
		return (v->flags & VALUE_TRUE) != 0
			? put(out, "true", 4, err)
			: put(out, "false", 5, err);
	case VALUE_NULL:
		return put(out, "null", 4, err);
	default:
		return put_kids(v, mem, out, err);
	}
}

int
plainjson_encode(const struct item *item, struct arena *mem, struct buf *out,
		 struct err *err)
{
	return put_kids(&item->map, mem, out, err) != 0
		? -1 : put(out, "\n", 1, err);
}
