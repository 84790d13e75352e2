#include "aws/fetch.h"

#include <stdbool.h>
#include <time.h>

#include "aws/backoff.h"
#include "aws/http.h"
#include "base/err.h"

enum { FIRST_MS = 100, MOST_MS = 3000 };

static bool
may_help(const struct http_call *c)
{
	return c->why.code != ERR_NONE ? c->why.code == ERR_RETRY
		: c->status == 429 || c->status >= 500;
}

int
fetch(struct http *h, struct http_call *c, unsigned attempts,
      struct err *err)
{
	struct backoff b;

	backoff_start(&b, FIRST_MS, MOST_MS);
	for (unsigned i = 1; ; i++) {
		if (http_fetch(h, c, err) != 0)
			return -1;
		if (!may_help(c) || i >= attempts)
			break;
		const unsigned ms = backoff_ms(&b, i);
		nanosleep(&(struct timespec){ ms / 1000,
			  (long)(ms % 1000) * 1000000 }, NULL);
	}
	if (c->why.code == ERR_NONE)
		return 0;
	*err = c->why;
	return -1;
}

int
fetch_header(struct buf *headers, struct err *err, const char *name,
	     struct span value)
{
	if (buf_printf(headers, err, "%s: %.*s", name, (int)value.len,
		       (const char *)value.ptr) != 0)
		return -1;
	return buf_append(headers, (struct span){ (const uint8_t *)"", 1 },
			  err);
}
