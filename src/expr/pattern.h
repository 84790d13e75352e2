/*
 * pattern.h - ids inside a text: `ORDER#{id}`, `{Contacts}#{Projects}`, `*`.
 *
 * A pattern matches a whole value.  Text in braces names whose id stands there
 * and takes one or more characters; `*` takes any, or none; each as few as
 * possible, from the left; `{{` and `}}` are braces.  Two of them need
 * something between, or where one ends would be anybody's guess.  That also
 * makes matching linear: what stands between may always be found where it comes
 * first, since what follows can only gain by it.
 */
#ifndef EXPR_PATTERN_H
#define EXPR_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/span.h"

struct err;

enum pattern_kind {
	PATTERN_TEXT,
	PATTERN_ID,		/* {text} */
	PATTERN_ANY,		/* * */
};

struct pattern_part {
	enum pattern_kind kind;
	struct span text;	/* of the pattern's own */
};

struct pattern {
	struct pattern_part *parts;
	size_t nparts;
	size_t ncaught;		/* parts that are not text */
};

/*
 * Parse all of `text`, which must hold an id.  On failure, ERR_USAGE, *at (if
 * not NULL) is the offset of what is wrong.  Returns 0 or -1.
 */
int pattern_parse(struct pattern *p, struct span text, size_t *at,
		  struct err *err);
void pattern_free(struct pattern *p);

/* Does it match?  caught[] gets what each part that is not text took. */
bool pattern_match(const struct pattern *p, struct span value,
		   struct span *caught);

#endif
