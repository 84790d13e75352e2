/* deliver_internal.h - what looking and pushing share. */
#ifndef ENGINE_DELIVER_INTERNAL_H
#define ENGINE_DELIVER_INTERNAL_H

#include <limits.h>

#include "base/arena.h"
#include "base/buf.h"
#include "engine/deliver.h"
#include "engine/footprint.h"
#include "engine/outfiles.h"

struct job;
struct progress;
struct service;
struct side;
struct tree;
struct updates;

/* What goes one after the other. */
enum { PART_DELETES, PART_PUTS, PARTS };

/* A table, and how far it is. */
struct delivery {
	struct deliver_table shown;
	const struct outfiles_table *from;
	struct plan_key key;
	struct footprint footprint;
	struct progress *progress[PARTS];	/* NULL: nothing goes there */
	struct updates *updates;		/* NULL: it is no update */
	const uint32_t *owner;	/* which shard puts a unit; NULL: it is whole */
	bool recorded;		/* there was a record of how far it is */
	uint64_t wcu;		/* that it is provisioned with; 0: on demand */
};

static inline const struct outfiles_part *
delivery_part(const struct delivery *t, unsigned part)
{
	return part == PART_DELETES ? &t->from->deletes : &t->from->puts;
}

struct deliver {
	struct deliver_options o;
	struct arena mem;
	struct job *job;
	const char *records;	/* deliver_records() */
	int lock;		/* of a shard; or -1 */
	uint32_t *owner;	/* which shard puts what, or NULL */
	struct plan *plan;
	struct outfiles out;
	struct side *side;
	struct service *service;
	struct delivery *list;
	struct deliver_table *shown;	/* copies for who asks */
	size_t n;
};

/*
 * The file of what the service refuses for good of a table; its path is set,
 * and *fd if it is none yet.
 */
int deliver_open_refused(const struct deliver *d, const struct delivery *t,
			 char path[PATH_MAX], int *fd, struct err *err);

/* Of what all shards have together, what this one may take: 1 at least. */
static inline uint64_t
deliver_share(const struct deliver *d, uint64_t units)
{
	if (d->o.nshards == 0 || units == 0)
		return units;
	return units > d->o.nshards ? units / d->o.nshards : 1;
}

static inline bool
delivery_is_ours(const struct deliver *d, const struct delivery *t,
		 uint32_t unit)
{
	return t->owner == NULL || t->owner[unit] == d->o.shard;
}

/* ---- one of several shards: deliver_shard.c ------------------------------ */

/* Make the shard's folder, and lock it. */
int deliver_shard_enter(struct deliver *d, struct err *err);

/* Find which files are whose; then, which of a table's are ours. */
int deliver_shard_divide(struct deliver *d, struct err *err);
int deliver_shard_take(struct deliver *d, struct delivery *t,
		       struct err *err);

/* While one holds this no other shard changes what is common.  -1: failed. */
int deliver_shard_lock(const struct deliver *d, struct err *err);
void deliver_shard_unlock(int lock);	/* -1 is fine */

/* May some shard have sent items to the table?  It may, from now on. */
bool deliver_shard_is_begun(const struct deliver *d,
			    const struct delivery *t);
int deliver_shard_begin(const struct deliver *d, const struct delivery *t,
			struct err *err);

/* ERR_REFUSED if a table is still empty that items were put into before. */
int deliver_shard_check_there(const struct deliver *d,
			      const struct delivery *t, struct err *err);

/* ---- updates: deliver_update.c ------------------------------------------- */

/* Find, or find again, what changes, and how far it is.  0 or -1. */
int deliver_update_look(struct deliver *d, struct delivery *t,
			const struct tree *table, struct err *err);
int deliver_update_run(struct deliver *d, struct delivery *t,
		       struct err *err);

/* ---- puts and deletes: deliver_run.c ------------------------------------- */

/* How many items of it, deletes too, earlier attempts have noted as refused. */
int deliver_refused_before(struct deliver *d, struct delivery *t,
			   struct err *err);

/* Push one table that was looked at. */
int deliver_table_run(struct deliver *d, struct delivery *t, struct err *err);

#endif
