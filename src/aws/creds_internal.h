/* creds_internal.h - the places where credentials are found. */
#ifndef AWS_CREDS_INTERNAL_H
#define AWS_CREDS_INTERNAL_H

#include "aws/creds.h"

struct http;
struct span;
struct sts;

/* What finding takes along. */
struct search {
	const struct creds_options *o;
	struct http *http;		/* as options say */
	struct http *direct;		/* never through a proxy */
	struct keys *keys;
	char *origin;			/* words */
	size_t origin_len;
};

/* Each returns 1 with keys, 0 if it has none, or -1 with *err set. */
int creds_process(struct search *s, const char *profile, const char *command,
		  struct err *err);
int creds_container(struct search *s, struct err *err);
int creds_instance(struct search *s, struct err *err);

/* Keys from a JSON text; `token` is what it calls the session token. */
int creds_from_json(struct search *s, struct span text, const char *what,
		    const char *token, struct err *err);

void creds_say(struct search *s, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
