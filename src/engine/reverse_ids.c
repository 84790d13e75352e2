/* reverse_ids.c - the rules of a table, where its steps moved their values. */
#include <string.h>

#include "base/buf.h"
#include "engine/reverse_internal.h"
#include "expr/expr.h"

/* ---- where attributes went ----------------------------------------------- */

static bool
same_part(const struct path_part *a, const struct path_part *b)
{
	return a->kind == b->kind && a->index == b->index &&
	       (a->kind != PATH_NAME || span_equal(a->name, b->name));
}

/* If `from` is the beginning of the path, `to` takes its place. */
static void
move(struct page *g, struct path *path, const struct path *from,
     const struct path *to)
{
	size_t n = 0;

	if (from->nparts > path->nparts)
		return;
	for (size_t i = 0; i < from->nparts; i++)
		if (!same_part(&from->parts[i], &path->parts[i]))
			return;

	struct path_part *const parts = arena_take(&g->mem,
		(to->nparts + path->nparts) * sizeof(*parts), g->err);
	if (parts == NULL) {
		g->rc = -1;
		return;
	}
	for (size_t i = 0; i < to->nparts; i++)
		parts[n++] = to->parts[i];
	for (size_t i = from->nparts; i < path->nparts; i++)
		parts[n++] = path->parts[i];
	*path = (struct path){ parts, n };
}

static int
keep_path(struct page *g, const struct path *from, struct path *out)
{
	struct path_part *const parts = arena_take(&g->mem,
		(from->nparts + 1) * sizeof(*parts), g->err);

	*out = (struct path){ parts, from->nparts };
	g->rc = parts == NULL ? -1 : 0;
	for (size_t i = 0; i < from->nparts && g->rc == 0; i++) {
		parts[i] = from->parts[i];
		if (parts[i].kind != PATH_NAME)
			continue;
		parts[i].name = arena_copy(&g->mem, parts[i].name, g->err);
		g->rc = parts[i].name.ptr == NULL ? -1 : 0;
	}
	return g->rc;
}

/* Where a value of the source may be by now. */
struct trail {
	struct path at[8];
	size_t n;
};

/*
 * One step: what is moved is there and no longer here, unless the step has a
 * `when`; what is copied is in both places.
 */
static void
follow_step(struct page *g, const struct plan_step *s, struct trail *t)
{
	const size_t n = t->n;
	const struct path *from, *to;

	for (size_t k = 0; k < n; k++) {
		const struct path before = t->at[k];
		struct path now = before;

		/* All pairs at once: the first that fits is the only one. */
		for (size_t i = 0; i < s->nrenames &&
		     now.parts == before.parts; i++)
			move(g, &now, &s->renames[i].from, &s->renames[i].to);
		for (size_t i = 0; s->kind == STEP_EXPAND && i < s->nshifts &&
		     now.parts == before.parts; i++)
			move(g, &now, &s->shifts[i].from, &s->shifts[i].to);
		for (size_t i = 0; s->kind == STEP_UPDATE && now.parts ==
		     before.parts && i < update_nactions(s->update); i++)
			if (update_moves(s->update, i, &from, &to))
				move(g, &now, from, to);
		if (now.parts == before.parts)
			continue;
		if (s->when == NULL && s->kind != STEP_EXPAND)
			t->at[k] = now;
		else if (t->n < sizeof(t->at) / sizeof(t->at[0]))
			t->at[t->n++] = now;
	}
}

/* Where what stands at `text` in the source may be in the target. */
static void
follow(struct page *g, const struct plan_table *t, struct span text,
       struct trail *out)
{
	struct path path = { 0 };

	*out = (struct trail){ .n = 0 };
	if (g->rc == 0)
		g->rc = path_parse(&path, text, true, NULL, g->err);
	if (g->rc != 0)
		return;
	/* The names live as long as the page: trails share them. */
	if (keep_path(g, &path, &out->at[0]) != 0) {
		path_free(&path);
		return;
	}
	path_free(&path);
	out->n = 1;
	for (size_t i = 0; i < t->npasses; i++)
		for (size_t k = 0; k < t->passes[i].nsteps; k++)
			follow_step(g, &t->passes[i].steps[k], out);
}

/* ---- where they came from ------------------------------------------------ */

static bool
is_attr(const struct path *p, struct span name)
{
	return p->nparts == 1 && p->parts[0].kind == PATH_NAME &&
	       span_equal(p->parts[0].name, name);
}

/* What a step made attribute `name` of, if that was an attribute as a whole. */
static struct span
before_step(const struct plan_step *s, struct span name)
{
	const struct path *from, *to;

	if (s->when != NULL || s->reverse != NULL)
		return name;	/* not of all items, or by other means */
	for (size_t i = 0; i < s->nrenames; i++)
		if (is_attr(&s->renames[i].to, name) &&
		    s->renames[i].from.nparts == 1)
			return s->renames[i].from.parts[0].name;
	for (size_t i = 0; s->kind == STEP_EXPAND && i < s->nshifts; i++)
		if (is_attr(&s->shifts[i].to, name) &&
		    s->shifts[i].from.nparts == 1)
			return s->shifts[i].from.parts[0].name;
	for (size_t i = 0; s->kind == STEP_UPDATE &&
	     i < update_nactions(s->update); i++)
		if (update_moves(s->update, i, &from, &to) &&
		    is_attr(to, name) && from->nparts == 1)
			return from->parts[0].name;
	return name;
}

static void
name_before(struct page *g, const struct plan_table *t, const char **name)
{
	struct span now = span_of(*name);

	for (size_t i = t->npasses; i-- > 0;)
		for (size_t k = t->passes[i].nsteps; k-- > 0;)
			now = before_step(&t->passes[i].steps[k], now);

	char *const text = arena_take(&g->mem, now.len + 1, g->err);
	if (text == NULL) {
		g->rc = -1;
		return;
	}
	memcpy(text, now.ptr, now.len);
	text[now.len] = '\0';
	*name = text;
}

/* Are both without this attribute, or call it the same? */
static bool
same_name(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

void
reverse_key(struct page *g, const struct plan_table *t, struct plan_key *out)
{
	*out = t->source_key;
	if (out->pk.name == NULL || g->rc != 0 ||
	    !same_name(out->pk.name, t->key.pk.name) ||
	    !same_name(out->sk.name, t->key.sk.name))
		return;
	name_before(g, t, &out->pk.name);
	if (out->sk.name != NULL && g->rc == 0)
		name_before(g, t, &out->sk.name);
}

/* ---- rules --------------------------------------------------------------- */

/* Is the path new to this table?  A rule is said once. */
static bool
is_new(struct page *g, const struct path *p, struct buf *told)
{
	struct buf text = { 0 };
	bool found = false;

	if (g->rc == 0)
		g->rc = path_print(p, &text, g->err);
	if (g->rc == 0)
		g->rc = buf_printf(&text, g->err, "\n");
	for (size_t at = 0; g->rc == 0 && at < told->len && !found;) {
		const uint8_t *const line = told->ptr + at;
		const uint8_t *const end = memchr(line, '\n', told->len - at);
		const size_t len = (size_t)(end - line) + 1;

		found = len == text.len && memcmp(line, text.ptr, len) == 0;
		at += len;
	}
	if (g->rc == 0 && !found)
		g->rc = buf_append(told, buf_span(&text), g->err);
	buf_free(&text);
	return !found;
}

/* A rule of `id` is a path, or a map with one: wherever it may be now. */
static void
say_id(struct page *g, const struct plan_table *t, const struct tree *node,
       struct buf *told)
{
	const bool map = node->kind == TREE_MAP;
	const struct tree *const path = map ? tree_get(node, "path") : node;
	struct trail trail;

	if (path == NULL)
		return;
	follow(g, t, path->text, &trail);
	for (size_t k = 0; k < trail.n; k++) {
		const bool first = told->len == 0;

		if (!is_new(g, &trail.at[k], told))
			continue;
		reverse_say(g, first ? "%s" : ", %s", map ? "{" : "");
		for (uint32_t i = 0; map && i < node->nkids; i += 2) {
			reverse_say(g, i > 0 ? ", " : "");
			reverse_say_tree(g, &node->kids[i]);
			reverse_say(g, ": ");
			if (&node->kids[i + 1] != path)
				reverse_say_tree(g, &node->kids[i + 1]);
			else
				reverse_say_path(g, &trail.at[k]);
		}
		if (!map)
			reverse_say_path(g, &trail.at[k]);
		reverse_say(g, map ? "}" : "");
	}
}

static void
say_references(struct page *g, const struct plan_table *t,
	       const struct tree *refs)
{
	struct buf told = { 0 };

	reverse_say(g, "    references:\n");
	for (uint32_t i = 0; i < refs->nkids; i += 2) {
		struct trail trail;

		follow(g, t, refs->kids[i].text, &trail);
		for (size_t k = 0; k < trail.n; k++) {
			if (!is_new(g, &trail.at[k], &told))
				continue;
			reverse_say(g, "      ");
			reverse_say_path(g, &trail.at[k]);
			reverse_say(g, ": ");
			reverse_say_tree(g, &refs->kids[i + 1]);
			reverse_say(g, "\n");
		}
	}
	buf_free(&told);
}

void
reverse_say_ids(struct page *g, const struct plan_table *t,
		const struct tree *entry)
{
	const struct tree *const id = tree_get(entry, "id");
	const struct tree *const refs = tree_get(entry, "references");
	struct buf told = { 0 };

	if (id != NULL) {
		const bool list = id->kind == TREE_LIST;

		reverse_say(g, "    id: [");
		for (uint32_t i = 0; i < (list ? id->nkids : 1); i++)
			say_id(g, t, list ? &id->kids[i] : id, &told);
		reverse_say(g, "]\n");
	}
	if (refs != NULL && refs->nkids > 0)
		say_references(g, t, refs);
	buf_free(&told);
}
