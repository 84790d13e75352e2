/*
 * rollback.h - what a job wrote to its target tables is undone, from the job's
 * record alone.
 *
 * Each item is read, and deleted or restored by a conditional request, if it
 * still is as the job left it; one that somebody changed since stays, and is
 * listed in JOB/rollback/<table>~changed.jsonl.  A table that the job made goes
 * as a whole if nobody else wrote to it.  The last table comes first.  After
 * whatever end the same again goes on.  When all of a table is undone, each of
 * its items is read once more; then its records go to JOB/rollback/<table>~<n>/
 * and the job can be pushed anew.
 */
#ifndef ENGINE_ROLLBACK_H
#define ENGINE_ROLLBACK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct plan;
struct rollback;
struct side_options;

struct rollback_options {
	const char *job_dir;
	const char *const *tables;	/* targets; none: all */
	size_t ntables;
	uint64_t max_wcu;		/* a second; 0: what the table takes */
	bool force;			/* what others changed, too */
	bool keep_tables;		/* those that the job made */
	bool look_only;			/* rollback_run() will not follow */
	unsigned threads;		/* to read tables by; 0: 1 */
	size_t memory;			/* likewise; 0: 1 GiB */
	const char *tmp;		/* a folder */
	const atomic_bool *cancel;	/* or NULL */
	const struct side_options *usual;
	const char *(*variable)(void *context, const char *name);

	/* Called about once a second while items go; or NULL. */
	void (*watch)(void *context, const struct rollback *r);
	void *context;
};

struct rollback_table {
	const char *name;
	bool there;		/* else it is gone, and nothing is to be done */
	bool goes;		/* the job made it, and it is to be deleted */
	/* What the records say, at most: */
	uint64_t restores, removes;
	uint64_t unkept;	/* written over, and nothing was kept */
	/* So far: */
	uint64_t looked_at;
	uint64_t restored, removed, already;
	/* At the end: */
	bool deleted;		/* the table is */
	uint64_t verified, changed;
};

/* Look at everything.  NULL with *err set; ERR_REFUSED says what to do. */
struct rollback *rollback_open(const struct rollback_options *o,
			       struct err *err);
void rollback_close(struct rollback *r);	/* NULL is fine */

const struct plan *rollback_plan(const struct rollback *r);
const char *rollback_place(const struct rollback *r);	/* the endpoint */
/* The job's target, if it has but one; else NULL. */
const char *rollback_target(const struct rollback *r);
/* In the order in which they are undone; those with nothing to undo are not
 * among them. */
const struct rollback_table *rollback_tables(const struct rollback *r,
					     size_t *n);

/* Undo.  Returns 0, or -1; items that others changed are no failure. */
int rollback_run(struct rollback *r, struct err *err);

#endif
