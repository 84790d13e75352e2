/* remap_map.c - the rows of a map, in a hash table of their numbers. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/keyhash.h"
#include "expr/remap_internal.h"

struct row {
	struct span source, target;
	atomic_bool used;
};

struct remap_map {
	struct row *rows;
	uint32_t *slots;	/* number of a row plus one, 0: free */
	size_t nrows, mask;
	uint8_t *text;
};

/* The slot where `source` is, or would be. */
static uint32_t *
probe(const struct remap_map *m, struct span source)
{
	size_t i = keyhash64_of(source) & m->mask;

	while (m->slots[i] != 0 &&
	       !span_equal(m->rows[m->slots[i] - 1].source, source))
		i = (i + 1) & m->mask;
	return &m->slots[i];
}

static int
add(struct remap_map *m, size_t i, struct err *err)
{
	struct row *const row = &m->rows[i];
	uint32_t *const slot = probe(m, row->source);

	if (row->source.len == 0 || row->target.len == 0)
		return err_set(err, ERR_USAGE, "'map' has an empty id in its "
			       "row %zu", i + 1);
	if (*slot != 0)
		return err_set(err, ERR_USAGE, "'map' has '%.*s' twice",
			       (int)(row->source.len < 200 ? row->source.len
				     : 200), (const char *)row->source.ptr);
	*slot = (uint32_t)(i + 1);
	return 0;
}

static struct span
copy(uint8_t **at, struct span s)
{
	uint8_t *const p = *at;

	if (s.len > 0)
		memcpy(p, s.ptr, s.len);
	*at += s.len;
	return (struct span){ p, s.len };
}

static int
fill(struct remap_map *m, const struct remap_row *rows, struct err *err)
{
	uint8_t *at = m->text;

	for (size_t i = 0; i < m->nrows; i++) {
		m->rows[i].source = copy(&at, rows[i].source);
		m->rows[i].target = copy(&at, rows[i].target);
		if (add(m, i, err) != 0)
			return -1;
	}
	return 0;
}

struct remap_map *
remap_map_new(const struct remap_row *rows, size_t n, struct err *err)
{
	struct remap_map *const m = calloc(1, sizeof(*m));
	size_t nslots = 8, len = 1;

	while (nslots < 2 * n)
		nslots *= 2;
	for (size_t i = 0; i < n; i++)
		len += rows[i].source.len + rows[i].target.len;
	if (m != NULL) {
		m->nrows = n;
		m->mask = nslots - 1;
		m->rows = calloc(n + 1, sizeof(*m->rows));
		m->slots = calloc(nslots, sizeof(*m->slots));
		m->text = malloc(len);
	}
	if (m == NULL || m->rows == NULL || m->slots == NULL ||
	    m->text == NULL || n >= UINT32_MAX)
		err_set(err, ERR_SYSTEM, "out of memory");
	else if (fill(m, rows, err) == 0)
		return m;
	remap_map_free(m);
	return NULL;
}

void
remap_map_free(struct remap_map *m)
{
	if (m == NULL)
		return;
	free(m->text);
	free(m->slots);
	free(m->rows);
	free(m);
}

bool
remap_map_find(const struct remap_map *m, struct span source,
	       struct span *target)
{
	const uint32_t slot = *probe(m, source);

	if (slot == 0)
		return false;

	struct row *const row = &m->rows[slot - 1];

	/* Look first: a line that nobody writes stays in every cache. */
	if (!atomic_load_explicit(&row->used, memory_order_relaxed))
		atomic_store_explicit(&row->used, true, memory_order_relaxed);
	*target = row->target;
	return true;
}

bool
remap_map_used(const struct remap_map *m, size_t i)
{
	return atomic_load_explicit(&m->rows[i].used, memory_order_relaxed);
}

bool
remap_map_source(const struct remap_map *m, size_t i, struct span *source)
{
	if (i >= m->nrows)
		return false;
	*source = m->rows[i].source;
	return true;
}
