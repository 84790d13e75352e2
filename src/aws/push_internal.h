/* push_internal.h - requests on their way to a table. */
#ifndef AWS_PUSH_INTERNAL_H
#define AWS_PUSH_INTERNAL_H

#include "aws/backoff.h"
#include "aws/push.h"
#include "aws/service.h"
#include "base/buf.h"

enum {
	PUSH_ITEMS = 25,		/* of a BatchWriteItem */
	PUSH_LEN = 4 * 1024 * 1024,	/* of a request: it may have 16 MB,
					   which take as long as 1000 small
					   items, and memory */
	PUSH_MOST = 64,			/* requests in flight */
};

/* An item in a request: where its attributes stand in the body. */
struct push_slot {
	size_t at, len;
	struct keyhash key;
	uint64_t tag;
	const char *call;
	uint32_t units;
	bool gone, known;
	bool left;		/* not processed: it goes again */
};

struct push_request {
	struct service_call call;
	struct buf body;
	struct push_slot slots[PUSH_ITEMS];
	unsigned n;
	unsigned tries;
	uint64_t due;		/* not before this moment */
	bool alone;		/* its one item was refused among others */
	struct push_request *next, *all;
};

struct push {
	struct service *service;
	struct push_options o;
	struct buf prefix;		/* of a body */
	struct push_request *filling;	/* or NULL */
	struct push_request *spare, *all;
	struct push_request *waiting;	/* for their time */
	unsigned in_flight;
	unsigned sent;			/* since the last drive */
	bool full;			/* until an eighth of them is back */
	double window, threshold;	/* as TCP has it */
	uint64_t cut_at;		/* when the window was last made less */
	double rate;			/* write units a second; 0: any */
	bool held_back;			/* by the rate, since it was raised */
	uint64_t raised_at;
	double tokens;			/* write units that may go now */
	uint64_t tokens_at;
	struct backoff backoff;
	struct push_stats stats;
};

/* Is every item a request of its own? */
static inline bool
push_is_single(const struct push *p)
{
	return p->o.only_new || p->o.calls;
}

/* Which items of a request does this answer leave?  Sets `left`; 0 or -1. */
int push_read_answer(const struct push *p, struct push_request *r,
		     struct err *err);

#endif
