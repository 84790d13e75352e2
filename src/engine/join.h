/*
 * join.h - the end checks: the key logs of all units, put together.
 *
 * Builds index/<table>.idx and .ids, finds new ids that two source ids share,
 * primary keys that two items share, and references to nothing.  Memory stays
 * within what it is given whatever the number of items; what does not fit goes
 * through index/tmp.  The result and the files are the same for any memory and
 * any number of threads; beside run.c this is the one place that starts some,
 * for as long as join_run() takes.
 */
#ifndef ENGINE_JOIN_H
#define ENGINE_JOIN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/drops.h"

struct err;

enum {
	JOIN_EXAMPLES = 10,
	JOIN_MIN_MEMORY = 1 << 20,	/* asked for less, it takes this */
};

#define JOIN_NONE UINT32_MAX

/* A plan table, by number. */
struct join_table {
	/* File name in index/, without ending; NULL: it has no ids, no index */
	const char *name;
};

/* What the references of one rule point to. */
struct join_relation {
	uint32_t table;		/* whose ids they are */
	bool checked;		/* else they are counted and that is all */
};

/* A target table. */
struct join_target {
	/*
	 * If its primary key is the new id, untouched, of the items of exactly
	 * one plan table: that table.  keyfile_pk() is then not needed; what
	 * has keyfile_id() and neither keyfile_unwritten() nor _rejected() was
	 * written under it.  Else JOIN_NONE.
	 */
	uint32_t ids_of;
};

struct join {
	const char *job_dir;
	const uint32_t *units;	/* that have a key log; ascending */
	size_t nunits;
	const struct join_table *tables;
	const struct join_relation *relations;
	const struct join_target *targets;
	uint32_t ntables, nrelations, ntargets;
	size_t memory;		/* bytes; 0: 1 GiB */
	unsigned threads;	/* 0: 1 */
	/*
	 * But for DUPLICATE_FAIL a list of what goes is left for each target
	 * (drops.h), all of which must be JOIN_NONE.
	 */
	enum on_duplicate on_duplicate;
	/*
	 * Of a divided job.  A part builds the indexes of its own units, and no
	 * more.  Who has all units merges those of `parts`, which are the
	 * folders that they are in, instead of building anything.
	 */
	bool only_ids;
	const char *const *parts;
	size_t nparts;
	const atomic_bool *cancel;	/* or NULL; set: ERR_CANCELLED */
};

struct join_place {
	uint32_t unit;
	uint64_t offset;
};

/* Two items that meet; `a` comes first in order of units and offsets. */
struct join_pair {
	struct join_place a, b;
};

struct join_table_result {
	uint64_t items;		/* that have an id */
	uint64_t ids;		/* different new ids among them */
	uint64_t collisions;	/* new ids that several source ids have */
	struct join_pair collision[JOIN_EXAMPLES];
	uint32_t ncollision;	/* of the examples */
};

struct join_relation_result {
	uint64_t refs;
	uint64_t resolved, dangling, unchecked;		/* = refs in all */
	uint64_t rejected;	/* of the resolved: every item with that id was */
	struct join_place dangle[JOIN_EXAMPLES], reject[JOIN_EXAMPLES];
	uint32_t ndangle, nreject;
};

struct join_target_result {
	uint64_t items;		/* that were written */
	uint64_t duplicates;	/* of them: with the key of an item before it */
	struct join_pair duplicate[JOIN_EXAMPLES];
	uint32_t nduplicate;
};

/* Examples are the first in order of unit and offset. */
struct join_result {
	struct join_table_result *tables;
	struct join_relation_result *relations;
	struct join_target_result *targets;
};

/*
 * Do it all.  Collisions, duplicates and dangling references are results, not
 * errors.  Returns 0 and a result to be freed, or -1: ERR_INPUT if a log is
 * damaged, ERR_SYSTEM, ERR_CANCELLED.
 */
int join_run(const struct join *j, struct join_result *out, struct err *err);

void join_result_free(struct join_result *r);

#endif
