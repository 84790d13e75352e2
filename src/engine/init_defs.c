/*
 * init_defs.c - keys from table definitions: CreateTable input, or what
 * describe-table prints.  No more of them is read than a starter plan needs;
 * the plan names the files, and whoever reads the plan checks them whole.
 */
#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "engine/init_internal.h"
#include "engine/tabledef.h"
#include "formats/json.h"
#include "formats/tree.h"
#include "io/file.h"

enum { MAX_FILE = 16 * 1024 * 1024 };

static int
read_key(struct init *in, const struct tree *def, struct init_def *out,
	 struct err *err)
{
	const struct tree *const list = tree_get(def, "KeySchema");

	for (uint32_t i = 0; list != NULL && list->kind == TREE_LIST &&
	     i < list->nkids; i++) {
		const char *const name = tree_text(&list->kids[i],
						   "AttributeName", NULL);
		const char *const kind = tree_text(&list->kids[i], "KeyType",
						   NULL);
		struct init_attr *const to =
			kind == NULL || name == NULL ? NULL :
			strcmp(kind, "HASH") == 0 ? &out->pk :
			strcmp(kind, "RANGE") == 0 ? &out->sk : NULL;

		if (to == NULL)
			return tree_err(&list->kids[i], err, "a key has "
					"AttributeName, and HASH or RANGE as "
					"KeyType");
		to->name = init_keep(in, span_of(name), err);
		if (to->name == NULL)
			return -1;
		to->hash = name_hash(span_of(name));
		to->type = tabledef_type(def, name);
		if (to->type < VALUE_S || to->type > VALUE_B)
			return tree_err(&list->kids[i], err, "key attribute "
					"'%s' is not in AttributeDefinitions "
					"as S, N or B", name);
	}
	if (out->pk.name == NULL)
		return tree_err(def, err, "'KeySchema' has no HASH");
	return 0;
}

static int
read_def(struct init *in, const char *path, struct err *err)
{
	struct arena mem = { 0 };
	struct buf text = { 0 };
	struct init_def *const d = &in->defs[in->ndefs];
	int rc = -1;

	*d = (struct init_def){ .file = init_keep(in, span_of(path), err) };
	if (d->file == NULL || file_load(path, MAX_FILE, &text, err) != 0)
		goto done;

	const struct tree *const root = json_parse(buf_span(&text), d->file,
						   &mem, err);
	if (root == NULL)
		goto done;
	const struct tree *const table = tree_get(root, "Table");
	const struct tree *const def = table != NULL ? table : root;
	const char *const name = tree_text(def, "TableName", NULL);

	if (name == NULL)
		tree_err(def, err, "'TableName' is missing: a table definition "
			 "is CreateTable input, or what describe-table "
			 "prints");
	else if ((d->name = init_keep(in, span_of(name), err)) != NULL)
		rc = read_key(in, def, d, err);
done:
	if (rc == 0)
		in->ndefs++;
	else if (err->code == ERR_INPUT)
		err->code = ERR_USAGE;	/* not the dumps */
	arena_free(&mem);
	buf_free(&text);
	return rc;
}

static int
order(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int
read_pattern(struct init *in, const char *pattern, struct err *err)
{
	glob_t found = { 0 };
	int rc = 0;

	const int g = glob(pattern, GLOB_NOCHECK | GLOB_NOSORT, NULL, &found);
	if (g != 0)
		return err_set(err, ERR_SYSTEM, "%s: cannot be listed",
			       pattern);
	/* By bytes, whatever the locale thinks of order. */
	qsort(found.gl_pathv, found.gl_pathc, sizeof(char *), order);

	struct init_def *const more = realloc(in->defs, (in->ndefs +
				found.gl_pathc + 1) * sizeof(*more));
	if (more == NULL)
		rc = err_set(err, ERR_SYSTEM, "out of memory");
	else
		in->defs = more;
	for (size_t i = 0; i < found.gl_pathc && rc == 0; i++)
		rc = read_def(in, found.gl_pathv[i], err);
	globfree(&found);
	return rc;
}

int
init_read_defs(struct init *in, struct err *err)
{
	for (size_t i = 0; i < in->options->ntables_from; i++)
		if (read_pattern(in, in->options->tables_from[i], err) != 0)
			return -1;
	return 0;
}

const struct init_def *
init_def_named(const struct init *in, const char *name)
{
	for (size_t i = 0; i < in->ndefs; i++)
		if (strcmp(in->defs[i].name, name) == 0)
			return &in->defs[i];
	return NULL;
}
