/*
 * increments.h - what the incremental exports among a plan's sources are for.
 *
 * Behind a full export of the same table they bring it to the state at the end
 * of the last window (INPUT_STATE); the windows must follow one another without
 * a gap.  One alone is a set of changes, and becomes puts and deletes
 * (INPUT_CHANGES).  docs/INCREMENTAL.md tells it to users.
 */
#ifndef ENGINE_INCREMENTS_H
#define ENGINE_INCREMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

struct err;
struct export;
struct exports;
struct item_format;
struct plan;
struct plan_found;

/*
 * Settle the kind, the view and the source key of every input that the plan
 * reads.  Returns 0, or -1: ERR_USAGE if the exports of an input do not go
 * together or the plan cannot be done with them; the text says why.
 */
int increments_settle(struct plan *plan, const struct exports *x,
		      const struct plan_found *found, struct err *err);

/*
 * Do the exports whose `found` has this input stand for one state of a table:
 * no increments, or one full export and the increments after it?  Returns 0, or
 * -1 with ERR_USAGE.
 */
int increments_follow(const struct exports *x, const struct plan_found *found,
		      uint32_t input, struct err *err);

/* What reads the files of an incremental export; NULL: nothing yet. */
const struct item_format *increments_format(const struct export *e);

/*
 * Does the target key of a plan table follow from the source key, which has
 * these attributes, whatever else an item holds: by ids, references and renames
 * alone?  If not, *why says what stands in the way.
 */
bool increments_key_follows(const struct plan *plan, uint32_t table,
			    const struct span *key, size_t n, char *why,
			    size_t size);

#endif
