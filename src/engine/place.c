#include "engine/place.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aws/s3.h"
#include "aws/scan.h"
#include "aws/side.h"
#include "base/err.h"
#include "engine/sides.h"
#include "formats/members.h"
#include "io/archive_feed.h"
#include "io/file.h"

/* What is reached by what a side of the plan says. */
struct remote {
	const struct plan_side *plan;
	struct side *side;
	struct s3 *s3;
};

static struct {
	pthread_mutex_t lock;
	const struct side_options *usual;
	struct remote source, output;
	const char *address;		/* of the output; or NULL */
	bool consistent;		/* tables are read so */
} all = { .lock = PTHREAD_MUTEX_INITIALIZER };

void
place_usual(const struct side_options *usual)
{
	all.usual = usual;
}

/* What a plan that is gone said is not to last. */
static void
anew(struct remote *r, const struct plan_side *plan)
{
	s3_free(r->s3);
	side_close(r->side);
	*r = (struct remote){ .plan = plan };
}

void
place_read_consistently(bool yes)
{
	all.consistent = yes;
}

void
place_close(void)
{
	anew(&all.source, NULL);
	anew(&all.output, NULL);
}

void
place_source(const struct plan_side *plan)
{
	anew(&all.source, plan);
}

void
place_output(const struct plan_side *plan, const char *address)
{
	anew(&all.output, plan);
	all.address = address;
}

bool
place_is_remote(const char *where)
{
	return strncmp(where, "s3://", 5) == 0;
}

bool
place_is_table(const char *where)
{
	return strncmp(where, "dynamodb://", 11) == 0;
}

bool
place_is_output(const char *where)
{
	const size_t n = all.address == NULL ? 0 : strlen(all.address);

	return n > 0 && strncmp(where, all.address, n) == 0 &&
	       (where[n] == '/' || where[n] == '\0');
}

static struct remote *
remote_of(const char *where)
{
	return place_is_output(where) ? &all.output : &all.source;
}

struct side *
place_side_of(const char *where, struct err *err)
{
	struct remote *const r = remote_of(where);

	pthread_mutex_lock(&all.lock);
	if (r->side == NULL && all.usual == NULL)
		err_set(err, ERR_USAGE, "AWS is not reached from here");
	else if (r->side == NULL)
		r->side = sides_open(r->plan, all.usual, err);
	pthread_mutex_unlock(&all.lock);
	return r->side;
}

struct side *
place_side(struct err *err)
{
	return place_side_of("", err);
}

struct s3 *
place_s3(const char *where, struct err *err)
{
	struct remote *const r = remote_of(where);
	struct side *const side = place_side_of(where, err);

	if (side == NULL)
		return NULL;
	pthread_mutex_lock(&all.lock);
	if (r->s3 == NULL)
		r->s3 = s3_new(side, err);
	pthread_mutex_unlock(&all.lock);
	return r->s3;
}

int
place_load(const char *where, size_t limit, struct buf *out, struct err *err)
{
	struct s3 *s;

	if (!place_is_remote(where))
		return file_load(where, limit, out, err);
	s = place_s3(where, err);
	return s == NULL ? -1 : s3_load(s, where, limit, out, err);
}

int
place_look(const char *where, struct err *err)
{
	struct s3 *s;
	uint64_t len;

	if (!place_is_remote(where))
		return access(where, F_OK) == 0;
	s = place_s3(where, err);
	return s == NULL ? -1 : s3_look(s, where, &len, err);
}

static struct feed *
feed_remote(const char *where, const char *etag, struct err *err)
{
	struct s3 *const s = place_s3(where, err);

	return s == NULL ? NULL : s3_feed(s, where, etag, err);
}

struct archive_place
place_archive(const char *where, const char *etag)
{
	return (struct archive_place){
		.path = where, .etag = etag,
		.open = place_is_remote(where) ? feed_remote : NULL,
	};
}

bool
place_leaps(const char *archive)
{
	return !place_is_remote(archive) && members_leaps(archive);
}

bool
place_passes(const char *archive)
{
	return place_is_remote(archive) && members_passes(archive);
}

/* dynamodb://TABLE#3-of-8 */
static struct feed *
feed_table(const char *where, struct err *err)
{
	char *const table = strdup(where + strlen("dynamodb://"));
	char *const hash = table == NULL ? NULL : strrchr(table, '#');
	struct scan_options o = {
		.table = table, .nsegments = 1,
		.consistent = all.consistent,
	};
	struct side *const side = place_side(err);
	struct feed *f = NULL;
	char *end;

	if (hash != NULL) {
		*hash = '\0';
		o.segment = (unsigned)strtoul(hash + 1, &end, 10);
		if (strncmp(end, "-of-", 4) == 0)
			o.nsegments = (unsigned)strtoul(end + 4, NULL, 10);
	}
	if (table == NULL)
		err_set(err, ERR_SYSTEM, "out of memory");
	else if (side != NULL)
		f = scan_feed(side, &o, err);
	free(table);
	return f;
}

/* The file in the archive that some front part of the path is. */
static struct feed *
feed_inside(const char *where, struct err *err)
{
	char *const path = strdup(where);
	struct feed *f = NULL;
	struct stat st;
	char *slash = path;

	if (path == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	while ((slash = strchr(slash + 1, '/')) != NULL) {
		*slash = '\0';
		if (stat(path, &st) == 0 && S_ISREG(st.st_mode))
			break;
		*slash = '/';
	}
	if (slash != NULL)
		f = archive_feed(&(struct archive_place){ .path = path },
				 slash + 1, err);
	else
		err_set(err, ERR_INPUT, "'%s': no such file", where);
	free(path);
	return f;
}

struct feed *
place_feed_pinned(const char *where, const char *etag, struct err *err)
{
	return place_is_remote(where) ? feed_remote(where, etag, err)
		: place_feed(where, err);
}

struct feed *
place_feed(const char *where, struct err *err)
{
	struct stat st;

	if (strcmp(where, "-") == 0)
		return stdin_feed(err);
	if (place_is_remote(where))
		return feed_remote(where, NULL, err);
	if (place_is_table(where))
		return feed_table(where, err);
	/* What leads through a file leads into an archive. */
	if (stat(where, &st) != 0 && errno == ENOTDIR)
		return feed_inside(where, err);
	return file_feed(where, err);
}

struct drain *
place_drain(const char *where, struct err *err)
{
	struct s3 *const s = place_is_remote(where) ? place_s3(where, err)
						    : NULL;

	if (place_is_remote(where))
		return s == NULL ? NULL : s3_drain(s, where, err);
	return strcmp(where, "-") == 0 ? stdout_drain(err) :
	       file_drain(where, err);
}
