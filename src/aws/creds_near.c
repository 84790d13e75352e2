/* creds_near.c - credentials of where this runs: container or instance. */
#include "aws/creds_internal.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "aws/fetch.h"
#include "aws/http.h"
#include "aws/keys.h"
#include "base/err.h"
#include "io/file.h"

enum { ANSWER_LEN = 256 * 1024, TOKEN_LEN = 64 * 1024, ATTEMPTS = 3 };

static const char CONTAINER[] = "http://169.254.170.2";
static const char INSTANCE[] = "http://169.254.169.254";
static const char ROLES[] = "/latest/meta-data/iam/security-credentials/";

static const char *
variable(const struct search *s, const char *name)
{
	return aws_variable(&s->o->env, name);
}

static int
get(struct search *s, const char *method, const char *url,
    const struct buf *headers, unsigned attempts, struct http_call *c,
    struct err *err)
{
	*c = (struct http_call){
		.method = method, .url = url, .headers = headers,
		.limit = ANSWER_LEN,
	};
	return fetch(s->direct, c, attempts, err);
}

/* ---- ECS, and EKS's pod identities -------------------------------------- */

/* Keys go over plain HTTP to this machine and to the agents only. */
static bool
may_ask(const char *url)
{
	static const char *const HOSTS[] = {
		"localhost", "127.0.0.1", "[::1]", "169.254.170.2",
		"169.254.170.23", "[fd00:ec2::23]",
	};

	if (strchr(url, '@') != NULL)	/* the host would stand behind it */
		return false;
	if (strncasecmp(url, "https://", 8) == 0)
		return true;
	if (strncasecmp(url, "http://", 7) != 0)
		return false;
	for (size_t i = 0; i < sizeof(HOSTS) / sizeof(HOSTS[0]); i++) {
		const size_t n = strlen(HOSTS[i]);

		if (strncasecmp(url + 7, HOSTS[i], n) == 0 &&
		    (url[7 + n] == '\0' || strchr(":/?", url[7 + n]) != NULL))
			return true;
	}
	return false;
}

static int
authorize(struct search *s, struct buf *headers, struct err *err)
{
	const char *const file = variable(
		s, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
	const char *const token = variable(
		s, "AWS_CONTAINER_AUTHORIZATION_TOKEN");
	struct buf text = { 0 };
	int rc = 0;

	if (file != NULL)
		rc = file_load(file, TOKEN_LEN, &text, err);
	else if (token != NULL)
		rc = buf_append(&text, span_of(token), err);
	while (rc == 0 && text.len > 0 && text.ptr[text.len - 1] <= ' ')
		text.len--;
	if (rc == 0 && text.len > 0 &&
	    (memchr(text.ptr, '\n', text.len) != NULL ||
	     memchr(text.ptr, '\r', text.len) != NULL))
		rc = err_set(err, ERR_USAGE, "the container's authorization "
			     "token has more than one line");
	if (rc == 0 && text.len > 0)
		rc = fetch_header(headers, err, "Authorization",
				  buf_span(&text));
	buf_free(&text);
	return rc;
}

int
creds_container(struct search *s, struct err *err)
{
	const char *const path = variable(
		s, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
	const char *const full = variable(
		s, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
	struct buf headers = { 0 };
	struct http_call c = { 0 };
	char url[2048];
	int rc = 1;

	if (path == NULL && full == NULL)
		return 0;
	snprintf(url, sizeof(url), "%s%s", path != NULL ? CONTAINER : "",
		 path != NULL ? path : full);
	if (!may_ask(url))
		return err_set(err, ERR_USAGE, "AWS_CONTAINER_CREDENTIALS_FULL_"
			       "URI is neither https nor of this machine");
	if (authorize(s, &headers, err) != 0 ||
	    get(s, "GET", url, &headers, ATTEMPTS, &c, err) != 0)
		rc = -1;
	else if (c.status != 200)
		rc = err_set(err, ERR_REMOTE, "answers with status %d",
			     c.status);
	else
		rc = creds_from_json(s, buf_span(&c.answer), "its answer",
				     "Token", err);
	if (rc > 0)
		creds_say(s, "the container's role");
	else
		err_at(err, "credentials of the container, %s", url);
	if (c.answer.len > 0)
		explicit_bzero(c.answer.ptr, c.answer.len);
	http_call_free(&c);
	buf_free(&headers);
	return rc;
}

/* ---- EC2: IMDSv2 -------------------------------------------------------- */

/* A token, as a header; 0 if nobody is there. */
static int
open_session(struct search *s, const char *base, struct buf *headers,
	     struct err *err)
{
	struct buf asked = { 0 };
	struct http_call c = { 0 };
	struct err away;
	char url[1024];
	int rc = 0;

	snprintf(url, sizeof(url), "%s/latest/api/token", base);
	if (fetch_header(&asked, err, "X-aws-ec2-metadata-token-ttl-seconds",
			 span_of("21600")) != 0)
		rc = -1;
	else if (get(s, "PUT", url, &asked, 1, &c, &away) == 0 &&
		 c.status == 200)
		rc = fetch_header(headers, err, "X-aws-ec2-metadata-token",
				  buf_span(&c.answer)) == 0 ? 1 : -1;
	http_call_free(&c);
	buf_free(&asked);
	return rc;
}

int
creds_instance(struct search *s, struct err *err)
{
	const char *const other = variable(
		s, "AWS_EC2_METADATA_SERVICE_ENDPOINT");
	const char *const base = other != NULL ? other : INSTANCE;
	const char *const off = variable(s, "AWS_EC2_METADATA_DISABLED");
	struct buf headers = { 0 };
	struct http_call c = { 0 };
	char url[1024], role[128];
	int rc;

	if (off != NULL && strcasecmp(off, "true") == 0)
		return 0;
	rc = open_session(s, base, &headers, err);
	if (rc <= 0)
		goto done;
	snprintf(url, sizeof(url), "%s%s", base, ROLES);
	if (get(s, "GET", url, &headers, ATTEMPTS, &c, err) != 0) {
		rc = -1;
		goto done;
	}
	rc = c.status == 200 && c.answer.len > 0;
	if (rc == 0)	/* an instance without a role */
		goto done;
	snprintf(role, sizeof(role), "%.*s", (int)c.answer.len,
		 (const char *)c.answer.ptr);
	role[strcspn(role, "\r\n")] = '\0';
	http_call_free(&c);
	snprintf(url, sizeof(url), "%s%s%s", base, ROLES, role);
	rc = get(s, "GET", url, &headers, ATTEMPTS, &c, err) != 0 ? -1
		: c.status != 200 ? err_set(err, ERR_REMOTE, "answers with "
					    "status %d", c.status)
		: creds_from_json(s, buf_span(&c.answer), "its answer",
				  "Token", err);
	if (rc > 0)
		creds_say(s, "the instance's role '%s'", role);
done:
	if (rc < 0)
		err_at(err, "credentials of the instance, %s", base);
	if (c.answer.len > 0)
		explicit_bzero(c.answer.ptr, c.answer.len);
	http_call_free(&c);
	buf_free(&headers);
	return rc;
}
