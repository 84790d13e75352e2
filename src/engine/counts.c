#include "engine/counts.h"

#include "formats/jsonwrite.h"

void
counts_write(const struct counts *c, struct jsonwrite *w)
{
	jsonwrite_put_uint(w, "read", c->read);
	jsonwrite_put_uint(w, "moved", c->moved);
	jsonwrite_put_uint(w, "filtered", c->filtered);
	jsonwrite_put_uint(w, "skipped", c->skipped);
	jsonwrite_put_uint(w, "dropped", c->dropped);
	jsonwrite_put_uint(w, "duplicate", c->duplicate);
	jsonwrite_put_uint(w, "rejected", c->rejected);
}
