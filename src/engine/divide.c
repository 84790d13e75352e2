/* divide.c - blocks by size, and the shards in a heap, the least busy first. */
#include "engine/divide.h"

#include <assert.h>
#include <stdlib.h>

#include "base/err.h"

struct block {
	uint64_t size;
	uint32_t number;	/* of its first unit */
};

struct load {
	uint64_t size;
	uint32_t count, shard;
};

static int
largest_first(const void *a, const void *b)
{
	const struct block *const x = a, *const y = b;

	if (x->size != y->size)
		return x->size < y->size ? 1 : -1;
	return x->number < y->number ? -1 : 1;
}

/* Where sizes are not known, or all nothing, numbers are to be even. */
static bool
is_before(const struct load *a, const struct load *b)
{
	if (a->size != b->size)
		return a->size < b->size;
	if (a->count != b->count)
		return a->count < b->count;
	return a->shard < b->shard;
}

/* The first of the heap has grown: it goes to where it belongs. */
static void
sink_down(struct load *heap, uint32_t n)
{
	const struct load moving = heap[0];
	uint32_t i = 0;

	for (;;) {
		uint32_t kid = 2 * i + 1;

		if (kid >= n)
			break;
		if (kid + 1 < n && is_before(&heap[kid + 1], &heap[kid]))
			kid++;
		if (!is_before(&heap[kid], &moving))
			break;
		heap[i] = heap[kid];
		i = kid;
	}
	heap[i] = moving;
}

static uint64_t
sum(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/* Blocks by the number of their first unit, then only those with something. */
static uint32_t
make_blocks(const struct divide_unit *units, uint32_t n, struct block *blocks)
{
	uint32_t k = 0;

	for (uint32_t i = 0; i < n; i++)
		blocks[i] = (struct block){ 0, UINT32_MAX };
	for (uint32_t i = 0; i < n; i++) {
		struct block *const b = &blocks[units[i].block];

		assert(units[i].block <= i);
		if (!units[i].some)
			continue;
		b->size = sum(b->size, units[i].size);
		b->number = units[i].block;
	}
	for (uint32_t i = 0; i < n; i++)
		if (blocks[i].number != UINT32_MAX)
			blocks[k++] = blocks[i];
	return k;
}

int
divide(const struct divide_unit *units, uint32_t n, uint32_t nshards,
       uint32_t *owner, struct err *err)
{
	struct block *const blocks = calloc((size_t)n + 1, sizeof(*blocks));
	struct load *const heap = calloc((size_t)nshards + 1, sizeof(*heap));
	uint32_t nblocks;

	if (blocks == NULL || heap == NULL) {
		free(blocks);
		free(heap);
		return err_set(err, ERR_SYSTEM, "out of memory");
	}
	nblocks = make_blocks(units, n, blocks);
	qsort(blocks, nblocks, sizeof(*blocks), largest_first);
	for (uint32_t i = 0; i < nshards; i++)
		heap[i].shard = i + 1;		/* that is in order */
	for (uint32_t i = 0; i < n; i++)
		owner[i] = 0;
	for (uint32_t i = 0; i < nblocks; i++) {
		owner[blocks[i].number] = heap[0].shard;
		heap[0].size = sum(heap[0].size, blocks[i].size);
		heap[0].count++;
		sink_down(heap, nshards);
	}
	/* The first of a block may have nothing to be done itself. */
	for (uint32_t i = 0; i < n; i++)
		if (units[i].some)
			owner[i] = owner[units[i].block];
	for (uint32_t i = 0; i < n; i++)
		if (!units[i].some)
			owner[i] = 0;
	free(blocks);
	free(heap);
	return 0;
}
