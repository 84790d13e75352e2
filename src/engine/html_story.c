/* html_story.c - what was done in a job, stage by stage, and its proofs. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "engine/html_internal.h"
#include "formats/jsonwrite.h"
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
		{ "Read", "items of the tables that go to it", true },
		{ "Filtered", "by where", true },
		{ "Rejected", NULL, true },
		{ "Emitted", "what those that moved became", true },
		{ "Written", "items in its files", true },
		{ "Sent", "items that the service took", true },
		{ "Refused", "by the service, for good", true },
		{ "Verified", "made anew of the source, or read back, and "
			      "found equal", true },
	};
	static const char *const COUNTS[] = {
		"read", "filtered", "rejected", "emitted", "written", "sent",
		"refused", "verified",
	};
	const struct tree *const tables = html_get(story, "tables");

	html_table(p, "What came to the targets", COLUMNS,
		   sizeof(COLUMNS) / sizeof(COLUMNS[0]));
	for (uint32_t i = 0; i < html_len(tables); i++) {
		html_row(p);
		html_cell_head(p, html_text(&tables->kids[i], "table"), NULL);
		for (size_t k = 0; k < sizeof(COUNTS) / sizeof(COUNTS[0]); k++)
			html_cell_count(p, &tables->kids[i], COUNTS[k]);
		html_row_end(p);
	}
	html_table_end(p);
}

/* ---- samples ------------------------------------------------------------- */

enum { SAMPLE_LEN = 300 };	/* of a value, as far as it is shown */

/* A value as DynamoDB writes it; nothing where there is none. */
static struct span
value_text(struct html_page *p, const struct tree *value)
{
	struct buf text = { 0 };
	struct jsonwrite w;
	struct span out = span_of("");

	if (value == NULL)
		return out;
	jsonwrite_start(&w, &text, true, p->err);
	jsonwrite_tree(&w, value);
	if (jsonwrite_finish(&w) == 0)
		out = arena_copy(&p->mem, buf_span(&text), p->err);
	buf_free(&text);
	return out.ptr != NULL ? out : span_of("");
}

static void
write_attribute(struct html_page *p, struct span name,
		const struct tree *before, const struct tree *after)
{
	const struct span was = value_text(p, before);
	const struct span is = value_text(p, after);
	const struct span *const both[] = { &was, &is };

	html_row(p);
	html_cell_head(p, name, NULL);
	for (int i = 0; i < 2; i++) {
		markup_open(&p->m, "td", "class", span_equal(was, is)
			    ? "code dim" : "code changed", NULL);
		markup_clip(&p->m, *both[i], SAMPLE_LEN);
		markup_close(&p->m);
	}
	html_row_end(p);
}

static const struct tree *
attribute(const struct tree *item, struct span name)
{
	for (uint32_t i = 0; item != NULL && item->kind == TREE_MAP &&
	     i + 1 < item->nkids; i += 2)
		if (span_equal(item->kids[i].text, name))
			return &item->kids[i + 1];
	return NULL;
}

/* Attributes as they were, and behind them those that are new. */
static void
write_sample(struct html_page *p, const struct tree *sample,
	     const struct tree *output)
{
	static const struct html_column COLUMNS[] = {
		{ "Attribute", NULL, false }, { "Before", NULL, false },
		{ "After", NULL, false },
	};
	const struct tree *const before = html_get(sample, "before");
	const struct tree *const after = html_get(output, "item");
	char caption[600];

	snprintf(caption, sizeof(caption), "%.255s: %.255s%s",
		 (const char *)html_text(sample, "table").ptr,
		 output != NULL ? "an item, to " : "an item, ",
		 (const char *)html_text(output != NULL ? output : sample,
					 output != NULL ? "target" : "fate").ptr);
	html_table(p, caption, COLUMNS, sizeof(COLUMNS) / sizeof(COLUMNS[0]));
	for (uint32_t i = 0; before != NULL && before->kind == TREE_MAP &&
	     i + 1 < before->nkids; i += 2)
		write_attribute(p, before->kids[i].text, &before->kids[i + 1],
				attribute(after, before->kids[i].text));
	for (uint32_t i = 0; after != NULL && after->kind == TREE_MAP &&
	     i + 1 < after->nkids; i += 2)
		if (attribute(before, after->kids[i].text) == NULL)
			write_attribute(p, after->kids[i].text, NULL,
					&after->kids[i + 1]);
	html_table_end(p);
}

static void
write_samples(struct html_page *p, const struct tree *story)
{
	const struct tree *const samples = html_get(story, "samples");

	if (html_len(samples) > 0)
		html_leaf(p, "h3", NULL, "Items before and after");
	for (uint32_t i = 0; i < html_len(samples); i++) {
		const struct tree *const sample = &samples->kids[i];
		const struct tree *const after = html_get(sample, "after");

		if (html_get(sample, "before") == NULL)
			continue;	/* a line about what was put */
		if (html_len(after) == 0)
			write_sample(p, sample, NULL);
		for (uint32_t k = 0; k < html_len(after); k++)
			write_sample(p, sample, &after->kids[k]);
	}
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
	write_samples(p, story);
	write_plans(p, story);
}
