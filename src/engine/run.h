/*
 * run.h - the transform: exports in, import-ready files out, as one job that
 * can be interrupted anywhere and goes on where it was.
 *
 * A survey is the same without output; some plans need surveys before their
 * run: survey.h.
 *
 * A run or survey may be divided: each shard does some of the units, in a
 * folder of its own (shard.h), and ends with an index of these.  Who merges
 * does none, but run_gather() in the place of run_units().
 *
 *	run_open	reads the plan, finds the exports, opens the job
 *	run_units	does the units that are not done
 *	run_finish	end checks, manifests, report; out.partial/ -> out/
 */
#ifndef ENGINE_RUN_H
#define ENGINE_RUN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/drops.h"
#include "engine/plan.h"
#include "engine/survey.h"

struct account;
struct depot;
struct err;
struct run;
struct unit_observer;

struct run_options {
	const char *const *plans;
	size_t nplans;
	struct plan_options plan;
	const char *job_dir;		/* NULL: "./<plan name>.job" */
	struct depot *depot;		/* of a job in S3: depot.h; or NULL */
	const char *out;		/* s3://...; NULL: as the plan says */
	const struct job_fact *applied;	/* for job.json: see migrations.h */
	size_t napplied;
	unsigned threads;		/* 0: 1 */
	size_t memory;			/* for the end checks; 0: 1 GiB */
	int level;			/* 0: the usual one */
	uint64_t limit;			/* items a table; 0: all */
	bool fail_on_bad_item;
	const char *const *accept;
	size_t naccept;
	const char *run_time;		/* epoch seconds, canonical text */
	bool run_time_given;		/* by the user: a job must agree */
	const char *version;		/* of the program */
	const atomic_bool *cancel;
	enum run_survey survey;
	enum on_duplicate on_duplicate;
	uint32_t nshards;		/* 0: it is not divided */
	uint32_t shard;			/* from 1; 0: all are merged */
	bool verify;			/* merged: sums of all, not sizes alone */
	/* Sees every batch, or NULL.  With it a survey starts from the start. */
	const struct unit_observer *observer;
	/* Called now and then from the thread that called run_units(). */
	void (*watch)(void *context, const struct run *run);
	void *context;
};

/* How far one source table is. */
struct run_progress {
	const char *name;		/* of its plan table; NULL: left out */
	uint64_t packed_len, plain_len, items;
	uint64_t packed_total;		/* 0: not known */
};

/* NULL with *err set on failure.  `o` and what it points at must outlive it. */
struct run *run_open(const struct run_options *o, struct err *err);

/* Can it go on where it was?  Not if it reads standard input. */
bool run_is_resumable(const struct run *r);

/* Was everything done by an earlier run, or survey? */
bool run_is_done(const struct run *r);

int run_units(struct run *r, struct err *err);

/*
 * Take over what the shards have left.  ERR_REFUSED names those that are not
 * done, ERR_INPUT one that has lost something; then nothing has happened.
 */
int run_gather(struct run *r, struct err *err);

/*
 * Of a shard: who else works at it ("pid 4711 on host"), or ""; and whether
 * another attempt was done first, so that this one goes when it is closed.
 */
const char *run_is_busy(const struct run *r);
bool run_is_outrun(const struct run *r);

/* Note why a shard stopped, for whoever merges; nothing if it is none. */
void run_set_failed(const struct run *r, const struct err *err);

/* Where a shard works, or what is merged goes: the job's folder or below. */
const char *run_work_dir(const struct run *r);

/*
 * Returns 0, or -1: ERR_INPUT if the end checks found what must not be
 * (colliding ids, duplicate keys, dangling references under `fail`); then
 * out.partial stays as it is.
 */
int run_finish(struct run *r, struct err *err);

const struct plan *run_plan(const struct run *r);
const char *run_job_dir(const struct run *r);
const char *run_job_name(const struct run *r);	/* that, or s3://... */
const char *run_out(const struct run *r);	/* JOB/out, or s3://... */
/* Is there a warning, a damage or a data file that --accept NAME means? */
bool run_has_to_accept(const struct run *r, const char *name);

const struct account *run_account(const struct run *r);
const struct program *run_program(const struct run *r);

/* The i-th source table's progress; false after the last. */
bool run_progress_of(const struct run *r, size_t i, struct run_progress *p);

/* Items rejected in the units that are done, added up for each input. */
void run_count_rejects(const struct run *r, uint64_t *of_inputs);

/* Units in all, and done (by this run or before). */
void run_count_units(const struct run *r, uint32_t *all, uint32_t *done);

void run_close(struct run *r);	/* NULL is fine */

#endif
