/* lookup_internal.h - an open lookup, and what its parts do for each other. */
#ifndef ENGINE_LOOKUP_INTERNAL_H
#define ENGINE_LOOKUP_INTERNAL_H

#include "base/arena.h"
#include "base/err.h"
#include "engine/exports.h"
#include "engine/lookup.h"
#include "formats/keyindex.h"

struct job;
struct plan;
struct remap;

struct lookup_table {
	const char *name;
	struct span idx, ids;		/* mapped */
	struct keyindex index;
	bool checked;			/* whole: every bit is as it was */
	const struct remap *remap;	/* NULL: its ids stay */
	bool made;			/* others emit to it: see lookup.c */
};

struct lookup {
	struct lookup_options options;
	struct job *job;
	struct arena mem;		/* as long as it is open */
	struct arena answers;		/* until the next call */
	struct plan *plan;
	struct exports exports;
	const char **files;		/* by unit */
	const char **full;		/* the same in full, once asked for */
	uint32_t nfiles;
	struct err blind, lost;		/* ERR_NONE: it is neither */
	struct lookup_table *tables;
	size_t ntables;
};

/* A record of .ids, unpacked. */
struct lookup_id {
	uint32_t unit;
	uint64_t offset;
	char type;			/* S, N or B */
	bool cut;
	struct span source;		/* as a key log has it */
	struct span text;		/* as the command line has it */
};

/* Read record `at` of the table's .ids; texts go to the arena. */
int lookup_get(const struct lookup_table *t, uint64_t at,
	       struct lookup_id *out, struct arena *mem, struct err *err);

/*
 * Tell what is known of an id with that key: its new text is made again from
 * its source text, and must lead to the key; without a plan it stays empty.
 * `full` is the source text if that is known from elsewhere, else no bytes.
 */
int lookup_tell(struct lookup *l, const struct lookup_table *t,
		struct keyhash key, const struct lookup_id *id,
		struct span full, struct lookup_found *out,
		struct err *err);

#endif
