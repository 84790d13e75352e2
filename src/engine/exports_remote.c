/*
 * exports_remote.c - objects in S3 among the sources, looked at as if they were
 * files in folders: a listing is kept as an archive's is, and made when
 * somebody asks for what is in none of those that are there.  And live tables,
 * the segments of which are files.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "aws/dynamodb.h"
#include "aws/s3.h"
#include "aws/service.h"
#include "base/err.h"
#include "engine/exports_internal.h"
#include "engine/place.h"

/* A listing on its way. */
struct remote_list {
	struct finder *finder;
	const char *path, *bucket_path;
	size_t bucket_len;	/* "s3://BUCKET/" */
	struct buf files;	/* struct exports_inside */
};

/* Returns 0 or -1. */
static int
add(void *context, const struct s3_object *o, struct err *err)
{
	struct remote_list *const l = context;
	const size_t n = strlen(o->key);
	struct exports_inside file = { .len = (int64_t)o->len };

	if (n > 0 && o->key[n - 1] == '/')	/* a folder that a console made */
		return 0;
	file.path = exports_text(l->finder, err, "%.*s%s", (int)l->bucket_len,
				 l->path, o->key);
	file.etag = file.path == NULL ? NULL
		: exports_text(l->finder, err, "%s", o->etag);
	if (file.etag == NULL)
		return -1;
	return buf_append(&l->files, (struct span){ (const uint8_t *)&file,
						    sizeof(file) }, err);
}

/* All objects below `path`, or the one that is called so. */
int
exports_open_remote(struct finder *f, const char *path, struct err *err)
{
	const char *const slash = strchr(path + strlen("s3://"), '/');
	struct s3 *const s3 = place_s3(path, err);
	struct remote_list l = { .finder = f, .path = path };
	char *below = NULL;
	int rc = s3 == NULL ? -1 : 0;

	l.bucket_len = slash == NULL ? strlen(path) + 1
		: (size_t)(slash - path) + 1;
	below = malloc(strlen(path) + 2);
	if (below == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	memcpy(below, path, strlen(path));
	memcpy(below + strlen(path), "/", 2);
	l.path = below;
	if (rc == 0)
		rc = s3_list(s3, below, 0, add, &l, err);
	if (rc == 0 && l.files.len == 0 && slash != NULL) {
		rc = s3_list(s3, path, 1, add, &l, err);
		const struct exports_inside *const one = (const void *)
			l.files.ptr;
		if (rc == 0 && l.files.len > 0 && strcmp(one->path, path) != 0)
			l.files.len = 0;
	}
	if (rc == 0)
		rc = exports_keep_remote(f, path, &l.files, err);
	free(below);
	buf_free(&l.files);
	return rc;
}

/* ---- live tables --------------------------------------------------------- */

enum {
	SEGMENT_LEN = 64 * 1024 * 1024,	/* of a table, as last counted */
	MOST_SEGMENTS = 64, FEWEST_SEGMENTS = 4,
};

/* How many there are to be; 0 with *err set if there is no such table. */
static unsigned
segments(const char *table, struct err *err)
{
	struct side *const side = place_side(err);
	struct service *const s = side == NULL ? NULL
		: dynamodb_open(side, err);
	struct dynamodb_table t = { 0 };
	const int rc = s == NULL ? -1 : dynamodb_describe(s, table, &t, err);
	uint64_t n = t.len / SEGMENT_LEN;

	if (rc == 0)
		err_set(err, ERR_INPUT, "there is no table '%s' at %s", table,
			service_url(s));
	dynamodb_table_free(&t);
	service_close(s);
	if (n < FEWEST_SEGMENTS)
		n = FEWEST_SEGMENTS;
	return rc <= 0 ? 0 : n < MOST_SEGMENTS ? (unsigned)n : MOST_SEGMENTS;
}

int
exports_add_table(struct finder *f, const char *path, struct err *err)
{
	const char *const table = path + strlen("dynamodb://");
	struct export e = {
		.kind = EXPORT_PLAIN, .path = path, .entry = f->entry,
	};
	const unsigned n = segments(table, err);

	e.summary.table = exports_text(f, err, "%s", table);
	e.files = n == 0 ? NULL : arena_take(f->mem, n * sizeof(*e.files),
					     err);
	if (e.files == NULL || e.summary.table == NULL)
		return -1;
	for (unsigned i = 0; i < n; i++) {
		const char *const name = exports_text(f, err, "%s#%u-of-%u",
						      path, i, n);

		if (name == NULL)
			return -1;
		e.files[e.nfiles++] = (struct export_file){
			.path = name, .name = exports_name(name),
			.nitems = -1, .etag = "",
		};
	}
	return buf_append(&f->exports, (struct span){ (const uint8_t *)&e,
						      sizeof(e) }, err);
}
