/* command_validate.c - dumps and jobs held against what they should be. */
#include "cli/commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/plural.h"
#include "cli/console.h"
#include "cli/environment.h"
#include "cli/help.h"
#include "cli/log.h"
#include "cli/options.h"
#include "cli/stage.h"
#include "cli/shards.h"
#include "cli/ticker.h"
#include "cli/validate_print.h"
#include "engine/status.h"
#include "engine/validate.h"
#include "formats/jsonwrite.h"

struct printing {
	const struct options *options;
	struct validate_print print;
	bool ticking;		/* a line says how far it is */
};

/* Write what was printed into the buffer. */
static int
flush(struct printing *p, struct err *err)
{
	struct buf *const text = &p->print.text;

	if (text->len > 0 &&
	    fwrite(text->ptr, 1, text->len, stdout) != text->len)
		return err_set(err, ERR_SYSTEM, "cannot write what there is to "
			       "show: %m");
	buf_reset(text);
	return 0;
}

/*
 * What failed is a problem; with --log-items all of it is told.  A text without
 * a line of a file in front of it may quote an item.
 */
static int
log_it(struct printing *p, const struct validate_check *c, struct err *err)
{
	const char *const file = c->file != NULL ? c->file
		: c->key == NULL ? c->name : NULL;
	const bool quotes = c->key != NULL && c->line == 0;
	char line[40] = "";
	struct jsonwrite *w;
	int rc = 0;

	if (c->line > 0)
		snprintf(line, sizeof(line), ", line %" PRIu64, c->line);
	log_problem(LOG_ERROR, NULL, "%s%s%s%s%s%s%s%s",
		    validate_kind_name(c->kind), c->table != NULL ? "  " : "",
		    c->table != NULL ? c->table : "", file != NULL ? "  " : "",
		    file != NULL ? file : "", line,
		    quotes || *c->text == '\0' ? "" : ": ",
		    quotes ? "" : c->text);
	if (!log_has_items())
		return 0;
	w = log_begin(LOG_ERROR, "failed-check");
	jsonwrite_name(w, "check");
	rc = validate_print_json(&p->print, c, err);
	if (rc == 0)
		jsonwrite_raw(w, (struct span){ p->print.text.ptr,
						p->print.text.len - 1 });
	log_end();
	buf_reset(&p->print.text);
	return rc;
}

static int
see(void *context, const struct validate_check *c, struct err *err)
{
	struct printing *const p = context;

	if (c->kind != VALIDATE_SOUND && p->ticking) {
		ticker_end(p->options);
		p->ticking = false;
	}
	if (c->kind != VALIDATE_SOUND && log_is_open() &&
	    log_it(p, c, err) != 0)
		return -1;
	switch (p->options->output) {
	case OUTPUT_JSON:
		if (validate_print_json(&p->print, c, err) != 0)
			return -1;
		break;
	case OUTPUT_JUNIT:
		return validate_print_junit(&p->print, c, err);
	default:
		if (!p->options->quiet &&
		    validate_print_text(&p->print, c, err) != 0)
			return -1;
	}
	return flush(p, err);
}

/* Within a migration, for who looks at its status. */
static void
watch(void *context, const struct run *run)
{
	(void)context;
	if (stage_is_due())
		console_tables(run);
}

static void
progress(void *context, const struct status_table *list, size_t n)
{
	struct printing *const p = context;
	uint64_t done = 0, all = 0;

	stage_tables(list, n);
	if (!ticker_is_shown(p->options))
		return;
	for (size_t i = 0; i < n; i++) {
		done += list[i].done;
		all += list[i].total;
	}
	ticker_say(p->options, "%" PRIu64 " of %" PRIu64 " item%s compared",
		   done, all, plural(all));
	p->ticking = true;
}

static int
end(struct printing *p, const struct validate_sums *s,
    const struct err *failure, struct err *err)
{
	int rc = 0;

	if (p->options->output == OUTPUT_JUNIT)
		rc = validate_print_junit_end(&p->print, s, failure, err);
	else if (failure == NULL && p->options->output == OUTPUT_JSON)
		rc = validate_print_json_end(&p->print, s, err);
	else if (failure == NULL && !p->options->quiet)
		rc = validate_print_text_end(&p->print, s, err);
	return rc != 0 ? -1 : flush(p, err);
}

static bool
is_yaml(const char *path)
{
	const char *const dot = strrchr(path, '.');

	return dot != NULL && (strcmp(dot, ".yaml") == 0 ||
			       strcmp(dot, ".yml") == 0);
}

static int
check(const struct options *o, struct err *err)
{
	const char *const ways[] = { o->job != NULL ? "--job" : NULL,
				     o->plan != NULL ? "--plan" : NULL,
				     o->against != NULL ? "--against" : NULL };
	const char *way = NULL;

	if (o->live && o->job == NULL)
		return err_set(err, ERR_USAGE, "'validate --live' is of a job: "
			       "say --job DIR");
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		if (way != NULL && ways[i] != NULL)
			return err_set(err, ERR_USAGE, "'%s' and '%s' are two "
				       "ways to validate: one after the other",
				       way, ways[i]);
		way = ways[i] != NULL ? ways[i] : way;
	}
	if (o->job != NULL && (o->nargs > 0 || (o->ntables > 0 && !o->live)))
		return err_set(err, ERR_USAGE, "'validate --job DIR' is about "
			       "all that the job wrote: no dump, no --table");
	if (o->ntables_from > 0 && (o->job != NULL || o->plan != NULL))
		return err_set(err, ERR_USAGE, "'--tables-from' is not for "
			       "'%s': the plan says the keys", way);
	if ((o->limit > 0 || o->stage != NULL || o->strict_ids) &&
	    o->plan == NULL)
		return err_set(err, ERR_USAGE, "'%s' is for --plan",
			       o->limit > 0 ? "--limit" : o->stage != NULL
			       ? "--stage" : "--strict-ids");
	if (o->shard != NULL && (o->live || o->plan != NULL ||
				 o->against != NULL))
		return err_set(err, ERR_USAGE, "--shard is for what is seen "
			       "file by file: a dump by itself, or --job; '%s' "
			       "needs all of it at once", o->live ? "--live" :
			       o->plan != NULL ? "--plan" : "--against");
	if (o->nargs == 0 && o->job == NULL)
		return err_set(err, ERR_USAGE, "which dump? see 'dynamill "
			       "validate --help'");
	if (o->nkeys > 1)
		return err_set(err, ERR_USAGE, "--key of validate names the "
			       "key's attributes, once: 'id' or 'pk,sk'");
	if (o->against == NULL && (o->partial || o->exact || o->nkeys > 0 ||
				   (o->ignore != NULL && !o->live)))
		return err_set(err, ERR_USAGE, "'%s' is for --against",
			       o->partial ? "--partial" : o->exact ? "--exact" :
			       o->nkeys > 0 ? "--key" : "--ignore");
	if (o->against != NULL && is_yaml(o->against) &&
	    (o->partial || o->nkeys > 0))
		return err_set(err, ERR_USAGE, "'%s' is for golden items; a "
			       "YAML file says it item by item", o->partial
			       ? "--partial" : "--key");
	return 0;
}

typedef int way(const struct validate_options *o, struct validate_sums *s,
		struct err *err);

/* No golden items would be found in any dump; only --exact means something. */
static int
by_golden_items(const struct validate_options *o, struct validate_sums *s,
		struct err *err)
{
	if (validate_golden(o, s, err) != 0)
		return -1;
	if (s->checks == 0 && s->failed == 0 && !o->exact)
		return err_set(err, ERR_USAGE, "'%s' has no items, so nothing "
			       "was checked; give golden items, or --exact to "
			       "say that there must be none", o->against);
	return 0;
}

static way *
way_of(const struct options *o)
{
	if (o->job != NULL)
		return o->live ? validate_live : validate_job;
	if (o->plan != NULL)
		return validate_plan;
	if (o->against == NULL)
		return validate_dump;
	return is_yaml(o->against) ? validate_rules : by_golden_items;
}

int
command_validate(const struct options *o)
{
	struct printing p = {
		.options = o,
		.print = { .style = show_style_of_stdout(o->verbose),
			   .verbose = o->verbose },
	};
	struct validate_sums sums = { 0 };
	struct err err = { 0 }, other = { 0 };
	char at[32];
	int status;

	if (check(o, &err) != 0 || options_run_time(o, at, &err) != 0)
		return console_error_anew(&err);

	struct validate_options options = {
		.dump = {
			.paths = o->args, .npaths = o->nargs,
			.tables = o->tables, .ntables = o->ntables,
			.accept = o->accept, .naccept = o->naccept,
			.definitions = o->tables_from,
			.ndefinitions = o->ntables_from,
			.records = o->against == NULL,
		},
		.against = o->against, .key = o->nkeys > 0 ? o->keys[0] : NULL,
		.ignore = o->ignore, .partial = o->partial, .exact = o->exact,
		.threads = options_threads(o), .memory = o->memory,
		.tmp = environment_tmp(),
		.run_time = at, .plan = o->plan,
		.plan_options = options_plan(o), .limit = o->limit,
		.job = o->job, .version = DYNAMILL_VERSION,
		.cancel = &commands_cancel,
		.see = see, .context = &p,
		.watch = watch, .progress = progress,
	};
	console_start(o);	/* its rates begin now */
	int rc = o->shard == NULL ? 0 :
		shards_read(o->shard, &options.shard, &options.nshards, &err);
	if (rc == 0)
		rc = way_of(o)(&options, &sums, &err);

	if (p.ticking)
		ticker_end(o);
	status = rc != 0 ? console_error_anew(&err) : sums.damaged ? 3 :
		 sums.failed > 0;
	if (end(&p, &sums, rc != 0 ? &err : NULL, &other) != 0)
		status = console_error_anew(&other);
	validate_print_free(&p.print);
	return status;
}
