/*
 * keysort.c - parts that fit the cache or the memory, one after the other.
 *
 * A part is the records whose keys agree above some bit, wherever they lie in
 * the store, which is memory or a file: a list of extents, in the order in
 * which they were written, so that a part read from its start has its records
 * in the order they were added in.  A part that is too large to be sorted at
 * once is spread again, by the first bits in which its keys differ; if they do
 * not differ there is nothing to sort, and it is handed over as it is.
 *
 * Only a small store is kept in memory of our own.  The file's is the system's,
 * which takes it back when it is short of it.  Ten million ids were sorted no
 * slower that way, and we stay small.
 */
#include "engine/keysort.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/err.h"

enum {
	MAX_PARTS = 512,
	FEW = 16 * 1024,		/* records that need no parts */
	PART = 8 * 1024,		/* ... that are well sorted at once */
	MIN_BUFFER = 4 * 1024,		/* of a part that is written */
	MAX_BUFFER = 1024 * 1024,
	BUFFERS_LEN = 8 * 1024 * 1024,	/* of all parts */
	NEAR_LEN = 8 * 1024 * 1024,	/* kept in memory; see below */
	HUGE_LEN = 2 * 1024 * 1024,
};

struct extent {
	uint64_t at;
	size_t n;		/* records */
};

struct part {
	struct extent *extents;
	size_t nextents, cap;
	uint64_t n;
	/* Bits that are set in some keys, and in all keys. */
	uint64_t any[2], all[2];
	uint64_t *buffer;	/* while it is written */
	size_t held;		/* records in that */
};

/* Spreads records over parts by `bits` bits of the key, from `first` on. */
struct spread {
	struct part *parts;
	size_t nparts;
	unsigned first, bits;
	uint64_t *buffers;
	size_t each;		/* records in a buffer */
};

struct keysort {
	struct keysort_front front;	/* first: see keysort_add() */
	size_t memory;
	size_t most;		/* records that can be sorted at once */
	uint64_t *room;		/* front's: all records, or some to spread */
	size_t room_n;		/* records in it at most */
	uint64_t *scratch;
	bool spreads;
	struct spread top;
	/* The store: `near` bytes in memory, what comes after in a file. */
	uint64_t *arena;
	uint64_t near, len;
	int fd;			/* the nameless file; -1: none yet */
	const char *tmp;
	keysort_take *take;
	void *context;
};

/* Memory that is touched only where it is used; NULL with *err set. */
static uint64_t *
get(size_t n, struct err *err)
{
	const size_t len = n * KEYSORT_LEN + HUGE_LEN;
	void *const p = mmap(NULL, len, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
			     0);

	if (p == MAP_FAILED) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	/* Thousands of places written to in turn: 4 KiB pages miss the TLB. */
	if (len > 8 * (size_t)HUGE_LEN)
		madvise(p, len, MADV_HUGEPAGE);
	return p;
}

static void
put_back(uint64_t *p, size_t n)
{
	if (p != NULL)
		munmap(p, n * KEYSORT_LEN + HUGE_LEN);
}

/* ---- the store ----------------------------------------------------------- */

static int
open_file(struct keysort *s, struct err *err)
{
	char *name;

	if (asprintf(&name, "%s/sort.XXXXXX", s->tmp) < 0)
		return err_set(err, ERR_SYSTEM, "out of memory");
	s->fd = mkostemp(name, O_CLOEXEC);
	if (s->fd < 0)
		err_set(err, ERR_SYSTEM, "'%s': %m", name);
	else
		unlink(name);
	free(name);
	return s->fd < 0 ? -1 : 0;
}

/* Add to the store; *at is where it stands there. */
static int
write_records(struct keysort *s, const uint64_t *records, size_t n,
	      uint64_t *at, struct err *err)
{
	const uint8_t *p = (const uint8_t *)records;
	size_t len = n * KEYSORT_LEN;

	*at = s->len;
	if (s->len + len <= s->near) {
		memcpy((uint8_t *)s->arena + s->len, p, len);
		s->len += len;
		return 0;
	}
	if (s->fd < 0 && open_file(s, err) != 0)
		return -1;
	if (s->len < s->near)
		*at = s->len = s->near;
	while (len > 0) {
		const ssize_t put = pwrite(s->fd, p, len,
					   (off_t)(s->len - s->near));

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return err_set(err, ERR_SYSTEM, "'%s': %m%s", s->tmp,
				       errno == ENOSPC ? "; make room and run "
				       "again, or give more --memory" : "");
		p += put;
		len -= (size_t)put;
		s->len += (uint64_t)put;
	}
	return 0;
}

static int
read_records(struct keysort *s, uint64_t *to, uint64_t at, size_t n,
	     struct err *err)
{
	uint8_t *p = (uint8_t *)to;
	size_t len = n * KEYSORT_LEN;

	if (at < s->near) {
		memcpy(p, (const uint8_t *)s->arena + at, len);
		return 0;
	}
	at -= s->near;
	while (len > 0) {
		const ssize_t got = pread(s->fd, p, len, (off_t)at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return err_set(err, ERR_SYSTEM, "'%s': %m", s->tmp);
		p += got;
		len -= (size_t)got;
		at += (uint64_t)got;
	}
	return 0;
}

/* ---- spreading ----------------------------------------------------------- */

static int
add_extent(struct part *p, uint64_t at, size_t n, struct err *err)
{
	if (p->nextents == p->cap) {
		const size_t cap = p->cap == 0 ? 8 : 2 * p->cap;
		struct extent *const e = realloc(p->extents, cap * sizeof(*e));

		if (e == NULL)
			return err_set(err, ERR_SYSTEM, "out of memory");
		p->extents = e;
		p->cap = cap;
	}
	p->extents[p->nextents++] = (struct extent){ at, n };
	return 0;
}

static int
flush(struct keysort *s, struct part *p, struct err *err)
{
	uint64_t at;

	if (p->held == 0)
		return 0;
	if (write_records(s, p->buffer, p->held, &at, err) != 0 ||
	    add_extent(p, at, p->held, err) != 0)
		return -1;
	p->held = 0;
	return 0;
}

/* Begin to spread by `bits` bits, with buffers of `memory` bytes in all. */
static int
start_spread(struct spread *d, unsigned first, unsigned bits, size_t memory,
	     struct err *err)
{
	d->first = first;
	d->bits = bits;
	d->nparts = (size_t)1 << bits;

	size_t len = memory / d->nparts;
	len = len > MAX_BUFFER ? MAX_BUFFER : len;
	len = len < MIN_BUFFER ? MIN_BUFFER : len;
	d->each = len / KEYSORT_LEN;
	d->parts = calloc(d->nparts, sizeof(*d->parts));
	d->buffers = get(d->nparts * d->each, err);
	if (d->parts == NULL || d->buffers == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	for (size_t i = 0; i < d->nparts; i++) {
		struct part *const p = &d->parts[i];

		p->buffer = d->buffers + i * d->each * KEYSORT_WORDS;
		memset(p->all, 0xff, sizeof(p->all));
	}
	return 0;
}

/* Which part of the spread has that record? */
static inline size_t
part_of(const struct spread *d, const uint64_t *record)
{
	if (d->bits == 0)
		return 0;

	const uint64_t word = record[d->first / 64];

	return word << d->first % 64 >> (64 - d->bits);
}

static int
spread_records(struct keysort *s, struct spread *d, const uint64_t *records,
	       size_t n, struct err *err)
{

	for (size_t i = 0; i < n; i++) {
		const uint64_t *const r = records + i * KEYSORT_WORDS;
		struct part *const p = &d->parts[part_of(d, r)];

		if (p->held == d->each && flush(s, p, err) != 0)
			return -1;
		memcpy(p->buffer + p->held * KEYSORT_WORDS, r, KEYSORT_LEN);
		p->held++;
		p->n++;
		for (unsigned w = 0; w < 2; w++) {
			p->any[w] |= r[w];
			p->all[w] &= r[w];
		}
	}
	return 0;
}

/* Everything is in the file; the buffers go. */
static int
end_spread(struct keysort *s, struct spread *d, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < d->nparts; i++)
		rc = flush(s, &d->parts[i], err);
	put_back(d->buffers, d->nparts * d->each);
	d->buffers = NULL;
	return rc;
}

static void
free_spread(struct spread *d)
{
	put_back(d->buffers, d->nparts * d->each);
	for (size_t i = 0; d->parts != NULL && i < d->nparts; i++)
		free(d->parts[i].extents);
	free(d->parts);
	*d = (struct spread){ 0 };
}

/* ---- handing over -------------------------------------------------------- */

/*
 * Hand over a part from its start: from where it is, or by way of `room`, `n`
 * records a time at most.
 */
static int
each_block(struct keysort *s, const struct part *p, uint64_t *room, size_t n,
	   keysort_take *take, void *context, struct err *err)
{
	for (size_t i = 0; i < p->nextents; i++) {
		struct extent e = p->extents[i];

		if (e.at < s->near) {
			if (take(context, s->arena + e.at / sizeof(uint64_t),
				 e.n, err) != 0)
				return -1;
			continue;
		}

		while (e.n > 0) {
			const size_t m = e.n < n ? e.n : n;

			if (read_records(s, room, e.at, m, err) != 0 ||
			    take(context, room, m, err) != 0)
				return -1;
			e.at += m * KEYSORT_LEN;
			e.n -= m;
		}
	}
	return 0;
}

static int
load(struct keysort *s, const struct part *p, uint64_t *room, struct err *err)
{
	for (size_t i = 0; i < p->nextents; i++) {
		const struct extent *const e = &p->extents[i];

		if (read_records(s, room, e->at, e->n, err) != 0)
			return -1;
		room += e->n * KEYSORT_WORDS;
	}
	return 0;
}

struct again {
	struct keysort *sort;
	struct spread spread;
};

static int
spread_again(void *context, const uint64_t *records, size_t n,
	     struct err *err)
{
	struct again *const a = context;

	return spread_records(a->sort, &a->spread, records, n, err);
}

static int
hand_over(struct keysort *s, struct part *p, struct err *err);

/* A part that does not fit: smaller ones from it, and those one by one. */
static int
split(struct keysort *s, struct part *p, unsigned first, struct err *err)
{
	enum { BITS = 6, BLOCK = 16 * 1024 };
	const unsigned left = 64 - first % 64;
	const size_t block = s->room_n < BLOCK ? s->room_n : BLOCK;
	struct again a = { .sort = s };

	/* The buffers take the place of what was sorted before. */
	madvise(s->room, s->room_n * KEYSORT_LEN, MADV_DONTNEED);
	madvise(s->scratch, s->room_n * KEYSORT_LEN, MADV_DONTNEED);

	int rc = start_spread(&a.spread, first, left < BITS ? left : BITS,
			      s->memory / 2, err);

	if (rc == 0)
		rc = each_block(s, p, s->room, block, spread_again, &a, err);
	if (rc == 0)
		rc = end_spread(s, &a.spread, err);
	for (size_t i = 0; rc == 0 && i < a.spread.nparts; i++)
		rc = hand_over(s, &a.spread.parts[i], err);
	free_spread(&a.spread);
	return rc;
}

static int
hand_over(struct keysort *s, struct part *p, struct err *err)
{
	const uint64_t hi = p->any[0] & ~p->all[0];
	const uint64_t lo = p->any[1] & ~p->all[1];
	const unsigned first = hi != 0 ? (unsigned)__builtin_clzll(hi) :
			       lo != 0 ? 64 + (unsigned)__builtin_clzll(lo) :
					 128;

	if (p->n == 0)
		return 0;
	if (first == 128)
		return each_block(s, p, s->room, s->room_n, s->take,
				  s->context, err);
	if (p->n > s->most)
		return split(s, p, first, err);
	if (load(s, p, s->room, err) != 0)
		return -1;
	keysort_in_memory(s->room, s->scratch, (size_t)p->n);
	return s->take(s->context, s->room, (size_t)p->n, err);
}

/* ---- the whole ----------------------------------------------------------- */

/* Begin with the first bits, as many as make parts that fit. */
static int
start_spreading(struct keysort *s, uint64_t expected, struct err *err)
{
	const uint64_t len = expected * KEYSORT_LEN;
	const uint64_t some = expected + expected / 4;	/* parts differ */
	size_t buffers = s->memory / 2;
	unsigned bits = 1;

	buffers = buffers < BUFFERS_LEN ? buffers : BUFFERS_LEN;
	s->spreads = true;
	if (len <= s->memory / 2 && len <= NEAR_LEN) {
		s->arena = get((size_t)expected, err);
		if (s->arena == NULL)
			return -1;
		s->near = len;
		s->most = (s->memory - (size_t)len) / KEYSORT_LEN / 2;
		buffers = 0;
	}
	while ((size_t)1 << bits < MAX_PARTS && some > (uint64_t)s->most << bits)
		bits++;
	/* More parts than must be, for the cache, if buffers allow it. */
	while ((size_t)1 << bits < MAX_PARTS && some > (uint64_t)PART << bits &&
	       (size_t)MIN_BUFFER << (bits + 1) <= s->memory / 2)
		bits++;
	return start_spread(&s->top, 0, bits, buffers, err);
}

struct keysort *
keysort_new(uint64_t expected, size_t memory, const char *tmp,
	    struct err *err)
{
	enum { AT_ONCE = 1024 };
	struct keysort *const s = calloc(1, sizeof(*s));

	if (s == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	s->fd = -1;
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
		s->room_n = AT_ONCE;
		if (start_spreading(s, expected, err) != 0)
			goto fail;
	} else {
		s->room_n = expected > 0 ? (size_t)expected : 1;
	}
	s->room = get(s->room_n, err);
	if (s->room == NULL)
		goto fail;
	s->front.at = s->room;
	s->front.stop = s->room + s->room_n * KEYSORT_WORDS;
	return s;
fail:
	keysort_free(s);
	return NULL;
}

static size_t
waiting(const struct keysort *s)
{
	return (size_t)(s->front.at - s->room) / KEYSORT_WORDS;
}

int
keysort_turn(struct keysort *s, struct err *err)
{
	if (!s->spreads)
		return err_set(err, ERR_INPUT, "more records than were "
			       "expected");
	if (spread_records(s, &s->top, s->room, waiting(s), err) != 0)
		return -1;
	s->front.at = s->room;
	return 0;
}

/* From spreading to handing over: other memory. */
static int
turn_round(struct keysort *s, size_t room_n, struct err *err)
{
	if (keysort_turn(s, err) != 0 || end_spread(s, &s->top, err) != 0)
		return -1;
	put_back(s->room, s->room_n);
	s->room_n = room_n;
	s->room = get(s->room_n, err);
	return s->room == NULL ? -1 : 0;
}

int
keysort_finish(struct keysort *s, keysort_take *take, void *context,
	       struct err *err)
{
	const size_t n = waiting(s);
	int rc = 0;

	s->take = take;
	s->context = context;
	if (s->spreads && turn_round(s, s->most, err) != 0)
		return -1;
	s->scratch = get(s->room_n, err);
	if (s->scratch == NULL)
		return -1;
	if (!s->spreads) {
		keysort_in_memory(s->room, s->scratch, n);
		return n == 0 ? 0 : take(context, s->room, n, err);
	}
	for (size_t i = 0; rc == 0 && i < s->top.nparts; i++)
		rc = hand_over(s, &s->top.parts[i], err);
	return rc;
}

int
keysort_finish_rough(struct keysort *s, keysort_take *take, void *context,
		     struct err *err)
{
	enum { BLOCK = 4 * 1024 };
	const size_t n = waiting(s);
	int rc = 0;

	if (!s->spreads)
		return n == 0 ? 0 : take(context, s->room, n, err);
	if (turn_round(s, BLOCK, err) != 0)
		return -1;
	for (size_t i = 0; rc == 0 && i < s->top.nparts; i++)
		rc = each_block(s, &s->top.parts[i], s->room, BLOCK, take,
				context, err);
	return rc;
}

void
keysort_free(struct keysort *s)
{
	if (s == NULL)
		return;
	free_spread(&s->top);
	put_back(s->room, s->room_n);
	put_back(s->scratch, s->room_n);
	put_back(s->arena, (size_t)(s->near / KEYSORT_LEN));
	if (s->fd >= 0)
		close(s->fd);
	free(s);
}
