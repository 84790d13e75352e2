/*
 * job_sync.c - everything in a job's folder, on the disk.
 *
 * All at once where that is no more than ours, else file by file.  Then the
 * units' own files are left out: once a job has ended nobody reads them.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/err.h"
#include "engine/job_internal.h"
#include "io/file.h"

enum { DEPTH = 8 };

/* A walk through the folder: to count what is there, or to wait for it. */
struct walk {
	struct buf path;	/* of what is looked at; a C string */
	size_t job_len;		/* of that, the job's folder and a slash */
	bool wait;
	bool part;		/* of a divided job */
	uint64_t bytes;
	dev_t dev;		/* of the job's folder */
	bool elsewhere;		/* something is in another file system */
	struct err *err;
};

static bool
is_left_out(const struct walk *w)
{
	static const char *const NAMES[] = {
		"lock", JOB_TMP, JOB_SHARDS, JOB_UNITS, JOB_REJECTS,
	};
	const char *const name = (const char *)w->path.ptr + w->job_len;

	/* Whoever merges a part reads its units' files. */
	const size_t n = sizeof(NAMES) / sizeof(NAMES[0]) - (w->part ? 2 : 0);

	for (size_t i = 0; i < n; i++)
		if (strcmp(name, NAMES[i]) == 0)
			return true;
	return false;
}

static int
walk(struct walk *w, unsigned depth);

static int
look_at(struct walk *w, unsigned depth)
{
	const char *const path = (const char *)w->path.ptr;
	struct stat st;

	if (w->wait && is_left_out(w))
		return 0;
	/* Not ours: what we wrote is there, and no link to nothing. */
	if (stat(path, &st) != 0)
		return errno == ENOENT || errno == ELOOP ? 0 :
		       err_set(w->err, ERR_SYSTEM, "'%s': %m", path);
	w->elsewhere |= st.st_dev != w->dev;
	if (S_ISDIR(st.st_mode))
		return depth > 0 ? walk(w, depth - 1) : 0;
	w->bytes += (uint64_t)st.st_size;
	return w->wait && S_ISREG(st.st_mode) ? file_sync(path, w->err) : 0;
}

/* All in the folder at ->path, then the folder. */
static int
walk(struct walk *w, unsigned depth)
{
	const size_t len = w->path.len;
	DIR *const d = opendir((const char *)w->path.ptr);
	const struct dirent *e;
	int rc = 0;

	if (d == NULL)
		return err_set(w->err, ERR_SYSTEM, "'%s': %m",
			       (const char *)w->path.ptr);
	while (rc == 0 && (e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 ||
		    strcmp(e->d_name, "..") == 0)
			continue;
		rc = buf_printf(&w->path, w->err, "/%s", e->d_name);
		if (rc == 0)
			rc = look_at(w, depth);
		w->path.len = len;
		w->path.ptr[len] = '\0';
	}
	closedir(d);
	if (rc == 0 && w->wait)
		rc = file_sync((const char *)w->path.ptr, w->err);
	return rc;
}

int
job_sync(const struct job *j, struct err *err)
{
	const char *const dir = job_dir(j);
	struct walk w = { .err = err, .part = job_is_part(j) };
	struct stat st;
	int rc = -1;

	if (stat(dir, &st) != 0)
		return err_set(err, ERR_SYSTEM, "'%s': %m", dir);
	w.dev = st.st_dev;
	if (buf_printf(&w.path, err, "%s", dir) == 0) {
		w.job_len = w.path.len + 1;
		rc = walk(&w, DEPTH);
	}
	if (rc == 0 && (w.elsewhere || file_sync_around(dir, w.bytes) == 0)) {
		w.wait = true;
		rc = walk(&w, DEPTH);
		/* Its own name too; it may be new. */
		if (rc == 0)
			rc = buf_printf(&w.path, err, "/..");
		if (rc == 0)
			rc = file_sync((const char *)w.path.ptr, err);
	}
	buf_free(&w.path);
	return rc;
}
