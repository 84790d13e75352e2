#include "engine/exports.h"

#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/keyhash.h"
#include "engine/exports_internal.h"
#include "engine/place.h"

enum { MAX_DEPTH = 16 };	/* of folders below an entry */

/* What a walk meets that no manifest speaks for. */
struct loose {
	struct buf paths;	/* const char * */
	struct buf shared;	/* likewise, in the data/ of increments */
	size_t nexports;
};

const char *
exports_text(struct finder *f, struct err *err, const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	const int n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}

	const struct span s = { (uint8_t *)text, (size_t)n + 1 };
	const struct span copy = arena_copy(f->mem, s, err);
	free(text);
	return (const char *)copy.ptr;
}

const char *
exports_name(const char *path)
{
	const char *const slash = strrchr(path, '/');

	return slash == NULL ? path : slash + 1;
}

static bool
ends_in(const char *name, const char *end)
{
	const size_t n = strlen(name), m = strlen(end);

	return n >= m && strcmp(name + n - m, end) == 0;
}

bool
exports_is_data(const char *name)
{
	static const char *const ENDS[] = { ".md5", ".checksum", ".crc" };

	if (*name == '.' || *name == '_' ||
	    strncmp(name, "manifest-", 9) == 0)
		return false;
	for (size_t i = 0; i < sizeof(ENDS) / sizeof(ENDS[0]); i++)
		if (ends_in(name, ENDS[i]))
			return false;
	return true;
}

static int
order(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Append a pointer to a list of them. */
static int
push(struct buf *list, const char *text, struct err *err)
{
	return buf_append(list, (struct span){ (const uint8_t *)&text,
					       sizeof(text) }, err);
}

static struct listing
listing_of(struct buf *list)
{
	void *const names = list->ptr;

	return (struct listing){ names, list->len / sizeof(const char *) };
}

/* Names in a folder on disk. */
static int
list_folder(struct finder *f, const char *folder, struct buf *names,
	    struct err *err)
{
	DIR *const dir = opendir(folder);
	const struct dirent *d;
	int rc = 0;

	if (dir == NULL)
		return err_set(err, ERR_SYSTEM, "'%s': %m", folder);
	while (rc == 0 && (errno = 0, d = readdir(dir)) != NULL) {
		if (d->d_name[0] == '.')
			continue;
		const char *const copy = exports_text(f, err, "%s", d->d_name);
		rc = copy == NULL ? -1 : push(names, copy, err);
	}
	if (rc == 0 && errno != 0)
		rc = err_set(err, ERR_SYSTEM, "'%s': %m", folder);
	closedir(dir);
	return rc;
}

int
exports_list(struct finder *f, const char *folder, struct listing *out,
	     struct err *err)
{
	struct buf names = { 0 };
	int rc = exports_list_archive(f, folder, &names, err);

	if (rc == 0)
		rc = list_folder(f, folder, &names, err);

	/* Into the arena, so that nobody has to free it. */
	*out = (struct listing){ NULL, 0 };
	void *const kept = rc < 0 ? NULL : arena_take(f->mem, names.len + 1,
						      err);
	if (kept != NULL) {
		if (names.len > 0)
			memcpy(kept, names.ptr, names.len);
		*out = (struct listing){ kept, listing_of(&names).n };
		qsort(out->names, out->n, sizeof(*out->names), order);
	}
	buf_free(&names);
	return kept == NULL ? -1 : 0;
}

int
exports_damage(struct finder *f, const char *path, const char *text,
	       struct err *err)
{
	const struct export_damage d = { path, text, false };

	return buf_append(&f->damages, (struct span){ (const uint8_t *)&d,
						      sizeof(d) }, err);
}

static int
add_stray(struct finder *f, const char *path, struct err *err)
{
	const struct export_damage d = {
		path, "lies among exports and is in none of them", true,
	};

	return buf_append(&f->damages, (struct span){ (const uint8_t *)&d,
						      sizeof(d) }, err);
}

/* dynamodump keeps a table's definition beside the folder of its items. */
static bool
is_schema(const char *name, const struct listing *beside)
{
	if (strcmp(name, "schema.json") != 0)
		return false;
	for (size_t i = 0; i < beside->n; i++)
		if (strcmp(beside->names[i], "data") == 0)
			return true;
	return false;
}

/*
 * Go through a folder and those below: exports are read, other data files are
 * gathered.
 */
static int
walk(struct finder *f, const char *folder, int depth, struct loose *loose,
     struct err *err)
{
	struct listing there;
	int rc = exports_read_manifests(f, folder, err);

	if (rc != 0) {
		loose->nexports += rc > 0;
		return rc > 0 ? 0 : -1;
	}
	if (depth == MAX_DEPTH)
		return err_set(err, ERR_INPUT, "'%s': folders lie more than %d "
			       "deep; give one further down", folder, depth);
	if (exports_list(f, folder, &there, err) != 0)
		return -1;

	for (size_t i = 0; i < there.n && rc == 0; i++) {
		const char *const name = there.names[i];
		const char *const path = exports_text(f, err, "%s/%s", folder,
						      name);
		struct stat st;

		if (path == NULL)
			return -1;
		if (exports_stat(f, path, &st) != 0)
			return err_set(err, ERR_SYSTEM, "'%s': %m", path);
		if (exports_is_data(name) && exports_is_archive(f, path)) {
			if (exports_open_archive(f, path, err) != 0)
				return -1;
			st.st_mode = S_IFDIR;
		}
		if (S_ISDIR(st.st_mode))
			rc = walk(f, path, depth + 1, loose, err);
		else if (exports_is_data(name) && !is_schema(name, &there))
			rc = push(ends_in(folder, "AWSDynamoDB/data") ?
				  &loose->shared : &loose->paths, path, err);
	}
	return rc;
}

/* Make one export of these data files. */
static int
add_plain(struct finder *f, const char *path, struct listing paths,
	  struct err *err)
{
	struct export e = {
		.kind = EXPORT_PLAIN, .path = path, .entry = f->entry,
		.nfiles = paths.n,
	};

	e.files = arena_take(f->mem, e.nfiles * sizeof(*e.files) + 1, err);
	if (e.files == NULL)
		return -1;
	for (size_t i = 0; i < paths.n; i++) {
		const char *const p = paths.names[i];
		struct stat st = { 0 };

		if (strcmp(p, "-") != 0 && exports_stat(f, p, &st) != 0)
			return err_set(err, ERR_INPUT, "'%s': %m", p);
		e.files[i] = (struct export_file){
			.path = p,
			.name = exports_name(p),
			.packed_len = S_ISREG(st.st_mode) ?
				      (uint64_t)st.st_size : 0,
			.nitems = -1,
		};
		exports_place(f, &e.files[i]);
	}
	return buf_append(&f->exports, (struct span){ (uint8_t *)&e,
						      sizeof(e) }, err);
}

/* What a walk gathered beside the exports: data, or a sign of confusion. */
static int
settle(struct finder *f, const char *path, struct loose *loose,
       struct err *err)
{
	struct listing l = listing_of(&loose->paths);
	const struct listing shared = listing_of(&loose->shared);

	if (loose->nexports > 0) {
		for (size_t i = 0; i < l.n; i++)
			if (add_stray(f, l.names[i], err) != 0)
				return -1;
		return 0;
	}
	for (size_t i = 0; i < shared.n; i++)
		if (push(&loose->paths, shared.names[i], err) != 0)
			return -1;
	l = listing_of(&loose->paths);
	if (l.n == 0)
		return err_set(err, ERR_INPUT, "'%s': neither an export nor a "
			       "data file in there", path);
	qsort(l.names, l.n, sizeof(*l.names), order);
	return add_plain(f, path, l, err);
}

static int
look_at_file(struct finder *f, const char *path, struct loose *loose,
	     struct err *err)
{
	const char *const name = exports_name(path);
	const size_t n = (size_t)(name - path);

	if (strcmp(name, "manifest-summary.json") != 0 &&
	    strcmp(name, "manifest-files.json") != 0)
		return push(&loose->paths, path, err);

	const char *const folder = n == 0 ? "." :
		exports_text(f, err, "%.*s", (int)(n > 1 ? n - 1 : n), path);
	if (folder == NULL)
		return -1;
	loose->nexports++;
	return exports_read_manifests(f, folder, err) > 0 ? 0 : -1;
}

/* A folder; or the data/ of an export, which is as good as the export. */
static int
look_at_folder(struct finder *f, const char *path, struct loose *loose,
	       struct err *err)
{
	if (strcmp(exports_name(path), "data") == 0) {
		const size_t n = strlen(path) - 4;
		const char *const above = n == 0 ? "." :
			exports_text(f, err, "%.*s", (int)n - 1, path);
		const int rc = above == NULL ? -1 :
			       exports_read_manifests(f, above, err);

		if (rc != 0) {
			loose->nexports++;
			return rc > 0 ? 0 : -1;
		}
	}
	return walk(f, path, 0, loose, err);
}

static int
look_at(struct finder *f, const char *path, struct loose *loose,
	struct err *err)
{
	struct stat st;

	if (exports_is_archive(f, path) &&
	    exports_open_archive(f, path, err) != 0)
		return -1;
	if (exports_stat(f, path, &st) != 0)
		return err_set(err, ERR_INPUT, "'%s': %m", path);
	return (S_ISDIR(st.st_mode) ? look_at_folder : look_at_file)
	       (f, path, loose, err);
}

static int
look_at_glob(struct finder *f, const char *pattern, struct loose *loose,
	     struct err *err)
{
	glob_t g = { 0 };
	const int found = glob(pattern, GLOB_NOSORT, NULL, &g);
	int rc = 0;

	if (found == GLOB_NOMATCH)
		rc = err_set(err, ERR_INPUT, "'%s': nothing is called so",
			     pattern);
	else if (found != 0)
		rc = err_set(err, ERR_SYSTEM, "'%s': %m", pattern);
	if (rc == 0)
		qsort(g.gl_pathv, g.gl_pathc, sizeof(*g.gl_pathv), order);
	for (size_t i = 0; rc == 0 && i < g.gl_pathc; i++) {
		const char *const path = exports_text(f, err, "%s",
						      g.gl_pathv[i]);

		if (path == NULL)
			rc = -1;
		else if (exports_is_data(exports_name(path)))
			rc = look_at(f, path, loose, err);
	}
	globfree(&g);
	return rc;
}

/* Is something there that is called just so? */
static bool
is_there(struct finder *f, const char *path)
{
	struct stat st;

	return exports_stat(f, path, &st) == 0;
}

static int
look_at_remote(struct finder *f, const char *path, struct loose *loose,
	       struct err *err)
{
	struct listing found;

	if (strpbrk(path, "*?[") == NULL)
		return exports_open_remote(f, path, err) != 0 ? -1
			: look_at(f, path, loose, err);
	if (exports_glob_remote(f, path, &found, err) != 0)
		return -1;
	if (is_there(f, path))
		return look_at(f, path, loose, err);
	if (found.n == 0)
		return err_set(err, ERR_INPUT, "'%s': nothing is called so",
			       path);
	for (size_t i = 0; i < found.n; i++)
		if (exports_is_data(exports_name(found.names[i])) &&
		    look_at(f, found.names[i], loose, err) != 0)
			return -1;
	return 0;
}

static int
look(struct finder *f, const char *given, struct err *err)
{
	struct loose loose = { 0 };
	struct stat st;
	size_t n = strlen(given);

	while (n > 1 && given[n - 1] == '/')
		n--;
	const char *const path = exports_text(f, err, "%.*s", (int)n, given);
	int rc = path == NULL ? -1 : 0;

	if (rc == 0 && place_is_table(path))
		return exports_add_table(f, path, err);

	if (rc == 0 && strcmp(path, "-") == 0)
		rc = push(&loose.paths, path, err);
	else if (rc == 0 && place_is_remote(path))
		rc = look_at_remote(f, path, &loose, err);
	else if (rc == 0 && stat(path, &st) != 0 &&
		 strpbrk(path, "*?[") != NULL)
		rc = look_at_glob(f, path, &loose, err);
	else if (rc == 0)
		rc = look_at(f, path, &loose, err);
	if (rc == 0)
		rc = settle(f, path, &loose, err);
	buf_free(&loose.paths);
	buf_free(&loose.shared);
	return rc;
}

/* A file and who it is, to find it again under another name. */
struct identity {
	dev_t dev;
	ino_t ino;
	const char *path;
};

static int
order_identities(const void *a, const void *b)
{
	const struct identity *const x = a, *const y = b;

	if (x->dev != y->dev)
		return x->dev < y->dev ? -1 : 1;
	return (x->ino > y->ino) - (x->ino < y->ino);
}

/* The same file read twice is every item in it twice. */
static int
refuse_twice(const struct exports *x, struct err *err)
{
	struct buf all = { 0 };
	int rc = 0;

	for (size_t i = 0; i < x->n; i++)
		for (size_t k = 0; rc == 0 && k < x->list[i].nfiles; k++) {
			struct identity id = {
				.path = x->list[i].files[k].path,
			};
			struct stat st;

			if (x->list[i].files[k].etag != NULL) {
				id.dev = 0;	/* of no disk */
				id.ino = keyhash64_of(span_of(id.path));
			} else if (stat(id.path, &st) == 0) {
				id.dev = st.st_dev;
				id.ino = st.st_ino;
			} else {
				continue;
			}
			rc = buf_append(&all, (struct span){ (uint8_t *)&id,
							     sizeof(id) }, err);
		}

	void *const start = all.ptr;
	const struct identity *const ids = start;
	const size_t n = all.len / sizeof(*ids);
	if (n > 1)
		qsort(start, n, sizeof(*ids), order_identities);
	for (size_t i = 1; i < n && rc == 0; i++)
		if (order_identities(&ids[i - 1], &ids[i]) == 0)
			rc = err_set(err, ERR_USAGE, "'%s' and '%s' are the "
				     "same file, read twice", ids[i - 1].path,
				     ids[i].path);
	buf_free(&all);
	return rc;
}

/* Move a list into the arena. */
static void *
keep(struct arena *mem, struct buf *list, struct err *err)
{
	void *const p = arena_take(mem, list->len + 1, err);

	if (p != NULL && list->len > 0)
		memcpy(p, list->ptr, list->len);
	return p;
}

int
exports_find(const struct export_entry *entries, size_t n, struct exports *x,
	     struct err *err)
{
	struct finder f = { .mem = &x->mem };
	int rc = 0;

	*x = (struct exports){ 0 };
	for (uint32_t i = 0; i < n && rc == 0; i++) {
		f.entry = i;
		rc = look(&f, entries[i].path, err);
	}
	if (rc == 0) {
		x->n = f.exports.len / sizeof(struct export);
		x->list = keep(&x->mem, &f.exports, err);
		x->ndamages = f.damages.len / sizeof(struct export_damage);
		x->damages = keep(&x->mem, &f.damages, err);
		rc = x->list == NULL || x->damages == NULL ? -1 :
		     refuse_twice(x, err);
	}
	buf_free(&f.exports);
	buf_free(&f.damages);
	buf_free(&f.archives);
	return rc;
}

bool
exports_accepts(const char *path, const char *const *accept, size_t n)
{
	const size_t len = strlen(path);

	for (size_t i = 0; i < n; i++) {
		const size_t m = strlen(accept[i]);

		if (m > 0 && m <= len &&
		    strcmp(path + len - m, accept[i]) == 0 &&
		    (m == len || path[len - m - 1] == '/'))
			return true;
	}
	return false;
}

int
exports_check(const struct exports *x, const char *const *accept, size_t n,
	      struct err *err)
{
	const struct export_damage *first = NULL;
	size_t others = 0;

	for (size_t i = 0; i < x->ndamages; i++) {
		if (exports_accepts(x->damages[i].path, accept, n))
			continue;
		if (first == NULL)
			first = &x->damages[i];
		else
			others++;
	}
	if (first == NULL)
		return 0;
	err_set(err, ERR_INPUT, "'%s' %s; %s, or go on with '--accept %s'",
		first->path, first->text, first->stray ? "move it elsewhere"
		: "fetch the export again", exports_name(first->path));
	return others == 0 ? -1 : err_at(err, "%zu damages, the first of which",
					 others + 1);
}

const char *
exports_format(const struct export *e)
{
	const char *const says = e->summary.output_format;

	if (says == NULL || strcmp(says, "DYNAMODB_JSON") == 0)
		return "dynamodb-json";
	if (strcmp(says, "ION") == 0)
		return "ion";
	/* Ours: */
	if (strcmp(says, "BATCH_REQUESTS") == 0)
		return "batch-requests";
	return strcmp(says, "CSV") == 0 ? "csv" : "";
}

int
exports_readable(const struct export *e, struct err *err)
{
	if (e->kind == EXPORT_INCREMENTAL)
		return err_set(err, ERR_USAGE, "'%s' is an incremental export: "
			       "its records are no items; 'dynamill cat' shows "
			       "them, and a plan puts them onto their full "
			       "export and writes that state "
			       "(docs/INCREMENTAL.md)", e->path);
	if (*exports_format(e) == '\0')
		return err_set(err, ERR_INPUT, "'%s' is an export in %s, which "
			       "this version does not read yet", e->path,
			       e->summary.output_format);
	return 0;
}

void
exports_free(struct exports *x)
{
	arena_free(&x->mem);
	*x = (struct exports){ 0 };
}
