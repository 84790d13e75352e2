/* check_json.c - a plan as it was understood: the JSON. */
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "cli/check_internal.h"
#include "cli/ways.h"
#include "engine/plan.h"
#include "expr/expr.h"
#include "formats/formats.h"
#include "formats/jsonwrite.h"
#include "model/path.h"

struct page {
	struct jsonwrite w;
	struct buf scratch;
	struct err *err;
	const char *why_not;	/* no import, by ways_why_not() */
};

static void
put_text(struct page *g, const char *name, const char *text)
{
	if (text == NULL)
		return;
	jsonwrite_put_text(&g->w, name, text);
}

static void
put_bool(struct page *g, const char *name, bool b)
{
	jsonwrite_put_bool(&g->w, name, b);
}

static void
open_list(struct page *g, const char *name)
{
	jsonwrite_name(&g->w, name);
	jsonwrite_list(&g->w);
}

static void
put_place(struct page *g, const struct plan_place *at)
{
	if (at->line == 0)
		return;
	put_text(g, "file", at->file);
	jsonwrite_put_uint(&g->w, "line", at->line);
	jsonwrite_put_uint(&g->w, "column", at->column);
}

/* What was printed to the scratch buffer, or the error of doing so. */
static void
put_scratch(struct page *g, const char *name, int printed)
{
	if (printed != 0) {
		g->w.failed = true;
		return;
	}
	if (name != NULL)
		jsonwrite_name(&g->w, name);
	jsonwrite_span(&g->w, buf_span(&g->scratch));
}

static void
put_expr(struct page *g, const char *name, const struct expr *e)
{
	if (e != NULL)
		put_scratch(g, name, check_expr(e, &g->scratch, g->err));
}

static void
put_update(struct page *g, const char *name, const struct update *u)
{
	if (u == NULL)
		return;
	buf_reset(&g->scratch);
	put_scratch(g, name, update_print(u, &g->scratch, g->err));
}

static void
put_path(struct page *g, const char *name, const struct path *p)
{
	buf_reset(&g->scratch);
	put_scratch(g, name, path_print(p, &g->scratch, g->err));
}

static void put_steps(struct page *g, const char *name,
		      const struct plan_step *steps, size_t n);

/* An output's attributes; those that may be left out, by name, beside them. */
static void
put_fields(struct page *g, const struct plan_emit *e)
{
	bool any = false;

	put_expr(g, "item", e->item);
	if (!e->has_item)
		return;
	jsonwrite_name(&g->w, "item");
	jsonwrite_map(&g->w);
	for (size_t k = 0; k < e->nfields; k++) {
		jsonwrite_name_span(&g->w, e->fields[k].name);
		put_expr(g, NULL, e->fields[k].value);
		any |= e->fields[k].optional;
	}
	jsonwrite_end(&g->w);
	if (!any)
		return;
	open_list(g, "optional");
	for (size_t k = 0; k < e->nfields; k++)
		if (e->fields[k].optional)
			jsonwrite_span(&g->w, e->fields[k].name);
	jsonwrite_end(&g->w);
}

static void
put_emits(struct page *g, const struct plan_emit *emits, size_t n)
{
	open_list(g, "outputs");
	for (size_t i = 0; i < n; i++) {
		const struct plan_emit *const e = &emits[i];

		jsonwrite_map(&g->w);
		put_text(g, "to", e->to);
		put_expr(g, "each", e->each);
		put_text(g, "as", e->as);
		put_text(g, "index", e->index);
		put_expr(g, "when", e->when);
		put_fields(g, e);
		put_update(g, "update", e->update);
		if (e->nemits > 0)
			put_emits(g, e->emits, e->nemits);
		jsonwrite_end(&g->w);
	}
	jsonwrite_end(&g->w);
}

static void
put_version(struct page *g, const struct plan_step *s)
{
	put_path(g, "attribute", &s->version.attribute);
	if (s->version.has_missing)
		jsonwrite_put_uint(&g->w, "missing", s->version.missing);
	jsonwrite_put_uint(&g->w, "to", s->version.to);
	open_list(g, "upgrades");
	for (size_t i = 0; i < s->version.nupgrades; i++) {
		jsonwrite_map(&g->w);
		jsonwrite_put_uint(&g->w, "from", s->version.upgrades[i].from);
		put_steps(g, "steps", s->version.upgrades[i].steps,
			  s->version.upgrades[i].nsteps);
		jsonwrite_end(&g->w);
	}
	jsonwrite_end(&g->w);
}

static void
put_renames(struct page *g, const struct plan_step *s)
{
	put_bool(g, "overwrite", s->overwrite);
	open_list(g, "pairs");
	for (size_t i = 0; i < s->nrenames; i++) {
		jsonwrite_map(&g->w);
		put_path(g, "from", &s->renames[i].from);
		put_path(g, "to", &s->renames[i].to);
		jsonwrite_end(&g->w);
	}
	jsonwrite_end(&g->w);
}

static void
put_shifts(struct page *g, const struct plan_step *s)
{
	if (s->kind == STEP_EXPAND)
		put_bool(g, "overwrite", s->overwrite);
	open_list(g, "pairs");
	for (size_t i = 0; i < s->nshifts; i++) {
		jsonwrite_map(&g->w);
		put_path(g, "from", &s->shifts[i].from);
		if (s->shifts[i].has_to)
			put_path(g, "to", &s->shifts[i].to);
		jsonwrite_end(&g->w);
	}
	jsonwrite_end(&g->w);
}

static void
put_step(struct page *g, const struct plan_step *s)
{
	jsonwrite_map(&g->w);
	put_text(g, "kind", plan_step_name(s->kind));
	put_place(g, &s->place);
	put_expr(g, "when", s->when);
	put_update(g, "update", s->update);
	if (s->kind == STEP_RENAME)
		put_renames(g, s);
	if (s->kind == STEP_EMIT)
		put_emits(g, s->emits, s->nemits);
	if (s->kind == STEP_VERSION)
		put_version(g, s);
	if (s->nshifts > 0)
		put_shifts(g, s);
	if (s->kind == STEP_PIPE) {
		open_list(g, "command");
		for (size_t i = 0; s->argv[i] != NULL; i++)
			jsonwrite_text(&g->w, s->argv[i]);
		jsonwrite_end(&g->w);
	}
	put_text(g, "script", s->file);
	jsonwrite_end(&g->w);
}

static void
put_steps(struct page *g, const char *name, const struct plan_step *steps,
	  size_t n)
{
	open_list(g, name);
	for (size_t i = 0; i < n; i++)
		put_step(g, &steps[i]);
	jsonwrite_end(&g->w);
}

static void
put_key(struct page *g, const struct plan_key *key)
{
	const struct plan_key_attr *const attrs[] = { &key->pk, &key->sk };

	open_list(g, "key");
	for (size_t i = 0; i < 2 && attrs[i]->name != NULL; i++) {
		jsonwrite_map(&g->w);
		put_text(g, "name", attrs[i]->name);
		if (attrs[i]->type != 0)
			put_text(g, "type", value_type_name(attrs[i]->type));
		jsonwrite_end(&g->w);
	}
	jsonwrite_end(&g->w);
}

static void
put_rules(struct page *g, const struct plan_table *t)
{
	put_text(g, "idForm", t->id_form);
	open_list(g, "ids");
	for (size_t i = 0; i < t->nrules; i++)
		if (t->rules[i].is_id && t->has_ids)
			jsonwrite_text(&g->w, t->rules[i].path);
	jsonwrite_end(&g->w);
	open_list(g, "references");
	for (size_t i = 0; i < t->nrules; i++) {
		if (t->rules[i].is_id)
			continue;
		jsonwrite_map(&g->w);
		put_text(g, "path", t->rules[i].path);
		put_text(g, "to", t->rules[i].tables);
		put_place(g, &t->rules[i].place);
		jsonwrite_end(&g->w);
	}
	jsonwrite_end(&g->w);
	put_text(g, "dangling", plan_dangling_name(t->dangling));
}

static void
put_masked(struct page *g, const struct plan_pass *pass)
{
	open_list(g, "masked");
	for (size_t i = 0; i < pass->nmasked; i++)
		jsonwrite_text(&g->w, pass->masked[i].text);
	jsonwrite_end(&g->w);
}

static void
put_passes(struct page *g, const struct plan *p, const struct plan_table *t)
{
	open_list(g, "passes");
	for (size_t i = 0; i < t->npasses; i++) {
		const struct plan_pass *const pass = &t->passes[i];

		jsonwrite_map(&g->w);
		put_text(g, "plan", p->files[pass->plan].path);
		put_expr(g, "where", pass->where);
		put_steps(g, "steps", pass->steps, pass->nsteps);
		open_list(g, "assert");
		for (size_t k = 0; k < pass->nasserts; k++)
			put_expr(g, NULL, pass->asserts[k].expr);
		jsonwrite_end(&g->w);
		if (pass->nmasked > 0)
			put_masked(g, pass);
		jsonwrite_end(&g->w);
	}
	jsonwrite_end(&g->w);
}

static void
put_table(struct page *g, const struct plan *p, const struct plan_table *t)
{
	char way[WAYS_WORDS_LEN];

	jsonwrite_map(&g->w);
	put_text(g, "name", t->name);
	put_place(g, &t->place);
	put_bool(g, "skip", t->skip);
	put_bool(g, "glob", t->glob);
	if (!t->skip) {
		jsonwrite_put_uint(&g->w, "level", t->level);
		put_bool(g, "cycle", t->cycle);
		put_bool(g, "refersToItself", t->self_ref);
		put_text(g, "from", t->from);
		put_text(g, "to", t->to);
		put_text(g, "of", t->of);
		put_key(g, &t->key);
		ways_words(p, t, g->why_not, way);
		put_text(g, "goesIn", way);
		put_rules(g, t);
		put_passes(g, p, t);
	}
	jsonwrite_end(&g->w);
}

static void
put_side(struct page *g, const char *name, const struct plan_side *s)
{
	jsonwrite_name(&g->w, name);
	jsonwrite_map(&g->w);
	put_text(g, "environment", s->environment);
	put_text(g, "account", s->account);
	put_text(g, "profile", s->profile);
	put_text(g, "region", s->region);
	put_text(g, "role_arn", s->role_arn);
	put_text(g, "endpoint_url", s->endpoint_url);
	jsonwrite_end(&g->w);
}

static void
put_columns(struct page *g, const char *name, const struct span *names,
	    size_t n)
{
	open_list(g, name);
	for (size_t i = 0; i < n; i++)
		jsonwrite_span(&g->w, names[i]);
	jsonwrite_end(&g->w);
}

/* How a source is to be read, where the plan says it. */
static void
put_reading(struct page *g, const struct plan_source *s)
{
	if (s->delimiter != 0)
		put_text(g, "delimiter", check_delimiter(s->delimiter));
	if (s->ncolumns > 0)
		put_columns(g, "columns", s->columns, s->ncolumns);
	if (s->ntypes == 0)
		return;
	jsonwrite_name(&g->w, "types");
	jsonwrite_map(&g->w);
	for (size_t i = 0; i < s->ntypes; i++) {
		jsonwrite_name_span(&g->w, s->types[i].path);
		jsonwrite_text(&g->w, value_type_name(
				(enum value_type)s->types[i].type));
	}
	jsonwrite_end(&g->w);
}

static void
put_csv(struct page *g, const struct plan *p)
{
	jsonwrite_name(&g->w, "csv");
	jsonwrite_map(&g->w);
	put_text(g, "delimiter", check_delimiter(p->csv.delimiter));
	put_bool(g, "header", !p->csv.no_header);
	put_bool(g, "lossy", p->csv.lossy);
	jsonwrite_name(&g->w, "columns");
	jsonwrite_map(&g->w);
	for (size_t i = 0; i < p->csv.ncolumns; i++)
		put_columns(g, p->csv.columns[i].table != NULL
			    ? p->csv.columns[i].table : "*",
			    p->csv.columns[i].names, p->csv.columns[i].n);
	jsonwrite_end(&g->w);
	jsonwrite_end(&g->w);
}

static void
put_sources(struct page *g, const struct plan *p)
{
	open_list(g, "exports");
	for (size_t i = 0; i < p->nsources; i++) {
		const struct plan_source *const s = &p->sources[i];

		jsonwrite_map(&g->w);
		put_text(g, "path", s->full);
		put_text(g, "table", s->table);
		put_text(g, "format", s->format);
		put_reading(g, s);
		put_bool(g, "absent", s->absent);
		jsonwrite_end(&g->w);
	}
	jsonwrite_end(&g->w);
	open_list(g, "files");
	for (size_t i = 0; i < p->nfiles; i++) {
		jsonwrite_map(&g->w);
		put_text(g, "path", p->files[i].path);
		put_text(g, "role", p->files[i].role);
		put_bool(g, "absent", p->files[i].absent);
		jsonwrite_end(&g->w);
	}
	jsonwrite_end(&g->w);
}

static void
put_tail(struct page *g, const struct plan *p)
{
	struct plan_place at;
	const char *const later = plan_not_yet(p, &at);

	open_list(g, "warnings");
	for (size_t i = 0; i < p->nwarnings; i++) {
		jsonwrite_map(&g->w);
		put_text(g, "name", p->warnings[i].name);
		put_text(g, "text", p->warnings[i].text);
		put_place(g, &p->warnings[i].place);
		jsonwrite_end(&g->w);
	}
	jsonwrite_end(&g->w);
	put_text(g, "notYet", later);
}

int
check_json(const struct plan *p, const char *why_not, struct span increments,
	   struct buf *out, struct err *err)
{
	struct page g = { .err = err, .why_not = why_not };

	jsonwrite_start(&g.w, out, false, err);
	jsonwrite_map(&g.w);
	put_text(&g, "name", p->name);
	put_text(&g, "description", p->description);
	put_text(&g, "stage", p->stage);
	put_bool(&g, "confirm", p->confirm);
	put_side(&g, "source", &p->source);
	put_side(&g, "target", &p->target);
	put_text(&g, "format", plan_format_name(p->format));
	if (p->format == PLAN_CSV)
		put_csv(&g, p);
	put_text(&g, "compression", p->compression);
	if (p->out != NULL)
		put_text(&g, "out", p->out);
	put_sources(&g, p);
	if (increments.len > 0) {
		jsonwrite_name(&g.w, "increments");
		jsonwrite_raw(&g.w, increments);
	}
	open_list(&g, "tables");
	for (size_t i = 0; i < p->ntables; i++)
		put_table(&g, p, &p->tables[i]);
	jsonwrite_end(&g.w);
	put_tail(&g, p);
	jsonwrite_end(&g.w);
	buf_free(&g.scratch);
	return jsonwrite_finish(&g.w);
}
