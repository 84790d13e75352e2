/*
 * md5.h - MD5 (RFC 1321): the checksum that export manifests and S3 use.
 *
 * It protects against accidents, not against people.  Ours, not libcrypto's,
 * so that it works where a policy forbids MD5 as a signature.
 */
#ifndef BASE_MD5_H
#define BASE_MD5_H

#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

enum { MD5_LEN = 16 };

struct md5 {
	uint32_t state[4];
	uint64_t len;		/* bytes so far */
	uint8_t part[64];	/* the last len % 64 of them */
};

void md5_start(struct md5 *m);
void md5_add(struct md5 *m, struct span bytes);
void md5_end(struct md5 *m, uint8_t out[MD5_LEN]);

void md5_of(struct span bytes, uint8_t out[MD5_LEN]);

#endif
