/*
 * recall.h - what a job was started with: its plans and the options that change
 * bytes, out of its job.json.
 */
#ifndef ENGINE_RECALL_H
#define ENGINE_RECALL_H

#include <stddef.h>
#include <stdint.h>

#include "engine/drops.h"
#include "engine/plan.h"

struct arena;
struct err;
struct job;
struct job_fact;

struct recall {
	const char *const *plans;
	size_t nplans;
	struct plan_options plan;	/* variables are the caller's to add */
	uint64_t limit;
	int level;		/* 0: the usual one */
	enum on_duplicate on_duplicate;
	const char *run_time;		/* NULL: it is not said */
	const struct job_fact *applied;	/* see migrations.h */
	size_t napplied;
};

/*
 * It refers to the job and the arena.  Returns 0, or -1 with ERR_INPUT if
 * job.json names no plan.
 */
int recall_job(struct recall *r, const struct job *job, struct arena *mem,
	       struct err *err);

/*
 * Is `now` still what `then` was: plans, the files that they name, sources, the
 * secret of the ids?  Returns 0, or -1: ERR_REFUSED names what differs.
 */
int recall_same(const struct job *then, const struct job *now,
		struct err *err);

#endif
