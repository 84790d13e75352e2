/*
 * run_shard.c - a part of a run, or of a survey: which units it has, where it
 * works, and its end.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/depot.h"
#include "engine/divide.h"
#include "engine/job.h"
#include "engine/journal.h"
#include "engine/place.h"
#include "engine/run_internal.h"
#include "engine/shard.h"

/* What a run may have to know, in the order in which it is found out. */
static const enum run_survey BEFORE[] = {
	SURVEY_STATE, SURVEY_IDS, SURVEY_KEYS,
};

enum { NBEFORE = sizeof(BEFORE) / sizeof(BEFORE[0]) };

static struct shard
shard_of(const struct run *r)
{
	return (struct shard){
		r->dir, r->options->survey, r->options->shard,
	};
}

/* ---- units --------------------------------------------------------------- */

static int
check_options(const struct run *r, struct err *err)
{
	if (r->options->limit > 0)
		return err_set(err, ERR_USAGE, "--limit takes the first items "
			       "of all, which no shard can know; leave one of "
			       "--limit and --shard out");
	if (!run_is_resumable(r))
		return err_set(err, ERR_USAGE, "standard input comes once, and "
			       "cannot be divided: put it into a file");
	return 0;
}

int
run_divide(struct run *r, struct err *err)
{
	const struct run_options *const o = r->options;

	if (check_options(r, err) != 0)
		return -1;
	r->owner = calloc(r->nunits + 1U, sizeof(*r->owner));
	if (r->owner == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	if (divide_files(r->units, r->done, r->nunits, o->nshards, r->owner,
			 err) != 0)
		return -1;
	if (o->shard > 0)
		run_leave_others(r, o->shard);
	return 0;
}

void
run_leave_others(struct run *r, uint32_t shard)
{
	for (uint32_t i = 0; i < r->nunits; i++) {
		if (r->done[i] || r->owner[i] == shard)
			continue;
		r->done[i] = true;
		r->packed_total[r->units[i].input] -= r->units[i].packed_len;
	}
}

/* ---- its folder ---------------------------------------------------------- */

/* Has anybody begun with the whole of it? */
static bool
is_begun_whole(const struct run *r)
{
	char path[sizeof(r->work) + 16];

	snprintf(path, sizeof(path), "%s/%s", r->work, JOB_JOURNAL);
	return access(path, F_OK) == 0;
}

bool
run_is_merged(const struct run *r)
{
	return survey_has_ended(r->dir, r->options->survey) &&
	       (r->options->survey != SURVEY_NONE || job_is_out(r->job));
}

/* Is all that it needs to know there? */
static int
check_surveys(const struct run *r, struct err *err)
{
	for (size_t i = 0; i < NBEFORE; i++) {
		const bool later = r->options->survey == SURVEY_NONE ||
				   r->options->survey > BEFORE[i];

		if (later && survey_is_of_use(r, BEFORE[i]) &&
		    !survey_has_ended(r->dir, BEFORE[i]))
			return err_set(err, ERR_REFUSED, "this plan must know "
				"%s before a shard of it can run: 'dynamill "
				"analyze' it, with --shard or without, then "
				"'dynamill merge'", run_survey_words(BEFORE[i]));
	}
	return 0;
}

int
run_open_shard(struct run *r, const struct job_fact *facts, size_t n,
	       struct err *err)
{
	struct depot *const d = r->options->depot;
	struct shard s;

	if (d != NULL && run_begin_depot(r, facts, n, err) != 0)
		return -1;
	s = shard_of(r);
	r->job = job_open_parted(r->dir, facts, n, err);
	if (r->job == NULL)
		return -1;
	if (run_is_merged(r))
		return 0;
	if (!shard_is_round(r->dir, s.round) && is_begun_whole(r))
		return err_set(err, ERR_REFUSED, "job '%s' was begun without "
			       "--shard; go on without it, or name another "
			       "--job", r->dir);
	if (check_surveys(r, err) != 0 ||
	    (d != NULL && depot_divide(d, s.round, r->options->nshards,
				       err) != 0) ||
	    shard_divide(r->dir, s.round, r->options->nshards, err) != 0 ||
	    shard_enter(&s, r->job, &r->attempt, r->busy, sizeof(r->busy),
			err) != 0)
		return -1;
	shard_folder(&s, r->attempt, r->work, sizeof(r->work));
	shard_set_failed(r->work, NULL);
	return d != NULL ? run_enter_depot(r, err) : 0;
}

/* ---- done before --------------------------------------------------------- */

/* Is a file in the part, or where a merge has put it? */
static bool
is_there(const char *const folders[2], const struct journal_file *f)
{
	bool found = false;

	for (int i = 0; i < 2 && !found; i++) {
		char *const path = journal_place(folders[i], f);
		struct stat st;

		found = path != NULL && stat(path, &st) == 0 &&
			(uint64_t)st.st_size == f->size;
		free(path);
	}
	return found;
}

static bool
is_all_there(const struct run *r)
{
	char whole[sizeof(r->work)];
	const char *const folders[] = { r->work, whole };

	survey_folder(r->dir, r->options->survey, whole, sizeof(whole));
	for (uint32_t i = 0; i < r->nunits; i++) {
		const struct journal_unit *const u = journal_unit(r->journal,
								  i);

		if (r->owner[i] != r->options->shard)
			continue;
		if (u == NULL)
			return false;
		for (size_t k = 0; k < u->nfiles; k++)
			if (!is_there(folders, &u->files[k]))
				return false;
	}
	return true;
}

int
run_check_shard(struct run *r, struct err *err)
{
	const struct shard s = shard_of(r);

	if (r->attempt > 0 && r->options->depot != NULL)
		return run_check_depot(r, err);
	if (r->attempt == 0 || !run_is_done(r) || is_all_there(r))
		return 0;
	return journal_note(r->journal, "ended", span_of(""), err) != 0 ? -1 :
		shard_unset_done(&s, err);
}

/* ---- its end ------------------------------------------------------------- */

/* What there is to say of its own units alone. */
static int
finish(struct run *r, struct err *err)
{
	if (run_check_sums(r, err) != 0)
		return -1;
	if (r->options->survey != SURVEY_STATE &&
	    (run_join(r, err) != 0 || run_check_ids(r, err) != 0 ||
	     report_write(r, err) != 0))
		return -1;
	if (job_sync(r->job, err) != 0)
		return -1;
	return journal_note(r->journal, "ended", span_of("yes"), err);
}

int
run_finish_shard(struct run *r, struct err *err)
{
	const struct shard s = shard_of(r);
	unsigned winner;

	if (account_sum(&r->account, r->journal, err) != 0)
		return -1;
	if (r->attempt == 0)
		return 0;	/* merged long ago */
	if (!run_is_done(r) && finish(r, err) != 0)
		return -1;
	if (r->options->depot != NULL)
		return run_bring_shard(r, err);
	if (shard_set_done(&s, r->attempt, &winner, err) != 0)
		return -1;
	r->outrun = winner != r->attempt;
	return 0;
}

/* ---- looking ------------------------------------------------------------- */

const char *
run_is_busy(const struct run *r)
{
	return r->busy;
}

bool
run_is_outrun(const struct run *r)
{
	return r->outrun;
}

const char *
run_work_dir(const struct run *r)
{
	return r->work;
}

void
run_set_failed(const struct run *r, const struct err *err)
{
	const struct shard s = shard_of(r);

	if (r->attempt == 0)
		return;
	shard_set_failed(r->work, err->text);
	if (r->options->depot != NULL)
		depot_set_failed(r->options->depot, &s, err->text);
}

int
run_needed_surveys(const struct run_options *o, unsigned *which,
		   struct err *err)
{
	struct run *const r = run_open_sources(o, err);

	*which = 0;
	if (r == NULL)
		return -1;
	for (size_t i = 0; i < NBEFORE; i++)
		if (survey_is_of_use(r, BEFORE[i]) &&
		    !survey_has_ended(r->dir, BEFORE[i]))
			*which |= 1u << BEFORE[i];
	run_close(r);
	return 0;
}
