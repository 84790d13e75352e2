/*
 * validate.h - is a dump what it should be?
 *
 *	validate_dump	as its manifests say: every file there, its MD5 and
 *			count right, every line an item
 *	validate_golden	the items of another dump are in it
 *	validate_rules	what a YAML file says of some of its items holds
 *	validate_plan	the rules and references of a plan hold for it
 *	validate_job	what a job wrote is what its sources come to, made anew
 *
 * What was checked is shown check by check, in an order that does not depend on
 * threads.  That something is wrong is no failure.
 */
#ifndef ENGINE_VALIDATE_H
#define ENGINE_VALIDATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "engine/dump.h"

struct err;
struct row;
struct run;
struct status_table;
struct value;

enum validate_kind {
	VALIDATE_SOUND,		/* nothing is wrong */
	VALIDATE_DAMAGED,	/* a file or a manifest */
	VALIDATE_BAD_LINE,	/* is no item, or has no key */
	VALIDATE_MISSING,	/* an item that should be there */
	VALIDATE_DIFFERENT,	/* is there, and not as it should be */
	VALIDATE_BROKEN,	/* a condition does not hold */
	VALIDATE_EXTRA,		/* an item that should not be there */
};

/* One thing that was checked; gone after the call. */
struct validate_check {
	enum validate_kind kind;
	const char *table;		/* NULL: nothing says it */
	const struct value *key;	/* a map; NULL: of no item */
	const char *name;	/* of a file; else where the rule stands */
	const char *text;	/* what is wrong; "" if rows say it */
	const char *file;	/* where the item is in the dump; or NULL */
	uint64_t line;
	const struct row *rows;	/* was: as it should be; is: as it is */
	size_t nrows;
};

struct validate_sums {
	uint64_t checks, failed;
	bool damaged;			/* a dump is */
	bool alone;	/* validate_job(): plan or sources are gone; its files
			   were compared with their checksums alone */
	uint64_t files, items, packed_len;	/* that were read */
};

struct validate_options {
	struct dump_options dump;
	const char *against;	/* golden items, or a YAML file */
	const char *key;	/* names of the golden items' keys, or NULL */
	const char *ignore;	/* paths that do not count, or NULL */
	bool partial;		/* other attributes than the golden are fine */
	bool exact;		/* other items than the golden are not */
	unsigned threads;
	size_t memory;
	const char *tmp;
	const char *run_time;	/* for conditions: epoch seconds */
	const char *plan;	/* of validate_plan() */
	struct plan_options plan_options;	/* likewise; without tables */
	uint64_t limit;		/* likewise: items a table; 0: all */
	const char *job;	/* of validate_job() */
	const char *version;	/* of the program */
	uint32_t shard, nshards;	/* of validate_dump(), validate_job():
					   some of the files; 0: all */
	const atomic_bool *cancel;

	/*
	 * How far it is, now and then; each may be NULL: validate_job() by its
	 * run, validate_golden() by the items of the dump that it has read,
	 * validate_live() table by table.
	 */
	void (*watch)(void *context, const struct run *run);
	void (*count)(void *context, uint64_t nitems);
	void (*progress)(void *context, const struct status_table *list,
			 size_t n);

	/* Called from one thread at a time.  0 or -1. */
	int (*see)(void *context, const struct validate_check *c,
		   struct err *err);
	void *context;
};

/* Each returns 0 whatever was found, with the sums; or -1. */
int validate_dump(const struct validate_options *o, struct validate_sums *s,
		  struct err *err);
int validate_golden(const struct validate_options *o, struct validate_sums *s,
		    struct err *err);
int validate_rules(const struct validate_options *o, struct validate_sums *s,
		   struct err *err);

int validate_plan(const struct validate_options *o, struct validate_sums *s,
		  struct err *err);
int validate_job(const struct validate_options *o, struct validate_sums *s,
		 struct err *err);

/* `dump.tables` are the targets that count; none: all. */
int validate_live(const struct validate_options *o, struct validate_sums *s,
		  struct err *err);

const char *validate_kind_name(enum validate_kind k);	/* "missing" */

#endif
