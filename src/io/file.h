/*
 * file.h - files and the standard streams as feeds and drains, and whole small
 * files at once.
 *
 * A file that is written here appears under its name when it is complete, and
 * not before: until then it is `.NAME.part` in the same folder, which the next
 * attempt writes over.  That holds whatever happens to the process.  Against
 * what may happen to the machine, bring file and folder to the disk: it takes
 * long, so whoever writes many does it once for all.  Only where there was a
 * file of that name, the new one is on the disk before it takes its place.
 */
#ifndef IO_FILE_H
#define IO_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

struct buf;
struct drain;
struct err;
struct feed;

/* The file at `path`, or standard input.  NULL with *err set if it fails. */
struct feed *file_feed(const char *path, struct err *err);
struct feed *stdin_feed(struct err *err);

/* A new file at `path`, whose folder exists, or standard output. */
struct drain *file_drain(const char *path, struct err *err);
struct drain *stdout_drain(struct err *err);

/*
 * Such a drain will get gigabytes that are not soon read, in pieces of
 * DIRECT_ALIGN (direct.h): they go past the page cache, if they can.
 */
void file_past_cache(struct drain *drain);

/*
 * Let the disk begin with what was written to `fd` from `from` up to `to`, if
 * that is `enough`: who waits for it later then has little to wait for.  Only a
 * hint.  Returns from where on it has yet to begin.
 */
enum { FILE_BEHIND = 8 << 20 };		/* of a file that grows */
uint64_t file_begin(int fd, uint64_t from, uint64_t to, uint64_t enough);

/*
 * Append what is in the file to `out`; ERR_LIMIT if that is more than `limit`
 * bytes.  Write a whole file, as a drain does.
 */
int file_load(const char *path, size_t limit, struct buf *out,
	      struct err *err);
int file_save(const char *path, struct span bytes, struct err *err);

/* The same, and wait until it is on the disk, with its name. */
int file_save_safe(const char *path, struct span bytes, struct err *err);

/* Wait until what was written to `fd` is on the disk: fsync(), interrupted or
 * not.  Some file systems cannot do it for folders, and need not: that is 0. */
int file_wait(int fd);

/*
 * Wait until what was written to a file, or the names in a folder, are on the
 * disk.  A file that the disk refuses is removed: it may look sound for as long
 * as the machine runs, and be wrong after.
 */
int file_sync(const char *path, struct err *err);

/*
 * The same for all of the file system that `path` is in, unless others seem to
 * have more to write there than we with our `ours` bytes.  Returns 1 if it is
 * done; 0 if not: see to each file.
 */
int file_sync_around(const char *path, uint64_t ours);

/* Write all of it, where `fd` is.  Returns 0 or -1. */
int file_append(int fd, const char *path, struct span bytes,
		struct err *err);

/* What to do about an errno, behind a "; ", where that is plain; else "". */
const char *file_advice(int error);

/*
 * A file of lines that others append to: what stands behind its last newline,
 * since a crash has torn it, goes.  0, or -1 with errno set.
 */
int file_cut_torn(int fd);

/* How many files this process may have open. */
size_t file_most_open(void);

/* Let it be as many as the system lets us ask for. */
void file_raise_limit(void);

/* Make the folder `path` and those above it where they are missing. */
int file_make_folder(const char *path, struct err *err);

/*
 * Remove the folder `path` with all that is in it; links are not followed.
 * Returns 0, or -1 if some of it could not be removed.
 */
int file_remove_folder(const char *path);

#endif
