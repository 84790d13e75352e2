/*
 * push.h - items into a table by BatchWriteItem: many requests in flight, what
 * was not processed put again, the rate adapted to what the table takes.
 *
 * A put with a key that waits in the same request starts a new one, since the
 * service refuses two.  What it refuses for good is sent again item by item,
 * and then told.  A push belongs to one thread.
 */
#ifndef AWS_PUSH_H
#define AWS_PUSH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/keyhash.h"
#include "base/span.h"
#include "model/item.h"

struct err;
struct push;
struct service;

/*
 * One item, or with `gone` the key of one that is to go; or of a push of calls
 * a whole request.
 */
struct push_item {
	struct span json;	/* its attributes, braces and all; the body */
	const char *call;	/* "UpdateItem", ...; a constant */
	struct keyhash key;	/* push_key() of its primary key */
	uint32_t units;		/* that a write takes: KiB, rounded up */
	bool gone;
	bool known;		/* the caller's: one was seen there before */
	uint64_t tag;		/* the caller's */
};

struct push_options {
	const char *table;
	struct span pk, sk;	/* names of its key; sk.ptr NULL: none */
	uint64_t max_wcu;	/* a second; 0: as many as it takes */
	uint64_t wcu;		/* that the table has; 0: on demand */
	unsigned most;		/* requests in flight; 0: the usual */
	bool only_new;		/* by PutItem, where no such key is yet */
	bool calls;		/* each a request of its own, as given */

	/*
	 * The service has it; with `existed` it had another (only_new), or the
	 * condition does not hold (calls): which an earlier attempt, of which
	 * the answer was lost, may have seen to.
	 */
	int (*accepted)(void *context, const struct push_item *item,
			bool existed, struct err *err);
	/* The service will never take it, and why. */
	int (*refused)(void *context, const struct push_item *item,
		       const char *why, struct err *err);
	void *context;
};

struct push_stats {
	uint64_t requests, throttled, unprocessed, units;
	double in_flight;	/* as many requests as seem good now */
};

/* The options' texts must stay. */
struct push *push_new(struct service *s, const struct push_options *o,
		      struct err *err);
void push_free(struct push *p);		/* NULL is fine; nothing is waited for */

/* Copies the item.  Waits while enough is in flight.  Returns 0 or -1. */
int push_put(struct push *p, const struct push_item *item, struct err *err);

/* Wait until all that was put is accepted or refused. */
int push_flush(struct push *p, struct err *err);

struct push_stats push_stats(const struct push *p);

/*
 * What is equal if and only if two keys are: of type S their plain text, of N
 * any text of the number, of B base64.  Types are 0 where there is no sort key.
 */
struct keyhash push_key(enum value_type pk_type, struct span pk,
			enum value_type sk_type, struct span sk);

#endif
