/*
 * exports.h - which exports and data files are there, found by looking.
 *
 * An entry may be an export's folder, a folder with exports somewhere below, a
 * folder or glob of data files, a file, an archive of any of these, `-`, or an
 * s3:// path of all that.  Where there are manifests they are followed, and
 * what they say is checked down to the presence of every file; what needs their
 * bytes (MD5, counts) is for whoever reads them.
 */
#ifndef ENGINE_EXPORTS_H
#define ENGINE_EXPORTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "formats/manifest.h"

struct err;

struct export_entry {
	const char *path;	/* openable from here */
	const char *table;	/* what the plan says; for the caller */
	const char *format;	/* likewise */
};

struct export_file {
	const char *path;	/* openable from here, or "-" */
	const char *name;	/* its last part: what --accept takes */
	uint64_t packed_len;	/* on disk; 0 if that cannot be told */
	int64_t nitems;		/* what the manifest says, or -1 */
	bool has_md5;
	uint8_t md5[MANIFEST_MD5_LEN];
	bool absent;		/* in the manifest only: a damage */
	const char *archive;	/* that it is in, or NULL; then `path` goes on */
	uint64_t member;	/* ... behind its path, and this is its number */
	const char *etag;	/* of an object; or NULL */
};

enum export_kind {
	EXPORT_FULL, EXPORT_INCREMENTAL,
	EXPORT_PLAIN,		/* data files without a manifest */
};

struct export {
	enum export_kind kind;
	const char *path;	/* folder of the manifests; else the entry's */
	uint32_t entry;		/* number of that */
	struct manifest_summary summary;	/* all zero for EXPORT_PLAIN */
	struct export_file *files;	/* manifest order, or bytes of names */
	size_t nfiles;
};

/* Something that is not as the manifests say, and may be accepted by name. */
struct export_damage {
	const char *path, *text;
	bool stray;		/* of no export: it should be elsewhere */
};

struct exports {
	struct arena mem;
	struct export *list;	/* order of entries, then bytes of paths */
	size_t n;
	struct export_damage *damages;
	size_t ndamages;
};

/*
 * Look.  ERR_INPUT if an entry holds nothing, or a manifest cannot be read at
 * all; ERR_USAGE if one file is found twice.  *x must be freed either way.
 */
int exports_find(const struct export_entry *entries, size_t n,
		 struct exports *x, struct err *err);

/* Is every damage accepted?  If not, ERR_INPUT tells the first one. */
int exports_check(const struct exports *x, const char *const *accept,
		  size_t n, struct err *err);

/* Is `path`, or its last parts, one of these names? */
bool exports_accepts(const char *path, const char *const *accept, size_t n);

/* The item format that its manifest says; "" if it is an unknown one. */
const char *exports_format(const struct export *e);

/* Can this version read it?  ERR_INPUT says what it is if not. */
int exports_readable(const struct export *e, struct err *err);

void exports_free(struct exports *x);

#endif
