/*
 * tryout.h - items in their target tables for a moment: put, read back and
 * compared, and then what was there before is put back.
 *
 * What it is about to do is on the disk before, if there is a folder for it: if
 * the process dies in the middle, the next tryout_open() there puts back what
 * was, unless somebody changed the item since.
 */
#ifndef ENGINE_TRYOUT_H
#define ENGINE_TRYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct item;
struct plan;
struct side_options;
struct tryout;

/* A target table as it is now. */
struct tryout_table {
	bool there, empty;
	uint64_t nitems;	/* some hours old */
};

enum tryout_end {
	TRYOUT_SAME,
	TRYOUT_NO_TABLE,	/* there is none yet: nothing was put */
	TRYOUT_DIFFERENT,	/* what is read is not what was put */
	TRYOUT_LEFT,		/* ... and stays: others may have written it.
				   The record stays as well, until the next */
};

/*
 * The plan and the texts of the options must outlive it.  `folder` may be NULL.
 * NULL on failure: ERR_REFUSED if the account is another.
 */
struct tryout *tryout_open(const struct plan *p,
			   const struct side_options *usual,
			   const char *folder, struct err *err);
void tryout_close(struct tryout *t);	/* NULL is fine */

/* Where it is: an address. */
const char *tryout_place(const struct tryout *t);

/*
 * Look at the target of a plan table.  Returns 0, or -1: ERR_REFUSED if it has
 * another key or is not ACTIVE.
 */
int tryout_look(struct tryout *t, uint32_t table, struct tryout_table *out,
		struct err *err);

/*
 * Put an item of that plan table.  Returns 0, or -1: ERR_REMOTE with the
 * service's reason if it refuses the item.
 */
int tryout_item(struct tryout *t, uint32_t table, const struct item *item,
		enum tryout_end *end, struct err *err);

#endif
