#include "engine/facts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/keyhash.h"
#include "base/sha256.h"
#include "engine/exports.h"
#include "io/file.h"

enum { MAX_NAMED_FILE = 64 * 1024 * 1024 };

void
fact_full_name(const char *path, char out[PATH_MAX])
{
	if (strcmp(path, "-") == 0 || realpath(path, out) == NULL)
		snprintf(out, PATH_MAX, "%s", path);
}

int
fact_of_file(const char *path, char out[FACT_LEN], struct err *err)
{
	struct buf bytes = { 0 };
	uint8_t digest[SHA256_LEN];
	const int rc = file_load(path, MAX_NAMED_FILE, &bytes, err);

	if (rc == 0) {
		int at = snprintf(out, FACT_LEN, "sha256:");

		sha256_of(buf_span(&bytes), digest);
		for (size_t i = 0; i < sizeof(digest); i++, at += 2)
			snprintf(out + at, 3, "%02x", digest[i]);
	}
	buf_free(&bytes);
	return rc;
}

void
fact_source_name(const struct export *e, size_t number,
		 char out[FACT_NAME_LEN])
{
	char path[PATH_MAX];

	fact_full_name(e->path, path);
	snprintf(out, FACT_NAME_LEN, "%zu %s", number,
		 e->summary.export_arn != NULL ? e->summary.export_arn : path);
}

/*
 * An export is known by its ARN and what its manifest says of its files, which
 * holds wherever it was moved; other files by size and time.
 */
int
fact_of_source(const struct export *e, char out[FACT_LEN], struct err *err)
{
	struct buf text = { 0 };
	char path[PATH_MAX];
	int rc = 0;

	for (size_t i = 0; i < e->nfiles && rc == 0; i++) {
		const struct export_file *const file = &e->files[i];
		struct stat st = { 0 };

		if (file->has_md5) {
			rc = buf_append(&text, (struct span){ file->md5,
						sizeof(file->md5) }, err);
			continue;
		}
		if (file->etag != NULL) {
			rc = buf_printf(&text, err, "%s %s\n", file->path,
					file->etag);
			continue;
		}
		if (strcmp(file->path, "-") != 0)
			stat(file->archive != NULL ? file->archive
						   : file->path, &st);
		fact_full_name(file->path, path);
		rc = buf_printf(&text, err, "%s %" PRIu64 " %lld.%09ld\n",
				path, file->packed_len,
				(long long)st.st_mtim.tv_sec,
				st.st_mtim.tv_nsec);
	}
	snprintf(out, FACT_LEN, "%zu files, xxh3:%016" PRIx64, e->nfiles,
		 keyhash64_of(buf_span(&text)));
	buf_free(&text);
	return rc;
}
