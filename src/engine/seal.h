/*
 * seal.h - a checksum over a job: JOB/SHA256SUMS, one line for each file in it,
 * as `sha256sum -c` reads them.  By it a job that was archived proves that it
 * is still what it was.
 *
 * Not in it are the lock, status.json and what is under way: files that say
 * nothing about the job once it is done.
 */
#ifndef ENGINE_SEAL_H
#define ENGINE_SEAL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct err;

#define JOB_SEAL "SHA256SUMS"

enum seal_kind { SEAL_SAME, SEAL_DIFFERENT, SEAL_MISSING, SEAL_EXTRA };

struct seal_options {
	const char *job_dir;
	unsigned threads;		/* 0: 1 */
	const atomic_bool *cancel;	/* or NULL */
};

/* Write it.  Returns 0 or -1. */
int seal_write(const struct seal_options *o, struct err *err);

/* Is there one? */
bool seal_is_there(const char *job_dir);

/* The job goes on, so it is no longer true. */
void seal_break(const char *job_dir);

/*
 * Compare: each file, in the order of their names, is shown to `see`, which
 * returns 0 or -1.  Returns 0 whatever was found, or -1: ERR_INPUT if the list
 * itself is damaged.
 */
int seal_check(const struct seal_options *o,
	       int (*see)(void *context, enum seal_kind kind, const char *path,
			  struct err *err),
	       void *context, struct err *err);

#endif
