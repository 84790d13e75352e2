/* html_analysis.c - the page of analysis.json, but for table by table. */
#include <stdio.h>

#include "engine/html_internal.h"
#include "formats/tree.h"

enum { SUMMARY, LOOK, TABLES, RELATIONS, DANGLING, EACH, PRICES, NENTRIES };

static const struct html_entry ENTRIES[NENTRIES] = {
	[SUMMARY] = { "summary", "Summary" },
	[LOOK] = { "look", "What to look at" },
	[TABLES] = { "tables", "Tables" },
	[RELATIONS] = { "relations", "Relationships" },
	[DANGLING] = { "dangling", "Dangling references" },
	[EACH] = { "each", "Table by table" },
	[PRICES] = { "prices", "Prices used" },
};

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

/* ---- summary ------------------------------------------------------------- */

/* What the tables' estimates come to, and the largest of them. */
static bool
sum(const struct html_page *p, const char *group, const char *name,
    double *out, double *most)
{
	const struct tree *const tables = html_get(p->root, "tables");
	bool any = false;

	*out = *most = 0;
	for (uint32_t i = 0; i < html_len(tables); i++) {
		double v;

		if (!html_real(html_get(html_get(&tables->kids[i],
						 "estimates"), group), name,
			       &v))
			continue;
		*out += v;
		*most = v > *most ? v : *most;
		any = true;
	}
	return any;
}

static void
write_summary(struct html_page *p)
{
	const struct tree *const total = html_get(p->root, "total");
	char a[HTML_NUMBER], b[HTML_NUMBER];
	double v, most, seconds;

	markup_open(&p->m, "div", "class", "pair", NULL);
	markup_open(&p->m, "div", NULL);
	html_ledger(p, total);
	markup_close(&p->m);
	html_facts(p);
	if (html_real(p->root, "seconds", &v)) {
		html_fact(p, "Time", "%s", html_seconds(v, a));
		if (v > 0) {
			html_fact(p, "Items a second", "%s", html_count(
				(uint64_t)((double)html_uint(total, "read") /
					   v), a));
			html_fact(p, "Unpacked a second", "%.1f MB",
				  (double)html_uint(total, "plainBytes") /
				  1e6 / v);
		}
	}
	html_fact(p, "Read", "%s, unpacked %s",
		  html_bytes(html_uint(total, "packedBytes"), a),
		  html_bytes(html_uint(total, "plainBytes"), b));
	html_fact(p, "Data files", "%s",
		  html_count(html_uint(total, "files"), a));
	/* Imports go on side by side; what is pushed goes through one pipe. */
	if (sum(p, "import", "cost", &v, &most) &&
	    sum(p, "import", "seconds", &seconds, &most))
		html_fact(p, "By import", "about %s, the longest %s",
			  html_money(v, a), html_seconds(most, b));
	if (sum(p, "push", "cost", &v, &most) &&
	    sum(p, "push", "seconds", &seconds, &most))
		html_fact(p, "By push", "about %s, %s", html_money(v, a),
			  html_seconds(seconds, b));
	if (sum(p, "monthly", "total", &v, &most))
		html_fact(p, "Then, a month", "about %s", html_money(v, a));
	html_facts_end(p);
	markup_close(&p->m);
}

static void
write_problems(struct html_page *p)
{
	const struct tree *const list = html_get(p->root, "problems");

	html_problems(p);
	/* What stops a run comes before what does not. */
	for (int error = 1; error >= 0; error--)
		for (uint32_t i = 0; i < html_len(list); i++) {
			const struct tree *const t = &list->kids[i];

			if (span_is(html_text(t, "severity"), "error") ==
			    error)
				html_problem(p, &(struct html_problem){
					.error = error,
					.what = html_text(t, "what"),
					.where = html_text(t, "where"),
					.now = html_text(t, "do"),
					.name = html_text(t, "name"),
				});
		}
	html_problems_end(p);
}

/* ---- tables -------------------------------------------------------------- */

static void
cell_real(struct html_page *p, const struct tree *map, const char *name,
	  const char *(*format)(double, char *))
{
	char text[HTML_NUMBER];
	double v = 0;
	const bool any = html_real(map, name, &v);

	html_cell_number(p, v, any ? format(v, text) : NULL);
}

static const char *const WORDS[] = {
	"read", "moved", "filtered", "skipped", "dropped", "duplicate",
	"rejected",
};

static void
write_counts(struct html_page *p, const struct tree *counts)
{
	for (size_t i = 0; i < LEN(WORDS); i++)
		html_cell_count(p, counts, WORDS[i]);
}

static void
write_tables(struct html_page *p)
{
	static const struct html_column COLUMNS[] = {
		{ "Table", "source and target beneath", false },
		{ "Level", "1: refers to no other", true },
		{ "Read", "items", true }, { "Moved", NULL, true },
		{ "Filtered", "where was not true", true },
		{ "Skipped", "dangling: skip-item", true },
		{ "Dropped", "emit, pipe or lua gave nothing", true },
		{ "Duplicate", "--on-duplicate", true },
		{ "Rejected", NULL, true },
		{ "Files", "data files", true },
		{ "Packed", "bytes of these files", true },
		{ "Unpacked", NULL, true },
	};
	const struct tree *const tables = html_get(p->root, "tables");
	const struct tree *const total = html_get(p->root, "total");
	char href[32];

	html_table(p, "Tables: what would become of their items", COLUMNS,
		   LEN(COLUMNS));
	for (uint32_t i = 0; i < html_len(tables); i++) {
		const struct tree *const t = &tables->kids[i];

		html_row(p);
		snprintf(href, sizeof(href), "#t%u", i + 1);
		html_cell_table(p, t, "name", href);
		html_cell_count(p, t, "level");
		write_counts(p, html_get(t, "counts"));
		html_cell_count(p, t, "files");
		html_cell_bytes(p, t, "packedBytes");
		html_cell_bytes(p, t, "plainBytes");
		html_row_end(p);
	}
	html_table_foot(p);
	html_row(p);
	html_cell_head(p, span_of("Total"), NULL);
	html_cell_text(p, span_of(""), NULL);
	write_counts(p, total);
	html_cell_count(p, total, "files");
	html_cell_bytes(p, total, "packedBytes");
	html_cell_bytes(p, total, "plainBytes");
	html_row_end(p);
	html_table_end(p);
}

static void
write_costs(struct html_page *p)
{
	static const struct html_column COLUMNS[] = {
		{ "Table", NULL, false },
		{ "Import, bytes", "unpacked, which it is charged by", true },
		{ "Import, cost", NULL, true }, { "Import, time", NULL, true },
		{ "Push, write units", NULL, true },
		{ "Push, cost", NULL, true }, { "Push, time", NULL, true },
		{ "Storage a month", NULL, true },
		{ "Capacity a month", NULL, true },
		{ "Total a month", NULL, true },
	};
	const struct tree *const tables = html_get(p->root, "tables");

	html_table(p, "Estimates: two ways to the target tables, and what "
		   "they cost then", COLUMNS, LEN(COLUMNS));
	for (uint32_t i = 0; i < html_len(tables); i++) {
		const struct tree *const t = &tables->kids[i];
		const struct tree *const e = html_get(t, "estimates");
		const struct tree *const import = html_get(e, "import");
		const struct tree *const push = html_get(e, "push");
		const struct tree *const monthly = html_get(e, "monthly");

		html_row(p);
		html_cell_head(p, html_text(t, "name"), NULL);
		html_cell_bytes(p, import, "bytes");
		cell_real(p, import, "cost", html_money);
		cell_real(p, import, "seconds", html_seconds);
		html_cell_count(p, push, "writeUnits");
		cell_real(p, push, "cost", html_money);
		cell_real(p, push, "seconds", html_seconds);
		cell_real(p, monthly, "storage", html_money);
		cell_real(p, monthly, "capacity", html_money);
		cell_real(p, monthly, "total", html_money);
		html_row_end(p);
	}
	html_table_end(p);
}

/* ---- relationships ------------------------------------------------------- */

static void
add_links(struct html_graph *g, const struct tree *list,
	  enum html_link_kind kind)
{
	for (uint32_t i = 0; i < html_len(list); i++) {
		const struct tree *const t = &list->kids[i];

		html_graph_refer(g, html_text(t, "table"), html_text(t, "to"),
				 (struct html_link){
			.kind = kind, .path = html_text(t, "path"),
			.values = html_uint(t, "values"),
			.dangling = html_uint(t, "dangling"),
		});
	}
}

static void
draw_graph(struct html_page *p)
{
	struct html_graph g;

	if (!html_graph_tables(p, &g, "name"))
		return;
	add_links(&g, html_get(p->root, "references"), HTML_DECLARED);
	add_links(&g, html_get(p->root, "discovered"), HTML_DISCOVERED);
	html_graph_figure(p, &g);
}

static void
write_cycles(struct html_page *p)
{
	const struct tree *const cycles = html_get(p->root, "cycles");
	struct markup *const m = &p->m;

	if (html_len(cycles) == 0)
		return;
	markup_open(m, "p", NULL);
	markup_printf(m, "Cycles and self-references, which are no trouble "
		      "since new ids come from the old ones alone: ");
	for (uint32_t i = 0; i < html_len(cycles); i++) {
		const struct tree *const c = &cycles->kids[i];

		if (i > 0)
			markup_printf(m, "; ");
		for (uint32_t k = 0; k < html_len(c); k++) {
			if (k > 0)
				markup_printf(m, " \u2192 ");
			markup_clip(m, c->kids[k].text, 200);
		}
	}
	markup_printf(m, ".");
	markup_close(m);
}

static void
cell_share(struct html_page *p, const struct tree *t, uint64_t checked)
{
	const uint64_t resolved = html_uint(t, "resolved");
	char text[HTML_NUMBER];

	html_cell_number(p, checked > 0 ? (double)resolved / (double)checked
			 : 0, checked > 0 ? html_share(resolved, checked, text)
			 : NULL);
}

static void
write_references(struct html_page *p)
{
	static const struct html_column COLUMNS[] = {
		{ "Table", NULL, false }, { "Attribute", NULL, false },
		{ "Refers to", NULL, false }, { "Values", NULL, true },
		{ "Resolved", "an item has that id", true },
		{ "Dangling", "no item has that id", true },
		{ "Unchecked", "that table is not read in this job", true },
		{ "To rejected", "of the resolved: that item was rejected",
		  true },
		{ "Share", "resolved, of those that were checked", true },
		{ "Policy", "what becomes of those that dangle", false },
	};
	const struct tree *const list = html_get(p->root, "references");

	html_table(p, "References that the plan declares", COLUMNS,
		   LEN(COLUMNS));
	for (uint32_t i = 0; i < html_len(list); i++) {
		const struct tree *const t = &list->kids[i];

		html_row(p);
		html_cell_head(p, html_text(t, "table"), NULL);
		html_cell_text(p, html_text(t, "path"), "code");
		html_cell_text(p, html_text(t, "to"), NULL);
		html_cell_count(p, t, "values");
		html_cell_count(p, t, "resolved");
		html_cell_count(p, t, "dangling");
		html_cell_count(p, t, "unchecked");
		html_cell_count(p, t, "toRejected");
		cell_share(p, t, html_uint(t, "values") -
				 html_uint(t, "unchecked"));
		html_cell_text(p, html_text(t, "policy"), NULL);
		html_row_end(p);
	}
	html_table_end(p);
}

/* A count, which of a sample is about right. */
static void
cell_about(struct html_page *p, const struct tree *t, const char *name)
{
	const uint64_t n = html_uint(t, name);
	const bool about = n > 0 && html_truth(t, "sampled");
	char number[HTML_NUMBER], text[HTML_NUMBER + 8];

	snprintf(text, sizeof(text), "%s%s", about ? "\u2248\u00a0" : "",
		 html_count(n, number));
	html_cell_number(p, (double)n, text);
}

static void
write_discovered(struct html_page *p)
{
	static const struct html_column COLUMNS[] = {
		{ "Table", NULL, false }, { "Attribute", NULL, false },
		{ "Refers to", NULL, false }, { "Values", NULL, true },
		{ "Resolved", "an item has that id", true },
		{ "Dangling", "no item has that id", true },
		{ "Share", "resolved, of all", true },
		{ "Error", "of a share that a sample was taken for", true },
		{ "For the plan", "a line under references", false },
	};
	const struct tree *const list = html_get(p->root, "discovered");

	if (html_len(list) == 0) {
		html_leaf(p, "p", NULL, "No reference was found that the plan "
			  "does not declare.");
		return;
	}
	html_table(p, "References that the plan does not declare: left as "
		   "they are, they would point to ids of the source", COLUMNS,
		   LEN(COLUMNS));
	for (uint32_t i = 0; i < html_len(list); i++) {
		const struct tree *const t = &list->kids[i];
		char text[HTML_NUMBER];
		double error = 0;

		html_row(p);
		html_cell_head(p, html_text(t, "table"), NULL);
		html_cell_text(p, html_text(t, "path"), "code");
		html_cell_text(p, html_text(t, "to"), NULL);
		cell_about(p, t, "values");
		cell_about(p, t, "resolved");
		cell_about(p, t, "dangling");
		cell_share(p, t, html_uint(t, "values"));
		snprintf(text, sizeof(text), "\u00b1 %.1f %%",
			 html_truth(t, "sampled") &&
			 html_real(t, "error", &error) ? 100 * error : 0);
		html_cell_number(p, error, html_truth(t, "sampled") ? text
				 : "all seen");
		html_cell_text(p, html_text(t, "line"), "code");
		html_row_end(p);
	}
	html_table_end(p);
}

static void
write_dangling(struct html_page *p)
{
	static const struct html_column COLUMNS[] = {
		{ "Reference", NULL, false }, { "Value", NULL, false },
		{ "Item", NULL, false }, { "Place", NULL, false },
	};
	const struct tree *const list = html_get(p->root, "references");
	bool any = false;

	for (uint32_t i = 0; i < html_len(list); i++)
		any = any || html_uint(&list->kids[i], "dangling") > 0;
	if (!any) {
		html_leaf(p, "p", NULL, "Every declared reference that was "
			  "checked finds its item.");
		return;
	}
	html_table(p, "The first dangling references of each kind", COLUMNS,
		   LEN(COLUMNS));
	for (uint32_t i = 0; i < html_len(list); i++) {
		const struct tree *const t = &list->kids[i];
		const struct tree *const examples = html_get(t, "examples");
		const struct span what = html_say(p,
			"%.200s.%.200s \u2192 %.200s",
			(const char *)html_text(t, "table").ptr,
			(const char *)html_text(t, "path").ptr,
			(const char *)html_text(t, "to").ptr);

		for (uint32_t k = 0; k < html_len(examples); k++) {
			const struct tree *const e = &examples->kids[k];

			html_row(p);
			html_cell_head(p, what, NULL);
			html_cell_text(p, html_text(e, "value"), "code");
			html_cell_text(p, html_text(e, "key"), "code");
			html_cell_place(p, e);
			html_row_end(p);
		}
	}
	html_table_end(p);
}

/* ---- prices -------------------------------------------------------------- */

/* Whatever is in there: names with dots, and values. */
static void
write_prices(struct html_page *p, const struct tree *t, struct span name,
	     unsigned depth)
{
	if (tree_is_scalar(t)) {
		html_row(p);
		html_cell_head(p, name, NULL);
		html_cell_text(p, t->text, t->kind == TREE_NUMBER ? "n"
							: NULL);
		html_row_end(p);
		return;
	}
	if (depth == 4)
		return;
	for (uint32_t i = 0; i < t->nkids; i++) {
		const bool map = t->kind == TREE_MAP;
		const char *const before = (const char *)name.ptr;
		const char *const dot = name.len > 0 ? "." : "";
		const struct span path = map
			? html_say(p, "%.200s%s%.200s", before, dot,
				   (const char *)t->kids[i].text.ptr)
			: html_say(p, "%.200s%s%u", before, dot, i);

		i += map;
		write_prices(p, &t->kids[i], path, depth + 1);
	}
}

static void
write_price_table(struct html_page *p)
{
	static const struct html_column COLUMNS[] = {
		{ "Price", NULL, false }, { "Value", NULL, true },
	};
	const struct tree *const prices = html_get(p->root, "prices");

	if (prices == NULL || tree_is_scalar(prices)) {
		html_leaf(p, "p", NULL, "No prices were used.");
		return;
	}
	html_leaf(p, "p", "note", "Estimates are made with these prices, in "
		  "US dollars; the plan can set others.");
	html_table(p, "Prices", COLUMNS, LEN(COLUMNS));
	write_prices(p, prices, span_of(""), 0);
	html_table_end(p);
}

void
html_analysis_body(struct html_page *p)
{
	html_contents(p, ENTRIES, NENTRIES);
	html_section(p, &ENTRIES[SUMMARY]);
	write_summary(p);
	html_section_end(p);
	html_section(p, &ENTRIES[LOOK]);
	write_problems(p);
	html_section_end(p);
	html_section(p, &ENTRIES[TABLES]);
	write_tables(p);
	html_versions(p, "name");
	write_costs(p);
	html_section_end(p);
	html_section(p, &ENTRIES[RELATIONS]);
	draw_graph(p);
	write_cycles(p);
	write_references(p);
	write_discovered(p);
	html_section_end(p);
	html_section(p, &ENTRIES[DANGLING]);
	write_dangling(p);
	html_section_end(p);
	html_section(p, &ENTRIES[EACH]);
	html_analysis_tables(p);
	html_section_end(p);
	html_section(p, &ENTRIES[PRICES]);
	write_price_table(p);
	html_section_end(p);
}
