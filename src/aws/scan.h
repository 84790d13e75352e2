/*
 * scan.h - a segment of a live table: the pages of Scan in their order, one by
 * one or as a feed, as `aws dynamodb scan` prints them.
 *
 * The next page is asked for while the last one is read; two are in memory, of
 * 1 MB of items each. What throttling costs is waited for.
 */
#ifndef AWS_SCAN_H
#define AWS_SCAN_H

#include <stdbool.h>

#include "base/span.h"

struct err;
struct feed;
struct scan;
struct side;

struct scan_options {
	const char *table;
	unsigned segment, nsegments;
	bool consistent;
	struct span start;	/* ->next of a page, to go on; or .ptr NULL */
	/*
	 * Called before a page is asked for, with the read units that the last
	 * one took; it may wait.  Or NULL.
	 */
	int (*pace)(void *context, double units, struct err *err);
	void *context;
};

/* It lives until the next one is asked for. */
struct scan_page {
	struct span text;	/* JSON, and a line end */
	struct span next;	/* the key that it ends at; .ptr NULL: the last */
	double units;		/* that it took; 0 if nobody paces */
};

struct scan *scan_open(struct side *side, const struct scan_options *o,
		       struct err *err);

/* The next page: 1, 0 after the last, or -1. */
int scan_next(struct scan *s, struct scan_page *page, struct err *err);
void scan_close(struct scan *s);	/* NULL is fine */

struct feed *scan_feed(struct side *side, const struct scan_options *o,
		       struct err *err);

#endif
