/*
 * manifest.h - the two manifests of a DynamoDB export, read and written.
 *
 * manifest-summary.json says what was exported, manifest-files.json which data
 * files it is in; beside each lies a checksum of its bytes (docs/FORMATS.md).
 * Texts live in the arena, end in NUL, and are NULL where the manifest has
 * null or nothing.
 */
#ifndef FORMATS_MANIFEST_H
#define FORMATS_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

struct arena;
struct buf;
struct err;

enum {
	MANIFEST_MD5_LEN = 16,
	MANIFEST_CHECKSUM_LEN = 24,	/* that in base64 */
};

struct manifest_summary {
	const char *version;
	const char *export_arn, *start_time, *end_time;
	const char *table_arn, *table_id;
	const char *export_time;		/* full exports */
	const char *from_time, *to_time;	/* incremental ones */
	const char *s3_bucket, *s3_prefix;
	const char *sse_algorithm, *sse_kms_key;
	const char *files_key;			/* of manifest-files.json */
	uint64_t billed_len, nitems;
	const char *output_format;		/* DYNAMODB_JSON, ION */
	const char *output_view, *export_type;	/* not in full exports */
	/* Ours, of CSV: the delimiter, if it is no comma; and the columns with
	 * commas between, if the files have no header. */
	const char *csv_delimiter, *csv_columns;

	/* Read out of the ARNs; not written. */
	const char *table;			/* name of the table */
	const char *id;				/* of the export */
};

struct manifest_file {
	const char *key;
	uint64_t nitems;
	bool has_md5;
	uint8_t md5[MANIFEST_MD5_LEN];		/* of the packed bytes */
};

/*
 * Read a manifest, which is called `name` in messages.  ERR_INPUT if it is not
 * one; what it says beyond the above is passed over.
 */
int manifest_read_summary(struct span json, const char *name,
			  struct arena *mem, struct manifest_summary *out,
			  struct err *err);
int manifest_read_files(struct span json, const char *name, struct arena *mem,
			struct manifest_file **out, size_t *n,
			struct err *err);

/* Append a manifest, or one line of manifest-files.json. */
int manifest_write_summary(const struct manifest_summary *m, struct buf *out,
			   struct err *err);
int manifest_write_file(const struct manifest_file *f, struct buf *out,
			struct err *err);

/* What a .md5 file must hold for these bytes; and whether this one does. */
void manifest_checksum(struct span json, uint8_t out[MANIFEST_CHECKSUM_LEN]);
bool manifest_check(struct span json, struct span checksum);

#endif
