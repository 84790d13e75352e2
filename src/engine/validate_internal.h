/* validate_internal.h - what the parts of validate share. */
#ifndef ENGINE_VALIDATE_INTERNAL_H
#define ENGINE_VALIDATE_INTERNAL_H

#include "base/keyhash.h"
#include "engine/validate.h"
#include "model/item.h"
#include "model/path.h"

struct arena;
struct dump;
struct expr;
struct tree;

/* Count a check, and show it. */
int validate_see(const struct validate_options *o, struct validate_sums *s,
		 const struct validate_check *c, struct err *err);

/* What the manifests of a dump find wrong, and is not accepted. */
int validate_manifests(const struct validate_options *o, const struct dump *d,
		       struct validate_sums *s, struct err *err);

/*
 * The attributes of a key that an item's map has, in a map of their own, whose
 * names and values are `kids`.
 */
struct plan_key;
void validate_key_of(const struct plan_key *key, const struct value *map,
		     struct value kids[4], struct value *out);

/* ---- what is found in no order: validate_notes.c ------------------------- */

/*
 * Checks that failed, from any thread, kept until the end and then shown in the
 * order of units and lines.  What passes a bound of memory is counted alone.
 */
struct validate_notes;

struct validate_note {
	enum validate_kind kind;
	uint32_t unit;
	const char *table;		/* lives as long as the notes */
	const char *file, *name;	/* copied; no name: the file's */
	uint64_t line;
	const char *text;		/* copied */
	const struct plan_key *key;	/* its names; NULL: it is of no item */
	/* Lines of DynamoDB JSON, copied; .ptr NULL: there is no such item. */
	struct span expected, found;
};

struct validate_notes *validate_notes_new(struct err *err);
void validate_notes_free(struct validate_notes *n);	/* NULL is fine */
int validate_note(struct validate_notes *n, const struct validate_note *note,
		  struct err *err);
int validate_notes_show(struct validate_notes *n,
			const struct validate_options *o,
			struct validate_sums *s, struct err *err);

/* ---- what a job wrote: validate_out.c, validate_out_files.c -------------- */

struct item_rules;
struct run;
struct unit;
struct validate_outs;

/*
 * The files of a unit in the job's out/, which is `folder`.  It borrows all
 * of these; `compared` counts what is as it should be.
 */
struct validate_outs *validate_outs_new(const struct run *run,
					const char *folder,
					const struct unit *u,
					struct validate_notes *notes,
					_Atomic uint64_t *compared,
					struct err *err);
void validate_outs_free(struct validate_outs *o);	/* NULL is fine */

/* This is the next item that goes to the target of a plan table, or the next
 * whose key is to be deleted there.  Return 0 or -1. */
int validate_outs_put(struct validate_outs *o, uint32_t table,
		      const struct item *item, struct err *err);
int validate_outs_delete(struct validate_outs *o, uint32_t table,
			 const struct item *item, struct err *err);

/* These were all: nothing may be left.  Returns 0 or -1. */
int validate_outs_end(struct validate_outs *o, struct err *err);

/* How what was written for a plan table is to be read. */
struct item_rules validate_out_rules(const struct run *r, uint32_t table);

/* Are the files of out/ what the manifests beside them say?  0 or -1. */
int validate_out_files(const struct validate_options *o, const struct run *r,
		       const char *folder, struct validate_sums *s,
		       struct err *err);

/* Are the references of a job done again those of its report?  0 or -1. */
int validate_references(const struct validate_options *o, const struct run *r,
			struct validate_sums *s, struct err *err);

/* Check the files of a dump as validate_dump() does; it is found already. */
int validate_found(const struct validate_options *o, const struct dump *d,
		   struct validate_sums *s, struct err *err);

/* ---- bases with increments: validate_states.c ---------------------------- */

/* An item of a dump, which may be that of a rule, or of no rule. */
struct validate_find {
	uint32_t unit;
	uint64_t line;
	uint32_t rule;		/* UINT32_MAX: none, */
	uint32_t names;		/* ... and by these it was looked for */
	struct span item;	/* DynamoDB JSON */
};

/* Has the table increments after its full export? */
bool validate_is_state(const struct dump *d, uint32_t table);

/*
 * Of what was found in such tables, new images among it: leave out what a later
 * record replaced.  *n becomes how many are left.  Returns 0 or -1.
 */
int validate_states(const struct validate_options *o, const struct dump *d,
		    struct validate_find *finds, size_t *n, struct err *err);

/* ---- the rules of a YAML file: validate_read.c --------------------------- */

enum { RULE_MAX_KEY = 8 };	/* attributes that say which item is meant */

struct rule_attr {
	struct path path;
	struct value value;
};

struct rule_condition {
	const char *text;
	struct expr *expr;
};

/* What is said of one item. */
struct rule {
	const char *place;		/* "golden.yaml:3" */
	const char *table;		/* as it is called there */
	struct value key;		/* a map, names in order of bytes */
	uint32_t names;			/* number of its struct rule_names */
	bool absent;			/* it must not be there */
	bool whole;			/* it must be `item` */
	struct value item;
	struct rule_attr *attrs;
	size_t nattrs;
	struct rule_condition *conditions;
	size_t nconditions;

	/* The item that was found: the first in the dump. */
	struct span line;		/* DynamoDB JSON; .ptr NULL: none */
	uint32_t unit;
	uint64_t number;		/* of the line */
	uint64_t times;
};

/* Names of attributes that keys are made of, in one table. */
struct rule_names {
	const char *table;
	struct span names[RULE_MAX_KEY];
	uint16_t hashes[RULE_MAX_KEY];
	size_t n;
	uint32_t *rules;	/* those whose keys these are, by hash */
	struct keyhash *keys;	/* beside them, sorted */
	size_t nrules;
};

struct rules {
	struct rule *list;	/* in the order of the file */
	size_t n;
	struct rule_names *names;
	size_t nnames;
};

/*
 * Read the file; all of it in the arena but paths and expressions.  Returns 0,
 * or -1: ERR_USAGE with its place.  To be freed either way.
 */
int rules_read(struct rules *r, const char *path, struct arena *mem,
	       struct err *err);
void rules_free(struct rules *r);

/* A value as YAML has it: typed, or plain by the rules of docs/VALIDATE.md. */
int rules_value(const struct tree *t, struct arena *mem, struct value *out,
		struct err *err);

/*
 * The hash of a key: of these names' values in the map.  Returns 1; 0 if it
 * has not got them all as S, N or B; or -1.
 */
int rules_hash(const struct rule_names *n, const struct value *map,
	       struct arena *mem, struct keyhash *out, struct err *err);

#endif
