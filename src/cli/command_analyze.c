/* command_analyze.c - the dry run: all that a run would meet, and no output. */
#include "cli/commands.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/err.h"
#include "cli/analyze.h"
#include "cli/console.h"
#include "cli/options.h"
#include "cli/settings.h"
#include "cli/shards.h"
#include "cli/stage.h"
#include "cli/surveys.h"
#include "engine/analysis.h"

static int
survey(struct run *run, struct analysis_watch *w, const struct options *o,
       struct err *err)
{
	if (analysis_watch_start(w, run, err) != 0)
		return -1;
	console_start(o);
	const int rc = run_units(run, err);
	console_stop(run);
	console_tables(run);
	return rc != 0 ? -1 : run_finish(run, err);
}

static int
print_json(const struct analysis *a, struct err *err)
{
	struct buf text = { 0 };
	const int rc = analysis_json(a, &text, err);

	if (rc == 0)
		fwrite(text.ptr, 1, text.len, stdout);
	buf_free(&text);
	return rc;
}

/* Returns the exit status. */
static int
analyze(struct run *run, struct analysis_watch *w, const struct options *o,
	struct err *err)
{
	struct analysis *a = NULL;
	int status = 0;

	stage_begin(o, "analyze", run_job_dir(run));
	if (survey(run, w, o, err) == 0)
		a = analysis_new(run, w, err);
	if (a == NULL || analysis_save(a, err) != 0 ||
	    (o->output == OUTPUT_JSON && print_json(a, err) != 0))
		status = run_is_resumable(run) ? console_error(err)
					       : console_error_once(err);
	else if (o->output == OUTPUT_TEXT && !o->quiet) {
		analyze_print(a, o->verbose);
		console_versions(run);
	}
	if (status == 0 && a->nerrors > 0)
		status = 1;
	if (a != NULL)
		analyze_log(a);
	analysis_free(a);
	return stage_end(status);
}

int
command_analyze(const struct options *o)
{
	struct analysis_watch *w = NULL;
	struct run *run = NULL;
	struct settings set;
	struct err err = { 0 };
	int status;

	if (o->nargs == 0)
		err_set(&err, ERR_USAGE, "which plan? see 'dynamill analyze "
			"--help'");
	else if (settings_read(o, &set, &err) == 0 && o->shard != NULL)
		return shards_analyze(&set.run, o);
	else if (err.code == ERR_NONE)
		w = analysis_watch_new(&err);
	if (w != NULL) {
		set.run.survey = SURVEY_IDS;
		set.run.observer = analysis_watch_observer(w);
		run = surveys_open_run(&set.run, o, &err);
	}
	status = run == NULL ? console_error(&err) : analyze(run, w, o, &err);
	analysis_watch_free(w);	/* which looks at the run's plan */
	run_close(run);
	return status;
}
