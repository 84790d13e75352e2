/* rename.h - the `rename` step: move attributes, all at once. */
#ifndef ENGINE_RENAME_H
#define ENGINE_RENAME_H

struct arena;
struct err;
struct item;
struct plan_step;
struct plan_table;

/*
 * Move what stands at each `from` to its `to`.  Absent sources are nothing.
 * Returns 0, or -1: ERR_INPUT if a target exists and the step does not say
 * overwrite, or if a parent of a target is no map.
 */
int rename_apply(const struct plan_step *step, struct item *item,
		 struct arena *mem, struct err *err);

/*
 * Do all renames of a table that have no `when` to an item of which nothing is
 * known but its key, and no other step: where the target's key is known to
 * follow from that (increments_key_follows()).  Returns 0, or -1 with `step`.
 */
int rename_key(const struct plan_table *t, struct item *item,
	       struct arena *mem, char step[48], struct err *err);

#endif
