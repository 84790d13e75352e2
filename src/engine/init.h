/*
 * init.h - a plan to start with, written from exports.
 *
 * Two passes over the data: the first looks what attributes there are and keeps
 * samples of their values; the second finds out which attributes are keys and
 * holds their values, as ids, against the samples.  The same exports give the
 * same text, whatever the number of threads.
 */
#ifndef ENGINE_INIT_H
#define ENGINE_INIT_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct err;

struct init_options {
	const char *const *dumps;	/* as exports.h takes them */
	size_t ndumps;
	/* Files with table definitions: paths or globs. */
	const char *const *tables_from;
	size_t ntables_from;
	const char *const *accept;	/* damage, by name */
	size_t naccept;
	const char *plan_path;		/* where the plan will be; NULL: here */
	unsigned threads;
	size_t memory;			/* bytes to check keys in; 0: 1 GiB */
	const atomic_bool *cancel;	/* or NULL */
};

/* What it came to. */
struct init_sums {
	uint32_t tables;
	uint32_t skipped;	/* of them: no key was found */
	uint32_t references;
	uint64_t items, rejects;
};

/*
 * Append a plan for these exports.  Returns 0, or -1: ERR_USAGE, ERR_INPUT,
 * ERR_SYSTEM, ERR_CANCELLED.
 */
int init_plan(const struct init_options *o, struct buf *out,
	      struct init_sums *sums, struct err *err);

#endif
