#include "aws/backoff.h"

#include <stddef.h>
#include <sys/random.h>
#include <time.h>

#include "base/dice.h"

void
backoff_start(struct backoff *b, unsigned first_ms, unsigned most_ms)
{
	struct timespec t;

	*b = (struct backoff){ .first_ms = first_ms, .most_ms = most_ms };
	if (getrandom(&b->state, sizeof(b->state), GRND_NONBLOCK) < 0) {
		clock_gettime(CLOCK_MONOTONIC, &t);
		b->state = (uint64_t)t.tv_nsec ^ (uintptr_t)b;
	}
}

unsigned
backoff_ms(struct backoff *b, unsigned attempt)
{
	uint64_t most = b->first_ms;

	for (unsigned i = 1; i < attempt && most < b->most_ms; i++)
		most *= 2;
	if (most > b->most_ms)
		most = b->most_ms;
	return (unsigned)(dice_throw(&b->state) % (most + 1));
}
