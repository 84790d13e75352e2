#include "aws/creds.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "aws/creds_internal.h"
#include "aws/http.h"
#include "aws/keys.h"
#include "aws/sts.h"
#include "base/err.h"
#include "io/file.h"

enum {
	EARLY_S = 5 * 60,	/* before they expire, others are looked for */
	MOST_ROLES = 8,		/* one on top of the other */
	TOKEN_LEN = 64 * 1024,
	ORIGIN_LEN = 256,
};

struct creds {
	struct creds_options o;
	pthread_mutex_t lock;
	struct http *http, *direct;
	struct keys keys;
	uint64_t generation;	/* 0: none yet */
	bool expired;
	char origin[ORIGIN_LEN];
};

void
creds_say(struct search *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(s->origin, s->origin_len, fmt, ap);
	va_end(ap);
}

static const char *
variable(const struct search *s, const char *name)
{
	return aws_variable(&s->o->env, name);
}

static const char *
profile_name(const struct search *s)
{
	const char *name = s->o->profile;

	if (name == NULL)
		name = variable(s, "AWS_PROFILE");
	if (name == NULL)
		name = variable(s, "AWS_DEFAULT_PROFILE");
	return name == NULL ? "default" : name;
}

/* ---- the environment ---------------------------------------------------- */

static int
from_environment(struct search *s, struct err *err)
{
	const char *const access = variable(s, "AWS_ACCESS_KEY_ID");
	const char *const secret = variable(s, "AWS_SECRET_ACCESS_KEY");

	if (access == NULL)
		return 0;
	if (secret == NULL)
		return err_set(err, ERR_USAGE, "AWS_ACCESS_KEY_ID is set, but "
			       "AWS_SECRET_ACCESS_KEY is not: set both or "
			       "neither");
	if (keys_set(s->keys, access, secret,
		     variable(s, "AWS_SESSION_TOKEN"), err) != 0)
		return -1;
	creds_say(s, "the environment (AWS_ACCESS_KEY_ID)");
	return 1;
}

/* ---- roles -------------------------------------------------------------- */

static struct sts
which_sts(const struct search *s)
{
	return (struct sts){ s->http, s->o->sts_url, s->o->sts_region };
}

static const char *
session_name(const struct search *s, const char *said, char *to, size_t n)
{
	if (said == NULL)
		said = variable(s, "AWS_ROLE_SESSION_NAME");
	if (said != NULL)
		return said;
	snprintf(to, n, "dynamill-%lld", (long long)time(NULL));
	return to;
}

static int
web_identity(struct search *s, const char *file, const char *arn,
	     const char *session, struct err *err)
{
	char name[64];
	struct buf token = { 0 };
	const struct sts sts = which_sts(s);
	int rc = file_load(file, TOKEN_LEN, &token, err);

	while (rc == 0 && token.len > 0 && token.ptr[token.len - 1] <= ' ')
		token.len--;
	if (rc == 0)
		rc = buf_append(&token, (struct span){ (const uint8_t *)"", 1 },
				err);
	if (rc == 0) {
		const struct sts_role role = {
			.arn = arn, .token = (const char *)token.ptr,
			.session = session_name(s, session, name,
						sizeof(name)),
		};
		rc = sts_assume(&sts, &role, NULL, s->keys, err);
		creds_say(s, "role %s by web identity", arn);
	}
	if (token.len > 0)
		explicit_bzero(token.ptr, token.len);
	buf_free(&token);
	return rc == 0 ? 1 : -1;
}

static int
from_web_identity(struct search *s, const char *profile, struct err *err)
{
	const struct profiles *const p = s->o->profiles;
	const char *file = profiles_value(p, profile,
					  "web_identity_token_file");
	const char *arn = profiles_value(p, profile, "role_arn");

	if (file != NULL && arn != NULL)
		return web_identity(s, file, arn, profiles_value(
			p, profile, "role_session_name"), err);
	file = variable(s, "AWS_WEB_IDENTITY_TOKEN_FILE");
	arn = variable(s, "AWS_ROLE_ARN");
	if (file == NULL || s->o->profile != NULL)
		return 0;
	if (arn == NULL)
		return err_set(err, ERR_USAGE, "AWS_WEB_IDENTITY_TOKEN_FILE is "
			       "set, but AWS_ROLE_ARN is not");
	return web_identity(s, file, arn, NULL, err);
}

static int from_profile(struct search *s, const char *profile, unsigned depth,
			struct err *err);

static int
from_credential_source(struct search *s, const char *profile,
		       const char *source, struct err *err)
{
	int rc;

	if (strcmp(source, "Environment") == 0)
		rc = from_environment(s, err);
	else if (strcmp(source, "EcsContainer") == 0)
		rc = creds_container(s, err);
	else if (strcmp(source, "Ec2InstanceMetadata") == 0)
		rc = creds_instance(s, err);
	else
		return err_set(err, ERR_USAGE, "profile '%s': credential_source"
			       " '%s' is none of Environment, EcsContainer, "
			       "Ec2InstanceMetadata", profile, source);
	return rc != 0 ? rc : err_set(err, ERR_REMOTE, "profile '%s': "
				      "credential_source %s has no "
				      "credentials", profile, source);
}

/* The keys of whoever may take on the role. */
static int
base_keys(struct search *s, const char *profile, unsigned depth,
	  struct err *err)
{
	const struct profiles *const p = s->o->profiles;
	const char *const from = profiles_value(p, profile, "source_profile");
	const char *const source = profiles_value(p, profile,
						  "credential_source");

	if (from == NULL && source == NULL)
		return err_set(err, ERR_USAGE, "profile '%s' has role_arn, but "
			       "neither source_profile nor credential_source",
			       profile);
	if (from == NULL)
		return from_credential_source(s, profile, source, err);
	if (depth + 1 >= MOST_ROLES)
		return err_set(err, ERR_USAGE, "profile '%s': source_profile "
			       "leads round in a circle", profile);
	if (!profiles_have(p, from))
		return err_set(err, ERR_USAGE, "profile '%s': there is no "
			       "source_profile '%s'", profile, from);
	/* One that names itself means its own keys. */
	return from_profile(s, from, strcmp(from, profile) == 0 ? MOST_ROLES
			    : depth + 1, err);
}

static int
take_role(struct search *s, const struct sts_role *role, struct err *err)
{
	const struct sts sts = which_sts(s);
	struct keys by = { 0 };
	char origin[ORIGIN_LEN];
	int rc = keys_copy(&by, s->keys, err);

	if (rc == 0)
		rc = sts_assume(&sts, role, &by, s->keys, err);
	keys_free(&by);
	snprintf(origin, sizeof(origin), "%s", s->origin);
	creds_say(s, "role %.100s by %.130s", role->arn, origin);
	return rc == 0 ? 1 : -1;
}

static int
from_role(struct search *s, const char *profile, unsigned depth,
	  struct err *err)
{
	const struct profiles *const p = s->o->profiles;
	const char *const seconds = profiles_value(p, profile,
						   "duration_seconds");
	struct sts_role role = {
		.arn = profiles_value(p, profile, "role_arn"),
		.external_id = profiles_value(p, profile, "external_id"),
		.seconds = seconds == NULL ? 0
			: (unsigned)strtoul(seconds, NULL, 10),
	};
	char name[64];
	int rc;

	if (role.arn == NULL ||
	    profiles_value(p, profile, "web_identity_token_file") != NULL)
		return 0;
	if (profiles_value(p, profile, "mfa_serial") != NULL)
		return err_set(err, ERR_USAGE, "profile '%s' asks for MFA, "
			       "which is not asked for here: run 'aws configure "
			       "export-credentials --profile %s --format env' "
			       "and set what it prints", profile, profile);
	role.session = session_name(s, profiles_value(p, profile,
		"role_session_name"), name, sizeof(name));
	rc = base_keys(s, profile, depth, err);
	return rc <= 0 ? rc : take_role(s, &role, err);
}

/* ---- a profile ---------------------------------------------------------- */

static int
from_file(struct search *s, const char *profile, enum profile_kind kind,
	  struct err *err)
{
	const struct profiles *const p = s->o->profiles;
	const char *const path = kind == PROFILE_OF_CONFIG ? p->config_path
		: p->credentials_path;
	const char *const access = profiles_get(p, kind, profile,
						"aws_access_key_id");

	if (access == NULL)
		return 0;
	if (keys_set(s->keys, access, profiles_get(p, kind, profile,
			"aws_secret_access_key"),
		     profiles_get(p, kind, profile, "aws_session_token"),
		     err) != 0)
		return err_at(err, "profile '%s' in %s", profile, path);
	creds_say(s, "profile '%s' in %s", profile, path);
	return 1;
}

/* Single sign-on is the AWS CLI's business; it can be asked for the keys. */
static int
from_sso(struct search *s, const char *profile, struct err *err)
{
	const struct profiles *const p = s->o->profiles;

	if (profiles_value(p, profile, "sso_start_url") == NULL &&
	    profiles_value(p, profile, "sso_session") == NULL)
		return 0;
	return err_set(err, ERR_USAGE, "profile '%s' signs on by SSO, which "
		       "the AWS CLI does: make a profile with "
		       "credential_process = aws configure export-credentials "
		       "--profile %s", profile, profile);
}

/* With `depth` MOST_ROLES no further roles are looked for. */
static int
from_profile(struct search *s, const char *profile, unsigned depth,
	     struct err *err)
{
	const char *const command = profiles_value(s->o->profiles, profile,
						   "credential_process");
	int rc = depth < MOST_ROLES ? from_role(s, profile, depth, err) : 0;

	if (rc == 0 && depth < MOST_ROLES)
		rc = from_web_identity(s, profile, err);
	if (rc == 0)
		rc = from_file(s, profile, PROFILE_OF_CREDENTIALS, err);
	if (rc == 0 && command != NULL)
		rc = creds_process(s, profile, command, err);
	if (rc == 0)
		rc = from_file(s, profile, PROFILE_OF_CONFIG, err);
	if (rc == 0)
		rc = from_sso(s, profile, err);
	if (rc == 0 && depth > 0)
		return err_set(err, ERR_USAGE, "profile '%s' has no "
			       "credentials", profile);
	return rc;
}

/* ---- the search --------------------------------------------------------- */

static int
find(struct search *s, struct err *err)
{
	const char *const profile = profile_name(s);
	int rc = 0;

	if (strcmp(profile, "default") != 0 &&
	    !profiles_have(s->o->profiles, profile))
		return err_set(err, ERR_USAGE, "there is no profile '%s' in "
			       "%s or %s", profile,
			       s->o->profiles->config_path,
			       s->o->profiles->credentials_path);
	s->keys->expires = 0;
	if (s->o->profile == NULL)
		rc = from_environment(s, err);
	if (rc == 0)
		rc = from_profile(s, profile, 0, err);
	if (rc == 0)
		rc = creds_container(s, err);
	if (rc == 0)
		rc = creds_instance(s, err);
	if (rc == 0)
		return err_set(err, ERR_REMOTE, "no AWS credentials: not in "
			       "the environment, not in profile '%s', no "
			       "container or instance role; set AWS_PROFILE, "
			       "or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
			       profile);
	if (rc > 0 && s->o->role_arn != NULL) {
		char name[64];
		const struct sts_role role = {
			.arn = s->o->role_arn,
			.session = session_name(s, NULL, name, sizeof(name)),
		};
		s->keys->expires = 0;
		rc = take_role(s, &role, err);
	}
	return rc > 0 ? 0 : -1;
}

struct creds *
creds_new(const struct creds_options *o, struct err *err)
{
	struct creds *const c = calloc(1, sizeof(*c));
	struct http_options direct = *o->http;

	if (c == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	pthread_mutex_init(&c->lock, NULL);
	c->o = *o;
	direct.direct = true;
	direct.connect_s = direct.stall_s = 2;	/* it is near, or not there */
	c->http = http_new(o->http, err);
	c->direct = c->http == NULL ? NULL : http_new(&direct, err);
	if (c->direct != NULL)
		return c;
	creds_free(c);
	return NULL;
}

void
creds_free(struct creds *c)
{
	if (c == NULL)
		return;
	keys_free(&c->keys);
	http_free(c->http);
	http_free(c->direct);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

/* New keys where they are needed; old ones while they last and none come. */
static int
renew(struct creds *c, struct err *err)
{
	const time_t now = time(NULL), expires = c->keys.expires;
	const bool last = c->generation > 0 && !c->expired;
	struct keys keys = { 0 };
	char origin[ORIGIN_LEN] = "";
	struct search s = {
		.o = &c->o, .http = c->http, .direct = c->direct,
		.keys = &keys, .origin = origin, .origin_len = ORIGIN_LEN,
	};

	if (last && (expires == 0 || now < expires - EARLY_S))
		return 0;
	if (find(&s, err) != 0) {
		keys_free(&keys);
		if (!last || now >= expires)
			return -1;
		err->code = ERR_NONE;
		return 0;
	}
	keys_free(&c->keys);
	c->keys = keys;
	memcpy(c->origin, origin, sizeof(origin));
	c->generation++;
	c->expired = false;
	return 0;
}

int
creds_take(struct creds *c, uint64_t *generation, struct keys *out,
	   struct err *err)
{
	pthread_mutex_lock(&c->lock);
	int rc = renew(c, err);
	if (rc == 0 && *generation != c->generation) {
		rc = keys_copy(out, &c->keys, err) == 0 ? 1 : -1;
		*generation = c->generation;
	}
	pthread_mutex_unlock(&c->lock);
	return rc;
}

void
creds_expired(struct creds *c, uint64_t generation)
{
	pthread_mutex_lock(&c->lock);
	if (generation == c->generation)
		c->expired = true;
	pthread_mutex_unlock(&c->lock);
}

void
creds_origin(struct creds *c, char *to, size_t n)
{
	pthread_mutex_lock(&c->lock);
	snprintf(to, n, "%s", c->origin);
	pthread_mutex_unlock(&c->lock);
}
