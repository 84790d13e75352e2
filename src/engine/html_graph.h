/*
 * html_graph.h - where the parts of the picture of relationships go.
 *
 * A level is a column, the lowest on the left.  A link leaves its row of the
 * table that refers, to the side where the other table is, and ends beside that
 * one's name; links within a column leave and end on the right.  Where a link
 * passes a column between, room is kept for it, so it runs behind no table.
 */
#ifndef ENGINE_HTML_GRAPH_H
#define ENGINE_HTML_GRAPH_H

#include <stdint.h>

#include "engine/html_internal.h"

enum {
	GRAPH_WIDTH = 212,	/* of a table */
	GRAPH_HEAD = 42,	/* of its name and count */
	GRAPH_ROW = 18,		/* of a reference */
	GRAPH_GAP = 84,		/* between columns */
	GRAPH_LANE = 12,	/* room for a link that passes */
	GRAPH_TOP = 40,		/* room for the levels' names */
	GRAPH_EDGE = 70,	/* on the right, for links within a column */
	GRAPH_MAX_ROWS = 16,
	GRAPH_NONE = UINT32_MAX,
};

/* A table, or where a link passes a column. */
struct graph_slot {
	uint32_t column, order;
	int y, height;
	/* while places are sought */
	int64_t want;
	uint32_t nwants;
};

struct graph_layout {
	const struct html_graph *graph;
	struct graph_slot *slots;	/* the nodes', then the others */
	uint32_t nslots;
	uint32_t *levels;		/* of each column */
	uint32_t ncolumns;
	uint32_t *row;			/* of each link, in its node */
	uint32_t *nrows;		/* of each node */
	uint32_t *via;			/* of each link: its first slot, the */
					/* next ones follow; or GRAPH_NONE */
	int width, height;
};

/* Returns 0, or -1 if there is no memory. */
int graph_layout(struct graph_layout *l, struct html_graph *g,
		 struct arena *mem, struct err *err);

static inline int
graph_x(uint32_t column)
{
	return 1 + (int)column * (GRAPH_WIDTH + GRAPH_GAP);
}

#endif
