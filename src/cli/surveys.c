#include "cli/surveys.h"

#include <stdbool.h>
#include <stdio.h>

#include "base/err.h"
#include "cli/console.h"
#include "cli/log.h"
#include "cli/options.h"
#include "cli/stage.h"
#include "engine/run.h"

/* One survey, whole.  Returns 0 or -1. */
static int
survey(const struct run_options *from, enum run_survey which,
       const struct options *o, struct err *err)
{
	struct run_options options = *from;
	struct run *run;
	int rc = 0;

	options.survey = which;
	options.observer = NULL;	/* of the pass that is asked for */
	run = run_open(&options, err);
	if (run == NULL)
		return -1;
	log_print(o->quiet ? NULL : stderr, "dynamill: a pass beforehand: %s\n",
		  run_survey_words(which));
	stage_begin(o, "survey", run_job_dir(run));
	if (!run_is_done(run)) {
		console_start(o);
		rc = run_units(run, err);
		console_stop(run);
	}
	if (rc == 0)
		rc = run_finish(run, err);
	if (rc == 0)
		rc = run_check_ids(run, err);
	console_tables(run);
	if (rc != 0)
		stage_failed(err->text);
	stage_end(rc == 0 ? 0 : console_status(err));
	run_close(run);
	return rc;
}

struct run *
surveys_open_run(const struct run_options *options, const struct options *o,
		 struct err *err)
{
	static const enum run_survey surveys[] = {
		SURVEY_STATE, SURVEY_IDS, SURVEY_KEYS,
	};
	struct run *run = run_open(options, err);

	for (int i = 0; run != NULL && i < 3; i++) {
		/* A survey needs those before it. */
		if (options->survey != SURVEY_NONE &&
		    surveys[i] >= options->survey)
			break;
		if (!run_needs(run, surveys[i]))
			continue;

		/* One at a time has the job. */
		run_close(run);
		run = NULL;
		if (survey(options, surveys[i], o, err) == 0)
			run = run_open(options, err);
	}
	return run;
}
