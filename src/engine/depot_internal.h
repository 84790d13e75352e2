/* depot_internal.h - what the parts of a depot share. */
#ifndef ENGINE_DEPOT_INTERNAL_H
#define ENGINE_DEPOT_INTERNAL_H

#include "engine/depot.h"
#include "engine/transfer.h"

struct buf;

enum { DEPOT_PATH_LEN = 2048 };

struct depot {
	struct depot_options options;
	char *address;		/* without slashes at its end */
	bool known;		/* `dir` is the job's */
	bool merged;		/* all of it, when it was fetched */
	char dir[512];
};

/* ADDRESS/name.  Returns 0, or -1 if that is too long. */
int depot_path(const struct depot *d, char path[DEPOT_PATH_LEN],
	       struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* A small object: 1, its text and a NUL in *text; 0: there is none; or -1. */
int depot_load(const char *path, struct buf *text, struct err *err);

/* The same of one that must be there: 0, or -1. */
int depot_need(const char *path, struct buf *text, struct err *err);

int depot_save(const char *path, const char *text, struct err *err);

/*
 * There is one now, of that text or another; what it says goes to *is.  Where a
 * service lets both of two write, both may take theirs for it for a moment.
 */
int depot_agree(const char *path, const char *text, struct buf *is,
		struct err *err);

/* The same where only one may ever be taken for it, by s3_claim(). */
int depot_claim(const char *path, const char *text, struct buf *is,
		struct err *err);

/*
 * Add to `t` all objects below ADDRESS/below: to this machine, where it has
 * none of that length; or to nowhere, if `folder` is NULL.  At most `most`, 0:
 * all.  Returns 0, 1 if there are more, or -1.
 */
int depot_list(struct depot *d, const char *below, const char *folder,
	       size_t most, struct transfers *t, struct err *err);

/*
 * Add to `t` all files below `folder` that `takes` takes, by their names in it,
 * as objects below ADDRESS/below.
 */
int depot_list_files(const struct depot *d, const char *folder,
		     const char *below, bool (*takes)(const char *name),
		     struct transfers *t, struct err *err);

int depot_transfer(const struct depot *d, struct transfers *t,
		   struct err *err);

#endif
