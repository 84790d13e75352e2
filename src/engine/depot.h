/*
 * depot.h - a divided job that is kept in S3 and not in a folder that all
 * machines see.
 *
 *	JOB/job.json
 *	JOB/shards/ROUND/count		how many shards there are
 *	JOB/shards/ROUND/begun/I	who began with shard I last
 *	JOB/shards/ROUND/failed/I	why it stopped
 *	JOB/shards/ROUND/I/NAME/out/	data files of an attempt at it
 *	JOB/shards/ROUND/I/NAME/part/	its journal, index, key logs, report
 *	JOB/shards/ROUND/done/I		NAME of the attempt that counts
 *	JOB/out/, index/, report.json	what a merge leaves; `journal` is last
 *
 * Each process works in a folder of its own machine, its scratch, which may go
 * at any time: then its shard begins anew.  Attempts have names that nobody
 * else has, so that no object is ever written by two; `job.json`, `count` and
 * `done/I` are written by If-None-Match and read back.  Nothing is renamed: a
 * merge has the service copy the data files, and no byte of them passes it.
 */
#ifndef ENGINE_DEPOT_H
#define ENGINE_DEPOT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/token.h"
#include "engine/survey.h"

struct depot;
struct err;
struct job_fact;
struct shard;

enum { DEPOT_NAME_LEN = TOKEN_LEN };	/* of an attempt, and a NUL */

struct depot_options {
	const char *address;		/* s3://... */
	const char *scratch;		/* a folder of this machine */
	bool merging;			/* in a folder of its own */
	unsigned threads;		/* transfers at once */
	const atomic_bool *cancel;
};

/* What `o` points at must outlive it.  NULL on failure. */
struct depot *depot_open(const struct depot_options *o, struct err *err);
void depot_close(struct depot *d);	/* NULL is fine */

const char *depot_address(const struct depot *d);

/* The job's folder here; none is there before depot_fetch() found a job. */
const char *depot_dir(const struct depot *d);

/*
 * Bring job.json here, and of what was merged what shards must know.  Returns
 * 1, 0 if there is no job, or -1.
 */
int depot_fetch(struct depot *d, struct err *err);

/*
 * The same, where a job begins with these facts if there is none.  ERR_REFUSED
 * if something else is there.
 */
int depot_begin(struct depot *d, const struct job_fact *facts, size_t n,
		struct err *err);

/* ---- one shard ----------------------------------------------------------- */

/* As shard_divide(). */
int depot_divide(struct depot *d, enum run_survey round, uint32_t count,
		 struct err *err);

/* Which attempt counts: 1, 0 if none does yet, or -1. */
int depot_done(struct depot *d, const struct shard *s,
	       char name[DEPOT_NAME_LEN], struct err *err);

/* It does not count after all, since something that it brought is gone. */
int depot_unset_done(struct depot *d, const struct shard *s,
		     const char *name, struct err *err);

/* The journal of that attempt, into this folder. */
int depot_fetch_journal(struct depot *d, const struct shard *s,
			const char *name, const char *folder,
			struct err *err);

/* The name of the attempt in this folder, for good; and that it has begun. */
int depot_enter(struct depot *d, const struct shard *s, const char *folder,
		char name[DEPOT_NAME_LEN], struct err *err);

/* Where its data files go, and the others; to be freed.  NULL: no memory. */
char *depot_out_of(const struct depot *d, const struct shard *s,
		   const char *name);
char *depot_part_of(const struct depot *d, const struct shard *s,
		    const char *name);

/*
 * All is made: bring the rest of the folder there, and say that the shard is
 * done.  *first is set to whether it is this attempt that counts; if not, what
 * it brought is gone again.
 */
int depot_bring(struct depot *d, const struct shard *s, const char *name,
		const char *folder, bool *first, struct err *err);

/* Leave behind why it stopped. */
void depot_set_failed(struct depot *d, const struct shard *s,
		      const char *why);

/* ---- merging ------------------------------------------------------------- */

/* Was the run merged, when it was fetched? */
bool depot_is_merged(const struct depot *d);

/* As shard_find_round(): 1, 0 or -1. */
int depot_find_round(struct depot *d, enum run_survey *round,
		     struct err *err);

/* Make the folder here say which shards are done, for shard_check(). */
int depot_look(struct depot *d, enum run_survey round, struct err *err);

/* Bring here what they left, but their data. */
int depot_gather(struct depot *d, enum run_survey round, struct err *err);

/*
 * Where the data files of the attempt at this shard that counts are, and the
 * others; to be freed.
 */
char *depot_out_of_done(const struct depot *d, const struct shard *s,
			struct err *err);
char *depot_part_of_done(const struct depot *d, const struct shard *s,
			 struct err *err);

/* Bring there what a merge left in the folder here, its journal last. */
int depot_publish(struct depot *d, enum run_survey round, struct err *err);

/* Remove a round that was merged, there; and the folder, here. */
int depot_remove_round(struct depot *d, enum run_survey round,
		       struct err *err);
void depot_discard(struct depot *d);

#endif
