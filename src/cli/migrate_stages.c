/* migrate_stages.c - the stages of a migration: each a command's function. */
#include <dirent.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/environment.h"
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

int
migrate_whoami(struct migration *m)
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
int
migrate_backup(struct migration *m)
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

int
migrate_analyze(struct migration *m)
{
	return command_analyze(&m->o);
}

int
migrate_test(struct migration *m)
{
	struct options o = m->o;

	o.write = true;
	o.limit = 1;
	return command_test_job(&o);
}

int
migrate_run(struct migration *m)
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

/* The names of the tables that are imported, or of all.  Returns 0 or -1. */
static int
name_targets(struct migration *m, bool all, const char *const **list,
	     size_t *n, struct err *err)
{
	const char **names;
	const char *why;

	if (migrate_targets(m, err) != 0)
		return -1;
	names = arena_take(&m->mem, (m->ntables + 1) * sizeof(*names), err);
	if (names == NULL)
		return -1;
	*n = 0;
	for (size_t i = 0; i < m->ntables; i++)
		if (all || migrate_imports(m, &m->tables[i], &why))
			names[(*n)++] = m->tables[i].name;
	*list = names;
	return 0;
}

/* How its tables are made; with --import those alone that none makes. */
static int
set_creation(struct migration *m, struct creation_options *o, struct err *err)
{
	*o = (struct creation_options){
		.job_dir = m->job, .usual = environment_side(),
		.variable = environment_variable, .made = tell_made,
		.context = m,
	};
	if (!m->o.import)
		return 0;
	return name_targets(m, true, &o->targets, &o->ntargets, err) != 0 ||
	       name_targets(m, false, &o->imported, &o->nimported, err) != 0
		? -1 : 0;
}

/* By the plan's definitions; what has none by its table.json. */
int
migrate_tables(struct migration *m)
{
	static const char *const words[] = { "create" };
	struct creation_options creation;
	struct options o = m->o;
	struct err err = { 0 };

	if (set_creation(m, &creation, &err) != 0 ||
	    creation_make(&creation, &err) != 0)
		return console_error(&err);
	if (m->o.import)
		return 0;

	o.args = words;
	o.nargs = 1;
	return command_tables(&o);
}

/* ---- imports ------------------------------------------------------------- */

/* For the story: what an import left out makes it fail. */
static void
tell_imported(const struct migration *m, const struct options *o)
{
	struct status_table list[OPTIONS_MAX_WORDS];
	size_t n = 0;

	for (size_t i = 0; i < m->ntables; i++)
		for (size_t k = 0; k < o->ntables; k++)
			if (strcmp(m->tables[i].name, o->tables[k]) == 0)
				list[n++] = (struct status_table){
					.name = m->tables[i].name,
					.done = m->tables[i].items,
					.total = m->tables[i].items,
					.items = m->tables[i].items,
				};
	stage_tables(list, n);
}

/* Those that an import makes, and then what imports do not give them. */
int
migrate_import(struct migration *m)
{
	struct creation_options creation;
	struct options o = m->o;
	struct err err = { 0 };
	int status;

	if (set_creation(m, &creation, &err) != 0)
		return console_error(&err);
	if (creation.nimported == 0)
		return 0;
	if (creation.nimported > OPTIONS_MAX_WORDS) {
		err_set(&err, ERR_LIMIT, "more than %d tables are to be "
			"imported: leave --import out", OPTIONS_MAX_WORDS);
		return console_error(&err);
	}
	o.nargs = 0;
	o.ntables = creation.nimported;
	memcpy(o.tables, creation.imported,
	       creation.nimported * sizeof(*o.tables));
	status = command_import(&o);
	if (status != 0)
		return status;
	tell_imported(m, &o);
	return creation_settle(&creation, &err) != 0 ? console_error(&err) : 0;
}

/* ---- pushes -------------------------------------------------------------- */

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

/* With --import, those that go no other way. */
static int
push_others(struct migration *m, struct options *o)
{
	struct err err = { 0 };
	char path[PATH_MAX];
	const char *why;

	if (migrate_targets(m, &err) != 0)
		return console_error(&err);
	for (size_t i = 0; i < m->ntables; i++) {
		snprintf(path, sizeof(path), "%s/" JOB_OUT "/%s", m->job,
			 m->tables[i].name);
		if (migrate_imports(m, &m->tables[i], &why) ||
		    m->tables[i].items == 0)
			continue;
		if (o->ntables == OPTIONS_MAX_WORDS) {
			err_set(&err, ERR_LIMIT, "more than %d tables are to "
				"be pushed: leave --import out",
				OPTIONS_MAX_WORDS);
			return console_error(&err);
		}
		o->tables[o->ntables++] = m->tables[i].name;
	}
	return o->ntables == 0 ? 0 : command_push(o);
}

/*
 * In dependency order, as long as that is known of every table that has
 * something; else all of them by their names.
 */
int
migrate_push(struct migration *m)
{
	struct options o = m->o;
	char path[PATH_MAX];

	o.nargs = o.ntables = 0;
	if (m->o.import)
		return push_others(m, &o);
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

/* What was sent either way was all compared. */
static void
tell_verified(const struct story_stage *pushed,
	      const struct story_stage *imported)
{
	const struct story_stage *const both[] = { pushed, imported };
	struct status_table list[1024];
	size_t n = 0;

	for (int i = 0; i < 2; i++)
		for (size_t k = 0; both[i] != NULL && k < both[i]->ntables &&
		     n < 1024; k++)
			list[n++] = both[i]->tables[k];
	stage_tables(list, n);
}

/* Every item made anew of the sources, then every item of the targets read. */
int
migrate_validate(struct migration *m)
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
	tell_verified(sent, story_last(&story, "import"));
	stage_note("each item made anew of the sources and compared with out/; "
		   "each item of the targets read and compared with out/");
	return 0;
}

/* The story into the report, and a checksum over all of it: the last word. */
int
migrate_report(struct migration *m)
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

int
migrate_rollback(struct migration *m)
{
	struct options o = m->o;

	o.nargs = o.ntables = 0;
	o.confirmed = true;	/* whoever began it asked for this, too */
	return command_rollback(&o);
}
