/* init_internal.h - what the parts of init share. */
#ifndef ENGINE_INIT_INTERNAL_H
#define ENGINE_INIT_INTERNAL_H

#include <pthread.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/sketch.h"
#include "engine/discover.h"
#include "engine/exports.h"
#include "engine/init.h"
#include "model/item.h"

struct batch;
struct err;

enum { INIT_MAX_KEYS = 6, INIT_LEAST_PERCENT = 90 };

/* One or two attributes of the top. */
struct init_attr {
	const char *name;	/* NULL: there is none */
	uint16_t hash;
	enum value_type type;
};

/* What may be the primary key. */
struct init_key {
	struct init_attr pk, sk;
	uint32_t set;		/* of the values of pk, as ids */
	struct sketch seen;	/* of the whole key */
	uint64_t nitems;	/* that have it */
	bool given;		/* by a definition: not to be doubted */
};

/* A definition that --tables-from names. */
struct init_def {
	const char *name, *file;
	struct init_attr pk, sk;
};

struct init_table {
	const char *source;	/* name in the manifest, or of the dump */
	const char *name;	/* in the plan */
	bool plain;		/* no manifest says its name */
	const struct init_def *def;	/* or NULL */
	uint64_t items, rejects;
	uint32_t nincrements;		/* that go onto its export */
	struct init_key keys[INIT_MAX_KEYS];	/* the likeliest first */
	size_t nkeys;
	struct init_key *key;	/* the one that is; NULL: none */
	const char *pk_path;	/* its pk's name, as paths have it */
	uint64_t nids;		/* different values of its pk, about */
	bool has_id;		/* its pk is an id of its own */
	bool composite;		/* its pk is made of parts */
	uint32_t root;		/* whose ids its pk holds; DISCOVER_NONE */
	pthread_mutex_t lock;	/* of the keys' sketches */
};

struct init {
	const struct init_options *options;
	struct arena mem;
	struct exports exports;
	uint32_t *table_of;	/* of each export */
	struct init_table *tables;
	uint32_t ntables;
	struct init_def *defs;
	size_t ndefs;
	const char *environment;	/* that all names end in, or NULL */
	const char *rest;		/* what comes after it: "", "-NONE" */
	struct discover *seen;
	struct discover_probe *probe;
	struct discover_result found;
};

/* Text in the arena, ending in NUL.  NULL with *err set. */
const char *init_keep(struct init *in, struct span text, struct err *err);

/* ---- reading ------------------------------------------------------------- */

/* Somebody who looks at batches; one is opened for each file. */
struct init_look {
	struct init *in;
	void *(*open)(struct init *in, uint32_t table, struct err *err);
	int (*see)(void *eye, const struct batch *b, struct err *err);
	/* Under a lock.  The eye is gone afterwards. */
	int (*close)(void *eye, struct err *err);
};

/* Show it every item of every table.  Returns 0 or -1. */
int init_read(struct init *in, const struct init_look *look, struct err *err);

/* ---- definitions --------------------------------------------------------- */

int init_read_defs(struct init *in, struct err *err);

/* The one called `name`, or NULL. */
const struct init_def *init_def_named(const struct init *in,
				      const char *name);

/* ---- keys ---------------------------------------------------------------- */

/* What may be a table's key; sets are numbered from *nsets on. */
int init_guess_keys(struct init *in, uint32_t table, uint32_t *nsets,
		    struct err *err);

/* The second pass: what is unique, and all values as ids. */
extern const struct init_look INIT_LOOK_AT_KEYS;

/* Which key is it, and does it hold ids of another table? */
int init_choose_keys(struct init *in, struct err *err);

/* References; then which tables have ids of their own. */
int init_find_references(struct init *in, struct err *err);

/* ---- writing ------------------------------------------------------------- */

int init_write(const struct init *in, struct buf *out, struct err *err);

#endif
