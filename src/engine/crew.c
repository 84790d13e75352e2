#include "engine/crew.h"

#include <pthread.h>
#include <stddef.h>

#include "base/err.h"

enum { MAX_THREADS = 256 };

struct crew {
	int (*work)(void *context, struct err *err);
	void *context;
	pthread_mutex_t lock;
	struct err why;		/* the failure to tell */
};

static void
note(struct crew *c, const struct err *err)
{
	pthread_mutex_lock(&c->lock);
	if (c->why.code == ERR_NONE || c->why.code == ERR_CANCELLED)
		c->why = *err;
	pthread_mutex_unlock(&c->lock);
}

static void *
work(void *crew)
{
	struct crew *const c = crew;
	struct err err = { 0 };

	if (c->work(c->context, &err) != 0)
		note(c, &err);
	return NULL;
}

int
crew_do(unsigned nthreads, int (*do_work)(void *context, struct err *err),
	void *context, struct err *err)
{
	struct crew c = { .work = do_work, .context = context };
	pthread_t threads[MAX_THREADS];
	unsigned n = 0;

	pthread_mutex_init(&c.lock, NULL);
	while (n + 1 < nthreads && n < MAX_THREADS &&
	       pthread_create(&threads[n], NULL, work, &c) == 0)
		n++;
	work(&c);
	for (unsigned i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	pthread_mutex_destroy(&c.lock);
	if (c.why.code == ERR_NONE)
		return 0;
	*err = c.why;
	return -1;
}
