/* trial_internal.h - what the parts of a trial share. */
#ifndef ENGINE_TRIAL_INTERNAL_H
#define ENGINE_TRIAL_INTERNAL_H

#include "base/arena.h"
#include "base/buf.h"
#include "engine/exports.h"
#include "engine/itemkey.h"
#include "engine/trial.h"
#include "model/batch.h"
#include "model/path.h"

struct expr;

/* ---- rows: trial_rows.c -------------------------------------------------- */

/*
 * What a table's steps rename, all of them put together.  Where a step has a
 * `when` there may be several pairs of one `from`, of which an item takes one.
 */
struct trial_pair {
	struct path from, to;	/* the plan's */
	bool certain;		/* no step of it has a `when` */
};

/* What the rows of a table's items need to know about the plan. */
struct trial_lore {
	struct path *rules;	/* of ids and references */
	size_t nrules;
	struct trial_pair *pairs;
	size_t npairs, cap;
};

int trial_lore_init(struct trial_lore *l, const struct plan_table *table,
		    struct arena *mem, struct err *err);
void trial_lore_free(struct trial_lore *l);

/* Fill in the rows of `out`, whose item is there.  Returns 0 or -1. */
int trial_rows(const struct trial_lore *l, const struct item *before,
	       struct arena *mem, struct trial_output *out, struct err *err);

/* ---- all of it ----------------------------------------------------------- */

/* A --key, and how many items were found with it. */
struct trial_wanted {
	struct itemkey key;
	uint64_t found;
	bool fits;		/* the item at hand */
};

struct trial {
	const struct trial_options *options;
	struct arena mem;		/* as long as the trial */
	uint64_t limit;
	struct plan *plan;
	struct exports exports;
	struct plan_found *found;	/* one an export */
	struct program *program;
	struct program_run *run;
	struct expr *where;
	struct trial_wanted *keys;
	struct itemkey_names *names;	/* one a plan table */
	struct trial_lore *lore;	/* one a plan table */
	uint64_t *shown;		/* likewise */
	uint64_t *nobodys;		/* one an input: see is_enough() */

	struct reading *reading;
	struct batch *batch;		/* of it: the items before */
	struct ddbjson *again;
	struct batch copy;		/* of one item, for the program */
	struct buf encoded;		/* an item that it became */

	/* Of the file at hand. */
	const struct export_file *file;
	const struct plan_found *how;	/* it is to be read */
	uint32_t input;
	const struct export *increment;	/* that it is of, alone; or NULL */
	trial_see *see;
	void *context;
};

#endif
