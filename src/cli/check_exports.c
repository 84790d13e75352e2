/*
 * check_exports.c - what `check` says that only manifests tell: how incremental
 * exports go together with the rest, and which ids are likely to collide.
 */
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/plural.h"
#include "cli/check.h"
#include "cli/options.h"
#include "engine/exports.h"
#include "engine/plan.h"
#include "engine/sources.h"
#include "formats/jsonwrite.h"

struct sight {
	struct plan *plan;
	struct arena mem;
	struct exports exports;
	struct plan_found *found;
};

/* Are all sources here, and increments among them? */
static bool
has_increments(const struct plan *p)
{
	struct exports x = { 0 };
	bool any = false;

	for (size_t i = 0; i < p->nsources && !any; i++) {
		const struct plan_source *const s = &p->sources[i];
		const struct export_entry entry = { .path = s->full };
		struct err unused;

		if (s->remote || s->absent ||
		    exports_find(&entry, 1, &x, &unused) != 0)
			x.n = 0;	/* run and analyze say what is wrong */
		for (size_t k = 0; k < x.n; k++)
			any |= x.list[k].kind == EXPORT_INCREMENTAL;
		exports_free(&x);
		x = (struct exports){ 0 };
	}
	return any;
}

/* The table's exports: the full one, the last window, how many windows. */
static size_t
windows(const struct sight *s, uint32_t input, const struct export **full,
	const struct export **last)
{
	size_t n = 0;

	*full = *last = NULL;
	for (size_t i = 0; i < s->exports.n; i++) {
		const struct export *const e = &s->exports.list[i];

		if (s->found[i].input != input)
			continue;
		if (e->kind == EXPORT_FULL)
			*full = e;
		if (e->kind == EXPORT_INCREMENTAL) {
			*last = e;
			n++;
		}
	}
	return n;
}

static void
print_input(const struct sight *s, uint32_t input)
{
	const struct plan *const p = s->plan;
	const struct plan_input *const in = &p->inputs[input];
	const struct export *full, *last;
	const size_t n = windows(s, input, &full, &last);

	if (in->kind == INPUT_STATE) {
		printf("  %s: the full export of %s and %zu window%s after it: "
		       "the table as of %s\n", in->name,
		       full->summary.export_time, n, plural(n),
		       last->summary.to_time);
		return;
	}
	printf("  %s: the window %s to %s alone%s (%s)\n", in->name,
	       last->summary.from_time, last->summary.to_time,
	       p->revert ? ", undone" : "", in->new_only ? "NEW_IMAGE"
						      : "NEW_AND_OLD_IMAGES");
	for (size_t i = 0; i < in->ntables; i++)
		printf("    %s: puts in out/%s/data, keys to delete in out/%s/"
		       "deletes: to be pushed, deletes first; no import takes "
		       "them\n", p->tables[in->tables[i]].name,
		       p->tables[in->tables[i]].to,
		       p->tables[in->tables[i]].to);
}

static void
put_input(const struct sight *s, uint32_t input, struct jsonwrite *w)
{
	const struct plan_input *const in = &s->plan->inputs[input];
	const bool state = in->kind == INPUT_STATE;
	const struct export *full, *last;
	const size_t n = windows(s, input, &full, &last);

	jsonwrite_map(w);
	jsonwrite_put_text(w, "source", in->name);
	jsonwrite_put_text(w, "gives", state ? "state" : "changes");
	jsonwrite_put_uint(w, "windows", n);
	jsonwrite_put_text(w, "from", state ? full->summary.export_time
				  : last->summary.from_time);
	jsonwrite_put_text(w, "to", last->summary.to_time);
	jsonwrite_put_text(w, "view", state ? NULL : in->new_only ? "NEW_IMAGE"
							: "NEW_AND_OLD_IMAGES");
	jsonwrite_put_bool(w, "revert", s->plan->revert);
	jsonwrite_name(w, "tables");
	jsonwrite_list(w);
	for (size_t i = 0; i < in->ntables; i++)
		jsonwrite_text(w, s->plan->tables[in->tables[i]].name);
	jsonwrite_end(w);
	jsonwrite_end(w);
}

static int
put_all(const struct sight *s, struct buf *json, struct err *err)
{
	struct jsonwrite w;

	jsonwrite_start(&w, json, true, err);
	jsonwrite_list(&w);
	for (uint32_t i = 0; i < s->plan->ninputs; i++)
		if (s->plan->inputs[i].kind != INPUT_ITEMS)
			put_input(s, i, &w);
	jsonwrite_end(&w);
	return jsonwrite_finish(&w);
}

static void
print_all(const struct sight *s)
{
	printf("\nIncrements\n");
	for (uint32_t i = 0; i < s->plan->ninputs; i++)
		if (s->plan->inputs[i].kind != INPUT_ITEMS)
			print_input(s, i);
}

/*
 * The items of a table of the unresolved plan, which may be a glob: of all that
 * it stands for, those that have most.
 */
static uint64_t
count_items(const struct sight *s, const struct plan_place *place)
{
	uint64_t most = 0;

	for (size_t i = 0; i < s->plan->ntables; i++) {
		const struct plan_table *const t = &s->plan->tables[i];
		const uint64_t n = sources_count(&s->exports, s->found,
						 t->input);

		if (t->place.line == place->line &&
		    t->place.column == place->column &&
		    strcmp(t->place.file, place->file) == 0 && n > most)
			most = n;
	}
	return most;
}

int
check_collisions(struct plan *p, const struct options *o, struct err *err)
{
	const struct plan_options options = options_plan(o);
	struct sight s = { .plan = NULL };
	bool here = p->nsources > 0, any = false;
	struct err unused;
	int rc = 0;

	for (size_t i = 0; i < p->nsources; i++)
		here &= !p->sources[i].remote && !p->sources[i].absent;
	for (size_t i = 0; i < p->ntables; i++)
		any |= p->tables[i].remap != NULL && !p->tables[i].skip;
	if (!here || !any)
		return 0;
	s.plan = plan_load(o->args, o->nargs, &options, &unused);
	if (s.plan != NULL &&
	    sources_find(s.plan, o->accept, o->naccept, &s.mem, &s.exports,
			 &s.found, &unused) == 0)
		for (uint32_t i = 0; i < p->ntables && rc == 0; i++)
			if (!p->tables[i].skip)
				rc = plan_warn_collisions(p, i, count_items(&s,
						&p->tables[i].place), err);
	exports_free(&s.exports);
	plan_free(s.plan);
	arena_free(&s.mem);
	return rc;
}

int
check_increments(const struct plan *unresolved, const struct options *o,
		 struct buf *json, struct err *err)
{
	const struct plan_options options = options_plan(o);
	struct sight s = { .plan = NULL };
	int rc = -1;

	if (!has_increments(unresolved))
		return 0;
	s.plan = plan_load(o->args, o->nargs, &options, err);
	if (s.plan == NULL ||
	    sources_find(s.plan, o->accept, o->naccept, &s.mem, &s.exports,
			 &s.found, err) != 0)
		goto done;
	rc = 0;
	if (json != NULL)
		rc = put_all(&s, json, err);
	else
		print_all(&s);
done:
	exports_free(&s.exports);
	plan_free(s.plan);
	arena_free(&s.mem);
	return rc;
}
