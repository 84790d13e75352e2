/*
 * members.h - the files in an archive, one after the other, over libarchive:
 * tar (plain, or packed by gzip, bzip2, xz, zstd ...), zip and 7z.
 *
 * Nothing is unpacked to disk.  An archive is somebody else's: links, devices
 * and names that lead out of it are refused, and so is one that unpacks to more
 * than an archive of its length would.  This is the one format that reads files
 * itself, because its library does; or it reads what is given it to read by.
 *
 * Belongs to one thread at a time.
 */
#ifndef FORMATS_MEMBERS_H
#define FORMATS_MEMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/span.h"

struct err;
struct members;

/* What an archive may come to; 0: the usual. */
struct members_limits {
	uint64_t unpacked;	/* bytes of all members; MEMBERS_UNPACKED */
	uint64_t ratio;		/* unpacked to packed; MEMBERS_RATIO */
	uint64_t count;		/* members; MEMBERS_COUNT */
};

#define MEMBERS_UNPACKED ((uint64_t)1 << 42)	/* 4 TiB */
enum {
	MEMBERS_RATIO = 1000,
	MEMBERS_FREE = 64 << 20,	/* bytes before the ratio counts */
	MEMBERS_COUNT = 1000000,
	MEMBERS_MAX_NAME = 4096,
};

struct member {
	const char *name;	/* "a/b.json": sane; lives until the next */
	uint64_t number;	/* from 0; folders do not count */
	int64_t len;		/* unpacked; -1 if the archive does not say */
};

/* Do the first bytes of a file look like an archive's? */
bool members_sniff(struct span head);
/* How many of them it takes to tell. */
enum { MEMBERS_HEAD_LEN = 512 };

/* Is that how the names of archives end, packed ones too? */
bool members_is_name(const char *name);

/* Can any file of it be had without those before it, as in a zip? */
bool members_leaps(const char *path);

/* Can those before it be passed over for little each, as in a tar, too? */
bool members_passes(const char *path);

/* Open an archive.  NULL with *err set: ERR_INPUT if it is none. */
struct members *members_open(const char *path,
			     const struct members_limits *limits,
			     struct err *err);

/* Bytes from elsewhere, as read() and lseek() give them; -1 with *err set. */
struct members_input {
	void *context;
	ssize_t (*read)(void *context, uint8_t *to, size_t n, struct err *err);
	int64_t (*seek)(void *context, int64_t to, int whence,
			struct err *err);
	void (*close)(void *context);
};

/* The same of an archive that is read so.  Takes it over, even on failure. */
struct members *members_open_input(const struct members_input *in,
				   const struct members_limits *limits,
				   struct err *err);

/*
 * Step to the next file; what is left of the one before is passed over.
 * Returns 1; 0 after the last; or -1: ERR_INPUT if the archive is damaged or
 * hostile, or more than the limits.
 */
int members_next(struct members *m, struct member *out, struct err *err);

/* Up to `n` bytes of that file.  Returns how many, 0 at its end, or -1. */
ssize_t members_read(struct members *m, uint8_t *to, size_t n,
		     struct err *err);

void members_close(struct members *m);	/* NULL is fine */

#endif
