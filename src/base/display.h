/*
 * display.h - text on a terminal: how wide it is, and what must not get there
 * as it stands.
 *
 * Widths are Unicode's (East Asian Width W and F are two columns; marks and
 * format characters none) and not the C library's, so that they do not depend
 * on a locale.
 */
#ifndef BASE_DISPLAY_H
#define BASE_DISPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

struct buf;
struct err;

/*
 * The character at the front of `text`, which is not empty.  Returns its bytes;
 * what is no UTF-8 is U+FFFD, a byte at a time.
 */
size_t display_next(struct span text, uint32_t *c);

/* Columns: 0, 1 or 2 of a character; of text without controls. */
unsigned display_width_of(uint32_t c);
size_t display_width(struct span text);

/*
 * Would it act on the terminal instead of being seen: a control character, a
 * line end of Unicode's, or one that turns the direction of text?
 */
bool display_acts(uint32_t c);

/*
 * Append `text` with such characters as JSON escapes them (`\n`, `\u001b`), and
 * if `quoted` with `"` and `\` escaped too.  Returns 0 or -1.
 */
int display_put(struct span text, bool quoted, struct buf *out,
		struct err *err);

#endif
