/*
 * tool_aws.c - src/aws, one call at a time, for tests that have a server or a
 * second opinion:
 *
 *	tool_aws creds			the keys that are found, as JSON
 *	tool_aws identity		whose they are
 *	tool_aws dynamodb OPERATION	standard input is the body
 *	tool_aws get S3PATH		an object to standard output
 *	tool_aws put S3PATH [drop]	standard input to an object, or so far and
 *					no further
 *	tool_aws copy S3PATH TO LENGTH	an object of another, by the service
 *	tool_aws sign			lines of requests; the headers of each
 *
 * The environment is taken as it is; the profile that is asked for by name is
 * TOOL_PROFILE, the role TOOL_ROLE.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/creds.h"
#include "aws/dynamodb.h"
#include "aws/keys.h"
#include "aws/s3.h"
#include "aws/service.h"
#include "aws/side.h"
#include "aws/sigv4.h"
#include "aws/sts.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/cpu.h"
#include "base/err.h"
#include "formats/json.h"
#include "formats/jsonwrite.h"
#include "formats/tree.h"
#include "io/drain.h"
#include "io/feed.h"

static const char *
variable(void *context, const char *name)
{
	(void)context;
	return getenv(name);
}

static int
print_creds(struct side *side, struct err *err)
{
	struct keys k = { 0 };
	struct buf out = { 0 };
	struct jsonwrite w;
	uint64_t generation = 0;
	char origin[256];

	if (creds_take(side_creds(side), &generation, &k, err) < 0)
		return -1;
	creds_origin(side_creds(side), origin, sizeof(origin));
	jsonwrite_start(&w, &out, true, err);
	jsonwrite_map(&w);
	jsonwrite_name(&w, "access");
	jsonwrite_span(&w, buf_span(&k.access));
	jsonwrite_name(&w, "secret");
	jsonwrite_span(&w, buf_span(&k.secret));
	jsonwrite_name(&w, "token");
	jsonwrite_span(&w, buf_span(&k.token));
	jsonwrite_name(&w, "expires");
	jsonwrite_int(&w, k.expires);
	jsonwrite_name(&w, "origin");
	jsonwrite_text(&w, origin);
	jsonwrite_end(&w);
	const int rc = jsonwrite_finish(&w);
	if (rc == 0)
		printf("%.*s\n", (int)out.len, (const char *)out.ptr);
	buf_free(&out);
	keys_free(&k);
	return rc;
}

static int
print_identity(struct side *side, struct err *err)
{
	struct sts_identity i;
	const int rc = side_identity(side, &i, err);

	if (rc == 0)
		printf("%s %s\n", (const char *)i.account.ptr,
		       (const char *)i.arn.ptr);
	sts_identity_free(&i);
	return rc;
}

static int
call_dynamodb(struct side *side, const char *operation, struct err *err)
{
	struct service *const s = dynamodb_open(side, err);
	struct service_call c = { 0 };
	struct buf body = { 0 };
	uint8_t *to = NULL;
	size_t n = 1;
	int rc = s == NULL ? -1 : 0;

	while (rc == 0 && n > 0) {
		to = buf_reserve(&body, 65536, err);
		n = to == NULL ? 0 : fread(to, 1, 65536, stdin);
		buf_commit(&body, n);
	}
	dynamodb_prepare(&c, operation, buf_span(&body));
	if (rc == 0)
		rc = service_ask(s, &c, err);
	if (rc == 0)
		printf("%.*s\n", (int)c.http.answer.len,
		       (const char *)c.http.answer.ptr);
	service_call_free(&c);
	service_close(s);
	buf_free(&body);
	return rc;
}

/* ---- objects ------------------------------------------------------------ */

static int
get(struct side *side, const char *path, struct err *err)
{
	static uint8_t bytes[65536];
	struct s3 *const s = s3_new(side, err);
	struct feed *const f = s == NULL ? NULL : s3_feed(s, path, NULL, err);
	ssize_t n = f == NULL ? -1 : 1;

	while (n > 0) {
		n = f->read(f, bytes, sizeof(bytes), err);
		if (n > 0)
			fwrite(bytes, 1, (size_t)n, stdout);
	}
	if (f != NULL)
		f->close(f);
	s3_free(s);
	return n == 0 ? 0 : -1;
}

static int
put(struct side *side, const char *path, bool drop, struct err *err)
{
	static uint8_t bytes[100000];
	struct s3 *const s = s3_new(side, err);
	struct drain *const d = s == NULL ? NULL : s3_drain(s, path, err);
	int rc = d == NULL ? -1 : 0;
	size_t n = 1;

	while (rc == 0 && n > 0) {
		n = fread(bytes, 1, sizeof(bytes), stdin);
		rc = d->write(d, (struct span){ bytes, n }, err);
	}
	if (rc == 0 && !drop)
		rc = d->commit(d, err);
	if (d != NULL)
		d->close(d);
	s3_free(s);
	return rc;
}

static int
copy(struct side *side, char *const *words, struct err *err)
{
	struct s3 *const s = s3_new(side, err);
	const int rc = s == NULL ? -1 : s3_copy(s, words[0], words[1],
						strtoull(words[2], NULL, 10),
						err);

	s3_free(s);
	return rc;
}

/* ---- sign: {"method", "path", "query": [[n, v]], "headers": [[n, v]], ... */

static struct span
text(const struct tree *t, const char *name)
{
	const struct tree *const v = tree_get(t, name);

	return v == NULL ? (struct span){ NULL, 0 } : v->text;
}

static int
sign_line(struct span line, struct arena *mem, struct err *err)
{
	const struct tree *const t = json_parse(line, "request", mem, err);
	struct sigv4_header headers[SIGV4_MAX_HEADERS];
	struct sigv4_param params[64];
	struct buf query = { 0 }, out = { 0 };
	int rc;

	if (t == NULL)
		return -1;
	const struct tree *const q = tree_get(t, "query");
	const struct tree *const h = tree_get(t, "headers");
	for (uint32_t i = 0; i < q->nkids; i++)
		params[i] = (struct sigv4_param){
			q->kids[i].kids[0].text, q->kids[i].kids[1].text };
	for (uint32_t i = 0; i < h->nkids; i++)
		headers[i] = (struct sigv4_header){
			h->kids[i].kids[0].text, h->kids[i].kids[1].text };
	struct sigv4 s = {
		.access_key = text(t, "access"), .secret_key = text(t, "secret"),
		.region = text(t, "region"), .service = text(t, "service"),
	};
	struct sigv4_request r = {
		.method = (const char *)text(t, "method").ptr,
		.path = text(t, "path"), .headers = headers,
		.nheaders = h->nkids, .payload = text(t, "payload"),
		.path_is_final = span_is(s.service, "s3"), .keep_dots = true,
	};
	rc = sigv4_query(params, q->nkids, &query, err);
	r.query = buf_span(&query);
	if (rc == 0)
		rc = sigv4_sign(&s, &r, (const char *)text(t, "date").ptr, &out,
				NULL, err);
	printf("%.*s %.*s\n", (int)query.len, (const char *)query.ptr,
	       (int)out.len, (const char *)out.ptr);
	buf_free(&query);
	buf_free(&out);
	sigv4_free(&s);
	return rc;
}

static int
sign_lines(struct err *err)
{
	struct arena mem = { 0 };
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	int rc = 0;

	while (rc == 0 && (n = getline(&line, &cap, stdin)) > 0) {
		arena_reset(&mem);
		rc = sign_line((struct span){ (const uint8_t *)line,
					      (size_t)n }, &mem, err);
	}
	free(line);
	arena_free(&mem);
	return rc;
}

int
main(int argc, char **argv)
{
	const char *const what = argc > 1 ? argv[1] : "";
	const struct side_options o = {
		.env = { variable, NULL }, .profile = getenv("TOOL_PROFILE"),
		.role_arn = getenv("TOOL_ROLE"), .stall_s = 1,
	};
	struct err err = { 0 };
	struct side *side = NULL;
	int rc = -1;

	cpu_init(NULL);
	if (strcmp(what, "sign") == 0) {
		rc = sign_lines(&err);
	} else if ((side = side_open(&o, &err)) != NULL) {
		if (strcmp(what, "creds") == 0)
			rc = print_creds(side, &err);
		else if (strcmp(what, "identity") == 0)
			rc = print_identity(side, &err);
		else if (strcmp(what, "dynamodb") == 0 && argc > 2)
			rc = call_dynamodb(side, argv[2], &err);
		else if (strcmp(what, "get") == 0 && argc > 2)
			rc = get(side, argv[2], &err);
		else if (strcmp(what, "put") == 0 && argc > 2)
			rc = put(side, argv[2], argc > 3, &err);
		else if (strcmp(what, "copy") == 0 && argc > 4)
			rc = copy(side, argv + 2, &err);
		else
			err_set(&err, ERR_USAGE, "see the head of tool_aws.c");
	}
	side_close(side);
	if (rc != 0)
		fprintf(stderr, "%d %s\n", (int)err.code, err.text);
	return rc == 0 ? 0 : 1;
}
