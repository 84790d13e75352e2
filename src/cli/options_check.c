/* options_check.c - which option is of which command. */
#include "cli/options_internal.h"

#include <string.h>

#include "base/err.h"
#include "cli/options.h"

/* Options that other commands would seem to obey, and do not. */
struct some {
	bool given;
	const char *option, *commands;
};

/* Is `command` one of the words? */
static bool
is_among(const char *command, const char *words)
{
	const size_t n = strlen(command);

	for (const char *s = words; *s != '\0'; s += strcspn(s, " "),
	     s += *s == ' ')
		if (strncmp(s, command, n) == 0 &&
		    (s[n] == ' ' || s[n] == '\0'))
			return true;
	return false;
}

static int
check(const struct some *some, size_t n, const char *command, struct err *err)
{
	for (size_t i = 0; i < n; i++)
		if (some[i].given && !is_among(command, some[i].commands))
			return err_set(err, ERR_USAGE, "'%s' takes no '%s'; "
				       "see 'dynamill %s --help'", command,
				       some[i].option, command);
	return 0;
}

/* Of what is made: jobs, plans and benches. */
static int
check_jobs(const struct options *o, const char *command, struct err *err)
{
	const struct some some[] = {
		{ o->watch, "--watch", "status" },
		{ o->from != NULL, "--from", "migrate" },
		{ o->until != NULL, "--until", "migrate" },
		{ o->no_rollback, "--no-rollback", "migrate" },
		{ o->import, "--import", "migrate check" },
		{ o->no_import, "--no-import", "migrate check" },
		{ o->export != NULL, "--export", "migrate" },
		{ o->force, "--force", "init reverse rollback bench" },
		{ o->sample > 0, "--sample", "bench" },
		{ o->repeat > 0, "--repeat", "bench" },
		{ o->generate > 0, "--generate", "bench" },
		{ o->item_size > 0, "--item-size", "bench" },
		{ o->after != NULL, "--after",
		  "run analyze check test reverse migrate" },
		{ o->revert, "--revert", "run analyze check test migrate" },
		{ o->shard != NULL, "--shard", "run analyze validate push diff" },
		{ o->scratch != NULL, "--scratch", "run analyze merge status" },
		{ o->verify, "--verify", "merge" },
		{ o->out != NULL, "-o", "init reverse run analyze backup bench" },
	};

	return check(some, sizeof(some) / sizeof(some[0]), command, err);
}

/* Of what is looked at, and how it is shown. */
static int
check_looks(const struct options *o, const char *command, struct err *err)
{
	const struct some some[] = {
		{ o->limit > 0, "--limit", "run analyze check test cat "
		  "validate migrate merge bench" },
		{ o->nkeys > 0, "--key", "test cat diff validate" },
		{ o->where != NULL, "--where", "test cat" },
		{ o->write, "--write", "test" },
		{ o->item, "--item", "lookup" },
		{ o->all, "--all", "lookup" },
		{ o->type != 0, "--type", "lookup" },
		{ o->ntables_from > 0, "--tables-from",
		  "init cat diff validate" },
		{ o->as != NULL, "--as", "cat export" },
		{ o->select != NULL, "--select", "cat" },
		{ o->ignore != NULL, "--ignore", "diff validate" },
		{ o->against != NULL, "--against", "validate" },
		{ o->plan != NULL, "--plan", "validate" },
		{ o->live, "--live", "validate" },
		{ o->partial, "--partial", "validate" },
		{ o->exact, "--exact", "validate" },
		{ o->output == OUTPUT_JUNIT, "--output junit", "validate" },
		{ o->output == OUTPUT_CSV, "--output csv", "lookup" },
	};

	return check(some, sizeof(some) / sizeof(some[0]), command, err);
}

/* Of tables and what moves them. */
static int
check_tables(const struct options *o, const char *command, struct err *err)
{
	const struct some some[] = {
		{ o->into_existing, "--into-existing", "push migrate restore" },
		{ o->only_new, "--only-new", "push migrate restore" },
		{ o->no_undo, "--no-undo", "push migrate restore" },
		{ o->max_wcu > 0, "--max-wcu", "push rollback migrate restore" },
		{ o->update, "--update", "push" },
		{ o->keep_tables, "--keep-tables", "rollback" },
		{ o->max_rcu > 0, "--max-rcu", "backup" },
		{ o->consistent, "--consistent", "backup" },
		{ o->bucket != NULL, "--bucket", "export" },
		{ o->prefix != NULL, "--prefix", "export" },
		{ o->bucket_owner != NULL, "--bucket-owner", "export migrate" },
		{ o->kms_key != NULL, "--kms-key", "export migrate" },
		{ o->from_time != NULL, "--from-time", "export" },
		{ o->to_time != NULL, "--to-time", "export restore migrate" },
		{ o->new_image, "--new-image", "export" },
		{ o->no_wait, "--no-wait", "export import restore" },
		{ o->to != NULL, "--to", "import migrate check" },
		{ o->backup != NULL, "--backup", "restore" },
		{ o->into != NULL, "--into", "restore" },
		{ o->days > 0, "--days", "pitr" },
		{ o->name != NULL, "--name", "create-backup" },
	};

	return check(some, sizeof(some) / sizeof(some[0]), command, err);
}

int
options_check(const struct options *o, const char *command, struct err *err)
{
	if (o->import && o->no_import)
		return err_set(err, ERR_USAGE, "--import and --no-import: "
			       "which of them?");
	return check_jobs(o, command, err) != 0 ||
	       check_looks(o, command, err) != 0 ||
	       check_tables(o, command, err) != 0 ? -1 : 0;
}
