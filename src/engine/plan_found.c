/*
 * plan_found.c - the tables that the sources hold, and what the plan calls
 * them; the globs among the plan's tables get their real names here.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/plan_internal.h"

/* ---- names that globs stand for ------------------------------------------ */

/* A real name whose rules are a glob's: entry `entry` of part `part`. */
struct real {
	const char *name;
	uint32_t part, entry;
};

struct reals {
	struct plan *p;
	struct real *all;
	size_t n;
	struct plan_names known;
};

static bool
named_exactly(const struct plan *p, const char *name)
{
	for (size_t k = 0; k < p->parts->nparts; k++)
		if (plan_names_get(&p->parts->parts[k].by_name, name) !=
		    PLAN_NONE)
			return true;
	return false;
}

static int
add(struct reals *r, const char *name, struct err *err)
{
	struct plan *const p = r->p;

	if (plan_is_glob(name) || named_exactly(p, name) ||
	    plan_names_get(&r->known, name) != PLAN_NONE)
		return 0;
	for (uint32_t k = 0; k < p->parts->nparts; k++) {
		const struct plan_part *const part = &p->parts->parts[k];
		const struct plan_entry *const e = plan_entry_for(part, name);

		if (e == NULL)
			continue;
		if (r->n == PLAN_MAX_TABLES)
			return tree_err(e->node, err, "more than %d tables",
					PLAN_MAX_TABLES);
		if (plan_names_put(&r->known, name, (uint32_t)r->n, err) != 0 ||
		    plan_grow(p, &r->all, r->n, sizeof(*r->all), err) != 0)
			return -1;
		r->all[r->n++] = (struct real){
			name, k, (uint32_t)(e - part->entries),
		};
		return 0;
	}
	return 0;
}

static int
add_target(void *context, const struct tree *t, const char *table,
	   struct err *err)
{
	(void)t;
	return add(context, table, err);
}

static int
add_output(struct plan *p, struct plan_emit *e, void *context, struct err *err)
{
	(void)p;
	return add(context, e->to, err);
}

static int
add_emits(struct reals *r, const struct plan_step *steps, size_t n,
	  struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		const struct plan_step *const s = &steps[i];

		if (plan_each_emit(r->p, s->emits, s->nemits, add_output, r,
				   err) != 0)
			return -1;
		for (size_t k = 0; k < s->version.nupgrades; k++)
			if (add_emits(r, s->version.upgrades[k].steps,
				      s->version.upgrades[k].nsteps, err) != 0)
				return -1;
	}
	return 0;
}

/* What the plan itself names and only a glob stands for. */
static int
add_named(struct reals *r, struct err *err)
{
	const struct plan *const p = r->p;

	for (size_t k = 0; k < p->parts->nparts; k++) {
		const struct plan_part *const part = &p->parts->parts[k];

		for (size_t i = 0; i < part->nentries; i++) {
			const struct plan_entry *const e = &part->entries[i];

			if (plan_each_target(r->p, e, add_target, r,
					     err) != 0 ||
			    add_emits(r, e->pass.steps, e->pass.nsteps,
				      err) != 0)
				return -1;
		}
	}
	for (size_t i = 0; i < p->nsources; i++)
		if (p->sources[i].table != NULL &&
		    add(r, p->sources[i].table, err) != 0)
			return -1;
	return 0;
}

static int
order(const void *a, const void *b)
{
	const struct real *const x = a, *const y = b;

	if (x->part != y->part)
		return x->part < y->part ? -1 : 1;
	if (x->entry != y->entry)
		return x->entry < y->entry ? -1 : 1;
	return strcmp(x->name, y->name);
}

/* ---- which entry an export belongs to ------------------------------------ */

const char *
plan_source_name(struct plan *p, const char *table, struct err *err)
{
	const struct plan_part *const first = &p->parts->parts[0];
	const struct plan_entry *const e = plan_entry_for(first, table);

	if (e != NULL && e->of != NULL)
		return strcmp(e->of, table) == 0 ?
			plan_expand(p, first, first->from_node,
				    first->from != NULL ? first->from :
				    "{table}", table, err) :
			plan_source_name(p, e->of, err);
	if (e != NULL && e->from != NULL)
		return plan_expand(p, first, e->from_node, e->from, table, err);
	return plan_expand(p, first,
			   first->from_node != NULL ? first->from_node :
			   first->root, first->from != NULL ? first->from :
			   "{table}", table, err);
}

/* What {table} must be for `name` to come out; NULL if nothing does. */
static const char *
extract(struct plan *p, const struct plan_entry *e, const char *name,
	struct err *err)
{
	const struct plan_part *const first = &p->parts->parts[0];
	const bool own = e->from != NULL && e->pass.plan == 0;
	const char *const pattern = own ? e->from :
		first->from != NULL ? first->from : "{table}";
	const struct tree *const at = own ? e->from_node : first->from_node;
	const char *const marked = plan_expand(p, first, at, pattern, "\1",
					       err);
	size_t marks = 0;

	if (marked == NULL)
		return NULL;
	for (const char *s = marked; *s != '\0'; s++)
		marks += *s == '\1';
	const size_t fixed = strlen(marked) - marks;
	const size_t len = strlen(name);
	const size_t before = strcspn(marked, "\1");
	if (marks == 0 || len <= fixed || (len - fixed) % marks != 0)
		return NULL;
	const char *const table = plan_keep(p, (struct span){
		(const uint8_t *)name + before, (len - fixed) / marks }, err);
	const char *const again = table == NULL ? NULL :
		plan_expand(p, first, at, pattern, table, err);
	return again != NULL && strcmp(again, name) == 0 ? table : NULL;
}

/* The longest glob that some {table} makes `name` of; "" if there is none. */
static const char *
match_glob(struct plan *p, const char *name, struct err *err)
{
	const struct plan_entry none = { .pass = { .plan = 1 } };
	const char *best = "";
	size_t longest = 0;

	/* What most globs say, since few have a `from` of their own. */
	err->code = ERR_NONE;
	const char *const usual = extract(p, &none, name, err);
	if (usual == NULL && err->code != ERR_NONE)
		return NULL;

	for (size_t k = 0; k < p->parts->nparts; k++) {
		const struct plan_part *const part = &p->parts->parts[k];

		for (size_t i = 0; i < part->nentries; i++) {
			const struct plan_entry *const e = &part->entries[i];

			if (!e->glob || strlen(e->name) <= longest)
				continue;
			const char *const table = e->from == NULL || k > 0 ?
				usual : extract(p, e, name, err);
			if (table == NULL && err->code != ERR_NONE)
				return NULL;
			if (table == NULL || named_exactly(p, table) ||
			    !plan_glob_matches(e->name, table))
				continue;
			best = table;
			longest = strlen(e->name);
		}
	}
	return best;
}

/* What the line to add would be called: {table}, if `names` makes `name`. */
static const char *
suggest(struct plan *p, const char *name)
{
	const struct plan_entry none = { .pass = { .plan = 1 } };
	struct err err;
	const char *const table = extract(p, &none, name, &err);

	return table != NULL ? table : name;
}

static int
refuse(struct plan *p, const struct plan_found *f, const char *const *froms,
       size_t n, struct err *err)
{
	const char *const path = p->parts->parts[0].path;
	const char *const what = f->what != NULL ? f->what : "an export";
	const char *const table = suggest(p, f->name);
	const char *const near = plan_nearest(f->name, froms, n);
	const char *const from = plan_source_name(p, table, err);
	const char *rule = "skip";

	if (from == NULL)
		return -1;
	if (named_exactly(p, table))
		return err_set(err, ERR_USAGE, "%s: the plan does not say what "
			       "becomes of table '%s', which %s holds: its '%s'"
			       " reads '%s'", path, f->name, what, table, from);
	if (strcmp(from, f->name) != 0)
		rule = plan_format(p, err, "{from: %s, skip: true}", f->name);
	if (rule == NULL)
		return -1;
	return err_set(err, ERR_USAGE, "%s: the plan does not say what becomes "
		       "of table '%s', which %s holds; add '%s: %s' under "
		       "'tables', or a rule for it%s%s%s", path, f->name, what,
		       table, rule, near != NULL ? " (nearest is '" : "",
		       near != NULL ? near : "", near != NULL ? "')" : "");
}

/* Every export must belong somewhere; real names of globs are noted. */
static int
add_found(struct reals *r, const struct plan_found *found, size_t n,
	  struct err *err)
{
	struct plan *const p = r->p;
	const struct plan_part *const first = &p->parts->parts[0];
	struct plan_names froms = { 0 };
	const char **const all = plan_take(p, first->nentries, sizeof(*all),
					   err);
	size_t nfroms = 0;
	int rc = -1;

	if (all == NULL)
		return -1;
	for (size_t k = 0; k < p->parts->nparts; k++) {
		const struct plan_part *const part = &p->parts->parts[k];

		for (size_t i = 0; i < part->nentries; i++) {
			if (part->entries[i].glob)
				continue;
			const char *const from = plan_source_name(p,
				part->entries[i].name, err);
			if (from == NULL ||
			    plan_names_put(&froms, from, 0, err) != 0)
				goto done;
			if (k == 0)
				all[nfroms++] = from;
		}
	}
	for (size_t i = 0; i < n; i++) {
		const struct plan_found *const f = &found[i];

		if (f->table != NULL) {
			if (add(r, f->table, err) != 0)
				goto done;
			continue;
		}
		if (f->name == NULL ||
		    plan_names_get(&froms, f->name) != PLAN_NONE)
			continue;
		const char *const table = match_glob(p, f->name, err);
		if (table == NULL)
			goto done;
		if (table[0] == '\0') {
			refuse(p, f, all, nfroms, err);
			goto done;
		}
		if (add(r, table, err) != 0)
			goto done;
	}
	rc = 0;
done:
	plan_names_free(&froms);
	return rc;
}

/* ---- the tables, in the plans' order ------------------------------------- */

static int
add_table(struct plan *p, const char *name, const struct plan_entry *e,
	  struct err *err)
{
	if (plan_names_get(&p->parts->table_names, name) != PLAN_NONE)
		return 0;
	if (plan_grow(p, &p->tables, p->ntables, sizeof(*p->tables), err) != 0)
		return -1;
	p->tables[p->ntables] = (struct plan_table){
		.name = name, .glob = plan_is_glob(name), .input = PLAN_NONE,
		.place = plan_place_of(e->node),
	};
	return plan_names_put(&p->parts->table_names, name,
			      (uint32_t)p->ntables++, err);
}

int
plan_list_tables(struct plan *p, const struct plan_found *found, size_t n,
		 struct err *err)
{
	struct reals r = { .p = p };
	size_t next = 0;
	int rc = -1;

	if (add_named(&r, err) != 0 ||
	    (found != NULL && add_found(&r, found, n, err) != 0))
		goto done;
	if (r.n > 0)
		qsort(r.all, r.n, sizeof(*r.all), order);
	for (uint32_t k = 0; k < p->parts->nparts; k++) {
		const struct plan_part *const part = &p->parts->parts[k];

		for (uint32_t i = 0; i < part->nentries; i++) {
			const struct plan_entry *const e = &part->entries[i];

			if ((!e->glob || (found == NULL && k == 0)) &&
			    add_table(p, e->name, e, err) != 0)
				goto done;
			for (; next < r.n && r.all[next].part == k &&
			     r.all[next].entry == i; next++)
				if (add_table(p, r.all[next].name, e, err) != 0)
					goto done;
		}
	}
	rc = 0;
done:
	plan_names_free(&r.known);
	return rc;
}

/* ---- the inputs ---------------------------------------------------------- */

/* The one table that an export without a name can be. */
static const char *
only_table(const struct plan *p)
{
	const char *only = NULL, *unfilled = NULL;
	size_t n = 0, nunfilled = 0;

	for (size_t i = 0; i < p->ntables; i++) {
		const struct plan_table *const t = &p->tables[i];

		if (t->skip)
			continue;
		only = t->name;
		n++;
		if (t->filled)
			continue;
		unfilled = t->name;
		nunfilled++;
	}
	/* A definition under `create` fills a table, and does not rule it out. */
	return n == 1 ? only : nunfilled == 1 ? unfilled : NULL;
}

static int
fill_input(struct plan *p, struct plan_input *in, struct err *err)
{
	const uint32_t number = (uint32_t)(in - p->inputs);
	size_t readers = 0;

	for (uint32_t i = 0; i < p->ntables; i++) {
		struct plan_table *const t = &p->tables[i];

		if (strcmp(t->from, in->name) != 0)
			continue;
		t->input = number;
		readers += !t->skip;
	}
	in->tables = plan_take(p, readers, sizeof(*in->tables), err);
	if (in->tables == NULL)
		return -1;
	for (uint32_t i = 0; i < p->ntables; i++)
		if (p->tables[i].input == number && !p->tables[i].skip)
			in->tables[in->ntables++] = i;
	return 0;
}

int
plan_list_inputs(struct plan *p, struct plan_found *found, size_t n,
		 struct err *err)
{
	struct plan_names known = { 0 };
	int rc = -1;

	p->inputs = plan_take(p, n, sizeof(*p->inputs), err);
	if (p->inputs == NULL)
		return -1;
	for (size_t i = 0; i < n; i++) {
		struct plan_found *const f = &found[i];
		const char *name = f->name;

		if (f->table != NULL || name == NULL) {
			const char *const table = f->table != NULL ? f->table :
						  only_table(p);

			if (table == NULL) {
				err_set(err, ERR_USAGE, "%s: nothing says which"
					" table this is; say it in source."
					"exports: {path: ..., table: NAME}",
					f->what != NULL ? f->what : "export");
				goto done;
			}
			name = plan_source_name(p, table, err);
		}
		if (name == NULL)
			goto done;
		f->input = plan_names_get(&known, name);
		if (f->input != PLAN_NONE)
			continue;
		f->input = (uint32_t)p->ninputs++;
		p->inputs[f->input].name = plan_keep(p, span_of(name), err);
		if (p->inputs[f->input].name == NULL ||
		    plan_names_put(&known, p->inputs[f->input].name, f->input,
				   err) != 0 ||
		    fill_input(p, &p->inputs[f->input], err) != 0)
			goto done;
	}
	rc = 0;
done:
	plan_names_free(&known);
	return rc;
}
