/*
 * textplace.h - where a reader of text is in its file, and rejects by line and
 * byte, for formats whose items need not be lines.
 */
#ifndef FORMATS_TEXTPLACE_H
#define FORMATS_TEXTPLACE_H

#include <stdint.h>

#include "base/span.h"

struct batch;
struct err;

struct textplace {
	uint64_t offset;	/* of the next byte */
	uint64_t line;		/* number of its line, from 1 */
	uint64_t line_at;	/* where that line begins */
};

/* Go on over the text from `from` to `to`. */
void textplace_pass(struct textplace *t, const uint8_t *from,
		    const uint8_t *to);

/*
 * Add a reject.  `text` holds `p`, where `t` is, or begins there, and what is
 * wrong stands at `at`, not before.  Line and byte are those of `at`, so that
 * an editor finds it.  Returns 0, or -1 if memory is refused.
 */
int textplace_reject(const struct textplace *t, const uint8_t *p,
		     struct span text, const uint8_t *at,
		     const struct err *why, struct batch *out,
		     struct err *err);

#endif
