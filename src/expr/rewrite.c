/* rewrite.c - the queue: many ids at once, then into the items. */
#include "expr/rewrite.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "expr/rewrite_internal.h"

enum { TOGETHER = 64 };		/* ids that are computed at a time */

int
list_grow(void *array, struct list *l, size_t more, size_t size,
	  struct err *err)
{
	size_t cap = l->cap > 0 ? l->cap : 64;
	void *p;

	if (l->cap - l->len >= more)
		return 0;
	while (cap - l->len < more)
		cap *= 2;
	if (cap > UINT32_MAX)
		return err_set(err, ERR_LIMIT, "more than %u ids in one batch",
			       UINT32_MAX);
	memcpy(&p, array, sizeof(p));
	p = realloc(p, cap * size);
	if (p == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	memcpy(array, &p, sizeof(p));
	l->cap = cap;
	return 0;
}

struct rewrite_queue *
rewrite_queue_new(struct err *err)
{
	struct rewrite_queue *const q = calloc(1, sizeof(*q));

	if (q == NULL)
		err_set(err, ERR_SYSTEM, "out of memory");
	return q;
}

void
rewrite_queue_free(struct rewrite_queue *q)
{
	if (q == NULL)
		return;
	free(q->uses);
	free(q->verdicts);
	free(q->ids);
	free(q->quicks);
	free(q->changes);
	free(q->places);
	free(q->owners);
	free(q->caught);
	free(q->lefts);
	free(q->whens);
	free(q->match);
	free(q->slots);
	free(q);
}

/* What was to be done is done; the uses stay. */
static void
forget(struct rewrite_queue *q)
{
	q->nids.len = q->nquicks.len = q->nchanges.len = 0;
	q->nplaces.len = q->nowners.len = q->ncaught.len = 0;
	q->ndone = q->nuses.len;
}

void
rewrite_reset(struct rewrite_queue *q)
{
	q->nuses.len = q->nverdicts.len = q->nflushed = 0;
	forget(q);
}

void
rewrite_queue_check(struct rewrite_queue *q, rewrite_lookup *lookup,
		    void *context)
{
	q->lookup = lookup;
	q->context = context;
}

const struct rewrite_use *
rewrite_uses(const struct rewrite_queue *q, size_t *n)
{
	*n = q->nflushed;
	return q->uses;
}

const struct rewrite_verdict *
rewrite_verdicts(const struct rewrite_queue *q, size_t *n)
{
	*n = q->nverdicts.len;
	return q->verdicts;
}

/*
 * The new ids of some uses.  Each step is a loop of its own: text that was just
 * written cannot be hashed at once without the processor waiting for it.
 */
static int
compute(struct rewrite_queue *q, struct remap_id *ids, size_t n,
	struct arena *mem, struct err *err)
{
	struct remap_digest digests[TOGETHER];

	assert(n <= TOGETHER);
	if (remap_digests(ids, n, digests, mem, err) != 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (remap_write(&ids[i], &digests[i], mem, err) != 0)
			return -1;
		q->uses[ids[i].number].target = ids[i].target;
	}
	for (size_t i = 0; i < n; i++)
		q->uses[ids[i].number].key = remap_key(&ids[i]);
	return 0;
}

int
rewrite_do(struct rewrite_queue *q, struct arena *mem, struct err *err)
{
	const size_t n = q->nids.len;

	assert(q->ndone + n + q->nquicks.len == q->nuses.len);
	if (rewrite_do_quick(q, mem, err) != 0)
		return -1;
	for (size_t i = 0; i < n; i += TOGETHER)
		if (compute(q, q->ids + i, n - i < TOGETHER ? n - i
							    : TOGETHER,
			    mem, err) != 0)
			return -1;
	if (rewrite_apply(q, mem, err) != 0 || rewrite_tidy(q, mem, err) != 0)
		return -1;
	forget(q);
	return 0;
}

int
rewrite_flush(struct rewrite_queue *q, struct arena *mem, struct err *err)
{
	if (rewrite_do(q, mem, err) != 0)
		return -1;
	q->nflushed = q->nuses.len;
	return 0;
}
