/* analysis_internal.h - what the parts of an analysis share. */
#ifndef ENGINE_ANALYSIS_INTERNAL_H
#define ENGINE_ANALYSIS_INTERNAL_H

#include "base/err.h"
#include "engine/analysis.h"
#include "engine/run_internal.h"

/* An analysis in the making. */
struct analyst {
	struct analysis *a;
	struct run *r;
	struct analysis_watch *watch;
	struct run_wanted *wanted;	/* items to be found again */
	size_t nwanted, wanted_cap;
	size_t problems_cap, nreferences;
	struct err *err;
};

/* All that was seen, added up; it stays the watch's.  Returns 0 or -1. */
int analysis_watch_settle(struct analysis_watch *w, const struct run *r,
			  const struct stats **stats,
			  const struct discover_result **found,
			  struct err *err);

/* ---- analysis.c ---------------------------------------------------------- */

/* Zeroed memory of the analysis, and text in it; NULL on failure. */
void *analysis_take(struct analyst *x, size_t n, size_t size);
const char *analysis_text(struct analyst *x, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* "1,234,567" in the analysis's memory; "" if there is none left. */
const char *analysis_count(struct analyst *x, uint64_t n);

/*
 * What the end checks say of every reference, into x->a->references, with
 * examples to be found.  Returns 0 or -1.
 */
int analysis_references(struct analyst *x);

/* ---- analysis_items.c ---------------------------------------------------- */

/*
 * Have `item` said, which the end checks know by place; of a reference (`rule`
 * of `table` to `to`) the value that finds nothing, too.  0 or -1.
 */
struct analysis_wish {
	struct analysis_item *item;
	const struct analysis_reference *reference;	/* or NULL */
};

int analysis_want(struct analyst *x, const struct join_place *place,
		  struct analysis_item *item,
		  const struct analysis_reference *reference);

/* Find all that is wanted. */
int analysis_find(struct analyst *x);

/* "FILE: line N, id = 'x'" */
const char *analysis_where(struct analyst *x, const struct analysis_item *i);
const char *analysis_place(struct analyst *x, const struct stats_place *p);

/* ---- analysis_problems.c ------------------------------------------------- */

int analysis_problems(struct analyst *x);

#endif
