/*
 * table_export.h - exports to S3 made by the service, from point-in-time
 * recovery: ExportTableToPointInTime, full and incremental.
 */
#ifndef AWS_TABLE_EXPORT_H
#define AWS_TABLE_EXPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"

struct buf;
struct err;
struct service;

struct table_export_options {
	const char *table;
	const char *bucket;
	const char *prefix;		/* or NULL */
	const char *bucket_owner;	/* account, or NULL */
	const char *kms_key;		/* or NULL: as the bucket has it */
	const char *format;		/* "DYNAMODB_JSON", "ION"; NULL: the first */
	int64_t time;			/* of a full one; 0: now */
	int64_t from, to;		/* of an incremental one; 0: it is full */
	const char *view;		/* "NEW_IMAGE"; NULL: with old ones */
	const char *token;		/* the same is the same export for 8
					   hours; NULL: none */
};

/* Texts live in `mem`. */
struct table_export {
	struct arena mem;
	const char *arn, *status;	/* "IN_PROGRESS", "COMPLETED", ... */
	const char *manifest;		/* key of its summary; NULL: not yet */
	const char *bucket, *prefix;
	const char *failure;		/* in the service's words, or NULL */
	const char *token;		/* that asked for it, or NULL */
	uint64_t nitems, billed_len;
};

/*
 * Could one be made?  0, or -1 with what table_export_start() would say, but
 * for what only the service knows.
 */
int table_export_check(struct service *s, const struct table_export_options *o,
		       struct err *err);

/*
 * Begin one.  ERR_REFUSED, with the command that helps, if point-in-time
 * recovery of the table is off; nothing is turned on here.
 */
int table_export_start(struct service *s, const struct table_export_options *o,
		       struct table_export *e, struct err *err);

/*
 * The export of ->table that ->token asked for, however long ago and whatever
 * came of it.  Returns 1, 0 if there is none, or -1.
 */
int table_export_find(struct service *s, const struct table_export_options *o,
		      struct table_export *e, struct err *err);

/* How it is now, by its ARN. */
int table_export_look(struct service *s, const char *arn,
		      struct table_export *e, struct err *err);

/* Until it is done; ERR_REMOTE if it fails.  `watch` may be NULL. */
int table_export_wait(struct service *s, struct table_export *e,
		      void (*watch)(void *context,
				    const struct table_export *e),
		      void *context, struct err *err);

/* Append the s3://... to read it at, and a NUL that is not counted. */
int table_export_address(const struct table_export *e, struct buf *out,
			 struct err *err);

void table_export_free(struct table_export *e);	/* zeroed is fine */

#endif
