/* command_diff.c - two dumps, item by item. */
#include "cli/commands.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/plural.h"
#include "cli/changes.h"
#include "cli/console.h"
#include "cli/environment.h"
#include "cli/options.h"
#include "cli/shards.h"
#include "cli/show.h"
#include "engine/differ.h"
#include "engine/rows.h"
#include "formats/ddbjson.h"
#include "formats/jsonwrite.h"
#include "model/item.h"
#include "model/path.h"

struct printing {
	const struct options *options;
	struct show_style style;
	struct buf text, path;
	struct arena mem;
	bool differ;
};

static int
print(struct printing *p, struct err *err)
{
	if (fwrite(p->text.ptr, 1, p->text.len, stdout) != p->text.len)
		return err_set(err, ERR_SYSTEM, "cannot write what there is to "
			       "show: %m");
	return 0;
}

/* ---- for people ---------------------------------------------------------- */

/* All attributes of an item that is in one dump only. */
static int
put_item(struct printing *p, const struct item *item, bool added,
	 struct err *err)
{
	for (uint32_t i = 0; i < item->map.len; i += 2) {
		const struct value *const name = &item->map.kids[i];
		const struct value *const v = name + 1;

		buf_reset(&p->path);
		if (path_print_name((struct span){ name->text, name->len },
				    &p->path, err) != 0 ||
		    changes_row(&p->style, buf_span(&p->path),
				added ? NULL : v, added ? v : NULL, &p->mem,
				&p->text, err) != 0)
			return -1;
	}
	return 0;
}

static int
put_text(struct printing *p, const struct differ_found *f, struct err *err)
{
	const char mark = "-+~"[f->kind];
	const struct item *const item = (f->was != NULL ? f->was
							: f->is)->item;

	if (buf_printf(&p->text, err, "%s%c%s ", changes_colour(&p->style, mark),
		       mark, changes_plain(&p->style)) != 0)
		return -1;
	if (f->table != NULL &&
	    buf_printf(&p->text, err, "%s  ", f->table) != 0)
		return -1;
	if (changes_key(f->key, item, &p->mem, &p->text, err) != 0 ||
	    buf_printf(&p->text, err, "\n") != 0)
		return -1;
	for (size_t i = 0; i < f->nrows; i++)
		if (changes_row(&p->style, f->rows[i].path, f->rows[i].was,
				f->rows[i].is, &p->mem, &p->text, err) != 0)
			return -1;
	if (f->kind == DIFFER_CHANGED || !p->options->verbose)
		return 0;
	return put_item(p, item, f->kind == DIFFER_ADDED, err);
}

static int
end_text(struct printing *p, const struct differ_sums *s, struct err *err)
{
	const char *const a = s->a != NULL ? s->a : "A";
	const char *const b = s->b != NULL ? s->b : "B";
	const char *const one = s->a != NULL ? s->a : s->b != NULL ? s->b
							  : "items";

	if (s->only_a || s->only_b)
		return buf_printf(&p->text, err, "%s: only in %s\n", one,
				  s->only_a ? "A" : "B");
	if (strcmp(a, b) != 0 && s->a != NULL && s->b != NULL &&
	    buf_printf(&p->text, err, "%s -> %s: ", a, b) != 0)
		return -1;
	if ((strcmp(a, b) == 0 || s->a == NULL || s->b == NULL) &&
	    buf_printf(&p->text, err, "%s: ", one) != 0)
		return -1;
	return buf_printf(&p->text, err, "%" PRIu64 " in A, %" PRIu64 " in B: %"
			  PRIu64 " equal, %" PRIu64 " changed, %" PRIu64
			  " removed, %" PRIu64 " added\n", s->items[0],
			  s->items[1], s->equal, s->changed, s->removed,
			  s->added);
}

/* What is wrong with the dumps themselves. */
static void
warn(const struct differ_sums *s)
{
	const char *const name = s->a != NULL ? s->a : "";

	for (int i = 0; i < 2; i++)
		if (s->twice[i] > 0)
			fprintf(stderr, "dynamill: %s%s%c has %" PRIu64 " item%s"
				" whose key an earlier item has too\n", name,
				*name != '\0' ? ": " : "", 'A' + i,
				s->twice[i], plural(s->twice[i]));
	if (s->bad > 0)
		fprintf(stderr, "dynamill: %s%s%" PRIu64 " line%s could not be "
			"compared\n", name, *name != '\0' ? ": " : "", s->bad,
			plural(s->bad));
}

/* ---- as JSON ------------------------------------------------------------- */

static void
put_name(struct jsonwrite *w, const char *name, const char *text)
{
	jsonwrite_name(w, name);
	if (text != NULL)
		jsonwrite_text(w, text);
	else
		jsonwrite_null(w);
}

static void
put_place(struct jsonwrite *w, const char *name, const struct differ_item *i)
{
	jsonwrite_name(w, name);
	if (i == NULL) {
		jsonwrite_null(w);
		return;
	}
	jsonwrite_map(w);
	put_name(w, "file", i->file);
	jsonwrite_put_uint(w, "line", i->line);
	jsonwrite_end(w);
}

static int
put_changes(struct jsonwrite *w, const struct differ_found *f,
	    struct err *err)
{
	jsonwrite_name(w, "changes");
	jsonwrite_list(w);
	for (size_t i = 0; i < f->nrows; i++) {
		jsonwrite_map(w);
		jsonwrite_name(w, "path");
		jsonwrite_span(w, f->rows[i].path);
		jsonwrite_name(w, "was");
		if (changes_json_value(w, f->rows[i].was, err) != 0)
			return -1;
		jsonwrite_name(w, "is");
		if (changes_json_value(w, f->rows[i].is, err) != 0)
			return -1;
		jsonwrite_end(w);
	}
	jsonwrite_end(w);
	return 0;
}

static int
put_json(struct printing *p, const struct differ_found *f, struct err *err)
{
	static const char *const KINDS[] = { "removed", "added", "changed" };
	const struct item *const item = (f->was != NULL ? f->was
							: f->is)->item;
	struct jsonwrite w;

	jsonwrite_start(&w, &p->text, true, err);
	jsonwrite_map(&w);
	put_name(&w, "kind", KINDS[f->kind]);
	put_name(&w, "table", f->table);
	jsonwrite_name(&w, "key");
	if (changes_json_key(&w, f->key, item, err) != 0)
		return -1;
	put_place(&w, "was", f->was);
	put_place(&w, "is", f->is);
	if (f->kind == DIFFER_CHANGED) {
		if (put_changes(&w, f, err) != 0)
			return -1;
	} else {
		buf_reset(&p->path);
		if (ddbjson_encode_map(&item->map, &p->path, err) != 0)
			return -1;
		jsonwrite_name(&w, "item");
		jsonwrite_raw(&w, buf_span(&p->path));
	}
	jsonwrite_end(&w);
	if (jsonwrite_finish(&w) != 0)
		return -1;
	return buf_append(&p->text, span_of("\n"), err);
}

static int
end_json(struct printing *p, const struct differ_sums *s, struct err *err)
{
	const struct { const char *name; uint64_t n; } counts[] = {
		{ "a", s->items[0] }, { "b", s->items[1] },
		{ "equal", s->equal }, { "changed", s->changed },
		{ "removed", s->removed }, { "added", s->added },
		{ "twiceInA", s->twice[0] }, { "twiceInB", s->twice[1] },
		{ "bad", s->bad },
	};
	struct jsonwrite w;

	jsonwrite_start(&w, &p->text, true, err);
	jsonwrite_map(&w);
	put_name(&w, "kind", "table");
	put_name(&w, "table", s->a != NULL ? s->a : s->b);
	put_name(&w, "tableInB", s->b);
	jsonwrite_name(&w, "only");
	if (s->only_a || s->only_b)
		jsonwrite_text(&w, s->only_a ? "A" : "B");
	else
		jsonwrite_null(&w);
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		jsonwrite_put_uint(&w, counts[i].name, counts[i].n);
	jsonwrite_end(&w);
	if (jsonwrite_finish(&w) != 0)
		return -1;
	return buf_append(&p->text, span_of("\n"), err);
}

/* ---- either -------------------------------------------------------------- */

static int
see(void *context, const struct differ_found *f, struct err *err)
{
	struct printing *const p = context;

	p->differ = true;
	if (p->options->quiet)
		return 0;
	buf_reset(&p->text);
	arena_reset(&p->mem);
	if ((p->options->output == OUTPUT_JSON ? put_json
					       : put_text)(p, f, err) != 0)
		return -1;
	return print(p, err);
}

static int
end(void *context, const struct differ_sums *s, struct err *err)
{
	struct printing *const p = context;

	p->differ |= s->only_a || s->only_b || s->bad > 0;
	warn(s);
	if (p->options->quiet)
		return 0;
	buf_reset(&p->text);
	if ((p->options->output == OUTPUT_JSON ? end_json
					       : end_text)(p, s, err) != 0)
		return -1;
	return print(p, err);
}

static int
tell(void *context, struct span note, struct err *err)
{
	(void)context;
	(void)err;
	fprintf(stderr, "dynamill: %.*s\n", (int)note.len,
		(const char *)note.ptr);
	return 0;
}

static struct dump_options
dump_of(const struct options *o, size_t i)
{
	return (struct dump_options){
		.paths = o->args + i, .npaths = 1,
		.tables = o->tables, .ntables = o->ntables,
		.accept = o->accept, .naccept = o->naccept,
		.definitions = o->tables_from,
		.ndefinitions = o->ntables_from,
	};
}

static int
check(const struct options *o, struct err *err)
{
	if (o->nargs != 2)
		return err_set(err, ERR_USAGE, "two dumps are wanted, not %zu; "
			       "see 'dynamill diff --help'", o->nargs);
	if (o->nkeys > 1)
		return err_set(err, ERR_USAGE, "--key of diff names the key's "
			       "attributes, once: 'id' or 'pk,sk'");
	return 0;
}

int
command_diff(const struct options *o)
{
	struct printing p = {
		.options = o, .style = show_style_of_stdout(o->verbose),
	};
	struct err err = { 0 };
	int status;

	if (check(o, &err) != 0)
		return console_error_anew(&err);
	signal(SIGPIPE, SIG_DFL);	/* as of any diff */

	struct differ_options options = {
		.a = dump_of(o, 0), .b = dump_of(o, 1),
		.key = o->nkeys > 0 ? o->keys[0] : NULL, .ignore = o->ignore,
		.threads = options_threads(o), .memory = o->memory,
		.tmp = environment_tmp(),
		.cancel = &commands_cancel,
		.see = see, .end = end, .tell = tell, .context = &p,
	};
	if ((o->shard == NULL || shards_read(o->shard, &options.shard,
					     &options.nshards, &err) == 0) &&
	    differ_do(&options, &err) == 0) {
		status = p.differ;
	} else {
		fflush(stdout);
		status = console_error_anew(&err);
	}
	buf_free(&p.text);
	buf_free(&p.path);
	arena_free(&p.mem);
	return status;
}
