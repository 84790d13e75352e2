/*
 * still.h - requests that change one item only if it still is as it was.
 *
 * The condition compares every attribute.  Maps and lists are spelled out down
 * to what they hold, where that fits into an expression: there are servers that
 * do not compare them.  Of an item with more attributes than an expression can
 * name, as many are compared as fit.  An attribute that somebody adds between
 * reading and writing is not seen.
 */
#ifndef AWS_STILL_H
#define AWS_STILL_H

#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/span.h"

struct err;
struct value;

/* A zeroed one, for any number of requests after each other. */
struct still {
	struct buf body;	/* the last request */
	struct buf condition, names, values, path, update;
	struct arena mem;
	unsigned nnames, nvalues, nterms;
};

void still_free(struct still *s);

/* Which item: its table, key ({...}), and the name of its partition key. */
struct still_of {
	const char *table;
	struct span key, pk;
};

/* DeleteItem, if it has these attributes (a map).  0 or -1. */
int still_delete(struct still *s, const struct still_of *of,
		 const struct value *was, struct err *err);

/* PutItem of `now` ({...}); `was` NULL: if there is no such item. */
int still_put(struct still *s, const struct still_of *of,
	      const struct value *was, struct span now, struct err *err);

/* An attribute that changes; NULL: it is not there. */
struct still_change {
	struct span name;
	const struct value *was, *is;
};

/*
 * UpdateItem: if there is such an item, and each of these is as it was.
 * ERR_LIMIT if there are more than a condition can hold.
 */
int still_update(struct still *s, const struct still_of *of,
		 const struct still_change *changes, size_t n,
		 struct err *err);

#endif
