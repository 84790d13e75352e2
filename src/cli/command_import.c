/* command_import.c - a job's output into new tables, by ImportTable. */
#include "cli/commands.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/plural.h"
#include "cli/answer.h"
#include "cli/confirm.h"
#include "cli/console.h"
#include "cli/environment.h"
#include "cli/log.h"
#include "cli/options.h"
#include "cli/stage.h"
#include "cli/ticker.h"
#include "engine/import_job.h"
#include "engine/plan.h"
#include "engine/status.h"

/* How far each import is, for who looks from outside; from any thread. */
static void
tell(const struct import_job *i)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	struct status_table list[OPTIONS_MAX_WORDS];
	struct import_job_table t;
	size_t n = 0;

	if (pthread_mutex_trylock(&lock) != 0)
		return;
	if (stage_is_due()) {
		for (; n < OPTIONS_MAX_WORDS && import_job_table(i, n, &t); n++)
			list[n] = (struct status_table){
				.name = t.name, .done = t.processed,
				.total = t.nitems, .items = t.imported,
				.bad = t.errors, .left = -1,
			};
		stage_tables(list, n);
	}
	pthread_mutex_unlock(&lock);
}

static void
watch(void *context, const struct import_job *i)
{
	const struct options *const o = context;
	struct import_job_table t;
	uint64_t all, up;
	unsigned done = 0, n = 0;

	tell(i);
	if (!ticker_is_shown(o))
		return;
	for (; import_job_table(i, n, &t); n++)
		done += t.status != NULL && strcmp(t.status, "IN_PROGRESS") !=
			0;
	import_job_uploaded(i, &all, &up);
	ticker_say(o, "%" PRIu64 " of %" PRIu64 " MB uploaded, %u of %u "
		   "imports ended", up / 1000000, all / 1000000, done, n);
}

/* It makes tables that cost; a stage may want to be asked. */
static int
ask(const struct options *o, const struct import_job *i, struct err *err)
{
	struct import_job_table t;
	uint64_t items = 0;
	const char *only = NULL;
	char what[300];
	size_t n = 0;

	for (; import_job_table(i, n, &t); n++) {
		items += t.nitems;
		only = t.name;
	}
	if (!import_job_plan(i)->confirm)
		return 0;
	snprintf(what, sizeof(what), "importing %" PRIu64 " item%s into %zu new "
		 "table%s at %.150s", items, plural(items), n, plural(n),
		 import_job_place(i));
	return confirm(o, import_job_plan(i), n == 1 ? only : NULL, what, err);
}

/* ---- the end ------------------------------------------------------------- */

static void
print_text(const struct import_job *i)
{
	struct import_job_table t;

	for (size_t n = 0; import_job_table(i, n, &t); n++) {
		if (t.status == NULL)
			continue;
		printf("%s: %s, %" PRIu64 " of %" PRIu64 " item%s imported",
		       t.name, t.status, t.imported, t.nitems,
		       plural(t.nitems));
		if (t.errors > 0)
			printf(", %" PRIu64 " refused", t.errors);
		if (t.failure != NULL)
			printf("; %s", t.failure);
		if (t.errors > 0 || t.failure != NULL)
			printf("; why is in CloudWatch, %s, stream %s",
			       t.log_group != NULL ? t.log_group
			       : "log group /aws-dynamodb/imports",
			       t.log_stream);
		printf("\n");
	}
}

static int
print_json(const struct import_job *i, struct err *err)
{
	struct answer a;
	struct jsonwrite *const w = &a.json;
	struct import_job_table t;

	answer_start_tables(&a, err);
	for (size_t n = 0; import_job_table(i, n, &t); n++) {
		jsonwrite_map(w);
		jsonwrite_put_text(w, "table", t.name);
		jsonwrite_put_text(w, "status", t.status);
		jsonwrite_put_text(w, "importArn", t.arn);
		jsonwrite_put_uint(w, "items", t.nitems);
		jsonwrite_put_uint(w, "processed", t.processed);
		jsonwrite_put_uint(w, "imported", t.imported);
		jsonwrite_put_uint(w, "errors", t.errors);
		jsonwrite_put_text(w, "failure", t.failure);
		jsonwrite_put_text(w, "logGroup", t.log_group);
		jsonwrite_put_text(w, "logStream", t.log_stream);
		jsonwrite_end(w);
	}
	return answer_print(&a);
}

/*
 * What is to be told of the whole: 0 all is there, 1 some items are not, -1 an
 * import came to nothing.
 */
static int
judge(const struct import_job *i, bool waited, struct err *err)
{
	struct import_job_table t;
	int rc = 0;

	for (size_t n = 0; waited && import_job_table(i, n, &t); n++) {
		if (t.errors > 0) {
			log_problem(LOG_ERROR, NULL, "table '%s': %" PRIu64
				    " items were refused by the import",
				    t.name, t.errors);
			rc = 1;
		} else if (strcmp(t.status, "COMPLETED") != 0)
			return err_set(err, ERR_REMOTE, "table '%s': the "
				       "import is %s: %s", t.name, t.status,
				       t.failure != NULL ? t.failure
				       : "the service does not say why");
		else if (t.imported != t.nitems)
			return err_set(err, ERR_REMOTE, "table '%s': %" PRIu64
				       " item%s imported, and the files hold %"
				       PRIu64, t.name, t.imported,
				       plural(t.imported), t.nitems);
	}
	return rc;
}

int
command_import(const struct options *o)
{
	struct err err = { 0 };
	const struct import_job_options options = {
		.job_dir = o->job, .tables = o->tables, .ntables = o->ntables,
		.to = o->to, .threads = o->threads, .no_wait = o->no_wait,
		.usual = environment_side(),
		.variable = environment_variable, .watch = watch,
		.context = (void *)(uintptr_t)o,
	};
	struct import_job *i;
	int rc, status = 0;

	if (o->job == NULL) {
		err_set(&err, ERR_USAGE, "which job? give --job DIR");
		return console_failed(&err);
	}
	i = import_job_open(&options, &err);
	if (i == NULL)
		return console_failed(&err);
	rc = ask(o, i, &err);
	if (rc == 0 && !o->dry_run)
		rc = import_job_run(i, &err);
	ticker_end(o);
	if (rc == 0 && o->output == OUTPUT_JSON)
		rc = print_json(i, &err);
	else if (rc == 0 && !o->quiet)
		print_text(i);
	if (rc == 0 && !o->dry_run) {
		status = judge(i, !o->no_wait, &err);
		rc = status < 0 ? -1 : 0;
	}
	import_job_close(i);
	return rc != 0 ? console_error(&err) : status;
}
