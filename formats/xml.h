/*
 * xml.h - the XML that AWS answers with (S3, STS): elements and their text, one
 * event after the other.
 *
 * Enough for that and no more: attributes are stepped over, comments and
 * declarations too; a DOCTYPE is damage, so that no entity but the five of XML
 * and characters by number stands for anything.
 */
#ifndef FORMATS_XML_H
#define FORMATS_XML_H

#include <stdbool.h>

#include "base/span.h"

struct buf;
struct err;

enum { XML_MAX_DEPTH = 32 };

enum xml_event {
	XML_END,		/* all of it was well formed */
	XML_OPEN, XML_CLOSE,	/* *out is the name, without prefix */
	XML_TEXT,		/* *out is as it stands: see xml_unescape() */
	XML_BAD,		/* *err says why */
};

struct xml {
	struct span rest;
	struct span open[XML_MAX_DEPTH];	/* whole names */
	unsigned depth;
	bool empty;		/* the last one opened closes at once */
	bool begun;
};

void xml_start(struct xml *x, struct span text);
enum xml_event xml_next(struct xml *x, struct span *out, struct err *err);

/* Append text with what its entities stand for.  Returns 0 or -1. */
int xml_unescape(struct span text, struct buf *out, struct err *err);

/*
 * Append the text of the first element of this name, and a NUL that is not
 * counted.  Returns 1, 0 if there is none, or -1.
 */
int xml_find(struct span text, const char *name, struct buf *out,
	     struct err *err);

#endif
