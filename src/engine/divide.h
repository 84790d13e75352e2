/*
 * divide.h - which shard of a divided job does which unit.
 *
 * Every machine finds the same answer from the same sizes, so nothing is
 * exchanged: the largest goes first, each to the shard that has least so far.
 * No shard then has more than the average and one unit.
 */
#ifndef ENGINE_DIVIDE_H
#define ENGINE_DIVIDE_H

#include <stdbool.h>
#include <stdint.h>

struct err;
struct unit;

enum { DIVIDE_MOST = 10000 };	/* shards: what AWS Batch lets an array have */

/* Something to be done; what has one `block` is done by one shard. */
struct divide_unit {
	uint64_t size;
	uint32_t block;		/* of the first unit that goes with this one */
	bool some;		/* else nobody does it */
};

/*
 * Set owner[i], from 1 to `nshards`, for each of `n` units; 0 if nobody does
 * it.  Returns 0 or -1.
 */
int divide(const struct divide_unit *units, uint32_t n, uint32_t nshards,
	   uint32_t *owner, struct err *err);

/*
 * The same of data files: those of an archive that is read from its start go
 * together.  `done`, unless NULL, says which nobody does.
 */
int divide_files(const struct unit *files, const bool *done, uint32_t n,
		 uint32_t nshards, uint32_t *owner, struct err *err);

#endif
