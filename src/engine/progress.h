/*
 * progress.h - how far the items of a table are in the service: which of each
 * unit were accepted, in a file that outlives the process.
 *
 * JOB/push/<table>.done begins with 64 bytes: `dynamill push 1`, NULs, and at
 * byte 32 a hash of what is pushed where. Then records of 24 bytes, little-
 * endian: unit (8), how many of its items from its first one are accepted (8),
 * XXH3 of those 16 bytes. The highest of a unit counts; a torn one at the end
 * is cut off.
 *
 * Items are accepted in any order; those before the first that is not are told
 * to the file. What was sent and not yet told goes again on resume.
 */
#ifndef ENGINE_PROGRESS_H
#define ENGINE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/keyhash.h"

struct err;
struct progress;

/*
 * Open or begin the file.  NULL with ERR_REFUSED if it is of something else.
 * *resumed says whether it was there.
 */
struct progress *progress_open(const char *path, struct keyhash of,
			       uint32_t nunits, bool *resumed,
			       struct err *err);
void progress_close(struct progress *p);	/* NULL is fine */

/*
 * What the file at `path` says holds for `p`, too.  Returns 1; 0 if it is not
 * there or was not begun; or -1, with ERR_REFUSED if it is of something else.
 */
int progress_join(struct progress *p, const char *path, struct err *err);

/*
 * The records at `from` go behind those at `to`, which is there, and are on the
 * disk when this returns 0.  ERR_REFUSED if they are not of the same thing.
 */
int progress_append(const char *to, const char *from, struct err *err);

/* Is there a record at `path`, and an item in it? */
bool progress_has_any(const char *path);

/* So many items of the unit are accepted, from its first one on. */
uint64_t progress_of(const struct progress *p, uint32_t unit);

/* Item number `item` of the unit, from 0, is accepted. */
int progress_add(struct progress *p, uint32_t unit, uint64_t item,
		 struct err *err);

/* Write what was told; with `safe`, wait until it is on the disk. */
int progress_write(struct progress *p, bool safe, struct err *err);

#endif
