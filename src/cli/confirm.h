/*
 * confirm.h - what destroys or cannot be taken back is asked for twice: yes,
 * and then a name typed out.  Without a terminal --yes and --confirm NAME say
 * it beforehand.
 */
#ifndef CLI_CONFIRM_H
#define CLI_CONFIRM_H

struct err;
struct options;
struct plan;

/*
 * Ask whether `what` ("12 items into 2 tables at ...") shall be.  The name is
 * the stage's, else `table` (the one target; or NULL), else the target's
 * environment.  Returns 0, or -1 with ERR_REFUSED.
 */
int confirm(const struct options *o, const struct plan *plan,
	    const char *table, const char *what, struct err *err);

#endif
