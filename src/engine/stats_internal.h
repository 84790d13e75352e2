/* stats_internal.h - what the parts of the statistics share. */
#ifndef ENGINE_STATS_INTERNAL_H
#define ENGINE_STATS_INTERNAL_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/chars.h"
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
	NODE_FORM = 32,
	PENDING = 256,
	MET_BITS = 7,
	MET_NODES = 128,	/* more do not look what they have met */
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
 * Where most names are found is `quick`, in which nearly all have a slot of
 * their own: to look there takes no guess at what comes next.
 */
struct node {
	/* What a walk looks at. */
	struct value *seen;		/* that wait; `hash` is the item's number */
	uint32_t nseen;
	uint32_t need, form_len;	/* which bytes of `form` are the name's */
	uint8_t form[NODE_FORM];	/* it, if it fits; else form_len does not */

	struct span name;		/* of an attribute; ours */
	struct node **quick;		/* of `wide` slots; never NULL */
	uint32_t wide;			/* a power of two */
	uint8_t shift;
	uint8_t depth;
	bool is_name;			/* else `[*]` or `.*` */
	bool busy;			/* among those where values wait */
	struct met *met;		/* NULL: that is not worth while */
	uint32_t nmet, nlooked;		/* of late */
	struct node *element, *rest;
	uint64_t low_key, high_key;	/* first 8 bytes of the bounds of S */
	uint64_t least_key, most_key;	/* likewise of those of N */

	struct sketch sketch;
	uint64_t types[VALUE_PLACE];
	uint64_t truths;
	struct node **slots;
	uint32_t mask, nkids;
	uint16_t hash;
	struct extremes *extremes;
};

/*
 * A short text or number that has been taken in: of another that is the same
 * only the size counts, and how many there are.
 */
struct met {
	uint64_t kind;		/* length, type and flags; 0: none yet */
	uint64_t first, last;	/* (up to) eight bytes; 0 where there are none */
	uint32_t size;		/* that it adds to its item's */
};

/* A hash that is for a large sketch, which is in no cache yet. */
struct pending {
	struct node *node;
	uint64_t hash;
};

/* The tree of an input's paths, as far as an eye has seen. */
struct paths {
	struct arena mem;
	struct node *root;		/* the item's own map */
	uint32_t nnodes;
	uint64_t left_out;
	uint32_t k;			/* of the sketches */
	size_t nslots;			/* of all of them, at most */
	uint32_t npending;
	struct pending pending[PENDING];
};

int paths_init(struct paths *p, struct err *err);
void paths_free(struct paths *p);

static inline bool
node_is(const struct node *n, const struct value *name)
{
	return n->hash == name->hash && n->name.len == name->len &&
	       names_same(n->name.ptr, name->text, name->len);
}

/* Where the child whose name has that hash may be; it may be another. */
static inline struct node **
paths_guess(const struct node *map, uint32_t hash)
{
	return &map->quick[hash >> map->shift & (map->wide - 1)];
}

/*
 * Is it the child of that name?  True only for one that stands in the input.
 * `wide`: for a processor with AVX-512.
 */
static inline __attribute__((always_inline)) bool
node_is_quickly(const struct node *n, const struct value *name, bool wide)
{
	const bool differs = wide
		? chars32_differ_wide(name->text, n->form, n->need)
		: (chars32_differ(name->text, n->form) & n->need) != 0;

	return !differs & (n->form_len == name->len);
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

/* A hash to a path's sketch, if it still takes it.  Returns 0 or -1. */
int paths_put(struct paths *p, struct node *n, uint64_t hash, struct err *err);

/* All that are pending, to their sketches. */
int paths_put_pending(struct paths *p, struct err *err);

/* Add `from` to `to`; nothing may wait at a path of either.  0 or -1. */
int paths_merge(struct paths *to, const struct paths *from, struct err *err);
int node_merge(struct paths *to, struct node *into, const struct node *from,
	       struct err *err);

/* ---- values (stats_columns.c, stats_values.c) ---------------------------- */

/*
 * Take in the S, N and B that wait at `n`, a path of `p`, and add the size of
 * each to sizes[item]; but of an S its `len`, which who walks has added.
 * `scratch` is for texts with escapes.  Returns 0 or -1.
 */
typedef int values_take_fn(struct paths *p, struct node *n, uint32_t *sizes,
			   struct arena *scratch, struct err *err);

/* The one for this processor. */
values_take_fn *values_taker(void);

/* Is it in the sketch?  Then it has been taken in before, bounds and all. */
static inline bool
node_knows(const struct node *n, uint64_t hash)
{
	return hash < n->sketch.bound && sketch_has(&n->sketch, hash);
}

/*
 * One text without escapes, or canonical number, of which types and size have
 * been counted; and an S, N or B in whatever form, of which nothing has.
 */
int value_take_text(struct paths *p, struct node *n, struct span text,
		    uint64_t hash, struct err *err);
int value_take_number(struct paths *p, struct node *n, struct span text,
		      uint64_t hash, struct err *err);
int value_take_other(struct paths *p, struct node *n, const struct value *v,
		     uint32_t *size, struct arena *scratch, struct err *err);

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

/* Note what became of a batch of `unit`, whose items had those sizes. */
int fates_note(struct fates **list, const struct unit *unit,
	       const struct batch *b, const uint32_t *sizes,
	       const struct program_result *result, struct looker *l,
	       struct err *err);

/* Does `a` come before `b`? */
bool place_before(const struct stats_place *a, const struct stats_place *b);

/* stats_list.c: see stats_attributes(). */
const struct stats_attribute *
paths_list(const struct paths *p, struct arena *mem, size_t *n,
	   size_t *left_out, struct err *err);

#endif
