/*
 * side.h - one side in AWS, source or target: whose credentials, which region,
 * where its services are.  Opened once; may be shared by threads.
 *
 * What is asked for by name comes first, then the environment, then the
 * profile, as with the AWS CLI.
 */
#ifndef AWS_SIDE_H
#define AWS_SIDE_H

#include <stdatomic.h>
#include <stdbool.h>

#include "aws/profile.h"

struct buf;
struct creds;
struct err;
struct http_options;
struct side;
struct sts_identity;

struct side_options {
	struct aws_env env;
	const char *profile, *region, *role_arn, *endpoint_url;	/* or NULL */
	unsigned connect_s, stall_s;	/* 0: the usual */
	const atomic_bool *cancel;	/* or NULL */
};

/* The options' texts must stay.  Nothing is asked of a network yet. */
struct side *side_open(const struct side_options *o, struct err *err);
void side_close(struct side *s);	/* NULL is fine */

/* NULL with ERR_USAGE if nothing says it. */
const char *side_region(const struct side *s, struct err *err);

struct creds *side_creds(struct side *s);
const struct http_options *side_http(const struct side *s);
const struct aws_env *side_env(const struct side *s);
bool side_is_cancelled(const struct side *s);

/*
 * The address of "s3", "dynamodb" or "sts", without a slash at its end. Returns
 * 1 if somebody said it, 0 if it is AWS's own, or -1.
 */
int side_endpoint(const struct side *s, const char *service,
		  const char *region, struct buf *out, struct err *err);

/* Whose credentials these are, as STS says. */
int side_identity(struct side *s, struct sts_identity *out, struct err *err);

#endif
