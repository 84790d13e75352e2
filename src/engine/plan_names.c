/* plan_names.c - names: found by hash, by glob, and by likeness. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "engine/plan_internal.h"

static uint64_t
hash(const char *name)
{
	uint64_t h = 0xcbf29ce484222325;	/* FNV-1a */

	for (; *name != '\0'; name++)
		h = (h ^ (uint8_t)*name) * 0x100000001b3;
	return h ^ h >> 32;
}

/* The slot of `name`, or the free one where it belongs. */
static struct plan_name *
probe(const struct plan_names *m, const char *name)
{
	size_t i = hash(name) & (m->cap - 1);

	while (m->slots[i].name != NULL && strcmp(m->slots[i].name, name) != 0)
		i = (i + 1) & (m->cap - 1);
	return &m->slots[i];
}

static int
widen(struct plan_names *m, struct err *err)
{
	struct plan_names wider = {
		.cap = m->cap > 0 ? 2 * m->cap : 16, .n = m->n,
	};

	wider.slots = calloc(wider.cap, sizeof(*wider.slots));
	if (wider.slots == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	for (size_t i = 0; i < m->cap; i++)
		if (m->slots[i].name != NULL)
			*probe(&wider, m->slots[i].name) = m->slots[i];
	free(m->slots);
	*m = wider;
	return 0;
}

int
plan_names_put(struct plan_names *m, const char *name, uint32_t number,
	       struct err *err)
{
	if (2 * (m->n + 1) > m->cap && widen(m, err) != 0)
		return -1;

	struct plan_name *const slot = probe(m, name);
	m->n += slot->name == NULL;
	*slot = (struct plan_name){ name, number };
	return 0;
}

uint32_t
plan_names_get(const struct plan_names *m, const char *name)
{
	if (m->cap == 0)
		return PLAN_NONE;
	const struct plan_name *const slot = probe(m, name);
	return slot->name != NULL ? slot->number : PLAN_NONE;
}

void
plan_names_free(struct plan_names *m)
{
	free(m->slots);
	*m = (struct plan_names){ 0 };
}

bool
plan_is_glob(const char *name)
{
	return strpbrk(name, "*?") != NULL;
}

/* Going back to the last star only is enough, and never costs a cube. */
bool
plan_glob_matches(const char *glob, const char *name)
{
	const char *star = NULL, *resume = NULL;

	while (*name != '\0') {
		if (*glob == '*') {
			star = glob++;
			resume = name;
		} else if (*glob == '?' || *glob == *name) {
			glob++;
			name++;
		} else if (star != NULL) {
			glob = star + 1;
			name = ++resume;
		} else {
			return false;
		}
	}
	while (*glob == '*')
		glob++;
	return *glob == '\0';
}

enum { MAX_WORD = 64 };

/*
 * How many letters must be added, dropped, changed or swapped with their
 * neighbour to make `b` of `a`; case does not count.
 */
static unsigned
distance(const char *a, size_t na, const char *b, size_t nb)
{
	unsigned rows[3][MAX_WORD + 1];

	for (size_t j = 0; j <= nb; j++)
		rows[0][j] = (unsigned)j;
	for (size_t i = 1; i <= na; i++) {
		unsigned *const row = rows[i % 3];
		const unsigned *const up = rows[(i + 2) % 3];
		const unsigned *const upper = rows[(i + 1) % 3];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= nb; j++) {
			const int x = tolower((unsigned char)a[i - 1]);
			const int y = tolower((unsigned char)b[j - 1]);
			unsigned best = up[j - 1] + (x != y);

			if (up[j] + 1 < best)
				best = up[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1] && upper[j - 2] + 1 < best)
				best = upper[j - 2] + 1;
			row[j] = best;
		}
	}
	return rows[na % 3][nb];
}

const char *
plan_nearest(const char *word, const char *const *words, size_t n)
{
	const size_t len = strlen(word);
	unsigned best = (unsigned)(len < 3 ? 2 : 2 + len / 4);
	const char *nearest = NULL;

	if (len > MAX_WORD)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		const size_t other = words[i] != NULL ? strlen(words[i]) : 0;

		if (other == 0 || other > MAX_WORD)
			continue;
		const unsigned d = distance(word, len, words[i], other);
		if (d < best && d < other) {
			best = d;
			nearest = words[i];
		}
	}
	return nearest;
}
