/*
 * migrate.h - the whole chain as one command: what its parts share.
 */
#ifndef CLI_MIGRATE_H
#define CLI_MIGRATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "cli/options.h"

struct err;
struct plan;

/* A target table, as the job has it and as it is now. */
struct migrate_table {
	const char *name;
	/* By the analysis; and once the run is done, by its output. */
	uint64_t items, deletes;
	uint32_t level;
	unsigned round;		/* see migration.round */
	double push_seconds, push_cost, import_seconds, import_cost, monthly;
	bool there, empty;
	bool begun;		/* this job has put items into it */
	bool local;		/* its definition has local indexes */
	bool imported;		/* an import of it was begun */
};

struct migration {
	const struct options *given;
	struct options o;	/* as the stages get them */
	struct arena mem;
	struct plan *plan;	/* not resolved: names and sides */
	char *job;		/* its folder */
	/*
	 * The folder of what is read of live tables, or kept of their exports,
	 * if the plan names none; and what the job is then of.
	 */
	char *source;
	bool exports;		/* they are exported, not read */
	const char *why_not;	/* no table is imported; NULL: those that can
				   be.  Imports that were begun go on. */
	bool imports;		/* ... or were */
	const char **dumps;
	struct migrate_table *tables;	/* in dependency order */
	size_t ntables;
	bool wrote;		/* into the target, in this attempt */
	bool targets_known;
	bool output_known;	/* the run was done when they were looked at */
	/* Which imports and pushes are due: of this round and those before. */
	unsigned round;
	unsigned imports_begin, imports_end;	/* rounds; an end of 0: none */
};

/*
 * What the job is of where the plan names no exports: --export, or what was
 * begun.  Returns 0 or -1.
 */
int migrate_choose_source(struct migration *m, struct err *err);

/* What ->why_not is about, also by what the job began.  Returns 0 or -1. */
int migrate_choose_way(struct migration *m, struct err *err);

/*
 * The targets by the job's analysis.json and output, and how they are now.
 * Returns 0, or -1: ERR_REFUSED if one may not be written to.
 */
int migrate_targets(struct migration *m, struct err *err);

/*
 * Does it go in by an import?  Else *why says why it is pushed.  As it is by
 * now: migrate_targets() must have been called.
 */
bool migrate_imports(const struct migration *m, const struct migrate_table *t,
		     const char **why);

/* Is what was written still there?  0, or -1: ERR_REFUSED. */
int migrate_check_there(struct migration *m, struct err *err);

/*
 * Say what will be done, on standard error: account, region, tables, items,
 * time and cost; then ask, where it has to be asked.  0, or -1: ERR_REFUSED.
 */
int migrate_confirm(struct migration *m, struct err *err);

/* Where to, and each table with its way; then the sum of items. */
uint64_t migrate_print(const struct migration *m, FILE *to);

/*
 * What would be written, on standard output, for --dry-run: as the job has it,
 * or before an analysis by the plan.  0 or -1.
 */
int migrate_tell(struct migration *m, struct err *err);

/* Ask beforehand, where nobody could answer later.  Returns 0 or -1. */
int migrate_confirm_early(const struct migration *m, struct err *err);

/* The stages; each returns an exit status. */
int migrate_whoami(struct migration *m);
int migrate_backup(struct migration *m);
int migrate_export(struct migration *m);
int migrate_analyze(struct migration *m);
int migrate_test(struct migration *m);
int migrate_run(struct migration *m);
int migrate_tables(struct migration *m);
int migrate_import(struct migration *m);
int migrate_push(struct migration *m);
int migrate_validate(struct migration *m);
int migrate_report(struct migration *m);
int migrate_rollback(struct migration *m);

#endif
