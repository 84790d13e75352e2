/* tree.c - building trees, and finding one's way in and back from them. */
#include "formats/tree.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"

const char *
tree_kind_name(const struct tree *t)
{
	static const char *const names[] = {
		[TREE_NULL] = "nothing", [TREE_BOOL] = "true or false",
		[TREE_NUMBER] = "a number", [TREE_TEXT] = "text",
		[TREE_LIST] = "a list", [TREE_MAP] = "a map",
	};

	return names[t->kind];
}

const struct tree *
tree_get(const struct tree *map, const char *name)
{
	if (map->kind != TREE_MAP)
		return NULL;
	for (uint32_t i = 0; i < map->nkids; i += 2)
		if (span_is(map->kids[i].text, name))
			return &map->kids[i + 1];
	return NULL;
}

const char *
tree_text(const struct tree *map, const char *name, const char *none)
{
	const struct tree *const t = tree_get(map, name);

	return t != NULL && t->kind == TREE_TEXT ? (const char *)t->text.ptr
						 : none;
}

int
tree_uint(const struct tree *t, uint64_t *out)
{
	uint64_t n = 0;

	if (t->kind != TREE_NUMBER || t->text.len == 0)
		return -1;
	for (size_t i = 0; i < t->text.len; i++) {
		const unsigned digit = (unsigned)t->text.ptr[i] - '0';

		if (digit > 9 || n > (UINT64_MAX - digit) / 10)
			return -1;
		n = n * 10 + digit;
	}
	*out = n;
	return 0;
}

int
tree_err(const struct tree *t, struct err *err, const char *fmt, ...)
{
	char text[sizeof(err->text)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return err_set(err, ERR_USAGE, "%s:%u:%u: %s", t->doc->name, t->line,
		       t->column, text);
}

/* ---- from text back to where it stood ------------------------------------ */

struct walk {
	struct span s;
	size_t at;
	uint32_t line, column;
};

static bool
is_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Step over one byte; a column is a character, so it counts first bytes. */
static void
advance(struct walk *w)
{
	const uint8_t c = w->s.ptr[w->at++];
	const uint8_t next = w->at < w->s.len ? w->s.ptr[w->at] : 0;

	if (c == '\n' || (c == '\r' && next != '\n')) {
		w->line++;
		w->column = 1;
	} else if ((next & 0xc0) != 0x80) {
		w->column++;
	}
}

/* Bytes that the escape at `w` takes, and those it stands for. */
static size_t
escape_len(const struct walk *w)
{
	const uint8_t c = w->at + 1 < w->s.len ? w->s.ptr[w->at + 1] : 0;

	return c == 'x' ? 4 : c == 'u' ? 6 : c == 'U' ? 10 : 2;
}

/* To the first byte of the text: past a quote, or past a block's header. */
static void
enter(struct walk *w, enum tree_style style)
{
	if (style == TREE_SINGLE || style == TREE_DOUBLE) {
		if (w->at < w->s.len)
			advance(w);
	} else if (style == TREE_BLOCK) {
		const uint32_t line = w->line;

		while (w->at < w->s.len && w->line == line)
			advance(w);
	}
}

static bool
at_space(const struct walk *w)
{
	return w->at < w->s.len && is_space(w->s.ptr[w->at]);
}

static bool
at_byte(const struct walk *w, size_t n, uint8_t c)
{
	return w->at + n < w->s.len && w->s.ptr[w->at + n] == c;
}

/* Step over what one character of the text was written as. */
static void
match(struct walk *w, uint8_t c, enum tree_style style)
{
	size_t n = 1;

	/* A backslash at a line's end joins two lines and stands for nothing. */
	while (style == TREE_DOUBLE && at_byte(w, 0, '\\') &&
	       (at_byte(w, 1, '\n') || at_byte(w, 1, '\r'))) {
		advance(w);
		while (at_space(w))
			advance(w);
	}
	if (!is_space(c))	/* folded: any white space stands for any */
		while (at_space(w))
			advance(w);

	if (style == TREE_DOUBLE && at_byte(w, 0, '\\'))
		n = escape_len(w);
	else if (is_space(c) && !at_space(w))
		n = 0;
	else if (style == TREE_SINGLE && c == '\'')
		n = 2;
	while (n-- > 0 && w->at < w->s.len) {
		advance(w);
		while (w->at < w->s.len && (w->s.ptr[w->at] & 0xc0) == 0x80)
			advance(w);
	}
}

/* Walk from the beginning of the source to byte `at` of the text. */
static struct walk
find(const struct tree *t, size_t at)
{
	struct walk w = { .s = t->doc->source, .line = 1, .column = 1 };

	while (w.at < w.s.len &&
	       (w.line < t->line || (w.line == t->line && w.column < t->column)))
		advance(&w);
	enter(&w, t->style);
	for (size_t i = 0; i < at && i < t->text.len; i++)
		if ((t->text.ptr[i] & 0xc0) != 0x80)
			match(&w, t->text.ptr[i], t->style);
	return w;
}

void
tree_place(const struct tree *t, size_t at, uint32_t *line, uint32_t *column)
{
	struct walk w = find(t, at);

	/* What is wrong is what stands there, not the space before it. */
	if (at < t->text.len && !is_space(t->text.ptr[at]))
		while (at_space(&w))
			advance(&w);
	*line = w.line;
	*column = w.column;
}

bool
tree_ends_at_comment(const struct tree *t)
{
	struct walk w = find(t, t->text.len);
	const size_t end = w.at;

	if (t->style != TREE_PLAIN)
		return false;
	while (at_byte(&w, 0, ' ') || at_byte(&w, 0, '\t'))
		advance(&w);
	return w.at > end && at_byte(&w, 0, '#');
}

/* ---- building ------------------------------------------------------------ */

int
tree_push(struct tree_builder *b, const struct tree *t, struct err *err)
{
	return buf_append(&b->stack, (struct span){ (const uint8_t *)t,
			  sizeof(*t) }, err);
}

static int
order_names(const void *a, const void *b)
{
	const struct tree *const *x = a, *const *y = b;
	const int c = span_compare((*x)->text, (*y)->text);

	return c != 0 ? c : (*x > *y) - (*x < *y);
}

/* Is there a name twice?  Sorted, so that a huge map costs no square. */
static int
check_names(const struct tree *map, struct err *err)
{
	const size_t n = map->nkids / 2;
	const struct tree **const names = calloc(n + 1, sizeof(*names));
	int rc = 0;

	if (names == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	for (size_t i = 0; i < n; i++)
		names[i] = &map->kids[2 * i];
	qsort(names, n, sizeof(*names), order_names);
	for (size_t i = 1; i < n && rc == 0; i++)
		if (span_equal(names[i - 1]->text, names[i]->text))
			rc = tree_err(names[i], err, "'%s' is there twice; "
				      "first in line %u", names[i]->text.ptr,
				      names[i - 1]->line);
	free(names);
	return rc;
}

int
tree_gather(struct tree_builder *b, size_t start, struct tree *t,
	    struct err *err)
{
	const size_t n = tree_depth(b) - start;
	uint64_t weight = 1;

	assert(t->kind == TREE_LIST || (t->kind == TREE_MAP && n % 2 == 0));
	t->nkids = (uint32_t)n;
	t->kids = arena_take(b->mem, n > 0 ? n * sizeof(*t) : 1, err);
	if (t->kids == NULL)
		return -1;
	if (n > 0)
		memcpy(t->kids, b->stack.ptr + start * sizeof(*t),
		       n * sizeof(*t));
	b->stack.len = start * sizeof(*t);

	uint8_t height = 0;
	for (size_t i = 0; i < n; i++) {
		weight += t->kids[i].weight;
		if (t->kids[i].height > height)
			height = t->kids[i].height;
	}
	t->height = (uint8_t)(height + 1);
	if (t->height > TREE_MAX_DEPTH)
		return tree_err(t, err, "nested more than %d deep",
				TREE_MAX_DEPTH);
	if (weight > TREE_MAX_WEIGHT)
		return tree_err(t, err, "more than %d values, counting those "
				"that aliases repeat", TREE_MAX_WEIGHT);
	t->weight = (uint32_t)weight;
	return t->kind == TREE_MAP ? check_names(t, err) : 0;
}
