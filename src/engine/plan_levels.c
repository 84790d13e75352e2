/*
 * plan_levels.c - which tables refer to which: levels, cycles (Tarjan's
 * strongly connected components; a level is one more than the highest level
 * among what is referred to, and the tables of a cycle share one).
 */
#include <stdlib.h>

#include "engine/plan_internal.h"

struct graph {
	struct plan *p;
	uint32_t *edges;	/* of all tables, one after the other */
	size_t nedges;
	uint32_t *start;	/* of each table's edges; one more at the end */
	/* Tarjan's */
	uint32_t *order, *low, *stack, *path, *next;
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
	g->path = plan_take(p, n, sizeof(uint32_t), err);
	g->next = plan_take(p, n, sizeof(uint32_t), err);
	g->on_stack = plan_take(p, n, sizeof(bool), err);
	if (g->start == NULL || g->order == NULL || g->low == NULL ||
	    g->stack == NULL || g->path == NULL || g->next == NULL ||
	    g->on_stack == NULL)
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

int
plan_build_levels(struct plan *p, struct err *err)
{
	struct graph g = { .p = p };

	if (draw(&g, err) != 0)
		return -1;
	for (uint32_t v = 0; v < p->ntables; v++)
		if (g.order[v] == 0)
			walk(&g, v);
	return 0;
}
