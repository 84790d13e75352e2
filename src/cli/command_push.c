/* command_push.c - a job's output into its tables. */
#include "cli/commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/err.h"
#include "base/plural.h"
#include "cli/answer.h"
#include "cli/confirm.h"
#include "cli/console.h"
#include "cli/environment.h"
#include "cli/log.h"
#include "cli/options.h"
#include "cli/shards.h"
#include "cli/stage.h"
#include "cli/ticker.h"
#include "engine/deliver.h"
#include "engine/plan.h"
#include "engine/seal.h"
#include "engine/status.h"

static time_t began;

/* How many items, and how many deletes, have come to their end. */
static uint64_t
sent(const struct deliver_table *t)
{
	return t->before + t->accepted + t->existed + t->lost + t->refused;
}

static uint64_t
deleted(const struct deliver_table *t)
{
	return t->deletes_before + t->deleted + t->deletes_refused;
}

/* How far each table is, for who looks from outside. */
static void
tell(const struct deliver *d, double seconds)
{
	size_t n;
	const struct deliver_table *const t = deliver_tables(d, &n);
	struct status_table *const list = calloc(n + 1, sizeof(*list));

	for (size_t i = 0; list != NULL && i < n; i++) {
		const uint64_t done = sent(&t[i]) + deleted(&t[i]);
		const uint64_t total = t[i].nitems + t[i].ndeletes;
		const uint64_t now = done - t[i].before - t[i].deletes_before;

		list[i] = (struct status_table){
			.name = t[i].name, .done = done, .total = total,
			.items = done,
			.bad = t[i].refused + t[i].deletes_refused +
			       t[i].refused_before,
		};
		status_pace(&list[i], now, seconds);
	}
	if (list != NULL)
		stage_tables(list, n);
	free(list);
}

/* A line that is written over, on a terminal. */
static void
watch(void *context, const struct deliver *d)
{
	const struct options *const o = context;
	size_t n;
	const struct deliver_table *const t = deliver_tables(d, &n);
	uint64_t done = 0, all = 0;

	tell(d, difftime(time(NULL), began));
	if (!ticker_is_shown(o))
		return;
	for (size_t i = 0; i < n; i++) {
		done += sent(&t[i]) + deleted(&t[i]);
		all += t[i].nitems + t[i].ndeletes;
	}
	ticker_say(o, "%" PRIu64 " of %" PRIu64 " item%s", done, all,
		   plural(all));
}

/* Is there something left to write to it? */
static bool
has_left(const struct deliver_table *t)
{
	return t->nitems > t->before || t->ndeletes > t->deletes_before;
}

/* Is one of these tables not empty, or does the plan ask for it? */
static bool
must_confirm(const struct deliver *d)
{
	size_t n;
	const struct deliver_table *const t = deliver_tables(d, &n);
	bool some = deliver_plan(d)->confirm;

	for (size_t i = 0; i < n; i++)
		some |= !t[i].empty && has_left(&t[i]);
	return some;
}

static int
ask(const struct options *o, const struct deliver *d, struct err *err)
{
	size_t n;
	const struct deliver_table *const t = deliver_tables(d, &n);
	uint64_t items = 0, deletes = 0, full = 0;
	char what[400], gone[80] = "";

	for (size_t i = 0; i < n; i++) {
		items += t[i].nitems - t[i].before;
		deletes += t[i].ndeletes - t[i].deletes_before;
		full += !t[i].empty && has_left(&t[i]);
		if (t[i].note[0] != '\0' && !o->quiet)
			fprintf(stderr, "dynamill: table '%s': %s\n",
				t[i].name, t[i].note);
	}
	if (!must_confirm(d))
		return 0;
	if (deletes > 0)
		snprintf(gone, sizeof(gone), "%" PRIu64 " delete%s and ",
			 deletes, plural(deletes));
	if (o->update)
		snprintf(what, sizeof(what), "%" PRIu64 " item%s changed in %zu "
			 "live table%s at %.150s", items, plural(items), n,
			 plural(n),
			 deliver_place(d));
	else
		snprintf(what, sizeof(what), "%s%" PRIu64 " item%s into %zu "
			 "table%s at %.150s, %" PRIu64 " of them not empty",
			 gone, items, plural(items), n, plural(n),
			 deliver_place(d),
			 full);
	return confirm(o, deliver_plan(d), n == 1 ? t[0].name : NULL, what,
		       err);
}

/* ---- the end ------------------------------------------------------------ */

static void
print_text(const struct options *o, const struct deliver *d)
{
	size_t n;
	const struct deliver_table *const t = deliver_tables(d, &n);

	for (size_t i = 0; i < n; i++) {
		printf("%s: ", t[i].name);
		if (t[i].ndeletes > 0)
			printf("%" PRIu64 " of %" PRIu64 " key%s deleted, ",
			       t[i].deletes_before + t[i].deleted,
			       t[i].ndeletes, plural(t[i].ndeletes));
		printf("%" PRIu64 " item%s %s", t[i].accepted,
		       plural(t[i].accepted), o->update ? "updated" : "put");
		if (t[i].before > 0)
			printf(", %" PRIu64 " there before", t[i].before);
		if (t[i].refused_before > 0)
			printf(" or refused (%" PRIu64 ")",
			       t[i].refused_before);
		if (t[i].existed > 0)
			printf(", %" PRIu64 " %s", t[i].existed, o->update
			       ? "had it already" : "left as they were");
		if (t[i].lost > 0)
			printf(", %" PRIu64 " changed since the export and "
			       "left, see %s/push/%s~changed.jsonl", t[i].lost,
			       deliver_records(d), t[i].name);
		if (t[i].refused > 0)
			printf(", %" PRIu64 " refused", t[i].refused);
		printf("; %" PRIu64 " write unit%s", t[i].units,
		       plural(t[i].units));
		if (t[i].throttled > 0)
			printf(", throttled %" PRIu64 " time%s",
			       t[i].throttled, plural(t[i].throttled));
		printf("\n");
	}
	if (o->shard != NULL && !o->dry_run)
		printf("  when all shards are done: dynamill push --job %s\n",
		       o->job);
}

/* A dump is restored a second time by another job. */
static void
tell_restored(const struct options *o, const struct deliver *d)
{
	size_t n;
	const struct deliver_table *const t = deliver_tables(d, &n);

	if (o->restoring && !o->quiet && n == 1 && t[0].nitems > 0 &&
	    t[0].before == t[0].nitems)
		fprintf(stderr, "dynamill: this restore was done before, and "
			"nothing was put again; to put it once more, name "
			"another job with --job\n");
}

static int
print_json(const struct deliver *d, struct err *err)
{
	struct answer a;
	struct jsonwrite *const w = &a.json;
	size_t n;
	const struct deliver_table *const t = deliver_tables(d, &n);

	answer_start_tables(&a, err);
	for (size_t i = 0; i < n; i++) {
		jsonwrite_map(w);
		jsonwrite_put_text(w, "table", t[i].name);
		jsonwrite_put_uint(w, "items", t[i].nitems);
		jsonwrite_put_uint(w, "before", t[i].before);
		jsonwrite_put_uint(w, "refusedBefore", t[i].refused_before);
		jsonwrite_put_uint(w, "put", t[i].accepted);
		jsonwrite_put_uint(w, "existed", t[i].existed);
		jsonwrite_put_uint(w, "changedSince", t[i].lost);
		jsonwrite_put_uint(w, "refused", t[i].refused);
		jsonwrite_put_uint(w, "deletes", t[i].ndeletes);
		jsonwrite_put_uint(w, "deletesBefore", t[i].deletes_before);
		jsonwrite_put_uint(w, "deleted", t[i].deleted);
		jsonwrite_put_uint(w, "deletesRefused", t[i].deletes_refused);
		jsonwrite_put_uint(w, "writeUnits", t[i].units);
		jsonwrite_put_uint(w, "throttled", t[i].throttled);
		jsonwrite_end(w);
	}
	return answer_print(&a);
}

/* Sums that do not meet are a failure, whatever the service said. */
static int
check_sums(const struct deliver *d, bool *refused, struct err *err)
{
	size_t n;
	const struct deliver_table *const t = deliver_tables(d, &n);

	*refused = false;
	for (size_t i = 0; i < n; i++) {
		*refused |= t[i].refused > 0 || t[i].lost > 0 ||
			    t[i].deletes_refused > 0 ||
			    t[i].refused_before > 0;
		if (sent(&t[i]) != t[i].nitems)
			return err_set(err, ERR_INPUT, "table '%s': %" PRIu64
				       " of %" PRIu64 " item%s sent",
				       t[i].name, sent(&t[i]), t[i].nitems,
				       plural(t[i].nitems));
		if (deleted(&t[i]) != t[i].ndeletes)
			return err_set(err, ERR_INPUT, "table '%s': %" PRIu64
				       " of %" PRIu64 " key%s deleted",
				       t[i].name, deleted(&t[i]),
				       t[i].ndeletes, plural(t[i].ndeletes));
	}
	return 0;
}

/* What is not there as it should be, for the log. */
static void
log_left(const struct deliver *d)
{
	size_t n;
	const struct deliver_table *const t = deliver_tables(d, &n);

	for (size_t i = 0; i < n; i++) {
		const uint64_t bad = t[i].refused + t[i].deletes_refused +
				     t[i].refused_before;

		if (bad > 0)
			log_problem(LOG_ERROR, NULL, "table '%s': %" PRIu64
				    " items were refused; which and why is in "
				    "%s/rejected/push/%s.jsonl", t[i].name, bad,
				    deliver_records(d), t[i].name);
		if (t[i].lost > 0)
			log_problem(LOG_WARNING, NULL, "table '%s': %" PRIu64
				    " items were changed since the export, and "
				    "left", t[i].name, t[i].lost);
	}
}

/* Ways to push that exclude each other. */
static int
check_options(const struct options *o, struct deliver_options *to,
	      struct err *err)
{
	const char *const other = o->only_new ? "--only-new"
		: o->into_existing ? "--into-existing"
		: o->no_undo ? "--no-undo" : NULL;

	if (o->job == NULL)
		return err_set(err, ERR_USAGE, "which job? give --job DIR");
	if (o->update && other != NULL)
		return err_set(err, ERR_USAGE, "'--update' changes items where "
			       "they are as they were: it takes no '%s'",
			       other);
	if (o->update && o->shard != NULL)
		return err_set(err, ERR_USAGE, "'--update' compares a table "
			       "with its export as a whole: it takes no "
			       "'--shard', but '--table T' for one table");
	return o->shard == NULL ? 0
		: shards_read(o->shard, &to->shard, &to->nshards, err);
}

int
command_push(const struct options *o)
{
	struct err err = { 0 };
	struct deliver_options options = {
		.job_dir = o->job, .tables = o->tables, .ntables = o->ntables,
		.max_wcu = o->max_wcu, .into_existing = o->into_existing,
		.no_undo = o->no_undo, .only_new = o->only_new, .look_only = o->dry_run,
		.update = o->update, .restoring = o->restoring, .threads = options_threads(o),
		.memory = o->memory, .tmp = environment_tmp(),
		.cancel = &commands_cancel,
		.usual = environment_side(),
		.variable = environment_variable, .watch = watch,
		.context = (void *)(uintptr_t)o,
	};
	struct deliver *d;
	bool refused = false;
	int rc;

	if (check_options(o, &options, &err) != 0)
		return console_failed(&err);
	d = deliver_open(&options, &err);
	if (d == NULL)
		return console_failed(&err);
	rc = ask(o, d, &err);
	if (rc == 0 && !o->dry_run) {
		began = time(NULL);
		stage_begin(o, "push", deliver_records(d));
		/* The job goes on, also where that is a shard's. */
		seal_break(o->job);
		tell(d, 0);
		rc = deliver_run(d, &err);
		tell(d, 0);
	}
	ticker_end(o);
	if (rc == 0 && !o->dry_run)
		rc = check_sums(d, &refused, &err);
	if (rc == 0 && o->output == OUTPUT_JSON)
		rc = print_json(d, &err);
	else if (rc == 0 && !o->quiet)
		print_text(o, d);
	if (rc == 0 && !o->dry_run)
		tell_restored(o, d);
	log_left(d);
	rc = stage_end(rc != 0 ? console_error(&err) : refused ? 1 : 0);
	deliver_close(d);
	return rc;
}
