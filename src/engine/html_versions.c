/* html_versions.c - which versions came to the `version` steps. */
#include "engine/html_internal.h"
#include "formats/tree.h"

/* "1: 12, 2: 7" of the versions that items had. */
static struct span
list_before(struct html_page *p, const struct tree *before)
{
	struct span all = html_say(p, "%s", "");
	char a[HTML_NUMBER];

	for (uint32_t i = 0; i < html_len(before); i++) {
		const struct tree *const v = &before->kids[i];

		if (html_uint(v, "items") > 0)
			all = html_say(p, "%.*s%s%ju: %s", (int)all.len,
				       (const char *)all.ptr,
				       all.len > 0 ? ", " : "",
				       (uintmax_t)html_uint(v, "version"),
				       html_count(html_uint(v, "items"), a));
	}
	return all;
}

static void
write_step(struct html_page *p, struct span table, const struct tree *step)
{
	html_row(p);
	html_cell_head(p, table, NULL);
	html_cell_text(p, list_before(p, html_get(step, "before")), NULL);
	html_cell_count(p, step, "missing");
	html_cell_count(p, step, "unknown");
	html_cell_count(p, step, "to");
	html_cell_count(p, step, "after");
	html_row_end(p);
}

void
html_versions(struct html_page *p, const char *name)
{
	static const struct html_column COLUMNS[] = {
		{ "Table", NULL, false },
		{ "Versions", "that items said, and how many did", false },
		{ "Without", "taken for what the plan says", true },
		{ "Unknown", "rejected", true },
		{ "Brought to", NULL, true }, { "Items", NULL, true },
	};
	const struct tree *const tables = html_get(p->root, "tables");
	bool any = false;

	for (uint32_t i = 0; i < html_len(tables); i++) {
		const struct tree *const steps = html_get(&tables->kids[i],
							  "versions");

		for (uint32_t k = 0; k < html_len(steps); k++) {
			if (!any)
				html_table(p, "Versions of items", COLUMNS,
					   sizeof(COLUMNS) /
					   sizeof(COLUMNS[0]));
			any = true;
			write_step(p, html_text(&tables->kids[i], name),
				   &steps->kids[k]);
		}
	}
	if (any)
		html_table_end(p);
}
