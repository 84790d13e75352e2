/*
 * sts.h - AWS's Security Token Service: who somebody is, and keys of a role.
 */
#ifndef AWS_STS_H
#define AWS_STS_H

#include "base/buf.h"

struct err;
struct http;
struct keys;

/* Which STS. */
struct sts {
	struct http *http;
	const char *url, *region;
};

struct sts_role {
	const char *arn, *session;
	const char *external_id;	/* or NULL */
	const char *token;		/* of a web identity; else NULL */
	unsigned seconds;		/* 0: the usual hour */
};

struct sts_identity {
	struct buf account, arn;	/* each ends in a NUL, not counted */
};

/*
 * Keys of a role; `by` signs, and is NULL with a web identity's token.  Returns
 * 0, or -1: ERR_REMOTE if STS says no, in its words.
 */
int sts_assume(const struct sts *s, const struct sts_role *role,
	       const struct keys *by, struct keys *out, struct err *err);

int sts_identity(const struct sts *s, const struct keys *of,
		 struct sts_identity *out, struct err *err);
void sts_identity_free(struct sts_identity *i);

#endif
