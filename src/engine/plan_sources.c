/* plan_sources.c - where items come from, and the texts that have no types. */
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/plan_internal.h"
#include "formats/formats.h"

enum {
	MAX_COLUMNS = 255,	/* API CsvOptions */
};

/* ---- types, delimiters, columns ------------------------------------------ */

static int
read_types(struct plan *p, const struct tree *t, struct plan_source *s,
	   struct err *err)
{
	static const char *const words[] = {
		"S", "N", "B", "BOOL", "M", "L", "SS", "NS", "BS", NULL,
	};
	static const enum value_type types[] = {
		VALUE_S, VALUE_N, VALUE_B, VALUE_BOOL, VALUE_M, VALUE_L,
		VALUE_SS, VALUE_NS, VALUE_BS,
	};
	struct item_rule_type *list;
	unsigned word;

	if (t->kind != TREE_MAP)
		return tree_err(t, err, "'types' must be a map, path: TYPE, "
				"not %s", tree_kind_name(t));
	list = plan_take(p, t->nkids / 2, sizeof(*list), err);
	if (list == NULL)
		return -1;
	for (uint32_t i = 0; i < t->nkids; i += 2) {
		struct path path;

		if (plan_path(p, &t->kids[i], "types", true, &path, err) != 0 ||
		    plan_read_word(&t->kids[i + 1], "types", words, &word,
				   err) != 0)
			return -1;
		list[i / 2] = (struct item_rule_type){
			.path = t->kids[i].text, .type = (uint8_t)types[word],
		};
	}
	s->types = list;
	s->ntypes = t->nkids / 2;
	return 0;
}

static int
read_delimiter(const struct tree *t, uint8_t *out, struct err *err)
{
	static const struct { const char *word; uint8_t c; } known[] = {
		{ ",", ',' }, { "\t", '\t' }, { "tab", '\t' }, { "|", '|' },
		{ ";", ';' }, { ":", ':' }, { " ", ' ' }, { "space", ' ' },
	};
	const char *text;

	if (plan_read_text(t, "delimiter", &text, err) != 0)
		return -1;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(known[i].word, text) == 0) {
			*out = known[i].c;
			return 0;
		}
	return tree_err(t, err, "'delimiter' cannot be '%s'; an import takes "
			"\",\", tab, \"|\", \";\", \":\" or space", text);
}

static int
check_column(const struct tree *t, const struct span *before, uint32_t n,
	     struct err *err)
{
	for (size_t i = 0; i < t->text.len; i++) {
		const uint8_t c = t->text.ptr[i];

		if (c < 0x20 || c > 0x7E || c == '"' || c == ',')
			return tree_err(t, err, "column '%s': an import takes "
					"no name with a comma, a quote, or "
					"what is not ASCII", t->text.ptr);
	}
	for (uint32_t i = 0; i < n; i++)
		if (span_equal(before[i], t->text))
			return tree_err(t, err, "column '%s' stands twice",
					t->text.ptr);
	return 0;
}

static int
read_columns(struct plan *p, const struct tree *t, const struct span **out,
	     size_t *n, struct err *err)
{
	struct span *list;
	const char *text;

	if (t->kind != TREE_LIST || t->nkids == 0)
		return tree_err(t, err, "'columns' must be a list of names");
	if (t->nkids > MAX_COLUMNS)
		return tree_err(t, err, "an import takes up to 255 columns, "
				"not %u", t->nkids);
	list = plan_take(p, t->nkids, sizeof(*list), err);
	if (list == NULL)
		return -1;
	for (uint32_t i = 0; i < t->nkids; i++) {
		if (plan_read_text(&t->kids[i], "columns", &text, err) != 0 ||
		    check_column(&t->kids[i], list, i, err) != 0)
			return -1;
		list[i] = t->kids[i].text;
	}
	*out = list;
	*n = t->nkids;
	return 0;
}

/* ---- the sources --------------------------------------------------------- */

static bool
is_remote(const char *path)
{
	return strcmp(path, "-") == 0 || strncmp(path, "s3://", 5) == 0 ||
	       strncmp(path, "dynamodb://", 11) == 0;
}

/* As it stands, or as a pattern. */
static bool
is_there(const char *path)
{
	glob_t found = { 0 };

	if (access(path, F_OK) == 0)
		return true;
	if (strpbrk(path, "*?[") == NULL)
		return false;
	const bool any = glob(path, GLOB_NOSORT, NULL, &found) == 0;
	globfree(&found);
	return any;
}

/* What only some formats have use for. */
static int
read_rules(struct plan *p, const struct tree *t, struct plan_source *s,
	   struct err *err)
{
	const struct tree *const types = tree_get(t, "types");
	const struct tree *const delimiter = tree_get(t, "delimiter");
	const struct tree *const columns = tree_get(t, "columns");
	const struct tree *const csv = delimiter != NULL ? delimiter : columns;
	const char *const format = s->format;

	if (types != NULL && format != NULL && strcmp(format, "json") != 0 &&
	    strcmp(format, "scan") != 0 && strcmp(format, "csv") != 0)
		return tree_err(types, err, "%s says the types itself; 'types'"
				" is for json, scan and csv", format);
	if (csv != NULL && (format == NULL || strcmp(format, "csv") != 0))
		return tree_err(csv, err, "this is for CSV; say 'format: csv' "
				"as well");
	if ((types != NULL && read_types(p, types, s, err) != 0) ||
	    (delimiter != NULL &&
	     read_delimiter(delimiter, &s->delimiter, err) != 0))
		return -1;
	return columns == NULL ? 0 :
		read_columns(p, columns, &s->columns, &s->ncolumns, err);
}

static int
read_source(struct plan *p, const struct plan_part *part, const struct tree *t,
	    struct plan_source *s, struct err *err)
{
	static const char *const known[] = {
		"path", "table", "format", "types", "delimiter", "columns",
		NULL,
	};
	static const char *const formats[] = {
		"dynamodb-json", "typed-json", "scan", "json", "ion", "csv",
		"batch-requests", NULL,
	};
	const struct tree *const format = tree_get(t, "format");
	const struct tree *const table = tree_get(t, "table");
	const struct tree *path = t;
	unsigned word;

	if (t->kind == TREE_MAP) {
		if (plan_check_map(t, "an export", known, err) != 0)
			return -1;
		path = tree_get(t, "path");
		if (path == NULL)
			return tree_err(t, err, "an export needs its 'path'");
	}
	s->place = plan_place_of(t);
	if (plan_read_text(path, "exports", &s->path, err) != 0 ||
	    plan_text_field(t, "table", &s->table, err) != 0)
		return -1;
	if (format != NULL) {
		if (plan_read_word(format, "format", formats, &word, err) != 0)
			return -1;
		s->format = formats[word];
	}
	if (t->kind == TREE_MAP && read_rules(p, t, s, err) != 0)
		return -1;
	s->remote = is_remote(s->path);
	s->full = s->remote ? s->path : plan_join(p, part->folder, s->path,
						  err);
	if (s->full == NULL)
		return -1;
	s->absent = !s->remote && !is_there(s->full);
	return table == NULL ? 0 : plan_check_source(p, table, err);
}

/* What the command line names takes the place of the plan's own. */
static int
take_dumps(struct plan *p, const struct plan_options *o, struct err *err)
{
	p->sources = plan_take(p, o->ndumps, sizeof(*p->sources), err);
	if (p->sources == NULL)
		return -1;
	for (size_t i = 0; i < o->ndumps; i++)
		p->sources[i] = (struct plan_source){
			.path = o->dumps[i], .full = o->dumps[i],
			.remote = is_remote(o->dumps[i]),
			.place = { .file = p->parts->parts[0].path },
		};
	p->nsources = o->ndumps;
	return 0;
}

/* Once the tables are read, since entries name them. */
int
plan_read_sources(struct plan *p, const struct plan_part *part,
		  struct err *err)
{
	const struct tree *const source = tree_get(part->root, "source");
	const struct tree *const t = source == NULL ? NULL :
		tree_get(source, "exports");

	if (p->parts->options.ndumps > 0)
		return take_dumps(p, &p->parts->options, err);
	if (t == NULL)
		return 0;
	if (t->kind != TREE_LIST)
		return tree_err(t, err, "'exports' must be a list, not %s",
				tree_kind_name(t));
	p->sources = plan_take(p, t->nkids, sizeof(*p->sources), err);
	if (p->sources == NULL)
		return -1;
	for (uint32_t i = 0; i < t->nkids; i++)
		if (read_source(p, part, &t->kids[i], &p->sources[i], err) != 0)
			return -1;
	p->nsources = t->nkids;
	return 0;
}

/* ---- CSV to be written --------------------------------------------------- */

static int
read_table_columns(struct plan *p, const struct tree *t, struct err *err)
{
	const bool many = t->kind == TREE_MAP;
	const uint32_t n = many ? t->nkids / 2 : 1;
	struct plan_columns *const list = plan_take(p, n, sizeof(*list), err);

	if (list == NULL)
		return -1;
	for (uint32_t i = 0; i < n; i++) {
		if (many)
			list[i].table = (const char *)t->kids[2 * i].text.ptr;
		if (read_columns(p, many ? &t->kids[2 * i + 1] : t,
				 &list[i].names, &list[i].n, err) != 0)
			return -1;
	}
	p->csv.columns = list;
	p->csv.ncolumns = n;
	return 0;
}

int
plan_read_csv(struct plan *p, const struct tree *t, struct err *err)
{
	static const char *const known[] = {
		"columns", "delimiter", "header", "lossy", NULL,
	};
	const struct tree *const delimiter = tree_get(t, "delimiter");
	const struct tree *const columns = tree_get(t, "columns");
	bool header = !p->csv.no_header;

	if (plan_check_map(t, "'csv'", known, err) != 0 ||
	    plan_bool_field(t, "header", &header, err) != 0 ||
	    plan_bool_field(t, "lossy", &p->csv.lossy, err) != 0)
		return -1;
	p->csv.no_header = !header;
	p->csv.place = plan_place_of(t);
	if (delimiter != NULL &&
	    read_delimiter(delimiter, &p->csv.delimiter, err) != 0)
		return -1;
	return columns == NULL ? 0 : read_table_columns(p, columns, err);
}

const struct plan_columns *
plan_columns_of(const struct plan *p, const char *table)
{
	for (size_t i = 0; i < p->csv.ncolumns; i++)
		if (p->csv.columns[i].table == NULL ||
		    strcmp(p->csv.columns[i].table, table) == 0)
			return &p->csv.columns[i];
	return NULL;
}

static bool
has_column(const struct plan_columns *c, const char *name)
{
	for (size_t i = 0; i < c->n; i++)
		if (span_is(c->names[i], name))
			return true;
	return false;
}

/* Do they name tables of the plan? */
static int
check_tables(const struct plan *p, struct err *err)
{
	for (size_t i = 0; i < p->csv.ncolumns; i++) {
		const char *const name = p->csv.columns[i].table;
		bool known = name == NULL;

		for (size_t k = 0; k < p->parts->nparts; k++)
			known |= !known && plan_entry_for(
				&p->parts->parts[k], name) != NULL;
		if (!known)
			return err_set(err, ERR_USAGE, "%s:%u:%u: 'columns' "
				       "are said of '%s', and the plan has no "
				       "such table", p->csv.place.file,
				       p->csv.place.line, p->csv.place.column,
				       name);
	}
	return 0;
}

int
plan_check_columns(const struct plan *p, struct err *err)
{
	if (check_tables(p, err) != 0)
		return -1;
	for (size_t i = 0; i < p->ntables && p->format == PLAN_CSV; i++) {
		const struct plan_table *const t = &p->tables[i];
		const struct plan_columns *const c = plan_columns_of(p,
								     t->name);
		const char *missing = NULL;

		if (t->skip || t->glob)
			continue;
		if (c == NULL)
			return err_set(err, ERR_USAGE, "%s:%u:%u: the CSV of "
				       "'%s' needs its columns: add 'csv: "
				       "{columns: {%s: [%s, ...]}}' to "
				       "'target'", t->place.file, t->place.line,
				       t->place.column, t->name, t->name,
				       t->key.pk.name);
		if (t->key.sk.name != NULL && !has_column(c, t->key.sk.name))
			missing = t->key.sk.name;
		if (t->key.pk.name != NULL && !has_column(c, t->key.pk.name))
			missing = t->key.pk.name;
		if (missing != NULL)
			return err_set(err, ERR_USAGE, "%s:%u:%u: key "
				       "attribute '%s' of '%s' is not among "
				       "its columns", p->csv.place.file,
				       p->csv.place.line, p->csv.place.column,
				       missing, t->name);
	}
	return 0;
}
