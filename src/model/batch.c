#include "model/batch.h"

void
batch_reset(struct batch *b)
{
	arena_reset(&b->mem);
	b->items = NULL;
	b->rejects = NULL;
	b->nitems = b->nrejects = 0;
}

void
batch_free(struct batch *b)
{
	arena_free(&b->mem);
	*b = (struct batch){ .mem = b->mem };
}
