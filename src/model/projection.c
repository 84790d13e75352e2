/*
 * projection.c - paths grown together into a tree; node 0 is the item.
 */
#include "model/projection.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "model/item.h"
#include "model/path.h"

struct node {
	struct path_part part;	/* the step from the node above */
	uint32_t first, next;	/* child, sibling; 0: none */
	uint32_t nkids;
	bool whole;		/* a path ends here */
};

struct projection {
	struct path *paths;
	size_t npaths;
	struct node *nodes;
	uint32_t nnodes;
};

/* ---- parsing ------------------------------------------------------------- */

/* How many bytes of `text` come before the next comma outside of quotes. */
static size_t
path_len(struct span text)
{
	bool quoted = false;
	size_t i = 0;

	for (; i < text.len && (quoted || text.ptr[i] != ','); i++)
		quoted ^= text.ptr[i] == '"';
	return i;
}

static struct span
trim(struct span s)
{
	while (s.len > 0 && (s.ptr[0] == ' ' || s.ptr[0] == '\t' ||
			     s.ptr[0] == '\n')) {
		s.ptr++;
		s.len--;
	}
	while (s.len > 0 && (s.ptr[s.len - 1] == ' ' ||
			     s.ptr[s.len - 1] == '\t' ||
			     s.ptr[s.len - 1] == '\n'))
		s.len--;
	return s;
}

static int
parse_paths(struct projection *p, struct span text, struct err *err)
{
	for (;;) {
		const size_t n = path_len(text);
		const struct span one = trim((struct span){ text.ptr, n });
		size_t at;

		if (path_parse(&p->paths[p->npaths], one, false, &at,
			       err) != 0)
			return err_at(err, "'%.*s', column %zu", (int)one.len,
				      (const char *)one.ptr, at + 1);
		p->npaths++;
		if (n == text.len)
			return 0;
		text = (struct span){ text.ptr + n + 1, text.len - n - 1 };
	}
}

static bool
same_part(const struct path_part *a, const struct path_part *b)
{
	return a->kind == b->kind && a->index == b->index &&
	       span_equal(a->name, b->name);
}

/* The child that `part` leads to, made if it is not there; 0: it cannot be. */
static uint32_t
child(struct projection *p, uint32_t above, const struct path_part *part)
{
	uint32_t *link = &p->nodes[above].first;

	for (; *link != 0; link = &p->nodes[*link].next) {
		const struct node *const n = &p->nodes[*link];

		if (same_part(&n->part, part))
			return *link;
		if (n->part.kind != part->kind)
			return 0;
		if (part->kind == PATH_INDEX && n->part.index > part->index)
			break;
	}
	p->nodes[p->nnodes] = (struct node){ .part = *part, .next = *link };
	*link = p->nnodes;
	p->nodes[above].nkids++;
	return p->nnodes++;
}

static int
add_path(struct projection *p, const struct path *path, struct err *err)
{
	uint32_t at = 0;

	for (size_t i = 0; i < path->nparts; i++) {
		at = child(p, at, &path->parts[i]);
		if (at == 0)
			return err_set(err, ERR_USAGE, "Two document paths "
				       "conflict with each other");
		if (p->nodes[at].whole ||
		    (i + 1 == path->nparts && p->nodes[at].first != 0))
			return err_set(err, ERR_USAGE, "Two document paths "
				       "overlap with each other");
	}
	p->nodes[at].whole = true;
	return 0;
}

struct projection *
projection_parse(struct span text, struct err *err)
{
	struct projection *const p = calloc(1, sizeof(*p));
	size_t npaths = 1, nnodes = 1;

	for (size_t i = 0; i < text.len; i++)
		npaths += text.ptr[i] == ',';
	if (p != NULL)
		p->paths = calloc(npaths, sizeof(*p->paths));
	if (p == NULL || p->paths == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		goto failed;
	}
	if (parse_paths(p, text, err) != 0)
		goto failed;
	for (size_t i = 0; i < p->npaths; i++)
		nnodes += p->paths[i].nparts;
	p->nodes = calloc(nnodes, sizeof(*p->nodes));
	if (p->nodes == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		goto failed;
	}
	p->nnodes = 1;
	for (size_t i = 0; i < p->npaths; i++)
		if (add_path(p, &p->paths[i], err) != 0)
			goto failed;
	return p;
failed:
	projection_free(p);
	return NULL;
}

void
projection_free(struct projection *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; p->paths != NULL && i < p->npaths; i++)
		path_free(&p->paths[i]);
	free(p->paths);
	free(p->nodes);
	free(p);
}

size_t
projection_npaths(const struct projection *p)
{
	return p->npaths;
}

const struct path *
projection_path(const struct projection *p, size_t i)
{
	return &p->paths[i];
}

/* ---- applying ------------------------------------------------------------ */

/* What `in`, a map or a list, has of the children of a node. */
static int
project(const struct projection *p, const struct node *node,
	const struct value *in, struct arena *mem, struct value *out,
	struct err *err)
{
	const uint32_t width = in->type == VALUE_M ? 2 : 1;
	struct value *const kids = arena_take(mem, (size_t)node->nkids *
					      width * sizeof(*kids), err);
	uint32_t n = 0;

	if (kids == NULL)
		return -1;
	for (uint32_t i = node->first; i != 0; i = p->nodes[i].next) {
		const struct node *const c = &p->nodes[i];
		const struct value *const v = path_step(&c->part, in);
		struct value *const to = &kids[n + width - 1];

		if (v == NULL)
			continue;
		*to = *v;
		if (!c->whole) {
			if (v->type != VALUE_M && v->type != VALUE_L)
				continue;
			if (project(p, c, v, mem, to, err) != 0)
				return -1;
			if (to->len == 0)
				continue;
		}
		if (width == 2)
			kids[n] = v[-1];
		n += width;
	}
	*out = value_of_kids((enum value_type)in->type, kids, n);
	return 0;
}

int
projection_apply(const struct projection *p, const struct value *map,
		 struct arena *mem, struct value *out, struct err *err)
{
	return project(p, &p->nodes[0], map, mem, out, err);
}
