/*
 * scan.h - the vector kernels: what a block of JSON lines looks like from afar.
 *
 * Each kernel exists in a portable version (scan.c), complete and readable, and
 * again in vectors (scan_x86.c, scan_arm.c).  They do the same thing to the
 * byte; cpu.h says which one runs.
 */
#ifndef BASE_SCAN_H
#define BASE_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

struct err;

/*
 * Where the structure of a text lies.  Positions count from the start of the
 * text; the arrays grow as needed and are kept from text to text.
 *
 * Quotes are those that no backslash escapes.  Whether a backslash escapes is
 * told by the run of backslashes before, so the answer is right inside strings,
 * which is where it matters.
 */
struct scan {
	uint32_t *quotes;	/* nquotes, then SCAN_SENTINELS times the length */
	uint32_t *lines;	/* line feeds */
	uint32_t *escapes;	/* backslashes, then one time the length */
	size_t nquotes, nlines, nescapes;
	size_t quotes_cap, lines_cap, escapes_cap;
	bool control;		/* a byte below 0x20 that is not a line feed */
	bool bad_utf8;		/* not UTF-8, or cut short at the end */
};

enum { SCAN_SENTINELS = 16 };

/* Look at all of `text`, less than 4 GiB.  Returns 0, or -1: ERR_SYSTEM. */
int scan_text(struct scan *s, struct span text, struct err *err);

void scan_free(struct scan *s);

/*
 * How many bytes at the front of `text` may stand in a JSON string as they are:
 * up to the first quote, backslash or control character.
 */
size_t scan_plain(struct span text);

/* How many line feeds there are in `text`. */
size_t scan_lines(struct span text);

/* How many bytes at the front of `text` are whole, valid UTF-8. */
size_t scan_utf8(struct span text);

#endif
