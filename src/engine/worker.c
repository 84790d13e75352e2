#include "engine/worker.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/md5.h"
#include "engine/plan.h"
#include "engine/spread.h"
#include "engine/unit_internal.h"
#include "io/file.h"

/*
 * Packed bytes of open units, for each thread: a unit is done or not, so this
 * is what a crash may cost, some seconds' work.
 */
#define OPEN_LEN ((uint64_t)512 << 20)

/* Packed bytes of a unit that is worth the trouble of several threads. */
enum { SPREAD_LEN = 64 * 1024 };

/* A place for an open unit. */
struct slot {
	struct unit_run *run;		/* NULL: never used yet */
	const struct unit *unit;	/* NULL: free */
	uint64_t left;			/* to read, when last seen */
	bool begun;
	bool held;			/* a thread has it in hand */
};

struct pool {
	const struct run_shared *shared;
	unsigned nthreads;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct slot *slots;
	unsigned nslots;
	struct spread **spreads;	/* of the first of the queue */
	unsigned nspreads;
	const struct unit *const *queue;
	uint32_t next, nqueue;
	uint64_t left;			/* to read: open or in the queue */
	unsigned nopen;
	uint64_t open_len;		/* of their files */
	bool stopped;			/* somebody failed */
	_Atomic uint32_t *ndone;
};

/*
 * How many units may be open, by the files that each of them can have open:
 * what it reads, its key log, and for each table two of two descriptors.
 */
static unsigned
most_open(const struct run_shared *shared, unsigned nthreads)
{
	enum { OTHERS = 24, EACH = 4, OF_TABLE = 4 };
	const struct plan *const p = shared->plan;
	const size_t limit = file_most_open();
	const size_t all = nthreads > 0 ? nthreads * POOL_OPEN : 1;
	size_t ntables = 1;

	for (size_t i = 0; i < p->ninputs; i++)
		if (p->inputs[i].ntables > ntables)
			ntables = p->inputs[i].ntables;

	const size_t n = limit < OTHERS ? 0 :
		(limit - OTHERS) / (EACH + OF_TABLE * ntables);
	return (unsigned)(n < 1 ? 1 : n < all ? n : all);
}

/* Which of the first units all threads carry through together.  0 or -1. */
static int
choose_spreads(struct pool *p, struct err *err)
{
	uint64_t left = p->left;
	uint32_t i = 0;

	p->spreads = calloc(p->nqueue + 1U, sizeof(struct spread *));
	if (p->spreads == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	for (; p->nthreads > 1 && i < p->nqueue; i++) {
		const struct unit *const u = p->queue[i];
		const bool unknown = p->nqueue == 1 && u->packed_len == 0;

		if (!unit_may_part(p->shared, u) ||
		    !(unknown || (u->packed_len >= SPREAD_LEN &&
				  u->packed_len > left / p->nthreads)))
			break;
		p->spreads[i] = spread_new(p->shared, u, p->nthreads, err);
		if (p->spreads[i] == NULL)
			return -1;
		p->nspreads++;
		left -= u->packed_len;
	}
	p->left = left;
	p->next = i;
	if (i == 0 && p->nthreads > p->nqueue)
		p->nthreads = p->nqueue;
	return 0;
}

unsigned
pool_threads(const struct pool *p)
{
	return p->nthreads;
}

struct pool *
pool_new(const struct run_shared *shared, unsigned nthreads,
	 const struct unit *const *queue, uint32_t nqueue,
	 _Atomic uint32_t *ndone, struct err *err)
{
	struct pool *const p = calloc(1, sizeof(*p));

	if (p == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	p->shared = shared;
	p->nthreads = nthreads;
	p->queue = queue;
	p->nqueue = nqueue;
	p->ndone = ndone;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->changed, NULL);
	for (uint32_t i = 0; i < nqueue; i++)
		for (const struct unit *u = queue[i]; u != NULL; u = u->next)
			p->left += u->packed_len;
	if (choose_spreads(p, err) != 0) {
		pool_free(p);
		return NULL;
	}
	p->nslots = most_open(shared, p->nthreads);
	p->slots = calloc(p->nslots, sizeof(*p->slots));
	if (p->slots == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		p->nslots = 0;
		pool_free(p);
		return NULL;
	}
	return p;
}

void
pool_free(struct pool *p)
{
	if (p == NULL)
		return;
	for (unsigned i = 0; i < p->nslots; i++) {
		if (p->slots[i].unit != NULL && p->slots[i].begun)
			unit_run_abandon(p->slots[i].run);
		unit_run_free(p->slots[i].run);
	}
	free(p->slots);
	for (unsigned i = 0; i < p->nspreads; i++)
		spread_free(p->spreads[i]);
	free(p->spreads);
	pthread_cond_destroy(&p->changed);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

/* ---- with the lock ------------------------------------------------------- */

/* The unit that waits with most of it left; NULL if none waits. */
static struct slot *
largest_waiting(struct pool *p)
{
	struct slot *best = NULL;

	for (unsigned i = 0; i < p->nslots; i++) {
		struct slot *const s = &p->slots[i];

		if (s->unit != NULL && !s->held &&
		    (best == NULL || s->left > best->left))
			best = s;
	}
	return best;
}

/* May the next unit of the queue be opened, and has it more left than `s`? */
static bool
is_next(const struct pool *p, const struct slot *s)
{
	if (p->next == p->nqueue || p->nopen == p->nslots)
		return false;

	const uint64_t len = p->queue[p->next]->packed_len;
	return (s == NULL || len > s->left) &&
	       (p->nopen < p->nthreads ||
		p->open_len + len <= p->nthreads * OPEN_LEN);
}

/* The next unit of the queue in a place of its own. */
static struct slot *
open_next(struct pool *p)
{
	struct slot *s = p->slots;

	while (s->unit != NULL)
		s++;
	s->unit = p->queue[p->next++];
	s->left = s->unit->packed_len;
	s->begun = false;
	p->nopen++;
	p->open_len += s->left;
	return s;
}

/*
 * How many units a thread should have in hand whose largest has `largest` bytes
 * left: with too many others beside it that one would still be under way when
 * the other threads have nothing to do.
 */
static unsigned
width(const struct pool *p, uint64_t largest)
{
	if (p->nthreads == 1 || largest == 0)
		return POOL_WIDTH;

	const uint64_t n = p->left / p->nthreads / largest;
	return n < 1 ? 1 : n > POOL_WIDTH ? POOL_WIDTH : (unsigned)n;
}

/* Take what a round is to be of.  Returns how many: 0 if all is done. */
static unsigned
take(struct pool *p, struct slot *mine[POOL_WIDTH])
{
	unsigned n = 0, wanted = 1;

	while (n < wanted && !p->stopped) {
		struct slot *s = largest_waiting(p);

		if (is_next(p, s))
			s = open_next(p);
		if (s != NULL) {
			if (n == 0)
				wanted = width(p, s->left);
			s->held = true;
			mine[n++] = s;
		} else if (n > 0 || p->nopen == 0) {
			break;
		} else {
			pthread_cond_wait(&p->changed, &p->lock);
		}
	}
	return n;
}

static void
give_back(struct pool *p, struct slot *mine[POOL_WIDTH], unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct slot *const s = mine[i];
		const uint64_t left = s->begun ? unit_run_left(s->run) : 0;

		p->left -= s->left - left;
		s->left = left;
		s->held = false;
		if (s->begun)
			continue;
		p->open_len -= s->unit->packed_len;
		s->unit = s->unit->next;	/* in the same place */
		if (s->unit == NULL) {
			p->nopen--;
			continue;
		}
		s->left = s->unit->packed_len;
		p->open_len += s->left;
	}
	pthread_cond_broadcast(&p->changed);
}

/* ---- without it ---------------------------------------------------------- */

static int
begin(struct pool *p, struct slot *s, struct err *err)
{
	if (s->run == NULL)
		s->run = unit_run_new(p->shared, err);
	if (s->run == NULL || unit_run_start(s->run, s->unit, err) != 0)
		return -1;
	s->begun = true;
	return 0;
}

/* One slice of each, beside each other.  Returns 0 or -1. */
static int
do_round(struct pool *p, struct slot *mine[POOL_WIDTH], unsigned n,
	 struct workbench *bench, struct err *err)
{
	struct md5_lane ring;
	int rc = 0;

	md5_lane_start(&ring);
	for (unsigned i = 0; i < n && rc == 0; i++)
		if (!mine[i]->begun)
			rc = begin(p, mine[i], err);
	for (unsigned i = 0; i < n && rc == 0; i++)
		unit_run_join(mine[i]->run, &ring);
	for (unsigned i = 0; i < n && rc == 0; i++) {
		const int more = unit_run_go(mine[i]->run, bench, err);

		if (more <= 0)
			mine[i]->begun = false;
		if (more == 0)
			atomic_fetch_add(p->ndone, 1);
		rc = more < 0 ? -1 : 0;
	}
	for (unsigned i = 0; i < n; i++)
		if (mine[i]->begun)
			unit_run_part(mine[i]->run);
	return rc;
}

static bool
is_stopped(struct pool *p)
{
	pthread_mutex_lock(&p->lock);
	const bool stopped = p->stopped;
	pthread_mutex_unlock(&p->lock);
	return stopped;
}

/* This thread's part of what all do together.  Returns 0 or -1. */
static int
do_spreads(struct pool *p, struct workbench *bench, struct err *err)
{
	for (unsigned i = 0; i < p->nspreads && !is_stopped(p); i++) {
		const int rc = spread_work(p->spreads[i], bench, err);

		if (rc < 0)
			return -1;
		if (rc > 0)
			atomic_fetch_add(p->ndone, 1);
	}
	return 0;
}

int
pool_work(struct pool *p, struct err *err)
{
	struct slot *mine[POOL_WIDTH];
	struct workbench bench;
	unsigned n;
	int rc;

	workbench_init(&bench);
	rc = do_spreads(p, &bench, err);
	pthread_mutex_lock(&p->lock);
	while (rc == 0 && (n = take(p, mine)) > 0) {
		pthread_mutex_unlock(&p->lock);
		rc = do_round(p, mine, n, &bench, err);
		pthread_mutex_lock(&p->lock);
		give_back(p, mine, n);
	}
	if (rc != 0) {
		p->stopped = true;
		pthread_cond_broadcast(&p->changed);
	}
	pthread_mutex_unlock(&p->lock);
	workbench_free(&bench);
	return rc;
}

int
worker_do(const struct run_shared *shared, const struct unit *u,
	  struct err *err)
{
	struct workbench bench;
	struct unit_run *const r = unit_run_new(shared, err);
	int rc = -1;

	if (r == NULL)
		return -1;
	workbench_init(&bench);
	if (unit_run_start(r, u, err) == 0)
		while ((rc = unit_run_go(r, &bench, err)) > 0)
			;
	workbench_free(&bench);
	unit_run_free(r);
	return rc;
}
