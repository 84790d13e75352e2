/* deliver_shard.c - see deliver_shard.h; and which files are whose. */
#include "engine/deliver_shard.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aws/dynamodb.h"
#include "base/err.h"
#include "engine/deliver_internal.h"
#include "engine/divide.h"
#include "engine/folderlock.h"
#include "engine/job.h"
#include "engine/progress.h"
#include "io/file.h"

enum { COPY_LEN = 1 << 20, COUNT_LEN = 16 };

/* ---- who looks at what is common ----------------------------------------- */

int
deliver_shard_lock(const struct deliver *d, struct err *err)
{
	struct flock all = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char path[PATH_MAX];
	int fd, rc;

	snprintf(path, sizeof(path), "%s/" JOB_PUSH_SHARDS, d->o.job_dir);
	if (file_make_folder(path, err) != 0)
		return -1;
	snprintf(path, sizeof(path), "%s/" JOB_PUSH_SHARDS "/lock",
		 d->o.job_dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0)
		return err_set(err, ERR_SYSTEM, "'%s': %m", path);
	do
		rc = fcntl(fd, F_OFD_SETLKW, &all);
	while (rc != 0 && errno == EINTR);
	if (rc == 0)
		return fd;
	err_set(err, ERR_SYSTEM, "'%s': %m", path);
	close(fd);
	return -1;
}

void
deliver_shard_unlock(int fd)
{
	if (fd >= 0)
		close(fd);
}

static void
begun_path(const struct deliver *d, const struct delivery *t,
	   char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/" JOB_PUSH_SHARDS "/%s.begun",
		 d->o.job_dir, t->shown.name);
}

bool
deliver_shard_is_begun(const struct deliver *d, const struct delivery *t)
{
	char path[PATH_MAX];

	begun_path(d, t, path);
	return d->o.nshards > 0 && access(path, F_OK) == 0;
}

int
deliver_shard_begin(const struct deliver *d, const struct delivery *t,
		    struct err *err)
{
	char path[PATH_MAX];

	begun_path(d, t, path);
	return file_save_safe(path, (struct span){ NULL, 0 }, err);
}

/* ---- one of them --------------------------------------------------------- */

int
deliver_shards_count(const char *job_dir, uint32_t *count, struct err *err)
{
	struct buf text = { 0 };
	char path[PATH_MAX];
	unsigned long n = 0;
	int rc = 0;

	snprintf(path, sizeof(path), "%s/" JOB_PUSH_SHARDS "/count", job_dir);
	if (access(path, F_OK) == 0 &&
	    (file_load(path, COUNT_LEN, &text, err) != 0 ||
	     buf_append(&text, (struct span){ (const uint8_t *)"", 1 },
			err) != 0))
		rc = -1;
	else if (text.len > 0)
		n = strtoul((const char *)text.ptr, NULL, 10);
	if (rc == 0 && (n > DIVIDE_MOST || (n == 0 && text.len > 0)))
		rc = err_set(err, ERR_INPUT, "'%s' is no number of shards",
			     path);
	buf_free(&text);
	*count = (uint32_t)n;
	return rc;
}

static int
agree(const struct deliver *d, struct err *err)
{
	char path[PATH_MAX], text[COUNT_LEN];
	uint32_t count;

	if (deliver_shards_count(d->o.job_dir, &count, err) != 0)
		return -1;
	if (count == d->o.nshards || (count == 0 && d->o.look_only))
		return 0;
	if (count > 0)
		return err_set(err, ERR_REFUSED, "the push of job '%s' is "
			       "divided into %" PRIu32 " shards, not %" PRIu32
			       "; say --shard I/%" PRIu32 ", or bring their "
			       "records together with 'dynamill push --job %s "
			       "--dry-run' and divide it anew", d->o.job_dir,
			       count, d->o.nshards, count, d->o.job_dir);
	snprintf(path, sizeof(path), "%s/" JOB_PUSH_SHARDS "/count",
		 d->o.job_dir);
	snprintf(text, sizeof(text), "%" PRIu32 "\n", d->o.nshards);
	return file_save_safe(path, span_of(text), err);
}

/* Has any shard, or who pushed it whole, noted that an item arrived? */
static int
is_noted(const struct deliver *d, const struct delivery *t, bool *noted,
	 struct err *err)
{
	char path[PATH_MAX];
	uint32_t count = 0;

	snprintf(path, sizeof(path), "%s/" JOB_PUSH "/%s.done", d->o.job_dir,
		 t->shown.name);
	*noted = progress_has_any(path);
	if (deliver_shards_count(d->o.job_dir, &count, err) != 0)
		return -1;
	for (uint32_t i = 1; i <= count && !*noted; i++) {
		snprintf(path, sizeof(path), "%s/" JOB_PUSH_SHARDS "/%" PRIu32
			 "/" JOB_PUSH "/%s.done", d->o.job_dir, i,
			 t->shown.name);
		*noted = progress_has_any(path);
	}
	return 0;
}

/* Those that came since it was found empty are there: it is asked again. */
int
deliver_shard_check_there(const struct deliver *d, const struct delivery *t,
			  struct err *err)
{
	bool noted, empty = false;

	if (is_noted(d, t, &noted, err) != 0 ||
	    (noted && dynamodb_is_empty(d->service, t->shown.name, &empty,
					err) != 0))
		return -1;
	return !empty ? 0
		: err_set(err, ERR_REFUSED, "table '%s' is empty, and shards "
			  "put items into it before: they were removed since; "
			  "'dynamill push --job %s --dry-run' brings together "
			  "what was noted, and says how to put them again",
			  t->shown.name, d->o.job_dir);
}

int
deliver_shard_enter(struct deliver *d, struct err *err)
{
	char path[PATH_MAX];
	int lock, rc;

	snprintf(path, sizeof(path), "%s/" JOB_PUSH_SHARDS "/%" PRIu32,
		 d->o.job_dir, d->o.shard);
	d->records = (const char *)arena_copy(&d->mem, (struct span){
		(const uint8_t *)path, strlen(path) + 1 }, err).ptr;
	if (d->records == NULL)
		return -1;
	if (d->o.look_only)
		return agree(d, err);
	lock = deliver_shard_lock(d, err);
	rc = lock < 0 ? -1 : agree(d, err);
	deliver_shard_unlock(lock);
	if (rc != 0)
		return -1;
	d->lock = folder_lock(d->records, "pushes", err);
	if (d->lock < 0 && err->code == ERR_REFUSED)
		return err_set(err, ERR_REFUSED, "another process pushes shard "
			       "%" PRIu32 " of job '%s'; wait for it to end, "
			       "or stop it", d->o.shard, d->o.job_dir);
	return d->lock < 0 ? -1 : 0;
}

/* Write units, about: one for each item, and one for each KiB of its text. */
static uint64_t
weight(const struct unit *u)
{
	static const uint64_t MOST = UINT64_MAX >> 12;
	const uint64_t items = (uint64_t)u->nitems;

	return (items < MOST ? items : MOST) * 1024 +
	       (u->packed_len < MOST ? u->packed_len : MOST);
}

/* The same for all shards, whatever tables they are told to push. */
int
deliver_shard_divide(struct deliver *d, struct err *err)
{
	struct divide_unit *units;
	uint32_t n = 0, at = 0;
	int rc;

	for (size_t i = 0; i < d->out.n; i++)
		n += d->out.tables[i].puts.n;
	d->owner = calloc((size_t)n + 1, sizeof(*d->owner));
	units = calloc((size_t)n + 1, sizeof(*units));
	if (d->owner == NULL || units == NULL) {
		free(units);
		return err_set(err, ERR_SYSTEM, "out of memory");
	}
	for (size_t i = 0; i < d->out.n; i++) {
		const struct outfiles_part *const p = &d->out.tables[i].puts;

		for (uint32_t k = 0; k < p->n; k++, at++)
			units[at] = (struct divide_unit){
				.size = weight(&p->units[k]), .block = at,
				.some = true,
			};
	}
	rc = divide(units, n, d->o.nshards, d->owner, err);
	free(units);
	return rc;
}

/* What of a table's files are this shard's, and how many items. */
int
deliver_shard_take(struct deliver *d, struct delivery *t, struct err *err)
{
	const struct outfiles_part *const p = &t->from->puts;

	if (t->from->changes)
		return err_set(err, ERR_REFUSED, "table '%s' gets what an "
			       "increment left: its deletes go before its "
			       "puts, so one process does it; say no --shard, "
			       "and --table for one table", t->shown.name);
	t->owner = d->owner;
	for (const struct outfiles_table *o = d->out.tables; o < t->from; o++)
		t->owner += o->puts.n;
	t->shown.nitems = 0;
	for (uint32_t i = 0; i < p->n; i++)
		if (t->owner[i] == d->o.shard)
			t->shown.nitems += (uint64_t)p->units[i].nitems;
	return 0;
}

/* ---- coming home --------------------------------------------------------- */

static int
copy_lines(int to, int from)
{
	char *const piece = malloc(COPY_LEN);
	ssize_t n = -1;

	while (piece != NULL && (n = read(from, piece, COPY_LEN)) > 0)
		for (ssize_t at = 0; at < n;) {
			const ssize_t w = write(to, piece + at,
						(size_t)(n - at));

			if (w < 0 && errno != EINTR) {
				free(piece);
				return -1;
			}
			at += w > 0 ? w : 0;
		}
	free(piece);
	return n == 0 ? 0 : -1;
}

/*
 * Lines go behind the others.  If that is killed, they come once more: that is
 * nothing to who reads them (undo.h).
 */
static int
append_lines(const char *to, const char *from, struct err *err)
{
	const int in = open(from, O_RDWR | O_CLOEXEC);
	const int out = open(to, O_RDWR | O_CLOEXEC);
	int rc = 0;

	if (in < 0 || out < 0 || file_cut_torn(in) != 0 ||
	    file_cut_torn(out) != 0 || lseek(in, 0, SEEK_SET) < 0 ||
	    lseek(out, 0, SEEK_END) < 0 || copy_lines(out, in) != 0 ||
	    file_wait(out) != 0)
		rc = err_set(err, ERR_SYSTEM, "'%s' cannot be brought to '%s': "
			     "%m", from, to);
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	return rc;
}

static int
bring_one(const char *to, const char *from, bool lines, struct err *err)
{
	if (access(to, F_OK) != 0)
		return rename(from, to) == 0 ? 0
			: err_set(err, ERR_SYSTEM, "'%s': %m", from);
	if ((lines ? append_lines : progress_append)(to, from, err) != 0)
		return -1;
	return unlink(from) == 0 ? 0
		: err_set(err, ERR_SYSTEM, "'%s': %m", from);
}

static bool
ends_in(const char *name, const char *ending)
{
	const size_t n = strlen(name), m = strlen(ending);

	return n > m && strcmp(name + n - m, ending) == 0;
}

/* All of a shard's folder, which is `name` in the job, too. */
static int
bring_folder(const char *job_dir, uint32_t shard, const char *name,
	     struct err *err)
{
	char folder[PATH_MAX], home[PATH_MAX];
	char from[PATH_MAX + 300], to[PATH_MAX + 300];
	const struct dirent *e;
	DIR *d;
	int rc = 0;

	snprintf(folder, sizeof(folder), "%s/" JOB_PUSH_SHARDS "/%" PRIu32
		 "/%s", job_dir, shard, name);
	snprintf(home, sizeof(home), "%s/%s", job_dir, name);
	d = opendir(folder);
	if (d == NULL)
		return errno == ENOENT ? 0
			: err_set(err, ERR_SYSTEM, "'%s': %m", folder);
	if (file_make_folder(home, err) != 0)
		rc = -1;
	while (rc == 0 && (e = readdir(d)) != NULL) {
		const bool lines = ends_in(e->d_name, ".jsonl");

		if (!lines && !ends_in(e->d_name, ".done"))
			continue;
		snprintf(from, sizeof(from), "%s/%s", folder, e->d_name);
		snprintf(to, sizeof(to), "%s/%s", home, e->d_name);
		rc = bring_one(to, from, lines, err);
	}
	closedir(d);
	return rc == 0 ? file_sync(home, err) : -1;
}

int
deliver_shards_home(const char *job_dir, struct err *err)
{
	char path[PATH_MAX];
	uint32_t count;

	snprintf(path, sizeof(path), "%s/" JOB_PUSH_SHARDS, job_dir);
	if (access(path, F_OK) != 0)
		return 0;
	if (deliver_shards_count(job_dir, &count, err) != 0)
		return -1;
	for (uint32_t i = 1; i <= count; i++)
		if (bring_folder(job_dir, i, JOB_UNDO, err) != 0 ||
		    bring_folder(job_dir, i, JOB_REFUSED, err) != 0 ||
		    bring_folder(job_dir, i, JOB_PUSH, err) != 0)
			return -1;
	return file_remove_folder(path) == 0 ? 0
		: err_set(err, ERR_SYSTEM, "'%s' cannot be removed", path);
}
