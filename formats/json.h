/*
 * json.h - one JSON text (RFC 8259) as a tree: manifests, table definitions,
 * our own records.  For items there is ddbjson, which is made for speed.
 *
 * Strict: valid UTF-8, no name twice, no NUL in texts, nothing after the value
 * but white space.  Numbers keep their text.
 */
#ifndef FORMATS_JSON_H
#define FORMATS_JSON_H

#include <stdint.h>

#include "base/span.h"

struct arena;
struct buf;
struct err;
struct tree;

/*
 * Read `source`, which is called `name` in messages; both must outlive the
 * tree.  NULL on failure: ERR_INPUT, with name, line and column in front.
 */
const struct tree *json_parse(struct span source, const char *name,
			      struct arena *mem, struct err *err);

/* The same for line number `line` of a file that has a value on each. */
const struct tree *json_parse_line(struct span source, const char *name,
				   uint32_t line, struct arena *mem,
				   struct err *err);

/* Append `text` in quotes, with what must be escaped.  Returns 0 or -1. */
int json_quote(struct span text, struct buf *out, struct err *err);

#endif
