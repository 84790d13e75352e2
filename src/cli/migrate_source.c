/*
 * migrate_source.c - live tables as they are now, where the plan names no
 * exports: read to a folder, or exported by the service; both beside the job,
 * which is not one before there is something to be of.
 */
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "cli/console.h"
#include "cli/environment.h"
#include "cli/migrate.h"
#include "cli/stage.h"
#include "engine/backup.h"
#include "engine/export_job.h"
#include "engine/plan.h"
#include "engine/status.h"

enum { MAX_TOLD = 256 };

/* Each source table once; what others emit to has none.  NULL on failure. */
static const char **
name_sources(struct migration *m, size_t *n, struct err *err)
{
	const char **const names = arena_take(&m->mem, (m->plan->ntables + 1) *
					      sizeof(*names), err);

	*n = 0;
	for (size_t i = 0; names != NULL && i < m->plan->ntables; i++) {
		const struct plan_table *const t = &m->plan->tables[i];
		size_t k = 0;

		if (t->skip || t->glob || t->emitted)
			continue;
		while (k < *n && strcmp(names[k], t->from) != 0)
			k++;
		names[k] = t->from;
		*n += k == *n;
	}
	return names;
}

/* ---- by Scan ------------------------------------------------------------- */

static void
tell_backup(const struct backup *b)
{
	struct backup_table t;
	struct status_table list[MAX_TOLD];
	size_t n = 0;

	for (; n < MAX_TOLD && backup_table(b, n, &t); n++)
		list[n] = (struct status_table){
			.name = t.name, .done = t.done, .total = t.segments,
			.items = t.items, .left = -1,
		};
	stage_tables(list, n);
}

int
migrate_backup(struct migration *m)
{
	struct err err = { 0 };
	struct backup_options o = {
		.dir = m->source, .side = &m->plan->source,
		.usual = environment_side(),
	};
	struct backup_table t;
	struct backup *b = NULL;
	int rc = -1;

	o.tables = name_sources(m, &o.ntables, &err);
	if (o.tables != NULL)
		b = backup_open(&o, &err);
	if (b != NULL)
		rc = backup_run(b, &err);
	for (size_t i = 0; rc == 0 && !m->o.quiet && backup_table(b, i, &t);
	     i++)
		printf("%s: %ju items read\n", t.name, (uintmax_t)t.items);
	if (b != NULL)
		tell_backup(b);
	backup_close(b);
	return rc == 0 ? 0 : console_error(&err);
}

/* ---- by the service ------------------------------------------------------ */

static void
watch(void *context, const struct export_job *e)
{
	const struct migration *const m = context;
	struct export_job_table t;
	unsigned done = 0, n = 0;

	if (m->o.quiet || m->o.no_progress || !isatty(STDERR_FILENO))
		return;
	for (; export_job_table(e, n, &t); n++)
		done += t.address != NULL;
	fprintf(stderr, "\r%u of %u exports made ", done, n);
}

static void
tell_export(const struct migration *m, const struct export_job *e, bool all)
{
	struct status_table list[MAX_TOLD];
	struct export_job_table t;
	size_t n = 0;

	for (size_t i = 0; export_job_table(e, i, &t); i++) {
		if (n < MAX_TOLD)
			list[n++] = (struct status_table){
				.name = t.name, .done = t.address != NULL,
				.total = 1, .items = t.nitems, .left = -1,
			};
		if (!all || m->o.quiet)
			continue;
		if (t.was_done)
			printf("%s: was at %s\n", t.name, t.address);
		else
			printf("%s: %ju items at %s\n", t.name,
			       (uintmax_t)t.nitems, t.address);
	}
	stage_tables(list, n);
}

int
migrate_export(struct migration *m)
{
	struct err err = { 0 };
	struct export_job_options o = {
		.dir = m->source, .to = m->given->export,
		.bucket_owner = m->given->bucket_owner,
		.kms_key = m->given->kms_key, .side = &m->plan->source,
		.usual = environment_side(), .watch = watch, .context = m,
	};
	struct export_job *e = NULL;
	int rc = -1;

	o.tables = name_sources(m, &o.ntables, &err);
	if (o.tables != NULL &&
	    options_time("to-time", m->given->to_time, &o.time, &err) == 0)
		e = export_job_open(&o, &err);
	if (e != NULL)
		rc = export_job_run(e, &err);
	if (isatty(STDERR_FILENO) && !m->o.quiet && !m->o.no_progress)
		fprintf(stderr, "\n");
	if (e != NULL)
		tell_export(m, e, rc == 0);
	export_job_close(e);
	if (rc == 0)
		rc = migrate_choose_source(m, &err);
	return rc == 0 ? 0 : console_error(&err);
}

/* ---- which --------------------------------------------------------------- */

/* Has a backup of one of them been begun there? */
static bool
is_backed_up(const struct migration *m, const char *const *names, size_t n)
{
	char path[PATH_MAX];

	for (size_t i = 0; i < n; i++)
		if (snprintf(path, sizeof(path), "%s/.%s.journal", m->source,
			     names[i]) < (int)sizeof(path) &&
		    access(path, F_OK) == 0)
			return true;
	return false;
}

int
migrate_choose_source(struct migration *m, struct err *err)
{
	const struct options *const o = m->given;
	const char **names;
	size_t n;
	int state;

	if (o->export != NULL && plan_check_out(o->export, err) != 0)
		return err_at(err, "--export");
	if (m->plan->nsources > 0)
		return o->export == NULL ? 0
			: err_set(err, ERR_USAGE, "--export is for a plan "
				  "that names no exports, and this one does");
	names = name_sources(m, &n, err);
	m->dumps = names == NULL ? NULL
		: arena_take(&m->mem, (n + 1) * sizeof(*m->dumps), err);
	state = m->dumps == NULL ? -1
		: export_job_look(m->source, names, n, m->dumps, &m->mem, err);
	if (state < 0)
		return -1;
	m->exports = o->export != NULL || state != EXPORT_JOB_NONE;
	if (!m->exports && (o->bucket_owner != NULL || o->kms_key != NULL ||
			    o->to_time != NULL))
		return err_set(err, ERR_USAGE, "--bucket-owner, --kms-key and "
			       "--to-time say how tables are exported: give "
			       "--export s3://BUCKET/PREFIX, too");
	if (state == EXPORT_JOB_NONE && m->exports &&
	    is_backed_up(m, names, n))
		return err_set(err, ERR_REFUSED, "the tables are read into "
			       "'%s' since this was begun: leave --export out, "
			       "or remove that folder", m->source);
	if (m->exports && state != EXPORT_JOB_DONE)
		return 0;	/* there is nothing to read yet */
	if (!m->exports) {
		m->dumps[0] = m->source;
		n = 1;
	}
	m->o.dumps = m->dumps;
	m->o.ndumps = n;
	return 0;
}
