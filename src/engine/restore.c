#include "engine/restore.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aws/dynamodb.h"
#include "aws/service.h"
#include "aws/side.h"
#include "base/buf.h"
#include "base/err.h"
#include "engine/dump.h"
#include "engine/place.h"
#include "engine/sides.h"
#include "formats/jsonwrite.h"
#include "formats/tree.h"
#include "io/file.h"

/* The plan may be anywhere: paths in it are whole. */
static void
put_dump(struct jsonwrite *w, const char *path)
{
	char whole[PATH_MAX], here[PATH_MAX];

	if (strcmp(path, "-") == 0 || place_is_remote(path) ||
	    place_is_table(path) || path[0] == '/' ||
	    getcwd(here, sizeof(here)) == NULL ||
	    snprintf(whole, sizeof(whole), "%s/%s", here, path) >=
	    (int)sizeof(whole))
		jsonwrite_text(w, path);
	else
		jsonwrite_text(w, whole);
}

/* Which table of the dump is it?  NULL with *err set, if that is not clear. */
static const struct dump_table *
choose(const struct dump *d, const char *table, struct err *err)
{
	for (uint32_t i = 0; i < d->ntables; i++)
		if (d->tables[i].name != NULL &&
		    strcmp(d->tables[i].name, table) == 0)
			return &d->tables[i];
	if (d->ntables == 1)
		return &d->tables[0];
	err_set(err, ERR_USAGE, "the dump has %u tables, and none is called "
		"'%s': give the folder of the one that is meant", d->ntables,
		table);
	return NULL;
}

/* The type of a key attribute: "S", "N" or "B". */
static const char *
type_of(const struct tree *table, const char *name)
{
	const struct tree *const list = tree_get(table,
						 "AttributeDefinitions");

	for (uint32_t i = 0; list != NULL && list->kind == TREE_LIST &&
	     i < list->nkids; i++) {
		const char *const n = dynamodb_text(&list->kids[i],
						    "AttributeName");
		const char *const type = dynamodb_text(&list->kids[i],
						       "AttributeType");

		if (n != NULL && type != NULL && strcmp(n, name) == 0)
			return type;
	}
	return "S";
}

static void
put_key(struct jsonwrite *w, const struct tree *table)
{
	const struct tree *const list = tree_get(table, "KeySchema");

	jsonwrite_name(w, "key");
	jsonwrite_map(w);
	for (uint32_t i = 0; list != NULL && list->kind == TREE_LIST &&
	     i < list->nkids; i++) {
		const char *const name = dynamodb_text(&list->kids[i],
						       "AttributeName");

		if (name != NULL)
			jsonwrite_put_text(w, name, type_of(table, name));
	}
	jsonwrite_end(w);
}

static int
write_text(const struct restore_options *o, const struct dump *d,
	   const struct tree *table, struct buf *out, struct err *err)
{
	const struct dump_table *const from = choose(d, o->table, err);
	struct jsonwrite w;

	if (from == NULL)
		return -1;
	jsonwrite_start(&w, out, false, err);
	jsonwrite_map(&w);
	jsonwrite_put_uint(&w, "dynamill", 1);
	jsonwrite_put_text(&w, "description",
			   "a dump into a table, by 'dynamill restore'");
	jsonwrite_name(&w, "source");
	jsonwrite_map(&w);
	jsonwrite_name(&w, "exports");
	jsonwrite_list(&w);
	for (size_t i = 0; i < o->ndumps; i++)
		put_dump(&w, o->dumps[i]);
	jsonwrite_end(&w);
	jsonwrite_end(&w);
	jsonwrite_name(&w, "tables");
	jsonwrite_map(&w);
	jsonwrite_name(&w, o->table);
	jsonwrite_map(&w);
	put_key(&w, table);
	if (from->name != NULL)
		jsonwrite_put_text(&w, "from", from->name);
	jsonwrite_put_text(&w, "to", o->table);
	jsonwrite_end(&w);
	for (uint32_t i = 0; i < d->ntables; i++)
		if (&d->tables[i] != from && d->tables[i].name != NULL)
			jsonwrite_put_text(&w, d->tables[i].name, "skip");
	jsonwrite_end(&w);
	jsonwrite_end(&w);
	return jsonwrite_finish(&w);
}

int
restore_write_plan(const struct restore_options *o, const char *path,
		   struct err *err)
{
	const struct dump_options find = {
		.paths = o->dumps, .npaths = o->ndumps,
	};
	struct side *const side = sides_open(NULL, o->usual, err);
	struct service *const s = side == NULL ? NULL
		: dynamodb_open(side, err);
	struct dynamodb_table table = { 0 };
	struct dump dump = { 0 };
	struct buf text = { 0 };
	int rc = s == NULL ? -1 : dynamodb_describe(s, o->table, &table, err);

	if (rc == 0)
		rc = err_set(err, ERR_REFUSED, "there is no table '%s' at %s: "
			     "make it first, 'dynamill tables create "
			     "DUMP/.../table.json'", o->table, service_url(s));
	if (rc > 0 && access(path, F_OK) != 0) {
		rc = dump_find(&find, &dump, err);
		if (rc == 0)
			rc = write_text(o, &dump, table.tree, &text, err);
		if (rc == 0)
			rc = file_save_safe(path, buf_span(&text), err);
		dump_free(&dump);
	}
	dynamodb_table_free(&table);
	buf_free(&text);
	service_close(s);
	side_close(side);
	return rc < 0 ? -1 : 0;
}
