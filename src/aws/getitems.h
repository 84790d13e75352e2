/*
 * getitems.h - items by their keys, as they are now: consistent BatchGetItem,
 * what was not processed asked for again.
 *
 * It belongs to one thread, which waits.
 */
#ifndef AWS_GETITEMS_H
#define AWS_GETITEMS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/keyhash.h"
#include "base/span.h"
#include "model/item.h"

struct arena;
struct err;
struct getitems;
struct service;

enum { GETITEMS_MOST = 100 };	/* what BatchGetItem takes */

/* One that is asked for. */
struct getitems_one {
	struct span from;	/* {...}: its key, or an item with it */
	/* Out, until the next call: */
	struct span item;	/* its attributes; .ptr NULL: there is none */
	struct keyhash key;	/* push_key() */
	bool open;		/* (not told yet) */
};

/* The table's name and those of its key must stay; sk.ptr NULL: none. */
struct getitems *getitems_new(struct service *s, const char *table,
			      struct span pk, struct span sk,
			      struct err *err);
void getitems_free(struct getitems *g);		/* NULL is fine */

/* Ask for these, GETITEMS_MOST at most; a key may be there twice.  0 or -1. */
int getitems_ask(struct getitems *g, struct getitems_one *list, size_t n,
		 struct err *err);

/* Append the key of an item, {...} and nothing else of it.  0 or -1. */
int getitems_key(const struct getitems *g, struct span item, struct buf *out,
		 struct err *err);

#endif
