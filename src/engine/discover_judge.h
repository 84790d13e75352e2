/* discover_judge.h - what the parts of the judgement share. */
#ifndef ENGINE_DISCOVER_JUDGE_H
#define ENGINE_DISCOVER_JUDGE_H

#include <stdatomic.h>

#include "base/buf.h"
#include "engine/discover_internal.h"

enum { PROBE_RANGE_BITS = 17, PROBE_RANGES = 1 << PROBE_RANGE_BITS };

struct discover_probe {
	struct discover *d;
	/* All sampled hashes; a mark a set for each slot that was hit. */
	uint64_t *hashes;
	uint64_t mask;
	_Atomic uint64_t **marks;
	struct discover_ids *sums;	/* one a set */
	uint32_t nsets;
	/*
	 * Which slots of a small table, by hash, hold anything at all; and
	 * before that of a smaller one, by the upper bits: where a sample does
	 * not hold all there is it has small hashes, so that in most ranges
	 * there are few.
	 */
	uint64_t *filter;
	uint64_t filter_mask;
	uint64_t ranges[PROBE_RANGES / 64];
};

/* How well a sample fits a set. */
struct fit {
	uint64_t values, resolved;
	double share, error;
	uint32_t nhit;		/* different values that did */
	bool sampled;
	bool thinned;		/* not all values were looked at */
};

/* Are the ids of the set so many fewer than could be that no hit is chance? */
bool probe_is_wide(const struct discover_probe *p, uint32_t set);

/* Ask few of a sample first: does any of it hit? */
bool probe_hits(const struct discover_probe *p, const struct node *n,
		uint32_t set);

struct fit probe_fit(const struct discover_probe *p, const struct node *n,
		     uint32_t set, bool thinned);

/* ---- names --------------------------------------------------------------- */

enum { MAX_WORDS = 24, WORD_LEN = 24 };

/* The words of a name, small, in the singular: agentContactIds: agent ... */
struct words {
	char of[MAX_WORDS][WORD_LEN];
	unsigned n;
	unsigned last;		/* where those of the last name begin */
};

void words_add(struct words *w, struct span name);

/* How much of `table` is in `path`: 0 is nothing. */
int words_fit(const struct words *path, const struct words *table);

/* Does the last name say that it is an id, or is it just the table's? */
bool words_name_id(const struct words *path, const struct words *table);

/* ---- one table ----------------------------------------------------------- */

/* What may stand at a path: of a composite, one id for each piece, or none. */
struct reading {
	uint32_t leaf;		/* NO_NODE: the whole value */
	uint8_t n, sep;
	uint32_t pieces[MAX_PIECES];	/* nodes: TAG or VAR */
	uint32_t to[MAX_PIECES];	/* table, or DISCOVER_NONE */
	struct fit fits[MAX_PIECES];
	uint64_t spoilt;	/* values that the pattern would take too */
};

struct judge {
	const struct discover_probe *probe;
	const struct discover_table *tables;
	struct words *names;		/* of the tables */
	struct discover_result *out;
	struct buf found, notes;	/* struct discover_found, _note */
	struct err *err;

	uint32_t table;			/* the one at hand */
	const struct tree_of_paths *tree;
	struct buf path;
	struct words words;
	struct buf declared;		/* its declared paths, one a line */
};

/* Text in the result's arena; NULL with *err set. */
const char *judge_keep(struct judge *j, struct span text);

int judge_note(struct judge *j, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * The table whose ids are at `node`, by numbers and then by names; or none.
 * Several that cannot be told apart are none, and noted.
 */
int judge_choose(struct judge *j, uint32_t node, const struct words *words,
		 uint32_t *to, struct fit *fit);

/* What the texts at `node` are made of.  Returns how many, or -1. */
int judge_composites(struct judge *j, uint32_t node, struct reading **out);

/* ---- as text ------------------------------------------------------------- */

/* "USER#{id}"; with several tables their names stand for `id`. */
int print_pattern(const struct judge *j, const struct reading *r,
		  struct buf *out);

/* A line of `references` for all readings of the path. */
int print_line(const struct judge *j, const struct reading *readings,
	       size_t n, struct buf *out);

/* 81234 as "81,234". */
const char *print_count(uint64_t n, char out[32]);

/* A name as paths of plans have it: quoted only where it must be. */
int print_name(struct span name, struct buf *out, struct err *err);

/* Text as YAML takes it anywhere, quoted if need be. */
int print_yaml(struct span text, struct buf *out, struct err *err);

#endif
