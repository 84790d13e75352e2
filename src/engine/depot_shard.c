/* depot_shard.c - what a shard asks of a job in S3, and brings there. */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/token.h"
#include "engine/depot_internal.h"
#include "engine/job_internal.h"
#include "engine/shard.h"
#include "engine/status.h"
#include "engine/story.h"
#include "io/file.h"

#define NAME_FILE "name"	/* of an attempt's folder: what it is called */

/* "shards/run/3/0123456789abcdef/" */
static void
attempt_folder(const struct shard *s, const char *name, char out[128])
{
	snprintf(out, 128, JOB_SHARDS "/%s/%" PRIu32 "/%s/",
		 shard_round_name(s->round), s->number, name);
}

/* "shards/run/done/3" */
static int
mark_path(const struct depot *d, const struct shard *s, const char *kind,
	  char path[DEPOT_PATH_LEN], struct err *err)
{
	return depot_path(d, path, err, JOB_SHARDS "/%s/%s/%" PRIu32,
			  shard_round_name(s->round), kind, s->number);
}

static int
remove_mark(const struct depot *d, const struct shard *s, const char *kind,
	    struct err *err)
{
	char path[DEPOT_PATH_LEN];
	struct transfers t = { 0 };

	if (mark_path(d, s, kind, path, err) != 0 ||
	    transfers_add(&t, path, NULL, 0, err) != 0)
		return -1;
	return depot_transfer(d, &t, err);
}

int
depot_divide(struct depot *d, enum run_survey round, uint32_t count,
	     struct err *err)
{
	char path[DEPOT_PATH_LEN], text[16];
	struct buf is = { 0 };
	int rc = depot_path(d, path, err, JOB_SHARDS "/%s/count",
			    shard_round_name(round));

	snprintf(text, sizeof(text), "%" PRIu32 "\n", count);
	if (rc == 0)
		rc = depot_claim(path, text, &is, err);
	if (rc == 0 && strcmp((const char *)is.ptr, text) != 0)
		rc = err_set(err, ERR_REFUSED, "job %s is divided into %.*s "
			     "shards, not %" PRIu32 "; say --shard N/%.*s",
			     d->address, (int)strcspn((const char *)is.ptr,
			     "\n"), (const char *)is.ptr, count,
			     (int)strcspn((const char *)is.ptr, "\n"),
			     (const char *)is.ptr);
	buf_free(&is);
	return rc;
}

/* ---- which attempt counts ------------------------------------------------ */

static bool
is_name(const char *text)
{
	return strspn(text, "0123456789abcdef") == DEPOT_NAME_LEN - 1;
}

int
depot_done(struct depot *d, const struct shard *s, char name[DEPOT_NAME_LEN],
	   struct err *err)
{
	char path[DEPOT_PATH_LEN];
	struct buf is = { 0 };
	int rc = mark_path(d, s, "done", path, err);

	if (rc == 0)
		rc = depot_load(path, &is, err);
	if (rc > 0 && !is_name((const char *)is.ptr))
		rc = err_set(err, ERR_INPUT, "%s does not say which attempt "
			     "counts; remove it, and run shard %" PRIu32
			     " again", path, s->number);
	if (rc > 0)
		snprintf(name, DEPOT_NAME_LEN, "%.*s", DEPOT_NAME_LEN - 1,
			 (const char *)is.ptr);
	buf_free(&is);
	return rc;
}

int
depot_fetch_journal(struct depot *d, const struct shard *s, const char *name,
		    const char *folder, struct err *err)
{
	char below[128], from[DEPOT_PATH_LEN], to[PATH_MAX];
	struct transfers t = { 0 };

	attempt_folder(s, name, below);
	snprintf(to, sizeof(to), "%s/" JOB_JOURNAL, folder);
	if (depot_path(d, from, err, "%spart/" JOB_JOURNAL, below) != 0 ||
	    transfers_add(&t, from, to, 0, err) != 0)
		return -1;
	return depot_transfer(d, &t, err);
}

/* ---- beginning ----------------------------------------------------------- */

static int
make_name(const char *path, char name[DEPOT_NAME_LEN], struct err *err)
{
	return token_make(name, err) != 0 ? -1 :
		file_save_safe(path, span_of(name), err);
}

int
depot_enter(struct depot *d, const struct shard *s, const char *folder,
	    char name[DEPOT_NAME_LEN], struct err *err)
{
	char path[PATH_MAX], mark[DEPOT_PATH_LEN], who[160] = "", text[200];
	struct buf is = { 0 };
	struct err unused;
	int rc = 0;

	snprintf(path, sizeof(path), "%s/" NAME_FILE, folder);
	if (file_load(path, DEPOT_NAME_LEN, &is, &unused) == 0 &&
	    is.len == DEPOT_NAME_LEN - 1)
		snprintf(name, DEPOT_NAME_LEN, "%.*s", (int)is.len,
			 (const char *)is.ptr);
	else
		rc = make_name(path, name, err);
	buf_free(&is);
	if (gethostname(who, sizeof(who) - 1) != 0)
		who[0] = '\0';
	snprintf(text, sizeof(text), "pid %ld on %s\n", (long)getpid(), who);
	return rc != 0 || remove_mark(d, s, "failed", err) != 0 ||
	       mark_path(d, s, "begun", mark, err) != 0 ||
	       depot_save(mark, text, err) != 0 ? -1 : 0;
}

static char *
below_attempt(const struct depot *d, const struct shard *s, const char *name,
	      const char *what)
{
	char below[128];
	char *out;

	attempt_folder(s, name, below);
	return asprintf(&out, "%s/%s%s", d->address, below, what) < 0 ? NULL
								      : out;
}

char *
depot_out_of(const struct depot *d, const struct shard *s, const char *name)
{
	return below_attempt(d, s, name, "out");
}

char *
depot_part_of(const struct depot *d, const struct shard *s, const char *name)
{
	return below_attempt(d, s, name, "part");
}

/* ---- the end ------------------------------------------------------------- */

/* Of an attempt's folder: what a merge wants. */
static bool
is_part(const char *name)
{
	static const char *const OURS[] = {
		"lock", "failed", NAME_FILE, JOB_STATUS, JOB_STORY, JOB_TMP,
		JOB_OUT_PARTIAL, JOB_OUT, JOB_RECORD,
	};

	for (size_t i = 0; i < sizeof(OURS) / sizeof(OURS[0]); i++)
		if (strcmp(name, OURS[i]) == 0)
			return false;
	return true;
}

/* Were two jobs begun here at once, by a service without conditions? */
static int
check_record(const struct depot *d, struct err *err)
{
	char path[DEPOT_PATH_LEN];
	struct buf here = { 0 }, there = { 0 };
	int rc = depot_path(d, path, err, JOB_RECORD);

	if (rc == 0)
		rc = depot_need(path, &there, err);
	snprintf(path, sizeof(path), "%s/" JOB_RECORD, d->dir);
	if (rc == 0)
		rc = file_load(path, SIZE_MAX / 2, &here, err);
	if (rc == 0 && (here.len + 1 != there.len ||
			memcmp(here.ptr, there.ptr, here.len) != 0))
		rc = err_set(err, ERR_REFUSED, "job %s is not the one that this"
			     " shard was begun for; run the shard again",
			     d->address);
	buf_free(&here);
	buf_free(&there);
	return rc;
}

static int
remove_attempt(struct depot *d, const struct shard *s, const char *name,
	       struct err *err)
{
	struct transfers t = { 0 };
	char below[128];
	int rc;

	attempt_folder(s, name, below);
	rc = depot_list(d, below, NULL, 0, &t, err);
	if (rc == 0)
		rc = depot_transfer(d, &t, err);
	transfers_free(&t);
	return rc;
}

int
depot_unset_done(struct depot *d, const struct shard *s, const char *name,
		 struct err *err)
{
	return remove_mark(d, s, "done", err) != 0 ? -1 :
		remove_attempt(d, s, name, err);
}

/* Was the round merged meanwhile, with another attempt's? */
static int
is_over(struct depot *d, const struct shard *s, struct err *err)
{
	char path[DEPOT_PATH_LEN];
	struct buf is = { 0 };
	int rc = depot_path(d, path, err, JOB_SHARDS "/%s/count",
			    shard_round_name(s->round));

	if (rc == 0)
		rc = depot_load(path, &is, err);
	buf_free(&is);
	return rc < 0 ? -1 : rc == 0;
}

/* Whose is the mark?  0 or -1. */
static int
set_done(struct depot *d, const struct shard *s, const char *name, bool *first,
	 struct err *err)
{
	char path[DEPOT_PATH_LEN], text[DEPOT_NAME_LEN + 1];
	struct buf is = { 0 };
	int rc = mark_path(d, s, "done", path, err);

	snprintf(text, sizeof(text), "%s\n", name);
	if (rc == 0)
		rc = depot_agree(path, text, &is, err);
	*first = rc == 0 && strcmp((const char *)is.ptr, text) == 0;
	buf_free(&is);
	return rc;
}

int
depot_bring(struct depot *d, const struct shard *s, const char *name,
	    const char *folder, bool *first, struct err *err)
{
	struct transfers t = { 0 };
	char below[128], to[160];
	int over, rc;

	attempt_folder(s, name, below);
	snprintf(to, sizeof(to), "%spart/", below);
	rc = depot_list_files(d, folder, to, is_part, &t, err);
	if (rc == 0)
		rc = depot_transfer(d, &t, err);
	transfers_free(&t);
	if (rc != 0 || check_record(d, err) != 0)
		return -1;
	over = is_over(d, s, err);
	*first = false;
	if (over < 0 || (over == 0 && set_done(d, s, name, first, err) != 0))
		return -1;
	/* A merge may have ended between the two. */
	if (*first && (over = is_over(d, s, err)) < 0)
		return -1;
	if (*first && over > 0) {
		*first = false;
		return depot_unset_done(d, s, name, err);
	}
	return *first ? 0 : remove_attempt(d, s, name, err);
}

void
depot_set_failed(struct depot *d, const struct shard *s, const char *why)
{
	char path[DEPOT_PATH_LEN];
	struct err unused;

	/* What is told of it elsewhere is the same; nothing depends on it. */
	if (mark_path(d, s, "failed", path, &unused) == 0)
		depot_save(path, why, &unused);
}
