/* html_internal.h - what the parts of a page share. */
#ifndef ENGINE_HTML_INTERNAL_H
#define ENGINE_HTML_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/span.h"
#include "formats/markup.h"

struct err;
struct tree;

struct html_page {
	struct markup m;
	struct arena mem;
	const struct tree *root;	/* a map */
	struct err *err;
	uint32_t nproblems;
};

/* The style sheet and the script in src/engine/html/; by scripts/embed. */
extern const char html_style[];
extern const char html_script[];

/* ---- values, html_value.c ------------------------------------------------ */

enum { HTML_NUMBER = 48 };

/* Of a map, or of nothing: its value called `name`; NULL if there is none. */
const struct tree *html_get(const struct tree *map, const char *name);

/* What stands there, or nothing: "", 0, no list. */
struct span html_text(const struct tree *map, const char *name);
uint64_t html_uint(const struct tree *map, const char *name);
bool html_real(const struct tree *map, const char *name, double *out);
bool html_truth(const struct tree *map, const char *name);
uint32_t html_len(const struct tree *list);

/* Numbers as text: "1,234", "16.0 kB", "2 KiB", "1.25 s", "$0.15", "99.8 %" */
const char *html_count(uint64_t n, char out[HTML_NUMBER]);
const char *html_plural(uint64_t n, const char *noun, char out[HTML_NUMBER]);
const char *html_bytes(uint64_t n, char out[HTML_NUMBER]);
const char *html_binary(uint64_t n, char out[HTML_NUMBER]);
const char *html_seconds(double s, char out[HTML_NUMBER]);
const char *html_money(double v, char out[HTML_NUMBER]);
const char *html_share(uint64_t part, uint64_t whole, char out[HTML_NUMBER]);

/* "2026-11-21 14:05:09 UTC", of that in ISO 8601 or of seconds since 1970. */
const char *html_time(struct span text, char out[HTML_NUMBER]);

/* Formatted text that lasts as long as the page. */
struct span html_say(struct html_page *p, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* ---- parts, html_parts.c ------------------------------------------------- */

/* An element that holds text and nothing else. */
void html_leaf(struct html_page *p, const char *name, const char *class,
	       const char *fmt, ...) __attribute__((format(printf, 4, 5)));

struct html_entry {
	const char *id, *title;
};
void html_contents(struct html_page *p, const struct html_entry *entries,
		   size_t n);

void html_section(struct html_page *p, const struct html_entry *entry);
void html_section_end(struct html_page *p);

/* A name and what it is, in a list of those. */
void html_facts(struct html_page *p);
void html_fact(struct html_page *p, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void html_facts_end(struct html_page *p);

/* What has to be looked at: how bad, what it is, where, what to do. */
struct html_problem {
	bool error;
	struct span name, what, where, now;
};
void html_problems(struct html_page *p);
void html_problem(struct html_page *p, const struct html_problem *problem);
void html_problems_end(struct html_page *p);

/* ---- tables, html_table.c ------------------------------------------------ */

struct html_column {
	const char *title;
	const char *note;	/* what it means; may be NULL */
	bool number;
};

/* Rows follow, each of as many cells as there are columns. */
void html_table(struct html_page *p, const char *caption,
		const struct html_column *columns, size_t n);
void html_table_foot(struct html_page *p);	/* sums follow */
void html_table_end(struct html_page *p);
void html_row(struct html_page *p);
void html_row_end(struct html_page *p);

void html_cell_head(struct html_page *p, struct span name, const char *href);
/* The name of a table, and of its source and target beneath. */
void html_cell_table(struct html_page *p, const struct tree *table,
		     const char *name, const char *href);
/* A path, key or expression; "FILE: line N" of an example. */
void html_cell_path(struct html_page *p, struct span path);
void html_cell_place(struct html_page *p, const struct tree *example);
void html_cell_text(struct html_page *p, struct span text, const char *class);
void html_cell_count(struct html_page *p, const struct tree *map,
		     const char *name);
void html_cell_bytes(struct html_page *p, const struct tree *map,
		     const char *name);
/* A number with a text of its own, and NULL where there is none. */
void html_cell_number(struct html_page *p, double value, const char *text);

/*
 * Where tables, whose names are in the member `name`, have `version` steps;
 * html_versions.c
 */
void html_versions(struct html_page *p, const char *name);

/* Of a report, once there is a story; html_story.c */
void html_story(struct html_page *p);

/* The account: read, and what became of it; proved to meet. */
void html_ledger(struct html_page *p, const struct tree *counts);

/* ---- pictures ------------------------------------------------------------ */

/* Bars of how many items there are of each size; html_histogram.c */
void html_histogram(struct html_page *p, const struct tree *bytes);

/* A bar that is filled for that part, within a line of text. */
void html_meter(struct html_page *p, uint64_t part, uint64_t whole);

/* How tables hang together; html_graph.c and html_draw.c */
enum { HTML_MAX_NODES = 300, HTML_MAX_LINKS = 2000 };

struct html_node {
	struct span name;
	uint64_t items;
	uint32_t level;		/* from 1; 0: to be found by its links */
	bool read;		/* it is in this job */
};

enum html_link_kind { HTML_DECLARED, HTML_DISCOVERED };

struct html_link {
	uint32_t from, to;	/* nodes */
	enum html_link_kind kind;
	struct span path;
	uint64_t values, dangling;
};

struct html_graph {
	struct html_node *nodes;
	struct html_link *links;
	uint32_t nnodes, nlinks;
};

int html_graph_start(struct html_graph *g, struct arena *mem,
		     struct err *err);

/*
 * The number of the node of that name, a new one if there is none; one more
 * link.  What is beyond the limits is not kept, and nothing will be drawn.
 */
uint32_t html_graph_node(struct html_graph *g, struct span name);
void html_graph_link(struct html_graph *g, const struct html_link *link);

/*
 * The same for a page: begin with the report's tables for nodes, whose names
 * are called `name` there, and link two by name; `link` says the rest.
 * Returns false, and the page has failed, if there is no memory.
 */
bool html_graph_tables(struct html_page *p, struct html_graph *g,
		       const char *name);
void html_graph_refer(struct html_graph *g, struct span from, struct span to,
		      struct html_link link);

/* Draw it, or say that it is too much to be drawn.  Sets missing levels. */
void html_graph_figure(struct html_page *p, struct html_graph *g);

/* ---- pages --------------------------------------------------------------- */

void html_report_body(struct html_page *p);	/* html_report.c */
void html_analysis_body(struct html_page *p);	/* html_analysis.c */
void html_analysis_tables(struct html_page *p);	/* html_profile.c */

#endif
