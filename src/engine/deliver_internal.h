/* deliver_internal.h - what looking and pushing share. */
#ifndef ENGINE_DELIVER_INTERNAL_H
#define ENGINE_DELIVER_INTERNAL_H

#include "base/arena.h"
#include "base/buf.h"
#include "engine/deliver.h"
#include "engine/dump.h"

struct job;
struct progress;
struct service;
struct side;

/* A table, and how far it is. */
struct delivery {
	struct deliver_table shown;
	struct plan_key key;
	uint32_t input;			/* of the dump's tables */
	struct progress *progress;
};

struct deliver {
	struct deliver_options o;
	struct arena mem;
	struct job *job;
	struct plan *plan;
	struct dump dump;
	struct side *side;
	struct service *service;
	struct delivery *list;
	struct deliver_table *shown;	/* copies for who asks */
	size_t n;
};

/* Push one table that was looked at. */
int deliver_table_run(struct deliver *d, struct delivery *t, struct err *err);

#endif
