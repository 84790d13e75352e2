/* html_profile.c - what analyze found in a table: sizes, attributes, keys. */
#include <inttypes.h>
#include <stdio.h>

#include "base/buf.h"
#include "engine/html_internal.h"
#include "formats/tree.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

/* ---- facts --------------------------------------------------------------- */

static void
write_ttl(struct html_page *p, const struct tree *ttl)
{
	char a[HTML_NUMBER], b[HTML_NUMBER];

	if (ttl == NULL || ttl->kind != TREE_MAP)
		return;
	html_fact(p, "Time to live", "%.200s: %s expired already, %s "
		  "without it",
		  (const char *)html_text(ttl, "attribute").ptr,
		  html_plural(html_uint(ttl, "expired"), "item", a),
		  html_count(html_uint(ttl, "without"), b));
}

static void
write_facts(struct html_page *p, const struct tree *t)
{
	const struct tree *const sizes = html_get(t, "itemBytes");
	const struct tree *const key = html_get(t, "key");
	char a[HTML_NUMBER], b[HTML_NUMBER], c[HTML_NUMBER];
	double mean = 0;

	html_facts(p);
	html_fact(p, "From, to", "%.200s \u2192 %.200s",
		  (const char *)html_text(t, "from").ptr,
		  (const char *)html_text(t, "to").ptr);
	if (html_len(key) > 0)
		html_fact(p, "Key", "%.200s%s%.200s",
			  (const char *)key->kids[0].text.ptr,
			  key->nkids > 1 ? ", " : "", key->nkids > 1
			  ? (const char *)key->kids[1].text.ptr : "");
	html_fact(p, "Data", "%s in %s, unpacked %s",
		  html_bytes(html_uint(t, "packedBytes"), a),
		  html_plural(html_uint(t, "files"), "file", b),
		  html_bytes(html_uint(t, "plainBytes"), c));
	if (html_real(sizes, "mean", &mean))
		html_fact(p, "Item size", "%s on average, %s to %s",
			  html_binary((uint64_t)(mean > 0 && mean < 1e18
						 ? mean + .5 : 0), a),
			  html_binary(html_uint(sizes, "min"), b),
			  html_binary(html_uint(sizes, "max"), c));
	html_fact(p, "Write units", "%s",
		  html_count(html_uint(t, "writeUnits"), a));
	write_ttl(p, html_get(t, "ttl"));
	html_facts_end(p);
}

/* A table whose caption says of which table it is. */
static void
start_table(struct html_page *p, const char *what, const struct tree *t,
	    const struct html_column *columns, size_t n)
{
	const struct span caption = html_say(p, "%s of %.200s", what,
		(const char *)html_text(t, "name").ptr);

	html_table(p, (const char *)caption.ptr, columns, n);
}

/* ---- attributes ---------------------------------------------------------- */

/* "S 99.8 %, N 0.2 %", or the one type; flagged where they are mixed. */
static void
cell_types(struct html_page *p, const struct tree *attribute)
{
	const struct tree *const types = html_get(attribute, "types");
	struct markup *const m = &p->m;
	char text[HTML_NUMBER];
	uint64_t all = 0;

	markup_open(m, "td", NULL);
	if (types != NULL && types->kind == TREE_MAP) {
		for (uint32_t i = 1; i < types->nkids; i += 2) {
			uint64_t n = 0;

			(void)tree_uint(&types->kids[i], &n);
			all += n;
		}
		for (uint32_t i = 0; i < types->nkids; i += 2) {
			uint64_t n = 0;

			(void)tree_uint(&types->kids[i + 1], &n);
			if (i > 0)
				markup_printf(m, ", ");
			markup_open(m, "span", "class", "type", NULL);
			markup_clip(m, types->kids[i].text, 40);
			if (types->nkids > 2)
				markup_printf(m, " %s",
					      html_share(n, all, text));
			markup_close(m);
		}
	}
	if (html_truth(attribute, "mixed")) {
		markup_raw(m, span_of(" "));
		html_leaf(p, "strong", "tag warn", "! mixed");
	}
	markup_close(m);
}

static void
cell_present(struct html_page *p, const struct tree *attribute, uint64_t items)
{
	struct markup *const m = &p->m;
	const uint64_t n = html_uint(attribute, "present");
	char text[HTML_NUMBER];

	markup_open(m, "td", "class", "n", NULL);
	markup_attr(m, "data-v", "%" PRIu64, n);
	markup_printf(m, "%s", html_count(n, text));
	if (n <= items && items > 0) {	/* of a list there may be more */
		markup_open(m, "small", NULL);
		html_meter(p, n, items);
		markup_printf(m, " %s", html_share(n, items, text));
		markup_close(m);
	}
	markup_close(m);
}

static void
cell_examples(struct html_page *p, const struct tree *list)
{
	struct markup *const m = &p->m;

	markup_open(m, "td", "class", "code wide", NULL);
	for (uint32_t i = 0; i < html_len(list); i++) {
		if (i > 0)
			markup_open(m, "br", NULL), markup_close(m);
		markup_clip(m, list->kids[i].text, 80);
	}
	markup_close(m);
}

static void
write_attributes(struct html_page *p, const struct tree *t)
{
	static const struct html_column COLUMNS[] = {
		{ "Attribute", NULL, false }, { "Types", NULL, false },
		{ "Present", "in so many items", true },
		{ "Distinct", "about so many different values", true },
		{ "Least", NULL, false }, { "Greatest", NULL, false },
		{ "Examples", NULL, false },
	};
	const struct tree *const list = html_get(t, "attributes");
	const uint64_t items = html_uint(html_get(t, "counts"), "read");
	double error;

	if (html_len(list) == 0)
		return;
	start_table(p, "Attributes", t, COLUMNS, LEN(COLUMNS));
	for (uint32_t i = 0; i < list->nkids; i++) {
		const struct tree *const a = &list->kids[i];

		html_row(p);
		html_cell_path(p, html_text(a, "path"));
		cell_types(p, a);
		cell_present(p, a, items);
		html_cell_count(p, a, "distinct");
		html_cell_text(p, html_text(a, "min"), "code");
		html_cell_text(p, html_text(a, "max"), "code");
		cell_examples(p, html_get(a, "examples"));
		html_row_end(p);
	}
	html_table_end(p);
	if (html_real(t, "distinctError", &error))
		html_leaf(p, "p", "note", "Distinct values are estimated, to "
			  "about \u00b1 %.1f %%.", 100 * error);
}

/* ---- items --------------------------------------------------------------- */

static void
write_largest(struct html_page *p, const struct tree *t)
{
	static const struct html_column COLUMNS[] = {
		{ "Item", NULL, false },
		{ "Bytes", "as DynamoDB counts them; 409,600 at most", true },
		{ "Place", NULL, false },
	};
	const struct tree *const list = html_get(t, "largest");

	if (html_len(list) == 0)
		return;
	start_table(p, "Largest items", t, COLUMNS, LEN(COLUMNS));
	for (uint32_t i = 0; i < list->nkids; i++) {
		html_row(p);
		html_cell_path(p, html_text(&list->kids[i], "key"));
		html_cell_count(p, &list->kids[i], "bytes");
		html_cell_place(p, &list->kids[i]);
		html_row_end(p);
	}
	html_table_end(p);
}

static void
write_duplicates(struct html_page *p, const struct tree *t)
{
	static const struct html_column COLUMNS[] = {
		{ "Key", NULL, false }, { "First", NULL, false },
		{ "Second", NULL, false },
	};
	const struct tree *const duplicates = html_get(t, "duplicateKeys");
	const struct tree *const list = html_get(duplicates, "examples");
	const uint64_t n = html_uint(duplicates, "items");
	char text[HTML_NUMBER];

	if (n == 0)
		return;
	html_leaf(p, "p", "bad", "\u2717 %s with a primary key that "
		  "another has; an import would keep one of them.",
		  html_plural(n, "item", text));
	if (html_len(list) == 0)
		return;
	start_table(p, "Duplicate keys", t, COLUMNS, LEN(COLUMNS));
	for (uint32_t i = 0; i < list->nkids; i++) {
		html_row(p);
		html_cell_path(p, html_text(&list->kids[i], "key"));
		html_cell_text(p, html_text(&list->kids[i], "first"), "code");
		html_cell_text(p, html_text(&list->kids[i], "second"), "code");
		html_row_end(p);
	}
	html_table_end(p);
}

static void
write_asserts(struct html_page *p, const struct tree *t)
{
	static const struct html_column COLUMNS[] = {
		{ "Assert", NULL, false }, { "Failed", "items", true },
		{ "For example", NULL, false }, { "Place", NULL, false },
	};
	const struct tree *const list = html_get(t, "asserts");

	if (html_len(list) == 0)
		return;
	start_table(p, "Asserts", t, COLUMNS, LEN(COLUMNS));
	for (uint32_t i = 0; i < list->nkids; i++) {
		const struct tree *const a = &list->kids[i];
		const struct tree *const examples = html_get(a, "examples");
		const uint32_t n = html_len(examples);

		/* A row for each example; one at least. */
		for (uint32_t k = 0; k < (n > 0 ? n : 1); k++) {
			const struct tree *const e = k < n
				? &examples->kids[k] : NULL;

			html_row(p);
			html_cell_path(p, html_text(a, "expression"));
			html_cell_count(p, a, "failed");
			html_cell_text(p, html_text(e, "key"), "code");
			html_cell_place(p, e);
			html_row_end(p);
		}
	}
	html_table_end(p);
}

/* ---- all of it ----------------------------------------------------------- */

static void
write_table(struct html_page *p, const struct tree *t, uint32_t number)
{
	struct markup *const m = &p->m;
	char text[HTML_NUMBER];

	markup_raw(m, span_of("\n"));
	markup_open(m, "details", "open", "open", NULL);
	markup_attr(m, "id", "t%u", number);
	markup_open(m, "summary", NULL);
	markup_open(m, "h3", NULL);
	markup_clip(m, html_text(t, "name"), 200);
	markup_close(m);
	markup_raw(m, span_of(" "));
	html_leaf(p, "span", "note", "%s, level %u",
		  html_plural(html_uint(html_get(t, "counts"), "read"), "item",
			      text),
		  (unsigned)html_uint(t, "level"));
	markup_close(m);
	markup_open(m, "div", "class", "pair", NULL);
	write_facts(p, t);
	html_histogram(p, html_get(t, "itemBytes"));
	markup_close(m);
	write_duplicates(p, t);
	write_attributes(p, t);
	write_asserts(p, t);
	write_largest(p, t);
	markup_close(m);
}

void
html_analysis_tables(struct html_page *p)
{
	const struct tree *const tables = html_get(p->root, "tables");

	for (uint32_t i = 0; i < html_len(tables); i++)
		write_table(p, &tables->kids[i], i + 1);
}
