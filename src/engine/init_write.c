/*
 * init_write.c - the plan as text: what was found, and in comments why.
 *
 * Nothing in it depends on the clock or the machine, so that two runs over the
 * same exports can be compared.
 */
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/plural.h"
#include "engine/discover_judge.h"
#include "engine/init_internal.h"

struct page {
	const struct init *in;
	struct buf *out;
	struct err *err;
};

static const char NEW[] = "new";	/* the target environment, for a start */

/* Errors stick: memory is all that can be refused. */
static void
say(struct page *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void
say(struct page *p, const char *fmt, ...)
{
	char *text = NULL;
	va_list args;
	int n;

	if (p->err->code != ERR_NONE)
		return;
	va_start(args, fmt);
	n = vasprintf(&text, fmt, args);
	va_end(args);
	if (n < 0)
		err_set(p->err, ERR_SYSTEM, "out of memory");
	else
		buf_append(p->out, (struct span){ (uint8_t *)text, (size_t)n },
			   p->err);
	free(n < 0 ? NULL : text);
}

static void
say_yaml(struct page *p, const char *text)
{
	if (p->err->code == ERR_NONE)
		print_yaml(span_of(text), p->out, p->err);
}

/* In a comment a line must stay one. */
static void
say_comment(struct page *p, const char *text)
{
	for (; *text != '\0'; text++)
		say(p, "%c", (unsigned char)*text < 0x20 ? ' ' : *text);
}

/* ---- the head ------------------------------------------------------------ */

/*
 * Paths in a plan begin at its folder: where that is not here, the whole path
 * is said.
 */
static void
say_path(struct page *p, const char *path)
{
	const char *const plan = p->in->options->plan_path;
	char here[PATH_MAX];
	char *whole = NULL;

	if (plan == NULL || strchr(plan, '/') == NULL || path[0] == '/' ||
	    (strncmp(plan, "./", 2) == 0 && strchr(plan + 2, '/') == NULL)) {
		say_yaml(p, path);
		return;
	}
	if (getcwd(here, sizeof(here)) == NULL ||
	    asprintf(&whole, "%s/%s", here, path) < 0) {
		if (p->err->code == ERR_NONE)
			err_set(p->err, ERR_SYSTEM, "the working folder has no "
				"name: %m");
		return;
	}
	say_yaml(p, whole);
	free(whole);
}

/* "plan.yaml" is plan: it names the job. */
static void
say_name(struct page *p)
{
	const char *const path = p->in->options->plan_path;
	const char *const slash = path != NULL ? strrchr(path, '/') : NULL;
	const char *const name = path == NULL ? "starter"
			       : slash != NULL ? slash + 1 : path;
	const char *const dot = strrchr(name, '.');
	char text[200];

	snprintf(text, sizeof(text), "%.*s", dot != NULL && dot > name
		 ? (int)(dot - name < 190 ? dot - name : 190) : 190, name);
	say(p, "name: ");
	say_yaml(p, text);
	say(p, "\n");
}

static void
say_exports(struct page *p)
{
	const struct init *const in = p->in;
	const struct init_options *const o = in->options;

	say(p, "source:\n");
	if (in->environment != NULL) {
		say(p, "  environment: ");
		say_yaml(p, in->environment);
		say(p, "    # {source} in the names below\n");
	}
	say(p, "  exports:\n");
	for (size_t i = 0; i < o->ndumps; i++) {
		const char *table = NULL;

		for (size_t k = 0; k < in->exports.n; k++)
			if (in->exports.list[k].entry == i &&
			    in->tables[in->table_of[k]].plain)
				table = in->tables[in->table_of[k]].name;
		say(p, table != NULL ? "    - {path: " : "    - ");
		say_path(p, o->dumps[i]);
		if (table != NULL) {
			say(p, ", table: ");
			say_yaml(p, table);
			say(p, "}    # no manifest says its table");
		}
		say(p, "\n");
	}
}

static void
say_head(struct page *p)
{
	const struct init *const in = p->in;
	const struct init_options *const o = in->options;

	say(p, "# A plan to start with, as found in the exports. It runs as it "
	    "stands:\n"
	    "#\n"
	    "#	dynamill check PLAN    how it is understood\n"
	    "#	dynamill run PLAN      what it says, done\n"
	    "#\n"
	    "# Every item is moved; ids of tables with `id` become new ones, "
	    "and\n"
	    "# references to them follow. docs/PLAN.md has all that can be "
	    "said.\n"
	    "dynamill: 1\n");
	say_name(p);
	say(p, "\n");
	say_exports(p);
	say(p, "\ntarget:\n  environment: %s    # change it: it is in every new "
	    "id, and {target} below\n\n", NEW);
	say(p, "# ImportTable makes new tables only, so their names must "
	    "differ.\n");
	say(p, in->environment != NULL
	    ? "names: {from: \"{table}-{source}%s\", to: \"{table}-{target}%s\"}"
	      "\n" : "names: {to: \"{table}-{target}\"}\n", in->rest,
	    in->rest);
	if (o->ntables_from > 0)
		say(p, "\ncreate:\n");
	for (size_t i = 0; i < o->ntables_from; i++) {
		say(p, "  - ");
		say_path(p, o->tables_from[i]);
		say(p, "\n");
	}
}

/* ---- a table ------------------------------------------------------------- */

static void
say_attr(struct page *p, const struct init_attr *a)
{
	say_yaml(p, a->name);
	say(p, ": %s", value_type_name(a->type));
}

/* How the key is known. */
static void
explain_key(struct page *p, const struct init_table *t)
{
	const struct init_key *const k = t->key;
	const uint64_t n = t->items;
	char count[32];

	if (k->given) {
		say(p, "  # key: as %s has it\n", t->def->file);
		return;
	}
	say(p, "  # key: in each of the %s item%s, and no two %s",
	    print_count(n, count), plural(n), k->sk.name != NULL ? "pairs are alike"
						  : "are alike");
	if (!sketch_is_whole(&k->seen))
		say(p, " of the %s that were kept to compare",
		    print_count(k->seen.n, count));
	say(p, "\n");
	if (k->sk.name == NULL && n == 1)
		say(p, "  # (one item does not prove much)\n");
}

static void
explain_id(struct page *p, const struct init_table *t, bool is_referred_to)
{
	if (t->has_id && is_referred_to)
		say(p, "  # id: other values are ids of this table\n");
	else if (t->has_id)
		say(p, "  # id: by its name\n");
	else if (t->root != DISCOVER_NONE)
		say(p, "  # its keys are ids of %s\n",
		    p->in->tables[t->root].name);
	else
		say(p, "  # no id: the key stays as it is%s\n",
		    t->composite ? "; it is put together of parts" : "");
}

static void
say_references(struct page *p, uint32_t table)
{
	const struct discover_result *const r = &p->in->found;
	bool any = false;

	for (size_t i = 0; i < r->nfound; i++) {
		const struct discover_found *const f = &r->found[i];
		const struct discover_found *const before =
			i > 0 ? &r->found[i - 1] : NULL;

		if (f->table != table)
			continue;
		if (!any)
			say(p, "    references:\n");
		any = true;
		/* All that was found at a path is one line. */
		if (before == NULL || before->table != table ||
		    strcmp(before->path, f->path) != 0)
			say(p, "      %s    # ", f->line);
		else
			say(p, "; ");
		if (p->err->code == ERR_NONE)
			discover_print_counts(f, p->out, p->err);
		if (i + 1 == r->nfound || r->found[i + 1].table != table ||
		    strcmp(r->found[i + 1].path, f->path) != 0)
			say(p, "\n");
	}
}

static void
say_no_key(struct page *p, const struct init_table *t)
{
	say(p, "  ");
	say_yaml(p, t->name);
	say(p, t->items == 0
	    ? ": skip    # it has no items, so nothing says its key: see "
	      "--tables-from\n"
	    : ": skip    # no key was found: see --tables-from\n");
}

static void
say_table(struct page *p, uint32_t table)
{
	const struct init_table *const t = &p->in->tables[table];
	const struct discover_result *const r = &p->in->found;
	bool is_referred_to = false;

	say(p, "\n");
	for (size_t i = 0; i < r->nnotes; i++)
		if (r->notes[i].table == table) {
			say(p, "  # note: ");
			say_comment(p, r->notes[i].text);
			say(p, "\n");
		}
	if (t->rejects > 0)
		say(p, "  # %" PRIu64 " line%s could not be read: run puts "
		    "such into rejected/\n", t->rejects, plural(t->rejects));
	if (t->nincrements > 0)
		say(p, "  # and %u increment%s, put onto it: items are as they "
		    "were at the end\n", t->nincrements,
		    plural(t->nincrements));
	if (t->key == NULL) {
		say_no_key(p, t);
		return;
	}
	for (size_t i = 0; i < r->nfound; i++)
		is_referred_to = is_referred_to || r->found[i].to == table;
	explain_key(p, t);
	explain_id(p, t, is_referred_to);
	say(p, "  ");
	say_yaml(p, t->name);
	say(p, ":\n    key: {");
	say_attr(p, &t->key->pk);
	if (t->key->sk.name != NULL) {
		say(p, ", ");
		say_attr(p, &t->key->sk);
	}
	say(p, "}\n");
	if (t->has_id) {
		say(p, "    id: ");
		say_yaml(p, t->pk_path);
		say(p, "\n");
	}
	say_references(p, table);
}

int
init_write(const struct init *in, struct buf *out, struct err *err)
{
	struct page p = { in, out, err };

	err->code = ERR_NONE;
	say_head(&p);
	say(&p, "\ntables:");
	if (in->ntables == 0)
		say(&p, " {}\n");
	for (uint32_t i = 0; i < in->ntables; i++)
		say_table(&p, i);
	return err->code == ERR_NONE ? 0 : -1;
}
