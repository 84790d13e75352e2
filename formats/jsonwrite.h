/*
 * jsonwrite.h - JSON texts that people read too: indented, in the order given.
 *
 * Errors stick, so that a whole text can be written and asked about once.
 */
#ifndef FORMATS_JSONWRITE_H
#define FORMATS_JSONWRITE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

struct buf;
struct err;
struct tree;

enum { JSONWRITE_DEPTH = 64 };

struct jsonwrite {
	struct buf *out;
	struct err *err;	/* set by the first thing that went wrong */
	bool failed;
	bool tight;		/* no space, no line ends: one line */
	unsigned depth;
	bool list[JSONWRITE_DEPTH];	/* is it one, at that depth? */
	bool some[JSONWRITE_DEPTH];	/* does it hold something? */
	bool named;		/* the name of the next value is written */
};

/* Write to the end of `out`.  `tight` gives one line without spaces. */
void jsonwrite_start(struct jsonwrite *w, struct buf *out, bool tight,
		     struct err *err);

/* Open a map or list, as a value; close the last one opened. */
void jsonwrite_map(struct jsonwrite *w);
void jsonwrite_list(struct jsonwrite *w);
void jsonwrite_end(struct jsonwrite *w);

/* In a map, the name of the next value. */
void jsonwrite_name(struct jsonwrite *w, const char *name);
void jsonwrite_name_span(struct jsonwrite *w, struct span name);

/* Values.  Text that is no UTF-8 is written with U+FFFD where it is not. */
void jsonwrite_text(struct jsonwrite *w, const char *text);
void jsonwrite_span(struct jsonwrite *w, struct span text);
void jsonwrite_uint(struct jsonwrite *w, uint64_t n);
void jsonwrite_int(struct jsonwrite *w, int64_t n);
void jsonwrite_fixed(struct jsonwrite *w, double n, int decimals);
void jsonwrite_bool(struct jsonwrite *w, bool b);
void jsonwrite_null(struct jsonwrite *w);
void jsonwrite_raw(struct jsonwrite *w, struct span json);	/* as it is */
void jsonwrite_tree(struct jsonwrite *w, const struct tree *t);

/* A member of a map, name and value.  No text at all is null. */
void jsonwrite_put_text(struct jsonwrite *w, const char *name,
			const char *text);
void jsonwrite_put_uint(struct jsonwrite *w, const char *name, uint64_t n);
void jsonwrite_put_bool(struct jsonwrite *w, const char *name, bool b);

/* End it, with a line end if not tight.  Returns 0, or -1 with *err set. */
int jsonwrite_finish(struct jsonwrite *w);

#endif
