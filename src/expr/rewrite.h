/*
 * rewrite.h - the id and reference rules of one table, compiled, and their run
 * over a batch of items.
 *
 * Three steps, because SHA-256 is cheapest several at a time and because every
 * id is to be logged: rewrite_collect() finds the ids and references of each
 * item and queues them; rewrite_flush() computes the new ids and puts them into
 * the items; afterwards the queue's `uses` say what was an id of what, for the
 * key and reference logs, until rewrite_reset().
 */
#ifndef EXPR_REWRITE_H
#define EXPR_REWRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/keyhash.h"
#include "base/span.h"
#include "model/item.h"

struct arena;
struct err;
struct expr_run;
struct rewrite;		/* const once built; shared by all threads */
struct rewrite_queue;	/* one per worker */

/* Why a value at a rule's path was left as it was; counted per rule. */
enum rewrite_left {
	LEFT_NULL,		/* NULL or an empty string */
	LEFT_NOT_AN_ID,		/* another type */
	LEFT_NO_MATCH,		/* no pattern matched */
	LEFT_MERGED,		/* set members that became equal */
	LEFT_KINDS,
};

/* One id as it was met in an item. */
struct rewrite_use {
	uint32_t item;		/* as rewrite_collect() was told */
	uint32_t rule;		/* of this table's rules, from 0 */
	uint32_t table;		/* number of the table whose id it is */
	bool is_id;		/* the item's own id, else a reference */
	struct span source;	/* its text in the source, plain (B: raw bytes) */
	enum value_type type;	/* of the source value: S, N or B */
	struct keyhash key;	/* of the NEW id: keyhash_of_id() */
};

/*
 * Find what the rules of `rw` say about `item` and queue it under the number
 * `item_number`.  `left` has LEFT_KINDS counters for each rule and is added to.
 * Returns 0, or -1: ERR_INPUT rejects the item (nothing of it is queued),
 * anything else is fatal.
 */
int rewrite_collect(const struct rewrite *rw, struct rewrite_queue *q,
		    const struct expr_run *run, struct item *item,
		    uint32_t item_number, uint64_t *left, struct err *err);

/* Compute all that is queued and put it into the items.  Returns 0 or -1. */
int rewrite_flush(struct rewrite_queue *q, struct arena *mem, uint64_t *left,
		  struct err *err);

/* What was flushed, in the order in which it was met. */
const struct rewrite_use *rewrite_uses(const struct rewrite_queue *q,
				       size_t *n);

struct rewrite_queue *rewrite_queue_new(struct err *err);
void rewrite_reset(struct rewrite_queue *q);
void rewrite_queue_free(struct rewrite_queue *q);	/* NULL is fine */

#endif
