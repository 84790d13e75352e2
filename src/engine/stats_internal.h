/* stats_internal.h - what the parts of the statistics share. */
#ifndef ENGINE_STATS_INTERNAL_H
#define ENGINE_STATS_INTERNAL_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/decimal.h"
#include "base/sketch.h"
#include "engine/stats.h"
#include "model/names.h"

struct batch;
struct ddbjson;
struct program_result;

/* ---- paths (stats_paths.c) -------------------------------- */

enum {
	SEEN = 64,		/* values that wait at a path */
	KEPT = STATS_TEXT + 4,	/* more would not be shown, fewer not cut */
};

/* The first bytes of a text, which say where it comes in the order. */
struct kept {
	uint32_t len;
	uint8_t text[KEPT];
};

struct number {
	uint32_t len;		/* 0: none yet */
	char text[DECIMAL_TEXT_LEN];	/* canonical */
};

struct example {
	uint64_t hash;		/* UINT64_MAX: there is none */
	struct kept value;
};

/* What is seldom touched of a path. */
struct extremes {
	struct kept low, high;		/* of S, if there are `some` */
	bool some;
	struct number least, most;	/* of N */
	struct example examples[STATS_EXAMPLES];	/* smallest hashes */
};

/*
 * A path, and what stands there.  Children are found by their names' hashes in
 * `slots`; those of a list or set are all `element`, and once a map has too
 * many names, all are `rest`.
 *
 * Maps mostly have the same names in the same order: what came after a name
 * the last time is tried first.
 */
struct node {
	struct span name;		/* of an attribute; ours */
	struct node *after;		/* the sibling that came after it */
	struct node *first;		/* the child that came first */
	struct value *seen;		/* that wait; `hash` is the item's number */
	uint32_t nseen;
	uint16_t hash;
	bool is_name;			/* else `[*]` or `.*` */
	bool busy;			/* among those where values wait */
	struct node *element, *rest;
	uint64_t low_key, high_key;	/* first 8 bytes of the bounds of S */

	struct sketch sketch;
	uint64_t types[VALUE_PLACE];
	uint64_t truths;
	double least, most;		/* bounds of N, a little inside */
	struct node **slots;
	uint32_t mask, nkids;
	uint8_t depth;
	struct extremes *extremes;
};

/* The tree of an input's paths, as far as an eye has seen. */
struct paths {
	struct arena mem;
	struct node *root;		/* the item's own map */
	uint32_t nnodes;
	uint64_t left_out;
	uint32_t k;			/* of the sketches */
	size_t nslots;			/* of all of them, at most */
};

int paths_init(struct paths *p, struct err *err);
void paths_free(struct paths *p);

static inline bool
node_is(const struct node *n, const struct value *name)
{
	return n->hash == name->hash && n->name.len == name->len &&
	       names_same(n->name.ptr, name->text, name->len);
}

/* The child of that name; NULL if there is none yet. */
static inline struct node *
paths_find(const struct node *map, const struct value *name)
{
	uint32_t i = name->hash & map->mask;

	if (map->slots == NULL)
		return map->rest;
	for (; map->slots[i] != NULL; i = (i + 1) & map->mask) {
		struct node *const n = map->slots[i];

		if (node_is(n, name))
			return n;
	}
	return NULL;
}

/* One name more, and all of the map's values become one path? */
static inline bool
paths_is_full(const struct node *map)
{
	return map->nkids == (map->depth == 0 ? 10 * STATS_NAMES
					      : STATS_NAMES);
}

/*
 * Make a child; where the map is full nothing may wait at any path.  NULL if
 * there is no room: then *err has no code.
 */
struct node *paths_add(struct paths *p, struct node *map,
		       const struct value *name, struct err *err);
struct node *paths_element(struct paths *p, struct node *list,
			   struct err *err);

/* Sketches have grown: if they are too large in all, each keeps less. */
void paths_thin(struct paths *p);

/* Add `from` to `to`; nothing may wait at a path of either.  0 or -1. */
int paths_merge(struct paths *to, const struct paths *from, struct err *err);
int node_merge(struct paths *to, struct node *into, const struct node *from,
	       struct err *err);

/* ---- values (stats_values.c) --------------------------------------------- */

/*
 * Take in all that waits at `n`, a path of `p`, and add each value's size to
 * sizes[item]; but of an S its `len`, which who walks has added.  `scratch` is
 * for texts with escapes.  Returns 0 or -1.
 */
int values_take(struct paths *p, struct node *n, uint32_t *sizes,
		struct arena *scratch, struct err *err);

/* Put into the extremes what another node has seen. */
void extremes_merge(struct node *into, const struct node *from);

/* ---- fates (stats_fates.c) ----------------------------------------------- */

struct reason {
	uint32_t table;
	char step[48];
	char text[200];		/* of the item at `place` */
	char plain[200];	/* that, without what differs from item to item */
	uint64_t items;
	struct stats_place place;
};

/* What one eye knows of a plan table; see struct stats_table. */
struct fates {
	struct fates *next;
	uint32_t table;
	struct stats_table sums;
	struct stats_assert *asserts;
	struct reason *reasons;
	struct stats_reason *told;	/* once settled */
	struct span ttl;		/* attribute; .ptr NULL if there is none */
	uint16_t ttl_hash;
};

enum { MAX_REASONS = 256 };		/* others are not told apart */

/* What is needed to note fates. */
struct looker {
	const struct plan *plan;
	int64_t run_time;
	struct ddbjson *reader;		/* NULL until it is needed */
	struct batch *batch;		/* for it */
	struct buf text;
};

/* That of `table` in a list that begins at *list, made if need be. */
struct fates *fates_of(struct fates **list, const struct plan *plan,
		       uint32_t table, struct err *err);
void fates_free(struct fates *list);
int fates_merge(struct fates *to, const struct fates *from);
int fates_settle(struct fates *f, struct err *err);

/* Note what became of a batch of `unit`. */
int fates_note(struct fates **list, const struct unit *unit,
	       const struct batch *b, const struct program_result *result,
	       struct looker *l, struct err *err);

/* Does `a` come before `b`? */
bool place_before(const struct stats_place *a, const struct stats_place *b);

/* stats_list.c: see stats_attributes(). */
const struct stats_attribute *
paths_list(const struct paths *p, struct arena *mem, size_t *n,
	   size_t *left_out, struct err *err);

#endif
