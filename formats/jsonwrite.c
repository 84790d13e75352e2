#include "formats/jsonwrite.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/scan.h"
#include "formats/json.h"
#include "formats/tree.h"

void
jsonwrite_start(struct jsonwrite *w, struct buf *out, bool tight,
		struct err *err)
{
	*w = (struct jsonwrite){ .out = out, .err = err, .tight = tight };
}

static void
put(struct jsonwrite *w, const char *text)
{
	if (!w->failed && buf_append(w->out, span_of(text), w->err) != 0)
		w->failed = true;
}

static void
newline(struct jsonwrite *w)
{
	if (w->tight)
		return;
	put(w, "\n");
	for (unsigned i = 0; i < w->depth; i++)
		put(w, "  ");
}

/* What stands between the value before and this one. */
static void
lead(struct jsonwrite *w)
{
	if (w->named || w->depth == 0) {
		w->named = false;
		return;
	}
	assert(w->list[w->depth - 1]);
	if (w->some[w->depth - 1])
		put(w, ",");
	w->some[w->depth - 1] = true;
	newline(w);
}

static void
begin(struct jsonwrite *w, bool list)
{
	lead(w);
	assert(w->depth < JSONWRITE_DEPTH);
	w->list[w->depth] = list;
	w->some[w->depth] = false;
	w->depth++;
	put(w, list ? "[" : "{");
}

void
jsonwrite_map(struct jsonwrite *w)
{
	begin(w, false);
}

void
jsonwrite_list(struct jsonwrite *w)
{
	begin(w, true);
}

void
jsonwrite_end(struct jsonwrite *w)
{
	assert(w->depth > 0 && !w->named);
	w->depth--;
	if (w->some[w->depth])
		newline(w);
	put(w, w->list[w->depth] ? "]" : "}");
}

/* Append `s` with U+FFFD for every byte that is not UTF-8, in quotes. */
static void
quote(struct jsonwrite *w, struct span s)
{
	struct buf clean = { 0 };
	size_t good = scan_utf8(s);

	if (w->failed)
		return;
	if (good == s.len) {
		w->failed = json_quote(s, w->out, w->err) != 0;
		return;
	}
	while (!w->failed) {
		w->failed = buf_append(&clean, (struct span){ s.ptr, good },
				       w->err) != 0;
		s.ptr += good;
		s.len -= good;
		if (s.len == 0 || w->failed)
			break;
		w->failed = buf_append(&clean, span_of("\xef\xbf\xbd"),
				       w->err) != 0;
		s.ptr++;
		s.len--;
		good = scan_utf8(s);
	}
	if (!w->failed)
		w->failed = json_quote(buf_span(&clean), w->out, w->err) != 0;
	buf_free(&clean);
}

void
jsonwrite_name_span(struct jsonwrite *w, struct span name)
{
	assert(w->depth > 0 && !w->list[w->depth - 1] && !w->named);
	if (w->some[w->depth - 1])
		put(w, ",");
	w->some[w->depth - 1] = true;
	newline(w);
	quote(w, name);
	put(w, w->tight ? ":" : ": ");
	w->named = true;
}

void
jsonwrite_name(struct jsonwrite *w, const char *name)
{
	jsonwrite_name_span(w, span_of(name));
}

void
jsonwrite_span(struct jsonwrite *w, struct span text)
{
	lead(w);
	quote(w, text);
}

void
jsonwrite_text(struct jsonwrite *w, const char *text)
{
	jsonwrite_span(w, span_of(text));
}

void
jsonwrite_uint(struct jsonwrite *w, uint64_t n)
{
	lead(w);
	if (!w->failed)
		w->failed = buf_printf(w->out, w->err, "%" PRIu64, n) != 0;
}

void
jsonwrite_int(struct jsonwrite *w, int64_t n)
{
	lead(w);
	if (!w->failed)
		w->failed = buf_printf(w->out, w->err, "%" PRId64, n) != 0;
}

void
jsonwrite_fixed(struct jsonwrite *w, double n, int decimals)
{
	if (!isfinite(n)) {
		jsonwrite_null(w);
		return;
	}
	lead(w);
	if (!w->failed)
		w->failed = buf_printf(w->out, w->err, "%.*f", decimals,
				       n) != 0;
}

void
jsonwrite_bool(struct jsonwrite *w, bool b)
{
	lead(w);
	put(w, b ? "true" : "false");
}

void
jsonwrite_null(struct jsonwrite *w)
{
	lead(w);
	put(w, "null");
}

void
jsonwrite_put_text(struct jsonwrite *w, const char *name, const char *text)
{
	jsonwrite_name(w, name);
	if (text != NULL)
		jsonwrite_text(w, text);
	else
		jsonwrite_null(w);
}

void
jsonwrite_put_uint(struct jsonwrite *w, const char *name, uint64_t n)
{
	jsonwrite_name(w, name);
	jsonwrite_uint(w, n);
}

void
jsonwrite_put_bool(struct jsonwrite *w, const char *name, bool b)
{
	jsonwrite_name(w, name);
	jsonwrite_bool(w, b);
}

void
jsonwrite_raw(struct jsonwrite *w, struct span json)
{
	lead(w);
	if (!w->failed)
		w->failed = buf_append(w->out, json, w->err) != 0;
}

void
jsonwrite_tree(struct jsonwrite *w, const struct tree *t)
{
	switch (t->kind) {
	case TREE_MAP:
		jsonwrite_map(w);
		for (uint32_t i = 0; i < t->nkids; i += 2) {
			jsonwrite_name_span(w, t->kids[i].text);
			jsonwrite_tree(w, &t->kids[i + 1]);
		}
		jsonwrite_end(w);
		break;
	case TREE_LIST:
		jsonwrite_list(w);
		for (uint32_t i = 0; i < t->nkids; i++)
			jsonwrite_tree(w, &t->kids[i]);
		jsonwrite_end(w);
		break;
	case TREE_TEXT:
		jsonwrite_span(w, t->text);
		break;
	case TREE_NULL:
		jsonwrite_null(w);
		break;
	default:
		jsonwrite_raw(w, t->text);
	}
}

int
jsonwrite_finish(struct jsonwrite *w)
{
	assert(w->depth == 0);
	if (!w->tight)
		put(w, "\n");
	return w->failed ? -1 : 0;
}
