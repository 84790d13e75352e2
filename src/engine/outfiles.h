/*
 * outfiles.h - what a finished job left for each of its targets: files of items
 * to put and, of an increment alone, files of keys to delete.
 */
#ifndef ENGINE_OUTFILES_H
#define ENGINE_OUTFILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "engine/dump.h"

struct err;
struct keyhash;

/* Files in their order: unit i has the number i, and says its items. */
struct outfiles_part {
	struct unit *units;
	uint32_t n;
	uint64_t nitems;
};

struct outfiles_table {
	const char *name;	/* of the target */
	const char *folder;	/* <out>/<table> */
	struct plan_key key;	/* .pk.name NULL: nothing there says it */
	bool changes;		/* of an increment alone */
	struct outfiles_part puts;
	struct outfiles_part deletes;	/* see reading.h: records of Keys */
};

struct outfiles {
	struct arena mem;
	struct dump dump;
	struct outfiles_table *tables;	/* in the order of their names */
	size_t n;
};

/*
 * Look into `out`, which is job_out(): for `tables` only, or at all of them;
 * the manifests must find everything.  ERR_REFUSED if it is not there yet.  *o
 * must be freed either way.
 */
int outfiles_find(const char *out, const char *const *tables,
		  size_t ntables, struct outfiles *o, struct err *err);
void outfiles_free(struct outfiles *o);

/* ERR_USAGE if one of these is not among them. */
int outfiles_check(const struct outfiles *o, const char *const *tables,
		   size_t ntables, struct err *err);

/* A hash of the files of a part, by their manifest. */
struct keyhash outfiles_hash(const struct outfiles_part *part);

#endif
