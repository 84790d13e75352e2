/* rewrite_internal.h - rules as they are run, and what a queue holds. */
#ifndef EXPR_REWRITE_INTERNAL_H
#define EXPR_REWRITE_INTERNAL_H

#include "expr/pattern.h"
#include "expr/remap_internal.h"
#include "expr/rewrite.h"
#include "model/path.h"

enum { NONE = UINT32_MAX };

/* Whose id stands somewhere. */
struct hole {
	const struct remap *remap;	/* NULL: its ids stay */
	uint32_t table;
	uint8_t flags;			/* USE_IS_ID, USE_UNCHECKED */
	bool any;			/* of a pattern's `*`: nobody's */
};

struct choice {
	const struct expr *when;	/* or NULL */
	bool whole;			/* the value is the id; one hole */
	struct pattern pattern;		/* else */
	struct hole *holes;		/* one for each part that catches */
	size_t nholes, nids;		/* with and without `*` */
};

struct rule {
	struct path path;
	bool is_id;
	bool is_key;			/* a key attribute of the target */
	bool simple;			/* a name, a plain remap, no `when` */
	bool quick;			/* but for `keep` so: see struct quick */
	struct choice *choices;
	size_t nchoices;
	char *path_text, *target_text;
	uint32_t next;			/* rule with the same first name */
};

/* Rules by the first name of their paths: a hash table. */
struct slot {
	uint32_t rule;			/* NONE: free */
	uint32_t len;
	const uint8_t *name;
	uint16_t hash;
};

struct rewrite {
	struct rule *rules;
	size_t nrules;
	struct slot *slots;
	size_t mask;
	uint32_t other;			/* first rule that begins with `.*` */
	size_t max_choices, max_caught;
	enum rewrite_dangling dangling;
	bool strict_ids;
};

/* A container that holds what changes; outer ones come first. */
struct place {
	struct value *container;
	uint32_t parent;		/* NONE: the item's map */
	uint32_t owner;
	uint32_t rule;
	uint16_t depth;
	bool changed, holed;		/* a member changed; one is to go */
};

/* A value that is to be replaced. */
struct change {
	struct value *at;
	const struct choice *choice;
	uint32_t place, owner;
	uint32_t use;			/* the first, of choice->nids */
	uint32_t caught;		/* the first, of choice->nholes */
};

/* An S that a digest is known to replace, at the top of its item. */
struct quick {
	struct value *at;
	const struct remap *remap;
	uint32_t use;
};

/* An item. */
struct owner {
	const struct rewrite *rw;
	uint64_t *left;
	uint32_t item;
	bool judged;			/* it has a verdict */
};

/* A growing array. */
struct list {
	size_t len, cap;		/* in elements */
};

struct rewrite_queue {
	struct rewrite_use *uses;
	struct rewrite_verdict *verdicts;
	struct remap_id *ids;		/* their number is that of the use */
	struct quick *quicks;		/* uses without id and change */
	struct change *changes;
	struct place *places;
	struct owner *owners;
	struct span *caught;
	uint32_t *lefts;		/* of the item at hand */
	int8_t *whens;			/* of the rule at hand: -1 not asked */
	struct span *match;		/* by a pattern, before it is taken */
	uint32_t *slots;		/* to find equal members */
	struct list nuses, nverdicts, nids, nquicks, nchanges, nplaces, nowners,
		    ncaught, nlefts, nwhens, nmatch, nslots;
	size_t ndone, nflushed;		/* uses */
	rewrite_lookup *lookup;
	void *context;
};

/* Ids in the queue before they are seen to: in cache, and few times 64. */
enum { REWRITE_ENOUGH = 60, REWRITE_ENOUGH_TO_LOOK_UP = 2000 };

/*
 * Make room for `more` elements of `size` bytes after those that are there.
 * Returns 0 or -1.
 */
int list_grow(void *array, struct list *l, size_t more, size_t size,
	      struct err *err);

/* Room for one more, in the hot case without a call. */
#define LIST_ROOM(array, l, err) \
	((l)->len < (l)->cap ? 0 : \
	 list_grow(&(array), l, 1, sizeof(*(array)), err))

/* Is it an S that take_quick() takes, by a rule that is quick? */
static inline bool
is_quick(const struct rule *r, const struct value *v)
{
	const struct remap_keep *const keep = r->choices[0].holes[0].remap->keep;

	return v->type == VALUE_S && (v->flags & VALUE_ESC) == 0 &&
	       v->len - 1 < REMAP_TEMPLATES - 1 &&
	       (keep == NULL ||
		!remap_keep_matches(keep, (struct span){ v->text, v->len }));
}

/* Queue it, where both lists have room. */
static inline void
take_quick(struct rewrite_queue *q, const struct rewrite *rw, uint32_t rule,
	   uint32_t item, struct value *v)
{
	const struct hole *const h = &rw->rules[rule].choices[0].holes[0];
	struct rewrite_use *const u = &q->uses[q->nuses.len];
	struct quick *const to = &q->quicks[q->nquicks.len++];

	to->at = v;
	to->remap = h->remap;
	to->use = (uint32_t)q->nuses.len++;
	u->item = item;
	u->rule = rule;
	u->table = h->table;
	u->flags = h->flags;
	u->type = VALUE_S;
	u->source = (struct span){ v->text, v->len };
}

/* Do what is queued; the items are complete.  Returns 0 or -1. */
int rewrite_do(struct rewrite_queue *q, struct arena *mem, struct err *err);

/* Do what is in `quicks`. */
int rewrite_do_quick(struct rewrite_queue *q, struct arena *mem,
		     struct err *err);

/* Apply the dangling rules and put new values into items.  Returns 0 or -1. */
int rewrite_apply(struct rewrite_queue *q, struct arena *mem, struct err *err);

/* Merge sets, and close the holes that removed values left. */
int rewrite_tidy(struct rewrite_queue *q, struct arena *mem, struct err *err);

#endif
