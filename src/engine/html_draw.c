/* html_draw.c - the picture of tables and relationships, as SVG. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/plural.h"
#include "engine/html_graph.h"
#include "formats/tree.h"

enum {
	NAME_COLUMNS = 23, ROW_COLUMNS = 27,	/* what fits in a table's box */
	ARROW = 8,
};

uint32_t
html_graph_node(struct html_graph *g, struct span name)
{
	for (uint32_t i = 0; i < g->nnodes; i++)
		if (span_equal(g->nodes[i].name, name))
			return i;
	if (g->nnodes > HTML_MAX_NODES)
		return g->nnodes - 1;	/* it will not be drawn */
	g->nodes[g->nnodes] = (struct html_node){ .name = name };
	return g->nnodes++;
}

void
html_graph_link(struct html_graph *g, const struct html_link *link)
{
	if (g->nlinks <= HTML_MAX_LINKS)
		g->links[g->nlinks++] = *link;
}

int
html_graph_start(struct html_graph *g, struct arena *mem, struct err *err)
{
	*g = (struct html_graph){
		.nodes = arena_take(mem, (HTML_MAX_NODES + 1) *
				    sizeof(*g->nodes), err),
	};
	if (g->nodes != NULL)
		g->links = arena_take(mem, (HTML_MAX_LINKS + 1) *
				      sizeof(*g->links), err);
	return g->links != NULL ? 0 : -1;
}

/* ---- from a report ------------------------------------------------------- */

/* A run's report has the counts beside the name, an analysis below `counts`. */
static void
add_table(struct html_graph *g, const struct tree *t, const char *name)
{
	const uint32_t i = html_graph_node(g, html_text(t, name));
	const struct tree *const counts = html_get(t, "counts");

	g->nodes[i].items = html_uint(counts != NULL ? counts : t, "read");
	g->nodes[i].level = (uint32_t)html_uint(t, "level");
	g->nodes[i].read = true;
}

bool
html_graph_tables(struct html_page *p, struct html_graph *g, const char *name)
{
	const struct tree *const tables = html_get(p->root, "tables");

	if (html_graph_start(g, &p->mem, p->err) != 0) {
		p->m.failed = true;
		return false;
	}
	for (uint32_t i = 0; i < html_len(tables); i++)
		add_table(g, &tables->kids[i], name);
	return true;
}

void
html_graph_refer(struct html_graph *g, struct span from, struct span to,
		 struct html_link link)
{
	link.from = html_graph_node(g, from);
	link.to = html_graph_node(g, to);
	html_graph_link(g, &link);
}

/* ---- texts --------------------------------------------------------------- */

static void
start_text(struct html_page *p, int x, int y, const char *class)
{
	markup_open(&p->m, "text", "class", class, NULL);
	markup_attr(&p->m, "x", "%d", x);
	markup_attr(&p->m, "y", "%d", y);
}

/* As wide as how many letters?  What is not seen is named: "[U+200B]". */
static int
columns_of(const uint8_t *c)
{
	if (c[0] == 0xe2 && (c[1] == 0x80 || c[1] == 0x81))
		return 8;
	return c[0] >= 0xe3 ? 2 : 1;
}

/*
 * As much of `s` as fits, as if in letters of one width.  What is wider after
 * all is cut off by the box.
 */
static void
write_fitting(struct html_page *p, struct span s, int columns)
{
	size_t at = 0, last = 0;

	for (; at < s.len && columns >= 0; at++) {
		if ((s.ptr[at] & 0xc0) == 0x80)
			continue;
		if (columns > 0)
			last = at;
		columns -= columns_of(s.ptr + at);
	}
	if (columns < 0)
		s.len = last;
	markup_text(&p->m, s);
	if (columns < 0)
		markup_printf(&p->m, "\u2026");
}

/* ---- links --------------------------------------------------------------- */

/* Half way along, level at both ends. */
static int
curve(struct buf *d, int x0, int y0, int x1, int y1, struct err *err)
{
	const int mid = (x0 + x1) / 2;

	return buf_printf(d, err, "C%d %d %d %d %d %d", mid, y0, mid, y1, x1,
			  y1);
}

struct ends {
	int x0, y0, x1, y1;	/* where it leaves, and where it arrives */
	int turn;		/* x grows along it: 1, shrinks: -1 */
	bool bend;		/* it comes back to where it left */
};

static struct ends
find_ends(const struct graph_layout *l, uint32_t i)
{
	const struct html_link *const k = &l->graph->links[i];
	const struct graph_slot *const a = &l->slots[k->from];
	const struct graph_slot *const b = &l->slots[k->to];
	const int ax = graph_x(a->column), bx = graph_x(b->column);
	struct ends e = {
		.y0 = a->y + GRAPH_HEAD + (int)l->row[i] * GRAPH_ROW +
		      GRAPH_ROW / 2,
		.y1 = b->y + GRAPH_HEAD / 2,
	};

	e.bend = a->column == b->column;
	e.turn = b->column > a->column ? 1 : -1;
	e.x0 = e.turn > 0 || e.bend ? ax + GRAPH_WIDTH : ax;
	e.x1 = e.turn > 0 ? bx : bx + GRAPH_WIDTH;
	/* Declared ones arrive above what was discovered. */
	e.y1 += k->kind == HTML_DISCOVERED ? 6 : -2;
	return e;
}

static int
make_path(const struct graph_layout *l, uint32_t i, const struct ends *e,
	  struct buf *d, struct err *err)
{
	const struct html_link *const k = &l->graph->links[i];
	const int end = e->x1 - e->turn * ARROW;
	int x = e->x0, y = e->y0;

	buf_reset(d);
	if (buf_printf(d, err, "M%d %d", x, y) != 0)
		return -1;
	if (e->bend) {
		/* Further out the further it goes, within the gap. */
		const int far = e->y0 > e->y1 ? e->y0 - e->y1 : e->y1 - e->y0;
		const int out = x + 26 + (far < 400 ? far / 10 : 40);

		return buf_printf(d, err, "C%d %d %d %d %d %d", out, e->y0,
				  out, e->y1, end, e->y1);
	}
	for (uint32_t c = l->slots[k->from].column, s = l->via[i];
	     s != GRAPH_NONE; s++) {
		c = e->turn > 0 ? c + 1 : c - 1;
		if (c == l->slots[k->to].column)
			break;
		const int near = graph_x(c) + (e->turn > 0 ? 0 : GRAPH_WIDTH);
		const int row = l->slots[s].y + GRAPH_LANE / 2;

		if (curve(d, x, y, near, row, err) != 0)
			return -1;
		x = near + e->turn * GRAPH_WIDTH;
		y = row;
		if (buf_printf(d, err, "H%d", x) != 0)
			return -1;
	}
	return curve(d, x, y, end, e->y1, err);
}

/* Where it leaves: a dot, a ring if it was discovered, a cross if it dangles */
static void
draw_start(struct html_page *p, const struct html_link *k, int x, int y)
{
	struct markup *const m = &p->m;

	if (k->dangling > 0) {
		markup_open(m, "path", "class", "cross", NULL);
		markup_attr(m, "d", "M%d %dl7 7m0 -7l-7 7", x - 4, y - 3);
	} else {
		markup_open(m, "circle", "class", k->kind == HTML_DISCOVERED
			    ? "ring" : "dot", "r", "3", NULL);
		markup_attr(m, "cx", "%d", x);
		markup_attr(m, "cy", "%d", y);
	}
	markup_close(m);
}

static void
write_title(struct html_page *p, const struct html_graph *g,
	    const struct html_link *k)
{
	struct markup *const m = &p->m;
	char a[HTML_NUMBER], b[HTML_NUMBER];

	markup_open(m, "title", NULL);
	markup_clip(m, g->nodes[k->from].name, 100);
	markup_printf(m, ".");
	markup_clip(m, k->path, 100);
	markup_printf(m, " \u2192 ");
	markup_clip(m, g->nodes[k->to].name, 100);
	markup_printf(m, ": %s, %s dangling%s",
		      html_plural(k->values, "value", a),
		      html_count(k->dangling, b),
		      k->kind == HTML_DISCOVERED ? ", discovered" : "");
	markup_close(m);
}

static int
draw_link(struct html_page *p, const struct graph_layout *l, uint32_t i,
	  struct buf *d)
{
	const struct html_link *const k = &l->graph->links[i];
	const struct ends e = find_ends(l, i);
	struct markup *const m = &p->m;

	if (make_path(l, i, &e, d, p->err) != 0)
		return -1;
	markup_raw(m, span_of("\n"));
	markup_open(m, "g", NULL);
	markup_attr(m, "class", "link %s%s", k->kind == HTML_DISCOVERED
		    ? "discovered" : "declared", k->dangling > 0
		    ? " dangling" : "");
	write_title(p, l->graph, k);
	markup_open(m, "path", "class", "line", NULL);
	markup_attr_span(m, "d", buf_span(d));
	markup_close(m);
	markup_open(m, "path", "class", "arrow", NULL);
	markup_attr(m, "d", "M%d %dl%d -4v8z", e.x1, e.y1, -e.turn * ARROW);
	markup_close(m);
	draw_start(p, k, e.x0, e.y0);
	markup_close(m);
	return 0;
}

/* ---- tables -------------------------------------------------------------- */

static void
draw_row(struct html_page *p, const struct graph_layout *l, uint32_t i)
{
	const struct html_link *const k = &l->graph->links[i];
	const int y = GRAPH_HEAD + (int)l->row[i] * GRAPH_ROW + 13;
	const uint32_t all = l->nrows[k->from];
	char more[HTML_NUMBER] = "", count[HTML_NUMBER];
	int columns = ROW_COLUMNS;

	if (l->row[i] == GRAPH_MAX_ROWS - 1 && all > GRAPH_MAX_ROWS) {
		start_text(p, 10, y, "dim");
		markup_printf(&p->m, "and %u more",
			      all - (GRAPH_MAX_ROWS - 1));
		markup_close(&p->m);
		return;
	}
	if (k->dangling > 0) {
		snprintf(more, sizeof(more), "\u2717 %s",
			 html_count(k->dangling, count));
		columns -= (int)strlen(count) + 3;
	} else if (k->kind == HTML_DISCOVERED) {
		snprintf(more, sizeof(more), "found");
		columns -= 6;
	}
	start_text(p, 10, y, k->kind == HTML_DISCOVERED ? "path found"
		   : "path");
	write_fitting(p, k->path, columns);
	markup_close(&p->m);
	if (more[0] == '\0')
		return;
	markup_open(&p->m, "text", "class", k->dangling > 0 ? "badge"
		    : "badge dim", "text-anchor", "end", NULL);
	markup_attr(&p->m, "x", "%d", GRAPH_WIDTH - 9);
	markup_attr(&p->m, "y", "%d", y);
	markup_printf(&p->m, "%s", more);
	markup_close(&p->m);
}

static void
draw_node(struct html_page *p, const struct graph_layout *l, uint32_t i)
{
	const struct html_node *const node = &l->graph->nodes[i];
	const struct graph_slot *const s = &l->slots[i];
	struct markup *const m = &p->m;
	char text[HTML_NUMBER];
	bool last = false;

	markup_raw(m, span_of("\n"));
	markup_open(m, "svg", "class", node->read ? "node" : "node away",
		    NULL);
	markup_attr(m, "x", "%d", graph_x(s->column));
	markup_attr(m, "y", "%d", s->y);
	markup_attr(m, "width", "%d", GRAPH_WIDTH);
	markup_attr(m, "height", "%d", s->height);
	markup_open(m, "title", NULL);
	markup_clip(m, node->name, 200);
	markup_close(m);
	markup_open(m, "rect", "class", "box", "x", ".5", "y", ".5", NULL);
	markup_attr(m, "width", "%d", GRAPH_WIDTH - 1);
	markup_attr(m, "height", "%d", s->height - 1);
	markup_close(m);
	start_text(p, 10, 18, "name");
	write_fitting(p, node->name, NAME_COLUMNS);
	markup_close(m);
	start_text(p, 10, 33, "dim");
	if (node->read)
		markup_printf(m, "%s", html_plural(node->items, "item",
						     text));
	else
		markup_printf(m, "not read in this job");
	markup_close(m);
	if (l->nrows[i] > 0) {
		markup_open(m, "path", "class", "rule", NULL);
		markup_attr(m, "d", "M0 %d.5H%d", GRAPH_HEAD - 2, GRAPH_WIDTH);
		markup_close(m);
	}
	for (uint32_t k = 0; k < l->graph->nlinks && !last; k++)
		if (l->graph->links[k].from == i) {
			draw_row(p, l, k);
			last = l->row[k] == GRAPH_MAX_ROWS - 1;
		}
	markup_close(m);
}

/* ---- the picture --------------------------------------------------------- */

static void
draw_key(struct html_page *p, const char *class, const char *text)
{
	struct markup *const m = &p->m;
	const struct html_link k = {
		.kind = strcmp(class, "discovered") == 0 ? HTML_DISCOVERED
			: HTML_DECLARED,
		.dangling = strcmp(class, "dangling") == 0,
	};

	markup_open(m, "span", "class", "key", NULL);
	markup_open(m, "svg", "width", "46", "height", "12", "aria-hidden",
		    "true", "focusable", "false", NULL);
	markup_open(m, "g", NULL);
	markup_attr(m, "class", "link %s", class);
	markup_open(m, "path", "class", "line", "d", "M6 6H34", NULL);
	markup_close(m);
	markup_open(m, "path", "class", "arrow", "d", "M44 6l-8 -4v8z", NULL);
	markup_close(m);
	draw_start(p, &k, 6, 6);
	markup_close(m);
	markup_close(m);
	markup_printf(m, " %s", text);
	markup_close(m);
	markup_raw(m, span_of(" "));
}

static void
write_caption(struct html_page *p)
{
	struct markup *const m = &p->m;

	markup_open(m, "figcaption", NULL);
	markup_printf(m, "Tables by dependency level: a table refers to those "
		      "on its left. ");
	draw_key(p, "declared", "declared in the plan");
	draw_key(p, "discovered", "discovered in the data");
	draw_key(p, "dangling", "some values find nothing (\u2717 how many)");
	markup_close(m);
}

static void
draw_all(struct html_page *p, const struct graph_layout *l)
{
	const struct html_graph *const g = l->graph;
	struct markup *const m = &p->m;
	struct buf d = { 0 };

	/* What is a little too wide may shrink; on a phone all of it scrolls. */
	markup_open(m, "svg", "role", "img", "class", l->width > 800 &&
		    l->width < 1400 ? "fit" : NULL, NULL);
	markup_attr(m, "aria-label", "%u table%s in %u level%s and %u "
		    "relationship%s; the tables below say the same",
		    g->nnodes, plural(g->nnodes), l->ncolumns,
		    plural(l->ncolumns), g->nlinks, plural(g->nlinks));
	markup_attr(m, "viewBox", "0 0 %d %d", l->width, l->height);
	markup_attr(m, "width", "%d", l->width);
	markup_attr(m, "height", "%d", l->height);
	for (uint32_t c = 0; c < l->ncolumns; c++) {
		start_text(p, graph_x(c), 16, "level");
		markup_printf(m, "Level %u", l->levels[c]);
		markup_close(m);
		markup_open(m, "path", "class", "rule", NULL);
		markup_attr(m, "d", "M%d 24.5h%d", graph_x(c), GRAPH_WIDTH);
		markup_close(m);
	}
	/* Those that dangle last, so that no other is drawn over them. */
	for (int dangling = 0; dangling < 2; dangling++)
		for (uint32_t i = 0; i < g->nlinks && !m->failed; i++)
			if ((g->links[i].dangling > 0) == dangling &&
			    draw_link(p, l, i, &d) != 0)
				m->failed = true;
	for (uint32_t i = 0; i < g->nnodes; i++)
		draw_node(p, l, i);
	markup_close(m);
	buf_free(&d);
}

void
html_graph_figure(struct html_page *p, struct html_graph *g)
{
	struct markup *const m = &p->m;
	struct graph_layout l;

	if (g->nnodes == 0)
		return;
	if (g->nnodes > HTML_MAX_NODES || g->nlinks > HTML_MAX_LINKS) {
		html_leaf(p, "p", "note", "There are too many tables or "
			  "relationships for a picture; what follows has them "
			  "all.");
		return;
	}
	if (graph_layout(&l, g, &p->mem, p->err) != 0) {
		m->failed = true;
		return;
	}
	markup_open(m, "figure", "class", "graph", NULL);
	markup_open(m, "div", "class", "scroll", "role", "group", "tabindex",
		    "0", "aria-label", "Picture of tables and relationships",
		    NULL);
	draw_all(p, &l);
	markup_close(m);
	write_caption(p);
	markup_close(m);
}
