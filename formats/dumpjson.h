/*
 * dumpjson.h - items in JSON that is not lines of DynamoDB JSON:
 *
 *	json		plain JSON: objects one after the other (a line each,
 *			or pretty-printed), or arrays of them
 *	typed-json	the same of typed attributes, without "Item" around
 *	scan		what `aws dynamodb scan` and `query` print, pages one
 *			after the other: {"Items":[...],"Count":...}; and
 *			{"Item":{...}} with anything beside it
 *
 *	batch-requests	bodies of BatchWriteItem (batchwrite.h):
 *			{"Things":[{"PutRequest":{"Item":{...}}}]}
 *
 * Items are read one by one, whatever holds them: an array of any length is in
 * memory an item at a time.  See FORMATS.md for types and for what happens to a
 * text that is wrong.
 */
#ifndef FORMATS_DUMPJSON_H
#define FORMATS_DUMPJSON_H

#include "base/span.h"

struct item_format;

extern const struct item_format plainjson_format, typedjson_format,
	scanjson_format;

enum dumpjson_look {
	DUMPJSON_OTHER,		/* no */
	DUMPJSON_TYPED,		/* every attribute is a typed value */
	DUMPJSON_EMPTY,		/* no attributes, so nobody knows */
	DUMPJSON_UNSURE,	/* so far yes; the text ends too early */
};

/* Is the object that `text` begins with a map of typed values? */
enum dumpjson_look dumpjson_look(struct span text);

/* How many leading bits say that it is one of the four. */
int dumpjson_sniff_plain(struct span head);
int dumpjson_sniff_typed(struct span head);
int dumpjson_sniff_scan(struct span head);
int dumpjson_sniff_requests(struct span head);

#endif
