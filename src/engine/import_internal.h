/* import_internal.h - what looking, uploading and importing share. */
#ifndef ENGINE_IMPORT_INTERNAL_H
#define ENGINE_IMPORT_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "aws/table_import.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/token.h"
#include "engine/dump.h"
#include "engine/import_job.h"
#include "engine/store.h"

struct job;
struct journal;
struct service;
struct side;

/* A table and its import. */
struct importing {
	struct import_job_table shown;	/* but what the import says */
	const struct dump_table *from;
	struct buf creation;		/* its table.json */
	char token[TOKEN_LEN], arn[512];	/* "": not yet */
	char stream[160];
	struct table_import import;
};

struct import_job {
	struct import_job_options o;
	struct arena mem;
	struct job *job;
	struct journal *journal;
	struct plan *plan;
	struct dump dump;
	char *address;			/* s3://... */
	struct store *store;		/* that */
	bool upload;			/* what is on disk goes there first */
	struct side *side;
	struct service *service;
	struct importing *list;
	size_t n;
	_Atomic uint64_t up_all, up_done;	/* bytes */
	_Atomic uint32_t next;		/* file to upload */
	atomic_bool failed;
};

/* ---- import_upload.c ----------------------------------------------------- */

/* All of the output to ->address; what is there already stays.  0 or -1. */
int import_upload(struct import_job *i, struct err *err);

#endif
