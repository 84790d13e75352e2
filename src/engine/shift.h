/* shift.h - the steps `expand` and `contract`: an attribute under two names. */
#ifndef ENGINE_SHIFT_H
#define ENGINE_SHIFT_H

struct err;
struct expr_run;
struct item;
struct plan_step;

/*
 * Give the item each new attribute whose old one it has.  Returns 0, or -1:
 * ERR_INPUT if both are there and differ, unless the step says overwrite.
 */
int shift_expand(const struct plan_step *step, const struct expr_run *run,
		 struct item *item, struct err *err);

/*
 * Take each old attribute away.  Returns 0, or -1: ERR_INPUT if the item has it
 * and not the new one that the step names.
 */
int shift_contract(const struct plan_step *step, const struct expr_run *run,
		   struct item *item, struct err *err);

#endif
