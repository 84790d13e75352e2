/* rename.h - the `rename` step: move attributes, all at once. */
#ifndef ENGINE_RENAME_H
#define ENGINE_RENAME_H

struct arena;
struct err;
struct item;
struct plan_step;

/*
 * Move what stands at each `from` to its `to`.  Absent sources are nothing.
 * Returns 0, or -1: ERR_INPUT if a target exists and the step does not say
 * overwrite, or if a parent of a target is no map.
 */
int rename_apply(const struct plan_step *step, struct item *item,
		 struct arena *mem, struct err *err);

#endif
