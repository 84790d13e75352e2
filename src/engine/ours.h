/*
 * ours.h - of items that a conditional put found there: which of them are the
 * very items that were to be put?
 *
 * Where the answer to a put was lost, or its record with the process, the item
 * is there by our own hand.  It is looked up, a hundred at a time.
 */
#ifndef ENGINE_OURS_H
#define ENGINE_OURS_H

#include <stdint.h>

#include "base/span.h"

struct err;
struct ours;
struct service;

/* The texts must stay; sk.ptr NULL: none. */
struct ours *ours_new(struct service *s, const char *table, struct span pk,
		      struct span sk, struct err *err);
void ours_free(struct ours *o);		/* NULL is fine */

/* An item, {...}, which is copied.  0 or -1. */
int ours_add(struct ours *o, struct span item, struct err *err);

/*
 * Add how many of those that were added are there as they were to be, and how
 * many are others.  Who may not read takes all for others.  0 or -1.
 */
int ours_count(struct ours *o, uint64_t *same, uint64_t *others,
	       struct err *err);

#endif
