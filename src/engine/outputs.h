/*
 * outputs.h - steps that make none, one or several items of one: emit, lua,
 * pipe.
 *
 * All three are kinds of one thing.  A kind is handed the items of a batch that
 * have come to its step, in their order, and says of each what it becomes:
 *
 *	outputs_put()		one more item, behind those put before; none at
 *				all means that the item is dropped
 *	outputs_refuse()	it is rejected, with the reason
 *
 * in any order of the items, so that one who asks others may have many under
 * way.  What was put goes on with the steps behind, then `assert` and the
 * target's rules of its own table.  If one of the items that a source item
 * became is refused, here or later, all of them are, as one reject.
 *
 * run() is called with each batch that has items at the step, once or several
 * times, and must be done with them when it returns.  It is always called by
 * one thread with one state, and by several threads with a state each.
 */
#ifndef ENGINE_OUTPUTS_H
#define ENGINE_OUTPUTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct expr_run;
struct item;
struct outputs;
struct plan;
struct plan_step;
struct strand;
struct value;

enum { OUTPUTS_MAX = 65536 };	/* items that one item may become */

struct outputs_kind {
	/* A thread's state of one step, made before its first run().  Both may
	 * be NULL; start() returns NULL with *err set if it fails. */
	void *(*start)(const struct plan *plan, const struct plan_step *step,
		       struct err *err);
	void (*stop)(void *state);
	/* Returns 0, or -1 if the job cannot go on. */
	int (*run)(void *state, struct outputs *o, struct err *err);
};

/* Items at a step. */
struct outputs {
	const struct plan *plan;
	const struct plan_step *step;
	const struct expr_run *run;	/* its arena has what is put */
	const atomic_bool *cancel;	/* set: have done; or NULL */
	uint32_t n;			/* items, from 0 */
	struct strand **strands;	/* of outputs.c */
};

/* Item `i` as the steps before left it.  To be read only. */
const struct item *outputs_item(const struct outputs *o, uint32_t i);

/* The plan table that it is of, which is where it goes if nothing else is said.
 */
uint32_t outputs_table(const struct outputs *o, uint32_t i);

/*
 * Item `i` becomes, among others, the M `map`, for plan table `table`.  What is
 * in it must last as long as the batch: it may be the arena's, the plan's, or
 * part of item `i` (shared, as item.h says).  The map's own array is the item's
 * own, or that of item `i`.  Of items that were refused nothing is taken; one
 * that would become more than OUTPUTS_MAX is refused.  Returns 0 or -1.
 */
int outputs_put(struct outputs *o, uint32_t i, uint32_t table,
		const struct value *map, struct err *err);

/* Item `i` is rejected, ERR_INPUT; of several reasons the first counts. */
void outputs_refuse(struct outputs *o, uint32_t i, const struct err *why);

/* Was it, by this or by outputs_put()?  Then nothing that it becomes counts. */
bool outputs_is_refused(const struct outputs *o, uint32_t i);

/* ---- for the program ----------------------------------------------------- */

/* Is the step one of these? */
const struct outputs_kind *outputs_kind_of(const struct plan_step *step);

/* The states of one thread, by step. */
struct outputs_pool;

struct outputs_pool *outputs_pool_new(const struct plan *plan,
				      const atomic_bool *cancel,
				      struct err *err);
void outputs_pool_free(struct outputs_pool *p);		/* NULL is fine */

/* Have the step's kind do these items.  Returns 0 or -1. */
int outputs_run(struct outputs_pool *p, struct outputs *o, struct err *err);

#endif
