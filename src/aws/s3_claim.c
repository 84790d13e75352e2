/*
 * s3_claim.c - who was first.
 *
 * A service that knows of conditions (If-None-Match) says so itself.  Others
 * let everyone write over what is there, so that neither of two would notice
 * the other.  There each raises a flag before it writes, an object that is its
 * alone, and then looks for those of others: of two who do that, at least one
 * sees the other's, and does not write.  No clock is asked, so it holds however
 * slow one of them is.  Once something is written, flags are of no more use:
 * whoever raises one looks what is there afterwards.
 *
 * What a service does is found out by putting the flag twice.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "aws/s3_internal.h"
#include "base/err.h"
#include "base/keyhash.h"
#include "base/token.h"

enum {
	TEXT_LEN = 16 << 20,
	PATH_LEN = 2048,
	HASH_LEN = 16,
	TRIES = 20, PAUSE_NS = 100 * 1000 * 1000,
};

struct claim {
	struct s3 *s3;
	const char *path;
	struct span text;
	char flag[PATH_LEN];		/* ours: PATH.HASH OF TEXT-TOKEN */
	const char *hash;		/* in it */
	bool rivals, first;		/* of those that are there, are we? */
};

/* Append what is there to `is`, anew: 1; 0: nothing; or -1. */
static int
load(const struct claim *c, struct buf *is, struct err *err)
{
	uint64_t len;
	const int rc = s3_look(c->s3, c->path, &len, err);

	buf_reset(is);
	return rc <= 0 ? rc : s3_load(c->s3, c->path, TEXT_LEN, is, err) != 0
		? -1 : 1;
}

static int
name_flag(struct claim *c, struct err *err)
{
	char token[TOKEN_LEN];
	struct keysum sum;
	int n;

	if (token_make(token, err) != 0)
		return -1;
	keysum_start(&sum);
	keysum_add(&sum, c->text);
	n = snprintf(c->flag, sizeof(c->flag), "%s.%016" PRIx64 "-%.*s",
		     c->path, keysum_get(&sum), HASH_LEN, token);
	c->hash = c->flag + strlen(c->path) + 1;
	return n < PATH_LEN ? 0 : err_set(err, ERR_LIMIT, "'%.300s': too long a "
					  "name for an object", c->path);
}

/* Where a hash begins in the key of a flag of this path; or NULL. */
static const char *
hash_in(const char *key, const char *path)
{
	const char *const slash = strchr(path + strlen("s3://"), '/');
	const size_t n = slash == NULL ? 0 : strlen(slash + 1);
	const char *const hash = key + n + 1;

	return n > 0 && strncmp(key, slash + 1, n) == 0 && key[n] == '.' &&
	       strlen(hash) == 2 * HASH_LEN + 1 && hash[HASH_LEN] == '-' &&
	       strspn(hash, "0123456789abcdef") == HASH_LEN ? hash : NULL;
}

bool
s3_is_flag(const char *key, const char *path)
{
	return hash_in(key, path) != NULL;
}

/* Does the service know of conditions?  1; 0, and our flag is raised; or -1. */
static int
knows_conditions(struct claim *c, struct err *err)
{
	int rc = s3_knows_conditions(c->s3) ? 0 : 1;

	if (rc == 0)
		return 1;
	for (int i = 0; i < 2 && rc > 0; i++)
		rc = s3_save_new(c->s3, c->flag, c->text, err);
	if (rc != 0)
		return rc < 0 ? -1 : 0;
	s3_note_conditions(c->s3);
	return s3_remove(c->s3, c->flag, err) != 0 ? -1 : 1;
}

static int
see(void *context, const struct s3_object *o, struct err *err)
{
	struct claim *const c = context;
	const char *const hash = hash_in(o->key, c->path);
	const int order = hash == NULL ? 0 : memcmp(hash, c->hash, HASH_LEN);

	(void)err;
	c->rivals |= order != 0;
	c->first &= order >= 0;
	return 0;
}

/*
 * With our flag raised: 1: something is there, in `is`; 0: nothing, and nobody
 * else is about to write other text; or -1.  Of several the first by its hash
 * waits for the others to go.  Flags are looked for before what is there: they
 * are taken away when something is.
 */
static int
look_around(struct claim *c, struct buf *is, struct err *err)
{
	char below[PATH_LEN];

	snprintf(below, sizeof(below), "%s.", c->path);
	for (int i = 0; i < TRIES; i++) {
		int rc;

		if (i > 0)
			nanosleep(&(struct timespec){ .tv_nsec = PAUSE_NS },
				  NULL);
		c->rivals = false;
		c->first = true;
		if (s3_list(c->s3, below, 0, see, c, err) != 0)
			return -1;
		rc = load(c, is, err);
		if (rc != 0 || !c->rivals)
			return rc;
		if (!c->first)
			break;
	}
	return err_set(err, ERR_REFUSED, "%s: another job begins there at this "
		       "moment; begin again later, and if then this is said "
		       "again while no job begins, remove what is called "
		       "%s.* there", c->path, strrchr(c->path, '/') + 1);
}

int
s3_claim(struct s3 *s, const char *path, struct span text, struct buf *is,
	 struct err *err)
{
	struct claim c = { .s3 = s, .path = path, .text = text };
	int rc = name_flag(&c, err) != 0 ? -1 : load(&c, is, err);
	struct err ignored;
	int knows = 1;

	if (rc == 0) {
		knows = knows_conditions(&c, err);
		rc = knows < 0 ? -1 : knows > 0 ? 0 : look_around(&c, is, err);
	}
	/* Who is told that another request is under way may still find none. */
	for (int i = 0; rc == 0 && i < TRIES; i++) {
		if (i > 0)
			nanosleep(&(struct timespec){ .tv_nsec = PAUSE_NS },
				  NULL);
		rc = s3_save_new(s, path, text, err) < 0 ? -1
			: load(&c, is, err);
	}
	if (rc == 0)
		rc = err_set(err, ERR_REMOTE, "%s: it was written, and is not "
			     "there", path);
	if (knows <= 0 && s3_remove(s, c.flag, rc < 0 ? &ignored : err) != 0)
		return -1;
	return rc < 0 ? -1 : span_equal(buf_span(is), text);
}
