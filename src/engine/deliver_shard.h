/*
 * deliver_shard.h - a push that several processes share: each sends its own
 * files, and keeps its own records.
 *
 *	JOB/push/shards/count		how many there are
 *	JOB/push/shards/lock		who reads or writes what is common
 *	JOB/push/shards/<table>.begun	some of it may have been sent
 *	JOB/push/shards/I/		of shard I: push/ and undo/ as in JOB
 *
 * While there are such, nobody has the job to himself; who has it next, for a
 * push or a rollback, brings the records home first.
 */
#ifndef ENGINE_DELIVER_SHARD_H
#define ENGINE_DELIVER_SHARD_H

#include <stdint.h>

struct err;

/* How many shards a push is divided into; 0: it is not.  0 or -1. */
int deliver_shards_count(const char *job_dir, uint32_t *count,
			 struct err *err);

/*
 * What shards noted becomes the job's, whose lock is held.  A kill in between
 * does no harm.
 */
int deliver_shards_home(const char *job_dir, struct err *err);

#endif
