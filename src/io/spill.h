/*
 * spill.h - what does not fit into memory: in files without names, which are
 * gone with the process, whatever ends it.
 *
 * A spill is bytes that are appended, then looked at all at once.  Not locked.
 */
#ifndef IO_SPILL_H
#define IO_SPILL_H

#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

struct err;
struct spill;

/* A new file in the folder `tmp`, to be closed; -1 with *err set. */
int spill_file(const char *tmp, struct err *err);

/*
 * Zeros in such a file, mapped to be read and written, of which the disk has
 * room for all; munmap() them.  NULL with *err set.
 */
uint8_t *spill_zeros(const char *tmp, size_t len, struct err *err);

/*
 * A file in the folder `tmp`, made with the first bytes.  `advice`: what to do
 * if the disk is full, "make room".  Both must outlive it.  NULL: no memory.
 */
struct spill *spill_new(const char *tmp, const char *advice, struct err *err);
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
