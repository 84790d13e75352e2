/*
 * counts.h - the account of a table: every item that was read is in exactly one
 * of the other sums (commands.md, Accounting).
 */
#ifndef ENGINE_COUNTS_H
#define ENGINE_COUNTS_H

#include <stdbool.h>
#include <stdint.h>

struct jsonwrite;

struct counts {
	uint64_t read;		/* items, and lines that should have been */
	uint64_t moved;		/* they became `written` items */
	uint64_t filtered;	/* `where` did not hold */
	uint64_t skipped;	/* dangling: skip-item */
	uint64_t dropped;	/* emit, pipe or lua gave nothing */
	uint64_t duplicate;	/* --on-duplicate left them out */
	uint64_t rejected;	/* in rejected/, with the reason */
	uint64_t written;	/* items of this table as a target */
	uint64_t made;		/* what the moved ones became by emit ... */
};

static inline void
counts_add(struct counts *to, const struct counts *c)
{
	to->read += c->read;
	to->moved += c->moved;
	to->filtered += c->filtered;
	to->skipped += c->skipped;
	to->dropped += c->dropped;
	to->duplicate += c->duplicate;
	to->rejected += c->rejected;
	to->written += c->written;
	to->made += c->made;
}

/* What became of those that were read, as members of the map at hand. */
void counts_write(const struct counts *c, struct jsonwrite *w);

/* Does what was read equal what became of it? */
static inline bool
counts_meet(const struct counts *c)
{
	return c->read == c->moved + c->filtered + c->skipped + c->dropped +
			  c->duplicate + c->rejected;
}

#endif
