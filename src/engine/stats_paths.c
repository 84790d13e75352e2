/* stats_paths.c - the tree of attribute paths. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "engine/stats_internal.h"

enum { FIRST_SLOTS = 16 };

static struct node *
new_node(struct paths *p, const struct node *parent, struct err *err)
{
	struct node *const n = arena_take(&p->mem, sizeof(*n), err);
	struct extremes *const x = arena_take(&p->mem, sizeof(*x), err);
	struct value *const seen = arena_take(&p->mem, SEEN * sizeof(*seen),
					      err);

	if (n == NULL || x == NULL || seen == NULL)
		return NULL;
	memset(x, 0, sizeof(*x));
	for (int i = 0; i < STATS_EXAMPLES; i++)
		x->examples[i].hash = UINT64_MAX;
	*n = (struct node){
		.depth = parent == NULL ? 0 : (uint8_t)(parent->depth + 1),
		.seen = seen, .extremes = x, .low_key = UINT64_MAX,
		.sketch = sketch_of(p->k),
	};
	p->nnodes++;
	return n;
}

int
paths_init(struct paths *p, struct err *err)
{
	*p = (struct paths){ .mem = { .chunk_len = 64 * 1024 },
			     .k = STATS_SKETCH };
	p->root = new_node(p, NULL, err);
	return p->root != NULL ? 0 : -1;
}

/* From here on down each sketch keeps no more than `k`; how large they are. */
static size_t
shrink(struct node *n, uint32_t k)
{
	size_t sum;

	sketch_shrink(&n->sketch, k);
	sum = sketch_slots(&n->sketch);
	for (uint32_t i = 0; n->slots != NULL && i <= n->mask; i++)
		if (n->slots[i] != NULL)
			sum += shrink(n->slots[i], k);
	if (n->element != NULL)
		sum += shrink(n->element, k);
	if (n->rest != NULL)
		sum += shrink(n->rest, k);
	return sum;
}

void
paths_thin(struct paths *p)
{
	enum { LEAST = 32 };

	if (p->nslots <= STATS_SLOTS)
		return;
	/* Some may have gone since they were counted. */
	p->nslots = shrink(p->root, p->k);
	while (p->nslots > STATS_SLOTS && p->k > LEAST) {
		p->k /= 2;
		p->nslots = shrink(p->root, p->k);
	}
}

/* What is not the arena's. */
static void
release(struct node *n)
{
	sketch_free(&n->sketch);
	for (uint32_t i = 0; n->slots != NULL && i <= n->mask; i++)
		if (n->slots[i] != NULL)
			release(n->slots[i]);
	free(n->slots);
	n->slots = NULL;
	n->first = NULL;
	n->nkids = 0;
	if (n->element != NULL)
		release(n->element);
	if (n->rest != NULL)
		release(n->rest);
}

void
paths_free(struct paths *p)
{
	if (p->root != NULL)
		release(p->root);
	arena_free(&p->mem);
	*p = (struct paths){ .root = NULL };
}

/* Room for one more child.  Returns 0 or -1. */
static int
grow(struct node *map, struct err *err)
{
	const uint32_t nold = map->slots == NULL ? 0 : map->mask + 1;
	const uint32_t n = nold == 0 ? FIRST_SLOTS : 2 * nold;
	struct node **const old = map->slots;

	if (2 * (map->nkids + 1) <= nold)
		return 0;
	map->slots = calloc(n, sizeof(*map->slots));
	if (map->slots == NULL) {
		map->slots = old;
		return err_set(err, ERR_SYSTEM, "out of memory");
	}
	map->mask = n - 1;
	for (uint32_t i = 0; i < nold; i++) {
		uint32_t k = old[i] != NULL ? old[i]->hash & map->mask : 0;

		if (old[i] == NULL)
			continue;
		while (map->slots[k] != NULL)
			k = (k + 1) & map->mask;
		map->slots[k] = old[i];
	}
	free(old);
	return 0;
}

static struct node *
add(struct paths *p, struct node *map, const struct value *name,
    struct err *err)
{
	const struct span text = { name->text, name->len };
	struct node *const n = new_node(p, map, err);
	uint32_t i;

	if (n == NULL || grow(map, err) != 0)
		return NULL;
	n->name = arena_copy(&p->mem, text, err);
	if (n->name.ptr == NULL)
		return NULL;
	n->hash = name->hash;
	n->is_name = true;
	i = n->hash & map->mask;
	while (map->slots[i] != NULL)
		i = (i + 1) & map->mask;
	map->slots[i] = n;
	map->nkids++;
	return n;
}

/* From now on all of the map's values are one path.  NULL on failure. */
static struct node *
collapse(struct paths *p, struct node *map, struct err *err)
{
	struct node *const rest = new_node(p, map, err);

	if (rest == NULL)
		return NULL;
	for (uint32_t i = 0; map->slots != NULL && i <= map->mask; i++) {
		struct node *const kid = map->slots[i];

		if (kid == NULL)
			continue;
		if (node_merge(p, rest, kid, err) != 0)
			return NULL;
		release(kid);
		map->slots[i] = NULL;
	}
	free(map->slots);
	map->slots = NULL;
	map->first = NULL;
	map->nkids = 0;
	map->rest = rest;
	return rest;
}

struct node *
paths_add(struct paths *p, struct node *map, const struct value *name,
	  struct err *err)
{
	if (paths_is_full(map))
		return collapse(p, map, err);
	/* There is always room for an item's own attributes. */
	if (p->nnodes >= STATS_NODES && map->depth > 0) {
		err->code = ERR_NONE;
		return NULL;
	}
	return add(p, map, name, err);
}

struct node *
paths_element(struct paths *p, struct node *list, struct err *err)
{
	if (list->element == NULL && p->nnodes >= STATS_NODES)
		err->code = ERR_NONE;
	else if (list->element == NULL)
		list->element = new_node(p, list, err);
	return list->element;
}

/* ---- two trees ----------------------------------------------------------- */

/* The child of `into` that takes what a child of another has seen. */
static int
merge_kid(struct paths *to, struct node *into, const struct node *kid,
	  struct err *err)
{
	const struct value name = {
		.text = kid->name.ptr, .len = (uint32_t)kid->name.len,
		.type = VALUE_NAME, .hash = kid->hash,
	};
	struct err why = { 0 };
	struct node *n = paths_find(into, &name);

	if (n == NULL)
		n = paths_add(to, into, &name, &why);
	if (n != NULL)
		return node_merge(to, n, kid, err);
	*err = why;
	if (why.code != ERR_NONE)
		return -1;
	for (int i = 0; i < VALUE_PLACE; i++)
		to->left_out += kid->types[i];
	return 0;
}

int
node_merge(struct paths *to, struct node *into, const struct node *from,
	   struct err *err)
{
	for (int i = 0; i < VALUE_PLACE; i++)
		into->types[i] += from->types[i];
	into->truths += from->truths;
	extremes_merge(into, from);
	const size_t slots = sketch_slots(&into->sketch);
	if (sketch_merge(&into->sketch, &from->sketch, err) != 0)
		return -1;
	to->nslots += sketch_slots(&into->sketch) - slots;
	if (from->element != NULL) {
		struct node *const n = paths_element(to, into, err);

		if (n != NULL ? node_merge(to, n, from->element, err) != 0
			      : err->code != ERR_NONE)
			return -1;
	}
	if (from->rest != NULL) {
		if (into->rest == NULL && collapse(to, into, err) == NULL)
			return -1;
		if (node_merge(to, into->rest, from->rest, err) != 0)
			return -1;
	}
	for (uint32_t i = 0; from->slots != NULL && i <= from->mask; i++)
		if (from->slots[i] != NULL &&
		    merge_kid(to, into, from->slots[i], err) != 0)
			return -1;
	return 0;
}

int
paths_merge(struct paths *to, const struct paths *from, struct err *err)
{
	to->left_out += from->left_out;
	if (node_merge(to, to->root, from->root, err) != 0)
		return -1;
	if (from->k < to->k) {
		to->k = from->k;
		to->nslots = shrink(to->root, to->k);
	}
	paths_thin(to);
	return 0;
}
