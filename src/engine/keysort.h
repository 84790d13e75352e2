/*
 * keysort.h - put records in the order of their 128-bit keys, in the memory
 * that there is.
 *
 * A record is three words: the key's high half, its low half, and what goes
 * with it.  Records with equal keys stay in the order in which they were added.
 * Records are spread over parts by the high bits of their keys, and each part
 * is sorted when its turn comes.  A few megabytes of parts lie in memory, more
 * in a nameless file.  Keys are expected to be uniform, and handled if they are
 * not.
 *
 * Belongs to one thread, but for what keysort_finish_by() says.
 */
#ifndef ENGINE_KEYSORT_H
#define ENGINE_KEYSORT_H

#include <stddef.h>
#include <stdint.h>

struct err;
struct keysort;

enum {
	KEYSORT_WORDS = 3,
	KEYSORT_LEN = KEYSORT_WORDS * 8,
};

/* What takes the records in order, some at a time. */
typedef int keysort_take(void *context, const uint64_t *records, size_t n,
			 struct err *err);

/*
 * `expected` is how many records will be added (at most), `tmp` the folder for
 * what does not fit into `memory` bytes.  Of records that would fit, no more
 * than `near` bytes are kept in memory either.
 */
struct keysort *keysort_new(uint64_t expected, size_t memory, size_t near,
			    const char *tmp, struct err *err);

/* Make room, for the function below.  Returns 0 or -1. */
int keysort_turn(struct keysort *s, struct err *err);

struct keysort_front {
	uint64_t *at, *stop;	/* room for records */
};

/* Add a record.  Returns 0 or -1. */
static inline int
keysort_add(struct keysort *s, uint64_t hi, uint64_t lo, uint64_t with,
	    struct err *err)
{
	/* The front is the first member, so that this needs no call. */
	struct keysort_front *const f = (struct keysort_front *)s;

	if (f->at == f->stop && keysort_turn(s, err) != 0)
		return -1;
	f->at[0] = hi;
	f->at[1] = lo;
	f->at[2] = with;
	f->at += KEYSORT_WORDS;
	return 0;
}

/* Hand all records to `take`, in order.  Once. */
int keysort_finish(struct keysort *s, keysort_take *take, void *context,
		   struct err *err);

/*
 * The same by so many threads, which sort ahead; each takes as much memory.
 * `take` is called by one of them at a time, now this one and now that.
 */
int keysort_finish_by(struct keysort *s, unsigned nthreads, keysort_take *take,
		      void *context, struct err *err);

/*
 * The same in the order of the first bits of the keys alone, for who only wants
 * keys that are near each other to come near each other.
 */
int keysort_finish_rough(struct keysort *s, keysort_take *take, void *context,
			 struct err *err);

void keysort_free(struct keysort *s);	/* NULL is fine */

/*
 * Sort `n` records at `a`, stable; `tmp` has room for as many.  The result is
 * in `a`, or in `to`.  (For tests, and for who has the memory.)
 */
void keysort_in_memory(uint64_t *a, uint64_t *tmp, size_t n);
void keysort_to(uint64_t *a, uint64_t *to, size_t n);

#endif
