/* show_value.c - values as text on one line, and text cut to a width. */
#include "cli/show_internal.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/display.h"
#include "model/item.h"

enum { BEFORE_DIFFERENCE = 8 };	/* characters that lead up to it */

static int
put(const char *text, struct buf *out, struct err *err)
{
	return buf_append(out, span_of(text), err);
}

static int
put_text(const struct value *v, struct arena *mem, struct buf *out,
	 struct err *err)
{
	struct span text;

	if (value_text(v, mem, &text, err) != 0)
		return -1;
	if (v->type == VALUE_N)
		return display_put(text, false, out, err);
	if (put(v->type == VALUE_B ? "b\"" : "\"", out, err) != 0 ||
	    display_put(text, true, out, err) != 0)
		return -1;
	return put("\"", out, err);
}

/* What stands around the children of a container, and after a name. */
static const char *const OPEN[VALUE_PLACE] = {
	[VALUE_M] = "{", [VALUE_L] = "[",
	[VALUE_SS] = "<<", [VALUE_NS] = "<<", [VALUE_BS] = "<<",
};
static const char *const CLOSE[VALUE_PLACE] = {
	[VALUE_M] = "}", [VALUE_L] = "]",
	[VALUE_SS] = ">>", [VALUE_NS] = ">>", [VALUE_BS] = ">>",
};

static int
put_kids(const struct value *v, struct arena *mem, struct buf *out,
	 struct err *err)
{
	if (put(OPEN[v->type], out, err) != 0)
		return -1;
	for (uint32_t i = 0; i < v->len; i++) {
		const struct value *const kid = &v->kids[i];
		const bool named = kid->type == VALUE_NAME;

		if ((named ? put_text(kid, mem, out, err)
			   : show_value(kid, mem, out, err)) != 0)
			return -1;
		if (i + 1 < v->len && put(named ? ": " : ", ", out, err) != 0)
			return -1;
	}
	return put(CLOSE[v->type], out, err);
}

int
show_value(const struct value *v, struct arena *mem, struct buf *out,
	   struct err *err)
{
	switch (v->type) {
	case VALUE_BOOL:
		return put((v->flags & VALUE_TRUE) != 0 ? "true" : "false",
			   out, err);
	case VALUE_NULL:
		return put("null", out, err);
	case VALUE_S:
	case VALUE_N:
	case VALUE_B:
		return put_text(v, mem, out, err);
	default:
		return put_kids(v, mem, out, err);
	}
}

/* Characters in `text`. */
static size_t
count(struct span text)
{
	size_t n = 0;

	while (text.len > 0) {
		uint32_t c;
		const size_t used = display_next(text, &c);

		text = (struct span){ text.ptr + used, text.len - used };
		n++;
	}
	return n;
}

/* How many bytes of `text` take no more than `columns`. */
static size_t
fitting(struct span text, size_t columns)
{
	size_t at = 0, wide = 0;

	while (at < text.len) {
		const struct span rest = { text.ptr + at, text.len - at };
		uint32_t c;
		const size_t used = display_next(rest, &c);

		wide += display_width_of(c);
		if (wide > columns)
			break;
		at += used;
	}
	return at;
}

int
show_cut(struct span text, size_t start, size_t columns, struct buf *out,
	 struct err *err)
{
	const struct span before = { text.ptr, start };
	const struct span rest = { text.ptr + start, text.len - start };
	char head[40] = "", tail[40] = "";

	if (start > 0)
		snprintf(head, sizeof(head), "%zu+\xe2\x80\xa6",
			 count(before));
	size_t room = columns, used = display_width(span_of(head));

	room = room > used ? room - used : 0;
	size_t n = fitting(rest, room);
	if (n < rest.len) {
		/* The count takes room of its own: the most it can need. */
		used = 2 + (size_t)snprintf(NULL, 0, "%zu", count(rest));
		n = fitting(rest, room > used ? room - used : 0);
		snprintf(tail, sizeof(tail), "\xe2\x80\xa6+%zu",
			 count((struct span){ rest.ptr + n, rest.len - n }));
	}
	if (put(head, out, err) != 0 ||
	    buf_append(out, (struct span){ rest.ptr, n }, err) != 0)
		return -1;
	return put(tail, out, err);
}

size_t
show_difference(struct span a, struct span b)
{
	size_t recent[BEFORE_DIFFERENCE] = { 0 };
	size_t at = 0, n = 0;

	while (at < a.len && at < b.len) {
		const struct span x = { a.ptr + at, a.len - at };
		const struct span y = { b.ptr + at, b.len - at };
		uint32_t c, d;
		const size_t used = display_next(x, &c);

		if (display_next(y, &d) != used || c != d)
			break;
		recent[n++ % BEFORE_DIFFERENCE] = at;
		at += used;
	}
	return n < BEFORE_DIFFERENCE ? 0 : recent[n % BEFORE_DIFFERENCE];
}
