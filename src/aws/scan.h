/*
 * scan.h - a segment of a live table as a feed: the pages of Scan in their
 * order, as `aws dynamodb scan` prints them.
 *
 * The next page is asked for while the last one is read; two are in memory, of
 * 1 MB of items each. What throttling costs is waited for.
 */
#ifndef AWS_SCAN_H
#define AWS_SCAN_H

#include <stdbool.h>

struct err;
struct feed;
struct side;

struct scan_options {
	const char *table;
	unsigned segment, nsegments;
	bool consistent;
};

struct feed *scan_feed(struct side *side, const struct scan_options *o,
		       struct err *err);

#endif
