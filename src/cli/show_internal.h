/* show_internal.h - what the parts of show share. */
#ifndef CLI_SHOW_INTERNAL_H
#define CLI_SHOW_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/span.h"

struct arena;
struct buf;
struct err;
struct item;
struct plan_key_attr;
struct value;

/*
 * Append a value as one line: "text", 12.5, true, null, b"base64", [1, 2],
 * {"name": 1}, <<"a", "b">>.  Nothing in it acts on a terminal.
 */
int show_value(const struct value *v, struct arena *mem, struct buf *out,
	       struct err *err);

/*
 * Append `text` from byte `start` on, cut to `columns`, with counts of the
 * characters that are missing: `12+…abc…+34`.  Returns 0 or -1.
 */
int show_cut(struct span text, size_t start, size_t columns, struct buf *out,
	     struct err *err);

/* Where two texts begin to differ, a little before it, for show_cut(). */
size_t show_difference(struct span a, struct span b);

/* The item's value of a key attribute; NULL if there is none of either. */
const struct value *show_key_attr(const struct plan_key_attr *attr,
				  const struct item *item);

#endif
