#include "cli/console.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/plural.h"
#include "cli/log.h"
#include "cli/options.h"
#include "cli/stage.h"
#include "cli/words.h"
#include "engine/account.h"
#include "engine/plan.h"
#include "engine/run.h"
#include "engine/status.h"
#include "formats/jsonwrite.h"

enum {
	REDRAW_MS = 200,	/* on a terminal */
	LINE_MS = 5000,		/* elsewhere */
};

/* When a table's first items went by here, and when its last. */
struct pace {
	double start, end;	/* 0: not yet */
	uint64_t packed_before;	/* bytes that earlier runs had done */
};

enum { MAX_PACES = 256 };	/* tables beyond are shown without rates */

static struct {
	bool shown, terminal;
	int lines;		/* drawn, to be drawn over */
	double start, last, logged;
	FILE *told;		/* where the summary goes; NULL: the log alone */
	struct pace paces[MAX_PACES];
} console;

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void
console_start(const struct options *o)
{
	console.shown = !o->quiet && !o->no_progress;
	console.terminal = isatty(STDERR_FILENO) != 0;
	console.start = console.last = console.logged = now();
	/* Those of a pass before this one. */
	memset(console.paces, 0, sizeof(console.paces));
}

/* How long the table at `i` has been under way, or took. */
static double
keep_pace(size_t i, const struct run_progress *p, double t)
{
	if (i >= MAX_PACES)
		return 0;

	struct pace *const pace = &console.paces[i];
	if (p->items == 0)
		pace->packed_before = p->packed_len;
	if (p->items > 0 && pace->start == 0)
		pace->start = t - 0.2 > console.start ? t - 0.2
						      : console.start;
	if (p->packed_len >= p->packed_total && pace->end == 0)
		pace->end = t;
	if (pace->start == 0)
		return 0;
	return (pace->end > 0 ? pace->end : t) - pace->start;
}

/* One table: percentage, items, rates, time left. */
static void
draw_line(size_t i, const struct run_progress *p, double t)
{
	const double seconds = keep_pace(i, p, t);
	const double share = p->packed_total > 0
		? (double)p->packed_len / (double)p->packed_total : 0;
	char items[32], left[32] = "", text[512];

	if (share >= 1) {
		snprintf(left, sizeof(left), "done");
	} else if (i < MAX_PACES && seconds > 0.5) {
		const double done = (double)(p->packed_len -
					     console.paces[i].packed_before);

		if (done > 0)
			snprintf(left, sizeof(left), "%.0f s left",
				 seconds * (double)(p->packed_total -
						    p->packed_len) / done);
	}
	snprintf(text, sizeof(text), "%-20s %5.1f %%  %12s items  %9.0f items/s"
		 "  %7.1f MB/s  %s", p->name, 100 * (share < 1 ? share : 1),
		 words_count(p->items, items),
		 seconds > 0 ? (double)p->items / seconds : 0,
		 seconds > 0 ? (double)p->plain_len / 1e6 / seconds : 0, left);
	fprintf(stderr, "%s%s\n", text, console.terminal ? "\033[K" : "");
}

/* How far the table at `i` is, for who looks from outside. */
static struct status_table
status_of(size_t i, const struct run_progress *p, double t, uint64_t rejected)
{
	const double seconds = keep_pace(i, p, t);
	const double done = i < MAX_PACES ? (double)(p->packed_len -
				console.paces[i].packed_before) : 0;

	return (struct status_table){
		.name = p->name, .done = p->packed_len,
		.total = p->packed_total, .items = p->items, .bad = rejected,
		.rate = seconds > 0 ? (double)p->items / seconds : 0,
		.left = p->packed_len >= p->packed_total ? 0
			: seconds > 0.5 && done > 0
			? seconds * (double)(p->packed_total - p->packed_len) /
			  done : -1,
	};
}

void
console_tables(const struct run *run)
{
	const size_t n = run_plan(run)->ninputs;
	uint64_t *const rejected = calloc(n + 1, sizeof(*rejected));
	struct status_table *const list = calloc(n + 1, sizeof(*list));
	struct run_progress p;
	size_t k = 0;

	if (rejected != NULL && list != NULL) {
		run_count_rejects(run, rejected);
		for (size_t i = 0; run_progress_of(run, i, &p); i++)
			if (p.name != NULL)
				list[k++] = status_of(i, &p, now(),
						      rejected[i]);
		stage_tables(list, k);
	}
	free(rejected);
	free(list);
}

static void
log_progress(const struct run *run)
{
	struct run_progress p;
	uint64_t items = 0, done = 0, total = 0;
	struct jsonwrite *const w = log_begin(LOG_INFO, "progress");

	for (size_t i = 0; run_progress_of(run, i, &p); i++) {
		items += p.items;
		done += p.packed_len;
		total += p.packed_total;
	}
	if (w == NULL)
		return;
	jsonwrite_put_uint(w, "items", items);
	jsonwrite_put_uint(w, "done", done);
	jsonwrite_put_uint(w, "total", total);
	log_end();
}

static void
draw(const struct run *run)
{
	const double t = now();
	struct run_progress p;

	if (console.lines > 0) {
		fprintf(stderr, "\033[%dA", console.lines);
		console.lines = 0;
	}
	for (size_t i = 0; run_progress_of(run, i, &p); i++) {
		if (p.name == NULL)
			continue;
		draw_line(i, &p, t);
		console.lines += console.terminal;
	}
	fflush(stderr);
}

/* At each look, also where nothing is drawn yet: rates begin with the items. */
static void
keep_paces(const struct run *run, double t)
{
	struct run_progress p;

	for (size_t i = 0; run_progress_of(run, i, &p); i++)
		keep_pace(i, &p, t);
}

void
console_watch(void *context, const struct run *run)
{
	const double t = now();
	const bool show = console.shown && (t - console.last) * 1000 >=
		(console.terminal ? REDRAW_MS : LINE_MS);
	const bool note = log_is_open() &&
			  (t - console.logged) * 1000 >= LINE_MS;

	(void)context;
	keep_paces(run, t);
	if (show)
		console.last = t;
	if (note)
		console.logged = t;
	if (show)
		draw(run);
	if (note)
		log_progress(run);
	if (stage_is_due())
		console_tables(run);
}

void
console_stop(const struct run *run)
{
	/* What was drawn last is some moment before the end. */
	if (console.lines > 0)
		draw(run);
	console.lines = 0;
}

/* What is not moved, in the words of the accounting; nothing if nothing. */
static void
print_others(const struct counts *c)
{
	const struct { uint64_t n; const char *word; } others[] = {
		{ c->filtered, "filtered" }, { c->skipped, "skipped" },
		{ c->dropped, "dropped" }, { c->duplicate, "duplicate" },
		{ c->rejected, "rejected" },
	};
	char n[32];

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (others[i].n > 0)
			log_print(console.told, "  %s %s", words_count(others[i].n, n),
			       others[i].word);
}

/* Does it read an increment alone? */
static bool
is_changes(const struct plan *p, uint32_t table)
{
	const uint32_t input = p->tables[table].input;

	return input != PLAN_NONE && p->inputs[input].kind == INPUT_CHANGES;
}

static void
print_table(const struct run *run, uint32_t i)
{
	const struct plan_table *const t = &run_plan(run)->tables[i];
	const struct counts *const c = &run_account(run)->tables[i];
	char read[32], written[32];
	size_t unmade;

	log_print(console.told, "  %-20s -> %-28s %12s read  %12s written", t->name,
	       t->to != NULL ? t->to : t->name, words_count(c->read, read),
	       words_count(c->written, written));
	if (is_changes(run_plan(run), i))
		log_print(console.told, "  %s delete%s", words_count(
			run_account(run)->deleted[i], read),
			plural(run_account(run)->deleted[i]));
	print_others(c);
	if (program_find_unmade(run_program(run), i, &unmade) &&
	    run_account(run)->left[unmade] > 0)
		log_print(console.told, "  %s emitted and skipped", words_count(
			run_account(run)->left[unmade], read));
	log_print(console.told, "\n");
}

/* References of one rule to one table that found nothing. */
static void
print_relation(const struct plan_table *t, const struct plan_rule *rule,
	       const char *to, const struct join_relation_result *rel)
{
	char dangling[32], refs[32];

	if (rel->dangling > 0)
		log_print(console.told, "  dangling: %s.%s -> %s: %s of %s "
			  "reference%s %s nothing\n", t->name, rule->path, to,
			  words_count(rel->dangling, dangling),
			  words_count(rel->refs, refs), plural(rel->refs),
			  rel->dangling == 1 ? "finds" : "find");
}

static void
print_dangling(const struct run *run)
{
	const struct join_relation_result *rel = run_account(run)->
		join.relations;
	const struct plan *const p = run_plan(run);

	for (uint32_t i = 0; rel != NULL && i < p->ntables; i++)
		for (uint32_t k = 0; k < p->tables[i].nrules; k++)
			for (uint32_t to = 0; to < p->ntables; to++)
				print_relation(&p->tables[i],
					       &p->tables[i].rules[k],
					       p->tables[to].name, rel++);
}

/* "  versions of Users: 3 of 1, 2 of 2, 1 without: 6 of 3 now" */
static void
print_version(const struct run *run, uint32_t table,
	      const struct plan_step *step)
{
	const size_t n = step->version.nupgrades;
	const uint64_t *count;
	char text[32];
	size_t at;

	if (!program_find_version(run_program(run), table, step, &at))
		return;
	count = run_account(run)->left + at;
	log_print(console.told, "  versions of %s:",
		  run_plan(run)->tables[table].name);
	for (size_t k = 0; k <= n; k++)
		if (count[VERSION_FIRST + k] > 0)
			log_print(console.told, " %s of %ju,",
				  words_count(count[VERSION_FIRST + k], text),
				  (uintmax_t)(step->version.to - n + k));
	if (count[VERSION_MISSING] > 0)
		log_print(console.told, " %s without,",
			  words_count(count[VERSION_MISSING], text));
	if (count[VERSION_UNKNOWN] > 0)
		log_print(console.told, " %s unknown,",
			  words_count(count[VERSION_UNKNOWN], text));
	log_print(console.told, " now %s of %ju\n",
		  words_count(count[VERSION_REACHED], text),
		  (uintmax_t)step->version.to);
}

static void
print_versions(const struct run *run)
{
	const struct plan *const p = run_plan(run);

	for (uint32_t i = 0; i < p->ntables; i++)
		for (size_t k = 0; k < p->tables[i].npasses; k++) {
			const struct plan_pass *const pass =
				&p->tables[i].passes[k];

			for (size_t s = 0; s < pass->nsteps &&
			     !p->tables[i].skip; s++)
				print_version(run, i, &pass->steps[s]);
		}
}

void
console_versions(const struct run *run)
{
	console.told = stdout;
	print_versions(run);
}

/* Rows of ids.map that are of no item; a misspelt id is one, most often. */
static void
print_maps(const struct run *run)
{
	const struct account *const a = run_account(run);
	char unused[32], rows[32];

	for (uint32_t i = 0; i < a->ntables; i++)
		if (a->maps[i].unused > 0)
			log_print(console.told, "  ids.map: %s: %s of %s row%s "
				  "%s of no item\n",
				  run_plan(run)->tables[i].name,
				  words_count(a->maps[i].unused, unused),
				  words_count(a->maps[i].rows, rows),
				  plural(a->maps[i].rows),
				  a->maps[i].unused == 1 ? "is" : "are");
}

static bool
is_accepted(const struct options *o, const char *name)
{
	for (size_t i = 0; i < o->naccept; i++)
		if (strcmp(o->accept[i], name) == 0)
			return true;
	return false;
}

void
console_warnings(const struct run *run, const struct options *o)
{
	const struct plan *const p = run_plan(run);

	FILE *const to = o->quiet ? NULL : stderr;

	if (run_is_done(run))
		return;
	for (size_t i = 0; i < p->nwarnings; i++) {
		const struct plan_warning *const w = &p->warnings[i];

		if (!is_accepted(o, w->name))
			log_problem(LOG_WARNING, to, "warning: %s:%u:%u: %s "
				    "(--accept %s)", w->place.file,
				    w->place.line, w->place.column, w->text,
				    w->name);
	}
	for (size_t i = 0; i < o->naccept; i++)
		if (!run_has_to_accept(run, o->accept[i]))
			log_problem(LOG_WARNING, to, "warning: --accept %s: "
				    "there is nothing of that name to accept",
				    o->accept[i]);
}

void
console_summary(const struct run *run, const struct options *o)
{
	const struct account *const a = run_account(run);
	const struct plan *const p = run_plan(run);
	const char *const dir = run_job_name(run);
	char n[32], deleted[32], in[16], out[16];
	bool changes = false;

	console.told = o->quiet || o->output != OUTPUT_TEXT ? NULL : stdout;
	log_print(console.told, "%s: %s item%s written\n", p->name,
		  words_count(a->total.written, n),
		  plural(a->total.written));
	for (uint32_t i = 0; i < p->ntables; i++)
		if (!p->tables[i].skip && !p->tables[i].glob) {
			print_table(run, i);
			changes |= is_changes(p, i);
		}
	print_dangling(run);
	print_maps(run);
	print_versions(run);
	if (a->blank_lines > 0)
		log_print(console.told, "  %s blank line%s passed over\n",
			  words_count(a->blank_lines, n),
			  plural(a->blank_lines));
	if (a->superseded > 0 || a->gone > 0)
		log_print(console.told, "  increments: %s items and records "
			  "replaced by later ones, %s deleted\n",
			  words_count(a->superseded, n),
			  words_count(a->gone, deleted));
	if (a->lost > 0)
		log_print(console.told, "  %s value%s went without %s "
			  "type, or not at all (csv: lossy)\n",
			  words_count(a->lost, n), plural(a->lost),
			  a->lost == 1 ? "its" : "their");
	if (a->damaged > 0)
		log_print(console.told, "  %s damaged file%s accepted\n",
			  words_count(a->damaged, n), plural(a->damaged));
	log_print(console.told, "  %s read (%s unpacked), ",
		  words_bytes(a->packed_in, in),
		  words_bytes(a->plain_in, out));
	log_print(console.told, "%s written",
		  words_bytes(a->total_out.packed_len, in));
	if (a->seconds > 0 && a->items_now > 0)
		log_print(console.told, " in %.1f s: %.0f items/s, %.1f MB/s", a->seconds,
			  (double)a->items_now / a->seconds,
			  (double)a->plain_now / 1e6 / a->seconds);
	log_print(console.told, "\n");
	if (a->total.rejected > 0)
		log_print(console.told, "  rejected items and why: %s%srejected/"
			  "\n", dir, dir[strlen(dir) - 1] == '/' ? "" : "/");
	log_print(console.told, "  %s: %s/   report: %s%sreport.json\n",
		  changes ? "deletes and puts to push, not to import"
			  : "import-ready", run_out(run), dir,
		  dir[strlen(dir) - 1] == '/' ? "" : "/");
}

/* The lines of rejected/TABLE.jsonl, each in a record of its own. */
static void
log_rejected_items(const char *job, const char *table)
{
	char path[PATH_MAX], *line = NULL;
	size_t cap = 0;
	ssize_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/rejected/%s.jsonl", job, table);
	f = fopen(path, "re");
	while (f != NULL && (n = getline(&line, &cap, f)) > 1) {
		struct jsonwrite *const w = log_begin(LOG_WARNING,
						      "rejected-item");

		jsonwrite_put_text(w, "table", table);
		jsonwrite_name(w, "rejected");
		jsonwrite_raw(w, (struct span){ (const uint8_t *)line,
						(size_t)n - 1 });
		log_end();
	}
	free(line);
	if (f != NULL)
		fclose(f);
}

void
console_rejects(const struct run *run)
{
	const struct plan *const p = run_plan(run);

	for (uint32_t i = 0; i < p->ntables && log_is_open(); i++) {
		const uint64_t n = run_account(run)->tables[i].rejected;
		struct jsonwrite *w;

		if (n == 0)
			continue;
		w = log_begin(LOG_WARNING, "rejected");
		jsonwrite_put_text(w, "table", p->tables[i].name);
		jsonwrite_put_uint(w, "items", n);
		log_end();
		if (log_has_items())
			log_rejected_items(run_job_dir(run),
					   p->tables[i].name);
	}
}

static const int STATUS[] = {
	[ERR_NONE] = 4, [ERR_USAGE] = 2, [ERR_INPUT] = 3, [ERR_LIMIT] = 3,
	[ERR_SYSTEM] = 4, [ERR_REMOTE] = 4, [ERR_RETRY] = 4,
	[ERR_CANCELLED] = 130, [ERR_REFUSED] = 5,
};

/* Is it an end that a second start may not meet again? */
static bool
passes(enum err_code code)
{
	return code == ERR_SYSTEM || code == ERR_RETRY ||
	       code == ERR_CANCELLED;
}

int
console_status(const struct err *err)
{
	return STATUS[err->code];
}

int
console_failed(const struct err *err)
{
	log_problem(LOG_ERROR, stderr, "%s", err->text);
	stage_failed(err->text);
	return STATUS[err->code];
}

int
console_error(const struct err *err)
{
	console_failed(err);
	if (passes(err->code))
		log_print(stderr, "dynamill: run the same command again: it goes "
			"on where it was\n");
	return STATUS[err->code];
}

int
console_error_once(const struct err *err)
{
	console_failed(err);
	if (passes(err->code))
		log_print(stderr, "dynamill: a job that reads standard input "
			"cannot go on: run it again with all of its input\n");
	return STATUS[err->code];
}

int
console_error_anew(const struct err *err)
{
	return console_failed(err);
}
