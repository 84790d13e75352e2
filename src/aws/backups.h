/*
 * backups.h - what the service keeps of a table by itself: point-in-time
 * recovery and backups on demand, and tables made again of either.
 */
#ifndef AWS_BACKUPS_H
#define AWS_BACKUPS_H

#include <stdbool.h>
#include <stdint.h>

struct buf;
struct err;
struct service;

struct pitr {
	bool on;
	uint64_t days;			/* that it goes back; 0: not said */
	int64_t earliest, latest;	/* seconds since 1970; 0: not said */
};

/*
 * Point-in-time recovery of a table.  Returns 1; 0 if the service knows no such
 * thing (DynamoDB Local); or -1.
 */
int pitr_look(struct service *s, const char *table, struct pitr *out,
	      struct err *err);

/* Turn it on; it goes back `days`, or the usual 35 with 0. */
int pitr_turn_on(struct service *s, const char *table, uint64_t days,
		 struct err *err);

/*
 * Make a backup on demand and wait until it is there.  Its ARN, with a NUL, is
 * appended to `arn`.
 */
int backup_make(struct service *s, const char *table, const char *name,
		struct buf *arn, struct err *err);

struct table_restore {
	const char *into;		/* a new table */
	const char *backup;		/* ARN of a backup; or NULL: */
	const char *from;		/* a table, */
	int64_t time;			/* as it was then; 0: the latest */
	bool no_wait;
};

/* Make a table again; wait until it is ACTIVE. */
int table_restore(struct service *s, const struct table_restore *r,
		  struct err *err);

#endif
