/*
 * batchwrite.h - items as BatchWriteItem requests, out only (API
 * BatchWriteItem): each file is what `aws dynamodb batch-write-item
 * --request-items file://FILE` takes.
 *
 *	{"Things":[{"PutRequest":{"Item":{...}}},
 *	{"PutRequest":{"Item":{...}}}]}
 *
 * A request has at most 25 items and 16 MB, and no two of one primary key: the
 * service refuses those.  A later item of a key goes to a later request, so
 * that sent in order the last one stays, as it would from an import by hand.
 */
#ifndef FORMATS_BATCHWRITE_H
#define FORMATS_BATCHWRITE_H

struct item_format;

extern const struct item_format batchwrite_format;

enum {
	BATCHWRITE_ITEMS = 25,
	/* Less what a client puts around it. */
	BATCHWRITE_LEN = 16 * 1024 * 1024 - 1024,
};

#endif
