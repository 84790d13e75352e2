/*
 * rewrite_apply.c - put new values into items, or what `dangling` says instead.
 */
#include <string.h>

#include "base/arena.h"
#include "expr/rewrite_internal.h"

enum { ASK_TOGETHER = 64 };

struct apply {
	struct rewrite_queue *q;
	struct arena *mem;
	struct err *err;
};

/* Does it matter now whether the ids that an item refers to are there? */
static bool
matters(enum rewrite_dangling d)
{
	return d == DANGLING_KEEP || d == DANGLING_NULL ||
	       d == DANGLING_REMOVE || d == DANGLING_SKIP_ITEM;
}

static int
ask(struct rewrite_queue *q, struct rewrite_use **uses, size_t n,
    struct err *err)
{
	const struct rewrite_use *questions[ASK_TOGETHER];
	bool found[ASK_TOGETHER] = { false };

	for (size_t i = 0; i < n; i++)
		questions[i] = uses[i];
	if (n > 0 && q->lookup(q->context, questions, n, found, err) != 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (!found[i])
			uses[i]->flags |= USE_DANGLING;
	return 0;
}

/* Mark the references whose ids are not there, where that matters. */
static int
mark_dangling(struct rewrite_queue *q, struct err *err)
{
	struct rewrite_use *some[ASK_TOGETHER];
	size_t nsome = 0;

	for (size_t i = 0; i < q->nchanges.len; i++) {
		const struct change *const c = &q->changes[i];

		if (!matters(q->owners[c->owner].rw->dangling))
			continue;
		for (size_t k = 0; k < c->choice->nids; k++) {
			struct rewrite_use *const u = &q->uses[c->use + k];

			if ((u->flags & (USE_IS_ID | USE_UNCHECKED)) != 0)
				continue;
			some[nsome++] = u;
			if (nsome < ASK_TOGETHER)
				continue;
			if (ask(q, some, nsome, err) != 0)
				return -1;
			nsome = 0;
		}
	}
	return ask(q, some, nsome, err);
}

/* The container of a changed value, and those around it, are not raw now. */
static void
touch(struct rewrite_queue *q, uint32_t place)
{
	q->places[place].changed = true;
	for (; place != NONE; place = q->places[place].parent) {
		struct value *const v = q->places[place].container;

		if ((v->flags & VALUE_RAW) == 0)
			return;
		v->flags &= (uint8_t)~VALUE_RAW;
	}
}

/* The item of `c` is to be left out; the first reason counts. */
static struct rewrite_verdict *
judge(struct apply *a, const struct change *c)
{
	struct rewrite_queue *const q = a->q;
	struct owner *const o = &q->owners[c->owner];

	if (LIST_ROOM(q->verdicts, &q->nverdicts, a->err) != 0)
		return NULL;

	struct rewrite_verdict *const v = &q->verdicts[q->nverdicts.len];

	*v = (struct rewrite_verdict){ .item = o->item };
	q->nverdicts.len += !o->judged;
	o->judged = true;
	return v;
}

static int
reject(struct apply *a, const struct change *c, const char *what)
{
	const struct rewrite_queue *const q = a->q;
	const struct rewrite *const rw = q->owners[c->owner].rw;
	struct rewrite_verdict *const v = judge(a, c);

	if (v == NULL)
		return -1;
	v->rejected = true;
	err_set(&v->why, ERR_INPUT, "'%s' holds a dangling reference: %s",
		rw->rules[q->uses[c->use].rule].path_text, what);
	return 0;
}

/* Text of a pattern with ids in their places. */
static int
compose(struct apply *a, const struct change *c, bool keep, struct value *out)
{
	const struct pattern *const p = &c->choice->pattern;
	const struct rewrite_use *u = &a->q->uses[c->use];
	const struct hole *h = c->choice->holes;
	const struct span *caught = &a->q->caught[c->caught];
	struct span parts[64];
	struct span *all = parts;
	size_t len = 0;
	uint8_t *at;

	if (p->nparts > 64) {
		all = arena_take(a->mem, p->nparts * sizeof(*all), a->err);
		if (all == NULL)
			return -1;
	}
	for (size_t i = 0; i < p->nparts; i++) {
		all[i] = p->parts[i].text;
		if (p->parts[i].kind != PATTERN_TEXT) {
			all[i] = *caught++;
			if (!h++->any) {
				if ((u->flags & USE_SAME) == 0 &&
				    (!keep || (u->flags & USE_DANGLING) == 0))
					all[i] = u->target;
				u++;
			}
		}
		len += all[i].len;
	}
	at = arena_take(a->mem, len, a->err);
	if (at == NULL)
		return -1;
	*out = value_of_text(VALUE_S, (struct span){ at, len });
	for (size_t i = 0; i < p->nparts; at += all[i++].len)
		if (all[i].len > 0)
			memcpy(at, all[i].ptr, all[i].len);
	return 0;
}

/* Write the new value, but for dangling ids if those are to be kept. */
static int
replace(struct apply *a, const struct change *c, bool keep)
{
	const struct rewrite_use *const uses = &a->q->uses[c->use];
	bool same = true;

	for (size_t i = 0; i < c->choice->nids; i++)
		same &= (uses[i].flags & USE_SAME) != 0 ||
			(keep && (uses[i].flags & USE_DANGLING) != 0);
	if (same)
		return 0;
	if (c->choice->whole && uses->type != VALUE_B) {
		*c->at = (struct value){ .text = uses->target.ptr,
					 .len = (uint32_t)uses->target.len,
					 .type = uses->type };
	} else if (!c->choice->whole) {
		if (compose(a, c, keep, c->at) != 0)
			return -1;
	} else if (remap_value((enum value_type)uses->type, uses->target,
			       c->at, a->mem, a->err) != 0) {
		return -1;
	}
	touch(a->q, c->place);
	return 0;
}

/* One of the change's ids is not there. */
static int
dangle(struct apply *a, const struct change *c)
{
	const struct rewrite_queue *const q = a->q;
	const struct rewrite *const rw = q->owners[c->owner].rw;
	const bool in_key = rw->rules[q->uses[c->use].rule].is_key;
	struct place *const place = &q->places[c->place];

	switch (rw->dangling) {
	case DANGLING_NULL:
		if (in_key)
			return reject(a, c, "a key attribute cannot be NULL");
		if (value_is_set(place->container))
			return reject(a, c, "a set cannot hold NULL");
		*c->at = value_of_null();
		touch(a->q, c->place);
		return 0;
	case DANGLING_REMOVE:
		if (in_key)
			return reject(a, c,
				      "a key attribute cannot be removed");
		c->at->type = 0;
		place->holed = true;
		touch(a->q, c->place);
		return 0;
	case DANGLING_SKIP_ITEM:
		return judge(a, c) != NULL ? 0 : -1;
	default:
		return replace(a, c, true);
	}
}

int
rewrite_apply(struct rewrite_queue *q, struct arena *mem, struct err *err)
{
	struct apply a = { q, mem, err };

	if (q->lookup != NULL && mark_dangling(q, err) != 0)
		return -1;
	for (size_t i = 0; i < q->nchanges.len; i++) {
		const struct change *const c = &q->changes[i];
		unsigned flags = 0;

		for (size_t k = 0; k < c->choice->nids; k++)
			flags |= q->uses[c->use + k].flags;
		if (((flags & USE_DANGLING) != 0 ? dangle(&a, c)
						 : replace(&a, c, false)) != 0)
			return -1;
	}
	return 0;
}
