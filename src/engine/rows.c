#include "engine/rows.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "model/diff.h"
#include "model/item.h"
#include "model/path.h"

/* ---- what is ignored ----------------------------------------------------- */

/* How many bytes come before the next comma outside of quotes. */
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
	while (s.len > 0 && s.ptr[0] == ' ') {
		s.ptr++;
		s.len--;
	}
	while (s.len > 0 && s.ptr[s.len - 1] == ' ')
		s.len--;
	return s;
}

int
rows_ignored_parse(struct rows_ignored *g, const char *said, struct err *err)
{
	struct span text = said != NULL ? span_of(said)
					: (struct span){ NULL, 0 };
	size_t most = 1, at;

	*g = (struct rows_ignored){ 0 };
	if (said == NULL)
		return 0;
	for (size_t i = 0; i < text.len; i++)
		most += text.ptr[i] == ',';
	g->paths = calloc(most, sizeof(*g->paths));
	if (g->paths == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	for (;;) {
		const size_t n = path_len(text);
		const struct span one = trim((struct span){ text.ptr, n });

		if (path_parse(&g->paths[g->n], one, true, &at, err) != 0)
			return err_at(err, "--ignore '%.*s', column %zu",
				      (int)one.len, (const char *)one.ptr,
				      at + 1);
		g->n++;
		if (n == text.len)
			return 0;
		text = (struct span){ text.ptr + n + 1, text.len - n - 1 };
	}
}

void
rows_ignored_free(struct rows_ignored *g)
{
	for (size_t i = 0; i < g->n; i++)
		path_free(&g->paths[i]);
	free(g->paths);
	*g = (struct rows_ignored){ 0 };
}

static bool
fits(const struct path_part *rule, const struct path_part *part)
{
	switch (rule->kind) {
	case PATH_NAME:
		return part->kind == PATH_NAME &&
		       span_equal(rule->name, part->name);
	case PATH_INDEX:
		return part->kind == PATH_INDEX && rule->index == part->index;
	case PATH_ALL_ELEMENTS:
		return part->kind == PATH_INDEX;
	default:
		return part->kind == PATH_NAME;
	}
}

/* Is it one of the paths, or inside what one of them means? */
static bool
is_ignored(const struct rows_ignored *g, const struct path *p)
{
	for (size_t i = 0; g != NULL && i < g->n; i++) {
		const struct path *const rule = &g->paths[i];
		size_t k = 0;

		while (k < rule->nparts && k < p->nparts &&
		       fits(&rule->parts[k], &p->parts[k]))
			k++;
		if (k == rule->nparts)
			return true;
	}
	return false;
}

/* ---- differences --------------------------------------------------------- */

struct looking {
	const struct rows_ignored *ignored;
	bool some;
	struct arena *mem;
	struct buf path;
	struct row *rows;
	size_t n, cap;
};

static int
note_one(void *context, const struct diff_change *c, struct err *err)
{
	struct looking *const l = context;

	(void)err;
	if (is_ignored(l->ignored, c->path))
		return 0;
	l->some = true;
	return 1;
}

int
rows_differ(const struct rows_ignored *ignored, const struct value *was,
	    const struct value *is, struct arena *mem, struct err *err)
{
	struct looking l = { .ignored = ignored };

	if (diff_values(was, is, mem, note_one, &l, err) < 0)
		return -1;
	return l.some;
}

static const struct value *
keep(struct arena *mem, const struct value *v, struct err *err)
{
	struct value *const copy = arena_take(mem, sizeof(*copy), err);

	if (copy != NULL)
		*copy = *v;
	return copy;
}

static int
add_row(struct looking *l, const struct diff_change *c, struct err *err)
{
	if (l->n == l->cap) {
		const size_t cap = l->cap == 0 ? 8 : 2 * l->cap;
		struct row *const more =
			arena_take(l->mem, cap * sizeof(*more), err);

		if (more == NULL)
			return -1;
		if (l->n > 0)
			memcpy(more, l->rows, l->n * sizeof(*more));
		l->rows = more;
		l->cap = cap;
	}
	struct row *const r = &l->rows[l->n];

	*r = (struct row){ .depth = c->path->nparts };
	buf_reset(&l->path);
	if (path_print(c->path, &l->path, err) != 0)
		return -1;
	r->path = arena_copy(l->mem, buf_span(&l->path), err);
	if (r->path.ptr == NULL ||
	    (c->was != NULL && (r->was = keep(l->mem, c->was, err)) == NULL) ||
	    (c->is != NULL && (r->is = keep(l->mem, c->is, err)) == NULL))
		return -1;
	l->n++;
	return 0;
}

static int
note_all(void *context, const struct diff_change *c, struct err *err)
{
	struct looking *const l = context;

	return is_ignored(l->ignored, c->path) ? 0 : add_row(l, c, err);
}

int
rows_of(const struct rows_ignored *ignored, const struct value *was,
	const struct value *is, struct arena *mem, struct row **rows,
	size_t *n, struct err *err)
{
	struct looking l = { .ignored = ignored, .mem = mem };
	const int rc = diff_values(was, is, mem, note_all, &l, err);

	buf_free(&l.path);
	*rows = l.rows;
	*n = l.n;
	return rc < 0 ? -1 : 0;
}
