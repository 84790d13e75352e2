/* journal_internal.h - what the parts of the journal share. */
#ifndef ENGINE_JOURNAL_INTERNAL_H
#define ENGINE_JOURNAL_INTERNAL_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/span.h"
#include "engine/journal.h"

struct err;

/* Name of the note that says which start of the machine it was. */
#define JOURNAL_BOOT "boot"

struct note {
	struct note *next;
	struct span name, text;
};

struct journal {
	pthread_mutex_t lock;
	int fd;			/* -1: only looked at */
	bool broken;		/* what is on disk is not known */
	uint64_t len, torn;
	char *path;
	struct arena mem;	/* records and notes, also those replaced */
	struct journal_unit **slots;	/* by unit, linear probing */
	size_t nslots;		/* a power of two */
	uint32_t nunits, end;
	struct note *notes;
	struct buf out;		/* a record on its way */
	char boot[64];		/* which start of the machine; empty: unknown */
	/* Units whose files may not be on the disk. */
	const struct journal_unit **late;
	size_t nlate, late_cap;
	uint64_t late_len;	/* bytes in those files */
	time_t synced;
};

/* ---- journal.c ----------------------------------------------------------- */

/* Put all units into a table of `n` places. */
int journal_rehash(struct journal *j, size_t n, struct err *err);

struct span journal_find_note(const struct journal *j, const char *name);

/* Wait until the journal itself is on the disk; with the lock. */
int journal_wait(struct journal *j, struct err *err);

/* ---- journal_disk.c ------------------------------------------------------ */

/* Set ->boot; empty if the system does not say: nothing is of it then. */
void journal_read_boot(struct journal *j);

/* Was all that was read so far written since the machine was started? */
bool journal_is_of_this_boot(const struct journal *j);

/* Remember, with the lock, that files of the unit are not on the disk yet. */
int journal_put_off(struct journal *j, const struct journal_unit *u,
		    struct err *err);

/* Wait for them, without it, if they are large or waited long. */
int journal_sync_late(struct journal *j, struct err *err);

/*
 * Were all records made since the machine was started?  If not, read every file
 * that they name, and forget the units that have one that is not what was
 * written.
 */
int journal_check_boot(struct journal *j, const char *job_dir,
		       struct err *err);

/* ---- journal_unit.c, journal_files.c ------------------------------------- */

/* Append the payload of `u`. */
int journal_put_unit(struct buf *out, const struct journal_unit *u,
		     struct err *err);

/* The unit that a payload holds, copied into `mem`; NULL on failure. */
struct journal_unit *journal_get_unit(struct span payload, struct arena *mem,
				      struct err *err);

/*
 * Wait until the files of all these units are on the disk, with their names.
 * One that is refused there is removed, and the first error returned.
 */
int journal_sync_files(const char *job_dir,
		       const struct journal_unit *const *units, size_t n,
		       struct err *err);

/* What a sound checksum and no sense mean: not written by this program. */
int journal_no_sense(struct err *err);

#endif
