/*
 * lookup.h - which new id has this source id, which source id has this new one,
 * and where is the item: answered from the index of a job.
 *
 * A new id is looked for by its key.  A source id is first made new by the
 * rules of the job's own plan, which is found and read again; if that cannot be
 * done, new ids can still be looked up.  The job is not locked: the indexes
 * that are there when it is opened are those that are looked into.
 *
 * Nothing in an index is believed: what cannot be is ERR_INPUT, and so is a
 * source id that does not give the new id that it stands under.
 */
#ifndef ENGINE_LOOKUP_H
#define ENGINE_LOOKUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

struct err;
struct lookup;

enum {
	LOOKUP_AT_ONCE = 256,	/* ids that one call takes */
	LOOKUP_MOST = 100,	/* items with one id that are told, a table */
};

struct lookup_options {
	const char *job_dir;
	/* The environment, for the secret of ids.  May be NULL. */
	const char *(*variable)(void *context, const char *name);
	void *context;
	const char *const *only;	/* tables of the plan; none: all */
	size_t nonly;
	char type;			/* S, N or B: of source ids; 0: any */
};

/* An item.  Texts are as in ids.map: of a B base64, of an N canonical. */
struct lookup_found {
	struct lookup_found *next;	/* with the same id */
	const char *table;
	bool is_source, is_new;		/* what the id asked for is there */
	char type;			/* S, N or B: of the source id */
	bool cut;			/* only the beginning is known of it */
	struct span source, target;
	uint32_t unit;
	uint64_t offset;		/* of its line, unpacked */
	const char *file;		/* NULL: the sources are not as they were */
	uint64_t line;			/* after lookup_items(), from 1; else 0 */
	struct span item;		/* likewise: DynamoDB JSON, a line */
};

struct lookup_answer {
	struct lookup_found *first;	/* NULL: no such id */
	uint64_t more;			/* items beyond LOOKUP_MOST */
};

/* NULL with *err set: ERR_USAGE if there is no job, or no index in it yet. */
struct lookup *lookup_open(const struct lookup_options *o, struct err *err);
void lookup_close(struct lookup *l);	/* NULL is fine */

/* Why source ids cannot be looked up, or items not be found; NULL: they can. */
const struct err *lookup_blind(const struct lookup *l);
const struct err *lookup_lost(const struct lookup *l);

/*
 * Look up `n` ids, at most LOOKUP_AT_ONCE.  Answers are good until the next
 * call.  Returns 0, or -1: ERR_INPUT if an index is damaged.
 */
int lookup_ids(struct lookup *l, const struct span *ids, size_t n,
	       struct lookup_answer *answers, struct err *err);

/*
 * Fetch all items in these answers, each file read once and no
 * further than it must be.
 */
int lookup_items(struct lookup *l, struct lookup_answer *answers, size_t n,
		 struct err *err);

/*
 * Hand every id of every table to `take`, once, in the order of the keys of the
 * new ids; those of which only the beginning is known are counted instead.
 */
typedef int lookup_take(void *context, const struct lookup_found *f,
			struct err *err);
int lookup_all(struct lookup *l, lookup_take *take, void *context,
	       uint64_t *left_out, struct err *err);

#endif
