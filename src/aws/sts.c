#include "aws/sts.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "aws/fetch.h"
#include "aws/http.h"
#include "aws/keys.h"
#include "aws/sigv4.h"
#include "base/err.h"
#include "formats/xml.h"

enum { ATTEMPTS = 4, ANSWER_LEN = 256 * 1024, SECONDS = 3600 };

static const char FORM[] = "application/x-www-form-urlencoded; charset=utf-8";

/* ---- asking ------------------------------------------------------------- */

/* host[:port] and path of a URL, which has a scheme. */
static void
split_url(const char *url, struct span *host, struct span *path)
{
	const char *const start = strstr(url, "://") + 3;
	const size_t n = strcspn(start, "/");

	*host = (struct span){ (const uint8_t *)start, n };
	*path = start[n] == '\0' ? span_of("/") : span_of(start + n);
}

/* The headers, signed if there is a key. */
static int
make_headers(const struct sts *s, const struct keys *by, struct span body,
	     struct buf *out, struct err *err)
{
	char date[SIGV4_DATE_LEN + 1], hash[SIGV4_HEX_LEN + 1];
	struct sigv4_header headers[4];
	struct sigv4_request r = {
		.method = "POST", .headers = headers,
		.payload = { (const uint8_t *)hash, SIGV4_HEX_LEN },
	};
	struct buf authorization = { 0 };
	int rc;

	if (by == NULL)
		return fetch_header(out, err, "Content-Type", span_of(FORM));
	struct sigv4 sign = {
		.access_key = buf_span(&by->access),
		.secret_key = buf_span(&by->secret),
		.region = span_of(s->region), .service = span_of("sts"),
	};
	sigv4_date(time(NULL), date);
	sigv4_hash(body, hash);
	headers[r.nheaders++] = (struct sigv4_header){
		span_of("content-type"), span_of(FORM) };
	headers[r.nheaders].name = span_of("host");
	split_url(s->url, &headers[r.nheaders++].value, &r.path);
	headers[r.nheaders++] = (struct sigv4_header){
		span_of("x-amz-date"), span_of(date) };
	if (by->token.len > 0)
		headers[r.nheaders++] = (struct sigv4_header){
			span_of("x-amz-security-token"),
			buf_span(&by->token) };
	rc = sigv4_sign(&sign, &r, date, &authorization, NULL, err);
	for (size_t i = 0; i < r.nheaders && rc == 0; i++)
		if (!span_is(headers[i].name, "host"))
			rc = fetch_header(out, err,
					  (const char *)headers[i].name.ptr,
					  headers[i].value);
	if (rc == 0)
		rc = fetch_header(out, err, "Authorization",
				  buf_span(&authorization));
	buf_free(&authorization);
	sigv4_free(&sign);
	return rc;
}

/* Why it said no, in its own words. */
static int
refused(const struct http_call *c, struct err *err)
{
	struct buf code = { 0 }, message = { 0 };
	struct err ignored;

	if (xml_find(buf_span(&c->answer), "Code", &code, &ignored) == 1 &&
	    xml_find(buf_span(&c->answer), "Message", &message, &ignored) == 1)
		err_set(err, ERR_REMOTE, "STS says %s: %.300s",
			(const char *)code.ptr, (const char *)message.ptr);
	else
		err_set(err, ERR_REMOTE, "STS answers with status %d",
			c->status);
	buf_free(&code);
	buf_free(&message);
	return -1;
}

static int
ask(const struct sts *s, const struct keys *by, struct span body,
    struct http_call *c, struct err *err)
{
	struct buf headers = { 0 };
	int rc = make_headers(s, by, body, &headers, err);

	*c = (struct http_call){
		.method = "POST", .url = s->url, .headers = &headers,
		.body = body, .limit = ANSWER_LEN,
	};
	if (rc == 0 && fetch(s->http, c, ATTEMPTS, err) != 0)
		rc = err_at(err, "%s", s->url);
	if (rc == 0 && c->status != 200)
		rc = refused(c, err);
	if (headers.len > 0)
		explicit_bzero(headers.ptr, headers.len);
	buf_free(&headers);
	return rc;
}

/* What an element of the answer says. */
static int
take(const struct http_call *c, const char *name, struct buf *out,
     struct err *err)
{
	const int rc = xml_find(buf_span(&c->answer), name, out, err);

	if (rc == 0)
		err_set(err, ERR_REMOTE, "STS answers without '%s'", name);
	return rc == 1 ? 0 : -1;
}

/* ---- roles -------------------------------------------------------------- */

static int
make_query(const struct sts_role *role, struct buf *out, struct err *err)
{
	struct sigv4_param params[8];
	char seconds[16];
	size_t n = 0;

	snprintf(seconds, sizeof(seconds), "%u", role->seconds > 0
		 ? role->seconds : SECONDS);
	const struct {
		const char *name, *value;
	} all[] = {
		{ "Action", role->token != NULL ? "AssumeRoleWithWebIdentity"
		  : "AssumeRole" },
		{ "Version", "2011-06-15" }, { "RoleArn", role->arn },
		{ "RoleSessionName", role->session },
		{ "DurationSeconds", seconds },
		{ "ExternalId", role->external_id },
		{ "WebIdentityToken", role->token },
	};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i].value != NULL)
			params[n++] = (struct sigv4_param){
				span_of(all[i].name), span_of(all[i].value) };
	return sigv4_query(params, n, out, err);
}

int
sts_assume(const struct sts *s, const struct sts_role *role,
	   const struct keys *by, struct keys *out, struct err *err)
{
	struct buf body = { 0 }, access = { 0 }, secret = { 0 },
		   token = { 0 }, expires = { 0 };
	struct http_call c = { 0 };
	int rc = make_query(role, &body, err);

	if (rc == 0)
		rc = ask(s, by, buf_span(&body), &c, err);
	if (rc == 0 && (take(&c, "AccessKeyId", &access, err) != 0 ||
			take(&c, "SecretAccessKey", &secret, err) != 0 ||
			take(&c, "SessionToken", &token, err) != 0 ||
			take(&c, "Expiration", &expires, err) != 0 ||
			keys_set(out, (const char *)access.ptr,
				 (const char *)secret.ptr,
				 (const char *)token.ptr, err) != 0 ||
			keys_set_expires(out, (const char *)expires.ptr, err)
			!= 0))
		rc = -1;
	if (rc != 0)
		err_at(err, "role '%s'", role->arn);
	if (c.answer.len > 0)
		explicit_bzero(c.answer.ptr, c.answer.len);
	if (secret.len > 0)
		explicit_bzero(secret.ptr, secret.len);
	http_call_free(&c);
	buf_free(&body);
	buf_free(&access);
	buf_free(&secret);
	buf_free(&token);
	buf_free(&expires);
	return rc;
}

/* ---- identity ----------------------------------------------------------- */

int
sts_identity(const struct sts *s, const struct keys *of,
	     struct sts_identity *out, struct err *err)
{
	static const char BODY[] =
		"Action=GetCallerIdentity&Version=2011-06-15";
	struct http_call c = { 0 };
	int rc;

	*out = (struct sts_identity){ 0 };
	rc = ask(s, of, span_of(BODY), &c, err);
	if (rc == 0 && (take(&c, "Account", &out->account, err) != 0 ||
			take(&c, "Arn", &out->arn, err) != 0))
		rc = -1;
	http_call_free(&c);
	return rc;
}

void
sts_identity_free(struct sts_identity *i)
{
	buf_free(&i->account);
	buf_free(&i->arn);
}
