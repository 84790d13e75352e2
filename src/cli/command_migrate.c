/*
 * command_migrate.c - the whole chain, stage after stage on one job.
 *
 * Each stage is a command's own function.  What was done before, by the job's
 * story, is not done again; so the same command goes on after whatever end.
 * When something of the target is definitely not as it should be, what was
 * written is taken back.
 */
#include "cli/commands.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "cli/answer.h"
#include "cli/console.h"
#include "cli/log.h"
#include "cli/migrate.h"
#include "cli/stage.h"
#include "engine/job.h"
#include "engine/plan.h"
#include "engine/status.h"
#include "engine/story.h"

/* ---- stages ------------------------------------------------------------- */

enum {
	ALWAYS = 1,		/* also if it was done before */
	TOLD = 2,		/* its command tells the story itself */
	WRITES = 4,		/* into the target */
	TRIES = 512,		/* ... and takes it back */
	SURE = 8,		/* status 1 means: the target is not right */
	FINDINGS = 16,		/* status 1 is no reason to stop */
	IMPORT = 128,		/* only if something is imported */
	EXPORT = 256,		/* only with --export */
	BACKUP = 64,		/* only if the plan names no exports, else */
	LAST = 32,		/* tells of the others, and so not of itself */
};

static const struct stage {
	const char *name;
	int (*run)(struct migration *m);
	unsigned is;
} STAGES[] = {
	{ "whoami", migrate_whoami, ALWAYS },
	{ "backup", migrate_backup, BACKUP },
	{ "export", migrate_export, EXPORT },
	{ "analyze", migrate_analyze, TOLD },
	{ "test", migrate_test, WRITES | TRIES },
	{ "run", migrate_run, TOLD | FINDINGS },
	{ "tables", migrate_tables, WRITES },
	{ "import", migrate_import, WRITES | SURE | IMPORT },
	{ "push", migrate_push, TOLD | WRITES | SURE },
	{ "validate", migrate_validate, SURE },
	{ "report", migrate_report, ALWAYS | LAST },
};

enum { NSTAGES = sizeof(STAGES) / sizeof(STAGES[0]) };

/* The number of a stage; -1 with *err set. */
static int
stage_named(const char *option, const char *name, struct err *err)
{
	for (int i = 0; i < NSTAGES; i++)
		if (strcmp(STAGES[i].name, name) == 0)
			return i;
	return err_set(err, ERR_USAGE, "--%s takes whoami, backup, export, "
		       "analyze, test, run, tables, import, push, validate or "
		       "report, not '%s'", option, name);
}

/* ---- what was done before ----------------------------------------------- */

/* Is every table there that is to be pushed into, and was not yet? */
static bool
has_tables(struct migration *m)
{
	struct err ignored;

	if (migrate_targets(m, &ignored) != 0)
		return true;	/* who goes on by it says why */
	for (size_t i = 0; i < m->ntables; i++) {
		const struct migrate_table *const t = &m->tables[i];
		const char *why;

		if (t->items + t->deletes > 0 && !t->there && !t->begun &&
		    !migrate_imports(m, t, &why))
			return false;
	}
	return true;
}

/*
 * Imports and pushes may take turns, so that the last of either may not have
 * been the last one: is there one of each table that goes in this way?
 */
static bool
has_all(struct migration *m, const struct stage *g,
	const struct story_stage *last)
{
	struct err ignored;

	if (!m->imports || (g->is & WRITES) == 0 || (g->is & SURE) == 0)
		return true;
	if (migrate_targets(m, &ignored) != 0)
		return false;
	for (size_t i = 0; i < m->ntables; i++) {
		const struct migrate_table *const t = &m->tables[i];
		const char *why;
		size_t k = 0;

		if (t->items + t->deletes == 0 ||
		    migrate_imports(m, t, &why) != ((g->is & IMPORT) != 0))
			continue;
		while (k < last->ntables &&
		       strcmp(last->tables[k].name, t->name) != 0)
			k++;
		if (k == last->ntables)
			return false;
	}
	return true;
}

/*
 * Its last record, if by that it is done: a rollback takes back what was
 * written before it, and the proof of it.
 */
static const struct story_stage *
done_before(struct migration *m, const struct story *story,
	    const struct stage *g)
{
	const struct story_stage *const last = story_last(story, g->name);
	const struct story_stage *const back = story_last(story, "rollback");
	const bool gone = (g->is & (WRITES | SURE)) != 0 && back != NULL &&
			  back > last;

	if (last == NULL || gone || (g->is & ALWAYS) != 0)
		return NULL;
	if (last->status != 0 && (last->status != 1 || (g->is & FINDINGS) == 0))
		return NULL;
	if (g->run == migrate_tables && !has_tables(m))
		return NULL;
	return has_all(m, g, last) ? last : NULL;
}

/* Was something written to the target, and not taken back? */
static bool
has_written(struct migration *m)
{
	struct story story;
	struct err err;
	const struct story_stage *first = NULL;

	if (m->wrote || story_load(m->job, &story, &m->mem, &err) != 0)
		return true;
	for (size_t i = 0; i < story.n; i++)
		for (int k = 0; k < NSTAGES; k++)
			if (strcmp(story.stages[i].name, STAGES[k].name) == 0 &&
			    (STAGES[k].is & (WRITES | TRIES)) == WRITES)
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

/* As a shell takes it. */
static void
print_word(const char *word)
{
	if (*word != '\0' && word[strspn(word, "abcdefghijklmnopqrstuvwxyz"
					 "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
					 "0123456789_-./:=@%+,")] == '\0') {
		fprintf(stderr, " %s", word);
		return;
	}
	fprintf(stderr, " '");
	for (; *word != '\0'; word++)
		if (*word == '\'')
			fprintf(stderr, "'\\''");
		else
			putc(*word, stderr);
	fprintf(stderr, "'");
}

/*
 * The words that go on with it: those that it was begun with, since much of
 * them may not change.  But what --from does again it has done, as far as it
 * came.
 */
static void
print_again(const struct migration *m)
{
	const struct options *const o = m->given;

	fprintf(stderr, "dynamill migrate");
	for (size_t i = 0; i < o->nwords; i++)
		print_word(o->said[o->noptions + i]);
	for (size_t i = 0; i < o->noptions; i++) {
		const char *const word = o->said[i];

		if (strcmp(word, "--from") == 0)
			i++;
		else if (strncmp(word, "--from=", 7) != 0 &&
			 strcmp(word, "--") != 0)
			print_word(word);
	}
	if (o->job == NULL) {
		fprintf(stderr, " --job");
		print_word(m->job);
	}
	fprintf(stderr, "\n");
}

/* The way back, to the same place. */
static void
print_back(const struct migration *m, const char *before)
{
	const struct { const char *option, *value; } said[] = {
		{ "--env-file", m->given->env_file },
		{ "--profile", m->given->profile },
		{ "--region", m->given->region },
		{ "--endpoint-url", m->given->endpoint_url },
	};

	fprintf(stderr, "%sdynamill rollback --job", before);
	print_word(m->job);
	for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++)
		if (said[i].value != NULL) {
			fprintf(stderr, " %s", said[i].option);
			print_word(said[i].value);
		}
	fprintf(stderr, "\n");
}

/* What is to be known of the target, behind the stage that it stopped in. */
static const char *
say_written(struct migration *m, bool written)
{
	char path[PATH_MAX];

	if (written)
		return "";
	snprintf(path, sizeof(path), "%s/" JOB_TRIAL, m->job);
	return access(path, F_OK) != 0
		? "; nothing was written to the target"
		: "; nothing was written to the target but, perhaps, the "
		  "trial's item, which is undone when it goes on";
}

static int
stopped(struct migration *m, const char *stage, int status)
{
	const bool written = has_written(m);

	log_problem(LOG_ERROR, stderr, "the migration stopped in '%s'%s",
		    stage, say_written(m, written));
	fprintf(stderr, "  to go on:    ");
	print_again(m);
	if (written)
		print_back(m, "  to go back:  ");
	return status;
}

/*
 * Does this stage's finding mean that the target is not right?  Items that were
 * to stay as they were differ from the job's, and are no reason.
 */
static bool
is_sure(const struct migration *m, const struct stage *g)
{
	return (g->is & SURE) != 0 && !m->given->no_rollback &&
	       !(m->given->only_new && strcmp(g->name, "validate") == 0);
}

/* What the target holds is definitely wrong: none of it shall stay. */
static int
take_back(struct migration *m, const char *stage)
{
	int status;

	log_problem(LOG_ERROR, stderr, "the migration stopped in '%s'; what was "
		    "written is taken back", stage);
	say(m, "rollback", "");
	status = migrate_rollback(m);
	migrate_report(m);
	if (status == 0)
		fprintf(stderr, "  to do it again, once it is mended:  ");
	else {
		print_back(m, "  to go on taking it back:  ");
		fprintf(stderr, "  to do the migration again:  ");
	}
	print_again(m);
	return 1;
}

/* ---- going on ----------------------------------------------------------- */

static int
run_stage(struct migration *m, const struct stage *g)
{
	char path[PATH_MAX];

	say(m, g->name, "");
	if ((g->is & TOLD) != 0)
		return g->run(m);
	/* Before it is a job, nothing may be in its folder; nor behind the last
	 * one, which is of all there is: the log alone has that. */
	snprintf(path, sizeof(path), "%s/job.json", m->job);
	stage_begin(&m->o, g->name, (g->is & LAST) == 0 &&
		    access(path, F_OK) == 0 ? m->job : NULL);
	return stage_end(g->run(m));
}

/* Before the first stage that writes, unless nothing is left to write. */
static int
ask(struct migration *m, const struct story *story, int first, int last,
    struct err *err)
{
	for (int i = first; i <= last; i++)
		if ((STAGES[i].is & WRITES) != 0 &&
		    done_before(m, story, &STAGES[i]) == NULL)
			return migrate_confirm(m, err);
	return 0;
}

/* Is it one of this migration's at all? */
static bool
is_due(struct migration *m, const struct stage *g)
{
	struct err ignored;
	const bool live = m->plan->nsources == 0;

	return ((g->is & BACKUP) == 0 || (live && !m->exports)) &&
	       ((g->is & EXPORT) == 0 || (live && m->exports)) &&
	       ((g->is & IMPORT) == 0 ||
		(migrate_targets(m, &ignored) != 0 ? m->imports
						   : m->imports_end > 0));
}

/* Do it.  -1: go on; else the exit status of the whole. */
static int
do_stage(struct migration *m, const struct stage *g, int *worst)
{
	int status;

	if (atomic_load(&commands_cancel))
		return stopped(m, g->name, 130);
	if ((g->is & WRITES) != 0 && (g->is & TRIES) == 0)
		m->wrote = true;
	status = run_stage(m, g);
	if ((g->is & WRITES) != 0)
		m->targets_known = false;	/* they are others now */
	if (status == 1 && (g->is & FINDINGS) != 0) {
		*worst = 1;
		return -1;
	}
	if (status == 1 && is_sure(m, g))
		return take_back(m, g->name);
	return status != 0 ? stopped(m, g->name, status) : -1;
}

/*
 * Imports, and in front of those whose tables refer to pushed ones, the pushes
 * of these.  Returns as do_stage().
 */
static int
do_imports(struct migration *m, const struct stage *import,
	   const struct stage *push, int *worst)
{
	struct err err = { 0 };
	int rc = -1;

	if (migrate_targets(m, &err) != 0)
		return stopped(m, import->name, console_failed(&err));
	for (unsigned i = m->imports_begin; rc < 0 && i < m->imports_end;
	     i++) {
		if (i > 0) {
			m->round = i - 1;
			rc = do_stage(m, push, worst);
		}
		m->round = i;
		if (rc < 0)
			rc = do_stage(m, import, worst);
	}
	m->round = UINT_MAX;
	return rc;
}

/* What was done is not done again, as long as it is still there. */
static int
pass_over(struct migration *m, const struct stage *g,
	  const struct story_stage *before, int *worst)
{
	struct err err = { 0 };
	char when[32], text[80];

	if ((g->is & WRITES) != 0 && (g->is & SURE) != 0 &&
	    migrate_check_there(m, &err) != 0)
		return console_failed(&err);
	snprintf(text, sizeof(text), ": done %s",
		 status_time(before->started, when));
	say(m, g->name, text);
	*worst = before->status > *worst ? before->status : *worst;
	return -1;
}

/* From stage `from` on they are done again, those before it only if need be. */
static int
run_stages(struct migration *m, int from, int until, struct err *err)
{
	struct story story;
	bool asked = false;
	int worst = 0, rc = -1;

	for (int i = 0; rc < 0 && i <= until; i++) {
		const struct stage *const g = &STAGES[i];
		const struct story_stage *before;

		if (!is_due(m, g))
			continue;
		if (story_load(m->job, &story, &m->mem, err) != 0)
			return console_failed(err);
		before = done_before(m, &story, g);
		if (i < from && before == NULL && (g->is & ALWAYS) == 0) {
			err_set(err, ERR_USAGE, "--from %s: '%s' was not done "
				"in this job yet", STAGES[from].name, g->name);
			return console_failed(err);
		}
		if (before != NULL && (m->given->from == NULL || i < from)) {
			rc = pass_over(m, g, before, &worst);
			continue;
		}
		if (!asked && (g->is & WRITES) != 0) {
			asked = true;
			if (ask(m, &story, i, until, err) != 0)
				return stopped(m, g->name,
					       console_failed(err));
		}
		rc = (g->is & IMPORT) != 0
			? do_imports(m, g, g + 1, &worst)
			: do_stage(m, g, &worst);
	}
	return rc < 0 ? worst : rc;
}

/* What run_stages() would do, and nothing of it done. */
static int
tell_stages(struct migration *m, int from, int until, struct err *err)
{
	struct story story;
	char when[32];

	if (story_load(m->job, &story, &m->mem, err) != 0)
		return console_failed(err);
	printf("%s: a dry run, nothing is done\n", m->job);
	for (int i = 0; i <= until; i++) {
		const struct stage *const g = &STAGES[i];
		const struct story_stage *before;

		if (!is_due(m, g))
			continue;
		before = done_before(m, &story, g);
		if (before != NULL && (m->given->from == NULL || i < from))
			printf("  %-8s done %s\n", g->name,
			       status_time(before->started, when));
		else
			printf("  %-8s to be done\n", g->name);
	}
	return migrate_tell(m, err) != 0 ? console_failed(err) : 0;
}

/* report.json, of whatever was done; nothing if there is none yet. */
static int
print_report(const struct migration *m, struct err *err)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/report.json", m->job);
	return access(path, F_OK) != 0 ? 0 : answer_report(m->job, err);
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
	for (size_t n = strlen(m->job); n > 1 && m->job[n - 1] == '/'; n--)
		m->job[n - 1] = '\0';	/* names beside it are made of it */
	if (asprintf(&m->source, "%s.source", m->job) < 0)
		m->source = NULL;
	if (m->source == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	if (migrate_choose_source(m, err) != 0 ||
	    migrate_choose_way(m, err) != 0)
		return -1;
	m->round = UINT_MAX;
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
	    (!o->dry_run && migrate_confirm_early(&m, &err) != 0))
		status = console_failed(&err);
	else if (o->dry_run)
		status = tell_stages(&m, from, until, &err);
	else
		status = run_stages(&m, from, until, &err);
	if (status <= 1 && o->output == OUTPUT_JSON && !o->dry_run &&
	    print_report(&m, &err) != 0)
		status = console_error(&err);
	plan_free(m.plan);
	free(m.job);
	free(m.source);
	arena_free(&m.mem);
	return status;
}
