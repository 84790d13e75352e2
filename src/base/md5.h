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

/*
 * MD5 is one long chain: each step waits for the one before it, and most of the
 * processor waits too.  Two MD5s at once take hardly longer than one, and with
 * vectors sixteen take little longer than two.  A lane is an MD5 that puts off
 * its work until there are others to do it beside: the lanes of a ring do each
 * other's.  A ring belongs to one thread.
 */
struct md5_lane {
	struct md5 md5;
	struct span due;		/* whole blocks not yet taken in */
	struct md5_lane *next, *prev;	/* the ring */
};

void md5_lane_start(struct md5_lane *l);	/* alone in its ring */
void md5_lane_join(struct md5_lane *l, struct md5_lane *ring);
void md5_lane_leave(struct md5_lane *l);

/*
 * Add bytes that stay put until they are settled.  When a lane is settled, or
 * owes anew, nothing is left of what it owed, and perhaps less of what others
 * did; settling all leaves nothing of the whole ring.
 */
void md5_lane_owe(struct md5_lane *l, struct span bytes);
void md5_lane_settle(struct md5_lane *l);
void md5_lane_settle_all(struct md5_lane *l);

#endif
