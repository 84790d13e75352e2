/*
 * indexwrite.h - the two files of an index, written from records that come in
 * order: index/<table>.ids first, then index/<table>.idx.
 *
 * Neither appears under its name before it is whole.  Belongs to one thread.
 */
#ifndef ENGINE_INDEXWRITE_H
#define ENGINE_INDEXWRITE_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/keyhash.h"
#include "base/span.h"
#include "formats/keyindex.h"
#include "formats/keylog.h"

struct drain;
struct err;

enum {
	/* What is put at once, at most: an item of .ids. */
	INDEXWRITE_ROOM = KEYIDS_MAX_LEN + KEYLOG_MAX_ID,
	INDEXWRITE_SMALL = 256 * 1024,	/* a stream, where memory is short, */
	/* ... or else: files that were written so are mapped by huge pages */
	INDEXWRITE_LARGE = 2 * 1024 * 1024,
};

/* Bytes on their way to one region of a file. */
struct indexwrite_stream {
	uint8_t *buf;
	size_t len, full;	/* so much of it is sent at once */
	size_t each;		/* `full`, but for the first time */
	uint64_t at;		/* where they go in `fd`, unless to the drain */
	uint64_t begun;		/* of `fd`: on its way to the disk up to there */
	int fd;
	int *direct;		/* of `fd`, if it is large: io/direct.h */
	struct drain *drain;
	struct keysum sum;
};

struct indexwrite {
	struct keyindex_layout shape;
	char *idx_path, *idx_part, *ids_path;
	int fd, direct;		/* of .idx */
	struct drain *drain;	/* of .ids */
	struct indexwrite_stream ids, fan, records;
	uint64_t ids_len;	/* of .ids so far */
	uint64_t done;		/* records written */
	uint64_t place;		/* next entry of the fan */
};

/*
 * Begin the index of `n` items that is called `name`, in `folder`; `large`:
 * there is memory for it, some 6 MiB.  Call indexwrite_stop() either way.
 */
int indexwrite_start(struct indexwrite *w, const char *folder,
		     const char *name, uint64_t n, bool large,
		     struct err *err);

/* All items are in .ids, n of them: it gets its name. */
int indexwrite_end_ids(struct indexwrite *w, struct err *err);

/* All records are in .idx: it gets its name. */
int indexwrite_end(struct indexwrite *w, struct err *err);

/* Remove what has no name; NULL members are fine. */
void indexwrite_stop(struct indexwrite *w);

/* Add bytes of .ids as they stand in another. */
int indexwrite_ids(struct indexwrite *w, struct span bytes, struct err *err);

/* ---- one by one ---------------------------------------------------------- */

int indexwrite_send(struct indexwrite_stream *s, size_t n, struct err *err);

/* Where the next INDEXWRITE_ROOM bytes or fewer go; NULL with *err set. */
static inline uint8_t *
indexwrite_room(struct indexwrite_stream *s, struct err *err)
{
	if (s->len >= s->full && indexwrite_send(s, s->full, err) != 0)
		return NULL;
	return s->buf + s->len;
}

/* Add an item to .ids, at w->ids_len. */
static inline int
indexwrite_id(struct indexwrite *w, const struct keyids_item *item,
	      struct err *err)
{
	uint8_t *const p = indexwrite_room(&w->ids, err);

	if (p == NULL)
		return -1;
	const size_t len = keyids_put(p, item);
	w->ids.len += len;
	w->ids_len += len;
	return 0;
}

static inline void
indexwrite_put_entry(uint8_t *p, unsigned len, uint64_t n)
{
	if (len == 4)
		store_le32(p, (uint32_t)n);
	else
		store_le64(p, n);
}

/* The entries of the fan up to and including `last` are `n`. */
static inline int
indexwrite_fan(struct indexwrite *w, uint64_t last, uint64_t n,
	       struct err *err)
{
	enum { SOME = 4 };
	const unsigned len = w->shape.fan_len;
	uint64_t left;

	do {
		/*
		 * There are none to four as a rule, and nobody can guess how
		 * many: write four, and count those that are meant.
		 */
		uint8_t *const p = indexwrite_room(&w->fan, err);

		if (p == NULL)
			return -1;
		for (unsigned i = 0; i < SOME; i++)
			indexwrite_put_entry(p + i * len, len, n);
		left = last + 1 - w->place;

		const unsigned now = left < SOME ? (unsigned)left : SOME;
		w->fan.len += (size_t)now * len;
		w->place += now;
	} while (left > SOME);
	return 0;
}

/* Add a record to .idx, whose item is at `at` in .ids. */
static inline int
indexwrite_record(struct indexwrite *w, uint64_t hi, uint64_t lo, uint64_t at,
		  struct err *err)
{
	const unsigned bits = w->shape.bits;
	const uint64_t place = bits == 0 ? 0 : hi >> (64 - bits);
	uint8_t *const p = indexwrite_room(&w->records, err);

	if (p == NULL || indexwrite_fan(w, place, w->done, err) != 0)
		return -1;
	store_le64(p, hi);
	store_le64(p + 8, lo);
	store_le64(p + 16, at);
	w->records.len += KEYINDEX_RECORD_LEN;
	w->done++;
	return 0;
}

#endif
