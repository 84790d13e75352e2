/*
 * keysort_spread.c - records to the buffers of their parts, and on to a file.
 */
#include "engine/keysort_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/err.h"
#include "io/direct.h"
#include "io/spill.h"

enum {
	HUGE_LEN = 2 * 1024 * 1024,
	ALIGN = 64 * 1024,	/* of ranges in the file */
	RANGES = 8,		/* of a part, or somewhat more */
};

uint64_t *
keysort_get(size_t n, struct err *err)
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
	if (len > 3 * (size_t)HUGE_LEN)
		madvise(p, len, MADV_HUGEPAGE);
	return p;
}

void
keysort_put_back(uint64_t *p, size_t n)
{
	if (p != NULL)
		munmap(p, n * KEYSORT_LEN + HUGE_LEN);
}

/* ---- the file ------------------------------------------------------------ */

static size_t
whole_pages(size_t len)
{
	return (len + DIRECT_ALIGN - 1) / DIRECT_ALIGN * DIRECT_ALIGN;
}

static int
open_file(struct keysort *s, struct err *err)
{
	s->fd = spill_file(s->tmp, err);
	if (s->fd >= 0 && s->large)
		s->desk.direct = direct_of(s->fd);
	return s->fd < 0 ? -1 : 0;
}

static int
cannot_write(const struct keysort *s, struct err *err)
{
	return err_set(err, ERR_SYSTEM, "'%s': %m%s", s->tmp,
		       errno == ENOSPC ? "; make room and run again, or give "
		       "more --memory" : "");
}

/* What is in a buffer.  No more comes behind it, if it is not full. */
static int
write_records(struct keysort *s, const uint64_t *records, size_t n,
	      uint64_t at, struct err *err)
{
	const uint8_t *p = (const uint8_t *)records;
	size_t len = n * KEYSORT_LEN;

	if (s->fd < 0 && open_file(s, err) != 0)
		return -1;
	/* Whole pages: of a buffer of such, so that there is no harm in it. */
	const int rc = direct_write(&s->desk.direct, p, whole_pages(len), at);
	if (rc != 0)
		return rc > 0 ? 0 : cannot_write(s, err);
	while (len > 0) {
		const ssize_t put = pwrite(s->fd, p, len, (off_t)at);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return cannot_write(s, err);
		p += put;
		len -= (size_t)put;
		at += (uint64_t)put;
	}
	return 0;
}

int
keysort_read(const struct keysort *s, int *direct, uint64_t *to, uint64_t at,
	     size_t n, struct err *err)
{
	uint8_t *p = (uint8_t *)to;
	size_t len = n * KEYSORT_LEN;

	const int rc = direct_read(direct, p, whole_pages(len), at);
	if (rc != 0)
		return rc > 0 ? 0 : err_set(err, ERR_SYSTEM, "'%s': %m",
					    s->tmp);
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

/*
 * The next range of the file to a part.  They begin at multiples of what file
 * systems like to keep together.
 */
static int
add_range(struct keysort *s, struct keysort_part *p, size_t range,
	  struct err *err)
{
	if (p->nextents == p->cap) {
		const size_t cap = p->cap == 0 ? 8 : 2 * p->cap;
		struct keysort_extent *const e =
			realloc(p->extents, cap * sizeof(*e));

		if (e == NULL)
			return err_set(err, ERR_SYSTEM, "out of memory");
		p->extents = e;
		p->cap = cap;
	}
	p->extents[p->nextents++] = (struct keysort_extent){ s->len, 0 };
	p->room = range;
	s->len += ((uint64_t)range * KEYSORT_LEN + ALIGN - 1) / ALIGN * ALIGN;
	return 0;
}

void
keysort_forget(struct keysort *s, const struct keysort_part *p)
{
#ifdef __linux__
	/*
	 * Its pages need not go to the disk any more, and are at hand for what
	 * is made of them.  Only a hint: not all file systems know it.
	 */
	for (size_t i = 0; s->forgets && i < p->nextents; i++)
		(void)fallocate(s->fd,
				FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				(off_t)p->extents[i].at,
				(off_t)(p->extents[i].n * KEYSORT_LEN));
#else
	(void)s;
	(void)p;
#endif
}

int
keysort_flush(struct keysort *s, struct keysort_spread *d, size_t i,
	      struct err *err)
{
	struct keysort_part *const p = &d->parts[i];
	const uint64_t *const r = keysort_buffer(d, i);
	const size_t n = keysort_held(d, i);

	if (n == 0)
		return 0;
	for (size_t k = 0; k < n * KEYSORT_WORDS; k += KEYSORT_WORDS)
		for (size_t w = 0; w < 2; w++) {
			p->any[w] |= r[k + w];
			p->all[w] &= r[k + w];
		}
	/* A range takes whole buffers: only the last one of all is none. */
	if (p->room < n && add_range(s, p, d->range, err) != 0)
		return -1;

	struct keysort_extent *const e = &p->extents[p->nextents - 1];
	if (write_records(s, r, n, e->at + e->n * KEYSORT_LEN, err) != 0)
		return -1;
	e->n += n;
	p->room -= n;
	p->n += n;
	d->fronts[i].at = keysort_buffer(d, i);
	return 0;
}

int
keysort_spread_start(struct keysort_spread *d, unsigned first, unsigned bits,
		     size_t each, uint64_t expected, struct err *err)
{
	d->first = first;
	d->bits = bits;
	d->nparts = (size_t)1 << bits;
	d->each = each;
	d->range = ((size_t)(expected >> bits) / RANGES / each + 1) * each;
	d->parts = calloc(d->nparts, sizeof(*d->parts));
	d->fronts = calloc(d->nparts, sizeof(*d->fronts));
	d->buffers = keysort_get(d->nparts * d->each, err);
	if (d->parts == NULL || d->fronts == NULL || d->buffers == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	for (size_t i = 0; i < d->nparts; i++) {
		d->fronts[i].at = keysort_buffer(d, i);
		d->fronts[i].stop = keysort_buffer(d, i + 1);
		memset(d->parts[i].all, 0xff, sizeof(d->parts[i].all));
	}
	return 0;
}

/* Which part of the spread has that record? */
static inline size_t
part_of(const struct keysort_spread *d, const uint64_t *record)
{
	if (d->bits == 0)
		return 0;

	const uint64_t word = record[d->first / 64];

	return word << d->first % 64 >> (64 - d->bits);
}

int
keysort_spread_add(struct keysort *s, struct keysort_spread *d,
		   const uint64_t *records, size_t n, struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		const uint64_t *const r = records + i * KEYSORT_WORDS;
		const size_t k = part_of(d, r);
		struct keysort_place *const f = &d->fronts[k];

		if (f->at == f->stop && keysort_flush(s, d, k, err) != 0)
			return -1;
		f->at[0] = r[0];
		f->at[1] = r[1];
		f->at[2] = r[2];
		f->at += KEYSORT_WORDS;
	}
	return 0;
}

int
keysort_spread_end(struct keysort *s, struct keysort_spread *d,
		   struct err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < d->nparts; i++)
		rc = keysort_flush(s, d, i, err);
	keysort_put_back(d->buffers, d->nparts * d->each);
	d->buffers = NULL;
	return rc;
}

void
keysort_spread_free(struct keysort_spread *d)
{
	keysort_put_back(d->buffers, d->nparts * d->each);
	for (size_t i = 0; d->parts != NULL && i < d->nparts; i++)
		free(d->parts[i].extents);
	free(d->parts);
	free(d->fronts);
	*d = (struct keysort_spread){ 0 };
}
