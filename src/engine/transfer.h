/*
 * transfer.h - files and objects brought from where they are to where they
 * should be, many at a time.
 *
 * A file becomes an object, an object a file; an object of an object is made
 * by the service, and none of its bytes pass here.  Each appears whole or not
 * at all, and takes the place of what has its name.
 */
#ifndef ENGINE_TRANSFER_H
#define ENGINE_TRANSFER_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct err;

struct transfer {
	char *from, *to;	/* places; `to` NULL: remove the object `from` */
	uint64_t len;		/* of the object, if that is copied */
};

/* A list that grows.  A zeroed one is empty. */
struct transfers {
	struct transfer *list;
	size_t n, cap;
};

/* Both names are copied; `to` may be NULL.  Returns 0 or -1. */
int transfers_add(struct transfers *t, const char *from, const char *to,
		  uint64_t len, struct err *err);

/*
 * Do all, in no order, by so many threads.  Returns 0, or -1 with the first
 * error; then some are done.
 */
int transfers_do(struct transfers *t, unsigned threads,
		 const atomic_bool *cancel, struct err *err);

void transfers_free(struct transfers *t);	/* empty again */

#endif
