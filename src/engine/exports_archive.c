/*
 * exports_archive.c - archives among the sources, looked at as if they were
 * folders: the path of a file in one is the archive's, a slash, and its own.
 *
 * An archive is gone through once to see what is in it.  Manifests are kept as
 * they go by, since to come back for them would mean to unpack it all again.
 */
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "engine/exports_internal.h"
#include "engine/place.h"
#include "formats/members.h"
#include "io/archive_feed.h"

enum { MAX_MANIFEST_LEN = 64 * 1024 * 1024, PIECE_LEN = 64 * 1024 };

struct exports_archive {
	const char *path;
	size_t path_len;
	dev_t dev;
	ino_t ino;
	const char *etag;	/* of one in S3; else NULL */
	struct exports_inside *files;	/* in order of their paths */
	size_t n;
	bool remote;		/* it is no archive, but a part of a bucket */
};

static struct exports_archive *
archives(const struct finder *f, size_t *n)
{
	void *const list = f->archives.ptr;

	*n = f->archives.len / sizeof(struct exports_archive);
	return list;
}

/*
 * The archive that the path leads into, or is; NULL: none that was opened.  One
 * in a bucket before the bucket.
 */
static const struct exports_archive *
archive_of(const struct finder *f, const char *path)
{
	size_t n;
	const struct exports_archive *const list = archives(f, &n);
	const struct exports_archive *found = NULL;

	for (size_t i = 0; i < n; i++)
		if (strncmp(path, list[i].path, list[i].path_len) == 0 &&
		    (path[list[i].path_len] == '/' ||
		     path[list[i].path_len] == '\0') &&
		    (found == NULL || list[i].path_len >= found->path_len))
			found = &list[i];
	return found;
}

bool
exports_is_archive(struct finder *f, const char *path)
{
	uint8_t head[MEMBERS_HEAD_LEN];
	struct stat st;
	bool is = members_is_name(path);

	/* To look into each object takes a request. */
	if (place_is_remote(path))
		return is && exports_stat(f, path, &st) == 0 &&
			S_ISREG(st.st_mode);
	if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
		return false;
	if (is)
		return true;

	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	const ssize_t n = fd < 0 ? 0 : read(fd, head, sizeof(head));
	if (n > 0)
		is = members_sniff((struct span){ head, (size_t)n });
	if (fd >= 0)
		close(fd);
	return is;
}

/* The first file at or after this path. */
static size_t
first_at(const struct exports_archive *a, const char *path)
{
	size_t low = 0, high = a->n;

	while (low < high) {
		const size_t at = low + (high - low) / 2;

		if (strcmp(a->files[at].path, path) < 0)
			low = at + 1;
		else
			high = at;
	}
	return low;
}

static const struct exports_inside *
file_at(const struct exports_archive *a, const char *path)
{
	const size_t i = first_at(a, path);

	return i < a->n && strcmp(a->files[i].path, path) == 0
	       ? &a->files[i] : NULL;
}

/* Of an object that was listed. */
static const char *
etag_of(const struct finder *f, const char *path)
{
	const struct exports_archive *const a = archive_of(f, path);
	const struct exports_inside *const in = a == NULL ? NULL
		: file_at(a, path);

	return in == NULL ? "" : in->etag;
}

/* ---- going through it ---------------------------------------------------- */

static int
order(const void *a, const void *b)
{
	const struct exports_inside *const x = a, *const y = b;

	return strcmp(x->path, y->path);
}

/* Keep the bytes of a manifest.  Returns 0 or -1. */
static int
keep_manifest(struct finder *f, struct members *m, struct exports_inside *file,
	      struct err *err)
{
	struct buf bytes = { 0 };
	ssize_t n = 1;

	while (n > 0) {
		uint8_t *const p = buf_reserve(&bytes, PIECE_LEN, err);

		n = p == NULL ? -1 : members_read(m, p, PIECE_LEN, err);
		if (n > 0)
			buf_commit(&bytes, (size_t)n);
		if (n > 0 && bytes.len > MAX_MANIFEST_LEN)
			n = err_set(err, ERR_LIMIT, "'%s' is longer than a "
				    "manifest in an archive may be",
				    file->path);
	}
	if (n == 0 && buf_append(&bytes, span_of(" "), err) == 0) {
		file->bytes = arena_copy(f->mem, buf_span(&bytes), err);
		file->bytes.len--;
		n = file->bytes.ptr == NULL ? -1 : 0;
	}
	buf_free(&bytes);
	return n == 0 ? 0 : -1;
}

static int
add_inside(struct finder *f, const char *path, struct members *m,
	   const struct member *from, struct buf *files, struct err *err)
{
	struct exports_inside file = {
		.path = exports_text(f, err, "%s/%s", path, from->name),
		.number = from->number, .len = from->len,
	};

	if (file.path == NULL)
		return -1;
	if (strncmp(exports_name(file.path), "manifest-", 9) == 0 &&
	    keep_manifest(f, m, &file, err) != 0)
		return -1;
	return buf_append(files, (struct span){ (const uint8_t *)&file,
						sizeof(file) }, err);
}

/* Sort them into the arena. */
static int
settle(struct finder *f, struct exports_archive *a, struct buf *files,
       struct err *err)
{
	a->n = files->len / sizeof(*a->files);
	a->files = arena_take(f->mem, files->len + 1, err);
	if (a->files == NULL)
		return -1;
	if (files->len > 0)
		memcpy(a->files, files->ptr, files->len);
	qsort(a->files, a->n, sizeof(*a->files), order);
	for (size_t i = 1; i < a->n; i++)
		if (order(&a->files[i - 1], &a->files[i]) == 0)
			return err_set(err, ERR_INPUT, "'%s' stands in the "
				       "archive twice", a->files[i].path);
	return 0;
}

/* Which file it is, and that it was not opened yet. */
static int
identify(struct finder *f, struct exports_archive *a, struct err *err)
{
	const bool remote = place_is_remote(a->path);
	size_t n;
	const struct exports_archive *const list = archives(f, &n);
	struct stat st = { 0 };

	if (remote)
		a->etag = etag_of(f, a->path);
	else if (stat(a->path, &st) != 0)
		return err_set(err, ERR_INPUT, "'%s': %m", a->path);
	a->dev = st.st_dev;
	a->ino = st.st_ino;
	for (size_t i = 0; i < n; i++)
		if (remote ? list[i].etag != NULL &&
		    strcmp(list[i].path, a->path) == 0
		    : list[i].etag == NULL && !list[i].remote &&
		    list[i].dev == a->dev && list[i].ino == a->ino)
			return err_set(err, ERR_USAGE, "'%s' and '%s' are the "
				       "same file, read twice", list[i].path,
				       a->path);
	return 0;
}

int
exports_open_archive(struct finder *f, const char *path, struct err *err)
{
	struct exports_archive a = { .path = path, .path_len = strlen(path) };
	struct archive_place place;
	struct buf files = { 0 };
	struct member member;
	int rc = 1;

	if (identify(f, &a, err) != 0)
		return -1;
	place = place_archive(path, a.etag);

	struct members *const m = archive_members(&place, err);
	if (m == NULL)
		rc = -1;
	while (rc > 0 && (rc = members_next(m, &member, err)) > 0)
		if (add_inside(f, path, m, &member, &files, err) != 0)
			rc = -1;
	members_close(m);
	if (rc == 0)
		rc = settle(f, &a, &files, err);
	buf_free(&files);
	if (rc != 0)
		return err_at(err, "'%s'", path);
	return buf_append(&f->archives, (struct span){ (const uint8_t *)&a,
						       sizeof(a) }, err);
}

int
exports_keep_remote(struct finder *f, const char *path, struct buf *files,
		    struct err *err)
{
	struct exports_archive a = {
		.path = path, .path_len = strlen(path), .remote = true,
	};

	if (settle(f, &a, files, err) != 0)
		return -1;
	return buf_append(&f->archives, (struct span){ (const uint8_t *)&a,
						       sizeof(a) }, err);
}

/* The same of a path in a bucket that was not listed yet. */
static const struct exports_archive *
remote_of(struct finder *f, const char *path)
{
	const struct exports_archive *a = archive_of(f, path);
	const size_t n = (size_t)(exports_name(path) - path);
	struct buf none = { 0 };
	struct err err;
	const char *folder;

	if (a != NULL || !place_is_remote(path) || n <= strlen("s3://"))
		return a;
	/* Who may not list it finds nothing there, and asks but once. */
	folder = exports_text(f, &err, "%.*s", (int)n - 1, path);
	if (folder != NULL && (exports_open_remote(f, folder, &err) == 0 ||
			       (err.code == ERR_REMOTE &&
				exports_keep_remote(f, folder, &none, &err)
				== 0)))
		a = archive_of(f, path);
	return a;
}

/* ---- as folders ---------------------------------------------------------- */

/* The range of files below a folder; its size is the result. */
static size_t
below(const struct exports_archive *a, const char *folder, size_t *first)
{
	const size_t len = strlen(folder);
	size_t n = 0;

	/* What is below begins with the folder's path and a slash. */
	*first = first_at(a, folder);
	while (*first < a->n && strncmp(a->files[*first].path, folder,
					len) == 0 &&
	       a->files[*first].path[len] != '/')
		++*first;
	while (*first + n < a->n &&
	       strncmp(a->files[*first + n].path, folder, len) == 0 &&
	       a->files[*first + n].path[len] == '/')
		n++;
	return n;
}

int
exports_stat(struct finder *f, const char *path, struct stat *st)
{
	const struct exports_archive *const a = remote_of(f, path);
	size_t first;

	if (a == NULL && !place_is_remote(path))
		return stat(path, st);
	*st = (struct stat){ 0 };

	const struct exports_inside *const file = a == NULL ? NULL
		: file_at(a, path);
	if (file != NULL) {
		st->st_mode = S_IFREG;
		st->st_size = file->len > 0 ? (off_t)file->len : 0;
		return 0;
	}
	if (a != NULL && ((!a->remote && strcmp(path, a->path) == 0) ||
			  below(a, path, &first) > 0)) {
		st->st_mode = S_IFDIR;
		return 0;
	}
	errno = ENOENT;
	return -1;
}

int
exports_list_archive(struct finder *f, const char *folder, struct buf *names,
		     struct err *err)
{
	const struct exports_archive *const a = archive_of(f, folder);
	const size_t len = strlen(folder) + 1;
	const char *last = NULL;
	size_t first;

	if (a == NULL)
		return 0;

	const size_t n = below(a, folder, &first);
	for (size_t i = first; i < first + n; i++) {
		const char *const rest = a->files[i].path + len;
		const size_t end = strcspn(rest, "/");

		if (*rest == '.' || (last != NULL && strlen(last) == end &&
				     strncmp(last, rest, end) == 0))
			continue;
		last = exports_text(f, err, "%.*s", (int)end, rest);
		if (last == NULL ||
		    buf_append(names, (struct span){ (const uint8_t *)&last,
						     sizeof(last) }, err) != 0)
			return -1;
	}
	return 1;
}

int
exports_load(struct finder *f, const char *path, size_t limit,
	     struct buf *out, struct err *err)
{
	const struct exports_archive *const a = archive_of(f, path);

	if (a == NULL || a->remote)
		return place_load(path, limit, out, err);

	const struct exports_inside *const file = file_at(a, path);
	if (file == NULL || file->bytes.ptr == NULL)
		return err_set(err, ERR_INPUT, "'%s' is not in the archive",
			       path);
	if (file->bytes.len > limit)
		return err_set(err, ERR_LIMIT, "'%s' is longer than %zu bytes",
			       path, limit);
	return buf_append(out, file->bytes, err);
}

const char *
exports_archive_root(const struct finder *f, const char *path)
{
	const struct exports_archive *const a = archive_of(f, path);

	return a == NULL ? NULL : a->remote ? "s3://" : a->path;
}

void
exports_place(const struct finder *f, struct export_file *file)
{
	const struct exports_archive *const a = archive_of(f, file->path);
	const struct exports_inside *const in = a == NULL ? NULL
					: file_at(a, file->path);

	if (in == NULL)
		return;
	file->etag = a->remote ? in->etag : a->etag;
	if (a->remote)
		return;
	file->archive = a->path;
	file->member = in->number;
}

/* ---- patterns ------------------------------------------------------------ */

static size_t
count_slashes(const char *path)
{
	size_t n = 0;

	for (; *path != '\0'; path++)
		n += *path == '/';
	return n;
}

/* As much of a path as has so many slashes; .len 0 if it has fewer. */
static struct span
cut(const char *path, size_t slashes)
{
	const char *end = path;

	for (; *end != '\0'; end++)
		if (*end == '/' && slashes-- == 0)
			break;
	return (struct span){ (const uint8_t *)path, *end == '\0' &&
		slashes > 0 ? 0 : (size_t)(end - path) };
}

int
exports_glob_remote(struct finder *f, const char *pattern,
		    struct listing *out, struct err *err)
{
	const size_t slashes = count_slashes(pattern);
	size_t n = strcspn(pattern, "*?[");
	const struct exports_archive *a;
	struct buf names = { 0 };
	struct span last = { NULL, 0 };
	const char *folder;
	int rc = 0;

	*out = (struct listing){ NULL, 0 };
	while (n > 0 && pattern[n - 1] != '/')
		n--;
	if (n <= strlen("s3://"))
		return err_set(err, ERR_USAGE, "'%s': a bucket is no pattern",
			       pattern);
	folder = exports_text(f, err, "%.*s", (int)n - 1, pattern);
	if (folder == NULL || exports_open_remote(f, folder, err) != 0)
		return -1;
	a = archive_of(f, folder);
	for (size_t i = 0; a != NULL && i < a->n && rc == 0; i++) {
		const struct span path = cut(a->files[i].path, slashes);
		const char *text;

		if (path.len == 0 || span_equal(path, last))
			continue;
		last = path;
		text = exports_text(f, err, "%.*s", (int)path.len,
				    (const char *)path.ptr);
		if (text == NULL)
			rc = -1;
		else if (fnmatch(pattern, text, FNM_PATHNAME | FNM_PERIOD)
			 == 0)
			rc = buf_append(&names, (struct span){
				(const uint8_t *)&text, sizeof(text) }, err);
	}
	if (rc == 0 && names.len > 0) {
		out->n = names.len / sizeof(*out->names);
		out->names = arena_take(f->mem, names.len, err);
		if (out->names == NULL)
			rc = -1;
		else
			memcpy(out->names, names.ptr, names.len);
	}
	buf_free(&names);
	return rc;
}
