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
