/*
 * trial.h - a few items through a plan, and what becomes of each: no job, and
 * nothing is written.
 *
 * Items are taken from the exports that the plan names, in the order of units,
 * until there are enough; no more is read, and no MD5 is taken.  References are
 * rewritten as if every id were there: what a table says under `dangling` needs
 * the index of a run.
 *
 * Of an increment alone each record that is chosen is shown by both its images:
 * what the old one became is what a run deletes, unless it is among what the
 * new one becomes, which is put.
 */
#ifndef ENGINE_TRIAL_H
#define ENGINE_TRIAL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "engine/plan.h"

struct err;
struct item;
struct trial;
struct value;

struct trial_options {
	const char *const *plans;
	size_t nplans;
	struct plan_options plan;
	const char *const *accept;	/* damages, by name */
	size_t naccept;
	uint64_t limit;			/* items a table, or a key; 0: 1 */
	/*
	 * Items with these keys, and no others: `{"id":{"S":"x"}}`, `id=x`,
	 * `pk=x,sk=y`, `id={S=x}`, or `x` of tables without a sort key.
	 * A value without a type has that of the item's attribute.
	 */
	const char *const *keys;
	size_t nkeys;
	const char *where;		/* a condition on the source item */
	const char *run_time;		/* epoch seconds, canonical text */
	const atomic_bool *cancel;	/* or NULL */
};

enum trial_fate {
	TRIAL_MOVED, TRIAL_FILTERED, TRIAL_SKIPPED, TRIAL_DROPPED,
	TRIAL_REJECTED,
};

/* One attribute, or what differs inside one, before and after. */
struct trial_row {
	enum { ROW_SAME, ROW_REMOVED, ROW_ADDED, ROW_CHANGED } kind;
	struct span path;	/* as an expression takes it */
	/* Its old path, of what a step renamed; whether or not its value is
	 * the same; .ptr is NULL of the rest. */
	struct span from;
	const struct value *was, *is;	/* NULL: not there */
	bool is_id;		/* where the plan sees an id or a reference */
};

/* An item that it became. */
struct trial_output {
	uint32_t table;		/* of the plan: to its target */
	const struct item *item;
	/* In the order of the source item, then what is new: whole attributes
	 * that are the same, and every difference at its deepest path. */
	const struct trial_row *rows;
	size_t nrows;
};

struct trial_item {
	uint32_t table;		/* of the plan: that read it */
	const char *file;	/* "-" is standard input */
	uint64_t line;		/* in that file, from 1 */
	/* Of an increment alone: which image of a record it is, "old", "new",
	 * or "key" where nothing else is known; those of one record follow one
	 * another.  Else NULL. */
	const char *image;
	const struct item *before;	/* NULL: the line is no item */
	enum trial_fate fate;
	const char *step;	/* that refused it; "" if it was not */
	const char *reason;	/* why it is not moved; "" if it is */
	const struct trial_output *outputs;
	size_t noutputs;
};

/* Sees an item, which is gone after the call.  Returns 0 or -1. */
typedef int trial_see(void *context, const struct trial_item *item,
		      struct err *err);

/* Read the plan, find the exports.  `o` must outlive it.  NULL on failure. */
struct trial *trial_open(const struct trial_options *o, struct err *err);

/* Show every item chosen, once.  Returns 0 or -1. */
int trial_do(struct trial *t, trial_see *see, void *context, struct err *err);

const struct plan *trial_plan(const struct trial *t);

/* After trial_do(): how many items of a table, or with a key, were shown. */
uint64_t trial_of_table(const struct trial *t, uint32_t table);
uint64_t trial_of_key(const struct trial *t, size_t key);

const char *trial_fate_name(enum trial_fate f);		/* "moved" */

void trial_close(struct trial *t);	/* NULL is fine */

#endif
