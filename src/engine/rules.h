/*
 * rules.h - what a plan says about items whose bytes do not say it: how a
 * source is to be read and a table's items to be written (struct item_rules).
 */
#ifndef ENGINE_RULES_H
#define ENGINE_RULES_H

struct arena;
struct err;
struct item_rules;
struct manifest_summary;
struct plan;
struct plan_key;
struct plan_source;
struct plan_table;

/*
 * Both live in the arena, and what they point to in the plan.  `table` is the
 * one that reads the source, or NULL; what the source does not say, `summary`
 * of its manifest may.  NULL with *err set on failure.
 */
const struct item_rules *rules_to_read(const struct plan_source *source,
				       const struct plan_table *table,
				       const struct manifest_summary *summary,
				       struct arena *mem, struct err *err);
/* Likewise without a plan; `key` may be without names. */
const struct item_rules *rules_of_export(const struct manifest_summary *summary,
					 const struct plan_key *key,
					 struct arena *mem, struct err *err);
const struct item_rules *rules_to_write(const struct plan *plan,
					const struct plan_table *table,
					struct arena *mem, struct err *err);

#endif
