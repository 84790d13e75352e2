/* command_restore.c - a dump into a table, or by the service a table again. */
#include "cli/commands.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "aws/backups.h"
#include "aws/dynamodb.h"
#include "aws/service.h"
#include "aws/side.h"
#include "base/err.h"
#include "cli/console.h"
#include "cli/environment.h"
#include "cli/options.h"
#include "engine/restore.h"

/* A new table, made by the service. */
static int
by_service(const struct options *o, struct err *err)
{
	struct table_restore r = {
		.into = o->into, .backup = o->backup, .no_wait = o->no_wait,
		.from = o->nargs > 0 ? o->args[0] : NULL,
	};
	struct side *side;
	struct service *s;
	int rc;

	if ((o->backup == NULL) != (o->nargs == 1))
		return err_set(err, ERR_USAGE, "a table again of what? name "
			       "the one table, or --backup ARN");
	if (o->backup != NULL && o->to_time != NULL)
		return err_set(err, ERR_USAGE, "a backup is of one moment: "
			       "leave out --to-time, or name the table in place "
			       "of --backup");
	if (options_time("to-time", o->to_time, &r.time, err) != 0)
		return -1;
	side = side_open(environment_side(), err);
	s = side == NULL ? NULL : dynamodb_open(side, err);
	rc = s == NULL ? -1 : o->dry_run ? 0 : table_restore(s, &r, err);
	if (rc == 0 && !o->quiet && !o->dry_run)
		printf("%s: %s\n", o->into, o->no_wait ? "is being made"
		       : "made");
	service_close(s);
	side_close(side);
	return rc;
}

/* A dump as a job: its plan, its run, its push. */
static int
by_push(const struct options *o, struct err *err, int *status)
{
	const struct restore_options options = {
		.dumps = o->args, .ndumps = o->nargs,
		.table = o->tables[0], .usual = environment_side(),
	};
	char job[PATH_MAX], plan[PATH_MAX];
	const char *const plans[] = { plan };
	struct options run = *o, push = *o;

	if (o->nargs == 0 || o->ntables != 1)
		return err_set(err, ERR_USAGE, "restore DUMP --table T, or "
			       "restore TABLE --into NAME; see 'dynamill "
			       "restore --help'");
	if (snprintf(job, sizeof(job), "%s%s", o->job != NULL ? o->job
		     : o->tables[0], o->job != NULL ? "" : ".restore") >=
	    (int)sizeof(job) - 8)
		return err_set(err, ERR_USAGE, "too long a name of a job");
	while (job[0] != '\0' && job[1] != '\0' &&
	       job[strlen(job) - 1] == '/')
		job[strlen(job) - 1] = '\0';
	snprintf(plan, sizeof(plan), "%.4000s.yaml", job);
	if (restore_write_plan(&options, plan, err) != 0)
		return -1;
	run.args = plans;
	run.nargs = 1;
	run.ntables = push.ntables = 0;
	run.job = push.job = job;
	push.restoring = true;
	run.quiet = true;
	run.output = OUTPUT_TEXT;
	run.dry_run = false;
	*status = command_run(&run);
	if (*status == 0)
		*status = command_push(&push);
	return 0;
}

int
command_restore(const struct options *o)
{
	struct err err = { 0 };
	int status = 0;
	const int rc = o->into != NULL ? by_service(o, &err)
		: by_push(o, &err, &status);

	return rc == 0 ? status : console_failed(&err);
}
