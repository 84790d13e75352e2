/*
 * expr.h - DynamoDB's expression language: parsed and checked once, run often.
 *
 * Conditions, updates and value expressions, exactly as DynamoDB defines them
 * (Developer Guide, Expressions.*), with PartiQL literals in place of
 * placeholders and the functions that plan-language adds.  A compiled
 * expression is constant: any number of threads may run it at once, each with a
 * `struct expr_run` of its own.
 *
 * Parsing fails with ERR_USAGE and says at which byte of the text.  Running
 * fails with ERR_INPUT where DynamoDB would refuse the item, in its own words
 * ("The provided expression refers to an attribute that does not exist in the
 * item"); the item is then as it was.
 */
#ifndef EXPR_EXPR_H
#define EXPR_EXPR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

struct arena;
struct buf;
struct err;
struct item;
struct path;
struct remap;
struct value;

struct expr;		/* a condition or a value expression */
struct update;		/* an update expression */

/* One `#name` or `:value`, as --expression-attribute-names/-values give it. */
struct expr_name {
	struct span placeholder;	/* with its `#` */
	struct span name;
};
struct expr_value {
	struct span placeholder;	/* with its `:` */
	const struct value *value;
};

/* What an expression may refer to.  All of it must outlive what is compiled. */
struct expr_scope {
	const struct expr_name *names;
	size_t nnames;
	const struct expr_value *values;
	size_t nvalues;
	/*
	 * Set true, beside each that the expression uses; NULL if nobody asks.
	 * The caller reports the unused, since a step has several expressions.
	 */
	bool *name_used, *value_used;
	/* The ids of a table, for new_id(Table, id); NULL if there is none. */
	const struct remap *(*remap_of)(void *context, struct span table);
	void *context;
	/* Names that mean a bound value, not an attribute (`emit ... as`). */
	const struct span *bound;
	size_t nbound;
};

/* What running one expression needs beside the item. */
struct expr_run {
	struct arena *mem;		/* results live here */
	struct span run_time;		/* canonical N text, epoch seconds */
	const struct value *bound;	/* values of expr_scope.bound, in order */
};

/*
 * Compile all of `text`.  NULL on failure, with *at (if not NULL) the offset in
 * `text` of what is wrong.
 */
struct expr *expr_parse_condition(struct span text,
				  const struct expr_scope *scope, size_t *at,
				  struct err *err);
struct expr *expr_parse_value(struct span text, const struct expr_scope *scope,
			      size_t *at, struct err *err);
struct update *update_parse(struct span text, const struct expr_scope *scope,
			    size_t *at, struct err *err);
void expr_free(struct expr *e);		/* NULL is fine */
void update_free(struct update *u);	/* NULL is fine */

/* Does the condition hold for the item?  Returns 1, 0 or -1. */
int expr_test(const struct expr *e, const struct expr_run *run,
	      const struct item *item, struct err *err);

/* The value of the expression for the item.  Returns 0 or -1. */
int expr_value_of(const struct expr *e, const struct expr_run *run,
		  const struct item *item, struct value *out, struct err *err);

/*
 * The same, but what refers to an attribute that is not there, and is nothing
 * else, is no failure: returns 1, 0 if there is none, or -1.
 */
int expr_find_value(const struct expr *e, const struct expr_run *run,
		    const struct item *item, struct value *out,
		    struct err *err);

/*
 * Apply all actions, each seeing the item as it was.  The array of item->map is
 * changed where it is, and must be the item's own (value_own()); what is
 * further down may be shared.  Literals of the expression may end up in the
 * item, which then must not outlive it.  Returns 0 or -1.
 */
int update_apply(const struct update *u, const struct expr_run *run,
		 struct item *item, struct err *err);

/* SET of a top-level attribute to a literal, or REMOVE of one. */
struct update_action {
	struct span name;
	const struct value *value;	/* NULL: REMOVE */
};
size_t update_nactions(const struct update *u);
/* Is there an action `i`, and such a one? */
bool update_simple(const struct update *u, size_t i,
		   struct update_action *out);

/* May it leave a map or a list deeper inside the item than it was? */
bool update_nests(const struct update *u);

/* Does all that it looks at in an item lie in these attributes? */
bool expr_looks_only_at(const struct expr *e, const struct span *names,
			size_t n);

/* Does an action change the attribute, or something inside it? */
bool update_touches(const struct update *u, struct span name);

/* Does it look at an attribute of which `is` says true? */
bool expr_looks_at(const struct expr *e, bool (*is)(const void *context,
						     struct span name),
		   const void *context);

/*
 * Does action `i` set *to to the value of *from, which another action of the
 * update removes or sets to something else?
 */
bool update_moves(const struct update *u, size_t i, const struct path **from,
		  const struct path **to);

/*
 * Append the update that undoes it, nothing if there is none, and to `why` a
 * line for each action that cannot be undone.  It assumes that what it moves
 * values to, and adds to, was not there and was there before.  Returns 0 or -1.
 */
int update_invert(const struct update *u, struct buf *out, struct buf *why,
		  struct err *err);

/*
 * As it was understood, fully parenthesised, in one spelling; appended.  For
 * `check`.  Returns 0 or -1.
 */
int expr_print(const struct expr *e, struct buf *out, struct err *err);
int update_print(const struct update *u, struct buf *out, struct err *err);

#endif
