#include "engine/rename.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "engine/plan.h"
#include "model/item.h"
#include "model/path.h"

/* "attribute 'a.b' ..." */
static int
refuse(const struct path *p, const char *what, struct err *err)
{
	struct buf text = { 0 };
	struct err ignored = { 0 };

	if (path_print(p, &text, &ignored) != 0)
		text.len = 0;
	err_set(err, ERR_INPUT, "attribute '%.*s' %s", (int)text.len,
		text.len > 0 ? (const char *)text.ptr : "", what);
	buf_free(&text);
	return -1;
}

/* One pair, both at the top of the item: a new name in the old one's slot. */
static int
rename_top(const struct plan_rename *pair, bool overwrite, struct item *item,
	   struct err *err)
{
	const struct path_part *const from = &pair->from.parts[0];
	const struct path_part *const to = &pair->to.parts[0];
	struct value *v = value_attr(&item->map, from->name, from->hash);

	if (v == NULL || span_equal(from->name, to->name))
		return 0;

	struct value *const old = value_attr(&item->map, to->name, to->hash);
	if (old != NULL) {
		if (!overwrite)
			return refuse(&pair->to, "exists already", err);
		value_remove_attr(&item->map, old);
		v = value_attr(&item->map, from->name, from->hash);
	}
	v[-1] = value_of_name(to->name);
	item->map.flags &= (uint8_t)~VALUE_RAW;
	return 0;
}

/*
 * The container that holds the last part of `p`, every container on the way
 * made the item's own; maps that are missing are made if `make`.  *out is NULL
 * if there is none.  Returns 0 or -1.
 */
static int
parent(const struct path *p, struct item *item, bool make, struct arena *mem,
       struct value **out, struct err *err)
{
	struct value *at = &item->map;

	*out = NULL;
	if (value_own(at, 0, mem, err) != 0)
		return -1;
	for (size_t i = 0; i + 1 < p->nparts; i++) {
		const struct path_part *const part = &p->parts[i];
		struct value *next = NULL;

		if (part->kind == PATH_NAME && at->type == VALUE_M) {
			next = value_attr(at, part->name, part->hash);
			if (next == NULL && make) {
				const struct value empty =
					value_of_kids(VALUE_M, NULL, 0);

				if (value_set_attr(at, part->name, &empty, mem,
						   err) != 0)
					return -1;
				next = value_attr(at, part->name, part->hash);
			}
		} else if (part->kind == PATH_INDEX && at->type == VALUE_L &&
			   part->index < at->len) {
			next = &at->kids[part->index];
		}
		if (next == NULL || (next->type != VALUE_M &&
				     next->type != VALUE_L))
			return make ? refuse(p, "has a parent that is no map",
					     err) : 0;
		if (value_own(next, 0, mem, err) != 0)
			return -1;
		at = next;
	}
	*out = at;
	return 0;
}

/* Take the value at `p` out of the item.  *found says whether there was one. */
static int
take(const struct path *p, struct item *item, struct arena *mem,
     struct value *out, bool *found, struct err *err)
{
	const struct path_part *const last = &p->parts[p->nparts - 1];
	struct value *from;

	*found = path_follow(p, &item->map) != NULL;
	if (!*found)
		return 0;
	if (parent(p, item, false, mem, &from, err) != 0)
		return -1;
	if (from == NULL)
		return err_set(err, ERR_INPUT, "an attribute moved twice");
	if (last->kind == PATH_NAME) {
		struct value *const v = value_attr(from, last->name,
						   last->hash);

		*out = *v;
		value_remove_attr(from, v);
	} else {
		*out = from->kids[last->index];
		memmove(&from->kids[last->index], &from->kids[last->index + 1],
			(from->len - last->index - 1) * sizeof(*out));
		from->len--;
	}
	return 0;
}

static int
put(const struct path *p, struct item *item, const struct value *v,
    bool overwrite, struct arena *mem, struct err *err)
{
	const struct path_part *const last = &p->parts[p->nparts - 1];
	struct value *to;

	if (parent(p, item, true, mem, &to, err) != 0)
		return -1;
	if (last->kind != PATH_NAME || to->type != VALUE_M)
		return refuse(p, "has a parent that is no map", err);
	if (!overwrite && value_attr(to, last->name, last->hash) != NULL)
		return refuse(p, "exists already", err);
	return value_set_attr(to, last->name, v, mem, err);
}

int
rename_apply(const struct plan_step *step, struct item *item,
	     struct arena *mem, struct err *err)
{
	const size_t n = step->nrenames;

	if (n == 1 && step->renames[0].from.nparts == 1 &&
	    step->renames[0].to.nparts == 1)
		return rename_top(&step->renames[0], step->overwrite, item,
				  err);

	/* All are taken before any is put, so that a swap works. */
	struct value *const taken = arena_take(mem, n * sizeof(*taken), err);
	bool *const found = arena_take(mem, n * sizeof(*found), err);
	if (taken == NULL || found == NULL)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (take(&step->renames[i].from, item, mem, &taken[i],
			 &found[i], err) != 0)
			return -1;
	for (size_t i = 0; i < n; i++)
		if (found[i] && put(&step->renames[i].to, item, &taken[i],
				    step->overwrite, mem, err) != 0)
			return -1;
	return 0;
}

int
rename_key(const struct plan_table *t, struct item *item, struct arena *mem,
	   char step[48], struct err *err)
{
	for (size_t i = 0; i < t->npasses; i++)
		for (size_t k = 0; k < t->passes[i].nsteps; k++) {
			const struct plan_step *const s =
				&t->passes[i].steps[k];

			if (s->kind != STEP_RENAME || s->when != NULL ||
			    rename_apply(s, item, mem, err) == 0)
				continue;
			snprintf(step, 48, "step %zu (rename)", k + 1);
			return -1;
		}
	return 0;
}
