/*
 * rewrite.h - the id and reference rules of one table, compiled, and their run
 * over a batch of items.
 *
 * Three steps, because SHA-256 is cheapest several at a time and because every
 * id is to be logged: rewrite_collect() finds the ids and references of each
 * item and queues them; rewrite_flush() computes the new ids and puts them into
 * the items; afterwards the queue's `uses` say what was an id of what, for the
 * key and reference logs, until rewrite_reset().
 *
 * Items of several tables, each with rules of its own, may share one queue.
 * Between collect and flush an item must stay as and where it is.
 */
#ifndef EXPR_REWRITE_H
#define EXPR_REWRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/keyhash.h"
#include "base/err.h"
#include "base/span.h"
#include "model/item.h"

struct arena;
struct expr;
struct expr_run;
struct path;
struct remap;
struct rewrite;		/* const once built; shared by all threads */
struct rewrite_queue;	/* one per worker */

/* What becomes of a reference to an id that is not there. */
enum rewrite_dangling {
	DANGLING_REPORT,	/* rewritten; the join at the end finds it */
	DANGLING_FAIL,		/* the same, here */
	DANGLING_KEEP,		/* the source value stays */
	DANGLING_NULL,
	DANGLING_REMOVE,
	DANGLING_SKIP_ITEM,
};

/* A table of the plan, as rules refer to it. */
struct rewrite_table {
	struct span name;		/* in the plan */
	const struct remap *remap;	/* NULL: it keeps its ids (no `id:`) */
	uint32_t number;		/* for rewrite_use.table */
	bool skip;			/* not in this job: never checked */
};

/* One way to read a value.  Of those of a rule the first that fits counts. */
struct rewrite_alternative {
	/* Whose id; empty: the own table's, or the pattern names tables. */
	struct span table;
	struct span pattern;		/* empty: the whole value is the id */
	const struct expr *when;	/* NULL: always */
};

/*
 * What stands at a path.  Rules of one kind with equal paths become one, their
 * alternatives in order.  Other rules whose paths can meet in one value are an
 * error.  A table that keeps its ids has an is_id rule too (its partition key),
 * so that references to it can be checked.
 */
struct rewrite_rule {
	bool is_id;			/* the item's own id, else a reference */
	const struct path *path;
	const struct rewrite_alternative *alternatives;
	size_t nalternatives;
};

struct rewrite_options {
	const struct rewrite_table *tables;	/* all that rules may name */
	size_t ntables;
	size_t own;			/* which of them the items belong to */
	enum rewrite_dangling dangling;
	bool strict_ids;		/* reject what is "not an id" */
	/* The target's key attributes: never made NULL, never removed. */
	const struct span *key;
	size_t nkey;
};

/*
 * Compile rules.  Everything is copied but for remaps and expressions, which
 * must outlive it.  NULL on failure, ERR_USAGE; then *rule and *alternative (if
 * not NULL) say in which of `rules`.
 */
struct rewrite *rewrite_new(const struct rewrite_rule *rules, size_t nrules,
			    const struct rewrite_options *options,
			    size_t *rule, size_t *alternative,
			    struct err *err);
void rewrite_free(struct rewrite *rw);	/* NULL is fine */

/*
 * The compiled rules: how many, and of each its path as text, and what it
 * refers to as text ("Contacts", "'{Contacts}#{Projects}'", alternatives with
 * " or " between them), for reports.
 */
size_t rewrite_nrules(const struct rewrite *rw);
const char *rewrite_rule_path(const struct rewrite *rw, size_t i);
const char *rewrite_rule_target(const struct rewrite *rw, size_t i);
bool rewrite_rule_is_id(const struct rewrite *rw, size_t i);
/* Is every S, N or B at its path, which is one name, taken for an id? */
bool rewrite_rule_takes_all(const struct rewrite *rw, size_t i);

/*
 * Is every rule one attribute's, the whole value, whose digest decides?  Then
 * rewrite_collect_found() does as rewrite_collect(), told in `values` what
 * stands at each rule's name, or NULL.
 */
bool rewrite_is_quick(const struct rewrite *rw);
/* Does no new id of those need an escape in JSON? */
bool rewrite_is_clean(const struct rewrite *rw);
struct span rewrite_rule_name(const struct rewrite *rw, size_t i);

/* Why a value at a rule's path was left as it was; counted per rule. */
enum rewrite_left {
	LEFT_NULL,		/* NULL or an empty string */
	LEFT_NOT_AN_ID,		/* another type */
	LEFT_NO_MATCH,		/* no pattern matched, or no `when` held */
	LEFT_MERGED,		/* set members that became equal */
	LEFT_KINDS,
};

enum {
	USE_IS_ID = 1,		/* the item's own id, else a reference */
	USE_UNCHECKED = 2,	/* into a table that is not in this job */
	USE_SAME = 4,		/* not remapped: kept, or its table has no id */
	USE_MAPPED = 8,		/* a row of the map gave the new id */
	USE_DANGLING = 16,	/* looked up and not there: see the check */
};

/* One id as it was met in an item. */
struct rewrite_use {
	uint32_t item;		/* as rewrite_collect() was told */
	uint32_t rule;		/* of the item's rules, from 0 */
	uint32_t table;		/* rewrite_table.number, whose id it is */
	uint8_t flags;		/* USE_... */
	uint8_t type;		/* of the source value: S, N or B */
	/* In the source: plain text, of N canonical, of B the raw bytes. */
	struct span source;
	struct span target;	/* likewise, new */
	struct keyhash key;	/* of the NEW id: keyhash_of_id() */
};

/*
 * Find what the rules of `rw` say about `item` and queue it under the number
 * `item_number`.  `left` has LEFT_KINDS counters for each rule, and is added to
 * here and by rewrite_flush(): it must stay until then.  So must what is in
 * run->mem.  When much is queued, this may do what rewrite_flush() does to
 * items that were collected.  Returns 0, or -1: ERR_INPUT rejects the item
 * (only its own ids are queued, to be logged), anything else is fatal.
 */
int rewrite_collect(const struct rewrite *rw, struct rewrite_queue *q,
		    const struct expr_run *run, struct item *item,
		    uint32_t item_number, uint64_t *left, struct err *err);

/*
 * As rewrite_collect(), but returns 1 if all that changes in the item is that
 * each of its uses takes the place of its source: USE_SLACK bytes behind the
 * target can be read then.
 */
enum { USE_SLACK = 64 };
int rewrite_collect_found(const struct rewrite *rw, struct rewrite_queue *q,
			  const struct expr_run *run, struct item *item,
			  uint32_t item_number, struct value *const *values,
			  uint64_t *left, struct err *err);

/* Compute all that is queued and put it into the items.  Returns 0 or -1. */
int rewrite_flush(struct rewrite_queue *q, struct arena *mem, struct err *err);

/* What was flushed, in the order in which it was met. */
const struct rewrite_use *rewrite_uses(const struct rewrite_queue *q,
				       size_t *n);

/*
 * Which ids are there, for rules whose `dangling` is keep, null, remove or
 * skip-item: set found[i] for each of the n uses.  Asked by rewrite_flush(), in
 * batches, about references only.  Without it nothing counts as dangling.
 */
typedef int rewrite_lookup(void *context, const struct rewrite_use *const *uses,
			   size_t n, bool *found, struct err *err);
void rewrite_queue_check(struct rewrite_queue *q, rewrite_lookup *lookup,
			 void *context);

/* An item that `dangling` did not let through: it is to be left out. */
struct rewrite_verdict {
	uint32_t item;
	bool rejected;		/* `why` says why; else skip-item */
	struct err why;
};

/* Those that were flushed, in order, one an item at most. */
const struct rewrite_verdict *rewrite_verdicts(const struct rewrite_queue *q,
					       size_t *n);

struct rewrite_queue *rewrite_queue_new(struct err *err);
void rewrite_reset(struct rewrite_queue *q);
void rewrite_queue_free(struct rewrite_queue *q);	/* NULL is fine */

#endif
