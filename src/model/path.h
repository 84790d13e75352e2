/*
 * path.h - an attribute path, parsed once, followed often.
 *
 * Document paths as DynamoDB writes them (`a.b[3].c`, `"quoted name".x`), and,
 * where a plan allows it, the two wildcards `[*]` (every element of a list,
 * every member of a set) and `.*` (every value of a map).
 */
#ifndef MODEL_PATH_H
#define MODEL_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

struct buf;
struct err;
struct value;

enum path_kind {
	PATH_NAME,		/* .name */
	PATH_INDEX,		/* [n] */
	PATH_ALL_ELEMENTS,	/* [*] */
	PATH_ALL_VALUES,	/* .* */
};

struct path_part {
	enum path_kind kind;
	uint16_t hash;		/* PATH_NAME: name_hash() of it */
	uint32_t index;		/* PATH_INDEX */
	struct span name;	/* PATH_NAME: plain text, owned by the path */
};

struct path {
	struct path_part *parts;
	size_t nparts;
};

/*
 * Parse all of `text`.  On failure *at (if not NULL) is the offset in `text` of
 * what is wrong, ERR_USAGE.  Names are taken as they stand: no reserved words,
 * and quotes (`""` for one inside) only around names with white space or one of
 * . [ ] " ' ` , ( ) *  in them.  Returns 0 or -1.
 */
int path_parse(struct path *p, struct span text, bool wildcards, size_t *at,
	       struct err *err);

/* A copy of its own. */
int path_copy(struct path *p, const struct path *from, struct err *err);

void path_free(struct path *p);

/* The value there, or NULL.  For paths without wildcards. */
struct value *path_follow(const struct path *p, const struct value *map);

/* One step of it: the value that `part` means in `in`, or NULL. */
struct value *path_step(const struct path_part *part, const struct value *in);

/*
 * Append the path, or one name, as an expression takes it, quoted if need be.
 * Returns 0 or -1.
 */
int path_print(const struct path *p, struct buf *out, struct err *err);
int path_print_name(struct span name, struct buf *out, struct err *err);

/* Is `name` a word of the expression grammar (SET, AND ...), in any case? */
bool path_is_word(struct span name);

#endif
