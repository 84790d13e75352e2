/* command_run.c - a plan carried out: all of it, or a shard. */
#include "cli/commands.h"

#include <stdio.h>

#include "base/err.h"
#include "cli/answer.h"
#include "cli/console.h"
#include "cli/log.h"
#include "cli/options.h"
#include "cli/settings.h"
#include "cli/shards.h"
#include "cli/stage.h"
#include "cli/surveys.h"
#include "engine/account.h"
#include "engine/run.h"

/* Do it; 0 or -1. */
static int
transform(struct run *run, const struct options *o, struct err *err)
{
	if (run_is_done(run)) {
		if (run_finish(run, err) != 0)
			return -1;
		log_print(!o->quiet && o->output == OUTPUT_TEXT ? stdout : NULL,
			  "this job is done already; nothing changed\n");
		return 0;
	}
	console_start(o);
	const int rc = run_units(run, err);
	console_stop(run);
	console_tables(run);
	return rc != 0 ? -1 : run_finish(run, err);
}

int
command_run(const struct options *o)
{
	struct settings set;
	struct err err = { 0 };

	if (o->nargs == 0) {
		err_set(&err, ERR_USAGE, "which plan? see 'dynamill run "
			"--help'");
		return console_error(&err);
	}
	if (o->dry_run)
		return command_analyze(o);
	if (settings_read(o, &set, &err) != 0)
		return console_error(&err);
	if (o->shard != NULL)
		return shards_run(&set.run, o);

	struct run *const run = surveys_open_run(&set.run, o, &err);
	int status = 0;
	if (run == NULL)
		return console_error(&err);
	console_warnings(run, o);
	if (!run_is_done(run) && !run_is_resumable(run))
		log_print(o->quiet ? NULL : stderr, "dynamill: standard input "
			  "comes only once: if this is interrupted, it begins "
			  "anew, with all of its input\n");
	if (!run_is_done(run))
		stage_begin(o, "run", run_job_dir(run));
	if (transform(run, o, &err) != 0) {
		status = run_is_resumable(run) ? console_error(&err)
					       : console_error_once(&err);
	} else {
		console_summary(run, o);
		console_rejects(run);
		if (o->output == OUTPUT_JSON &&
		    answer_report(run_job_dir(run), &err) != 0)
			status = console_error(&err);
		if (status == 0 && run_account(run)->total.rejected > 0)
			status = 1;
	}
	status = stage_end(status);
	run_close(run);
	return status;
}
