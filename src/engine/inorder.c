#include "engine/inorder.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

/* A piece that waits for its turn. */
struct kept {
	struct kept *next;
	struct inorder_piece piece;
	uint8_t text[];
};

/* What waits of one unit. */
struct queue {
	struct kept *first, *last;
	bool ended;
};

struct inorder {
	inorder_take *take;
	void *context;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct queue *queues;
	uint32_t nunits, front;
	size_t held, memory;
	bool enough;		/* no more is wanted */
	bool stopped;		/* somebody failed */
};

struct inorder *
inorder_new(uint32_t nunits, size_t memory, inorder_take *take, void *context,
	    struct err *err)
{
	struct inorder *const o = calloc(1, sizeof(*o));

	if (o != NULL)
		o->queues = calloc(nunits + 1, sizeof(*o->queues));
	if (o == NULL || o->queues == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		free(o);
		return NULL;
	}
	o->nunits = nunits;
	o->memory = memory;
	o->take = take;
	o->context = context;
	pthread_mutex_init(&o->lock, NULL);
	pthread_cond_init(&o->changed, NULL);
	return o;
}

static void
free_queue(struct queue *q)
{
	while (q->first != NULL) {
		struct kept *const k = q->first;

		q->first = k->next;
		free(k);
	}
	q->last = NULL;
}

void
inorder_free(struct inorder *o)
{
	if (o == NULL)
		return;
	for (uint32_t i = 0; i < o->nunits; i++)
		free_queue(&o->queues[i]);
	free(o->queues);
	pthread_cond_destroy(&o->changed);
	pthread_mutex_destroy(&o->lock);
	free(o);
}

void
inorder_stop(struct inorder *o)
{
	pthread_mutex_lock(&o->lock);
	o->stopped = true;
	pthread_cond_broadcast(&o->changed);
	pthread_mutex_unlock(&o->lock);
}

/* ---- with the lock ------------------------------------------------------- */

static int
state(const struct inorder *o, struct err *err)
{
	if (o->stopped)
		return err_set(err, ERR_CANCELLED, "interrupted");
	return o->enough;
}

/* What `take` said, for everybody.  Returns it. */
static int
note(struct inorder *o, int rc)
{
	o->enough |= rc > 0;
	o->stopped |= rc < 0;
	if (rc != 0)
		pthread_cond_broadcast(&o->changed);
	return rc;
}

/*
 * Hand on what waits of the front unit, whose turn nobody else can use: without
 * the lock, which is held again after.
 */
static int
flush(struct inorder *o, struct err *err)
{
	struct queue mine = o->queues[o->front];
	size_t len = 0;
	int rc = 0;

	o->queues[o->front].first = o->queues[o->front].last = NULL;
	pthread_mutex_unlock(&o->lock);
	for (const struct kept *k = mine.first; k != NULL && rc == 0;
	     k = k->next)
		rc = o->take(o->context, &k->piece, err);
	for (const struct kept *k = mine.first; k != NULL; k = k->next)
		len += k->piece.text.len;
	free_queue(&mine);
	pthread_mutex_lock(&o->lock);
	o->held -= len;
	return note(o, rc);
}

static int
keep(struct inorder *o, const struct inorder_piece *piece, struct err *err)
{
	struct kept *const k = malloc(sizeof(*k) + piece->text.len);
	struct queue *const q = &o->queues[piece->unit];

	if (k == NULL) {
		note(o, -1);
		return err_set(err, ERR_SYSTEM, "out of memory");
	}
	k->next = NULL;
	k->piece = *piece;
	if (piece->text.len > 0)
		memcpy(k->text, piece->text.ptr, piece->text.len);
	k->piece.text.ptr = k->text;
	*(q->first == NULL ? &q->first : &q->last->next) = k;
	q->last = k;
	o->held += piece->text.len;
	return 0;
}

static int
put(struct inorder *o, const struct inorder_piece *piece, struct err *err)
{
	int rc;

	while ((rc = state(o, err)) == 0 && piece->unit != o->front &&
	       o->held + piece->text.len > o->memory)
		pthread_cond_wait(&o->changed, &o->lock);
	if (rc != 0)
		return rc;
	if (piece->unit != o->front)
		return keep(o, piece, err);
	rc = flush(o, err);
	if (rc != 0)
		return rc;
	pthread_mutex_unlock(&o->lock);
	rc = o->take(o->context, piece, err);
	pthread_mutex_lock(&o->lock);
	return note(o, rc);
}

/* The turn goes on, past units that have ended before theirs. */
static int
end(struct inorder *o, struct err *err)
{
	int rc = state(o, err);

	while (rc == 0 && o->front < o->nunits && o->queues[o->front].ended) {
		rc = flush(o, err);
		o->front++;
		pthread_cond_broadcast(&o->changed);
	}
	return rc;
}

/* ---- for others ---------------------------------------------------------- */

int
inorder_put(struct inorder *o, const struct inorder_piece *piece,
	    struct err *err)
{
	pthread_mutex_lock(&o->lock);
	const int rc = put(o, piece, err);
	pthread_mutex_unlock(&o->lock);
	return rc;
}

int
inorder_end(struct inorder *o, uint32_t unit, struct err *err)
{
	int rc = 0;

	pthread_mutex_lock(&o->lock);
	o->queues[unit].ended = true;
	if (unit == o->front)
		rc = end(o, err);
	else
		rc = state(o, err);
	pthread_mutex_unlock(&o->lock);
	return rc;
}
