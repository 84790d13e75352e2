/*
 * plan_internal.h - the plan's files as parsed, for plan*.c and its test only.
 *
 *	file --yaml--> tree --stage merged--> part: entries, rules, passes
 *	parts (+ tables found) --plan_build()--> plan.tables, plan.inputs
 *
 * A part is read once.  plan_build() runs at the end of plan_load(), where
 * globs stand for themselves, and again in plan_resolve() with real names.
 */
#ifndef ENGINE_PLAN_INTERNAL_H
#define ENGINE_PLAN_INTERNAL_H

#include "base/err.h"
#include "engine/plan.h"
#include "expr/expr.h"
#include "expr/remap.h"
#include "expr/rewrite.h"
#include "formats/tree.h"

enum {
	PLAN_MAX_TABLES = 10 * 1000,	/* a region's own limit */
	PLAN_MAX_FILE = 16 * 1024 * 1024,
};

/* ---- names to numbers (plan_names.c) ------------------------------------- */

/* A map from text to numbers; zeroed is empty.  Keys stay the caller's. */
struct plan_names {
	struct plan_name {
		const char *name;
		uint32_t number;
	} *slots;
	size_t cap, n;
};

int plan_names_put(struct plan_names *m, const char *name, uint32_t number,
		   struct err *err);
uint32_t plan_names_get(const struct plan_names *m, const char *name);
void plan_names_free(struct plan_names *m);

/* Does `name` match the glob (`*` and `?`)?  Is it a glob at all? */
bool plan_glob_matches(const char *glob, const char *name);
bool plan_is_glob(const char *name);

/* The nearest of `n` words (NULLs are passed over); NULL if none is near. */
const char *plan_nearest(const char *word, const char *const *words, size_t n);

/* ---- what a part holds --------------------------------------------------- */

/* One way to read a value at a path; see struct rewrite_alternative. */
struct plan_alternative {
	const char *table;		/* "" : none said */
	const char *pattern;		/* "" : none said */
	struct expr *when;
	const struct tree *node;
};

struct plan_path_rule {
	bool is_id;
	struct path path;
	const char *text;
	struct plan_alternative *alternatives;
	size_t nalternatives;
	const struct tree *node;	/* the path, where it stands */
};

/* One line under `tables` of one part. */
struct plan_entry {
	const char *name;
	bool glob, skip;
	const char *from, *to, *of;	/* as written; NULL: not said */
	const struct tree *from_node, *to_node;
	struct plan_key key, source_key;
	const struct tree *key_node;	/* NULL: no `key` */
	bool has_ids;
	const struct tree *id_node;
	struct remap_options ids;	/* once the part's defaults are in */
	struct plan_path_rule *rules;	/* ids, then references */
	size_t nrules;
	enum rewrite_dangling dangling;
	struct plan_pass pass;
	const struct tree *node;	/* its name */
};

struct plan_part {
	const char *path, *folder;
	const struct tree *root;	/* with the stage merged in */
	const char *stage;
	const struct tree *stages;	/* NULL: none */
	const char *name, *description;
	bool confirm;
	struct plan_side source, target;
	const char *from, *to;		/* names; NULL: not said */
	const struct tree *from_node, *to_node;
	const struct tree *format, *compression, *csv, *out, *ids;
	struct plan_entry *entries;
	size_t nentries;
	struct plan_names by_name;	/* number of entry */
};

/* Something compiled that plan_free() must give back. */
struct plan_owned {
	struct plan_owned *next;
	enum { OWNED_EXPR, OWNED_UPDATE, OWNED_REMAP, OWNED_REWRITE,
	       OWNED_PATH, OWNED_NAMES } kind;
	void *thing;
};

struct plan_remap_row {
	const char *table;
	struct remap_row row;
};

struct plan_parts {
	struct plan_part *parts;
	size_t nparts;
	struct plan_options options;
	struct plan_owned *owned;
	struct remap_options ids;	/* the plan's defaults */
	const struct tree *ids_node;
	struct plan_remap_row *rows;	/* of ids.map, sorted by table */
	size_t nrows;
	struct plan_names remap_names;	/* to number in remaps */
	const struct remap **remaps;
	size_t nremaps;
	struct plan_names table_names;	/* plan.tables, by name */
	bool dry;			/* only checking another stage */
	bool resolved;
};

/* ---- reading nodes (plan_read.c) ----------------------------------------- */

/* Zeroed memory that lives as long as the plan; NULL with *err set. */
void *plan_take(struct plan *p, size_t n, size_t size, struct err *err);
const char *plan_keep(struct plan *p, struct span text, struct err *err);
const char *plan_format(struct plan *p, struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Have plan_free() give `thing` back; at once if that cannot be noted. */
int plan_own(struct plan *p, int kind, void *thing, struct err *err);
void plan_release(struct plan *p);

/* Append to an array in the arena that has room for a power of two. */
int plan_grow(struct plan *p, void *array, size_t n, size_t size,
	      struct err *err);

struct plan_place plan_place_of(const struct tree *t);
int plan_warn(struct plan *p, const char *name, struct plan_place place,
	      struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

/* A map with no names but `known` (ends in NULL); `what` is "a table". */
int plan_check_map(const struct tree *t, const char *what,
		   const char *const *known, struct err *err);

/* A scalar as it was written; `name` is the key, for messages. */
int plan_read_text(const struct tree *t, const char *name, const char **out,
		   struct err *err);
int plan_read_bool(const struct tree *t, const char *name, bool *out,
		   struct err *err);
int plan_read_uint(const struct tree *t, const char *name, uint64_t *out,
		   struct err *err);
/* One of `words` (ends in NULL); *out is its number. */
int plan_read_word(const struct tree *t, const char *name,
		   const char *const *words, unsigned *out, struct err *err);
/* The same for a field of a map, if it is there. */
int plan_text_field(const struct tree *map, const char *name,
		    const char **out, struct err *err);
int plan_bool_field(const struct tree *map, const char *name, bool *out,
		    struct err *err);

/* A relative path begins at `folder`. */
const char *plan_join(struct plan *p, const char *folder, const char *path,
		      struct err *err);
const char *plan_folder_of(struct plan *p, const char *path, struct err *err);
/* All of a file, in the arena.  .ptr NULL with *err set on failure. */
struct span plan_slurp(struct plan *p, const char *path, struct err *err);
/* Note a file that the plan names, once.  Moves when others are noted. */
const struct plan_file *plan_note_file(struct plan *p, const char *path,
				       const char *role,
				       struct plan_place place,
				       struct err *err);

/* ---- the parts' sections ------------------------------------------------- */

/* Placeholders of one map, and what else an expression may refer to. */
struct plan_scope {
	struct expr_scope expr;
	struct expr_name *names;
	struct expr_value *values;
	bool *name_used, *value_used;
	const struct tree *names_node, *values_node;
};

/* plan_exprs.c */
int plan_scope_read(struct plan *p, const struct tree *map,
		    struct plan_scope *scope, struct err *err);
int plan_scope_done(const struct plan_scope *scope, struct err *err);
struct expr *plan_condition(struct plan *p, const struct tree *t,
			    const char *name, const struct plan_scope *scope,
			    struct err *err);
struct expr *plan_value(struct plan *p, const struct tree *t,
			const char *name, const struct plan_scope *scope,
			struct err *err);
struct update *plan_update(struct plan *p, const struct tree *t,
			   const char *name, const struct plan_scope *scope,
			   struct err *err);
int plan_path(struct plan *p, const struct tree *t, const char *name,
	      bool wildcards, struct path *out, struct err *err);

/* An update that sets a path to what another has, or to a number; one that
 * removes it.  NULL with *err set on failure. */
struct update *plan_set_path(struct plan *p, const struct path *to,
			     const struct path *from, uint64_t number,
			     struct err *err);
struct update *plan_remove_path(struct plan *p, const struct path *path,
				struct err *err);

/* plan_sources.c: where items come from, and how CSV is written */
int plan_read_sources(struct plan *p, const struct plan_part *part,
		      struct err *err);
int plan_read_csv(struct plan *p, const struct tree *t, struct err *err);
/* Once the tables are known: has each its columns, if it needs some? */
int plan_check_columns(const struct plan *p, struct err *err);

/* plan_stages.c: the stage to use, and the tree with it merged in. */
int plan_choose_stage(struct plan *p, struct plan_part *part, struct err *err);
int plan_check_stage(const struct plan *p, struct err *err);
const struct tree *plan_merge(struct plan *p, const struct tree *base,
			      const struct tree *over, struct err *err);

/* plan_tables.c */
int plan_read_entries(struct plan *p, uint32_t number, struct err *err);
int plan_read_key(struct plan *p, const struct tree *t, const char *name,
		  struct plan_key *key, struct err *err);
/* A name with {table} {source} {target} {stage} filled in. */
const char *plan_expand(struct plan *p, const struct plan_part *part,
			const struct tree *at, const char *name,
			const char *table, struct err *err);
/* The entry that says what becomes of a table: exact, else longest glob. */
const struct plan_entry *plan_entry_for(const struct plan_part *part,
					const char *table);
/* A table of that name, in any part?  If not: an error at `t`. */
int plan_check_table(struct plan *p, const struct tree *t, const char *table,
		     struct err *err);
/* The same for the table of a source, which `of` may name as well. */
int plan_check_source(struct plan *p, const struct tree *t, struct err *err);

/* plan_steps.c */
int plan_read_steps(struct plan *p, const struct plan_part *part,
		    const struct tree *list, const struct plan_step **steps,
		    size_t *n, struct err *err);
int plan_read_one_update(struct plan *p, const struct tree *t,
			 const struct plan_scope *scope,
			 const struct plan_step **steps, size_t *n,
			 struct err *err);
/* plan_changes.c: the steps that change an item by rules of their own */
int plan_read_rename(struct plan *p, const struct tree *t,
		     struct plan_step *step, struct err *err);
int plan_read_version(struct plan *p, const struct plan_part *part,
		      const struct tree *t, struct plan_step *step,
		      struct err *err);
int plan_read_shift(struct plan *p, const struct tree *t,
		    struct plan_step *step, struct err *err);
/* plan_programs.c: the steps that leave it to somebody else */
int plan_read_pipe(struct plan *p, const struct plan_part *part,
		   const struct tree *t, struct plan_step *step,
		   struct err *err);
int plan_read_lua(struct plan *p, const struct plan_part *part,
		  const struct tree *t, struct plan_step *step,
		  struct err *err);
/* plan_emit.c */
int plan_read_emit(struct plan *p, const struct tree *t,
		   const struct plan_scope *scope, struct plan_step *step,
		   struct err *err);
/* Called with every output that goes to a table, those of loops too. */
typedef int plan_emit_fn(struct plan *p, struct plan_emit *e, void *context,
			 struct err *err);
int plan_each_emit(struct plan *p, struct plan_emit *emits, size_t n,
		   plan_emit_fn *each, void *context, struct err *err);

/* plan_rules.c */
int plan_read_rules(struct plan *p, const struct plan_part *part,
		    struct plan_entry *entry, const struct tree *t,
		    const struct plan_scope *scope, struct err *err);
int plan_check_rules(struct plan *p, const struct plan_entry *entry,
		     struct err *err);
/* Called with every table that the rules name, and where. */
typedef int plan_target_fn(void *context, const struct tree *t,
			   const char *table, struct err *err);
int plan_each_target(struct plan *p, const struct plan_entry *entry,
		     plan_target_fn *each, void *context, struct err *err);

/* plan_ids.c */
int plan_read_ids(struct plan *p, const struct plan_part *part,
		  struct err *err);
int plan_read_id_map(struct plan *p, const struct plan_part *part,
		     struct err *err);
int plan_read_id_form(const struct tree *t, struct remap_options *o,
		      struct err *err);
/* The form of a table's ids in words. */
const char *plan_id_form(struct plan *p, const struct remap_options *o,
			 struct err *err);
const struct remap *plan_remap_of(struct plan *p, const char *table,
				  struct err *err);

/* plan_create.c */
int plan_read_create(struct plan *p, const struct plan_part *part,
		     struct err *err);

/* plan_found.c: fill in plan.tables, by name only, and later plan.inputs */
int plan_list_tables(struct plan *p, const struct plan_found *found, size_t n,
		     struct err *err);
int plan_list_inputs(struct plan *p, struct plan_found *found, size_t n,
		     struct err *err);
/* The name of the source table that a plan table reads. */
const char *plan_source_name(struct plan *p, const char *table,
			     struct err *err);

/* plan_build.c, plan_rewrite.c, plan_levels.c, plan_warn.c */
int plan_build(struct plan *p, struct plan_found *found, size_t n,
	       struct err *err);
int plan_build_rules(struct plan *p, struct err *err);
int plan_build_levels(struct plan *p, struct err *err);
int plan_build_warnings(struct plan *p, struct err *err);

#endif
