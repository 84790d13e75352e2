/*
 * s3_feed.c - an object as a feed.
 *
 * A ring of S3_RANGES ranges of S3_RANGE_LEN bytes each is on its way; the
 * oldest is read from as it arrives, and asked for anew further on once it is
 * used up.  Nobody drives the connections between two reads: what arrives then
 * waits in the kernel, some megabytes a connection, which is read-ahead enough
 * and takes neither a thread nor a lock.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/s3_internal.h"
#include "aws/service.h"
#include "base/err.h"
#include "io/feed.h"

enum {
	DRIVE_MS = 200, ETAG_LEN = 128, RANGE_TEXT_LEN = 64,
	LEAP_LEN = 64 * 1024,	/* asked for first after a leap */
};

struct range {
	struct service_call call;
	struct s3_feed *feed;
	uint64_t start;
	size_t len, got, taken;
	bool busy;
	char text[RANGE_TEXT_LEN];	/* of its header */
	uint8_t *bytes;			/* S3_RANGE_LEN of them */
};

struct s3_feed {
	struct feed feed;
	struct s3_way way;
	uint64_t len;		/* UINT64_MAX: not known yet */
	uint64_t asked;		/* up to here */
	char etag[ETAG_LEN];	/* its quotes too; that is asked for */
	struct range ranges[S3_RANGES];
	unsigned first;		/* that is read from */
	unsigned most;		/* ranges at once: fewer after a leap */
	bool leapt;		/* nothing was asked for since */
	bool sought;		/* `to` is where it is to be read next */
	uint64_t to;
	struct err err;		/* sticks */
};

/* ---- asking ------------------------------------------------------------- */

/* What is still missing of a range. */
static void
write_header(struct range *r)
{
	struct service_call *const c = &r->call;

	snprintf(r->text, sizeof(r->text), "bytes=%" PRIu64 "-%" PRIu64,
		 r->start + r->got, r->start + r->len - 1);
	c->nheaders = 1;
	c->headers[0] = (struct service_header){ "range", span_of(r->text) };
	if (r->feed->etag[0] != '\0')
		c->headers[c->nheaders++] = (struct service_header){
			"if-match", span_of(r->feed->etag) };
}

static void
ask_rest(struct service_call *c)
{
	struct range *const r = c->owner;

	/* Whoever gets on, however slowly, is not to be given up. */
	if (r->got > c->progress) {
		c->progress = r->got;
		c->attempt = 1;
		c->throttles = 0;
	}
	c->begun = false;
	write_header(r);
}

static int
changed(struct err *err)
{
	return err_set(err, ERR_INPUT, "the object was changed while it was "
		       "read; run again");
}

/* An ETag as it is the same in listings and in headers. */
static struct span
bare(struct span etag)
{
	if (etag.len > 1 && etag.ptr[0] == '"' &&
	    etag.ptr[etag.len - 1] == '"')
		etag = (struct span){ etag.ptr + 1, etag.len - 2 };
	return etag;
}

/* Is this answer to what was asked, and of the object that it was? */
static int
check_answer(struct range *r, struct err *err)
{
	struct s3_feed *const f = r->feed;
	const struct http_call *const h = &r->call.http;
	const struct span etag = http_field(h, "etag");
	const struct span place = http_field(h, "content-range");
	char text[RANGE_TEXT_LEN];
	uint64_t from = 0, total = UINT64_MAX;
	char *end;

	snprintf(text, sizeof(text), "%.*s", (int)place.len,
		 (const char *)place.ptr);
	if (strncmp(text, "bytes ", 6) == 0) {
		from = strtoull(text + 6, &end, 10);
		end = strchr(end, '/');
		if (end != NULL && end[1] != '*')
			total = strtoull(end + 1, NULL, 10);
	}
	if (from != r->start + r->got || (place.len == 0 && h->status == 206))
		return err_set(err, ERR_REMOTE, "the server gives other bytes "
			       "than were asked for");
	if (etag.len >= ETAG_LEN)
		return err_set(err, ERR_REMOTE, "an ETag that is too long");
	if (f->etag[0] == '\0') {
		memcpy(f->etag, etag.ptr, etag.len);
		f->etag[etag.len] = '\0';
	} else if (!span_equal(bare(etag), bare(span_of(f->etag)))) {
		return changed(err);
	}
	if (f->len == UINT64_MAX)
		f->len = total;
	return 0;
}

static bool
take(struct http_call *h, struct span bytes)
{
	struct range *const r = h->context;

	/* The first bytes of each answer. */
	if (!r->call.begun && check_answer(r, &h->why) != 0)
		return false;
	r->call.begun = true;
	if (bytes.len > r->len - r->got) {
		err_set(&h->why, ERR_REMOTE, "the server gives more bytes than "
			"were asked for");
		return false;
	}
	memcpy(r->bytes + r->got, bytes.ptr, bytes.len);
	r->got += bytes.len;
	return true;
}

static int
ask(struct s3_feed *f, struct range *r, struct err *err)
{
	const uint64_t left = f->len - f->asked;

	if (r->bytes == NULL)
		r->bytes = malloc(S3_RANGE_LEN);
	if (r->bytes == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	r->feed = f;
	r->start = f->asked;
	r->len = f->leapt ? LEAP_LEN : S3_RANGE_LEN;
	if (r->len > left)
		r->len = (size_t)left;
	f->leapt = false;
	r->got = r->taken = 0;
	r->call.http.method = "GET";
	r->call.http.take = take;
	r->call.http.context = r;
	r->call.path = (const char *)f->way.path.ptr;
	r->call.owner = r;
	r->call.again = ask_rest;
	r->call.progress = 0;
	r->call.begun = false;
	write_header(r);
	f->asked += r->len;
	r->busy = true;
	return service_send(f->way.service, &r->call, err);
}

/* All ranges that are free, in their order; before the length is known, one. */
static int
ask_more(struct s3_feed *f, struct err *err)
{
	const unsigned most = f->len == UINT64_MAX ? 1 : f->most;

	for (unsigned i = 0; i < most; i++) {
		struct range *const r = &f->ranges[(f->first + i) % S3_RANGES];

		if (f->asked < f->len && !r->busy && r->got == 0 &&
		    ask(f, r, err) != 0)
			return -1;
	}
	return 0;
}

/* ---- answers ------------------------------------------------------------ */

static int
settle(struct s3_feed *f, struct range *r, struct err *err)
{
	const struct service_call *const c = &r->call;

	r->busy = false;
	if (c->http.status == 416 && r->start == 0 && r->got == 0) {
		f->len = f->asked = 0;	/* there is no byte to begin with */
		r->len = 0;
		return 0;
	}
	if (c->http.status == 412)
		return changed(err);
	if (c->why.code != ERR_NONE) {
		*err = c->why;
		return -1;
	}
	/* The first one was asked for before the length was known. */
	if (f->len != UINT64_MAX && r->start + r->len > f->len)
		r->len = (size_t)(f->len - r->start);
	if (f->len == UINT64_MAX)	/* the whole object, without ranges */
		f->len = r->got;
	if (f->asked > f->len)
		f->asked = f->len;
	return r->got == r->len || f->len == r->got ? 0
		: err_set(err, ERR_REMOTE, "the server gives fewer bytes than "
			  "were asked for");
}

/* Let all get on, for up to `ms` if nothing happens. */
static int
drive(struct s3_feed *f, int ms, struct err *err)
{
	struct service_call *c;

	if (service_drive(f->way.service, ms, err) != 0)
		return -1;
	while ((c = service_finished(f->way.service)) != NULL)
		if (settle(f, c->owner, err) != 0)
			return -1;
	return 0;
}

/* Until the first range has something, or all is over. */
static int
wait_for_bytes(struct s3_feed *f, struct err *err)
{

	for (;;) {
		struct range *r = &f->ranges[f->first];

		if (!r->busy && r->got > 0 && r->taken == r->got) {
			r->got = r->taken = 0;
			f->first = (f->first + 1) % S3_RANGES;
			f->most = 2 * f->most < S3_RANGES ? 2 * f->most
				: S3_RANGES;
			r = &f->ranges[f->first];
		}
		if (ask_more(f, err) != 0)
			return -1;
		const bool some = r->got > r->taken;
		if (!some && !r->busy)
			return 0;	/* the end */
		/* Those behind it get on meanwhile. */
		if (drive(f, some ? 0 : DRIVE_MS, err) != 0)
			return -1;
		if (some)
			return 0;
	}
}

/* What is on its way is of no use any more. */
static void
drop(struct s3_feed *f, struct range *r)
{
	if (r->busy)
		service_stop(f->way.service, &r->call);
	r->busy = false;
	r->got = r->taken = 0;
}

/* Go to a byte of the object: within the range that is read from, or anew. */
static void
leap(struct s3_feed *f, uint64_t at)
{
	struct range *const r = &f->ranges[f->first];

	if (r->got > 0 && at >= r->start && at < r->start + r->got) {
		r->taken = (size_t)(at - r->start);
		return;
	}
	for (unsigned i = 0; i < S3_RANGES; i++)
		drop(f, &f->ranges[i]);
	f->first = 0;
	f->asked = at;
	f->most = 1;
	f->leapt = true;
}

/* Where the next byte is from. */
static uint64_t
here(const struct s3_feed *f)
{
	const struct range *const r = &f->ranges[f->first];

	return r->busy || r->got > 0 ? r->start + r->taken : f->asked;
}

static ssize_t
read_feed(struct feed *feed, uint8_t *to, size_t n, struct err *err)
{
	struct s3_feed *const f = (struct s3_feed *)feed;
	struct range *r;

	if (f->sought && f->to != here(f))
		leap(f, f->to);
	f->sought = false;
	if (f->err.code == ERR_NONE)
		wait_for_bytes(f, &f->err);
	if (f->err.code != ERR_NONE) {
		*err = f->err;
		return -1;
	}
	r = &f->ranges[f->first];
	if (n > r->got - r->taken)
		n = r->got - r->taken;
	if (n > 0)
		memcpy(to, r->bytes + r->taken, n);
	r->taken += n;
	return (ssize_t)n;
}

static int64_t
seek_feed(struct feed *feed, int64_t to, int whence, struct err *err)
{
	struct s3_feed *const f = (struct s3_feed *)feed;
	uint64_t from = 0;

	/* The first answer tells the length, and which object it is. */
	while (f->err.code == ERR_NONE && f->len == UINT64_MAX)
		drive(f, DRIVE_MS, &f->err);
	if (f->err.code != ERR_NONE) {
		*err = f->err;
		return -1;
	}
	if (whence != SEEK_SET)
		from = whence == SEEK_END ? f->len
			: f->sought ? f->to : here(f);
	if (to < 0 ? from < 0 - (uint64_t)to
		   : (uint64_t)to > f->len || from > f->len - (uint64_t)to)
		return err_set(err, ERR_INPUT, "byte %" PRId64 " from %" PRIu64
			       " is not within the object", to, from);
	/* Who asks how long it is comes back to where he was. */
	f->to = from + (uint64_t)to;
	f->sought = true;
	return (int64_t)f->to;
}

static void
close_feed(struct feed *feed)
{
	struct s3_feed *const f = (struct s3_feed *)feed;

	for (unsigned i = 0; i < S3_RANGES; i++) {
		struct range *const r = &f->ranges[i];

		drop(f, r);
		service_call_free(&r->call);
		free(r->bytes);
	}
	s3_close_way(&f->way);
	free(f);
}

struct feed *
s3_feed(struct s3 *s, const char *path, const char *etag, struct err *err)
{
	struct s3_feed *const f = calloc(1, sizeof(*f));
	const struct span pin = bare(span_of(etag == NULL ? "" : etag));

	if (f == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	f->feed = (struct feed){
		.read = read_feed, .close = close_feed, .seek = seek_feed,
	};
	f->len = UINT64_MAX;
	f->most = S3_RANGES;
	if (pin.len > 0 && pin.len + 2 < ETAG_LEN)
		snprintf(f->etag, sizeof(f->etag), "\"%.*s\"", (int)pin.len,
			 (const char *)pin.ptr);
	if (s3_open_way(s, path, &f->way, err) == 0 && ask_more(f, err) == 0)
		return &f->feed;
	close_feed(&f->feed);
	return NULL;
}
