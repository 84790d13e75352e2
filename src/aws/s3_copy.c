/*
 * s3_copy.c - one object made of another, by the service: nothing of it passes
 * here.
 *
 * One request copies up to 5 GiB, and is silent for as long as that takes.  So
 * what is longer than S3_COPY_LEN goes as an upload in parts, each of them a
 * range of the other object.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "aws/backoff.h"
#include "aws/s3_internal.h"
#include "aws/service.h"
#include "aws/sigv4.h"
#include "base/err.h"
#include "formats/xml.h"

enum {
	RANGE_LEN = 64,
	ATTEMPTS = 5, FIRST_MS = 50, MOST_MS = 2000,
};

struct copy {
	struct s3_way way;		/* to the new one */
	struct buf source;		/* "/BUCKET/KEY", encoded */
	struct buf upload;		/* its id, encoded, and a NUL */
	struct buf query, etags;
};

static int
end_text(struct buf *b, struct err *err)
{
	return buf_append(b, (struct span){ (const uint8_t *)"", 1 }, err);
}

/* Once.  Returns 0, 1 if it may help to ask again, or -1. */
static int
ask_once(struct copy *c, struct service_call *call, const char *want,
	 struct buf *out, struct err *err)
{
	struct buf code = { 0 };
	int rc;

	call->path = (const char *)c->way.path.ptr;
	rc = service_ask(c->way.service, call, err);
	if (rc == 0 && xml_find(buf_span(&call->http.answer), want, out, err)
	    <= 0) {
		const bool said = xml_find(buf_span(&call->http.answer),
					   "Code", &code, err) > 0;

		err_set(err, ERR_RETRY, "the copy was not made: %.100s", said
			? (const char *)code.ptr
			: "an answer without a result");
		rc = 1;
	}
	service_call_free(call);
	buf_free(&code);
	return rc;
}

/*
 * Send it, and take the element `want` of the answer: S3 may begin with 200 and
 * end with an error.
 */
static int
ask(struct copy *c, const struct service_call *call, const char *want,
    struct buf *out, struct err *err)
{
	struct backoff backoff;
	int rc = 1;

	backoff_start(&backoff, FIRST_MS, MOST_MS);
	for (unsigned i = 1; rc > 0 && i <= ATTEMPTS; i++) {
		struct service_call once = *call;

		rc = ask_once(c, &once, want, out, err);
		if (rc > 0 && i < ATTEMPTS) {
			const unsigned ms = backoff_ms(&backoff, i);

			nanosleep(&(struct timespec){ ms / 1000,
				  (long)(ms % 1000) * 1000000 }, NULL);
		}
	}
	return rc == 0 ? 0 : -1;
}

static int
copy_whole(struct copy *c, struct err *err)
{
	struct service_call call = {
		.http = { .method = "PUT" },
		.headers = { { "x-amz-copy-source", buf_span(&c->source) } },
		.nheaders = 1,
	};

	return ask(c, &call, "ETag", &c->etags, err);
}

/* ---- in parts ------------------------------------------------------------ */

static int
begin(struct copy *c, struct err *err)
{
	struct service_call call = {
		.http = { .method = "POST" }, .query = "uploads=",
	};
	struct buf id = { 0 };
	int rc = ask(c, &call, "UploadId", &id, err);

	/* xml_find() leaves a NUL behind the text, and does not count it. */
	if (rc == 0)
		rc = sigv4_encode(buf_span(&id), false, &c->upload, err);
	if (rc == 0)
		rc = end_text(&c->upload, err);
	buf_free(&id);
	return rc;
}

static int
copy_part(struct copy *c, unsigned number, uint64_t first, uint64_t last,
	  struct err *err)
{
	char range[RANGE_LEN];
	struct buf etag = { 0 };
	struct service_call call = {
		.http = { .method = "PUT" },
		.headers = { { "x-amz-copy-source", buf_span(&c->source) },
			     { "x-amz-copy-source-range", { NULL, 0 } } },
		.nheaders = 2,
	};
	int rc;

	snprintf(range, sizeof(range), "bytes=%" PRIu64 "-%" PRIu64, first,
		 last);
	call.headers[1].value = span_of(range);
	buf_reset(&c->query);
	rc = buf_printf(&c->query, err, "partNumber=%u&uploadId=%s", number,
			(const char *)c->upload.ptr);
	if (rc == 0)
		rc = end_text(&c->query, err);
	call.query = (const char *)c->query.ptr;
	if (rc == 0)
		rc = ask(c, &call, "ETag", &etag, err);
	if (rc == 0)
		rc = buf_printf(&c->etags, err, "<Part><PartNumber>%u"
				"</PartNumber><ETag>%.*s</ETag></Part>",
				number, (int)etag.len,
				(const char *)etag.ptr);
	buf_free(&etag);
	return rc;
}

static int
name_upload(struct copy *c, struct err *err)
{
	buf_reset(&c->query);
	return buf_printf(&c->query, err, "uploadId=%s",
			  (const char *)c->upload.ptr) != 0 ? -1 :
		end_text(&c->query, err);
}

static int
complete(struct copy *c, struct err *err)
{
	struct service_call call = { .http = { .method = "POST" } };
	struct buf body = { 0 }, etag = { 0 };
	int rc = name_upload(c, err);

	if (rc == 0)
		rc = buf_printf(&body, err, "<CompleteMultipartUpload>%.*s"
				"</CompleteMultipartUpload>", (int)c->etags.len,
				(const char *)c->etags.ptr);
	call.query = (const char *)c->query.ptr;
	call.http.body = buf_span(&body);
	if (rc == 0)
		rc = ask(c, &call, "ETag", &etag, err);
	buf_free(&body);
	buf_free(&etag);
	return rc;
}

/* What is there of it would cost money, and nobody sees it. */
static void
call_off(struct copy *c)
{
	struct service_call call = { .http = { .method = "DELETE" } };
	struct err ignored;

	service_ignore_cancel(c->way.service);
	if (name_upload(c, &ignored) != 0)
		return;
	call.path = (const char *)c->way.path.ptr;
	call.query = (const char *)c->query.ptr;
	service_ask(c->way.service, &call, &ignored);
	service_call_free(&call);
}

static int
copy_in_parts(struct copy *c, uint64_t len, struct err *err)
{
	unsigned number = 1;
	int rc = begin(c, err);

	if (rc != 0)
		return -1;
	for (uint64_t at = 0; rc == 0 && at < len; at += S3_COPY_LEN) {
		const uint64_t rest = len - at;
		const uint64_t n = rest < S3_COPY_LEN ? rest : S3_COPY_LEN;

		rc = copy_part(c, number++, at, at + n - 1, err);
	}
	if (rc == 0)
		rc = complete(c, err);
	if (rc != 0)
		call_off(c);
	return rc;
}

int
s3_copy(struct s3 *s, const char *from, const char *to, uint64_t len,
	struct err *err)
{
	struct copy c = { 0 };
	struct span bucket;
	const char *key;
	int rc = s3_split(from, &bucket, &key, err);

	if (rc == 0)
		rc = buf_append(&c.source, span_of("/"), err);
	if (rc == 0)
		rc = buf_append(&c.source, bucket, err);
	if (rc == 0)
		rc = buf_append(&c.source, span_of("/"), err);
	if (rc == 0)
		rc = sigv4_encode(span_of(key), true, &c.source, err);
	if (rc == 0)
		rc = s3_open_way(s, to, &c.way, err);
	if (rc == 0)
		rc = len > S3_COPY_LEN ? copy_in_parts(&c, len, err)
				       : copy_whole(&c, err);
	s3_close_way(&c.way);
	buf_free(&c.source);
	buf_free(&c.upload);
	buf_free(&c.query);
	buf_free(&c.etags);
	return rc == 0 ? 0 : err_at(err, "%s", to);
}
