#include "aws/keys.h"

#include <ctype.h>
#include <string.h>

#include "base/err.h"

static void
wipe(struct buf *b)
{
	if (b->ptr != NULL)
		explicit_bzero(b->ptr, b->cap);
	buf_reset(b);
}

static int
set(struct buf *b, struct span text, struct err *err)
{
	wipe(b);
	if (buf_append(b, text, err) != 0 ||
	    buf_append(b, (struct span){ (const uint8_t *)"", 1 }, err) != 0)
		return -1;
	b->len--;
	return 0;
}

int
keys_set(struct keys *k, const char *access, const char *secret,
	 const char *token, struct err *err)
{
	if (access == NULL || secret == NULL)
		return err_set(err, ERR_REMOTE, "no %s", access == NULL
			       ? "access key id" : "secret access key");
	if (set(&k->access, span_of(access), err) != 0 ||
	    set(&k->secret, span_of(secret), err) != 0)
		return -1;
	return set(&k->token, span_of(token == NULL ? "" : token), err);
}

int
keys_copy(struct keys *to, const struct keys *from, struct err *err)
{
	to->expires = from->expires;
	if (set(&to->access, buf_span(&from->access), err) != 0 ||
	    set(&to->secret, buf_span(&from->secret), err) != 0)
		return -1;
	return set(&to->token, buf_span(&from->token), err);
}

int
keys_set_expires(struct keys *k, const char *iso, struct err *err)
{
	struct tm tm = { 0 };
	const char *end = iso == NULL ? NULL
		: strptime(iso, "%Y-%m-%dT%H:%M:%S", &tm);

	if (end != NULL && *end == '.')
		while (isdigit((unsigned char)*++end))
			;
	if (end == NULL || (strcmp(end, "Z") != 0 && strcmp(end, "UTC") != 0 &&
			    strcmp(end, "+00:00") != 0))
		return err_set(err, ERR_REMOTE, "an expiration that is no time "
			       "in UTC");
	k->expires = timegm(&tm);
	return 0;
}

void
keys_free(struct keys *k)
{
	wipe(&k->access);
	wipe(&k->secret);
	wipe(&k->token);
	buf_free(&k->access);
	buf_free(&k->secret);
	buf_free(&k->token);
	*k = (struct keys){ 0 };
}
