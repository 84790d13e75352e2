/* analysis_json.c - analysis.json; docs/analysis.schema.json describes it. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "engine/analysis_internal.h"
#include "engine/discover.h"
#include "engine/job.h"
#include "engine/plan.h"
#include "formats/jsonwrite.h"

struct page {
	struct jsonwrite w;
	const struct analysis *a;
	const struct run *r;
};

static void
put(struct page *g, const char *name, uint64_t n)
{
	jsonwrite_name(&g->w, name);
	jsonwrite_uint(&g->w, n);
}

static void
put_fixed(struct page *g, const char *name, double n, int decimals)
{
	jsonwrite_name(&g->w, name);
	jsonwrite_fixed(&g->w, n, decimals);
}

/* NULL as null. */
static void
put_text(struct page *g, const char *name, const char *text)
{
	jsonwrite_name(&g->w, name);
	if (text != NULL)
		jsonwrite_text(&g->w, text);
	else
		jsonwrite_null(&g->w);
}

static void
put_bool(struct page *g, const char *name, bool b)
{
	jsonwrite_name(&g->w, name);
	jsonwrite_bool(&g->w, b);
}

static void
open_list(struct page *g, const char *name)
{
	jsonwrite_name(&g->w, name);
	jsonwrite_list(&g->w);
}

static void
open_map(struct page *g, const char *name)
{
	if (name != NULL)
		jsonwrite_name(&g->w, name);
	jsonwrite_map(&g->w);
}

static void
end(struct page *g)
{
	jsonwrite_end(&g->w);
}

static const char *
name_of(const struct page *g, uint32_t table)
{
	return g->a->plan->tables[table].name;
}

/* ---- the head ------------------------------------------------------------ */

static void
put_time(struct page *g)
{
	const char *const epoch = job_value(g->r->job, "run", "time");
	const time_t t = epoch != NULL ? (time_t)strtoll(epoch, NULL, 10) : 0;
	char text[40] = "";
	struct tm tm;

	if (gmtime_r(&t, &tm) != NULL)
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	put_text(g, "runTime", text);
}

static void
put_total(struct page *g)
{
	const struct account *const c = &g->r->account;

	open_map(g, "total");
	counts_write(&c->total, &g->w);
	put(g, "plainBytes", c->plain_in);
	put(g, "packedBytes", c->packed_in);
	put(g, "files", c->units);
	end(g);
}

static void
put_levels(struct page *g)
{
	open_list(g, "levels");
	for (uint32_t level = 1; level <= g->a->nlevels; level++) {
		jsonwrite_list(&g->w);
		for (size_t i = 0; i < g->a->ntables; i++)
			if (g->a->tables[i].table->level == level)
				jsonwrite_text(&g->w,
					       g->a->tables[i].table->name);
		end(g);
	}
	end(g);
	open_list(g, "cycles");
	for (size_t i = 0; i < g->a->plan->ncycles; i++) {
		const struct plan_cycle *const c = &g->a->plan->cycles[i];

		jsonwrite_list(&g->w);
		for (size_t k = 0; k < c->ntables; k++)
			jsonwrite_text(&g->w, name_of(g, c->tables[k]));
		end(g);
	}
	end(g);
}

/* ---- tables -------------------------------------------------------------- */

static void
put_sizes(struct page *g, const struct stats_input *s)
{
	enum { FIRST = 7 };	/* 128 bytes */

	open_map(g, "itemBytes");
	put(g, "total", s->bytes);
	put(g, "min", s->min);
	put(g, "max", s->max);
	put_fixed(g, "mean", s->items > 0 ? (double)s->bytes /
		  (double)s->items : 0, 1);
	open_list(g, "histogram");
	for (uint64_t i = FIRST, n = 0; i < STATS_SIZES; i++) {
		for (uint64_t k = i == FIRST ? 0 : i; k <= i; k++)
			n += s->sizes[k];
		open_map(g, NULL);
		put(g, "upTo", (uint64_t)1 << i);
		put(g, "items", n);
		end(g);
		n = 0;
	}
	end(g);
	end(g);
}

static void
put_place(struct page *g, const struct stats_place *p)
{
	put_text(g, "key", p->key);
	put_text(g, "file", g->r->units[p->unit].path);
	put(g, "line", p->line);
}

static void
put_largest(struct page *g, const struct stats_input *s)
{
	open_list(g, "largest");
	for (uint32_t i = 0; s != NULL && i < s->nlargest; i++) {
		open_map(g, NULL);
		put(g, "bytes", s->largest[i].bytes);
		put_place(g, &s->largest[i].place);
		end(g);
	}
	end(g);
}

static void
put_file_line(struct page *g, const char *name, const struct analysis_item *i)
{
	struct buf text = { 0 };

	jsonwrite_name(&g->w, name);
	if (buf_printf(&text, g->w.err, i->line > 0 ? "%s: line %llu" : "%s",
		       i->file, (unsigned long long)i->line) != 0)
		g->w.failed = true;
	jsonwrite_span(&g->w, buf_span(&text));
	buf_free(&text);
}

/* What two items meet in, and both. */
static void
put_pairs(struct page *g, const char *name, uint64_t n,
	  const struct analysis_pair *pairs, size_t npairs)
{
	open_map(g, name);
	put(g, "items", n);
	open_list(g, "examples");
	for (size_t i = 0; i < npairs; i++) {
		open_map(g, NULL);
		put_text(g, "key", pairs[i].a.key);
		put_file_line(g, "first", &pairs[i].a);
		put_file_line(g, "second", &pairs[i].b);
		end(g);
	}
	end(g);
	end(g);
}

static void
put_ttl(struct page *g, const struct analysis_table *t)
{
	const struct plan_create *const c = t->table->create;

	if (c == NULL || c->ttl == NULL) {
		put_text(g, "ttl", NULL);
		return;
	}
	open_map(g, "ttl");
	put_text(g, "attribute", c->ttl);
	put(g, "expired", t->stats->expired);
	put(g, "without", t->stats->without);
	end(g);
}

static void
put_asserts(struct page *g, const struct analysis_table *t)
{
	size_t k = 0;

	open_list(g, "asserts");
	for (size_t i = 0; i < t->table->npasses; i++)
		for (size_t n = 0; n < t->table->passes[i].nasserts; n++) {
			const struct stats_assert *const s =
				&t->stats->asserts[k++];

			open_map(g, NULL);
			put_text(g, "expression",
				 t->table->passes[i].asserts[n].text);
			put(g, "failed", s->failed);
			open_list(g, "examples");
			for (uint32_t e = 0; e < s->nplaces; e++) {
				open_map(g, NULL);
				put_place(g, &s->places[e]);
				end(g);
			}
			end(g);
			end(g);
		}
	end(g);
}

static void
put_rejects(struct page *g, const struct analysis_table *t)
{
	open_list(g, "rejects");
	for (size_t i = 0; i < t->stats->nreasons; i++) {
		const struct stats_reason *const r = &t->stats->reasons[i];

		open_map(g, NULL);
		put_text(g, "step", r->step);
		put_text(g, "reason", r->text);
		put(g, "items", r->items);
		put_place(g, &r->place);
		end(g);
	}
	end(g);
}

static void
put_attribute(struct page *g, const struct stats_attribute *a)
{
	open_map(g, NULL);
	put_text(g, "path", a->path);
	put(g, "present", a->present);
	open_map(g, "types");
	for (int t = VALUE_S; t < VALUE_PLACE; t++)
		if (a->types[t] > 0)
			put(g, value_type_name((enum value_type)t),
			    a->types[t]);
	end(g);
	put_bool(g, "mixed", a->mixed);
	put(g, "distinct", a->distinct);
	put_text(g, "min", a->min);
	put_text(g, "max", a->max);
	open_list(g, "examples");
	for (unsigned i = 0; i < a->nexamples; i++)
		jsonwrite_text(&g->w, a->examples[i]);
	end(g);
	end(g);
}

static void
put_costs(struct page *g, const struct analysis_table *t)
{
	const struct price_estimate *const e = &t->costs;

	open_map(g, "estimates");
	open_map(g, "import");
	put(g, "bytes", t->json);
	put_fixed(g, "cost", e->import_cost, 6);
	put(g, "seconds", (uint64_t)(e->import_seconds + 0.5));
	end(g);
	open_map(g, "push");
	put(g, "writeUnits", e->push_units);
	put_fixed(g, "cost", e->push_cost, 6);
	put(g, "seconds", (uint64_t)(e->push_seconds + 0.5));
	end(g);
	open_map(g, "monthly");
	put_fixed(g, "storage", e->storage, 6);
	put_fixed(g, "capacity", e->capacity, 6);
	put_fixed(g, "total", e->monthly, 6);
	end(g);
	end(g);
}

static void
put_key(struct page *g, const struct plan_key *key)
{
	open_list(g, "key");
	if (key->pk.name != NULL)
		jsonwrite_text(&g->w, key->pk.name);
	if (key->sk.name != NULL)
		jsonwrite_text(&g->w, key->sk.name);
	end(g);
}

static void
put_table(struct page *g, const struct analysis_table *t)
{
	static const struct stats_input none = { .items = 0 };
	const struct stats_input *const s = t->source != NULL ? t->source
							       : &none;

	open_map(g, NULL);
	put_text(g, "name", t->table->name);
	put_text(g, "from", t->table->from);
	put_text(g, "to", t->to);
	put(g, "level", t->table->level);
	put_key(g, &t->table->key);
	put_bool(g, "sharesSource", t->shares);
	open_map(g, "counts");
	counts_write(&t->counts, &g->w);
	end(g);
	put(g, "files", t->files);
	put(g, "plainBytes", t->plain_len);
	put(g, "packedBytes", t->packed_len);
	put_sizes(g, s);
	put_largest(g, s);
	put_pairs(g, "duplicateKeys", t->duplicates, t->duplicate,
		  t->nduplicate);
	put_pairs(g, "collidingIds", t->collisions, t->collision,
		  t->ncollision);
	put_ttl(g, t);
	put_asserts(g, t);
	put_rejects(g, t);
	open_list(g, "attributes");
	for (size_t i = 0; i < t->nattributes; i++)
		put_attribute(g, &t->attributes[i]);
	end(g);
	put(g, "pathsLeftOut", t->nleft_out);
	put_fixed(g, "distinctError", t->distinct_error, 4);
	put(g, "writeUnits", t->stats->units);
	put_costs(g, t);
	report_versions(g->r, (uint32_t)(t->table - g->a->plan->tables),
			&g->w);
	end(g);
}

/* ---- the rest ------------------------------------------------------------ */

static void
put_reference(struct page *g, const struct analysis_reference *ref)
{
	const struct plan_table *const t = &g->a->plan->tables[ref->table];

	open_map(g, NULL);
	put_text(g, "table", t->name);
	put_text(g, "path", ref->path);
	put_text(g, "to", name_of(g, ref->to));
	put_bool(g, "declared", true);
	put(g, "values", ref->values);
	put(g, "resolved", ref->resolved);
	put(g, "dangling", ref->dangling);
	put(g, "unchecked", ref->unchecked);
	put(g, "toRejected", ref->rejected);
	put_fixed(g, "share", ref->share, 6);
	put_text(g, "policy", plan_dangling_name(t->dangling));
	open_list(g, "examples");
	for (size_t i = 0; i < ref->nexamples; i++) {
		const struct analysis_item *const item = &ref->examples[i];

		open_map(g, NULL);
		put_text(g, "file", item->file);
		put(g, "line", item->line);
		put_text(g, "key", item->key);
		put_text(g, "value", item->value);
		end(g);
	}
	end(g);
	end(g);
}

static void
put_found(struct page *g, const struct discover_found *f)
{
	open_map(g, NULL);
	put_text(g, "table", name_of(g, f->table));
	put_text(g, "path", f->path);
	put_text(g, "pattern", f->pattern);
	put_text(g, "to", name_of(g, f->to));
	put(g, "values", f->values);
	put(g, "resolved", f->resolved);
	put(g, "dangling", f->dangling);
	put_fixed(g, "share", f->share, 6);
	put_bool(g, "sampled", f->sampled);
	put_fixed(g, "error", f->error, 6);
	put_text(g, "line", f->line);
	end(g);
}

static void
put_problem(struct page *g, const struct analysis_problem *p)
{
	open_map(g, NULL);
	put_text(g, "name", p->name);
	put_text(g, "severity", p->error ? "error" : "warning");
	put_bool(g, "accepted", p->accepted);
	put_text(g, "what", p->what);
	put_text(g, "where", p->where);
	put_text(g, "do", p->action);
	end(g);
}

int
analysis_json(const struct analysis *a, struct buf *out, struct err *err)
{
	struct page g = { .a = a, .r = a->run };

	jsonwrite_start(&g.w, out, false, err);
	open_map(&g, NULL);
	put_text(&g, "dynamill", g.r->options->version);
	put_text(&g, "kind", "analysis");
	put_text(&g, "plan", a->plan->name);
	put_text(&g, "description", a->plan->description);
	put_time(&g);
	put_fixed(&g, "seconds", a->seconds, 3);
	put_total(&g);
	put_levels(&g);
	open_list(&g, "tables");
	for (size_t i = 0; i < a->ntables; i++)
		put_table(&g, &a->tables[i]);
	end(&g);
	open_list(&g, "references");
	for (size_t i = 0; i < a->nreferences; i++)
		put_reference(&g, &a->references[i]);
	end(&g);
	open_list(&g, "discovered");
	for (size_t i = 0; i < a->found->nfound; i++)
		put_found(&g, &a->found->found[i]);
	end(&g);
	open_list(&g, "problems");
	for (size_t i = 0; i < a->nproblems; i++)
		put_problem(&g, &a->problems[i]);
	end(&g);
	jsonwrite_name(&g.w, "prices");
	prices_write(&a->plan->prices, &g.w);
	end(&g);
	return jsonwrite_finish(&g.w);
}
