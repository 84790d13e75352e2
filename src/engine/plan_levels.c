/*
 * plan_levels.c - which tables refer to which: levels, cycles (Tarjan's
 * strongly connected components; a level is one more than the highest level
 * among what is referred to, and the tables of a cycle share one).  Of each
 * component the shortest cycle through its first table is kept, to be named.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/plan_internal.h"

struct graph {
	struct plan *p;
	uint32_t *edges;	/* of all tables, one after the other */
	size_t nedges;
	uint32_t *start;	/* of each table's edges; one more at the end */
	/* Tarjan's */
	uint32_t *order, *low, *stack, *path, *next;
	uint32_t *component;	/* one more than its first table in order */
	bool *on_stack;
	uint32_t nstack, norder, table;
};

static int
add_edge(void *context, const struct tree *t, const char *table,
	 struct err *err)
{
	struct graph *const g = context;
	const uint32_t to = plan_table_named(g->p, table);

	(void)t;
	if (to == PLAN_NONE)
		return 0;
	if (to == g->table) {
		g->p->tables[to].self_ref = true;
		return 0;
	}
	if (plan_grow(g->p, &g->edges, g->nedges, sizeof(*g->edges), err) != 0)
		return -1;
	g->edges[g->nedges++] = to;
	return 0;
}

static int
draw(struct graph *g, struct err *err)
{
	struct plan *const p = g->p;
	const size_t n = p->ntables + 1;

	g->start = plan_take(p, n, sizeof(uint32_t), err);
	g->order = plan_take(p, n, sizeof(uint32_t), err);
	g->low = plan_take(p, n, sizeof(uint32_t), err);
	g->stack = plan_take(p, n, sizeof(uint32_t), err);
	g->path = plan_take(p, n + 1, sizeof(uint32_t), err);
	g->next = plan_take(p, n, sizeof(uint32_t), err);
	g->on_stack = plan_take(p, n, sizeof(bool), err);
	g->component = plan_take(p, n, sizeof(uint32_t), err);
	if (g->start == NULL || g->order == NULL || g->low == NULL ||
	    g->stack == NULL || g->path == NULL || g->next == NULL ||
	    g->on_stack == NULL || g->component == NULL)
		return -1;
	for (g->table = 0; g->table < p->ntables; g->table++) {
		const struct plan_entry *const e =
			plan_entry_for(&p->parts->parts[0],
				       p->tables[g->table].name);

		g->start[g->table] = (uint32_t)g->nedges;
		if (e != NULL &&
		    plan_each_target(p, e, add_edge, g, err) != 0)
			return -1;
	}
	g->start[p->ntables] = (uint32_t)g->nedges;
	return 0;
}

/* A component is whole: all above `v` on the stack. */
static void
close_component(struct graph *g, uint32_t v)
{
	struct plan_table *const tables = g->p->tables;
	const uint32_t top = g->nstack;
	uint32_t level = 0, first = top;

	do {
		const uint32_t w = g->stack[--first];

		for (uint32_t i = g->start[w]; i < g->start[w + 1]; i++)
			if (tables[g->edges[i]].level > level)
				level = tables[g->edges[i]].level;
	} while (g->stack[first] != v);
	for (uint32_t i = first; i < top; i++) {
		tables[g->stack[i]].level = level + 1;
		tables[g->stack[i]].cycle = top - first > 1;
		g->component[g->stack[i]] = v + 1;
		g->on_stack[g->stack[i]] = false;
	}
	g->nstack = first;
}

static void
enter(struct graph *g, uint32_t v)
{
	g->order[v] = g->low[v] = ++g->norder;
	g->next[v] = g->start[v];
	g->stack[g->nstack++] = v;
	g->on_stack[v] = true;
}

/* Without recursion: a chain of tables may be as long as there are tables. */
static void
walk(struct graph *g, uint32_t root)
{
	uint32_t depth = 0;

	g->path[depth] = root;
	enter(g, root);
	for (;;) {
		const uint32_t v = g->path[depth];

		if (g->next[v] < g->start[v + 1]) {
			const uint32_t w = g->edges[g->next[v]++];

			if (g->order[w] == 0) {
				enter(g, w);
				g->path[++depth] = w;
			} else if (g->on_stack[w] && g->order[w] < g->low[v]) {
				g->low[v] = g->order[w];
			}
			continue;
		}
		if (g->low[v] == g->order[v])
			close_component(g, v);
		if (depth == 0)
			return;
		const uint32_t u = g->path[--depth];
		if (g->low[v] < g->low[u])
			g->low[u] = g->low[v];
	}
}

/* ---- cycles, to be named ------------------------------------------------- */

static int
add_cycle(struct graph *g, const uint32_t *tables, size_t n, struct err *err)
{
	struct plan *const p = g->p;
	uint32_t *const list = plan_take(p, n, sizeof(*list), err);

	if (list == NULL ||
	    plan_grow(p, &p->cycles, p->ncycles, sizeof(*p->cycles), err) != 0)
		return -1;
	memcpy(list, tables, n * sizeof(*list));
	p->cycles[p->ncycles++] = (struct plan_cycle){ list, n };
	return 0;
}

/*
 * Breadth first from `v` within its component, until an edge leads back.  The
 * arrays of the walk are free again: `order` says from where a table was
 * reached, one more than its number, and `stack` is the queue.
 */
static int
find_cycle(struct graph *g, uint32_t v, struct err *err)
{
	uint32_t head = 0, tail = 0, n = 0;

	memset(g->order, 0, g->p->ntables * sizeof(*g->order));
	g->stack[tail++] = v;
	while (head < tail) {
		const uint32_t from = g->stack[head++];

		for (uint32_t i = g->start[from]; i < g->start[from + 1]; i++) {
			const uint32_t to = g->edges[i];

			if (to != v && g->component[to] == g->component[v] &&
			    g->order[to] == 0) {
				g->order[to] = from + 1;
				g->stack[tail++] = to;
			}
			if (to != v)
				continue;
			/* Back along the way, which is written from its end. */
			uint32_t *const way = g->path;
			const uint32_t size = (uint32_t)g->p->ntables;

			for (uint32_t w = from; w != v; w = g->order[w] - 1)
				way[size - 1 - n++] = w;
			memmove(way + 1, way + size - n, n * sizeof(*way));
			way[0] = way[n + 1] = v;
			return add_cycle(g, way, n + 2, err);
		}
	}
	return 0;
}

/* Of each component with several tables, and of who refers to itself. */
static int
find_cycles(struct graph *g, struct err *err)
{
	struct plan *const p = g->p;
	bool *const told = plan_take(p, p->ntables + 1, sizeof(*told), err);

	if (told == NULL)
		return -1;
	for (uint32_t v = 0; v < p->ntables; v++) {
		const uint32_t itself[2] = { v, v };

		if (p->tables[v].self_ref && add_cycle(g, itself, 2, err) != 0)
			return -1;
		if (!p->tables[v].cycle || told[g->component[v]])
			continue;
		told[g->component[v]] = true;
		if (find_cycle(g, v, err) != 0)
			return -1;
	}
	return 0;
}

int
plan_build_levels(struct plan *p, struct err *err)
{
	struct graph g = { .p = p };

	p->cycles = NULL;
	p->ncycles = 0;
	if (draw(&g, err) != 0)
		return -1;
	for (uint32_t v = 0; v < p->ntables; v++)
		if (g.order[v] == 0)
			walk(&g, v);
	return find_cycles(&g, err);
}
