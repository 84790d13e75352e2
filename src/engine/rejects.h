/*
 * rejects.h - one line of rejected/<table>.jsonl for everything that was not
 * moved: the item as it was read, the reason, the step, and where it stood.
 *
 *	{"Item":{...},"reason":"...","step":"...","file":"...","line":12}
 *	{"raw":"<base64>","reason":"...","step":"decode","file":"...",
 *	 "line":12,"byte":7}
 *
 * Once mended they can be read as a dump.
 */
#ifndef ENGINE_REJECTS_H
#define ENGINE_REJECTS_H

struct batch;
struct buf;
struct err;
struct program_result;
struct reject;

#include <stdint.h>

/*
 * Append the lines of the batch's rejects and the result's refusals that belong
 * to `table`, in the order of their lines.  Rejects, which are no items, belong
 * to `owner`.  Returns how many there were, or -1.
 */
int64_t rejects_write(const struct batch *b, const struct program_result *r,
		      uint32_t table, uint32_t owner, const char *file,
		      struct buf *out, struct err *err);

/* Order refusals by line; rejects_write() wants them so. */
void rejects_sort(struct program_result *r);

#endif
