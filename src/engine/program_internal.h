/* program_internal.h - what the parts of a program share. */
#ifndef ENGINE_PROGRAM_INTERNAL_H
#define ENGINE_PROGRAM_INTERNAL_H

#include <stdbool.h>

#include "engine/lane.h"
#include "engine/program.h"
#include "engine/target.h"
#include "expr/expr.h"
#include "formats/ddbjson.h"

struct original;
struct outputs_pool;
struct plan_pass;
struct plan_step;
struct plan_table;

/* What a plan table comes to, beside what the plan says itself. */
struct part {
	struct target target;
	struct lane lane;
	uint32_t first_relation;	/* of its rule 0 to table 0 */
	size_t first_left, first_version;
	size_t unmade;			/* see program_find_unmade() */
	bool deep;			/* steps may nest values deeper */
};

/* Names that a decoder should number. */
struct watched {
	struct span of[DDBJSON_WATCHED];
	size_t n;
};

struct program {
	const struct plan *plan;
	struct part *parts;		/* one a plan table */
	char run_time[32];
	uint32_t nrelations;
	size_t nleft;
	bool *several;			/* one an input: see program_outputs.c */
	bool *masked;			/* likewise: a table says `masked` */
	struct watched *watched;	/* likewise: names of its lanes */
	bool needs_pool;
};

struct program_run {
	const struct program *program;
	struct rewrite_queue *queue;
	struct rewrite_queue *seen;	/* of products; NULL: not yet needed */
	struct program_sums sums;
	rewrite_lookup *lookup;		/* which ids there are; or NULL */
	void *lookup_context;
	bool *keyless;			/* nobody wants the table's keys */
	bool maps;			/* somebody looks at the maps after */
	struct outputs_pool *pool;	/* of the thread, */
	struct outputs_pool *own_pool;	/* ... or where nobody lends one */
};

/* One batch under way. */
struct doing {
	struct program_run *run;
	const struct program *program;
	const struct plan *plan;
	struct batch *batch;
	struct expr_run expr;
	uint32_t *tables;
	uint8_t *fates;
	/* Of items that are live: what their lanes found, where there is one. */
	struct names_found *found;
	bool *live, *laned;
	bool *quick;			/* their ids are all that changed */
	const struct rewrite_use *use, *end;	/* of the item at hand, on */
	struct original **originals;	/* by item; NULL: nothing is masked */
	struct program_result *out;
	struct err *err;
};

/* The item cannot be moved: say why.  Returns 0, or -1 if `why` is fatal. */
int program_refuse(struct doing *d, uint32_t item, const struct err *why,
		   const char *step);

/* ---- program_steps.c ----------------------------------------------------- */

enum fate { MOVED, FILTERED, REFUSED };

/* Run one step of plan table `table`, which is none of outputs.h.  Returns 0,
 * or -1 with *why. */
int program_do_step(const struct doing *d, const struct plan_step *step,
		    uint32_t table, struct item *item, struct err *why);

/*
 * The step `version` of one item, if none of outputs.h is in it; and of all
 * items that are at it, which go on as outputs_put() has it.  0 or -1.
 */
struct outputs;
int program_do_version(const struct doing *d, const struct plan_step *step,
		       uint32_t table, struct item *item, struct err *why);
int program_do_versions(const struct doing *d, struct outputs *o);

/* Is it a step of outputs.h, or has it one within it? */
bool program_step_waits(const struct plan_step *step);

/* Name the step of a pass in which an item was refused. */
void program_name_step(const struct plan_pass *pass, size_t k, char step[48]);

/* The asserts of a pass; `step` says which does not hold. */
enum fate program_do_asserts(const struct doing *d,
			     const struct plan_pass *pass,
			     const struct item *item, char step[48],
			     struct err *why);

/* The `where` of a pass. */
enum fate program_do_where(const struct doing *d, const struct plan_pass *pass,
			   const struct item *item, char step[48],
			   struct err *why);

/*
 * All that the plans say about an item whose ids are done, and of whose first
 * pass `first` steps are; where no step is one of outputs.h.
 */
enum fate program_do_item(const struct doing *d, const struct plan_table *t,
			  size_t first, struct item *item, char step[48],
			  struct err *why);

/* ---- program_outputs.c --------------------------------------------------- */

/*
 * The steps of all items of the batch that are live, where some of them may
 * become several.  first[i] says how many of item i's steps are done.  Returns
 * 0 or -1.
 */
int program_do_outputs(struct doing *d, const uint32_t *first);

/* The states of this thread, or the run's own.  NULL if there is no memory. */
struct outputs_pool *program_pool(struct program_run *r, struct err *err);

#endif
