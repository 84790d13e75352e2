#include "cli/confirm.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "engine/plan.h"

/* Is there something to read?  A signal asks for an end of waiting. */
static bool
wait_for_answer(void)
{
	struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };

	while (!atomic_load(&commands_cancel)) {
		/* A signal just before it would be slept through: not long. */
		const int n = poll(&p, 1, 200);

		if (n > 0 || (n < 0 && errno != EINTR))
			return true;
	}
	return false;
}

/* A line of what somebody types, without its end.  Returns 0 or -1. */
static int
ask(const char *question, char *to, size_t n)
{
	fprintf(stderr, "%s ", question);
	fflush(stderr);
	if (!wait_for_answer() || fgets(to, (int)n, stdin) == NULL) {
		putc('\n', stderr);
		return -1;
	}
	to[strcspn(to, "\r\n")] = '\0';
	return 0;
}

static const char *
name_of(const struct plan *plan, const char *table)
{
	if (plan != NULL && plan->stage != NULL)
		return plan->stage;
	if (table != NULL)
		return table;
	return plan == NULL ? NULL : plan->target.environment;
}

static int
no(struct err *err)
{
	return atomic_load(&commands_cancel)
		? err_set(err, ERR_CANCELLED, "interrupted: nothing was done")
		: err_set(err, ERR_REFUSED, "not confirmed: nothing was done");
}

int
confirm(const struct options *o, const struct plan *plan, const char *table,
	const char *what, struct err *err)
{
	const char *const name = name_of(plan, table);
	char answer[300], question[400];

	if (o->confirmed)
		return 0;
	if (o->confirm != NULL && name != NULL &&
	    strcmp(o->confirm, name) != 0)
		return err_set(err, ERR_REFUSED, "--confirm says '%s', and this "
			       "is '%s'", o->confirm, name);
	if (o->yes && (o->confirm != NULL || name == NULL))
		return 0;
	if (!isatty(STDIN_FILENO))
		return err_set(err, ERR_REFUSED, "%s: this is to be confirmed; "
			       "without a terminal, say --yes%s%s", what,
			       name == NULL ? "" : " --confirm ",
			       name == NULL ? "" : name);
	if (!o->yes) {
		fprintf(stderr, "dynamill: %s\n", what);
		if (ask("Go on? (yes/no)", answer, sizeof(answer)) != 0 ||
		    strcmp(answer, "yes") != 0)
			return no(err);
	}
	if (o->confirm != NULL || name == NULL)
		return 0;
	snprintf(question, sizeof(question), "Type '%.250s' to confirm:", name);
	if (ask(question, answer, sizeof(answer)) != 0 ||
	    strcmp(answer, name) != 0)
		return no(err);
	return 0;
}
