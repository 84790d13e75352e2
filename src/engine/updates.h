/*
 * updates.h - what a job changes in the items of a live table which its export
 * was made of: a file of lines in the job, which is made once and then obeyed.
 *
 * JOB/push/<table>~updates.jsonl has a line for each item that the plan makes
 * different, of only those attributes that differ, in the order of the export;
 * then one for each that is new:
 *
 *	{"Key":{...},"Was":{...},"Is":{...}}
 *	{"Key":{...},"New":{...}}
 */
#ifndef ENGINE_UPDATES_H
#define ENGINE_UPDATES_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "aws/still.h"
#include "base/keyhash.h"
#include "base/span.h"

struct err;
struct updates;
struct value;

/* How they are found: an export against what the job made of it. */
struct updates_options {
	const char *path;		/* of the file */
	const char *table;
	const char *const *sources;	/* where its export is */
	size_t nsources;
	const char *out;		/* JOB/out/<table> */
	unsigned threads;
	size_t memory;
	const char *tmp;
	const atomic_bool *cancel;	/* or NULL */
};

/*
 * Make the file if it is not there.  Returns 0, or -1: ERR_REFUSED if items
 * have other keys than in the export.
 */
int updates_make(const struct updates_options *o, struct err *err);

struct updates *updates_open(const char *path, struct err *err);
void updates_close(struct updates *u);		/* NULL is fine */
uint64_t updates_count(const struct updates *u);
struct keyhash updates_hash(const struct updates *u);

/* A line: `was` and `is`, or `made`; others have .ptr NULL. */
struct updates_line {
	uint64_t number;		/* from 0 */
	struct span key, was, is, made;
};

/* From the first on.  Returns 1, 0 after the last, or -1 with ERR_INPUT. */
int updates_next(struct updates *u, struct updates_line *out,
		 struct err *err);
void updates_rewind(struct updates *u);

/*
 * The attributes of two maps, side by side: of a line, or backwards.  In the
 * arena; NULL with *err set.
 */
struct still_change *updates_changes(const struct value *was,
				     const struct value *is, size_t *n,
				     struct arena *mem, struct err *err);

/*
 * Is an item as the changes leave it (`after`), or as they find it?  1, 0 or
 * -1.
 */
int updates_holds(const struct still_change *c, size_t n, bool after,
		  const struct value *item, struct arena *mem,
		  struct err *err);

#endif
