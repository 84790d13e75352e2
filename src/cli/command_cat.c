/* command_cat.c - the items of dumps, a line each. */
#include "cli/commands.h"

#include <signal.h>
#include <stdio.h>

#include "base/err.h"
#include "cli/console.h"
#include "cli/options.h"
#include "engine/cat.h"
#include "io/drain.h"
#include "io/file.h"

static int
print(void *context, struct span text, struct err *err)
{
	struct drain *const out = context;

	return out->write(out, text, err);
}

static int
tell(void *context, struct span note, struct err *err)
{
	(void)context;
	(void)err;
	fprintf(stderr, "dynamill: %.*s\n", (int)note.len,
		(const char *)note.ptr);
	return 0;
}

int
command_cat(const struct options *o)
{
	struct cat_result result = { 0 };
	struct err err = { 0 };
	char at[32];

	if (o->nargs == 0) {
		err_set(&err, ERR_USAGE, "which dump? see 'dynamill cat "
			"--help'");
		return console_error_anew(&err);
	}
	if (options_run_time(o, at, &err) != 0)
		return console_error_anew(&err);

	/* Whoever reads may stop when he has seen enough, as of any cat. */
	signal(SIGPIPE, SIG_DFL);

	const struct cat_options options = {
		.dump = {
			.paths = o->args, .npaths = o->nargs,
			.tables = o->tables, .ntables = o->ntables,
			.accept = o->accept, .naccept = o->naccept,
			.definitions = o->tables_from,
			.ndefinitions = o->ntables_from, .records = true,
		},
		.as = o->as, .where = o->where, .select = o->select,
		.keys = o->keys, .nkeys = o->nkeys, .limit = o->limit,
		.threads = options_threads(o), .memory = o->memory,
		.run_time = at, .cancel = &commands_cancel,
		.print = print, .tell = tell, .context = stdout_drain(&err),
	};
	if (cat_do(&options, &result, &err) != 0)
		return console_error_anew(&err);
	return result.damaged > 0 ? 3 : result.bad > 0 || result.missing > 0;
}
