/* command_rollback.c - what a job wrote to its tables, undone. */
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
#include "cli/stage.h"
#include "cli/ticker.h"
#include "engine/plan.h"
#include "engine/rollback.h"
#include "engine/status.h"

static time_t began;

/* How far each table is, for who looks from outside. */
static void
tell(const struct rollback *r)
{
	const double seconds = difftime(time(NULL), began);
	size_t n;
	const struct rollback_table *const t = rollback_tables(r, &n);
	struct status_table *const list = calloc(n + 1, sizeof(*list));

	for (size_t i = 0; list != NULL && i < n; i++) {
		const uint64_t total = t[i].restores + t[i].removes +
				       t[i].unkept;
		const uint64_t done = t[i].looked_at < total && !t[i].deleted
			? t[i].looked_at : total;

		list[i] = (struct status_table){
			.name = t[i].name, .done = done, .total = total,
			.items = done, .bad = t[i].changed,
		};
		status_pace(&list[i], done, seconds);
	}
	if (list != NULL)
		stage_tables(list, n);
	free(list);
}

/* A line that is written over, on a terminal. */
static void
watch(void *context, const struct rollback *r)
{
	const struct options *const o = context;
	size_t n;
	const struct rollback_table *const t = rollback_tables(r, &n);
	uint64_t done = 0, all = 0;

	tell(r);
	if (!ticker_is_shown(o))
		return;
	for (size_t i = 0; i < n; i++) {
		done += t[i].looked_at;
		all += t[i].restores + t[i].removes + t[i].unkept;
	}
	ticker_say(o, "%" PRIu64 " of %" PRIu64 " item%s", done, all,
		   plural(all));
}

/* ---- before -------------------------------------------------------------- */

static void
print_intent(const struct rollback_table *t)
{
	if (!t->there) {
		fprintf(stderr, "dynamill: table '%s': there is none; if it is "
			"gone for good, --force forgets what was written to "
			"it\n", t->name);
		return;
	}
	if (t->goes)
		fprintf(stderr, "dynamill: table '%s': the job made it; it "
			"goes, unless others wrote to it\n", t->name);
	fprintf(stderr, "dynamill: table '%s': %s%" PRIu64 " item%s to restore, "
		"%" PRIu64 " to remove, at most\n", t->name,
		t->goes ? "else " : "", t->restores, plural(t->restores),
		t->removes);
	if (t->unkept > 0)
		fprintf(stderr, "dynamill: table '%s': of %" PRIu64 " item%s "
			"nothing was kept (--no-undo); %s, or %s with "
			"--force\n", t->name, t->unkept, plural(t->unkept),
			t->unkept == 1 ? "it stays" : "they stay",
			t->unkept == 1 ? "goes" : "go");
}

static int
ask(const struct options *o, const struct rollback *r, struct err *err)
{
	size_t n;
	const struct rollback_table *const t = rollback_tables(r, &n);
	uint64_t restores = 0, removes = 0, tables = 0;
	char what[400];

	for (size_t i = 0; i < n; i++) {
		if (!o->quiet)
			print_intent(&t[i]);
		tables += t[i].goes;
		restores += t[i].restores;
		removes += t[i].removes;
	}
	if (n == 0)
		return 0;
	snprintf(what, sizeof(what), "undoing what the job wrote to %zu "
		 "table%s at %.150s: %" PRIu64 " table%s deleted, up to %"
		 PRIu64 " item%s restored and %" PRIu64 " removed%s", n,
		 plural(n), rollback_place(r), tables, plural(tables),
		 restores, plural(restores), removes,
		 o->force ? ", also what others changed" : "");
	/* The same name also when some of them are done. */
	return confirm(o, rollback_plan(r), rollback_target(r), what, err);
}

/* ---- the end ------------------------------------------------------------- */

static void
print_text(const struct options *o, const struct rollback *r)
{
	size_t n;
	const struct rollback_table *const t = rollback_tables(r, &n);

	if (n == 0)
		printf("nothing to undo: the job has written to no table, or "
		       "that is undone\n");
	for (size_t i = 0; i < n; i++) {
		if (t[i].deleted || !t[i].there) {
			printf("%s: %s\n", t[i].name, t[i].deleted
			       ? "deleted: the job made it" : o->force
			       ? "it is gone, and forgotten"
			       : "there is no such table; nothing was done");
			continue;
		}
		printf("%s: %" PRIu64 " item%s restored, %" PRIu64 " removed, %"
		       PRIu64 " as before; %" PRIu64 " verified",
		       t[i].name, t[i].restored, plural(t[i].restored),
		       t[i].removed, t[i].already, t[i].verified);
		if (t[i].changed > 0)
			printf("; %" PRIu64 " changed since and left, see "
			       "%s/rollback/%s~changed.jsonl", t[i].changed,
			       o->job, t[i].name);
		printf("\n");
	}
}

static int
print_json(const struct rollback *r, struct err *err)
{
	struct answer a;
	struct jsonwrite *const w = &a.json;
	size_t n;
	const struct rollback_table *const t = rollback_tables(r, &n);

	answer_start_tables(&a, err);
	for (size_t i = 0; i < n; i++) {
		jsonwrite_map(w);
		jsonwrite_put_text(w, "table", t[i].name);
		jsonwrite_put_bool(w, "deleted", t[i].deleted);
		jsonwrite_put_uint(w, "toRestore", t[i].restores);
		jsonwrite_put_uint(w, "toRemove", t[i].removes);
		jsonwrite_put_uint(w, "unkept", t[i].unkept);
		jsonwrite_put_uint(w, "restored", t[i].restored);
		jsonwrite_put_uint(w, "removed", t[i].removed);
		jsonwrite_put_uint(w, "already", t[i].already);
		jsonwrite_put_uint(w, "verified", t[i].verified);
		jsonwrite_put_uint(w, "changedSince", t[i].changed);
		jsonwrite_end(w);
	}
	return answer_print(&a);
}

/* They are told, and so is the log. */
static bool
some_left(const struct rollback *r)
{
	size_t n;
	const struct rollback_table *const t = rollback_tables(r, &n);
	bool some = false;

	for (size_t i = 0; i < n; i++) {
		if (t[i].changed > 0) {
			some = true;
			log_problem(LOG_WARNING, NULL, "table '%s': %" PRIu64
				    " items were changed since, and left",
				    t[i].name, t[i].changed);
		}
	}
	return some;
}

int
command_rollback(const struct options *o)
{
	struct err err = { 0 };
	const struct rollback_options options = {
		.job_dir = o->job, .tables = o->tables, .ntables = o->ntables,
		.max_wcu = o->max_wcu, .force = o->force,
		.keep_tables = o->keep_tables, .look_only = o->dry_run,
		.threads = options_threads(o), .memory = o->memory,
		.tmp = environment_tmp(),
		.cancel = &commands_cancel, .usual = environment_side(),
		.variable = environment_variable, .watch = watch,
		.context = (void *)(uintptr_t)o,
	};
	struct rollback *r;
	bool left;
	int rc;

	if (o->job == NULL) {
		err_set(&err, ERR_USAGE, "which job? give --job DIR");
		return console_failed(&err);
	}
	r = rollback_open(&options, &err);
	if (r == NULL)
		return console_failed(&err);
	rc = ask(o, r, &err);
	began = time(NULL);
	if (rc == 0 && !o->dry_run) {
		stage_begin(o, "rollback", o->job);
		tell(r);
		rc = rollback_run(r, &err);
		tell(r);
	}
	ticker_end(o);
	if (rc == 0 && o->output == OUTPUT_JSON)
		rc = print_json(r, &err);
	else if (rc == 0 && !o->quiet && !o->dry_run)
		print_text(o, r);
	left = some_left(r);
	rc = stage_end(rc != 0 ? console_error(&err) : left ? 1 : 0);
	rollback_close(r);
	return rc;
}
