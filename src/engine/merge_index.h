/*
 * merge_index.h - several indexes of a table, of different units, as one: the
 * index that would have been built of all their items at once, byte for byte.
 *
 * Streams: memory is a few MiB and a few bytes a unit, whatever the size of the
 * indexes, which are mapped and read once, from start to end.  They are hostile
 * all the while, and held against their checksums; the new one gets its name
 * when all of them are sound.
 */
#ifndef ENGINE_MERGE_INDEX_H
#define ENGINE_MERGE_INDEX_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/join_internal.h"

struct err;

enum { MERGE_INDEX_MOST = 10000 };	/* indexes in one go */

/* As join_run() tells it of a table. */
struct merge_index_result {
	uint64_t items, ids;
	uint64_t collisions;		/* new ids that several source ids have */
	uint64_t doubles;		/* items - ids */
	/* By offsets in the new .ids. */
	struct join_first first_collisions, first_doubles;
};

/*
 * Merge FOLDER/NAME.idx and .ids of all `folders` into those of `to`, which is
 * none of them.  `cancel` may be NULL.  Returns 0, or -1: ERR_INPUT if one is
 * damaged, or if a unit is in two of them.
 */
int merge_index(const char *const *folders, size_t n, const char *name,
		const char *to, const atomic_bool *cancel,
		struct merge_index_result *out, struct err *err);

#endif
