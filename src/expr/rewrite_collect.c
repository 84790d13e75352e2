/*
 * rewrite_collect.c - find what the rules say about one item.
 *
 * One pass over the item's attributes finds, by a table of first names, the
 * rules that concern them; nothing is changed here, so that a rejected item is
 * as it was, and `when` and every rule see it as it is in the source.
 */
#include <string.h>

#include "base/err.h"
#include "expr/expr.h"
#include "expr/rewrite_internal.h"
#include "model/names.h"

struct walk {
	const struct rewrite *rw;
	struct rewrite_queue *q;
	const struct expr_run *run;
	const struct item *item;
	uint32_t item_number;
	uint32_t rule;
	uint32_t root;		/* the item's place, once it has one */
	uint16_t depth;
	bool only_ids;		/* the item is rejected */
	struct err *err;
};

/* How far a queue was filled. */
struct mark {
	size_t nuses, nids, nquicks, nchanges, nplaces, ncaught;
};

static int
leave(struct walk *w, enum rewrite_left why, const struct value *v)
{
	struct rewrite_queue *const q = w->q;

	if (w->only_ids)
		return 0;
	if (why == LEFT_NOT_AN_ID && w->rw->strict_ids)
		return err_set(w->err, ERR_INPUT, "'%s' holds a value of type "
			       "%s that is not an id",
			       w->rw->rules[w->rule].path_text,
			       value_type_name((enum value_type)v->type));
	if (LIST_ROOM(q->lefts, &q->nlefts, w->err) != 0)
		return -1;
	q->lefts[q->nlefts.len++] = w->rule * LEFT_KINDS + why;
	return 0;
}

/* A place for `container`, inside `parent`.  NONE if memory is refused. */
static uint32_t
push_place(struct walk *w, struct value *container, uint32_t parent)
{
	struct rewrite_queue *const q = w->q;

	if (LIST_ROOM(q->places, &q->nplaces, w->err) != 0)
		return NONE;
	q->places[q->nplaces.len] = (struct place){
		.container = container, .parent = parent,
		.owner = (uint32_t)q->nowners.len, .rule = w->rule,
		.depth = w->depth };
	return (uint32_t)q->nplaces.len++;
}

static int
push_change(struct walk *w, struct value *v, const struct choice *c,
	    uint32_t place, size_t use)
{
	struct rewrite_queue *const q = w->q;

	if (LIST_ROOM(q->changes, &q->nchanges, w->err) != 0)
		return -1;
	q->changes[q->nchanges.len++] = (struct change){
		.at = v, .choice = c, .place = place,
		.owner = (uint32_t)q->nowners.len, .use = (uint32_t)use,
		.caught = (uint32_t)q->ncaught.len };
	return 0;
}

/* One id.  Returns 1, 0 if it is none, or -1. */
static int
take_id(struct walk *w, const struct hole *h, enum value_type type,
	struct span text)
{
	struct rewrite_queue *const q = w->q;
	struct remap_id *id;
	int rc;

	if (LIST_ROOM(q->uses, &q->nuses, w->err) != 0 ||
	    LIST_ROOM(q->ids, &q->nids, w->err) != 0)
		return -1;
	id = &q->ids[q->nids.len];
	rc = remap_understand(h->remap, type, text, id, w->run->mem, w->err);
	if (rc < 0)
		return err_at(w->err, "'%s'",
			      w->rw->rules[w->rule].path_text);
	if (rc == 0)
		return 0;
	id->number = (uint32_t)q->nuses.len;
	q->nids.len++;
	q->uses[q->nuses.len++] = (struct rewrite_use){
		.item = w->item_number, .rule = w->rule, .table = h->table,
		.flags = (uint8_t)(h->flags | (!id->fixed ? 0 : id->mapped
					       ? USE_MAPPED : USE_SAME)),
		.type = id->type, .source = id->source };
	return 1;
}

/* The value as an id.  Returns 1, 0 if it is none, or -1. */
static int
take_whole(struct walk *w, struct value *v, struct span text,
	   const struct choice *c, uint32_t place)
{
	const int rc = take_id(w, &c->holes[0], (enum value_type)v->type,
			       text);

	if (rc <= 0)
		return rc;
	return push_change(w, v, c, place, w->q->nuses.len - 1) != 0 ? -1 : 1;
}

/* The ids that the pattern caught.  Returns 1, 0 if one is none, or -1. */
static int
take_caught(struct walk *w, struct value *v, const struct choice *c,
	    uint32_t place)
{
	struct rewrite_queue *const q = w->q;
	const size_t nuses = q->nuses.len, nids = q->nids.len;
	int rc = 1;

	for (size_t i = 0; i < c->nholes && rc > 0; i++)
		if (!c->holes[i].any)
			rc = take_id(w, &c->holes[i], VALUE_S, q->match[i]);
	if (rc <= 0) {
		q->nuses.len = nuses;
		q->nids.len = nids;
		return rc;
	}
	if (push_change(w, v, c, place, nuses) != 0 ||
	    list_grow(&q->caught, &q->ncaught, c->nholes, sizeof(*q->caught),
		      w->err) != 0)
		return -1;
	memcpy(q->caught + q->ncaught.len, q->match,
	       c->nholes * sizeof(*q->match));
	q->ncaught.len += c->nholes;
	return 1;
}

/* Does choice `i` of the rule hold for this item?  Asked once an item. */
static int
holds(struct walk *w, const struct choice *c, size_t i)
{
	int8_t *const known = &w->q->whens[i];

	if (c->when == NULL)
		return 1;
	if (*known < 0) {
		const int rc = expr_test(c->when, w->run, w->item, w->err);

		if (rc < 0)
			return err_at(w->err, "'when' of '%s'",
				      w->rw->rules[w->rule].path_text);
		*known = (int8_t)rc;
	}
	return *known;
}

/* An S, N or B: by the first choice that fits. */
static int
take_text(struct walk *w, struct value *v, uint32_t place)
{
	const struct rule *const rule = &w->rw->rules[w->rule];
	enum rewrite_left why = LEFT_NO_MATCH;
	struct span text;

	if (value_text(v, w->run->mem, &text, w->err) != 0)
		return -1;
	for (size_t i = 0; i < rule->nchoices; i++) {
		const struct choice *const c = &rule->choices[i];
		int rc = holds(w, c, i);

		if (rc < 0)
			return -1;
		if (rc == 0)
			continue;
		if (c->whole) {
			rc = take_whole(w, v, text, c, place);
			if (rc == 0)
				why = LEFT_NOT_AN_ID;
		} else if (v->type != VALUE_S) {
			why = LEFT_NOT_AN_ID;
			continue;
		} else if (pattern_match(&c->pattern, text, w->q->match)) {
			rc = take_caught(w, v, c, place);
		} else {
			continue;
		}
		if (rc != 0)
			return rc < 0 ? -1 : 0;
	}
	return leave(w, why, v);
}

/* A value that is no container, or is one where none should be. */
static int
take_scalar(struct walk *w, struct value *v, uint32_t place)
{
	switch (v->type) {
	case VALUE_S:
	case VALUE_N:
	case VALUE_B:
		if (v->len > 0)
			return take_text(w, v, place);
		return leave(w, LEFT_NULL, v);
	case VALUE_NULL:
		return leave(w, LEFT_NULL, v);
	default:
		return leave(w, LEFT_NOT_AN_ID, v);
	}
}

/* Follow `parts` from `v`, which is in `place`, to where the rule ends. */
static int follow(struct walk *w, const struct path_part *parts, size_t nparts,
		  struct value *v, uint32_t place);

/* Every child of `v`, from slot `first` in steps of `step`. */
static int
follow_each(struct walk *w, const struct path_part *parts, size_t nparts,
	    struct value *v, uint32_t place, uint32_t first, uint32_t step)
{
	for (uint32_t i = first; i < v->len; i += step)
		if (follow(w, parts, nparts, &v->kids[i], place) != 0)
			return -1;
	return 0;
}

/* Inside container `v`; its place is there only while something needs it. */
static int
descend(struct walk *w, const struct path_part *parts, size_t nparts,
	struct value *v, uint32_t parent)
{
	const size_t nplaces = w->q->nplaces.len;
	const size_t nchanges = w->q->nchanges.len;
	const bool is_list = v->type != VALUE_M;
	const enum path_kind kind = parts->kind;
	struct value *kid;
	uint32_t place;
	int rc = 0;

	w->depth++;
	place = push_place(w, v, parent);
	if (place == NONE)
		return -1;
	if (kind == PATH_ALL_ELEMENTS && is_list) {
		rc = follow_each(w, parts + 1, nparts - 1, v, place, 0, 1);
	} else if (kind == PATH_ALL_VALUES && !is_list) {
		rc = follow_each(w, parts + 1, nparts - 1, v, place, 1, 2);
	} else if (!value_is_set(v)) {
		kid = path_step(parts, v);
		if (kid != NULL)
			rc = follow(w, parts + 1, nparts - 1, kid, place);
	}
	w->depth--;
	if (w->q->nchanges.len == nchanges)
		w->q->nplaces.len = nplaces;
	return rc;
}

/* At the end of the path: a list or set stands for what is in it. */
static int
take(struct walk *w, struct value *v, uint32_t parent)
{
	const size_t nplaces = w->q->nplaces.len;
	const size_t nchanges = w->q->nchanges.len;
	uint32_t place;

	if (v->type != VALUE_L && !value_is_set(v))
		return take_scalar(w, v, parent);

	w->depth++;
	place = push_place(w, v, parent);
	if (place == NONE)
		return -1;
	for (uint32_t i = 0; i < v->len; i++)
		if (take_scalar(w, &v->kids[i], place) != 0)
			return -1;
	w->depth--;
	if (w->q->nchanges.len == nchanges)
		w->q->nplaces.len = nplaces;
	return 0;
}

static int
follow(struct walk *w, const struct path_part *parts, size_t nparts,
       struct value *v, uint32_t place)
{
	if (nparts == 0)
		return take(w, v, place);
	if (!value_is_container(v))
		return 0;
	return descend(w, parts, nparts, v, place);
}

/* Nearly every id: an S, where a rule names it and its digest decides. */
static int
take_simple(struct walk *w, struct value *v, const struct rule *r)
{
	const struct hole *const h = &r->choices[0].holes[0];
	const struct span text = { v->text, v->len };
	struct rewrite_queue *const q = w->q;

	if (LIST_ROOM(q->uses, &q->nuses, w->err) != 0 ||
	    LIST_ROOM(q->ids, &q->nids, w->err) != 0 ||
	    push_change(w, v, &r->choices[0], w->root, q->nuses.len) != 0)
		return -1;
	q->ids[q->nids.len++] = (struct remap_id){
		.remap = h->remap, .type = VALUE_S, .letter = 'S',
		.number = (uint32_t)q->nuses.len, .source = text };
	q->uses[q->nuses.len++] = (struct rewrite_use){
		.item = w->item_number, .rule = w->rule, .table = h->table,
		.flags = h->flags, .type = VALUE_S, .source = text };
	return 0;
}

/* The rules from `first` on, for the attribute whose value is `v`. */
static int
run_rules(struct walk *w, uint32_t first, struct value *v)
{
	for (uint32_t i = first; i != NONE; i = w->rw->rules[i].next) {
		const struct rule *const r = &w->rw->rules[i];

		w->rule = i;
		if (w->only_ids && !r->is_id)
			continue;
		if (r->quick && !w->only_ids && is_quick(r, v)) {
			if (LIST_ROOM(w->q->uses, &w->q->nuses, w->err) != 0 ||
			    LIST_ROOM(w->q->quicks, &w->q->nquicks,
				      w->err) != 0)
				return -1;
			take_quick(w->q, w->rw, i, w->item_number, v);
			continue;
		}
		if (w->root == NONE) {
			w->root = push_place(w, NULL, NONE);
			if (w->root == NONE)
				return -1;
		}
		if (r->simple && v->type == VALUE_S && v->len > 0 &&
		    (v->flags & VALUE_ESC) == 0) {
			if (take_simple(w, v, r) != 0)
				return -1;
			continue;
		}
		memset(w->q->whens, -1, r->nchoices);
		if (follow(w, r->path.parts + 1, r->path.nparts - 1, v,
			   w->root) != 0)
			return -1;
	}
	return 0;
}

/* The rules that name the attribute `name` first, or NONE. */
static inline uint32_t
rules_of(const struct rewrite *rw, const struct value *name)
{
	size_t i = name->hash & rw->mask;

	for (; rw->slots[i].rule != NONE; i = (i + 1) & rw->mask) {
		const struct slot *const s = &rw->slots[i];

		if (s->hash == name->hash && s->len == name->len &&
		    names_same(s->name, name->text, s->len))
			return s->rule;
	}
	return NONE;
}

static int
walk_item(struct walk *w, struct value *map)
{
	for (uint32_t i = 0; i < map->len; i += 2) {
		const uint32_t rule = rules_of(w->rw, &map->kids[i]);

		if (rule != NONE && run_rules(w, rule, &map->kids[i + 1]) != 0)
			return -1;
		if (w->rw->other != NONE &&
		    run_rules(w, w->rw->other, &map->kids[i + 1]) != 0)
			return -1;
	}
	return 0;
}

static int
prepare(struct rewrite_queue *q, const struct rewrite *rw, struct err *err)
{
	if (list_grow(&q->whens, &q->nwhens, rw->max_choices, 1, err) != 0 ||
	    list_grow(&q->match, &q->nmatch, rw->max_caught,
		      sizeof(*q->match), err) != 0)
		return -1;
	return LIST_ROOM(q->owners, &q->nowners, err);
}

/* What is counted, now that the item is not rejected any more. */
static void
count(struct rewrite_queue *q, uint64_t *left)
{
	for (size_t i = 0; i < q->nlefts.len; i++)
		left[q->lefts[i]]++;
}

static struct mark
mark_of(const struct rewrite_queue *q)
{
	return (struct mark){ q->nuses.len, q->nids.len, q->nquicks.len,
			      q->nchanges.len, q->nplaces.len,
			      q->ncaught.len };
}

static void
go_back(struct rewrite_queue *q, const struct mark *m)
{
	q->nuses.len = m->nuses;
	q->nids.len = m->nids;
	q->nquicks.len = m->nquicks;
	q->nchanges.len = m->nchanges;
	q->nplaces.len = m->nplaces;
	q->ncaught.len = m->ncaught;
}

/*
 * Of a rejected item nothing is changed and nothing counted, but its own ids
 * are still logged, so that who refers to it is told what became of it.
 */
static void
log_rejected(struct walk *w, struct value *map)
{
	struct rewrite_queue *const q = w->q;
	struct mark m = mark_of(q);
	struct err ignored;

	*w = (struct walk){ .rw = w->rw, .q = q, .run = w->run,
			    .item = w->item, .item_number = w->item_number,
			    .root = NONE, .only_ids = true, .err = &ignored };
	if (walk_item(w, map) == 0) {
		m.nuses = q->nuses.len;
		m.nids = q->nids.len;
	}
	go_back(q, &m);
}

int
rewrite_collect(const struct rewrite *rw, struct rewrite_queue *q,
		const struct expr_run *run, struct item *item,
		uint32_t item_number, uint64_t *left, struct err *err)
{
	const struct mark m = mark_of(q);
	struct walk w = { .rw = rw, .q = q, .run = run, .item = item,
			  .item_number = item_number, .root = NONE,
			  .err = err };

	q->nlefts.len = 0;
	if (prepare(q, rw, err) != 0)
		return -1;
	if (walk_item(&w, &item->map) != 0) {
		go_back(q, &m);
		if (err->code == ERR_INPUT)
			log_rejected(&w, &item->map);
		return -1;
	}
	count(q, left);
	if (q->nquicks.len > m.nquicks)
		item->map.flags &= (uint8_t)~VALUE_RAW;
	if (w.root != NONE) {
		q->places[w.root].container = &item->map;
		q->owners[q->nowners.len++] = (struct owner){
			.rw = rw, .left = left, .item = item_number };
	}
	if (q->nids.len + q->nquicks.len <
	    (q->lookup == NULL ? REWRITE_ENOUGH : REWRITE_ENOUGH_TO_LOOK_UP))
		return 0;
	return rewrite_do(q, run->mem, err);
}
