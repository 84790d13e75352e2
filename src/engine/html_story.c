/* html_story.c - what was done in a job, stage by stage, and its proofs. */
#include <string.h>

#include "engine/html_internal.h"
#include "formats/tree.h"

static const char *
end_of(uint64_t status)
{
	return status == 0 ? "done" : status == 1 ? "done, with findings"
		: status == 130 ? "interrupted" : "failed";
}

/* What --accept named, in one line. */
static struct span
list_accepted(struct html_page *p, const struct tree *stage)
{
	const struct tree *const list = html_get(stage, "accepted");
	struct span all = html_say(p, "%s", "");

	for (uint32_t i = 0; i < html_len(list); i++)
		all = html_say(p, "%.*s%s%.200s", (int)all.len,
			       (const char *)all.ptr, i > 0 ? ", " : "",
			       (const char *)list->kids[i].text.ptr);
	return all;
}

static void
write_stage(struct html_page *p, const struct tree *stage)
{
	const struct span error = html_text(stage, "error");
	char a[HTML_NUMBER];
	double seconds = 0;

	html_real(stage, "seconds", &seconds);
	html_row(p);
	html_cell_head(p, html_text(stage, "stage"), NULL);
	html_cell_text(p, html_say(p, "%s", html_time(html_text(stage,
		"started"), a)), NULL);
	html_cell_number(p, seconds, html_seconds(seconds, a));
	html_cell_text(p, html_say(p, "%s%s%.*s",
		end_of(html_uint(stage, "status")),
		error.len > 0 ? ": " : "", (int)error.len,
		error.len > 0 ? (const char *)error.ptr : ""), NULL);
	html_cell_text(p, html_text(stage, "note"), NULL);
	html_cell_text(p, html_say(p, "%.200s on %.200s, %.50s",
		(const char *)html_text(stage, "by").ptr,
		(const char *)html_text(stage, "host").ptr,
		(const char *)html_text(stage, "version").ptr), NULL);
	html_cell_text(p, list_accepted(p, stage), NULL);
	html_row_end(p);
}

static void
write_stages(struct html_page *p, const struct tree *story)
{
	static const struct html_column COLUMNS[] = {
		{ "Stage", NULL, false }, { "Began", NULL, false },
		{ "Took", NULL, true }, { "End", NULL, false },
		{ "What it came to", NULL, false },
		{ "By", "user, machine, version", false },
		{ "Accepted", "warnings, by name", false },
	};
	const struct tree *const stages = html_get(story, "stages");

	html_table(p, "Stages, as they were done", COLUMNS,
		   sizeof(COLUMNS) / sizeof(COLUMNS[0]));
	for (uint32_t i = 0; i < html_len(stages); i++)
		write_stage(p, &stages->kids[i]);
	html_table_end(p);
}

static void
write_targets(struct html_page *p, const struct tree *story)
{
	static const struct html_column COLUMNS[] = {
		{ "Target table", NULL, false },
		{ "Sent", "items that the service took", true },
		{ "Refused", "by the service, for good", true },
		{ "Verified", "made anew of the source, or read back, and "
			      "found equal", true },
	};
	const struct tree *const tables = html_get(story, "tables");

	html_table(p, "What came to the targets", COLUMNS,
		   sizeof(COLUMNS) / sizeof(COLUMNS[0]));
	for (uint32_t i = 0; i < html_len(tables); i++) {
		html_row(p);
		html_cell_head(p, html_text(&tables->kids[i], "table"), NULL);
		html_cell_count(p, &tables->kids[i], "sent");
		html_cell_count(p, &tables->kids[i], "refused");
		html_cell_count(p, &tables->kids[i], "verified");
		html_row_end(p);
	}
	html_table_end(p);
}

static void
write_plans(struct html_page *p, const struct tree *story)
{
	const struct tree *const plans = html_get(story, "plans");

	for (uint32_t i = 0; i < html_len(plans); i++) {
		const struct tree *const plan = &plans->kids[i];
		const struct span text = html_text(plan, "text");

		html_leaf(p, "h3", NULL, "Plan %.1000s",
			  (const char *)html_text(plan, "path").ptr);
		html_leaf(p, "p", "note", "%.200s",
			  (const char *)html_text(plan, "digest").ptr);
		markup_open(&p->m, "pre", "class", "code", NULL);
		markup_clip(&p->m, text.len > 0 ? text
			    : span_of("(changed since, or gone)"), 100000);
		markup_close(&p->m);
	}
}

void
html_story(struct html_page *p)
{
	const struct tree *const story = html_get(p->root, "story");
	const struct tree *const ids = html_get(story, "idMap");

	write_stages(p, story);
	write_targets(p, story);
	if (html_len(ids) > 0)
		html_leaf(p, "p", "note", "Which id became which: index/, %u "
			  "tables, by dynamill lookup --all. The files of the "
			  "job are as SHA256SUMS says: sha256sum -c, or "
			  "dynamill validate --job.", html_len(ids));
	write_plans(p, story);
}
