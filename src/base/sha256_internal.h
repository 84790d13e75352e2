/* sha256_internal.h - what a kernel of sha256 must do. */
#ifndef BASE_SHA256_INTERNAL_H
#define BASE_SHA256_INTERNAL_H

#include "base/sha256.h"

/* Hash `nblocks` blocks of one message on from *s. */
typedef void sha256_update(struct sha256_state *s, const uint8_t *blocks,
			   size_t nblocks);

/* Do the jobs, all of as many blocks as the first, all or none with `last`. */
typedef void sha256_jobs(const struct sha256_job *const *jobs);

/* The constants of the rounds. */
extern const uint32_t sha256_constants[64];

sha256_update sha256_x86_update;
sha256_jobs sha256_x86_two, sha256_x86_four;

#endif
