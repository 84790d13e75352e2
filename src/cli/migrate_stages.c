/* migrate_stages.c - the stages of a migration: each a command's function. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/environment.h"
#include "cli/migrate.h"
#include "cli/stage.h"
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
	struct options o = m->o;

	/* What a stage may not do, it says itself. */
	o.no_rights = true;
	return command_whoami(&o);
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
	m->targets_known = false;	/* there will be an output to go by */
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

enum { ALL, IMPORTED, PUSHED };

/*
 * The names of all targets; or of those of the rounds that are due which are
 * imported, or pushed.  Returns 0 or -1.
 */
static int
name_targets(struct migration *m, int which, const char *const **list,
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
	for (size_t i = 0; i < m->ntables; i++) {
		const struct migrate_table *const t = &m->tables[i];
		const bool imported = migrate_imports(m, t, &why);

		if (which == ALL || (t->round <= m->round &&
		    (which == IMPORTED ? imported : !imported &&
		     (t->items > 0 || t->deletes > 0))))
			names[(*n)++] = t->name;
	}
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
	if (!m->imports)
		return 0;
	return name_targets(m, ALL, &o->targets, &o->ntargets, err) != 0 ||
	       name_targets(m, IMPORTED, &o->imported, &o->nimported, err) != 0
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
	if (m->imports)
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
			"imported: say --no-import", OPTIONS_MAX_WORDS);
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

/* In dependency order, those that are due; with --import, that go so. */
int
migrate_push(struct migration *m)
{
	struct options o = m->o;
	struct err err = { 0 };
	const char *const *names;
	size_t n;

	o.nargs = o.ntables = 0;
	if (name_targets(m, PUSHED, &names, &n, &err) != 0)
		return console_error(&err);
	if (n == 0 && m->imports)
		return 0;
	if (n > OPTIONS_MAX_WORDS && m->imports) {
		err_set(&err, ERR_LIMIT, "more than %d tables are to be "
			"pushed: say --no-import", OPTIONS_MAX_WORDS);
		return console_error(&err);
	}
	/* More than that are pushed all the same, by their names. */
	if (m->output_known && n <= OPTIONS_MAX_WORDS) {
		memcpy(o.tables, names, n * sizeof(*names));
		o.ntables = n;
	}
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
	stage_note("each item made anew of the sources, with its asserts, and "
		   "compared with out/; each reference held against all ids "
		   "anew, and counts with report.json; each item of the targets "
		   "read and compared with out/");
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
