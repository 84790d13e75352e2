/* sha256.h - SHA-256 and HMAC-SHA-256 (FIPS 180-4, RFC 2104) of short texts. */
#ifndef BASE_SHA256_H
#define BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

enum { SHA256_LEN = 32 };

/* Digest of `bytes`. */
void sha256_of(struct span bytes, uint8_t out[SHA256_LEN]);

#endif
