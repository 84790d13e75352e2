#include "base/arena.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

struct arena_chunk {
	struct arena_chunk *next;
	size_t len;		/* bytes after the header */
};

enum { USUAL_CHUNK_LEN = 64 * 1024 };

static_assert(sizeof(struct arena_chunk) % ARENA_ALIGN == 0,
	      "what follows a chunk's header is aligned");

static void
use(struct arena *a, struct arena_chunk *c)
{
	c->next = a->used;
	a->used = c;
	a->at = (uint8_t *)(c + 1);
	a->end = a->at + c->len;
}

int
arena_reserve(struct arena *a, size_t n, struct err *err)
{
	if ((size_t)(a->end - a->at) >= n)
		return 0;

	for (struct arena_chunk **p = &a->spare; *p != NULL; p = &(*p)->next) {
		struct arena_chunk *const c = *p;

		if (c->len < n)
			continue;
		*p = c->next;
		use(a, c);
		return 0;
	}

	const size_t usual = a->chunk_len != 0 ? a->chunk_len : USUAL_CHUNK_LEN;
	const size_t len = n > usual ? n : usual;

	if (len > SIZE_MAX / 2 ||
	    (a->limit != 0 && (a->held > a->limit || len > a->limit - a->held)))
		return err_set(err, ERR_LIMIT, "more than %zu bytes of memory "
			       "needed for one batch of items", a->limit);

	struct arena_chunk *const c = malloc(sizeof(*c) + len);
	if (c == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	c->len = len;
	a->held += len;
	use(a, c);
	return 0;
}

void *
arena_take_slow(struct arena *a, size_t n, struct err *err)
{
	const size_t len = (n + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);

	if (len < n) {
		err_set(err, ERR_LIMIT, "out of memory");
		return NULL;
	}
	if (arena_reserve(a, len, err) != 0)
		return NULL;
	void *const p = a->at;
	a->at += len;
	return p;
}

struct span
arena_copy(struct arena *a, struct span s, struct err *err)
{
	uint8_t *const p = arena_take(a, s.len > 0 ? s.len : 1, err);

	if (p == NULL)
		return (struct span){ NULL, 0 };
	if (s.len > 0)
		memcpy(p, s.ptr, s.len);
	return (struct span){ p, s.len };
}

void
arena_reset(struct arena *a)
{
	while (a->used != NULL) {
		struct arena_chunk *const c = a->used;

		a->used = c->next;
		c->next = a->spare;
		a->spare = c;
	}
	a->at = a->end = NULL;
}

void
arena_free(struct arena *a)
{
	arena_reset(a);
	while (a->spare != NULL) {
		struct arena_chunk *const c = a->spare;

		a->spare = c->next;
		free(c);
	}
	*a = (struct arena){ .limit = a->limit, .chunk_len = a->chunk_len };
}
