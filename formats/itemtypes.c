#include "formats/itemtypes.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "formats/formats.h"
#include "model/path.h"

/* The same while it is made; nodes own their names. */
static struct itemtypes *
writable(const struct itemtypes *t)
{
	return (struct itemtypes *)(uintptr_t)t;
}

void
itemtypes_free(struct itemtypes *t)
{
	while (t != NULL) {
		struct itemtypes *const next = writable(t->next);

		itemtypes_free(writable(t->kids));
		free((void *)(uintptr_t)t->name.ptr);
		free(t);
		t = next;
	}
}

static bool
is_same(const struct itemtypes *t, const struct path_part *p)
{
	switch (p->kind) {
	case PATH_NAME:
		return !t->element && t->name.ptr != NULL &&
		       span_equal(t->name, p->name);
	case PATH_INDEX:
		return t->element && t->index == p->index;
	case PATH_ALL_VALUES:
		return !t->element && t->name.ptr == NULL;
	default:
		return t->element && t->index == UINT32_MAX;
	}
}

static struct itemtypes *
make_node(const struct path_part *p, struct err *err)
{
	struct itemtypes *const t = calloc(1, sizeof(*t));
	uint8_t *const name = malloc(p->name.len + 1);

	if (t == NULL || name == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		free(name);
		free(t);
		return NULL;
	}
	t->element = p->kind == PATH_INDEX || p->kind == PATH_ALL_ELEMENTS;
	t->index = p->kind == PATH_INDEX ? p->index : UINT32_MAX;
	if (p->kind != PATH_NAME) {
		free(name);
		return t;
	}
	memcpy(name, p->name.ptr, p->name.len);
	t->name = (struct span){ name, p->name.len };
	t->hash = p->hash;
	return t;
}

/* The node that `p` means in `in`, made if it is not there. */
static struct itemtypes *
enter(struct itemtypes *in, const struct path_part *p, struct err *err)
{
	for (const struct itemtypes *k = in->kids; k != NULL; k = k->next)
		if (is_same(k, p))
			return writable(k);

	struct itemtypes *const t = make_node(p, err);
	if (t == NULL)
		return NULL;
	t->next = in->kids;
	in->kids = t;
	return t;
}

/* Of a wildcard and others beside it, which one is meant? */
static int
check_wildcards(const struct itemtypes *in, struct err *err)
{
	size_t n[2] = { 0, 0 };
	bool wild[2] = { false, false };

	for (const struct itemtypes *k = in->kids; k != NULL; k = k->next) {
		n[k->element]++;
		wild[k->element] |= k->element ? k->index == UINT32_MAX
					       : k->name.ptr == NULL;
	}
	if ((wild[0] && n[0] > 1) || (wild[1] && n[1] > 1))
		return err_set(err, ERR_USAGE, "types: a wildcard and another "
			       "path mean the same value");
	return 0;
}

static int
add(struct itemtypes *root, const struct item_rule_type *rule,
    struct err *err)
{
	struct itemtypes *t = root;
	struct path path;
	int rc = 0;

	if (path_parse(&path, rule->path, true, NULL, err) != 0)
		return err_at(err, "types");
	for (size_t i = 0; i < path.nparts && rc == 0; i++) {
		struct itemtypes *const in = t;

		t = enter(in, &path.parts[i], err);
		rc = t != NULL ? check_wildcards(in, err) : -1;
	}
	if (rc == 0 && t->type != 0 && t->type != rule->type)
		rc = err_set(err, ERR_USAGE, "types: '%.*s' is said twice",
			     (int)rule->path.len, (const char *)rule->path.ptr);
	if (rc == 0)
		t->type = (enum value_type)rule->type;
	path_free(&path);
	return rc;
}

int
itemtypes_new(const struct item_rules *rules, struct itemtypes **root,
	      struct err *err)
{
	*root = NULL;
	if (rules == NULL || rules->ntypes == 0)
		return 0;

	struct itemtypes *const t = calloc(1, sizeof(*t));
	if (t == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	for (size_t i = 0; i < rules->ntypes; i++)
		if (add(t, &rules->types[i], err) != 0) {
			itemtypes_free(t);
			return -1;
		}
	*root = t;
	return 0;
}

const struct itemtypes *
itemtypes_of_name(const struct itemtypes *t, const struct value *name)
{
	const struct span text = { name->text, name->len };

	if (t == NULL)
		return NULL;
	for (t = t->kids; t != NULL; t = t->next)
		if (!t->element && (t->name.ptr == NULL ||
				    (t->hash == name->hash &&
				     span_equal(t->name, text))))
			return t;
	return NULL;
}

const struct itemtypes *
itemtypes_of_element(const struct itemtypes *t, uint32_t index)
{
	if (t == NULL)
		return NULL;
	for (t = t->kids; t != NULL; t = t->next)
		if (t->element && (t->index == UINT32_MAX || t->index == index))
			return t;
	return NULL;
}
