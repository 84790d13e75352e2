/*
 * analysis_watch.c - everybody who looks on at a survey, as one: the statistics
 * and the discovery of references.
 */
#include <pthread.h>
#include <stdlib.h>

#include "engine/analysis_internal.h"
#include "engine/discover.h"
#include "engine/job.h"
#include "engine/plan.h"

/*
 * What looks on at one batch after the other, of whatever unit: the one that
 * rested last is in the caches still.  So there are as many as threads, not as
 * many as open units, and fewer values are new to them.
 */
struct both {
	struct both *next;		/* that rests */
	void *stats;			/* while it looks */
	struct discover *discover;
};

/* An eye on a unit. */
struct eye {
	struct analysis_watch *watch;
	const struct unit *unit;
	uint32_t table;			/* that reads the unit first */
	struct both *both;		/* from before() to after(), or NULL */
};

struct analysis_watch {
	struct unit_observer observer;
	const struct plan *plan;
	struct unit_observer stats_observer;
	struct stats *stats;
	pthread_mutex_t lock;
	struct both *resting;
	struct discover_result found;
};

/* ---- an eye -------------------------------------------------------------- */

/* One that rests, or a new one. */
static struct both *
take_both(struct analysis_watch *w, struct err *err)
{
	struct both *b;

	pthread_mutex_lock(&w->lock);
	b = w->resting;
	if (b != NULL)
		w->resting = b->next;
	pthread_mutex_unlock(&w->lock);
	if (b != NULL)
		return b;
	b = calloc(1, sizeof(*b));
	if (b == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	b->discover = discover_new((uint32_t)w->plan->ntables, err);
	if (b->discover != NULL)
		return b;
	free(b);
	return NULL;
}

/* It has seen its batch, or as much of it as could be.  Returns 0 or -1. */
static int
rest(struct eye *e, bool whole, struct err *err)
{
	struct analysis_watch *const w = e->watch;
	struct both *const b = e->both;
	int rc = 0;

	e->both = NULL;
	if (b == NULL)
		return 0;
	if (b->stats != NULL)
		rc = w->stats_observer.close(b->stats, whole, err);
	b->stats = NULL;
	pthread_mutex_lock(&w->lock);
	b->next = w->resting;
	w->resting = b;
	pthread_mutex_unlock(&w->lock);
	return rc;
}

static void *
open_eye(void *context, const struct unit *u, struct err *err)
{
	struct analysis_watch *const w = context;
	struct eye *const e = calloc(1, sizeof(*e));

	if (e == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	e->watch = w;
	e->unit = u;
	e->table = w->plan->inputs[u->input].tables[0];
	return e;
}

static int
before(void *eye, const struct batch *batch, struct err *err)
{
	struct eye *const e = eye;
	const struct unit_observer *const o = &e->watch->stats_observer;
	struct both *const b = take_both(e->watch, err);

	e->both = b;
	if (b == NULL)
		return -1;
	b->stats = o->open(o->context, e->unit, err);
	if (b->stats == NULL || o->before(b->stats, batch, err) != 0)
		return -1;
	return discover_see(b->discover, e->table, batch, err);
}

static int
after(void *eye, const struct batch *batch,
      const struct program_result *result, struct err *err)
{
	struct eye *const e = eye;

	if (e->watch->stats_observer.after(e->both->stats, batch, result,
					   err) != 0)
		return -1;
	return rest(e, true, err);
}

/* Of a batch that came to nothing it has not rested yet. */
static int
close_eye(void *eye, bool whole, struct err *err)
{
	struct eye *const e = eye;
	const int rc = rest(e, whole, err);

	free(e);
	return rc;
}

/* ---- all of them --------------------------------------------------------- */

struct analysis_watch *
analysis_watch_new(struct err *err)
{
	struct analysis_watch *const w = calloc(1, sizeof(*w));

	if (w == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	pthread_mutex_init(&w->lock, NULL);
	w->observer = (struct unit_observer){
		.context = w, .open = open_eye, .before = before,
		.after = after, .edits = true, .close = close_eye,
	};
	return w;
}

void
analysis_watch_free(struct analysis_watch *w)
{
	if (w == NULL)
		return;
	while (w->resting != NULL) {
		struct both *const b = w->resting;

		w->resting = b->next;
		discover_free(b->discover);
		free(b);
	}
	discover_result_free(&w->found);
	stats_free(w->stats);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

const struct unit_observer *
analysis_watch_observer(struct analysis_watch *w)
{
	return &w->observer;
}

int
analysis_watch_start(struct analysis_watch *w, const struct run *r,
		     struct err *err)
{
	const char *const time = job_value(r->job, "run", "time");

	w->plan = r->plan;
	w->stats = stats_new(r->plan, time != NULL ? strtoll(time, NULL, 10)
			     : 0, err);
	if (w->stats == NULL)
		return -1;
	w->stats_observer = stats_observer(w->stats);
	return 0;
}

/* What all have seen, held against the ids that there are. */
static int
judge(struct analysis_watch *w, const struct run *r, struct err *err)
{
	struct both *const first = w->resting;

	if (first == NULL)
		return 0;
	for (const struct both *b = first->next; b != NULL; b = b->next)
		if (discover_merge(first->discover, b->discover, err) != 0)
			return -1;
	return discover_finish(first->discover, r->plan, r->dir, &w->found,
			       err);
}

int
analysis_watch_settle(struct analysis_watch *w, const struct run *r,
		      const struct stats **stats,
		      const struct discover_result **found, struct err *err)
{
	*stats = w->stats;
	*found = &w->found;
	return stats_settle(w->stats, err) != 0 ? -1 : judge(w, r, err);
}
