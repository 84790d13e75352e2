/*
 * bench.h - what the programs here share: a clock, and an end where something
 * fails.  Each of them is one file and the library.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/err.h"

static inline double
now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static inline void __attribute__((noreturn))
die(const struct err *err)
{
	fprintf(stderr, "%s: %s\n", program_invocation_short_name, err->text);
	exit(2);
}

#endif
