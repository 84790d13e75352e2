/* rollback_internal.h - what looking, undoing and verifying share. */
#ifndef ENGINE_ROLLBACK_INTERNAL_H
#define ENGINE_ROLLBACK_INTERNAL_H

#include "base/arena.h"
#include "base/buf.h"
#include "engine/footprint.h"
#include "engine/outfiles.h"
#include "engine/rollback.h"
#include "engine/undo.h"

struct job;
struct progress;
struct service;
struct side;
struct updates;

/* What is undone one after the other: puts before deletes. */
enum { ROLL_PUTS, ROLL_DELETES, ROLLS };

struct rolling {
	struct rollback_table shown;
	const struct outfiles_table *from;
	struct span pk, sk;		/* of the table; sk.ptr NULL: none */
	struct footprint footprint;
	struct undo_past *past[ROLLS];
	struct progress *progress[ROLLS];
	struct progress *sent[ROLLS];	/* by push; NULL: nothing is known */
	struct updates *updates;	/* of `push --update`, or NULL */
	uint64_t *lost;			/* lines of it that were not done, in
					   order */
	size_t nlost;
	uint64_t wcu;			/* provisioned; 0: on demand */
	bool going;			/* somebody deletes it, or we did */
};

struct rollback {
	struct rollback_options o;
	struct arena mem;
	struct job *job;
	struct plan *plan;
	struct outfiles out;
	struct side *side;
	struct service *service;
	struct rolling *list;
	struct rollback_table *shown;	/* copies for who asks */
	size_t n;
};

static inline const struct outfiles_part *
rolling_part(const struct rolling *t, unsigned roll)
{
	return roll == ROLL_DELETES ? &t->from->deletes : &t->from->puts;
}

/* ---- items on the way: rollback_ops.c ------------------------------------ */

enum prior {
	PRIOR_ABSENT, PRIOR_ITEM,
	PRIOR_UNKNOWN,		/* --no-undo */
};

/* One item of the job: what it wrote, and what was there. */
struct op {
	uint64_t tag;		/* undo_tag() */
	struct span json;	/* what it wrote, or the key that it deleted */
	bool gone;		/* that */
	bool sent;		/* the service told that it has it */
	enum prior prior;
	struct span was;	/* PRIOR_ITEM */
	/* Of an update: `json` is the key, `was` and `is` some attributes. */
	bool partial;
	struct span is;
};

/* Ops of a table, UNDO_AT_ONCE at a time, the last unit first. */
struct ops;

/*
 * Those behind what `progress` has, or all if that is NULL.  NULL with *err
 * set.
 */
struct ops *ops_new(struct rolling *t, unsigned roll,
		    struct progress *progress, struct err *err);
void ops_free(struct ops *o);		/* NULL is fine */

/* Returns how many: 0 after the last; or -1.  They last until the next call. */
int ops_next(struct ops *o, struct op **list, struct err *err);

/* ---- the whole table: rollback_whole.c ----------------------------------- */

/* Is all that is in it what the job put there?  1, 0 or -1. */
int rollback_is_ours(struct rollback *r, const struct rolling *t,
		     struct err *err);

/* ---- one table: rollback_table.c ----------------------------------------- */

int rollback_table_run(struct rollback *r, struct rolling *t,
		       struct err *err);

#endif
