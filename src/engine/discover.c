/*
 * discover.c - judge what was hit: is it a reference, and to which table?
 *
 * A share of hits proves nothing where ids are short: quantities from 1 to 10
 * are all ids of a table that counts its items. So a set of ids whose texts are
 * few among those of their length (a "narrow" one) is believed only where the
 * names agree too, or where many different words hit.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/discover_judge.h"

#include "base/err.h"
#include "engine/plan.h"
#include "model/path.h"

enum {
	LEAST_PERCENT = 90,	/* of the values are to be ids */
	LEAST_VALUES = 2,
	LEAST_NARROW = 3,	/* likewise, of narrow ids */
	MANY_WORDS = 20,	/* that hit: no chance any more */
};

const char *
judge_keep(struct judge *j, struct span text)
{
	uint8_t *const p = arena_take(&j->out->mem, text.len + 1, j->err);

	if (p == NULL)
		return NULL;
	if (text.len > 0)
		memcpy(p, text.ptr, text.len);
	p[text.len] = '\0';
	return (const char *)p;
}

int
judge_note(struct judge *j, const char *fmt, ...)
{
	char text[400];
	struct discover_note note = { .table = j->table };
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	note.text = judge_keep(j, span_of(text));
	if (note.text == NULL)
		return -1;
	return buf_append(&j->notes, (struct span){ (const uint8_t *)&note,
						    sizeof(note) }, j->err);
}

/* ---- is it one? ---------------------------------------------------------- */

static bool
is_reference(struct judge *j, const struct fit *f, uint32_t to,
	     const struct words *words)
{
	const struct discover_ids *const ids =
		&j->probe->sums[j->tables[to].set];

	if (f->share * 100 < LEAST_PERCENT || f->values < LEAST_VALUES)
		return false;
	if (probe_is_wide(j->probe, j->tables[to].set))
		return true;
	if (2 * ids->digits <= ids->n && f->nhit >= MANY_WORDS)
		return true;
	return f->values >= LEAST_NARROW &&
	       words_fit(words, &j->names[to]) > 0 &&
	       words_name_id(words, &j->names[to]);
}

/* The better one: by its name, then by its share if that tells. */
static int
compare(const struct fit *a, int fit_a, const struct fit *b, int fit_b)
{
	const double margin = a->error + b->error + 0.01;

	if (fit_a != fit_b)
		return fit_a > fit_b ? 1 : -1;
	if (a->share > b->share + margin)
		return 1;
	return b->share > a->share + margin ? -1 : 0;
}

/* Is the path the table's own id? */
static bool
is_own(const struct judge *j)
{
	const char *const own = j->tables[j->table].own;

	return own != NULL && span_is(buf_span(&j->path), own);
}

int
judge_choose(struct judge *j, uint32_t node, const struct words *words,
	     uint32_t *to, struct fit *fit)
{
	const struct node *const n = &j->tree->nodes[node];
	uint32_t other = DISCOVER_NONE;
	int best = 0;

	*to = DISCOVER_NONE;
	*fit = (struct fit){ 0 };
	for (uint32_t i = 0; i < j->probe->d->ntrees && n->sample.n > 0; i++) {
		if (j->tables[i].set == DISCOVER_NONE ||
		    !probe_hits(j->probe, n, j->tables[i].set) ||
		    (i == j->table && is_own(j)))
			continue;
		const struct fit f = probe_fit(j->probe, n, j->tables[i].set,
					       j->tree->thinned);
		const int name = words_fit(words, &j->names[i]);

		if (!is_reference(j, &f, i, words))
			continue;
		const int c = *to == DISCOVER_NONE ? 1
						   : compare(&f, name, fit, best);
		if (c > 0) {
			*to = i;
			*fit = f;
			best = name;
			other = DISCOVER_NONE;
		} else if (c == 0) {
			other = i;
		}
	}
	if (other == DISCOVER_NONE)
		return 0;
	if (judge_note(j, "%.*s: its values are ids of '%s' and of '%s' alike, "
		       "so that neither is proposed", (int)j->path.len,
		       (const char *)j->path.ptr, j->tables[*to].name,
		       j->tables[other].name) != 0)
		return -1;
	*to = DISCOVER_NONE;
	return 0;
}

/* ---- one path ------------------------------------------------------------ */

static int
add_found(struct judge *j, const struct reading *r, unsigned piece,
	  const char *path, const char *pattern, const char *line)
{
	const struct fit *const fit = &r->fits[piece];
	const uint64_t values = fit->values + r->spoilt;
	const struct discover_found f = {
		.table = j->table, .to = r->to[piece], .path = path,
		.pattern = pattern, .line = line, .values = values,
		.resolved = fit->resolved, .dangling = values - fit->resolved,
		.share = (double)fit->resolved / (double)values,
		.error = fit->error, .sampled = fit->sampled,
		.counted = !fit->thinned,
	};

	return buf_append(&j->found, (struct span){ (const uint8_t *)&f,
						    sizeof(f) }, j->err);
}

static int
add_readings(struct judge *j, const struct reading *readings, size_t n)
{
	const char *const path = judge_keep(j, buf_span(&j->path));
	struct buf text = { 0 };
	const char *line = NULL;
	int rc = -1;

	if (path != NULL && print_line(j, readings, n, &text) == 0)
		line = judge_keep(j, buf_span(&text));
	for (size_t i = 0; line != NULL && i < n; i++) {
		const struct reading *const r = &readings[i];
		const char *pattern = NULL;

		buf_reset(&text);
		if (r->leaf != NO_NODE &&
		    (print_pattern(j, r, &text) != 0 ||
		     (pattern = judge_keep(j, buf_span(&text))) == NULL))
			goto done;
		for (unsigned k = 0; k < r->n; k++)
			if (r->to[k] != DISCOVER_NONE &&
			    add_found(j, r, k, path, pattern, line) != 0)
				goto done;
	}
	rc = line != NULL ? 0 : -1;
done:
	buf_free(&text);
	return rc;
}

/* Without a `[*]` at its end, which a path may do without. */
static struct span
stem(struct span path)
{
	return path.len > 3 && memcmp(path.ptr + path.len - 3, "[*]", 3) == 0
		? (struct span){ path.ptr, path.len - 3 } : path;
}

static int
print_path(const struct path *p, struct buf *out, struct err *err)
{
	for (size_t i = 0; i < p->nparts; i++) {
		const struct path_part *const part = &p->parts[i];
		int rc = 0;

		if (part->kind == PATH_NAME && i > 0)
			rc = buf_append(out, span_of("."), err);
		if (rc == 0 && part->kind == PATH_NAME)
			rc = print_name(part->name, out, err);
		else if (rc == 0)
			rc = buf_append(out, span_of(part->kind ==
						     PATH_ALL_VALUES ? ".*"
						     : "[*]"), err);
		if (rc != 0)
			return -1;
	}
	return 0;
}

/* The paths that are declared, written as those that are found. */
static int
read_declared(struct judge *j)
{
	const struct discover_table *const t = &j->tables[j->table];

	buf_reset(&j->declared);
	for (size_t i = 0; i < t->ndeclared; i++) {
		struct path path;
		int rc;

		if (path_parse(&path, span_of(t->declared[i]), true, NULL,
			       j->err) != 0)
			return -1;
		rc = print_path(&path, &j->declared, j->err);
		path_free(&path);
		if (rc != 0 || buf_append(&j->declared, span_of("\n"),
					  j->err) != 0)
			return -1;
	}
	return 0;
}

static bool
is_declared(const struct judge *j)
{
	const struct span path = stem(buf_span(&j->path));
	struct span left = buf_span(&j->declared);

	while (left.len > 0) {
		const uint8_t *const end = memchr(left.ptr, '\n', left.len);
		const size_t n = (size_t)(end - left.ptr);

		if (span_equal(path, stem((struct span){ left.ptr, n })))
			return true;
		left = (struct span){ end + 1, left.len - n - 1 };
	}
	return false;
}

/* Returns 1 if the values themselves are references; 0 if not, or -1. */
static int
judge_values(struct judge *j, uint32_t node)
{
	struct reading whole = { .n = 1 }, *all = NULL;

	if (j->tree->nodes[node].values == 0 || is_declared(j))
		return 0;
	if (judge_choose(j, node, &j->words, &whole.to[0], &whole.fits[0]) != 0)
		return -1;
	if (whole.to[0] != DISCOVER_NONE)
		return add_readings(j, &whole, 1) != 0 ? -1 : 1;

	const int n = judge_composites(j, node, &all);
	int rc = n < 0 ? -1 : 0;
	if (n > 0)
		rc = add_readings(j, all, (size_t)n);
	free(all);
	return rc;
}

/* ---- all paths ----------------------------------------------------------- */

static int
order_parts(const void *a, const void *b)
{
	const struct node *const x = *(const struct node *const *)a;
	const struct node *const y = *(const struct node *const *)b;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return span_compare((struct span){ x->name, x->name_len },
			    (struct span){ y->name, y->name_len });
}

static int
push_part(struct judge *j, const struct node *n)
{
	const struct span name = { n->name, n->name_len };

	switch (n->kind) {
	case PART_NAME:
		words_add(&j->words, name);
		if (j->path.len > 0 && buf_append(&j->path, span_of("."),
						  j->err) != 0)
			return -1;
		return print_name(name, &j->path, j->err);
	case PART_VALUES:
		return buf_append(&j->path, span_of(".*"), j->err);
	default:
		return buf_append(&j->path, span_of("[*]"), j->err);
	}
}

/* `taken`: what is at the node itself is a reference already. */
static int
judge_kids(struct judge *j, uint32_t node, bool taken)
{
	const struct node *const n = &j->tree->nodes[node];
	const struct node **const kids = malloc((n->nkids + 1) * sizeof(*kids));
	const size_t path_len = j->path.len;
	const struct words words = j->words;
	uint32_t nkids = 0;
	int rc = 0;

	if (kids == NULL)
		return err_set(j->err, ERR_SYSTEM, "out of memory");
	for (uint32_t i = 0; n->nkids > 0 && i <= n->mask; i++) {
		const struct node *const kid = &j->tree->nodes[n->kids[i]];

		if (n->kids[i] != NO_NODE && kid->kind >= PART_NAME &&
		    kid->kind <= PART_ELEMENTS)
			kids[nkids++] = kid;
	}
	qsort(kids, nkids, sizeof(kids[0]), order_parts);
	for (uint32_t i = 0; i < nkids && rc == 0; i++) {
		const uint32_t at = (uint32_t)(kids[i] - j->tree->nodes);
		int hit = 0;

		rc = push_part(j, kids[i]);
		/* A rule for a path is one for the elements of its lists. */
		if (rc == 0 && !(taken && kids[i]->kind == PART_ELEMENTS))
			hit = judge_values(j, at);
		if (rc == 0)
			rc = hit < 0 ? -1 : judge_kids(j, at, hit > 0);
		j->path.len = path_len;
		j->words = words;
	}
	free(kids);
	return rc;
}

static int
judge_table(struct judge *j, uint32_t table)
{
	const struct tree_of_paths *const t = &j->probe->d->trees[table];

	j->table = table;
	j->tree = t;
	j->words = (struct words){ .n = 0 };
	buf_reset(&j->path);
	if (t->nnodes == 0)
		return 0;
	if (read_declared(j) != 0)
		return -1;
	if (t->cut && judge_note(j, "its items have very many attribute paths: "
				 "only attributes at the top were looked at"))
		return -1;
	if (t->top_bound != UINT64_MAX &&
	    judge_note(j, "its items have more than %d attribute names: only "
		       "so many were looked at, those without digits first",
		       MAX_TOP) != 0)
		return -1;
	return judge_kids(j, 0, false);
}

int
discover_judge(struct discover_probe *p, const struct discover_table *tables,
	       struct discover_result *out, struct err *err)
{
	struct judge j = { .probe = p, .tables = tables, .out = out,
			   .err = err };
	const uint32_t n = p->d->ntrees;
	int rc = -1;

	*out = (struct discover_result){ .mem = { 0 } };
	j.names = calloc(n + (size_t)1, sizeof(*j.names));
	if (j.names == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		goto done;
	}
	for (uint32_t i = 0; i < n; i++)
		words_add(&j.names[i], span_of(tables[i].name));
	for (uint32_t i = 0; i < n; i++)
		if (judge_table(&j, i) != 0)
			goto done;

	const struct span found = arena_copy(&out->mem, buf_span(&j.found),
					     err);
	const struct span notes = arena_copy(&out->mem, buf_span(&j.notes),
					     err);
	if (found.ptr == NULL || notes.ptr == NULL)
		goto done;
	out->found = (struct discover_found *)(uintptr_t)found.ptr;
	out->nfound = found.len / sizeof(*out->found);
	out->notes = (struct discover_note *)(uintptr_t)notes.ptr;
	out->nnotes = notes.len / sizeof(*out->notes);
	rc = 0;
done:
	if (rc != 0)
		discover_result_free(out);
	free(j.names);
	buf_free(&j.found);
	buf_free(&j.notes);
	buf_free(&j.path);
	buf_free(&j.declared);
	return rc;
}

void
discover_result_free(struct discover_result *r)
{
	arena_free(&r->mem);
	*r = (struct discover_result){ .mem = { 0 } };
}
