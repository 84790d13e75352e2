/* html_parts.c - sections, lists of facts, problems: what pages are made of. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "engine/html_internal.h"

/* Formatted text is ours and short, but for names, which come as spans. */
enum { MAX_LINE = 1024 };

void
html_leaf(struct html_page *p, const char *name, const char *class,
	  const char *fmt, ...)
{
	char text[MAX_LINE];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	markup_open(&p->m, name, "class", class, NULL);
	markup_text(&p->m, span_of(text));
	markup_close(&p->m);
}

struct span
html_say(struct html_page *p, const char *fmt, ...)
{
	char text[MAX_LINE];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);

	/* With its NUL, so that it can be said again. */
	const size_t len = strlen(text);
	const struct span copy = arena_copy(&p->mem, (struct span){
		(const uint8_t *)text, len + 1 }, p->err);

	if (copy.ptr == NULL) {
		p->m.failed = true;
		return span_of("");
	}
	return (struct span){ copy.ptr, len };
}

void
html_contents(struct html_page *p, const struct html_entry *entries, size_t n)
{
	struct markup *const m = &p->m;

	markup_open(m, "nav", "aria-label", "Contents", NULL);
	markup_open(m, "ol", NULL);
	for (size_t i = 0; i < n; i++) {
		markup_open(m, "li", NULL);
		markup_open(m, "a", NULL);
		markup_attr(m, "href", "#%s", entries[i].id);
		markup_printf(m, "%s", entries[i].title);
		markup_close(m);
		markup_close(m);
	}
	markup_close(m);
	markup_close(m);
	markup_raw(m, span_of("\n"));
}

void
html_section(struct html_page *p, const struct html_entry *entry)
{
	markup_raw(&p->m, span_of("\n"));
	markup_open(&p->m, "section", "id", entry->id, NULL);
	html_leaf(p, "h2", NULL, "%s", entry->title);
}

void
html_section_end(struct html_page *p)
{
	markup_close(&p->m);
	markup_raw(&p->m, span_of("\n"));
}

void
html_facts(struct html_page *p)
{
	markup_open(&p->m, "dl", "class", "facts", NULL);
}

void
html_fact(struct html_page *p, const char *name, const char *fmt, ...)
{
	char text[MAX_LINE];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	markup_open(&p->m, "div", NULL);
	html_leaf(p, "dt", NULL, "%s", name);
	html_leaf(p, "dd", NULL, "%s", text);
	markup_close(&p->m);
}

void
html_facts_end(struct html_page *p)
{
	markup_close(&p->m);
	markup_raw(&p->m, span_of("\n"));
}

void
html_problems(struct html_page *p)
{
	p->nproblems = 0;
	markup_open(&p->m, "ul", "class", "problems", NULL);
}

void
html_problems_end(struct html_page *p)
{
	if (p->nproblems == 0)
		html_leaf(p, "li", "good", "\u2713 Nothing stands out.");
	markup_close(&p->m);
}

void
html_problem(struct html_page *p, const struct html_problem *problem)
{
	struct markup *const m = &p->m;

	p->nproblems++;
	markup_raw(m, span_of("\n"));
	markup_open(m, "li", "class", problem->error ? "bad" : "warn", NULL);
	html_leaf(p, "strong", "tag", "%s", problem->error ? "\u2717 error"
		  : "! warning");
	markup_raw(m, span_of(" "));
	if (problem->name.len > 0) {
		markup_open(m, "span", "class", "code dim", NULL);
		markup_clip(m, problem->name, 100);
		markup_close(m);
		markup_raw(m, span_of(" "));
	}
	markup_open(m, "span", "class", "what", NULL);
	markup_clip(m, problem->what, 2000);
	markup_close(m);
	if (problem->where.len > 0) {
		markup_open(m, "div", "class", "code", NULL);
		markup_clip(m, problem->where, 2000);
		markup_close(m);
	}
	if (problem->now.len > 0) {
		markup_open(m, "div", "class", "do", NULL);
		markup_clip(m, problem->now, 2000);
		markup_close(m);
	}
	markup_close(m);
}
