/* command_bench.c - what each stage of a run costs on this machine. */
#include "cli/commands.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/plural.h"
#include "cli/bench_print.h"
#include "cli/console.h"
#include "cli/environment.h"
#include "cli/options.h"
#include "cli/settings.h"
#include "engine/bench.h"
#include "engine/generate.h"
#include "engine/init.h"
#include "io/file.h"

enum { ITEM_LEN = 600, MOST_ITEM_LEN = 400 * 1024, PATH_LEN = 1024 };

static bool
ends_with(const char *text, const char *end)
{
	const size_t n = strlen(text), k = strlen(end);

	return n > k && strcmp(text + n - k, end) == 0;
}

static int
check_free(const struct options *o, const char *path, struct err *err)
{
	if (o->force || access(path, F_OK) != 0)
		return 0;
	return err_set(err, ERR_REFUSED, "'%s' is there already: give another "
		       "name with -o, or --force to write over it", path);
}

/* ---- data ---------------------------------------------------------------- */

static int
make_data(const struct options *o, struct err *err)
{
	const struct generate_options g = {
		.dir = o->out, .items = o->generate,
		.item_len = o->item_size > 0 ? o->item_size : ITEM_LEN,
		.cancel = &commands_cancel,
	};
	char path[PATH_LEN];

	if (o->out == NULL || o->nargs > 0)
		return err_set(err, ERR_USAGE, "'bench --generate' takes no "
			       "plan, and with -o the folder to write");
	if (o->item_size > MOST_ITEM_LEN)
		return err_set(err, ERR_USAGE, "no item of DynamoDB is larger "
			       "than 400K; give a smaller --item-size");
	snprintf(path, sizeof(path), "%s/plan.yaml", o->out);
	if (check_free(o, path, err) != 0 ||
	    (!o->dry_run && generate(&g, err) != 0))
		return -1;
	if (o->dry_run)
		printf("%ju items would be made in '%s', with a plan\n",
		       (uintmax_t)o->generate, o->out);
	else if (!o->quiet)
		printf("now: dynamill bench %s\n", path);
	return 0;
}

/* ---- figures ------------------------------------------------------------- */

static int
print(const struct options *o, const struct bench_result *r, struct err *err)
{
	struct buf text = { 0 };
	int rc = 0;

	if (o->output == OUTPUT_JSON)
		rc = bench_print_json(r, &text, err);
	else if (!o->quiet)
		rc = bench_print_text(r, &text, err);
	if (rc == 0 && text.len > 0 &&
	    fwrite(text.ptr, 1, text.len, stdout) != text.len)
		rc = err_set(err, ERR_SYSTEM, "cannot write what there is to "
			     "show: %m");
	buf_reset(&text);
	if (rc == 0 && o->out != NULL && !o->dry_run) {
		rc = (ends_with(o->out, ".svg") ? bench_print_svg
		      : bench_print_html)(r, &text, err);
		if (rc == 0)
			rc = file_save(o->out, buf_span(&text), err);
	}
	buf_free(&text);
	return rc;
}

/* ---- what to measure ----------------------------------------------------- */

/* The words of the command line: plans come first, then what to read. */
static size_t
count_plans(const struct options *o)
{
	size_t n = 0;

	while (n < o->nargs && (ends_with(o->args[n], ".yaml") ||
				ends_with(o->args[n], ".yml") ||
				ends_with(o->args[n], ".json")))
		n++;
	return n;
}

/*
 * Nobody said what to do with these exports: find their ids and references and
 * give new ones, which is what most plans do.  The plan is in a folder of its
 * own, `dir`, which the caller removes.
 */
static int
make_plan(const struct options *o, const char *dir, char path[PATH_LEN],
	  struct err *err)
{
	const struct init_options init = {
		.dumps = o->args, .ndumps = o->nargs, .plan_path = path,
		.accept = o->accept, .naccept = o->naccept,
		.memory = o->memory, .threads = options_threads(o),
		.cancel = &commands_cancel,
	};
	struct init_sums sums;
	struct buf text = { 0 };
	int rc;

	snprintf(path, PATH_LEN, "%s/plan.yaml", dir);
	rc = init_plan(&init, &text, &sums, err);
	if (rc == 0 && sums.tables == sums.skipped)
		rc = err_set(err, ERR_USAGE, "no attribute of these items is "
			     "a key; write a plan that says 'key', and measure "
			     "with that");
	if (rc == 0)
		rc = file_save(path, buf_span(&text), err);
	if (rc == 0 && !o->quiet)
		fprintf(stderr, "no plan: new ids for %ju table%s, with %ju "
			"reference%s found\n",
			(uintmax_t)sums.tables - sums.skipped,
			plural(sums.tables - sums.skipped),
			(uintmax_t)sums.references, plural(sums.references));
	buf_free(&text);
	return rc;
}

/* ---- measuring ----------------------------------------------------------- */

static int
measure_with(const struct options *o, const char *const *plans, size_t nplans,
	     const char *const *dumps, size_t ndumps, struct err *err)
{
	struct settings set;
	struct bench_result r;

	if (settings_read(o, &set, err) != 0)
		return -1;
	set.run.plans = plans;
	set.run.nplans = nplans;
	set.run.plan.dumps = dumps;
	set.run.plan.ndumps = ndumps;
	set.run.out = NULL;		/* that is the chart's */
	set.run.watch = NULL;

	const struct bench_options options = {
		.run = set.run, .tmp = environment_tmp(),
		.sample = o->sample, .repeat = o->repeat,
	};
	return bench_do(&options, &r, err) != 0 ? -1 : print(o, &r, err);
}

static int
measure_planless(const struct options *o, struct err *err)
{
	char dir[PATH_LEN - 32], path[PATH_LEN];
	const char *const plan = path;
	const int n = snprintf(dir, sizeof(dir), "%s/dynamill-plan.XXXXXX",
			       environment_tmp());
	int rc;

	if (n < 0 || (size_t)n >= sizeof(dir) || mkdtemp(dir) == NULL)
		return err_set(err, ERR_SYSTEM, "cannot make a folder in "
			       "'%.200s': %m; TMPDIR says where",
			       environment_tmp());
	rc = make_plan(o, dir, path, err);
	if (rc == 0)
		rc = measure_with(o, &plan, 1, NULL, 0, err);
	file_remove_folder(dir);
	return rc;
}

static int
measure(const struct options *o, struct err *err)
{
	const size_t nplans = count_plans(o);

	if (o->nargs == 0)
		return err_set(err, ERR_USAGE, "which plan or exports? "
			       "'dynamill bench --generate 100000 -o DIR' "
			       "makes both");
	if (o->item_size > 0)
		return err_set(err, ERR_USAGE, "--item-size goes with "
			       "--generate");
	if (o->out != NULL && !ends_with(o->out, ".svg") &&
	    !ends_with(o->out, ".html"))
		return err_set(err, ERR_USAGE, "a chart is FILE.svg or "
			       "FILE.html, not '%s'", o->out);
	if (o->out != NULL && check_free(o, o->out, err) != 0)
		return -1;
	return nplans == 0 ? measure_planless(o, err)
	       : measure_with(o, o->args, nplans, o->args + nplans,
			      o->nargs - nplans, err);
}

int
command_bench(const struct options *o)
{
	struct err err = { 0 };

	if ((o->generate > 0 ? make_data : measure)(o, &err) != 0)
		return console_error(&err);
	return 0;
}
