/*
 * projection.h - some of an item, as DynamoDB's ProjectionExpression takes it:
 * document paths, with what stands around each of them.
 *
 *	name, address.city, tags[0]
 *
 * Attributes come in the order of the paths, elements of a list in that of
 * their indexes, closed up.  What an item has not got is left out, and so is
 * what was around it if nothing is left in there.
 */
#ifndef MODEL_PROJECTION_H
#define MODEL_PROJECTION_H

#include <stddef.h>

#include "base/span.h"

struct arena;
struct err;
struct path;
struct projection;
struct value;

/*
 * Parse all of `text`.  NULL with ERR_USAGE: it is none, or two paths of it
 * overlap.
 */
struct projection *projection_parse(struct span text, struct err *err);
void projection_free(struct projection *p);	/* NULL is fine */

/*
 * What the map has of it, in *out, whose children are the map's own where they
 * are whole.  Returns 0, or -1 if memory is refused.
 */
int projection_apply(const struct projection *p, const struct value *map,
		     struct arena *mem, struct value *out, struct err *err);

/* The paths, as they were said. */
size_t projection_npaths(const struct projection *p);
const struct path *projection_path(const struct projection *p, size_t i);

#endif
