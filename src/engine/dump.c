#include "engine/dump.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "engine/divide.h"
#include "engine/increments.h"
#include "engine/place.h"
#include "engine/rules.h"
#include "engine/tabledef.h"
#include "formats/csv.h"
#include "formats/formats.h"

/* ---- definitions --------------------------------------------------------- */

static const struct tabledef *
definition_of(const struct dump *d, const char *name)
{
	for (size_t i = 0; name != NULL && i < d->ndefinitions; i++)
		if (strcmp(d->definitions[i].name, name) == 0)
			return &d->definitions[i];
	return NULL;
}

static int
read_glob(const char *pattern, struct arena *mem, struct buf *list,
	  struct err *err)
{
	glob_t found = { 0 };
	int rc = 0;

	if (glob(pattern, GLOB_NOCHECK, NULL, &found) != 0)
		return err_set(err, ERR_SYSTEM, "'%s': cannot be listed",
			       pattern);
	for (size_t i = 0; i < found.gl_pathc && rc == 0; i++) {
		struct tabledef def;

		rc = tabledef_read(found.gl_pathv[i], mem, &def, err);
		if (rc == 0)
			rc = buf_append(list, (struct span){
				(const uint8_t *)&def, sizeof(def) }, err);
		else
			err->code = ERR_USAGE;
	}
	globfree(&found);
	return rc;
}

static int
read_definitions(struct dump *d, const struct dump_options *o,
		 struct err *err)
{
	struct arena *const mem = &d->exports.mem;
	struct buf list = { 0 };
	int rc = 0;

	for (size_t i = 0; i < o->ndefinitions && rc == 0; i++)
		rc = read_glob(o->definitions[i], mem, &list, err);
	d->ndefinitions = list.len / sizeof(*d->definitions);
	d->definitions = arena_take(mem, list.len + 1, err);
	if (d->definitions == NULL)
		rc = -1;
	else if (rc == 0 && list.len > 0)
		memcpy(d->definitions, list.ptr, list.len);
	buf_free(&list);
	return rc;
}

/* The table.json that a job puts beside an export's manifests. */
static int
read_beside(struct dump *d, const struct export *e, struct dump_table *t,
	    struct err *err)
{
	struct tabledef def;
	char path[4096];
	int rc = 0;

	if (e->kind == EXPORT_PLAIN ||
	    snprintf(path, sizeof(path), "%s/table.json", e->path) >=
	    (int)sizeof(path))
		return 0;
	rc = place_look(path, err);
	if (rc <= 0)
		return rc;
	rc = tabledef_read(path, &d->exports.mem, &def, err);
	if (rc == 0)
		t->key = def.key;
	return rc;
}

/* ---- tables and files ---------------------------------------------------- */

static bool
same_name(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* The table of an export, made if it is new. */
static struct dump_table *
table_of(struct dump *d, const struct export *e, struct err *err)
{
	const char *const name = e->summary.table;

	for (uint32_t i = 0; i < d->ntables; i++)
		if (same_name(d->tables[i].name, name))
			return &d->tables[i];

	struct dump_table *const t = &d->tables[d->ntables];
	const struct tabledef *const def = definition_of(d, name);

	*t = (struct dump_table){ .name = name, .path = e->path };
	if (def != NULL)
		t->key = def->key;
	else if (read_beside(d, e, t, err) != 0)
		return NULL;
	d->ntables++;
	return t;
}

static bool
is_wanted(const struct dump_options *o, const char *name)
{
	for (size_t i = 0; i < o->ntables; i++)
		if (name != NULL && strcmp(o->tables[i], name) == 0)
			return true;
	return o->ntables == 0;
}

static int
add_units(struct dump *d, const struct dump_options *o, const struct export *e,
	  struct dump_table *t, struct err *err)
{
	const struct item_format *const format = e->kind == EXPORT_PLAIN ? NULL :
		e->kind == EXPORT_INCREMENTAL ? increments_format(e)
		: item_format_named(exports_format(e));
	const struct item_rules *rules = NULL;

	if (format == &csv_format) {	/* only ours has manifests */
		rules = rules_of_export(&e->summary, &t->key, &d->exports.mem,
					err);
		if (rules == NULL)
			return -1;
	}
	for (size_t i = 0; i < e->nfiles; i++) {
		const struct export_file *const f = &e->files[i];
		struct unit *const u = &d->units[d->nunits];

		if (f->absent)
			continue;
		*u = (struct unit){
			.number = d->nunits++,
			.input = (uint32_t)(t - d->tables),
			.path = f->path, .name = f->name,
			.etag = f->etag,
			.archive = f->archive, .member = f->member,
			.packed_len = f->packed_len,
			.increment = e->kind == EXPORT_INCREMENTAL,
			.format = format, .rules = rules,
			.has_md5 = f->has_md5, .nitems = f->nitems,
			.accepted = exports_accepts(f->path, o->accept,
						    o->naccept),
		};
		memcpy(u->md5, f->md5, sizeof(u->md5));
		t->nunits++;
	}
	t->nitems += e->summary.nitems;
	t->nexports += e->kind == EXPORT_FULL;
	return 0;
}

/* A table was asked for that is not there: name those that are. */
static int
refuse_table(const struct exports *x, const char *name, struct err *err)
{
	char list[320] = "";
	size_t at = 0;

	for (size_t i = 0; i < x->n && at < sizeof(list); i++)
		if (x->list[i].summary.table != NULL)
			at += (size_t)snprintf(list + at, sizeof(list) - at,
					       "%s'%s'", at > 0 ? ", " : "",
					       x->list[i].summary.table);
	if (at == 0)
		return err_set(err, ERR_USAGE, "--table %s: nothing there says "
			       "the name of its table", name);
	return err_set(err, ERR_USAGE, "--table %s: there is no such table; "
		       "there is %s", name, list);
}

/* Was every table found that was asked for? */
static int
check_tables(const struct dump *d, const struct dump_options *o,
	     struct err *err)
{
	for (size_t i = 0; i < o->ntables; i++) {
		uint32_t k = 0;

		while (k < d->ntables &&
		       !same_name(d->tables[k].name, o->tables[i]))
			k++;
		if (k == d->ntables)
			return refuse_table(&d->exports, o->tables[i], err);
	}
	return 0;
}

static int
look(struct dump *d, const struct dump_options *o, struct err *err)
{
	struct export_entry *const entries = calloc(o->npaths + 1,
						    sizeof(*entries));

	if (entries == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	for (size_t i = 0; i < o->npaths; i++)
		entries[i].path = o->paths[i];
	const int rc = exports_find(entries, o->npaths, &d->exports, err);
	free(entries);
	return rc;
}

int
dump_find(const struct dump_options *o, struct dump *d, struct err *err)
{
	struct exports *const x = &d->exports;
	size_t nfiles = 0;

	*d = (struct dump){ 0 };
	if (look(d, o, err) != 0 || read_definitions(d, o, err) != 0)
		return -1;
	for (size_t i = 0; i < x->n; i++)
		nfiles += x->list[i].nfiles;
	d->tables = arena_take(&x->mem, (x->n + 1) * sizeof(*d->tables), err);
	d->units = arena_take(&x->mem, (nfiles + 1) * sizeof(*d->units), err);
	if (d->tables == NULL || d->units == NULL)
		return -1;
	for (size_t i = 0; i < x->n; i++) {
		const struct export *const e = &x->list[i];
		struct dump_table *t;

		if (!is_wanted(o, e->summary.table))
			continue;
		if (e->kind == EXPORT_INCREMENTAL && o->records &&
		    increments_format(e) != NULL)
			;	/* as they are */
		else if (exports_readable(e, err) != 0)
			return -1;
		t = table_of(d, e, err);
		if (t == NULL || add_units(d, o, e, t, err) != 0)
			return -1;
	}
	return check_tables(d, o, err);
}

int
dump_check_states(const struct dump *d, struct err *err)
{
	const struct exports *const x = &d->exports;
	struct plan_found *const found = calloc(x->n + 1, sizeof(*found));
	int rc = 0;

	if (found == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	for (size_t i = 0; i < x->n; i++) {
		found[i].input = 0;
		while (found[i].input < d->ntables &&
		       !same_name(d->tables[found[i].input].name,
				  x->list[i].summary.table))
			found[i].input++;
	}
	for (uint32_t i = 0; i < d->ntables && rc == 0; i++)
		rc = increments_follow(x, found, i, err);
	free(found);
	return rc;
}

int
dump_divide(struct dump *d, uint32_t shard, uint32_t nshards, struct err *err)
{
	uint32_t *const owner = calloc(d->nunits + 1U, sizeof(*owner));
	uint32_t n = 0;
	int rc;

	if (owner == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	rc = divide_files(d->units, NULL, d->nunits, nshards, owner, err);
	for (uint32_t i = 0; rc == 0 && i < d->nunits; i++) {
		if (owner[i] != shard)
			continue;
		d->units[n] = d->units[i];
		d->units[n].number = n;
		n++;
	}
	if (rc == 0)
		d->nunits = n;
	free(owner);
	return rc;
}

void
dump_free(struct dump *d)
{
	exports_free(&d->exports);
	*d = (struct dump){ 0 };
}
