#include "model/diff.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "model/compare.h"
#include "model/item.h"
#include "model/path.h"

enum { FEW = 32 };		/* slots of a map: no need to sort */

/* Two values under comparison, and the way down to where it is. */
struct walk {
	struct arena *mem;
	diff_see *see;
	void *context;
	struct err *err;
	struct path path;
	struct path_part parts[DIFF_MAX_DEPTH];
	bool some;		/* there was a change */
	bool enough;		/* no more, please */
};

static int
tell(struct walk *w, enum diff_kind kind, const struct value *was,
     const struct value *is)
{
	const struct diff_change change = {
		.kind = kind, .path = &w->path, .was = was, .is = is,
	};
	const int rc = w->see(w->context, &change, w->err);

	w->some = true;
	w->enough = rc > 0;
	return rc < 0 ? -1 : 0;
}

/* A map in which names are looked up. */
struct lookup {
	const struct value *map;
	const struct value *sorted;	/* NULL: it is small */
};

static int
prepare(struct walk *w, struct lookup *l, const struct value *map)
{
	*l = (struct lookup){ .map = map };
	if (map->len <= FEW)
		return 0;
	l->sorted = value_sorted(map, w->mem, w->err);
	return l->sorted != NULL ? 0 : -1;
}

static const struct value *
find(const struct lookup *l, const struct value *name)
{
	const struct span text = { name->text, name->len };
	uint32_t low = 0, high = l->map->len / 2;

	if (l->sorted == NULL)
		return value_attr(l->map, text, name->hash);
	while (low < high) {
		const uint32_t mid = low + (high - low) / 2;
		const struct value *const at = &l->sorted[2 * mid];
		const struct span there = { at->text, at->len };
		const int order = span_compare(text, there);

		if (order == 0)
			return at + 1;
		if (order < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return NULL;
}

static int compare(struct walk *w, const struct value *was,
		   const struct value *is);

/* One step down: two values there, of which one may be NULL. */
static int
descend(struct walk *w, struct path_part part, const struct value *was,
	const struct value *is)
{
	int rc;

	w->parts[w->path.nparts++] = part;
	if (was == NULL || is == NULL)
		rc = tell(w, was == NULL ? DIFF_ADDED : DIFF_REMOVED, was, is);
	else
		rc = compare(w, was, is);
	w->path.nparts--;
	return rc;
}

static struct path_part
named(const struct value *name)
{
	return (struct path_part){
		.kind = PATH_NAME, .hash = name->hash,
		.name = { name->text, name->len },
	};
}

static int
compare_maps(struct walk *w, const struct value *was, const struct value *is)
{
	struct lookup old, new;

	if (prepare(w, &old, was) != 0 || prepare(w, &new, is) != 0)
		return -1;
	for (uint32_t i = 0; i < was->len && !w->enough; i += 2) {
		const struct value *const name = &was->kids[i];

		if (descend(w, named(name), name + 1, find(&new, name)) != 0)
			return -1;
	}
	for (uint32_t i = 0; i < is->len && !w->enough; i += 2) {
		const struct value *const name = &is->kids[i];

		if (find(&old, name) == NULL &&
		    descend(w, named(name), NULL, name + 1) != 0)
			return -1;
	}
	return 0;
}

static int
compare_lists(struct walk *w, const struct value *was, const struct value *is)
{
	const uint32_t n = was->len > is->len ? was->len : is->len;

	for (uint32_t i = 0; i < n && !w->enough; i++)
		if (descend(w, (struct path_part){ .kind = PATH_INDEX,
						   .index = i },
			    i < was->len ? &was->kids[i] : NULL,
			    i < is->len ? &is->kids[i] : NULL) != 0)
			return -1;
	return 0;
}

/*
 * Can it be seen at once that two containers are equal: are they one, or the
 * same bytes of input?  The map of an item has no such bytes: see item.h.
 */
static bool
same_at_once(const struct walk *w, const struct value *a,
	     const struct value *b)
{
	if (a->kids == b->kids && a->len == b->len)
		return true;
	return w->path.nparts > 0 && (a->flags & b->flags & VALUE_RAW) != 0 &&
	       span_equal(value_raw(a), value_raw(b));
}

static int
compare(struct walk *w, const struct value *was, const struct value *is)
{
	const bool down = was->type == is->type &&
			  (was->type == VALUE_M || was->type == VALUE_L) &&
			  w->path.nparts < DIFF_MAX_DEPTH;

	if (down && same_at_once(w, was, is))
		return 0;
	if (down)
		return was->type == VALUE_M ? compare_maps(w, was, is)
					    : compare_lists(w, was, is);

	const int equal = value_equal(was, is, w->mem, w->err);
	if (equal != 0)
		return equal < 0 ? -1 : 0;
	return tell(w, DIFF_CHANGED, was, is);
}

int
diff_values(const struct value *was, const struct value *is,
	    struct arena *mem, diff_see *see, void *context, struct err *err)
{
	struct walk w = { .mem = mem, .see = see, .context = context,
			  .err = err };

	w.path.parts = w.parts;
	return compare(&w, was, is) != 0 ? -1 : w.some;
}

/* A member as a value of its own, which does not stand in the input. */
static struct value
alone(const struct value *m)
{
	return value_of_text((enum value_type)m->type,
			     (struct span){ m->text, m->len });
}

int
diff_members(const struct value *was, const struct value *is,
	     struct arena *mem, diff_see *see, void *context, struct err *err)
{
	struct walk w = { .mem = mem, .see = see, .context = context,
			  .err = err };
	const struct value *old, *new;
	uint32_t i = 0, k = 0;

	assert(value_is_set(was) && was->type == is->type);
	w.path.parts = w.parts;
	old = value_sorted(was, mem, err);
	new = value_sorted(is, mem, err);
	if (old == NULL || new == NULL)
		return -1;
	while ((i < was->len || k < is->len) && !w.enough) {
		int order = i == was->len ? 1 : -1, rc = 0;

		if (i < was->len && k < is->len &&
		    value_order(&old[i], &new[k], mem, &order, err) != 0)
			return -1;
		if (order != 0) {
			const struct value v = alone(order < 0 ? &old[i]
							       : &new[k]);

			rc = order < 0 ? tell(&w, DIFF_REMOVED, &v, NULL)
				       : tell(&w, DIFF_ADDED, NULL, &v);
		}
		if (rc != 0)
			return -1;
		i += order <= 0;
		k += order >= 0;
	}
	return w.some;
}
