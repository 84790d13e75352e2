/*
 * jsonvalue.h - JSON values to an item under way: typed as DynamoDB's API does
 * it, or plain and typed by rules (FORMATS.md), or by tags (plainjson.h).
 *
 * White space may stand anywhere between tokens.  Every byte is looked at:
 * UTF-8 (RFC 3629), grammar (RFC 8259), and what compose.h checks.
 */
#ifndef FORMATS_JSONVALUE_H
#define FORMATS_JSONVALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

struct arena;
struct compose;
struct err;
struct itemtypes;

/* What a read comes to; for JSON_BAD and JSON_NO_MEMORY *err is set. */
enum jsonvalue {
	JSON_NO_MEMORY = -1,
	JSON_BAD,		/* w->p is where it went wrong */
	JSON_GOOD,		/* w->p is behind it */
	JSON_MORE,		/* it may be good, if more text comes */
};

/* A text on its way. */
struct jsonwalk {
	const uint8_t *p, *end;
	bool last;		/* nothing comes after `end` */
	bool tagged;		/* of plain values {"$N":"1"} is a number */
	struct compose *to;
	struct arena *mem;
	struct err *err;
};

/* Step over white space. */
static inline void
jsonvalue_space(struct jsonwalk *w)
{
	while (w->p < w->end && (*w->p == ' ' || *w->p == '\n' ||
				 *w->p == '\t' || *w->p == '\r'))
		w->p++;
}

/* Say that `expected` does not stand at w->p.  JSON_BAD, or JSON_MORE. */
int jsonvalue_wrong(struct jsonwalk *w, const char *expected);

/* A string: what is between its quotes; whether there is an escape in it. */
int jsonvalue_string(struct jsonwalk *w, struct span *out, bool *escaped);

/* The attributes of an item, braces and all; `types` only if not `typed`. */
int jsonvalue_item(struct jsonwalk *w, bool typed,
		   const struct itemtypes *types);

/* A plain value, which `type` says something about, or NULL. */
int jsonvalue_plain(struct jsonwalk *w, const struct itemtypes *type);

/* Any value, looked at and left out. */
int jsonvalue_skip(struct jsonwalk *w);

#endif
