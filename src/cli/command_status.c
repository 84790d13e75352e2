/*
 * command_status.c - where a job stands, from its folder alone, or from what of
 * it is in S3: who works in it, how far that is, and what was done before.
 */
#include "cli/commands.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/plural.h"
#include "cli/console.h"
#include "cli/options.h"
#include "cli/shards.h"
#include "cli/words.h"
#include "engine/deliver_shard.h"
#include "engine/depot.h"
#include "engine/job.h"
#include "engine/journal.h"
#include "engine/place.h"
#include "engine/shard.h"
#include "engine/status.h"
#include "engine/story.h"
#include "formats/jsonwrite.h"
#include "io/file.h"

enum { HOLDER_LEN = 192 };

struct standing {
	struct arena mem;
	const char *job;
	char holder[HOLDER_LEN];	/* "": nobody works in it */
	const char *state;
	bool told;			/* there is a status.json */
	struct status now;
	struct story story;
	bool is_out;
	uint32_t units;			/* done, by the journal */
	char shards[sizeof(((struct err *)0)->text)];	/* "": none */
};

/* ---- looking ------------------------------------------------------------ */

/*
 * Stages that take no lock (test, tables, validate) are somebody's who lives,
 * as far as that can be told from here.
 */
static bool
is_alive(const struct standing *s)
{
	char host[128] = "";

	return s->told && strcmp(s->now.state, "running") == 0 &&
	       gethostname(host, sizeof(host) - 1) == 0 &&
	       strcmp(host, s->now.host) == 0 && s->now.pid > 1 &&
	       s->now.pid < INT32_MAX &&
	       (kill((pid_t)s->now.pid, 0) == 0 || errno == EPERM);
}

/* Somebody may have died at it: then it says "running", and nobody does. */
static const char *
state_of(const struct standing *s)
{
	if (s->holder[0] != '\0')
		return "running";
	if (!s->told)
		return s->is_out ? "done" : s->shards[0] != '\0' ? "divided"
							       : "not begun";
	return strcmp(s->now.state, "running") == 0 ? "interrupted"
						    : s->now.state;
}

/* How far a push is that is divided, as its shards say themselves. */
static int
look_at_pushes(struct standing *s, const char *dir, struct err *err)
{
	uint32_t count, begun = 0, done = 0;

	if (deliver_shards_count(dir, &count, err) != 0)
		return -1;
	for (uint32_t i = 1; i <= count; i++) {
		struct arena mem = { 0 };
		struct status one;
		char path[PATH_MAX];

		snprintf(path, sizeof(path), "%s/" JOB_PUSH_SHARDS "/%" PRIu32,
			 dir, i);
		const int rc = status_load(path, &one, &mem, err);
		const bool ended = rc > 0 && strcmp(one.state, "done") == 0;

		arena_free(&mem);
		if (rc < 0)
			return -1;
		done += ended;
		begun += rc > 0 && !ended;
	}
	if (count > 0)
		snprintf(s->shards, sizeof(s->shards), "of %" PRIu32 " shards "
			 "of a push %" PRIu32 " are done, %" PRIu32 " begun "
			 "and %" PRIu32 " not", count, done, begun,
			 count - done - begun);
	return 0;
}

/* How far the parts of a divided job are, in the words of merge. */
static int
look_at_shards(struct standing *s, const char *dir, struct err *err)
{
	enum run_survey round;
	struct err why;

	s->shards[0] = '\0';
	if (!shard_find_round(dir, &round))
		return look_at_pushes(s, dir, err);
	if (shard_check(dir, s->job, round, NULL, NULL, &why) != 0)
		snprintf(s->shards, sizeof(s->shards), "%s", why.text);
	else
		snprintf(s->shards, sizeof(s->shards), "all shards are done: "
			 "dynamill merge --job %.200s", s->job);
	return 0;
}

/* In a folder that is the job's, or holds what of it was brought from S3. */
static int
look_into(struct standing *s, const char *dir, struct err *err)
{
	char path[PATH_MAX];
	struct job *const job = job_open_as_is(dir, false, err);
	struct journal *journal;
	uint32_t end;

	if (job == NULL)
		return -1;
	s->is_out = job_is_out(job);
	job_close(job);
	if (look_at_shards(s, dir, err) != 0)
		return -1;
	if (!job_in_use(dir, s->holder, sizeof(s->holder)))
		s->holder[0] = '\0';
	snprintf(path, sizeof(path), "%s/" JOB_JOURNAL, dir);
	journal = journal_look(path, err);
	if (journal == NULL)
		return -1;
	s->units = journal_nunits(journal, &end);
	journal_close(journal);

	const int rc = status_load(dir, &s->now, &s->mem, err);
	if (rc < 0 || story_load(dir, &s->story, &s->mem, err) != 0)
		return -1;
	s->told = rc > 0 && s->now.state[0] != '\0';
	if (s->holder[0] == '\0' && is_alive(s))
		snprintf(s->holder, sizeof(s->holder), "pid %" PRIu64 " on %s",
			 s->now.pid, s->now.host);
	s->state = state_of(s);
	return 0;
}

/* Of a job in S3 its marks and journals are brought here. */
static int
look_into_depot(struct standing *s, struct depot *depot, struct err *err)
{
	enum run_survey round;
	int rc = depot_fetch(depot, err);

	if (rc == 0)
		return err_set(err, ERR_USAGE, "%s is no job: it has no "
			       "job.json", s->job);
	if (rc > 0)
		rc = depot_find_round(depot, &round, err);
	if (rc > 0)
		rc = depot_look(depot, round, err);
	return rc < 0 ? -1 : look_into(s, depot_dir(depot), err);
}

static int
look(struct standing *s, const struct options *o, struct err *err)
{
	/* A folder of its own: a merge may be at work in one of that name. */
	char folder[PATH_MAX];
	struct options mine = *o;
	struct depot *depot;
	int rc;

	s->job = o->job;
	if (!place_is_remote(o->job))
		return shards_open_depot(o, true, &depot, err) != 0 ? -1
			: look_into(s, o->job, err);
	if (snprintf(folder, sizeof(folder), "%s/dynamill-status.XXXXXX",
		     shards_scratch(o)) >= (int)sizeof(folder) ||
	    mkdtemp(folder) == NULL)
		return err_set(err, ERR_SYSTEM, "'%s': %m; name another "
			       "--scratch", shards_scratch(o));
	mine.scratch = folder;
	rc = shards_open_depot(&mine, true, &depot, err) != 0 ? -1
		: look_into_depot(s, depot, err);
	depot_close(depot);
	file_remove_folder(folder);
	return rc;
}

static bool
is_running(const struct standing *s)
{
	return s->holder[0] != '\0' && s->told &&
	       strcmp(s->now.state, "running") == 0;
}

/* The longest of what its tables have left; below 0: not known. */
static double
seconds_left(const struct standing *s)
{
	double most = is_running(s) && s->now.ntables > 0 ? 0 : -1;

	for (size_t i = 0; i < s->now.ntables && most >= 0; i++) {
		const double left = s->now.tables[i].left;

		most = left < 0 ? -1 : left > most ? left : most;
	}
	return most;
}

/* ---- as text ------------------------------------------------------------ */

static void
print_table(const struct standing *s, const struct status_table *t)
{
	const double share = t->total > 0 ? (double)t->done / (double)t->total
					  : 0;
	char n[32], bad[32], left[32];

	printf("  %-28s %5.1f %%  %12s item%s", t->name,
	       100 * (share < 1 ? share : 1), words_count(t->items, n),
	       plural(t->items));
	if (is_running(s) && t->rate > 0)
		printf("  %9.0f items/s", t->rate);
	if (t->bad > 0)
		printf("  %s bad", words_count(t->bad, bad));
	if (is_running(s) && t->left > 0)
		printf("  %s left", words_seconds(t->left, left));
	printf("\n");
}

static unsigned
print_story(const struct standing *s)
{
	char time[32], took[32];

	for (size_t i = 0; i < s->story.n; i++) {
		const struct story_stage *const g = &s->story.stages[i];

		printf("  %s  %-10s %s, %s", status_time(g->started, time),
		       g->name, g->status == 0 ? "done" : g->status == 1
		       ? "done, with findings" : g->status == 130
		       ? "interrupted" : "failed",
		       words_seconds(g->seconds, took));
		printf("%s%s\n", g->error[0] != '\0' ? ": " : "", g->error);
	}
	return (unsigned)s->story.n;
}

/* Returns the number of lines. */
static unsigned
print_text(const struct standing *s)
{
	char at[32], left[32];
	unsigned n = 1;

	printf("%s: %s", s->job, s->state);
	if (s->holder[0] != '\0')
		printf(", by %s", s->holder);
	if (s->told)
		printf(": %s since %s", s->now.stage,
		       status_time(s->now.started, at));
	if (s->told && !is_running(s))
		printf(", told at %s", status_time(s->now.updated, at));
	if (seconds_left(s) >= 0)
		printf(", %s left", words_seconds(seconds_left(s), left));
	printf("\n");
	for (size_t i = 0; i < s->now.ntables; i++)
		print_table(s, &s->now.tables[i]);
	n += (unsigned)s->now.ntables;
	if (s->told && s->now.error[0] != '\0') {
		printf("  last error: %s\n", s->now.error);
		n++;
	}
	if (s->shards[0] != '\0') {
		printf("  %s\n", s->shards);
		n++;
	} else if (!s->told) {
		printf("  %" PRIu32 " file%s done%s\n", s->units,
		       plural(s->units), s->is_out ? ", all there are" : "");
		n++;
	}
	return n + print_story(s);
}

/* ---- as JSON ------------------------------------------------------------ */

static void
put_story(struct jsonwrite *w, const struct story *story)
{
	char time[32];

	jsonwrite_name(w, "stages");
	jsonwrite_list(w);
	for (size_t i = 0; i < story->n; i++) {
		const struct story_stage *const g = &story->stages[i];

		jsonwrite_map(w);
		jsonwrite_put_text(w, "stage", g->name);
		jsonwrite_name(w, "status");
		jsonwrite_int(w, g->status);
		jsonwrite_put_text(w, "started", status_time(g->started, time));
		jsonwrite_name(w, "seconds");
		jsonwrite_fixed(w, g->seconds, 3);
		jsonwrite_put_text(w, "error", g->error);
		jsonwrite_end(w);
	}
	jsonwrite_end(w);
}

static int
print_json(const struct standing *s, struct err *err)
{
	struct buf text = { 0 };
	struct jsonwrite w;
	char time[32];
	int rc;

	jsonwrite_start(&w, &text, true, err);
	jsonwrite_map(&w);
	jsonwrite_put_text(&w, "job", s->job);
	jsonwrite_put_text(&w, "state", s->state);
	jsonwrite_put_text(&w, "holder", s->holder);
	jsonwrite_put_uint(&w, "unitsDone", s->units);
	if (s->shards[0] != '\0')
		jsonwrite_put_text(&w, "shards", s->shards);
	if (s->told) {
		jsonwrite_put_text(&w, "stage", s->now.stage);
		jsonwrite_put_text(&w, "started",
				   status_time(s->now.started, time));
		jsonwrite_put_text(&w, "updated",
				   status_time(s->now.updated, time));
		jsonwrite_put_text(&w, "error", s->now.error);
		status_write_tables(&w, s->now.tables, s->now.ntables);
	}
	if (seconds_left(s) >= 0) {
		jsonwrite_name(&w, "secondsLeft");
		jsonwrite_fixed(&w, seconds_left(s), 0);
	}
	put_story(&w, &s->story);
	jsonwrite_end(&w);
	rc = jsonwrite_finish(&w);
	if (rc == 0)
		printf("%.*s\n", (int)text.len, (const char *)text.ptr);
	buf_free(&text);
	return rc;
}

/* ---- again and again ---------------------------------------------------- */

/*
 * Print it, over what was printed before.  1 if there may be more to see: while
 * somebody works in it, or of what is in S3, until it is merged; else 0, or -1.
 */
static int
show(const struct options *o, unsigned *lines, struct err *err)
{
	struct standing s = { .holder = "" };
	int rc = look(&s, o, err);

	if (rc == 0 && o->output == OUTPUT_JSON) {
		rc = print_json(&s, err);
	} else if (rc == 0) {
		if (*lines > 0 && isatty(STDOUT_FILENO))
			printf("\033[%uA\033[J", *lines);
		*lines = print_text(&s);
	}
	fflush(stdout);
	if (rc == 0)
		rc = place_is_remote(o->job) ? !s.is_out
					     : s.holder[0] != '\0';
	arena_free(&s.mem);
	return rc;
}

int
command_status(const struct options *o)
{
	struct timespec pause = { .tv_sec = 1 };
	struct err err = { 0 };
	unsigned lines = 0;
	int rc;

	if (o->job == NULL) {
		err_set(&err, ERR_USAGE, "which job? give --job DIR or --job "
			"s3://...");
		return console_failed(&err);
	}
	/* A look there takes a request or more for each kind of mark. */
	if (place_is_remote(o->job))
		pause.tv_sec = 10;
	for (;;) {
		rc = show(o, &lines, &err);
		if (rc <= 0 || !o->watch || atomic_load(&commands_cancel))
			break;
		nanosleep(&pause, NULL);
	}
	return rc < 0 ? console_failed(&err) : 0;
}
