/* depot_merge.c - what a merge takes from a job in S3, and leaves there. */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "engine/depot_internal.h"
#include "engine/divide.h"
#include "engine/job_internal.h"
#include "engine/shard.h"
#include "engine/status.h"
#include "engine/story.h"
#include "io/file.h"

/* Objects of one listing that are removed before the next. */
enum { REMOVED_AT_ONCE = 10000 };

static const enum run_survey ROUNDS[] = {
	SURVEY_NONE, SURVEY_KEYS, SURVEY_IDS, SURVEY_STATE,
};

enum { NROUNDS = sizeof(ROUNDS) / sizeof(ROUNDS[0]) };

int
depot_find_round(struct depot *d, enum run_survey *round, struct err *err)
{
	char path[DEPOT_PATH_LEN];
	struct buf is = { 0 };
	int rc = 0;

	for (size_t i = 0; i < NROUNDS && rc == 0; i++) {
		rc = depot_path(d, path, err, JOB_SHARDS "/%s/count",
				shard_round_name(ROUNDS[i]));
		if (rc == 0)
			rc = depot_load(path, &is, err);
		*round = ROUNDS[i];
	}
	buf_free(&is);
	return rc;
}

/* ---- who is done --------------------------------------------------------- */

/* "shards/run/" */
static void
round_folder(enum run_survey round, char out[64])
{
	snprintf(out, 64, JOB_SHARDS "/%s/", shard_round_name(round));
}

/* All marks of a kind: into files of these names below the round here. */
static int
fetch_marks(struct depot *d, enum run_survey round, const char *kind,
	    struct err *err)
{
	char top[64], below[128], to[PATH_MAX];
	struct transfers t = { 0 };
	int rc;

	round_folder(round, top);
	snprintf(below, sizeof(below), "%s%s/", top, kind);
	snprintf(to, sizeof(to), "%s/%s%s", d->dir, top, kind);
	/* They may have changed, and be as long as they were. */
	shard_remove_attempt(to);
	rc = depot_list(d, below, to, 0, &t, err);
	if (rc == 0)
		rc = depot_transfer(d, &t, err);
	transfers_free(&t);
	return rc;
}

/* What a mark that was fetched says, or NULL. */
static const char *
marked(const struct depot *d, const struct shard *s, const char *kind,
       struct buf *text)
{
	char path[PATH_MAX];
	struct err unused;

	snprintf(path, sizeof(path), "%s/" JOB_SHARDS "/%s/%s/%" PRIu32,
		 d->dir, shard_round_name(s->round), kind, s->number);
	buf_reset(text);
	if (file_load(path, SIZE_MAX / 2, text, &unused) != 0 ||
	    buf_append(text, (struct span){ (const uint8_t *)"", 1 },
		       &unused) != 0)
		return NULL;
	return (const char *)text->ptr;
}

/* Of one that is not done: why, or who is at it as far as is known there. */
static int
show_begun(const struct depot *d, const struct shard *s, const char *attempt,
	   struct err *err)
{
	struct buf who = { 0 }, why = { 0 };
	char text[256];
	int rc = 0;

	if (marked(d, s, "begun", &who) != NULL) {
		snprintf(text, sizeof(text), "or still under way, by %.*s",
			 (int)strcspn((const char *)who.ptr, "\n"),
			 (const char *)who.ptr);
		rc = file_make_folder(attempt, err);
		if (rc == 0)
			shard_set_failed(attempt,
				marked(d, s, "failed", &why) != NULL
				? (const char *)why.ptr : text);
	}
	buf_free(&who);
	buf_free(&why);
	return rc;
}

/*
 * As shard_look() wants to see it: `1` is the attempt that counts, or what is
 * known of one that does not.
 */
static int
show(const struct depot *d, const struct shard *s, struct err *err)
{
	char attempt[PATH_MAX], path[PATH_MAX + 16];
	struct buf done = { 0 }, is = { 0 };
	int rc = 0;

	const char *const name = marked(d, s, "done", &done);
	shard_folder(s, 1, attempt, sizeof(attempt));
	snprintf(path, sizeof(path), "%s/name", attempt);
	if (name == NULL) {
		/* Or it was, and somebody removed what it had. */
		shard_remove_attempt(attempt);
		rc = shard_unset_done(s, err);
		if (rc == 0)
			rc = show_begun(d, s, attempt, err);
	} else {
		unsigned winner;
		struct err unused;

		/* What is here may be of another attempt. */
		if (file_load(path, DEPOT_NAME_LEN, &is, &unused) != 0 ||
		    is.len != DEPOT_NAME_LEN - 1 ||
		    memcmp(is.ptr, name, is.len) != 0)
			shard_remove_attempt(attempt);
		if (file_make_folder(attempt, err) != 0 ||
		    file_save(path, (struct span){ (const uint8_t *)name,
			      strnlen(name, DEPOT_NAME_LEN - 1) }, err) != 0 ||
		    shard_set_done(s, 1, &winner, err) != 0)
			rc = -1;
	}
	buf_free(&done);
	buf_free(&is);
	return rc;
}

int
depot_look(struct depot *d, enum run_survey round, struct err *err)
{
	static const char *const KINDS[] = { "begun", "failed", "done" };
	char path[DEPOT_PATH_LEN];
	struct buf is = { 0 };
	unsigned long count = 0;
	int rc = depot_path(d, path, err, JOB_SHARDS "/%s/count",
			    shard_round_name(round));

	if (rc == 0)
		rc = depot_need(path, &is, err);
	if (rc == 0)
		count = strtoul((const char *)is.ptr, NULL, 10);
	buf_free(&is);
	if (rc == 0 && (count < 1 || count > DIVIDE_MOST))
		rc = err_set(err, ERR_INPUT, "%s holds no number of shards",
			     path);
	if (rc == 0)
		rc = shard_divide(d->dir, round, (uint32_t)count, err);
	for (size_t i = 0; i < 3 && rc == 0; i++)
		rc = fetch_marks(d, round, KINDS[i], err);
	for (uint32_t i = 1; i <= count && rc == 0; i++)
		rc = show(d, &(struct shard){ d->dir, round, i }, err);
	return rc;
}

/* ---- what they left ------------------------------------------------------ */

/* Which attempt is it that was found to count? */
static int
load_name(const struct shard *s, char name[DEPOT_NAME_LEN], struct err *err)
{
	char folder[PATH_MAX], path[PATH_MAX + 16];
	struct buf is = { 0 };
	int rc;

	shard_folder(s, 1, folder, sizeof(folder));
	snprintf(path, sizeof(path), "%s/name", folder);
	rc = file_load(path, DEPOT_NAME_LEN, &is, err);
	if (rc == 0)
		snprintf(name, DEPOT_NAME_LEN, "%.*s", (int)is.len,
			 (const char *)is.ptr);
	buf_free(&is);
	return rc;
}

static char *
of_done(const struct depot *d, const struct shard *s,
	char *(*where)(const struct depot *, const struct shard *,
		       const char *), struct err *err)
{
	char name[DEPOT_NAME_LEN];
	char *out;

	if (load_name(s, name, err) != 0)
		return NULL;
	out = where(d, s, name);
	if (out == NULL)
		err_set(err, ERR_SYSTEM, "out of memory");
	return out;
}

char *
depot_out_of_done(const struct depot *d, const struct shard *s,
		  struct err *err)
{
	return of_done(d, s, depot_out_of, err);
}

char *
depot_part_of_done(const struct depot *d, const struct shard *s,
		   struct err *err)
{
	return of_done(d, s, depot_part_of, err);
}

int
depot_gather(struct depot *d, enum run_survey round, struct err *err)
{
	const uint32_t count = shard_count(d->dir, round, err);
	int rc = count == 0 ? -1 : 0;

	/* One shard after the other: a list of all could be long. */
	for (uint32_t i = 1; i <= count && rc == 0; i++) {
		const struct shard s = { d->dir, round, i };
		char name[DEPOT_NAME_LEN], below[128], folder[PATH_MAX];
		struct transfers t = { 0 };

		rc = load_name(&s, name, err);
		snprintf(below, sizeof(below), JOB_SHARDS "/%s/%" PRIu32
			 "/%s/part/", shard_round_name(round), i, name);
		shard_folder(&s, 1, folder, sizeof(folder));
		if (rc == 0)
			rc = depot_list(d, below, folder, 0, &t, err);
		if (rc == 0)
			rc = depot_transfer(d, &t, err);
		transfers_free(&t);
	}
	return rc;
}

/* ---- the end ------------------------------------------------------------- */

static bool
ends_with(const char *name, const char *end)
{
	const size_t n = strlen(name), e = strlen(end);

	return n >= e && strcmp(name + n - e, end) == 0 &&
	       (n == e || name[n - e - 1] == '/');
}

/* Of a job's folder: what stays of it, but for what says that it is all. */
static bool
stays(const char *name)
{
	static const char *const NOT[] = {
		"lock", JOB_STATUS, JOB_STORY, JOB_TMP, JOB_OUT_PARTIAL,
		JOB_RECORD, JOB_SHARDS, JOB_UNITS, JOB_REJECTS, JOB_JOURNAL,
	};

	for (size_t i = 0; i < sizeof(NOT) / sizeof(NOT[0]); i++)
		if (ends_with(name, NOT[i]))
			return false;
	return true;
}

static bool
stays_of_survey(const char *name)
{
	return stays(name) && (strcmp(name, JOB_SURVEY) == 0 ||
			       strncmp(name, JOB_SURVEY "/",
				       strlen(JOB_SURVEY "/")) == 0 ||
			       strcmp(name, JOB_INDEX) == 0 ||
			       strncmp(name, JOB_INDEX "/",
				       strlen(JOB_INDEX "/")) == 0);
}

static bool
stays_of_run(const char *name)
{
	return stays(name) && strcmp(name, JOB_SURVEY) != 0;
}

static const char *
journal_of(enum run_survey round)
{
	switch (round) {
	case SURVEY_STATE:
		return JOB_SURVEY "/state/" JOB_JOURNAL;
	case SURVEY_IDS:
		return JOB_SURVEY "/" JOB_JOURNAL;
	case SURVEY_KEYS:
		return JOB_SURVEY "/keys/" JOB_JOURNAL;
	default:
		return JOB_JOURNAL;
	}
}

int
depot_publish(struct depot *d, enum run_survey round, struct err *err)
{
	char from[PATH_MAX], to[DEPOT_PATH_LEN];
	struct transfers t = { 0 };
	int rc = depot_list_files(d, d->dir, "", round == SURVEY_NONE
				  ? stays_of_run : stays_of_survey, &t, err);

	if (rc == 0)
		rc = depot_transfer(d, &t, err);
	snprintf(from, sizeof(from), "%s/%s", d->dir, journal_of(round));
	if (rc == 0)
		rc = depot_path(d, to, err, "%s", journal_of(round));
	if (rc == 0)
		rc = transfers_add(&t, from, to, 0, err);
	if (rc == 0)
		rc = depot_transfer(d, &t, err);
	transfers_free(&t);
	return rc;
}

int
depot_remove_round(struct depot *d, enum run_survey round, struct err *err)
{
	char below[64], path[DEPOT_PATH_LEN];
	struct transfers t = { 0 };
	int rc;

	round_folder(round, below);
	/* First: without it there is no such round. */
	if (depot_path(d, path, err, "%scount", below) != 0 ||
	    transfers_add(&t, path, NULL, 0, err) != 0 ||
	    depot_transfer(d, &t, err) != 0)
		return -1;
	do {
		rc = depot_list(d, below, NULL, REMOVED_AT_ONCE, &t, err);
		if (rc >= 0 && depot_transfer(d, &t, err) != 0)
			rc = -1;
		transfers_free(&t);
	} while (rc > 0);
	return rc;
}

void
depot_discard(struct depot *d)
{
	if (d->known)
		shard_remove_attempt(d->dir);
}
