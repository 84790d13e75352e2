/* command_check.c - a plan as it was understood, and nothing done. */
#include "cli/commands.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/err.h"
#include "cli/check.h"
#include "cli/console.h"
#include "cli/options.h"
#include "engine/plan.h"

int
command_check(const struct options *o)
{
	struct buf increments = { 0 };
	struct err err = { 0 };
	int status = 0;

	if (o->nargs == 0) {
		err_set(&err, ERR_USAGE, "which plan? see 'dynamill check "
			"--help'");
		return console_error(&err);
	}
	const struct plan_options options = options_plan(o);
	struct plan *const plan = plan_load(o->args, o->nargs, &options, &err);
	const bool json = o->output == OUTPUT_JSON;
	if (plan == NULL ||
	    (o->to != NULL && plan_check_out(o->to, &err) != 0) ||
	    check_collisions(plan, o, &err) != 0 ||
	    (json && check_increments(plan, o, &increments, &err) != 0) ||
	    check_print(plan, o, stdout, buf_span(&increments), &err) != 0 ||
	    (!json && check_increments(plan, o, NULL, &err) != 0))
		status = console_error(&err);
	buf_free(&increments);
	plan_free(plan);
	return status;
}
