/*
 * analysis_problems.c - what is wrong, each kind under a name that --accept
 * takes: errors are what a run would reject or stop at.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/plural.h"
#include "engine/analysis_internal.h"
#include "engine/discover.h"
#include "engine/exports.h"
#include "engine/plan.h"
#include "engine/program.h"

enum { MAX_TOLD = 10 };		/* reasons of a table that are told */

static bool
is_accepted(const struct run *r, const char *name)
{
	for (size_t i = 0; i < r->options->naccept; i++)
		if (strcmp(r->options->accept[i], name) == 0)
			return true;
	return false;
}

/* The texts are the analysis's, or constant; NULL is memory refused. */
static int
add(struct analyst *x, const char *name, bool error, const char *what,
    const char *where, const char *action)
{
	struct analysis *const a = x->a;

	if (what == NULL || where == NULL || action == NULL)
		return -1;
	if (a->nproblems == x->problems_cap) {
		const size_t cap = x->problems_cap > 0 ? 2 * x->problems_cap
						       : 16;
		struct analysis_problem *const p = analysis_take(x, cap,
								 sizeof(*p));

		if (p == NULL)
			return -1;
		if (a->nproblems > 0)
			memcpy(p, a->problems, a->nproblems * sizeof(*p));
		a->problems = p;
		x->problems_cap = cap;
	}

	const bool accepted = is_accepted(x->r, name);
	a->problems[a->nproblems++] = (struct analysis_problem){
		.name = name, .error = error, .accepted = accepted,
		.what = what, .where = where, .action = action,
	};
	a->nerrors += error && !accepted;
	return 0;
}

static const char *
items(struct analyst *x, uint64_t n)
{
	return analysis_text(x, "%s item%s", analysis_count(x, n),
			     plural(n));
}

/* ---- of a table ---------------------------------------------------------- */

static int
tell_asserts(struct analyst *x, const struct analysis_table *t)
{
	size_t k = 0;

	for (size_t i = 0; i < t->table->npasses; i++) {
		const struct plan_pass *const pass = &t->table->passes[i];

		for (size_t n = 0; n < pass->nasserts; n++, k++) {
			const struct stats_assert *const s =
				&t->stats->asserts[k];

			if (s->failed > 0 &&
			    add(x, "assert", true, analysis_text(x,
				"%s: an assert does not hold for %s: %s",
				t->table->name, items(x, s->failed),
				pass->asserts[n].text),
				analysis_place(x, &s->places[0]),
				"mend the items or the assert; a run would "
				"reject them") != 0)
				return -1;
		}
	}
	return 0;
}

static int
tell_rejects(struct analyst *x, const struct analysis_table *t)
{
	for (size_t i = 0; i < t->stats->nreasons; i++) {
		const struct stats_reason *const r = &t->stats->reasons[i];

		if (i == MAX_TOLD)
			return add(x, "rejected", true, analysis_text(x,
				"%s: items would be rejected for %s further "
				"reasons", t->table->name, analysis_count(x,
				t->stats->nreasons - i)), "",
				"analysis.json has them");
		if (add(x, "rejected", true, analysis_text(x,
			"%s: %s would be rejected (%s): %s", t->table->name,
			items(x, r->items), r->step, r->text),
			analysis_place(x, &r->place), strcmp(r->step, "decode")
			== 0 ? "mend the lines in the source; a run puts them "
			       "into rejected/"
			     : "mend the items or the plan; a run puts them "
			       "into rejected/") != 0)
			return -1;
	}
	return 0;
}

static const char *
pair(struct analyst *x, const struct analysis_pair *p)
{
	const char *const a = analysis_where(x, &p->a);
	const char *const b = analysis_where(x, &p->b);

	return a == NULL || b == NULL ? NULL
		: analysis_text(x, "%s; and %s", a, b);
}

static int
tell_keys(struct analyst *x, const struct analysis_table *t)
{
	const enum on_duplicate what = x->r->options->on_duplicate;

	if (t->collisions > 0 &&
	    add(x, "colliding-ids", true, analysis_text(x,
		"%s: several source ids become one new id, %s time%s",
		t->table->name, analysis_count(x, t->collisions),
		plural(t->collisions)), pair(x, &t->collision[0]),
		"choose a longer form of ids, or mend ids.map; a run would "
		"stop") != 0)
		return -1;
	if (t->duplicates == 0)
		return 0;
	return add(x, "duplicate-keys", what == DUPLICATE_FAIL,
		   analysis_text(x, "%s: %s would overwrite another one, since "
				 "they have the same primary key in '%s'",
				 t->table->name, items(x, t->duplicates),
				 t->to),
		   pair(x, &t->duplicate[0]), what == DUPLICATE_FAIL
		   ? "mend the source or the plan, or say --on-duplicate "
		     "keep-first, keep-last or reject; a run would stop"
		   : analysis_text(x, "--on-duplicate %s deals with them",
				   on_duplicate_name(what)));
}

/* A key attribute of the target must have one type. */
static int
tell_key_type(struct analyst *x, const struct analysis_table *t,
	      const struct plan_key_attr *attr, uint16_t seen)
{
	char types[16] = "";

	for (int type = VALUE_S; type <= VALUE_B; type++)
		if ((seen & 1 << type) != 0)
			snprintf(types + strlen(types),
				 sizeof(types) - strlen(types), "%s%s",
				 types[0] != '\0' ? ", " : "",
				 value_type_name((enum value_type)type));
	if (attr->name == NULL || attr->type != 0 || strchr(types, ',') == NULL)
		return 0;
	return add(x, "mixed-key-types", true, analysis_text(x,
		"%s: the key attribute '%s' has values of several types: %s",
		t->table->name, attr->name, types), analysis_text(x,
		"%s:%u:%u", t->table->place.file, t->table->place.line,
		t->table->place.column), analysis_text(x,
		"say which is right, as in key: {%s: S}; the others will be "
		"rejected", attr->name));
}

static int
tell_rest(struct analyst *x, const struct analysis_table *t)
{
	const struct key_types *const seen = &x->r->account.types[t->number];
	const struct stats_table *const s = t->stats;

	if (tell_key_type(x, t, &t->table->key.pk, seen->pk) != 0 ||
	    tell_key_type(x, t, &t->table->key.sk, seen->sk) != 0)
		return -1;
	if (s->expired > 0 &&
	    add(x, "expired", false, analysis_text(x,
		"%s: %s expired already by '%s': DynamoDB will delete what a "
		"run writes", t->table->name, items(x, s->expired),
		t->table->create->ttl), analysis_place(x, &s->expired_first),
		analysis_text(x, "leave them out: where: attribute_not_exists"
			      "(%s) OR %s > run_time()", t->table->create->ttl,
			      t->table->create->ttl)) != 0)
		return -1;
	if (t->counts.read > 0 && t->counts.filtered == t->counts.read &&
	    add(x, "nothing-left", false, analysis_text(x,
		"%s: 'where' holds for none of %s", t->table->name,
		items(x, t->counts.read)), analysis_text(x, "%s:%u:%u",
		t->table->place.file, t->table->place.line,
		t->table->place.column),
		"look at 'where' again, or say 'skip'") != 0)
		return -1;
	if (t->nleft_out == 0 &&
	    (t->source == NULL || t->source->left_out == 0))
		return 0;
	return add(x, "many-paths", false, analysis_text(x,
		"%s: more attribute paths than are told apart; what is nested "
		"deeper is left out of the statistics", t->table->name),
		t->table->from, "nothing: a run does not mind");
}

/* ---- of references ------------------------------------------------------- */

static const char *
action_of(enum rewrite_dangling policy)
{
	switch (policy) {
	case DANGLING_FAIL:
		return "mend them, or choose another 'dangling'; a run would "
		       "stop";
	case DANGLING_KEEP:
		return "their source values will stay (dangling: keep)";
	case DANGLING_NULL:
		return "they will become NULL (dangling: null)";
	case DANGLING_REMOVE:
		return "they will be removed (dangling: remove)";
	case DANGLING_SKIP_ITEM:
		return "their items will be left out (dangling: skip-item)";
	default:
		return "they will be rewritten like any other; 'dangling' has "
		       "other policies";
	}
}

static int
tell_reference(struct analyst *x, const struct analysis_reference *ref)
{
	const struct plan *const p = x->r->plan;
	const struct plan_table *const t = &p->tables[ref->table];
	const char *const to = p->tables[ref->to].name;

	if (ref->dangling > 0) {
		const struct analysis_item *const first = &ref->examples[0];
		const char *where = ref->nexamples > 0
			? analysis_where(x, first) : "";

		if (where != NULL && ref->nexamples > 0 && first->value != NULL)
			where = analysis_text(x, "%s: '%s'", where,
					      first->value);
		if (add(x, "dangling", t->dangling == DANGLING_FAIL,
			analysis_text(x, "%s.%s → %s: %s of %s value%s %s "
				      "nothing", t->name, ref->path, to,
				      analysis_count(x, ref->dangling),
				      analysis_count(x, ref->values),
				      plural(ref->values),
				      ref->dangling == 1 ? "finds" : "find"), where,
			action_of(t->dangling)) != 0)
			return -1;
	}
	if (ref->rejected == 0)
		return 0;
	return add(x, "to-rejected", false, analysis_text(x,
		"%s.%s → %s: %s value%s of items that would be rejected",
		t->name, ref->path, to, analysis_count(x, ref->rejected),
		ref->rejected == 1 ? " is the id" : "s are ids"),
		analysis_text(x, "%s:%u:%u", t->rules[ref->rule].place.file,
			      t->rules[ref->rule].place.line,
			      t->rules[ref->rule].place.column),
		"see to the items that are rejected");
}

/* Values at a rule's path that are no ids, or fit no pattern. */
static int
tell_left(struct analyst *x, uint32_t table, uint32_t rule)
{
	const struct plan_table *const t = &x->r->plan->tables[table];
	const struct plan_rule *const r = &t->rules[rule];
	const uint64_t *const left = x->r->account.left +
		program_left(x->r->program, table) + rule * LEFT_KINDS;
	const char *const where = analysis_text(x, "%s:%u:%u", r->place.file,
						r->place.line,
						r->place.column);

	if (left[LEFT_NOT_AN_ID] > 0 &&
	    add(x, "not-an-id", false, analysis_text(x,
		"%s.%s: %s value%s of a type that no id is of left as found",
		t->name, r->path, analysis_count(x, left[LEFT_NOT_AN_ID]),
		plural(left[LEFT_NOT_AN_ID])),
		where, "--strict-ids rejects their items") != 0)
		return -1;
	if (left[LEFT_NO_MATCH] == 0)
		return 0;
	return add(x, "no-match", false, analysis_text(x,
		"%s.%s: %s value%s that fit%s no pattern left as found",
		t->name, r->path, analysis_count(x, left[LEFT_NO_MATCH]),
		plural(left[LEFT_NO_MATCH]),
		left[LEFT_NO_MATCH] == 1 ? "s" : ""), where,
		"add a pattern, if they hold ids");
}

/* What the data says, and the plan does not. */
static int
tell_found(struct analyst *x)
{
	const struct plan *const p = x->r->plan;

	for (size_t i = 0; i < x->a->found->nfound; i++) {
		const struct discover_found *const f = &x->a->found->found[i];
		const struct plan_table *const t = &p->tables[f->table];
		struct buf text = { 0 };
		const char *what = NULL;

		if (discover_print(f, t->name, p->tables[f->to].name, &text,
				   x->err) == 0)
			what = analysis_text(x, "not declared: %.*s",
					     (int)text.len,
					     (const char *)text.ptr);
		buf_free(&text);
		if (add(x, "undeclared-reference", false, what,
			analysis_text(x, "%s:%u:%u", t->place.file,
				      t->place.line, t->place.column),
			analysis_text(x, "if it is one, add it under "
				      "'references': %s", f->line)) != 0)
			return -1;
	}
	return 0;
}

/* ---- of the sources and the plan ----------------------------------------- */

static int
tell_damage(struct analyst *x)
{
	const struct run *const r = x->r;
	const char *where = "";

	for (size_t i = 0; i < r->exports.ndamages; i++)
		if (add(x, "damaged-export", false,
			analysis_text(x, "%s", r->exports.damages[i].text),
			analysis_text(x, "%s", r->exports.damages[i].path),
			"accepted by name: what can be read is taken") != 0)
			return -1;
	for (uint32_t i = r->nunits; i-- > 0;)
		if (r->units[i].accepted)
			where = r->units[i].path;
	if (r->account.damaged == 0)
		return 0;
	return add(x, "damaged-file", false, analysis_text(x,
		"%s data file%s not what the manifest says",
		analysis_count(x, r->account.damaged), r->account.damaged == 1
		? " is" : "s are"), where,
		"accepted by name: what can be read is taken");
}

static int
tell_warnings(struct analyst *x)
{
	struct plan *const p = x->r->plan;

	for (uint32_t i = 0; i < p->ntables; i++)
		if (!p->tables[i].skip &&
		    plan_warn_collisions(p, i, x->r->account.join.tables[i]
					 .items, x->err) != 0)
			return -1;
	for (size_t i = 0; i < p->nwarnings; i++) {
		const struct plan_warning *const w = &p->warnings[i];

		if (add(x, w->name, false, w->text, analysis_text(x,
			"%s:%u:%u", w->place.file, w->place.line,
			w->place.column), "mend the plan, or accept it") != 0)
			return -1;
	}
	return 0;
}

/* ---- all of it ----------------------------------------------------------- */

/* Errors first; else as they came. */
static int
sort_problems(struct analyst *x)
{
	struct analysis *const a = x->a;
	struct analysis_problem *const p = analysis_take(x, a->nproblems,
							 sizeof(*p));
	size_t n = 0;

	if (p == NULL)
		return -1;
	for (int error = 1; error >= 0; error--)
		for (size_t i = 0; i < a->nproblems; i++)
			if (a->problems[i].error == (error == 1))
				p[n++] = a->problems[i];
	a->problems = p;
	return 0;
}

int
analysis_problems(struct analyst *x)
{
	const struct analysis *const a = x->a;

	if (tell_damage(x) != 0)
		return -1;
	for (size_t i = 0; i < a->ntables; i++) {
		const struct analysis_table *const t = &a->tables[i];

		if (tell_keys(x, t) != 0 || tell_rejects(x, t) != 0 ||
		    tell_asserts(x, t) != 0 || tell_rest(x, t) != 0)
			return -1;
		for (uint32_t k = 0; k < t->table->nrules; k++)
			if (tell_left(x, t->number, k) != 0)
				return -1;
	}
	for (size_t i = 0; i < a->nreferences; i++)
		if (tell_reference(x, &a->references[i]) != 0)
			return -1;
	if (tell_found(x) != 0 || tell_warnings(x) != 0)
		return -1;
	return sort_problems(x);
}
