/* command_init.c - a plan to start with, from what is in the exports. */
#include "cli/commands.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/plural.h"
#include "cli/console.h"
#include "cli/options.h"
#include "engine/init.h"
#include "io/file.h"

/* May the plan be written there?  Asked before hours of reading, not after. */
static int
check_place(const char *path, bool force, struct err *err)
{
	if (force || access(path, F_OK) != 0)
		return 0;
	return err_set(err, ERR_REFUSED, "'%s' is there already: give another "
		       "name with -o, or --force to write over it", path);
}

static void
tell(const struct init_sums *s, const char *path)
{
	fprintf(stderr, "%s: %" PRIu32 " table%s, %" PRIu32 " reference%s "
		"found in %" PRIu64 " item%s\n", path != NULL ? path : "plan",
		s->tables, plural(s->tables), s->references,
		plural(s->references), s->items, plural(s->items));
	if (s->skipped > 0)
		fprintf(stderr, "  %" PRIu32 " table%s left out: no key was "
			"found; --tables-from says keys\n", s->skipped,
			plural(s->skipped));
	if (s->rejects > 0)
		fprintf(stderr, "  %" PRIu64 " line%s could not be read\n",
			s->rejects, plural(s->rejects));
	if (path != NULL)
		fprintf(stderr, "  next: dynamill check %s\n", path);
}

int
command_init(const struct options *o)
{
	const char *const path = o->out != NULL && strcmp(o->out, "-") == 0
		? NULL : o->out;
	struct init_sums sums;
	struct buf text = { 0 };
	struct err err = { 0 };
	int status = 0;

	if (o->nargs == 0) {
		err_set(&err, ERR_USAGE, "which exports? see 'dynamill init "
			"--help'");
		return console_error_anew(&err);
	}
	const struct init_options options = {
		.dumps = o->args, .ndumps = o->nargs,
		.tables_from = o->tables_from, .ntables_from = o->ntables_from,
		.accept = o->accept, .naccept = o->naccept,
		.plan_path = path, .memory = o->memory,
		.threads = options_threads(o),
		.cancel = &commands_cancel,
	};
	if ((path != NULL && check_place(path, o->force, &err) != 0) ||
	    init_plan(&options, &text, &sums, &err) != 0 ||
	    (path != NULL && !o->dry_run &&
	     file_save_safe(path, buf_span(&text), &err) != 0))
		status = console_error_anew(&err);
	if (status == 0 && (path == NULL || o->dry_run))
		fwrite(text.ptr, 1, text.len, stdout);
	if (status == 0 && !o->quiet)
		tell(&sums, o->dry_run ? NULL : path);
	buf_free(&text);
	return status;
}
