/*
 * keysort_turns.c - parts that several threads sort, and hand over in turns.
 *
 * Each takes the next part, sorts it in memory of its own, and waits until all
 * before it are handed over.  What cannot be sorted at once, or is not all in
 * one place, waits for its turn as it is: it wants the memory that all share.
 */
#include <pthread.h>
#include <stdbool.h>

#include "base/err.h"
#include "engine/crew.h"
#include "engine/keysort_internal.h"

struct turns {
	struct keysort *sort;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* Under the lock. */
	size_t next;		/* part to be taken, */
	size_t turn;		/* ... and to be handed over */
	bool failed;
};

/* The next part; false: there is none. */
static bool
take_part(struct turns *t, size_t *part)
{
	pthread_mutex_lock(&t->lock);
	const bool some = !t->failed && t->next < t->sort->top.nparts;
	*part = t->next;
	t->next += some;
	pthread_mutex_unlock(&t->lock);
	return some;
}

/* Returns 0, or -1 if it will never come. */
static int
wait_for_turn(struct turns *t, size_t part, struct err *err)
{
	pthread_mutex_lock(&t->lock);
	while (t->turn < part && !t->failed)
		pthread_cond_wait(&t->changed, &t->lock);
	const bool failed = t->failed;
	pthread_mutex_unlock(&t->lock);
	return failed ? err_set(err, ERR_CANCELLED, "interrupted") : 0;
}

static void
end_turn(struct turns *t, bool failed)
{
	pthread_mutex_lock(&t->lock);
	t->turn++;
	t->failed |= failed;
	pthread_cond_broadcast(&t->changed);
	pthread_mutex_unlock(&t->lock);
}

static int
work(void *context, struct err *err)
{
	struct turns *const t = context;
	struct keysort *const s = t->sort;
	struct keysort_desk desk;
	size_t i, n;
	int rc = 0;

	keysort_desk_start(&desk, s);
	while (rc == 0 && take_part(t, &i)) {
		const int ahead = keysort_sort_part(s, i, &desk, &n, err);

		rc = ahead < 0 ? -1 : wait_for_turn(t, i, err);
		if (rc == 0)
			rc = ahead == 0 ? keysort_hand_over(s, i, err) :
			     n == 0 ? 0 :
			     s->take(s->context, desk.scratch, n, err);
		end_turn(t, rc != 0);
	}
	keysort_desk_free(&desk);
	return rc;
}

int
keysort_take_turns(struct keysort *s, unsigned nthreads, struct err *err)
{
	struct turns t = { .sort = s };
	int rc;

	pthread_mutex_init(&t.lock, NULL);
	pthread_cond_init(&t.changed, NULL);
	rc = crew_do(nthreads, work, &t, err);
	pthread_cond_destroy(&t.changed);
	pthread_mutex_destroy(&t.lock);
	return rc;
}
