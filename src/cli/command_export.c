/* command_export.c - exports made by the service, and waited for. */
#include "cli/commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/dynamodb.h"
#include "aws/service.h"
#include "aws/side.h"
#include "aws/table_export.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/plural.h"
#include "cli/console.h"
#include "cli/environment.h"
#include "cli/options.h"
#include "cli/ticker.h"

static void
watch(void *context, const struct table_export *e)
{
	ticker_say(context, "%s: %s", e->arn, e->status);
}

static int
print(const struct options *o, const char *table,
      const struct table_export *e, struct err *err)
{
	struct buf address = { 0 };
	const int rc = table_export_address(e, &address, err);

	if (rc == 0 && o->quiet)
		puts((const char *)address.ptr);
	else if (rc == 0 && o->no_wait)
		printf("%s: %s; %s, to be at %s\n", table, e->status, e->arn,
		       (const char *)address.ptr);
	else if (rc == 0)
		printf("%s: %" PRIu64 " item%s at %s\n", table, e->nitems,
		       plural(e->nitems), (const char *)address.ptr);
	buf_free(&address);
	return rc;
}

/* Begin all of them, so that they are made side by side; then wait. */
static int
make_all(const struct options *o, struct service *s,
	 struct table_export_options *of, struct table_export *list,
	 struct err *err)
{
	for (size_t i = 0; i < o->nargs; i++) {
		of->table = o->args[i];
		if (o->dry_run ? table_export_check(s, of, err) != 0
			       : table_export_start(s, of, &list[i], err) != 0)
			return -1;
		if (o->dry_run && !o->quiet)
			printf("%s: can be exported\n", o->args[i]);
	}
	if (o->dry_run)
		return 0;
	for (size_t i = 0; i < o->nargs; i++)
		if ((!o->no_wait &&
		     table_export_wait(s, &list[i], watch,
				       (void *)(uintptr_t)o, err) != 0) ||
		    print(o, o->args[i], &list[i], err) != 0)
			return -1;
	return 0;
}

static int
read_options(const struct options *o, struct table_export_options *to,
	     struct err *err)
{
	int64_t until = 0;

	*to = (struct table_export_options){
		.bucket = o->bucket, .prefix = o->prefix,
		.bucket_owner = o->bucket_owner, .kms_key = o->kms_key,
		.view = o->new_image ? "NEW_IMAGE" : NULL,
	};
	if (o->nargs == 0)
		return err_set(err, ERR_USAGE, "which tables?");
	if (o->bucket == NULL)
		return err_set(err, ERR_USAGE, "where to? give --bucket NAME");
	if (o->as != NULL && strcmp(o->as, "ion") == 0)
		to->format = "ION";
	else if (o->as != NULL && strcmp(o->as, "dynamodb-json") != 0)
		return err_set(err, ERR_USAGE, "exports are made as "
			       "dynamodb-json or ion");
	if (options_time("from-time", o->from_time, &to->from, err) != 0 ||
	    options_time("to-time", o->to_time, &until, err) != 0)
		return -1;
	if (to->from != 0 && until == 0)
		return err_set(err, ERR_USAGE, "--from-time is of an "
			       "incremental export: give --to-time, too");
	*(to->from != 0 ? &to->to : &to->time) = until;
	return 0;
}

int
command_export(const struct options *o)
{
	struct err err = { 0 };
	struct table_export_options options;
	struct table_export *const list = calloc(o->nargs + 1, sizeof(*list));
	struct side *side = NULL;
	struct service *s = NULL;
	int rc = -1;

	if (list == NULL)
		err_set(&err, ERR_SYSTEM, "out of memory");
	else if (read_options(o, &options, &err) == 0 &&
		 (side = side_open(environment_side(), &err)) != NULL &&
		 (s = dynamodb_open(side, &err)) != NULL)
		rc = make_all(o, s, &options, list, &err);
	for (size_t i = 0; list != NULL && i < o->nargs; i++)
		table_export_free(&list[i]);
	free(list);
	service_close(s);
	side_close(side);
	return rc == 0 ? 0 : console_failed(&err);
}
