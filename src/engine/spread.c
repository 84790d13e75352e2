#include "engine/spread.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/err.h"
#include "engine/unit.h"
#include "engine/unit_internal.h"

/* Of what one part becomes; with more than this it waits for its turn. */
enum { MUCH_KEPT = UNIT_PART_LEN / 2 * 3 };

enum state { FREE, READ, TAKEN, DONE };

/* A part and what has become of it; all but the state is its holder's. */
struct slot {
	struct unit_part part;
	enum state state;
	int rc;			/* -1: it failed, and err says why */
	struct err err;
};

struct spread {
	const struct run_shared *shared;
	const struct unit *unit;
	unsigned nslots;
	pthread_mutex_t lock;
	pthread_cond_t changed;

	/* Under the lock. */
	bool begun, open;	/* somebody opens it; it is open, and has parts */
	bool reading, adding;	/* somebody does */
	bool read;		/* to its end */
	bool over;		/* done, failed or one thread's alone */
	uint64_t nread, ntaken, nadded;
	unsigned inside;	/* threads */
	bool gone;		/* somebody has let go of what it took */

	struct unit_run *whole;
	struct unit_parts parts;	/* the reader's */
	struct slot *slots;
};

struct spread *
spread_new(const struct run_shared *shared, const struct unit *u,
	   unsigned nthreads, struct err *err)
{
	struct spread *const s = calloc(1, sizeof(*s));

	if (s == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	s->shared = shared;
	s->unit = u;
	s->nslots = nthreads + SPREAD_MORE;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->changed, NULL);
	return s;
}

/* What is only needed while threads are at it. */
static void
let_go(struct spread *s)
{
	/* Its source may still point into a part. */
	if (s->whole != NULL)
		unit_run_abandon(s->whole);	/* what is in place stays */
	unit_run_free(s->whole);
	s->whole = NULL;
	for (unsigned i = 0; s->slots != NULL && i < s->nslots; i++)
		unit_part_free(&s->slots[i].part);
	free(s->slots);
	s->slots = NULL;
}

void
spread_free(struct spread *s)
{
	if (s == NULL)
		return;
	let_go(s);
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

/* ---- with the lock ------------------------------------------------------- */

static struct slot *
slot_of(struct spread *s, uint64_t number)
{
	return &s->slots[number % s->nslots];
}

/* The next part is there to be added? */
static bool
is_next_done(struct spread *s)
{
	return !s->adding && s->nadded < s->ntaken &&
	       slot_of(s, s->nadded)->state == DONE;
}

static void
be_over(struct spread *s)
{
	s->over = true;
	pthread_cond_broadcast(&s->changed);
}

/* ---- without it ---------------------------------------------------------- */

/* Open the unit.  1 if it has parts, 0 if not, -1. */
static int
open_unit(struct spread *s, struct err *err)
{
	s->whole = unit_run_new(s->shared, err);
	s->slots = calloc(s->nslots, sizeof(*s->slots));
	if (s->slots == NULL)
		err_set(err, ERR_SYSTEM, "out of memory");
	if (s->slots == NULL || s->whole == NULL)
		return -1;
	s->whole->in_parts = true;
	if (unit_run_start(s->whole, s->unit, err) != 0)
		return -1;
	if (unit_has_parts(s->whole))
		return 1;
	s->whole->in_parts = false;
	if (s->whole->kept == NULL)
		return 0;
	/* Once more, as one does alone. */
	unit_run_abandon(s->whole);
	return unit_run_start(s->whole, s->unit, err) != 0 ? -1 : 0;
}

static int
go_alone(struct spread *s, struct workbench *bench, struct err *err)
{
	int rc;

	do
		rc = unit_run_go(s->whole, bench, err);
	while (rc > 0);
	return rc < 0 ? -1 : 1;
}

/* ---- with the lock, which they let go of for their work ------------------ */

/*
 * What they return: 1 after some work; 0 if there is none; -1 if the unit
 * failed, and is given up by whoever is told.
 */

static int
read_next(struct spread *s, struct err *err)
{
	if (s->reading || s->read || s->nread == s->nadded + s->nslots)
		return 0;

	struct slot *const slot = slot_of(s, s->nread);
	s->reading = true;
	pthread_mutex_unlock(&s->lock);
	const int rc = unit_part_read(s->whole, &s->parts, &slot->part, err);
	pthread_mutex_lock(&s->lock);
	s->reading = false;
	slot->state = READ;
	s->read = rc == 0 && slot->part.last;
	s->nread += rc == 0;
	pthread_cond_broadcast(&s->changed);
	return rc < 0 ? -1 : 1;
}

/* Add what there is of the next part, which may be over. */
static int
add_next(struct spread *s, bool over, struct err *err)
{
	struct slot *const slot = slot_of(s, s->nadded);
	int rc;

	s->adding = true;
	pthread_mutex_unlock(&s->lock);
	if (over && slot->rc != 0) {
		*err = slot->err;
		rc = -1;
	} else {
		rc = unit_part_add(s->whole, &slot->part, over, err);
	}
	pthread_mutex_lock(&s->lock);
	s->adding = false;
	if (over) {
		slot->state = FREE;
		s->nadded++;
	}
	pthread_cond_broadcast(&s->changed);
	return rc < 0 ? -1 : 1;
}

/*
 * A part has become much: wait until it is the next, adding those before it,
 * and add what there is of it.  Returns 0; or -1, also if all is over.
 */
static int
wait_for_turn(struct spread *s, uint64_t number, struct err *err)
{
	int rc = 1;

	while (rc > 0 && !s->over && (s->nadded < number || s->adding)) {
		if (is_next_done(s))
			rc = add_next(s, true, err);
		else
			pthread_cond_wait(&s->changed, &s->lock);
	}
	if (rc > 0 && s->over)
		return err_set(err, ERR_CANCELLED, "interrupted");
	return rc > 0 && add_next(s, false, err) > 0 ? 0 : -1;
}

static int
take_next(struct spread *s, struct workbench *bench, struct err *err)
{
	if (s->ntaken == s->nread)
		return 0;

	const uint64_t number = s->ntaken++;
	struct slot *const slot = slot_of(s, number);
	int rc;

	slot->state = TAKEN;
	slot->err = (struct err){ 0 };
	pthread_mutex_unlock(&s->lock);
	rc = unit_part_start(s->whole, &slot->part, &slot->err) == 0 ? 1 : -1;
	while (rc > 0) {
		rc = unit_part_go(&slot->part, bench, &slot->err);
		if (rc <= 0 || unit_part_kept(&slot->part) < MUCH_KEPT)
			continue;
		pthread_mutex_lock(&s->lock);
		const int waited = wait_for_turn(s, number, err);
		if (waited != 0)
			return -1;
		pthread_mutex_unlock(&s->lock);
	}
	pthread_mutex_lock(&s->lock);
	slot->rc = rc;
	slot->state = DONE;
	pthread_cond_broadcast(&s->changed);
	return 1;
}

/* What is most urgent.  1, 0 if there is nothing now, or -1. */
static int
do_something(struct spread *s, struct workbench *bench, struct err *err)
{
	int rc;

	if (is_next_done(s))
		return add_next(s, true, err);
	rc = read_next(s, err);
	return rc != 0 ? rc : take_next(s, bench, err);
}

/* Open it: 1 if there are parts to be had now; 0 if it is done; -1. */
static int
begin(struct spread *s, struct workbench *bench, struct err *err)
{
	int rc;

	s->begun = true;
	pthread_mutex_unlock(&s->lock);
	rc = open_unit(s, err);
	pthread_mutex_lock(&s->lock);
	if (rc > 0) {
		s->open = true;
		pthread_cond_broadcast(&s->changed);
		return 1;
	}
	be_over(s);
	if (rc < 0)
		return -1;
	pthread_mutex_unlock(&s->lock);
	rc = go_alone(s, bench, err);
	pthread_mutex_lock(&s->lock);
	return rc < 0 ? -1 : 0;
}

/* All of it is added: whoever is the first to see it puts it in place. */
static int
finish(struct spread *s, struct err *err)
{
	int rc;

	s->adding = true;		/* nobody else begins */
	pthread_mutex_unlock(&s->lock);
	rc = unit_finish(s->whole, false, err);
	pthread_mutex_lock(&s->lock);
	be_over(s);
	return rc;
}

static bool
is_added(const struct spread *s)
{
	return s->open && s->read && !s->adding && s->nadded == s->nread;
}

/* Returns as spread_work(). */
static int
work(struct spread *s, struct workbench *bench, struct err *err)
{
	int rc;

	if (!s->begun) {
		rc = begin(s, bench, err);
		if (rc <= 0)
			return rc < 0 ? -1 : 1;
	}
	while (!s->over) {
		if (is_added(s))
			return finish(s, err) == 0 ? 1 : -1;
		rc = s->open ? do_something(s, bench, err) : 0;
		if (rc < 0) {
			if (s->over)
				return 0;	/* whoever was first tells */
			be_over(s);
			return unit_name_error(s->unit, err);
		}
		if (rc == 0 && !s->over && !is_added(s))
			pthread_cond_wait(&s->changed, &s->lock);
	}
	return 0;
}

int
spread_work(struct spread *s, struct workbench *bench, struct err *err)
{
	pthread_mutex_lock(&s->lock);
	s->inside++;
	const int rc = work(s, bench, err);
	s->inside--;
	/* Who comes late finds it over, and the last one at it. */
	const bool last = s->over && s->inside == 0 && !s->gone;
	s->gone |= last;
	pthread_mutex_unlock(&s->lock);
	if (last)
		let_go(s);
	return rc;
}
