/*
 * table_import.h - new tables made by the service of files in S3: ImportTable.
 */
#ifndef AWS_TABLE_IMPORT_H
#define AWS_TABLE_IMPORT_H

#include <stdint.h>

#include "base/arena.h"
#include "base/span.h"

struct err;
struct service;

struct table_import_options {
	struct span creation;		/* TableCreationParameters, JSON */
	const char *bucket, *prefix;	/* all that is below is read */
	const char *bucket_owner;	/* account, or NULL */
	const char *format;		/* "DYNAMODB_JSON", "ION", "CSV" */
	const char *compression;	/* "GZIP", "ZSTD", "NONE" */
	char delimiter;			/* of CSV */
	const struct span *header;	/* of CSV whose files have none */
	size_t nheader;
	const char *token;		/* the same is the same import */
};

/* Texts live in `mem`. */
struct table_import {
	struct arena mem;
	const char *arn, *status;	/* "IN_PROGRESS", "COMPLETED", ... */
	const char *log_group;		/* of CloudWatch, or NULL */
	const char *failure;		/* in the service's words, or NULL */
	uint64_t errors, processed, imported, processed_len;
};

int table_import_start(struct service *s, const struct table_import_options *o,
		       struct table_import *i, struct err *err);

/* How it is now, by its ARN. */
int table_import_look(struct service *s, const char *arn,
		      struct table_import *i, struct err *err);

/*
 * Until it has ended, however: ->status says.  `watch` may be NULL.  0 or -1.
 */
int table_import_wait(struct service *s, struct table_import *i,
		      void (*watch)(void *context,
				    const struct table_import *i),
		      void *context, struct err *err);

/* The part of its ARN that its log stream is called by: "<id>/error". */
const char *table_import_id(const struct table_import *i);

void table_import_free(struct table_import *i);	/* zeroed is fine */

#endif
