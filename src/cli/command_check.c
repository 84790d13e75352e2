#include "cli/commands.h"

#include <stdio.h>

#include "base/err.h"
#include "cli/check.h"
#include "cli/console.h"
#include "cli/options.h"
#include "engine/plan.h"

int
command_check(const struct options *o)
{
	struct err err = { 0 };
	int status = 0;

	if (o->nargs == 0) {
		err_set(&err, ERR_USAGE, "which plan? see 'dynamill check "
			"--help'");
		return console_error(&err);
	}
	const struct plan_options options = options_plan(o);
	struct plan *const plan = plan_load(o->args, o->nargs, &options, &err);
	if (plan == NULL ||
	    check_print(plan, stdout, o->output == OUTPUT_JSON, &err) != 0 ||
	    check_increments(plan, o, &err) != 0)
		status = console_error(&err);
	plan_free(plan);
	return status;
}
