/*
 * analysis.h - what a survey came to, put together: tables, references, what
 * it would cost, and what is wrong.  Of this analysis.json and the text on the
 * screen are made; docs/ANALYZE.md and docs/analysis.schema.json describe it.
 *
 *	w = analysis_watch_new()
 *	run_open	with SURVEY_IDS and analysis_watch_observer(w)
 *	analysis_watch_start, run_units, run_finish
 *	a = analysis_new(run, w), analysis_save(a)
 */
#ifndef ENGINE_ANALYSIS_H
#define ENGINE_ANALYSIS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "engine/counts.h"
#include "engine/prices.h"
#include "engine/stats.h"
#include "engine/unit.h"

struct analysis_watch;
struct buf;
struct discover_result;
struct err;
struct plan;
struct plan_table;
struct run;

/* An item where it stands. */
struct analysis_item {
	const char *file;	/* NULL: it cannot be said */
	uint64_t line;		/* 0: likewise */
	const char *key;	/* "id = 'x'" */
	const char *value;	/* of a reference; NULL if it cannot be said */
};

struct analysis_pair {
	struct analysis_item a, b;
};

struct analysis_table {
	const struct plan_table *table;
	uint32_t number;		/* of the plan table */
	const char *to;			/* target table */
	struct counts counts;
	uint64_t files, plain_len, packed_len;
	const struct stats_input *source;
	const struct stats_attribute *attributes;
	size_t nattributes, nleft_out;
	double distinct_error;	/* of what is not exact: see stats.h */
	const struct stats_table *stats;
	bool shares;			/* its input with other plan tables */
	struct price_estimate costs;
	uint64_t json;			/* bytes of its import files */

	/* Of the target; with the first plan table that goes there. */
	uint64_t duplicates, collisions;
	struct analysis_pair *duplicate, *collision;
	size_t nduplicate, ncollision;
};

struct analysis_reference {
	uint32_t table, rule, to;
	const char *path, *pattern;
	uint64_t values, resolved, dangling, unchecked, rejected;
	double share;			/* resolved of what was checked */
	struct analysis_item *examples;
	size_t nexamples;
};

/* `name` is what --accept takes: then it is told, and no more. */
struct analysis_problem {
	const char *name;
	bool error, accepted;
	const char *what, *where, *action;
};

struct analysis {
	struct arena mem;
	const struct run *run;
	const struct plan *plan;
	struct analysis_table *tables;	/* plan order, without what is left out */
	size_t ntables;
	struct analysis_reference *references;
	size_t nreferences;
	const struct discover_result *found;	/* that nobody declared */
	struct analysis_problem *problems;	/* errors first */
	size_t nproblems, nerrors;	/* that are not accepted */
	double seconds;
	uint32_t nlevels;
};

/* ---- looking on ---------------------------------------------------------- */

struct analysis_watch *analysis_watch_new(struct err *err);
void analysis_watch_free(struct analysis_watch *w);	/* NULL is fine */

/* For the options of a survey that is not open yet; lives as long as `w`. */
const struct unit_observer *analysis_watch_observer(struct analysis_watch *w);

/*
 * Now it is open: before its units are done.  The run must outlive the watch.
 * Returns 0 or -1.
 */
int analysis_watch_start(struct analysis_watch *w, const struct run *r,
			 struct err *err);

/* ---- the result ---------------------------------------------------------- */

/*
 * Put it together once the survey is finished; `r` and `w` must outlive it.
 * NULL on failure.
 */
struct analysis *analysis_new(struct run *r, struct analysis_watch *w,
			      struct err *err);
void analysis_free(struct analysis *a);		/* NULL is fine */

/* analysis.json, appended to `out`. */
int analysis_json(const struct analysis *a, struct buf *out, struct err *err);

/* Write it, and what is made of it, to the job's folder. */
int analysis_save(const struct analysis *a, struct err *err);

#endif
