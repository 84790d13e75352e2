/*
 * mapuse.h - which rows of ids.map were of use: those whose source is the id of
 * an item.  The job's index tells, so that a resumed job counts all of them.
 */
#ifndef ENGINE_MAPUSE_H
#define ENGINE_MAPUSE_H

#include <stdint.h>

struct err;
struct plan_table;

struct mapuse {
	uint64_t rows, unused;
};

/* Count those of a table, after the end checks.  Returns 0 or -1. */
int mapuse_count(const char *job_dir, const struct plan_table *t,
		 struct mapuse *out, struct err *err);

#endif
