/* command_whoami.c - whose credentials there are, and what they reach. */
#include "cli/commands.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "aws/creds.h"
#include "aws/dynamodb.h"
#include "aws/rights.h"
#include "aws/s3.h"
#include "aws/service.h"
#include "aws/side.h"
#include "aws/sts.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/plural.h"
#include "cli/console.h"
#include "cli/environment.h"
#include "cli/log.h"
#include "cli/options.h"
#include "engine/place.h"
#include "engine/plan.h"
#include "engine/sides.h"
#include "formats/json.h"
#include "formats/tree.h"

/* What is asked of one side, and how it went. */
struct look {
	const char *title;
	struct side *side;
	const struct plan_side *plan;	/* or NULL */
	const struct plan *of;		/* its target tables; or NULL */
	const struct plan *from;	/* its sources; or NULL */
	bool no_rights;			/* are looked for */
	bool failed, refused;
};

static bool quiet;

static void tell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void
tell(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (!quiet)
		vprintf(fmt, ap);
	va_end(ap);
}

static void
say(const char *what, const char *text)
{
	tell("  %-12s %s\n", what, text);
}

static void
fail(struct look *l, const char *what, const struct err *err)
{
	if (quiet)
		log_problem(LOG_ERROR, stderr, "%s", err->text);
	else
		say(what, err->text);
	l->failed = true;
}

/* ---- who ---------------------------------------------------------------- */

/* Did somebody say where DynamoDB is? */
static bool
is_custom(const struct side *side)
{
	struct buf url = { 0 };
	struct err err;
	const char *const region = side_region(side, &err);
	const bool custom = region != NULL &&
		side_endpoint(side, "dynamodb", region, &url, &err) == 1;

	buf_free(&url);
	return custom;
}

static void
print_identity(struct look *l)
{
	const char *const want = l->plan == NULL ? NULL : l->plan->account;
	struct sts_identity i;
	struct err err = { 0 };
	char origin[256];
	const bool known = side_identity(l->side, &i, &err) == 0;

	creds_origin(side_creds(l->side), origin, sizeof(origin));
	if (!known && want == NULL && is_custom(l->side)) {
		/* DynamoDB Local and its like have no STS. */
		say("who", "not known: there is no STS at this endpoint");
	} else if (!known) {
		fail(l, "who", &err);
	} else {
		say("who", (const char *)i.arn.ptr);
		tell("  %-12s %s%s%s\n", "account",
		       (const char *)i.account.ptr, want == NULL ? ""
		       : strcmp(want, (const char *)i.account.ptr) == 0
		       ? ", as the plan says" : ", but the plan says ",
		       want == NULL || strcmp(want, (const char *)
					      i.account.ptr) == 0 ? "" : want);
		l->refused |= want != NULL &&
			strcmp(want, (const char *)i.account.ptr) != 0;
	}
	if (origin[0] != '\0')
		say("credentials", origin);
	sts_identity_free(&i);
}

/* ---- where -------------------------------------------------------------- */

static int
count(void *context, const char *name, struct err *err)
{
	unsigned *const n = context;

	(void)name;
	(void)err;
	++*n;
	return 0;
}

/*
 * A table that is written to can be brought back to any second, or it cannot.
 * Who has no such service, or no right to ask, is not told.
 */
static void
print_recovery(struct service *s, const char *name)
{
	struct arena mem = { 0 };
	struct buf body = { 0 };
	struct err err;
	const struct tree *t = NULL;

	if (buf_append(&body, span_of("{\"TableName\":"), &err) == 0 &&
	    json_quote(span_of(name), &body, &err) == 0 &&
	    buf_append(&body, span_of("}"), &err) == 0)
		t = dynamodb_ask(s, "DescribeContinuousBackups",
				 buf_span(&body), &mem, NULL, &err);
	t = t == NULL ? NULL : tree_get(t, "ContinuousBackupsDescription");
	t = t == NULL ? NULL : tree_get(t, "PointInTimeRecoveryDescription");
	t = t == NULL ? NULL : tree_get(t, "PointInTimeRecoveryStatus");
	if (t != NULL && t->kind == TREE_TEXT && span_is(t->text, "DISABLED"))
		log_problem(LOG_WARNING, stderr, "warning: table '%s' has no "
			    "point-in-time recovery: what is written over can "
			    "come back by 'dynamill rollback' alone", name);
	buf_free(&body);
	arena_free(&mem);
}

/* What will fail for want of a right; to push and to read are the least. */
static void
print_rights(struct look *l, struct service *s, const char *name)
{
	struct right list[RIGHTS];
	struct err err = { 0 };
	bool all = true;
	const int n = rights_look(s, name, l->from != NULL, list, &err);

	if (n < 0) {
		fail(l, "rights", &err);
		return;
	}
	for (int i = 0; i < n; i++) {
		if (!list[i].denied)
			continue;
		all = false;
		tell("  %-12s %s: no dynamodb:%s, without which these fail: "
		     "%s\n", "rights", name, list[i].call, l->from != NULL
		     ? "all that reads it" : list[i].needed_by);
		l->failed |= strcmp(list[i].call, "Scan") == 0 ||
			strcmp(list[i].call, "BatchWriteItem") == 0;
	}
	if (all)
		tell("  %-12s %s: may be read%s\n", "rights", name,
		     l->from != NULL ? "" : " and written");
}

static void
print_table(struct look *l, struct service *s, const char *name)
{
	struct dynamodb_table t;
	struct err err = { 0 };
	const int rc = dynamodb_describe(s, name, &t, &err);

	if (rc < 0)
		fail(l, "table", &err);
	else if (rc == 0)
		tell("  %-12s %s: is not there\n", "table", name);
	else
		tell("  %-12s %s: %s, %llu item%s when last counted\n",
		     "table", name, t.status, (unsigned long long)t.nitems,
		     plural(t.nitems));
	if (rc > 0 && l->from == NULL)
		print_recovery(s, name);
	if (rc >= 0 && !l->no_rights)
		print_rights(l, s, name);
	dynamodb_table_free(&t);
}

/* Those of the plan by name, else how many there are. */
static void
print_tables(struct look *l, struct service *s)
{
	struct err err = { 0 };
	unsigned n = 0;

	if (l->of == NULL) {
		if (dynamodb_list(s, count, &n, &err) != 0)
			fail(l, "tables", &err);
		else
			tell("  %-12s %u\n", "tables", n);
		return;
	}
	for (size_t i = 0; i < l->of->ntables; i++) {
		const struct plan_table *const t = &l->of->tables[i];

		if (!t->skip && !t->glob && t->to != NULL)
			print_table(l, s, t->to);
	}
}

static int
see(void *context, const struct s3_object *o, struct err *err)
{
	bool *const any = context;

	(void)o;
	(void)err;
	*any = true;
	return 0;
}

/* A pattern is listed from the folder in front of its first wildcard. */
static void
print_bucket(struct look *l, const char *path, bool source)
{
	struct err err = { 0 };
	struct s3 *const s = s3_new(l->side, &err);
	const size_t n = strcspn(path, "*?[");
	char from[PATH_MAX];
	bool any = false;

	snprintf(from, sizeof(from), "%.*s", (int)n, path);
	if (path[n] != '\0')
		strrchr(from, '/')[1] = '\0';
	if (s == NULL || s3_list(s, from, 1, see, &any, &err) < 0)
		fail(l, "bucket", &err);
	else
		tell("  %-12s %s: %s\n", "bucket", path, any
		     ? "can be listed" : source ? "holds nothing"
		     : "can be listed, and is empty");
	l->failed |= source && !any;
	s3_free(s);
}

/* What of the sources is in AWS. */
static void
print_sources(struct look *l, struct service *s)
{
	for (size_t i = 0; i < l->from->nsources; i++) {
		const char *const path = l->from->sources[i].path;

		if (place_is_remote(path))
			print_bucket(l, path, true);
		if (place_is_table(path))
			print_table(l, s, path + strlen("dynamodb://"));
	}
}

static void
print_place(struct look *l)
{
	struct err err = { 0 };
	const char *const region = side_region(l->side, &err);
	struct service *s;

	if (region == NULL) {
		fail(l, "region", &err);
		return;
	}
	say("region", region);
	s = dynamodb_open(l->side, &err);
	if (s == NULL) {
		fail(l, "DynamoDB", &err);
		return;
	}
	say("DynamoDB", service_url(s));
	if (l->from != NULL)
		print_sources(l, s);
	else
		print_tables(l, s);
	if (l->of != NULL && l->of->out != NULL)
		print_bucket(l, l->of->out, false);
	service_close(s);
}

static void
look_at(struct look *l)
{
	struct err err = { 0 };

	tell("%s\n", l->title);
	l->side = sides_open(l->plan, environment_side(), &err);
	if (l->side == NULL) {
		fail(l, "who", &err);
		return;
	}
	print_identity(l);
	print_place(l);
	side_close(l->side);
}

int
command_whoami(const struct options *o)
{
	const struct plan_options options = options_plan(o);
	struct err err = { 0 };
	struct plan *plan = NULL;
	struct look looks[2] = { { .title = "caller" } };
	bool failed = false, refused = false;

	quiet = o->quiet;
	if (o->nargs > 0) {
		plan = plan_load(o->args, o->nargs, &options, &err);
		if (plan == NULL)
			return console_failed(&err);
		looks[0] = (struct look){ .title = "source",
					  .plan = &plan->source,
					  .from = plan };
		looks[1] = (struct look){ .title = "target",
					  .plan = &plan->target, .of = plan };
	}
	for (size_t i = 0; i < (plan == NULL ? 1 : 2); i++) {
		looks[i].no_rights = o->no_rights;
		look_at(&looks[i]);
		failed |= looks[i].failed;
		refused |= looks[i].refused;
	}
	plan_free(plan);
	return refused ? 5 : !failed ? 0 : atomic_load(&commands_cancel) ? 130
		: 4;
}
