/* command_reverse.c - the plan that undoes a plan. */
#include "cli/commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/plural.h"
#include "cli/console.h"
#include "cli/options.h"
#include "engine/job.h"
#include "engine/lookup.h"
#include "engine/plan.h"
#include "engine/reverse.h"
#include "io/file.h"

/* One field of the map, quoted as CSV wants it. */
static int
put_field(struct buf *out, struct span text, char end, struct err *err)
{
	if (buf_append(out, span_of("\""), err) != 0)
		return -1;
	for (size_t i = 0; i < text.len; i++)
		if ((text.ptr[i] == '"' &&
		     buf_append(out, span_of("\""), err) != 0) ||
		    buf_append(out, (struct span){ &text.ptr[i], 1 },
			       err) != 0)
			return -1;
	return buf_printf(out, err, "\"%c", end);
}

/* New id to old: a row of ids.map. */
static int
put_row(void *context, const struct lookup_found *f, struct err *err)
{
	struct buf *const out = context;

	if (span_equal(f->source, f->target))
		return 0;
	if (put_field(out, span_of(f->table), ',', err) != 0 ||
	    put_field(out, f->target, ',', err) != 0)
		return -1;
	return put_field(out, f->source, '\n', err);
}

/* All ids of the job, backwards.  *lost counts those that are too long. */
static int
write_ids(const struct options *o, const char *job, const char *path,
	  uint64_t *lost, struct err *err)
{
	const struct lookup_options options = {
		.job_dir = job, .variable = options_plan(o).variable,
	};
	struct buf rows = { 0 };
	struct lookup *const l = lookup_open(&options, err);
	int rc = -1;

	if (l == NULL)
		return -1;
	if (lookup_blind(l) != NULL)
		*err = *lookup_blind(l);
	else if (buf_printf(&rows, err, "table,source,target\n") == 0 &&
		 lookup_all(l, put_row, &rows, lost, err) == 0)
		rc = file_save_safe(path, buf_span(&rows), err);
	lookup_close(l);
	buf_free(&rows);
	return rc;
}

static bool
has_ids(const struct plan *p)
{
	for (size_t i = 0; i < p->ntables; i++)
		if (p->tables[i].has_ids && !p->tables[i].skip)
			return true;
	return false;
}

/* Where the plan and its map go.  Returns 0 or -1. */
static int
check_places(const struct options *o, const char *ids, struct err *err)
{
	const char *const there[] = { o->out, ids };

	if (ids != NULL && o->out == NULL)
		return err_set(err, ERR_USAGE, "the plan has ids, and their map"
			       " goes beside the reversed plan: say -o PLAN");
	for (int i = 0; i < 2 && !o->force; i++)
		if (there[i] != NULL && access(there[i], F_OK) == 0)
			return err_set(err, ERR_REFUSED, "'%s' is there "
				       "already: give another name with -o, or "
				       "--force to write over it", there[i]);
	return 0;
}

static int
reverse(const struct options *o, const struct plan *p, struct buf *why,
	struct reverse_sums *sums, struct err *err)
{
	const char *const slash = o->out != NULL ? strrchr(o->out, '/') : NULL;
	char *job = NULL, *exports = NULL, *ids = NULL;
	struct buf text = { 0 };
	uint64_t lost = 0;
	int rc = -1;

	if ((o->job != NULL ? asprintf(&job, "%s", o->job)
			    : asprintf(&job, "%s.job", p->name)) < 0 ||
	    asprintf(&exports, "%s%s", p->out != NULL ? p->out : job,
		     p->out != NULL ? "" : "/out") < 0 ||
	    (has_ids(p) && asprintf(&ids, "%s.ids.csv", o->out != NULL
				    ? o->out : "") < 0)) {
		err_set(err, ERR_SYSTEM, "out of memory");
		goto done;
	}
	if (check_places(o, ids, err) != 0 ||
	    (ids != NULL && !o->dry_run &&
	     write_ids(o, job, ids, &lost, err) != 0))
		goto done;
	if (lost > 0)
		fprintf(stderr, "%" PRIu64 " id%s too long for an index and "
			"not in %s\n", lost, plural(lost), ids);

	const struct reverse_options options = {
		.exports = exports,
		.ids = ids == NULL || slash == NULL ? ids
			: ids + (slash + 1 - o->out),
	};
	if (reverse_plan(p, &options, &text, why, sums, err) != 0)
		goto done;
	const bool show = o->out == NULL || o->dry_run;
	if (show)
		fwrite(text.ptr, 1, text.len, stdout);
	rc = show ? 0 : file_save_safe(o->out, buf_span(&text), err);
done:
	free(job);
	free(exports);
	free(ids);
	buf_free(&text);
	return rc;
}

int
command_reverse(const struct options *o)
{
	struct reverse_sums sums = { 0 };
	struct buf why = { 0 };
	struct err err = { 0 };
	int status = 0;

	if (o->nargs == 0) {
		err_set(&err, ERR_USAGE, "which plan? see 'dynamill reverse "
			"--help'");
		return console_error(&err);
	}
	const struct plan_options options = options_plan(o);
	struct plan *const plan = plan_load(o->args, o->nargs, &options, &err);
	if (plan == NULL || reverse(o, plan, &why, &sums, &err) != 0)
		status = console_error(&err);
	else if (sums.lost > 0)
		status = 1;
	if (status <= 1 && why.len > 0)
		fwrite(why.ptr, 1, why.len, stderr);
	if (status <= 1 && !o->quiet)
		fprintf(stderr, "%zu step%s undone, %zu thing%s that cannot be"
			" undone%s\n", sums.steps, plural(sums.steps),
			sums.lost, plural(sums.lost), sums.lost > 0
			? ": say 'reverse' beside those steps" : "");
	buf_free(&why);
	plan_free(plan);
	return status;
}
