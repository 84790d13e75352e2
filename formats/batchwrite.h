/*
 * batchwrite.h - items as BatchWriteItem requests (API BatchWriteItem): each
 * file is what `aws dynamodb batch-write-item --request-items file://FILE`
 * takes.
 *
 *	{"Things":[{"PutRequest":{"Item":{...}}},
 *	{"PutRequest":{"Item":{...}}}]}
 *
 * A request has at most 25 items and 16 MB, and no two of one primary key: the
 * service refuses those.  A later item of a key goes to a later request, so
 * that sent in order the last one stays, as it would from an import by hand.
 * dumpjson.c reads them again.
 */
#ifndef FORMATS_BATCHWRITE_H
#define FORMATS_BATCHWRITE_H

struct buf;
struct err;
struct item;
struct item_format;
struct item_rules;

extern const struct item_format batchwrite_format;

enum {
	BATCHWRITE_ITEMS = 25,
	/* Less what a client puts around it. */
	BATCHWRITE_LEN = 16 * 1024 * 1024 - 1024,
};

/* The writing half of the format. */
void *batchwrite_start(const struct item_rules *rules, struct err *err);
int batchwrite_full(void *state, const struct item *item, struct err *err);
int batchwrite_encode(void *state, const struct item *item, struct buf *out,
		      struct err *err);
int batchwrite_end(void *state, struct buf *out, struct err *err);
void batchwrite_stop(void *state);

#endif
