/* exports_manifest.c - one export by its manifests. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/plural.h"
#include "engine/exports_internal.h"
#include "formats/manifest.h"
#include "io/file.h"

enum {
	MAX_SUMMARY_LEN = 1024 * 1024,
	MAX_FILES_LEN = 1024 * 1024 * 1024,
};

static bool
is_file(struct finder *f, const char *path, struct stat *st)
{
	return exports_stat(f, path, st) == 0 && S_ISREG(st->st_mode);
}

/*
 * Load folder/name.json and compare it with the checksum beside it, where there
 * is one: AWS calls it .md5, and its documentation .checksum.
 */
static int
load(struct finder *f, const char *folder, const char *name, size_t limit,
     struct buf *out, struct err *err)
{
	static const char *const SUFFIXES[] = { "md5", "checksum" };
	const char *const path = exports_text(f, err, "%s/%s.json", folder,
					      name);
	int rc = path == NULL ? -1 : exports_load(f, path, limit, out, err);

	for (size_t i = 0; i < 2 && rc == 0; i++) {
		const char *const sum = exports_text(f, err, "%s/%s.%s", folder,
						     name, SUFFIXES[i]);
		struct buf text = { 0 };
		struct stat st;

		if (sum == NULL)
			return -1;
		if (!is_file(f, sum, &st))
			continue;
		rc = exports_load(f, sum, 4096, &text, err);
		if (rc == 0 && !manifest_check(buf_span(out), buf_span(&text)))
			rc = exports_damage(f, path, "is not what its checksum "
					    "was taken of", err);
		buf_free(&text);
	}
	return rc;
}

/* A manifest that cannot be read.  Returns -1. */
static int
blame(struct err *err)
{
	return err->code == ERR_INPUT
		? err_advise(err, "fetch the export again, or name its files "
			     "alone, as in 'FOLDER/data/*'") : -1;
}

/*
 * A key that leads upwards would let a manifest name any file of this machine.
 */
static bool
is_sane(const char *key)
{
	if (*key == '/' || *key == '\0')
		return false;
	for (const char *p = key; p != NULL; p = strchr(p, '/')) {
		p += *p == '/';
		if (strncmp(p, "..", 2) == 0 && (p[2] == '/' || p[2] == '\0'))
			return false;
	}
	return true;
}

/* Does up/key exist?  If so, *out is that path. */
static int
try(struct finder *f, const char *up, const char *key, struct stat *st,
    const char **out, struct err *err)
{
	char *path = NULL;
	int rc = 0;

	if (asprintf(&path, "%s%s%s", up, *up == '\0' ? "" : "/", key) < 0)
		return err_set(err, ERR_SYSTEM, "out of memory");
	if (is_file(f, path, st)) {
		*out = exports_text(f, err, "%s", path);
		rc = *out == NULL ? -1 : 1;
	}
	free(path);
	return rc;
}

/*
 * Try a bucket's key below each folder from `folder` upwards, by its real path
 * once what was given is used up.
 */
static int
try_upwards(struct finder *f, const char *folder, const char *key,
	    struct stat *st, const char **out, struct err *err)
{
	const char *const root = exports_archive_root(f, folder);
	char *const up = root != NULL ? strdup(folder)
				      : realpath(folder, NULL);
	int rc = 0;

	if (up == NULL)
		return err_set(err, ERR_SYSTEM, "'%s': %m", folder);
	for (char *end = up + strlen(up); rc == 0 && end != NULL &&
	     (root == NULL || (size_t)(end - up) >= strlen(root));
	     end = strrchr(up, '/')) {
		*end = '\0';
		rc = try(f, up, key, st, out, err);
	}
	free(up);
	return rc;
}

/*
 * Find the file that `key` means.  The nearest place comes first: a copy of an
 * export that lies beside the original must not read the original.
 */
static int
resolve(struct finder *f, const struct export *e, const char *key,
	struct stat *st, const char **out, struct err *err)
{
	const char *const data = exports_text(f, err, "%s/data", e->path);
	const char *const prefix = e->summary.s3_prefix;
	int rc = data == NULL ? -1 : 0;

	if (rc == 0)
		rc = try(f, data, exports_name(key), st, out, err);
	if (rc == 0)
		rc = try_upwards(f, e->path, key, st, out, err);
	if (rc == 0 && prefix != NULL) {
		const size_t n = strlen(prefix);
		const char *const longer =
			exports_text(f, err, "%s%s%s", prefix, n > 0 &&
				     prefix[n - 1] == '/' ? "" : "/", key);

		rc = longer == NULL ? -1 : !is_sane(longer) ? 0 :
		     try_upwards(f, e->path, longer, st, out, err);
	}
	return rc;
}

static int
add_file(struct finder *f, const struct export *e,
	 const struct manifest_file *m, struct export_file *to,
	 struct err *err)
{
	struct stat st = { 0 };

	if (!is_sane(m->key))
		return err_set(err, ERR_INPUT, "'%s/manifest-files.json' names "
			       "the file '%s', which leads out of the export",
			       e->path, m->key);

	const int rc = resolve(f, e, m->key, &st, &to->path, err);
	if (rc < 0)
		return -1;
	if (rc == 0) {
		to->path = exports_text(f, err, "%s/data/%s", e->path,
					exports_name(m->key));
		if (to->path == NULL)
			return -1;
		to->absent = true;
	}
	to->name = exports_name(to->path);
	to->packed_len = (uint64_t)st.st_size;
	to->nitems = (int64_t)m->nitems;
	to->has_md5 = m->has_md5;
	memcpy(to->md5, m->md5, sizeof(to->md5));
	exports_place(f, to);
	return to->absent ? exports_damage(f, to->path, "is in the manifest "
					   "and not there", err) : 0;
}

static int
order(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Files in data/ that no line of the manifest names; and lines twice. */
static int
compare_with_folder(struct finder *f, const struct export *e, struct err *err)
{
	const char *const data = exports_text(f, err, "%s/data", e->path);
	const char **const names = calloc(e->nfiles + 1, sizeof(*names));
	struct listing there = { 0 };
	struct stat st;
	int rc = -1;

	if (data == NULL || names == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		goto done;
	}
	for (size_t i = 0; i < e->nfiles; i++)
		names[i] = e->files[i].name;
	qsort(names, e->nfiles, sizeof(*names), order);

	rc = 0;
	for (size_t i = 1; i < e->nfiles && rc == 0; i++)
		if (strcmp(names[i - 1], names[i]) == 0) {
			err_set(err, ERR_INPUT, "'%s/manifest-files.json' has "
				"'%s' twice", e->path, names[i]);
			rc = blame(err);
		}
	if (rc == 0 && exports_stat(f, data, &st) == 0 && S_ISDIR(st.st_mode))
		rc = exports_list(f, data, &there, err);
	for (size_t i = 0; i < there.n && rc == 0; i++) {
		if (!exports_is_data(there.names[i]) ||
		    bsearch(&there.names[i], names, e->nfiles, sizeof(*names),
			    order) != NULL)
			continue;
		const char *const path = exports_text(f, err, "%s/%s", data,
						      there.names[i]);
		rc = path == NULL ? -1 :
		     exports_damage(f, path, "is there and not in the manifest",
				    err);
	}
done:
	free(names);
	return rc;
}

static int
compare_counts(struct finder *f, const struct export *e, const char *path,
	       struct err *err)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < e->nfiles; i++)
		sum += (uint64_t)e->files[i].nitems;
	if (sum == e->summary.nitems)
		return 0;

	const char *const text =
		exports_text(f, err, "says %" PRIu64 " item%s, but its files "
			     "have %" PRIu64, e->summary.nitems,
			     plural(e->summary.nitems), sum);
	return text == NULL ? -1 : exports_damage(f, path, text, err);
}

static int
read_files(struct finder *f, struct export *e, struct err *err)
{
	struct manifest_file *files;
	struct buf json = { 0 };
	const char *const path = exports_text(f, err, "%s/manifest-files.json",
					      e->path);
	int rc = path == NULL ? -1 : load(f, e->path, "manifest-files",
					  MAX_FILES_LEN, &json, err);

	if (rc == 0)
		rc = manifest_read_files(buf_span(&json), path, f->mem, &files,
					 &e->nfiles, err);
	buf_free(&json);
	if (rc != 0)
		return blame(err);

	e->files = arena_take(f->mem, e->nfiles * sizeof(*e->files) + 1, err);
	if (e->files == NULL)
		return -1;
	for (size_t i = 0; i < e->nfiles; i++) {
		e->files[i] = (struct export_file){ 0 };
		if (files[i].nitems > INT64_MAX / 2)
			return err_set(err, ERR_INPUT, "'%s' has a file of %"
				       PRIu64 " items", path, files[i].nitems);
		if (add_file(f, e, &files[i], &e->files[i], err) != 0)
			return -1;
	}
	return 0;
}

int
exports_read_manifests(struct finder *f, const char *folder, struct err *err)
{
	const char *const path = exports_text(f, err, "%s/manifest-summary.json",
					      folder);
	const char *const files = exports_text(f, err,
					       "%s/manifest-files.json",
					       folder);
	struct export e = { .path = folder, .entry = f->entry };
	struct buf json = { 0 };
	struct stat st;

	if (path == NULL || files == NULL)
		return -1;
	if (!is_file(f, path, &st)) {
		if (!is_file(f, files, &st))
			return 0;
		err_set(err, ERR_INPUT, "'%s' is missing: the export was not "
			"finished or not copied whole", path);
		return blame(err);
	}

	int rc = load(f, folder, "manifest-summary", MAX_SUMMARY_LEN, &json,
		      err);
	if (rc == 0)
		rc = manifest_read_summary(buf_span(&json), path, f->mem,
					   &e.summary, err);
	buf_free(&json);
	if (rc != 0)
		return blame(err);
	if (e.summary.from_time != NULL ||
	    (e.summary.export_type != NULL &&
	     strcmp(e.summary.export_type, "INCREMENTAL_EXPORT") == 0))
		e.kind = EXPORT_INCREMENTAL;
	if (read_files(f, &e, err) != 0 ||
	    compare_with_folder(f, &e, err) != 0 ||
	    compare_counts(f, &e, path, err) != 0)
		return -1;
	return buf_append(&f->exports,
			  (struct span){ (uint8_t *)&e, sizeof(e) },
			  err) != 0 ? -1 : 1;
}
