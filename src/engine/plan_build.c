/* plan_build.c - the plan's tables as the engine wants them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/plan_internal.h"

enum { MAX_NAME = 240 };	/* of a table in the plan */

/* An error of what stands at a place that is kept without its node. */
static int
fail(struct plan_place at, struct err *err, const char *text)
{
	return err_set(err, ERR_USAGE, "%s:%u:%u: %s", at.file, at.line,
		       at.column, text);
}

/* ---- what the entries say of a table ------------------------------------- */

/* The last plan that says it, for a table or for all. */
static const char *
target_name(struct plan *p, const char *table, struct err *err)
{
	for (size_t k = p->parts->nparts; k-- > 0;) {
		const struct plan_part *const part = &p->parts->parts[k];
		const struct plan_entry *const e = plan_entry_for(part, table);

		if (e != NULL && e->to != NULL)
			return plan_expand(p, part, e->to_node, e->to, table,
					   err);
		if (part->to != NULL)
			return plan_expand(p, part, part->to_node, part->to,
					   table, err);
	}
	return table;
}

static bool
left_out(const struct plan *p, const char *table)
{
	const struct plan_options *const o = &p->parts->options;

	for (size_t i = 0; i < o->nonly; i++)
		if (strcmp(o->only[i], table) == 0)
			return false;
	return o->nonly > 0;
}

static int
fill_table(struct plan *p, struct plan_table *t, struct err *err)
{
	const struct plan_parts *const parts = p->parts;
	const struct plan_entry *const first =
		plan_entry_for(&parts->parts[0], t->name);

	t->passes = plan_take(p, parts->nparts, sizeof(*t->passes), err);
	if (t->passes == NULL)
		return -1;
	for (size_t k = 0; k < parts->nparts; k++) {
		const struct plan_entry *const e =
			plan_entry_for(&parts->parts[k], t->name);

		if (e == NULL)
			continue;
		t->passes[t->npasses++] = e->pass;
		t->skip |= e->skip;
		if (e->key.pk.name != NULL)
			t->key = e->key;
	}
	t->skip |= left_out(p, t->name);
	if (first != NULL) {
		t->of = first->of;
		t->dangling = first->dangling;
		t->has_ids = first->has_ids;
		t->source_key = first->source_key;
		if (t->source_key.pk.name == NULL)
			t->source_key = first->key;
	}
	if (t->has_ids) {
		t->remap = plan_remap_of(p, t->name, err);
		t->id_form = plan_id_form(p, &first->ids, err);
		if (t->remap == NULL || t->id_form == NULL)
			return -1;
	}
	t->from = plan_source_name(p, t->name, err);
	t->to = t->from == NULL ? NULL : target_name(p, t->name, err);
	return t->to != NULL ? 0 : -1;
}

/* ---- target names -------------------------------------------------------- */

static bool
same_attr(const struct plan_key_attr *a, const struct plan_key_attr *b)
{
	if (a->name == NULL || b->name == NULL)
		return a->name == b->name;
	return strcmp(a->name, b->name) == 0 &&
	       (a->type == b->type || a->type == 0 || b->type == 0);
}

static bool
same_key(const struct plan_key *a, const struct plan_key *b)
{
	return same_attr(&a->pk, &b->pk) && same_attr(&a->sk, &b->sk);
}

static bool
says_to(const struct plan *p, const char *table)
{
	for (size_t k = 0; k < p->parts->nparts; k++) {
		const struct plan_entry *const e =
			plan_entry_for(&p->parts->parts[k], table);

		if (e != NULL && e->to != NULL)
			return true;
	}
	return false;
}

static int
check_target(const struct plan_table *t, struct err *err)
{
	const size_t n = strlen(t->to);
	const size_t good = strspn(t->to, "abcdefghijklmnopqrstuvwxyz"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-");
	char text[400];

	/* Files are called so, with endings: file systems take 255 bytes. */
	if (!t->glob && !t->skip && strlen(t->name) > MAX_NAME)
		return fail(t->place, err, "a table's name in the plan has 240 "
			    "letters at most, for files are called by it: give "
			    "it a shorter one, with 'from' and 'to'");
	if (t->glob || (n >= 3 && n <= 255 && good == n))
		return 0;
	snprintf(text, sizeof(text), "'%.280s' cannot be a table's name: it has"
		 " 3 to 255 of a-z, A-Z, 0-9, '_', '-' and '.'", t->to);
	return fail(t->place, err, text);
}

static int
check_targets(struct plan *p, struct err *err)
{
	struct plan_names known = { 0 };
	int rc = 0;

	for (uint32_t i = 0; i < p->ntables && rc == 0; i++) {
		const struct plan_table *const t = &p->tables[i];
		const uint32_t other = plan_names_get(&known, t->to);
		const struct plan_table *const o = &p->tables[other != PLAN_NONE
							      ? other : i];
		char text[400];

		if (t->skip)
			continue;
		if (other == PLAN_NONE) {
			rc = plan_names_put(&known, t->to, i, err);
			if (rc == 0)
				rc = check_target(t, err);
			continue;
		}
		if (!says_to(p, t->name) || !says_to(p, o->name))
			snprintf(text, sizeof(text), "'%s' and '%s' would both "
				 "become '%.100s'; if that is meant, say 'to' "
				 "for both", o->name, t->name, t->to);
		else if (!same_key(&t->key, &o->key))
			snprintf(text, sizeof(text), "'%s' and '%s' both become"
				 " '%.100s', and their keys differ", o->name,
				 t->name, t->to);
		else
			continue;
		rc = fail(t->place, err, text);
	}
	plan_names_free(&known);
	return rc;
}

/* ---- definitions and keys ------------------------------------------------ */

static int
name_creates(struct plan *p, struct plan_names *names, struct err *err)
{
	for (uint32_t i = 0; i < p->ncreates; i++) {
		struct plan_create *const c = &p->creates[i];
		const uint32_t other = plan_names_get(names, c->name);
		char text[400];

		c->used = false;
		if (other == PLAN_NONE) {
			if (plan_names_put(names, c->name, i, err) != 0)
				return -1;
			continue;
		}
		snprintf(text, sizeof(text), "table '%.100s' is defined in "
			 "%.200s, too", c->name, p->creates[other].place.file);
		return fail(c->place, err, text);
	}
	return 0;
}

/* A definition may be called as the target, the plan or the source calls it.*/
static void
find_create(struct plan *p, const struct plan_names *names,
	    struct plan_table *t)
{
	uint32_t i = plan_names_get(names, t->to);

	if (i == PLAN_NONE)
		i = plan_names_get(names, t->name);
	if (i == PLAN_NONE)
		i = plan_names_get(names, t->from);
	if (i == PLAN_NONE)
		return;
	p->creates[i].used = true;
	t->create = &p->creates[i];
	t->filled = true;
}

static void
type_attr(struct plan_key_attr *attr, const struct plan_create *c)
{
	for (size_t i = 0; attr->name != NULL && i < c->nattrs; i++)
		if (attr->type == 0 &&
		    strcmp(attr->name, c->attrs[i].name) == 0)
			attr->type = c->attrs[i].type;
}

static int
settle_key(struct plan_table *t, struct err *err)
{
	const struct plan_create *const c = t->create;
	char text[400];

	if (c != NULL && t->key.pk.name == NULL)
		t->key = c->key;
	if (c != NULL && !same_key(&t->key, &c->key)) {
		snprintf(text, sizeof(text), "the key of '%s' is not the one in"
			 " %.250s", t->name, c->place.file);
		return fail(t->place, err, text);
	}
	if (c != NULL) {
		type_attr(&t->key.pk, c);
		type_attr(&t->key.sk, c);
	}
	if (t->source_key.pk.name == NULL)
		t->source_key = t->key;
	if (t->key.pk.name != NULL || t->skip || t->glob)
		return 0;
	snprintf(text, sizeof(text), "'%s' has no key; say 'key: [pk]' or "
		 "'key: [pk, sk]', or name its definition under 'create'",
		 t->name);
	return fail(t->place, err, text);
}

/* ---- emits --------------------------------------------------------------- */

static int
link_emit(struct plan *p, struct plan_emit *e, void *context, struct err *err)
{
	const struct plan_table *const from = context;

	e->table = plan_table_named(p, e->to);
	if (e->table == PLAN_NONE || from->skip)
		return 0;

	struct plan_table *const to = &p->tables[e->table];
	if (to != from)
		to->filled = to->emitted = true;
	if (to->skip && !left_out(p, e->to))
		return fail(e->place, err, "this goes to a table that is "
			    "marked 'skip'");
	return 0;
}

static int
link_emits(struct plan *p, struct plan_table *from,
	   const struct plan_step *steps, size_t n, struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		const struct plan_step *const s = &steps[i];

		if (plan_each_emit(p, s->emits, s->nemits, link_emit, from,
				   err) != 0)
			return -1;
		for (size_t k = 0; k < s->version.nupgrades; k++)
			if (link_emits(p, from, s->version.upgrades[k].steps,
				       s->version.upgrades[k].nsteps,
				       err) != 0)
				return -1;
	}
	return 0;
}

/* ---- who reads an export ------------------------------------------------- */

/* What a table takes, another after it in the plan does not get. */
static bool
takes_some(const struct plan_table *t)
{
	return t->npasses > 0 && t->passes[0].plan == 0 &&
	       t->passes[0].where != NULL;
}

/*
 * Whoever comes after a table that takes all items gets none; and after one
 * that is left out, its items would go where they do not belong.
 */
static int
check_reader(struct plan *p, uint32_t i, struct plan_names *takers,
	     struct plan_names *skipped, struct err *err)
{
	const struct plan_table *const t = &p->tables[i];
	const uint32_t taken = plan_names_get(takers, t->from);
	const uint32_t left = plan_names_get(skipped, t->from);
	char text[400];

	if (t->glob)
		return 0;
	if (t->skip)
		return takes_some(t) ? plan_names_put(skipped, t->from, i, err)
				     : 0;
	if (taken != PLAN_NONE) {
		snprintf(text, sizeof(text), "'%s' gets no items: '%s' reads "
			 "the same export and has no 'where'; give it one, or "
			 "put it last", t->name, p->tables[taken].name);
		return fail(t->place, err, text);
	}
	if (left != PLAN_NONE) {
		snprintf(text, sizeof(text), "'%.100s' would get the items of "
			 "'%.100s', which reads the same export and is left "
			 "out; %s", t->name, p->tables[left].name,
			 left_out(p, p->tables[left].name)
			 ? "name both with --table"
			 : "put it last, or do not skip it");
		return fail(t->place, err, text);
	}
	return takes_some(t) ? 0 : plan_names_put(takers, t->from, i, err);
}

static int
check_readers(struct plan *p, struct err *err)
{
	struct plan_names takers = { 0 }, skipped = { 0 };
	int rc = 0;

	for (uint32_t i = 0; i < p->ntables && rc == 0; i++)
		rc = check_reader(p, i, &takers, &skipped, err);
	plan_names_free(&takers);
	plan_names_free(&skipped);
	return rc;
}

/* What is in the plan and in no export. */
static int
check_inputs(struct plan *p, const struct plan_found *found, size_t n,
	     struct err *err)
{
	const char **const names = plan_take(p, n, sizeof(*names), err);
	char text[400];

	if (names == NULL)
		return -1;
	for (size_t i = 0; i < n; i++)
		names[i] = found[i].name;
	for (uint32_t i = 0; i < p->ntables; i++) {
		const struct plan_table *const t = &p->tables[i];

		if (t->skip || t->filled || t->input != PLAN_NONE)
			continue;
		const char *const near = plan_nearest(t->from, names, n);
		snprintf(text, sizeof(text), "no export holds '%s', which in "
			 "the source would be '%.90s'%s%.90s%s; say '%s: skip' "
			 "if it is to be left out", t->name, t->from,
			 near != NULL ? " (nearest is '" : "",
			 near != NULL ? near : "", near != NULL ? "')" : "",
			 t->name);
		return fail(t->place, err, text);
	}
	return 0;
}

/* Say that --table names a table which is not there, and which is near. */
static int
no_such_table(struct plan *p, const char *name, struct err *err)
{
	const char **const words = plan_take(p, p->ntables, sizeof(*words),
					     err);

	if (words == NULL)
		return -1;
	for (size_t i = 0; i < p->ntables; i++)
		words[i] = p->tables[i].name;

	const char *const near = plan_nearest(name, words, p->ntables);
	return err_set(err, ERR_USAGE, "there is no table '%s' in the plan, "
		       "which --table names%s%s%s", name,
		       near != NULL ? "; did you mean '" : "",
		       near != NULL ? near : "", near != NULL ? "'?" : "");
}

static int
check_only(struct plan *p, struct err *err)
{
	const struct plan_options *const o = &p->parts->options;

	for (size_t i = 0; i < o->nonly; i++) {
		const char *const name = o->only[i];
		bool glob = false;

		for (size_t k = 0; k < p->parts->nparts; k++)
			glob |= plan_entry_for(&p->parts->parts[k],
					       name) != NULL;
		if (plan_table_named(p, name) == PLAN_NONE &&
		    (!glob || p->parts->resolved))
			return no_such_table(p, name, err);
	}
	return 0;
}

/* ---- all of it ----------------------------------------------------------- */

uint32_t
plan_table_named(const struct plan *p, const char *name)
{
	return plan_names_get(&p->parts->table_names, name);
}

static int
fill_tables(struct plan *p, struct err *err)
{
	struct plan_names creates = { 0 };
	int rc = name_creates(p, &creates, err);

	for (size_t i = 0; i < p->ntables && rc == 0; i++) {
		struct plan_table *const t = &p->tables[i];

		rc = fill_table(p, t, err);
		if (rc != 0)
			break;
		find_create(p, &creates, t);
		rc = settle_key(t, err);
	}
	plan_names_free(&creates);
	if (rc != 0 || check_targets(p, err) != 0)
		return -1;
	for (size_t i = 0; i < p->ntables; i++)
		for (size_t k = 0; k < p->tables[i].npasses; k++)
			if (link_emits(p, &p->tables[i],
				       p->tables[i].passes[k].steps,
				       p->tables[i].passes[k].nsteps, err) != 0)
				return -1;
	return 0;
}

int
plan_build(struct plan *p, struct plan_found *found, size_t n, struct err *err)
{
	p->ntables = p->ninputs = p->nwarnings = 0;
	p->tables = NULL;
	p->warnings = NULL;
	plan_names_free(&p->parts->table_names);

	if (plan_list_tables(p, found, n, err) != 0 ||
	    check_only(p, err) != 0 || fill_tables(p, err) != 0 ||
	    check_readers(p, err) != 0)
		return -1;
	if (found != NULL && (plan_list_inputs(p, found, n, err) != 0 ||
			      check_inputs(p, found, n, err) != 0))
		return -1;
	if (plan_build_rules(p, err) != 0 || plan_build_levels(p, err) != 0 ||
	    plan_check_columns(p, err) != 0)
		return -1;
	return plan_build_warnings(p, err);
}

int
plan_resolve(struct plan *p, struct plan_found *found, size_t n,
	     struct err *err)
{
	struct plan_found none = { 0 };

	p->parts->resolved = true;
	return plan_build(p, found != NULL ? found : &none, n, err);
}
