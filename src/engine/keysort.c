/*
 * keysort.c - parts that fit the cache or the memory, one after the other.
 *
 * A part is the records whose keys agree above some bit.  While it is written
 * it has a buffer.  Where there is memory for all, that buffer is large enough
 * for the part, if keys are uniform, and the part is sorted where it is.  Else
 * what fills a buffer goes to a file, and a part is also a list of extents
 * there, in the order in which they were written; read from its start it has
 * its records in the order they were added in.  A part that is too large to be
 * sorted at once is spread again, by the first bits in which its keys differ;
 * if they do not differ there is nothing to sort, and it is handed over as it
 * is.
 *
 * Only so much is kept in memory of our own.  The file's is the system's, which
 * takes it back when it is short of it.  Ten million ids were sorted no slower
 * that way, and we stay small.  A file that is large by any measure goes past
 * the system's memory, which would have to be found first: of a hundred million
 * ids that cost more than sorting them.
 */
#include "engine/keysort.h"

#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/err.h"
#include "engine/keysort_internal.h"
#include "io/direct.h"

enum {
	MAX_PARTS = 512,
	FEW = 16 * 1024,		/* records that need no parts */
	PART = 2 * 1024,		/* ... that are well sorted at once */
	MIN_BUFFER = 4 * 1024,		/* of a part that is written, */
	GOOD_BUFFER = 32 * 1024,	/* ... if it is only for the cache */
	MAX_BUFFER = 1024 * 1024,
	BUFFERS_LEN = 12 * 1024 * 1024,	/* of all parts, beside a file */
	/* The same of a large one, whose writes nobody puts together. */
	LARGE_BUFFER = 96 * 1024,
	LARGE_BUFFERS_LEN = 24 * 1024 * 1024,
	/* One that will be gone before anybody asks for its pages. */
	SMALL_FILE = 64 * 1024 * 1024,
	WHOLE = 512 * KEYSORT_LEN,	/* as many pages as records */
};

/* How many records a buffer has, where all have `memory` bytes. */
static size_t
share(size_t memory, unsigned bits)
{
	size_t len = memory >> bits;

	len = len > MAX_BUFFER ? MAX_BUFFER : len;
	len = len < MIN_BUFFER ? MIN_BUFFER : len;
	/* Whole pages of records, if it can be. */
	len -= len > WHOLE ? len % WHOLE : 0;
	return len / KEYSORT_LEN;
}

/* ---- handing over -------------------------------------------------------- */

/* Hand over a part that is in the file, by way of `room` of `n` records. */
static int
each_block(struct keysort *s, const struct keysort_part *p, uint64_t *room,
	   size_t n, keysort_take *take, void *context, struct err *err)
{
	for (size_t i = 0; i < p->nextents; i++) {
		struct keysort_extent e = p->extents[i];

		while (e.n > 0) {
			const size_t m = e.n < n ? e.n : n;

			if (keysort_read(s, &s->desk.direct, room, e.at, m, err) != 0 ||
			    take(context, room, m, err) != 0)
				return -1;
			e.at += m * KEYSORT_LEN;
			e.n -= m;
		}
	}
	return 0;
}

static int
load_all(const struct keysort *s, const struct keysort_part *p,
	 struct keysort_desk *desk, struct err *err)
{
	uint64_t *room = desk->room;

	for (size_t i = 0; i < p->nextents; i++) {
		const struct keysort_extent *const e = &p->extents[i];

		if (keysort_read(s, &desk->direct, room, e->at, e->n, err) != 0)
			return -1;
		room += e->n * KEYSORT_WORDS;
	}
	return 0;
}

struct again {
	struct keysort *sort;
	struct keysort_spread spread;
};

static int
spread_again(void *context, const uint64_t *records, size_t n,
	     struct err *err)
{
	struct again *const a = context;

	return keysort_spread_add(a->sort, &a->spread, records, n, err);
}

static int
hand_over(struct keysort *s, struct keysort_spread *d, size_t i,
	  struct err *err);

/* Memory for `n` records. */
static int
enlarge(uint64_t **p, size_t *cap, size_t n, struct err *err)
{
	if (*cap < n) {
		keysort_put_back(*p, *cap);
		*p = keysort_get(n, err);
		*cap = *p == NULL ? 0 : n;
	}
	return *p == NULL ? -1 : 0;
}

/* Memory for `n` records of a part, and to sort them. */
static int
make_room(struct keysort_desk *d, size_t n, struct err *err)
{
	return enlarge(&d->room, &d->room_n, n, err) != 0 ? -1 :
	       enlarge(&d->scratch, &d->scratch_n, n, err);
}

void
keysort_desk_free(struct keysort_desk *d)
{
	keysort_put_back(d->room, d->room_n);
	keysort_put_back(d->scratch, d->scratch_n);
	if (d->direct >= 0)
		close(d->direct);
}

void
keysort_desk_start(struct keysort_desk *d, const struct keysort *s)
{
	*d = (struct keysort_desk){ .direct = -1 };
	if (s->desk.direct >= 0)
		d->direct = direct_of(s->fd);
}

/* A part that does not fit: smaller ones from it, and those one by one. */
static int
split(struct keysort *s, const struct keysort_part *p, unsigned first,
      struct err *err)
{
	enum { BITS = 6, BLOCK = 16 * 1024 };
	const unsigned left = 64 - first % 64;
	struct keysort_desk *const desk = &s->desk;
	const size_t block = desk->room_n < BLOCK ? desk->room_n : BLOCK;
	struct again a = { .sort = s };

	/* The buffers take the place of what was sorted before. */
	madvise(desk->room, desk->room_n * KEYSORT_LEN, MADV_DONTNEED);
	madvise(desk->scratch, desk->scratch_n * KEYSORT_LEN, MADV_DONTNEED);

	const unsigned bits = left < BITS ? left : BITS;
	int rc = keysort_spread_start(&a.spread, first, bits,
				      share(s->memory / 2, bits), p->n, err);

	if (rc == 0)
		rc = each_block(s, p, desk->room, block, spread_again, &a, err);
	if (rc == 0)
		rc = keysort_spread_end(s, &a.spread, err);
	keysort_forget(s, p);
	for (size_t i = 0; rc == 0 && i < a.spread.nparts; i++)
		rc = hand_over(s, &a.spread, i, err);
	keysort_spread_free(&a.spread);
	return rc;
}

/* The first bit in which keys of a part in the file differ, or 128. */
static unsigned
first_difference(const struct keysort_part *p)
{
	const uint64_t hi = p->any[0] & ~p->all[0];
	const uint64_t lo = p->any[1] & ~p->all[1];

	return hi != 0 ? (unsigned)__builtin_clzll(hi) :
	       lo != 0 ? 64 + (unsigned)__builtin_clzll(lo) : 128;
}

/* As keysort_sort_part(). */
static int
sort_part(struct keysort *s, struct keysort_spread *d, size_t i,
	  struct keysort_desk *desk, size_t *n, struct err *err)
{
	const struct keysort_part *const p = &d->parts[i];
	const size_t held = keysort_held(d, i);

	*n = p->nextents == 0 ? held : (size_t)p->n;
	if (*n == 0)
		return 1;
	if (p->nextents == 0) {
		if (enlarge(&desk->scratch, &desk->scratch_n, d->each,
			    err) != 0)
			return -1;
		keysort_to(keysort_buffer(d, i), desk->scratch, held);
		return 1;
	}
	if (held > 0 || p->n > s->most || first_difference(p) == 128)
		return 0;
	if (make_room(desk, *n, err) != 0 ||
	    load_all(s, p, desk, err) != 0)
		return -1;
	keysort_forget(s, p);
	keysort_to(desk->room, desk->scratch, *n);
	return 1;
}

static int
hand_over(struct keysort *s, struct keysort_spread *d, size_t i,
	  struct err *err)
{
	struct keysort_part *const p = &d->parts[i];
	size_t n;

	/* All in the file, or all in its buffer. */
	if (p->nextents > 0 && keysort_flush(s, d, i, err) != 0)
		return -1;

	const int rc = sort_part(s, d, i, &s->desk, &n, err);
	if (rc != 0)
		return rc < 0 ? -1 : n == 0 ? 0 :
		       s->take(s->context, s->desk.scratch, n, err);
	if (make_room(&s->desk, p->n < s->most ? (size_t)p->n : s->most,
		      err) != 0)
		return -1;
	if (first_difference(p) == 128)
		return each_block(s, p, s->desk.room, s->desk.room_n, s->take,
				  s->context, err);
	return split(s, p, first_difference(p), err);
}

int
keysort_sort_part(struct keysort *s, size_t i, struct keysort_desk *desk,
		  size_t *n, struct err *err)
{
	return sort_part(s, &s->top, i, desk, n, err);
}

int
keysort_hand_over(struct keysort *s, size_t i, struct err *err)
{
	return hand_over(s, &s->top, i, err);
}

/* ---- the whole ----------------------------------------------------------- */

/* Room for all, in parts of about PART records that differ somewhat. */
static bool
fits(uint64_t expected, size_t memory, unsigned bits, size_t *each)
{
	const uint64_t mean = expected >> bits;

	/* More than that is as likely as six sigma are. */
	*each = (size_t)(mean + mean / 16 + 128);
	return ((uint64_t)*each * KEYSORT_LEN) << bits <= memory;
}

/* Begin with the first bits, as many as make parts that fit. */
static int
start_spreading(struct keysort *s, uint64_t expected, size_t near,
		struct err *err)
{
	const uint64_t some = expected + expected / 4;	/* parts differ */
	size_t buffers = s->memory / 2, most = buffers, each;
	size_t least = GOOD_BUFFER, usual = BUFFERS_LEN;
	unsigned bits = 1;

	s->spreads = true;
	while ((size_t)1 << bits < MAX_PARTS &&
	       expected > (uint64_t)PART << bits)
		bits++;
	near = near < buffers ? near : buffers;
	if (fits(expected, near, bits, &each)) {
		s->stays = true;
		s->most = (s->memory - near) / KEYSORT_LEN / 2;
		return keysort_spread_start(&s->top, 0, bits, each, expected,
					    err);
	}

	if (s->large) {
		least = LARGE_BUFFER;
		most = usual = LARGE_BUFFERS_LEN;
	}
	buffers = buffers < usual ? buffers : usual;
	bits = 1;
	while ((size_t)1 << bits < MAX_PARTS &&
	       some > (uint64_t)s->most << bits)
		bits++;
	/* More parts than must be, for the cache, if buffers allow it. */
	while ((size_t)1 << bits < MAX_PARTS && some > (uint64_t)PART << bits &&
	       least << (bits + 1) <= most)
		bits++;
	return keysort_spread_start(&s->top, 0, bits, share(buffers, bits),
				    expected, err);
}

struct keysort *
keysort_new(uint64_t expected, size_t memory, size_t near, const char *tmp,
	    struct err *err)
{
	enum { AT_ONCE = 1024 };
	struct keysort *const s = calloc(1, sizeof(*s));

	if (s == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	s->fd = s->desk.direct = -1;
	s->large = expected >= DIRECT_LARGE / KEYSORT_LEN;
	s->tmp = tmp;
	s->memory = memory;
	s->most = memory / KEYSORT_LEN / 2;
	s->most = s->most > UINT32_MAX ? UINT32_MAX : s->most;
	s->most = s->most < AT_ONCE ? AT_ONCE : s->most;
	if (expected > UINT64_MAX / KEYSORT_LEN) {
		err_set(err, ERR_LIMIT, "too many records");
		goto fail;
	}
	if (expected > s->most || expected > FEW) {
		s->desk.room_n = AT_ONCE;
		if (start_spreading(s, expected, near, err) != 0)
			goto fail;
	} else {
		s->desk.room_n = expected > 0 ? (size_t)expected : 1;
	}
	s->desk.room = keysort_get(s->desk.room_n, err);
	if (s->desk.room == NULL)
		goto fail;
	s->front.at = s->desk.room;
	s->front.stop = s->desk.room + s->desk.room_n * KEYSORT_WORDS;
	return s;
fail:
	keysort_free(s);
	return NULL;
}

static size_t
waiting(const struct keysort *s)
{
	return (size_t)(s->front.at - s->desk.room) / KEYSORT_WORDS;
}

int
keysort_turn(struct keysort *s, struct err *err)
{
	if (!s->spreads)
		return err_set(err, ERR_INPUT, "more records than were "
			       "expected");
	if (keysort_spread_add(s, &s->top, s->desk.room, waiting(s), err) != 0)
		return -1;
	s->front.at = s->desk.room;
	return 0;
}

/* From spreading to handing over: a file's buffers make room for its parts. */
static int
turn_round(struct keysort *s, struct err *err)
{
	if (keysort_turn(s, err) != 0 ||
	    (!s->stays && keysort_spread_end(s, &s->top, err) != 0))
		return -1;
	s->forgets = s->len > SMALL_FILE;
	return 0;
}

int
keysort_finish_by(struct keysort *s, unsigned nthreads, keysort_take *take,
		  void *context, struct err *err)
{
	const size_t n = waiting(s);
	int rc = 0;

	s->take = take;
	s->context = context;
	if (!s->spreads) {
		if (n == 0)
			return 0;
		if (make_room(&s->desk, n, err) != 0)
			return -1;
		keysort_to(s->desk.room, s->desk.scratch, n);
		return take(context, s->desk.scratch, n, err);
	}
	if (turn_round(s, err) != 0)
		return -1;
	if (nthreads > 1)
		return keysort_take_turns(s, nthreads, err);
	for (size_t i = 0; rc == 0 && i < s->top.nparts; i++)
		rc = hand_over(s, &s->top, i, err);
	return rc;
}

int
keysort_finish(struct keysort *s, keysort_take *take, void *context,
	       struct err *err)
{
	return keysort_finish_by(s, 1, take, context, err);
}

int
keysort_finish_rough(struct keysort *s, keysort_take *take, void *context,
		     struct err *err)
{
	enum { BLOCK = 4 * 1024 };
	struct keysort_spread *const d = &s->top;
	const size_t n = waiting(s);
	int rc = 0;

	if (!s->spreads)
		return n == 0 ? 0 : take(context, s->desk.room, n, err);
	if (turn_round(s, err) != 0 || make_room(&s->desk, BLOCK, err) != 0)
		return -1;
	for (size_t i = 0; rc == 0 && i < d->nparts; i++) {
		rc = each_block(s, &d->parts[i], s->desk.room, s->desk.room_n, take,
				context, err);
		keysort_forget(s, &d->parts[i]);
		if (rc == 0 && keysort_held(d, i) > 0)
			rc = take(context, keysort_buffer(d, i),
				  keysort_held(d, i), err);
	}
	return rc;
}

void
keysort_free(struct keysort *s)
{
	if (s == NULL)
		return;
	keysort_spread_free(&s->top);
	keysort_desk_free(&s->desk);
	if (s->fd >= 0)
		close(s->fd);
	free(s);
}
