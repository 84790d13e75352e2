#include "cli/changes.h"

#include <stdbool.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/display.h"
#include "base/err.h"
#include "cli/show.h"
#include "cli/show_internal.h"
#include "engine/plan.h"
#include "formats/ddbjson.h"
#include "formats/jsonwrite.h"
#include "model/diff.h"
#include "model/item.h"
#include "model/path.h"

enum {
	INDENT = 4,
	MEMBERS = 6,		/* of a set that are shown, unless in full */
};

const char *
changes_colour(const struct show_style *style, char mark)
{
	return !style->colour ? "" : mark == '-' ? "\033[31m" :
	       mark == '+' ? "\033[32m" : mark == '~' ? "\033[33m" : "";
}

const char *
changes_plain(const struct show_style *style)
{
	return style->colour ? "\033[0m" : "";
}

int
changes_key(const struct plan_key *key, const struct item *item,
	    struct arena *mem, struct buf *out, struct err *err)
{
	const struct plan_key_attr attrs[] = { key->pk, key->sk };

	for (int i = 0; i < 2; i++) {
		const struct value *const v = show_key_attr(&attrs[i], item);

		if (v == NULL)
			continue;
		if ((i > 0 && buf_printf(out, err, ", ") != 0) ||
		    display_put(span_of(attrs[i].name), false, out, err) != 0 ||
		    buf_printf(out, err, " ") != 0 ||
		    show_value(v, mem, out, err) != 0)
			return -1;
	}
	return 0;
}

/* ---- rows ---------------------------------------------------------------- */

/* A row on its way. */
struct row {
	const struct show_style *style;
	struct arena *mem;
	struct buf *out;
	struct buf was, is;
};

static int
put_cut(struct row *r, struct span text, size_t start, size_t columns,
	struct err *err)
{
	return r->style->full ? buf_append(r->out, text, err)
			      : show_cut(text, start, columns, r->out, err);
}

struct members {
	struct row *row;
	enum diff_kind kind;
	size_t n;
};

static int
put_member(void *context, const struct diff_change *c, struct err *err)
{
	struct members *const m = context;
	struct row *const r = m->row;
	const char mark = m->kind == DIFF_REMOVED ? '-' : '+';

	if (c->kind != m->kind || (m->n++ >= MEMBERS && !r->style->full))
		return 0;
	buf_reset(&r->was);
	if (show_value(c->kind == DIFF_REMOVED ? c->was : c->is, r->mem,
		       &r->was, err) != 0 ||
	    buf_printf(r->out, err, "%*s%s%c ", 2 * INDENT, "",
		       changes_colour(r->style, mark), mark) != 0 ||
	    put_cut(r, buf_span(&r->was), 0, r->style->width - 2 * INDENT - 2,
		    err) != 0)
		return -1;
	return buf_printf(r->out, err, "%s\n", changes_plain(r->style));
}

/* Two sets of one type: the members that went, and those that came. */
static int
put_sets(struct row *r, const struct value *was, const struct value *is,
	 struct err *err)
{
	if (buf_printf(r->out, err, "  %u -> %u members\n", was->len,
		       is->len) != 0)
		return -1;
	for (int i = 0; i < 2; i++) {
		struct members m = { .row = r, .kind = i == 0 ? DIFF_REMOVED
							      : DIFF_ADDED };

		if (diff_members(was, is, r->mem, put_member, &m, err) < 0)
			return -1;
		if (m.n > MEMBERS && !r->style->full &&
		    buf_printf(r->out, err, "%*s\xe2\x80\xa6+%zu members %s\n",
			       2 * INDENT, "", m.n - MEMBERS,
			       i == 0 ? "less" : "more") != 0)
			return -1;
	}
	return 0;
}

/* One under the other, both from a little before where they differ. */
static int
put_long(struct row *r, struct err *err)
{
	const size_t columns = r->style->width - 2 * INDENT - 2;
	const struct span was = buf_span(&r->was), is = buf_span(&r->is);
	const size_t start = r->style->full ? 0 : show_difference(was, is);

	if (buf_printf(r->out, err, "\n%*s%s- ", 2 * INDENT, "",
		       changes_colour(r->style, '-')) != 0 ||
	    put_cut(r, was, start, columns, err) != 0 ||
	    buf_printf(r->out, err, "%s\n%*s%s+ ", changes_plain(r->style),
		       2 * INDENT, "", changes_colour(r->style, '+')) != 0 ||
	    put_cut(r, is, start, columns, err) != 0)
		return -1;
	return buf_printf(r->out, err, "%s\n", changes_plain(r->style));
}

static int
put_values(struct row *r, const struct value *was, const struct value *is,
	   size_t used, struct err *err)
{
	const size_t room = r->style->width > used ? r->style->width - used
						   : 0;

	if (was != NULL && is != NULL && was->type == is->type &&
	    value_is_set(was))
		return put_sets(r, was, is, err);
	if ((was != NULL && show_value(was, r->mem, &r->was, err) != 0) ||
	    (is != NULL && show_value(is, r->mem, &r->is, err) != 0))
		return -1;
	if (was == NULL || is == NULL) {
		const struct buf *const one = was != NULL ? &r->was : &r->is;

		if (buf_printf(r->out, err, "  ") != 0 ||
		    put_cut(r, buf_span(one), 0, room > INDENT ? room : INDENT,
			    err) != 0)
			return -1;
		return buf_printf(r->out, err, "\n");
	}
	if (display_width(buf_span(&r->was)) + 4 +
	    display_width(buf_span(&r->is)) > room)
		return put_long(r, err);
	if (buf_printf(r->out, err, "  ") != 0 ||
	    buf_append(r->out, buf_span(&r->was), err) != 0 ||
	    buf_printf(r->out, err, " -> ") != 0 ||
	    buf_append(r->out, buf_span(&r->is), err) != 0)
		return -1;
	return buf_printf(r->out, err, "\n");
}

int
changes_row(const struct show_style *style, struct span path,
	    const struct value *was, const struct value *is,
	    struct arena *mem, struct buf *out, struct err *err)
{
	const char mark = was == NULL ? '+' : is == NULL ? '-' : '~';
	struct row r = { .style = style, .mem = mem, .out = out };
	int rc = -1;

	if (buf_printf(out, err, "%*s%s%c%s ", INDENT, "",
		       changes_colour(style, mark), mark,
		       changes_plain(style)) == 0 &&
	    display_put(path, false, out, err) == 0)
		rc = put_values(&r, was, is, INDENT + 4 + display_width(path),
				err);
	buf_free(&r.was);
	buf_free(&r.is);
	return rc;
}

/* ---- JSON ---------------------------------------------------------------- */

int
changes_json_value(struct jsonwrite *w, const struct value *v,
		   struct err *err)
{
	struct buf piece = { 0 };
	int rc = 0;

	if (v == NULL)
		jsonwrite_null(w);
	else if ((rc = ddbjson_encode_value(v, &piece, err)) == 0)
		jsonwrite_raw(w, buf_span(&piece));
	buf_free(&piece);
	return rc;
}

int
changes_json_key(struct jsonwrite *w, const struct plan_key *key,
		 const struct item *item, struct err *err)
{
	const struct plan_key_attr attrs[] = { key->pk, key->sk };

	jsonwrite_map(w);
	for (int i = 0; i < 2; i++) {
		const struct value *const v = show_key_attr(&attrs[i], item);

		if (v == NULL)
			continue;
		jsonwrite_name(w, attrs[i].name);
		if (changes_json_value(w, v, err) != 0)
			return -1;
	}
	jsonwrite_end(w);
	return 0;
}
