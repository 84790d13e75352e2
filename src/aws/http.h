/*
 * http.h - HTTP requests, many at a time, over libcurl's multi interface.
 *
 * Sockets are waited for by epoll: what is ready is looked at, and no other of
 * the connections.
 *
 * One `struct http` holds the connections of one thread and keeps them alive.
 * A call is its caller's: it and what it points to must stay until the call is
 * finished or was stopped.  Nothing is retried here, and no answer is judged:
 * that is for service.h.
 */
#ifndef AWS_HTTP_H
#define AWS_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

struct http;
struct http_handle;

enum {
	HTTP_ANSWER_LEN = 64 * 1024 * 1024,	/* usual bound of a body */
	HTTP_HEADERS_LEN = 64 * 1024,		/* of the headers together */
};

struct http_options {
	const char *ca_bundle;	/* a file, or NULL: the system's */
	unsigned connect_s;	/* 0: 10 */
	unsigned stall_s;	/* without a byte; 0: 30 */
	bool direct;		/* never through a proxy */
};

struct http_call {
	const char *method, *url;
	const struct buf *headers;	/* "name: value" NUL, one after the
					   other; or NULL */
	struct span body;
	size_t limit;		/* longer answers fail; 0: the usual */
	unsigned timeout_ms;	/* for all of it; 0: none */

	/*
	 * Whom the body of a 2xx is given to, instead of `answer`.  false ends
	 * it if why is set, else stops the flow until http_resume(); the same
	 * bytes come again.
	 */
	bool (*take)(struct http_call *c, struct span bytes);
	void *context;

	/* When it is finished: */
	int status;		/* 0: there was no answer */
	struct buf fields, answer;	/* headers, body */
	struct err why;		/* ERR_RETRY, ... or ERR_NONE: an answer */

	/* http's own. */
	struct http_handle *handle;
	struct http *http;
	uint64_t moved;		/* bytes, either way */
	unsigned idle_ms;	/* since there was the last of them */
	char reason[256];	/* libcurl's words */
	bool busy;
	struct http_call *next, **at;	/* of those that are busy, or finished */
};

struct http *http_new(const struct http_options *o, struct err *err);
void http_free(struct http *h);		/* calls in flight are stopped */

/* Begin.  What is in fields and answer goes.  Returns 0 or -1. */
int http_start(struct http *h, struct http_call *c, struct err *err);

/* Forget about a call, wherever it is; fine if it never began. */
void http_stop(struct http_call *c);

/* Let a call go on whose `take` said no. */
void http_resume(struct http_call *c);

/*
 * Let all calls go on, waiting up to `ms` for something to happen.  Returns 0
 * or -1.
 */
int http_drive(struct http *h, int ms, struct err *err);

/* One that is finished, or NULL. */
struct http_call *http_finished(struct http *h);

/* Begin a call and wait until it is finished.  -1 only if it cannot begin. */
int http_fetch(struct http *h, struct http_call *c, struct err *err);

/* The value of a header of the answer; .ptr is NULL if it has none. */
struct span http_field(const struct http_call *c, const char *name);

void http_call_free(struct http_call *c);	/* what the answer took */

/* Milliseconds since some moment; only differences mean something. */
uint64_t http_clock(void);

#endif
