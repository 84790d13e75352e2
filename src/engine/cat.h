/*
 * cat.h - the items of dumps as text, in the order of their files and lines,
 * whatever the number of threads.
 *
 * Lines that are none, and files that are damaged, are told on the side, in the
 * same order; what could be read comes all the same.
 */
#ifndef ENGINE_CAT_H
#define ENGINE_CAT_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "engine/dump.h"

struct err;

struct cat_options {
	struct dump_options dump;
	const char *as;		/* a format's name; NULL: dynamodb-json */
	const char *where;	/* a condition; NULL: all items */
	const char *select;	/* document paths; NULL: whole items */
	const char *const *keys;	/* itemkey.h; none: all items */
	size_t nkeys;
	uint64_t limit;		/* items a table; 0: all */
	unsigned threads;	/* 0: 1 */
	size_t memory;		/* of text that waits for its turn; 0: 256 MiB */
	const char *run_time;	/* epoch seconds, canonical text */
	const atomic_bool *cancel;	/* or NULL */

	/* Take text, and notes; never two at a time.  0 or -1. */
	int (*print)(void *context, struct span text, struct err *err);
	int (*tell)(void *context, struct span note, struct err *err);
	void *context;
};

struct cat_result {
	uint64_t items;		/* printed */
	uint64_t bad;		/* lines that are none, and what `as` cannot
				 * say */
	uint32_t damaged;	/* files, and what manifests find wrong */
	size_t missing;		/* keys that no item has, each told */
};

/* Returns 0 or -1; *r is filled in either way. */
int cat_do(const struct cat_options *o, struct cat_result *r,
	   struct err *err);

#endif
