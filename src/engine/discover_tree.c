/* discover_tree.c - grow, merge and prune a tree of attribute paths. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "engine/discover_internal.h"
#include "model/names.h"

/* ---- nodes --------------------------------------------------------------- */

static uint32_t
new_node(struct tree_of_paths *t, const struct part *p, struct err *err)
{
	uint32_t i = t->free;

	if (i == NO_NODE && t->nnodes == t->cap) {
		const uint32_t cap = t->cap > 0 ? 2 * t->cap : 64;
		struct node *const more =
			realloc(t->nodes, cap * sizeof(*t->nodes));

		if (more == NULL)
			goto failed;
		t->nodes = more;
		t->cap = cap;
	}
	if (i != NO_NODE)
		t->free = t->nodes[i].nkids;
	else
		i = t->nnodes++;

	struct node *const n = &t->nodes[i];
	*n = (struct node){ .kind = (uint8_t)p->kind, .hash = p->hash,
			    .sep = p->sep, .n = p->n };
	t->nlive++;
	if (p->name.len == 0)
		return i;
	n->name = malloc(p->name.len);
	if (n->name == NULL)
		goto failed;
	memcpy(n->name, p->name.ptr, p->name.len);
	n->name_len = (uint32_t)p->name.len;
	return i;
failed:
	err_set(err, ERR_SYSTEM, "out of memory");
	return NO_NODE;
}

/* Give a node back, with all below it. */
static void
drop(struct tree_of_paths *t, uint32_t i)
{
	struct node *const n = &t->nodes[i];

	for (uint32_t k = 0; n->nkids > 0 && k <= n->mask; k++)
		if (n->kids[k] != NO_NODE)
			drop(t, n->kids[k]);
	t->nslots -= sketch_slots(&n->sample);
	sketch_free(&n->sample);
	free(n->kids);
	free(n->name);
	*n = (struct node){ .kind = PART_FREE, .nkids = t->free };
	t->free = i;
	t->nlive--;
}

int
tree_begin(struct tree_of_paths *t, struct err *err)
{
	const struct part root = { .kind = PART_ROOT };

	if (t->nnodes > 0)
		return 0;
	*t = (struct tree_of_paths){ .k = MAX_SAMPLE, .max_slots = MAX_SLOTS,
				     .top_bound = UINT64_MAX };
	new_node(t, &root, err);
	return t->nnodes > 0 ? 0 : -1;
}

void
tree_free(struct tree_of_paths *t)
{
	if (t->nnodes > 0)
		drop(t, 0);
	free(t->nodes);
	*t = (struct tree_of_paths){ 0 };
}

/* ---- children ------------------------------------------------------------ */

static bool
is_named(enum part_kind kind)
{
	return kind == PART_NAME || kind == PART_TAG;
}

static bool
is(const struct node *n, const struct part *p)
{
	return n->kind == p->kind && n->hash == p->hash && n->sep == p->sep &&
	       n->n == p->n && n->name_len == p->name.len &&
	       names_same(n->name, p->name.ptr, p->name.len);
}

static uint32_t
slot_of(const struct part *p)
{
	return (uint32_t)p->hash + p->kind * 37u + p->sep * 11u + p->n;
}

uint32_t
tree_find(const struct tree_of_paths *t, uint32_t parent, const struct part *p)
{
	const struct node *const n = &t->nodes[parent];

	if (n->nkids == 0)
		return NO_NODE;
	for (uint32_t i = slot_of(p) & n->mask; n->kids[i] != NO_NODE;
	     i = (i + 1) & n->mask)
		if (is(&t->nodes[n->kids[i]], p))
			return n->kids[i];
	return NO_NODE;
}

/* Put a child into the table of its parent, where there is room. */
static void
put_kid(struct tree_of_paths *t, struct node *n, uint32_t kid)
{
	const struct part p = part_of(&t->nodes[kid]);
	uint32_t i = slot_of(&p) & n->mask;

	while (n->kids[i] != NO_NODE)
		i = (i + 1) & n->mask;
	n->kids[i] = kid;
	n->nkids++;
	n->nnames += is_named(p.kind);
}

static int
make_room(struct tree_of_paths *t, uint32_t parent, struct err *err)
{
	struct node *const n = &t->nodes[parent];
	uint32_t *const old = n->kids;
	const uint32_t nold = old != NULL ? n->mask + 1 : 0;
	const uint32_t nslots = nold > 0 ? 2 * nold : 4;

	if (2 * n->nkids < nold)
		return 0;
	n->kids = calloc(nslots, sizeof(*n->kids));
	if (n->kids == NULL) {
		n->kids = old;
		return err_set(err, ERR_SYSTEM, "out of memory");
	}
	n->mask = nslots - 1;
	n->nkids = n->nnames = 0;
	for (uint32_t i = 0; i < nold; i++)
		if (old[i] != NO_NODE)
			put_kid(t, n, old[i]);
	free(old);
	return 0;
}

/*
 * Names at the top with the least ranks stay, if there are too many.  Digits
 * are mostly in names that are data: those go first.
 */
static uint64_t
rank(struct span name)
{
	bool digits = false;

	for (size_t i = 0; i < name.len && !digits; i++)
		digits = name.ptr[i] >= '0' && name.ptr[i] <= '9';
	return keyhash64_of(name) >> 1 | (uint64_t)digits << 63;
}

/* Is the child one that a tree does not take? */
static bool
is_unwanted(const struct tree_of_paths *t, uint32_t parent,
	    const struct part *p)
{
	return parent == 0 ? rank(p->name) >= t->top_bound : t->cut;
}

/* The part that stands for all names of a node; of the root there is none. */
static struct part
wildcard(enum part_kind of)
{
	return (struct part){ .kind = of == PART_TAG ? PART_VAR
						     : PART_VALUES };
}

static int collapse(struct tree_of_paths *t, uint32_t parent, struct err *err);

uint32_t
tree_child(struct tree_of_paths *t, uint32_t parent, const struct part *p,
	   struct err *err)
{
	uint32_t kid = tree_find(t, parent, p);

	if (kid != NO_NODE)
		return kid;
	if (is_named(p->kind) && parent != 0) {
		const struct part all = wildcard(p->kind);

		if (!t->nodes[parent].wide && t->nodes[parent].nnames >=
		    (p->kind == PART_TAG ? MAX_TAGS : MAX_NAMES) &&
		    (tree_add_pending(t, err) != 0 ||
		     collapse(t, parent, err) != 0))
			return NO_NODE;
		if (t->nodes[parent].wide)
			return tree_child(t, parent, &all, err);
	}
	err->code = ERR_NONE;
	if (is_unwanted(t, parent, p))
		return NO_NODE;
	kid = new_node(t, p, err);
	if (kid == NO_NODE)
		return NO_NODE;
	if (make_room(t, parent, err) != 0) {
		drop(t, kid);
		return NO_NODE;
	}
	put_kid(t, &t->nodes[parent], kid);
	return kid;
}

/* ---- values -------------------------------------------------------------- */

/* Where there are too many, all become smaller. */
static void
shrink_samples(struct tree_of_paths *t)
{
	while (t->nslots > t->max_slots && t->k > MIN_SAMPLE) {
		t->k /= 2;
		t->nslots = 0;
		for (uint32_t i = 0; i < t->nnodes; i++) {
			struct sketch *const s = &t->nodes[i].sample;

			if (s->k > 0)
				sketch_shrink(s, t->k);
			t->nslots += sketch_slots(s);
		}
	}
}

/* Note one hash, so many times, or all of another sample. */
static int
sample(struct tree_of_paths *t, uint32_t node, uint64_t hash, uint32_t weight,
       const struct sketch *from, struct err *err)
{
	struct sketch *const s = &t->nodes[node].sample;
	size_t before;
	int rc;

	if (s->k == 0)
		*s = sketch_of(t->k);
	before = sketch_slots(s);
	rc = from != NULL ? sketch_merge(s, from, err)
			  : sketch_add(s, hash, weight, err);
	if (sketch_slots(s) != before) {
		t->nslots += sketch_slots(s) - before;
		shrink_samples(t);
	}
	return rc;
}

int
tree_add(struct tree_of_paths *t, uint32_t node, enum value_type type,
	 uint64_t hash, struct err *err)
{
	t->nodes[node].seen++;
	t->nodes[node].squares += (uint64_t)t->weight * t->weight;
	t->nodes[node].values += t->weight;
	t->nodes[node].types[type - VALUE_S] += t->weight;

	const struct sketch *const s = &t->nodes[node].sample;
	if (s->k > 0 && hash >= s->bound)
		return 0;
	if (s->slots != NULL)
		__builtin_prefetch(sketch_home(s, hash));
	t->pending[t->npending++] = (struct tree_pending){ hash, node,
							   t->weight };
	return t->npending == TREE_PENDING ? tree_add_pending(t, err) : 0;
}

int
tree_add_pending(struct tree_of_paths *t, struct err *err)
{
	const uint32_t n = t->npending;

	t->npending = 0;
	for (uint32_t i = 0; i < n; i++) {
		const struct tree_pending *const at = &t->pending[i];

		if (sample(t, at->node, at->hash, at->weight, NULL, err) != 0)
			return -1;
	}
	return 0;
}

/* ---- two nodes into one -------------------------------------------------- */

/*
 * Add what `from` (of a tree that may be the same) has seen to `to`. Nodes move
 * while they grow in number: numbers are kept, and no pointers.
 */
static int
merge(struct tree_of_paths *t, uint32_t to, const struct tree_of_paths *other,
      uint32_t from, struct err *err)
{
	const struct node f = other->nodes[from];

	t->nodes[to].values += f.values;
	t->nodes[to].seen += f.seen;
	t->nodes[to].squares += f.squares;
	for (int i = 0; i < 3; i++)
		t->nodes[to].types[i] += f.types[i];
	if (f.sample.k > 0 && sample(t, to, 0, 0, &f.sample, err) != 0)
		return -1;
	if (f.wide && !t->nodes[to].wide && collapse(t, to, err) != 0)
		return -1;
	for (uint32_t i = 0; f.nkids > 0 && i <= f.mask; i++) {
		if (f.kids[i] == NO_NODE)
			continue;
		const struct part p = part_of(&other->nodes[f.kids[i]]);
		const uint32_t kid = tree_child(t, to, &p, err);

		if (kid == NO_NODE && err->code != ERR_NONE)
			return -1;
		if (kid != NO_NODE && merge(t, kid, other, f.kids[i], err) != 0)
			return -1;
	}
	return 0;
}

/* Take the children that `leave` says out of a node's table, if it has one. */
static uint32_t *
take_kids(struct tree_of_paths *t, uint32_t parent,
	  bool leave(const struct tree_of_paths *, const struct node *),
	  uint32_t *ntaken, struct err *err)
{
	struct node *const n = &t->nodes[parent];
	uint32_t *const old = n->kids;
	uint32_t *const taken = malloc((n->nkids + 1) * sizeof(*taken));
	uint32_t *const kids = old != NULL
		? calloc(n->mask + 1, sizeof(*kids)) : NULL;

	*ntaken = 0;
	if (taken != NULL && old == NULL)
		return taken;
	if (taken == NULL || kids == NULL) {
		free(taken);
		free(kids);
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	const uint32_t nkids = n->nkids;
	n->kids = kids;
	n->nkids = n->nnames = 0;
	for (uint32_t i = 0; nkids > 0 && i <= n->mask; i++) {
		if (old[i] == NO_NODE)
			continue;
		if (leave(t, &t->nodes[old[i]]))
			taken[(*ntaken)++] = old[i];
		else
			put_kid(t, n, old[i]);
	}
	free(old);
	return taken;
}

static bool
has_name(const struct tree_of_paths *t, const struct node *n)
{
	(void)t;
	return is_named((enum part_kind)n->kind);
}

/* All names below `parent` become one wildcard. */
static int
collapse(struct tree_of_paths *t, uint32_t parent, struct err *err)
{
	const enum part_kind kind = t->nodes[parent].kind == PART_SHAPE ||
				    t->nodes[parent].kind == PART_TAG ||
				    t->nodes[parent].kind == PART_VAR
				    ? PART_TAG : PART_NAME;
	const struct part all = wildcard(kind);
	uint32_t n;
	uint32_t *const names = take_kids(t, parent, has_name, &n, err);
	int rc = names != NULL ? 0 : -1;

	if (names == NULL)
		return -1;
	t->nodes[parent].wide = true;
	for (uint32_t i = 0; i < n; i++) {
		const uint32_t kid = rc == 0
			? tree_child(t, parent, &all, err) : NO_NODE;

		if (rc == 0 && kid == NO_NODE && err->code != ERR_NONE)
			rc = -1;
		if (rc == 0 && kid != NO_NODE)
			rc = merge(t, kid, t, names[i], err);
		drop(t, names[i]);
	}
	free(names);
	return rc;
}

/* ---- bounds -------------------------------------------------------------- */

static bool
is_beyond(const struct tree_of_paths *t, const struct node *n)
{
	return rank((struct span){ n->name, n->name_len }) >= t->top_bound;
}

/* Names at the top only below the bound. */
static int
drop_beyond(struct tree_of_paths *t, struct err *err)
{
	uint32_t n = 0;
	uint32_t *const gone = take_kids(t, 0, is_beyond, &n, err);

	for (uint32_t i = 0; i < n; i++)
		drop(t, gone[i]);
	free(gone);
	return gone != NULL ? 0 : -1;
}

/* Of the names at the top keep those with the least ranks. */
static int
trim_top(struct tree_of_paths *t, struct err *err)
{
	struct sketch ranks = sketch_of(MAX_TOP);
	int rc = 0;

	for (uint32_t i = 0; i <= t->nodes[0].mask && rc == 0; i++) {
		const uint32_t kid = t->nodes[0].kids[i];
		const struct node *const n = &t->nodes[kid];

		if (kid != NO_NODE)
			rc = sketch_add(&ranks, rank((struct span){
					n->name, n->name_len }), 1, err);
	}
	sketch_settle(&ranks);
	if (ranks.bound < t->top_bound)
		t->top_bound = ranks.bound;
	sketch_free(&ranks);
	return rc == 0 ? drop_beyond(t, err) : -1;
}

static bool
always(const struct tree_of_paths *t, const struct node *n)
{
	(void)t;
	(void)n;
	return true;
}

/* Only the top level stays. */
static int
cut(struct tree_of_paths *t, struct err *err)
{
	t->cut = true;
	for (uint32_t i = 0; t->nodes[0].nkids > 0 && i <= t->nodes[0].mask;
	     i++) {
		const uint32_t kid = t->nodes[0].kids[i];
		uint32_t n = 0;

		if (kid == NO_NODE || t->nodes[kid].nkids == 0)
			continue;
		uint32_t *const gone = take_kids(t, kid, always, &n, err);
		if (gone == NULL)
			return -1;
		for (uint32_t k = 0; k < n; k++)
			drop(t, gone[k]);
		free(gone);
	}
	return 0;
}

int
tree_trim(struct tree_of_paths *t, uint32_t max_nodes, struct err *err)
{
	const bool wide = t->nodes[0].nkids > 2 * MAX_TOP;
	const bool large = t->nlive > max_nodes && !t->cut;

	if ((wide || large) && tree_add_pending(t, err) != 0)
		return -1;
	if (wide && trim_top(t, err) != 0)
		return -1;
	return t->nlive > max_nodes && !t->cut ? cut(t, err) : 0;
}

int
tree_merge(struct tree_of_paths *t, const struct tree_of_paths *from,
	   struct err *err)
{
	if (from->nnodes == 0)
		return 0;
	if (tree_begin(t, err) != 0)
		return -1;
	t->items += from->items;
	t->stand_for += from->stand_for;
	t->thinned = t->thinned || from->thinned;
	if (from->cut && !t->cut && cut(t, err) != 0)
		return -1;
	t->max_slots = MAX_SLOTS_TOTAL;
	if (from->top_bound < t->top_bound) {
		t->top_bound = from->top_bound;
		if (drop_beyond(t, err) != 0)
			return -1;
	}
	if (merge(t, 0, from, 0, err) != 0)
		return -1;
	return tree_trim(t, MAX_NODES_TOTAL, err);
}

/*
 * A place in a composite where anything may stand is that for words too: the
 * pattern that takes the one takes the other.
 */
static int
widen(struct tree_of_paths *t, uint32_t i, struct err *err)
{
	const struct part var = { .kind = PART_VAR };

	if (!t->nodes[i].wide && t->nodes[i].nnames > 0 &&
	    tree_find(t, i, &var) != NO_NODE && collapse(t, i, err) != 0)
		return -1;
	for (uint32_t k = 0; t->nodes[i].nkids > 0 && k <= t->nodes[i].mask;
	     k++)
		if (t->nodes[i].kids[k] != NO_NODE &&
		    widen(t, t->nodes[i].kids[k], err) != 0)
			return -1;
	return 0;
}

int
tree_settle(struct tree_of_paths *t, struct err *err)
{
	if (t->nnodes == 0)
		return 0;
	if (t->nodes[0].nkids > MAX_TOP && trim_top(t, err) != 0)
		return -1;
	if (widen(t, 0, err) != 0)
		return -1;
	for (uint32_t i = 0; i < t->nnodes; i++)
		if (t->nodes[i].sample.k > 0) {
			sketch_shrink(&t->nodes[i].sample, t->k);
			sketch_settle(&t->nodes[i].sample);
		}
	return 0;
}
