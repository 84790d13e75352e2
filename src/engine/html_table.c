/* html_table.c - tables: semantic, with captions; the script lets them sort. */
#include <inttypes.h>
#include <stdio.h>

#include "engine/html_internal.h"
#include "formats/tree.h"

enum { MAX_TEXT = 240 };	/* characters of a cell */

/* Numbers and small print first: a narrow page scrolls within the frame. */
void
html_table(struct html_page *p, const char *caption,
	   const struct html_column *columns, size_t n)
{
	struct markup *const m = &p->m;

	markup_open(m, "div", "class", "scroll", "role", "group", "tabindex",
		    "0", "aria-label", caption, NULL);
	markup_open(m, "table", "class", "data", NULL);
	html_leaf(p, "caption", NULL, "%s", caption);
	markup_open(m, "thead", NULL);
	markup_open(m, "tr", NULL);
	for (size_t i = 0; i < n; i++) {
		markup_open(m, "th", "scope", "col", "class",
			    columns[i].number ? "n" : NULL, "title",
			    columns[i].note, NULL);
		markup_printf(m, "%s", columns[i].title);
		markup_close(m);
	}
	markup_close(m);
	markup_close(m);
	markup_open(m, "tbody", NULL);
}

void
html_table_foot(struct html_page *p)
{
	markup_close(&p->m);
	markup_open(&p->m, "tfoot", NULL);
}

void
html_table_end(struct html_page *p)
{
	markup_close(&p->m);
	markup_close(&p->m);
	markup_close(&p->m);
	markup_raw(&p->m, span_of("\n"));
}

void
html_row(struct html_page *p)
{
	markup_raw(&p->m, span_of("\n"));
	markup_open(&p->m, "tr", NULL);
}

void
html_row_end(struct html_page *p)
{
	markup_close(&p->m);
}

void
html_cell_head(struct html_page *p, struct span name, const char *href)
{
	markup_open(&p->m, "th", "scope", "row", NULL);
	if (href != NULL)
		markup_open(&p->m, "a", "href", href, NULL);
	markup_clip(&p->m, name, MAX_TEXT);
	if (href != NULL)
		markup_close(&p->m);
	markup_close(&p->m);
}

void
html_cell_table(struct html_page *p, const struct tree *table,
		const char *name, const char *href)
{
	struct markup *const m = &p->m;
	const struct span from = html_text(table, "from");
	const struct span to = html_text(table, "to");

	markup_open(m, "th", "scope", "row", NULL);
	if (href != NULL)
		markup_open(m, "a", "href", href, NULL);
	markup_clip(m, html_text(table, name), MAX_TEXT);
	if (href != NULL)
		markup_close(m);
	if (from.len > 0 || to.len > 0) {
		markup_open(m, "small", NULL);
		markup_open(m, "span", NULL);
		markup_clip(m, from.len > 0 ? from : span_of("?"), MAX_TEXT);
		markup_printf(m, " \u2192");
		markup_close(m);
		markup_raw(m, span_of(" "));
		markup_open(m, "span", NULL);
		markup_clip(m, to.len > 0 ? to : span_of("?"), MAX_TEXT);
		markup_close(m);
		markup_close(m);
	}
	markup_close(m);
}

void
html_cell_path(struct html_page *p, struct span path)
{
	markup_open(&p->m, "th", "scope", "row", "class", "code", NULL);
	markup_clip(&p->m, path, MAX_TEXT);
	markup_close(&p->m);
}

void
html_cell_place(struct html_page *p, const struct tree *example)
{
	char line[HTML_NUMBER];

	markup_open(&p->m, "td", "class", "code", NULL);
	markup_clip(&p->m, html_text(example, "file"), MAX_TEXT);
	if (html_get(example, "line") != NULL)
		markup_printf(&p->m, ": line %s",
			      html_count(html_uint(example, "line"), line));
	markup_close(&p->m);
}

void
html_cell_text(struct html_page *p, struct span text, const char *class)
{
	markup_open(&p->m, "td", "class", class, NULL);
	markup_clip(&p->m, text, MAX_TEXT);
	markup_close(&p->m);
}

void
html_cell_count(struct html_page *p, const struct tree *map, const char *name)
{
	const struct tree *const t = html_get(map, name);
	const uint64_t n = html_uint(map, name);
	char text[HTML_NUMBER];

	html_cell_number(p, (double)n, t != NULL ? html_count(n, text) : NULL);
}

void
html_cell_bytes(struct html_page *p, const struct tree *map, const char *name)
{
	const struct tree *const t = html_get(map, name);
	const uint64_t n = html_uint(map, name);
	char text[HTML_NUMBER];

	html_cell_number(p, (double)n, t != NULL ? html_bytes(n, text) : NULL);
}

void
html_cell_number(struct html_page *p, double value, const char *text)
{
	markup_open(&p->m, "td", "class", text != NULL && value != 0 ? "n"
		    : "n zero", NULL);
	if (text != NULL)
		markup_attr(&p->m, "data-v", "%.17g", value);
	markup_printf(&p->m, "%s", text != NULL ? text : "\u2013");
	markup_close(&p->m);
}

/* ---- the account --------------------------------------------------------- */

static const struct word {
	const char *name, *title, *meaning;
} WORDS[] = {
	{ "moved", "Moved", "transformed, and on their way to the target" },
	{ "filtered", "Filtered", "where was not true of them" },
	{ "skipped", "Skipped",
	  "referred to nothing, under dangling: skip-item" },
	{ "dropped", "Dropped", "emit, pipe or lua gave nothing" },
	{ "duplicate", "Duplicate",
	  "their primary key was there already (--on-duplicate)" },
	{ "rejected", "Rejected", "could not be moved; the reasons are kept" },
};

enum { NWORDS = sizeof(WORDS) / sizeof(WORDS[0]) };

/* The parts side by side, as wide as they are large; for the eye only. */
static void
draw_bar(struct html_page *p, const struct tree *counts, uint64_t read)
{
	struct markup *const m = &p->m;
	uint64_t before = 0;

	markup_open(m, "svg", "class", "bar", "viewBox", "0 0 1000 12",
		    "preserveAspectRatio", "none", "aria-hidden", "true",
		    "focusable", "false", NULL);
	for (size_t i = 0; i < NWORDS; i++) {
		const uint64_t n = html_uint(counts, WORDS[i].name);

		if (n == 0)
			continue;
		markup_open(m, "rect", "class", WORDS[i].name, "height", "12",
			    NULL);
		markup_attr(m, "x", "%.1f",
			    1000 * (double)before / (double)read);
		markup_attr(m, "width", "%.1f",
			    1000 * (double)n / (double)read);
		markup_close(m);
		before += n;
	}
	markup_close(m);
}

static void
write_line(struct html_page *p, const char *class, const char *title,
	   uint64_t n, const char *share, const char *meaning)
{
	struct markup *const m = &p->m;
	char text[HTML_NUMBER];

	markup_raw(m, span_of("\n"));
	markup_open(m, "tr", "class", class, NULL);
	markup_open(m, "th", "scope", "row", NULL);
	markup_printf(m, "%s", title);
	markup_close(m);
	html_leaf(p, "td", n > 0 ? "n" : "n zero", "%s", html_count(n, text));
	html_leaf(p, "td", "n", "%s", share);
	html_leaf(p, "td", "note", "%s", meaning);
	markup_close(m);
}

void
html_ledger(struct html_page *p, const struct tree *counts)
{
	struct markup *const m = &p->m;
	const uint64_t read = html_uint(counts, "read");
	uint64_t sum = 0;
	char text[HTML_NUMBER];

	markup_open(m, "table", "class", "ledger", NULL);
	html_leaf(p, "caption", NULL, "The account: every item that was read "
		  "is in exactly one of the other lines");
	markup_open(m, "thead", "class", "unseen", NULL);
	markup_open(m, "tr", NULL);
	for (int i = 0; i < 4; i++) {
		static const char *const TITLES[] = { "Word", "Items", "Share",
						      "Meaning" };

		markup_open(m, "th", "scope", "col", NULL);
		markup_printf(m, "%s", TITLES[i]);
		markup_close(m);
	}
	markup_close(m);
	markup_close(m);
	markup_open(m, "tbody", NULL);
	write_line(p, "total", "Read", read, "", "items found in the source");
	for (size_t i = 0; i < NWORDS; i++) {
		const uint64_t n = html_uint(counts, WORDS[i].name);

		sum += n;
		write_line(p, WORDS[i].name, WORDS[i].title, n, n > 0
			   ? html_share(n, read, text) : "",
			   WORDS[i].meaning);
	}
	write_line(p, sum == read ? "total meets" : "total fails", "Sum", sum,
		   "", sum == read ? "\u2713 meets what was read"
		   : "\u2717 does not meet what was read: please report this");
	if (html_get(counts, "written") != NULL)
		write_line(p, "total", "Written", html_uint(counts, "written"),
			   "", "items that the moved ones became");
	markup_close(m);
	markup_close(m);
	if (read > 0)
		draw_bar(p, counts, read);
}
