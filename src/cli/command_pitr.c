/* command_pitr.c - pitr and create-backup: what the service keeps by itself. */
#include "cli/commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "aws/backups.h"
#include "aws/dynamodb.h"
#include "aws/service.h"
#include "aws/side.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/plural.h"
#include "cli/console.h"
#include "cli/environment.h"
#include "cli/options.h"

static void
time_text(int64_t when, char out[32])
{
	const time_t t = (time_t)when;
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static int
look(struct service *s, const char *table, struct err *err)
{
	struct pitr p;
	char from[32], to[32];
	const int rc = pitr_look(s, table, &p, err);

	if (rc == 0)
		return err_set(err, ERR_REMOTE, "%s knows no point-in-time "
			       "recovery", service_url(s));
	if (rc < 0)
		return -1;
	if (!p.on) {
		printf("%s: off\n", table);
		return 0;
	}
	time_text(p.earliest, from);
	time_text(p.latest, to);
	printf("%s: on", table);
	if (p.days > 0)
		printf(", %" PRIu64 " day%s", p.days, plural(p.days));
	if (p.latest > 0)
		printf(", from %s to %s", from, to);
	printf("\n");
	return 0;
}

static int
each_pitr(const struct options *o, struct service *s, struct err *err)
{
	const bool on = strcmp(o->args[0], "on") == 0 && !o->dry_run;

	for (size_t i = 1; i < o->nargs; i++)
		if ((on && pitr_turn_on(s, o->args[i], o->days, err) != 0) ||
		    (!(on && o->quiet) && look(s, o->args[i], err) != 0))
			return -1;
	return 0;
}

/* The name is wanted by the service, and need not be another one. */
static int
each_backup(const struct options *o, struct service *s, struct err *err)
{
	const time_t now = time(NULL);
	struct tm tm;
	char when[32], name[256];

	gmtime_r(&now, &tm);
	strftime(when, sizeof(when), "%Y%m%d-%H%M%S", &tm);
	for (size_t i = 0; i < o->nargs; i++) {
		struct buf arn = { 0 };
		int rc;

		snprintf(name, sizeof(name), "%.200s-%s", o->args[i], when);
		if (o->dry_run) {
			printf("%s: to be called %s\n", o->args[i],
			       o->name != NULL ? o->name : name);
			continue;
		}
		rc = backup_make(s, o->args[i], o->name != NULL ? o->name
				 : name, &arn, err);
		if (rc == 0)
			printf("%s%s%s\n", o->quiet ? "" : o->args[i],
			       o->quiet ? "" : ": ", (const char *)arn.ptr);
		buf_free(&arn);
		if (rc != 0)
			return -1;
	}
	return 0;
}

static int
at_service(const struct options *o,
	   int (*each)(const struct options *o, struct service *s,
		       struct err *err), struct err *err)
{
	struct side *const side = side_open(environment_side(), err);
	struct service *const s = side == NULL ? NULL
		: dynamodb_open(side, err);
	const int rc = s == NULL ? -1 : each(o, s, err);

	service_close(s);
	side_close(side);
	return rc == 0 ? 0 : console_failed(err);
}

int
command_pitr(const struct options *o)
{
	struct err err = { 0 };

	if (o->nargs < 2 || (strcmp(o->args[0], "on") != 0 &&
			     strcmp(o->args[0], "status") != 0)) {
		err_set(&err, ERR_USAGE, "pitr on TABLE... or pitr status "
			"TABLE...; see 'dynamill pitr --help'");
		return console_failed(&err);
	}
	return at_service(o, each_pitr, &err);
}

int
command_create_backup(const struct options *o)
{
	struct err err = { 0 };

	if (o->nargs == 0) {
		err_set(&err, ERR_USAGE, "which tables?");
		return console_failed(&err);
	}
	return at_service(o, each_backup, &err);
}
