/*
 * sides.h - the plan's source and target as sides in AWS, and whether they are
 * the right ones.
 */
#ifndef ENGINE_SIDES_H
#define ENGINE_SIDES_H

struct err;
struct plan_side;
struct side;
struct side_options;

/*
 * What the plan says wins over `usual`; `plan` may be NULL.  The texts of both
 * must stay.  NULL on failure.
 */
struct side *sides_open(const struct plan_side *plan,
			const struct side_options *usual, struct err *err);

/*
 * Is the caller in the account that the plan says?  Where it says none, nothing
 * is asked.  ERR_REFUSED if not.
 */
int sides_check_account(struct side *s, const struct plan_side *plan,
			struct err *err);

#endif
