/*
 * survive.h - `masked`: no original value of these attributes may be in what an
 * item becomes.
 *
 * A text of at least SURVIVE_LONG bytes may stand nowhere in it, not as a part
 * of another text either; shorter ones, numbers and binary, which stand
 * anywhere by chance, may not be what one of the attributes is.
 */
#ifndef ENGINE_SURVIVE_H
#define ENGINE_SURVIVE_H

#include <stdint.h>

#include "model/item.h"

struct arena;
struct err;
struct plan_masked;
struct plan_table;

enum { SURVIVE_LONG = 6 };

/* One original value. */
struct original {
	struct original *next;
	struct value value;		/* its text is plain */
	const struct plan_masked *of;
	uint32_t table;			/* whose rule says so */
};

/*
 * Put what the masked attributes of plan table number `table` have in the item
 * in front of *list.  Returns 0 or -1.
 */
int survive_collect(const struct plan_table *t, uint32_t table,
		    const struct item *item, struct original **list,
		    struct arena *mem, struct err *err);

/* Is none of this table's in it?  Returns 0, or -1: ERR_INPUT if one is. */
int survive_check(const struct plan_table *t, uint32_t table,
		  const struct original *list, const struct item *item,
		  struct arena *mem, struct err *err);

#endif
