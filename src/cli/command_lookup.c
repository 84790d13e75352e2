/* command_lookup.c - which new id an id was given, and back. */
#include "cli/commands.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/plural.h"
#include "cli/console.h"
#include "cli/lookup_print.h"
#include "cli/options.h"
#include "engine/lookup.h"

/* Ids that wait to be looked up together. */
struct asked {
	const struct options *options;
	struct lookup *lookup;
	struct span ids[LOOKUP_AT_ONCE];
	struct buf texts;		/* of those that came by a line */
	size_t n;
	bool missed;			/* one of them is not there */
	struct err *err;
};

static const char *
variable(void *context, const char *name)
{
	(void)context;
	return getenv(name);
}

static int
cancelled(struct err *err)
{
	return !atomic_load(&commands_cancel) ? 0 :
		err_set(err, ERR_CANCELLED, "interrupted");
}

/* Look up and print what waits. */
static int
answer(struct asked *a)
{
	struct lookup_answer answers[LOOKUP_AT_ONCE];

	if (cancelled(a->err) != 0 ||
	    lookup_ids(a->lookup, a->ids, a->n, answers, a->err) != 0)
		return -1;
	if (a->options->item &&
	    lookup_items(a->lookup, answers, a->n, a->err) != 0)
		return -1;
	for (size_t i = 0; i < a->n; i++) {
		a->missed |= answers[i].first == NULL;
		if (lookup_print(a->ids[i], &answers[i], a->options, a->err)
		    != 0)
			return -1;
	}
	a->n = 0;
	return 0;
}

static int
ask(struct asked *a, struct span id)
{
	a->ids[a->n++] = id;
	return a->n == LOOKUP_AT_ONCE ? answer(a) : 0;
}

/* Lines of standard input.  What came before is answered first. */
static int
ask_lines(struct asked *a)
{
	size_t starts[LOOKUP_AT_ONCE], lens[LOOKUP_AT_ONCE], n = 0;
	char *line = NULL;
	size_t cap = 0;
	ssize_t len;
	int rc = a->n > 0 ? answer(a) : 0;

	while (rc == 0) {
		len = getline(&line, &cap, stdin);
		while (len > 0 && (line[len - 1] == '\n' ||
				   line[len - 1] == '\r'))
			len--;
		if (len > 0) {
			starts[n] = a->texts.len;
			lens[n++] = (size_t)len;
			rc = buf_append(&a->texts, (struct span){
				(const uint8_t *)line, (size_t)len }, a->err);
		}
		if (rc != 0 || (len >= 0 && n < LOOKUP_AT_ONCE))
			continue;
		for (size_t i = 0; i < n; i++)
			a->ids[i] = (struct span){ a->texts.ptr + starts[i],
						   lens[i] };
		a->n = n;
		rc = n > 0 ? answer(a) : 0;
		n = 0;
		buf_reset(&a->texts);
		if (len < 0)
			break;
	}
	free(line);
	if (rc == 0 && ferror(stdin))
		rc = err_set(a->err, ERR_SYSTEM, "standard input: %m");
	return rc;
}

static int
ask_all(struct asked *a)
{
	const struct options *const o = a->options;

	for (size_t i = 0; i < o->nargs; i++)
		if ((strcmp(o->args[i], "-") == 0 ? ask_lines(a)
		     : ask(a, span_of(o->args[i]))) != 0)
			return -1;
	return a->n > 0 ? answer(a) : 0;
}

/* ---- the whole mapping --------------------------------------------------- */

static int
print_row(void *context, const struct lookup_found *f, struct err *err)
{
	const struct options *const *const o = context;

	return cancelled(err) != 0 ? -1 : lookup_print_row(f, *o, err);
}

/* Returns the exit status. */
static int
print_all(struct lookup *l, const struct options *o)
{
	struct err err = { 0 };
	uint64_t left_out;

	lookup_print_start(o);
	if (lookup_all(l, print_row, &o, &left_out, &err) != 0)
		return console_failed(&err);
	if (left_out == 0)
		return 0;
	fprintf(stderr, "dynamill: %llu id%s left out: longer than what the "
		"index keeps of one\n", (unsigned long long)left_out,
		plural(left_out));
	return 1;
}

/* ---- the command --------------------------------------------------------- */

static int
check_options(const struct options *o, struct err *err)
{
	if (o->job == NULL)
		return err_set(err, ERR_USAGE, "which job? give --job DIR");
	if (o->all && (o->nargs > 0 || o->item))
		return err_set(err, ERR_USAGE, "--all is every id: it takes "
			       "no ID and no --item");
	if (!o->all && o->nargs == 0)
		return err_set(err, ERR_USAGE, "which id? see 'dynamill "
			       "lookup --help'");
	return 0;
}

/* Say what cannot be told, before it is missed. */
static void
warn(const struct lookup *l)
{
	const struct err *const blind = lookup_blind(l);
	const struct err *const lost = lookup_lost(l);

	if (blind != NULL)
		fprintf(stderr, "dynamill: only new ids can be looked up: %s\n",
			blind->text);
	if (lost != NULL && (blind == NULL ||
			     strcmp(blind->text, lost->text) != 0))
		fprintf(stderr, "dynamill: files are told by number: %s\n",
			lost->text);
}

int
command_lookup(const struct options *o)
{
	struct err err = { 0 };
	struct asked a = { .options = o, .err = &err };
	const struct lookup_options options = {
		.job_dir = o->job, .variable = variable,
		.only = o->tables, .nonly = o->ntables, .type = o->type,
	};
	int status = 0;

	/* Whoever reads may stop when he has seen enough, as of cat. */
	signal(SIGPIPE, SIG_DFL);
	if (check_options(o, &err) == 0)
		a.lookup = lookup_open(&options, &err);
	if (a.lookup == NULL)
		return console_failed(&err);
	if (o->all) {
		status = print_all(a.lookup, o);
		goto done;
	}
	warn(a.lookup);
	lookup_print_start(o);
	if (ask_all(&a) != 0)
		status = console_failed(&err);
	else if (a.missed)
		status = 1;
done:
	buf_free(&a.texts);
	lookup_close(a.lookup);
	return status;
}
