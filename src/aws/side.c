#include "aws/side.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "aws/creds.h"
#include "aws/http.h"
#include "aws/keys.h"
#include "aws/sts.h"
#include "base/buf.h"
#include "base/err.h"

struct side {
	struct side_options o;
	struct profiles profiles;
	struct http_options http;
	const char *profile;	/* in effect */
	const char *region;	/* or NULL */
	struct buf sts_url;
	struct creds *creds;
};

/* What options, variables (first come, first served) or the profile say. */
static const char *
said(const struct side *s, const char *asked, const char *first,
     const char *second, const char *key)
{
	const char *value = asked;

	if (value == NULL && first != NULL)
		value = aws_variable(&s->o.env, first);
	if (value == NULL && second != NULL)
		value = aws_variable(&s->o.env, second);
	if (value == NULL && key != NULL)
		value = profiles_value(&s->profiles, s->profile, key);
	return value;
}

static int
add_nul(struct buf *b, struct err *err)
{
	if (buf_append(b, (struct span){ (const uint8_t *)"", 1 }, err) != 0)
		return -1;
	b->len--;
	return 0;
}

/* ---- addresses ---------------------------------------------------------- */

static bool
is_true(const char *value)
{
	return value != NULL && strcasecmp(value, "true") == 0;
}

/* What somebody said the address is, or NULL. */
static const char *
said_endpoint(const struct side *s, const char *service)
{
	char variable[64] = "AWS_ENDPOINT_URL_", key[64] = "";
	size_t n = strlen(variable);
	const char *value = s->o.endpoint_url, *services;

	if (value != NULL)
		return value;
	if (is_true(said(s, NULL, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", NULL,
			 "ignore_configured_endpoint_urls")))
		return NULL;
	for (size_t i = 0; service[i] != '\0' && n + 1 < sizeof(variable); i++)
		variable[n++] = (char)toupper((unsigned char)service[i]);
	value = said(s, NULL, variable, "AWS_ENDPOINT_URL", NULL);
	if (value != NULL)
		return value;
	services = said(s, NULL, NULL, NULL, "services");
	if (services != NULL && strlen(service) < 32) {
		memcpy(key, service, strlen(service));
		memcpy(key + strlen(service), ".endpoint_url", 14);
		value = profiles_get(&s->profiles, PROFILE_SERVICES, services,
				     key);
	}
	return value != NULL ? value
		: said(s, NULL, NULL, NULL, "endpoint_url");
}

static int
check_url(const char *url, struct err *err)
{
	const char *const host = strstr(url, "://");
	const size_t n = strcspn(url, " \t\r\n?#@");

	if ((strncasecmp(url, "http://", 7) != 0 &&
	     strncasecmp(url, "https://", 8) != 0) || host[3] == '\0' ||
	    host[3] == '/' || url[n] != '\0')
		return err_set(err, ERR_USAGE, "endpoint URL '%.200s': it "
			       "should be like https://host:port", url);
	return 0;
}

int
side_endpoint(const struct side *s, const char *service, const char *region,
	      struct buf *out, struct err *err)
{
	const char *const url = said_endpoint(s, service);
	const bool fips = is_true(said(s, NULL, "AWS_USE_FIPS_ENDPOINT", NULL,
				       "use_fips_endpoint"));
	size_t n;

	buf_reset(out);
	if (url == NULL) {
		if (buf_printf(out, err, "https://%s%s.%s.amazonaws.com%s",
			       service, fips ? "-fips" : "", region,
			       strncmp(region, "cn-", 3) == 0 ? ".cn" : "")
		    != 0)
			return -1;
		return add_nul(out, err);
	}
	n = strlen(url);
	while (n > 0 && url[n - 1] == '/')
		n--;
	if (check_url(url, err) != 0 ||
	    buf_append(out, (struct span){ (const uint8_t *)url, n }, err)
	    != 0 || add_nul(out, err) != 0)
		return -1;
	return 1;
}

/* ---- opening ------------------------------------------------------------ */

static int
set_up(struct side *s, struct err *err)
{
	const char *region;

	if (profiles_load(&s->profiles, &s->o.env, err) != 0)
		return -1;
	s->profile = said(s, s->o.profile, "AWS_PROFILE",
			  "AWS_DEFAULT_PROFILE", NULL);
	if (s->profile == NULL)
		s->profile = "default";
	s->region = said(s, s->o.region, "AWS_REGION", "AWS_DEFAULT_REGION",
			 "region");
	if (s->region != NULL &&
	    (s->region[strspn(s->region, "abcdefghijklmnopqrstuvwxyz-"
			      "0123456789")] != '\0' ||
	     strlen(s->region) > 40))
		return err_set(err, ERR_USAGE, "'%.60s' is no AWS region",
			       s->region);
	region = s->region != NULL ? s->region : "us-east-1";
	s->http = (struct http_options){
		.ca_bundle = said(s, NULL, "AWS_CA_BUNDLE", NULL, "ca_bundle"),
		.connect_s = s->o.connect_s, .stall_s = s->o.stall_s,
	};
	if (side_endpoint(s, "sts", region, &s->sts_url, err) < 0)
		return -1;
	const struct creds_options creds = {
		.env = s->o.env, .profiles = &s->profiles,
		.profile = s->o.profile, .role_arn = s->o.role_arn,
		.sts_url = (const char *)s->sts_url.ptr,
		.sts_region = region, .http = &s->http,
	};
	s->creds = creds_new(&creds, err);
	return s->creds == NULL ? -1 : 0;
}

struct side *
side_open(const struct side_options *o, struct err *err)
{
	struct side *const s = calloc(1, sizeof(*s));

	if (s == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	s->o = *o;
	if (set_up(s, err) == 0)
		return s;
	side_close(s);
	return NULL;
}

void
side_close(struct side *s)
{
	if (s == NULL)
		return;
	creds_free(s->creds);
	profiles_free(&s->profiles);
	buf_free(&s->sts_url);
	free(s);
}

const char *
side_region(const struct side *s, struct err *err)
{
	if (s->region == NULL)
		err_set(err, ERR_USAGE, "which AWS region? set AWS_REGION, or "
			"'region' in the plan or in profile '%s'", s->profile);
	return s->region;
}

struct creds *
side_creds(struct side *s)
{
	return s->creds;
}

const struct http_options *
side_http(const struct side *s)
{
	return &s->http;
}

const struct aws_env *
side_env(const struct side *s)
{
	return &s->o.env;
}

bool
side_is_cancelled(const struct side *s)
{
	return s->o.cancel != NULL && atomic_load(s->o.cancel);
}

int
side_identity(struct side *s, struct sts_identity *out, struct err *err)
{
	struct http *const h = http_new(&s->http, err);
	struct keys keys = { 0 };
	uint64_t generation = 0;
	const struct sts sts = {
		h, (const char *)s->sts_url.ptr,
		s->region != NULL ? s->region : "us-east-1",
	};
	int rc = h == NULL ? -1 : 0;

	*out = (struct sts_identity){ 0 };
	if (rc == 0)
		rc = creds_take(s->creds, &generation, &keys, err) < 0 ? -1
			: sts_identity(&sts, &keys, out, err);
	keys_free(&keys);
	http_free(h);
	return rc;
}
