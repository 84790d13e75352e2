/* html_graph.c - levels, columns, and places that cross few links. */
#include "engine/html_graph.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

enum { GAP = 18, SWEEPS = 6, MAX_SLOTS = 6000 };

/* Two slots of columns side by side that a link joins, and where. */
struct joint {
	uint32_t slot[2];
	int at[2];		/* from the slot's top */
};

/* A slot of the column that is sorted. */
struct entry {
	int64_t key;
	uint32_t order, slot;
};

struct work {
	struct graph_layout *l;
	struct joint *joints;
	uint32_t njoints;
	struct entry *sorted;
};

static void *
take(struct arena *mem, size_t n, size_t size, struct err *err)
{
	void *const p = arena_take(mem, (n + 1) * size, err);

	if (p != NULL)
		memset(p, 0, (n + 1) * size);
	return p;
}

/* ---- levels -------------------------------------------------------------- */

/* Which node is reached from `v`: row `v` of `reach`. */
static void
walk(const struct html_graph *g, uint32_t v, bool *reach, uint32_t *stack)
{
	uint32_t n = 0;

	stack[n++] = v;
	while (n > 0) {
		const uint32_t at = stack[--n];

		for (uint32_t i = 0; i < g->nlinks; i++) {
			const struct html_link *const k = &g->links[i];

			if (k->from != at || k->kind != HTML_DECLARED ||
			    reach[k->to])
				continue;
			reach[k->to] = true;
			stack[n++] = k->to;
		}
	}
}

/*
 * One more than the highest level that is referred to; the tables of a cycle
 * share one: as plan_levels.c has it.
 */
static int
find_levels(struct html_graph *g, struct arena *mem, struct err *err)
{
	const uint32_t n = g->nnodes;
	bool *const reach = take(mem, (size_t)n * n, sizeof(*reach), err);
	uint32_t *const stack = take(mem, (size_t)n + 1, sizeof(*stack), err);
	bool changed = true;

	if (reach == NULL || stack == NULL)
		return -1;
	for (uint32_t i = 0; i < n; i++) {
		if (g->nodes[i].level == 0)
			g->nodes[i].level = 1;
		walk(g, i, reach + (size_t)i * n, stack);
	}
	for (uint32_t round = 0; changed && round <= n; round++) {
		changed = false;
		for (uint32_t i = 0; i < g->nlinks; i++) {
			const struct html_link *const k = &g->links[i];
			struct html_node *const a = &g->nodes[k->from];
			struct html_node *const b = &g->nodes[k->to];
			const bool cycle = reach[(size_t)k->to * n + k->from];
			const uint32_t least = b->level + !cycle;

			if (k->kind != HTML_DECLARED || a->level >= least)
				continue;
			a->level = least;
			changed = true;
		}
	}
	return 0;
}

static int
order_numbers(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* A column for each level that there is. */
static void
make_columns(struct graph_layout *l)
{
	const struct html_graph *const g = l->graph;

	for (uint32_t i = 0; i < g->nnodes; i++)
		l->levels[i] = g->nodes[i].level;
	qsort(l->levels, g->nnodes, sizeof(*l->levels), order_numbers);
	for (uint32_t i = 0; i < g->nnodes; i++)
		if (l->ncolumns == 0 ||
		    l->levels[l->ncolumns - 1] != l->levels[i])
			l->levels[l->ncolumns++] = l->levels[i];
	for (uint32_t i = 0; i < g->nnodes; i++)
		for (uint32_t c = 0; c < l->ncolumns; c++)
			if (l->levels[c] == g->nodes[i].level)
				l->slots[i].column = c;
}

/* ---- rows and slots ------------------------------------------------------ */

static void
make_rows(struct graph_layout *l)
{
	const struct html_graph *const g = l->graph;

	for (uint32_t i = 0; i < g->nlinks; i++) {
		uint32_t *const n = &l->nrows[g->links[i].from];

		/* What has no row of its own shares the last, which says so. */
		l->row[i] = *n < GRAPH_MAX_ROWS ? *n : GRAPH_MAX_ROWS - 1;
		*n += 1;
	}
	for (uint32_t i = 0; i < g->nnodes; i++) {
		const uint32_t rows = l->nrows[i] < GRAPH_MAX_ROWS
			? l->nrows[i] : GRAPH_MAX_ROWS;

		l->slots[i].height = GRAPH_HEAD + (int)rows * GRAPH_ROW +
				     (rows > 0 ? 6 : 0);
	}
}

static uint32_t
columns_between(const struct graph_layout *l, const struct html_link *k)
{
	const uint32_t a = l->slots[k->from].column;
	const uint32_t b = l->slots[k->to].column;

	return a > b ? a - b - 1 : b > a ? b - a - 1 : 0;
}

/* Slots for what passes columns; links of a kind between the same two share. */
static void
make_passes(struct graph_layout *l)
{
	const struct html_graph *const g = l->graph;

	l->nslots = g->nnodes;
	for (uint32_t i = 0; i < g->nlinks; i++) {
		const struct html_link *const k = &g->links[i];
		const uint32_t between = columns_between(l, k);
		const uint32_t start = l->slots[k->from].column;
		const bool left = l->slots[k->to].column < start;

		l->via[i] = GRAPH_NONE;
		for (uint32_t j = 0; j < i && between > 0; j++)
			if (g->links[j].from == k->from &&
			    g->links[j].to == k->to &&
			    g->links[j].kind == k->kind)
				l->via[i] = l->via[j];
		if (between == 0 || l->via[i] != GRAPH_NONE ||
		    l->nslots + between > MAX_SLOTS)
			continue;
		l->via[i] = l->nslots;
		for (uint32_t c = 1; c <= between; c++)
			l->slots[l->nslots++] = (struct graph_slot){
				.column = left ? start - c : start + c,
				.height = GRAPH_LANE,
			};
	}
}

static void
join(struct work *w, uint32_t a, int at_a, uint32_t b, int at_b)
{
	w->joints[w->njoints++] = (struct joint){ { a, b }, { at_a, at_b } };
}

static void
make_joints(struct work *w)
{
	const struct graph_layout *const l = w->l;
	const struct html_graph *const g = l->graph;
	uint32_t fresh = g->nnodes;

	for (uint32_t i = 0; i < g->nlinks; i++) {
		const struct html_link *const k = &g->links[i];
		const uint32_t between = columns_between(l, k);
		const int at = GRAPH_HEAD + (int)l->row[i] * GRAPH_ROW +
			       GRAPH_ROW / 2;

		if (l->slots[k->from].column == l->slots[k->to].column ||
		    (between > 0 && l->via[i] == GRAPH_NONE))
			continue;
		if (between == 0) {
			join(w, k->from, at, k->to, GRAPH_HEAD / 2);
			continue;
		}
		join(w, k->from, at, l->via[i], GRAPH_LANE / 2);
		if (l->via[i] != fresh)
			continue;	/* the rest it shares */
		fresh += between;
		for (uint32_t c = 1; c < between; c++)
			join(w, l->via[i] + c - 1, GRAPH_LANE / 2,
			     l->via[i] + c, GRAPH_LANE / 2);
		join(w, fresh - 1, GRAPH_LANE / 2, k->to, GRAPH_HEAD / 2);
	}
}

/* ---- places -------------------------------------------------------------- */

static int
order_entries(const void *a, const void *b)
{
	const struct entry *const x = a, *const y = b;

	if (x->key != y->key)
		return x->key > y->key ? 1 : -1;
	return (x->order > y->order) - (x->order < y->order);
}

/* The slots of a column by `order`, or by what they want first; how many. */
static uint32_t
gather(struct work *w, uint32_t column, bool by_want)
{
	const struct graph_layout *const l = w->l;
	uint32_t n = 0;

	for (uint32_t i = 0; i < l->nslots; i++)
		if (l->slots[i].column == column)
			w->sorted[n++] = (struct entry){
				.key = by_want ? l->slots[i].want : 0,
				.order = l->slots[i].order, .slot = i,
			};
	qsort(w->sorted, n, sizeof(*w->sorted), order_entries);
	return n;
}

/* Where its neighbours in column `other` would have each slot of `column`. */
static void
wish(struct work *w, uint32_t column, uint32_t other)
{
	struct graph_slot *const slots = w->l->slots;

	for (uint32_t i = 0; i < w->l->nslots; i++) {
		slots[i].want = 0;
		slots[i].nwants = 0;
	}
	for (uint32_t i = 0; i < w->njoints; i++)
		for (int side = 0; side < 2; side++) {
			const struct joint *const j = &w->joints[i];
			struct graph_slot *const s = &slots[j->slot[side]];
			const struct graph_slot *const t =
				&slots[j->slot[!side]];

			if (s->column != column || t->column != other)
				continue;
			s->want += t->y + j->at[!side] - j->at[side];
			s->nwants++;
		}
	for (uint32_t i = 0; i < w->l->nslots; i++) {
		if (slots[i].nwants > 0)
			slots[i].want /= (int64_t)slots[i].nwants;
		else
			slots[i].want = slots[i].y;
	}
}

/* Sort a column by what its slots want, and stack it. */
static void
sort_column(struct work *w, uint32_t column, uint32_t other)
{
	int y = 0;

	wish(w, column, other);
	const uint32_t n = gather(w, column, true);
	for (uint32_t i = 0; i < n; i++) {
		struct graph_slot *const s = &w->l->slots[w->sorted[i].slot];

		s->order = i;
		s->y = y;
		y += s->height + GAP;
	}
}

/*
 * Bring a column's slots near where they want to be, in their order and without
 * touching: the mean of pushing down and of pushing up.
 */
static void
place_column(struct work *w, uint32_t column, uint32_t other)
{
	struct graph_slot *const slots = w->l->slots;
	int64_t least = INT64_MIN, most = INT64_MAX;

	wish(w, column, other);
	const uint32_t n = gather(w, column, false);
	for (uint32_t i = n; i-- > 0;) {
		struct graph_slot *const s = &slots[w->sorted[i].slot];

		s->y = (int)(s->want < most - s->height ? s->want
							: most - s->height);
		most = s->y - GAP;
	}
	for (uint32_t i = 0; i < n; i++) {
		struct graph_slot *const s = &slots[w->sorted[i].slot];

		if (s->want < least)
			s->want = least;
		least = s->want + s->height + GAP;
	}
	/* Halves are cut, so one may be a little too near: down with it. */
	least = INT64_MIN;
	for (uint32_t i = 0; i < n; i++) {
		struct graph_slot *const s = &slots[w->sorted[i].slot];

		s->y = (int)((s->y + s->want) / 2);
		if (s->y < least)
			s->y = (int)least;
		least = s->y + s->height + GAP;
	}
}

static void
sweep(struct work *w, void (*step)(struct work *, uint32_t, uint32_t))
{
	const uint32_t n = w->l->ncolumns;

	for (int i = 0; i < SWEEPS; i++) {
		for (uint32_t c = 1; c < n; c++)
			step(w, c, c - 1);
		for (uint32_t c = n - 1; c-- > 0;)
			step(w, c, c + 1);
	}
}

/* The picture starts at the top, and is as high as it has to be. */
static void
settle(struct graph_layout *l)
{
	int top = 0;

	for (uint32_t i = 0; i < l->nslots; i++)
		if (i == 0 || l->slots[i].y < top)
			top = l->slots[i].y;
	for (uint32_t i = 0; i < l->nslots; i++) {
		struct graph_slot *const s = &l->slots[i];

		s->y += GRAPH_TOP - top;
		if (s->y + s->height > l->height)
			l->height = s->y + s->height;
	}
	l->height += 8;
	l->width = graph_x(l->ncolumns - 1) + GRAPH_WIDTH + 2;
	for (uint32_t i = 0; i < l->graph->nlinks; i++) {
		const uint32_t a = l->slots[l->graph->links[i].from].column;
		const uint32_t b = l->slots[l->graph->links[i].to].column;

		if (a == b && a == l->ncolumns - 1) {
			l->width += GRAPH_EDGE;
			break;
		}
	}
}

int
graph_layout(struct graph_layout *l, struct html_graph *g, struct arena *mem,
	     struct err *err)
{
	const size_t nslots = (size_t)MAX_SLOTS + g->nnodes;
	struct work w = { .l = l };

	*l = (struct graph_layout){ .graph = g };
	l->slots = take(mem, nslots, sizeof(*l->slots), err);
	l->levels = take(mem, g->nnodes, sizeof(*l->levels), err);
	l->row = take(mem, g->nlinks, sizeof(*l->row), err);
	l->nrows = take(mem, g->nnodes, sizeof(*l->nrows), err);
	l->via = take(mem, g->nlinks, sizeof(*l->via), err);
	w.joints = take(mem, 2 * nslots + g->nlinks, sizeof(*w.joints), err);
	w.sorted = take(mem, nslots, sizeof(*w.sorted), err);
	if (l->slots == NULL || l->levels == NULL || l->row == NULL ||
	    l->nrows == NULL || l->via == NULL || w.joints == NULL ||
	    w.sorted == NULL || find_levels(g, mem, err) != 0)
		return -1;
	make_columns(l);
	make_rows(l);
	make_passes(l);
	make_joints(&w);
	for (uint32_t i = 0; i < l->nslots; i++)
		l->slots[i].order = i;
	for (uint32_t c = 0; c < l->ncolumns; c++)
		sort_column(&w, c, GRAPH_NONE);
	sweep(&w, sort_column);
	sweep(&w, place_column);
	settle(l);
	return 0;
}
