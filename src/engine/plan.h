/*
 * plan.h - what a migration says, read once, checked whole, then only obeyed.
 *
 * A plan is one YAML file, or several that are applied one after the other in
 * one pass.  plan_load() reads and checks all that can be known from the files
 * themselves: shape, words, expressions, patterns, references.  plan_resolve()
 * is told which tables the sources hold and says which table each one is.
 * After that the plan is const and may be shared by any number of threads.
 *
 * Everything lives in the plan's arena until plan_free(); texts end in NUL.
 * Errors are ERR_USAGE and begin with file:line:column of what is wrong.
 */
#ifndef ENGINE_PLAN_H
#define ENGINE_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/span.h"
#include "engine/prices.h"
#include "engine/sourcekey.h"
#include "expr/rewrite.h"
#include "expr/script.h"
#include "model/item.h"
#include "model/path.h"

struct buf;
struct err;
struct expr;
struct item_format;
struct item_rule_type;
struct item_rules;
struct plan_parts;	/* the files as parsed; see plan_internal.h */
struct remap;
struct tree;
struct update;

enum { PLAN_NONE = UINT32_MAX };	/* no such table, input or plan */

struct plan_place {
	const char *file;	/* as it was given or found */
	uint32_t line, column;	/* from 1 */
};

/* ---- where it comes from and goes to ---------------------------------- */

/* How to reach one side in AWS; NULL where the plan does not say. */
struct plan_side {
	const char *environment, *profile, *region, *account, *role_arn,
		   *endpoint_url;
};

/* One entry of source.exports; paths are not looked into here. */
struct plan_source {
	const char *path;	/* as written */
	const char *full;	/* with the plan's folder in front if relative */
	const char *table;	/* plan table; NULL if the manifest is to say */
	const char *format;	/* NULL: by its first bytes */
	/* Where its bytes do not say it: see formats.h. */
	const struct item_rule_type *types;
	size_t ntypes;
	uint8_t delimiter;	/* CSV; 0 if it is not said */
	const struct span *columns;
	size_t ncolumns;	/* 0: the first line says them */
	bool remote;		/* s3://, dynamodb://, or `-` */
	bool absent;		/* local, and nothing is there */
	struct plan_place place;
};

/* target.csv: how CSV is written. */
struct plan_csv {
	uint8_t delimiter;
	bool no_header;
	bool lossy;		/* what CSV has no types for goes as text */
	struct plan_columns {
		const char *table;	/* of the plan; NULL: of all */
		const struct span *names;
		size_t n;
	} *columns;
	size_t ncolumns;
	struct plan_place place;	/* line 0: it is not said */
};

/* A file that the plan names, the plans included: job.json hashes them all. */
struct plan_file {
	const char *path;	/* openable from here */
	const char *role;	/* "plan", "create", "ids.map", "lua", "pipe" */
	bool absent;
	struct plan_place place;	/* what names it; line 0 for plan files */
};

/* Something worth saying that is no error; `name` is what --accept takes. */
struct plan_warning {
	const char *name;
	const char *text;
	struct plan_place place;
};

/* ---- ids ---------------------------------------------------------------- */

struct plan_ids {
	const char *environment;	/* hashed with every id; "" if none */
	const char *secret_env;		/* variable of ids.secret, or NULL */
	struct span secret;		/* its value; .ptr NULL if not set */
};

/* One id or reference rule, by the number that struct rewrite_use has. */
struct plan_rule {
	const char *path;	/* as written */
	bool is_id;
	const char *tables;	/* whose ids: "Contacts", "Contacts, Projects" */
	struct plan_place place;
};

/* ---- keys and table definitions ------------------------------------------ */

struct plan_key_attr {
	const char *name;	/* NULL: there is none */
	enum value_type type;	/* S, N or B; 0 if nothing says it */
};

struct plan_key {
	struct plan_key_attr pk, sk;
};

struct plan_index {
	const char *name;
	bool local;		/* LSI, else GSI */
	bool all;		/* has all of an item's attributes */
	struct plan_key key;
};

/* One CreateTable input (or describe-table output) that `create` names. */
struct plan_create {
	const char *name;		/* its TableName */
	struct plan_key key;
	struct plan_key_attr *attrs;	/* AttributeDefinitions */
	size_t nattrs;
	struct plan_index *indexes;	/* GSIs, then LSIs */
	size_t nindexes;
	const char *ttl;		/* attribute of TTL, or NULL */
	struct span json;		/* the file's bytes */
	const struct tree *tree;	/* the definition, parsed */
	struct plan_place place;
	bool used;			/* by a table of the plan */
};

/* ---- steps --------------------------------------------------------------- */

enum plan_step_kind {
	STEP_UPDATE, STEP_RENAME, STEP_EMIT, STEP_PIPE, STEP_LUA, STEP_VERSION,
	STEP_EXPAND, STEP_CONTRACT,
};

struct plan_rename {
	struct path from, to;
};

/* One attribute of an emitted item. */
struct plan_field {
	struct span name;
	uint16_t hash;
	bool optional;			/* left out if its value is not there */
	struct expr *value;
};

enum { PLAN_MAX_BOUND = 16 };		/* names of loops around an output */

/* One output of an emit, or a loop with outputs in it. */
struct plan_emit {
	const char *to;			/* plan table; NULL of a loop */
	uint32_t table;			/* its number, once resolved */
	struct expr *when;		/* or NULL */
	struct expr *each;		/* what to go through; or NULL */
	const char *as;			/* name of its element, */
	const char *index;		/* ... of its place or key; or NULL */
	uint32_t bound;			/* number of `as`; `index` is the next */
	struct plan_field *fields;	/* the new item, */
	size_t nfields;
	struct expr *item;		/* ... or all of it; else it is a copy */
	bool has_item;			/* fields are said */
	struct update *update;		/* then applied; or NULL */
	struct plan_emit *emits;	/* of a loop; else NULL */
	size_t nemits;
	struct plan_place place;
};

struct plan_step;

/* The steps that bring an item from one version to the next. */
struct plan_upgrade {
	uint64_t from;
	const struct plan_step *steps;
	size_t nsteps;
	struct update *mark;		/* the version is one more */
};

/* One pair of an expand or a contract; of a contract `to` may be none. */
struct plan_shift {
	struct path from, to;		/* the old attribute, and the new */
	bool has_to;
	struct update *update;		/* SET new = old, or REMOVE old */
};

struct plan_step {
	enum plan_step_kind kind;
	struct plan_place place;
	struct expr *when;		/* or NULL: always */

	struct update *update;		/* STEP_UPDATE */

	struct plan_rename *renames;	/* STEP_RENAME, all at once */
	size_t nrenames;
	bool overwrite;

	struct plan_emit *emits;	/* STEP_EMIT */
	size_t nemits;

	const char *const *argv;	/* STEP_PIPE, ends in NULL */
	const char *folder;		/* STEP_PIPE: where it runs */
	const char *const *env;		/* ... its variables, NAME=VALUE */
	bool typed;			/* ... items as DynamoDB JSON */
	unsigned timeout;		/* ... seconds without an answer */
	const char *file;		/* STEP_LUA: openable from here */
	struct span text;		/* ... and what was in it */
	struct script_limits limits;	/* ... for one item */

	struct {			/* STEP_VERSION */
		struct path attribute;
		bool has_missing;
		uint64_t missing, to;
		/* From the oldest on, without a gap. */
		struct plan_upgrade *upgrades;
		size_t nupgrades;
		struct update *mark;	/* it is `to` */
	} version;

	struct plan_shift *shifts;	/* STEP_EXPAND, STEP_CONTRACT */
	size_t nshifts;

	const struct tree *reverse;	/* what undoes it, by hand; or NULL */
};

struct plan_assert {
	struct expr *expr;
	const char *text;		/* as written */
	struct plan_place place;
};

/* Attributes of which no original value may be in what an item becomes. */
struct plan_masked {
	struct path path;
	const char *text;		/* as written */
};

/* What one plan file says about the items of one table. */
struct plan_pass {
	uint32_t plan;			/* number of the file, from 0 */
	struct expr *where;		/* or NULL: all */
	const char *where_text;
	const struct plan_step *steps;
	size_t nsteps;
	const struct plan_assert *asserts;
	size_t nasserts;
	const struct plan_masked *masked;
	size_t nmasked;
};

/* ---- tables -------------------------------------------------------------- */

/*
 * One table of the plan.  Before plan_resolve() a glob is one table with `glob`
 * set and no `from`; afterwards there is one for each table found.
 */
struct plan_table {
	const char *name;		/* in the plan; the hash uses it */
	bool glob;			/* stands for tables not yet known */
	bool skip;			/* named, and left out (also --table) */
	bool filled;			/* by emit or create: needs no export */
	bool emitted;			/* by an emit of another table */
	const char *from, *to;		/* names of source and target table */
	const char *of;			/* reads the export of that, or NULL */
	uint32_t input;			/* PLAN_NONE: no export holds it */

	struct plan_key key;		/* of the target */
	struct plan_key source_key;	/* = key unless sourceKey says so */
	const struct plan_create *create;	/* or NULL */

	enum rewrite_dangling dangling;
	bool has_ids;			/* it says `id:` */
	const char *id_form;		/* in words, or NULL: "hex of 32" */
	const struct remap *remap;	/* how its ids are made; NULL: kept */
	const struct rewrite *rewrite;	/* its rules; NULL if there are none */
	/* The same for what others emit to it, whose ids are new already. */
	const struct rewrite *seen;
	struct plan_rule *rules;	/* to tell them in words */
	size_t nrules;

	struct plan_pass *passes;	/* in the order to run them */
	size_t npasses;

	uint32_t level;			/* 1: refers to none but itself, ... */
	bool cycle, self_ref;		/* in a cycle of tables; to itself */
	struct plan_place place;
};

/* What the exports of a table are, put together; see increments.h. */
enum plan_input_kind {
	INPUT_ITEMS,		/* full exports and files without manifest */
	INPUT_STATE,		/* a full export and the increments after it */
	INPUT_CHANGES,		/* an increment alone */
};

/* One table of the sources, and who reads it. */
struct plan_input {
	const char *name;		/* of the source table */
	uint32_t *tables;		/* plan order; see plan_table.of */
	size_t ntables;			/* 0: it is left out */
	enum plan_input_kind kind;
	bool new_only;			/* INPUT_CHANGES: view NEW_IMAGE */
	struct sourcekey key;		/* by the records; of others n is 0 */
};

/* Tables that refer to each other in a ring; the last is the first again. */
struct plan_cycle {
	const uint32_t *tables;
	size_t ntables;
};

enum plan_out_format {
	PLAN_DYNAMODB_JSON, PLAN_ION, PLAN_CSV, PLAN_BATCH_REQUESTS,
};

struct plan {
	struct arena mem;
	const char *name;		/* first plan's; names the job */
	const char *description;
	const char *stage;		/* NULL: none */
	bool confirm;			/* any plan's */
	bool revert;			/* increments backwards */

	struct plan_side source, target;
	enum plan_out_format format;
	const char *compression;	/* "gzip", "zstd", "none" */
	const char *out;		/* s3://..., or NULL: in the job */
	struct plan_csv csv;

	struct plan_source *sources;
	size_t nsources;
	struct plan_ids ids;

	struct plan_table *tables;	/* in the plans' order */
	size_t ntables;
	struct plan_input *inputs;	/* once resolved */
	size_t ninputs;
	struct plan_cycle *cycles;	/* shortest of each knot of tables */
	size_t ncycles;

	struct plan_create *creates;
	size_t ncreates;
	struct prices prices;		/* later plans' over earlier ones' */
	struct plan_file *files;
	size_t nfiles;
	struct plan_warning *warnings;
	size_t nwarnings;

	struct plan_parts *parts;
};

/* What plan_load() is told beside the files. */
struct plan_options {
	const char *stage;		/* --stage; NULL: see the variable */
	/* Look up a variable: STAGE, and those of ids.secret.  May be NULL. */
	const char *(*variable)(void *context, const char *name);
	void *context;
	/* --table; others are as if `skip`.  Must outlive the plan. */
	const char *const *only;
	size_t nonly;
	bool strict_ids;		/* --strict-ids */
	bool revert;			/* --revert: increments backwards */
	/* Not what the plan says under source.exports, but these. */
	const char *const *dumps;
	size_t ndumps;
};

/* A table as the engine found it in the sources. */
struct plan_found {
	const char *name;	/* of its manifest's tableArn; NULL: no manifest */
	const char *table;	/* what the source entry says; or NULL */
	const char *what;	/* path, for messages */
	uint32_t input;		/* out: number in plan.inputs */
	/* For sources_find(): how its files are to be read; see unit.h. */
	const struct item_format *format;
	const struct item_rules *rules;
};

/* Can the output of a run go there?  0, or -1 with ERR_USAGE. */
int plan_check_out(const char *out, struct err *err);

enum { PLAN_OUT_LEN = 220 };	/* of such an address, at most */

/* Read and check the plans.  NULL on failure. */
struct plan *plan_load(const char *const *paths, size_t n,
		       const struct plan_options *options, struct err *err);

/*
 * Say which plan table every found table is: exact names beat globs, a longer
 * glob beats a shorter one.  Globs become real tables, targets and keys are
 * settled, rules are compiled.  May be called once.  Returns 0 or -1.
 */
int plan_resolve(struct plan *p, struct plan_found *found, size_t n,
		 struct err *err);

/* Is all there that the plan needs to run: files, the secret?  0 or -1. */
int plan_ready(const struct plan *p, struct err *err);

/*
 * The first thing in it that `run` cannot do yet, as words ("emit"), and where;
 * NULL if there is none.
 */
const char *plan_not_yet(const struct plan *p, struct plan_place *where);

/*
 * Warn that the export `full` is of a time within the second in which the first
 * increment begins.  Returns 0, or -1: out of memory.
 */
int plan_warn_second(struct plan *p, const char *full, const char *time,
		     struct err *err);

/* Warn if `items` ids of that table are likely to collide.  0 or -1. */
int plan_warn_collisions(struct plan *p, uint32_t table, uint64_t items,
			 struct err *err);

/* The columns of a table's CSV; NULL if the plan does not say them. */
const struct plan_columns *plan_columns_of(const struct plan *p,
					   const char *table);

/* The number of the table called `name`, or PLAN_NONE. */
uint32_t plan_table_named(const struct plan *p, const char *name);

/* May an item of this table become several (outputs.h)? */
bool plan_gives_several(const struct plan_table *t);

/* May a step of this table put a value inside another? */
bool plan_table_nests(const struct plan_table *t);

const char *plan_dangling_name(enum rewrite_dangling d);	/* "skip-item" */
const char *plan_format_name(enum plan_out_format f);	/* "batch-requests" */
const char *plan_step_name(enum plan_step_kind k);	/* "update" */

void plan_free(struct plan *p);		/* NULL is fine */

#endif
