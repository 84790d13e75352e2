/*
 * rollback_whole.c - a whole table compared with the job's output, before it is
 * deleted.
 */
#include <stdio.h>

#include "engine/differ.h"
#include "engine/place.h"
#include "engine/rollback_internal.h"

struct sums {
	uint64_t foreign;		/* items that the job did not leave so */
};

static int
see(void *context, const struct differ_found *f, struct err *err)
{
	struct sums *const s = context;

	(void)err;
	s->foreign += f->kind != DIFFER_REMOVED;
	return 0;
}

static int
end(void *context, const struct differ_sums *found, struct err *err)
{
	struct sums *const s = context;

	(void)err;
	s->foreign += found->bad;
	return 0;
}

static int
tell(void *context, struct span note, struct err *err)
{
	(void)context;
	(void)note;
	(void)err;
	return 0;
}

int
rollback_is_ours(struct rollback *r, const struct rolling *t, struct err *err)
{
	char live[300];
	const char *const a = t->from->folder, *const b = live;
	struct sums s = { 0 };

	snprintf(live, sizeof(live), "dynamodb://%s", t->shown.name);
	place_source(&r->plan->target);
	place_read_consistently(true);
	const int rc = differ_do(&(struct differ_options){
		.a = { .paths = &a, .npaths = 1 },
		.b = { .paths = &b, .npaths = 1 },
		.threads = r->o.threads, .memory = r->o.memory,
		.tmp = r->o.tmp, .cancel = r->o.cancel,
		.see = see, .end = end, .tell = tell, .context = &s,
	}, err);
	place_read_consistently(false);
	place_source(NULL);
	return rc != 0 ? -1 : s.foreign == 0;
}
