/* command_merge.c - the parts of a divided job, put together. */
#include "cli/commands.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/plural.h"
#include "cli/answer.h"
#include "cli/console.h"
#include "cli/log.h"
#include "cli/options.h"
#include "cli/settings.h"
#include "cli/shards.h"
#include "cli/stage.h"
#include "cli/words.h"
#include "engine/account.h"
#include "engine/depot.h"
#include "engine/job.h"
#include "engine/plan.h"
#include "engine/recall.h"
#include "engine/shard.h"
#include "formats/jsonwrite.h"

/* ---- which shards are done ----------------------------------------------- */

struct listing {
	struct jsonwrite *json;		/* or NULL */
	FILE *to;			/* where lines go */
};

static void
print_shard(void *context, uint32_t number, uint32_t count,
	    enum shard_state state, const char *text)
{
	static const char *const WORDS[] = {
		[SHARD_MISSING] = "not begun", [SHARD_BUSY] = "under way",
		[SHARD_STOPPED] = "stopped", [SHARD_DONE] = "done",
	};
	const struct listing *const l = context;

	if (l->json == NULL) {
		log_print(l->to, "shard %" PRIu32 "/%" PRIu32 ": %s%s%s\n",
			  number, count, WORDS[state],
			  text[0] != '\0' ? ": " : "", text);
		return;
	}
	jsonwrite_map(l->json);
	jsonwrite_name(l->json, "shard");
	jsonwrite_uint(l->json, number);
	jsonwrite_name(l->json, "state");
	jsonwrite_text(l->json, WORDS[state]);
	if (text[0] != '\0') {
		jsonwrite_name(l->json, "why");
		jsonwrite_text(l->json, text);
	}
	jsonwrite_end(l->json);
}

/* What a merge would say of them, as JSON on standard output. */
static int
print_json(const char *dir, enum run_survey round, const struct options *o,
	   struct err *err)
{
	struct answer a;
	struct listing l = { .json = &a.json };
	struct err trouble;
	int rc;

	answer_start(&a, &trouble);
	jsonwrite_put_text(&a.json, "round", shard_round_name(round));
	jsonwrite_put_uint(&a.json, "shards",
			   shard_count(dir, round, &trouble));
	jsonwrite_name(&a.json, "notDone");
	jsonwrite_list(&a.json);
	rc = shard_check(dir, o->job, round, print_shard, &l, err);
	if (answer_print(&a) != 0) {
		*err = trouble;
		rc = -1;
	}
	return rc;
}

/* Say which are not done; -1 if there are some. */
static int
check(const char *dir, enum run_survey round, const struct options *o,
      struct err *err)
{
	struct listing l = {
		.to = o->quiet ? NULL : o->dry_run ? stdout : stderr,
	};

	if (o->dry_run && o->output == OUTPUT_JSON)
		return print_json(dir, round, o, err);
	return shard_check(dir, o->job, round, print_shard, &l, err);
}

/* ---- merging ------------------------------------------------------------- */

static void
print_survey(const struct run *run, enum run_survey round,
	     const struct options *o)
{
	FILE *const to = o->quiet || o->output != OUTPUT_TEXT ? NULL : stdout;
	const uint64_t items = run_account(run)->total.read;
	char n[32];

	log_print(to, "%s: %s item%s read; it is known now %s\n",
		  run_plan(run)->name, words_count(items, n), plural(items),
		  run_survey_words(round));
}

/* The whole of a round; the exit status. */
static int
merge(const struct run_options *options, const struct options *o,
      struct err *err)
{
	struct run *const run = run_open(options, err);
	const bool survey = options->survey != SURVEY_NONE;
	int status = 0;

	if (run == NULL)
		return console_error(err);
	console_warnings(run, o);
	stage_begin(o, "merge", run_job_dir(run));
	if (run_gather(run, err) != 0 || run_finish(run, err) != 0 ||
	    (survey && run_check_ids(run, err) != 0) ||
	    (o->output == OUTPUT_JSON && !survey &&
	     answer_report(run_work_dir(run), err) != 0))
		status = console_error(err);
	else if (survey)
		print_survey(run, options->survey, o);
	else
		console_summary(run, o);
	if (status == 0 && run_account(run)->total.rejected > 0)
		status = 1;
	status = stage_end(status);
	run_close(run);
	return status;
}

/* Which round is to be merged: the last that was divided. */
static int
find_round(const char *dir, const char *name, enum run_survey *round,
	   struct err *err)
{
	if (shard_find_round(dir, round))
		return 0;
	return err_set(err, ERR_USAGE, "no shard of job '%s' has been run: say "
		       "'dynamill run PLAN --job %s --shard 1/N', and so on",
		       name, name);
}

/* What is to be merged, if all of it is there; 0 or -1. */
static int
find_parts(const char *dir, struct depot *depot, enum run_survey *round,
	   const struct options *o, struct err *err)
{
	if (depot != NULL) {
		const int rc = depot_find_round(depot, round, err);

		if (rc < 0 || (rc > 0 && depot_look(depot, *round, err) != 0))
			return -1;
	}
	if (find_round(dir, o->job, round, err) != 0 ||
	    check(dir, *round, o, err) != 0)
		return -1;
	return depot == NULL || o->dry_run ? 0 :
		depot_gather(depot, *round, err);
}

/* It may have been killed in its last moments: go on from there. */
static int
clear(const struct job *job, struct depot *depot, struct err *err)
{
	enum run_survey round;
	int rc = 0;

	shard_remove_round(job_dir(job), SURVEY_NONE);
	if (depot != NULL)
		rc = depot_find_round(depot, &round, err);
	return rc <= 0 ? rc : depot_remove_round(depot, round, err);
}

/* Is there nothing to do any more? */
static bool
is_merged(const struct job *job, const struct depot *depot)
{
	return depot != NULL ? depot_is_merged(depot) : job_is_out(job) &&
	       !shard_is_round(job_dir(job), SURVEY_NONE);
}

/* With the job's own plans and options; the exit status. */
static int
merge_job(const struct job *job, struct depot *depot, const struct options *o)
{
	struct arena mem = { 0 };
	struct settings set;
	struct recall was;
	struct err err = { 0 };
	int status = 0;

	if (is_merged(job, depot)) {
		if (!o->dry_run && clear(job, depot, &err) != 0)
			return console_failed(&err);
		if (depot != NULL)
			depot_discard(depot);
		log_print(o->quiet ? NULL : stdout, "this job is done already; "
			  "nothing changed\n");
		return 0;
	}
	if (settings_read(o, &set, &err) != 0 ||
	    recall_job(&was, job, &mem, &err) != 0 ||
	    find_parts(job_dir(job), depot, &set.run.survey, o, &err) != 0) {
		arena_free(&mem);
		return console_failed(&err);
	}
	was.plan.variable = set.run.plan.variable;
	set.run.plans = was.plans;
	set.run.nplans = was.nplans;
	set.run.plan = was.plan;
	set.run.limit = was.limit;
	set.run.level = was.level;
	set.run.on_duplicate = was.on_duplicate;
	set.run.applied = was.applied;
	set.run.napplied = was.napplied;
	set.run.job_dir = job_dir(job);
	set.run.depot = depot;
	set.run.verify = o->verify;
	set.run.nshards = shard_count(job_dir(job), set.run.survey, &err);
	if (o->dry_run)
		log_print(o->quiet || o->output != OUTPUT_TEXT ? NULL : stdout,
			  "all %" PRIu32 " shards are done\n",
			  set.run.nshards);
	else
		status = merge(&set.run, o, &err);
	/* The error of a failed attempt tells of files there. */
	if (depot != NULL && !o->dry_run && status <= 1)
		depot_discard(depot);
	arena_free(&mem);
	return status;
}

/* The job's folder: here, or brought here from S3. */
static struct job *
open_job(const struct options *o, struct depot **depot, struct err *err)
{
	int rc;

	if (o->job == NULL || o->nargs > 0) {
		err_set(err, ERR_USAGE, "which job? merge takes --job DIR and "
			"no other words");
		return NULL;
	}
	if (shards_open_depot(o, true, depot, err) != 0)
		return NULL;
	rc = *depot != NULL ? depot_fetch(*depot, err) : 1;
	if (rc == 0)
		err_set(err, ERR_USAGE, "%s is no job: it has no job.json",
			o->job);
	return rc <= 0 ? NULL : job_open_as_is(
		*depot != NULL ? depot_dir(*depot) : o->job, false, err);
}

int
command_merge(const struct options *o)
{
	struct err err = { 0 };
	struct depot *depot = NULL;
	struct job *const job = open_job(o, &depot, &err);
	const int status = job == NULL ? console_failed(&err)
				       : merge_job(job, depot, o);

	job_close(job);
	depot_close(depot);
	return status;
}
