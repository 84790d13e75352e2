#include "engine/transfer.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/s3.h"
#include "base/err.h"
#include "engine/place.h"
#include "io/drain.h"
#include "io/feed.h"
#include "io/file.h"

enum { PIECE_LEN = 256 * 1024, MOST_THREADS = 32 };

int
transfers_add(struct transfers *t, const char *from, const char *to,
	      uint64_t len, struct err *err)
{
	struct transfer *one;

	if (t->n == t->cap) {
		const size_t cap = t->cap > 0 ? 2 * t->cap : 64;
		struct transfer *const p = realloc(t->list, cap * sizeof(*p));

		if (p == NULL)
			return err_set(err, ERR_SYSTEM, "out of memory");
		t->list = p;
		t->cap = cap;
	}
	one = &t->list[t->n];
	*one = (struct transfer){ strdup(from), to != NULL ? strdup(to) : NULL,
				  len };
	if (one->from == NULL || (to != NULL && one->to == NULL)) {
		free(one->from);
		free(one->to);
		return err_set(err, ERR_SYSTEM, "out of memory");
	}
	t->n++;
	return 0;
}

void
transfers_free(struct transfers *t)
{
	while (t->n > 0) {
		t->n--;
		free(t->list[t->n].from);
		free(t->list[t->n].to);
	}
	free(t->list);
	*t = (struct transfers){ 0 };
}

/* ---- one ----------------------------------------------------------------- */

/* The folder that a file is to be in. */
static int
make_folder_of(const char *path, struct err *err)
{
	const char *const slash = strrchr(path, '/');
	char *const folder = slash != NULL && slash > path
		? strndup(path, (size_t)(slash - path)) : NULL;
	int rc = 0;

	if (folder != NULL)
		rc = file_make_folder(folder, err);
	free(folder);
	return rc;
}

static int
pour(const struct transfer *t, uint8_t *piece, const atomic_bool *cancel,
     struct err *err)
{
	struct feed *const from = place_feed(t->from, err);
	struct drain *to = NULL;
	ssize_t n = -1;

	if (from == NULL)
		return -1;
	if (place_is_remote(t->to) || make_folder_of(t->to, err) == 0)
		to = place_drain(t->to, err);
	while (to != NULL &&
	       (n = from->read(from, piece, PIECE_LEN, err)) > 0) {
		if (cancel != NULL && atomic_load(cancel))
			n = err_set(err, ERR_CANCELLED, "interrupted");
		else if (to->write(to, (struct span){ piece, (size_t)n },
				   err) != 0)
			n = -1;
		if (n < 0)
			break;
	}
	if (n == 0 && to->commit(to, err) != 0)
		n = -1;
	if (to != NULL)
		to->close(to);
	from->close(from);
	return n == 0 ? 0 : -1;
}

static int
do_one(const struct transfer *t, uint8_t *piece, const atomic_bool *cancel,
       struct err *err)
{
	struct s3 *s;

	if (t->to != NULL && !(place_is_remote(t->from) &&
			       place_is_remote(t->to)))
		return pour(t, piece, cancel, err);
	s = place_s3(t->from, err);
	if (s == NULL)
		return -1;
	return t->to == NULL ? s3_remove(s, t->from, err) :
		s3_copy(s, t->from, t->to, t->len, err);
}

/* ---- all ----------------------------------------------------------------- */

struct crew {
	const struct transfers *all;
	const atomic_bool *cancel;
	atomic_size_t next;
	atomic_bool stop;
	pthread_mutex_t lock;
	struct err first;
};

static void
fail(struct crew *c, const struct err *err)
{
	pthread_mutex_lock(&c->lock);
	if (c->first.code == ERR_NONE)
		c->first = *err;
	pthread_mutex_unlock(&c->lock);
	atomic_store(&c->stop, true);
}

static void *
work(void *context)
{
	struct crew *const c = context;
	uint8_t *const piece = malloc(PIECE_LEN);
	struct err err = { 0 };
	size_t i;

	if (piece == NULL) {
		err_set(&err, ERR_SYSTEM, "out of memory");
		fail(c, &err);
		return NULL;
	}
	while (!atomic_load(&c->stop) &&
	       (i = atomic_fetch_add(&c->next, 1)) < c->all->n) {
		if (c->cancel != NULL && atomic_load(c->cancel))
			err_set(&err, ERR_CANCELLED, "interrupted");
		else if (do_one(&c->all->list[i], piece, c->cancel, &err) == 0)
			continue;
		fail(c, &err);
	}
	free(piece);
	return NULL;
}

int
transfers_do(struct transfers *t, unsigned threads, const atomic_bool *cancel,
	     struct err *err)
{
	struct crew c = { .all = t, .cancel = cancel };
	pthread_t others[MOST_THREADS];
	unsigned n = threads < MOST_THREADS ? threads : MOST_THREADS;
	unsigned started = 0;

	if (n > t->n)
		n = (unsigned)t->n;
	pthread_mutex_init(&c.lock, NULL);
	/* This thread is one of them; fewer than asked for will do. */
	while (started + 1 < n &&
	       pthread_create(&others[started], NULL, work, &c) == 0)
		started++;
	work(&c);
	for (unsigned i = 0; i < started; i++)
		pthread_join(others[i], NULL);
	pthread_mutex_destroy(&c.lock);
	if (c.first.code == ERR_NONE)
		return 0;
	*err = c.first;
	return -1;
}
