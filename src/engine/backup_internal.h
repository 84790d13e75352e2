/* backup_internal.h - what looking, reading and ending a backup share. */
#ifndef ENGINE_BACKUP_INTERNAL_H
#define ENGINE_BACKUP_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "aws/dynamodb.h"
#include "engine/backup.h"

struct journal;
struct service;
struct side;

/* A table on its way. */
struct backup_job {
	struct backup_table shown;	/* but what follows: */
	_Atomic uint64_t items, len;
	_Atomic unsigned done;
	struct dynamodb_table table;
	struct journal *journal;
	char started[32];		/* ISO 8601 */
};

struct backup {
	struct backup_options o;
	int lock_fd;			/* -1: not locked */
	struct side *side;
	struct service *service;
	struct backup_job *list;
	size_t n;
	pthread_mutex_t lock;		/* of all below */
	size_t next_table;
	unsigned next_segment;
	bool failed;
	double tokens;			/* read units that may go now */
	uint64_t tokens_at;		/* milliseconds */
};

/* ---- backup_segment.c ---------------------------------------------------- */

/* Read a segment from where it was left to its end. */
int backup_segment(struct backup *b, struct backup_job *t, unsigned segment,
		   struct err *err);

#endif
