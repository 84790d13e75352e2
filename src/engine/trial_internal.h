/* trial_internal.h - what the parts of a trial share. */
#ifndef ENGINE_TRIAL_INTERNAL_H
#define ENGINE_TRIAL_INTERNAL_H

#include "engine/trial.h"
#include "model/path.h"

struct arena;
struct ddbjson;

/*
 * The item of a line, which is copied: all of it is in the arena.  NULL with
 * *err set if it is none.
 */
struct item *trial_decode(struct ddbjson *reader, struct span line,
			  struct arena *mem, struct err *err);

/* ---- keys: trial_key.c --------------------------------------------------- */

/* An attribute that a key names, and the text that it must have. */
struct trial_attr {
	struct span name, text;
	uint16_t hash;
	enum value_type type;	/* 0: the item's own */
};

struct trial_key {
	struct trial_attr attrs[2];
	size_t nattrs;		/* 0: `bare` or `map` says it */
	struct span bare;	/* the partition key; .ptr NULL if not */
	struct value map;	/* typed attributes; of type 0 if not */
	uint64_t found;
	bool fits;		/* the item at hand */
};

/* Read `text`, whose pieces stay there or go to the arena.  0 or -1. */
int trial_key_read(struct trial_key *k, const char *text,
		   const struct plan *plan, struct arena *mem,
		   struct err *err);

/* Has an item of this input that key?  Returns 1, 0 or -1. */
int trial_key_fits(const struct trial_key *k, const struct plan *plan,
		   uint32_t input, const struct item *item,
		   struct arena *mem, struct err *err);

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

#endif
