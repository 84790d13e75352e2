/*
 * tabledef.h - the name and the key of a table, from its definition:
 * CreateTable input, what describe-table prints, or the table.json of a job,
 * here or in S3.
 */
#ifndef ENGINE_TABLEDEF_H
#define ENGINE_TABLEDEF_H

#include "engine/plan.h"

struct arena;
struct err;
struct tree;

struct tabledef {
	const char *name;
	struct plan_key key;	/* with types, where they are defined */
};

/* Texts go to the arena.  Returns 0, or -1: ERR_INPUT if it is none. */
int tabledef_read(const char *path, struct arena *mem, struct tabledef *out,
		  struct err *err);

/*
 * Of a definition as it was read: the name of its key of this kind, "HASH" or
 * "RANGE", or "" if it has none; the type of a key attribute, or 0.
 */
const char *tabledef_key(const struct tree *def, const char *kind);
enum value_type tabledef_type(const struct tree *def, const char *attr);

#endif
