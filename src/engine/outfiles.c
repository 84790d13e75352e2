#include "engine/outfiles.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/s3.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/keyhash.h"
#include "engine/place.h"
#include "formats/ddbjson.h"
#include "formats/formats.h"
#include "formats/manifest.h"

enum { MOST_LEN = 1 << 30 };

struct finding {
	struct outfiles *o;
	const char *const *tables;
	size_t ntables;
	struct buf folders;	/* of whole tables: char * */
	struct buf list;	/* struct outfiles_table */
};

static const char *
copy_text(struct outfiles *o, const char *text, struct err *err)
{
	return (const char *)arena_copy(&o->mem, (struct span){
		(const uint8_t *)text, strlen(text) + 1 }, err).ptr;
}

static bool
is_wanted(const struct finding *f, const char *name)
{
	for (size_t i = 0; i < f->ntables; i++)
		if (strcmp(f->tables[i], name) == 0)
			return true;
	return f->ntables == 0;
}

/* ---- changes ------------------------------------------------------------ */

/* A manifest, held against its checksum.  NULL with *err set. */
static struct manifest_file *
read_manifest(struct outfiles *o, const char *folder, const char *name,
	      size_t *n, struct err *err)
{
	char path[PATH_MAX];
	struct buf text = { 0 }, sum = { 0 };
	struct manifest_file *files = NULL;
	struct span kept;
	int rc;

	*n = 0;
	snprintf(path, sizeof(path), "%s/%s.md5", folder, name);
	rc = place_load(path, MANIFEST_CHECKSUM_LEN, &sum, err);
	snprintf(path, sizeof(path), "%s/%s.json", folder, name);
	if (rc == 0)
		rc = place_load(path, MOST_LEN, &text, err);
	if (rc == 0 && !manifest_check(buf_span(&text), buf_span(&sum)))
		rc = err_set(err, ERR_INPUT, "'%s' is not what its checksum "
			     "was taken of", path);
	kept = rc != 0 ? (struct span){ NULL, 0 }
		: arena_copy(&o->mem, buf_span(&text), err);
	const char *const where = copy_text(o, path, err);
	if (rc == 0 && kept.ptr != NULL && where != NULL)
		rc = manifest_read_files(kept, where, &o->mem, &files, n,
					 err);
	buf_free(&text);
	buf_free(&sum);
	if (rc == 0 && files == NULL && kept.ptr != NULL && where != NULL)
		files = arena_take(&o->mem, 1, err);	/* not one file */
	return rc == 0 ? files : NULL;
}

static int
add_part(struct outfiles *o, const char *folder, const char *manifest,
	 const struct item_format *format, bool records,
	 struct outfiles_part *part, struct err *err)
{
	size_t n;
	const struct manifest_file *const files = read_manifest(
		o, folder, manifest, &n, err);
	char path[PATH_MAX];

	if (files == NULL)
		return -1;
	part->units = arena_take(&o->mem, (n + 1) * sizeof(*part->units),
				 err);
	if (part->units == NULL)
		return -1;
	for (size_t i = 0; i < n; i++) {
		struct unit *const u = &part->units[part->n];

		snprintf(path, sizeof(path), "%s/%s", folder, files[i].key);
		const int there = place_look(path, err);
		if (there <= 0)
			return there < 0 ? -1 : err_set(err, ERR_INPUT, "'%s' "
				"is in its manifest, and not there", path);
		*u = (struct unit){
			.number = part->n++, .path = copy_text(o, path, err),
			.format = format, .has_md5 = files[i].has_md5,
			.nitems = (int64_t)files[i].nitems,
			.increment = records,
		};
		if (u->path == NULL)
			return -1;
		u->name = strrchr(u->path, '/') + 1;
		memcpy(u->md5, files[i].md5, sizeof(u->md5));
		part->nitems += files[i].nitems;
	}
	return 0;
}

static int
add_changes(struct finding *f, const char *folder, const char *name,
	    struct err *err)
{
	struct outfiles_table t = {
		.name = copy_text(f->o, name, err),
		.folder = copy_text(f->o, folder, err), .changes = true,
	};

	/* Puts are in the job's format, told by their first bytes. */
	if (t.name == NULL || t.folder == NULL ||
	    add_part(f->o, folder, "manifest-puts", NULL, false, &t.puts,
		     err) != 0 ||
	    add_part(f->o, folder, "manifest-deletes", ddbjson_format.records,
		     true, &t.deletes, err) != 0)
		return -1;
	return buf_append(&f->list, (struct span){ (const uint8_t *)&t,
						   sizeof(t) }, err);
}

/* ---- whole tables ------------------------------------------------------- */

/* The units of table `k` of the dump, numbered anew. */
static int
take_units(struct outfiles *o, uint32_t k, struct outfiles_part *part,
	   struct err *err)
{
	const struct dump *const d = &o->dump;

	part->units = arena_take(&o->mem, (d->tables[k].nunits + 1U) *
				 sizeof(*part->units), err);
	if (part->units == NULL)
		return -1;
	for (uint32_t i = 0; i < d->nunits; i++) {
		struct unit *const u = &part->units[part->n];

		if (d->units[i].input != k)
			continue;
		*u = d->units[i];
		if (u->nitems < 0)
			return err_set(err, ERR_INPUT, "'%s': nothing says how "
				       "many items it has; is its manifest "
				       "gone?", u->path);
		u->number = part->n++;
		part->nitems += (uint64_t)u->nitems;
	}
	return 0;
}

static int
add_whole(struct finding *f, struct err *err)
{
	struct outfiles *const o = f->o;
	struct dump_options options = {
		.paths = (const char *const *)(const void *)f->folders.ptr,
		.npaths = f->folders.len / sizeof(char *),
	};

	if (options.npaths == 0)
		return 0;
	if (dump_find(&options, &o->dump, err) != 0 ||
	    exports_check(&o->dump.exports, NULL, 0, err) != 0)
		return -1;
	for (uint32_t i = 0; i < o->dump.ntables; i++) {
		const struct dump_table *const from = &o->dump.tables[i];
		struct outfiles_table t = {
			.name = from->name, .folder = from->path,
			.key = from->key,
		};

		if (from->name == NULL || from->key.pk.name == NULL)
			return err_set(err, ERR_INPUT, "'%s': nothing there "
				       "says the table or its key; is its "
				       "table.json gone?", from->path);
		if (take_units(o, i, &t.puts, err) != 0 ||
		    buf_append(&f->list, (struct span){ (const uint8_t *)&t,
							sizeof(t) }, err) != 0)
			return -1;
	}
	return 0;
}

/* ---- all of it ---------------------------------------------------------- */

static int
look_into(struct finding *f, const char *out, const char *name,
	  struct err *err)
{
	char path[PATH_MAX], changes[PATH_MAX + 40];
	const char *kept;

	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
	    !is_wanted(f, name))
		return 0;
	if (snprintf(path, sizeof(path), "%s/%s", out, name) >=
	    (int)sizeof(path))
		return err_set(err, ERR_USAGE, "'%s': a path that is too long",
			       out);
	snprintf(changes, sizeof(changes), "%s/manifest-changes.json", path);
	const int there = place_look(changes, err);
	if (there != 0)
		return there < 0 ? -1 : add_changes(f, path, name, err);
	kept = copy_text(f->o, path, err);
	return kept == NULL ? -1
		: buf_append(&f->folders, (struct span){
			(const uint8_t *)&kept, sizeof(kept) }, err);
}

/* The folders of a bucket, of which objects come in order. */
struct listing {
	struct finding *f;
	const char *out;
	size_t skip;		/* of a key: the address, and a slash */
	char last[300];
};

static int
see_object(void *context, const struct s3_object *o, struct err *err)
{
	struct listing *const l = context;
	const char *const name = o->key + l->skip;
	const char *const slash = strlen(o->key) <= l->skip ? NULL
		: strchr(name, '/');
	const size_t n = slash == NULL ? 0 : (size_t)(slash - name);

	if (n == 0 || n >= sizeof(l->last) ||
	    (strlen(l->last) == n && memcmp(l->last, name, n) == 0))
		return 0;
	memcpy(l->last, name, n);
	l->last[n] = '\0';
	return look_into(l->f, l->out, l->last, err);
}

static int
list_bucket(struct finding *f, const char *out, struct err *err)
{
	struct s3 *const s3 = place_s3(out, err);
	struct listing l = { .f = f, .out = out };
	char path[PATH_MAX];
	struct span bucket;
	const char *key;

	if (s3 == NULL || s3_split(out, &bucket, &key, err) != 0)
		return -1;
	l.skip = *key == '\0' ? 0 : strlen(key) + 1;
	snprintf(path, sizeof(path), "%s/", out);
	return s3_list(s3, path, 0, see_object, &l, err);
}

static int
list_folders(struct finding *f, const char *out, struct err *err)
{
	struct dirent **names;
	int n, rc = 0;

	if (place_is_remote(out))
		return list_bucket(f, out, err);
	n = scandir(out, &names, NULL, alphasort);
	if (n < 0 && errno == ENOENT)
		return err_set(err, ERR_REFUSED, "there is no '%s' yet: let "
			       "'dynamill run' come to its end first", out);
	if (n < 0)
		return err_set(err, ERR_SYSTEM, "'%s': %m", out);
	for (int i = 0; i < n; i++) {
		if (rc == 0)
			rc = look_into(f, out, names[i]->d_name, err);
		free(names[i]);
	}
	free(names);
	return rc;
}

static int
by_name(const void *a, const void *b)
{
	const struct outfiles_table *const x = a, *const y = b;

	return strcmp(x->name, y->name);
}

int
outfiles_check(const struct outfiles *o, const char *const *tables,
	       size_t ntables, struct err *err)
{
	for (size_t i = 0; i < ntables; i++) {
		size_t k = 0;

		while (k < o->n && strcmp(o->tables[k].name, tables[i]) != 0)
			k++;
		if (k == o->n)
			return err_set(err, ERR_USAGE, "--table %s: the job "
				       "wrote nothing for such a table",
				       tables[i]);
	}
	return 0;
}

int
outfiles_find(const char *out, const char *const *tables, size_t ntables,
	      struct outfiles *o, struct err *err)
{
	struct finding f = { .o = o, .tables = tables, .ntables = ntables };
	int rc = -1;

	*o = (struct outfiles){ 0 };
	if (list_folders(&f, out, err) != 0 || add_whole(&f, err) != 0)
		goto done;
	o->n = f.list.len / sizeof(*o->tables);
	o->tables = arena_take(&o->mem, f.list.len + 1, err);
	if (o->tables == NULL)
		goto done;
	if (o->n > 0)
		memcpy(o->tables, f.list.ptr, f.list.len);
	qsort(o->tables, o->n, sizeof(*o->tables), by_name);
	rc = outfiles_check(o, tables, ntables, err);
done:
	buf_free(&f.folders);
	buf_free(&f.list);
	return rc;
}

void
outfiles_free(struct outfiles *o)
{
	dump_free(&o->dump);
	arena_free(&o->mem);
	*o = (struct outfiles){ 0 };
}

struct keyhash
outfiles_hash(const struct outfiles_part *part)
{
	struct buf b = { 0 };
	struct err err;
	struct keyhash h;

	for (uint32_t i = 0; i < part->n; i++)
		buf_append(&b, (struct span){ part->units[i].md5, 16 }, &err);
	h = keyhash_of(buf_span(&b));
	buf_free(&b);
	return h;
}
