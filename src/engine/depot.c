/* depot.c - the job in S3, its folder here, and what both have. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "aws/s3.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/keyhash.h"
#include "engine/depot_internal.h"
#include "engine/job_internal.h"
#include "engine/place.h"
#include "engine/plan.h"
#include "engine/shard.h"
#include "engine/store.h"
#include "io/file.h"

enum {
	SMALL_LEN = 16 << 20,
	NAME_LEN = 100,
	AGREE_TRIES = 20, AGREE_NS = 100 * 1000 * 1000,
};

/* Those of passes that were merged; the run's is the last thing of all. */
static const char *const JOURNALS[] = {
	JOB_SURVEY "/state/" JOB_JOURNAL, JOB_SURVEY "/" JOB_JOURNAL,
	JOB_SURVEY "/keys/" JOB_JOURNAL, JOB_JOURNAL,
};

enum { NJOURNALS = sizeof(JOURNALS) / sizeof(JOURNALS[0]) };

/* ---- names --------------------------------------------------------------- */

int
depot_path(const struct depot *d, char path[DEPOT_PATH_LEN], struct err *err,
	   const char *fmt, ...)
{
	va_list args;
	int n, more;

	n = snprintf(path, DEPOT_PATH_LEN, "%s/", d->address);
	if (n >= DEPOT_PATH_LEN)
		return err_set(err, ERR_LIMIT, "'%.300s': too long a name for "
			       "a job", d->address);
	va_start(args, fmt);
	more = vsnprintf(path + n, (size_t)(DEPOT_PATH_LEN - n), fmt, args);
	va_end(args);
	return more < DEPOT_PATH_LEN - n ? 0 :
		err_set(err, ERR_LIMIT, "'%.300s': too long a name for a job",
			d->address);
}

/* The last part of the address, for people. */
static void
short_name(const struct depot *d, char out[NAME_LEN])
{
	const char *const slash = strrchr(d->address, '/');

	snprintf(out, NAME_LEN, "%.*s", NAME_LEN - 1, slash + 1);
}

const char *
depot_address(const struct depot *d)
{
	return d->address;
}

bool
depot_is_merged(const struct depot *d)
{
	return d->merged;
}

const char *
depot_dir(const struct depot *d)
{
	return d->dir;
}

/* One job's folder is never another's: the record is in its name. */
static int
name_folder(struct depot *d, struct span record, struct err *err)
{
	struct keysum sum;
	char name[NAME_LEN];
	int n;

	keysum_start(&sum);
	keysum_add(&sum, span_of(d->address));
	keysum_add(&sum, record);
	short_name(d, name);
	n = snprintf(d->dir, sizeof(d->dir), "%s/%s-%016" PRIx64 "%s",
		     d->options.scratch, name, keysum_get(&sum),
		     d->options.merging ? ".merge" : "");
	return (size_t)n < sizeof(d->dir) ? 0 :
		err_set(err, ERR_USAGE, "'%.200s...' is too long a name for a "
			"folder; name another --scratch", d->options.scratch);
}

/* ---- small objects ------------------------------------------------------- */

int
depot_load(const char *path, struct buf *text, struct err *err)
{
	const int rc = place_look(path, err);

	buf_reset(text);
	if (rc <= 0)
		return rc;
	return place_load(path, SMALL_LEN, text, err) != 0 ||
	       buf_append(text, (struct span){ (const uint8_t *)"", 1 },
			  err) != 0 ? -1 : 1;
}

int
depot_need(const char *path, struct buf *text, struct err *err)
{
	const int rc = depot_load(path, text, err);

	return rc > 0 ? 0 : rc < 0 ? -1 :
		err_set(err, ERR_INPUT, "%s is not there any more; begin the "
			"job anew", path);
}

int
depot_save(const char *path, const char *text, struct err *err)
{
	struct s3 *const s = place_s3(path, err);

	return s == NULL ? -1 : s3_save(s, path, span_of(text), err);
}

int
depot_claim(const char *path, const char *text, struct buf *is,
	    struct err *err)
{
	struct s3 *const s = place_s3(path, err);

	return s == NULL || s3_claim(s, path, span_of(text), is, err) < 0 ||
	       buf_append(is, (struct span){ (const uint8_t *)"", 1 }, err)
	       != 0 ? -1 : 0;
}

int
depot_agree(const char *path, const char *text, struct buf *is,
	    struct err *err)
{
	struct s3 *const s = place_s3(path, err);
	int rc = s == NULL ? -1 : depot_load(path, is, err);

	/* Who is told that another request is under way may still find none. */
	for (unsigned i = 0; rc == 0 && i < AGREE_TRIES; i++) {
		if (i > 0)
			nanosleep(&(struct timespec){ .tv_nsec = AGREE_NS },
				  NULL);
		rc = s3_save_new(s, path, span_of(text), err) < 0 ? -1 :
			depot_load(path, is, err);
	}
	return rc > 0 ? 0 : rc < 0 ? -1 :
		err_set(err, ERR_REMOTE, "%s: it was written, and is not "
			"there", path);
}

/* ---- lists --------------------------------------------------------------- */

struct listing {
	struct depot *depot;
	const char *folder;		/* or NULL */
	size_t skip;			/* of keys, up to what is below it */
	size_t most;
	struct transfers *to;
};

static bool
has_size(const char *path, uint64_t size)
{
	struct stat st;

	return stat(path, &st) == 0 && (uint64_t)st.st_size == size;
}

/* Would it lead out of a folder? */
static bool
is_astray(const char *name)
{
	for (const char *p = name; p != NULL; p = strchr(p, '/')) {
		p += *p == '/';
		if (p[0] == '/' || (p[0] == '.' && p[1] == '.' &&
				    (p[2] == '/' || p[2] == '\0')))
			return true;
	}
	return false;
}

static int
see(void *context, const struct s3_object *o, struct err *err)
{
	struct listing *const l = context;
	const char *const prefix = strchr(l->depot->address + strlen("s3://"),
					  '/');
	const size_t top = strlen(prefix + 1) + 1;
	char from[DEPOT_PATH_LEN], to[DEPOT_PATH_LEN];

	if (strlen(o->key) <= l->skip)
		return 0;
	if (depot_path(l->depot, from, err, "%s", o->key + top) != 0)
		return -1;
	if (l->folder == NULL) {
		if (transfers_add(l->to, from, NULL, 0, err) != 0)
			return -1;
		return l->most > 0 && l->to->n >= l->most;
	}
	if (is_astray(o->key + l->skip))
		return err_set(err, ERR_REMOTE, "%s: no name for a file", from);
	if (snprintf(to, sizeof(to), "%s/%s", l->folder, o->key + l->skip) >=
	    (int)sizeof(to))
		return err_set(err, ERR_LIMIT, "%s: too long a name", from);
	return has_size(to, o->len) ? 0 :
		transfers_add(l->to, from, to, o->len, err);
}

int
depot_list(struct depot *d, const char *below, const char *folder,
	   size_t most, struct transfers *t, struct err *err)
{
	const char *const prefix = strchr(d->address + strlen("s3://"), '/');
	struct listing l = {
		.depot = d, .folder = folder, .most = most, .to = t,
		.skip = strlen(prefix + 1) + 1 + strlen(below),
	};
	char path[DEPOT_PATH_LEN];
	struct s3 *const s = place_s3(d->address, err);

	return s == NULL || depot_path(d, path, err, "%s", below) != 0 ? -1 :
		s3_list(s, path, 0, see, &l, err);
}

/* Those of `folder`/`name`, and below. */
static int
walk(const struct depot *d, const char *folder, const char *name,
     const char *below, bool (*takes)(const char *name), struct transfers *t,
     struct err *err)
{
	char path[PATH_MAX], to[DEPOT_PATH_LEN];
	const struct dirent *e;
	int rc = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	dir = opendir(path);
	if (dir == NULL)
		return err_set(err, ERR_SYSTEM, "'%s': %m", path);
	while (rc == 0 && (e = readdir(dir)) != NULL) {
		char one[NAME_MAX + 512];
		struct stat st;

		if (e->d_name[0] == '.' ||
		    snprintf(one, sizeof(one), "%s%s%s", name,
			     name[0] != '\0' ? "/" : "", e->d_name) >=
		    (int)sizeof(one) ||
		    snprintf(path, sizeof(path), "%s/%s", folder, one) >=
		    (int)sizeof(path) ||
		    !takes(one) || lstat(path, &st) != 0)
			continue;
		if (S_ISDIR(st.st_mode))
			rc = walk(d, folder, one, below, takes, t, err);
		else if (S_ISREG(st.st_mode))
			rc = depot_path(d, to, err, "%s%s", below, one) != 0 ?
				-1 : transfers_add(t, path, to, 0, err);
	}
	closedir(dir);
	return rc;
}

int
depot_list_files(const struct depot *d, const char *folder, const char *below,
		 bool (*takes)(const char *name), struct transfers *t,
		 struct err *err)
{
	return walk(d, folder, "", below, takes, t, err);
}

int
depot_transfer(const struct depot *d, struct transfers *t, struct err *err)
{
	const int rc = transfers_do(t, d->options.threads, d->options.cancel,
				    err);

	transfers_free(t);
	return rc;
}

/* ---- opening ------------------------------------------------------------- */

struct depot *
depot_open(const struct depot_options *o, struct err *err)
{
	struct depot *d;
	char name[NAME_LEN];

	if (plan_check_out(o->address, err) != 0) {
		err_at(err, "--job");
		return NULL;
	}
	d = calloc(1, sizeof(*d));
	if (d != NULL)
		d->address = store_address(o->address);
	if (d == NULL || d->address == NULL) {
		free(d);
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	d->options = *o;
	if (strchr(d->address + strlen("s3://"), '/') == NULL) {
		err_set(err, ERR_USAGE, "--job: '%s' is a whole bucket; name "
			"a folder in it, as %s/x.job", o->address, d->address);
		free(d->address);
		free(d);
		return NULL;
	}
	/* As the options say, not as the plan does: there is none yet. */
	place_output(NULL, d->address);
	short_name(d, name);
	snprintf(d->dir, sizeof(d->dir), "%.300s/%s", o->scratch, name);
	return d;
}

void
depot_close(struct depot *d)
{
	if (d == NULL)
		return;
	place_output(NULL, NULL);
	free(d->address);
	free(d);
}

/* ---- what is there already ----------------------------------------------- */

/* Shards on one machine share the folder: one at a time fills it. */
static int
lock_folder(const struct depot *d, struct err *err)
{
	struct flock all = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char path[sizeof(d->dir) + 16];
	int fd;

	snprintf(path, sizeof(path), "%s/.fetch", d->dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0)
		return err_set(err, ERR_SYSTEM, "'%s': %m", path);
	while (fcntl(fd, F_OFD_SETLKW, &all) != 0)
		if (errno != EINTR) {
			err_set(err, ERR_SYSTEM, "'%s': %m", path);
			close(fd);
			return -1;
		}
	return fd;
}

/* What was merged before, as far as shards ask for it. */
static int
fetch_merged(struct depot *d, struct err *err)
{
	char from[DEPOT_PATH_LEN], to[DEPOT_PATH_LEN];
	struct transfers t = { 0 };
	bool ended = false;
	int rc = 0;

	for (size_t i = 0; i < NJOURNALS && rc == 0; i++) {
		snprintf(to, sizeof(to), "%s/%s", d->dir, JOURNALS[i]);
		/* It does not change any more; but that of a merge may. */
		ended = !d->options.merging && access(to, F_OK) == 0;
		if (ended)
			continue;
		rc = depot_path(d, from, err, "%s", JOURNALS[i]);
		if (rc == 0)
			rc = place_look(from, err);
		ended = rc > 0;
		if (rc > 0)
			rc = transfers_add(&t, from, to, 0, err);
	}
	if (rc == 0)
		rc = depot_transfer(d, &t, err);
	/* Those who survey no more need not know. */
	if (rc == 0 && !ended && !d->options.merging) {
		snprintf(to, sizeof(to), "%s/" JOB_SURVEY, d->dir);
		rc = depot_list(d, JOB_SURVEY "/", to, 0, &t, err);
		snprintf(to, sizeof(to), "%s/" JOB_INDEX, d->dir);
		if (rc == 0)
			rc = depot_list(d, JOB_INDEX "/", to, 0, &t, err);
	}
	if (rc == 0)
		rc = depot_transfer(d, &t, err);
	transfers_free(&t);
	d->merged = ended;
	/* As job_is_out() wants to see it. */
	snprintf(to, sizeof(to), "%s/" JOB_OUT, d->dir);
	return rc == 0 && ended ? file_make_folder(to, err) : rc;
}

int
depot_fetch(struct depot *d, struct err *err)
{
	char path[DEPOT_PATH_LEN];
	struct buf record = { 0 };
	int fd = -1;
	int rc = depot_path(d, path, err, JOB_RECORD);

	if (rc == 0)
		rc = depot_load(path, &record, err);
	if (rc <= 0)
		goto done;
	if (name_folder(d, buf_span(&record), err) != 0 ||
	    file_make_folder(d->dir, err) != 0 ||
	    (fd = lock_folder(d, err)) < 0) {
		rc = -1;
		goto done;
	}
	snprintf(path, sizeof(path), "%s/" JOB_RECORD, d->dir);
	if ((access(path, F_OK) != 0 &&
	     file_save(path, (struct span){ record.ptr, record.len - 1 },
		       err) != 0) ||
	    fetch_merged(d, err) != 0)
		rc = -1;
	d->known = rc > 0;
done:
	if (fd >= 0)
		close(fd);
	buf_free(&record);
	return rc;
}

/* ---- beginning ----------------------------------------------------------- */

/* One that is no flag of those who are about to begin. */
static int
see_any(void *context, const struct s3_object *o, struct err *err)
{
	(void)err;
	return !s3_is_flag(o->key, context);
}

/* A place that holds other things is no place for a job. */
static int
check_empty(struct depot *d, struct err *err)
{
	struct s3 *const s = place_s3(d->address, err);
	char path[DEPOT_PATH_LEN], record[DEPOT_PATH_LEN];
	int rc;

	if (s == NULL || depot_path(d, path, err, "%s", "") != 0 ||
	    depot_path(d, record, err, JOB_RECORD) != 0)
		return -1;
	rc = s3_list(s, path, 0, see_any, record, err);
	/* Or somebody else began it meanwhile. */
	if (rc > 0)
		rc = depot_fetch(d, err) > 0 ? 0 : 1;
	return rc <= 0 ? rc : err_set(err, ERR_REFUSED, "%s is no job, and not "
				      "empty; name another place", d->address);
}

/* job.json as these facts make it. */
static int
make_record(const struct depot *d, const struct job_fact *facts, size_t n,
	    struct buf *text, struct err *err)
{
	char folder[sizeof(d->dir) + 16], path[sizeof(folder) + 16];
	int rc;

	if (file_make_folder(d->options.scratch, err) != 0)
		return -1;
	snprintf(folder, sizeof(folder), "%s.XXXXXX", d->dir);
	if (mkdtemp(folder) == NULL)
		return err_set(err, ERR_SYSTEM, "'%s': %m", folder);
	snprintf(path, sizeof(path), "%s/" JOB_RECORD, folder);
	rc = job_record_agree(folder, facts, n, err);
	if (rc == 0)
		rc = file_load(path, SMALL_LEN, text, err);
	if (rc == 0)
		rc = buf_append(text, (struct span){ (const uint8_t *)"", 1 },
				err);
	shard_remove_attempt(folder);
	return rc;
}

/* It was there a moment ago. */
static int
fetch_begun(struct depot *d, struct err *err)
{
	const int rc = depot_fetch(d, err);

	return rc > 0 ? 0 : rc < 0 ? -1 :
		err_set(err, ERR_INPUT, "job %s is not there any more; begin it "
			"anew", d->address);
}

int
depot_begin(struct depot *d, const struct job_fact *facts, size_t n,
	    struct err *err)
{
	struct buf text = { 0 }, is = { 0 };
	char path[DEPOT_PATH_LEN];
	int rc;

	if (d->known)
		return 0;
	rc = check_empty(d, err);
	if (rc != 0 || d->known)
		return rc;
	rc = make_record(d, facts, n, &text, err);
	if (rc == 0)
		rc = depot_path(d, path, err, JOB_RECORD);
	if (rc == 0)
		rc = depot_claim(path, (const char *)text.ptr, &is, err);
	if (rc == 0)
		rc = fetch_begun(d, err);
	buf_free(&text);
	buf_free(&is);
	return rc;
}
