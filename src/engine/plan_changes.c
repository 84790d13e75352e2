/* plan_changes.c - the steps `rename`, `version`, `expand` and `contract`. */
#include <stdlib.h>
#include <string.h>

#include "engine/plan_internal.h"

/* All pairs of these are compared. */
enum { MAX_RENAMES = 1000, MAX_UPGRADES = 1000 };

/* ---- rename -------------------------------------------------------------- */

static bool
same_part(const struct path_part *a, const struct path_part *b)
{
	return a->kind == b->kind && a->index == b->index &&
	       (a->kind != PATH_NAME || span_equal(a->name, b->name));
}

/* Is one of the two at or below the other? */
static bool
overlap(const struct path *a, const struct path *b)
{
	for (size_t i = 0; i < a->nparts && i < b->nparts; i++)
		if (!same_part(&a->parts[i], &b->parts[i]))
			return false;
	return true;
}

static int
check_pair(const struct plan_rename *all, size_t n, const struct tree *map,
	   struct err *err)
{
	const struct plan_rename *const last = &all[n];
	const struct tree *const from = &map->kids[2 * n];

	if (last->to.parts[last->to.nparts - 1].kind != PATH_NAME)
		return tree_err(from + 1, err, "'%s' names a list's element; "
				"only an attribute can be named anew",
				from[1].text.ptr);
	for (size_t i = 0; i < n; i++) {
		if (overlap(&all[i].from, &last->from))
			return tree_err(from, err, "'%s' and '%s' overlap",
					from->text.ptr,
					map->kids[2 * i].text.ptr);
		if (overlap(&all[i].to, &last->to))
			return tree_err(from + 1, err, "'%s' and '%s' overlap",
					from[1].text.ptr,
					map->kids[2 * i + 1].text.ptr);
	}
	return 0;
}

int
plan_read_rename(struct plan *p, const struct tree *t, struct plan_step *step,
		 struct err *err)
{
	const size_t n = t->nkids / 2;

	if (t->kind != TREE_MAP || n == 0)
		return tree_err(t, err, "'rename' must be a map, {old: new}; "
				"not %s", t->kind == TREE_MAP ? "an empty one" :
				tree_kind_name(t));
	if (n > MAX_RENAMES)
		return tree_err(t, err, "more than %d pairs", MAX_RENAMES);
	step->renames = plan_take(p, n, sizeof(*step->renames), err);
	if (step->renames == NULL)
		return -1;
	for (size_t i = 0; i < n; i++) {
		struct plan_rename *const r = &step->renames[i];
		const struct tree *const from = &t->kids[2 * i];

		if (plan_path(p, from, "rename", false, &r->from, err) != 0 ||
		    plan_path(p, from + 1, "rename", false, &r->to, err) != 0 ||
		    check_pair(step->renames, i, t, err) != 0)
			return -1;
	}
	step->nrenames = n;
	return 0;
}

/* ---- version ------------------------------------------------------------- */

/* The N of `from N`. */
static int
from_version(const struct tree *name, uint64_t *n, struct err *err)
{
	struct tree number = *name;

	if (name->text.len < 6 || memcmp(name->text.ptr, "from ", 5) != 0)
		return tree_err(name, err, "unknown key '%s'; 'version' has "
				"attribute, missing, to and 'from N'",
				name->text.ptr);
	number.kind = TREE_NUMBER;
	number.text.ptr += 5;
	number.text.len -= 5;
	return plan_read_uint(&number, "from", n, err);
}

static int
add_upgrade(struct plan *p, const struct plan_part *part,
	    const struct tree *name, struct plan_step *step, struct err *err)
{
	struct plan_upgrade *const all = step->version.upgrades;
	const size_t n = step->version.nupgrades;
	uint64_t from;

	if (from_version(name, &from, err) != 0)
		return -1;
	if (from >= step->version.to)
		return tree_err(name, err, "'from %ju' is not below 'to'",
				(uintmax_t)from);
	for (size_t i = 0; i < n; i++)
		if (all[i].from == from)
			return tree_err(name, err, "'from %ju' is there twice",
					(uintmax_t)from);
	all[n].from = from;
	step->version.nupgrades++;
	if (plan_read_steps(p, part, name + 1, &all[n].steps, &all[n].nsteps,
			    err) != 0)
		return -1;
	for (size_t i = 0; i < all[n].nsteps; i++) {
		const enum plan_step_kind kind = all[n].steps[i].kind;

		if (kind == STEP_VERSION)
			return tree_err(name + 1, err, "a version within a "
					"version");
		if (kind == STEP_EMIT)
			return tree_err(name + 1, err, "'emit' cannot stand "
					"within 'version': put it behind, as a "
					"step of its own");
	}
	all[n].mark = plan_set_path(p, &step->version.attribute, NULL,
				    from + 1, err);
	return all[n].mark != NULL ? 0 : -1;
}

static int
by_version(const void *a, const void *b)
{
	const struct plan_upgrade *const x = a, *const y = b;

	return (x->from > y->from) - (x->from < y->from);
}

/* From the oldest on there must be a way up to `to`. */
static int
check_way(const struct tree *t, const struct plan_step *step, struct err *err)
{
	struct plan_upgrade *const all = step->version.upgrades;
	const size_t n = step->version.nupgrades;

	if (n > 0)
		qsort(all, n, sizeof(*all), by_version);

	const uint64_t oldest = n > 0 ? all[0].from : step->version.to;
	for (uint64_t i = 0; i < step->version.to - oldest; i++) {
		const uint64_t v = oldest + i;

		if (i == n || all[i].from != v)
			return tree_err(t, err, "there is no 'from %ju', so "
					"there is no way from version %ju to "
					"%ju", (uintmax_t)v, (uintmax_t)v,
					(uintmax_t)v + 1);
	}
	if (step->version.has_missing && (step->version.missing < oldest ||
					  step->version.missing >
					  step->version.to))
		return tree_err(tree_get(t, "missing"), err, "'missing' must be"
				" a version from %ju to %ju",
				(uintmax_t)oldest,
				(uintmax_t)step->version.to);
	return 0;
}

static bool
is_setting(const struct tree *name)
{
	return span_is(name->text, "attribute") ||
	       span_is(name->text, "missing") || span_is(name->text, "to");
}

int
plan_read_version(struct plan *p, const struct plan_part *part,
		  const struct tree *t, struct plan_step *step,
		  struct err *err)
{
	const struct tree *const attribute = tree_get(t, "attribute");
	const struct tree *const missing = tree_get(t, "missing");
	const struct tree *const to = tree_get(t, "to");

	if (t->kind != TREE_MAP)
		return tree_err(t, err, "'version' must be a map, not %s",
				tree_kind_name(t));
	if (t->nkids / 2 > MAX_UPGRADES)
		return tree_err(t, err, "more than %d versions", MAX_UPGRADES);
	if (attribute == NULL || to == NULL)
		return tree_err(t, err, "'version' needs 'attribute' and 'to'");
	if (plan_path(p, attribute, "attribute", false,
		      &step->version.attribute, err) != 0 ||
	    plan_read_uint(to, "to", &step->version.to, err) != 0 ||
	    (missing != NULL && plan_read_uint(missing, "missing",
					       &step->version.missing,
					       err) != 0))
		return -1;
	step->version.has_missing = missing != NULL;
	step->version.mark = plan_set_path(p, &step->version.attribute, NULL,
					   step->version.to, err);
	if (step->version.mark == NULL)
		return -1;
	step->version.upgrades = plan_take(p, t->nkids / 2,
					   sizeof(struct plan_upgrade), err);
	if (step->version.upgrades == NULL)
		return -1;
	for (uint32_t i = 0; i < t->nkids; i += 2)
		if (!is_setting(&t->kids[i]) &&
		    add_upgrade(p, part, &t->kids[i], step, err) != 0)
			return -1;
	return check_way(t, step, err);
}

/* ---- expand and contract ------------------------------------------------- */

/* {old: new}; a contract takes a list of old ones, too. */
static int
read_shift(struct plan *p, const struct tree *from, const struct tree *to,
	   enum plan_step_kind kind, struct plan_shift *out, struct err *err)
{
	const char *const name = plan_step_name(kind);

	if (plan_path(p, from, name, false, &out->from, err) != 0 ||
	    (to != NULL && plan_path(p, to, name, false, &out->to, err) != 0))
		return -1;
	out->has_to = to != NULL;
	if (to != NULL && overlap(&out->from, &out->to))
		return tree_err(from, err, "'%s' and '%s' overlap",
				from->text.ptr, to->text.ptr);
	out->update = kind == STEP_EXPAND
		? plan_set_path(p, &out->to, &out->from, 0, err)
		: plan_remove_path(p, &out->from, err);
	return out->update != NULL ? 0 : -1;
}

int
plan_read_shift(struct plan *p, const struct tree *t, struct plan_step *step,
		struct err *err)
{
	const char *const name = plan_step_name(step->kind);
	const bool map = t->kind == TREE_MAP;

	if ((!map && (t->kind != TREE_LIST || step->kind == STEP_EXPAND)) ||
	    t->nkids == 0)
		return tree_err(t, err, "'%s' must be a map, {old: new}%s; not "
				"%s", name, step->kind == STEP_EXPAND ? "" :
				", or a list of attributes", t->nkids == 0 &&
				(map || t->kind == TREE_LIST) ?
				"an empty one" : tree_kind_name(t));
	if (t->nkids > 2 * MAX_RENAMES)
		return tree_err(t, err, "more than %d attributes",
				MAX_RENAMES);
	step->nshifts = map ? t->nkids / 2 : t->nkids;
	step->shifts = plan_take(p, step->nshifts, sizeof(*step->shifts), err);
	if (step->shifts == NULL)
		return -1;
	for (size_t i = 0; i < step->nshifts; i++) {
		const struct tree *const from = &t->kids[map ? 2 * i : i];

		if (read_shift(p, from, map ? from + 1 : NULL, step->kind,
			       &step->shifts[i], err) != 0)
			return -1;
	}
	return 0;
}
