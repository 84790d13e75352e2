/*
 * jsonraw.h - parts of a JSON text as they stand, without looking into them:
 * for answers of a service, of which most is only passed on.
 *
 * What is no JSON gives parts that are none either, or nothing; whoever uses
 * them decodes them, and is told then.
 */
#ifndef FORMATS_JSONRAW_H
#define FORMATS_JSONRAW_H

#include <stddef.h>

#include "base/span.h"

/*
 * The value called `name` of an object, however its names are escaped.  .ptr is
 * NULL if there is none.
 */
struct span jsonraw_member(struct span object, const char *name);

/* The next element of a list; *at is 0 at first.  .ptr is NULL at the end. */
struct span jsonraw_next(struct span list, size_t *at);

#endif
