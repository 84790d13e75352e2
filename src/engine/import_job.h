/*
 * import_job.h - a job's output into new tables, by ImportTable.
 *
 * What is on disk is uploaded first, all of it as it stands, to an address that
 * is the job's (store.h); what a run wrote to S3 is imported from there.  The
 * journal keeps where it was uploaded and the ARN of each import, so that the
 * same again goes on: it uploads what is missing, and waits for the imports
 * that were begun.
 */
#ifndef ENGINE_IMPORT_JOB_H
#define ENGINE_IMPORT_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

struct err;
struct import_job;
struct journal;
struct plan;
struct side_options;

struct import_job_options {
	const char *job_dir;
	const char *const *tables;	/* targets; none: all */
	size_t ntables;
	const char *to;			/* s3://BUCKET/PREFIX to upload to; NULL
					   where the output is in S3 */
	unsigned threads;		/* files uploaded at once; 0: 4 */
	bool no_wait;
	const struct side_options *usual;
	const char *(*variable)(void *context, const char *name);

	/* Called when something has changed, in any thread; or NULL. */
	void (*watch)(void *context, const struct import_job *i);
	void *context;
};

struct import_job_table {
	const char *name;
	uint64_t nitems;		/* of the job's output */
	const char *status;		/* of the import; NULL: not begun */
	const char *arn, *log_group, *log_stream, *failure;	/* or NULL */
	uint64_t errors, processed, imported, processed_len;
};

/* Look at everything.  NULL with *err set; ERR_REFUSED says what to do. */
struct import_job *import_job_open(const struct import_job_options *o,
				   struct err *err);

const struct plan *import_job_plan(const struct import_job *i);
const char *import_job_place(const struct import_job *i);	/* endpoint */

/* Number `n`, as it is now; false after the last. */
bool import_job_table(const struct import_job *i, size_t n,
		      struct import_job_table *out);

/* By a job's journal, where its files are uploaded to; "" until that begins. */
struct span import_job_uploads_to(struct journal *j);

/* Bytes to upload in all, and there. */
void import_job_uploaded(const struct import_job *i, uint64_t *all,
			 uint64_t *done);

/*
 * Upload, begin all imports, and wait for them.  Returns 0, or -1.  An import
 * that failed, or left items out, is no failure of this: see its table.
 */
int import_job_run(struct import_job *i, struct err *err);
void import_job_close(struct import_job *i);	/* NULL is fine */

#endif
