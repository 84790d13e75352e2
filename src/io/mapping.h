/*
 * mapping.h - a file of ours as bytes in memory, paged in as it is looked at.
 *
 * Only for files that a job made and nobody changes: one that is cut short
 * while it is mapped kills the process.  Any number of threads may read.
 */
#ifndef IO_MAPPING_H
#define IO_MAPPING_H

#include <stdint.h>

#include "base/span.h"

struct err;

/*
 * Map all of a file.  An empty one gives no bytes and is fine.  Returns 0, or
 * -1: ERR_SYSTEM with the path.
 */
int mapping_open(const char *path, struct span *out, struct err *err);

/* It will be read here and there, not from start to end. */
void mapping_at_random(struct span bytes);

/*
 * These bytes of a mapping were looked at and will hardly be again: they count
 * as memory of ours no more.  Those who do look find them as they were.
 */
void mapping_let_go(struct span bytes);

/* It will be read once, from start to end. */
void mapping_in_order(struct span bytes);

/*
 * All of [at, at + len) will be asked for soon: begin to read it.  What is
 * beyond the end does not count.
 */
void mapping_fetch(struct span bytes, uint64_t at, uint64_t len);

void mapping_close(struct span bytes);	/* no bytes are fine */

#endif
