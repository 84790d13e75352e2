/*
 * export_job.h - the source tables of a migration to S3, by the service: of
 * each table a point-in-time export, made side by side and waited for.
 *
 * DIR/exports.journal keeps what was asked for, and what came of it; so the
 * same again waits for the exports that were begun, and begins those that were
 * not.  It is DIR, and not the job, because a job is of exports that are there.
 */
#ifndef ENGINE_EXPORT_JOB_H
#define ENGINE_EXPORT_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct err;
struct export_job;
struct plan_side;
struct side_options;

struct export_job_options {
	const char *const *tables;
	size_t ntables;
	const char *dir;
	const char *to;			/* s3://BUCKET/PREFIX; NULL: as it was
					   begun */
	int64_t time;			/* the tables as they were then; 0: now,
					   or as it was begun */
	const char *bucket_owner;	/* account, or NULL */
	const char *kms_key;		/* or NULL: as the bucket has it */
	const struct plan_side *side;	/* what a plan says; or NULL */
	const struct side_options *usual;
	/* Called now and then while they are waited for; or NULL. */
	void (*watch)(void *context, const struct export_job *e);
	void *context;
};

struct export_job_table {
	const char *name;
	const char *status;		/* of its export; NULL: not known */
	const char *address;		/* s3://... once it is there; or NULL */
	uint64_t nitems;		/* 0: not known */
	bool was_done;			/* before this attempt */
};

/* What is there already.  NULL on failure: ERR_REFUSED if it is of others. */
struct export_job *export_job_open(const struct export_job_options *o,
				   struct err *err);

/* Begin those that were not, once all can be; wait for all.  0 or -1. */
int export_job_run(struct export_job *e, struct err *err);
void export_job_close(struct export_job *e);	/* NULL is fine */

/* Number `i`, as it is now; false after the last. */
bool export_job_table(const struct export_job *e, size_t i,
		      struct export_job_table *out);

enum export_job_state { EXPORT_JOB_NONE, EXPORT_JOB_BEGUN, EXPORT_JOB_DONE };

/*
 * How far `dir` is with these tables, by its journal alone; -1 with *err set.
 * Once all of them are there, addresses[i] is where the ith is, in `mem`.
 */
int export_job_look(const char *dir, const char *const *tables, size_t n,
		    const char **addresses, struct arena *mem,
		    struct err *err);

#endif
