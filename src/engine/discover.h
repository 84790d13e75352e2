/*
 * discover.h - references that nobody declared: which attribute paths of a
 * table hold ids of which table.
 *
 * Observers look at the items as they are in the source, one for each unit or
 * thread, and keep of every path (nested, in lists, sets and maps, and the
 * pieces of texts such as `USER#<id>`) a sample of its values; they are merged
 * into one. Then every id that there is is held against the samples, and what
 * was hit is judged: a reference is proposed if most of the values are ids of
 * one table and that cannot well be chance.
 *
 * Memory is bounded: some megabytes an observer, whatever is in the items. The
 * result depends on what was seen, not on its order or on who saw it.
 *
 * A sample is of up to 1,024 different values, each with how often it occurs;
 * and of a file with more than 4,096 items, one in 8 of the rest is looked at,
 * from item 32,769 on one in 32, and counts for all, so that it costs next to
 * nothing.  Where there is more,
 * shares and counts are estimates; `error` is the bound that the share keeps in
 * 95 of 100 cases.
 */
#ifndef ENGINE_DISCOVER_H
#define ENGINE_DISCOVER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/span.h"

struct batch;
struct buf;
struct discover;
struct discover_probe;
struct err;
struct plan;

/* ---- looking on ---------------------------------------------------------- */

/* For so many tables; an observer, or what observers are merged into. */
struct discover *discover_new(uint32_t ntables, struct err *err);
void discover_free(struct discover *d);		/* NULL is fine */

/* Look at items of `table`, not yet changed.  Returns 0 or -1. */
int discover_see(struct discover *d, uint32_t table, const struct batch *b,
		 struct err *err);

/* Add all that `from` has seen.  Not for use by two threads at once. */
int discover_merge(struct discover *d, const struct discover *from,
		   struct err *err);

/* Forget all that was seen. */
void discover_clear(struct discover *d);

/* ---- asking -------------------------------------------------------------- */

/* A table, as found references name it. */
struct discover_table {
	const char *name;
	/*
	 * Paths that are declared, as text: nothing is said about those.  The
	 * paths of the table's own id are among them.
	 */
	const char *const *declared;
	size_t ndeclared;
	uint32_t set;		/* of its ids; DISCOVER_NONE: no target */
	/*
	 * An attribute at the top, or NULL: that its values are ids of the
	 * table itself is nothing to say.
	 */
	const char *own;
};

#define DISCOVER_NONE UINT32_MAX

/* A path whose values, or pieces of values, are ids of a table. */
struct discover_found {
	uint32_t table, to;
	const char *path;
	const char *pattern;	/* "USER#{id}", or NULL: the whole value */
	uint64_t values;
	uint64_t resolved, dangling;	/* = values in all */
	double share;		/* resolved / values */
	double error;		/* of the share, either way; 0: exact */
	bool sampled;		/* these are estimates: say "about" */
	bool counted;		/* `values` is none */
	/* YAML for `references`, of all that was found at this path. */
	const char *line;
};

/* Something about a table that the result does not show. */
struct discover_note {
	uint32_t table;
	const char *text;
};

struct discover_result {
	struct arena mem;
	struct discover_found *found;	/* by table, then bytes of paths */
	size_t nfound;
	struct discover_note *notes;
	size_t nnotes;
};

/*
 * What there is once all units are through: hold the indexes that a job keeps
 * in JOB/index/ against what was seen of the plan's tables (d's tables are the
 * plan's, by number), and leave out what the plan declares.  Returns 0 and a
 * result to be freed, or -1.
 */
int discover_finish(struct discover *d, const struct plan *plan,
		    const char *job_dir, struct discover_result *out,
		    struct err *err);
void discover_result_free(struct discover_result *r);

/*
 * "Projects.agentContactId → Contacts  99.8 % of 81,234 values, 163 dangling",
 * with "about" where counts are estimates.  Returns 0 or -1.
 */
int discover_print(const struct discover_found *f, const char *table,
		   const char *to, struct buf *out, struct err *err);

/* Of that the figures alone: "99.8 % of 81,234 values, 163 dangling". */
int discover_print_counts(const struct discover_found *f, struct buf *out,
			  struct err *err);

/* ---- the same, step by step ---------------------------------------------- */

/*
 * Ids are held against samples in `nsets` sets; a set is the ids of a table.
 * `d` must stay as it is until discover_judge().  NULL on failure.
 */
struct discover_probe *discover_probe_new(struct discover *d, uint32_t nsets,
					  struct err *err);
void discover_probe_free(struct discover_probe *p);	/* NULL is fine */

/* What is summed of the ids of a set; every thread has its own. */
struct discover_ids {
	uint64_t n, len;	/* ids and their bytes in all */
	uint64_t digits;	/* of them: of digits alone */
};

/*
 * An id of set `set`: `type` is S, N or B; S its text, N its canonical text, B
 * its bytes.  Any number of threads may do this at once.
 */
void discover_probe_id(struct discover_probe *p, uint32_t set,
		       struct discover_ids *sums, char type, struct span id);

/* Likewise all ids of an index, JOB/index/<name>.ids; 0 if there is none. */
int discover_probe_index(struct discover_probe *p, uint32_t set,
			 const char *job_dir, const char *name,
			 struct err *err);

/* Add a thread's sums to those of the set. */
void discover_probe_sum(struct discover_probe *p, uint32_t set,
			const struct discover_ids *sums);

/* All tables of d, by number.  Returns 0 or -1. */
int discover_judge(struct discover_probe *p,
		   const struct discover_table *tables,
		   struct discover_result *out, struct err *err);

/* What share of the values of an attribute at the top are ids of a set. */
double discover_share(const struct discover_probe *p, uint32_t table,
		      struct span name, uint32_t set);

/* ---- attributes ---------------------------------------------------------- */

/* An attribute at the top, as far as it holds S, N or B. */
struct discover_attr {
	struct span name;
	uint64_t values;	/* about */
	uint64_t distinct;	/* about */
	uint64_t composite;	/* of the values: such as USER#1 */
	char type;		/* S, N or B if all items seen have it, or 0 */
	bool unique;		/* among those seen, as far as is known */
};

/* Those of a table, by bytes of names; in the arena.  NULL on failure. */
struct discover_attr *discover_attrs(const struct discover *d, uint32_t table,
				     struct arena *mem, size_t *n,
				     struct err *err);

#endif
