/* command_test.c - a few items, each before and after. */
#include "cli/commands.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/plural.h"
#include "cli/confirm.h"
#include "cli/console.h"
#include "cli/environment.h"
#include "cli/help.h"
#include "cli/log.h"
#include "cli/options.h"
#include "cli/show.h"
#include "engine/evidence.h"
#include "engine/plan.h"
#include "engine/trial.h"
#include "engine/tryout.h"
#include "io/file.h"
#include "formats/jsonwrite.h"

/* What the items are shown with, and what came of them. */
struct showing {
	const struct options *options;
	const struct plan *plan;
	struct show_style style;
	struct buf text;
	uint64_t items, rejected;
	struct tryout *tryout;		/* --write; or NULL */
	uint64_t different;
	FILE *samples;			/* for the job; or NULL */
};

/* ---- --write ------------------------------------------------------------- */

/* What became of an item in its table, in words or as a line of JSON. */
static int
say_written(struct showing *s, const struct plan_table *table,
	    enum tryout_end end, const char *refused, struct err *err)
{
	static const char *const WORDS[] = {
		[TRYOUT_SAME] = "put, read back equal, and taken back",
		[TRYOUT_NO_TABLE] = "not put: there is no such table yet",
		[TRYOUT_DIFFERENT] = "put, and what is read is DIFFERENT; "
				     "taken back",
		[TRYOUT_LEFT] = "put, and what is read is DIFFERENT; it stays, "
				"since it may be somebody else's",
	};
	static const char *const NAMES[] = {
		[TRYOUT_SAME] = "same", [TRYOUT_NO_TABLE] = "no-table",
		[TRYOUT_DIFFERENT] = "different", [TRYOUT_LEFT] = "left",
	};
	struct jsonwrite w;

	if (s->options->output != OUTPUT_JSON)
		return refused != NULL
			? buf_printf(&s->text, err, "  %s: refused: %s\n",
				     table->to, refused)
			: buf_printf(&s->text, err, "  %s: %s\n", table->to,
				     WORDS[end]);
	jsonwrite_start(&w, &s->text, true, err);
	jsonwrite_map(&w);
	jsonwrite_put_text(&w, "written", table->to);
	jsonwrite_put_text(&w, "end", refused != NULL ? "refused" : NAMES[end]);
	if (refused != NULL)
		jsonwrite_put_text(&w, "reason", refused);
	jsonwrite_end(&w);
	return jsonwrite_finish(&w) != 0 ? -1
		: buf_append(&s->text, span_of("\n"), err);
}

/* Put what it became into the target.  What is refused is told. */
static int
write_item(struct showing *s, const struct trial_item *item, struct err *err)
{
	for (size_t i = 0; i < item->noutputs; i++) {
		const uint32_t table = item->outputs[i].table;
		enum tryout_end end = TRYOUT_SAME;
		struct err why = { 0 };
		const bool refused = tryout_item(s->tryout, table,
			item->outputs[i].item, &end, &why) != 0;

		if (refused && why.code != ERR_REMOTE) {
			*err = why;
			return -1;
		}
		const bool bad = refused || end == TRYOUT_DIFFERENT ||
				 end == TRYOUT_LEFT;
		s->different += bad;
		if (bad)
			log_problem(LOG_ERROR, NULL, "table '%s': an item of "
				    "the trial %s", s->plan->tables[table].to,
				    refused ? "was refused"
				    : "is read back different");
		if (say_written(s, &s->plan->tables[table], end,
				refused ? why.text : NULL, err) != 0)
			return -1;
	}
	return 0;
}

/* Look at the targets, and ask whether it shall be. */
static int
open_tryout(struct showing *s, struct err *err)
{
	const struct options *const o = s->options;
	const char *only = NULL;
	unsigned n = 0, full = 0;
	char what[300];

	s->tryout = tryout_open(s->plan, environment_side(), o->job, err);
	if (s->tryout == NULL)
		return -1;
	for (uint32_t i = 0; i < s->plan->ntables; i++) {
		const struct plan_table *const p = &s->plan->tables[i];
		struct tryout_table table;

		if (p->skip || p->glob)
			continue;
		if (tryout_look(s->tryout, i, &table, err) != 0)
			return -1;
		n += table.there;
		full += table.there && !table.empty;
		if (table.there)
			only = p->to;
	}
	if (!s->plan->confirm && full == 0)
		return 0;
	snprintf(what, sizeof(what), "a trial that puts items into %u table%s "
		 "at %.150s, %u of them not empty, and takes them back", n,
		 plural(n), tryout_place(s->tryout), full);
	return confirm(o, s->plan, n == 1 ? only : NULL, what, err);
}

/* ---- showing ------------------------------------------------------------- */

/* A line of the job's samples, whatever is shown. */
static int
keep_sample(const struct showing *s, const struct trial_item *item,
	    struct err *err)
{
	struct buf line = { 0 };
	int rc = show_item_json(s->plan, item, &line, err);

	if (rc == 0 &&
	    (fwrite(line.ptr, 1, line.len, s->samples) != line.len ||
	     fflush(s->samples) != 0))
		rc = err_set(err, ERR_SYSTEM, "'%s/" JOB_SAMPLES "': %m%s",
			     s->options->job, file_advice(errno));
	buf_free(&line);
	return rc;
}

/* Print an item as soon as it is there: the next may be far. */
static int
see(void *context, const struct trial_item *item, struct err *err)
{
	struct showing *const s = context;
	const bool json = s->options->output == OUTPUT_JSON;

	buf_reset(&s->text);
	if (!json && s->items > 0 && buf_printf(&s->text, err, "\n") != 0)
		return -1;
	s->items++;
	s->rejected += item->fate == TRIAL_REJECTED;
	if (item->fate == TRIAL_REJECTED)
		log_problem(LOG_WARNING, NULL, "an item of the trial was "
			    "rejected");
	if ((json ? show_item_json(s->plan, item, &s->text, err)
		  : show_item(&s->style, s->plan, item, &s->text, err)) != 0)
		return -1;
	if (s->tryout != NULL && write_item(s, item, err) != 0)
		return -1;
	if (s->samples != NULL && keep_sample(s, item, err) != 0)
		return -1;
	if (s->options->quiet)
		return 0;
	if (fwrite(s->text.ptr, 1, s->text.len, stdout) != s->text.len ||
	    fflush(stdout) != 0)
		return err_set(err, ERR_SYSTEM, "cannot write what there is to "
			       "show: %m");
	return 0;
}

/* Tables of which there was nothing, and what a trial cannot know. */
static void
print_rest(const struct showing *s, const struct trial *t)
{
	const struct options *const o = s->options;
	const char *lead = s->items > 0 ? "\n" : "";

	if (o->quiet || o->output == OUTPUT_JSON)
		return;
	for (uint32_t i = 0; i < s->plan->ntables; i++) {
		const struct plan_table *const p = &s->plan->tables[i];
		const uint64_t n = trial_of_table(t, i);

		if (p->skip || p->glob || p->input == PLAN_NONE)
			continue;
		if (n > 0 && p->dangling != DANGLING_REPORT &&
		    p->dangling != DANGLING_FAIL) {
			printf("%s%s: references are shown as if none dangled; "
			       "'dangling: %s' is for run\n", lead, p->name,
			       plan_dangling_name(p->dangling));
			lead = "";
		} else if (n == 0 && o->nkeys == 0) {
			printf("%s%s: no item%s\n", lead, p->name,
			       o->where != NULL ? " for which --where holds"
						: "");
			lead = "";
		}
	}
}

/* The keys that no item had; how many there were. */
static size_t
print_missing(const struct options *o, const struct trial *t)
{
	size_t n = 0;

	for (size_t i = 0; i < o->nkeys; i++) {
		if (trial_of_key(t, i) > 0)
			continue;
		fflush(stdout);
		fprintf(stderr, "dynamill: no item has the key '%s'%s%s\n",
			o->keys[i], o->where != NULL ? " and passes --where"
						     : "",
			o->ntables > 0 ? " in the tables named" : "");
		n++;
	}
	return n;
}

static int
check(const struct options *o, struct err *err)
{
	if (o->nargs == 0)
		return err_set(err, ERR_USAGE, "which plan? see 'dynamill test "
			       "--help'");
	return 0;
}

static FILE *
open_samples(const struct options *o, struct err *err)
{
	char path[PATH_MAX];
	FILE *f;

	snprintf(path, sizeof(path), "%s/" JOB_SAMPLES, o->job);
	f = fopen(path, "we");
	if (f == NULL)
		err_set(err, ERR_SYSTEM, "'%s': %m", path);
	return f;
}

/* With `job` what it shows is kept there, and rejects are no finding. */
static int
test(const struct options *o, bool job)
{
	struct showing s = { .options = o };
	struct err err = { 0 };
	char at[32];
	int status = 0;

	if (check(o, &err) != 0 || options_run_time(o, at, &err) != 0)
		return console_error_anew(&err);

	const struct trial_options options = {
		.plans = o->args, .nplans = o->nargs, .plan = options_plan(o),
		.accept = o->accept, .naccept = o->naccept,
		.limit = o->limit, .keys = o->keys, .nkeys = o->nkeys,
		.where = o->where, .run_time = at, .cancel = &commands_cancel,
	};
	struct trial *const t = trial_open(&options, &err);
	if (t == NULL)
		return console_error_anew(&err);
	s.plan = trial_plan(t);
	s.style = show_style_of_stdout(o->verbose);
	if ((o->write && !o->dry_run && open_tryout(&s, &err) != 0) ||
	    (job && (s.samples = open_samples(o, &err)) == NULL) ||
	    trial_do(t, see, &s, &err) != 0) {
		fflush(stdout);
		status = console_error_anew(&err);
	} else {
		print_rest(&s, t);
		if (print_missing(o, t) > 0 || s.different > 0 ||
		    (s.rejected > 0 && !job))
			status = 1;
	}
	if (s.samples != NULL)
		fclose(s.samples);
	buf_free(&s.text);
	tryout_close(s.tryout);
	trial_close(t);
	return status;
}

int
command_test(const struct options *o)
{
	return test(o, false);
}

int
command_test_job(const struct options *o)
{
	return test(o, true);
}
