#include "engine/place.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "aws/s3.h"
#include "aws/scan.h"
#include "aws/side.h"
#include "base/err.h"
#include "engine/sides.h"
#include "io/archive_feed.h"
#include "io/file.h"

static struct {
	pthread_mutex_t lock;
	const struct side_options *usual;
	const struct plan_side *plan;
	struct side *side;
	struct s3 *s3;
	bool consistent;
} remote = { .lock = PTHREAD_MUTEX_INITIALIZER };

void
place_usual(const struct side_options *usual)
{
	remote.usual = usual;
}

void
place_read_consistently(bool yes)
{
	remote.consistent = yes;
}

void
place_close(void)
{
	s3_free(remote.s3);
	side_close(remote.side);
	remote.s3 = NULL;
	remote.side = NULL;
}

void
place_source(const struct plan_side *plan)
{
	place_close();	/* what a plan that is gone said is not to last */
	remote.plan = plan;
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

struct side *
place_side(struct err *err)
{
	pthread_mutex_lock(&remote.lock);
	if (remote.side == NULL && remote.usual == NULL)
		err_set(err, ERR_USAGE, "AWS is not reached from here");
	else if (remote.side == NULL)
		remote.side = sides_open(remote.plan, remote.usual, err);
	pthread_mutex_unlock(&remote.lock);
	return remote.side;
}

struct s3 *
place_s3(struct err *err)
{
	struct side *const side = place_side(err);

	if (side == NULL)
		return NULL;
	pthread_mutex_lock(&remote.lock);
	if (remote.s3 == NULL)
		remote.s3 = s3_new(side, err);
	pthread_mutex_unlock(&remote.lock);
	return remote.s3;
}

static struct feed *
feed_remote(const char *where, struct err *err)
{
	struct s3 *const s = place_s3(err);

	return s == NULL ? NULL : s3_feed(s, where, err);
}

/* dynamodb://TABLE#3-of-8 */
static struct feed *
feed_table(const char *where, struct err *err)
{
	char *const table = strdup(where + strlen("dynamodb://"));
	char *const hash = table == NULL ? NULL : strrchr(table, '#');
	struct scan_options o = {
		.table = table, .nsegments = 1,
		.consistent = remote.consistent,
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
		f = archive_feed(path, slash + 1, err);
	else
		err_set(err, ERR_INPUT, "'%s': no such file", where);
	free(path);
	return f;
}

struct feed *
place_feed(const char *where, struct err *err)
{
	struct stat st;

	if (strcmp(where, "-") == 0)
		return stdin_feed(err);
	if (place_is_remote(where))
		return feed_remote(where, err);
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
	return strcmp(where, "-") == 0 ? stdout_drain(err) :
	       file_drain(where, err);
}
