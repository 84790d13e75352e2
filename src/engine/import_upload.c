/*
 * import_upload.c - the files of out/ to S3, several at a time, and then each
 * table's manifests, its summary last: as a run would have written them there.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/token.h"
#include "engine/crew.h"
#include "engine/import_internal.h"
#include "engine/job.h"
#include "engine/journal.h"
#include "engine/place.h"
#include "io/drain.h"
#include "io/feed.h"
#include "io/file.h"

enum { THREADS = 4, PIECE_LEN = 256 * 1024 };

#define MARK_NOTE "upload"	/* what the address is marked by, and the address */

static int
copy(struct import_job *i, struct feed *from, struct drain *to, uint8_t *piece,
     struct err *err)
{
	ssize_t n;

	while ((n = from->read(from, piece, PIECE_LEN, err)) > 0) {
		if (atomic_load(&i->failed))
			return err_set(err, ERR_CANCELLED, "interrupted");
		if (to->write(to, (struct span){ piece, (size_t)n }, err) != 0)
			return -1;
		atomic_fetch_add(&i->up_done, (uint64_t)n);
		if (i->o.watch != NULL)
			i->o.watch(i->o.context, i);
	}
	return n < 0 ? -1 : to->commit(to, err);
}

/* The name that a file of out/ has as an object. */
static const char *
name_of(const struct import_job *i, const char *path)
{
	return path + strlen(job_out(i->job)) + 1;
}

static int
upload(struct import_job *i, const char *path, uint8_t *piece,
       struct err *err)
{
	const char *const name = name_of(i, path);
	char to[PATH_MAX];
	struct feed *feed = NULL;
	struct drain *drain = NULL;
	struct stat st;
	int rc = -1;

	if (stat(path, &st) != 0)
		return err_set(err, ERR_SYSTEM, "'%s': %m", path);
	if (store_has(i->store, span_of(name), (uint64_t)st.st_size)) {
		atomic_fetch_add(&i->up_done, (uint64_t)st.st_size);
		return 0;
	}
	snprintf(to, sizeof(to), "%s/%s", i->address, name);
	feed = file_feed(path, err);
	if (feed != NULL)
		drain = place_drain(to, err);
	if (drain != NULL)
		rc = copy(i, feed, drain, piece, err);
	if (drain != NULL)
		drain->close(drain);
	if (feed != NULL)
		feed->close(feed);
	return rc == 0 ? 0 : err_at(err, "%s", to);
}

static int
work(void *context, struct err *err)
{
	struct import_job *const i = context;
	uint8_t *const piece = malloc(PIECE_LEN);
	int rc = piece == NULL ? err_set(err, ERR_SYSTEM, "out of memory") : 0;

	while (rc == 0 && !atomic_load(&i->failed)) {
		const uint32_t n = atomic_fetch_add(&i->next, 1);

		if (n >= i->dump.nunits)
			break;
		rc = upload(i, i->dump.units[n].path, piece, err);
	}
	if (rc != 0)
		atomic_store(&i->failed, true);
	free(piece);
	return rc;
}

static int
upload_rest(struct import_job *i, struct err *err)
{
	static const char *const NAMES[] = {
		"table.json", "manifest-files.md5", "manifest-files.json",
		"manifest-summary.md5", "manifest-summary.json",
	};
	uint8_t *const piece = malloc(PIECE_LEN);
	int rc = piece == NULL ? err_set(err, ERR_SYSTEM, "out of memory") : 0;

	for (size_t k = 0; rc == 0 && k < i->n; k++)
		for (size_t m = 0; rc == 0 &&
		     m < sizeof(NAMES) / sizeof(NAMES[0]); m++) {
			char path[PATH_MAX];

			snprintf(path, sizeof(path), "%s/%s",
				 i->list[k].from->path, NAMES[m]);
			rc = upload(i, path, piece, err);
		}
	free(piece);
	return rc;
}

struct span
import_job_uploads_to(struct journal *j)
{
	const struct span noted = journal_noted(j, MARK_NOTE);
	const uint8_t *const space = memchr(noted.ptr, ' ', noted.len);
	const size_t n = space == NULL ? noted.len
		: (size_t)(space - noted.ptr) + 1;

	return (struct span){ noted.ptr + n, noted.len - n };
}

/* The mark of the address is the job's, and the address the only one. */
static int
claim(struct import_job *i, struct err *err)
{
	const struct span noted = journal_noted(i->journal, MARK_NOTE);
	char text[PLAN_OUT_LEN + 80], mark[80];
	char token[TOKEN_LEN];
	char *space;

	snprintf(text, sizeof(text), "%.*s", (int)noted.len,
		 (const char *)noted.ptr);
	space = strchr(text, ' ');
	if (noted.len > 0 && space != NULL &&
	    strcmp(space + 1, i->address) != 0)
		return err_set(err, ERR_REFUSED, "an upload of this job to %s "
			       "was begun; go on with that, or remove what is "
			       "there and run into a new job", space + 1);
	if (noted.len == 0) {
		if (token_make(token, err) != 0)
			return -1;
		snprintf(text, sizeof(text), "%s %s", token, i->address);
		if (journal_note(i->journal, MARK_NOTE, span_of(text), err)
		    != 0)
			return -1;
	}
	snprintf(mark, sizeof(mark), "dynamill upload %.32s\n", text);
	return store_claim(i->store, mark, err);
}

static int
abort_uploads(struct import_job *i, struct err *err)
{
	for (size_t k = 0; k < i->n; k++)
		if (store_abort_uploads(i->store,
					name_of(i, i->list[k].from->path),
					err) != 0)
			return -1;
	return 0;
}

int
import_upload(struct import_job *i, struct err *err)
{
	const unsigned n = i->o.threads > 0 ? i->o.threads : THREADS;
	uint64_t all = 0;

	for (uint32_t k = 0; k < i->dump.nunits; k++)
		all += i->dump.units[k].packed_len;
	atomic_store(&i->up_all, all);
	if (claim(i, err) != 0 || store_look(i->store, err) != 0 ||
	    abort_uploads(i, err) != 0 ||
	    crew_do(n, work, i, err) != 0 ||
	    store_check_claim(i->store, err) != 0)
		return -1;
	return upload_rest(i, err);
}

void
import_job_uploaded(const struct import_job *i, uint64_t *all, uint64_t *done)
{
	*all = atomic_load(&i->up_all);
	*done = atomic_load(&i->up_done);
}
