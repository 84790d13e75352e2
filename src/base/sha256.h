/*
 * sha256.h - SHA-256 and HMAC-SHA-256 (FIPS 180-4, RFC 2104), with care for
 * many short messages: several are hashed side by side where the processor
 * has instructions for it.
 */
#ifndef BASE_SHA256_H
#define BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

enum {
	SHA256_LEN = 32,
	SHA256_BLOCK_LEN = 64,
};

/* Digest of `bytes`. */
void sha256_of(struct span bytes, uint8_t out[SHA256_LEN]);

/* HMAC-SHA-256 of `bytes` under `key`. */
void sha256_hmac(struct span key, struct span bytes, uint8_t out[SHA256_LEN]);

/* Between two blocks. */
struct sha256_state {
	uint32_t h[8];
};

/* Where every message starts. */
extern const struct sha256_state sha256_start;

/* Where the two halves of an HMAC start, after the key's blocks. */
struct sha256_key {
	struct sha256_state inner, outer;
};
void sha256_key_init(struct sha256_key *k, struct span key);

/* Blocks that a message of `len` bytes takes, padding included. */
static inline size_t
sha256_nblocks(size_t len)
{
	return (len + 1 + 8 + SHA256_BLOCK_LEN - 1) / SHA256_BLOCK_LEN;
}

/*
 * Pad the `len` bytes at `blocks` to whole blocks, of which there is room for
 * sha256_nblocks(len).  `before` bytes were hashed before them: 0, or a block
 * for each half of an HMAC.
 */
void sha256_pad(uint8_t *blocks, size_t len, size_t before);

/*
 * A last block that many messages share, such as one of padding only: worked
 * out once, hashed in little more than half the time.
 */
struct sha256_last {
	uint32_t words[64];	/* of its schedule, the constants added */
	uint8_t block[SHA256_BLOCK_LEN];
};
void sha256_last_init(struct sha256_last *l, const uint8_t *block);

/* One message of whole blocks, padded. */
struct sha256_job {
	const struct sha256_state *start;
	const uint8_t *blocks;
	size_t nblocks;
	uint8_t *out;		/* SHA256_LEN bytes */
	const struct sha256_last *last;	/* one more block after them; or NULL */
};

/* Digests of n messages.  Those of up to three blocks go side by side. */
void sha256_batch(const struct sha256_job *jobs, size_t n);

#endif
