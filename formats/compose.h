/*
 * compose.h - an item made piece by piece, and its line of DynamoDB JSON with
 * it, for formats whose items do not stand in the input as such lines.
 *
 * What comes of it is what the reader of DynamoDB JSON makes of such a line
 * (item.h): every value points into the line and has VALUE_RAW.  So whatever
 * works on items need not know what they were read from, a reject can be
 * written down as it was read, and what no step touches is copied.
 *
 * All that must hold for an item is checked here, whatever the format: depth,
 * numbers, base64, sets and names.  Only UTF-8 and escapes are the caller's
 * business.  Functions that return int return 1; 0 with *err set to ERR_INPUT
 * if this cannot be an item, which is then to be dropped; or -1 if memory is
 * refused.
 */
#ifndef FORMATS_COMPOSE_H
#define FORMATS_COMPOSE_H

#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "model/item.h"

struct arena;
struct compose;
struct err;

struct compose *compose_new(struct err *err);
void compose_free(struct compose *c);	/* NULL is fine */

/*
 * A new batch begins: items and their lines go to `mem`, which was reset, until
 * the next call.  `hint` is about how many bytes the lines will take.
 */
int compose_batch(struct compose *c, struct arena *mem, size_t hint,
		  struct err *err);

/* Begin with an item; what was begun and not ended is forgotten. */
int compose_item(struct compose *c, struct err *err);

/* How a text is given. */
enum compose_text {
	COMPOSE_PLAIN,		/* UTF-8 that may hold anything */
	COMPOSE_CLEAN,		/* UTF-8 in which JSON escapes nothing */
	COMPOSE_ESCAPED,	/* as JSON escapes it, with an escape in it */
};

/* In a map: the name of the next value.  compose_name_of() is the last one. */
int compose_name(struct compose *c, struct span text, enum compose_text how,
		 struct err *err);
const struct value *compose_name_of(const struct compose *c);

/* An S, N or B (base64), or the next member of a set. */
int compose_text(struct compose *c, enum value_type type, struct span text,
		 enum compose_text how, struct err *err);
int compose_bool(struct compose *c, bool b, struct err *err);
int compose_null(struct compose *c, struct err *err);

/* Open an M, L or set as a value; close what was opened last. */
int compose_open(struct compose *c, enum value_type type, struct err *err);
int compose_close(struct compose *c, struct err *err);

/* End the item: all of *item but where it was read from. */
int compose_end(struct compose *c, struct item *item, struct err *err);

#endif
