/*
 * program.h - a plan run over batches of items: where, ids and references,
 * steps, assert, the target's rules, in that order (plan-language.md).
 *
 * A program is made once from a resolved plan and is const afterwards; each
 * worker runs it with a `struct program_run` of its own.
 */
#ifndef ENGINE_PROGRAM_H
#define ENGINE_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/keyhash.h"
#include "base/span.h"
#include "engine/counts.h"
#include "expr/rewrite.h"
#include "model/item.h"

struct batch;
struct outputs_pool;
struct plan;
struct plan_step;
struct program;
struct program_run;

/* Which types a key attribute had in what was written: bits 1 << type. */
struct key_types {
	uint16_t pk, sk;
};

/* An item that the plan made, to be written. */
struct product {
	struct item *item;
	uint32_t source;	/* number of the item in the batch it came of */
	uint32_t table;		/* plan table whose target it goes to */
	struct keyhash key;	/* of its primary key, if somebody wants it */
	struct key_types types;	/* of its key attributes */
	uint32_t len;		/* of its line, for whoever looks on */
};

/* An item that the plan refused: its number in the batch, and why. */
struct refusal {
	uint32_t source;
	uint32_t table;		/* plan table that read it */
	char step[48];		/* "where", "ids", "step 2 (update)", ... */
	struct err why;
};

/* What became of an item. */
enum item_fate {
	FATE_LEFT_OUT,		/* filtered, skipped or dropped */
	FATE_MOVED,
	FATE_REFUSED,
};

/* What is summed per plan table, of which there are plan->ntables. */
struct program_sums {
	struct counts *counts;
	struct key_types *types;
	uint64_t *left;		/* see program_left() */
};

/* What became of one batch; all of it lives in the batch's arena. */
struct program_result {
	struct product *products;
	struct refusal *refusals;
	uint32_t nproducts, nrefusals;
	/* Every id that was met, in item order; refs of refused items too. */
	const struct rewrite_use *uses;
	size_t nuses;
	/*
	 * Likewise of what was made for other tables; .item is a product, which
	 * is none any more, item NULL, if it was left out.
	 */
	const struct rewrite_use *seen;
	size_t nseen;
	/* Steps may have made several of one: those lie side by side. */
	bool several;
	/* Per item: the plan table that read it, and enum item_fate. */
	uint32_t *tables;
	uint8_t *fates;
};

/* Compile what is left to compile.  `run_time`: epoch seconds, as text. */
struct program *program_new(const struct plan *plan, struct span run_time,
			    struct err *err);
void program_free(struct program *p);	/* NULL is fine */

/*
 * Relations: every (rule, table it refers to) of every table has a number below
 * program_nrelations().  The rule numbers of a table count from 0.
 */
uint32_t program_nrelations(const struct program *p);
uint32_t program_relation(const struct program *p, uint32_t table,
			  uint32_t rule, uint32_t refers_to);
/* Where a table's LEFT_KINDS counters per rule begin in program_sums.left. */
size_t program_left(const struct program *p, uint32_t table);
size_t program_nleft(const struct program *p);

/*
 * Behind those are the counters of `version` steps: of the items that came to
 * the step, how many had no version, how many one that the plan does not know;
 * how many reached its `to`; and how many had each version from the oldest on.
 */
enum { VERSION_MISSING, VERSION_UNKNOWN, VERSION_REACHED, VERSION_FIRST };

/* Where those of a step of this table begin.  Is it one? */
bool program_find_version(const struct program *p, uint32_t table,
			  const struct plan_step *step, size_t *at);

/*
 * Has the table a counter of items that others emitted to it and `dangling:
 * skip-item` left out?  Where it is.
 */
bool program_find_unmade(const struct program *p, uint32_t table, size_t *at);

struct program_run *program_run_new(const struct program *p, struct err *err);
void program_run_free(struct program_run *r);	/* NULL is fine */

/*
 * Ask which ids there are, as rewrite_queue_check() says, for the tables whose
 * `dangling` wants to know.  Without it nothing counts as dangling.
 */
void program_ask(struct program_run *r, rewrite_lookup *lookup, void *context);

/*
 * Has it steps of outputs.h?  Then each thread needs a pool for their states,
 * which whoever runs the program lends it before program_do(); without one the
 * run has its own.
 */
bool program_needs_pool(const struct program *p);
void program_lend(struct program_run *r, struct outputs_pool *pool);

/*
 * Let the maps of products be what they say.  Otherwise an item may come as
 * edits of its line (item.h), which is all that ddbjson_encode() needs.
 */
void program_keep_maps(struct program_run *r);

/* Nobody wants the keys of what goes to this plan table's target. */
void program_skip_keys(struct program_run *r, uint32_t table);

/* The sums since program_run_new() or the last program_clear_sums(). */
const struct program_sums *program_sums_of(const struct program_run *r);
void program_clear_sums(struct program_run *r);
void program_add_sums(struct program_run *to, const struct program_run *from);

/*
 * Names for ddbjson_watch() by whoever decodes items of this input: the program
 * then need not look for them.
 */
const struct span *program_watched(const struct program *p, uint32_t input,
				   size_t *n);

/*
 * Run the program over a batch of items of `input` (see struct plan_input).
 * Undecodable lines among its rejects count as read and rejected.  Items are
 * changed in place.  Returns 0, or -1 if the run cannot go on.
 */
int program_do(struct program_run *r, uint32_t input, struct batch *b,
	       struct program_result *out, struct err *err);

/*
 * Product `i` cannot be written after all (ERR_INPUT, `why`): the item that it
 * came of becomes a refusal, and its products' items NULL.
 */
void program_take_back(struct program_run *r, struct program_result *result,
		       uint32_t i, const struct err *why);

/*
 * Product `i` has the primary key of another one: it is left out; so is the
 * item that it came of, counted, if no other product of that is left.
 */
void program_leave_out(struct program_run *r, struct program_result *result,
		       uint32_t i);

/* The products that are left were written: note the types of their keys. */
void program_count_types(struct program_run *r,
			 const struct program_result *result);

#endif
