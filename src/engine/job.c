/*
 * job.c - the folder, its lock, and its names in out/.
 *
 * The lock is a write lock on JOB/lock that belongs to our open file, so that
 * it goes with the process, is not lost when somebody else in it closes the
 * same file, and can be asked about without being taken.  The file stays: to
 * remove it would let two processes lock two files of one name.
 */
#include "engine/job.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/err.h"
#include "engine/job_internal.h"
#include "engine/place.h"
#include "engine/status.h"
#include "engine/story.h"
#include "io/file.h"

struct job {
	char *dir;
	char *out;		/* JOB_OUT in it */
	int lock;		/* -1: not open */
	bool held;		/* the lock, by us */
	bool shared;		/* it is one of several, of parts */
	bool no_locks;		/* the file system has none */
	bool part;		/* of a divided job */
	bool started_now;
	struct job_record record;
};

/* ---- the lock ------------------------------------------------------------ */

/* Who holds it wrote so into the file. */
static void
read_holder(int fd, char *out, size_t size)
{
	const ssize_t n = pread(fd, out, size - 1, 0);

	out[n > 0 ? n : 0] = '\0';
	out[strcspn(out, "\n")] = '\0';
	if (out[0] == '\0')
		snprintf(out, size, "another process");
}

static void
write_holder(int fd, bool shared)
{
	char host[128] = "", text[192];

	if (gethostname(host, sizeof(host) - 1) != 0)
		host[0] = '\0';
	if (shared)
		snprintf(text, sizeof(text), "shards of it\n");
	else
		snprintf(text, sizeof(text), "pid %ld on %s\n",
			 (long)getpid(), host);
	/* Only for a message that another process may show. */
	if (ftruncate(fd, 0) != 0 || pwrite(fd, text, strlen(text), 0) < 0)
		return;
}

/* Returns 1 if the lock of the folder is ours now, 0 if another's, or -1. */
static int
try_lock(struct job *j, const char *dir, struct err *err)
{
	struct flock all = {
		.l_type = j->shared ? F_RDLCK : F_WRLCK, .l_whence = SEEK_SET,
	};
	char *path;

	if (asprintf(&path, "%s/lock", dir) < 0)
		return err_set(err, ERR_SYSTEM, "out of memory");
	j->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if (j->lock < 0) {
		err_set(err, ERR_SYSTEM, "'%s': %m", path);
		err_advise(err, "name a job that can be written to");
	}
	free(path);
	if (j->lock < 0)
		return -1;
	if (fcntl(j->lock, F_OFD_SETLK, &all) == 0) {
		j->held = true;
		write_holder(j->lock, j->shared);
		return 1;
	}
	if (errno == EAGAIN || errno == EACCES)
		return 0;
	j->no_locks = errno == ENOLCK || errno == ENOSYS ||
		      errno == EOPNOTSUPP;
	return err_set(err, ERR_SYSTEM, "'%s/lock': %m", dir);
}

/*
 * Let go of the lock, if it is ours.  Nobody holds it then, and the file says
 * so: whoever found a job done leaves it byte for byte as it was.
 */
static void
release(struct job *j)
{
	if (j->lock < 0)
		return;
	if (!j->held || j->shared || ftruncate(j->lock, 0) == 0)
		j->held = false;
	close(j->lock);
	j->lock = -1;
}

static int
take_lock(struct job *j, struct err *err)
{
	const int rc = try_lock(j, j->dir, err);
	char holder[192];

	if (rc != 0)
		return rc > 0 ? 0 : -1;
	read_holder(j->lock, holder, sizeof(holder));
	return err_set(err, ERR_REFUSED, "job '%s' is in use by %s; wait for "
		       "it to end, or stop it", j->dir, holder);
}

bool
job_in_use(const char *dir, char *holder, size_t size)
{
	struct flock all = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char *path;
	int fd;

	if (asprintf(&path, "%s/lock", dir) < 0)
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	free(path);
	if (fd < 0)
		return false;

	const bool held = fcntl(fd, F_OFD_GETLK, &all) == 0 &&
			  all.l_type != F_UNLCK;
	if (held)
		read_holder(fd, holder, size);
	close(fd);
	return held;
}

/* ---- the folder ---------------------------------------------------------- */

static int
exists(const char *dir, const char *name)
{
	struct stat st;
	char *path;
	int yes;

	if (asprintf(&path, "%s/%s", dir, name) < 0)
		return 0;
	yes = stat(path, &st) == 0;
	free(path);
	return yes;
}

/* A folder without job.json must hold nothing but what a crash left of one. */
static int
check_empty(const char *dir, struct err *err)
{
	static const char *const OURS[] = { ".", "..", "lock" };
	const size_t n = sizeof(OURS) / sizeof(OURS[0]);
	DIR *const d = opendir(dir);
	const struct dirent *e;
	int rc = 0;

	if (d == NULL)
		return err_set(err, ERR_SYSTEM, "'%s': %m", dir);
	while (rc == 0 && (e = readdir(d)) != NULL) {
		size_t i = 0;

		while (i < n && strcmp(e->d_name, OURS[i]) != 0)
			i++;
		/* Also those of parts that begin at once: job_record_agree(). */
		if (i == n && !job_record_is_temporary(e->d_name))
			rc = err_set(err, ERR_REFUSED, "'%s' is no job, and "
				     "not empty: it holds '%s'; name a new "
				     "folder", dir, e->d_name);
	}
	closedir(d);
	return rc;
}

static int
make_folders(const struct job *j, struct err *err)
{
	static const char *const NAMES[] = {
		JOB_UNITS, JOB_TMP, JOB_REJECTS, JOB_OUT_PARTIAL,
	};
	const size_t n = sizeof(NAMES) / sizeof(NAMES[0]);
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < n; i++) {
		char *path;

		if (strcmp(NAMES[i], JOB_OUT_PARTIAL) == 0 &&
		    exists(j->dir, JOB_OUT))
			continue;
		if (asprintf(&path, "%s/%s", j->dir, NAMES[i]) < 0)
			return err_set(err, ERR_SYSTEM, "out of memory");
		rc = file_make_folder(path, err);
		free(path);
	}
	return rc;
}

static struct job *
new_job(const char *dir, struct err *err)
{
	struct job *const j = calloc(1, sizeof(*j));
	size_t n = strlen(dir);

	while (n > 1 && dir[n - 1] == '/')
		n--;
	if (j != NULL)
		j->dir = strndup(dir, n);
	if (j != NULL && j->dir != NULL &&
	    asprintf(&j->out, "%s/" JOB_OUT, j->dir) < 0)
		j->out = NULL;
	if (j == NULL || j->dir == NULL || j->out == NULL) {
		if (j != NULL)
			free(j->dir);
		free(j);
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	j->lock = -1;
	return j;
}

/*
 * No run was begun here: what surveys found of another plan, or of sources that
 * changed since, is of no use.  One analyzes, mends the plan, and goes on.
 */
static void
forget_surveys(struct job *j)
{
	static const char *const NAMES[] = {
		JOB_SURVEY "/" JOB_JOURNAL, JOB_SURVEY "/keys/" JOB_JOURNAL,
		"analysis.json", "analysis.html", JOB_STATUS, JOB_STORY,
	};
	const size_t n = sizeof(NAMES) / sizeof(NAMES[0]);

	for (size_t i = 0; i < n; i++) {
		char *path;

		if (asprintf(&path, "%s/%s", j->dir, NAMES[i]) < 0)
			continue;
		unlink(path);
		free(path);
	}
	job_record_free(&j->record);
}

struct job *
job_open(const char *dir, const struct job_fact *facts, size_t nfacts,
	 struct err *err)
{
	struct job *const j = new_job(dir, err);

	if (place_is_remote(dir)) {
		err_set(err, ERR_USAGE, "%s: a job in S3 is a divided one; say "
			"--shard I/N, or name a folder", dir);
		goto fail;
	}
	if (j == NULL || file_make_folder(j->dir, err) != 0)
		goto fail;
	j->started_now = !exists(j->dir, JOB_RECORD);
	if (j->started_now && check_empty(j->dir, err) != 0)
		goto fail;
	if (take_lock(j, err) != 0)
		goto fail;
	/* Somebody may have started it between the look and the lock. */
	j->started_now = !exists(j->dir, JOB_RECORD);
	if (!j->started_now) {
		if (job_record_load(&j->record, j->dir, err) != 0)
			goto fail;
		if (job_record_compare(&j->record, j->dir, facts, nfacts,
				       err) != 0) {
			if (exists(j->dir, JOB_JOURNAL) ||
			    exists(j->dir, JOB_SHARDS))
				goto fail;
			forget_surveys(j);
			j->started_now = true;
		}
	}
	if (j->started_now &&
	    job_record_start(&j->record, j->dir, facts, nfacts, err) != 0)
		goto fail;
	if (make_folders(j, err) == 0)
		return j;
fail:
	job_close(j);
	return NULL;
}

struct job *
job_open_parted(const char *dir, const struct job_fact *facts, size_t nfacts,
		struct err *err)
{
	struct job *const j = new_job(dir, err);

	if (j == NULL || file_make_folder(j->dir, err) != 0)
		goto fail;
	/* It may get one, and other things, while we look. */
	if (!exists(j->dir, JOB_RECORD) && check_empty(j->dir, err) != 0 &&
	    !exists(j->dir, JOB_RECORD))
		goto fail;
	if (!exists(j->dir, JOB_RECORD) &&
	    job_record_agree(j->dir, facts, nfacts, err) != 0)
		goto fail;
	if (job_record_load(&j->record, j->dir, err) == 0 &&
	    job_record_compare(&j->record, j->dir, facts, nfacts, err) == 0)
		return j;
fail:
	job_close(j);
	return NULL;
}

int
job_enter(struct job *j, const char *folder, bool old, char *holder,
	  size_t size, struct err *err)
{
	bool made;
	int rc;

	if (mkdir(folder, 0777) == 0)
		made = true;
	else if (errno == EEXIST)
		made = false;
	else
		return err_set(err, ERR_SYSTEM, "'%s': %m", folder);
	rc = try_lock(j, folder, err);
	/* Without locks only a new folder is surely nobody's. */
	if (rc < 0 && j->no_locks)
		rc = made || old;
	if (rc == 0) {
		read_holder(j->lock, holder, size);
		release(j);
	}
	if (rc <= 0)
		return rc;
	free(j->dir);
	j->dir = strdup(folder);
	if (j->dir == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	j->part = true;
	return make_folders(j, err) == 0 ? 1 : -1;
}

bool
job_is_part(const struct job *j)
{
	return j->part;
}

static struct job *
open_as_is(const char *dir, bool lock, bool shared, struct err *err)
{
	struct job *const j = new_job(dir, err);

	if (j == NULL)
		return NULL;
	j->shared = shared;
	if (place_is_remote(dir))
		err_set(err, ERR_USAGE, "job %s is in S3; copy it to a folder, "
			"but for its data files, and name that", dir);
	else if (!exists(j->dir, JOB_RECORD))
		err_set(err, ERR_USAGE, "'%s' is no job: it has no " JOB_RECORD,
			dir);
	else if ((!lock || take_lock(j, err) == 0) &&
		 job_record_load(&j->record, j->dir, err) == 0)
		return j;
	job_close(j);
	return NULL;
}

struct job *
job_open_as_is(const char *dir, bool lock, struct err *err)
{
	return open_as_is(dir, lock, false, err);
}

struct job *
job_open_shared(const char *dir, struct err *err)
{
	return open_as_is(dir, true, true, err);
}

const char *
job_dir(const struct job *j)
{
	return j->dir;
}

bool
job_started_now(const struct job *j)
{
	return j->started_now;
}

const char *
job_value(const struct job *j, const char *group, const char *name)
{
	for (size_t i = 0; i < j->record.n; i++) {
		const struct job_fact *const f = &j->record.facts[i];

		if (strcmp(f->group, group) == 0 && strcmp(f->name, name) == 0)
			return f->value;
	}
	return NULL;
}

const struct job_fact *
job_facts(const struct job *j, size_t *n)
{
	*n = j->record.n;
	return j->record.facts;
}

bool
job_is_out(const struct job *j)
{
	return exists(j->dir, JOB_OUT) && !exists(j->dir, JOB_OUT_PARTIAL);
}

const char *
job_out(const struct job *j)
{
	const char *const remote = job_value(j, "options", "-o");

	return remote != NULL ? remote : j->out;
}

/* Rename a folder of the job, on disk when this returns. */
static int
rename_folder(const struct job *j, const char *from, const char *to,
	      struct err *err)
{
	const int fd = open(j->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = 0;

	if (fd < 0)
		return err_set(err, ERR_SYSTEM, "'%s': %m", j->dir);
	if (exists(j->dir, to))
		rc = err_set(err, ERR_SYSTEM, "'%s' holds both '%s' and '%s'; "
			     "remove the one that is not the job's", j->dir,
			     from, to);
	else if (renameat(fd, from, fd, to) != 0 ||
		 (fsync(fd) != 0 && errno != EINVAL))
		rc = err_set(err, ERR_SYSTEM, "'%s/%s': %m", j->dir, from);
	close(fd);
	return rc;
}

int
job_put_out(const struct job *j, struct err *err)
{
	if (job_is_out(j))
		return 0;
	if (job_sync(j, err) != 0)
		return -1;
	return rename_folder(j, JOB_OUT_PARTIAL, JOB_OUT, err);
}

int
job_take_back(const struct job *j, struct err *err)
{
	if (!job_is_out(j))
		return 0;
	return rename_folder(j, JOB_OUT, JOB_OUT_PARTIAL, err);
}

/* "1.5 GiB". */
static void
tell_size(uint64_t n, char *out, size_t size)
{
	static const char *const UNITS[] = { "bytes", "KiB", "MiB", "GiB",
					     "TiB" };
	double v = (double)n;
	unsigned u = 0;

	while (v >= 1024 && u < 4) {
		v /= 1024;
		u++;
	}
	snprintf(out, size, "%.*f %s", u == 0 ? 0 : 1, v, UNITS[u]);
}

int
job_check_space(const char *dir, uint64_t need, struct err *err)
{
	char has[32], wants[32];
	struct statvfs st;

	if (statvfs(dir, &st) != 0)
		return err_set(err, ERR_SYSTEM, "'%s': %m", dir);

	const uint64_t room = (uint64_t)st.f_bavail * st.f_frsize;
	if (room >= need)
		return 0;
	tell_size(room, has, sizeof(has));
	tell_size(need, wants, sizeof(wants));
	return err_set(err, ERR_SYSTEM, "'%s': %s of disk free, and about %s "
		       "needed; make room, or name a folder elsewhere", dir,
		       has, wants);
}

void
job_close(struct job *j)
{
	if (j == NULL)
		return;
	release(j);
	job_record_free(&j->record);
	free(j->dir);
	free(j->out);
	free(j);
}
