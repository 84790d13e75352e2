/*
 * undo.h - what a push writes over, on the disk before it does.
 *
 * JOB/undo/<table>.jsonl has a line for each key that was put:
 *
 *	{"Key":{...},"Item":{...}}	the item that was there
 *	{"Key":{...}}			there was none
 *
 * The first line of a key is the truth for ever: after a resume there may be
 * others, which may hold our own put.
 */
#ifndef ENGINE_UNDO_H
#define ENGINE_UNDO_H

#include <stddef.h>

#include "aws/push.h"

struct err;
struct service;
struct undo;

enum { UNDO_AT_ONCE = 100 };	/* what BatchGetItem takes */

/* `pk` and `sk` are the names of the table's key; sk.ptr NULL: none. */
struct undo *undo_open(const char *path, struct service *s, const char *table,
		       struct span pk, struct span sk, struct err *err);
void undo_close(struct undo *u);	/* NULL is fine */

/* Keep what these items, UNDO_AT_ONCE at most, will write over.  0 or -1. */
int undo_keep(struct undo *u, const struct push_item *items, size_t n,
	      struct err *err);

#endif
