/*
 * latest.h - which record of a table's increments has the last word on a key.
 *
 * A survey notes the source key of every record; latest_build() sorts them,
 * within the memory that there is, and leaves a list for each input.  Whoever
 * reads base and increments afterwards asks for each item and each record
 * whether another one came later.  docs/FORMATS.md has the bytes.
 */
#ifndef ENGINE_LATEST_H
#define ENGINE_LATEST_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/keyhash.h"

struct err;
struct latest;

/* A record's unit and offset as one number, in their order. */
enum { LATEST_OFFSET_BITS = 40, LATEST_MAX_UNITS = 1 << 24 };
#define LATEST_NONE UINT64_MAX

/* Returns LATEST_NONE if they are too large for it. */
static inline uint64_t
latest_place(uint32_t unit, uint64_t offset)
{
	if (unit >= LATEST_MAX_UNITS || offset >> LATEST_OFFSET_BITS != 0)
		return LATEST_NONE;
	return (uint64_t)unit << LATEST_OFFSET_BITS | offset;
}

struct latest_work {
	const char *job_dir;	/* of the survey: its logs, its lists */
	const uint32_t *units;	/* that have a key log; ascending */
	size_t nunits;
	uint32_t ninputs;
	const bool *wanted;	/* one an input: is there a list to be? */
	size_t memory;		/* bytes; 0: 1 GiB */
	const atomic_bool *cancel;	/* or NULL */
};

/*
 * Make the lists.  Keys were logged by keyfile_pk() under the number of the
 * input.  Units must be in the order of time.  Returns 0 or -1.
 */
int latest_build(const struct latest_work *w, struct err *err);

/* Open the lists that are `wanted`.  Const afterwards.  NULL on failure. */
struct latest *latest_open(const char *job_dir, const bool *wanted,
			   uint32_t ninputs, struct err *err);
void latest_close(struct latest *l);	/* NULL is fine */

/*
 * The place of the last record with each of `n` keys, or LATEST_NONE where no
 * record has it.
 */
void latest_find(const struct latest *l, uint32_t input,
		 const struct keyhash *keys, size_t n, uint64_t *last);

#endif
