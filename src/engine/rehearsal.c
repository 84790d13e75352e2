#include "engine/rehearsal.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/err.h"
#include "engine/run.h"
#include "io/file.h"

struct rehearsal {
	struct run_options options;
	struct run *run;
	char folder[PATH_MAX];		/* "": there is none */
	char job[PATH_MAX + 8];
};

/* One survey, whole, before the one that is looked at.  Returns 0 or -1. */
static int
survey(struct rehearsal *r, enum run_survey which, struct err *err)
{
	struct run_options options = r->options;
	struct run *run;
	int rc;

	options.survey = which;
	options.observer = NULL;
	run = run_open(&options, err);
	if (run == NULL)
		return -1;
	rc = run_units(run, err);
	if (rc == 0)
		rc = run_finish(run, err);
	run_close(run);
	return rc;
}

/* Open it, after those that it needs. */
static int
open_run(struct rehearsal *r, struct err *err)
{
	static const enum run_survey surveys[] = {
		SURVEY_STATE, SURVEY_IDS, SURVEY_KEYS,
	};

	r->run = run_open(&r->options, err);
	for (int i = 0; r->run != NULL && i < 3; i++) {
		if (surveys[i] >= r->options.survey)
			break;
		if (!run_needs(r->run, surveys[i]))
			continue;
		/* One at a time has the folder. */
		const bool again = run_is_resumable(r->run);
		run_close(r->run);
		r->run = NULL;
		if (!again)
			return err_set(err, ERR_USAGE, "this reads its sources "
				       "more than once, which standard input "
				       "cannot do: put it into a file");
		if (survey(r, surveys[i], err) == 0)
			r->run = run_open(&r->options, err);
	}
	return r->run != NULL ? 0 : -1;
}

struct rehearsal *
rehearsal_open(const struct run_options *o, const char *tmp, struct err *err)
{
	struct rehearsal *const r = calloc(1, sizeof(*r));
	const int n = r == NULL ? 0 :
		snprintf(r->folder, sizeof(r->folder), "%s/dynamill-XXXXXX",
			 tmp);

	if (r == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	r->options = *o;
	r->options.job_dir = r->job;
	if (n < 0 || (size_t)n >= sizeof(r->folder) ||
	    mkdtemp(r->folder) == NULL) {
		err_set(err, ERR_SYSTEM, "cannot make a folder in '%s': %m; "
			"TMPDIR names another", tmp);
		r->folder[0] = '\0';
		goto failed;
	}
	snprintf(r->job, sizeof(r->job), "%s/job", r->folder);
	if (open_run(r, err) == 0)
		return r;
failed:
	rehearsal_close(r);
	return NULL;
}

struct run *
rehearsal_run(const struct rehearsal *r)
{
	return r->run;
}

void
rehearsal_close(struct rehearsal *r)
{
	if (r == NULL)
		return;
	run_close(r->run);
	if (r->folder[0] != '\0')
		file_remove_folder(r->folder);
	free(r);
}
