#include "engine/place.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "io/archive_feed.h"
#include "io/file.h"

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
