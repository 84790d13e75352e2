#include "cli/show.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/display.h"
#include "base/err.h"
#include "base/plural.h"
#include "cli/show_internal.h"
#include "engine/plan.h"
#include "engine/trial.h"
#include "model/diff.h"
#include "model/item.h"

enum {
	GAP = 2,		/* columns between columns */
	MARK = 2,		/* "+ " */
	MAX_WIDTH = 1000,
	MEMBERS = 6,		/* of a set that changed, unless in full */
};

static const char DIM[] = "2", BOLD[] = "1", RED[] = "31", GREEN[] = "32",
		  YELLOW[] = "33";

/* A page on its way.  Errors stick. */
struct page {
	const struct show_style *style;
	struct buf *out;
	struct buf was, is, name;	/* of the row at hand, as text */
	struct arena mem;
	struct err *err;
	bool failed;
	size_t name_width, value_width;	/* columns; no values side by side: 0 */
};

/* ---- the terminal -------------------------------------------------------- */

static unsigned
columns(bool terminal)
{
	const char *const said = getenv("COLUMNS");
	const long n = said != NULL ? strtol(said, NULL, 10) : 0;
	struct winsize size;

	if (terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 &&
	    size.ws_col > 0)
		return size.ws_col;
	return n > 0 && n <= MAX_WIDTH ? (unsigned)n : SHOW_USUAL_WIDTH;
}

struct show_style
show_style_of_stdout(bool full)
{
	const bool terminal = isatty(STDOUT_FILENO) != 0;
	const char *const no_color = getenv("NO_COLOR");
	const char *const term = getenv("TERM");

	return (struct show_style){
		.width = columns(terminal), .full = full,
		.colour = terminal && (no_color == NULL || !*no_color) &&
			  (term == NULL || strcmp(term, "dumb") != 0),
	};
}

/* ---- pieces -------------------------------------------------------------- */

static void
put(struct page *g, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void
put(struct page *g, const char *fmt, ...)
{
	char text[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (!g->failed && buf_append(g->out, span_of(text), g->err) != 0)
		g->failed = true;
}

static void
put_span(struct page *g, struct span text)
{
	if (!g->failed && buf_append(g->out, text, g->err) != 0)
		g->failed = true;
}

/* Words of others, made harmless. */
static void
put_words(struct page *g, const char *text)
{
	if (!g->failed && display_put(span_of(text), false, g->out,
				      g->err) != 0)
		g->failed = true;
}

static void
colour(struct page *g, const char *code)
{
	if (g->style->colour && code != NULL)
		put(g, "\033[%sm", code);
}

static void
plain(struct page *g, const char *code)
{
	if (g->style->colour && code != NULL)
		put(g, "\033[0m");
}

static void
pad(struct page *g, size_t n)
{
	while (n-- > 0)
		put_span(g, span_of(" "));
}

/* `text` in a colour, cut to `width` or, if that is 0, whole. */
static size_t
put_cut(struct page *g, struct span text, size_t start, size_t width,
	const char *code)
{
	const size_t before = g->out->len;

	if (width == 0 || g->style->full) {
		colour(g, code);
		put_span(g, text);
		plain(g, code);
		return display_width(text);
	}
	colour(g, code);
	const size_t from = g->out->len;
	if (!g->failed && show_cut(text, start, width, g->out, g->err) != 0)
		g->failed = true;
	if (g->failed || g->out->len < before)
		return 0;
	const size_t used = display_width((struct span){
		g->out->ptr + from, g->out->len - from });
	plain(g, code);
	return used;
}

/* No spaces at the end of lines: what was padded in vain is taken back. */
static void
end_line(struct page *g)
{
	while (g->out->len > 0 && g->out->ptr[g->out->len - 1] == ' ')
		g->out->len--;
	put(g, "\n");
}

static struct span
value_text_of(struct page *g, const struct value *v, struct buf *to)
{
	buf_reset(to);
	if (!g->failed && v != NULL &&
	    show_value(v, &g->mem, to, g->err) != 0)
		g->failed = true;
	return buf_span(to);
}

/* ---- rows ---------------------------------------------------------------- */

/* One row, before it is laid out: a value that is not there has no .ptr. */
struct line {
	const char *mark, *code;
	struct span name, was, is;
	bool same;		/* was and is are the same */
	bool whole;		/* an id: better on two lines than cut */
};

/* The mark and the name, and spaces up to the values. */
static void
put_name(struct page *g, const struct line *l)
{
	const size_t width = display_width(l->name);

	if (width == 0 && g->value_width == 0) {	/* it needs no line */
		pad(g, MARK);
		return;
	}
	colour(g, l->code);
	put(g, "%s ", l->mark);
	put_span(g, l->name);
	plain(g, l->code);
	if (width > g->name_width || g->value_width == 0) {
		end_line(g);
		pad(g, g->value_width == 0 ? MARK : MARK + g->name_width + GAP);
	} else {
		pad(g, g->name_width - width + GAP);
	}
}

static const char *
code_of_was(const struct line *l)
{
	return l->same ? l->code : RED;
}

static const char *
code_of_is(const struct line *l)
{
	return l->same ? l->code : GREEN;
}

/* Where both are shown from, so that what differs can be seen. */
static size_t
start_of(const struct page *g, const struct line *l, size_t width)
{
	if (l->same || l->was.ptr == NULL || l->is.ptr == NULL ||
	    g->style->full || (display_width(l->was) <= width &&
			       display_width(l->is) <= width))
		return 0;

	const size_t at = show_difference(l->was, l->is);
	const struct span head = { l->was.ptr, at };
	return display_width(head) > width / 2 ? at : 0;
}

static void
put_beside(struct page *g, const struct line *l, bool fits)
{
	const size_t start = start_of(g, l, g->value_width);
	size_t used = 0;

	if (l->same && !fits) {		/* said once, it has both columns */
		put_cut(g, l->was, 0, 2 * g->value_width + GAP, l->code);
		end_line(g);
		return;
	}
	if (l->was.ptr != NULL)
		used = put_cut(g, l->was, start, g->value_width,
			       code_of_was(l));
	pad(g, (used < g->value_width ? g->value_width - used : 0) + GAP);
	if (l->is.ptr != NULL)
		put_cut(g, l->is, start, g->value_width, code_of_is(l));
	end_line(g);
}

/* The new value below the old, behind an arrow or a mark. */
static void
put_below(struct page *g, const struct line *l)
{
	const bool narrow = g->value_width == 0;
	const size_t left = narrow ? 2 * MARK : MARK + g->name_width + GAP;
	const size_t width = g->style->width > left + 10
		? g->style->width - left : 10;
	const size_t start = start_of(g, l, width);

	if (l->was.ptr != NULL) {
		if (narrow)
			put(g, "%s ", l->same ? " " : "-");
		put_cut(g, l->was, start, width, code_of_was(l));
		end_line(g);
	}
	if (l->is.ptr == NULL || (l->same && l->was.ptr != NULL))
		return;
	if (l->was.ptr != NULL)
		pad(g, narrow ? MARK : left - 2);
	if (narrow)
		put(g, l->same ? "  " : "+ ");
	else if (l->was.ptr != NULL)
		put(g, "\xe2\x86\x92 ");
	put_cut(g, l->is, start, width, code_of_is(l));
	end_line(g);
}

static void
put_line(struct page *g, const struct line *l)
{
	const bool fits = display_width(l->was) <= g->value_width &&
			  display_width(l->is) <= g->value_width;

	put_name(g, l);
	if (g->value_width > 0 &&
	    (fits || !(l->whole || g->style->full)))
		put_beside(g, l, fits);
	else
		put_below(g, l);
}

/* The members of a set that went and came. */
struct members {
	struct page *page;
	enum diff_kind kind;
	size_t n;
};

static int
put_member(void *context, const struct diff_change *c, struct err *err)
{
	struct members *const m = context;
	struct page *const g = m->page;
	const bool gone = c->kind == DIFF_REMOVED;
	struct line l = { .mark = gone ? "-" : "+", .whole = true,
			  .code = gone ? RED : GREEN };

	(void)err;
	if (c->kind != m->kind)
		return 0;
	if (m->n++ >= MEMBERS && !g->style->full)
		return 0;
	if (gone)
		l.was = value_text_of(g, c->was, &g->was);
	else
		l.is = value_text_of(g, c->is, &g->is);
	put_line(g, &l);
	return 0;
}

static void
put_members(struct page *g, const struct trial_row *r)
{
	for (int i = 0; i < 2; i++) {
		struct members m = { .page = g, .kind = i == 0 ? DIFF_REMOVED
							       : DIFF_ADDED };

		if (!g->failed && diff_members(r->was, r->is, &g->mem,
					       put_member, &m, g->err) < 0)
			g->failed = true;
		if (m.n > MEMBERS && !g->style->full) {
			pad(g, g->value_width == 0 ? 2 * MARK :
			       MARK + g->name_width + GAP);
			put(g, "\xe2\x80\xa6+%zu members %s\n", m.n - MEMBERS,
			    i == 0 ? "less" : "more");
		}
	}
}

/* Was a set, and is one of the same type? */
static bool
is_set(const struct trial_row *r)
{
	return r->kind == ROW_CHANGED && r->was->type == r->is->type &&
	       value_is_set(r->was);
}

static struct span
count_text(struct page *g, const struct value *set, struct buf *to)
{
	buf_reset(to);
	if (buf_printf(to, g->err, "<<%u member%s>>", set->len,
		       plural(set->len)) != 0)
		g->failed = true;
	return buf_span(to);
}

static struct span
name_of(struct page *g, const struct trial_row *r)
{
	buf_reset(&g->name);
	if ((r->from.ptr != NULL &&
	     (display_put(r->from, false, &g->name, g->err) != 0 ||
	      buf_append(&g->name, span_of(" \xe2\x86\x92 "), g->err) != 0)) ||
	    display_put(r->path, false, &g->name, g->err) != 0)
		g->failed = true;
	return buf_span(&g->name);
}

static void
put_row(struct page *g, const struct trial_row *r)
{
	static const char *const MARKS[] = {
		[ROW_SAME] = " ", [ROW_REMOVED] = "-", [ROW_ADDED] = "+",
		[ROW_CHANGED] = "~",
	};
	const char *const codes[] = {
		[ROW_SAME] = DIM, [ROW_REMOVED] = RED, [ROW_ADDED] = GREEN,
		[ROW_CHANGED] = YELLOW,
	};
	struct line l = {
		.mark = MARKS[r->kind], .code = codes[r->kind],
		.name = name_of(g, r), .whole = r->is_id,
	};

	if (is_set(r) && r->from.ptr == NULL) {
		l.was = count_text(g, r->was, &g->was);
		l.is = count_text(g, r->is, &g->is);
		put_line(g, &l);
		put_members(g, r);
		return;
	}
	if (r->was != NULL)
		l.was = value_text_of(g, r->was, &g->was);
	if (r->is != NULL)
		l.is = value_text_of(g, r->is, &g->is);
	l.same = r->kind == ROW_SAME ||
		 (r->from.ptr != NULL && span_equal(l.was, l.is));
	put_line(g, &l);
}

/* ---- the item ------------------------------------------------------------ */

const struct value *
show_key_attr(const struct plan_key_attr *attr, const struct item *item)
{
	if (attr->name == NULL)
		return NULL;

	const struct span name = span_of(attr->name);
	return value_attr(&item->map, name, name_hash(name));
}

static void
put_place(struct page *g, const struct plan_table *t,
	  const struct trial_item *item)
{
	const struct plan_key_attr attrs[] = {
		t->source_key.pk, t->source_key.sk,
	};
	const char *lead = "  ";

	for (int i = 0; item->before != NULL && i < 2; i++) {
		const struct value *const v = show_key_attr(&attrs[i],
							    item->before);

		if (v == NULL)
			continue;
		put(g, "%s", lead);
		put_words(g, attrs[i].name);
		put(g, " ");
		put_cut(g, value_text_of(g, v, &g->was), 0,
			g->style->width, NULL);
		lead = ", ";
	}
	put(g, lead[0] == ',' ? "\n  " : "  ");
	put_words(g, strcmp(item->file, "-") == 0 ? "standard input"
						  : item->file);
	put(g, ", line %ju", (uintmax_t)item->line);
	put(g, "\n");
}

static void
put_head(struct page *g, const struct plan *plan,
	 const struct trial_item *item, const struct trial_output *o)
{
	const struct plan_table *const t = &plan->tables[item->table];

	colour(g, BOLD);
	put_words(g, t->name);
	if (o != NULL) {
		const struct plan_table *const to = &plan->tables[o->table];

		put(g, " \xe2\x86\x92 ");
		put_words(g, to->to != NULL ? to->to : to->name);
	}
	plain(g, BOLD);
	put(g, "  %s%s%s", item->image != NULL ? item->image : "",
	    item->image == NULL ? "" : strcmp(item->image, "key") == 0 ? ": "
				     : " image: ",
	    trial_fate_name(item->fate));
	if (item->noutputs > 1)
		put(g, ", %zu of %zu", (size_t)(o - item->outputs) + 1,
		    item->noutputs);
	if (item->step[0] != '\0') {
		put(g, " at ");
		put_words(g, item->step);
	}
	if (item->reason[0] != '\0') {
		put(g, ": ");
		put_words(g, item->reason);
	}
	put(g, "\n");
	if (o == NULL || o == item->outputs)
		put_place(g, t, item);
}

/* How wide names and values may be. */
static void
lay_out(struct page *g, const struct trial_row *rows, size_t n)
{
	const size_t width = g->style->width;
	const size_t most = width * 3 / 10;

	g->name_width = strlen("attribute");
	for (size_t i = 0; i < n; i++) {
		const size_t wide = display_width(name_of(g, &rows[i]));

		if (wide > g->name_width && wide <= most)
			g->name_width = wide;
	}
	g->value_width = width < SHOW_LEAST_WIDTH ? 0 :
		(width - MARK - g->name_width - 2 * GAP) / 2;
}

static void
put_output(struct page *g, const struct trial_output *o)
{
	const struct line heads = {
		.mark = " ", .code = DIM, .name = span_of("attribute"),
		.was = span_of("before"), .is = span_of("after"), .same = true,
	};

	lay_out(g, o->rows, o->nrows);
	if (g->value_width > 0)
		put_line(g, &heads);
	for (size_t i = 0; i < o->nrows && !g->failed; i++)
		put_row(g, &o->rows[i]);
}

/* What was not moved: the item as it is. */
static void
put_before(struct page *g, const struct item *item)
{
	g->name_width = 0;
	for (uint32_t i = 0; i < item->map.len; i += 2) {
		const struct value *const name = &item->map.kids[i];
		const size_t wide = display_width((struct span){ name->text,
								 name->len });

		if (wide > g->name_width &&
		    wide <= g->style->width * 3u / 10)
			g->name_width = wide;
	}
	g->value_width = g->style->width < SHOW_LEAST_WIDTH ? 0 :
		g->style->width - MARK - g->name_width - GAP;
	for (uint32_t i = 0; i < item->map.len && !g->failed; i += 2) {
		const struct value *const name = &item->map.kids[i];
		struct line l = { .mark = " ", .same = true };

		buf_reset(&g->name);
		if (display_put((struct span){ name->text, name->len }, false,
				&g->name, g->err) != 0)
			g->failed = true;
		l.name = buf_span(&g->name);
		l.was = value_text_of(g, name + 1, &g->was);
		put_line(g, &l);
	}
}

int
show_item(const struct show_style *style, const struct plan *plan,
	  const struct trial_item *item, struct buf *out, struct err *err)
{
	struct page g = { .style = style, .out = out, .err = err };

	if (item->noutputs == 0)
		put_head(&g, plan, item, NULL);
	for (size_t i = 0; i < item->noutputs; i++) {
		if (i > 0)
			put(&g, "\n");
		put_head(&g, plan, item, &item->outputs[i]);
		put_output(&g, &item->outputs[i]);
	}
	if (item->noutputs == 0 && item->before != NULL)
		put_before(&g, item->before);
	buf_free(&g.was);
	buf_free(&g.is);
	buf_free(&g.name);
	arena_free(&g.mem);
	return g.failed ? -1 : 0;
}
