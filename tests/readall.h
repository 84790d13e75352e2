/*
 * readall.h - all of a text through one of the formats, as the engine does it:
 * in blocks, each against an unmapped page, that grow while no item is whole.
 */
#ifndef TESTS_READALL_H
#define TESTS_READALL_H

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

struct item_format;
struct item_rules;

struct readall {
	struct buf items;	/* lines of DynamoDB JSON; NUL behind */
	struct buf rejects;	/* "line:byte: why" a line; likewise */
	struct buf places;	/* "line@offset" of each item; likewise */
	struct err err;		/* of decode or decode_end */
	int rc;
};

/* `block` bytes at a time; 0: all at once.  For readall_free(). */
struct readall readall_of(const struct item_format *format,
			  const struct item_rules *rules, struct span text,
			  size_t block);
void readall_free(struct readall *r);

/* Read it in blocks of all sizes up to `most`, and fail if they differ. */
void readall_same(const struct item_format *format,
		  const struct item_rules *rules, struct span text,
		  size_t most);

#endif
