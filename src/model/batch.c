#include "model/batch.h"

void
batch_reset(struct batch *b)
{
	arena_reset(&b->mem);
	b->items = NULL;
	b->rejects = NULL;
	b->records = NULL;
	b->nitems = b->nrejects = b->nrecords = 0;
	b->sizes = NULL;
	b->gone = NULL;
	b->keys_alone = false;
}

void
batch_free(struct batch *b)
{
	arena_free(&b->mem);
	*b = (struct batch){ .mem = b->mem };
}
