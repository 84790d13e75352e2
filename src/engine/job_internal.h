/* job_internal.h - job.json, for job.c. */
#ifndef ENGINE_JOB_INTERNAL_H
#define ENGINE_JOB_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "engine/job.h"

struct err;

#define JOB_RECORD "job.json"

/* What job.json says; a zeroed one is empty. */
struct job_record {
	struct arena mem;
	struct job_fact *facts;
	size_t n;
};

/* Write job.json with these facts, and keep them. */
int job_record_start(struct job_record *r, const char *dir,
		     const struct job_fact *facts, size_t n, struct err *err);

/*
 * The same for several processes at once: one of them writes it, with its own
 * facts, and none writes over it.
 */
int job_record_agree(const char *dir, const struct job_fact *facts, size_t n,
		     struct err *err);

/* Is that the name of a file that may be left behind of it? */
bool job_record_is_temporary(const char *name);

int job_record_load(struct job_record *r, const char *dir, struct err *err);

/* Are those the facts of the record?  ERR_REFUSED names what differs. */
int job_record_compare(const struct job_record *r, const char *dir,
		       const struct job_fact *facts, size_t n,
		       struct err *err);

void job_record_free(struct job_record *r);

/* Is it a part of a divided job: was it entered? */
bool job_is_part(const struct job *j);

#endif
