/* check.c - a plan in words, as it was understood: the text. */
#include "cli/check.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "cli/check_internal.h"
#include "cli/options.h"
#include "cli/ways.h"
#include "engine/plan.h"
#include "expr/expr.h"
#include "formats/formats.h"
#include "formats/tree.h"
#include "model/path.h"

struct page {
	struct buf text;
	struct err *err;
	const char *why_not;	/* no import, by ways_why_not() */
	bool failed;
};

static void put(struct page *g, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void
put(struct page *g, const char *fmt, ...)
{
	char line[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (!g->failed)
		g->failed = buf_append(&g->text, span_of(line), g->err) != 0;
}

/* ---- expressions as text, also for the JSON ------------------------------ */

int
check_expr(const struct expr *e, struct buf *out, struct err *err)
{
	buf_reset(out);
	return expr_print(e, out, err);
}

static void
put_expr(struct page *g, const struct expr *e)
{
	if (!g->failed)
		g->failed = expr_print(e, &g->text, g->err) != 0;
}

static void
put_path(struct page *g, const struct path *p)
{
	if (!g->failed)
		g->failed = path_print(p, &g->text, g->err) != 0;
}

/* ---- steps --------------------------------------------------------------- */

static void
put_renames(struct page *g, const struct plan_step *s)
{
	for (size_t i = 0; i < s->nrenames; i++) {
		put(g, i > 0 ? ", " : "");
		put_path(g, &s->renames[i].from);
		put(g, " to ");
		put_path(g, &s->renames[i].to);
	}
	if (s->overwrite)
		put(g, ", over what is there");
}

static void
put_indent(struct page *g, int depth)
{
	put(g, "\n%*s", 17 + 2 * depth, "");
}

static void
put_fields(struct page *g, const struct plan_emit *e, int depth)
{
	for (size_t i = 0; i < e->nfields; i++) {
		const struct plan_field *const f = &e->fields[i];

		put_indent(g, depth);
		put(g, "%.*s%s = ", (int)f->name.len, f->name.ptr,
		    f->optional ? ", if it is there," : "");
		put_expr(g, f->value);
	}
	if (e->item != NULL) {
		put_indent(g, depth);
		put_expr(g, e->item);
	}
	if (e->update == NULL)
		return;
	put_indent(g, depth);
	if (!g->failed)
		g->failed = update_print(e->update, &g->text, g->err) != 0;
}

static void
put_emit(struct page *g, const struct plan_emit *e, int depth)
{
	put_indent(g, depth);
	if (e->to != NULL)
		put(g, "to %s", e->to);
	if (e->each != NULL) {
		put(g, "%sfor each %s", e->to != NULL ? ", " : "", e->as);
		if (e->index != NULL)
			put(g, ", at %s,", e->index);
		put(g, " in ");
		put_expr(g, e->each);
	}
	if (e->when != NULL) {
		put(g, "%swhen ", e->to != NULL || e->each != NULL ? ", " : "");
		put_expr(g, e->when);
	}
	put_fields(g, e, depth + 1);
	for (size_t i = 0; i < e->nemits; i++)
		put_emit(g, &e->emits[i], depth + 1);
}

static void put_steps(struct page *g, const struct plan_step *steps, size_t n,
		      const char *indent);

static void
put_version(struct page *g, const struct plan_step *s)
{
	put_path(g, &s->version.attribute);
	put(g, " up to %ju", (uintmax_t)s->version.to);
	if (s->version.has_missing)
		put(g, "; without it, %ju", (uintmax_t)s->version.missing);
	for (size_t i = 0; i < s->version.nupgrades; i++) {
		const struct plan_upgrade *const u = &s->version.upgrades[i];

		put(g, "\n                 from %ju:", (uintmax_t)u->from);
		put_steps(g, u->steps, u->nsteps, "\n                   ");
	}
}

static void
put_shifts(struct page *g, const struct plan_step *s)
{
	for (size_t i = 0; i < s->nshifts; i++) {
		put(g, "%s ", i > 0 ? "," : "");
		put_path(g, &s->shifts[i].from);
		if (!s->shifts[i].has_to)
			continue;
		put(g, s->kind == STEP_EXPAND ? " to " : " for ");
		put_path(g, &s->shifts[i].to);
	}
	if (s->overwrite)
		put(g, ", over what is there");
}

static void
put_step(struct page *g, const struct plan_step *s)
{
	if (s->when != NULL) {
		put(g, "when ");
		put_expr(g, s->when);
		put(g, ": ");
	}
	if (s->kind != STEP_UPDATE)
		put(g, "%s%s", plan_step_name(s->kind), s->nemits > 0 ||
		    s->kind == STEP_EXPAND || s->kind == STEP_CONTRACT ? "" :
		    " ");
	switch (s->kind) {
	case STEP_UPDATE:
		if (!g->failed)
			g->failed = update_print(s->update, &g->text,
						 g->err) != 0;
		break;
	case STEP_RENAME:
		put_renames(g, s);
		break;
	case STEP_EMIT:
		for (size_t i = 0; i < s->nemits; i++)
			put_emit(g, &s->emits[i], 0);
		if (s->nemits == 0)
			put(g, "nothing");
		break;
	case STEP_PIPE:
		for (size_t i = 0; s->argv[i] != NULL; i++)
			put(g, "%s%s", i > 0 ? " " : "", s->argv[i]);
		break;
	case STEP_LUA:
		put(g, "%s", s->file);
		break;
	case STEP_VERSION:
		put_version(g, s);
		break;
	case STEP_EXPAND:
	case STEP_CONTRACT:
		put_shifts(g, s);
		break;
	}
}

static void
put_steps(struct page *g, const struct plan_step *steps, size_t n,
	  const char *indent)
{
	for (size_t i = 0; i < n; i++) {
		put(g, "%s%zu. ", indent, i + 1);
		put_step(g, &steps[i]);
	}
}

/* ---- tables -------------------------------------------------------------- */

static void
put_attr(struct page *g, const struct plan_key_attr *a, const char *before)
{
	if (a->name == NULL)
		return;
	put(g, "%s%s", before, a->name);
	if (a->type != 0)
		put(g, " (%s)", value_type_name(a->type));
}

static void
put_key(struct page *g, const struct plan_key *key)
{
	put_attr(g, &key->pk, "");
	put_attr(g, &key->sk, ", ");
}

static void
put_rules(struct page *g, const struct plan_table *t)
{
	const char *title = "\n    references";

	for (size_t i = 0; i < t->nrules; i++)
		if (t->rules[i].is_id && t->has_ids)
			put(g, "\n    id        %s, %s", t->rules[i].path,
			    t->id_form);
	for (size_t i = 0; i < t->nrules; i++) {
		if (t->rules[i].is_id)
			continue;
		put(g, "%s\n              %s to %s", title, t->rules[i].path,
		    t->rules[i].tables);
		title = "";
	}
	if (title[0] == '\0' && t->dangling != DANGLING_REPORT)
		put(g, "\n    dangling  %s", plan_dangling_name(t->dangling));
}

static void
put_masked(struct page *g, const struct plan_pass *pass)
{
	for (size_t i = 0; i < pass->nmasked; i++)
		put(g, "%s%s", i > 0 ? ", " : "\n    masked    ",
		    pass->masked[i].text);
}

static void
put_pass(struct page *g, const struct plan *p, const struct plan_pass *pass,
	 bool several)
{
	if (several)
		put(g, "\n    by %s", p->files[pass->plan].path);
	if (pass->where != NULL) {
		put(g, "\n    where     ");
		put_expr(g, pass->where);
	}
	if (pass->nsteps > 0)
		put(g, "\n    steps");
	put_steps(g, pass->steps, pass->nsteps, "\n              ");
	for (size_t i = 0; i < pass->nasserts; i++) {
		put(g, "\n    assert    ");
		put_expr(g, pass->asserts[i].expr);
	}
	put_masked(g, pass);
}

static void
put_table(struct page *g, const struct plan *p, const struct plan_table *t)
{
	char way[WAYS_WORDS_LEN];
	bool several = false;

	ways_words(p, t, g->why_not, way);
	put(g, "\n  %s%s", t->name, t->glob ? "   (every table that matches)" :
	    t->self_ref ? "   (refers to itself)" : "");
	put(g, "\n    from      %s", t->from);
	if (t->filled && t->input == PLAN_NONE)
		put(g, "   (needs no export)");
	if (t->of != NULL)
		put(g, "   (items of %s)", t->of);
	put(g, "\n    to        %s", t->to);
	if (t->key.pk.name != NULL) {
		put(g, "\n    key       ");
		put_key(g, &t->key);
	}
	for (size_t i = 0; t->create != NULL && i < t->create->nindexes; i++) {
		put(g, "\n    index     %s: ", t->create->indexes[i].name);
		put_key(g, &t->create->indexes[i].key);
	}
	put(g, "\n    goes in   by %s", way);
	put_rules(g, t);
	for (size_t i = 0; i < t->npasses; i++)
		several |= t->passes[i].plan > 0;
	for (size_t i = 0; i < t->npasses; i++)
		put_pass(g, p, &t->passes[i], several);
	put(g, "\n");
}

static void
put_level(struct page *g, const struct plan *p, uint32_t level)
{
	bool cycle = false, titled = false;

	for (size_t i = 0; i < p->ntables; i++)
		cycle |= p->tables[i].level == level && p->tables[i].cycle;
	for (size_t i = 0; i < p->ntables; i++) {
		if (p->tables[i].level != level || p->tables[i].skip)
			continue;
		if (!titled)
			put(g, "\nLevel %u: %s%s", level, level == 1 ?
			    "no references to other tables" :
			    "references to the levels before",
			    cycle ? ", and in a circle among themselves" : "");
		titled = true;
		put_table(g, p, &p->tables[i]);
	}
}

/* ---- the rest ------------------------------------------------------------ */

static void
put_side(struct page *g, const char *name, const struct plan_side *s)
{
	const struct { const char *word, *text; } all[] = {
		{ "environment ", s->environment }, { "account ", s->account },
		{ "profile ", s->profile }, { "region ", s->region },
		{ "role ", s->role_arn }, { "", s->endpoint_url },
	};
	const char *before = "";

	put(g, "%-12s", name);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (all[i].text == NULL)
			continue;
		put(g, "%s%s%s", before, all[i].word, all[i].text);
		before = ", ";
	}
}

const char *
check_delimiter(uint8_t c)
{
	switch (c) {
	case '\t':
		return "tab";
	case ' ':
		return "space";
	case '|':
		return "|";
	case ';':
		return ";";
	case ':':
		return ":";
	default:
		return ",";
	}
}

static void
put_columns(struct page *g, const struct span *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		put(g, "%s%.*s", i > 0 ? ", " : "", (int)names[i].len,
		    names[i].ptr);
}

/* How a source is to be read, where the plan says it. */
static void
put_reading(struct page *g, const struct plan_source *s)
{
	if (s->delimiter != 0)
		put(g, ", delimiter %s", check_delimiter(s->delimiter));
	if (s->ncolumns > 0) {
		put(g, "\n              columns ");
		put_columns(g, s->columns, s->ncolumns);
	}
	for (size_t i = 0; i < s->ntypes; i++)
		put(g, "%s%.*s %s", i == 0 ? "\n              types " : ", ",
		    (int)s->types[i].path.len, s->types[i].path.ptr,
		    value_type_name((enum value_type)s->types[i].type));
}

static void
put_csv(struct page *g, const struct plan *p)
{
	put(g, "            delimiter %s%s%s\n",
	    check_delimiter(p->csv.delimiter),
	    p->csv.no_header ? ", no header" : "",
	    p->csv.lossy ? ", lossy" : "");
	for (size_t i = 0; i < p->csv.ncolumns; i++) {
		const struct plan_columns *const c = &p->csv.columns[i];

		put(g, "            columns%s%s ", c->table != NULL ? " of "
		    : "", c->table != NULL ? c->table : "");
		put_columns(g, c->names, c->n);
		put(g, "\n");
	}
}

static void
put_head(struct page *g, const struct plan *p)
{
	put(g, "plan        %s\n", p->name);
	if (p->description != NULL)
		put(g, "            %s\n", p->description);
	for (size_t i = 0; i < p->nfiles; i++)
		if (strcmp(p->files[i].role, "plan") == 0)
			put(g, "            %s\n", p->files[i].path);
	if (p->stage != NULL)
		put(g, "stage       %s%s\n", p->stage, p->confirm ?
		    ", writes must be confirmed" : "");
	put_side(g, "source", &p->source);
	for (size_t i = 0; i < p->nsources; i++) {
		const struct plan_source *const s = &p->sources[i];

		put(g, "\n            %s%s%s%s%s", s->full,
		    s->table != NULL ? ", table " : "",
		    s->table != NULL ? s->table : "",
		    s->format != NULL ? ", format " : "",
		    s->format != NULL ? s->format : "");
		put_reading(g, s);
	}
	put(g, "\n");
	put_side(g, "target", &p->target);
	put(g, "\n            %s, %s\n", plan_format_name(p->format),
	    p->compression);
	if (p->out != NULL)
		put(g, "            to %s\n", p->out);
	if (p->format == PLAN_CSV)
		put_csv(g, p);
	if (p->ids.secret_env != NULL)
		put(g, "ids         under the secret in %s\n",
		    p->ids.secret_env);
}

static void
put_absent(struct page *g, const struct plan *p)
{
	const char *title = "\nNot there:\n";

	for (size_t i = 0; i < p->nsources; i++) {
		const struct plan_source *const s = &p->sources[i];

		if (!s->absent)
			continue;
		put(g, "%s  %s:%u:%u: %s (export)\n", title, s->place.file,
		    s->place.line, s->place.column, s->full);
		title = "";
	}
	for (size_t i = 0; i < p->nfiles; i++) {
		const struct plan_file *const f = &p->files[i];

		if (!f->absent)
			continue;
		put(g, "%s  %s:%u:%u: %s (%s)\n", title, f->place.file,
		    f->place.line, f->place.column, f->path, f->role);
		title = "";
	}
	if (p->ids.secret_env != NULL && p->ids.secret.ptr == NULL)
		put(g, "%s  the variable %s (the secret of the ids)\n", title,
		    p->ids.secret_env);
}

static void
put_tail(struct page *g, const struct plan *p)
{
	const char *title = "\nLeft out:   ";
	struct plan_place at;

	for (size_t i = 0; i < p->ntables; i++) {
		if (!p->tables[i].skip)
			continue;
		put(g, "%s%s", title, p->tables[i].name);
		title = ", ";
	}
	if (title[0] == ',')
		put(g, "\n");
	put_absent(g, p);
	if (p->nwarnings > 0)
		put(g, "\nWarnings:\n");
	for (size_t i = 0; i < p->nwarnings; i++) {
		const struct plan_warning *const w = &p->warnings[i];

		put(g, "  %s:%u:%u: %s (--accept %s)\n", w->place.file,
		    w->place.line, w->place.column, w->text, w->name);
	}
	const char *const later = plan_not_yet(p, &at);
	if (later != NULL)
		put(g, "\nNot yet in this version of 'run': %s (%s:%u:%u)\n",
		    later, at.file, at.line, at.column);
}

static int
print_text(const struct plan *p, const char *why_not, struct buf *out,
	   struct err *err)
{
	struct page g = { .err = err, .why_not = why_not };
	uint32_t last = 0;

	put_head(&g, p);
	for (size_t i = 0; i < p->ntables; i++)
		if (p->tables[i].level > last)
			last = p->tables[i].level;
	for (uint32_t level = 1; level <= last; level++)
		put_level(&g, p, level);
	put_tail(&g, p);
	*out = g.text;
	return g.failed ? -1 : 0;
}

int
check_print(const struct plan *p, const struct options *o, FILE *out,
	    struct span increments, struct err *err)
{
	const char *const why_not = ways_why_not(o, p, false);
	struct buf text = { 0 };
	int rc = o->output == OUTPUT_JSON
		? check_json(p, why_not, increments, &text, err)
		: print_text(p, why_not, &text, err);

	if (rc == 0 && fwrite(text.ptr, 1, text.len, out) != text.len)
		rc = err_set(err, ERR_SYSTEM, "%m");
	buf_free(&text);
	return rc;
}
