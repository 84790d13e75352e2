/*
 * journal_files.c - the files that a journal's records name: are they there,
 * and what lies beside them that nobody knows.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/keyhash.h"
#include "engine/job.h"
#include "engine/journal.h"
#include "engine/journal_internal.h"
#include "engine/keyfile.h"
#include "engine/place.h"
#include "io/feed.h"
#include "io/file.h"

static bool
is_folder(const char *dir, const char *name)
{
	struct stat st;
	char *path;
	bool yes;

	if (asprintf(&path, "%s/%s", dir, name) < 0)
		return false;
	yes = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
	free(path);
	return yes;
}

/* Is it an object in S3? */
static bool
is_remote(const struct journal_file *f)
{
	const size_t n = strlen(JOB_REMOTE "/");

	return f->path.len > n && memcmp(f->path.ptr, JOB_REMOTE "/", n) == 0;
}

char *
journal_place(const char *job_dir, const struct journal_file *f)
{
	const char *const p = (const char *)f->path.ptr;
	const size_t out = strlen(JOB_OUT);
	char *path;
	int n;

	if ((f->kind == JOURNAL_OUT || f->kind == JOURNAL_DELETES) &&
	    f->path.len > out &&
	    memcmp(p, JOB_OUT "/", out + 1) == 0 &&
	    is_folder(job_dir, JOB_OUT_PARTIAL))
		n = asprintf(&path, "%s/" JOB_OUT_PARTIAL "%.*s", job_dir,
			     (int)(f->path.len - out), p + out);
	else
		n = asprintf(&path, "%s/%.*s", job_dir, (int)f->path.len, p);
	return n < 0 ? NULL : path;
}

/* Set *out to the XXH3-64 of a file. */
static int
sum_file(const char *path, uint64_t *out, struct err *why)
{
	enum { STEP_LEN = 256 * 1024 };
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint8_t *const room = malloc(STEP_LEN);
	struct keysum sum;
	ssize_t n = -1;

	if (fd < 0 || room == NULL)
		goto done;
	keysum_start(&sum);
	do {
		n = read(fd, room, STEP_LEN);
		if (n > 0)
			keysum_add(&sum, (struct span){ room, (size_t)n });
	} while (n > 0 || (n < 0 && errno == EINTR));
	*out = keysum_get(&sum);
done:
	if (n < 0)
		err_set(why, ERR_SYSTEM, "'%s': %m", path);
	if (fd >= 0)
		close(fd);
	free(room);
	return n < 0 ? -1 : 0;
}

static int
different(const char *path, const struct journal_file *f, uint64_t sum,
	  struct err *why)
{
	err_set(why, ERR_INPUT, "'%s' is not what was written: its XXH3 is "
		"%016" PRIx64 ", not %016" PRIx64, path, sum, f->xxh3);
	return 0;
}

/* Returns 1, 0 or -1 as journal_check_unit() does. */
static int
check_file(const char *path, const struct journal_file *f, bool deep,
	   struct err *why)
{
	struct stat st;
	uint64_t sum;

	if (stat(path, &st) != 0) {
		const bool gone = errno == ENOENT || errno == ENOTDIR;

		err_set(why, gone ? ERR_INPUT : ERR_SYSTEM, "'%s': %m", path);
		return gone ? 0 : -1;
	}
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != f->size) {
		err_set(why, ERR_INPUT, "'%s' has %jd bytes, but the journal "
			"says %" PRIu64, path, (intmax_t)st.st_size, f->size);
		return 0;
	}
	if (!deep)
		return 1;
	if (f->kind == JOURNAL_KEYS)
		return keyfile_check(path, f->xxh3, why);
	if (sum_file(path, &sum, why) != 0)
		return -1;
	return sum == f->xxh3 ? 1 : different(path, f, sum, why);
}

int
journal_check_file(const char *path, const struct journal_file *f,
		   struct err *why)
{
	enum { STEP_LEN = 256 * 1024 };
	struct feed *feed;
	struct keysum sum;
	uint8_t *room;
	ssize_t n = -1;

	if (f->kind == JOURNAL_KEYS)
		return keyfile_check(path, f->xxh3, why);
	feed = place_feed(path, why);
	room = malloc(STEP_LEN);
	if (room == NULL)
		err_set(why, ERR_SYSTEM, "out of memory");
	keysum_start(&sum);
	while (feed != NULL && room != NULL &&
	       (n = feed->read(feed, room, STEP_LEN, why)) > 0)
		keysum_add(&sum, (struct span){ room, (size_t)n });
	if (feed != NULL)
		feed->close(feed);
	free(room);
	if (n < 0)
		return -1;
	return keysum_get(&sum) == f->xxh3 ? 1 : different(path, f,
						keysum_get(&sum), why);
}

static int
check_files(const char *job_dir, const struct journal_unit *u, bool all,
	    bool deep, struct err *why)
{
	int rc = 1;

	for (size_t i = 0; rc == 1 && i < u->nfiles; i++) {
		if (is_remote(&u->files[i]) ||
		    (!all && u->files[i].kind != JOURNAL_OUT &&
		     u->files[i].kind != JOURNAL_DELETES))
			continue;
		char *const path = journal_place(job_dir, &u->files[i]);

		rc = path == NULL ? err_set(why, ERR_SYSTEM, "out of memory") :
				    check_file(path, &u->files[i], deep, why);
		free(path);
	}
	return rc;
}

int
journal_check_unit(const char *job_dir, const struct journal_unit *u,
		   bool deep, struct err *why)
{
	return check_files(job_dir, u, true, deep, why);
}

int
journal_check_out(const char *job_dir, const struct journal_unit *u,
		  struct err *why)
{
	return check_files(job_dir, u, false, false, why);
}

/* ---- to the disk --------------------------------------------------------- */

enum { MAX_FOLDERS = 64 };

/* Folders whose names are still to be brought to the disk. */
struct folders {
	char *paths[MAX_FOLDERS];
	size_t n;
};

static int
sync_folders(struct folders *f, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < f->n; i++) {
		if (rc == 0)
			rc = file_sync(f->paths[i], err);
		free(f->paths[i]);
	}
	f->n = 0;
	return rc;
}

/* Note the folder of `path`, which is cut short to it and taken over. */
static int
note_folder(struct folders *f, char *path, struct err *err)
{
	int rc = 0;

	*strrchr(path, '/') = '\0';
	for (size_t i = 0; i < f->n; i++)
		if (strcmp(f->paths[i], path) == 0) {
			free(path);
			return 0;
		}
	if (f->n == MAX_FOLDERS)
		rc = sync_folders(f, err);
	f->paths[f->n++] = path;
	return rc;
}

static int
sync_file(const char *job_dir, const struct journal_file *f,
	  struct folders *folders, struct err *err)
{
	char *const path = journal_place(job_dir, f);

	if (path == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	if (file_sync(path, err) == 0)
		return note_folder(folders, path, err);
	free(path);
	return -1;
}

static uint64_t
size_of(const struct journal_unit *const *units, size_t n)
{
	uint64_t all = 0;

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < units[i]->nfiles; k++)
			if (!is_remote(&units[i]->files[k]))
				all += units[i]->files[k].size;
	return all;
}

int
journal_sync_files(const char *job_dir,
		   const struct journal_unit *const *units, size_t n,
		   struct err *err)
{
	struct folders folders = { .n = 0 };
	int rc = 0;

	if (file_sync_around(job_dir, size_of(units, n)) == 1)
		return 0;
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < units[i]->nfiles; k++) {
			struct err trouble;

			/* After a failure too: see what else is refused. */
			if (is_remote(&units[i]->files[k]) ||
			    sync_file(job_dir, &units[i]->files[k], &folders,
				      &trouble) == 0 || rc != 0)
				continue;
			*err = trouble;
			rc = -1;
		}
	if (rc == 0)
		return sync_folders(&folders, err);
	while (folders.n > 0)
		free(folders.paths[--folders.n]);
	return -1;
}

/* ---- sweeping ------------------------------------------------------------ */

/* The files that records name, in order; and where we are. */
struct sweep {
	struct span *known;
	size_t nknown, cap;
	struct buf path;	/* of the folder that is looked through */
	size_t job_len;		/* of that, the job's folder and a slash */
	struct err *err;
};

static int
compare(const void *a, const void *b)
{
	return span_compare(*(const struct span *)a, *(const struct span *)b);
}

static int
learn(struct sweep *s, const struct journal_unit *u)
{
	for (size_t i = 0; i < u->nfiles; i++) {
		if (s->nknown == s->cap) {
			const size_t cap = s->cap == 0 ? 256 : 2 * s->cap;
			struct span *const p =
				realloc(s->known, cap * sizeof(*p));

			if (p == NULL)
				return err_set(s->err, ERR_SYSTEM,
					       "out of memory");
			s->known = p;
			s->cap = cap;
		}
		s->known[s->nknown++] = u->files[i].path;
	}
	return 0;
}

/* Does a record name the file at ->path? */
static bool
is_known(const struct sweep *s)
{
	static const char PARTIAL[] = JOB_OUT_PARTIAL "/";
	const char *const p = (const char *)s->path.ptr + s->job_len;
	char *final = NULL;
	bool found;

	if (strncmp(p, PARTIAL, strlen(PARTIAL)) == 0 &&
	    asprintf(&final, JOB_OUT "/%s", p + strlen(PARTIAL)) < 0)
		return true;	/* when in doubt, leave it */
	const struct span name = span_of(final != NULL ? final : p);
	found = s->nknown > 0 && bsearch(&name, s->known, s->nknown,
					 sizeof(name), compare) != NULL;
	free(final);
	return found;
}

static bool
is_part(const char *name)
{
	const size_t n = strlen(name);

	return n > 6 && name[0] == '.' && strcmp(name + n - 5, ".part") == 0;
}

/* Are all files in this folder made unit by unit, or of no use by now? */
static bool
is_ours(const char *folder)
{
	const size_t n = strlen(folder);

	return strcmp(folder, JOB_UNITS) == 0 ||
	       strcmp(folder, JOB_REJECTS) == 0 ||
	       strcmp(folder, JOB_TMP) == 0 ||
	       (strncmp(folder, JOB_OUT_PARTIAL "/",
			strlen(JOB_OUT_PARTIAL "/")) == 0 &&
		((n > 5 && strcmp(folder + n - 5, "/data") == 0) ||
		 (n > 8 && strcmp(folder + n - 8, "/" JOB_DELETES) == 0)));
}

/* Put `/name` behind ->path, which stays a C string. */
static int
enter(struct sweep *s, const char *name)
{
	if (buf_printf(&s->path, s->err, "/%s", name) != 0)
		return -1;
	return 0;
}

static void
leave(struct sweep *s, size_t len)
{
	s->path.len = len;
	s->path.ptr[len] = '\0';
}

static int
look_through(struct sweep *s, unsigned depth);

/* What to do about the entry at ->path in a folder that is `ours` or not. */
static int
look_at(struct sweep *s, const char *name, bool ours, unsigned depth)
{
	const char *const path = (const char *)s->path.ptr;
	struct stat st;

	if (lstat(path, &st) != 0)
		return errno == ENOENT ? 0 :
		       err_set(s->err, ERR_SYSTEM, "'%s': %m", path);
	if (S_ISDIR(st.st_mode))
		return depth > 0 && strcmp(path + s->job_len, JOB_SHARDS) != 0
			? look_through(s, depth - 1) : 0;
	if (!is_part(name) && (!ours || is_known(s)))
		return 0;
	if (unlink(path) != 0 && errno != ENOENT)
		return err_set(s->err, ERR_SYSTEM, "'%s': %m", path);
	return 0;
}

static int
look_through(struct sweep *s, unsigned depth)
{
	const size_t len = s->path.len;
	const bool ours = len > s->job_len &&
			  is_ours((const char *)s->path.ptr + s->job_len);
	DIR *const d = opendir((const char *)s->path.ptr);
	const struct dirent *e;
	int rc = 0;

	if (d == NULL)
		return errno == ENOENT ? 0 :
		       err_set(s->err, ERR_SYSTEM, "'%s': %m",
			       (const char *)s->path.ptr);
	while (rc == 0 && (e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 ||
		    strcmp(e->d_name, "..") == 0)
			continue;
		rc = enter(s, e->d_name);
		if (rc == 0)
			rc = look_at(s, e->d_name, ours, depth);
		leave(s, len);
	}
	closedir(d);
	return rc;
}

int
journal_sweep(struct journal *j, const char *job_dir, struct err *err)
{
	enum { DEPTH = 4 };	/* out.partial/<table>/data is 3 */
	struct sweep s = { .err = err };
	uint32_t end;
	int rc = -1;

	if (journal_check_boot(j, job_dir, err) != 0)
		return -1;
	journal_nunits(j, &end);
	for (uint32_t i = 0; i < end; i++) {
		const struct journal_unit *const u = journal_unit(j, i);

		if (u != NULL && learn(&s, u) != 0)
			goto done;
	}
	if (s.nknown > 0)
		qsort(s.known, s.nknown, sizeof(*s.known), compare);
	if (buf_printf(&s.path, err, "%s", job_dir) != 0)
		goto done;
	s.job_len = s.path.len + 1;
	rc = look_through(&s, DEPTH);
done:
	free(s.known);
	buf_free(&s.path);
	return rc;
}
