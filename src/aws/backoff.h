/*
 * backoff.h - how long to wait before asking again: full jitter, a random time
 * up to a bound that doubles, so that many who failed together do not come back
 * together.
 */
#ifndef AWS_BACKOFF_H
#define AWS_BACKOFF_H

#include <stdint.h>

struct backoff {
	uint64_t state;		/* of the random numbers; one thread's */
	unsigned first_ms, most_ms;
};

void backoff_start(struct backoff *b, unsigned first_ms, unsigned most_ms);

/* Before attempt number `attempt`, the second one being 1. */
unsigned backoff_ms(struct backoff *b, unsigned attempt);

#endif
