/*
 * spill.h - bytes that do not fit into memory: appended to a file without a
 * name, then looked at all at once.
 *
 * The file is gone with the process, whatever ends it.  Not locked.
 */
#ifndef IO_SPILL_H
#define IO_SPILL_H

#include <stdint.h>

#include "base/span.h"

struct err;
struct spill;

/* A file in the folder `tmp`, made with the first bytes.  NULL: no memory. */
struct spill *spill_new(const char *tmp, struct err *err);
void spill_free(struct spill *s);	/* NULL is fine */

int spill_write(struct spill *s, struct span bytes, struct err *err);

uint64_t spill_len(const struct spill *s);

/*
 * No more is written: all of it, until spill_unmap(), with SPILL_SLACK bytes
 * behind it that can be read.  Returns 0 or -1.
 */
enum { SPILL_SLACK = 128 };
int spill_map(struct spill *s, struct span *out, struct err *err);
void spill_unmap(struct spill *s);	/* until it is mapped again */

#endif
