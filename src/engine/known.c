#include "engine/known.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "engine/job.h"
#include "engine/plan.h"
#include "formats/keyindex.h"
#include "io/mapping.h"

enum { AT_ONCE = 128 };

struct known_table {
	struct span bytes;	/* none: no item of it is in this job */
	struct keyindex index;
};

struct known {
	struct known_table *tables;	/* one a plan table */
	size_t ntables;
};

static int
open_index(struct known_table *t, const char *job_dir, const char *name,
	   struct err *err)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s/%s.idx", job_dir, JOB_INDEX, name);
	if (mapping_open(path, &t->bytes, err) != 0)
		return -1;
	mapping_at_random(t->bytes);
	return keyindex_open(&t->index, t->bytes, err) == 0 ? 0
		: err_at(err, "%s", path);
}

struct known *
known_open(const char *job_dir, const struct plan *plan, struct err *err)
{
	struct known *const k = calloc(1, sizeof(*k));

	if (k != NULL)
		k->tables = calloc(plan->ntables + 1, sizeof(*k->tables));
	if (k == NULL || k->tables == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		known_close(k);
		return NULL;
	}
	k->ntables = plan->ntables;
	for (size_t i = 0; i < plan->ntables; i++) {
		const struct plan_table *const t = &plan->tables[i];

		if (t->skip || (t->input == PLAN_NONE && !t->emitted))
			continue;
		if (open_index(&k->tables[i], job_dir, t->name, err) != 0) {
			known_close(k);
			return NULL;
		}
	}
	return k;
}

void
known_close(struct known *k)
{
	if (k == NULL)
		return;
	for (size_t i = 0; k->tables != NULL && i < k->ntables; i++)
		mapping_close(k->tables[i].bytes);
	free(k->tables);
	free(k);
}

/* Ask for those of `n` uses that are of the table of the first. */
static void
ask(const struct known *k, const struct rewrite_use *const *uses, size_t n,
    bool *asked, bool *found)
{
	const struct known_table *const t = &k->tables[uses[0]->table];
	struct keyhash keys[AT_ONCE];
	size_t whose[AT_ONCE];
	uint64_t at[AT_ONCE];
	size_t m = 0;

	for (size_t i = 0; i < n && m < AT_ONCE; i++)
		if (!asked[i] && uses[i]->table == uses[0]->table) {
			asked[i] = true;
			keys[m] = uses[i]->key;
			whose[m++] = i;
		}
	if (t->bytes.len > 0)
		keyindex_find_all(&t->index, keys, m, at);
	for (size_t i = 0; i < m; i++)
		found[whose[i]] = t->bytes.len > 0 && at[i] != UINT64_MAX;
}

int
known_look_up(void *known, const struct rewrite_use *const *uses, size_t n,
	      bool *found, struct err *err)
{
	(void)err;
	for (size_t from = 0; from < n; from += AT_ONCE) {
		const size_t some = n - from < AT_ONCE ? n - from : AT_ONCE;
		bool asked[AT_ONCE] = { false };

		for (size_t i = 0; i < some; i++)
			if (!asked[i])
				ask(known, uses + from + i, some - i,
				    asked + i, found + from + i);
	}
	return 0;
}
