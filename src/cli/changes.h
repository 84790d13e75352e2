/*
 * changes.h - keys and differing values as lines for people and as JSON, for
 * the commands that compare.
 */
#ifndef CLI_CHANGES_H
#define CLI_CHANGES_H

#include "base/span.h"

struct arena;
struct buf;
struct err;
struct item;
struct jsonwrite;
struct plan_key;
struct show_style;
struct value;

/* Append `id "abc"`, or `pk "a", sk 5`: what the item has of its key. */
int changes_key(const struct plan_key *key, const struct item *item,
		struct arena *mem, struct buf *out, struct err *err);

/*
 * Append a line, or lines, that say how the value at `path` differs; one of the
 * values may be NULL, for what is not there.  What is too long for the width is
 * cut where the two begin to differ; of sets the members are shown.
 */
int changes_row(const struct show_style *style, struct span path,
		const struct value *was, const struct value *is,
		struct arena *mem, struct buf *out, struct err *err);

/* The same as the next value of a JSON text: {"id":{"S":"abc"}}; and a value
 * with its type, or null. */
int changes_json_key(struct jsonwrite *w, const struct plan_key *key,
		     const struct item *item, struct err *err);
int changes_json_value(struct jsonwrite *w, const struct value *v,
		       struct err *err);

/* The colours of marks: - + ~; and of nothing. */
const char *changes_colour(const struct show_style *style, char mark);
const char *changes_plain(const struct show_style *style);

#endif
