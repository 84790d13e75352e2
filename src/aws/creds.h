/*
 * creds.h - credentials as the AWS CLI finds them, in its order: environment,
 * role of a profile, web identity, credentials file, credential_process, config
 * file, container, instance (IMDSv2); with a profile that was asked for, the
 * environment is not looked at.
 *
 * Kept until shortly before they expire, then found anew.  May be shared by
 * threads.  Keys are never in a message.
 */
#ifndef AWS_CREDS_H
#define AWS_CREDS_H

#include <stdint.h>

#include "aws/profile.h"

struct creds;
struct err;
struct http_options;
struct keys;

struct creds_options {
	struct aws_env env;
	const struct profiles *profiles;
	const char *profile;	/* asked for by name; NULL: AWS_PROFILE, or
				   default */
	const char *role_arn;	/* taken on at the end; or NULL */
	const char *sts_url, *sts_region;
	const struct http_options *http;
};

/* The options' texts must stay. */
struct creds *creds_new(const struct creds_options *o, struct err *err);
void creds_free(struct creds *c);	/* NULL is fine */

/*
 * Copy the keys to *out if they are others than those of *generation, which is
 * 0 at first.  Returns 1 if so, 0 if not, or -1: ERR_REMOTE with what was tried
 * and what to do.
 */
int creds_take(struct creds *c, uint64_t *generation, struct keys *out,
	       struct err *err);

/* The service says that the keys of this generation have expired. */
void creds_expired(struct creds *c, uint64_t generation);

/* In words, where the keys are from; after a creds_take(). */
void creds_origin(struct creds *c, char *to, size_t n);

#endif
