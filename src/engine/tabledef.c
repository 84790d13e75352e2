#include "engine/tabledef.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "engine/place.h"
#include "formats/json.h"
#include "formats/tree.h"

enum { MAX_LEN = 4 * 1024 * 1024 };

enum value_type
tabledef_type(const struct tree *def, const char *attr)
{
	const struct tree *const list = tree_get(def, "AttributeDefinitions");

	for (uint32_t i = 0; list != NULL && list->kind == TREE_LIST &&
	     i < list->nkids; i++)
		if (strcmp(tree_text(&list->kids[i], "AttributeName", ""),
			   attr) == 0)
			return value_type_named(span_of(tree_text(
				&list->kids[i], "AttributeType", "")));
	return (enum value_type)0;
}

const char *
tabledef_key(const struct tree *def, const char *kind)
{
	const struct tree *const list = tree_get(def, "KeySchema");

	for (uint32_t i = 0; list != NULL && list->kind == TREE_LIST &&
	     i < list->nkids; i++)
		if (strcmp(tree_text(&list->kids[i], "KeyType", ""), kind) == 0)
			return tree_text(&list->kids[i], "AttributeName", "");
	return "";
}

static int
read_definition(const struct tree *root, struct tabledef *out, struct err *err)
{
	const struct tree *const table = tree_get(root, "Table");
	const struct tree *const def = table != NULL ? table : root;
	const struct tree *const list = tree_get(def, "KeySchema");

	*out = (struct tabledef){ .name = tree_text(def, "TableName", NULL) };
	if (list == NULL || list->kind != TREE_LIST)
		return tree_err(def, err, "no definition of a table: "
				"'KeySchema' is missing");
	for (uint32_t i = 0; i < list->nkids; i++) {
		const char *const name = tree_text(&list->kids[i],
						   "AttributeName", NULL);
		const char *const kind = tree_text(&list->kids[i], "KeyType",
						   NULL);
		const bool hash = kind != NULL && span_is(span_of(kind), "HASH");

		if (name == NULL || kind == NULL ||
		    (!hash && !span_is(span_of(kind), "RANGE")))
			return tree_err(&list->kids[i], err, "'KeySchema' has "
					"a HASH, and perhaps a RANGE");
		*(hash ? &out->key.pk : &out->key.sk) = (struct plan_key_attr){
			name, tabledef_type(def, name),
		};
	}
	if (out->name == NULL || out->key.pk.name == NULL)
		return tree_err(def, err, "no definition of a table: %s is "
				"missing", out->name == NULL ? "'TableName'"
							     : "the HASH key");
	return 0;
}

int
tabledef_read(const char *path, struct arena *mem, struct tabledef *out,
	      struct err *err)
{
	const struct tree *root = NULL;
	struct buf text = { 0 };
	struct span json, name;
	int rc = place_load(path, MAX_LEN, &text, err);

	json = rc == 0 ? arena_copy(mem, buf_span(&text), err)
		       : (struct span){ NULL, 0 };
	buf_free(&text);
	if (json.ptr == NULL)
		return -1;
	name = arena_copy(mem, (struct span){ (const uint8_t *)path,
					      strlen(path) + 1 }, err);
	if (name.ptr == NULL)
		return -1;
	root = json_parse(json, (const char *)name.ptr, mem, err);
	if (root == NULL)
		return -1;
	rc = read_definition(root, out, err);
	if (rc != 0)
		err->code = ERR_INPUT;
	return rc;
}
