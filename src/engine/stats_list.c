/* stats_list.c - the tree of paths as a list to be told. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "engine/stats_internal.h"
#include "model/path.h"

/* The list in the making. */
struct listing {
	struct arena *mem;
	struct stats_attribute *list;
	size_t n, left_out;
	uint64_t nodes[64];	/* paths of each depth */
	uint8_t depth;		/* the deepest that is told whole */
	uint64_t rest;		/* and so many of the next */
	struct buf path;
	struct err *err;
};

static int
by_name(const void *a, const void *b)
{
	const struct node *const x = *(const struct node *const *)a;
	const struct node *const y = *(const struct node *const *)b;

	return span_compare(x->name, y->name);
}

static void
count(struct listing *l, const struct node *n)
{
	l->nodes[n->depth]++;
	for (uint32_t i = 0; n->slots != NULL && i <= n->mask; i++)
		if (n->slots[i] != NULL)
			count(l, n->slots[i]);
	if (n->element != NULL)
		count(l, n->element);
	if (n->rest != NULL)
		count(l, n->rest);
}

/* A text in the listing's memory, cut where it is too long to show. */
static const char *
shown(struct listing *l, const uint8_t *text, size_t len, size_t max)
{
	static const char MORE[] = "\xe2\x80\xa6";
	const bool cut = len > max;
	size_t n = cut ? max : len;
	char *out;

	while (cut && n > 0 && (text[n] & 0xc0) == 0x80)
		n--;
	out = arena_take(l->mem, n + sizeof(MORE), l->err);
	if (out == NULL)
		return NULL;
	if (n > 0)
		memcpy(out, text, n);
	memcpy(out + n, cut ? MORE : "", cut ? sizeof(MORE) : 1);
	return out;
}

static bool
is_mixed(const struct node *n)
{
	int types = 0;

	for (int t = VALUE_S; t < VALUE_PLACE; t++)
		types += t != VALUE_NULL && n->types[t] > 0;
	return types > 1;
}

static int
tell_bounds(struct listing *l, const struct node *n, struct stats_attribute *a)
{
	const struct extremes *const x = n->extremes;

	if (n->types[VALUE_S] == 0 && n->types[VALUE_N] == 0)
		return 0;
	if (n->types[VALUE_S] >= n->types[VALUE_N]) {
		a->min = shown(l, x->low.text, x->low.len, STATS_TEXT);
		a->max = shown(l, x->high.text, x->high.len, STATS_TEXT);
	} else {
		a->min = shown(l, (const uint8_t *)x->least.text,
			       x->least.len, DECIMAL_TEXT_LEN);
		a->max = shown(l, (const uint8_t *)x->most.text, x->most.len,
			       DECIMAL_TEXT_LEN);
	}
	return a->min != NULL && a->max != NULL ? 0 : -1;
}

static int
tell_examples(struct listing *l, struct node *n, struct stats_attribute *a)
{
	const struct { bool is; const char *text; } words[] = {
		{ n->truths > 0, "true" },
		{ n->types[VALUE_BOOL] > n->truths, "false" },
		{ n->types[VALUE_NULL] > 0, "null" },
	};
	const struct example *const from = n->extremes->examples;

	const uint64_t most = n->types[VALUE_S] + n->types[VALUE_N] +
			      n->types[VALUE_B];

	sketch_settle(&n->sketch);
	a->distinct = sketch_distinct(&n->sketch);
	if (a->distinct > most)		/* an estimate may be */
		a->distinct = most;
	for (int i = 0; i < STATS_EXAMPLES && from[i].hash != UINT64_MAX; i++) {
		const char *const text = shown(l, from[i].value.text,
					       from[i].value.len, STATS_TEXT);

		if (text == NULL)
			return -1;
		a->examples[a->nexamples++] = text;
	}
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		a->distinct += words[i].is;
		if (words[i].is && a->nexamples < STATS_EXAMPLES)
			a->examples[a->nexamples++] = words[i].text;
	}
	return 0;
}

static int
tell(struct listing *l, struct node *n)
{
	struct stats_attribute *const a = &l->list[l->n];

	*a = (struct stats_attribute){ .mixed = is_mixed(n) };
	for (int t = VALUE_S; t < VALUE_PLACE; t++) {
		a->types[t] = n->types[t];
		a->present += n->types[t];
	}
	a->path = shown(l, l->path.ptr, l->path.len, SIZE_MAX);
	if (a->path == NULL || tell_bounds(l, n, a) != 0 ||
	    tell_examples(l, n, a) != 0)
		return -1;
	l->n++;
	return 0;
}

static int list_kids(struct listing *l, struct node *n);

/* A child and all below it, whose path is the parent's and `sign`. */
static int
list_node(struct listing *l, struct node *n, const char *sign)
{
	const size_t before = l->path.len;
	int rc;

	if (n->depth > l->depth && (n->depth > l->depth + 1 || l->rest == 0)) {
		l->left_out++;
		return list_kids(l, n);
	}
	l->rest -= n->depth > l->depth;
	if (n->is_name)
		rc = (before > 0 && buf_append(&l->path, span_of("."),
					       l->err) != 0) ? -1 :
			path_print_name(n->name, &l->path, l->err);
	else
		rc = buf_append(&l->path, span_of(before == 0 && sign[0] == '.'
						  ? sign + 1 : sign), l->err);
	if (rc == 0)
		rc = tell(l, n);
	if (rc == 0)
		rc = list_kids(l, n);
	l->path.len = before;
	return rc;
}

static int
list_kids(struct listing *l, struct node *n)
{
	struct node **const kids = calloc(n->nkids + 1U, sizeof(*kids));
	uint32_t k = 0;
	int rc = 0;

	if (kids == NULL)
		return err_set(l->err, ERR_SYSTEM, "out of memory");
	for (uint32_t i = 0; n->slots != NULL && i <= n->mask; i++)
		if (n->slots[i] != NULL)
			kids[k++] = n->slots[i];
	if (k > 1)
		qsort(kids, k, sizeof(*kids), by_name);
	for (uint32_t i = 0; i < k && rc == 0; i++)
		rc = list_node(l, kids[i], "");
	free(kids);
	if (rc == 0 && n->rest != NULL)
		rc = list_node(l, n->rest, ".*");
	if (rc == 0 && n->element != NULL)
		rc = list_node(l, n->element, "[*]");
	return rc;
}

const struct stats_attribute *
paths_list(const struct paths *p, struct arena *mem, size_t *n,
	   size_t *left_out, struct err *err)
{
	struct listing l = { .mem = mem, .err = err };
	uint64_t total = 0;
	int rc = 0;

	*n = *left_out = 0;
	if (p->root != NULL)
		count(&l, p->root);
	l.nodes[0] = 0;		/* the item's own map is no attribute */
	while (l.depth < 63 && total + l.nodes[l.depth + 1] <= STATS_PATHS)
		total += l.nodes[++l.depth];
	l.rest = STATS_PATHS - total;
	for (uint8_t i = (uint8_t)(l.depth + 1); i < 64 && i < l.depth + 2; i++)
		total += l.nodes[i] < l.rest ? l.nodes[i] : l.rest;
	l.list = arena_take(mem, (total + 1) * sizeof(*l.list), err);
	if (l.list == NULL)
		return NULL;
	if (p->root != NULL)
		rc = list_kids(&l, p->root);
	buf_free(&l.path);
	*n = l.n;
	*left_out = l.left_out;
	return rc == 0 ? l.list : NULL;
}
