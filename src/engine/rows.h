/* rows.h - where two items differ, as rows, but for what is to be ignored. */
#ifndef ENGINE_ROWS_H
#define ENGINE_ROWS_H

#include <stddef.h>

#include "base/span.h"

struct arena;
struct err;
struct path;
struct value;

/* One of the values may be missing. */
struct row {
	struct span path;	/* as expressions take it */
	size_t depth;		/* its parts: 1 is an attribute of the item */
	const struct value *was, *is;
};

/* Paths at which, or inside of which, nothing counts. */
struct rows_ignored {
	struct path *paths;
	size_t n;
};

/*
 * Read paths with commas between them, which may have wildcards; NULL is none.
 * Returns 0, or -1 with ERR_USAGE; to be freed either way.
 */
int rows_ignored_parse(struct rows_ignored *g, const char *said,
		       struct err *err);
void rows_ignored_free(struct rows_ignored *g);

/* Do they differ in what is not ignored?  Returns 1, 0 or -1. */
int rows_differ(const struct rows_ignored *ignored, const struct value *was,
		const struct value *is, struct arena *mem, struct err *err);

/*
 * Where they do, in the order of diff.h; all of it in the arena.  `ignored`
 * may be NULL.  Returns 0 or -1.
 */
int rows_of(const struct rows_ignored *ignored, const struct value *was,
	    const struct value *is, struct arena *mem, struct row **rows,
	    size_t *n, struct err *err);

#endif
