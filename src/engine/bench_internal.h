/* bench_internal.h - what the parts of bench share. */
#ifndef ENGINE_BENCH_INTERNAL_H
#define ENGINE_BENCH_INTERNAL_H

#include "engine/bench.h"

struct run_shared;
struct unit;

/* Take a data file through the stages and add what that took.  0 or -1. */
int bench_stages(const struct run_shared *shared, const struct unit *u,
		 struct bench_result *sums, struct err *err);

#endif
