/*
 * footprint.h - what a job did to a table in the service, as far as undoing it
 * needs to know: whether the job made it, and what was in it before.
 *
 * It is JOB/push/<table>.json, written before what it tells is done.
 */
#ifndef ENGINE_FOOTPRINT_H
#define ENGINE_FOOTPRINT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/keyhash.h"

struct err;
struct service;
struct tree;

struct footprint {
	uint64_t absent_at;	/* when there was none, and one was to be
				   made: epoch seconds; or 0 */
	bool created;		/* not by an import, if it is made */
	bool made;		/* the job made the table ... */
	char identity[512];	/* ... that is this one; "" if not known */
	bool pushed;		/* items were sent ... */
	char of[512];		/* ... to this one; "" if not known */
	bool was_empty;		/* nothing was in it before the first */
	bool no_undo;		/* some were sent without keeping what was */
	bool updated;		/* by `push --update` */
	bool retiring;		/* its records are on their way out */
	bool undoing;		/* a rollback was begun ... */
	bool undone;		/* ... and came to its end, but for some items */
};

/* 1; 0 if there is none, and then *f is empty; or -1. */
int footprint_load(const char *job, const char *table, struct footprint *f,
		   struct err *err);

/*
 * A retirement that was killed half way comes to its end, by whoever has the
 * job to himself.  *f was loaded, and is anew.
 */
int footprint_settle(const char *job, const char *table, struct footprint *f,
		     struct err *err);

/* On the disk when this returns 0. */
int footprint_save(const char *job, const char *table,
		   const struct footprint *f, struct err *err);

/*
 * What was written is undone, or gone with its table: the records of it go to
 * JOB/rollback/<table>~<n>/, and a push begins anew.  `gone`: so is the table.
 */
int footprint_retire(const char *job, const char *table, bool gone,
		     struct err *err);

/*
 * Before a table of that name is made for the job by whatever means, and after
 * it is there.  If it was there before, neither claims it.
 */
int footprint_before_making(const char *job, struct service *s,
			    const char *table, struct err *err);
int footprint_after_making(const char *job, struct service *s,
			   const char *table, struct err *err);

/* tables_create(), with both of them around. */
int footprint_make(const char *job, struct service *s,
		   const struct tree *definition, struct err *err);

/*
 * What a record of progress is of: these files and that very table, which
 * DescribeTable gave.
 */
struct keyhash footprint_hash(const char *what, const struct tree *table,
			      struct keyhash files);

/*
 * Note to which table, which DescribeTable gave, items will be sent.  Is it the
 * one to which they were sent, or is that not known?  And if not that, one of
 * that account and region at least, made anew?
 */
void footprint_set_of(struct footprint *f, const struct tree *table);
bool footprint_is_of(const struct footprint *f, const struct tree *table);
bool footprint_is_near(const struct footprint *f, const struct tree *table);

/*
 * Where there is a table that an import was begun for: may it be the import's?
 * Not if that one is gone, and this was made in another way.
 */
bool footprint_may_be_import(const struct footprint *f);

/* Did the job make this table, which DescribeTable gave? */
bool footprint_is_made(const struct footprint *f, const struct tree *table);

#endif
