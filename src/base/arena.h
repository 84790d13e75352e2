/*
 * arena.h - memory that is taken piece by piece and given back all at once.
 *
 * Made of chunks that never move, so what was taken stays put until the arena
 * is reset.  A reset keeps the chunks: an arena that has met its largest batch
 * asks the system for nothing more.  An arena belongs to one thread.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

struct err;
struct arena_chunk;

enum { ARENA_ALIGN = 16 };

struct arena {
	uint8_t *at, *end;		/* what is left of the chunk in use */
	struct arena_chunk *used, *spare;
	size_t held;			/* bytes asked of the system so far */
	size_t limit;			/* `held` never passes this; 0: none */
	size_t chunk_len;		/* usual size of a chunk; 0: 64 KiB */
};

/*
 * Promise that the next takes of `n` bytes in all (each rounded up to
 * ARENA_ALIGN) succeed and lie side by side.  Returns 0, or -1 with ERR_LIMIT
 * or ERR_SYSTEM.
 */
int arena_reserve(struct arena *a, size_t n, struct err *err);

/* Make room when a take does not fit; arena_take() calls it. */
void *arena_take_slow(struct arena *a, size_t n, struct err *err);

/* Take `n` bytes, aligned to ARENA_ALIGN.  NULL with *err set if refused. */
static inline void *
arena_take(struct arena *a, size_t n, struct err *err)
{
	const size_t len = (n + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);

	if (len < n || (size_t)(a->end - a->at) < len)
		return arena_take_slow(a, n, err);
	void *const p = a->at;
	a->at += len;
	return p;
}

/* A copy of `s` in the arena; .ptr is NULL with *err set if refused. */
struct span arena_copy(struct arena *a, struct span s, struct err *err);

/* Forget everything taken; keep the memory. */
void arena_reset(struct arena *a);

void arena_free(struct arena *a);

#endif
