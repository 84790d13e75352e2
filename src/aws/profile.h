/*
 * profile.h - the files that the AWS CLI and SDKs share: ~/.aws/config and
 * ~/.aws/credentials, and what the environment says of them.
 */
#ifndef AWS_PROFILE_H
#define AWS_PROFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

struct err;

/* The environment, as whoever may read it hands it on. */
struct aws_env {
	const char *(*variable)(void *context, const char *name);
	void *context;
};

/* A variable that is set and not empty, else NULL. */
const char *aws_variable(const struct aws_env *env, const char *name);

enum profile_kind {
	PROFILE_OF_CREDENTIALS,		/* [name] in the credentials file */
	PROFILE_OF_CONFIG,		/* [profile name], [default] */
	PROFILE_SERVICES,		/* [services name] */
};

struct profile_entry {
	enum profile_kind kind;
	const char *section, *key, *value;	/* key NULL: the section */
};

struct profiles {
	struct arena mem;
	struct profile_entry *list;
	size_t n, cap;
	const char *config_path, *credentials_path;	/* or NULL */
};

/*
 * Read both files; one that is missing says nothing.  *p must be freed either
 * way.
 */
int profiles_load(struct profiles *p, const struct aws_env *env,
		  struct err *err);
void profiles_free(struct profiles *p);

bool profiles_have(const struct profiles *p, const char *profile);

/*
 * What a section says, or NULL.  A key within a key, like endpoint_url below
 * s3, is `s3.endpoint_url`.
 */
const char *profiles_get(const struct profiles *p, enum profile_kind kind,
			 const char *section, const char *key);

/* Of a profile, whichever file says it; the credentials file wins. */
const char *profiles_value(const struct profiles *p, const char *profile,
			   const char *key);

#endif
