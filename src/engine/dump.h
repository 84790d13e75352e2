/*
 * dump.h - what is in one or several dumps, for those who only look: tables,
 * their keys where something says them, and the files in unit order.
 */
#ifndef ENGINE_DUMP_H
#define ENGINE_DUMP_H

#include <stddef.h>
#include <stdint.h>

#include "engine/exports.h"
#include "engine/plan.h"
#include "engine/unit.h"

struct err;

struct dump_options {
	const char *const *paths;
	size_t npaths;
	const char *const *tables;	/* only these; none: all */
	size_t ntables;
	const char *const *accept;	/* damages, by name */
	size_t naccept;
	const char *const *definitions;	/* --tables-from: files, globs */
	size_t ndefinitions;
	bool records;		/* of increments will do: see reading.h */
};

struct dump_table {
	const char *name;	/* NULL: nothing says it */
	struct plan_key key;	/* likewise .pk.name */
	uint64_t nitems;	/* as the manifests say */
	uint32_t nunits;
	uint32_t nexports;	/* full ones */
	const char *path;	/* of the first export of it */
};

struct dump {
	struct exports exports;
	struct dump_table *tables;	/* in the order of the exports */
	uint32_t ntables;
	struct unit *units;		/* .input is the number of the table */
	uint32_t nunits;
	struct tabledef *definitions;	/* of all tables that were defined */
	size_t ndefinitions;
};

/*
 * Look.  What the manifests find missing or damaged is in d->exports.damages;
 * files that are not there are no units.  ERR_INPUT if a path holds nothing, or
 * what this version cannot read; ERR_USAGE if a table asked for is in none of
 * them.  *d must be freed either way.
 */
int dump_find(const struct dump_options *o, struct dump *d, struct err *err);

/*
 * Of dumps with records of increments: is each table one state, which the last
 * record of a key, or else the item in the full export, has?  0 or -1.
 */
int dump_check_states(const struct dump *d, struct err *err);

/*
 * Leave it the files of one of so many shards, numbered anew.  What else was
 * found stays, as of all.  Returns 0 or -1.
 */
int dump_divide(struct dump *d, uint32_t shard, uint32_t nshards,
		struct err *err);

void dump_free(struct dump *d);

#endif
