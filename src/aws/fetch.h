/*
 * fetch.h - one HTTP request that is waited for, and asked again where that may
 * help: for what happens once in a while (credentials, STS).
 */
#ifndef AWS_FETCH_H
#define AWS_FETCH_H

#include "base/buf.h"

struct err;
struct http;
struct http_call;

/*
 * Ask up to `attempts` times, again after broken connections and answers of
 * 429 and 5xx.  Returns 0 with the last answer, whatever its status, or -1:
 * there was none.
 */
int fetch(struct http *h, struct http_call *c, unsigned attempts,
	  struct err *err);

/* Add a header.  Returns 0 or -1. */
int fetch_header(struct buf *headers, struct err *err, const char *name,
		 struct span value);

#endif
