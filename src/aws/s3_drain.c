/*
 * s3_drain.c - an object on its way up, in parts as its bytes come.
 *
 * What fits into the first part goes as one PUT. Else it is a multipart upload:
 * a part is sent while the next one fills, so a drain holds two of them.  S3
 * takes 10,000 parts of 5 MiB at least and 5 GiB at most: the first thousand
 * have S3_PART_LEN, and each thousand after that twice as much as the one
 * before, which is more than an object may have.  Every part is signed with its
 * SHA-256, which S3 checks.  Closed without commit, what is there of it is
 * removed again: parts that stay cost money, and nobody sees them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "aws/backoff.h"
#include "aws/s3_internal.h"
#include "aws/service.h"
#include "aws/sigv4.h"
#include "base/err.h"
#include "formats/xml.h"
#include "io/drain.h"

enum {
	DRIVE_MS = 200, PARTS_A_SIZE = 1000, MOST_PARTS = 10000,
	COMPLETE_ATTEMPTS = 5, COMPLETE_FIRST_MS = 50, COMPLETE_MOST_MS = 2000,
};

struct s3_drain {
	struct drain drain;
	struct s3_way way;
	struct service_call call;	/* of the part under way */
	bool busy;
	struct buf filling, sending;
	struct buf upload;		/* its id, encoded; .len 0: none yet */
	struct buf etags;		/* of the parts so far, as XML */
	struct buf query;
	unsigned nparts;
	uint64_t len;			/* of what was written */
	struct err err;			/* sticks */
	bool done;
};

static size_t
part_len(unsigned number)
{
	return (size_t)S3_PART_LEN << number / PARTS_A_SIZE;
}

static int
end_text(struct buf *b, struct err *err)
{
	return buf_append(b, (struct span){ (const uint8_t *)"", 1 }, err);
}

/* A call about this object that is waited for. */
static int
ask(struct s3_drain *d, const char *method, const char *query,
    struct span body, struct service_call *c, struct err *err)
{
	*c = (struct service_call){
		.http = { .method = method, .body = body },
		.path = (const char *)d->way.path.ptr, .query = query,
	};
	return service_ask(d->way.service, c, err);
}

/* ---- parts -------------------------------------------------------------- */

static int
begin(struct s3_drain *d, struct err *err)
{
	struct service_call c;
	struct buf id = { 0 };
	int rc = ask(d, "POST", "uploads=", (struct span){ NULL, 0 }, &c, err);

	if (rc == 0) {
		rc = xml_find(buf_span(&c.http.answer), "UploadId", &id, err);
		rc = rc > 0 && id.len > 0 ? 0 : err_set(err, ERR_REMOTE,
			"an upload without an id");
	}
	if (rc == 0)
		rc = sigv4_encode(buf_span(&id), false, &d->upload, err);
	buf_free(&id);
	service_call_free(&c);
	return rc;
}

/* The part under way is there: note its ETag. */
static int
finish_part(struct s3_drain *d, struct err *err)
{
	struct service_call *c = NULL;
	struct span etag;

	if (!d->busy)
		return 0;
	while (c == NULL) {
		if (service_drive(d->way.service, DRIVE_MS, err) != 0)
			return -1;
		c = service_finished(d->way.service);
	}
	d->busy = false;
	if (c->why.code != ERR_NONE) {
		*err = c->why;
		return -1;
	}
	etag = http_field(&c->http, "etag");
	return buf_printf(&d->etags, err, "<Part><PartNumber>%u</PartNumber>"
			  "<ETag>%.*s</ETag></Part>", d->nparts,
			  (int)etag.len, (const char *)etag.ptr);
}

/* What has filled goes, once what was before it is there. */
static int
send_part(struct s3_drain *d, struct err *err)
{
	const struct buf full = d->filling;

	if (d->upload.len == 0 && begin(d, err) != 0)
		return -1;
	if (finish_part(d, err) != 0)
		return -1;
	if (d->nparts == MOST_PARTS)
		return err_set(err, ERR_LIMIT, "an object of more than %d "
			       "parts", MOST_PARTS);
	d->filling = d->sending;
	d->sending = full;
	buf_reset(&d->filling);
	d->nparts++;
	buf_reset(&d->query);
	if (buf_printf(&d->query, err, "partNumber=%u&uploadId=%.*s",
		       d->nparts, (int)d->upload.len,
		       (const char *)d->upload.ptr) != 0 ||
	    end_text(&d->query, err) != 0)
		return -1;
	d->call.http.method = "PUT";
	d->call.http.body = buf_span(&d->sending);
	d->call.path = (const char *)d->way.path.ptr;
	d->call.query = (const char *)d->query.ptr;
	d->busy = true;
	return service_send(d->way.service, &d->call, err);
}

static int
add(struct s3_drain *d, struct span bytes, struct err *err)
{
	d->len += bytes.len;
	while (bytes.len > 0) {
		const size_t room = part_len(d->nparts) - d->filling.len;
		const struct span part = {
			bytes.ptr, bytes.len < room ? bytes.len : room };

		if (room == 0) {
			if (send_part(d, err) != 0)
				return -1;
			continue;
		}
		if (buf_append(&d->filling, part, err) != 0)
			return -1;
		bytes.ptr += part.len;
		bytes.len -= part.len;
	}
	/* The part under way gets on meanwhile. */
	return d->busy ? service_drive(d->way.service, 0, err) : 0;
}

static int
write_drain(struct drain *drain, struct span bytes, struct err *err)
{
	struct s3_drain *const d = (struct s3_drain *)drain;

	if (d->err.code == ERR_NONE)
		add(d, bytes, &d->err);
	if (d->err.code == ERR_NONE)
		return 0;
	*err = d->err;
	return -1;
}

/* ---- the end ------------------------------------------------------------ */

/*
 * Is the object there although the service says that there is no such upload?
 * Then it had been completed, and only the answer was lost.
 */
static bool
was_completed(struct s3_drain *d)
{
	struct err ignored;
	uint64_t len;

	return s3_head(d->way.service, (const char *)d->way.path.ptr, &len,
		       &ignored) == 1 && len == d->len;
}

/*
 * S3 may say 200 and then, in the body, that it did not.  Returns 1 if that may
 * pass, 0 if it is done, or -1.
 */
static int
complete_once(struct s3_drain *d, struct span body, struct err *err)
{
	struct service_call c = { 0 };
	struct buf code = { 0 };
	int rc = ask(d, "POST", (const char *)d->query.ptr, body, &c, err);

	if (rc != 0 && strcmp(c.code, "NoSuchUpload") == 0 && c.attempt > 1 &&
	    was_completed(d))
		rc = 0;
	else if (rc == 0 && xml_find(buf_span(&c.http.answer), "Code", &code,
				     err) > 0) {
		err_set(err, ERR_RETRY, "the upload was not completed: %.100s",
			(const char *)code.ptr);
		rc = 1;
	}
	service_call_free(&c);
	buf_free(&code);
	return rc;
}

static int
complete(struct s3_drain *d, struct err *err)
{
	struct backoff backoff;
	struct buf body = { 0 };
	int rc = -1;

	buf_reset(&d->query);
	if (buf_printf(&d->query, err, "uploadId=%.*s", (int)d->upload.len,
		       (const char *)d->upload.ptr) != 0 ||
	    end_text(&d->query, err) != 0 ||
	    buf_append(&body, span_of("<CompleteMultipartUpload>"), err) != 0 ||
	    buf_append(&body, buf_span(&d->etags), err) != 0 ||
	    buf_append(&body, span_of("</CompleteMultipartUpload>"), err) != 0)
		goto done;
	backoff_start(&backoff, COMPLETE_FIRST_MS, COMPLETE_MOST_MS);
	for (unsigned i = 1; (rc = complete_once(d, buf_span(&body), err)) > 0 &&
	     i < COMPLETE_ATTEMPTS; i++) {
		const unsigned ms = backoff_ms(&backoff, i);

		nanosleep(&(struct timespec){ ms / 1000,
			  (long)(ms % 1000) * 1000000 }, NULL);
	}
done:
	buf_free(&body);
	return rc == 0 ? 0 : -1;
}

static int
put_whole(struct s3_drain *d, struct err *err)
{
	struct service_call c;
	const int rc = ask(d, "PUT", NULL, buf_span(&d->filling), &c, err);

	service_call_free(&c);
	return rc;
}

static int
commit_drain(struct drain *drain, struct err *err)
{
	struct s3_drain *const d = (struct s3_drain *)drain;
	int rc = 0;

	if (d->err.code != ERR_NONE) {
		*err = d->err;
		return -1;
	}
	if (d->upload.len == 0)
		rc = put_whole(d, &d->err);
	else if ((d->filling.len > 0 && send_part(d, &d->err) != 0) ||
		 finish_part(d, &d->err) != 0 || complete(d, &d->err) != 0)
		rc = -1;
	d->done = rc == 0;
	if (rc != 0)
		*err = d->err;
	return rc;
}

static void
abort_upload(struct s3_drain *d)
{
	struct service_call c = { 0 };
	struct err ignored;

	service_ignore_cancel(d->way.service);
	buf_reset(&d->query);
	if (buf_printf(&d->query, &ignored, "uploadId=%.*s",
		       (int)d->upload.len, (const char *)d->upload.ptr) == 0 &&
	    end_text(&d->query, &ignored) == 0)
		ask(d, "DELETE", (const char *)d->query.ptr,
		    (struct span){ NULL, 0 }, &c, &ignored);
	service_call_free(&c);
}

static void
close_drain(struct drain *drain)
{
	struct s3_drain *const d = (struct s3_drain *)drain;

	if (d->busy)
		service_stop(d->way.service, &d->call);
	if (d->upload.len > 0 && !d->done)
		abort_upload(d);
	service_call_free(&d->call);
	s3_close_way(&d->way);
	buf_free(&d->filling);
	buf_free(&d->sending);
	buf_free(&d->upload);
	buf_free(&d->etags);
	buf_free(&d->query);
	free(d);
}

struct drain *
s3_drain(struct s3 *s, const char *path, struct err *err)
{
	struct s3_drain *const d = calloc(1, sizeof(*d));

	if (d == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	d->drain = (struct drain){ write_drain, commit_drain, close_drain };
	if (s3_open_way(s, path, &d->way, err) == 0)
		return &d->drain;
	close_drain(&d->drain);
	return NULL;
}
