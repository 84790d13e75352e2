/* survey.c - passes without output: when they are needed, what they leave. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/job.h"
#include "engine/journal.h"
#include "engine/known.h"
#include "engine/latest.h"
#include "engine/run_internal.h"

void
survey_folder(const char *dir, enum run_survey survey, char *out, size_t size)
{
	static const char *const below[] = {
		[SURVEY_NONE] = "",
		[SURVEY_STATE] = "/" JOB_SURVEY "/state",
		[SURVEY_IDS] = "/" JOB_SURVEY,
		[SURVEY_KEYS] = "/" JOB_SURVEY "/keys",
		[SURVEY_AGAIN] = "/" JOB_SURVEY "/again",
	};

	snprintf(out, size, "%s%s", dir, below[survey]);
}

const char *
run_survey_words(enum run_survey survey)
{
	static const char *const WORDS[] = {
		[SURVEY_NONE] = "nothing",
		[SURVEY_STATE] = "which items increments changed",
		[SURVEY_IDS] = "which ids there are",
		[SURVEY_KEYS] = "which primary keys are double",
		[SURVEY_AGAIN] = "what is written",
	};

	return WORDS[survey];
}

/* Does a table want to know, while items stream by, which ids there are? */
static bool
asks(const struct plan *p)
{
	for (size_t i = 0; i < p->ntables; i++) {
		const enum rewrite_dangling d = p->tables[i].dangling;

		if (p->tables[i].rewrite != NULL && d != DANGLING_REPORT &&
		    d != DANGLING_FAIL)
			return true;
	}
	return false;
}

/* Is a base to be brought to a later state? */
static bool
has_increments(const struct plan *p)
{
	for (size_t i = 0; i < p->ninputs; i++)
		if (p->inputs[i].kind == INPUT_STATE)
			return true;
	return false;
}

/* One an input: is it a base with increments?  NULL: no memory. */
static bool *
wanted(const struct run *r, struct err *err)
{
	bool *const out = calloc(r->plan->ninputs + 1, sizeof(*out));

	if (out == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	for (size_t i = 0; i < r->plan->ninputs; i++)
		out[i] = r->plan->inputs[i].kind == INPUT_STATE;
	return out;
}

/* Is there anything for this survey to find out? */
bool
survey_is_of_use(const struct run *r, enum run_survey survey)
{
	switch (survey) {
	case SURVEY_STATE:
		return has_increments(r->plan);
	case SURVEY_IDS:
		return asks(r->plan);
	default:
		return r->options->on_duplicate != DUPLICATE_FAIL;
	}
}

bool
survey_has_ended(const char *dir, enum run_survey survey)
{
	char folder[PATH_MAX], path[PATH_MAX + 16];
	struct journal *j;
	struct err unused;
	bool ended;

	survey_folder(dir, survey, folder, sizeof(folder));
	snprintf(path, sizeof(path), "%s/%s", folder, JOB_JOURNAL);
	j = journal_look(path, &unused);
	ended = j != NULL && journal_noted(j, "ended").len > 0;
	journal_close(j);
	return ended;
}

bool
run_needs(const struct run *r, enum run_survey survey)
{
	return survey_is_of_use(r, survey) && !survey_has_ended(r->dir, survey) &&
	       !run_is_done(r);
}

int
survey_check_sources(const struct run *r, struct err *err)
{
	const enum run_survey now = r->options->survey;

	if (run_is_resumable(r))
		return 0;
	for (int s = SURVEY_STATE; s <= SURVEY_KEYS &&
	     (now == SURVEY_NONE || s < (int)now); s++)
		if (survey_is_of_use(r, (enum run_survey)s))
			return err_set(err, ERR_USAGE, "this plan reads its "
				"sources more than once (see 'dangling' and "
				"--on-duplicate), which standard input cannot "
				"do: put it into a file");
	return 0;
}

int
survey_use(struct run *r, struct err *err)
{
	const enum run_survey now = r->options->survey;
	char folder[PATH_MAX];

	if (now == SURVEY_STATE)
		return 0;
	if (survey_is_of_use(r, SURVEY_STATE)) {
		bool *const which = wanted(r, err);

		if (which == NULL)
			return -1;
		survey_folder(r->dir, SURVEY_STATE, folder, sizeof(folder));
		r->latest = latest_open(folder, which,
					(uint32_t)r->plan->ninputs, err);
		free(which);
		if (r->latest == NULL)
			return -1;
	}
	r->shared.latest = r->latest;
	if (now != SURVEY_IDS && survey_is_of_use(r, SURVEY_IDS)) {
		r->known = known_open(r->dir, r->plan, err);
		if (r->known == NULL)
			return -1;
	}
	if ((now == SURVEY_NONE || now == SURVEY_AGAIN) &&
	    survey_is_of_use(r, SURVEY_KEYS)) {
		survey_folder(r->dir, SURVEY_KEYS, folder, sizeof(folder));
		r->drops = drops_open(folder, r->ntargets, err);
		if (r->drops == NULL)
			return -1;
	}
	r->shared.known = r->known;
	r->shared.drops = r->drops;
	return 0;
}

/* From the survey's folder to the job's, where a run leaves its own. */
static int
move_index(const struct run *r, struct err *err)
{
	static const char *const ENDINGS[] = { "idx", "ids" };
	char from[PATH_MAX], to[PATH_MAX];

	for (size_t i = 0; i < r->plan->ntables; i++)
		for (int k = 0; k < 2; k++) {
			const char *const name = r->plan->tables[i].name;

			snprintf(from, sizeof(from), "%s/%s/%s.%s", r->work,
				 JOB_INDEX, name, ENDINGS[k]);
			snprintf(to, sizeof(to), "%s/%s/%s.%s", r->dir,
				 JOB_INDEX, name, ENDINGS[k]);
			if (rename(from, to) != 0 && errno != ENOENT)
				return err_set(err, ERR_SYSTEM, "cannot move %s"
					       " to %s: %m", from, to);
		}
	return 0;
}

/* The lists of which record is the last of its item. */
static int
build_latest(struct run *r, struct err *err)
{
	bool *const which = wanted(r, err);
	uint32_t *const units = calloc(r->nunits + 1U, sizeof(*units));
	size_t n = 0;
	int rc = -1;

	if (units == NULL)
		err_set(err, ERR_SYSTEM, "out of memory");
	for (uint32_t i = 0; units != NULL && i < r->nunits; i++)
		if (journal_unit(r->journal, i) != NULL)
			units[n++] = i;
	if (which != NULL && units != NULL)
		rc = latest_build(&(struct latest_work){
			.job_dir = r->work, .units = units, .nunits = n,
			.ninputs = (uint32_t)r->plan->ninputs,
			.wanted = which, .memory = r->options->memory,
			.cancel = r->options->cancel,
		}, err);
	free(which);
	free(units);
	return rc;
}

int
survey_finish(struct run *r, struct err *err)
{
	if (account_sum(&r->account, r->journal, err) != 0)
		return -1;
	if (run_is_done(r))
		return 0;
	if (r->options->survey == SURVEY_STATE
	    ? build_latest(r, err) != 0
	    : run_check_sums(r, err) != 0 || run_join(r, err) != 0 ||
	      move_index(r, err) != 0)
		return -1;
	if (job_sync(r->job, err) != 0)
		return -1;
	return journal_note(r->journal, "ended", span_of("yes"), err);
}

