/* exports_internal.h - what the two halves of exports.c share. */
#ifndef ENGINE_EXPORTS_INTERNAL_H
#define ENGINE_EXPORTS_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "engine/exports.h"

struct err;

struct finder {
	struct arena *mem;
	struct buf exports;	/* struct export */
	struct buf damages;	/* struct export_damage */
	uint32_t entry;
	struct buf archives;	/* see exports_archive.c */
};

/* One file in an archive or bucket. */
struct exports_inside {
	const char *path;	/* with the archive's in front */
	uint64_t number;
	int64_t len;		/* -1: not known */
	struct span bytes;	/* of manifests; else .ptr NULL */
	const char *etag;	/* in a bucket; else NULL */
};

/* Names in a folder, in the order of their bytes. */
struct listing {
	const char **names;
	size_t n;
};

/* Text in the arena; NULL with *err set if refused. */
const char *exports_text(struct finder *f, struct err *err,
			 const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The part of a path after the last slash. */
const char *exports_name(const char *path);

/* Could a file of this name hold items?  Manifests and the like do not. */
bool exports_is_data(const char *name);

/* What is in there but for hidden names. */
int exports_list(struct finder *f, const char *folder, struct listing *out,
		 struct err *err);

/* ---- exports_archive.c --------------------------------------------------- */

/*
 * Is the file at `path` an archive, of an object by its name?  Open one: it is
 * a folder from then on.
 */
bool exports_is_archive(struct finder *f, const char *path);
int exports_open_archive(struct finder *f, const char *path, struct err *err);

/* stat() and file_load() that look into archives too. */
struct stat;
int exports_stat(struct finder *f, const char *path, struct stat *st);
int exports_load(struct finder *f, const char *path, size_t limit,
		 struct buf *out, struct err *err);

/* The names in a folder of an archive; 1, 0 if it is in none, or -1. */
int exports_list_archive(struct finder *f, const char *folder,
			 struct buf *names, struct err *err);

/* The archive that a path leads into, or NULL. */
const char *exports_archive_root(const struct finder *f, const char *path);

/* Note where in its archive a file is, if it is in one. */
void exports_place(const struct finder *f, struct export_file *file);

/* ---- exports_remote.c ---------------------------------------------------- */

/* List what is below an s3:// path: it is a folder, or a file, from then on. */
int exports_open_remote(struct finder *f, const char *path, struct err *err);

/*
 * What matches a pattern in a bucket, objects and folders, in the order of
 * their paths; what is in front of the last slash before a wildcard is listed.
 */
int exports_glob_remote(struct finder *f, const char *pattern,
			struct listing *out, struct err *err);

/* The table that dynamodb://TABLE means, as files that are its segments. */
int exports_add_table(struct finder *f, const char *path, struct err *err);

/* For it: keep such a listing, which may be empty. */
int exports_keep_remote(struct finder *f, const char *path,
			struct buf *files, struct err *err);

/* ---- others -------------------------------------------------------------- */

int exports_damage(struct finder *f, const char *path, const char *text,
		   struct err *err);

/* Does the folder hold a manifest?  If so, read it all: 1, 0 or -1. */
int exports_read_manifests(struct finder *f, const char *folder,
			   struct err *err);

#endif
