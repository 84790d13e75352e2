#include "engine/shard.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "engine/divide.h"
#include "engine/job.h"
#include "io/file.h"

enum {
	NUMBER_LEN = 16,	/* of a file with a number, at most */
	FAILED_LEN = 4096,
	/* A minute. */
	PATIENCE = 1200,
	STEP_NS = 50 * 1000 * 1000,
};

/* ---- names --------------------------------------------------------------- */

const char *
shard_round_name(enum run_survey round)
{
	static const char *const NAMES[] = {
		[SURVEY_NONE] = "run", [SURVEY_STATE] = "state",
		[SURVEY_IDS] = "ids", [SURVEY_KEYS] = "keys",
		[SURVEY_AGAIN] = "again",
	};

	return NAMES[round];
}

static void
round_folder(const char *job_dir, enum run_survey round, char *out,
	     size_t size)
{
	snprintf(out, size, "%s/" JOB_SHARDS "/%s", job_dir,
		 shard_round_name(round));
}

void
shard_folder(const struct shard *s, unsigned attempt, char *out, size_t size)
{
	const char *const round = shard_round_name(s->round);

	if (attempt == 0)
		snprintf(out, size, "%s/" JOB_SHARDS "/%s/%" PRIu32,
			 s->job_dir, round, s->number);
	else
		snprintf(out, size, "%s/" JOB_SHARDS "/%s/%" PRIu32 "/%u",
			 s->job_dir, round, s->number, attempt);
}

/* ---- files with a number, which appear whole and never change ------------ */

/* The number in it, 1 or more; 0 if there is none. */
static uint32_t
read_number(const char *path)
{
	struct buf text = { 0 };
	unsigned long long n = 0;
	struct err unused;

	if (file_load(path, NUMBER_LEN, &text, &unused) == 0 &&
	    buf_append(&text, (struct span){ (const uint8_t *)"", 1 },
		       &unused) == 0)
		n = strtoull((const char *)text.ptr, NULL, 10);
	buf_free(&text);
	return n <= UINT32_MAX ? (uint32_t)n : 0;
}

/* Put it there, unless there is one. */
static int
put_number(const char *path, uint32_t n, struct err *err)
{
	char own[PATH_MAX + 32], text[NUMBER_LEN];
	uint64_t any;
	int rc;

	if (getrandom(&any, sizeof(any), 0) < 0)
		return err_set(err, ERR_SYSTEM, "no random numbers: %m");
	snprintf(own, sizeof(own), "%s.%016" PRIx64, path, any);
	snprintf(text, sizeof(text), "%" PRIu32 "\n", n);
	if (file_save_safe(own, span_of(text), err) != 0)
		return -1;
	rc = link(own, path) == 0 || errno == EEXIST ? 0 :
		err_set(err, ERR_SYSTEM, "'%s': %m; a divided job needs a file "
			"system with hard links", path);
	unlink(own);
	return rc;
}

/* ---- rounds -------------------------------------------------------------- */

static void
count_path(const char *job_dir, enum run_survey round, char *out, size_t size)
{
	snprintf(out, size, "%s/" JOB_SHARDS "/%s/count", job_dir,
		 shard_round_name(round));
}

bool
shard_is_round(const char *job_dir, enum run_survey round)
{
	char path[PATH_MAX];

	count_path(job_dir, round, path, sizeof(path));
	return access(path, F_OK) == 0;
}

bool
shard_find_round(const char *job_dir, enum run_survey *round)
{
	static const enum run_survey ROUNDS[] = {
		SURVEY_NONE, SURVEY_KEYS, SURVEY_IDS, SURVEY_STATE,
	};

	for (size_t i = 0; i < sizeof(ROUNDS) / sizeof(ROUNDS[0]); i++)
		if (shard_is_round(job_dir, ROUNDS[i])) {
			*round = ROUNDS[i];
			return true;
		}
	return false;
}

uint32_t
shard_count(const char *job_dir, enum run_survey round, struct err *err)
{
	char path[PATH_MAX];

	count_path(job_dir, round, path, sizeof(path));

	const uint32_t n = read_number(path);
	if (n >= 1 && n <= DIVIDE_MOST)
		return n;
	err_set(err, ERR_INPUT, "'%s' holds no number of shards", path);
	return 0;
}

int
shard_divide(const char *job_dir, enum run_survey round, uint32_t count,
	     struct err *err)
{
	char folder[PATH_MAX], path[PATH_MAX];
	uint32_t is;

	round_folder(job_dir, round, folder, sizeof(folder));
	count_path(job_dir, round, path, sizeof(path));
	if (file_make_folder(folder, err) != 0 ||
	    (access(path, F_OK) != 0 && put_number(path, count, err) != 0))
		return -1;
	is = shard_count(job_dir, round, err);
	if (is == 0 || is == count)
		return is == 0 ? -1 : 0;
	return err_set(err, ERR_REFUSED, "job '%s' is divided into %" PRIu32
		       " shards, not %" PRIu32 "; say --shard N/%" PRIu32
		       ", or remove '%s' to divide it anew", job_dir, is,
		       count, is, folder);
}

/* ---- attempts ------------------------------------------------------------ */

static void
done_path(const struct shard *s, char *out, size_t size)
{
	snprintf(out, size, "%s/" JOB_SHARDS "/%s/%" PRIu32 "/done",
		 s->job_dir, shard_round_name(s->round), s->number);
}

unsigned
shard_done(const struct shard *s)
{
	char path[PATH_MAX];

	done_path(s, path, sizeof(path));

	const uint32_t n = read_number(path);
	return n <= SHARD_ATTEMPTS ? n : 0;
}

int
shard_set_done(const struct shard *s, unsigned attempt, unsigned *winner,
	       struct err *err)
{
	char path[PATH_MAX];

	done_path(s, path, sizeof(path));
	if (put_number(path, attempt, err) != 0)
		return -1;
	*winner = shard_done(s);
	return *winner > 0 ? 0 : err_set(err, ERR_SYSTEM, "'%s' cannot be read"
					 " back", path);
}

int
shard_unset_done(const struct shard *s, struct err *err)
{
	char path[PATH_MAX];

	done_path(s, path, sizeof(path));
	return unlink(path) == 0 || errno == ENOENT ? 0 :
		err_set(err, ERR_SYSTEM, "'%s': %m", path);
}

/* Enter the first attempt that may be worked at. */
static int
enter_any(struct job *j, const struct shard *s, unsigned *attempt, char *busy,
	  size_t size, struct err *err)
{
	const unsigned done = shard_done(s);
	char path[PATH_MAX];

	for (unsigned k = done > 0 ? done : 1; k <= SHARD_ATTEMPTS; k++) {
		shard_folder(s, k, path, sizeof(path));

		int rc = job_enter(j, path, k == done, busy, size, err);
		/* Who has it is about to go, or looks whether all is there. */
		for (int i = 0; rc == 0 && k == done && i < PATIENCE; i++) {
			nanosleep(&(struct timespec){ .tv_nsec = STEP_NS },
				  NULL);
			rc = job_enter(j, path, true, busy, size, err);
		}
		*attempt = k;
		if (rc != 0)
			return rc > 0 ? 0 : -1;
		if (done > 0)
			return err_set(err, ERR_REFUSED, "shard '%s' is done, "
				       "and in use by %s; wait for it to end",
				       path, busy);
	}
	shard_folder(s, 0, path, sizeof(path));
	return err_set(err, ERR_REFUSED, "there were %d attempts at '%s' "
		       "already; remove it, if nobody works at it",
		       SHARD_ATTEMPTS, path);
}

int
shard_enter(const struct shard *s, struct job *j, unsigned *attempt,
	    char *busy, size_t size, struct err *err)
{
	char folder[PATH_MAX];

	busy[0] = '\0';
	shard_folder(s, 0, folder, sizeof(folder));
	return file_make_folder(folder, err) != 0 ? -1 :
		enter_any(j, s, attempt, busy, size, err);
}

/* ---- looking ------------------------------------------------------------- */

static void
failed_path(const char *attempt, char *out, size_t size)
{
	snprintf(out, size, "%s/failed", attempt);
}

void
shard_set_failed(const char *attempt, const char *why)
{
	char path[PATH_MAX + 8];
	struct err unused;

	failed_path(attempt, path, sizeof(path));
	/* What is told of it elsewhere is the same; nothing depends on it. */
	if (why == NULL)
		unlink(path);
	else
		file_save(path, span_of(why), &unused);
}

/* What is left of the last attempt's end. */
static void
read_failed(const char *attempt, char *text, size_t size)
{
	char path[PATH_MAX + 8];
	struct buf why = { 0 };
	struct err unused;

	failed_path(attempt, path, sizeof(path));
	if (file_load(path, FAILED_LEN, &why, &unused) == 0)
		snprintf(text, size, "%.*s", (int)why.len,
			 (const char *)why.ptr);
	buf_free(&why);
}

enum shard_state
shard_look(const struct shard *s, char *text, size_t size)
{
	char path[PATH_MAX];
	unsigned k;

	text[0] = '\0';
	if (shard_done(s) > 0)
		return SHARD_DONE;
	for (k = 1; k <= SHARD_ATTEMPTS; k++) {
		shard_folder(s, k, path, sizeof(path));
		if (access(path, F_OK) != 0)
			break;
		if (job_in_use(path, text, size))
			return SHARD_BUSY;
		read_failed(path, text, size);
	}
	return k == 1 ? SHARD_MISSING : SHARD_STOPPED;
}

/* Shards' numbers in words: "3, 5-7 and 12". */
struct list {
	char text[160];
	size_t len;
	uint32_t first, last;	/* of the run that is not written yet; 0: none */
	uint32_t n;
	bool full;
};

static void
end_run(struct list *l)
{
	char word[32];

	if (l->first == 0)
		return;
	if (l->first == l->last)
		snprintf(word, sizeof(word), "%" PRIu32, l->first);
	else
		snprintf(word, sizeof(word), "%" PRIu32 "%s%" PRIu32, l->first,
			 l->last == l->first + 1 ? ", " : "-", l->last);
	l->full |= l->len + strlen(word) + 8 > sizeof(l->text);
	if (!l->full)
		l->len += (size_t)snprintf(l->text + l->len,
					   sizeof(l->text) - l->len, "%s%s",
					   l->len > 0 ? ", " : "", word);
	l->first = 0;
}

static void
put(struct list *l, uint32_t number)
{
	if (l->first == 0 || number != l->last + 1) {
		end_run(l);
		l->first = number;
	}
	l->last = number;
	l->n++;
}

int
shard_check(const char *job_dir, const char *name, enum run_survey round,
	    shard_tell *tell, void *context, struct err *err)
{
	const uint32_t count = shard_count(job_dir, round, err);
	struct list list = { .n = 0 };
	char text[512];

	for (uint32_t i = 1; i <= count; i++) {
		const struct shard s = { job_dir, round, i };
		const enum shard_state state = shard_look(&s, text,
							  sizeof(text));

		if (state == SHARD_DONE)
			continue;
		put(&list, i);
		if (tell != NULL)
			tell(context, i, count, state, text);
	}
	end_run(&list);
	if (count == 0 || list.n == 0)
		return count == 0 ? -1 : 0;
	return err_set(err, ERR_REFUSED, "job '%s': shard%s %s%s of %" PRIu32
		       " %s not done; run %s again, and then merge", name,
		       list.n > 1 ? "s" : "", list.text, list.full ? ", ..."
		       : "", count, list.n > 1 ? "are" : "is",
		       list.n > 1 ? "them" : "it");
}

/* ---- removing ------------------------------------------------------------ */

void
shard_remove_attempt(const char *attempt)
{
	file_remove_folder(attempt);
}

void
shard_remove_round(const char *job_dir, enum run_survey round)
{
	char path[PATH_MAX];

	/* First: without it there is no such round. */
	count_path(job_dir, round, path, sizeof(path));
	unlink(path);
	round_folder(job_dir, round, path, sizeof(path));
	file_remove_folder(path);
	snprintf(path, sizeof(path), "%s/" JOB_SHARDS, job_dir);
	rmdir(path);	/* if it was the last */
}
