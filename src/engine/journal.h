/*
 * journal.h - the record of a job: which units are finished, and what they
 * came to.  It is the truth on resume (design.md, 7).
 *
 * A record is appended, checksummed, when the files it names are written; so
 * what the journal says has happened, whatever becomes of the process.  What it
 * says of a time before the machine was started anew is believed only of files
 * that were read again.  The whole journal is read when it is opened: a torn
 * last record is cut off, a bad one before the last is ERR_INPUT.  The head
 * comment of journal.c has the bytes.
 *
 * Any number of threads may append and look up at once.
 */
#ifndef ENGINE_JOURNAL_H
#define ENGINE_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

struct err;
struct journal;

/* Where the items of a plan table went; the words of commands.md. */
enum journal_count {
	JOURNAL_READ,
	JOURNAL_MOVED,
	JOURNAL_FILTERED,
	JOURNAL_SKIPPED,
	JOURNAL_DROPPED,
	JOURNAL_DUPLICATE,
	JOURNAL_REJECTED,
	JOURNAL_NCOUNTS,
};

const char *journal_count_name(enum journal_count c);	/* "filtered" */

struct journal_tally {
	uint32_t table;		/* number of the plan table */
	uint64_t n[JOURNAL_NCOUNTS];
};

enum journal_file_kind {
	JOURNAL_OUT = 1,	/* a data file; `table` is the target's number */
	JOURNAL_KEYS,		/* the key log */
	JOURNAL_REJECTS,	/* the unit's part of rejected/<table> */
	JOURNAL_DELETES,	/* keys to be deleted, as JOURNAL_OUT */
};

/* A file that the unit wrote. */
struct journal_file {
	enum journal_file_kind kind;
	uint32_t table;
	/*
	 * Relative to the job's folder, with no `.` or `..`.  Of JOURNAL_OUT
	 * and JOURNAL_DELETES it begins with "out/", also while the folder is
	 * still out.partial; or with "s3/" where the output is not in the job:
	 * those files are passed over here, see store.h.
	 */
	struct span path;
	uint64_t size;		/* of the file */
	uint64_t xxh3;		/* XXH3-64 of it; for KEYS what keyfile says */
	uint8_t md5[16];	/* of it, where somebody needs it */
	uint64_t plain_len;	/* unpacked */
	uint64_t items;		/* in it */
};

/* A finished unit.  Everything it points at is copied when it is added. */
struct journal_unit {
	uint32_t unit;
	const struct journal_tally *tallies;
	size_t ntallies;
	const struct journal_file *files;
	size_t nfiles;
	struct span extra;	/* the caller's: warnings, counts of ids left */
};

/*
 * Open the journal at `path`, or start it there.  NULL on failure: ERR_INPUT
 * "damaged journal at byte N" or a later version, ERR_SYSTEM.
 */
struct journal *journal_open(const char *path, struct err *err);

/*
 * The same for one who only looks, also while another process appends: nothing
 * is changed on disk, and a file that is not there is an empty journal.
 */
struct journal *journal_look(const char *path, struct err *err);

/*
 * Add a finished unit; it takes the place of an earlier record of it.  It gets
 * to the disk, with its files, when the system sees fit; but after a GiB of
 * files, or half a minute, this waits for all that there are.  A file that the
 * disk refuses is removed, and an error.
 */
int journal_add(struct journal *j, const struct journal_unit *u,
		struct err *err);

/*
 * Keep a text under a name, in place of what was kept before: that a stage has
 * ended.  An empty one is as none.  All records are on the disk when this
 * returns.
 */
int journal_note(struct journal *j, const char *name, struct span text,
		 struct err *err);

/* What is noted, as it is now; empty if nothing is.  Lives as long as `j`. */
struct span journal_noted(struct journal *j, const char *name);

/* The record of a unit or NULL; lives as long as `j`. */
const struct journal_unit *journal_unit(struct journal *j, uint32_t unit);

/* Units that have a record; they are numbered anyhow below *end. */
uint32_t journal_nunits(struct journal *j, uint32_t *end);

/* Bytes cut off, as it was opened, because they were no whole record. */
uint64_t journal_torn(const struct journal *j);

void journal_close(struct journal *j);	/* NULL is fine */

/* ---- the files that records name ---------------------------------------- */

/*
 * Are the files of unit `u` there, with their sizes, and if `deep` their
 * checksums?  Returns 1, 0 with the reason in *why (`u` must be done again), or
 * -1 with *why set if that cannot be told (ERR_SYSTEM).
 */
int journal_check_unit(const char *job_dir, const struct journal_unit *u,
		       bool deep, struct err *why);

/* The same of its output files alone, by their sizes. */
int journal_check_out(const char *job_dir, const struct journal_unit *u,
		      struct err *why);

/*
 * Is the file at `path`, here or in S3, the one that was written?  It is read
 * for that.  Returns as journal_check_unit() does.
 */
int journal_check_file(const char *path, const struct journal_file *f,
		       struct err *why);

/* Where that file is now, to be freed; NULL if there is no memory. */
char *journal_place(const char *job_dir, const struct journal_file *f);

/*
 * If the machine was started anew since the job was worked in, forget the units
 * whose files are no longer what was written; all of them are read for that.
 * Then remove what a crash left behind: `.NAME.part` anywhere in the job, all
 * in index/tmp, and what no unit's record names in out.partial/<table>/data,
 * index/units and rejected/units.  To be called before any worker runs.
 */
int journal_sweep(struct journal *j, const char *job_dir, struct err *err);

#endif
