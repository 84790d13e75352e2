/*
 * tree.h - what a YAML or JSON text says, as a tree that remembers where it
 * stood.
 *
 * All nodes live in the arena that the parser was given and point into it (text
 * is unescaped and copied; every text ends in a NUL that is not counted, and
 * holds no other).  A map has its names and values side by side in `kids`, in
 * the order of the text, every name once.
 */
#ifndef FORMATS_TREE_H
#define FORMATS_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/span.h"

struct arena;
struct err;

enum tree_kind {
	TREE_NULL, TREE_BOOL, TREE_NUMBER, TREE_TEXT, TREE_LIST, TREE_MAP,
};

/* How a scalar was written: what its text must be found back by. */
enum tree_style {
	TREE_PLAIN,		/* as it stands, lines folded (YAML) */
	TREE_SINGLE,		/* 'it''s' */
	TREE_DOUBLE,		/* "escapes\n" */
	TREE_BLOCK,		/* | or > and the lines below */
};

/* The text a tree was read from; for messages. */
struct tree_doc {
	const char *name;
	struct span source;
};

struct tree {
	const struct tree_doc *doc;
	struct span text;	/* of a scalar, whatever its kind, as written */
	struct tree *kids;	/* L: elements; M: name, value, name, value */
	uint32_t nkids;		/* slots of kids */
	uint32_t weight;	/* nodes in here, shared ones counted again */
	uint32_t line, column;	/* from 1; columns are characters */
	uint8_t kind;		/* enum tree_kind */
	uint8_t height;		/* of containers in containers; a scalar is 0 */
	uint8_t style;		/* enum tree_style */
	bool truth;		/* TREE_BOOL */
};

enum {
	TREE_MAX_DEPTH = 64,
	TREE_MAX_WEIGHT = 1000 * 1000,
};

static inline bool
tree_is_scalar(const struct tree *t)
{
	return t->kind < TREE_LIST;
}

/* "a map", "a list", "text", "a number", "true or false", "nothing". */
const char *tree_kind_name(const struct tree *t);

/* The value called `name` in a map; NULL if there is none, or no map. */
const struct tree *tree_get(const struct tree *map, const char *name);

/* The text that a map has by this name; `none` if there is nothing such. */
const char *tree_text(const struct tree *map, const char *name,
		      const char *none);

/* A number without sign, point or exponent that fits.  Returns 0 or -1. */
int tree_uint(const struct tree *t, uint64_t *out);

/* Record an error of the plan that stands at this node.  Returns -1. */
int tree_err(const struct tree *t, struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Where byte `at` of a scalar's text stands in the source. */
void tree_place(const struct tree *t, size_t at, uint32_t *line,
		uint32_t *column);

/*
 * Is it plain text that ended where a comment begins?  Then the comment may
 * have been meant as text.
 */
bool tree_ends_at_comment(const struct tree *t);

/* ---- for parsers ------------------------------------------------------- */

/* Nodes on the way to their place: children wait on the stack. */
struct tree_builder {
	struct arena *mem;
	const struct tree_doc *doc;
	struct buf stack;
};

int tree_push(struct tree_builder *b, const struct tree *t, struct err *err);

/*
 * Make what was pushed since the stack had `start` nodes the children of `t`.
 * A name that a map has twice is an error.  Returns 0 or -1.
 */
int tree_gather(struct tree_builder *b, size_t start, struct tree *t,
		struct err *err);

static inline size_t
tree_depth(const struct tree_builder *b)
{
	return b->stack.len / sizeof(struct tree);
}

#endif
