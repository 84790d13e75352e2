/* reverse_internal.h - what the two halves of reverse*.c share. */
#ifndef ENGINE_REVERSE_INTERNAL_H
#define ENGINE_REVERSE_INTERNAL_H

#include "engine/plan_internal.h"

struct reverse_sums;

struct page {
	const struct plan *p;
	struct buf *out, *why;
	struct reverse_sums *sums;
	struct arena mem;
	struct err *err;
	int rc;
	bool any;		/* a step of the table at hand */
};

/* Append to the page; errors stick.  A node goes on one line. */
void reverse_say(struct page *g, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void reverse_say_path(struct page *g, const struct path *p);
void reverse_say_tree(struct page *g, const struct tree *t);

/* `id` and `references` of a table, with the paths that they have by now. */
void reverse_say_ids(struct page *g, const struct plan_table *t,
		     const struct tree *entry);

/*
 * The key that the table had in the source: where the plan says none, that of
 * the target, by the names that its attributes had before the steps.
 */
void reverse_key(struct page *g, const struct plan_table *t,
		 struct plan_key *out);

#endif
