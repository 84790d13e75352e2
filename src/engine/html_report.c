/* html_report.c - what is on the page of report.json. */
#include <stdio.h>

#include "engine/html_internal.h"
#include "formats/tree.h"

enum { SUMMARY, LOOK, TABLES, RELATIONS, DANGLING, REJECTED, RULES, STORY,
       NENTRIES };

static const struct html_entry ENTRIES[NENTRIES] = {
	[SUMMARY] = { "summary", "Summary" },
	[LOOK] = { "look", "What to look at" },
	[TABLES] = { "tables", "Tables" },
	[RELATIONS] = { "relations", "Relationships" },
	[DANGLING] = { "dangling", "Dangling references" },
	[REJECTED] = { "rejected", "Rejected items" },
	[RULES] = { "rules", "Values that were left" },
	[STORY] = { "story", "What was done" },
};

/* Called for every relation: table, rule, and what it refers to. */
typedef void visit(struct html_page *p, void *context,
		   const struct tree *table, const struct tree *rule,
		   const struct tree *to);

static void
each_relation(struct html_page *p, visit *call, void *context)
{
	const struct tree *const tables = html_get(p->root, "tables");

	for (uint32_t i = 0; i < html_len(tables); i++) {
		const struct tree *const table = &tables->kids[i];
		const struct tree *const rules = html_get(table, "rules");

		for (uint32_t k = 0; k < html_len(rules); k++) {
			const struct tree *const rule = &rules->kids[k];
			const struct tree *const to = html_get(rule, "to");

			for (uint32_t j = 0; j < html_len(to); j++)
				call(p, context, table, rule, &to->kids[j]);
		}
	}
}

/* ---- summary ------------------------------------------------------------- */

static void
write_summary(struct html_page *p)
{
	const struct tree *const total = html_get(p->root, "total");
	const struct tree *const out = html_get(total, "out");
	const struct tree *const run = html_get(p->root, "thisRun");
	const struct span cpu = html_text(p->root, "cpu");
	char a[HTML_NUMBER], b[HTML_NUMBER];
	double v;

	markup_open(&p->m, "div", "class", "pair", NULL);
	markup_open(&p->m, "div", NULL);
	html_ledger(p, total);
	markup_close(&p->m);
	html_facts(p);
	if (html_real(run, "seconds", &v))
		html_fact(p, "Time", "%s", html_seconds(v, a));
	if (html_real(run, "itemsPerSecond", &v))
		html_fact(p, "Items a second", "%s",
			  html_count((uint64_t)(v > 0 && v < 1e18 ? v : 0), a));
	if (html_real(run, "megabytesPerSecond", &v))
		html_fact(p, "Unpacked a second", "%.1f MB", v);
	html_fact(p, "Read", "%s, unpacked %s",
		  html_bytes(html_uint(total, "bytesRead"), a),
		  html_bytes(html_uint(total, "uncompressedBytesRead"), b));
	html_fact(p, "Data files read", "%s",
		  html_count(html_uint(total, "units"), a));
	html_fact(p, "Written", "%s, unpacked %s",
		  html_bytes(html_uint(out, "bytes"), a),
		  html_bytes(html_uint(out, "uncompressedBytes"), b));
	html_fact(p, "Data files written", "%s",
		  html_count(html_uint(out, "files"), a));
	html_fact(p, "Processor", "%s", cpu.len > 0
		  ? (const char *)cpu.ptr : "plain");
	html_facts_end(p);
	markup_close(&p->m);
	if (html_uint(run, "items") < html_uint(total, "read"))
		html_leaf(p, "p", "note", "Time and rates are of the process "
			  "that finished the job; it read %s of the items, "
			  "earlier ones the others.",
			  html_count(html_uint(run, "items"), a));
}

/* ---- what to look at ----------------------------------------------------- */

static void
look_at_relation(struct html_page *p, void *context, const struct tree *table,
		 const struct tree *rule, const struct tree *to)
{
	const struct tree *const examples = html_get(to, "danglingExamples");
	const uint64_t dangling = html_uint(to, "dangling");
	const uint64_t rejected = html_uint(to, "toRejected");
	const char *const name = (const char *)html_text(table, "table").ptr;
	const char *const path = (const char *)html_text(rule, "path").ptr;
	const char *const other = (const char *)html_text(to, "table").ptr;
	char a[HTML_NUMBER], b[HTML_NUMBER];

	(void)context;
	if (dangling > 0)
		html_problem(p, &(struct html_problem){
			.what = html_say(p, "%.200s.%.200s \u2192 %.200s: %s of "
				"%s %s nothing", name, path, other,
				html_count(dangling, a), html_plural(
				html_uint(to, "references"), "reference", b),
				dangling == 1 ? "finds" : "find"),
			.where = html_len(examples) > 0
				? examples->kids[0].text : span_of(""),
			.now = html_say(p, "Mend the source, or say in the "
				"plan what becomes of them: dangling: keep, "
				"null, remove, skip-item or fail."),
		});
	if (rejected > 0)
		html_problem(p, &(struct html_problem){
			.what = html_say(p, "%.200s.%.200s \u2192 %.200s: %s to "
				"rejected items", name, path, other,
				html_plural(rejected, "reference", a)),
			.now = html_say(p, "Mend those items and run them; "
				"then they are found."),
		});
}

static void
look_at_rejects(struct html_page *p, const struct tree *table)
{
	const char *const name = (const char *)html_text(table, "table").ptr;
	const uint64_t rejected = html_uint(table, "rejected");
	char a[HTML_NUMBER], b[HTML_NUMBER];

	if (rejected > 0)
		html_problem(p, &(struct html_problem){
			.error = true,
			.what = html_say(p, "%.200s: %s of %s rejected",
				name, html_count(rejected, a), html_plural(
				html_uint(table, "read"), "item", b)),
			.where = html_say(p, "rejected/%.200s.jsonl", name),
			.now = html_say(p, "Each line there has the reason, "
				"the file and the line. Mend the items and run "
				"that file as a source, or mend the plan."),
		});
}

/* Items of a kind that is no fault by itself: what they are, what to do. */
static void
look_at_count(struct html_page *p, const struct tree *table, const char *count,
	      const char *what, const char *now)
{
	const uint64_t n = html_uint(table, count);
	char a[HTML_NUMBER];

	if (n > 0)
		html_problem(p, &(struct html_problem){
			.what = html_say(p, "%.200s: %s %s",
				(const char *)html_text(table, "table").ptr,
				html_plural(n, "item", a), what),
			.now = span_of(now),
		});
}

static void
look_at_rule(struct html_page *p, const struct tree *table,
	     const struct tree *rule)
{
	const uint64_t n = html_uint(rule, "leftNotAnId") +
			   html_uint(rule, "leftNoMatch");
	char a[HTML_NUMBER];

	if (n == 0)
		return;
	html_problem(p, &(struct html_problem){
		.what = html_say(p, "%.200s.%.200s: %s left as found: no id, "
			"or no match of the pattern",
			(const char *)html_text(table, "table").ptr,
			(const char *)html_text(rule, "path").ptr,
			html_plural(n, "value", a)),
		.now = html_say(p, "See that this is no reference, or mend "
				"the pattern in the plan."),
	});
}

static void
write_problems(struct html_page *p)
{
	const struct tree *const tables = html_get(p->root, "tables");
	const struct tree *const total = html_get(p->root, "total");
	const uint64_t damaged = html_uint(total, "acceptedDamagedFiles");
	char a[HTML_NUMBER];

	html_problems(p);
	for (uint32_t i = 0; i < html_len(tables); i++)
		look_at_rejects(p, &tables->kids[i]);
	for (uint32_t i = 0; i < html_len(tables); i++)
		look_at_count(p, &tables->kids[i], "duplicate",
			      "with a primary key that was there already",
			      "--on-duplicate decided which one was kept; see "
			      "that this was meant.");
	for (uint32_t i = 0; i < html_len(tables); i++)
		look_at_count(p, &tables->kids[i], "emittedSkipped",
			      "that emit made left out, for what they refer to "
			      "is not there", "dangling: skip-item says so; "
			      "see that this was meant.");
	if (damaged > 0)
		html_problem(p, &(struct html_problem){
			.what = html_say(p, "%s accepted by name, though not "
				"what the manifest says",
				html_plural(damaged, "file", a)),
			.now = html_say(p, "Take the export again, unless "
				"you know why they differ."),
		});
	each_relation(p, look_at_relation, NULL);
	for (uint32_t i = 0; i < html_len(tables); i++) {
		const struct tree *const rules = html_get(&tables->kids[i],
							  "rules");

		for (uint32_t k = 0; k < html_len(rules); k++)
			look_at_rule(p, &tables->kids[i], &rules->kids[k]);
	}
	html_problems_end(p);
}

/* ---- tables -------------------------------------------------------------- */

static const char *const WORDS[] = {
	"read", "moved", "filtered", "skipped", "dropped", "duplicate",
	"rejected", "written",
};

enum { NWORDS = sizeof(WORDS) / sizeof(WORDS[0]) };

static void
write_counts(struct html_page *p, const struct tree *counts)
{
	const struct tree *const out = html_get(counts, "out");

	for (size_t i = 0; i < NWORDS; i++)
		html_cell_count(p, counts, WORDS[i]);
	html_cell_count(p, out, "files");
	html_cell_bytes(p, out, "bytes");
	html_cell_bytes(p, out, "uncompressedBytes");
}

static void
write_tables(struct html_page *p)
{
	static const struct html_column COLUMNS[] = {
		{ "Table", "source and target beneath", false },
		{ "Read", "items", true }, { "Moved", NULL, true },
		{ "Filtered", "where was not true", true },
		{ "Skipped", "dangling: skip-item", true },
		{ "Dropped", "emit, pipe or lua gave nothing", true },
		{ "Duplicate", "--on-duplicate", true },
		{ "Rejected", NULL, true },
		{ "Written", "items that the moved ones became", true },
		{ "Files", "data files of the target table", true },
		{ "Packed", "bytes of these files", true },
		{ "Unpacked", "which an import is charged by", true },
	};
	const struct tree *const tables = html_get(p->root, "tables");

	html_table(p, "Tables: what became of their items", COLUMNS,
		   sizeof(COLUMNS) / sizeof(COLUMNS[0]));
	for (uint32_t i = 0; i < html_len(tables); i++) {
		html_row(p);
		html_cell_table(p, &tables->kids[i], "table", NULL);
		write_counts(p, &tables->kids[i]);
		html_row_end(p);
	}
	html_table_foot(p);
	html_row(p);
	html_cell_head(p, span_of("Total"), NULL);
	write_counts(p, html_get(p->root, "total"));
	html_row_end(p);
	html_table_end(p);
	html_versions(p, "table");
}

/* ---- relationships ------------------------------------------------------- */

static void
add_link(struct html_page *p, void *context, const struct tree *table,
	 const struct tree *rule, const struct tree *to)
{
	(void)p;
	html_graph_refer(context, html_text(table, "table"),
			 html_text(to, "table"), (struct html_link){
		.kind = HTML_DECLARED, .path = html_text(rule, "path"),
		.values = html_uint(to, "references"),
		.dangling = html_uint(to, "dangling"),
	});
}

static void
draw_graph(struct html_page *p)
{
	struct html_graph g;

	if (!html_graph_tables(p, &g, "table"))
		return;
	each_relation(p, add_link, &g);
	html_graph_figure(p, &g);
}

static void
write_relation(struct html_page *p, void *context, const struct tree *table,
	       const struct tree *rule, const struct tree *to)
{
	const uint64_t resolved = html_uint(to, "resolved");
	const uint64_t checked = html_uint(to, "references") -
				 html_uint(to, "unchecked");
	char a[HTML_NUMBER];

	(void)context;
	html_row(p);
	html_cell_head(p, html_text(table, "table"), NULL);
	html_cell_text(p, html_text(rule, "path"), "code");
	html_cell_text(p, html_text(to, "table"), NULL);
	html_cell_count(p, to, "references");
	html_cell_count(p, to, "resolved");
	html_cell_count(p, to, "dangling");
	html_cell_count(p, to, "unchecked");
	html_cell_count(p, to, "toRejected");
	html_cell_number(p, checked > 0 ? (double)resolved / (double)checked
			 : 0, checked > 0 ? html_share(resolved, checked, a)
			 : NULL);
	html_row_end(p);
}

static void
write_relations(struct html_page *p)
{
	static const struct html_column COLUMNS[] = {
		{ "Table", NULL, false }, { "Attribute", NULL, false },
		{ "Refers to", NULL, false }, { "References", NULL, true },
		{ "Resolved", "an item has that id", true },
		{ "Dangling", "no item has that id", true },
		{ "Unchecked", "that table is not read in this job", true },
		{ "To rejected", "of the resolved: that item was rejected",
		  true },
		{ "Share", "resolved, of those that were checked", true },
	};

	draw_graph(p);
	html_table(p, "References and what they found", COLUMNS,
		   sizeof(COLUMNS) / sizeof(COLUMNS[0]));
	each_relation(p, write_relation, NULL);
	html_table_end(p);
}

static void
write_examples(struct html_page *p, void *context, const struct tree *table,
	       const struct tree *rule, const struct tree *to)
{
	const struct tree *const examples = html_get(to, "danglingExamples");
	struct markup *const m = &p->m;
	char a[HTML_NUMBER], b[HTML_NUMBER];
	bool *const any = context;

	if (html_uint(to, "dangling") == 0)
		return;
	*any = true;
	markup_open(m, "h3", NULL);
	markup_clip(m, html_text(table, "table"), 200);
	markup_printf(m, ".");
	markup_clip(m, html_text(rule, "path"), 200);
	markup_printf(m, " \u2192 ");
	markup_clip(m, html_text(to, "table"), 200);
	markup_close(m);
	html_leaf(p, "p", "note", "%s of %s %s nothing. The first of them:",
		  html_count(html_uint(to, "dangling"), a),
		  html_plural(html_uint(to, "references"), "reference", b),
		  html_uint(to, "dangling") == 1 ? "finds" : "find");
	markup_open(m, "ul", "class", "examples", NULL);
	for (uint32_t i = 0; i < html_len(examples); i++) {
		markup_open(m, "li", "class", "code", NULL);
		markup_clip(m, examples->kids[i].text, 1000);
		markup_close(m);
	}
	markup_close(m);
}

/* ---- rejects, and values that were left ---------------------------------- */

static void
write_rejected(struct html_page *p)
{
	static const struct html_column COLUMNS[] = {
		{ "Table", NULL, false }, { "Rejected", NULL, true },
		{ "Share", "of the items read", true },
		{ "Items and reasons", "beside this page", false },
	};
	const struct tree *const tables = html_get(p->root, "tables");
	char a[HTML_NUMBER];

	if (html_uint(html_get(p->root, "total"), "rejected") == 0) {
		html_leaf(p, "p", NULL, "No item was rejected.");
		return;
	}
	html_table(p, "Rejected items", COLUMNS,
		   sizeof(COLUMNS) / sizeof(COLUMNS[0]));
	for (uint32_t i = 0; i < html_len(tables); i++) {
		const struct tree *const t = &tables->kids[i];
		const uint64_t n = html_uint(t, "rejected");
		const uint64_t read = html_uint(t, "read");

		if (n == 0)
			continue;
		html_row(p);
		html_cell_head(p, html_text(t, "table"), NULL);
		html_cell_count(p, t, "rejected");
		html_cell_number(p, (double)n / (double)(read > 0 ? read : 1),
				 html_share(n, read, a));
		html_cell_text(p, html_say(p, "rejected/%.200s.jsonl",
			(const char *)html_text(t, "table").ptr), "code");
		html_row_end(p);
	}
	html_table_end(p);
}

static void
write_rules(struct html_page *p)
{
	static const struct html_column COLUMNS[] = {
		{ "Table", NULL, false }, { "Attribute", NULL, false },
		{ "Kind", NULL, false },
		{ "NULL or empty", "and left", true },
		{ "No id", "of a type that no id has, and left", true },
		{ "No match", "matched no pattern, and left", true },
		{ "Merged", "members of a set that became equal", true },
	};
	const struct tree *const tables = html_get(p->root, "tables");

	html_table(p, "Ids and references: values that were not rewritten",
		   COLUMNS, sizeof(COLUMNS) / sizeof(COLUMNS[0]));
	for (uint32_t i = 0; i < html_len(tables); i++) {
		const struct tree *const rules = html_get(&tables->kids[i],
							  "rules");

		for (uint32_t k = 0; k < html_len(rules); k++) {
			const struct tree *const rule = &rules->kids[k];

			html_row(p);
			html_cell_head(p, html_text(&tables->kids[i], "table"),
				       NULL);
			html_cell_text(p, html_text(rule, "path"), "code");
			html_cell_text(p, html_text(rule, "kind"), NULL);
			html_cell_count(p, rule, "leftNull");
			html_cell_count(p, rule, "leftNotAnId");
			html_cell_count(p, rule, "leftNoMatch");
			html_cell_count(p, rule, "mergedMembers");
			html_row_end(p);
		}
	}
	html_table_end(p);
}

void
html_report_body(struct html_page *p)
{
	const bool told = html_get(p->root, "story") != NULL;
	bool any = false;

	html_contents(p, ENTRIES, told ? NENTRIES : STORY);
	html_section(p, &ENTRIES[SUMMARY]);
	write_summary(p);
	html_section_end(p);
	html_section(p, &ENTRIES[LOOK]);
	write_problems(p);
	html_section_end(p);
	html_section(p, &ENTRIES[TABLES]);
	write_tables(p);
	html_section_end(p);
	html_section(p, &ENTRIES[RELATIONS]);
	write_relations(p);
	html_section_end(p);
	html_section(p, &ENTRIES[DANGLING]);
	each_relation(p, write_examples, &any);
	if (!any)
		html_leaf(p, "p", NULL, "Every reference that was checked "
			  "finds its item.");
	html_section_end(p);
	html_section(p, &ENTRIES[REJECTED]);
	write_rejected(p);
	html_section_end(p);
	html_section(p, &ENTRIES[RULES]);
	write_rules(p);
	html_section_end(p);
	if (!told)
		return;
	html_section(p, &ENTRIES[STORY]);
	html_story(p);
	html_section_end(p);
}
