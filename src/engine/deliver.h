/*
 * deliver.h - the output of a job into its target tables, by BatchWriteItem: of
 * an increment first what is to be deleted, then what is to be put.
 *
 * First everything is looked at: the account, the tables, their keys, whether
 * they are empty.  Then whoever asked may confirm.  Then table after table is
 * pushed, several files side by side so that no partition gets all at once,
 * and what is accepted is noted (progress.h): after whatever end, the same
 * again goes on with what was not.  Several may do so at once, each a shard of
 * it (deliver_shard.h).
 */
#ifndef ENGINE_DELIVER_H
#define ENGINE_DELIVER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct deliver;
struct err;
struct plan;
struct side_options;

struct deliver_options {
	const char *job_dir;
	const char *const *tables;	/* targets, in their order; none: all */
	size_t ntables;
	uint64_t max_wcu;		/* a second; 0: what the table takes */
	/* Only the files of one shard, from 1, of so many, which share max_wcu;
	 * 0: all. */
	uint32_t shard, nshards;
	bool into_existing;		/* tables need not be empty */
	bool no_undo;			/* ... and nothing of them is kept */
	bool only_new;			/* existing items stay */
	bool restoring;			/* a source gets back what it had */
	/*
	 * The targets are what was exported: by UpdateItem, what the plan made
	 * different, where it still is as it was in the export (updates.h).
	 */
	bool update;
	unsigned threads;		/* of that; 0: 1 */
	size_t memory;			/* likewise; 0: 1 GiB */
	const char *tmp;		/* likewise; a folder */
	const atomic_bool *cancel;	/* likewise; or NULL */
	bool look_only;			/* deliver_run() will not follow */
	const struct side_options *usual;
	const char *(*variable)(void *context, const char *name);

	/* Called about once a second while items go; or NULL. */
	void (*watch)(void *context, const struct deliver *d);
	void *context;
};

struct deliver_table {
	const char *name;
	const char *note;	/* worth saying before: streams, ...; or "" */
	uint64_t nitems;	/* of the job's output */
	bool empty, resumed;	/* empty but for what other shards put */
	/* So far: */
	uint64_t before;	/* accepted by earlier attempts */
	uint64_t refused_before; /* ... or refused for good: so many, deletes
				    too, by their record */
	uint64_t accepted, existed, refused;
	/* Of an increment's deletes: */
	uint64_t ndeletes, deletes_before, deleted, deletes_refused;
	/* With `update`, nitems is what changes, accepted those that did, and
	 * existed those that had it already. */
	uint64_t lost;		/* changed since the export; left, listed */
	uint64_t units, throttled;
};

/* Look at everything.  NULL with *err set; ERR_REFUSED says what to do. */
struct deliver *deliver_open(const struct deliver_options *o,
			     struct err *err);
void deliver_close(struct deliver *d);		/* NULL is fine */

const struct plan *deliver_plan(const struct deliver *d);
const char *deliver_place(const struct deliver *d);	/* the endpoint */
/* Where its records are: the job's folder, or the shard's in it. */
const char *deliver_records(const struct deliver *d);
const struct deliver_table *deliver_tables(const struct deliver *d,
					   size_t *n);

/* Push.  Returns 0, or -1; refused items are no failure. */
int deliver_run(struct deliver *d, struct err *err);

#endif
