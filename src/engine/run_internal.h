/* run_internal.h - what the parts of a run share. */
#ifndef ENGINE_RUN_INTERNAL_H
#define ENGINE_RUN_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"
#include "base/token.h"
#include "engine/account.h"
#include "engine/exports.h"
#include "engine/run.h"
#include "engine/worker.h"

struct job;
struct job_fact;
struct journal;
struct journal_unit;
struct store;

struct run {
	const struct run_options *options;
	struct arena mem;		/* texts and lists of the run */
	struct plan *plan;
	struct exports exports;
	struct plan_found *found;	/* one an export */
	struct program *program;
	struct job *job;
	struct journal *journal;
	struct run_target *targets;
	uint32_t ntargets;
	struct unit *units;		/* by number */
	uint32_t nunits;
	bool *done;			/* by number: nothing to do */
	uint32_t *owner;		/* ... which shard does it; NULL: all */
	const struct unit **queue;	/* what is to do, largest first */
	uint32_t nqueue;
	struct archive_stream **streams;	/* of archives, if any */
	size_t nstreams;
	uint64_t *packed_total;		/* one an input */
	struct input_progress *progress;
	struct account account;
	struct run_shared shared;
	struct known *known;		/* NULL: nobody asks */
	struct drops *drops;
	struct latest *latest;		/* NULL: no base with increments */
	struct run_located *located;	/* items that a report names; sorted */
	size_t nlocated;
	char *out;			/* s3://...; NULL: in the job */
	struct store *store;		/* that; NULL: nothing to write */
	char dir[512];			/* of the job */
	char work[540];			/* for journal and logs: that, or below */
	unsigned attempt;		/* of a shard; 0: it is none */
	bool outrun;			/* ... and another one was faster */
	bool elsewhere;			/* ... and is done, in the depot */
	bool brought;			/* ... or was brought there by this one */
	char name[TOKEN_LEN];		/* ... where it is called so */
	char busy[192];			/* ... or who works at another */
	const char **parts;		/* folders of indexes to merge */
	size_t nparts;

	/* While workers run. */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct pool *pool;
	uint32_t working;		/* threads */
	_Atomic uint32_t ndone;
	atomic_bool stop;		/* cancelled, or somebody failed */
	struct err first;		/* error */
};

/* ---- survey.c ------------------------------------------------------------ */

/* Where a survey has its journal and logs: `dir` itself, or below it. */
void survey_folder(const char *dir, enum run_survey survey, char *out,
		   size_t size);

/* Can it find out anything?  Has it? */
bool survey_is_of_use(const struct run *r, enum run_survey survey);
bool survey_has_ended(const char *dir, enum run_survey survey);

/* Is what comes only once read only once?  Asked before there is a job. */
int survey_check_sources(const struct run *r, struct err *err);

/* Open what earlier surveys found and this run is to know.  0 or -1. */
int survey_use(struct run *r, struct err *err);

/* The end of one: what it found is in the account; to judge is for others. */
int survey_finish(struct run *r, struct err *err);

/* ---- run_queue.c --------------------------------------------------------- */

/* Put the units that are not done in the order to begin them.  0 or -1. */
int run_queue(struct run *r, struct err *err);

/* ---- run_shard.c --------------------------------------------------------- */

/* Which shard does which unit; the others' count as done.  0 or -1. */
int run_divide(struct run *r, struct err *err);
void run_leave_others(struct run *r, uint32_t shard);

/* Open the job at a folder of the shard's own. */
int run_open_shard(struct run *r, const struct job_fact *facts, size_t n,
		   struct err *err);

/* If it is done, and something that it made is gone, then it is not done. */
int run_check_shard(struct run *r, struct err *err);

int run_finish_shard(struct run *r, struct err *err);

/* Have all shards been merged, so that there is nothing to do? */
bool run_is_merged(const struct run *r);

/* ---- run_depot.c --------------------------------------------------------- */

/* Of a shard, once the facts are known: the job's folder. */
int run_begin_depot(struct run *r, const struct job_fact *facts, size_t n,
		    struct err *err);

/* The attempt at r->work, which is entered. */
int run_enter_depot(struct run *r, struct err *err);

/* If it is done, and something that it brought is gone, then it is not done. */
int run_check_depot(struct run *r, struct err *err);

/* Take possession of where the output goes, with the journal open. */
int run_open_depot_store(struct run *r, struct err *err);

/* A shard's end, and a merge's.  0 or -1. */
int run_bring_shard(struct run *r, struct err *err);
int run_publish(struct run *r, struct err *err);

/* ---- run_finish.c -------------------------------------------------------- */

int run_check_sums(const struct run *r, struct err *err);
int run_join(struct run *r, struct err *err);

/* ---- run_store.c --------------------------------------------------------- */

/* Where does the output go?  Once the plan is read.  0 or -1. */
int run_choose_out(struct run *r, struct err *err);

/* Take possession of that, with the journal open.  0 or -1. */
int run_open_store(struct run *r, struct err *err);

/* Call off unfinished uploads to the tables that the job writes.  0 or -1. */
int run_abort_uploads(struct run *r, struct err *err);

/* The name of a file as an object; .ptr is NULL if it is none. */
struct journal_file;
struct span run_object_name(const struct journal_file *f);

/* Leave the address in the job's out/, for whoever looks there. */
int run_leave_address(const struct run *r, struct err *err);

/* Those that no record is of are swept. */
int run_sweep_store(struct run *r, struct err *err);

/* Are the objects of a unit there?  Returns as journal_check_unit() does. */
int run_check_stored(const struct run *r, const struct journal_unit *u,
		     struct err *why);

/* ---- others -------------------------------------------------------------- */

/* A run as far as it is to be had without its job; to be closed as any. */
struct run *run_open_sources(const struct run_options *o, struct err *err);

/* The file of job.json's facts about a run; see run_job.c. */
int run_open_job(struct run *r, struct err *err);

/* Set the names of its folders by the options. */
int run_name_folder(struct run *r, struct err *err);

/* More items than their ids have room for, by what the manifests say? */
int run_warn_of_collisions(struct run *r, struct err *err);

/* Does the plan table read an increment alone? */
bool run_is_changes(const struct run *r, uint32_t table);

/*
 * Is this the plan table that the files of its target are made of?  Several may
 * share one.
 */
bool run_speaks_for_target(const struct run *r, uint32_t table);

/* Write a file of a target's folder, while the job is not done. */
int run_save_out(const struct run *r, const char *target, const char *file,
		 struct span bytes, struct err *err);

/* The parts of run_finish(); see run_out.c, run_table.c and report.c. */
int run_make_folders(struct run *r, struct err *err);
int run_write_manifests(struct run *r, struct err *err);
int run_write_tables(struct run *r, struct err *err);
int run_join_rejects(struct run *r, struct err *err);
int report_write(struct run *r, struct err *err);

/* The member `versions` of a plan table, if it has `version` steps. */
struct jsonwrite;
void report_versions(const struct run *r, uint32_t table,
		     struct jsonwrite *w);

/*
 * What the report of the job in `dir` says: references and dangling ones of
 * each relation, rows of each table's map (or NULL).  Is there a report?
 */
bool report_recall(const struct run *r, const char *dir,
		   struct join_relation_result *relations,
		   struct mapuse *maps);

/*
 * "FILE: line N, id 'x'" of the item at a place that the end checks name;
 * appended to `out`.
 */
struct buf;
int run_locate(struct run *r, uint32_t unit, uint64_t offset,
	       struct buf *out, struct err *err);

/* Find all that a report will name, reading no file twice.  Returns 0 or -1. */
int run_locate_all(struct run *r, struct err *err);

/* Likewise example number `example` of a relation, with the id that dangles. */
int run_locate_reference(struct run *r, uint32_t relation, uint32_t example,
			 struct buf *out, struct err *err);

/* ---- run_dangling.c ------------------------------------------------------ */

/*
 * Who tells the ids of references that find nothing, once the index is there.
 * NULL: it cannot be told, which is no failure.
 */
struct run_dangling;
struct run_dangling *run_dangling_open(struct run *r);
void run_dangling_close(struct run_dangling *d);	/* NULL is fine */

/* Look at this item of `input`, by the rules of the table; it is changed. */
void run_dangling_take(struct run_dangling *d, uint32_t table, uint32_t input,
		       struct item *item, struct arena *mem);

/* ": 'the id'" of the nth that rule `rule` has in it and `to` has not. */
int run_dangling_print(struct run_dangling *d, uint32_t table, uint32_t rule,
		       uint32_t to, size_t nth, struct buf *out,
		       struct err *err);

/* A source id as people read it: the beginning of it, of a B in base64. */
struct rewrite_use;
int run_print_id(const struct rewrite_use *u, struct buf *out,
		 struct err *err);

/* An item to be found again. */
struct run_wanted {
	uint32_t unit;
	uint64_t offset;
	void *context;
};

/*
 * Called with one that was found: item `i` of the batch, of unit `u`.  It may
 * change the item, and return -1 to stop.
 */
struct batch;
typedef int run_found(void *context, const struct run_wanted *wanted,
		      const struct unit *u, struct batch *b, uint32_t i,
		      struct err *err);

/*
 * Find `n` items again, each file read once at most; sorts them.  What was on
 * standard input is gone, and is passed over; so is what is not there any more.
 * Returns 0 or -1.
 */
int run_find(struct run *r, struct run_wanted *wanted, size_t n,
	     run_found *found, void *context, struct err *err);

#endif
