#include "engine/mapuse.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/err.h"
#include "engine/job.h"
#include "engine/plan.h"
#include "expr/remap.h"
#include "formats/keyindex.h"
#include "io/mapping.h"

/* Is there an item whose id is this text, of whatever type? */
static bool
is_there(const struct keyindex *ix, const struct remap *r, struct span source,
	 struct arena *mem)
{
	for (enum value_type type = VALUE_S; type <= VALUE_B; type++) {
		struct remap_logged id;
		struct err unused;
		uint64_t at;

		if (remap_log(r, type, source, &id, mem, &unused) > 0 &&
		    keyindex_find(ix, id.key, &at) > 0)
			return true;
	}
	return false;
}

int
mapuse_count(const char *job_dir, const struct plan_table *t,
	     struct mapuse *out, struct err *err)
{
	struct arena mem = { 0 };
	struct keyindex index;
	char path[PATH_MAX];
	struct span bytes, source;
	int rc;

	*out = (struct mapuse){ 0 };
	if (t->remap == NULL || t->skip || t->input == PLAN_NONE ||
	    !remap_row_source(t->remap, 0, &source))
		return 0;
	snprintf(path, sizeof(path), "%s/%s/%s.idx", job_dir, JOB_INDEX,
		 t->name);
	if (mapping_open(path, &bytes, err) != 0)
		return -1;
	mapping_at_random(bytes);
	rc = keyindex_open(&index, bytes, err);
	if (rc != 0)
		err_at(err, "%s", path);
	while (rc == 0 && remap_row_source(t->remap, out->rows, &source)) {
		out->rows++;
		out->unused += !is_there(&index, t->remap, source, &mem);
		arena_reset(&mem);
	}
	mapping_close(bytes);
	arena_free(&mem);
	return rc;
}
