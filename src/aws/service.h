/*
 * service.h - requests to one AWS service: signed, many at a time, and asked
 * again where AWS documents that this may help.
 *
 * Asked again, after a time with full jitter: broken connections, 5xx,
 * throttling; with new credentials if they expired, and once with the
 * service's time if the clock here is wrong.  A service belongs to one thread;
 * the side it is of may be shared.
 */
#ifndef AWS_SERVICE_H
#define AWS_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aws/http.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

struct service;
struct side;

enum {
	SERVICE_MAX_HEADERS = 8,
	SERVICE_CODE_LEN = 80,
	SERVICE_ATTEMPTS = 8,
	SERVICE_THROTTLES = 20,	/* on top: who is told to wait, waits */
};

struct service_options {
	const char *name;	/* "s3", "dynamodb" */
	const char *region;	/* NULL: the side's */
	const char *host_prefix;	/* in front of AWS's own host; or NULL */
	const char *path_prefix;	/* where there is another; or NULL */
	bool always_path;	/* that, wherever */
};

/*
 * A call is its caller's, zeroed at first, and stays put from service_send()
 * until it is finished.
 */
struct service_call {
	struct http_call http;		/* method, body, take, limit, ... are
					   the caller's; status, fields and
					   answer the service's */
	const char *path;		/* encoded; begins with a slash */
	const char *query;		/* as sigv4_query() made it; or NULL */
	struct service_header {
		const char *name;	/* in small letters */
		struct span value;
	} headers[SERVICE_MAX_HEADERS];
	unsigned nheaders;
	unsigned attempts;		/* 0: SERVICE_ATTEMPTS */
	bool throttle_is_mine;		/* give those back at once */
	/* Before it is sent again; it may change the headers.  Or NULL. */
	void (*again)(struct service_call *c);
	void *owner;			/* the caller's, as these are */
	size_t progress;
	bool begun;

	/* When it is finished; why.code is ERR_NONE after a 2xx. */
	struct err why;
	char code[SERVICE_CODE_LEN];	/* the service's word for it, or "" */
	bool throttled;			/* the last answer was that */

	/* The service's own. */
	struct buf url, lines;
	unsigned attempt;		/* the first is 1 */
	unsigned throttles;		/* how many of them were that */
	unsigned renewed;		/* times that its keys had expired */
	bool corrected;
	uint64_t due, generation;
	struct service_call *next;
};

struct service *service_open(struct side *side,
			     const struct service_options *o,
			     struct err *err);
void service_close(struct service *s);	/* NULL is fine; calls in flight stop */

/* Its address, and whether somebody said it. */
const char *service_url(const struct service *s);
bool service_is_custom(const struct service *s);
struct side *service_side(const struct service *s);

/* Begin.  Returns 0 or -1. */
int service_send(struct service *s, struct service_call *c, struct err *err);

/* Forget about it, wherever it is. */
void service_stop(struct service *s, struct service_call *c);

/*
 * Let all go on, for up to `ms` if nothing happens.  Returns 0, or -1:
 * ERR_CANCELLED if somebody asked to stop.
 */
int service_drive(struct service *s, int ms, struct err *err);

/* From now on go on whoever asks to stop: what was begun is to be undone. */
void service_ignore_cancel(struct service *s);

/* One that is finished, or NULL. */
struct service_call *service_finished(struct service *s);

/* Send one call and wait for it.  Returns 0 after a 2xx, or -1. */
int service_ask(struct service *s, struct service_call *c, struct err *err);

void service_call_free(struct service_call *c);

#endif
