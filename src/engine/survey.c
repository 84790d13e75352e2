/* survey.c - passes without output: when they are needed, what they leave. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "engine/job.h"
#include "engine/journal.h"
#include "engine/known.h"
#include "engine/run_internal.h"

void
survey_folder(const char *dir, enum run_survey survey, char *out, size_t size)
{
	static const char *const below[] = {
		[SURVEY_NONE] = "", [SURVEY_IDS] = "/" JOB_SURVEY,
		[SURVEY_KEYS] = "/" JOB_SURVEY "/keys",
	};

	snprintf(out, size, "%s%s", dir, below[survey]);
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

/* Is there anything for this survey to find out? */
static bool
is_of_use(const struct run *r, enum run_survey survey)
{
	return survey == SURVEY_IDS ? asks(r->plan) :
	       r->options->on_duplicate != DUPLICATE_FAIL;
}

static bool
has_ended(const struct run *r, enum run_survey survey)
{
	char folder[PATH_MAX], path[PATH_MAX + 16];
	struct journal *j;
	struct err unused;
	bool ended;

	survey_folder(r->dir, survey, folder, sizeof(folder));
	snprintf(path, sizeof(path), "%s/%s", folder, JOB_JOURNAL);
	j = journal_look(path, &unused);
	ended = j != NULL && journal_noted(j, "ended").len > 0;
	journal_close(j);
	return ended;
}

bool
run_needs(const struct run *r, enum run_survey survey)
{
	return is_of_use(r, survey) && !has_ended(r, survey) &&
	       !run_is_done(r);
}

int
survey_use(struct run *r, struct err *err)
{
	const enum run_survey now = r->options->survey;
	char folder[PATH_MAX];

	if (now != SURVEY_IDS && is_of_use(r, SURVEY_IDS)) {
		r->known = known_open(r->dir, r->plan, err);
		if (r->known == NULL)
			return -1;
	}
	if (now == SURVEY_NONE && is_of_use(r, SURVEY_KEYS)) {
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

int
survey_finish(struct run *r, struct err *err)
{
	if (account_sum(&r->account, r->journal, err) != 0)
		return -1;
	if (run_is_done(r))
		return 0;
	if (run_check_sums(r, err) != 0 || run_join(r, err) != 0 ||
	    move_index(r, err) != 0 || job_sync(r->job, err) != 0)
		return -1;
	return journal_note(r->journal, "ended", span_of("yes"), err);
}

