/*
 * markup.h - HTML that is well-formed XML too, with nothing in it unescaped.
 *
 * Elements are opened and closed like brackets; their names, and those of
 * attributes, are ours, all else may come from anywhere.  Text can neither end
 * where it stands nor hide what it says: what is no UTF-8 becomes U+FFFD, a
 * control character its picture (a line feed U+240A), and a character that
 * shows nothing or turns the direction of writing its number, "[U+202E]".
 *
 * Errors stick, so that a whole page can be written and asked about once.
 */
#ifndef FORMATS_MARKUP_H
#define FORMATS_MARKUP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/span.h"

struct buf;
struct err;

enum { MARKUP_DEPTH = 32 };

struct markup {
	struct buf *out;
	struct err *err;	/* set by the first thing that went wrong */
	bool failed;
	bool in_tag;		/* the start tag may still get attributes */
	unsigned depth;
	const char *open[MARKUP_DEPTH];
};

/* Write to the end of `out`. */
void markup_start(struct markup *m, struct buf *out, struct err *err);

/*
 * Open an element with attributes, names and values in turn and NULL at the
 * end; a name whose value is NULL is left out with it.  It must be a literal.
 */
void markup_open(struct markup *m, const char *name, ...)
	__attribute__((sentinel));

/* One more attribute, before anything is in the element. */
void markup_attr(struct markup *m, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void markup_attr_span(struct markup *m, const char *name, struct span value);

/* Text, escaped. */
void markup_text(struct markup *m, struct span text);
void markup_printf(struct markup *m, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Text that may be very long: its first `most` characters, and if that is not
 * all of it, how many bytes it has.
 */
void markup_clip(struct markup *m, struct span text, size_t most);

/* What is markup already: a style sheet, a script, a line end. */
void markup_raw(struct markup *m, struct span text);

/* Close the element opened last. */
void markup_close(struct markup *m);

/* All must be closed.  Returns 0, or -1 with *err set. */
int markup_finish(struct markup *m);

#endif
