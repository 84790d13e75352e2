/*
 * unit.h - one data file on its way, from source to sinks.
 *
 * A unit is taken in slices: as much as the source can give without asking its
 * feed again.  Between slices it may wait, and go on in another thread.
 * Threads take several units in turns, so that the MD5s of all of them, input
 * and output, can be taken side by side: see base/md5.h and worker.h.
 *
 * It owns all that it touches but its thread's workbench and what `struct
 * run_shared` holds: const, or with atomics as said there.
 */
#ifndef ENGINE_UNIT_H
#define ENGINE_UNIT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "model/batch.h"

struct archive_stream;
struct byte_format;
struct drops;
struct err;
struct feed;
struct item_format;
struct item_rules;
struct journal;
struct known;
struct latest;
struct md5_lane;
struct outputs_pool;
struct plan;
struct program;
struct unit_run;

/* One data file. */
struct unit {
	uint32_t number;	/* names its files; see commands.md */
	uint32_t input;		/* of plan->inputs: the table it is of */
	const char *path;	/* "-" is standard input */
	const char *name;	/* for --accept: the last part of the path */
	const char *etag;	/* of the object that it is, or is in; or NULL */
	const char *archive;	/* that it is file `member` of, or NULL */
	uint64_t member;
	struct archive_stream *stream;	/* to be had from here; NULL: anyhow */
	const struct unit *next;	/* in that archive: after this one */
	uint64_t packed_len;	/* of the file; 0 if not known */
	const struct item_format *format;	/* NULL: by its first bytes */
	const struct item_rules *rules;		/* to read it by, or NULL */
	bool has_md5;
	uint8_t md5[16];	/* of the file, as the manifest says */
	int64_t nitems;		/* likewise; -1 if nothing says it */
	bool accepted;		/* damage is counted, not fatal */
	bool increment;		/* of an incremental export: records */
	uint64_t max_items;	/* stop after so many; 0: all */
};

/* How far the units of an input are; read while workers add. */
struct input_progress {
	_Atomic uint64_t packed_len, plain_len, items;
};

/* Where a plan table's items go. */
struct run_target {
	const char *name;	/* of the target table */
	const struct item_rules *rules;	/* to write it by */
	uint32_t number;	/* several plan tables may share one */
	bool log_keys;		/* its primary keys are logged */
};

struct program_result;

/*
 * Somebody who looks on.  Each unit has an eye of its own: what see functions
 * get is what open() returned for it.  Units go on side by side, so whoever
 * sums up, in close(), does it under a lock of his own.
 */
struct unit_observer {
	void *context;
	/* NULL with *err set on failure. */
	void *(*open)(void *context, const struct unit *u, struct err *err);
	/* Items as they are in the source, bad lines among the rejects. */
	int (*before)(void *eye, const struct batch *b, struct err *err);
	/*
	 * The same batch after the program has had it.  Either may be NULL.
	 * With `edits` an item may come as edits of its line: see item.h.
	 */
	bool edits;
	int (*after)(void *eye, const struct batch *b,
		     const struct program_result *result, struct err *err);
	/* Before that: the key of this item of a plan table is to be deleted,
	 * of an increment alone, in their order.  Or NULL. */
	int (*deleted)(void *eye, uint32_t table, const struct item *item,
		       struct err *err);
	/* `whole`: the unit was carried through, and is not given up. */
	int (*close)(void *eye, bool whole, struct err *err);
};

struct run_shared {
	const struct plan *plan;
	const struct program *program;
	const struct run_target *targets;	/* one a plan table */
	uint32_t ntargets;			/* different numbers */
	const struct item_format *format;	/* of the output */
	const struct byte_format *pack;		/* NULL: none */
	int level;				/* 0: the usual one */
	bool rematch;		/* gzip's matches are taken over if there are */
	const char *job_dir;
	const char *out;			/* s3://..., or NULL: there */
	struct journal *journal;
	bool fail_on_bad_item;
	const atomic_bool *cancel;
	struct input_progress *progress;	/* one an input */
	bool survey;				/* no output, no rejects */
	bool keys_only;				/* ... but keys of records */
	const struct latest *latest;		/* NULL: no increments */
	struct known *known;			/* NULL: nobody asks */
	const struct drops *drops;		/* NULL: none */
	bool reject_drops;			/* with the reason; else count */
	const struct unit_observer *observer;	/* or NULL */
};

/* What a thread lends to the unit it works on: empty between two slices. */
struct workbench {
	struct batch batch;
	struct buf rejects;
	struct outputs_pool *outputs;	/* NULL: not yet needed */
};

void workbench_init(struct workbench *b);
void workbench_free(struct workbench *b);

/* What one unit after the other is done with. */
struct unit_run *unit_run_new(const struct run_shared *shared,
			      struct err *err);
void unit_run_free(struct unit_run *r);		/* NULL is fine */

/* Begin with a unit, which must stay.  Returns 0, or -1 and it is ended. */
int unit_run_start(struct unit_run *r, const struct unit *u, struct err *err);

/*
 * Take a slice.  Returns 1 if there is more; 0 after the last: its files are in
 * place and its journal record is written; or -1 with *err set and nothing left
 * behind but what the journal does not name.
 */
int unit_run_go(struct unit_run *r, struct workbench *b, struct err *err);

/* Give up a unit under way, and leave nothing behind. */
void unit_run_abandon(struct unit_run *r);

/*
 * After a source_peek() of the unit that failed in front of this line, say what
 * to do about it.  A line that is too long is damage too.  Returns -1.
 */
int unit_blame(const struct unit *u, uint64_t line, struct err *err);

/* The bytes of its file, for itself.  NULL with *err set. */
struct feed *unit_feed(const struct unit *u, struct err *err);

/* The format of a unit whose source has just been opened. */
struct source;
const struct item_format *unit_format(const struct unit *u, struct source *s);

/*
 * The items that item `i` of the batch became are known to the end checks by
 * places: the bytes that it takes in its file, from its offset on.  How many
 * there are.
 */
uint64_t unit_nplaces(const struct batch *b, uint32_t i);

/* Does it give items, or records where those are wanted?  0 or -1. */
int unit_check_format(const struct unit *u, const struct item_format *format,
		      struct source *s, struct err *err);

/* How much of the unit's file is still to be read, as far as one knows. */
uint64_t unit_run_left(const struct unit_run *r);

/*
 * Take this unit's MD5s together with those of `ring` until unit_run_part(),
 * which settles them.  `ring` must be the thread's own.
 */
void unit_run_join(struct unit_run *r, struct md5_lane *ring);
void unit_run_part(struct unit_run *r);

#endif
