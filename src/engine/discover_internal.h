/*
 * discover_internal.h - the attribute paths of a table as a tree, each with a
 * sample of its values.
 *
 *	ROOT		the item
 *	NAME		an attribute, or an entry of a map
 *	VALUES		`.*`: every entry of a map, once it has too many names
 *	ELEMENTS	`[*]`: every element of a list
 *	SHAPE		below a text: such as are cut in `n` pieces by `sep`
 *	TAG, VAR	below SHAPE, a level a piece: a word, or anything else
 *	CAPTURE		below the last of them: what stood in piece `n`
 *
 * Values are samples at NAME, VALUES, ELEMENTS (whole) and CAPTURE (a piece).
 * Members of a set count as values of the set's own path.
 *
 * What a tree is in the end must not depend on the order of items nor on how
 * they were spread over trees that are merged. So whatever is thrown away is
 * thrown away by rules whose outcome depends on all that was seen alone:
 *  - of the names at the top those with the least ranks stay, a hash;
 *  - a map that has more than MAX_NAMES names, or a piece with more than
 *    MAX_TAGS words, becomes one wildcard: what is below its names is merged;
 *  - samples are bottom-k sketches.
 * The one exception is a tree that has too many nodes all the same, which is
 * cut down to its top level, and says so.
 */
#ifndef ENGINE_DISCOVER_INTERNAL_H
#define ENGINE_DISCOVER_INTERNAL_H

#include "base/arena.h"
#include "base/keyhash.h"
#include "base/sketch.h"
#include "base/span.h"
#include "engine/discover.h"
#include "model/item.h"

struct err;

enum part_kind {
	PART_FREE, PART_ROOT, PART_NAME, PART_VALUES, PART_ELEMENTS,
	PART_SHAPE, PART_TAG, PART_VAR, PART_CAPTURE,
};

enum {
	MAX_TOP = 4096,		/* names at the top of an item */
	MAX_NAMES = 64,		/* of any other map */
	MAX_TAGS = 16,		/* words at one place of a composite */
	MAX_PIECES = 6,
	MAX_NODES = 16 * 1024,	/* of one observer's tree */
	MAX_NODES_TOTAL = 64 * 1024,	/* of a merged one */
	MAX_SAMPLE = 1024,	/* different values of a path */
	MIN_SAMPLE = 32,
	MAX_SLOTS = 512 * 1024,	/* of all samples of an observer's tree */
	MAX_SLOTS_TOTAL = 4 * 1024 * 1024,	/* of a merged one */
	MAX_COMPOSITE = 256,	/* bytes of a text with ids in it */
	/* After so many items of a file, one in so many stands for all. */
	MANY_ITEMS = 4 * 1024, WEIGHT = 8,
	VERY_MANY_ITEMS = 32 * 1024, GREAT_WEIGHT = 32,
	TREE_PENDING = 64,
	NO_NODE = 0,		/* the root is nobody's child */
};

struct node {
	struct sketch sample;	/* k is 0 until there is a value */
	uint64_t values;	/* S, N or B: as many as those seen stand for */
	uint64_t seen;
	uint64_t squares;	/* of what each of those stands for */
	uint64_t types[3];	/* of these, by type */
	uint32_t *kids;		/* hash table of node numbers; 0: free */
	uint32_t nkids, mask;
	uint32_t nnames;	/* of the kids: NAMEs or TAGs */
	uint8_t *name;		/* of a NAME or TAG */
	uint32_t name_len;
	uint16_t hash;		/* name_hash() of it */
	uint8_t kind;
	bool wide;		/* its names have become a wildcard */
	uint8_t sep, n;		/* SHAPE; n also of a CAPTURE */
};

/* A hash that is for a sample which is in no cache yet. */
struct tree_pending {
	uint64_t hash;
	uint32_t node, weight;
};

struct tree_of_paths {
	struct node *nodes;	/* number 0 is the root */
	uint32_t nnodes, cap, nlive, free;	/* free: a list through nkids */
	uint32_t k;		/* of samples that are begun */
	size_t nslots, max_slots;	/* of all samples */
	uint64_t items;		/* all that there are */
	uint64_t stand_for;	/* those that were looked at; see WEIGHT */
	uint32_t weight;	/* of the item at hand */
	bool thinned;		/* some stood for others */
	uint64_t top_bound;	/* rank that names at the top stay below */
	bool cut;		/* only its top level is left */
	uint32_t npending;
	struct tree_pending pending[TREE_PENDING];
};

struct discover {
	struct tree_of_paths *trees;	/* one a table */
	uint32_t ntrees;
	struct arena mem;	/* texts of one batch */
};

/* Returns 0 or -1.  A tree of zeros has not been begun. */
int tree_begin(struct tree_of_paths *t, struct err *err);
void tree_free(struct tree_of_paths *t);

/* What identifies a child. */
struct part {
	enum part_kind kind;
	struct span name;
	uint16_t hash;
	uint8_t sep, n;
};

/* Only NAMEs and TAGs have names, so that this takes any part of another. */
static inline struct part
part_of(const struct node *n)
{
	return (struct part){ (enum part_kind)n->kind,
			      { n->name, n->name_len }, n->hash, n->sep,
			      n->n };
}

/*
 * The child `p` of `parent`, or the wildcard that stands for it, made if there
 * is none.  NO_NODE if it is not wanted, or, with *err set, memory is refused:
 * err->code tells.
 */
uint32_t tree_child(struct tree_of_paths *t, uint32_t parent,
		    const struct part *p, struct err *err);

/* The child as it is, or NO_NODE. */
uint32_t tree_find(const struct tree_of_paths *t, uint32_t parent,
		   const struct part *p);

/*
 * A value at `node`, for as many items as the one at hand stands for; and,
 * before anyone looks at samples, all hashes that wait for others.
 */
int tree_add(struct tree_of_paths *t, uint32_t node, enum value_type type,
	     uint64_t hash, struct err *err);
int tree_add_pending(struct tree_of_paths *t, struct err *err);

/* Keep within bounds; between two items only. */
int tree_trim(struct tree_of_paths *t, uint32_t max_nodes, struct err *err);

int tree_merge(struct tree_of_paths *t, const struct tree_of_paths *from,
	       struct err *err);

/* Nothing more comes: what is left is what there is to say. */
int tree_settle(struct tree_of_paths *t, struct err *err);

#endif
