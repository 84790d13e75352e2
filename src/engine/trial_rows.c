/*
 * trial_rows.c - an item before and after, attribute by attribute.
 *
 * What steps renamed is moved in a copy of the item before, and that copy is
 * compared: so a renamed attribute is paired with its old self, and what
 * differs inside it is found as well.
 */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "engine/rename.h"
#include "engine/trial_internal.h"
#include "model/compare.h"
#include "model/diff.h"
#include "model/item.h"

/* ---- what the plan says -------------------------------------------------- */

static bool
same_part(const struct path_part *a, const struct path_part *b)
{
	if (a->kind != b->kind)
		return false;
	if (a->kind == PATH_NAME)
		return span_equal(a->name, b->name);
	return a->kind != PATH_INDEX || a->index == b->index;
}

/* Do the paths have `n` parts in common, from the front? */
static bool
same_parts(const struct path *a, const struct path *b, size_t n)
{
	if (a->nparts < n || b->nparts < n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!same_part(&a->parts[i], &b->parts[i]))
			return false;
	return true;
}

static bool
same_path(const struct path *a, const struct path *b)
{
	return a->nparts == b->nparts && same_parts(a, b, a->nparts);
}

/* Is one of them the other, or inside it? */
static bool
overlap(const struct path *a, const struct path *b)
{
	return same_parts(a, b, a->nparts < b->nparts ? a->nparts : b->nparts);
}

/* What does not fit, and that is a lot, is seen as removed and added. */
static void
add_pair(struct trial_lore *l, const struct path *from, const struct path *to,
	 bool certain)
{
	if (l->npairs < l->cap)
		l->pairs[l->npairs++] = (struct trial_pair){
			*from, *to, certain,
		};
}

/*
 * One step more.  Its pairs go by the names that the pairs before it gave, and
 * all at once; one with a `when` may leave those as they are.  What it does
 * inside of something renamed before is left to be seen as removed and added.
 */
static void
add_renames(struct trial_lore *l, const struct plan_step *s)
{
	const size_t before = l->npairs;

	for (size_t k = 0; k < before; k++) {
		struct trial_pair *const p = &l->pairs[k];

		for (size_t i = 0; i < s->nrenames; i++) {
			if (!same_path(&p->to, &s->renames[i].from))
				continue;
			if (s->when == NULL)
				p->to = s->renames[i].to;
			else
				add_pair(l, &p->from, &s->renames[i].to,
					 false);
			break;
		}
	}
	for (size_t i = 0; i < s->nrenames; i++) {
		const struct plan_rename *const r = &s->renames[i];
		bool clash = false;

		for (size_t k = 0; k < l->npairs; k++)
			clash |= overlap(&l->pairs[k].from, &r->from) ||
				 overlap(&l->pairs[k].to, &r->to);
		if (!clash)
			add_pair(l, &r->from, &r->to, s->when == NULL);
	}
}

static int
make_room(struct trial_lore *l, const struct plan_table *t,
	  struct arena *mem, struct err *err)
{
	for (size_t i = 0; i < t->npasses; i++)
		for (size_t k = 0; k < t->passes[i].nsteps; k++)
			l->cap += 2 * t->passes[i].steps[k].nrenames;
	l->pairs = arena_take(mem, (l->cap + 1) * sizeof(*l->pairs), err);
	return l->pairs != NULL ? 0 : -1;
}

int
trial_lore_init(struct trial_lore *l, const struct plan_table *t,
		struct arena *mem, struct err *err)
{
	*l = (struct trial_lore){ 0 };
	if (make_room(l, t, mem, err) != 0)
		return -1;
	for (size_t i = 0; i < t->npasses; i++)
		for (size_t k = 0; k < t->passes[i].nsteps; k++)
			if (t->passes[i].steps[k].kind == STEP_RENAME)
				add_renames(l, &t->passes[i].steps[k]);

	l->rules = arena_take(mem, (t->nrules + 1) * sizeof(*l->rules), err);
	if (l->rules == NULL)
		return -1;
	for (; l->nrules < t->nrules; l->nrules++)
		if (path_parse(&l->rules[l->nrules],
			       span_of(t->rules[l->nrules].path), true, NULL,
			       err) != 0)
			return -1;
	return 0;
}

void
trial_lore_free(struct trial_lore *l)
{
	for (size_t i = 0; i < l->nrules; i++)
		path_free(&l->rules[i]);
}

/* ---- one item ------------------------------------------------------------ */

/* A row on its way, and where it is to stand. */
struct draft {
	struct trial_row row;
	uint32_t place;		/* of its attribute in the item before */
	uint32_t number;	/* in the order of being made */
};

struct rows {
	const struct trial_lore *lore;
	const struct item *before, *after;
	struct arena *mem;
	struct plan_rename *pairs;	/* that the item has */
	uint32_t *places;	/* of their old selves */
	size_t npairs;
	struct buf drafts;
	struct buf text;
	bool *touched;		/* attributes before: there is a row */
	uint32_t nbefore;	/* attributes */
	uint32_t cursor;	/* the attribute that was looked at last */
};

/* Does the rule mean what stands there in the source item? */
static bool
means(const struct path *rule, const struct path *at)
{
	const size_t n = at->nparts;

	/* A list or set stands for its elements, and the other way round. */
	if (rule->nparts != n &&
	    !(rule->nparts == n + 1 &&
	      rule->parts[n].kind == PATH_ALL_ELEMENTS) &&
	    !(rule->nparts + 1 == n && at->parts[n - 1].kind == PATH_INDEX))
		return false;
	for (size_t i = 0; i < n && i < rule->nparts; i++) {
		const struct path_part *const r = &rule->parts[i];
		const struct path_part *const a = &at->parts[i];

		if (!same_part(r, a) &&
		    !(r->kind == PATH_ALL_ELEMENTS && a->kind == PATH_INDEX) &&
		    !(r->kind == PATH_ALL_VALUES && a->kind == PATH_NAME))
			return false;
	}
	return true;
}

static bool
is_id(const struct rows *r, const struct path *at)
{
	for (size_t i = 0; i < r->lore->nrules; i++)
		if (means(&r->lore->rules[i], at))
			return true;
	return false;
}

static int
print(struct rows *r, const struct path *p, struct span *out, struct err *err)
{
	buf_reset(&r->text);
	if (path_print(p, &r->text, err) != 0)
		return -1;
	*out = arena_copy(r->mem, buf_span(&r->text), err);
	return out->ptr != NULL ? 0 : -1;
}

static int
add(struct rows *r, const struct trial_row *row, uint32_t place,
    struct err *err)
{
	const struct draft d = {
		.row = *row, .place = place,
		.number = (uint32_t)(r->drafts.len / sizeof(d)),
	};

	if (place < r->nbefore)
		r->touched[place] = true;
	return buf_append(&r->drafts, (struct span){ (const uint8_t *)&d,
						     sizeof(d) }, err);
}

/* The number of the attribute that the path begins with. */
static uint32_t
place_of(const struct rows *r, const struct path *p)
{
	const struct path_part *const top = &p->parts[0];
	const struct value *const v = value_attr(&r->before->map, top->name,
						 top->hash);

	return v == NULL ? r->nbefore
			 : (uint32_t)((v - r->before->map.kids) / 2);
}

/*
 * The same of a path in the copy, whose names are those of the item before but
 * for the renamed: they come in their order, so this looks ahead only.
 */
static uint32_t
next_place(struct rows *r, const struct path *p)
{
	const struct value *const kids = r->before->map.kids;
	const uint8_t *const name = p->parts[0].name.ptr;

	for (uint32_t i = r->cursor; i < r->nbefore; i++)
		if (kids[2 * i].text == name)
			return r->cursor = i;
	return r->nbefore;
}

/* The pair whose new place is the path, or around it; npairs: none. */
static size_t
pair_of(const struct rows *r, const struct path *p)
{
	size_t i = 0;

	while (i < r->npairs &&
	       !same_parts(&r->pairs[i].to, p, r->pairs[i].to.nparts))
		i++;
	return i;
}

/* What is at `p` in the copy was where in the source? */
static struct path
source_of(const struct plan_rename *pair, const struct path *p,
	  struct path_part *room)
{
	const size_t cut = pair != NULL ? pair->to.nparts : 0;
	const size_t from = pair != NULL ? pair->from.nparts : 0;
	size_t n = 0;

	for (size_t i = 0; i < from && n < DIFF_MAX_DEPTH; i++)
		room[n++] = pair->from.parts[i];
	for (size_t i = cut; i < p->nparts && n < DIFF_MAX_DEPTH; i++)
		room[n++] = p->parts[i];
	return (struct path){ .parts = room, .nparts = n };
}

static int
see(void *context, const struct diff_change *c, struct err *err)
{
	struct rows *const r = context;
	const size_t i = pair_of(r, c->path);
	const struct plan_rename *const pair = i < r->npairs ? &r->pairs[i]
							     : NULL;
	struct path_part room[DIFF_MAX_DEPTH];
	const struct path source = source_of(pair, c->path, room);
	struct trial_row row = {
		.kind = c->kind == DIFF_ADDED ? ROW_ADDED
		      : c->kind == DIFF_REMOVED ? ROW_REMOVED : ROW_CHANGED,
		.was = c->was, .is = c->is, .is_id = is_id(r, &source),
	};

	if (pair != NULL && pair->to.nparts == c->path->nparts)
		return 0;	/* the pair has its row */
	if (print(r, c->path, &row.path, err) != 0)
		return -1;
	return add(r, &row, pair != NULL ? r->places[i] :
		   c->kind == DIFF_ADDED && c->path->nparts == 1 ? r->nbefore :
		   next_place(r, c->path), err);
}

/* Which of the pairs did this item take? */
static int
choose_pairs(struct rows *r, struct err *err)
{
	const struct trial_lore *const l = r->lore;

	r->pairs = arena_take(r->mem, (l->npairs + 1) * sizeof(*r->pairs),
			      err);
	r->places = arena_take(r->mem, (l->npairs + 1) * sizeof(*r->places),
			       err);
	if (r->pairs == NULL || r->places == NULL)
		return -1;
	for (size_t i = 0; i < l->npairs; i++) {
		const struct trial_pair *const p = &l->pairs[i];
		const struct value *const was = path_follow(&p->from,
							    &r->before->map);
		const struct value *const is = path_follow(&p->to,
							   &r->after->map);
		int yes = p->certain;
		bool taken = false;

		for (size_t k = 0; k < r->npairs; k++)
			taken |= overlap(&r->pairs[k].from, &p->from) ||
				 overlap(&r->pairs[k].to, &p->to);
		if (taken || was == NULL || is == NULL ||
		    same_path(&p->from, &p->to))
			continue;
		if (!yes)
			yes = path_follow(&p->from, &r->after->map) == NULL;
		if (!yes)
			yes = value_equal(was, is, r->mem, err);
		if (yes < 0)
			return -1;
		if (!yes)
			continue;
		r->places[r->npairs] = place_of(r, &p->from);
		r->pairs[r->npairs++] = (struct plan_rename){ p->from, p->to };
	}
	return 0;
}

/* The item before, with what was renamed where it is now. */
static int
move(struct rows *r, struct item *copy, struct err *err)
{
	const struct plan_step step = {
		.kind = STEP_RENAME, .renames = r->pairs,
		.nrenames = r->npairs, .overwrite = true,
	};
	struct err why;

	*copy = *r->before;
	if (r->npairs == 0)
		return 0;
	if (value_own(&copy->map, 0, r->mem, err) != 0)
		return -1;
	if (rename_apply(&step, copy, r->mem, &why) == 0)
		return 0;
	if (why.code != ERR_INPUT) {
		*err = why;
		return -1;
	}
	/* Other steps had made the place for it: then it is not paired. */
	r->npairs = 0;
	*copy = *r->before;
	return 0;
}

/* A row for each pair, and for what it was written over. */
static int
add_pairs(struct rows *r, struct err *err)
{
	for (size_t i = 0; i < r->npairs; i++) {
		const struct path *const from = &r->pairs[i].from;
		const struct path *const to = &r->pairs[i].to;
		struct trial_row row = {
			.kind = ROW_CHANGED, .is_id = is_id(r, from),
			.was = path_follow(from, &r->before->map),
			.is = path_follow(to, &r->after->map),
		};
		struct trial_row lost = {
			.kind = ROW_REMOVED,
			.was = path_follow(to, &r->before->map),
		};

		if (print(r, to, &row.path, err) != 0 ||
		    print(r, from, &row.from, err) != 0 ||
		    add(r, &row, r->places[i], err) != 0)
			return -1;
		for (size_t k = 0; k < r->npairs; k++)
			if (overlap(&r->pairs[k].from, to))
				lost.was = NULL;	/* it moved away */
		lost.path = row.path;
		if (lost.was != NULL &&
		    add(r, &lost, place_of(r, to), err) != 0)
			return -1;
	}
	return 0;
}

/* The attributes that nothing was said about are the same. */
static int
add_same(struct rows *r, struct err *err)
{
	const struct value *const kids = r->before->map.kids;

	for (uint32_t i = 0; i < r->nbefore; i++) {
		struct path_part part = {
			.kind = PATH_NAME,
			.name = { kids[2 * i].text, kids[2 * i].len },
		};
		const struct path path = { .parts = &part, .nparts = 1 };
		struct trial_row row = {
			.kind = ROW_SAME, .was = &kids[2 * i + 1],
			.is = &kids[2 * i + 1],
		};

		if (r->touched[i])
			continue;
		row.is_id = is_id(r, &path);
		if (print(r, &path, &row.path, err) != 0 ||
		    add(r, &row, i, err) != 0)
			return -1;
	}
	return 0;
}

static int
by_place(const void *a, const void *b)
{
	const struct draft *const x = a, *const y = b;

	if (x->place != y->place)
		return x->place < y->place ? -1 : 1;
	return x->number < y->number ? -1 : 1;
}

/* The drafts in order, in the arena. */
static int
settle(struct rows *r, struct trial_output *out, struct err *err)
{
	const size_t n = r->drafts.len / sizeof(struct draft);
	struct trial_row *const rows = arena_take(r->mem,
		(n + 1) * sizeof(*rows), err);
	struct draft *const drafts = (struct draft *)(void *)r->drafts.ptr;

	if (rows == NULL)
		return -1;
	if (n > 0)
		qsort(drafts, n, sizeof(*drafts), by_place);
	for (size_t i = 0; i < n; i++)
		rows[i] = drafts[i].row;
	out->rows = rows;
	out->nrows = n;
	return 0;
}

int
trial_rows(const struct trial_lore *l, const struct item *before,
	   struct arena *mem, struct trial_output *out, struct err *err)
{
	struct rows r = {
		.lore = l, .before = before, .after = out->item, .mem = mem,
		.nbefore = before->map.len / 2,
	};
	struct item copy;
	int rc = -1;

	r.touched = arena_take(mem, r.nbefore + 1, err);
	if (r.touched == NULL)
		return -1;
	memset(r.touched, 0, r.nbefore + 1);
	if (choose_pairs(&r, err) == 0 && move(&r, &copy, err) == 0 &&
	    add_pairs(&r, err) == 0 &&
	    diff_values(&copy.map, &out->item->map, mem, see, &r, err) >= 0 &&
	    add_same(&r, err) == 0)
		rc = settle(&r, out, err);
	buf_free(&r.drafts);
	buf_free(&r.text);
	return rc;
}
