/* keys.h - credentials, wherever they are from. */
#ifndef AWS_KEYS_H
#define AWS_KEYS_H

#include <time.h>

#include "base/buf.h"

struct err;

/* A zeroed one has none.  Each text ends in a NUL that is not counted. */
struct keys {
	struct buf access, secret;
	struct buf token;	/* .len 0: there is none */
	time_t expires;		/* 0: never */
};

/* NULL for texts that are not there; the token may be. */
int keys_set(struct keys *k, const char *access, const char *secret,
	     const char *token, struct err *err);
int keys_copy(struct keys *to, const struct keys *from, struct err *err);

/* `2025-02-01T12:00:00Z`, perhaps with fractions or +00:00.  0 or -1. */
int keys_set_expires(struct keys *k, const char *iso, struct err *err);

void keys_free(struct keys *k);		/* wiped */

#endif
