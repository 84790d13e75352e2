#include "aws/service.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "aws/backoff.h"
#include "aws/creds.h"
#include "aws/http.h"
#include "aws/keys.h"
#include "aws/service_internal.h"
#include "aws/side.h"
#include "aws/sigv4.h"
#include "base/err.h"

enum {
	FIRST_MS = 50,
	MOST_MS = 20 * 1000,
	SLICE_MS = 200,		/* how soon a cancel is noticed */
	SKEW_S = 4 * 60,	/* of a clock, before it is corrected */
	RENEWALS = 3,		/* of keys, for one call */
};

struct service {
	struct side *side;
	struct http *http;
	const char *name;
	struct buf url, host, path;	/* the latter two of the former */
	char region[48];
	bool custom;
	bool ignore_cancel;
	struct keys keys;
	struct sigv4 sign;
	struct buf authorization;	/* to work in */
	time_t dated;			/* `date` is of then */
	char date[SIGV4_DATE_LEN + 1];
	uint64_t generation;
	long skew;		/* seconds to add to our clock */
	struct backoff backoff;
	struct service_call *waiting, *finished, **finished_end;
};

static int
end_text(struct buf *b, struct err *err)
{
	if (buf_append(b, (struct span){ (const uint8_t *)"", 1 }, err) != 0)
		return -1;
	b->len--;
	return 0;
}

/* ---- opening ------------------------------------------------------------ */

static int
set_up(struct service *s, const struct service_options *o, struct err *err)
{
	const char *const region = o->region != NULL ? o->region
		: side_region(s->side, err);
	struct buf url = { 0 };
	const char *host;
	size_t n;
	int rc;

	if (region == NULL)
		return -1;
	snprintf(s->region, sizeof(s->region), "%s", region);
	rc = side_endpoint(s->side, o->name, s->region, &url, err);
	if (rc < 0)
		return -1;
	s->custom = rc > 0;
	host = strstr((const char *)url.ptr, "://") + 3;
	n = strcspn(host, "/");
	if (!s->custom && o->host_prefix != NULL)
		rc = buf_printf(&s->host, err, "%s.", o->host_prefix);
	rc = rc < 0 ? rc : buf_printf(&s->host, err, "%.*s", (int)n, host);
	rc = rc < 0 ? rc : buf_printf(&s->path, err, "%s%s", host + n,
		(s->custom || o->always_path) && o->path_prefix != NULL
		? o->path_prefix : "");
	rc = rc < 0 ? rc : buf_printf(&s->url, err, "%.*s%.*s",
		(int)(host - (const char *)url.ptr), (const char *)url.ptr,
		(int)s->host.len, (const char *)s->host.ptr);
	buf_free(&url);
	return rc < 0 ? -1 : end_text(&s->url, err);
}

struct service *
service_open(struct side *side, const struct service_options *o,
	     struct err *err)
{
	struct service *const s = calloc(1, sizeof(*s));

	if (s == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	s->side = side;
	s->name = o->name;
	s->finished_end = &s->finished;
	backoff_start(&s->backoff, FIRST_MS, MOST_MS);
	s->http = http_new(side_http(side), err);
	if (s->http != NULL && set_up(s, o, err) == 0)
		return s;
	service_close(s);
	return NULL;
}

void
service_close(struct service *s)
{
	if (s == NULL)
		return;
	http_free(s->http);
	keys_free(&s->keys);
	sigv4_free(&s->sign);
	buf_free(&s->authorization);
	buf_free(&s->url);
	buf_free(&s->host);
	buf_free(&s->path);
	free(s);
}

const char *
service_url(const struct service *s)
{
	return (const char *)s->url.ptr;
}

bool
service_is_custom(const struct service *s)
{
	return s->custom;
}

struct side *
service_side(const struct service *s)
{
	return s->side;
}

/* ---- a request ---------------------------------------------------------- */

static int
take_keys(struct service *s, struct err *err)
{
	const int rc = creds_take(side_creds(s->side), &s->generation,
				  &s->keys, err);

	if (rc <= 0)
		return rc;
	sigv4_free(&s->sign);
	s->sign = (struct sigv4){
		.access_key = buf_span(&s->keys.access),
		.secret_key = buf_span(&s->keys.secret),
		.region = span_of(s->region), .service = span_of(s->name),
	};
	return 0;
}

static int
add_line(struct buf *lines, struct span name, struct span value,
	 struct err *err)
{
	if (buf_append(lines, name, err) != 0 ||
	    buf_append(lines, span_of(": "), err) != 0 ||
	    buf_append(lines, value, err) != 0)
		return -1;
	return buf_append(lines, (struct span){ (const uint8_t *)"", 1 }, err);
}

/* The service's time, as text. */
static const char *
date_of(struct service *s)
{
	const time_t now = time(NULL) + s->skew;

	if (now != s->dated)
		sigv4_date(now, s->date);
	s->dated = now;
	return s->date;
}

/* Headers with the signature among them. */
static int
sign(struct service *s, struct service_call *c, struct span path,
     struct err *err)
{
	struct sigv4_header h[SERVICE_MAX_HEADERS + 4];
	const char *const date = date_of(s);
	char hash[SIGV4_HEX_LEN + 1];
	struct sigv4_request r = {
		.method = c->http.method, .path = path, .headers = h,
		.path_is_final = strcmp(s->name, "s3") == 0,
		.query = span_of(c->query == NULL ? "" : c->query),
		.payload = { (const uint8_t *)hash, SIGV4_HEX_LEN },
	};
	int rc;

	sigv4_hash(c->http.body, hash);
	h[r.nheaders++] = (struct sigv4_header){ span_of("x-amz-date"),
						 span_of(date) };
	if (r.path_is_final)
		h[r.nheaders++] = (struct sigv4_header){
			span_of("x-amz-content-sha256"), r.payload };
	if (s->keys.token.len > 0)
		h[r.nheaders++] = (struct sigv4_header){
			span_of("x-amz-security-token"),
			buf_span(&s->keys.token) };
	for (unsigned i = 0; i < c->nheaders; i++)
		h[r.nheaders++] = (struct sigv4_header){
			span_of(c->headers[i].name), c->headers[i].value };
	buf_reset(&c->lines);
	for (size_t i = 0; i < r.nheaders; i++)
		if (add_line(&c->lines, h[i].name, h[i].value, err) != 0)
			return -1;
	h[r.nheaders++] = (struct sigv4_header){ span_of("host"),
						 buf_span(&s->host) };
	buf_reset(&s->authorization);
	rc = sigv4_sign(&s->sign, &r, date, &s->authorization, NULL, err);
	return rc != 0 ? -1 : add_line(&c->lines, span_of("authorization"),
				       buf_span(&s->authorization), err);
}

static int
start(struct service *s, struct service_call *c, struct err *err)
{
	size_t host_len;

	if (take_keys(s, err) != 0)
		return -1;
	c->generation = s->generation;
	buf_reset(&c->url);
	if (buf_append(&c->url, buf_span(&s->url), err) != 0)
		return -1;
	host_len = c->url.len;
	if (buf_append(&c->url, buf_span(&s->path), err) != 0 ||
	    buf_append(&c->url, span_of(c->path), err) != 0)
		return -1;
	if (sign(s, c, (struct span){ c->url.ptr + host_len,
				      c->url.len - host_len }, err) != 0)
		return -1;
	if ((c->query != NULL && c->query[0] != '\0' &&
	     buf_printf(&c->url, err, "?%s", c->query) != 0) ||
	    end_text(&c->url, err) != 0)
		return -1;
	c->attempt++;
	c->http.url = (const char *)c->url.ptr;
	c->http.headers = &c->lines;
	return http_start(s->http, &c->http, err);
}

int
service_send(struct service *s, struct service_call *c, struct err *err)
{
	c->why = (struct err){ 0 };
	c->code[0] = '\0';
	c->throttled = c->corrected = false;
	c->renewed = 0;
	c->attempt = c->throttles = 0;
	c->next = NULL;
	return start(s, c, err);
}

static void
unlink_call(struct service_call **list, struct service_call *c)
{
	for (; *list != NULL; list = &(*list)->next)
		if (*list == c) {
			*list = c->next;
			return;
		}
}

void
service_stop(struct service *s, struct service_call *c)
{
	http_stop(&c->http);
	unlink_call(&s->waiting, c);
	unlink_call(&s->finished, c);
	s->finished_end = &s->finished;
	while (*s->finished_end != NULL)
		s->finished_end = &(*s->finished_end)->next;
}

/* ---- answers ------------------------------------------------------------ */

/* Our clock against the service's; true if ours was corrected. */
static bool
correct_clock(struct service *s, const struct service_call *c)
{
	const struct span field = http_field(&c->http, "date");
	struct tm tm = { 0 };
	char date[64];

	snprintf(date, sizeof(date), "%.*s", (int)field.len,
		 (const char *)field.ptr);
	if (strptime(date, "%a, %d %b %Y %H:%M:%S", &tm) == NULL)
		return false;
	const long skew = (long)(timegm(&tm) - time(NULL));
	if (labs(skew - s->skew) < SKEW_S)
		return false;
	s->skew = skew;
	return true;
}

/* Is it to be asked again?  If so, c->due says when. */
static bool
again(struct service *s, struct service_call *c, enum service_fault fault)
{
	const unsigned most = c->attempts > 0 ? c->attempts
		: SERVICE_ATTEMPTS;

	c->due = http_clock();
	switch (fault) {
	case FAULT_KEYS:
		creds_expired(side_creds(s->side), c->generation);
		/* With many in flight the new ones may have, too. */
		return c->renewed++ < RENEWALS;
	case FAULT_CLOCK:
		/* A call signed before another one corrected it, too. */
		return !c->corrected && (c->corrected = true) &&
			(correct_clock(s, c) || s->skew != 0);
	case FAULT_THROTTLE:
		if (c->throttle_is_mine || ++c->throttles > SERVICE_THROTTLES)
			return false;
		break;
	case FAULT_PASSING:
		break;
	default:
		return false;
	}
	if (c->attempt - c->throttles >= most)
		return false;
	c->due += backoff_ms(&s->backoff, c->attempt);
	return true;
}

static void
finish(struct service *s, struct service_call *c)
{
	c->next = NULL;
	*s->finished_end = c;
	s->finished_end = &c->next;
}

static void
judge(struct service *s, struct service_call *c)
{
	const enum service_fault fault = service_judge(c);

	c->throttled = fault == FAULT_THROTTLE;
	if (fault == FAULT_NONE || !again(s, c, fault)) {
		if (c->attempt > 1 && c->why.code == ERR_RETRY)
			err_advise(&c->why, "tried %u times", c->attempt);
		finish(s, c);
		return;
	}
	c->next = s->waiting;
	s->waiting = c;
}

/* Start those whose time has come; how long until the next, at most `ms`. */
static int
start_waiting(struct service *s, int ms)
{
	const uint64_t now = http_clock();
	struct service_call **at = &s->waiting;

	while (*at != NULL) {
		struct service_call *const c = *at;

		if (c->due > now) {
			if (c->due - now < (uint64_t)ms)
				ms = (int)(c->due - now);
			at = &c->next;
			continue;
		}
		*at = c->next;
		c->next = NULL;
		c->why = (struct err){ 0 };
		if (c->again != NULL)
			c->again(c);
		if (start(s, c, &c->why) != 0)
			finish(s, c);
	}
	return ms;
}

int
service_drive(struct service *s, int ms, struct err *err)
{
	struct http_call *h;

	if (!s->ignore_cancel && side_is_cancelled(s->side))
		return err_set(err, ERR_CANCELLED, "interrupted");
	ms = start_waiting(s, ms < SLICE_MS ? ms : SLICE_MS);
	if (s->finished != NULL)
		ms = 0;
	if (http_drive(s->http, ms, err) != 0)
		return -1;
	while ((h = http_finished(s->http)) != NULL)
		judge(s, (struct service_call *)(void *)h);
	return 0;
}

void
service_ignore_cancel(struct service *s)
{
	s->ignore_cancel = true;
}

struct service_call *
service_finished(struct service *s)
{
	struct service_call *const c = s->finished;

	if (c == NULL)
		return NULL;
	s->finished = c->next;
	if (s->finished == NULL)
		s->finished_end = &s->finished;
	c->next = NULL;
	return c;
}

int
service_ask(struct service *s, struct service_call *c, struct err *err)
{
	struct service_call *done = NULL;

	if (service_send(s, c, err) != 0)
		return -1;
	while (done != c) {
		if (service_drive(s, SLICE_MS, err) != 0) {
			service_stop(s, c);
			return -1;
		}
		for (done = s->finished; done != NULL && done != c; )
			done = done->next;
	}
	service_stop(s, c);
	if (c->why.code == ERR_NONE)
		return 0;
	*err = c->why;
	return -1;
}

void
service_call_free(struct service_call *c)
{
	http_call_free(&c->http);
	buf_free(&c->url);
	buf_free(&c->lines);
}
