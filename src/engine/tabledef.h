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

struct tabledef {
	const char *name;
	struct plan_key key;	/* with types, where they are defined */
};

/* Texts go to the arena.  Returns 0, or -1: ERR_INPUT if it is none. */
int tabledef_read(const char *path, struct arena *mem, struct tabledef *out,
		  struct err *err);

#endif
