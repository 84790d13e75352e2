/*
 * keysort.c - in memory if it fits, else through parts in a file.
 *
 * A part is the records whose keys agree above some bit, wherever they lie in
 * the file: a list of extents, in the order in which they were written, so that
 * a part read from its start has its records in the order they were added in.
 * A part that is too large for memory is spread again, by the first bits in
 * which its keys differ; if they do not differ there is nothing to sort, and it
 * is handed over as it is.
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
	MIN_BUFFER = 4 * 1024,		/* of a part that is written */
	MAX_BUFFER = 1024 * 1024,
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
	uint64_t any[KEYSORT_KEY], all[KEYSORT_KEY];
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
	size_t record_len;
	size_t memory;
	size_t most;		/* records that can be sorted in memory */
	uint64_t *room;		/* front's: all records, or some to spread */
	size_t room_n;		/* records in it at most */
	uint64_t *scratch;
	bool spills;
	struct spread top;
	int fd;			/* the nameless file; -1: none */
	uint64_t file_len;
	const char *tmp;
	keysort_take *take;
	void *context;
};

/* Memory that is touched only where it is used; NULL with *err set. */
static uint64_t *
get(size_t n, size_t record_len, struct err *err)
{
	const size_t len = n * record_len + HUGE_LEN;
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
put_back(uint64_t *p, size_t n, size_t record_len)
{
	if (p != NULL)
		munmap(p, n * record_len + HUGE_LEN);
}

/* ---- the file ------------------------------------------------------------ */

static int
open_file(struct keysort *s, struct err *err)
{
	char *name;

	if (s->fd >= 0)
		return 0;
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

static int
write_records(struct keysort *s, const uint64_t *records, size_t n,
	      struct err *err)
{
	const uint8_t *p = (const uint8_t *)records;
	size_t len = n * s->record_len;

	while (len > 0) {
		const ssize_t put = pwrite(s->fd, p, len, (off_t)s->file_len);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return err_set(err, ERR_SYSTEM, "'%s': %m%s", s->tmp,
				       errno == ENOSPC ? "; make room and run "
				       "again, or give more --memory" : "");
		p += put;
		len -= (size_t)put;
		s->file_len += (uint64_t)put;
	}
	return 0;
}

static int
read_records(struct keysort *s, uint64_t *to, uint64_t at, size_t n,
	     struct err *err)
{
	uint8_t *p = (uint8_t *)to;
	size_t len = n * s->record_len;

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
	if (p->held == 0)
		return 0;
	if (add_extent(p, s->file_len, p->held, err) != 0 ||
	    write_records(s, p->buffer, p->held, err) != 0)
		return -1;
	p->held = 0;
	return 0;
}

/* Begin to spread by `bits` bits, with buffers of `memory` bytes in all. */
static int
start_spread(struct keysort *s, struct spread *d, unsigned first,
	     unsigned bits, size_t memory, struct err *err)
{
	d->first = first;
	d->bits = bits;
	d->nparts = (size_t)1 << bits;

	size_t len = memory / d->nparts;
	len = len > MAX_BUFFER ? MAX_BUFFER : len;
	len = len < MIN_BUFFER ? MIN_BUFFER : len;
	d->each = len / s->record_len;
	d->parts = calloc(d->nparts, sizeof(*d->parts));
	d->buffers = get(d->nparts * d->each, s->record_len, err);
	if (d->parts == NULL || d->buffers == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	for (size_t i = 0; i < d->nparts; i++) {
		struct part *const p = &d->parts[i];

		p->buffer = d->buffers + i * d->each * s->front.words;
		memset(p->all, 0xff, sizeof(p->all));
	}
	return open_file(s, err);
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
	const unsigned words = s->front.words;

	for (size_t i = 0; i < n; i++) {
		const uint64_t *const r = records + i * words;
		struct part *const p = &d->parts[part_of(d, r)];

		if (p->held == d->each && flush(s, p, err) != 0)
			return -1;
		memcpy(p->buffer + p->held * words, r, s->record_len);
		p->held++;
		p->n++;
		for (unsigned w = 0; w < KEYSORT_KEY; w++) {
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
	put_back(d->buffers, d->nparts * d->each, s->record_len);
	d->buffers = NULL;
	return rc;
}

static void
free_spread(struct keysort *s, struct spread *d)
{
	put_back(d->buffers, d->nparts * d->each, s->record_len);
	for (size_t i = 0; d->parts != NULL && i < d->nparts; i++)
		free(d->parts[i].extents);
	free(d->parts);
	*d = (struct spread){ 0 };
}

/* ---- handing over -------------------------------------------------------- */

/* Read a part from its start, `n` records a time at most, into `room`. */
static int
each_block(struct keysort *s, const struct part *p, uint64_t *room, size_t n,
	   keysort_take *take, void *context, struct err *err)
{
	for (size_t i = 0; i < p->nextents; i++) {
		struct extent e = p->extents[i];

		while (e.n > 0) {
			const size_t m = e.n < n ? e.n : n;

			if (read_records(s, room, e.at, m, err) != 0 ||
			    take(context, room, m, err) != 0)
				return -1;
			e.at += m * s->record_len;
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
		room += e->n * s->front.words;
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
	madvise(s->room, s->room_n * s->record_len, MADV_DONTNEED);
	madvise(s->scratch, s->room_n * s->record_len, MADV_DONTNEED);

	int rc = start_spread(s, &a.spread, first, left < BITS ? left : BITS,
			      s->memory / 2, err);

	if (rc == 0)
		rc = each_block(s, p, s->room, block, spread_again, &a, err);
	if (rc == 0)
		rc = end_spread(s, &a.spread, err);
	for (size_t i = 0; rc == 0 && i < a.spread.nparts; i++)
		rc = hand_over(s, &a.spread.parts[i], err);
	free_spread(s, &a.spread);
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
	keysort_in_memory(s->room, s->scratch, (size_t)p->n, s->front.words);
	return s->take(s->context, s->room, (size_t)p->n, err);
}

/* ---- the whole ----------------------------------------------------------- */

/* Begin with the first bits, as many as make parts that fit. */
static int
start_spilling(struct keysort *s, uint64_t expected, struct err *err)
{
	unsigned bits = 1;

	/* A quarter to spare: parts are not quite equal. */
	while ((size_t)1 << bits < MAX_PARTS &&
	       expected + expected / 4 > (uint64_t)s->most << bits)
		bits++;
	s->spills = true;
	return start_spread(s, &s->top, 0, bits, s->memory / 2, err);
}

struct keysort *
keysort_new(unsigned words, uint64_t expected, size_t memory, const char *tmp,
	    struct err *err)
{
	enum { SPREAD_AT_ONCE = 1024 };
	struct keysort *const s = calloc(1, sizeof(*s));

	if (s == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	assert(words == 3 || words == 4);
	s->fd = -1;
	s->tmp = tmp;
	s->memory = memory;
	s->front.words = words;
	s->record_len = words * sizeof(uint64_t);
	s->most = memory / s->record_len / 2;
	s->most = s->most > UINT32_MAX ? UINT32_MAX : s->most;
	s->most = s->most < SPREAD_AT_ONCE ? SPREAD_AT_ONCE : s->most;
	if (expected > s->most) {
		s->room_n = SPREAD_AT_ONCE;
		if (start_spilling(s, expected, err) != 0)
			goto fail;
	} else {
		s->room_n = expected > 0 ? (size_t)expected : 1;
	}
	s->room = get(s->room_n, s->record_len, err);
	if (s->room == NULL)
		goto fail;
	s->front.at = s->room;
	s->front.stop = s->room + s->room_n * words;
	return s;
fail:
	keysort_free(s);
	return NULL;
}

int
keysort_turn(struct keysort *s, struct err *err)
{
	const size_t n = (size_t)(s->front.at - s->room) / s->front.words;

	if (!s->spills)
		return err_set(err, ERR_INPUT, "more records than were "
			       "expected");
	if (spread_records(s, &s->top, s->room, n, err) != 0)
		return -1;
	s->front.at = s->room;
	return 0;
}

/* From spreading to sorting: other memory. */
static int
turn_round(struct keysort *s, struct err *err)
{
	if (keysort_turn(s, err) != 0 || end_spread(s, &s->top, err) != 0)
		return -1;
	put_back(s->room, s->room_n, s->record_len);
	s->room_n = s->most;
	s->room = get(s->room_n, s->record_len, err);
	return s->room == NULL ? -1 : 0;
}

int
keysort_finish(struct keysort *s, keysort_take *take, void *context,
	       struct err *err)
{
	const size_t n = (size_t)(s->front.at - s->room) / s->front.words;
	int rc = 0;

	s->take = take;
	s->context = context;
	if (s->spills && turn_round(s, err) != 0)
		return -1;
	s->scratch = get(s->room_n, s->record_len, err);
	if (s->scratch == NULL)
		return -1;
	if (!s->spills) {
		keysort_in_memory(s->room, s->scratch, n, s->front.words);
		return n == 0 ? 0 : take(context, s->room, n, err);
	}
	for (size_t i = 0; rc == 0 && i < s->top.nparts; i++)
		rc = hand_over(s, &s->top.parts[i], err);
	return rc;
}

void
keysort_free(struct keysort *s)
{
	if (s == NULL)
		return;
	free_spread(s, &s->top);
	put_back(s->room, s->room_n, s->record_len);
	put_back(s->scratch, s->room_n, s->record_len);
	if (s->fd >= 0)
		close(s->fd);
	free(s);
}
