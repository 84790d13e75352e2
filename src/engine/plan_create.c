/*
 * plan_create.c - table definitions: CreateTable input as the AWS CLI takes it,
 * or what describe-table prints (API Reference, CreateTable).
 */
#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include "engine/plan_internal.h"
#include "formats/json.h"

static const struct tree *
need(const struct tree *map, const char *name, enum tree_kind kind,
     struct err *err)
{
	const struct tree *const t = tree_get(map, name);

	if (t == NULL) {
		tree_err(map, err, "'%s' is missing", name);
		return NULL;
	}
	if (t->kind != kind) {
		tree_err(t, err, "'%s' must be %s, not %s", name,
			 tree_kind_name(&(struct tree){ .kind = (uint8_t)kind }),
			 tree_kind_name(t));
		return NULL;
	}
	return t;
}

static int
need_text(const struct tree *map, const char *name, const char **out,
	  struct err *err)
{
	const struct tree *const t = need(map, name, TREE_TEXT, err);

	if (t == NULL)
		return -1;
	*out = (const char *)t->text.ptr;
	return 0;
}

static int
read_attrs(struct plan *p, const struct tree *def, struct plan_create *c,
	   struct err *err)
{
	const struct tree *const list =
		need(def, "AttributeDefinitions", TREE_LIST, err);

	if (list == NULL)
		return -1;
	c->attrs = plan_take(p, list->nkids, sizeof(*c->attrs), err);
	if (c->attrs == NULL)
		return -1;
	for (uint32_t i = 0; i < list->nkids; i++) {
		const struct tree *const t = &list->kids[i];
		const char *type;

		if (need_text(t, "AttributeName", &c->attrs[i].name,
			      err) != 0 ||
		    need_text(t, "AttributeType", &type, err) != 0)
			return -1;
		c->attrs[i].type = value_type_named(span_of(type));
		if (c->attrs[i].type < VALUE_S || c->attrs[i].type > VALUE_B)
			return tree_err(t, err, "'AttributeType' is S, N or B, "
					"not '%s'", type);
		for (uint32_t k = 0; k < i; k++)
			if (strcmp(c->attrs[k].name, c->attrs[i].name) == 0)
				return tree_err(t, err, "'%s' is defined twice",
						c->attrs[i].name);
	}
	c->nattrs = list->nkids;
	return 0;
}

static int
define(const struct plan_create *c, const struct tree *t,
       struct plan_key_attr *attr, bool *used, struct err *err)
{
	for (size_t i = 0; i < c->nattrs; i++) {
		if (strcmp(c->attrs[i].name, attr->name) != 0)
			continue;
		attr->type = c->attrs[i].type;
		used[i] = true;
		return 0;
	}
	return tree_err(t, err, "key attribute '%s' is not in "
			"AttributeDefinitions", attr->name);
}

static int
read_schema(const struct plan_create *c, const struct tree *map,
	    struct plan_key *key, bool *used, struct err *err)
{
	const struct tree *const list = need(map, "KeySchema", TREE_LIST, err);

	if (list == NULL)
		return -1;
	for (uint32_t i = 0; i < list->nkids; i++) {
		const struct tree *const t = &list->kids[i];
		struct plan_key_attr attr = { NULL, (enum value_type)0 };
		const char *kind;

		if (need_text(t, "AttributeName", &attr.name, err) != 0 ||
		    need_text(t, "KeyType", &kind, err) != 0)
			return -1;
		struct plan_key_attr *const to =
			strcmp(kind, "HASH") == 0 ? &key->pk :
			strcmp(kind, "RANGE") == 0 ? &key->sk : NULL;
		if (to == NULL || to->name != NULL)
			return tree_err(t, err, "'KeySchema' has one HASH, and "
					"perhaps one RANGE");
		if (define(c, t, &attr, used, err) != 0)
			return -1;
		*to = attr;
	}
	if (key->pk.name == NULL)
		return tree_err(list, err, "'KeySchema' has no HASH");
	return 0;
}

/* map.name.field, or NULL. */
static const struct tree *
inner(const struct tree *map, const char *name, const char *field)
{
	const struct tree *const t = tree_get(map, name);

	return t == NULL ? NULL : tree_get(t, field);
}

static int
read_indexes(const struct tree *def, const char *name, bool local,
	     struct plan_create *c, bool *used, struct err *err)
{
	const struct tree *const list = tree_get(def, name);

	if (list == NULL)
		return 0;
	if (need(def, name, TREE_LIST, err) == NULL)
		return -1;
	for (uint32_t i = 0; i < list->nkids; i++) {
		struct plan_index *const x = &c->indexes[c->nindexes];

		const struct tree *const type = inner(&list->kids[i],
						      "Projection",
						      "ProjectionType");

		x->local = local;
		x->all = type == NULL || span_is(type->text, "ALL");
		if (need_text(&list->kids[i], "IndexName", &x->name,
			      err) != 0 ||
		    read_schema(c, &list->kids[i], &x->key, used, err) != 0)
			return -1;
		c->nindexes++;
	}
	return 0;
}

static uint32_t
length(const struct tree *map, const char *name)
{
	const struct tree *const t = tree_get(map, name);

	return t != NULL && t->kind == TREE_LIST ? t->nkids : 0;
}

static int
check_used(const struct plan_create *c, const bool *used, const struct tree *t,
	   struct err *err)
{
	for (size_t i = 0; i < c->nattrs; i++)
		if (!used[i])
			return tree_err(t, err, "'%s' is in "
					"AttributeDefinitions, and is in no key"
					" of the table or its indexes",
					c->attrs[i].name);
	return 0;
}

/* TimeToLiveSpecification is no part of CreateTable, but stands beside it. */
static void
read_ttl(const struct tree *def, struct plan_create *c)
{
	const struct tree *const name = inner(def, "TimeToLiveSpecification",
					      "AttributeName");
	const struct tree *const on = inner(def, "TimeToLiveSpecification",
					    "Enabled");

	if (name != NULL && name->kind == TREE_TEXT &&
	    (on == NULL || on->kind != TREE_BOOL || on->truth))
		c->ttl = (const char *)name->text.ptr;
}

enum { MAX_ATTRS = 1000 };

static int
read_definition(struct plan *p, const struct tree *root, struct plan_create *c,
		struct err *err)
{
	const struct tree *const table = tree_get(root, "Table");
	const struct tree *const def = table != NULL ? table : root;
	const uint32_t nattrs = length(def, "AttributeDefinitions");
	const size_t nindexes = (size_t)length(def, "GlobalSecondaryIndexes") +
				length(def, "LocalSecondaryIndexes");

	if (def->kind != TREE_MAP)
		return tree_err(def, err, "a table's definition is a map, not "
				"%s", tree_kind_name(def));
	if (nattrs > MAX_ATTRS)
		return tree_err(def, err, "more than %d attributes", MAX_ATTRS);
	c->tree = def;
	c->place = plan_place_of(def);
	read_ttl(root, c);
	read_ttl(def, c);
	c->indexes = plan_take(p, nindexes, sizeof(*c->indexes), err);
	bool *const used = plan_take(p, nattrs, sizeof(*used), err);
	if (c->indexes == NULL || used == NULL)
		return -1;
	if (need_text(def, "TableName", &c->name, err) != 0 ||
	    read_attrs(p, def, c, err) != 0 ||
	    read_schema(c, def, &c->key, used, err) != 0 ||
	    read_indexes(def, "GlobalSecondaryIndexes", false, c, used,
			 err) != 0 ||
	    read_indexes(def, "LocalSecondaryIndexes", true, c, used,
			 err) != 0)
		return -1;
	return check_used(c, used, tree_get(def, "AttributeDefinitions"), err);
}

static int
read_file(struct plan *p, const char *path, const struct tree *t,
	  struct err *err)
{
	const struct plan_file *const file =
		plan_note_file(p, path, "create", plan_place_of(t), err);

	if (file == NULL)
		return -1;
	if (file->absent)
		return 0;
	if (plan_grow(p, &p->creates, p->ncreates, sizeof(*p->creates),
		      err) != 0)
		return -1;

	struct plan_create *const c = &p->creates[p->ncreates];
	*c = (struct plan_create){ .json = plan_slurp(p, path, err) };
	if (c->json.ptr == NULL)
		return -1;
	const struct tree *const root = json_parse(c->json, path, &p->mem, err);
	if (root == NULL) {
		err->code = ERR_USAGE;	/* part of the plan, not input */
		return -1;
	}
	if (read_definition(p, root, c, err) != 0)
		return -1;
	p->ncreates++;
	return 0;
}

static int
order(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int
read_pattern(struct plan *p, const struct plan_part *part,
	     const struct tree *t, struct err *err)
{
	const char *text, *path;
	glob_t found = { 0 };
	int rc = 0;

	if (plan_read_text(t, "create", &text, err) != 0)
		return -1;
	path = plan_join(p, part->folder, text, err);
	if (path == NULL)
		return -1;
	/* By bytes, whatever the locale thinks of order. */
	const int g = glob(path, GLOB_NOCHECK | GLOB_NOSORT, NULL, &found);
	if (g != 0)
		return err_set(err, ERR_SYSTEM, "%s: cannot be listed", path);
	qsort(found.gl_pathv, found.gl_pathc, sizeof(char *), order);
	for (size_t i = 0; i < found.gl_pathc && rc == 0; i++) {
		const char *const name =
			plan_keep(p, span_of(found.gl_pathv[i]), err);

		rc = name == NULL ? -1 : read_file(p, name, t, err);
	}
	globfree(&found);
	return rc;
}

int
plan_read_create(struct plan *p, const struct plan_part *part, struct err *err)
{
	const struct tree *const t = tree_get(part->root, "create");

	if (t == NULL)
		return 0;
	if (t->kind != TREE_LIST)
		return read_pattern(p, part, t, err);
	for (uint32_t i = 0; i < t->nkids; i++)
		if (read_pattern(p, part, &t->kids[i], err) != 0)
			return -1;
	return 0;
}
