/* command_backup.c - live tables by Scan into a folder that is a dump. */
#include "cli/commands.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/err.h"
#include "base/plural.h"
#include "cli/answer.h"
#include "cli/console.h"
#include "cli/environment.h"
#include "cli/options.h"
#include "cli/ticker.h"
#include "cli/words.h"
#include "engine/backup.h"

static atomic_ullong told;	/* items, when it was last shown */

/* A line that is written over, on a terminal. */
static void
watch(void *context, const struct backup *b)
{
	const struct options *const o = context;
	struct backup_table t;
	uint64_t items = 0, expected = 0;

	if (!ticker_is_shown(o))
		return;
	for (size_t i = 0; backup_table(b, i, &t); i++) {
		items += t.items;
		expected += t.expected;
	}
	if (items - atomic_load(&told) < 1000)
		return;
	atomic_store(&told, items);
	ticker_say(o, "%" PRIu64 " of about %" PRIu64 " items", items,
		   expected);
}

static void
print_text(const struct backup *b, const char *dir)
{
	struct backup_table t;
	char len[32];

	for (size_t i = 0; backup_table(b, i, &t); i++)
		printf("%s: %" PRIu64 " item%s, %s, %s%s/%s\n", t.name,
		       t.items, plural(t.items), words_bytes(t.len, len),
		       t.was_done ? "there before: " : "", dir, t.name);
}

static int
print_json(const struct backup *b, struct err *err)
{
	struct answer a;
	struct jsonwrite *const w = &a.json;
	struct backup_table t;

	answer_start_tables(&a, err);
	for (size_t i = 0; backup_table(b, i, &t); i++) {
		jsonwrite_map(w);
		jsonwrite_put_text(w, "table", t.name);
		jsonwrite_put_uint(w, "items", t.items);
		jsonwrite_put_uint(w, "bytes", t.len);
		jsonwrite_put_uint(w, "segments", t.segments);
		jsonwrite_put_bool(w, "before", t.was_done);
		jsonwrite_end(w);
	}
	return answer_print(&a);
}

int
command_backup(const struct options *o)
{
	struct err err = { 0 };
	const struct backup_options options = {
		.tables = o->args, .ntables = o->nargs, .dir = o->out,
		.threads = o->threads, .max_rcu = o->max_rcu,
		.consistent = o->consistent, .usual = environment_side(),
		.watch = watch, .context = (void *)(uintptr_t)o,
	};
	struct backup *b;
	int rc;

	if (o->nargs == 0 || o->out == NULL) {
		err_set(&err, ERR_USAGE, o->nargs == 0 ? "which tables?"
			: "where to? give -o DIR");
		return console_failed(&err);
	}
	b = backup_open(&options, &err);
	if (b == NULL)
		return console_failed(&err);
	rc = o->dry_run ? 0 : backup_run(b, &err);
	ticker_end(o);
	if (rc == 0 && o->output == OUTPUT_JSON)
		rc = print_json(b, &err);
	else if (rc == 0 && !o->quiet)
		print_text(b, o->out);
	backup_close(b);
	return rc == 0 ? 0 : console_error(&err);
}
