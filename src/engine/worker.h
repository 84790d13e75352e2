/*
 * worker.h - one thread's share of a run: units from source to sink, one at a
 * time.
 *
 * A unit is one data file.  A worker owns all that it touches but what `struct
 * run_shared` holds, which it shares: const, or with atomics as said there.
 */
#ifndef ENGINE_WORKER_H
#define ENGINE_WORKER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct byte_format;
struct err;
struct journal;
struct plan;
struct program;
struct worker;

/* One data file. */
struct unit {
	uint32_t number;	/* names its files; see commands.md */
	uint32_t input;		/* of plan->inputs: the table it is of */
	const char *path;	/* "-" is standard input */
	const char *name;	/* for --accept: the last part of the path */
	uint64_t packed_len;	/* of the file; 0 if not known */
	bool has_md5;
	uint8_t md5[16];	/* of the file, as the manifest says */
	int64_t nitems;		/* likewise; -1 if nothing says it */
	bool accepted;		/* damage is counted, not fatal */
	uint64_t max_items;	/* stop after so many; 0: all */
};

/* How far the units of an input are; read while workers add. */
struct input_progress {
	_Atomic uint64_t packed_len, plain_len, items;
};

/* Where a plan table's items go. */
struct run_target {
	const char *name;	/* of the target table */
	uint32_t number;	/* several plan tables may share one */
	bool log_keys;		/* its primary keys are logged */
};

struct run_shared {
	const struct plan *plan;
	const struct program *program;
	const struct run_target *targets;	/* one a plan table */
	uint32_t ntargets;			/* different numbers */
	const struct byte_format *pack;		/* NULL: none */
	int level;				/* 0: the usual one */
	const char *job_dir;
	struct journal *journal;
	bool fail_on_bad_item;
	const atomic_bool *cancel;
	struct input_progress *progress;	/* one an input */
};

struct worker *worker_new(const struct run_shared *shared, struct err *err);
void worker_free(struct worker *w);	/* NULL is fine */

/*
 * Carry one unit through: its files are in place and its journal record is
 * written when this returns 0.  Returns -1 with *err set and nothing left
 * behind but what the journal does not name.
 */
int worker_do(struct worker *w, const struct unit *u, struct err *err);

#endif
