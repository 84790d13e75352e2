/* deliver_internal.h - what looking and pushing share. */
#ifndef ENGINE_DELIVER_INTERNAL_H
#define ENGINE_DELIVER_INTERNAL_H

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
	struct plan *plan;
	struct outfiles out;
	struct side *side;
	struct service *service;
	struct delivery *list;
	struct deliver_table *shown;	/* copies for who asks */
	size_t n;
};

/* ---- updates: deliver_update.c ------------------------------------------- */

/* Find, or find again, what changes, and how far it is.  0 or -1. */
int deliver_update_look(struct deliver *d, struct delivery *t,
			const struct tree *table, struct err *err);
int deliver_update_run(struct deliver *d, struct delivery *t,
		       struct err *err);

/* ---- puts and deletes: deliver_run.c ------------------------------------- */

/* Push one table that was looked at. */
int deliver_table_run(struct deliver *d, struct delivery *t, struct err *err);

#endif
