/*
 * bench.h - how fast this machine takes a plan's exports, stage by stage.
 *
 * A sample of the data files goes, in one thread, through the stages that a run
 * is made of, each of them timed by itself: CPU time, so that others on the
 * machine disturb little.  Then the same files are carried through whole, in a
 * job that is thrown away, with one thread and more; and they are only unpacked
 * and packed again, which is what no program with that output can do without.
 */
#ifndef ENGINE_BENCH_H
#define ENGINE_BENCH_H

#include <stddef.h>
#include <stdint.h>

#include "engine/run.h"

struct err;

enum bench_stage {
	BENCH_READ,		/* and unpack */
	BENCH_DECODE,
	BENCH_TRANSFORM,
	BENCH_ENCODE,
	BENCH_PACK,
	BENCH_NSTAGES,
};

const char *bench_stage_name(enum bench_stage s);	/* "unpack" */

enum { BENCH_MAX_RUNS = 8 };

struct bench_options {
	struct run_options run;		/* its job_dir is not looked at */
	const char *tmp;		/* where folders for a while may be */
	uint64_t sample;		/* packed bytes to read; 0: the usual */
	unsigned repeat;		/* the best of so many; 0: the usual */
};

/* What one way through all the files took. */
struct bench_time {
	unsigned threads;
	double wall, cpu;		/* seconds */
};

struct bench_result {
	uint32_t nfiles, nall;		/* in the sample; in the exports */
	uint64_t items, made;		/* read, written */
	uint64_t packed_len, plain_len;
	uint64_t made_len, out_len;	/* likewise, of what was written */
	double stages[BENCH_NSTAGES];	/* seconds of CPU */
	double ghz;			/* 0: the machine does not tell */
	struct bench_time floor;
	struct bench_time runs[BENCH_MAX_RUNS];	/* threads ascending */
	size_t nruns;
};

/*
 * ERR_USAGE for a plan that cannot be measured like this: of increments, of
 * standard input, of archives, with output in S3, or of more than one pass.
 */
int bench_do(const struct bench_options *o, struct bench_result *out,
	     struct err *err);

#endif
