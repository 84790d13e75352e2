/*
 * command_migrate.c - the whole chain, stage after stage on one job.
 *
 * Each stage is a command's own function.  What was done before, by the job's
 * story, is not done again; so the same command goes on after whatever end.
 * When something of the target is definitely not as it should be, what was
 * written is taken back.
 */
#include "cli/commands.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "cli/console.h"
#include "cli/environment.h"
#include "cli/log.h"
#include "cli/migrate.h"
#include "cli/stage.h"
#include "engine/backup.h"
#include "engine/creation.h"
#include "engine/evidence.h"
#include "engine/job.h"
#include "engine/plan.h"
#include "engine/seal.h"
#include "engine/status.h"
#include "engine/story.h"
#include "io/file.h"

/* ---- stages ------------------------------------------------------------- */

static int
do_whoami(struct migration *m)
{
	return command_whoami(&m->o);
}

static void
tell_backup(void *context, const struct backup *b)
{
	struct backup_table t;
	struct status_table list[256];
	size_t n = 0;

	(void)context;
	for (; n < 256 && backup_table(b, n, &t); n++)
		list[n] = (struct status_table){
			.name = t.name, .done = t.done, .total = t.segments,
			.items = t.items, .left = -1,
		};
	stage_tables(list, n);
}

/* Each source table once; what others emit to has none. */
static size_t
name_sources(const struct migration *m, const char **names)
{
	size_t n = 0;

	for (size_t i = 0; i < m->plan->ntables; i++) {
		const struct plan_table *const t = &m->plan->tables[i];
		size_t k = 0;

		if (t->skip || t->glob || t->emitted)
			continue;
		while (k < n && strcmp(names[k], t->from) != 0)
			k++;
		names[k] = t->from;
		n += k == n;
	}
	return n;
}

/* The live tables of the source, where the plan names no exports. */
static int
do_backup(struct migration *m)
{
	struct err err = { 0 };
	const char **const names = arena_take(&m->mem, (m->plan->ntables + 1) *
					      sizeof(*names), &err);
	struct backup_options o = {
		.tables = names, .dir = m->source, .side = &m->plan->source,
		.usual = environment_side(),
	};
	struct backup_table t;
	struct backup *b = NULL;
	int rc = -1;

	if (names != NULL) {
		o.ntables = name_sources(m, names);
		b = backup_open(&o, &err);
	}
	if (b != NULL)
		rc = backup_run(b, &err);
	for (size_t i = 0; rc == 0 && !m->o.quiet && backup_table(b, i, &t);
	     i++)
		printf("%s: %ju items read\n", t.name, (uintmax_t)t.items);
	if (b != NULL)
		tell_backup(NULL, b);
	backup_close(b);
	return rc == 0 ? 0 : console_error(&err);
}

static int
do_analyze(struct migration *m)
{
	return command_analyze(&m->o);
}

static int
do_test(struct migration *m)
{
	struct options o = m->o;

	o.write = true;
	o.limit = 1;
	return command_test_job(&o);
}

static int
do_run(struct migration *m)
{
	return command_run(&m->o);
}

static void
tell_made(void *context, const char *table, bool new)
{
	const struct migration *const m = context;

	if (!m->o.quiet)
		printf("%s: %s, by its definition\n", table, new ? "made"
		       : "was there, with the same key");
}

/* By the plan's definitions; what has none by its table.json. */
static int
do_tables(struct migration *m)
{
	static const char *const words[] = { "create" };
	const struct creation_options creation = {
		.job_dir = m->job, .usual = environment_side(),
		.variable = environment_variable, .made = tell_made,
		.context = m,
	};
	struct options o = m->o;
	struct err err = { 0 };

	if (creation_make(&creation, &err) != 0)
		return console_error(&err);

	o.args = words;
	o.nargs = 1;
	return command_tables(&o);
}

/* Folders of targets in out/; 0 where that is in S3. */
static size_t
count_targets(const struct migration *m)
{
	char path[PATH_MAX];
	const struct dirent *e;
	size_t n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/" JOB_OUT, m->job);
	dir = opendir(path);
	while (dir != NULL && (e = readdir(dir)) != NULL)
		n += e->d_name[0] != '.';
	if (dir != NULL)
		closedir(dir);
	return n;
}

/*
 * In dependency order, as long as that is known of every table that has
 * something; else all of them by their names.
 */
static int
do_push(struct migration *m)
{
	struct options o = m->o;
	char path[PATH_MAX];

	o.nargs = o.ntables = 0;
	for (size_t i = 0; m->targets_known && i < m->ntables; i++) {
		snprintf(path, sizeof(path), "%s/" JOB_OUT "/%s", m->job,
			 m->tables[i].name);
		if (access(path, F_OK) == 0 && o.ntables < OPTIONS_MAX_WORDS)
			o.tables[o.ntables++] = m->tables[i].name;
	}
	if (o.ntables != count_targets(m))
		o.ntables = 0;
	return command_push(&o);
}

/* Every item made anew of the sources, then every item of the targets read. */
static int
do_validate(struct migration *m)
{
	const struct story_stage *sent;
	struct options o = m->o;
	struct story story;
	struct err err;
	int status;

	o.nargs = o.ntables = 0;
	o.stage = NULL;		/* the job knows */
	o.limit = 0;
	o.strict_ids = o.revert = false;
	status = command_validate(&o);
	if (status != 0)
		return status;
	o.live = true;
	status = command_validate(&o);
	if (status != 0)
		return status;
	if (story_load(m->job, &story, &m->mem, &err) != 0)
		return status;
	sent = story_last(&story, "push");
	if (sent != NULL)
		stage_tables(sent->tables, sent->ntables);
	stage_note("each item made anew of the sources and compared with out/; "
		   "each item of the targets read and compared with out/");
	return 0;
}

/* The story into the report, and a checksum over all of it: the last word. */
static int
do_report(struct migration *m)
{
	const struct seal_options seal = {
		.job_dir = m->job, .threads = options_threads(&m->o),
		.cancel = &commands_cancel,
	};
	struct err err = { 0 };

	if (evidence_write(&seal, &err) != 0)
		return console_error(&err);
	if (!m->o.quiet)
		printf("report: %s/report.html; checksums: %s/" JOB_SEAL "\n",
		       m->job, m->job);
	return 0;
}

static int
do_rollback(struct migration *m)
{
	struct options o = m->o;

	o.nargs = o.ntables = 0;
	o.confirmed = true;	/* whoever began it asked for this, too */
	return command_rollback(&o);
}

enum {
	ALWAYS = 1,		/* also if it was done before */
	TOLD = 2,		/* its command tells the story itself */
	WRITES = 4,		/* into the target */
	SURE = 8,		/* status 1 means: the target is not right */
	FINDINGS = 16,		/* status 1 is no reason to stop */
	BACKUP = 64,		/* only if the plan names no exports */
	LAST = 32,		/* tells of the others, and so not of itself */
};

static const struct stage {
	const char *name;
	int (*run)(struct migration *m);
	unsigned is;
} STAGES[] = {
	{ "whoami", do_whoami, ALWAYS },
	{ "backup", do_backup, BACKUP },
	{ "analyze", do_analyze, TOLD },
	{ "test", do_test, WRITES },
	{ "run", do_run, TOLD | FINDINGS },
	{ "tables", do_tables, WRITES },
	{ "push", do_push, TOLD | WRITES | SURE },
	{ "validate", do_validate, SURE },
	{ "report", do_report, ALWAYS | LAST },
};

enum { NSTAGES = sizeof(STAGES) / sizeof(STAGES[0]) };

/* The number of a stage; -1 with *err set. */
static int
stage_named(const char *option, const char *name, struct err *err)
{
	for (int i = 0; i < NSTAGES; i++)
		if (strcmp(STAGES[i].name, name) == 0)
			return i;
	return err_set(err, ERR_USAGE, "--%s takes whoami, backup, analyze, test, "
		       "run, tables, push, validate or report, not '%s'", option, name);
}

/* ---- what was done before ----------------------------------------------- */

/*
 * Its last record, if by that it is done: a rollback takes back what was
 * written before it, and the proof of it.
 */
static const struct story_stage *
done_before(const struct story *story, const struct stage *g)
{
	const struct story_stage *const last = story_last(story, g->name);
	const struct story_stage *const back = story_last(story, "rollback");
	const bool gone = (g->is & (WRITES | SURE)) != 0 && back != NULL &&
			  back > last;

	if (last == NULL || gone || (g->is & ALWAYS) != 0)
		return NULL;
	return last->status == 0 ||
	       (last->status == 1 && (g->is & FINDINGS) != 0) ? last : NULL;
}

/* Was something written to the target, and not taken back? */
static bool
has_written(struct migration *m)
{
	struct story story;
	struct err err;
	const struct story_stage *first = NULL;

	if (story_load(m->job, &story, &m->mem, &err) != 0)
		return true;
	for (size_t i = 0; i < story.n; i++)
		for (int k = 0; k < NSTAGES; k++)
			if (strcmp(story.stages[i].name, STAGES[k].name) == 0 &&
			    (STAGES[k].is & WRITES) != 0 &&
			    strcmp(STAGES[k].name, "test") != 0)
				first = &story.stages[i];
	const struct story_stage *const back = story_last(&story, "rollback");
	return first != NULL && (back == NULL || back < first ||
				 back->status != 0);
}

/* ---- telling ------------------------------------------------------------ */

static void
say(const struct migration *m, const char *stage, const char *text)
{
	if (!m->given->quiet && m->given->output == OUTPUT_TEXT) {
		printf("== %s%s\n", stage, text);
		fflush(stdout);
	}
}

/* The words that go on with it. */
static void
print_again(const struct migration *m)
{
	fprintf(stderr, "dynamill migrate");
	for (size_t i = 0; i < m->given->nargs; i++)
		fprintf(stderr, " %s", m->given->args[i]);
	if (m->given->stage != NULL)
		fprintf(stderr, " --stage %s", m->given->stage);
	fprintf(stderr, " --job %s\n", m->job);
}

static int
stopped(struct migration *m, const char *stage, int status)
{
	log_problem(LOG_ERROR, stderr, "the migration stopped in '%s'%s",
		    stage, has_written(m) ? "" : "; nothing was written to the "
		    "target");
	fprintf(stderr, "  to go on:    ");
	print_again(m);
	if (has_written(m))
		fprintf(stderr, "  to go back:  dynamill rollback --job %s\n",
			m->job);
	return status;
}

/* What the target holds is definitely wrong: none of it shall stay. */
static int
take_back(struct migration *m, const char *stage)
{
	int status;

	log_problem(LOG_ERROR, stderr, "the migration stopped in '%s'; what was "
		    "written is taken back", stage);
	say(m, "rollback", "");
	status = do_rollback(m);
	do_report(m);
	if (status == 0)
		fprintf(stderr, "  to do it again, once it is mended:  ");
	else
		fprintf(stderr, "  to go on taking it back:  dynamill rollback "
			"--job %s\n  to do the migration again:  ", m->job);
	print_again(m);
	return 1;
}

/* ---- going on ----------------------------------------------------------- */

static int
run_stage(struct migration *m, const struct stage *g)
{
	char path[PATH_MAX];

	say(m, g->name, "");
	if ((g->is & (TOLD | LAST)) != 0)
		return g->run(m);
	/* Before it is a job, nothing may be in its folder. */
	snprintf(path, sizeof(path), "%s/job.json", m->job);
	stage_begin(&m->o, g->name, access(path, F_OK) == 0 ? m->job : NULL);
	return stage_end(g->run(m));
}

/* Before the first stage that writes, unless nothing is left to write. */
static int
ask(struct migration *m, const struct story *story, int first, int last,
    struct err *err)
{
	for (int i = first; i <= last; i++)
		if ((STAGES[i].is & WRITES) != 0 &&
		    done_before(story, &STAGES[i]) == NULL)
			return migrate_confirm(m, err);
	return 0;
}

static int
run_stages(struct migration *m, int from, int until, struct err *err)
{
	struct story story;
	bool asked = false;
	int worst = 0;

	for (int i = 0; i <= until; i++) {
		const struct stage *const g = &STAGES[i];
		char when[32], text[80];
		const struct story_stage *before;
		int status;

		if ((g->is & BACKUP) != 0 && m->source == NULL)
			continue;
		if (story_load(m->job, &story, &m->mem, err) != 0)
			return console_failed(err);
		before = done_before(&story, g);
		if (i < from && before == NULL && (g->is & ALWAYS) == 0) {
			err_set(err, ERR_USAGE, "--from %s: '%s' was not done "
				"in this job yet", STAGES[from].name, g->name);
			return console_failed(err);
		}
		if (before != NULL && (m->given->from == NULL || i < from)) {
			snprintf(text, sizeof(text), ": done %s",
				 status_time(before->started, when));
			say(m, g->name, text);
			worst = before->status > worst ? before->status : worst;
			continue;
		}
		if (atomic_load(&commands_cancel))
			return stopped(m, g->name, 130);
		if (!asked && (g->is & WRITES) != 0) {
			asked = true;
			if (ask(m, &story, i, until, err) != 0)
				return stopped(m, g->name,
					       console_failed(err));
		}
		status = run_stage(m, g);
		if (status == 1 && (g->is & FINDINGS) != 0)
			worst = 1;
		else if (status == 1 && (g->is & SURE) != 0 &&
			 !m->given->no_rollback)
			return take_back(m, g->name);
		else if (status != 0)
			return stopped(m, g->name, status);
	}
	return worst;
}

/* report.json, of whatever was done; nothing if there is none yet. */
static int
print_report(const struct migration *m, struct err *err)
{
	char path[PATH_MAX];
	struct buf text = { 0 };
	int rc;

	snprintf(path, sizeof(path), "%s/report.json", m->job);
	if (access(path, F_OK) != 0)
		return 0;
	rc = file_load(path, 1 << 30, &text, err);
	if (rc == 0)
		fwrite(text.ptr, 1, text.len, stdout);
	buf_free(&text);
	return rc;
}

/* ---- the command -------------------------------------------------------- */

static int
open_migration(struct migration *m, const struct options *o, struct err *err)
{
	const struct plan_options options = options_plan(o);

	m->given = o;
	m->o = *o;
	if (o->nargs == 0)
		return err_set(err, ERR_USAGE, "which plan? see 'dynamill "
			       "migrate --help'");
	m->plan = plan_load(o->args, o->nargs, &options, err);
	if (m->plan == NULL)
		return -1;
	if (o->job != NULL)
		m->job = strdup(o->job);
	else if (asprintf(&m->job, "%s.job", m->plan->name) < 0)
		m->job = NULL;
	if (m->job == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	if (m->plan->nsources == 0) {
		if (asprintf(&m->source, "%s.source", m->job) < 0)
			return err_set(err, ERR_SYSTEM, "out of memory");
		m->dumps[0] = m->source;
		m->o.dumps = m->dumps;
		m->o.ndumps = 1;
	}
	m->o.job = m->job;
	m->o.quiet |= o->output == OUTPUT_JSON;
	m->o.output = OUTPUT_TEXT;
	return 0;
}

int
command_migrate(const struct options *o)
{
	struct migration m = { 0 };
	struct err err = { 0 };
	int from = 0, until = NSTAGES - 1, status = 0;

	if (o->from != NULL)
		from = stage_named("from", o->from, &err);
	if (from >= 0 && o->until != NULL)
		until = stage_named("until", o->until, &err);
	if (from >= 0 && until >= 0 && from > until)
		until = err_set(&err, ERR_USAGE, "--from %s comes after --until "
				"%s", o->from, o->until);
	if (from < 0 || until < 0 || open_migration(&m, o, &err) != 0 ||
	    migrate_confirm_early(&m, &err) != 0)
		status = console_failed(&err);
	else
		status = run_stages(&m, from, until, &err);
	if (status <= 1 && o->output == OUTPUT_JSON &&
	    print_report(&m, &err) != 0)
		status = console_error(&err);
	plan_free(m.plan);
	free(m.job);
	free(m.source);
	arena_free(&m.mem);
	return status;
}
