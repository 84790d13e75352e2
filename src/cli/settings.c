#include "cli/settings.h"

#include "cli/commands.h"
#include "cli/console.h"
#include "cli/help.h"
#include "cli/options.h"

int
settings_read(const struct options *o, struct settings *s, struct err *err)
{
	if (options_run_time(o, s->run_time, err) != 0)
		return -1;
	s->run = (struct run_options){
		.plans = o->args, .nplans = o->nargs,
		.plan = options_plan(o),
		.job_dir = o->job, .out = o->out,
		.applied = o->applied, .napplied = o->napplied,
		.threads = options_threads(o),
		.memory = o->memory, .level = o->level, .limit = o->limit,
		.fail_on_bad_item = o->fail_on_bad_item,
		.on_duplicate = o->on_duplicate,
		.accept = o->accept, .naccept = o->naccept,
		.run_time = s->run_time,
		.run_time_given = o->run_time != NULL,
		.version = DYNAMILL_VERSION,
		.cancel = &commands_cancel, .watch = console_watch,
	};
	return 0;
}
