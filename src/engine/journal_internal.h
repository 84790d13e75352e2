/* journal_internal.h - the bytes of a unit's record, for journal.c. */
#ifndef ENGINE_JOURNAL_INTERNAL_H
#define ENGINE_JOURNAL_INTERNAL_H

#include "base/span.h"

struct arena;
struct buf;
struct err;
struct journal_unit;

/* Append the payload of `u`. */
int journal_put_unit(struct buf *out, const struct journal_unit *u,
		     struct err *err);

/* The unit that a payload holds, copied into `mem`; NULL on failure. */
struct journal_unit *journal_get_unit(struct span payload, struct arena *mem,
				      struct err *err);

/* What a sound checksum and no sense mean: not written by this program. */
int journal_no_sense(struct err *err);

#endif
