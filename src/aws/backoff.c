#include "aws/backoff.h"

#include <stddef.h>
#include <sys/random.h>
#include <time.h>

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
	uint64_t most = b->first_ms, x;

	for (unsigned i = 1; i < attempt && most < b->most_ms; i++)
		most *= 2;
	if (most > b->most_ms)
		most = b->most_ms;

	/* SplitMix64 */
	b->state += 0x9e3779b97f4a7c15u;
	x = b->state;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return (unsigned)((x ^ x >> 31) % (most + 1));
}
