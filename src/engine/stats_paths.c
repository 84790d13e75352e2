/* stats_paths.c - the tree of attribute paths. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "engine/stats_internal.h"

enum { FIRST_SLOTS = 16, FIRST_QUICK = 16, MOST_QUICK = 1024 };

/* What stands in a slot of `quick` that is free: no name is so long. */
static struct node nobody = { .form_len = UINT32_MAX };
static struct node *nowhere[1] = { &nobody };

static struct node *
new_node(struct paths *p, const struct node *parent, struct err *err)
{
	struct node *const n = arena_take(&p->mem, sizeof(*n), err);
	struct extremes *const x = arena_take(&p->mem, sizeof(*x), err);
	struct value *const seen = arena_take(&p->mem, SEEN * sizeof(*seen),
					      err);

	struct met *const met = p->nnodes >= MET_NODES ? NULL
		: arena_take(&p->mem, sizeof(*met) << MET_BITS, err);

	if (n == NULL || x == NULL || seen == NULL ||
	    (met == NULL && p->nnodes < MET_NODES))
		return NULL;
	if (met != NULL)
		memset(met, 0, sizeof(*met) << MET_BITS);
	memset(x, 0, sizeof(*x));
	for (int i = 0; i < STATS_EXAMPLES; i++)
		x->examples[i].hash = UINT64_MAX;
	*n = (struct node){
		.depth = parent == NULL ? 0 : (uint8_t)(parent->depth + 1),
		.seen = seen, .extremes = x, .low_key = UINT64_MAX,
		.least_key = UINT64_MAX, .sketch = sketch_of_hashes(p->k),
		.quick = nowhere, .wide = 1, .met = met,
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

/* Sketches have grown: if they are too large in all, each keeps less. */
static void
thin(struct paths *p)
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

int
paths_put(struct paths *p, struct node *n, uint64_t hash, struct err *err)
{
	const size_t slots = sketch_slots(&n->sketch);

	if (sketch_add(&n->sketch, hash, 1, err) != 0)
		return -1;
	if (sketch_slots(&n->sketch) != slots) {
		p->nslots += sketch_slots(&n->sketch) - slots;
		thin(p);
	}
	return 0;
}

int
paths_put_pending(struct paths *p, struct err *err)
{
	enum { AHEAD = 12 };
	const uint32_t n = p->npending;

	p->npending = 0;
	for (uint32_t i = 0; i < n; i++) {
		const struct pending *const at = &p->pending[i];
		const struct sketch *const far = i + AHEAD >= n ? NULL
			: &at[AHEAD].node->sketch;

		if (far != NULL)
			__builtin_prefetch(sketch_home(far, at[AHEAD].hash));
		if (paths_put(p, at->node, at->hash, err) != 0)
			return -1;
	}
	return 0;
}

/* ---- where to look for names --------------------------------------------- */

static void
drop_quick(struct node *map)
{
	if (map->quick != nowhere)
		free(map->quick);
	map->quick = nowhere;
	map->wide = 1;
	map->shift = 0;
}

/* Each child to its slot by these bits of its hash; how many find one. */
static uint32_t
place_all(struct node *map, uint8_t shift)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < map->wide; i++)
		map->quick[i] = &nobody;
	map->shift = shift;
	for (uint32_t i = 0; i <= map->mask; i++) {
		struct node *const kid = map->slots[i];
		struct node **const at = kid == NULL ? NULL
			: paths_guess(map, kid->hash);

		if (at == NULL || *at != &nobody)
			continue;
		*at = kid;
		n++;
	}
	return n;
}

/*
 * A child has come.  Have a slot for each, if some bits of their hashes tell
 * them apart; those that find none are found all the same, by `slots`.
 */
static void
place_quickly(struct node *map, struct node *kid)
{
	struct node **const at = paths_guess(map, kid->hash);
	uint32_t wide = FIRST_QUICK, best = 0;
	uint8_t shift = 0;

	while (wide < 4 * map->nkids)
		wide *= 2;
	if (wide > MOST_QUICK) {
		drop_quick(map);
		return;
	}
	if (wide == map->wide && *at == &nobody) {
		*at = kid;
		return;
	}
	if (wide != map->wide) {
		drop_quick(map);

		struct node **const p = malloc(wide * sizeof(*p));
		if (p == NULL)
			return;		/* it is only slower */
		map->quick = p;
		map->wide = wide;
	}
	for (uint8_t i = 0; 0xffffu >> i >= wide - 1 && best < map->nkids;
	     i++) {
		const uint32_t n = place_all(map, i);

		if (n <= best)
			continue;
		best = n;
		shift = i;
	}
	if (map->shift != shift)
		place_all(map, shift);
}

/* What is not the arena's. */
static void
release(struct node *n)
{
	drop_quick(n);
	sketch_free(&n->sketch);
	for (uint32_t i = 0; n->slots != NULL && i <= n->mask; i++)
		if (n->slots[i] != NULL)
			release(n->slots[i]);
	free(n->slots);
	n->slots = NULL;
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
	n->form_len = UINT32_MAX;
	if (text.len > 0 && text.len <= NODE_FORM) {
		memcpy(n->form, text.ptr, text.len);
		n->form_len = name->len;
		n->need = UINT32_MAX >> (NODE_FORM - text.len);
	}
	i = n->hash & map->mask;
	while (map->slots[i] != NULL)
		i = (i + 1) & map->mask;
	map->slots[i] = n;
	map->nkids++;
	place_quickly(map, n);
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
	map->nkids = 0;
	map->rest = rest;
	drop_quick(map);
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
	thin(to);
	return 0;
}
