/*
 * options.h - the command line, parsed once, const afterwards.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/drops.h"
#include "engine/plan.h"

struct err;
struct job_fact;

enum output_format { OUTPUT_TEXT, OUTPUT_JSON, OUTPUT_CSV, OUTPUT_JUNIT };

enum { OPTIONS_MAX_WORDS = 256 };

struct options {
	const char *const *args;	/* what is no option */
	size_t nargs;
	/* As it was said: options, and behind them the words. */
	const char *const *said;
	size_t noptions, nwords;

	const char *job;		/* NULL: "./<plan name>.job" */
	const char *stage;
	unsigned threads;		/* 0: one a processor */
	size_t memory;			/* bytes; 0: the usual 1 GiB */
	uint64_t limit;			/* items a table; 0: all */
	int level;			/* 0: the usual one */
	const char *run_time;		/* ISO 8601; NULL: now */
	bool fail_on_bad_item;
	enum on_duplicate on_duplicate;
	bool strict_ids;
	bool revert;
	uint64_t max_unpacked, max_ratio;	/* of archives; 0: usual */
	bool dry_run;
	bool quiet, verbose, no_progress;
	bool help;
	const char *log;		/* NULL: none */
	bool log_items;
	enum output_format output;
	char type;			/* lookup: S, N or B; 0: any */
	bool item, all;			/* lookup */
	const char *tables[OPTIONS_MAX_WORDS];	/* --table, repeatable */
	size_t ntables;
	const char *accept[OPTIONS_MAX_WORDS];	/* --accept, repeatable */
	size_t naccept;
	const char *keys[OPTIONS_MAX_WORDS];	/* --key, repeatable */
	size_t nkeys;
	const char *where;		/* --where; NULL: all items */
	bool write;
	bool watch;			/* status */
	const char *out;		/* -o; NULL: standard output */
	bool force;
	const char *tables_from[OPTIONS_MAX_WORDS];	/* --tables-from */
	size_t ntables_from;
	const char *as;			/* cat: a format; NULL: the usual */
	const char *select;		/* cat: document paths, or NULL */
	const char *ignore;		/* diff, validate: likewise */
	const char *against, *plan;	/* validate; or NULL */
	bool live, partial, exact;	/* validate */
	const char *profile, *region, *endpoint_url, *env_file;	/* or NULL */
	unsigned read_timeout;		/* seconds; 0: the usual */
	uint64_t sample, generate, item_size;	/* bench; 0: the usual, none */
	unsigned repeat;			/* likewise */
	bool yes;
	bool into_existing, only_new, no_undo, update;	/* push */
	bool keep_tables;			/* rollback */
	uint64_t max_wcu;		/* push: a second; 0: any */
	uint64_t max_rcu;		/* backup: a second; 0: any */
	bool consistent;		/* backup */
	const char *bucket, *prefix, *bucket_owner, *kms_key;	/* export */
	const char *from_time, *to_time;	/* ISO 8601; or NULL */
	bool new_image, no_wait;
	const char *to;			/* import: s3://... */
	const char *backup, *into;	/* restore */
	bool restoring;			/* push: by restore */
	bool no_rights;			/* whoami: they are not asked for */
	uint64_t days;			/* pitr */
	const char *name;		/* create-backup */
	const char *confirm;		/* --confirm; or NULL */
	bool confirmed;			/* by migrate: nobody asks again */
	const char *from, *until;	/* migrate: its stages; or NULL */
	bool no_rollback, import, no_import;	/* migrate */
	const char *export;		/* migrate: s3://...; or NULL */
	/* By migrate: not what the plan says under source.exports, but these. */
	const char *const *dumps;
	size_t ndumps;
	const char *after;		/* --after: a job; or NULL */
	const char *shard;		/* "3/7", "auto/7"; or NULL */
	const char *scratch;		/* of a job in S3: a folder; or NULL */
	bool verify;			/* merge */
	/* Migrations that job.json is to name; see migrations.h. */
	const struct job_fact *applied;
	size_t napplied;
};

/*
 * Parse the words behind the command's name, which is argv[0] here.  Strings
 * stay argv's.  Returns 0, or -1 with ERR_USAGE.
 */
int options_parse(struct options *o, int argc, char **argv, struct err *err);

/* What of it a plan is told; it refers to `o`. */
struct plan_options options_plan(const struct options *o);

/* --threads, or as many as there are processors. */
unsigned options_threads(const struct options *o);

/*
 * The time that an option says in ISO 8601, as seconds since 1970; 0 if it is
 * not there.  Returns 0, or -1 with ERR_USAGE.
 */
int options_time(const char *option, const char *text, int64_t *out,
		 struct err *err);

/*
 * What run_time() is to give: --run-time, or now, as seconds since 1970 in
 * text.  Returns 0, or -1 with ERR_USAGE.
 */
int options_run_time(const struct options *o, char out[32], struct err *err);

#endif
